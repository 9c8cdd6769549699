"""Runs of every stage on the page: a row each, curves of what was trained, and how fast models answered."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import rtlscribe.stages
from rtlscribe import jsonl
from rtlscribe import summaries as s
from rtlscribe.records import Record
from rtlscribe.report.runs import SUMMARIES
from rtlscribe.rundir import RunDir

SPEEDS = {"prompts": 1000, "seconds": 18.4, "prompts_per_s": 54.37, "input_tokens_per_s": 25488.83}
# A run of each stage without figures of its own: what it ended with, and its row on the page.
CASES = {case["stage"]: case for case in jsonl.read(Path(__file__).with_name("summaries.jsonl"), dict)}


def ended(folder: Path, stage: str, summary: Any = None, entries: Sequence[Record] = (), **manifest: Any) -> Path:
    """A finished run; of a stage of CASES, as it stands there."""
    with RunDir.open(folder, stage=stage, config={}, inputs={}) as work:
        with work.appending() as append:
            for entry in entries:
                append(entry)
        work.finish(summary or CASES[stage]["summary"])
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | manifest))
    return folder


@pytest.mark.parametrize("stage", CASES)
def test_every_stage_has_a_row(stage: str, tmp_path: Path, outline: Callable) -> None:
    assert [stage, *CASES[stage]["row"]] in outline(ended(tmp_path / stage, stage)).rows


def test_no_stage_is_forgotten() -> None:
    known = {"train", "evaluate", "bench", *CASES}
    source = "".join(path.read_text() for path in Path(rtlscribe.stages.__path__[0]).glob("*.py"))
    assert set(re.findall(r'stage="([a-z-]+)"', source)) == known == set(SUMMARIES)


def test_how_training_went(tmp_path: Path, outline: Callable) -> None:
    rate = s.PassRate(step=8, problems=4, completions=4, syntax=1.0, function=0.5)
    loss = s.LossEntry(step=1, loss=2.0, learning_rate=1e-4, gradient_norm=0.5, tokens_per_s=100.0)
    rewarded = {"learning_rate": 1e-6, "idle_share": 0.0, "mean_tokens": 20.0, "cut_short": 0.0}
    grpo = [
        s.ReinforceEntry(step=step, loss=loss, reward=0.5, verdicts={"passed": 1, "failed": 3}, **rewarded)
        for step, loss in ((1, 0.5), (2, -0.25), (3, 0.0))
    ]
    summary = s.TrainSummary(
        output="o",
        loss="mle",
        rows=1,
        dropped_too_long=0,
        dropped_nothing_to_rank=0,
        steps=8,
        tokens=9,
        seconds=1.5,
        final_loss=2.0,
        pass_rates=(rate,),
    )
    found = outline(
        ended(tmp_path / "t", "train", summary, [loss]),
        ended(tmp_path / "g", "train-grpo", entries=grpo),
    )
    assert [figure[0].text for figure in found.figures] == [
        "t: loss against step, 2 at step 1",
        "t: learning rate against step, 0.0001 at step 1",
        "t: tokens/s against step, 100 at step 1",
        "t: gradient norm against step, 0.5 at step 1",
        "t: pass rate against step, 0.5 at step 8",
        "g: reward against step, 0.5 at step 3",
        "g: share that passes against step, 0.25 at step 3",
        "g: share of problems that teach nothing against step, 0 at step 3",
        "g: tokens an answer against step, 20 at step 3",
        "g: loss against step, 0 at step 3",
        "g: learning rate against step, 1e-06 at step 3",
    ]
    loss_of_grpo = found.figures[-2]
    (line,) = (e for e in loss_of_grpo.iter() if e.get("class") == "curve")
    heights = [float(point.partition(",")[2]) for point in (line.get("points") or "").split()]
    assert heights[0] < heights[2] < heights[1] <= 192  # what is below 0 is on the figure


def test_how_fast_models_answered(tmp_path: Path, outline: Callable, evaluate_run: Callable) -> None:
    bench = s.BenchSummary(output="o", settings=1, measured=1, failed=0, quickest="", table="- m: 54.37 it/s")
    entry = s.BenchEntry(key="--num-gpus 2", **SPEEDS)
    dates = {"started": "2026-11-21T10:00:00+0000", "finished": "2026-11-21T11:00:05+0000"}
    sampled = s.SampleSummary(output="o", problems=90, completions=7210, cut_short=7)
    found = outline(
        ended(tmp_path / "t", "transform"),
        ended(tmp_path / "b", "bench", bench, [entry]),
        ended(tmp_path / "s", "sample", sampled, **dates),
        ended(tmp_path / "again", "sample", sampled, attempts=2, **dates),
        evaluate_run(tmp_path / "e", {"p-1": ["passed"]}),
    )
    assert ["t", "transform", "1,000", "00:18", "54.37", "25,488.83", "–", "0.12", "45.1"] in found.rows
    assert ["b", "transform --num-gpus 2", "1,000", "00:18", "54.37", "25,488.83", *"–––"] in found.rows
    assert ["s", "sample", "7,210", "1:00:05", "2.00", *"––––"] in found.rows
    assert ["again", "sample", "7,210", *"––––––"] in found.rows
    assert "<pre>- m: 54.37 it/s</pre>" in found.page


def test_the_published_row_stands_beside_a_quantized_model(tmp_path: Path, outline: Callable) -> None:
    found = outline(ended(tmp_path / "q", "quantize"))
    assert [(row[4], row[-1]) for row in found.published] == [
        ("VerilogEval Machine", "56.5 → 49.8"),
        ("VerilogEval Human", "31.7 → 28.8"),
        ("RTLLM 1.0, any of 5", "36.7 → 30.0"),
    ]


def test_overlap_is_drawn_for_instruction_and_code(tmp_path: Path, outline: Callable) -> None:
    found = outline(ended(tmp_path / "d", "decontaminate"))
    assert [figure[0].text for figure in found.figures] == [
        f"d: rows by the Rouge-L of their {part} to the nearest problem" for part in ("instruction", "code")
    ]
    assert "against verilogeval-human:" in found.page
    assert "Figure 11" in found.page

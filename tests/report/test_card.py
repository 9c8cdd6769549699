"""Cards: of a model, from the run that made it and evaluations of it; of a dataset, with the runs behind its rows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtlscribe import jsonl
from rtlscribe import summaries as s
from rtlscribe.records import Sample
from rtlscribe.rundir import RunDir

MODEL = {"model.safetensors": "weights", "config.json": "{}"}
DESIGNS = s.DesignsSummary(output="out.jsonl", rows=2, rejected=1, families={"adder": 2})
CLEAN = s.DecontaminateSummary(
    output="out.jsonl",
    against=("verilogeval-human=/secret/verilog-eval",),
    threshold=0.5,
    problems=156,
    rows=2,
    kept=1,
    removed=1,
    by_instruction=0,
    by_code=1,
    instruction_histogram=(2, 0),
    code_histogram=(1, 1),
)
TRAINED = s.TrainSummary(
    output="somewhere/model",
    loss="scoring",
    rows=1,
    dropped_too_long=0,
    dropped_nothing_to_rank=0,
    steps=4,
    tokens=900,
    seconds=30.0,
    processor_seconds=58.0,
    final_loss=0.5,
)
QUANTIZED = s.QuantizeSummary(
    output="somewhere/m-Q4_0.gguf",
    model="m",
    format="gguf",
    type="Q4_0",
    benchmark="",
    before=s.ModelCost(model="hf:m", weight_bytes=3 << 20, peak_memory_bytes=0),
    after=s.ModelCost(model="gguf:m", weight_bytes=1 << 20, peak_memory_bytes=80 << 20),
)


def ended(
    folder: Path, stage: str, summary: Any, config: dict[str, Any], inputs: dict[str, Path] | None = None
) -> Path:
    """A finished run with one row in its out.jsonl."""
    with RunDir.open(folder, stage=stage, config=config, inputs=inputs or {}) as work:
        jsonl.write(work.out, [Sample(id="a", instruction="i", verilog="module m; endmodule", origin="designs:adder")])
        work.finish(summary)
    return folder / "out.jsonl"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Designs, cleaned; a model trained on them from a public base, and one quantized."""
    made = ended(tmp_path / "made", "designs", DESIGNS, {"seed": 7, "n": 2})
    clean = ended(
        tmp_path / "clean", "decontaminate", CLEAN, {"data": str(made), "against": CLEAN.against}, {"data": made}
    )
    recipe = {"loss": "scoring", "learning_rate": 1e-5, "max_length": 2048, "prompt": "rtlcoder", "fsdp": None}
    ended(tmp_path / "mine", "train", TRAINED, recipe | {"data": str(clean), "model": "org/base"}, {"data": clean})
    ended(tmp_path / "small", "quantize", QUANTIZED, {"model": "org/base", "prompt": "rtlcoder", "data": None})
    (tmp_path / "mine/model").mkdir()
    for name, text in MODEL.items():
        (tmp_path / "mine/model" / name).write_text(text)
    (tmp_path / "small/m-Q4_0.gguf").write_text("GGUF")
    return tmp_path


@pytest.fixture
def card(rtlscribe: Callable, runs: Path) -> Callable[..., str]:
    """Writes a card; no path of this machine may be on it."""

    def written(run: str, *arguments: str | Path) -> str:
        ran = rtlscribe("card", run, *arguments, "--json")
        assert ran.status == 0, ran.err
        assert json.loads(ran.out) == {"output": f"{run}/README.md"}
        text = (runs / run / "README.md").read_text()
        assert str(runs) not in text
        assert "/secret" not in text
        return text

    return written


def test_what_is_known_is_told(card: Callable, runs: Path) -> None:
    text = card("mine")
    sha256 = json.loads((runs / "mine/manifest.json").read_text())["inputs"]["data"]
    for words in (
        'base_model: "org/base"\nbase_model_relation: finetune\nlicense: "unknown"',
        "`org/base`, trained on scored candidates by rtlscribe",
        f"| data | out.jsonl | `decontaminate` | `{sha256}` |",
        "- `decontaminate` (against verilogeval-human): Rows 2, Problems 156, Threshold 0.5, By instruction 0, By code",
        "- `designs` (seed 7, n 2): Rows 2, Families 1, Rejected 1",
        '```toml\nloss = "scoring"\nlearning_rate = 1e-05\nmax_length = 2048\nprompt = "rtlcoder"\n```',
        "Wall time 30.0 s, processor time 58.0 s, on Linux",
        "No evaluation of this model was given to this card.",
        "Data nearer than Rouge-L 0.5 to problems of verilogeval-human was removed.",
        "at most 2048 tokens",
        "## Licence\n\nNot stated.",
    ):
        assert words in text
    assert "model-index" not in text


def test_what_is_not_known_is_said(card: Callable, runs: Path) -> None:
    later = runs / "made/manifest.json"
    later.write_text(json.dumps(json.loads(later.read_text()) | {"finished": "2999-01-01T00:00:00+0000"}))
    text = card("mine")
    assert "- `decontaminate`" in text
    assert "- `designs`" not in text  # made again since: these rows are no longer of it
    (runs / "clean/manifest.json").unlink()
    text = card("mine")
    assert "| data | out.jsonl | not known here |" in text
    assert "Whether its data overlaps with benchmarks is not known here." in text
    small = card("small")
    assert "| memory while answering, MiB | not measured | 80.0         |" in small
    assert "| function on a benchmark, %  | not measured | not measured |" in small
    assert "--model gguf:m-Q4_0.gguf" in small
    assert "library_name" not in small


def test_scores_of_this_very_model(card: Callable, runs: Path, evaluate_run: Callable, rtlscribe: Callable) -> None:
    outcomes = {"p-1": ["passed", "failed"], "p-2": ["passed", "passed"]}
    own = evaluate_run(runs / "own", outcomes, inputs={"model": runs / "mine/model"})
    words = ("--name", 'My: "model"', "--licence", "apache-2.0", "--base-model", "org/other", "--dataset", "org/rows")
    text = card("mine", f"strict={own}", *words)
    assert "| strict | 100.0 [34.2, 100.0] | 75.0 " in text
    assert "sampled at temperature 0.2" in text
    read = pytest.importorskip("huggingface_hub").ModelCard.load(str(runs / "mine/README.md")).data
    assert (read.model_name, read.license, read.base_model, read.datasets) == (
        *('My: "model"', "apache-2.0", "org/other", ["org/rows"]),
    )
    (result,) = read.eval_results
    assert (result.dataset_name, result.metric_type, result.metric_value) == ("tiny-set", "pass@1", 0.75)
    again = card("mine", own)  # the card is no part of the model
    assert "| own   |" in again
    (runs / "mine/model/model.safetensors").write_text("other weights")
    refused = rtlscribe("card", "mine", own)
    assert refused.status == 2
    assert "evaluated another model" in refused.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["made"], "holds a run of 'designs', which makes no model to be given away; wanted one of train, "),
        (["mine", "made"], "holds a run of 'designs'; wanted one of 'evaluate'"),
        (
            ["mine/model"],
            "no run of rtlscribe: wanted a folder with a manifest.json, or LABEL=FOLDER; did you mean mine?",
        ),
    ],
)
def test_what_has_no_card(arguments: list[str], message: str, runs: Path, rtlscribe: Callable) -> None:
    ran = rtlscribe("card", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert message in ran.err


def test_a_dataset_tells_of_the_runs_behind_it(runs: Path, rtlscribe: Callable) -> None:
    def exported(run: str) -> str:
        assert rtlscribe("data", "export", "--data", f"{run}/out.jsonl", "--output", f"of-{run}").status == 0
        return (runs / f"of-{run}/README.md").read_text()

    clean = exported("clean")
    assert 'pretty_name: "clean"' in clean
    assert "- `decontaminate` (against verilogeval-human): " in clean
    assert "- `designs` (seed 7, n 2): Rows 2" in clean
    assert "Not known here" not in clean
    assert str(runs) not in clean
    assert "Not known here: whether they overlap with benchmarks." in exported("made")
    (runs / "alone").mkdir()
    jsonl.write(runs / "alone/out.jsonl", [Sample(id="a", instruction="i", verilog="module m; endmodule")])
    assert exported("alone").count("Not known here") == 2

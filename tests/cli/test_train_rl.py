"""train-dpo and train-grpo as commands: run folder, summary, model, resume, and what earns nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs the extra rl")

import torch

from rtlscribe import jsonl
from rtlscribe.models.hf import load
from rtlscribe.prompts import Template, prompt_ids, response_ids
from rtlscribe.records import Problem, Sample
from rtlscribe.summaries import PreferenceEntry, ReinforceEntry
from rtlscribe.training.scratch import Size, build_model

RIGHT = "module inverter(input a, output y);\n    assign y = ~a;\nendmodule\n"
WRONG = "module inverter(input a, output y);\n    assign y = a;\nendmodule\n"
# Does not work, but lets a simulator that does as it is told show what the testbench looks for.
HOSTILE = "module inverter(input a, output y);\n    assign y = a;\n    initial force y = 1;\nendmodule\n"

GRPO = ["--batch-size", "1", "--max-tokens", "120", "--log-every", "1"]


def likelihood(model: Path | str, problem: Problem, text: str) -> float:
    """Log-probability of an answer."""
    loaded, tokenizer = load(str(model))
    prompt = prompt_ids(tokenizer, Template("rtlcoder").render(instruction=problem.text, header=problem.header))
    response = response_ids(tokenizer, text)
    with torch.no_grad():
        logits = loaded.eval()(input_ids=torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
    return float(torch.log_softmax(logits, dim=-1).gather(1, torch.tensor(response)[:, None]).sum())


@pytest.fixture(scope="session")
def three_ways(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Problem], str]:
    """The folder of a model that gives one of the three answers, each about as often."""
    home = tmp_path_factory.mktemp("three-ways")

    def make(problem: Problem) -> str:
        from rtlscribe.cli import call

        if (home / "run/model").exists():
            return str(home / "run/model")
        texts = [problem.text + "\n" + problem.header + "\n" + answer for answer in (RIGHT, WRONG, HOSTILE)]
        build_model(texts, home / "base", size=Size(hidden=32, layers=2, heads=2, vocabulary=320), seed=0)
        rows = [
            Sample(id=f"{n}", instruction=problem.text, header=problem.header, verilog=(RIGHT, WRONG, HOSTILE)[n % 3])
            for n in range(48)
        ]
        jsonl.write(home / "rows.jsonl", rows)
        arguments = ["train", "--data", home / "rows.jsonl", "--model", home / "base", "--output", home / "run"]
        numbers = ["--learning-rate", "1e-2", "--epochs", "25", "--batch-size", "6", "--mle-reduction", "mean"]
        assert call([*map(str, arguments), *numbers]) == 0
        return str(home / "run/model")

    return make


def read(folder: Path, kind: Any) -> list[Any]:
    return list(jsonl.read(folder / "out.jsonl", kind))


def test_dpo_learns_from_a_scored_file(
    rtlscribe: Callable, tmp_path: Path, three_ways: Callable[[Problem], str], one_problem: Problem
) -> None:
    base = three_ways(one_problem)
    row = Sample(
        id="inverter",
        instruction=one_problem.text,
        header=one_problem.header,
        verilog=RIGHT,
        responses=(WRONG, HOSTILE, RIGHT),
        scores=(0.3, 0.0, 1.0),
        reference=2,
    )
    jsonl.write(tmp_path / "scored.jsonl", [row])
    command = ["train-dpo", "--data", "scored.jsonl", "--model", base, "--pairs", "all", "--output", "o"]
    numbers = ["--learning-rate", "3e-3", "--epochs", "8", "--batch-size", "3", "--log-every", "1"]
    ran = rtlscribe(*command, *numbers, "--json")
    assert ran.status == 0, ran.err
    summary = json.loads(ran.out)  # nothing but the result is on stdout
    assert (summary["rows"], summary["pairs"], summary["steps"]) == (1, 3, 8)
    assert summary["final_margin"] > 0.1
    entries = read(tmp_path / "o", PreferenceEntry)
    assert [entry.step for entry in entries] == list(range(1, 9))
    assert entries[-1].loss < entries[0].loss
    leads = [
        likelihood(model, one_problem, RIGHT) - likelihood(model, one_problem, WRONG)
        for model in (base, tmp_path / "o/model")
    ]
    assert leads[1] > leads[0] + 1
    assert not (tmp_path / "o/checkpoints").exists()
    assert json.loads((tmp_path / "o/manifest.json").read_text())["status"] == "finished"
    assert json.loads(rtlscribe(*command, *numbers, "--json").out) == summary  # finished: nothing is done again
    changed = rtlscribe(*command, *numbers, "--beta", "0.5")
    assert changed.status == 2
    assert "beta was 0.1 and is now 0.5" in changed.err


def test_dpo_wants_scores(rtlscribe: Callable, tmp_path: Path, three_ways: Callable, one_problem: Problem) -> None:
    jsonl.write(tmp_path / "d.jsonl", [Sample(id="x", instruction="y", verilog=RIGHT)])
    ran = rtlscribe("train-dpo", "--data", "d.jsonl", "--model", three_ways(one_problem), "--output", "o")
    assert ran.status == 2
    assert "make such a file with `rtlscribe score`" in ran.err


@pytest.mark.parametrize("reward", ["passed", "graded"])
def test_grpo_makes_what_passes_likelier_and_what_cheats_earns_nothing(
    rtlscribe: Callable,
    icarus: str,
    tmp_path: Path,
    three_ways: Callable[[Problem], str],
    one_problem: Problem,
    reward: str,
) -> None:
    base = three_ways(one_problem)
    jsonl.write(tmp_path / "p.jsonl", [one_problem])
    command = ["train-grpo", "--data", "p.jsonl", "--model", base, "--reward", reward, "--output", "o"]
    numbers = [*GRPO, "--steps", "12", "--group", "16", "--learning-rate", "3e-3"]
    ran = rtlscribe(*command, *numbers, "--json")
    assert ran.status == 0, ran.err
    summary = json.loads(ran.out)
    assert (summary["problems"], summary["steps"], summary["completions"]) == (1, 12, 192)
    assert sum(summary["verdicts"].values()) == 192
    assert {"passed", "failed", "rejected"} <= summary["verdicts"].keys()
    assert summary["final_reward"] > summary["first_reward"] + 0.05
    for entry in read(tmp_path / "o", ReinforceEntry):
        passed = entry.verdicts.get("passed", 0) / 16
        others = entry.verdicts.get("failed", 0) / 16 if reward == "graded" else 0
        # What passes earns 1; under `graded`, what merely compiles a little; the rest nothing.
        assert passed + 0.2 * others - 1e-6 <= entry.reward <= passed + 0.4 * others + 1e-6
    trained = tmp_path / "o/model"
    gains = {t: likelihood(trained, one_problem, t) - likelihood(base, one_problem, t) for t in (RIGHT, WRONG, HOSTILE)}
    assert gains[RIGHT] > 0.2
    assert gains[HOSTILE] < 0 > gains[WRONG]


def test_grpo_on_a_broken_judge_stops_and_goes_on(
    rtlscribe: Callable,
    icarus: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    three_ways: Callable[[Problem], str],
    one_problem: Problem,
) -> None:
    """The simulator tells its version and then does not work: no reward of 0, nothing is learnt, and all is owed."""
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "iverilog").write_text(
        f'#!/bin/sh\n[ "$1" = -V ] && echo "Icarus Verilog version {icarus} ()" || exit 127\n'
    )
    (fake / "vvp").write_text("#!/bin/sh\n")
    for program in fake.iterdir():
        program.chmod(0o755)
    jsonl.write(tmp_path / "p.jsonl", [one_problem])
    command = ["train-grpo", "--data", "p.jsonl", "--model", three_ways(one_problem), "--output", "o"]
    numbers = [*GRPO, "--steps", "2", "--group", "4"]
    with monkeypatch.context() as broken:
        broken.setenv("RTLSCRIBE_ICARUS", str(fake))
        ran = rtlscribe(*command, *numbers)
    assert (ran.status, ran.out) == (1, "")
    assert "answers could not be judged in 3 tries, see o/failures.jsonl" in ran.err
    failures = [json.loads(line) for line in (tmp_path / "o/failures.jsonl").open()]
    assert failures
    assert all(f"cannot run {fake / 'iverilog'}" in f["error"] for f in failures)
    assert read(tmp_path / "o", ReinforceEntry) == []
    assert rtlscribe(*command, *numbers).status == 0
    assert len(read(tmp_path / "o", ReinforceEntry)) == 2


def test_grpo_stops_where_nothing_can_be_judged(rtlscribe: Callable, tmp_path: Path) -> None:
    build_model(["Invert a."], tmp_path / "says", size=Size(hidden=32, layers=2, heads=2, vocabulary=270), seed=0)
    jsonl.write(
        tmp_path / "rows.jsonl",
        [
            Sample(id="x", instruction="Invert a.", verilog="module m; // verdict: unsupported\nendmodule\n")
            for _ in "ab"
        ],
    )
    train = ["train", "--data", "rows.jsonl", "--model", "says", "--output", "t", "--epochs", "60"]
    assert rtlscribe(*train, "--learning-rate", "1e-2", "--mle-reduction", "mean").status == 0
    jsonl.write(tmp_path / "p.jsonl", [Problem(id="x", text="Invert a.")])
    command = ["train-grpo", "--data", "p.jsonl", "--model", "t/model", "--checker", "scripted", "--output", "o"]
    ran = rtlscribe(*command, *GRPO, "--steps", "1", "--group", "4", "--temperature", "0.1")
    assert ran.status == 1
    assert "step 1: none of 4 answers could be judged (unsupported)" in ran.err


@pytest.mark.parametrize(
    ("problem", "options", "message"),
    [
        (Problem(id="x", text="y"), [], "'x' has no testbench"),
        (Problem(id="x", text="y"), ["--checker", "scripted", "--reward", "graded"], "'x' has no reference"),
        (Problem(id="x", text="y"), ["--checker", "scripted", "--group", "1"], "--group 1"),
        (Problem(id="x", text="y"), ["--checker", "nobody"], "no checker is called 'nobody'"),
    ],
)
def test_grpo_refuses(
    rtlscribe: Callable,
    icarus: str,
    tmp_path: Path,
    three_ways: Callable[[Problem], str],
    one_problem: Problem,
    problem: Problem,
    options: list[str],
    message: str,
) -> None:
    jsonl.write(tmp_path / "p.jsonl", [problem])
    ran = rtlscribe("train-grpo", "--data", "p.jsonl", "--model", three_ways(one_problem), "--output", "o", *options)
    assert ran.status == 2
    assert message in ran.err

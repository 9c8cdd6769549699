"""benchmarks/feedback.py in the smallest size: it ends with a table, goes on, and its statistics are right."""

import importlib.util
import json
import subprocess
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from rtlscribe.records import Sample
from rtlscribe.samples import read_samples

SCRIPT = Path(__file__).parents[1] / "benchmarks/feedback.py"
TINY = ["--size", "nano", "--rows", "24", "--epochs", "1", "--candidate-rows", "8", "--problems", "2", "--n", "1"]


@pytest.fixture(scope="module")
def feedback() -> ModuleType:
    spec = importlib.util.spec_from_file_location("feedback", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["feedback"] = module  # records look their annotations up there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("text", "n", "temperature"), [("beam3", 3, 0.0), ("t0.8x4", 4, 0.8), ("t1x8", 8, 1.0)])
def test_draws(feedback: ModuleType, text: str, n: int, temperature: float) -> None:
    assert feedback.parse_draw(text) == (text, n, temperature)


@pytest.mark.parametrize("text", ["beam", "t0x4", "x4", "t0.8", "3"])
def test_no_draws(feedback: ModuleType, text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="wanted beamN or tTEMPERATURExN"):
        feedback.parse_draw(text)


def test_the_interval_covers_seeds_and_problems(feedback: ModuleType) -> None:
    rng = np.random.default_rng(0)
    problems = rng.normal(0.05, 0.3, size=400)
    alike = np.stack([problems] * 3)
    low, high = feedback.interval(alike, resamples=2000)
    assert low < problems.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * problems.std() / 20, rel=0.1)  # seeds that agree add nothing
    apart = alike + np.array([[-0.1], [0.0], [0.1]])
    assert feedback.interval(apart, resamples=2000)[0] < low - 0.02


def test_seeds_are_averaged_and_paired_by_problem(feedback: ModuleType) -> None:
    same = {"arm": "a", "temperature": 0.8, "against": "direct", "base_rate": 0.5}
    work = {"direct_tokens": 100, "scoring_tokens": 400}
    one = feedback.Outcome(seed=0, direct_rate=0.5, scoring_rate=0.75, differences={"p": 0.5, "q": 0.0}, **same, **work)
    other = feedback.Outcome(
        seed=1, direct_rate=0.5, scoring_rate=0.5, differences={"q": 0.5, "p": -0.5}, **same, **work
    )
    found = feedback.result([one, other])
    assert (found.difference, found.by_seed, found.tokens_ratio) == (0.125, (0.25, 0.0), 4.0)
    assert (found.direct_rate, found.scoring_rate) == (0.5, 0.625)
    assert found.p == 1.0  # p stays as it was, q gains: one difference has either sign by chance
    assert found.low <= 0.125 <= found.high


def test_a_share_of_the_rows_gets_another_function(feedback: ModuleType) -> None:
    code = "module gate(input a, input b, output y);\n    assign y = a & b;\nendmodule\n"
    rows = [Sample(id=f"r{i}", instruction=f"row {i}", verilog=code) for i in range(200)]
    faulty = list(feedback.wrong(rows, 0.3, 1))
    assert faulty == list(feedback.wrong(rows, 0.3, 1)) != list(feedback.wrong(rows, 0.3, 2))
    assert [row.id for row in faulty] == [row.id for row in rows]
    changed = {row.verilog for row in faulty} - {code}
    assert len(changed) > 1
    assert all(text.startswith("module gate(input a, input b, output y);") for text in changed)
    assert sum(row.verilog != code for row in faulty) == pytest.approx(60, abs=20)


def test_from_circuits_to_a_table_and_once_more(tmp_path: Path, icarus: str) -> None:
    given = ["--seeds", "5", "--steps", "2", "--families", "gates", "parity", "--temperature", "0.8", "--equal-tokens"]
    given += ["--wrong", "0.5", "--wrong-references", "0.5"]
    command = [sys.executable, str(SCRIPT), "--output", str(tmp_path / "f"), *given, *TINY]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2))
    assert first.returncode == 0, first.stderr
    name = "beam3-function-wrong0.5-w0.1-m0.3-d0-r0.0003-s2"
    lines = [line for line in first.stdout.splitlines() if line.startswith(f"| {name} | 0.8 |")]
    against = {"direct", "direct, equal tokens", "direct, right references"}
    assert {line.split("|")[3].strip() for line in lines} == against
    assert {line.count("|") for line in lines} == {11}
    assert (tmp_path / "f/table.md").read_text() == first.stdout
    results = {r["against"]: r for r in map(json.loads, (tmp_path / "f/results.jsonl").open())}
    for result in results.values():
        assert len(result["by_seed"]) == 1
        assert result["difference"] == pytest.approx(result["scoring_rate"] - result["direct_rate"])
    assert results["direct"]["tokens_ratio"] > 1.5
    assert results["direct, equal tokens"]["tokens_ratio"] == pytest.approx(
        1, abs=0.4
    )  # one step of few is a large part
    home = tmp_path / "f/seed5"
    steps = {
        folder.name: json.loads((folder / "summary.json").read_text())["steps"]
        for folder in home.glob("*-s*")
        if not folder.name.startswith("evaluate")
    }
    direct = "direct-beam3-function-wrong0.5-r0.0003"
    assert steps.pop(f"scoring-{name}") == steps.pop(f"{direct}-s2") == steps.pop(f"right-{direct}-s2") == 2
    ((longer, n),) = steps.items()
    assert longer == f"{direct}-s{n}"
    assert n > 2
    rows = read_samples(home / "rows-beam3-function-wrong0.5.jsonl")
    right = read_samples(home / "rows-beam3-function-wrong0.5-right.jsonl")
    assert right == [row for row in rows if row.scores[row.reference] == 1]
    assert 0 < len(right) < len(rows)
    assert all(row.responses[row.reference].strip() == row.verilog.strip() for row in rows)
    assert second.returncode == 0, second.stderr
    assert second.stdout == first.stdout
    assert "train" not in second.stderr  # all of it was there

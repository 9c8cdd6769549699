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

SCRIPT = Path(__file__).parents[1] / "benchmarks/feedback.py"
TINY = ["--size", "nano", "--rows", "24", "--epochs", "1", "--candidate-rows", "4", "--problems", "2", "--n", "1"]


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
    same = {"arm": "a", "base_rate": 0.5, "rows": 9, "candidates": 20, "perfect_share": 0.1, "steps": 2}
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


def test_from_circuits_to_a_table_and_once_more(tmp_path: Path, icarus: str) -> None:
    command = [sys.executable, str(SCRIPT), "--output", str(tmp_path / "f"), "--seeds", "5", "--steps", "2", *TINY]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2))
    assert first.returncode == 0, first.stderr
    (line,) = [line for line in first.stdout.splitlines() if line.startswith("| beam3-function-w0.1-m0.3-r0.0003-s2 |")]
    assert line.count("|") == 9
    assert (tmp_path / "f/table.md").read_text() == first.stdout
    (result,) = [json.loads(line) for line in (tmp_path / "f/results.jsonl").open()]
    assert len(result["by_seed"]) == 1
    assert result["difference"] == pytest.approx(result["scoring_rate"] - result["direct_rate"])
    assert result["tokens_ratio"] > 1.5
    for name in ("direct-beam3-function", "scoring-beam3-function-w0.1-m0.3"):
        summary = json.loads((tmp_path / f"f/seed5/{name}-r0.0003-s2/summary.json").read_text())
        assert summary["steps"] == 2
    assert second.returncode == 0, second.stderr
    assert second.stdout == first.stdout
    assert "train" not in second.stderr  # all of it was there

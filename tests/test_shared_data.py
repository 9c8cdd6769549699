"""Real data sets read whole, with the numbers that were counted on them. Skipped where they are not at hand."""

import json
from collections import Counter
from pathlib import Path

import pytest

from rtlscribe.samples import read_problems, read_samples
from rtlscribe.verilog.extract import extract, module_names


@pytest.mark.parametrize(
    ("file", "rows", "with_header", "origin"),
    [
        ("data_sample.json", 10, 10, "rtl-coder"),
        ("scoring_data_sample.json", 10, 10, "rtl-coder"),
        ("rtlcoder_small.jsonl", 1339, 0, "llama-factory"),
    ],
)
def test_data_sets(shared: Path, file: str, rows: int, with_header: int, origin: str) -> None:
    samples = read_samples(shared / file)
    assert len(samples) == len({s.id for s in samples}) == rows
    assert sum(bool(s.header) for s in samples) == with_header
    assert {s.origin for s in samples} == {origin}
    assert all(s.instruction.strip() and s.verilog.strip() for s in samples)
    assert [(p.id, p.reference) for p in read_problems(shared / file)] == [(s.id, s.verilog) for s in samples]


def test_scores(shared: Path) -> None:
    samples = read_samples(shared / "scoring_data_sample.json")
    assert {(len(s.responses), len(s.scores), s.reference, s.scores[-1]) for s in samples} == {(4, 4, 3, 1.0)}
    assert samples[0].scores == pytest.approx((0.4037882, 0.3554884, 0.0022548, 1.0), abs=1e-7)
    assert all(s.responses[3] == s.verilog for s in samples)


def test_questions_without_answers_are_problems(shared: Path) -> None:
    assert len(read_problems(shared / "rtllm-1.1.json")) == 29


@pytest.mark.parametrize(
    ("file", "assemblies", "with_top"),
    [
        ("completions_gpt4o_human.jsonl", {"modules": 1513, "truncated": 44, "none": 3}, 1557),
        (
            "completions_rtlcoder_mistral_human.jsonl",
            {"header": 732, "modules": 663, "none": 103, "truncated": 62},
            1442,
        ),
    ],
)
def test_completions(shared: Path, file: str, assemblies: dict[str, int], with_top: int) -> None:
    with (shared / "VerilogEval_Human.jsonl").open() as lines:
        headers = {row["task_id"]: row["prompt"] for row in map(json.loads, lines)}
    with (shared / file).open() as lines:
        rows = [json.loads(line) for line in lines]
    found = [extract(row["completion"], header=headers[row["task_id"]], top="top_module") for row in rows]
    assert len(found) == 1560
    assert Counter(f.assembly for f in found) == assemblies
    assert sum("top_module" in module_names(f.code) for f in found) == with_top
    assert not any("```" in f.code for f in found if f.assembly in ("modules", "header"))

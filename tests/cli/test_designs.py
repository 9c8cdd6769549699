"""data designs: verified rows, the same for the same seed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rtlscribe.checkers.base import open_checker
from rtlscribe.designs.families import families
from rtlscribe.records import Candidate
from rtlscribe.samples import read_problems, read_samples


def test_verified_rows(rtlscribe: Callable, icarus: str, tmp_path: Path) -> None:
    ran = rtlscribe("data", "designs", "--n", 12, "--seed", 5, "--output", "one", "--json")
    summary = json.loads(ran.out)
    assert (ran.status, summary["rows"], summary["rejected"], summary["output"]) == (0, 12, 0, "one/out.jsonl")
    assert sum(summary["families"].values()) == 12
    samples, problems = read_samples(tmp_path / "one/out.jsonl"), read_problems(tmp_path / "one/problems.jsonl")
    assert [s.id for s in samples] == [p.id for p in problems]
    assert [s.verilog for s in samples] == [p.reference for p in problems]
    assert all("@NONCE@" in p.testbench for p in problems)
    verdicts = [json.loads(line)["verdict"] for line in (tmp_path / "one/verdicts.jsonl").open()]
    assert {(v["status"], v["checker"]) for v in verdicts} == {("passed", f"iverilog-{icarus}")}
    rtlscribe("data", "designs", "--n", 12, "--seed", 5, "--workers", 1, "--output", "two")
    assert (tmp_path / "two/out.jsonl").read_bytes() == (tmp_path / "one/out.jsonl").read_bytes()
    rtlscribe("data", "designs", "--n", 12, "--seed", 6, "--no-verify", "--output", "three")
    assert (tmp_path / "three/out.jsonl").read_bytes() != (tmp_path / "one/out.jsonl").read_bytes()


def test_another_number_of_rows_is_another_run(rtlscribe: Callable) -> None:
    common = ["data", "designs", "--no-verify", "--output", "o"]
    assert rtlscribe(*common, "--n", 2).status == 0
    ran = rtlscribe(*common, "--n", 3)
    assert ran.status == 2
    assert ran.err == (
        "rtlscribe: o holds another run: n was 2 and is now 3; use --fresh to start over, or another --output\n"
    )
    assert rtlscribe(*common, "--n", 3, "--fresh").status == 0


def test_chosen_families_and_their_held_out_problems(rtlscribe: Callable, icarus: str, tmp_path: Path) -> None:
    chosen = ["--families", "adder", "--families", "decoder"]
    ran = rtlscribe("data", "designs", "--n", 10, "--held-out", 6, *chosen, "--output", "o", "--json")
    assert (ran.status, json.loads(ran.out)["families"]) == (0, {"adder": 5, "decoder": 5})
    held_out = read_problems(tmp_path / "o/held_out.jsonl")
    assert sorted(p.id.split("-")[0] for p in held_out) == ["adder"] * 3 + ["decoder"] * 3
    assert all(p.header for p in held_out)
    references = {s.verilog for s in read_samples(tmp_path / "o/out.jsonl")}
    assert not references & {p.reference for p in held_out}


def test_an_unknown_family_lists_the_known_ones(rtlscribe: Callable) -> None:
    ran = rtlscribe("data", "designs", "--families", "addder", "--output", "o")
    assert ran.status == 2
    assert ran.err.startswith("rtlscribe: no family is called 'addder'; there are: absolute_difference, accumulator,")


@pytest.mark.parametrize("unseen", ["no", "only"])
def test_families_kept_out_of_training(rtlscribe: Callable, unseen: str) -> None:
    ran = rtlscribe("data", "designs", "--n", 120, "--unseen", unseen, "--no-verify", "--output", "o", "--json")
    assert (ran.status, json.loads(ran.out)["families"].keys()) == (0, families(unseen).keys())  # type: ignore[arg-type]
    ran = rtlscribe("data", "designs", "--unseen", "only", "--families", "adder", "--output", "p")
    assert (ran.status, ran.err) == (
        2,
        "rtlscribe: --unseen only and --families both choose the families: leave out one of them\n",
    )


def test_planted_answers_are_verified(rtlscribe: Callable, icarus: str, tmp_path: Path) -> None:
    """The flow with circuits in a teacher's place: where right answers are the most, the reference is right."""
    plant = ["data", "designs", "--n", 30, "--no-verify", "--answers", 7, "--wrong", 0.3]
    assert rtlscribe(*plant, "--output", "d").status == 0
    planted = read_samples(tmp_path / "d/answered.jsonl")
    assert [row.id for row in planted] == [row.id for row in read_samples(tmp_path / "d/out.jsonl")]
    assert {len(row.responses) for row in planted} == {7}
    assert not any(row.verilog for row in planted)
    rtlscribe(*plant, "--output", "again")
    assert (tmp_path / "again/answered.jsonl").read_bytes() == (tmp_path / "d/answered.jsonl").read_bytes()
    ran = rtlscribe("data", "verify", "d/answered.jsonl", "--min-agreement", 0.55, "--output", "v", "--json")
    kept = read_samples(tmp_path / "v/out.jsonl")
    assert 15 < len(kept) == json.loads(ran.out)["kept"] < 30
    problems, checker = {p.id: p for p in read_problems(tmp_path / "d/problems.jsonl")}, open_checker("iverilog")
    verdicts = [
        checker.check(
            Candidate(problem_id=row.id, index=0, code=row.verilog, assembly="modules"), problems[row.id], timeout_s=30
        ).status
        for row in kept
    ]
    assert verdicts.count("passed") >= 0.9 * len(kept)
    assert any(len(set(row.responses)) > 2 for row in kept)  # right answers are not copies

"""The held-out benchmarks: the same 200 problems everywhere, and none of their functions in training rows."""

import hashlib
import itertools

import msgspec
import pytest

from rtlscribe.benchmarks.base import load_problems
from rtlscribe.designs.families import UNSEEN, families
from rtlscribe.designs.generate import generate, split_of


@pytest.mark.parametrize("name", ["held-out", "held-out-families"])
def test_the_problems(name: str) -> None:
    problems = load_problems(name)
    assert len(problems) == 200
    assert len({p.id for p in problems}) == len({p.reference for p in problems}) == 200
    for problem in problems:
        assert problem.header
        assert problem.reference.startswith(problem.header)
        assert problem.top in problem.header
        assert "@NONCE@" in problem.testbench
        assert problem.reference not in problem.testbench
    again = load_problems(name)
    digests = [hashlib.sha256(msgspec.json.encode(p)).hexdigest() for p in (*problems, *again)]
    assert digests[:200] == digests[200:]


def test_no_training_row_has_a_held_out_function() -> None:
    held_out = {p.id for p in load_problems("held-out")}
    rows = list(itertools.islice(generate(split="train", seed=0), 300))
    assert {split_of(row.family, row.design) for row in rows} == {"train"}
    assert held_out & {row.id for row in rows} == set()


def test_no_training_row_is_of_a_family_kept_out() -> None:
    kept_out = {p.id.rpartition("-")[0] for p in load_problems("held-out-families")}
    assert kept_out == set(UNSEEN)
    assert not kept_out & families("no").keys()

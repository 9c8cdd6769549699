"""The tables of answers: what the guard alone says of them, and that they say what they have to."""

from collections import Counter
from typing import get_args

import pytest
from answers import CONTROLS, HOSTILE
from official import PASSES
from problems import PROBLEMS
from rows import Answer

from rtlscribe.records import Status
from rtlscribe.verilog.guard import refuse

ALL = [*HOSTILE, *CONTROLS]
SAFE_TO_READ = [answer for answer in ALL if answer.refused is not None]


@pytest.mark.parametrize("answer", SAFE_TO_READ, ids=str)
def test_the_guard(answer: Answer) -> None:
    reason = refuse(answer.text("/nowhere/canary"), top=PROBLEMS[answer.problem].top)
    assert bool(reason) == answer.refused, reason
    assert "\n" not in (reason or "")


def test_the_tables_are_whole() -> None:
    assert [str(answer) for answer, count in Counter(ALL).items() if count > 1] == []
    assert len({str(answer) for answer in ALL}) == len(ALL)
    assert {answer.problem for answer in ALL} == set(PROBLEMS)
    for answer in ALL:
        assert answer.expected <= set(get_args(Status)), answer
        assert ("passed" in answer.expected) == (answer in CONTROLS), answer
    known = {(answer.category, answer.name) for answer in ALL}
    assert [row for row in PASSES if row not in known] == []


def test_references_are_allowed() -> None:
    assert [refuse(problem.reference, top=problem.top) for problem in PROBLEMS.values()] == [None] * len(PROBLEMS)

"""Verilog -> words -> Verilog: is what comes back the circuit that went in? Judged in the sandbox, never by text.

By Yosys and ABC where they are installed, else by simulation on random stimulus, which can only tell differences.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from rtlscribe.checkers.base import open_checker
from rtlscribe.errors import MissingToolError
from rtlscribe.executors.base import Executor, Result
from rtlscribe.models.base import Answer, Failure
from rtlscribe.records import Candidate, Problem, Record, Verdict
from rtlscribe.transforming.answers import code
from rtlscribe.transforming.work import Ask, Engine
from rtlscribe.verilog.header import find_header

Ending = Literal["equal", "different", "broken", "unknown"]
TIMEOUT_S = 30.0
LONGEST_DETAIL = 300


class Trip(NamedTuple):
    """A piece of Verilog and the words that were made of it."""

    key: str
    verilog: str
    words: str


class Back(Record, kw_only=True):
    """What came back: `equal` or `different` as a circuit, `broken` if it is no Verilog, `unknown` if none can tell."""

    key: str
    ending: Ending
    judge: str
    detail: str = ""


Judge = Callable[[Candidate, Problem], tuple[Ending, str]]


def open_judge() -> tuple[str, Judge]:
    """The name and the function of the best judge that is installed.

    Raises:
        MissingToolError: there is neither Yosys nor Icarus Verilog.
    """
    try:
        checker = open_checker("yosys")
    except MissingToolError:
        return _simulation()

    def prove(candidate: Candidate, problem: Problem) -> tuple[Ending, str]:
        return _ending(checker.check(candidate, problem, timeout_s=TIMEOUT_S))

    return checker.name, prove


def trips(
    owed: Iterable[Trip],
    engine: Engine,
    *,
    judge: tuple[str, Judge],
    executor: Executor,
    batch_size: int,
    workers: int,
) -> Iterator[Result[Trip, Back]]:
    """Ask for Verilog to the words of each trip, under the header of the original, and judge it."""
    source = iter(owed)
    asked: dict[str, Trip] = {}

    def batches() -> Iterator[list[Ask]]:
        while batch := list(itertools.islice(source, batch_size)):
            asked.update((trip.key, trip) for trip in batch)
            yield [Ask(key=trip.key, text=trip.words, header=_header(trip.verilog)) for trip in batch]

    def look(item: tuple[Trip, Answer | Failure]) -> Back:
        return _back(*item, judge=judge)

    said = ((asked.pop(_key(item)), item) for item in engine.ask(batches()))
    for result in executor.map(look, said, workers=workers):
        yield Result(result.item[0], value=result.value, error=result.error)


def _back(trip: Trip, item: Answer | Failure, *, judge: tuple[str, Judge]) -> Back:
    name, function = judge
    if isinstance(item, Failure):
        return Back(key=trip.key, ending="unknown", judge=name, detail=f"no answer: {item.reason}"[:LONGEST_DETAIL])
    found = code(item.completion.text)
    if found.fault:
        return Back(key=trip.key, ending="broken", judge=name, detail=found.fault[:LONGEST_DETAIL])
    header = find_header(trip.verilog)
    problem = Problem(id=trip.key, text="", reference=trip.verilog, top=header.name if header else "")
    candidate = Candidate(problem_id=trip.key, index=0, code=found.value, assembly="modules")
    ending, detail = function(candidate, problem)
    return Back(key=trip.key, ending=ending, judge=name, detail=detail[:LONGEST_DETAIL])


def rate(counts: dict[Ending, int]) -> float | None:
    """The share of equal ones among those of which it is known."""
    known = sum(counts.get(ending, 0) for ending in ("equal", "different", "broken"))
    return counts.get("equal", 0) / known if known else None


def _header(verilog: str) -> str:
    found = find_header(verilog)
    return found.text if found else ""


def _key(item: Answer | Failure) -> str:
    return item.problem_id if isinstance(item, Failure) else item.completion.problem_id


def _ending(verdict: Verdict) -> tuple[Ending, str]:
    endings: dict[str, Ending] = {"passed": "equal", "failed": "different", "syntax_error": "broken"}
    return endings.get(verdict.status, "unknown"), verdict.detail


def _simulation() -> tuple[str, Judge]:
    """Both circuits, each alone, on the same random stimulus."""
    from rtlscribe.checkers.behaviour import Behaviours

    behaviours = Behaviours()

    def simulate(candidate: Candidate, problem: Problem) -> tuple[Ending, str]:
        original = Candidate(problem_id=problem.id, index=0, code=problem.reference, assembly="reference")
        back = Candidate(problem_id=problem.id, index=1, code=candidate.code, assembly=candidate.assembly)
        first, second = behaviours.compare(problem, [original, back]).answers
        if first.behaviour is None:
            return "unknown", f"of the original: {first.detail or first.status}"
        if second.behaviour == first.behaviour:
            return "equal", "simulated: random inputs agree"
        return ("broken" if second.status == "syntax_error" else "different"), second.detail

    return f"simulation with {behaviours.name}", simulate

"""An evaluation's answers repaired by the model that gave them, and one chosen of several; on disk as it comes.

Each is on top of the attempts as drawn, in a file of its own, so that the plain numbers stay what they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rtlscribe import progress
from rtlscribe.checkers.base import Checker
from rtlscribe.checkers.behaviour import Behaviours
from rtlscribe.executors.base import Executor, open_executor
from rtlscribe.flow import Attempt, Task, judge
from rtlscribe.records import Problem, Record
from rtlscribe.rundir import RunDir
from rtlscribe.writing.judging import Judges
from rtlscribe.writing.mending import Mender, chosen

REPAIRED = "repaired.jsonl"
CHOSEN = "chosen.jsonl"

Place = tuple[float, str]  # temperature and problem


class Choice(Record, kw_only=True):
    """Which of a problem's answers was chosen."""

    problem_id: str
    temperature: float
    index: int

    @property
    def place(self) -> Place:
        return self.temperature, self.problem_id


class Court(NamedTuple):
    """Who judges what comes of it, as the answers were judged: a rule's checker, where, and with what limits."""

    rule: str
    checker: Checker
    executor: Executor
    workers: int
    timeout_s: float


def repair(
    work: RunDir,
    attempts: Sequence[Attempt],
    problems: Mapping[str, Problem],
    *,
    mender: Mender,
    rounds: int,
    court: Court,
) -> None:
    """Judge each answer as it is after `rounds` rounds of repairs; what is not repaired keeps its verdict.

    Raises:
        RtlscribeError: the model or a judge is broken; the same command goes on.
    """
    before = work.done(Attempt, name=REPAIRED)
    done = {attempt.key[2:] for attempt in before}
    owed = [a for a in attempts if a.key[2:] not in done]
    samplings = dict.fromkeys(a.completion.sampling for a in owed)
    mended = (
        Task(draft.completion, court.rule, "parser-based" if draft.round else mender.assembly)
        for sampling in samplings
        for draft in mender.mended(
            (a.completion for a in owed if a.completion.sampling == sampling),
            problems,
            sampling=sampling,
            rounds=rounds,
        )
    )
    results = judge(
        mended,
        problems,
        {court.rule: court.checker},
        court.executor,
        workers=court.workers,
        timeout_s=court.timeout_s,
        known={a.answer: a.verdict for a in (*attempts, *before)},
    )
    with progress.bar("repair", len(attempts), done=len(done)) as bar:
        work.keep(results, key=lambda task: f"repair {task.completion.problem_id}", advance=bar.add, name=REPAIRED)


def choose(
    work: RunDir, attempts: Sequence[Attempt], problems: Mapping[str, Problem], *, judges: Judges, court: Court
) -> None:
    """Choose one answer to each problem at each temperature.

    Raises:
        RtlscribeError: a judge is broken; the same command goes on.
    """
    behaviours = Behaviours()
    answers: dict[Place, list[Attempt]] = {}
    for attempt in sorted(attempts, key=lambda a: a.completion.index):
        answers.setdefault(_place(attempt), []).append(attempt)
    done = {choice.place for choice in work.done(Choice, name=CHOSEN)}

    def pick(place: Place) -> Choice:
        ours = answers[place]
        candidates = [attempt.candidate for attempt in ours]
        best = chosen(problems[place[1]], candidates, judges=judges, behaviours=behaviours, timeout_s=court.timeout_s)
        return Choice(problem_id=place[1], temperature=place[0], index=ours[best].completion.index)

    owed = [place for place in answers if place not in done]
    # Here, whatever the executor is: a judge holds sandboxes of this machine.
    results = open_executor("pool").map(pick, owed, workers=court.workers)
    with progress.bar("choose", len(answers), done=len(done)) as bar:
        work.keep(results, key=lambda place: f"choose {place[1]}", advance=bar.add, name=CHOSEN)


def repaired_attempts(work: RunDir) -> list[Attempt]:
    """The attempts after repair."""
    return work.done(Attempt, name=REPAIRED)


def chosen_attempts(work: RunDir, attempts: Sequence[Attempt]) -> list[Attempt]:
    """Of the attempts as drawn those that were chosen."""
    choices = {choice.place: choice.index for choice in work.done(Choice, name=CHOSEN)}
    return [a for a in attempts if choices.get(_place(a)) == a.completion.index]


def _place(attempt: Attempt) -> Place:
    return attempt.completion.sampling.temperature, attempt.completion.problem_id

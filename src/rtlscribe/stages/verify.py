"""Turn several answers to each instruction into one that most of them confirm. Proves nothing of the majority.

The answers are simulated on the same random stimulus (`checkers.behaviour`); the commonest behaviour wins, and its
first answer becomes the row's reference. Rows without enough agreement are left out, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.benchmarks.completions import read_completions
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.checkers.behaviour import STEPS, TIMEOUT_S, Behaviours, candidate_of
from rtlscribe.checkers.court import Court, Verified
from rtlscribe.errors import DataError, RtlscribeError
from rtlscribe.executors.base import open_executor
from rtlscribe.options import Count, Positive, Share
from rtlscribe.places import Places, count
from rtlscribe.records import Candidate, Completion, Problem, Sample
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import TracedSample, as_problem, as_sample, read_problems
from rtlscribe.summaries import VerifySummary

VERIFIED = "verified.jsonl"
COMPLETIONS = "completions.jsonl"
PROVER = "yosys"


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe data verify`."""

    data: Path
    """Samples with several responses each; with --completions, the problems or samples that were answered."""

    _: KW_ONLY

    completions: Path | None = None
    """Answers instead of responses: the run folder of `rtlscribe sample`, or completions that `evaluate` reads."""

    min_agreement: Share = 0.5
    """Share of the answers that compile which have to behave as the chosen one does."""

    min_votes: Count = 2
    """How many answers have to behave so, at least."""

    testbench: Literal["use", "ignore"] = "use"
    """use: where a problem has a testbench, only a behaviour that passes it is chosen."""

    formal: bool = False
    """Compare by proof too: what differs leaves the chosen behaviour, what differs in unknown values only may join."""

    steps: Count = STEPS
    """Input vectors that each answer sees."""

    seed: int = 0
    """Seed of the stimulus."""

    timeout_s: Positive = TIMEOUT_S
    """Seconds that one compilation or simulation may take."""

    executor: str = "pool"
    """How rows are worked on: serial, pool, ray, or ray:ADDRESS of a cluster."""

    workers: Count = 2
    """Rows at a time."""

    output: Path | None = None
    """Run folder; runs/<date>-verify-<data> by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class _Row(NamedTuple):
    """One instruction with its answers; `sample` is what goes on to the output."""

    problem: Problem
    sample: Sample
    answers: tuple[Candidate, ...]


class _Key(msgspec.Struct):
    """As much of a line as tells whose it is."""

    id: str = ""
    problem_id: str = ""


def run(config: Config) -> VerifySummary:
    """Keep the rows on which several answers agree, and take the answer that most of them confirm as the reference.

    Writes out.jsonl (samples: the consensus, all answers, and as their scores the share that behaves alike) and
    verified.jsonl (every row with what became of each answer, and why a row was left out).
    """
    source = config.completions
    if source and (source / "out.jsonl").is_file():
        source /= "out.jsonl"
    folder = config.output or default_folder("verify", config.data.stem)
    inputs = {"data": config.data} | ({"completions": source} if source else {})
    behaviours = Behaviours(steps=config.steps, seed=config.seed)
    prover = open_checker(PROVER) if config.formal else None
    tools = {"simulator": behaviours.name} | ({"prover": prover.name} if prover else {})
    with RunDir.open(
        folder, stage="verify", config=as_config(config), inputs=inputs, tools=tools, fresh=config.fresh
    ) as work:
        if work.finished:
            return work.summary(VerifySummary)
        if warning := behaviours.warning():
            progress.note(warning)
        answered = _Answered(config.data, _own(config.data, source, work) if source else None)
        total = answered.total()
        court = Court(behaviours, _judge(config, answered), prover, config.timeout_s)
        _verify(config, answered, court, work, total=total)
        tally = _write(work, answered)
        if not tally.kept:
            raise RtlscribeError(f"no row has enough agreement; {work.path / VERIFIED} tells why, row by row")
        summary = tally.summary(work)
        work.finish(summary)
    return summary


# What goes in


def _own(data: Path, source: Path, work: RunDir) -> Path:
    """A file of completions in our form: the given one, else what is in it, in the run's folder."""
    if source.is_file() and source.suffix != ".gz":
        number, first = next(jsonl.lines(source), (1, b"{}"))
        if jsonl.decode(first, _Key, path=source, line=number).problem_id:
            return source
    jsonl.write(work.path / COMPLETIONS, read_completions(source, read_problems(data)))
    return work.path / COMPLETIONS


class _Answered:
    """The input. Rows, and the completions of each, are read as they are wanted."""

    def __init__(self, data: Path, completions: Path | None) -> None:
        self.data, self.source = data, completions
        self.completions = Places(completions, Completion, "problem_id") if completions else None

    def total(self) -> int:
        """How many rows there are.

        Raises:
            DataError: none; an id stands there twice; a completion belongs to no row.
        """
        total = count(self.data, lambda: ((number, problem.id) for number, problem, _ in self._problems()))
        found = 0 if self.completions is None else sum(self.completions.count(p.id) for _, p, _ in self._problems())
        if self.source and self.completions is not None and found < len(self.completions):
            known = {problem.id for _, problem, _ in self._problems()}
            for number, line in jsonl.lines(self.source):
                name = jsonl.decode(line, _Key, path=self.source, line=number).problem_id
                if name not in known:
                    raise DataError(self.source, number, f"no problem of {self.data} has the id {name!r}")
        return total

    def has_testbench(self) -> bool:
        return any(problem.testbench for _, problem, _ in self._problems())

    def rows(self) -> Iterator[_Row]:
        """The rows, those without an answer too. Raises DataError: a completion stands there twice."""
        for _, problem, sample in self._problems():
            if sample is None:
                said = self._said(problem)
                model = next(iter(said.values())).model if said else ""
                sample = Sample(id=problem.id, instruction=problem.text, header=problem.header, origin=model)
                texts = {index: completion.text for index, completion in said.items()}
            else:
                texts = dict(enumerate(sample.responses or ((sample.verilog,) if sample.verilog else ())))
            answers = tuple(candidate_of(text, problem, index=index) for index, text in texts.items())
            yield _Row(problem, sample, answers)

    def _problems(self) -> Iterator[tuple[int, Problem, Sample | None]]:
        """Line, problem, and the sample that it is of where the answers are its own."""
        for number, line in jsonl.lines(self.data):
            if self.completions is not None:
                yield number, as_problem(line, self.data, number), None
            else:
                sample = as_sample(line, self.data, number)
                yield number, Problem(id=sample.id, text=sample.instruction, header=sample.header), sample

    def _said(self, problem: Problem) -> dict[int, Completion]:
        """A problem's completions by index, in its order."""
        assert self.source
        assert self.completions is not None
        said: dict[int, Completion] = {}
        for line in self.completions.lines(problem.id):
            completion = msgspec.json.decode(line, type=Completion)
            if completion.index in said:
                raise DataError(
                    self.source, None, f"completion {completion.index} of {problem.id!r} stands there twice"
                )
            said[completion.index] = completion
        return dict(sorted(said.items()))


# The work on the rows


def _judge(config: Config, answered: _Answered) -> Checker | None:
    """Who runs the rows' own testbenches, where there are any and they are wanted."""
    return open_checker("iverilog") if config.testbench == "use" and answered.has_testbench() else None


def _verify(config: Config, answered: _Answered, court: Court, work: RunDir, *, total: int) -> None:
    """Work on what is owed; each row is on disk as soon as it is decided."""
    with work.appending(VERIFIED):  # cuts off half a line
        done = _verified(work)

    def verify(row: _Row) -> Verified:
        return court.verify(row.problem, row.answers, min_agreement=config.min_agreement, min_votes=config.min_votes)

    owed = (row for row in answered.rows() if row.problem.id not in done)
    results = open_executor(config.executor).map(verify, owed, workers=config.workers)
    with progress.bar("verify", total, done=len(done)) as bar:
        work.keep(results, key=lambda row: row.problem.id, advance=bar.add, name=VERIFIED)


def _verified(work: RunDir) -> Places:
    return Places(work.path / VERIFIED, _Key)


# What comes out


def _write(work: RunDir, answered: _Answered) -> _Tally:
    """Write the samples that are kept, in the order of the input. Returns the count of all rows."""
    places, tally, path = _verified(work), _Tally(), work.path / VERIFIED

    def kept() -> Iterator[bytes]:
        for row in answered.rows():
            verified = jsonl.decode(next(places.lines(row.problem.id)), Verified, path=path, line=0)
            tally.add(verified)
            if not verified.reason:
                yield jsonl.encode(_sample(row.sample, verified))

    jsonl.replace(work.out, kept())
    return tally


def _sample(sample: Sample, verified: Verified) -> TracedSample:
    """The row that goes on: each different answer once, in order, the consensus among them by its place."""
    assert verified.reference is not None
    answers = verified.agreement.answers
    scores = {answer.code: answer.agreement for answer in answers if answer.code.strip()}
    code = answers[verified.reference].code
    earlier = sample.provenance if isinstance(sample, TracedSample) else {}
    check = f"{verified.votes} of {verified.agreement.compiled} answers agree"
    return TracedSample(
        id=sample.id,
        instruction=sample.instruction,
        description=sample.description,
        header=sample.header,
        verilog=code,
        responses=tuple(scores),
        scores=tuple(scores.values()),
        reference=list(scores).index(code),
        origin=f"verify:{sample.origin}",
        provenance=earlier | {"checks": "; ".join(part for part in (earlier.get("checks"), check) if part)},
    )


class _Tally:
    """The rows that were decided, counted as they come."""

    def __init__(self) -> None:
        self.rows = self.answers = self.compiled = self.kept = self.unanimous = 0
        self.tied = self.outvoted = self.unknown_only = self.split = self.merged = 0
        self.agreement = 0.0
        self.reasons: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()

    def add(self, verified: Verified) -> None:
        found = verified.agreement
        self.rows += 1
        self.answers += len(found.answers)
        self.compiled += found.compiled
        self.statuses.update(answer.status for answer in found.answers)
        self.unknown_only += sum(answer.unknown_only for answer in found.answers)
        self.split += verified.split
        self.merged += verified.merged
        if verified.reason or verified.reference is None:
            self.reasons[verified.reason] += 1
            return
        share = found.answers[verified.reference].agreement
        self.kept += 1
        self.agreement += share
        self.unanimous += share == 1
        self.tied += found.tied
        self.outvoted += verified.outvoted

    def summary(self, work: RunDir) -> VerifySummary:
        return VerifySummary(
            output=str(work.out),
            rows=self.rows,
            kept=self.kept,
            left_out=self.rows - self.kept,
            reasons=dict(sorted(self.reasons.items())),
            answers=self.answers,
            compiled=self.compiled,
            statuses=dict(sorted(self.statuses.items())),
            mean_agreement=round(self.agreement / max(1, self.kept), 4),
            unanimous=self.unanimous,
            tied=self.tied,
            unknown_only=self.unknown_only,
            outvoted=self.outvoted,
            split=self.split,
            merged=self.merged,
        )

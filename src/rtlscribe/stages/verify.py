"""Turn several answers to each instruction into one that most of them confirm. Proves nothing of the majority.

The answers are simulated on the same random stimulus (`checkers.behaviour`); the commonest behaviour wins, and its
first answer becomes the row's reference. Rows without enough agreement are left out, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.benchmarks.completions import read_completions
from rtlscribe.checkers.agreement import Agreement
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.checkers.behaviour import STEPS, TIMEOUT_S, Behaviours, candidate_of
from rtlscribe.errors import DataError, RtlscribeError
from rtlscribe.executors.base import open_executor
from rtlscribe.options import Count, Positive, Share
from rtlscribe.records import Candidate, Completion, Problem, Record, Sample
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import TracedSample, read_problems, stream_samples
from rtlscribe.summaries import VerifySummary

VERIFIED = "verified.jsonl"
PROVER = "yosys"
CHECK_TIMEOUT_S = 30.0  # of a row's own testbench, and of a proof


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe data verify`."""

    data: Path
    """Samples with several responses each; with --completions, the problems or samples that were answered."""

    _: KW_ONLY

    completions: Path | None = None
    """Answers: the out.jsonl of `rtlscribe sample`, or its run folder; they take the place of responses."""

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
    """How rows are worked on: serial or pool."""

    workers: Count = 2
    """Rows at a time."""

    output: Path | None = None
    """Run folder; runs/<date>-verify-<data> by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class Verified(Record, kw_only=True):
    """What became of one row. `reason` is why it was left out, "" if it was not.

    `votes` are those of the chosen answer, `reference` its place among the agreement's answers. `split` counts answers
    that a proof parted from the rest, `merged` those that it added, `outvoted` behaviours that are commoner than the
    chosen one and do not pass the row's own testbench.
    """

    id: str
    reason: str
    votes: int
    reference: int | None
    agreement: Agreement
    split: int = 0
    merged: int = 0
    outvoted: int = 0


class _Row(NamedTuple):
    """One instruction with its answers; `sample` is what goes on to the output."""

    problem: Problem
    sample: Sample
    answers: tuple[Candidate, ...]


class _Key(Record, kw_only=True, forbid_unknown_fields=False):
    """As much of a line as tells what is done."""

    id: str


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
    behaviours = Behaviours(steps=config.steps, seed=config.seed, timeout_s=config.timeout_s)
    prover = open_checker(PROVER) if config.formal else None
    tools = {"simulator": behaviours.name} | ({"prover": prover.name} if prover else {})
    with RunDir.open(
        folder, stage="verify", config=as_config(config), inputs=inputs, tools=tools, fresh=config.fresh
    ) as work:
        if work.finished:
            return work.summary(VerifySummary)
        if warning := behaviours.warning():
            progress.note(warning)
        answered = _Answered.read(config.data, source)
        court = _Court(behaviours, _judge(config, answered), prover)
        _verify(config, answered, court, work)
        tally = _write(work, answered)
        if not tally.kept:
            raise RtlscribeError(f"no row has enough agreement; {work.path / VERIFIED} tells why, row by row")
        summary = tally.summary(work)
        work.finish(summary)
    return summary


# What goes in


class _Answered(NamedTuple):
    """The input. Samples are read as they are wanted; problems with completions are all there."""

    data: Path
    problems: tuple[Problem, ...] = ()
    completions: Mapping[str, Sequence[Completion]] = {}

    @classmethod
    def read(cls, data: Path, completions: Path | None) -> _Answered:
        if completions is None:
            return cls(data)
        problems = read_problems(data)
        said: dict[str, list[Completion]] = {}
        for completion in read_completions(completions, problems):
            said.setdefault(completion.problem_id, []).append(completion)
        return cls(data, tuple(problems), said)

    def total(self) -> int:
        return len(self.problems) or sum(1 for _ in jsonl.lines(self.data))

    def rows(self) -> Iterator[_Row]:
        """The rows, those without an answer too.

        Raises:
            DataError: an id stands there twice.
        """
        for problem in self.problems:
            said = sorted(self.completions.get(problem.id, ()), key=lambda completion: completion.index)
            answers = tuple(candidate_of(c.text, problem, index=c.index) for c in said)
            model = said[0].model if said else ""
            sample = Sample(id=problem.id, instruction=problem.text, header=problem.header, origin=model)
            yield _Row(problem, sample, answers)
        seen = set()
        for number, sample in enumerate(stream_samples(self.data) if not self.problems else (), 1):
            if sample.id in seen:
                raise DataError(self.data, number, f"the id {sample.id!r} stands there twice")
            seen.add(sample.id)
            problem = Problem(id=sample.id, text=sample.instruction, header=sample.header)
            given = sample.responses or ((sample.verilog,) if sample.verilog else ())
            answers = tuple(candidate_of(text, problem, index=index) for index, text in enumerate(given))
            yield _Row(problem, sample, answers)


# The work on one row


class _Court(NamedTuple):
    """Who decides on a row: by simulation, by the row's own testbench, by proof."""

    behaviours: Behaviours
    judge: Checker | None
    prover: Checker | None

    def verify(self, row: _Row, *, min_agreement: float, min_votes: int) -> Verified:
        """What becomes of a row."""
        found = self.behaviours.compare(row.problem, row.answers)
        split = merged = outvoted = 0
        if self.prover and found.consensus is not None:
            found, split, merged = self._proved(row.problem, found, self.prover)
        reason = ""
        if self.judge and row.problem.testbench and found.consensus is not None:
            found, outvoted = self._passing(row.problem, found, self.judge)
            reason = "" if found.consensus is not None else "no behaviour passes its own testbench"
        reference = found.consensus
        votes = found.votes(found.answers[reference].behaviour) if reference is not None else 0
        if not reason:
            reason = _reason(found, reference, votes, min_agreement=min_agreement, min_votes=min_votes)
        return Verified(
            id=row.problem.id,
            reason=reason,
            votes=votes,
            reference=reference,
            agreement=found,
            split=split,
            merged=merged,
            outvoted=outvoted,
        )

    def _passing(self, problem: Problem, found: Agreement, judge: Checker) -> tuple[Agreement, int]:
        """The votes without the behaviours that are commoner than one that passes the testbench, and their number."""
        outvoted = 0
        while found.consensus is not None:
            candidate = _candidate(problem, found, found.consensus)
            if judge.check(candidate, problem, timeout_s=CHECK_TIMEOUT_S).status == "passed":
                break
            behaviour = found.answers[found.consensus].behaviour
            losers = (place for place, answer in enumerate(found.answers) if answer.behaviour == behaviour)
            found = found.regrouped(dict.fromkeys(losers))
            outvoted += 1
        return found, outvoted

    def _proved(self, problem: Problem, found: Agreement, prover: Checker) -> tuple[Agreement, int, int]:
        """The votes after a look for proofs; answers that were parted from the consensus, and added to it.

        Each different text is compared once; what the prover cannot decide stays as it is.
        """
        assert found.consensus is not None
        chosen = found.answers[found.consensus]
        against = Problem(
            id=problem.id, text=problem.text, header=problem.header, reference=chosen.code, top=problem.top
        )
        statuses, changes = {chosen.code: "passed"}, dict[int, int | None]()
        fresh = len(found.answers)  # no behaviour has a number as high
        for place, answer in enumerate(found.answers):
            inside = answer.behaviour == chosen.behaviour
            if not inside and not answer.unknown_only:
                continue
            if answer.code not in statuses:
                verdict = prover.check(_candidate(problem, found, place), against, timeout_s=CHECK_TIMEOUT_S)
                statuses[answer.code] = verdict.status
            status = statuses[answer.code]
            if inside and status == "failed":
                changes[place] = fresh + list(statuses).index(answer.code)
            elif not inside and status == "passed":
                changes[place] = chosen.behaviour
        split = sum(number != chosen.behaviour for number in changes.values())
        return (found.regrouped(changes) if changes else found), split, len(changes) - split


def _candidate(problem: Problem, found: Agreement, place: int) -> Candidate:
    answer = found.answers[place]
    return Candidate(problem_id=problem.id, index=answer.index, code=answer.code, assembly="modules")


def _reason(found: Agreement, reference: int | None, votes: int, *, min_agreement: float, min_votes: int) -> str:
    """Why a row is left out; "" if it is not. One of a few, so that they can be counted."""
    if not found.answers:
        return "no answer"
    if not found.compiled:
        return "no answer compiles"
    if reference is None:
        return "no answer's outputs tell anything"
    if votes < min_votes:
        return f"fewer than {min_votes} answers agree"
    if found.answers[reference].agreement < min_agreement:
        return f"agreement below {min_agreement:g}"
    return ""


def _judge(config: Config, answered: _Answered) -> Checker | None:
    """Who runs the rows' own testbenches, where there are any and they are wanted."""
    wanted = config.testbench == "use" and any(problem.testbench for problem in answered.problems)
    return open_checker("iverilog") if wanted else None


def _verify(config: Config, answered: _Answered, court: _Court, work: RunDir) -> None:
    """Work on what is owed; each row is on disk as soon as it is decided."""
    done = {key.id for key in work.done(_Key, name=VERIFIED)}

    def verify(row: _Row) -> Verified:
        return court.verify(row, min_agreement=config.min_agreement, min_votes=config.min_votes)

    owed = (row for row in answered.rows() if row.problem.id not in done)
    results = open_executor(config.executor).map(verify, owed, workers=config.workers)
    with progress.bar("verify", answered.total(), done=len(done)) as bar:
        work.keep(results, key=lambda row: row.problem.id, advance=bar.add, name=VERIFIED)


# What comes out


def _write(work: RunDir, answered: _Answered) -> _Tally:
    """Write the samples that are kept, in the order of the input. Returns the count of all rows."""
    path = work.path / VERIFIED
    places: dict[str, int] = {}
    tally, place = _Tally(), 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            places[jsonl.decode(line, _Key, path=path, line=number).id] = place
            place += len(line)

        def kept() -> Iterator[bytes]:
            for row in answered.rows():
                file.seek(places[row.problem.id])
                verified = jsonl.decode(file.readline(), Verified, path=path, line=0)
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

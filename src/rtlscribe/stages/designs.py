"""Write samples that are correct by construction, each checked by simulation. Does not train or evaluate."""

from __future__ import annotations

import itertools
import random
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.benchmarks.nearness import Problems
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.designs import FAMILIES
from rtlscribe.designs.families import Family, Unseen
from rtlscribe.designs.families import families as all_families
from rtlscribe.designs.generate import Worded, Wording, generate, worded
from rtlscribe.designs.naming import Names
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.options import Count, CountFromZero, Share
from rtlscribe.places import Places
from rtlscribe.records import Candidate, Record, Sample, Verdict
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.similarity import Pool
from rtlscribe.summaries import DesignsSummary
from rtlscribe.verilog.reword import reworded

CHECK_TIMEOUT_S = 30.0
VERDICTS = "verdicts.jsonl"
ANSWERED = "answered.jsonl"
ANY = -1  # a style that was drawn
MOST_STYLES = 9  # of code, that are tried; a family has fewer


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe data designs`."""

    _: KW_ONLY

    n: Count = 1000
    """Rows to write."""

    held_out: CountFromZero = 0
    """Problems to write besides, to held_out.jsonl: circuits of the same families that are in no row."""

    families: tuple[str, ...] = ()
    """Families to draw from, those of --unseen by default; a wrong name lists them."""

    unseen: Unseen = "no"
    """Families kept out of training, to measure with: without them (no), these alone (only), or with them (all)."""

    seed: int = 0
    """Which rows: the same seed gives the same rows everywhere."""

    wording: Wording = "rich"
    """plain: simple sentences; rich: tables, maps, waveforms, faulty code; brief: a few words without names."""

    names: Names = "family"
    """Ports called as is usual for a circuit, or, in most circuits whose names are told, in any way (any)."""

    styles: Literal["usual", "any"] = "usual"
    """Code in each family's usual style, or, where --against refuses that, in its next one; or in any of its styles."""

    distinct: Share = 1.0
    """Rouge-L above which an instruction is too near to an earlier row's, and is drawn anew; 1 keeps all."""

    against: tuple[str, ...] = ()
    """Benchmarks, perhaps as NAME=DIR, or files of problems: no row is too near to one. May be given again."""

    threshold: Share = 0.5
    """Rouge-L, of instruction or of code, above which a row is too near to a problem of --against."""

    answers: CountFromZero = 0
    """Answers to plant for each row, to answered.jsonl: tasks for `rtlscribe data verify` whose truth is known."""

    wrong: Share = 0.25
    """How likely each of these answers has a mistake, one of those that its family knows."""

    verify: bool = True
    """Compile and simulate every row, and keep only what passes its own testbench."""

    workers: Count = 2
    """Simulations at a time."""

    output: Path | None = None
    """Run folder; runs/<date>-designs by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class Checked(Record, kw_only=True):
    """The judgement on one row's reference. One that does not pass is a fault of its family."""

    id: str
    verdict: Verdict


def run(config: Config = Config()) -> DesignsSummary:  # cyclopts wants a default where all fields have one
    """Generate instruction-code samples that are correct by construction.

    Writes out.jsonl (samples) and problems.jsonl (the same with testbenches) into the run folder; if wanted,
    answered.jsonl and held_out.jsonl too. No circuit of a family is both in a row and in held_out.jsonl or `rtlscribe
    evaluate held-out`; the families of `rtlscribe evaluate held-out-families` are in no row unless asked for.
    """
    if config.threshold != Config.threshold and not config.against:
        raise UsageError(
            f"--threshold {config.threshold} wants something to compare with: --against verilogeval-human=DIR"
        )
    families = _families(config)
    problems = Problems(config.against) if config.against else None
    folder = config.output or default_folder("designs")
    checker = open_checker("iverilog") if config.verify else None
    with RunDir.open(
        folder,
        stage="designs",
        config=as_config(config),
        inputs=problems.inputs if problems else {},
        tools={"checker": checker.name} if checker else {},
        fresh=config.fresh,
    ) as work:
        if work.finished:
            return work.summary(DesignsSummary)
        rows = _Rows(config, families, problems)
        total = len(rows), sum(1 for _ in _held_out(config, families))
        for found, count, what in zip(total, (config.n, config.held_out), ("rows", "held-out problems"), strict=True):
            if found < count:
                progress.note(f"designs: these families have {found} different {what}, not {count}")
        failed = set[str]()
        if checker:
            wanted = itertools.chain(rows, _held_out(config, families))
            failed = _verify(wanted, sum(total), checker, work, config.workers)
        summary = _write(config, families, rows, work, failed)
        work.finish(summary)
    return summary


class _Rows:
    """The rows of a run. They are drawn once and made again wherever they are wanted, a millisecond each."""

    def __init__(self, config: Config, families: dict[str, Family], problems: Problems | None) -> None:
        self._config = config
        self._problems = problems
        self._families = list(families.values())
        self._drawn = array("H"), array("Q"), array("b")  # number of its family, seed, style
        self._pool, self._near = Pool(config.distinct), Counter[str]()
        numbers, dry = {family.name: number for number, family in enumerate(self._families)}, list[str]()
        drawn = generate(
            split="train",
            seed=config.seed,
            families=families,
            draw=_draw(config),
            taken=self._taken,
            ran_dry=dry.append,
        )
        with progress.bar("circuits", config.n) as bar:
            for row in itertools.islice(drawn, config.n):
                number, style = numbers[row.family.name], ANY if row.style is None else row.style
                for column, value in zip(self._drawn, (number, row.seed, style), strict=True):
                    column.append(value)
                bar.add()
        for what, count in self._near.items():
            progress.note(f"designs: {count} draws were nearer than {what}")
        if dry:
            rows = Counter(self._families[number].name for number in self._drawn[0])
            ended = ", ".join(f"{name} ({rows[name]})" for name in dry)
            progress.note(f"designs: families that ended early, as nothing new came, with their rows: {ended}")

    def __len__(self) -> int:
        return len(self._drawn[0])

    def __iter__(self) -> Iterator[Worded]:
        for number, seed, style in zip(*self._drawn, strict=True):
            yield self._made(self._families[number], seed, None if style == ANY else style)

    def _made(self, family: Family, seed: int, style: int | None) -> Worded:
        return _draw(self._config)(family, seed, style=style)

    def _taken(self, row: Worded) -> Worded | None:
        """The row, in a style that is far from the problems; None if none is, or its words are near to earlier ones."""
        far = self._far(row) if self._config.styles == "usual" else self._far(self._made(row.family, row.seed, None))
        if not far:
            self._near[f"{self._config.threshold} to a problem of --against"] += 1
        elif self._config.distinct < 1 and self._pool.add(far.instruction):
            self._near[f"{self._config.distinct} to an earlier row"] += 1
            return None
        return far

    def _far(self, row: Worded) -> Worded | None:
        if not self._problems:
            return row
        codes = set[str]()
        for style in range(1, MOST_STYLES):
            if row.design.reference not in codes:
                codes.add(row.design.reference)
                (found,) = self._problems.nearest([row.instruction], [row.design.reference])
                by_instruction, by_code = found.above(self._config.threshold)
                if not (by_instruction or by_code):
                    return row
                if by_instruction or row.style is None:
                    return None
            elif len(codes) == 1:
                return None  # it has one style
            row = self._made(row.family, row.seed, style)
        return None


def _draw(config: Config) -> Callable[..., Worded]:
    return partial(worded, wording=config.wording, names=config.names)


def _held_out(config: Config, families: dict[str, Family]) -> Iterator[Worded]:
    problems = generate(
        split="held_out",
        seed=config.seed,
        levels=("normal", "verbose"),
        families=families,
        draw=_draw(config),
    )
    return itertools.islice(problems, config.held_out)


def _write(
    config: Config, families: dict[str, Family], drawn: _Rows, work: RunDir, failed: Collection[str]
) -> DesignsSummary:
    """Write what passed."""

    def rows() -> Iterator[Worded]:
        return (row for row in drawn if row.id not in failed)

    kept = Counter(row.family.name for row in rows())
    if not kept:
        raise RtlscribeError(f"no row passed its own testbench; see {work.path / VERDICTS}")
    held_out = (row for row in _held_out(config, families) if row.id not in failed)
    jsonl.replace(work.path / "problems.jsonl", (jsonl.encode(row.problem()) for row in rows()))
    jsonl.replace(work.path / "held_out.jsonl", (jsonl.encode(row.problem()) for row in held_out))
    if config.answers:
        jsonl.replace(work.path / ANSWERED, (jsonl.encode(_answered(row, config)) for row in rows()))
    jsonl.replace(work.out, (jsonl.encode(row.sample()) for row in rows()))
    return DesignsSummary(output=str(work.out), rows=kept.total(), rejected=len(failed), families=dict(kept))


def _answered(row: Worded, config: Config) -> Sample:
    """A row with answers in its reference's place: that or a mistake of its family, in words of their own."""
    rng = random.Random(f"{config.seed} answers {row.id}")
    mistakes = row.design.mutants()
    codes = [
        rng.choice(mistakes) if rng.random() < config.wrong else row.design.reference for _ in range(config.answers)
    ]
    responses = tuple(reworded(code, seed=f"{row.id} {number}") for number, code in enumerate(codes))
    return Sample(
        id=row.id,
        instruction=row.instruction,
        header=row.header,
        responses=responses,
        origin=f"designs:{row.family.name}",
    )


def _families(config: Config) -> dict[str, Family]:
    """Those named, or those that `unseen` says. Raises UsageError: no such family, or both ways of choosing."""
    for name in config.families:
        if name not in FAMILIES:
            raise UsageError(f"no family is called {name!r}; there are: {', '.join(sorted(FAMILIES))}")
    if not config.families:
        return all_families(config.unseen)
    if config.unseen != "no":
        raise UsageError(f"--unseen {config.unseen} and --families both choose the families: leave out one of them")
    return {name: FAMILIES[name] for name in config.families}


def _verify(wanted: Iterable[Worded], total: int, checker: Checker, work: RunDir, workers: int) -> set[str]:
    """Simulate the references, each verdict on disk as soon as it is there. Returns the ids of those that fail."""
    with work.appending(VERDICTS):  # cuts off half a line
        done = Places(work.path / VERDICTS, Checked)

    def check(row: Worded) -> Checked:
        candidate = Candidate(problem_id=row.id, index=0, code=row.design.reference, assembly="reference")
        return Checked(id=row.id, verdict=checker.check(candidate, row.problem(), timeout_s=CHECK_TIMEOUT_S))

    with progress.bar("designs", total, done=len(done)) as bar:
        owed = (row for row in wanted if row.id not in done)
        results = open_executor("pool").map(check, owed, workers=workers)
        work.keep(results, key=lambda row: row.id, advance=bar.add, name=VERDICTS)
    verdicts = jsonl.read(work.path / VERDICTS, Checked)
    return {checked.id for checked in verdicts if checked.verdict.status != "passed"}

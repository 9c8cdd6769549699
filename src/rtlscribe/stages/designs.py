"""Write samples that are correct by construction, each checked by simulation. Does not train or evaluate."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.designs import FAMILIES
from rtlscribe.designs.families import Family
from rtlscribe.designs.generate import Worded, generate
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.options import Count, CountFromZero
from rtlscribe.records import Candidate, Record, Verdict
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.summaries import DesignsSummary

CHECK_TIMEOUT_S = 30.0
VERDICTS = "verdicts.jsonl"


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
    """Families to draw from, all by default; a wrong name lists them."""

    seed: int = 0
    """Which rows: the same seed gives the same rows everywhere."""

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

    Writes out.jsonl (samples) and problems.jsonl (the same with testbenches) into the run folder, and held_out.jsonl if
    wanted. No circuit of a family is both in a row and in held_out.jsonl or `rtlscribe evaluate held-out`.
    """
    families = _families(config.families)
    folder = config.output or default_folder("designs")
    checker = open_checker("iverilog") if config.verify else None
    tools = {"checker": checker.name} if checker else {}
    with RunDir.open(
        folder, stage="designs", config=as_config(config), inputs={}, tools=tools, fresh=config.fresh
    ) as work:
        if work.finished:
            return work.summary(DesignsSummary)
        rows = _take(generate(split="train", seed=config.seed, families=families), config.n, "rows")
        problems = generate(split="held_out", seed=config.seed, levels=("normal", "verbose"), families=families)
        held_out = _take(problems, config.held_out, "held-out problems")
        wanted = [*rows, *held_out]
        passed = _verify(wanted, checker, work, config.workers) if checker else {w.id for w in wanted}
        kept = [w for w in rows if w.id in passed]
        if not kept:
            raise RtlscribeError(f"no row passed its own testbench; see {work.path / VERDICTS}")
        jsonl.write(work.path / "problems.jsonl", (w.problem() for w in kept))
        jsonl.write(work.path / "held_out.jsonl", (w.problem() for w in held_out if w.id in passed))
        jsonl.write(work.out, (w.sample() for w in kept))
        summary = DesignsSummary(
            output=str(work.out),
            rows=len(kept),
            rejected=len(wanted) - len(passed),
            families=dict(Counter(w.family.name for w in kept)),
        )
        work.finish(summary)
    return summary


def _families(names: tuple[str, ...]) -> dict[str, Family]:
    for name in names:
        if name not in FAMILIES:
            raise UsageError(f"no family is called {name!r}; there are: {', '.join(sorted(FAMILIES))}")
    return {name: FAMILIES[name] for name in names or FAMILIES}


def _take(source: Iterator[Worded], count: int, what: str) -> list[Worded]:
    found = list(itertools.islice(source, count))
    if len(found) < count:
        progress.note(f"designs: these families have {len(found)} different {what}, not {count}")
    return found


def _verify(wanted: list[Worded], checker: Checker, work: RunDir, workers: int) -> set[str]:
    """Simulate the references, each verdict on disk as soon as it is there. Returns the ids of those that pass."""
    done = {checked.id for checked in work.done(Checked, name=VERDICTS)}

    def check(row: Worded) -> Checked:
        candidate = Candidate(problem_id=row.id, index=0, code=row.design.reference, assembly="reference")
        return Checked(id=row.id, verdict=checker.check(candidate, row.problem(), timeout_s=CHECK_TIMEOUT_S))

    with progress.bar("designs", len(wanted), done=len(done)) as bar:
        owed = [row for row in wanted if row.id not in done]
        results = open_executor("pool").map(check, owed, workers=workers)
        work.keep(results, key=lambda row: row.id, advance=bar.add, name=VERDICTS)
    return {checked.id for checked in work.done(Checked, name=VERDICTS) if checked.verdict.status == "passed"}

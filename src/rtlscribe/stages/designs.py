"""Write samples that are correct by construction, each checked by simulation. Does not train or evaluate."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.checkers.base import open_checker
from rtlscribe.designs.generate import Worded, generate
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.records import Candidate, Record, Verdict
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.summaries import DesignsSummary

CHECK_TIMEOUT_S = 30.0


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe data designs`."""

    _: KW_ONLY

    n: int = 1000
    """Rows to write."""

    seed: int = 0
    """Which rows: the same seed gives the same rows everywhere."""

    verify: bool = True
    """Compile and simulate every row, and keep only what passes its own testbench."""

    workers: int = 2
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

    Writes out.jsonl (samples) and problems.jsonl (the same with testbenches) into the run folder. No row's function is
    among the held-out problems of `rtlscribe evaluate held-out`.
    """
    if config.n < 1:
        raise UsageError(f"--n {config.n}: at least one row is wanted")
    folder = config.output or default_folder("designs")
    with RunDir.open(folder, stage="designs", config=as_config(config), inputs={}, fresh=config.fresh) as work:
        if work.finished:
            return work.summary(DesignsSummary)
        wanted = list(itertools.islice(generate(split="train", seed=config.seed), config.n))
        if config.verify:
            done = {checked.id for checked in work.done(Checked, name="verdicts.jsonl")}
            _verify([w for w in wanted if w.id not in done], work, config.workers, earlier=len(done))
            passed = {c.id for c in work.done(Checked, name="verdicts.jsonl") if c.verdict.status == "passed"}
            kept = [w for w in wanted if w.id in passed]
        else:
            kept = wanted
        if not kept:
            raise RtlscribeError(f"no row passed its own testbench; see {work.path / 'verdicts.jsonl'}")
        jsonl.write(work.path / "problems.jsonl", (w.problem() for w in kept))
        jsonl.write(work.out, (w.sample() for w in kept))
        families = Counter(w.family.name for w in kept)
        summary = DesignsSummary(
            output=str(work.out), rows=len(kept), rejected=len(wanted) - len(kept), families=dict(families)
        )
        work.finish(summary)
    return summary


def _verify(rows: list[Worded], work: RunDir, workers: int, *, earlier: int) -> None:
    """Simulate the references; each verdict is on disk as soon as it is there."""
    checker = open_checker("iverilog")

    def check(row: Worded) -> Checked:
        candidate = Candidate(problem_id=row.id, index=0, code=row.design.reference, assembly="reference")
        return Checked(id=row.id, verdict=checker.check(candidate, row.problem(), timeout_s=CHECK_TIMEOUT_S))

    with progress.bar("designs", earlier + len(rows), done=earlier) as bar:
        results = open_executor("pool").map(check, rows, workers=workers)
        work.keep(results, key=lambda row: row.id, advance=bar.add, name="verdicts.jsonl")

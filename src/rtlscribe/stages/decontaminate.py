"""Take rows out of a dataset that are too near to problems of a benchmark. Does not change the rows that stay."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.benchmarks.nearness import Nearest, Nearness, Problems
from rtlscribe.errors import UsageError
from rtlscribe.options import Count, Share
from rtlscribe.records import Record, Sample
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import stream_samples
from rtlscribe.summaries import DecontaminateSummary

BINS = 20
BLOCK = 512  # rows compared together
SCORES = "scores.jsonl"
REMOVED = "removed.jsonl"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `rtlscribe data decontaminate`."""

    data: Path
    """Rows, in any form that `rtlscribe train` reads."""

    against: tuple[str, ...]
    """Benchmarks, or files of problems or rows; NAME=DIR says where a benchmark's checkout is. May be given again."""

    threshold: Share = 0.5
    """Rouge-L to the nearest problem, of instruction or of code, above which a row is removed."""

    by: Literal["either", "instruction", "code"] = "either"
    """What removes a row: its instruction or its code, or one of the two alone."""

    workers: Count = 2
    """Threads that compare."""

    output: Path | None = None
    """Run folder; runs/<date>-decontaminate by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class Examined(Record, kw_only=True):
    """A row's nearest problems; None where nothing is in common, or there is no code."""

    id: str
    has_code: bool
    instruction: Nearest | None
    code: Nearest | None

    def near(self, threshold: float) -> tuple[bool, bool]:
        """Whether instruction and code are above a threshold."""
        return Nearness(self.instruction, self.code).above(threshold)


class Removed(Record, kw_only=True):
    """A row that was taken out, and why."""

    instruction: Nearest | None
    code: Nearest | None
    sample: Sample


def run(config: Config) -> DecontaminateSummary:
    """Remove rows that are too near to a benchmark's problems.

    Writes what stays to out.jsonl, what goes with its nearest problems to removed.jsonl, and the nearest problems of
    every row to scores.jsonl, each in the order of the rows.
    """
    problems = Problems(config.against)
    if config.data.resolve() in {path.resolve() for path in problems.inputs.values()}:
        raise UsageError(f"--against names {config.data}, the data itself; name what it must not hold")
    folder = config.output or default_folder("decontaminate")
    with RunDir.open(
        folder,
        stage="decontaminate",
        config=as_config(config),
        inputs={"data": config.data, **problems.inputs},
        fresh=config.fresh,
    ) as work:
        if work.finished:
            return work.summary(DecontaminateSummary)
        _examine(config, problems, work)
        removed = work.path / REMOVED
        jsonl.replace(work.out, (jsonl.encode(s) for s, near in _judged(config, work) if not _gone(near, config)))
        jsonl.replace(removed, (jsonl.encode(_removed(s, e)) for s, e in _judged(config, work) if _gone(e, config)))
        summary = _summary(config, work, len(problems))
        work.finish(summary)
    return summary


def _examine(config: Config, problems: Problems, work: RunDir) -> None:
    """Write the nearest problems of every row that an earlier attempt did not get to."""
    total = sum(1 for _ in jsonl.lines(config.data))
    with work.appending(SCORES) as append:
        done = sum(1 for _ in jsonl.lines(work.path / SCORES))
        rows = itertools.islice(stream_samples(config.data), done, None)
        with progress.bar("decontaminate", total, done=done) as bar:
            while block := list(itertools.islice(rows, BLOCK)):
                instructions, codes = [s.instruction for s in block], [s.verilog for s in block]
                near = problems.nearest(instructions, codes, workers=config.workers)
                for sample, (instruction, code) in zip(block, near, strict=True):
                    has_code = bool(sample.verilog.strip())
                    append(Examined(id=sample.id, has_code=has_code, instruction=instruction, code=code))
                bar.add(len(block))


def _judged(config: Config, work: RunDir) -> Iterator[tuple[Sample, Examined]]:
    """The rows again, each with what was found."""
    yield from zip(stream_samples(config.data), jsonl.read(work.path / SCORES, Examined), strict=True)


def _gone(examined: Examined, config: Config) -> bool:
    by_instruction, by_code = examined.near(config.threshold)
    return (by_instruction and config.by != "code") or (by_code and config.by != "instruction")


def _removed(sample: Sample, examined: Examined) -> Removed:
    return Removed(instruction=examined.instruction, code=examined.code, sample=sample)


def _summary(config: Config, work: RunDir, problems: int) -> DecontaminateSummary:
    rows = removed = by_instruction = by_code = 0
    instructions, codes = [0] * BINS, [0] * BINS
    for examined in jsonl.read(work.path / SCORES, Examined):
        near = examined.near(config.threshold)
        rows, removed = rows + 1, removed + _gone(examined, config)
        by_instruction, by_code = by_instruction + near[0], by_code + near[1]
        instructions[_bin(examined.instruction)] += 1
        codes[_bin(examined.code)] += examined.has_code
    return DecontaminateSummary(
        output=str(work.out),
        against=config.against,
        threshold=config.threshold,
        problems=problems,
        rows=rows,
        kept=rows - removed,
        removed=removed,
        by_instruction=by_instruction,
        by_code=by_code,
        instruction_histogram=tuple(instructions),
        code_histogram=tuple(codes),
        removed_rows=str(work.path / REMOVED),
    )


def _bin(nearest: Nearest | None) -> int:
    """A score of 1 is in the last part."""
    return min(int(nearest.score * BINS), BINS - 1) if nearest else 0

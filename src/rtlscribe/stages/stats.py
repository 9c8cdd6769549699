"""Say what is in a dataset: lengths, origins, what compiles, what is there twice. Changes and judges nothing."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray

from rtlscribe import jsonl, progress
from rtlscribe.checkers.base import open_checker
from rtlscribe.errors import UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.options import Count, Share
from rtlscribe.records import Candidate, Problem, Record, Sample
from rtlscribe.registry import extra
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import OTHERS, Sources, stream_samples
from rtlscribe.similarity import Pool, tokens
from rtlscribe.summaries import Lengths, StatsSummary

CHECK_TIMEOUT_S = 30.0
MOST_VALUES = 100  # told one by one of each name; the rest is counted as OTHERS
DUPLICATES = "duplicates.jsonl"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `rtlscribe data stats`."""

    data: Path
    """Rows, in any form that `rtlscribe train` reads."""

    tokenizer: Path | None = None
    """A tokenizer.json, or a model's folder that has one: tokens are counted too."""

    syntax: bool = True
    """Compile the code of every row (pyslang)."""

    near_duplicates: bool = True
    """Look for instructions that are near to earlier ones; takes about 4 KB of memory a row."""

    near: Share = 0.7
    """Rouge-L above which two instructions are near duplicates."""

    workers: Count = 2
    """Code checks at a time."""

    output: Path | None = None
    """Run folder; runs/<date>-stats by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class Duplicate(Record, kw_only=True):
    """A row that repeats an earlier one: its instruction or its code word for word, or nearly its instruction."""

    id: str
    kind: str
    of: str
    score: float = 1.0


class _Counts:
    """What is counted of each row."""

    def __init__(self, count_tokens: Callable[[str], int] | None) -> None:
        self.rows = self.with_code = self.with_scores = self.compiles = 0
        self.lengths = {name: array("I") for name in ("instruction words", "code words", "code lines")}
        self.count_tokens = count_tokens
        if count_tokens:
            self.lengths |= {"instruction tokens": array("I"), "code tokens": array("I")}
        self.sources = Sources()

    def add(self, sample: Sample) -> None:
        has_code = bool(sample.verilog.strip())
        self.rows += 1
        self.with_code += has_code
        self.with_scores += bool(sample.scores)
        self.sources.add(sample)
        self.lengths["instruction words"].append(len(tokens(sample.instruction)))
        if self.count_tokens:
            self.lengths["instruction tokens"].append(self.count_tokens(sample.instruction))
        if has_code:
            self.lengths["code words"].append(len(tokens(sample.verilog)))
            self.lengths["code lines"].append(sum(bool(line.strip()) for line in sample.verilog.splitlines()))
            if self.count_tokens:
                self.lengths["code tokens"].append(self.count_tokens(sample.verilog))


class _Twins:
    """Rows that were there before, by instruction, by code, and nearly. Add the rows of `path` in their order.

    For exact ones it goes through the file beforehand and keeps 16 bytes of a row.
    """

    def __init__(self, path: Path, near: float | None) -> None:
        self.pool = None if near is None else Pool(near)
        self.pooled: list[str] = []  # ids of the rows in the pool
        self.kinds: Counter[str] = Counter()
        digests = {"instruction": array("Q"), "code": array("Q")}
        for sample in stream_samples(path):
            digests["instruction"].append(_digest(sample.instruction))
            digests["code"].append(_digest(sample.verilog))
        self.first = {kind: _first(found) for kind, found in digests.items()}
        self.rows = 0
        self.ids: dict[int, str] = {}  # of the rows that others repeat

    def add(self, sample: Sample) -> Iterator[Duplicate]:
        found = []
        for kind, text in (("instruction", sample.instruction), ("code", sample.verilog)):
            first = int(self.first[kind][self.rows])
            if first == self.rows:
                self.ids[first] = sample.id
            elif first >= 0 and text.strip():
                found.append(Duplicate(id=sample.id, kind=kind, of=self.ids[first]))
        self.rows += 1
        if self.pool is not None and not any(duplicate.kind == "instruction" for duplicate in found):
            near = self.pool.add(sample.instruction)
            if near:
                found.append(Duplicate(id=sample.id, kind="near", of=self.pooled[near.number], score=near.score))
            else:
                self.pooled.append(sample.id)
        self.kinds.update(duplicate.kind for duplicate in found)
        yield from found


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.strip().encode(errors="replace"), digest_size=8).digest())


def _first(digests: array[int]) -> NDArray[np.int64]:
    """For each row the first one with its digest; -1 where no other has it."""
    keys = np.frombuffer(digests, np.uint64)
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.r_[True, keys[order[1:]] != keys[order[:-1]]])
    sizes = np.diff(np.r_[starts, len(keys)])
    found = np.empty(len(keys), np.int64)
    found[order] = np.repeat(np.where(sizes > 1, order[starts], -1), sizes)
    return found


def run(config: Config) -> StatsSummary:
    """Count what is in a dataset. Writes rows that repeat others to duplicates.jsonl."""
    count_tokens = _tokenizer(config.tokenizer) if config.tokenizer else None
    folder = config.output or default_folder("stats")
    inputs = {"data": config.data} | ({"tokenizer": config.tokenizer} if config.tokenizer else {})
    with RunDir.open(
        folder, stage="stats", config=as_config(config), inputs=inputs, tools={}, fresh=config.fresh
    ) as work:
        if work.finished:
            return work.summary(StatsSummary)
        counts = _Counts(count_tokens)
        twins = _Twins(config.data, config.near if config.near_duplicates else None)
        jsonl.replace(work.path / DUPLICATES, map(jsonl.encode, _count(config, counts, twins)))
        summary = _summary(config, work, counts, twins)
        work.finish(summary)
    return summary


def _tokenizer(path: Path) -> Callable[[str], int]:
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"--tokenizer {path}: there is no {file}; wanted a tokenizer.json of Hugging Face's")
    with extra("hf"):
        from tokenizers import Tokenizer
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing more exact
        raise UsageError(f"--tokenizer {file} cannot be read: {error}") from error
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _count(config: Config, counts: _Counts, twins: _Twins) -> Iterator[Duplicate]:
    """Go through the rows once, however many there are; the duplicates among them."""
    checker = open_checker("pyslang")

    def compiles(sample: Sample) -> bool:
        candidate = Candidate(problem_id=sample.id, index=0, code=sample.verilog, assembly="reference")
        problem = Problem(id=sample.id, text=sample.instruction)
        return checker.check(candidate, problem, timeout_s=CHECK_TIMEOUT_S).status == "passed"

    found: list[Duplicate] = []

    def rows(bar: progress.Bar) -> Iterator[Sample]:
        for sample in stream_samples(config.data):
            counts.add(sample)
            found.extend(twins.add(sample))
            bar.add()
            if config.syntax and sample.verilog.strip():
                yield sample

    with progress.bar("stats", len(twins.first["code"])) as bar:
        for result in open_executor("pool").map(compiles, rows(bar), workers=config.workers):
            if result.error:
                raise result.error
            counts.compiles += bool(result.value)
            yield from found
            found.clear()
        yield from found


def _summary(config: Config, work: RunDir, counts: _Counts, twins: _Twins) -> StatsSummary:
    lengths = {name.replace(" ", "_"): _lengths(values) for name, values in counts.lengths.items()}
    own: dict[str, Any] = lengths
    return StatsSummary(
        output=str(work.path / DUPLICATES),
        data=str(config.data),
        rows=counts.rows,
        with_code=counts.with_code,
        with_scores=counts.with_scores,
        compiles=counts.compiles if config.syntax else None,
        same_instruction=twins.kinds["instruction"],
        same_code=twins.kinds["code"],
        near=config.near,
        near_duplicates=twins.kinds["near"] if config.near_duplicates else None,
        origins=_most(counts.sources.origins),
        provenance={name: _most(values) for name, values in sorted(counts.sources.provenance.items())},
        tokenizer=str(config.tokenizer or ""),
        **own,
    )


def _lengths(values: array[int]) -> Lengths:
    if not values:
        return Lengths(mean=0.0, p5=0, median=0, p95=0, longest=0, total=0)
    p5, median, p95 = (int(np.percentile(values, share, method="inverted_cdf")) for share in (5, 50, 95))
    total = sum(values)
    return Lengths(mean=round(total / len(values), 2), p5=p5, median=median, p95=p95, longest=max(values), total=total)


def _most(counter: Counter[str]) -> dict[str, int]:
    told = {value: count for value, count in counter.most_common(MOST_VALUES) if value != OTHERS}
    rest = counter.total() - sum(told.values())
    return told | ({OTHERS: rest} if rest else {})

"""How near rows are to the problems of benchmarks. Removes nothing.

The paper, 4.2: Rouge-L of instruction with instruction and of code with code, above 0.5 in either a row goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rtlscribe.benchmarks.base import benchmark_inputs, load_problems
from rtlscribe.errors import UsageError
from rtlscribe.records import Problem, Record
from rtlscribe.samples import read_problems
from rtlscribe.similarity import Index


class Nearest(Record, kw_only=True):
    """The problem that is nearest to a part of a row, as BENCHMARK/ID, and their Rouge-L."""

    problem: str
    score: float


class Nearness(NamedTuple):
    """A row's nearest problems; None where nothing is in common, or there is no code."""

    instruction: Nearest | None
    code: Nearest | None

    def above(self, threshold: float) -> tuple[bool, bool]:
        """Whether instruction and code are nearer than a threshold."""
        by_instruction, by_code = (bool(n and n.score > threshold) for n in self)
        return by_instruction, by_code


class Problems:
    """The problems of some benchmarks or files, to be compared with.

    Args:
        against: benchmarks, perhaps as NAME=DIR, or files of problems or rows.

    Raises:
        UsageError: none is named, or there is no such benchmark. DataError: a file cannot be read.
    """

    def __init__(self, against: Sequence[str]) -> None:
        if not against:
            raise UsageError("nothing to compare with; name a benchmark or a file: --against verilogeval-human=DIR")
        self.inputs: dict[str, Path] = {}  # the files that they are read from
        named: list[tuple[str, Problem]] = []
        for given in against:
            if Path(given).is_file():
                name, found, files = Path(given).stem, read_problems(Path(given)), {"file": Path(given)}
            else:
                name, _, place = given.partition("=")
                root = Path(place) if place else None
                found, files = load_problems(name, root=root), benchmark_inputs(name, root)
            named += [(f"{name}/{problem.id}", problem) for problem in found]
            self.inputs |= {f"{given}: {part}": path for part, path in files.items()}
        self._instructions = _Side([(name, p.text) for name, p in named])
        self._codes = _Side([(name, p.reference) for name, p in named])
        self._count = len(named)

    def __len__(self) -> int:
        return self._count

    def nearest(self, instructions: Sequence[str], codes: Sequence[str], *, workers: int = 1) -> list[Nearness]:
        """Of each row; `workers` are threads."""
        by_instruction = self._instructions.nearest(instructions, workers)
        return list(map(Nearness, by_instruction, self._codes.nearest(codes, workers)))


class _Side:
    """One part of all problems, instruction or code: which of them is nearest to a text?"""

    def __init__(self, named: Sequence[tuple[str, str]]) -> None:
        kept = [(name, text) for name, text in named if text.strip()]
        self.names = [name for name, _ in kept]
        self.index = Index(text for _, text in kept)

    def nearest(self, texts: Sequence[str], workers: int) -> list[Nearest | None]:
        found = self.index.nearest_of_each(texts, workers=workers)
        return [Nearest(problem=self.names[f.number], score=f.score) if f else None for f in found]

"""The contract of a benchmark, the table of them, and where their files come from.

How a log says "passed" is data of the problem, not code here. Downloads nothing: a benchmark of others is read from the
user's own checkout.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from rtlscribe import jsonl, registry
from rtlscribe.errors import DataError, UsageError
from rtlscribe.records import Problem
from rtlscribe.samples import read_problems

TABLE = {
    "held-out": "rtlscribe.benchmarks.held_out:HeldOut",
    "held-out-families": "rtlscribe.benchmarks.held_out:HeldOutFamilies",
    "verilogeval-human": "rtlscribe.benchmarks.verilog_eval:Human",
    "verilogeval-machine": "rtlscribe.benchmarks.verilog_eval:Machine",
    "verilogeval2-spec": "rtlscribe.benchmarks.verilog_eval:SpecToRtl",
    "verilogeval2-complete": "rtlscribe.benchmarks.verilog_eval:CodeComplete",
    "rtllm-1.0": "rtlscribe.benchmarks.rtllm:Rtllm10",
    "rtllm-1.1": "rtlscribe.benchmarks.rtllm:Rtllm11",
    "rtllm-2.0": "rtlscribe.benchmarks.rtllm:Rtllm20",
}


class Source(NamedTuple):
    """Where a checkout comes from, and the environment variable that says where it is."""

    repository: str
    branch: str
    variable: str

    @property
    def remedy(self) -> str:
        """How to get it and to say where it is."""
        return f"`git clone -b {self.branch} {self.repository} DIR`, then --root DIR or {self.variable}=DIR"


class Benchmark(Protocol):
    """A set of problems with testbenches.

    `source` is None where no checkout is needed; then `root` is None everywhere. `has_shots` and `has_rules`: whether
    the benchmark publishes examples and rules to put to a model with each question.
    """

    source: Source | None
    has_shots: bool
    has_rules: bool

    def branch_of(self, root: Path) -> str:
        """The branch that a folder looks like a checkout of; "" for none of this repository."""
        ...

    def inputs(self, root: Path | None) -> dict[str, Path]:
        """The files and folders that `load` reads, by name."""
        ...

    def load(self, root: Path | None, *, shots: int, rules: bool) -> list[Problem]:
        """The problems. Raises UsageError and DataError."""
        ...


def load_problems(name: str, *, root: Path | None = None, shots: int = 0, rules: bool = False) -> list[Problem]:
    """The problems of a benchmark, or of a JSON Lines file of Problems.

    `root` is the checkout of a benchmark that needs one. `shots` (how many examples) and `rules` go into the problems'
    `prompt`, where the benchmark publishes them.

    Raises:
        UsageError: no such benchmark, file or checkout, or an option that this benchmark does not have.
        DataError: the content of a file is wrong.
    """
    if name.endswith(".jsonl"):
        _refuse_options(name, root=root, shots=shots, rules=rules)
        return read_problems(Path(name))
    benchmark = _open(name)
    _refuse_options(
        name,
        root=None if benchmark.source else root,
        shots=0 if benchmark.has_shots else shots,
        rules=rules and not benchmark.has_rules,
    )
    return benchmark.load(_checkout(name, benchmark, root), shots=shots, rules=rules)


def needs_checkout(name: str) -> bool:
    """Whether a benchmark is read from a checkout of its authors' repository. Raises UsageError: no such benchmark."""
    return not name.endswith(".jsonl") and _open(name).source is not None


def benchmark_inputs(name: str, root: Path | None = None) -> dict[str, Path]:
    """The files and folders that a benchmark is read from, by name: inputs of a run. Raises as `load_problems` does."""
    if name.endswith(".jsonl"):
        return {"benchmark": Path(name)}
    benchmark = _open(name)
    return benchmark.inputs(_checkout(name, benchmark, root))


def read_text(path: Path) -> str:
    """A text file as it is, its line ends included.

    Raises:
        UsageError: it cannot be read. DataError: it is no UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(path, None, f"no text in UTF-8: {error}") from error


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a JSON Lines file that are not blank, counted from 1; a name that ends in .gz is unpacked.

    Raises:
        UsageError: it cannot be read. DataError: it is not packed by gzip.
    """
    if path.suffix != ".gz":
        yield from jsonl.lines(path)
        return
    try:
        with gzip.open(path) as file:
            yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(path, None, f"not a whole gzip file: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _open(name: str) -> Benchmark:
    benchmark: Benchmark = registry.lookup("benchmark", name, TABLE)()
    return benchmark


def _refuse_options(name: str, *, root: Path | None, shots: int, rules: bool) -> None:
    if root:
        raise UsageError(f"{name} needs no checkout: leave out --root {root}")
    for option, given in (("--shots", shots), ("--prompt-rules", rules)):
        if given:
            raise UsageError(f"{option}: {name} publishes none; verilogeval2-spec does")


def _checkout(name: str, benchmark: Benchmark, root: Path | None) -> Path | None:
    """The checkout to read from: `root`, else of those that the variable names the one of the right branch."""
    source = benchmark.source
    if source is None:
        return None
    given = os.environ.get(source.variable, "")
    places = [root] if root else [Path(place) for place in given.split(os.pathsep) if place]
    if not places:
        raise UsageError(f"{name} is read from a checkout of its repository: {source.remedy}")
    found = {place: benchmark.branch_of(place) for place in places}
    for place, branch in found.items():
        if branch == source.branch:
            return place
    place, branch = next(iter(found.items()))
    if not place.is_dir():
        seen = f"there is no folder {place}"
    elif branch:
        seen = f"{place} looks like branch {branch}, and {name} is branch {source.branch}"
    else:
        seen = f"{place} does not look like a checkout of {source.repository}"
    raise UsageError(f"{seen}: {source.remedy}")

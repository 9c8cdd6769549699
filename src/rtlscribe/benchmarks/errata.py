"""Errata of a benchmark: which of its problems cannot be judged and why, one a line, to be edited by hand.

Written by `rtlscribe audit`, read by `rtlscribe evaluate --errata`. Finds no faults itself, and changes no problem.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from rtlscribe import jsonl
from rtlscribe.errors import DataError
from rtlscribe.records import Problem, Record


class Erratum(Record, kw_only=True):
    """One fault of one problem.

    Problem, kind and action are all that a line written by hand needs. `sha256` is of what the problem is judged by and
    has to fit where it is given; `checker` names the simulator that showed the fault.
    """

    problem_id: str
    kind: str
    action: Literal["exclude", "keep"]
    detail: str = ""
    benchmark: str = ""
    sha256: str = ""
    checker: str = ""


def benchmark_name(benchmark: str) -> str:
    """What errata call a benchmark: its name, or that of its file without the folder."""
    return Path(benchmark).name


def content_hash(problem: Problem) -> str:
    """sha256 of what a problem is judged by, in hexadecimal: not of its text, nor of what a model is told."""
    parts = [problem.top, problem.reference, problem.testbench, problem.pass_pattern, *problem.fail_patterns]
    parts += [part for name in sorted(problem.files) for part in (name, problem.files[name])]
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()


def read_errata(path: Path, problems: Mapping[str, Problem], *, benchmark: str) -> dict[str, str]:
    """Why problems are to be left out, by their ids; of several reasons all. Lines with "keep" leave nothing out.

    Raises:
        UsageError: the file cannot be read.
        DataError: a line is no erratum, is about another benchmark, an unknown problem, or one that has been changed.
    """
    name = benchmark_name(benchmark)
    reasons: dict[str, list[str]] = {}
    for number, text in jsonl.lines(path):
        erratum = jsonl.decode(text, Erratum, path=path, line=number)
        if erratum.benchmark and erratum.benchmark != name:
            raise DataError(path, number, f"an erratum of {erratum.benchmark!r}, not of {name!r}")
        if erratum.problem_id not in problems:
            raise DataError(path, number, f"{name} has no problem {erratum.problem_id!r}")
        if erratum.sha256 and erratum.sha256 != content_hash(problems[erratum.problem_id]):
            raise DataError(
                path,
                number,
                f"{erratum.problem_id!r} is another than the one this was found in (its sha256 differs): "
                "see `rtlscribe audit`, or delete the line's sha256",
            )
        if erratum.action == "exclude":
            why = f"{erratum.kind}: {erratum.detail}" if erratum.detail else erratum.kind
            reasons.setdefault(erratum.problem_id, []).append(why)
    return {problem_id: "; ".join(found) for problem_id, found in reasons.items()}

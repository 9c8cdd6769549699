"""Read a data file as Samples or Problems, whichever of the known forms it has. Does not change or write files.

Known: our own Samples and Problems, RTL-Coder's `Instruction/Input/Response[/Score]`, LLaMA-Factory's
`instruction/output`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from rtlscribe import jsonl
from rtlscribe.errors import DataError
from rtlscribe.records import Problem, Record, Sample


class _RtlCoder(Record, kw_only=True):
    """A row of RTL-Coder; with scores, the last response is the reference."""

    Instruction: str
    Input: str = ""
    Response: tuple[str, ...]
    Score: tuple[float, ...] = ()


class _Question(Record, kw_only=True):
    """A row of RTL-Coder without an answer."""

    Instruction: str
    Input: str = ""


class _LlamaFactory(Record, kw_only=True):
    instruction: str
    input: str = ""
    output: str
    system: str = ""
    history: list[Any] = []


def read_samples(path: Path) -> list[Sample]:
    """The rows of a data file.

    Raises:
        UsageError: the file cannot be read.
        DataError: it is empty, or a line is of no known form; names the line.
    """
    rows = [_sample(text, path, number) for number, text in jsonl.lines(path)]
    if not rows:
        raise DataError(path, None, "no rows; expected one JSON object a line")
    return rows


def read_problems(path: Path) -> list[Problem]:
    """The problems of a file; a data row counts as a problem without a testbench. Raises as `read_samples` does."""
    problems: dict[str, Problem] = {}
    for number, text in jsonl.lines(path):
        problem = _problem(text, path, number)
        if problem.id in problems:
            raise DataError(path, number, f"the id {problem.id!r} stands there twice")
        problems[problem.id] = problem
    if not problems:
        raise DataError(path, None, "no rows; expected one JSON object a line")
    return list(problems.values())


def _problem(text: bytes, path: Path, number: int) -> Problem:
    keys = _keys(text, path, number)
    if "text" in keys:
        problem = jsonl.decode(text, Problem, path=path, line=number)
        if problem.testbench and not problem.pass_pattern:
            raise DataError(path, number, "a testbench without a pass_pattern: what does it print when it passes?")
        for pattern in (problem.pass_pattern, *problem.fail_patterns):
            try:
                re.compile(pattern)
            except re.error as error:
                raise DataError(path, number, f"the pattern {pattern!r} is no regular expression: {error}") from error
        return problem
    if "Instruction" in keys and "Response" not in keys:  # RTL-Coder's files of questions, such as rtllm-1.1.json
        question = jsonl.decode(text, _Question, path=path, line=number)
        return Problem(id=f"{path.stem}-{number}", text=question.Instruction, header=question.Input)
    sample = _sample(text, path, number)
    return Problem(id=sample.id, text=sample.instruction, header=sample.header, reference=sample.verilog)


def _sample(text: bytes, path: Path, number: int) -> Sample:
    keys = _keys(text, path, number)
    row_id = f"{path.stem}-{number}"
    if "Instruction" in keys:
        row = jsonl.decode(text, _RtlCoder, path=path, line=number)
        if row.Score and len(row.Score) != len(row.Response):
            raise DataError(path, number, f"{len(row.Response)} responses but {len(row.Score)} scores")
        if not row.Response:
            raise DataError(path, number, "Response is empty")
        scored = bool(row.Score)
        return Sample(
            id=row_id,
            instruction=row.Instruction,
            header=row.Input,
            verilog=row.Response[-1],
            responses=row.Response if scored else (),
            scores=row.Score,
            reference=len(row.Response) - 1 if scored else None,
            origin="rtl-coder",
        )
    if "output" in keys:
        other = jsonl.decode(text, _LlamaFactory, path=path, line=number)
        instruction = "\n".join(part for part in (other.instruction, other.input) if part)
        return Sample(id=row_id, instruction=instruction, verilog=other.output, origin="llama-factory")
    return jsonl.decode(text, Sample, path=path, line=number)


def _keys(text: bytes, path: Path, number: int) -> set[str]:
    return set(jsonl.decode(text, dict[str, msgspec.Raw], path=path, line=number))

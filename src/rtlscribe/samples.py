"""Read a data file as Samples or Problems, whichever of the known forms it has. Does not change or write files.

Known: our own Samples and Problems, RTL-Coder's `Instruction/Input/Response[/Score]`, LLaMA-Factory's
`instruction/output`.
"""

from __future__ import annotations

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
    numbered = list(jsonl.lines(path))
    if numbered and "text" in _keys(numbered[0][1], path, numbered[0][0]):
        problems = list(jsonl.read(path, Problem))
    else:
        problems = [
            Problem(id=s.id, text=s.instruction, header=s.header, reference=s.verilog) for s in read_samples(path)
        ]
    seen: set[str] = set()
    for problem, (number, _) in zip(problems, numbered, strict=True):
        if problem.id in seen:
            raise DataError(path, number, f"the id {problem.id!r} stands there twice")
        seen.add(problem.id)
    return problems


def _sample(text: bytes, path: Path, number: int) -> Sample:
    keys = _keys(text, path, number)
    row_id = f"{path.stem}-{number}"
    if "Instruction" in keys:
        row = jsonl.decode(text, _RtlCoder, path=path, line=number)
        if not row.Response:
            raise DataError(path, number, "Response is empty")
        if row.Score and len(row.Score) != len(row.Response):
            raise DataError(path, number, f"{len(row.Response)} responses but {len(row.Score)} scores")
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

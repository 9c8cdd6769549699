"""Rows of data files in all known forms: read as Samples or Problems, and Samples put into a form. Writes no files.

Known: our own Samples and Problems, RTL-Coder's `Instruction/Input/Response[/Score]`, LLaMA-Factory's
`instruction/output`, chat `messages` (OpenAI's `role/content`, or ShareGPT's `conversations` with `from/value`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from rtlscribe import jsonl
from rtlscribe.errors import DataError
from rtlscribe.records import Problem, Record, Sample

Form = Literal["samples", "rtl-coder", "llama-factory", "chat"]
FORMS: tuple[Form, ...] = get_args(Form)

OTHERS = "others"
MOST_VALUES = 1000

_HEADER = re.compile(r"\s*module\b[^;]*;\s*")  # all of a text: a module's name and ports, and nothing of its body
_SPEAKERS = {"human": "user", "gpt": "assistant"}  # ShareGPT's names


class TracedSample(Sample, kw_only=True):
    """A sample that says how it came about, in words by name: teacher, prompt, sampling, checks, licence, source."""

    provenance: dict[str, str] = {}


class Sources:
    """Where samples say that they come from, counted: origins, and the values of each name of their provenance."""

    def __init__(self) -> None:
        self.origins: Counter[str] = Counter()
        self.provenance: dict[str, Counter[str]] = {}

    def add(self, sample: Sample) -> None:
        _count(self.origins, sample.origin)
        for name, value in sample.provenance.items() if isinstance(sample, TracedSample) else ():
            if name != "source":  # which row of which file: of its own for each
                _count(self.provenance.setdefault(name, Counter()), value)


def _count(values: Counter[str], value: str) -> None:
    """Of values without end only the first are told apart, so that this takes no more memory with more rows."""
    values[value if value in values or len(values) < MOST_VALUES else OTHERS] += 1


class _RtlCoder(Record, kw_only=True):
    """A row of RTL-Coder; the last response is the reference, scored or not."""

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


class _Message(Record, kw_only=True):
    role: str
    content: str


class _Chat(Record, kw_only=True):
    messages: tuple[_Message, ...]


class _Turn(Record, rename={"speaker": "from"}, kw_only=True):
    speaker: str
    value: str


class _ShareGpt(Record, kw_only=True):
    conversations: tuple[_Turn, ...]
    system: str = ""


def read_samples(path: Path) -> list[Sample]:
    """The rows of a data file.

    Raises:
        UsageError: the file cannot be read.
        DataError: it is empty, or a line is of no known form; names the line.
    """
    return list(stream_samples(path))


def stream_samples(path: Path) -> Iterator[Sample]:
    """The rows of a data file one by one, so that a file of JSON Lines may be of any size. Raises as `read_samples`."""
    number = 0
    for number, text in jsonl.lines(path):
        yield as_sample(text, path, number)
    if not number:
        raise DataError(path, None, "no rows; expected one JSON object a line")


def columns(keys: Collection[str]) -> frozenset[str]:
    """The columns of the form that a row with such keys has; what else is in the row is no part of the form."""
    if "messages" in keys:
        kind: type[Record] = _Chat
    elif "conversations" in keys:
        kind = _ShareGpt
    elif "Instruction" in keys:
        kind = _RtlCoder
    else:
        kind = _LlamaFactory if "output" in keys else TracedSample
    return frozenset(kind.__struct_encode_fields__)


def in_form(sample: Sample, form: Form) -> Any:
    """A sample as a row of a form: what to write, as one JSON object.

    Only `samples` holds everything. RTL-Coder's form has the candidates and scores, the reference last; the others have
    the instruction, the header and the reference code.
    """
    if form == "samples":
        return sample
    if form == "rtl-coder":
        return _rtl_coder(sample)
    if form == "llama-factory":
        return {"instruction": sample.instruction, "input": sample.header, "output": sample.verilog}
    asked = f"{sample.instruction}\n{sample.header}" if sample.header else sample.instruction
    said = ({"role": "user", "content": asked}, {"role": "assistant", "content": sample.verilog})
    return {"messages": said}


def _rtl_coder(sample: Sample) -> dict[str, Any]:
    row: dict[str, Any] = {"Instruction": sample.instruction, "Input": sample.header}
    if sample.reference is None or not sample.responses:
        return row | {"Response": [sample.verilog]}
    places = [k for k in range(len(sample.responses)) if k != sample.reference] + [sample.reference]
    row["Response"] = [sample.responses[k] for k in places]
    return row | ({"Score": [sample.scores[k] for k in places]} if sample.scores else {})


def read_problems(path: Path) -> list[Problem]:
    """The problems of a file; a data row counts as a problem without a testbench. Raises as `read_samples` does."""
    problems: dict[str, Problem] = {}
    for number, text in jsonl.lines(path):
        problem = as_problem(text, path, number)
        if problem.id in problems:
            raise DataError(path, number, f"the id {problem.id!r} stands there twice")
        problems[problem.id] = problem
    if not problems:
        raise DataError(path, None, "no rows; expected one JSON object a line")
    return list(problems.values())


def as_problem(text: bytes, path: Path, number: int) -> Problem:
    """The problem that a row means; a data row counts as one without a testbench. Raises as `as_sample` does."""
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
    sample = as_sample(text, path, number)
    return Problem(id=sample.id, text=sample.instruction, header=sample.header, reference=sample.verilog)


def as_sample(text: bytes, path: Path, number: int) -> Sample:
    """The sample that a row means, whatever its form. Raises DataError: no known form; names `path` and `number`."""
    keys = _keys(text, path, number)
    row_id = f"{path.stem}-{number}"
    if "Instruction" in keys:
        row = jsonl.decode(text, _RtlCoder, path=path, line=number)
        if row.Score and len(row.Score) != len(row.Response):
            raise DataError(path, number, f"{len(row.Response)} responses but {len(row.Score)} scores")
        if not row.Response:
            raise DataError(path, number, "Response is empty")
        several = bool(row.Score) or len(row.Response) > 1
        return Sample(
            id=row_id,
            instruction=row.Instruction,
            header=row.Input,
            verilog=row.Response[-1],
            responses=row.Response if several else (),
            scores=row.Score,
            reference=len(row.Response) - 1 if several else None,
            origin="rtl-coder",
        )
    if "output" in keys:
        other = jsonl.decode(text, _LlamaFactory, path=path, line=number)
        header = other.input if _HEADER.fullmatch(other.input) else ""
        instruction = "\n".join(part for part in (other.instruction, other.input) if part and part != header)
        return Sample(id=row_id, instruction=instruction, header=header, verilog=other.output, origin="llama-factory")
    if keys & {"messages", "conversations"}:
        return _dialogue(text, keys, path, number)
    return jsonl.decode(text, TracedSample if "provenance" in keys else Sample, path=path, line=number)


def _dialogue(text: bytes, keys: Collection[str], path: Path, number: int) -> Sample:
    """One question and one answer; what the system was told is no part of a sample."""
    if "messages" in keys:
        said = [(m.role, m.content) for m in jsonl.decode(text, _Chat, path=path, line=number).messages]
    else:
        turns = jsonl.decode(text, _ShareGpt, path=path, line=number).conversations
        said = [(_SPEAKERS.get(turn.speaker, turn.speaker), turn.value) for turn in turns]
    spoken = [(who, words) for who, words in said if who != "system"]
    if [who for who, _ in spoken] != ["user", "assistant"]:
        order = ", ".join(who for who, _ in spoken) or "nobody"
        raise DataError(path, number, f"a row is one question and one answer: user, assistant; here {order} speak")
    (_, instruction), (_, answer) = spoken
    return Sample(id=f"{path.stem}-{number}", instruction=instruction, verilog=answer, origin="chat")


def _keys(text: bytes, path: Path, number: int) -> set[str]:
    return set(jsonl.decode(text, dict[str, msgspec.Raw], path=path, line=number))

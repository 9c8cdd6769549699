"""A model that says what a file tells it to: completions recorded elsewhere, and the fake of the tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rtlscribe import jsonl
from rtlscribe.models.base import Request
from rtlscribe.records import Completion, Record, Sampling


class Line(Record, kw_only=True):
    """One recorded answer. `problem_id` "*" answers every problem that has no line of its own."""

    problem_id: str
    text: str


class ScriptedModel:
    """Reads JSON Lines of `Line`. Index i gets a problem's i-th line, round and round."""

    def __init__(self, path: str, *, batch_size: int = 32) -> None:
        self.name = f"scripted:{path}"
        self._texts: dict[str, list[str]] = {}
        for line in jsonl.read(Path(path), Line):
            self._texts.setdefault(line.problem_id, []).append(line.text)

    def complete(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Completion]:
        for request in requests:
            texts = self._texts.get(request.problem_id) or self._texts.get("*") or [""]
            for index in request.indices:
                yield Completion(
                    problem_id=request.problem_id,
                    index=index,
                    text=texts[index % len(texts)],
                    model=self.name,
                    sampling=sampling,
                    finish_reason="stop",
                )

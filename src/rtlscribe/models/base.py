"""The contract of a language model, teacher or student, and the table of back ends. Loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from rtlscribe import registry
from rtlscribe.errors import UsageError
from rtlscribe.records import Completion, Record, Sampling

TABLE = {
    "hf": "rtlscribe.models.hf:HfModel",
    "scripted": "rtlscribe.models.scripted:ScriptedModel",
}


class Request(Record, kw_only=True):
    """A prompt and the numbers of the completions wanted of it. `system` stands before it; "" for none."""

    problem_id: str
    prompt: str
    system: str = ""
    indices: tuple[int, ...]


class Model(Protocol):
    """Something that completes prompts."""

    name: str

    def complete(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Completion]:
        """Completions as they finish, one for each index of each request, in any order.

        A completion depends on the sampling seed, the problem's id and the index, not on what it is asked with.
        """
        ...


def local_path(name: str) -> Path | None:
    """The file or folder of this machine that a model is read from, if any: an input of the run."""
    backend, rest = _parts(name)
    return Path(rest) if backend in ("hf", "scripted") and Path(rest).exists() else None


def open_model(name: str, *, batch_size: int = 32) -> Model:
    """The model called "BACKEND:NAME", for example "hf:runs/demo/mle/model"; a bare path means hf.

    Raises:
        UsageError: no such back end or model. MissingToolError: the back end's extra is not installed.
    """
    backend, rest = _parts(name)
    if not rest:
        raise UsageError(f"--model {name!r} names no model; wanted BACKEND:NAME, for example hf:path/to/model")
    model: Model = registry.lookup("model", backend, TABLE)(rest, batch_size=batch_size)
    return model


def _parts(name: str) -> tuple[str, str]:
    """Back end and the rest of "BACKEND:NAME"; without a colon the back end is hf."""
    backend, colon, rest = name.partition(":")
    return (backend, rest) if colon else ("hf", name)

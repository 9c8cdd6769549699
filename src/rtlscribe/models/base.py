"""The contract of a language model, teacher or student, and the table of back ends. Loads nothing."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from rtlscribe import registry
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.models.budget import Budget, Usage
from rtlscribe.records import Completion, Record, Sampling

TABLE = {
    "box": "rtlscribe.models.box:open_box",
    "endpoint": "rtlscribe.models.endpoint:EndpointModel",
    "gguf": "rtlscribe.models.gguf:GgufModel",
    "hf": "rtlscribe.models.hf:HfModel",
    "scripted": "rtlscribe.models.scripted:ScriptedModel",
    "vllm": "rtlscribe.models.vllm:VllmModel",
}


class Request(Record, kw_only=True):
    """A prompt and the numbers of the completions wanted of it. `system` stands before it; "" for none."""

    problem_id: str
    prompt: str
    system: str = ""
    indices: tuple[int, ...]


class Answer(NamedTuple):
    """A completion and what it took. Of completions that came together, the first has the usage."""

    completion: Completion
    usage: Usage = Usage()


class Failure(Record, kw_only=True):
    """A completion that was asked for and did not come. `refused`: the model was reached and would not answer this."""

    problem_id: str
    index: int
    reason: str
    refused: bool = False


class UnansweredError(RtlscribeError):
    """Some completions did not come."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        self.failures = tuple(failures)
        first = failures[0]
        super().__init__(
            f"{len(failures)} completions did not come, the first for {first.problem_id!r}: {first.reason}; "
            "the same command asks for them again"
        )


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How patient a back end that asks a server is, and what it may spend."""

    retries: int = 6
    timeout_s: float = 300.0  # of one try
    first_wait_s: float = 0.5  # before the second try; doubled for each further one
    budget: Budget = field(default_factory=Budget)


class Model(Protocol):
    """Something that completes prompts."""

    name: str

    def complete(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Completion]:
        """Completions as they finish, one for each index of each request, in any order.

        A completion depends on the sampling seed, the problem's id and the index, not on what it is asked with.
        """
        ...


def completed(items: Iterable[Answer | Failure]) -> Iterator[Completion]:
    """The completions among answers, for back ends whose own way is `answers`.

    Raises:
        UnansweredError: after the last completion, if any did not come.
    """
    failures = []
    for item in items:
        if isinstance(item, Failure):
            failures.append(item)
        else:
            yield item.completion
    if failures:
        raise UnansweredError(failures)


def answers(model: Model, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Answer | Failure]:
    """As `complete`, but with the usage; and where the back end can tell, what does not come is a Failure at its time.

    Raises:
        BudgetError: nothing more may be spent. RtlscribeError: the server is not there. Both after all that came.
    """
    if hasattr(model, "answers"):
        yield from model.answers(requests, sampling=sampling)
    else:
        for completion in model.complete(requests, sampling=sampling):
            yield Answer(completion)


def fitting(model: Model, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Answer | Failure]:
    """As `answers`, where one prompt that is too long is a Failure too, not the end of all.

    A back end without an `answers` of its own refuses a whole batch for it: it is looked for by halving.
    """
    if hasattr(model, "answers"):
        yield from model.answers(requests, sampling=sampling)
        return
    refused: list[Failure] = []
    halves = deque([requests])
    while halves:
        some = halves.popleft()
        try:
            yield from answers(model, some, sampling=sampling)
        except UsageError as error:
            middle = len(some) // 2
            halves.extendleft([some[middle:], some[:middle]] if middle else [])
            if not middle:
                (one,) = some
                refused += [
                    Failure(problem_id=one.problem_id, index=i, reason=str(error), refused=True) for i in one.indices
                ]
    yield from refused


def local_path(name: str) -> Path | None:
    """The file or folder of this machine that a model is read from, if any: an input of the run.

    Raises:
        UsageError, MissingToolError: what is in the box cannot be read, as `box.backend_of` says.
    """
    backend, rest = _parts(name)
    if backend == "box":
        from rtlscribe.models import box  # which imports this module

        return box.ENGINES[box.backend_of(rest)].path
    return Path(rest) if backend in ("gguf", "hf", "scripted", "vllm") and Path(rest).exists() else None


def open_model(name: str, *, batch_size: int = 32, limits: Limits | None = None) -> Model:
    """The model called "BACKEND:NAME", for example "hf:runs/demo/mle/model"; a bare path means hf.

    `batch_size` is how many completions are made at a time. `limits` are for back ends that know of them.

    Raises:
        UsageError: no such back end or model, or it cannot keep a budget.
        MissingToolError: the back end's extra is not installed.
    """
    backend, rest = _parts(name)
    if not rest:
        raise UsageError(f"--model {name!r} names no model; wanted BACKEND:NAME, for example hf:path/to/model")
    kind = registry.lookup("model", backend, TABLE)
    options: dict[str, Any] = {}
    if limits and "limits" in inspect.signature(kind).parameters:
        options["limits"] = limits
    elif limits and limits.budget.bounded:
        raise UsageError(f"the back end {backend} counts no tokens, so it can keep no budget; endpoint does")
    model: Model = kind(rest, batch_size=batch_size, **options)
    return model


def _parts(name: str) -> tuple[str, str]:
    """Back end and the rest of "BACKEND:NAME"; without a colon the back end is hf."""
    backend, colon, rest = name.partition(":")
    url = urlsplit(rest[rest.rfind("@http") + 1 :]) if backend == "endpoint" and "@http" in rest else None
    if url and (url.username or url.password or url.query):  # a run writes down its model's name
        raise UsageError(
            "the URL of an endpoint may hold no user, password or query; give the key in RTLSCRIBE_API_KEY"
        )
    return (backend, rest) if colon else ("hf", name)

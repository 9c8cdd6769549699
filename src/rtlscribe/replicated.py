"""One model in this process, or replicas of it on a cluster, asked alike. Judges nothing, writes no file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from rtlscribe.errors import UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.models.base import Answer, Failure, Limits, Model, Request, completed, fitting, open_model
from rtlscribe.records import Completion, Record, Sampling

# Back ends that have work for a GPU; the others ask somewhere else, or have none.
WITH_GPUS = ("hf", "vllm")
PIECES, LONGEST_PIECE = 4, 256  # requests go to replicas in so many pieces each, no longer than that


class Questions(Record):
    """How a model is asked, wherever it is: the job of `Models.map` (see `executors.replicas.Job`)."""

    sampling: Sampling

    def work(self, made: Model, batch: Sequence[Request]) -> Iterator[Any]:
        yield from fitting(made, batch, sampling=self.sampling)

    def owed(self, batch: Sequence[Request], got: Sequence[Any]) -> list[Request]:
        """The requests with the indices of which neither an answer nor a failure has come."""
        items = (item.completion if isinstance(item, Answer) else item for item in got)
        there = {(item.problem_id, item.index) for item in items if isinstance(item, Completion | Failure)}
        left = []
        for request in batch:
            indices = tuple(index for index in request.indices if (request.problem_id, index) not in there)
            if indices:
                left.append(msgspec.structs.replace(request, indices=indices))
        return left

    def given_up(self, item: Request, reason: str) -> Iterator[Failure]:
        for index in item.indices:
            yield Failure(problem_id=item.problem_id, index=index, reason=reason)


class Models(Protocol):
    """One model or many of a kind, asked in batches."""

    def map(self, job: Any, batches: Iterable[Sequence[Request]]) -> Iterator[Any]:
        """What `job` says of all batches, as it comes; batches are drawn as there is room for them."""
        ...


class Here(NamedTuple):
    """A model of this process."""

    model: Model

    def map(self, job: Any, batches: Iterable[Sequence[Request]]) -> Iterator[Any]:
        for batch in batches:
            yield from job.work(self.model, batch)


class Replicated:
    """Replicas, as one model."""

    def __init__(self, name: str, replicas: Models, count: int) -> None:
        self.name = name
        self._replicas, self._count = replicas, count

    def complete(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Completion]:
        """As the seam says; raises UnansweredError after the last completion if any did not come."""
        return completed(self.answers(requests, sampling=sampling))

    def answers(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Answer | Failure]:
        size = min(LONGEST_PIECE, 1 + len(requests) // (PIECES * self._count))
        pieces = (requests[start : start + size] for start in range(0, len(requests), size))
        yield from self._replicas.map(Questions(sampling=sampling), pieces)


def open_models(name: str, make: Callable[[], Model], *, executor: str, replicas: int, num_gpus: int = 1) -> Models:
    """What `make` makes: in this process, or with `replicas` so often on the executor's cluster.

    Raises:
        UsageError: the executor has no replicas, or no node so many GPUs. What `make` raises.
    """
    if not replicas:
        return Here(make())
    cluster = open_executor(executor)
    if not hasattr(cluster, "replicas"):
        raise UsageError(f"--replicas {replicas}: the executor {executor} has none; give --executor ray too")
    backend, colon, _ = name.partition(":")
    wanted = num_gpus if backend in WITH_GPUS or not colon else 0
    found: Models = cluster.replicas(make, count=replicas, num_gpus=wanted)
    return found


def open_model_on(executor: str, name: str, *, batch_size: int, replicas: int, limits: Limits | None = None) -> Model:
    """The model of that name (see `open_model`), in this process, or in replicas on the executor's cluster.

    Raises:
        UsageError: as `open_models` and `open_model`, and for a budget, which replicas cannot keep together.
    """
    if replicas and limits and limits.budget.bounded:
        raise UsageError("replicas cannot keep a budget together: leave --replicas out, or the budget")
    make = functools.partial(open_model, name, batch_size=batch_size, limits=limits)
    models = open_models(name, make, executor=executor, replicas=replicas)
    return models.model if isinstance(models, Here) else Replicated(name, models, replicas)

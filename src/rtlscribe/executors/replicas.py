"""Workers of a Ray cluster that each hold something costly, a model say, and answer batches in a stream.

A batch goes to the next worker that has room, so inputs are drawn no faster than they are worked off. What a worker
still owed when it was lost, or its node, goes to others; what it has given counts, and is not asked for again.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.registry import extra

with extra("ray"):
    import ray
    from ray.exceptions import RayError, RayTaskError

Item = TypeVar("Item")
Value = TypeVar("Value")

AHEAD = 2  # batches a worker: one under way, one at hand
STARTS = 3  # of workers in one place without an answer in between
LOSSES = 3  # of workers over one item that was alone, before it is given up
TOGETHER_S = 0.1  # values are sent in groups so long apart
LOOK_EVERY_S = 10.0
CPUS = 0.01  # so that a worker leaves the CPUs to checks, and keeps off nodes that have none, as a head may
LONGEST_REASON = 300


class Job(Protocol[Item, Value]):
    """What is to be done with batches, by a worker that holds `made`. It travels with each batch."""

    def work(self, made: Any, batch: Sequence[Item]) -> Iterable[Value]:
        """The values of a batch, one by one."""
        ...

    def owed(self, batch: Sequence[Item], got: Sequence[Value]) -> Sequence[Item]:
        """What of a batch is left, where `got` is all that came of it."""
        ...

    def given_up(self, item: Item, reason: str) -> Iterable[Value]:
        """The values of an item that brings every worker down."""
        ...


class _Worker:
    """The actor. `begin` comes first; exceptions are told, not raised, since not all survive the way."""

    def __init__(self, make: Callable[[], Any], folder: str) -> None:
        self._make, self._folder = make, folder

    def begin(self) -> Exception | None:
        with contextlib.suppress(OSError):  # where it is there, paths mean what they mean to the caller
            os.chdir(self._folder)
        try:
            self._made = self._make()
        except Exception as error:  # noqa: BLE001  # it belongs to the caller
            return portable(error)
        return None

    def work(self, job: Job[Item, Value], batch: Sequence[Item]) -> Iterator[tuple[list[Value], Exception | None]]:
        group: list[Value] = []
        sent = time.monotonic()
        try:
            for value in job.work(self._made, batch):
                group.append(value)
                if time.monotonic() - sent >= TOGETHER_S:
                    yield group, None
                    group, sent = [], time.monotonic()
        except Exception as error:  # noqa: BLE001  # it belongs to the caller
            yield group, portable(error)
            return
        yield group, None


@dataclass(eq=False)
class _Place:
    """Where a worker is; another takes its place when it is lost. `fruitless`: lost since the last answer."""

    worker: Any = None
    ready: bool = False
    fruitless: int = 0

    @property
    def closed(self) -> bool:
        return self.fruitless >= STARTS


@dataclass(eq=False)
class _Batch(Generic[Item, Value]):
    """Items with one worker, and what has come of them; `losses` of workers they were with before."""

    items: Sequence[Item]
    losses: int = 0
    got: list[Value] = field(default_factory=list)
    place: _Place = field(default_factory=_Place)


class Replicas:
    """`count` workers that each hold what `make` makes, and `num_gpus` GPUs of one node. One `map` at a time.

    Raises:
        UsageError: no node has so many GPUs.
    """

    def __init__(self, make: Callable[[], Any], *, count: int, num_gpus: int) -> None:
        self._make, self._num_gpus = make, num_gpus
        self._places = [_Place() for _ in range(count)]
        self._starting: dict[Any, _Place] = {}  # by the ends of their beginnings
        self._running: dict[Any, _Batch[Any, Any]] = {}  # by their streams, in the order in which they were handed out
        self._again: deque[_Batch[Any, Any]] = deque()
        self._check_room()

    def map(self, job: Job[Item, Value], batches: Iterable[Sequence[Item]]) -> Iterator[Value]:
        """The values of all batches as they come. Batches are drawn as workers have room for them.

        Raises:
            RtlscribeError: workers are lost again and again. Whatever `make` or the job's work raised.
        """
        source = iter(batches)
        for place in self._places:
            if not place.worker and not place.closed:
                self._start(place)
        try:
            while self._hand_out(job, source):
                done = self._next()
                if done in self._starting:
                    self._begun(done)
                else:
                    yield from self._values(job, done)
        finally:
            if self._running:  # the caller has had enough, or something broke: no one waits for these answers
                self.close()

    def close(self) -> None:
        """End the workers."""
        self._again.clear()
        self._running.clear()
        self._starting.clear()
        for place in self._places:
            if place.worker:
                ray.kill(place.worker)
            place.worker, place.ready = None, False

    def _start(self, place: _Place) -> None:
        how = {"num_cpus": CPUS, "num_gpus": self._num_gpus, "scheduling_strategy": "SPREAD"}
        actor = ray.remote(_Worker).options(**how)
        place.worker, place.ready = actor.remote(self._make, os.getcwd()), False
        self._starting[place.worker.begin.remote()] = place

    def _hand_out(self, job: Job[Item, Value], source: Iterator[Sequence[Item]]) -> bool:
        """Give batches to those that have the fewest. Whether there is anything to wait for."""
        while ready := [place for place in self._places if place.ready]:
            loads = {place: sum(batch.place is place for batch in self._running.values()) for place in ready}
            place = min(ready, key=loads.__getitem__)
            if loads[place] >= AHEAD:
                return True
            if self._again:
                batch = self._again.popleft()
            elif items := next(source, None):
                batch = _Batch(items)
            else:
                return bool(self._running)
            batch.place = place
            self._running[place.worker.work.options(num_returns="streaming").remote(job, batch.items)] = batch
        return True

    def _next(self) -> Any:
        """A stream that has something, or a worker's beginning that is over."""
        while True:
            done, _ = ray.wait([*self._running, *self._starting], timeout=LOOK_EVERY_S)
            if done:
                return done[0]
            if not self._running:
                self._check_room()

    def _values(self, job: Job[Item, Value], stream: Any) -> Iterator[Value]:
        """What has come in a stream."""
        batch = self._running[stream]
        try:
            group, failure = ray.get(next(stream))
        except StopIteration:
            del self._running[stream]
        except RayTaskError as error:
            raise RtlscribeError(f"what a replica made does not travel: {error.cause}") from error
        except RayError as error:
            yield from self._lost_at_work(job, batch, _reason(error))
        else:
            if group:
                batch.place.fruitless = 0
            batch.got += group
            yield from group
            if failure:
                raise failure

    def _begun(self, beginning: Any) -> None:
        """Take note of a worker that is ready, or was lost before."""
        place = self._starting.pop(beginning)
        try:
            failure = ray.get(beginning)
        except RayError as error:
            self._replace(place, _reason(error))
            return
        if failure:
            self.close()
            raise failure
        place.ready = True

    def _lost_at_work(self, job: Job[Item, Value], batch: _Batch[Item, Value], reason: str) -> Iterator[Value]:
        """Put what a lost worker owed into line again: the batch that it was at in halves, to find what it dies of."""
        place = batch.place
        streams = [stream for stream, other in self._running.items() if other.place is place]
        there = [self._running.pop(stream) for stream in streams]
        left = [other for other in there if job.owed(other.items, other.got)]
        self._again.extend(_Batch(job.owed(other.items, other.got), other.losses) for other in left[1:])
        for first in left[:1]:
            owed, losses = job.owed(first.items, first.got), first.losses + 1
            if len(owed) == 1 and losses >= LOSSES:
                yield from job.given_up(owed[0], f"{losses} replicas were lost over it: {reason}")
            else:
                middle = (len(owed) + 1) // 2
                self._again.extend(_Batch(half, losses) for half in (owed[:middle], owed[middle:]) if half)
        self._replace(place, reason)

    def _replace(self, place: _Place, reason: str) -> None:
        """Start another worker in place of a lost one.

        Raises:
            RtlscribeError: that was done too often in all places.
        """
        ray.kill(place.worker)
        place.worker, place.ready = None, False
        place.fruitless += 1
        if not place.closed:
            self._start(place)
        elif all(place.closed for place in self._places):
            raise RtlscribeError(
                f"each of the {len(self._places)} replicas was lost {STARTS} times before it gave an answer, the last "
                f"because: {reason}; the logs of the Ray workers have what they said, and the same command goes on"
            )

    def _check_room(self) -> None:
        most = max((node["Resources"].get("GPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
        if self._num_gpus > most:
            raise UsageError(
                f"a replica wants {self._num_gpus} GPUs, and no node of the cluster has more than {most:g}; give a "
                "smaller --num-gpus, or begin when larger nodes are up"
            )


def portable(error: Exception) -> Exception:
    """The exception, or where it does not survive the way, one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  # whatever its class does not bear
        return RtlscribeError(f"{type(error).__name__}: {error}")
    return error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:LONGEST_REASON]

"""Check answers while the model goes on: words at once, Verilog in worker processes. Does not say what is checked for.

A worker has bounded memory and time for an answer. One that an answer brings down is replaced, and that answer is told
apart from those that were checked beside it.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import resource
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

from rtlscribe.transforming.answers import Field, Found, judge

TOGETHER = 64  # answers handed to a worker at a time
AHEAD = 4  # such handfuls a worker, at most: a model that is quicker than the checks waits for them
MEMORY_BYTES = 4 * 1024**3
SECONDS = 10  # for one answer; a quarter of a millisecond is usual
DEADLY = "reading it takes too much time or memory"


class Said(NamedTuple):
    """What a model said to a text, under the key by which the caller knows it."""

    key: str
    text: str
    given: str


Checked = tuple[Said, Found]


class Checks:
    """Checks of answers that should hold `wanted`. `workers` 1 checks in this process."""

    def __init__(self, wanted: Field, *, workers: int) -> None:
        self._wanted = wanted
        self._workers = workers if wanted == "verilog" else 1  # of words, sending takes longer than checking
        self._pool: ProcessPoolExecutor | None = None
        self._gathered: list[Said] = []
        self._running: dict[Future[list[Found]], list[Said]] = {}
        self._ended: deque[Future[list[Found]]] = deque()  # filled by a thread of the pool
        self._done: deque[Checked] = deque()

    def __enter__(self) -> Checks:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    @property
    def pending(self) -> bool:
        """Whether an answer was handed in and not given back."""
        return bool(self._gathered or self._running or self._done)

    def submit(self, said: Said) -> None:
        """Hand in an answer."""
        if self._workers == 1:
            self._done.append((said, judge(said.text, wanted=self._wanted, given=said.given)))
            return
        self._gathered.append(said)
        if len(self._gathered) >= TOGETHER:
            self._send()

    def ready(self) -> Iterator[Checked]:
        """What is checked by now."""
        while self._ended:
            self._collect({self._ended.popleft()})
        while self._done:
            yield self._done.popleft()

    def some(self) -> Iterator[Checked]:
        """At least one, if any is pending; waits for it."""
        self._send()
        if self._running and not self._done:
            self._collect(wait(self._running, return_when=FIRST_COMPLETED).done)
        yield from self.ready()

    def _send(self) -> None:
        while len(self._running) >= AHEAD * self._workers:
            self._collect(wait(self._running, return_when=FIRST_COMPLETED).done)
        if self._gathered:
            batch, self._gathered = self._gathered, []
            try:
                future = self._started().submit(_judge_all, batch, self._wanted)
            except BrokenProcessPool:
                self._alone([batch])
            else:
                self._running[future] = batch
                future.add_done_callback(self._ended.append)

    def _started(self) -> ProcessPoolExecutor:
        if not self._pool:
            # Not forked: this process may hold a model, its threads and its locks.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._workers, mp_context=context, initializer=_begin)
        return self._pool

    def _collect(self, futures: set[Future[list[Found]]]) -> None:
        broken = []
        for future in self._running.keys() & futures:
            batch = self._running.pop(future)
            try:
                self._done.extend(zip(batch, future.result(), strict=True))
            except (BrokenProcessPool, MemoryError):
                broken.append(batch)
        if broken:
            self._alone(broken)

    def _alone(self, batches: list[list[Said]]) -> None:
        """Check answers, and all under way, one by one in new workers, since one of them has brought a worker down."""
        batches = [*batches, *self._running.values()]
        self._running.clear()
        self._restart()
        for said in (said for batch in batches for said in batch):
            try:
                (found,) = self._started().submit(_judge_all, [said], self._wanted).result()
            except (BrokenProcessPool, MemoryError):
                found = Found("", DEADLY)
                self._restart()
            self._done.append((said, found))

    def _restart(self) -> None:
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _begin() -> None:
    """In a worker, before its first answer."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends us
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    atexit.register(os._exit, 0)  # pyslang complains on stderr when an interpreter ends in the usual way
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _judge_all(batch: list[Said], wanted: Field) -> list[Found]:
    found = []
    for said in batch:
        signal.alarm(SECONDS)
        found.append(judge(said.text, wanted=wanted, given=said.given))
    signal.alarm(0)
    return found

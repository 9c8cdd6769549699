"""Threads of this process: right for checks, whose time goes into other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from rtlscribe.executors.base import Item, Result, Value, attempt


class PoolExecutor:
    """At most twice as many items are drawn ahead as there are workers."""

    def map(
        self, function: Callable[[Item], Value], items: Iterable[Item], *, workers: int
    ) -> Iterator[Result[Item, Value]]:
        running: set[Future[Result[Item, Value]]] = set()
        pool = ThreadPoolExecutor(max_workers=workers)
        try:
            for item in items:
                running.add(pool.submit(attempt, function, item))
                done = {future for future in running if future.done()}
                if len(running) >= 2 * workers and not done:
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                running -= done
                yield from (future.result() for future in done)
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

"""Work in threads, so much at a time, that ends when nobody waits for it any more. Knows no protocol.

A place is taken until the work itself has ended, not only until someone stops waiting: what cannot be interrupted still
keeps the machine busy.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import closing
from typing import Generic, TypeVar

Item = TypeVar("Item")


class BusyError(Exception):
    """No place is free. `waited`: nor became free in time; else too many wait already."""

    def __init__(self, *, waited: bool) -> None:
        self.waited = waited
        super().__init__("no place became free in time" if waited else "too many requests wait already")


class Desk:
    """`places` for work, and room for `queue` who wait for one, `patience_s` at most."""

    def __init__(self, places: int, *, queue: int, patience_s: float) -> None:
        self._free = asyncio.Semaphore(places)
        self._queue, self._patience_s = queue, patience_s
        self._waiting = 0
        self._stops: set[threading.Event] = set()

    async def begin(self, make: Callable[[], Generator[Item, None, None]]) -> Work[Item]:
        """Let a thread go through what `make` gives.

        Raises:
            BusyError: there is no place for it.
        """
        if self._free.locked() and self._waiting >= self._queue:
            raise BusyError(waited=False)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience_s):
                await self._free.acquire()
        except TimeoutError:
            raise BusyError(waited=True) from None
        finally:
            self._waiting -= 1
        stop = threading.Event()
        self._stops.add(stop)

        def ended() -> None:
            self._stops.discard(stop)
            self._free.release()

        return Work(make, stop, ended)

    def close(self) -> None:
        """End all work as soon as it can be."""
        for stop in list(self._stops):
            stop.set()


class Work(Generic[Item]):
    """Items of a thread, as they come. Whoever leaves the iteration stops the thread at its next item."""

    def __init__(
        self, make: Callable[[], Generator[Item, None, None]], stop: threading.Event, ended: Callable[[], None]
    ) -> None:
        self._stop = stop
        self._items: asyncio.Queue[Item | BaseException | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def put(item: Item | BaseException | None) -> None:
            loop.call_soon_threadsafe(self._items.put_nowait, item)

        def run() -> None:
            failure: BaseException | None = None
            try:
                with closing(make()) as items:
                    for item in items:
                        put(item)
                        if stop.is_set():
                            break
            except BaseException as error:  # noqa: BLE001  # raised again where the items are taken
                failure = error
            try:
                put(failure)
                loop.call_soon_threadsafe(ended)
            except RuntimeError:  # the server has ended
                pass

        threading.Thread(target=run, name="work", daemon=True).start()

    async def items(self) -> AsyncGenerator[Item, None]:
        try:
            while (item := await self._items.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self._stop.set()

"""One item after the other, in this thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from rtlscribe.executors.base import Item, Result, Value, attempt


class SerialExecutor:
    """Needs nothing; the order of completion is that of the items."""

    def map(
        self, function: Callable[[Item], Value], items: Iterable[Item], *, workers: int
    ) -> Iterator[Result[Item, Value]]:
        for item in items:
            yield attempt(function, item)

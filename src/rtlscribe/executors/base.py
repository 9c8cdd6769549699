"""The contract of an executor and the table of them. Runs nothing itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from rtlscribe import registry
from rtlscribe.errors import UsageError

TABLE = {
    "pool": "rtlscribe.executors.pool:PoolExecutor",
    "ray": "rtlscribe.executors.ray:RayExecutor",
    "serial": "rtlscribe.executors.serial:SerialExecutor",
}

Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Result(Generic[Item, Value]):
    """What became of one item: a value, or the exception that the function raised."""

    item: Item
    value: Value | None = None
    error: Exception | None = None


class Executor(Protocol):
    """Runs a function over items."""

    def map(
        self, function: Callable[[Item], Value], items: Iterable[Item], *, workers: int
    ) -> Iterator[Result[Item, Value]]:
        """One result an item, in order of completion.

        Items are drawn as workers come free, so the source may be slow or endless. An exception of the function
        becomes a result; one of the source is raised.
        """
        ...


def attempt(function: Callable[[Item], Value], item: Item) -> Result[Item, Value]:
    """One item through the function."""
    try:
        return Result(item, value=function(item))
    except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to this item
        return Result(item, error=error)


def open_executor(name: str) -> Executor:
    """The executor called "NAME", or "NAME:ADDRESS" for one that works elsewhere, for example "ray:10.0.0.1:6379".

    Raises:
        UsageError: there is none, or it takes no address. MissingToolError: its extra is not installed.
    """
    name, colon, address = name.partition(":")
    kind = registry.lookup("executor", name, TABLE)
    if colon and "address" not in inspect.signature(kind).parameters:
        raise UsageError(f"--executor {name}:{address}: {name} works on this machine and takes no address; ray does")
    executor: Executor = kind(address=address) if colon else kind()
    return executor

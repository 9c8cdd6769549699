"""A Ray cluster: functions as tasks, and models in replicas. Starts a cluster of this machine alone if none is named.

What is to run goes to the workers by pickle; `rtlscribe` and its tools have to be installed on every node.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.executors.base import Item, Result, Value, attempt
from rtlscribe.registry import extra

with extra("ray"):
    import ray
    from ray.exceptions import RayError, RayTaskError

from rtlscribe.executors.replicas import Replicas, portable

TRIES = 4  # of an item whose worker or node is lost on the way
LONGEST_LINE = 160
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 10.0  # for tasks that are called off
OBJECT_STORE_BYTES = 256 * 1024 * 1024  # of a cluster of our own; what is sent is text


class RayExecutor:
    """`address` as `ray.init` takes it: HOST:PORT, or auto; by default $RAY_ADDRESS, else a cluster of our own.

    Raises:
        UsageError: there is no cluster at the address.
    """

    def __init__(self, *, address: str = "") -> None:
        self._address = address or os.environ.get("RAY_ADDRESS", "")
        if self._address.startswith("ray://"):
            raise UsageError(
                f"{self._address} is an address of Ray Client, which cannot stream results: start the command on a "
                "node of the cluster, or by `ray job submit`"
            )

    def map(
        self, function: Callable[[Item], Value], items: Iterable[Item], *, workers: int
    ) -> Iterator[Result[Item, Value]]:
        """As the seam says; at most `workers` items are under way on the whole cluster.

        A lost worker or node costs nothing but time: its items are done again elsewhere.
        """
        self._begin(cpus=workers)

        def task(item: Item) -> Result[None, Value]:
            result = attempt(function, item)
            return Result(None, value=result.value, error=portable(result.error) if result.error else None)

        remote = ray.remote(task).options(max_retries=TRIES - 1, scheduling_strategy="SPREAD")
        source = iter(items)
        running: dict[Any, Item] = {}
        try:
            while True:
                while len(running) < workers:
                    try:
                        item = next(source)
                    except StopIteration:
                        break
                    running[remote.remote(item)] = item
                if not running:
                    return
                for done in ray.wait(list(running))[0]:
                    yield _result(running.pop(done), done)
        finally:
            for left in running:
                ray.cancel(left)
            if running:
                ray.wait(list(running), num_returns=len(running), timeout=CLOSE_SECONDS)

    def replicas(self, make: Callable[[], Any], *, count: int, num_gpus: int) -> Replicas:
        """`count` workers that hold what `make` makes, each with `num_gpus` GPUs if the cluster has any."""
        self._begin(cpus=count)
        return Replicas(make, count=count, num_gpus=num_gpus if ray.cluster_resources().get("GPU") else 0)

    def _begin(self, *, cpus: int) -> None:
        """Join the cluster, or start one, if this process has not."""
        # Ray tells of lost workers and nodes on stdout, which is for results, and has no option about it.
        ray._private.worker.print_to_stdstream = _tell
        if ray.is_initialized():
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anyone
        how: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            if self._address in ("", "local"):
                how |= {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
                ray.init("local", num_cpus=cpus + 1, **how)  # one more, since replicas take a little
            else:
                _reach(self._address)
                ray.init(self._address, **how)
        except Exception as error:  # Ray raises just that where a node does not start
            if self._address in ("", "local"):
                raise RtlscribeError(f"Ray does not start on this machine: {error}") from error
            raise UsageError(f"no Ray cluster answers at {self._address!r}: {error}") from error


def _reach(address: str) -> None:
    """Raise OSError if nobody listens at HOST:PORT, which Ray would find out in minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


def _tell(data: dict[str, Any], **_: Any) -> None:
    for line in data["lines"]:
        print(f"ray: {line[:LONGEST_LINE]}", file=sys.stderr)


def _result(item: Item, done: Any) -> Result[Item, Value]:
    try:
        result: Result[None, Value] = ray.get(done)
    except RayTaskError as error:  # not of the function: the function or its value do not travel
        return Result(item, error=RtlscribeError(f"a Ray worker cannot do this: {error.cause}"))
    except RayError as error:
        return Result(item, error=RtlscribeError(f"given up after {TRIES} workers were lost over it: {error}"))
    return Result(item, value=result.value, error=result.error)

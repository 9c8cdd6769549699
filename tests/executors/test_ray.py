"""Work on a real cluster of several nodes: nodes and workers that are lost, and what is held in replicas."""

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rtlscribe.errors import MissingToolError, RtlscribeError, UsageError
from rtlscribe.executors.base import open_executor

pytestmark = pytest.mark.usefixtures("by_value")
FOR_EVER_S = 120.0


@pytest.fixture(scope="module")
def by_value(cluster: Any) -> Iterator[None]:
    """What is defined here goes to the workers whole: they cannot import it."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


@pytest.fixture
def doomed(cluster: Any) -> Iterator[tuple[str, Callable[[], None]]]:
    """The id of one more node with a GPU, and how to kill it at once, with all that runs there."""
    alive = [cluster.add_node(num_cpus=2, num_gpus=1, object_store_memory=80 * 1024 * 1024)]
    cluster.wait_for_nodes()

    def kill() -> None:
        if alive:
            cluster.remove_node(alive.pop(), allow_graceful=False)

    yield alive[0].node_id, kill
    kill()


def here() -> str:
    """The node that this runs on."""
    import ray

    return str(ray.get_runtime_context().get_node_id())


class Job:
    """Says of each number where it was worked on. Workers die of `deadly` numbers, raise at `bad` ones.

    On the node `trap` a worker sends the first value of a batch and then hangs.
    """

    def __init__(self, folder: Path, *, deadly: int = -1, bad: int = -1, trap: str = "") -> None:
        self.folder, self.deadly, self.bad, self.trap = folder, deadly, bad, trap

    def work(self, made: str, batch: Sequence[int]) -> Iterator[tuple[int, str]]:
        for number in batch:
            (self.folder / f"{number}-{os.getpid()}").touch()
            if number == self.deadly:
                os._exit(1)
            if number == self.bad:
                raise RtlscribeError(f"{number} is bad")
            time.sleep(0.15)  # each value in a group of its own
            yield number, made
            if made == self.trap:
                (self.folder / "trapped").touch()
                time.sleep(FOR_EVER_S)

    def owed(self, batch: Sequence[int], got: Sequence[tuple[int, str]]) -> list[int]:
        there = {number for number, _ in got}
        return [number for number in batch if number not in there]

    def given_up(self, item: int, reason: str) -> Iterator[tuple[int, str]]:
        yield item, f"given up: {reason}"


def in_batches(count: int, size: int) -> Iterator[list[int]]:
    return (list(range(start, start + size)) for start in range(0, count, size))


# Tasks


def test_items_of_a_killed_node_are_done_elsewhere(doomed: Any, tmp_path: Path) -> None:
    node, kill = doomed

    def work(item: int) -> str:
        if here() == node:
            (tmp_path / str(item)).touch()
            time.sleep(FOR_EVER_S)
        time.sleep(0.05)
        return here()

    def items() -> Iterator[int]:
        for item in range(1000):
            yield item
            if any(tmp_path.iterdir()):
                break
        kill()
        yield from range(1000, 1005)

    results = list(open_executor("ray").map(work, items(), workers=6))
    done = sorted(result.item for result in results)
    trapped = {int(path.name) for path in tmp_path.iterdir()}
    assert trapped < set(done)
    assert done == [*range(len(done) - 5), *range(1000, 1005)]
    assert all(result.error is None and result.value != node for result in results)


def test_an_item_that_brings_workers_down_is_given_up() -> None:
    results = list(open_executor("ray").map(lambda item: item or os._exit(1), [1, 0, 2], workers=1))
    assert [(r.item, r.value) for r in results] == [(1, 1), (0, None), (2, 2)]
    assert str(results[1].error).startswith("given up after 4 workers were lost over it: ")


def test_what_cannot_travel_is_told() -> None:
    (result,) = open_executor("ray").map(lambda item: (value for value in [item]), [1], workers=1)
    assert "a Ray worker cannot do this: " in str(result.error)


# Replicas


def test_nothing_is_lost_or_doubled_when_a_node_is_killed(doomed: Any, tmp_path: Path) -> None:
    """One replica on each node that has a GPU."""
    node, kill = doomed
    replicas = open_executor("ray").replicas(here, count=2, num_gpus=1)
    got: list[tuple[int, str]] = []
    for value in replicas.map(Job(tmp_path, trap=node), in_batches(24, 4)):
        got.append(value)
        if (tmp_path / "trapped").exists() and any(where == node for _, where in got):
            kill()
    replicas.close()
    assert sorted(number for number, _ in got) == list(range(24))
    (of_node,) = [number for number, where in got if where == node]
    assert of_node % 4 == 0
    assert len(list(tmp_path.glob(f"{of_node}-*"))) == 1  # what it gave was not asked for again
    assert {where for number, where in got if number // 4 == of_node // 4 and number != of_node} == {
        where for _, where in got if where != node
    }


def test_an_item_that_brings_replicas_down_is_given_up(tmp_path: Path) -> None:
    replicas = open_executor("ray").replicas(here, count=1, num_gpus=0)
    got = dict(replicas.map(Job(tmp_path, deadly=1), in_batches(8, 4)))
    replicas.close()
    assert sorted(got) == list(range(8))
    assert [number for number, said in got.items() if said.startswith("given up: ")] == [1]
    assert "3 replicas were lost over it: " in got[1]
    assert len(list(tmp_path.glob("1-*"))) == 3


def test_replicas_that_never_begin_are_not_started_for_ever(tmp_path: Path) -> None:
    def make() -> None:
        (tmp_path / str(os.getpid())).touch()
        os._exit(1)

    replicas = open_executor("ray").replicas(make, count=1, num_gpus=0)
    with pytest.raises(RtlscribeError, match="each of the 1 replicas was lost 3 times before it gave an answer"):
        list(replicas.map(Job(tmp_path), in_batches(8, 4)))
    assert len(list(tmp_path.iterdir())) == 3


def test_what_making_raises_is_raised(tmp_path: Path) -> None:
    def make() -> None:
        raise MissingToolError("the engine is not installed there")

    with pytest.raises(MissingToolError, match="the engine is not installed there"):
        list(open_executor("ray").replicas(make, count=1, num_gpus=0).map(Job(tmp_path), in_batches(8, 4)))


def test_what_the_work_raises_is_raised_after_what_came_before(tmp_path: Path) -> None:
    replicas = open_executor("ray").replicas(here, count=1, num_gpus=0)
    got: list[tuple[int, str]] = []
    with pytest.raises(RtlscribeError, match="2 is bad"):
        got.extend(replicas.map(Job(tmp_path, bad=2), in_batches(8, 4)))
    assert [number for number, _ in got] == [0, 1]


def test_batches_are_drawn_as_replicas_have_room(tmp_path: Path) -> None:
    drawn = 0

    def source() -> Iterator[list[int]]:
        nonlocal drawn
        for drawn in itertools.count(1):
            yield [2 * drawn, 2 * drawn + 1]

    replicas = open_executor("ray").replicas(here, count=1, num_gpus=0)
    values = replicas.map(Job(tmp_path), source())
    for taken in range(8):
        next(values)
        assert drawn <= 3 + taken // 2
    values.close()


def test_more_gpus_than_any_node_has_are_refused() -> None:
    with pytest.raises(UsageError, match="a replica wants 4 GPUs, and no node of the cluster has more than 1"):
        open_executor("ray").replicas(here, count=1, num_gpus=4)

"""What every executor promises."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rtlscribe.errors import DataError, UsageError
from rtlscribe.executors.base import TABLE, Executor, open_executor

NAMES = ["serial", "pool", "ray"]
WORKERS = 3
AHEAD = {"serial": 1, "pool": 2 * WORKERS, "ray": WORKERS}  # items drawn and not yet handed out, at most
PARALLEL = ["pool", "ray"]


def test_all_of_the_table_are_tested() -> None:
    assert sorted(TABLE) == sorted(NAMES)


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Callable[[str], Executor]:
    def by_name(name: str) -> Executor:
        if name == "ray":
            request.getfixturevalue("cluster")
        return open_executor(name)

    return by_name


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def executor(name: str, opened: Callable) -> Executor:
    return opened(name)


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_one_result_an_item(executor: Executor, count: int) -> None:
    results = list(executor.map(lambda item: item * item, range(count), workers=WORKERS))
    assert sorted((r.item, r.value) for r in results) == [(i, i * i) for i in range(count)]
    assert all(r.error is None for r in results)


def test_exceptions_of_the_function_are_results(executor: Executor) -> None:
    results = list(executor.map(lambda item: 12 // item, [3, 0, 4, 0], workers=WORKERS))
    assert sorted(r.value for r in results if r.error is None) == [3, 4]
    assert [type(r.error) for r in results if r.error] == [ZeroDivisionError] * 2
    assert [r.item for r in results if r.error] == [0, 0]


def test_an_exception_that_cannot_be_pickled_is_a_result_too(executor: Executor) -> None:
    def fail(item: str) -> None:
        raise DataError(item, 3, "is no Verilog")

    (result,) = executor.map(fail, ["a.v"], workers=WORKERS)
    assert "a.v, line 3: is no Verilog" in str(result.error)


def test_none_is_a_value(executor: Executor) -> None:
    (result,) = executor.map(lambda item: None, ["a"], workers=WORKERS)
    assert (result.item, result.value, result.error) == ("a", None, None)


def test_exceptions_of_the_source_are_raised(executor: Executor) -> None:
    def source() -> Iterator[int]:
        yield 1
        raise LookupError("the model is gone")

    with pytest.raises(LookupError, match="the model is gone"):
        list(executor.map(lambda item: item, source(), workers=WORKERS))


def test_an_endless_source_is_drawn_as_results_are_taken(executor: Executor, name: str) -> None:
    drawn = 0

    def source() -> Iterator[int]:
        nonlocal drawn
        while True:
            drawn += 1
            yield drawn

    results = executor.map(lambda item: item, source(), workers=WORKERS)
    assert drawn == 0
    for taken in range(1, 40):
        next(results)
        assert drawn <= taken + AHEAD[name]
    results.close()


def test_closing_early_stops_drawing_and_ends_the_work(executor: Executor, name: str, tmp_path: Path) -> None:
    before = threading.active_count()
    results = executor.map(lambda item: (tmp_path / str(item)).touch(), itertools.count(), workers=WORKERS)
    next(results)
    results.close()
    count = len(list(tmp_path.iterdir()))
    assert 1 <= count <= 1 + AHEAD[name]
    assert threading.active_count() == before
    with pytest.raises(StopIteration):
        next(results)
    assert len(list(tmp_path.iterdir())) == count


@pytest.mark.parametrize("name", PARALLEL)
def test_as_many_items_are_under_way_as_there_are_workers(opened: Callable, name: str, tmp_path: Path) -> None:
    def meet(item: int) -> int:  # returns once all are there
        (tmp_path / str(item)).touch()
        patience = time.monotonic() + 30
        while (there := len(list(tmp_path.iterdir()))) < WORKERS and time.monotonic() < patience:
            time.sleep(0.01)
        return there

    results = list(opened(name).map(meet, range(WORKERS), workers=WORKERS))
    assert [r.value for r in results] == [WORKERS] * WORKERS


@pytest.mark.parametrize("name", PARALLEL)
def test_what_is_finished_is_handed_out_while_another_item_runs(opened: Callable, name: str, tmp_path: Path) -> None:
    free = tmp_path / "free"

    def work(waits: bool) -> str:
        patience = time.monotonic() + 30
        while waits and not free.exists() and time.monotonic() < patience:
            time.sleep(0.01)
        return f"free {free.exists()}"

    results = opened(name).map(work, [True, False], workers=2)
    assert next(results).value == "free False"
    free.touch()
    assert next(results).value == "free True"


@pytest.mark.parametrize("name", ["serial", "pool"])
def test_what_works_here_takes_no_address(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} works on this machine and takes no address; ray does"):
        open_executor(f"{name}:10.0.0.1:6379")

"""What every executor promises."""

import itertools
import threading
from collections.abc import Iterator

import pytest

from rtlscribe.executors.base import TABLE, Executor, open_executor

NAMES = ["serial", "pool"]
WORKERS = 3
AHEAD = {"serial": 1, "pool": 2 * WORKERS}  # items drawn and not yet handed out, at most


def test_all_of_the_table_are_tested() -> None:
    assert sorted(TABLE) == sorted(NAMES)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def executor(name: str) -> Executor:
    return open_executor(name)


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


def test_closing_early_stops_drawing_and_ends_the_work(executor: Executor, name: str) -> None:
    before = threading.active_count()
    begun: list[int] = []
    results = executor.map(begun.append, itertools.count(), workers=WORKERS)
    next(results)
    results.close()
    count = len(begun)
    assert 1 <= count <= 1 + AHEAD[name]
    assert threading.active_count() == before
    with pytest.raises(StopIteration):
        next(results)
    assert len(begun) == count


def test_pool_works_at_as_many_items_as_it_has_workers() -> None:
    meet = threading.Barrier(WORKERS, timeout=30)  # passed only if all workers are there at once
    results = list(open_executor("pool").map(lambda _: meet.wait(), range(WORKERS), workers=WORKERS))
    assert sorted(r.value for r in results) == list(range(WORKERS))


def test_pool_hands_out_what_is_finished_while_another_item_runs() -> None:
    free = threading.Event()
    results = open_executor("pool").map(lambda wait: free.wait(30) if wait else "quick", [True, False], workers=2)
    assert next(results).value == "quick"
    free.set()
    assert next(results).value is True

"""Batches: every row once, neighbours of like length, the same for a seed, and shared out among processes."""

import pytest

from rtlscribe.training.batches import NONE, Batches, LengthBuckets
from rtlscribe.training.data import Row

LENGTHS = [n * 37 % 101 for n in range(103)]


def test_buckets_hold_every_row_once_and_repeat_for_a_seed() -> None:
    order = list(LengthBuckets(LENGTHS, batch=4, seed=1))
    assert sorted(i for batch in order for i in batch) == list(range(103))
    assert [len(batch) for batch in order] == [4] * 25 + [3]
    assert order == list(LengthBuckets(LENGTHS, batch=4, seed=1))
    later = LengthBuckets(LENGTHS, batch=4, seed=1)
    later.set_epoch(1)
    assert order != list(later)
    spread = [max(LENGTHS[i] for i in batch) - min(LENGTHS[i] for i in batch) for batch in order]
    assert sum(spread) / len(spread) < 15  # of 100, were they not sorted


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_processes_share_the_batches_of_one(processes: int) -> None:
    whole = LengthBuckets(LENGTHS, batch=4 * processes, seed=1)
    parts = [LengthBuckets(LENGTHS, batch=4, seed=1, process=p, processes=processes) for p in range(processes)]
    assert {len(part) for part in parts} == {len(whole)}
    for together, *apart in zip(whole, *parts, strict=True):
        assert sorted(i for batch in apart for i in batch if i != NONE) == sorted(together)
        assert all(0 < len(batch) <= 4 for batch in apart)


def test_a_process_without_a_row_gets_a_stand_in_that_does_not_count() -> None:
    rows = [Row([1], [[2] * n], [1.0], 0) for n in range(1, 6)]
    batches = [
        list(Batches(rows, LengthBuckets([r.tokens for r in rows], batch=1, seed=0, process=p, processes=4)))
        for p in range(4)
    ]
    counted = [[inputs["batch"].counts for inputs in one] for one in batches]
    assert counted == [[True, True], [True, False], [True, False], [True, False]]
    seen = [inputs["batch"].rows for one in batches for inputs in one if inputs["batch"].counts]
    assert sorted(len(row.responses[0]) for (row,) in seen) == [1, 2, 3, 4, 5]

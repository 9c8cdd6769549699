"""Which rows make a batch, on one process or several: rows of like length together, in a random order that repeats.

Does not read or encode rows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch.utils.data import DataLoader, Dataset, Sampler

from rtlscribe.training.data import Row

# Rows of so many batches are sorted by length together: little waiting and padding, and the order stays random.
SORTED_BATCHES = 16
NONE = -1  # stands for a row that does not count, where a process would have nothing to do


class Batch(NamedTuple):
    """The rows of one process and step. `counts` is False for a stand-in, which must not weigh anything."""

    rows: list[Row]
    counts: bool


class LengthBuckets(Sampler[list[int]]):
    """Batches of one process, by place. The same for the same seed and epoch.

    The rows of one step of all processes are a batch of `batch` x `processes` rows of like length, dealt out in turn.
    """

    def __init__(self, lengths: Sequence[int], *, batch: int, seed: int, process: int = 0, processes: int = 1) -> None:
        self.lengths, self.seed, self.epoch = lengths, seed, 0
        self.whole, self.process, self.processes = batch * processes, process, processes

    def set_epoch(self, epoch: int) -> None:
        """Called at the start of each epoch, also of a resumed one."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.whole)

    def __iter__(self) -> Iterator[list[int]]:
        rng = random.Random(f"{self.seed} {self.epoch}")
        order = rng.sample(range(len(self.lengths)), len(self.lengths))
        span = self.whole * SORTED_BATCHES
        buckets = [sorted(order[i : i + span], key=self.lengths.__getitem__) for i in range(0, len(order), span)]
        batches = [bucket[i : i + self.whole] for bucket in buckets for i in range(0, len(bucket), self.whole)]
        # The one short batch stays last, or an epoch's windows of accumulated batches would differ in their rows.
        whole, short = [b for b in batches if len(b) == self.whole], [b for b in batches if len(b) < self.whole]
        rng.shuffle(whole)
        return (batch[self.process :: self.processes] or [NONE] for batch in whole + short)


class _Rows(Dataset[Row | None]):
    """Rows by place; None for NONE."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Row | None:
        return None if place == NONE else self.rows[place]


class Batches(DataLoader[dict[str, Batch]]):
    """What the Trainer iterates over."""

    def __init__(self, rows: Sequence[Row], order: LengthBuckets) -> None:
        self.order = order
        shortest = min(range(len(rows)), key=order.lengths.__getitem__)
        super().__init__(_Rows(rows), batch_sampler=order, collate_fn=_Collate(rows[shortest]))

    def set_epoch(self, epoch: int) -> None:
        self.order.set_epoch(epoch)


class _Collate:
    def __init__(self, stand_in: Row) -> None:
        self.stand_in = stand_in

    def __call__(self, rows: Sequence[Row | None]) -> dict[str, Batch]:
        real = [row for row in rows if row is not None]
        return {"batch": Batch(real or [self.stand_in], counts=bool(real))}

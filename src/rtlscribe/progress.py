"""Progress of long work on stderr: a bar on a terminal, a line now and then elsewhere. Stdout stays for results."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

LINE_EVERY_S = 15.0  # between lines where there is no terminal


class Bar:
    """One piece of work. `add` counts finished units, `say` puts a remark beside the bar."""

    def __init__(self, label: str, total: int, done: int) -> None:
        self.label, self.total, self.done, self.remark = label, total, done, ""
        self._told = time.monotonic()

    def add(self, count: int = 1) -> None:
        self.done += count
        self._show()

    def say(self, remark: str) -> None:
        self.remark = remark
        self._show()

    def _show(self) -> None:
        if time.monotonic() - self._told >= LINE_EVERY_S:
            self._told = time.monotonic()
            note(f"{self.label}: {self.done}/{self.total} {self.remark}".rstrip())


class _LiveBar(Bar):
    def __init__(self, label: str, total: int, done: int, live: Progress) -> None:
        super().__init__(label, total, done)
        self._live, self._task = live, live.add_task(label, total=total, completed=done, remark="")

    def _show(self) -> None:
        self._live.update(self._task, completed=self.done, remark=self.remark)


def note(text: str) -> None:
    """One line on stderr."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def bar(label: str, total: int, *, done: int = 0) -> Iterator[Bar]:
    """Show the progress of `total` units of work, `done` of which an earlier attempt did."""
    console = Console(stderr=True)
    begun, earlier = time.monotonic(), done
    if console.is_terminal:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        rest = (TimeElapsedColumn(), TextColumn("{task.fields[remark]}"))
        with Progress(*columns, *rest, console=console, transient=True) as live:
            shown: Bar = _LiveBar(label, total, done, live)
            yield shown
    else:
        shown = Bar(label, total, done)
        yield shown
    again = f" ({earlier} from an earlier attempt)" if earlier else ""
    note(f"{label}: {shown.done}/{total}{again} in {time.monotonic() - begun:.1f} s {shown.remark}".rstrip())

"""Boxes of the sandbox, and a look at what runs: the programs below this process, as the system tells of them."""

import contextlib
import ctypes
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from rtlscribe.checkers.sandbox import Box, Pool

_SET_CHILD_SUBREAPER = 36  # prctl
WORKER = "rtlscribe.checkers.worker"


class Running(NamedTuple):
    """A program that runs."""

    pid: int
    command: str


def _programs() -> dict[int, tuple[int, str]]:
    """Parent and command line of every program; what has ended and waits to be asked for its status has none."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            found[int(entry.name)] = (int(parent), (entry / "cmdline").read_text().replace("\0", " ").strip())
    return found


def _below() -> Iterator[Running]:
    programs = _programs()
    ours = {os.getpid()}
    while more := {pid for pid, (parent, _) in programs.items() if parent in ours} - ours:
        ours |= more
    return (Running(pid, programs[pid][1]) for pid in sorted(ours - {os.getpid()}) if programs[pid][1])


@pytest.fixture
def below() -> Iterator[Callable[[], list[Running]]]:
    """What this process has started and what that has, and so on; orphans too, for they come to this process."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc to see what runs")
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield lambda: list(_below())
    libc.prctl(_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@pytest.fixture
def tools(below: Callable[[], list[Running]]) -> Callable[[], list[Running]]:
    """The same without the sandbox's own workers: what is run for an answer."""
    return lambda: [running for running in below() if WORKER not in running.command]


@pytest.fixture
def until() -> Callable[[Callable[[], object]], object]:
    """Waits for something to become true, which is busy machines' due; gives what it was at last."""

    def wait(condition: Callable[[], object], *, seconds: float = 15.0) -> object:
        end = time.monotonic() + seconds
        while not (seen := condition()) and time.monotonic() < end:
            time.sleep(0.02)
        return seen

    return wait


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool()
    yield made
    made.close()


@pytest.fixture
def box(pool: Pool) -> Iterator[Box]:
    with pool.borrow() as borrowed:
        yield borrowed

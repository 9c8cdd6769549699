"""Try on this machine what a sandbox must not allow. Tells what holds and what does not; judges no answer."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rtlscribe.checkers.sandbox import Box, Pool

SHELL = "/bin/sh"
SECONDS = 5.0


class Check(NamedTuple):
    """One thing that was tried; `said` is what was seen."""

    name: str
    holds: bool
    said: str = ""


def selfcheck(pool: Pool) -> Iterator[Check]:
    """Each check as it is made, in a box of the pool."""
    with pool.borrow() as box, tempfile.TemporaryDirectory(prefix="rtlscribe-canary-") as folder:
        canary = Path(folder) / "canary"
        canary.write_text("yours\n")
        done = box.trespass(canary)
        untouched = canary.is_file() and canary.read_text() == "yours\n" and len(list(Path(folder).iterdir())) == 1
        yield Check("files, memory and network are out of reach", not done and untouched, ", ".join(done))
    for name, check in CHECKS.items():
        with pool.borrow() as box:
            begun = time.monotonic()
            said = check(box)
            took = time.monotonic() - begun
            yield Check(name, not said and took < SECONDS + 5, said or f"{took:.1f} s")


def _endless(box: Box) -> str:
    done = box.run([SHELL, "-c", "while :; do :; done"], deadline=time.monotonic() + 0.5)
    return "" if done.status is None else f"it ended with status {done.status}"


def _flood(box: Box) -> str:
    script = "s='flood flood '; for i in 1 2 3 4 5 6 7 8; do s=$s$s; done; while :; do echo $s; done"
    done = box.run([SHELL, "-c", script], deadline=time.monotonic() + 4 * SECONDS)
    return "" if done.status and done.cut and len(done.stdout) < 1_000_000 else f"status {done.status}"


def _memory(box: Box) -> str:
    done = box.run([SHELL, "-c", "s=x; while :; do s=$s$s; done"], deadline=time.monotonic() + 4 * SECONDS)
    return "" if done.status else f"status {done.status}"


def _folder(box: Box) -> str:
    script = "s=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do s=$s$s; done; i=0; "
    script += "while [ $i -lt 1500 ]; do i=$((i+1)); echo $s > f$i || exit 3; done"
    done = box.run([SHELL, "-c", script], deadline=time.monotonic() + 4 * SECONDS)
    return "" if done.status else "it wrote 96 MiB"


def _strays(box: Box) -> str:
    """Programs that outlive their parent, also in a session of their own."""
    mark = f"31.{secrets.randbelow(10**9):09}"
    # The pause is for setsid, which has to get its session before the program's own is ended.
    script = f"(sleep {mark} &) ; setsid sleep {mark} & sleep {mark} & sleep 0.3; exit 0"
    box.run([SHELL, "-c", script], deadline=time.monotonic() + SECONDS)
    for _ in range(20):
        left = list(_running(mark))
        if not left:
            return ""
        time.sleep(0.05)
    return f"{len(left)} programs are still running"


def _running(mark: str) -> Iterator[str]:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark in (command := entry.read_text()):
                yield command


CHECKS: dict[str, Callable[[Box], str]] = {
    "a program without end is ended": _endless,
    "a flood of output is cut": _flood,
    "memory is limited": _memory,
    "the work folder is limited": _folder,
    "nothing is left running": _strays,
}

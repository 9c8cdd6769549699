"""Judge in a sandbox: what the checkers share that start a program on an answer. Knows no program."""

from __future__ import annotations

import signal
from collections.abc import Callable

from rtlscribe.checkers.base import Judged
from rtlscribe.checkers.confine import EXHAUSTED
from rtlscribe.checkers.sandbox import Box, Crashed, Pool
from rtlscribe.errors import RtlscribeError

CRASHES = (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, EXHAUSTED)  # what an answer can do to what reads it


def in_box(pool: Pool, code: str, judge: Callable[[Box, str], Judged]) -> Judged:
    """What `judge` makes of a piece of code. Code that brings the sandbox's worker down twice is rejected for it.

    Raises:
        RtlscribeError: the worker is broken, or does not answer.
    """
    code = code.encode(errors="replace").decode()  # half a surrogate pair is any other wrong character
    if not code:
        return Judged("no_code")
    for last in (False, True):
        try:
            with pool.borrow() as box:
                return judge(box, code)
        except Crashed as crash:
            if crash.status == -signal.SIGALRM:
                return Judged("rejected", "reading it takes too long")
            if last and crash.status in CRASHES:
                return Judged("rejected", f"it brings down the program that reads it (status {crash.status})")
            if last:
                raise RtlscribeError(f"the process that checks answers {crash}") from crash
    raise AssertionError("unreachable")

"""Judge in a sandbox: what the checkers share that start a program on an answer. Knows no program."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import NamedTuple

from rtlscribe.checkers.sandbox import Box, Crashed, Pool
from rtlscribe.errors import RtlscribeError
from rtlscribe.records import Status


class Judged(NamedTuple):
    """A verdict's substance."""

    status: Status
    detail: str = ""


def in_box(
    pool: Pool, code: str, judge: Callable[[Box, str], Judged], *, parse: Callable[[Box, str], Judged], top: str
) -> Judged:
    """What `judge` makes of a piece of code that the guard does not refuse.

    Of code that it refuses, `parse` only says whether it is a syntax_error: then it is no attack but a mistake. Code
    that brings the sandbox's worker down twice is rejected for it.

    Raises:
        RtlscribeError: the worker is broken, or does not answer.
    """
    code = code.encode(errors="replace").decode()  # half a surrogate pair is any other wrong character
    if not code:
        return Judged("no_code", "")
    for last in (False, True):
        try:
            with pool.borrow() as box:
                reason = box.screen(code, top=top)
                if not reason:
                    return judge(box, code)
                parsed = parse(box, code)
                return parsed if parsed.status == "syntax_error" else Judged("rejected", reason)
        except Crashed as crash:
            if crash.status == -signal.SIGALRM:
                return Judged("rejected", "reading it takes too long")
            if last and crash.status is not None:
                return Judged("rejected", f"it brings down the program that reads it (status {crash.status})")
            if last:
                raise RtlscribeError(f"the process that checks answers {crash}") from crash
    raise AssertionError("unreachable")

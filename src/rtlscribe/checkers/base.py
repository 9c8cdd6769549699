"""The contract of a checker and the table of them. Does not check anything itself."""

from __future__ import annotations

from typing import Protocol

from rtlscribe import registry
from rtlscribe.records import Candidate, Problem, Verdict

TABLE = {
    "iverilog": "rtlscribe.checkers.iverilog:IverilogChecker",
    "pyslang": "rtlscribe.checkers.pyslang:PyslangChecker",
    "scripted": "rtlscribe.checkers.scripted:ScriptedChecker",
}


class Checker(Protocol):
    """Something that judges candidates. Safe to call from several threads."""

    name: str

    def check(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Verdict:
        """The verdict on one candidate; `timeout_s` bounds all of it, in seconds of wall time.

        Raises:
            RtlscribeError: the checker itself is broken. Never for a bad candidate.
        """
        ...


def open_checker(name: str) -> Checker:
    """The checker of that name.

    Raises:
        UsageError: no such checker. MissingToolError: its tool is not installed.
    """
    checker: Checker = registry.lookup("checker", name, TABLE)()
    return checker

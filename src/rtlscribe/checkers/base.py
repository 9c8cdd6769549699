"""The contract of a checker and the table of them. Does not check anything itself."""

from __future__ import annotations

import inspect
import platform
import time
from typing import Any, NamedTuple, Protocol, Self

from rtlscribe import registry
from rtlscribe.errors import MissingToolError, UsageError
from rtlscribe.records import Candidate, Problem, Status, Verdict

TABLE = {
    "iverilog": "rtlscribe.checkers.iverilog:IverilogChecker",
    "pyslang": "rtlscribe.checkers.pyslang:PyslangChecker",
    "scripted": "rtlscribe.checkers.scripted:ScriptedChecker",
    "verilator": "rtlscribe.checkers.verilator:VerilatorChecker",
    "yosys": "rtlscribe.checkers.yosys:YosysChecker",
    "yosys-proved": "rtlscribe.checkers.yosys:YosysProvedChecker",
}


class Checker(Protocol):
    """Something that judges candidates. Safe to call from several threads.

    One to which more is alike than identical texts also has `alike(code) -> str`, equal for codes with equal verdicts.
    """

    name: str

    def check(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Verdict:
        """The verdict on one candidate; `timeout_s` bounds all of it, in seconds of wall time.

        Raises:
            RtlscribeError: the checker itself is broken. Never for a bad candidate.
        """
        ...


class Remade:
    """A base for what holds boxes and locks: it is pickled as its options, and made anew with the tools found there.

    Raises, when it is unpickled:
        MissingToolError: they are not there, or of another version.
    """

    name: str
    _options: dict[str, Any]

    def __new__(cls, **options: Any) -> Self:
        made = super().__new__(cls)
        made._options = options
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (type(self), self._options, self.name)


def _remake(kind: type[Remade], options: dict[str, Any], name: str) -> Remade:
    made: Remade = kind(**options)
    if made.name != name:
        raise MissingToolError(f"{platform.node()} has {made.name}; the run is judged by {name}: install that there")
    return made


class Judged(NamedTuple):
    """A verdict's substance."""

    status: Status
    detail: str = ""

    def verdict(self, candidate: Candidate, problem: Problem, *, checker: str, begun: float) -> Verdict:
        """The verdict; `begun` is the time.monotonic() at which the check began."""
        return Verdict(
            problem_id=problem.id,
            index=candidate.index,
            status=self.status,
            checker=checker,
            detail=self.detail,
            seconds=time.monotonic() - begun,
        )


def open_checker(name: str, *, rule: str = "strict", second_run: bool = True) -> Checker:
    """The checker of that name.

    `rule` is strict, or official for the published way of judging; `second_run` puts what passes on the published
    stimulus to other random stimulus too. Both are for checkers that know of them.

    Raises:
        UsageError: no such checker, or it has no such option. MissingToolError: its tool is not installed.
    """
    kind = registry.lookup("checker", name, TABLE)
    options = ({"rule": rule} if rule != "strict" else {}) | ({} if second_run else {"second_run": False})
    for option in options.keys() - inspect.signature(kind).parameters.keys():
        raise UsageError(f"the checker {name} has no --{option.replace('_', '-')}; iverilog has")
    checker: Checker = kind(**options)
    return checker

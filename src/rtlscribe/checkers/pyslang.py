"""Syntax and elaboration alone, in the process, by pyslang: the quick checker behind the paper's syntax score.

Does not simulate: a candidate that it passes compiles, no more. Its memory is not bounded (macros can nest).
"""

from __future__ import annotations

import time

from rtlscribe.checkers.base import Judged
from rtlscribe.records import Candidate, Problem, Verdict
from rtlscribe.verilog.syntax import errors

LONGEST_CODE = 48 * 1024  # characters; deeper nesting than fits here overflows pyslang's stack, no answer comes near


class PyslangChecker:
    """passed: no error. The problem's testbench is not looked at."""

    name = "pyslang"

    def check(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Verdict:
        begun = time.monotonic()
        return _judge(candidate.code).verdict(candidate, problem, checker=self.name, begun=begun)


def _judge(code: str) -> Judged:
    if not code:
        return Judged("no_code")
    if len(code) > LONGEST_CODE:
        return Judged("rejected", f"longer than {LONGEST_CODE} characters")
    found = errors(code)
    return Judged("syntax_error", f"line {found[0].line}: {found[0].text}") if found else Judged("passed")

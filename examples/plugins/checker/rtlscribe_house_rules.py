"""Rules of a design house: what passes in simulation may still use a construct that nobody there wants."""

import re

from msgspec.structs import replace

from rtlscribe.checkers.base import open_checker
from rtlscribe.records import Candidate, Problem, Verdict
from rtlscribe.verilog.extract import blank
from rtlscribe.verilog.plain import plain

UNWANTED = {
    "casex": re.compile(r"\bcasex\b"),
    "an initial block": re.compile(r"\binitial\b"),
    "a delay": re.compile(r"#\s*[\d.]"),
}


class HouseRules:
    """passed: it passes the testbench, and uses nothing unwanted."""

    def __init__(self) -> None:
        self._simulator = open_checker("iverilog")
        self.name = f"house-rules-1 ({self._simulator.name})"  # with versions: a run is of one judge

    def check(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Verdict:
        verdict = replace(self._simulator.check(candidate, problem, timeout_s=timeout_s), checker=self.name)
        if verdict.status != "passed":
            return verdict
        code = blank(plain(candidate.code))  # macros expanded, strings blanked: a rule is not to be talked around
        found = [name for name, pattern in UNWANTED.items() if pattern.search(code)]
        return replace(verdict, status="failed", detail=f"not in this house: {', '.join(found)}") if found else verdict

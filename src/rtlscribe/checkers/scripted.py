"""A checker that reads its verdict off the candidate: for tests, and to try a pipeline without a simulator."""

from __future__ import annotations

import re
from typing import get_args

from rtlscribe.records import Candidate, Problem, Status, Verdict

_MARK = re.compile(r"// verdict: (\w+)")


class ScriptedChecker:
    """`// verdict: failed` in the code gives failed; code without a mark passes; no code is no_code."""

    name = "scripted"

    def check(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Verdict:
        mark = _MARK.search(candidate.code)
        said = mark.group(1) if mark else "passed" if candidate.code else "no_code"
        status: Status = said if said in get_args(Status) else "rejected"  # type: ignore[assignment]
        return Verdict(problem_id=problem.id, index=candidate.index, status=status, checker=self.name)

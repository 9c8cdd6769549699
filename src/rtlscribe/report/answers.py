"""Boil the attempts of an evaluation down to what a page has room for: outcomes of each problem, and the code of two.

Reads no files. What is left out is counted, so that the page can say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rtlscribe.records import Candidate, Status, Verdict
from rtlscribe.report.material import Answers, Code, Outcome

PAGE_CODE_CHARACTERS = 2_000_000  # of all runs on a page together: it stays one that a browser opens at once
CODE_CHARACTERS = 3_000
DETAIL_CHARACTERS = 240
MOST_OUTCOMES = 20  # of one problem

Judged = tuple[Candidate, Verdict]


class Collector:
    """Takes the attempts of a run in any order, and keeps of them what is shown."""

    def __init__(self) -> None:
        self._ends: dict[str, dict[tuple[Status, str], list[tuple[int, float]]]] = {}
        self.first_passed: dict[str, Judged] = {}
        self.first_failed: dict[str, Judged] = {}

    def add(self, candidate: Candidate, verdict: Verdict) -> None:
        ends = self._ends.setdefault(verdict.problem_id, {})
        ends.setdefault((verdict.status, _short(verdict.detail)), []).append((verdict.index, verdict.seconds))
        first = self.first_passed if verdict.status == "passed" else self.first_failed
        if verdict.problem_id not in first or verdict.index < first[verdict.problem_id][1].index:
            first[verdict.problem_id] = candidate, verdict

    def answers(self, problem_ids: Iterable[str], *, characters: int) -> tuple[Answers, ...]:
        """In the order of `problem_ids`; once so many characters of code are shown, only outcomes follow."""
        found = []
        for problem_id in problem_ids:
            answers = self._answers(problem_id)
            size = sum(len(code.text) for code in answers.codes)
            if size > characters:
                found.append(_without_code(answers))
                continue
            characters -= size
            found.append(answers)
        return tuple(found)

    def _answers(self, problem_id: str) -> Answers:
        ends = self._ends.get(problem_id, {})
        outcomes = [
            Outcome(
                status=status,
                detail=detail,
                indices=tuple(sorted(index for index, _ in attempts)),
                seconds=max(seconds for _, seconds in attempts),
            )
            for (status, detail), attempts in ends.items()
        ]
        outcomes.sort(key=lambda o: (-len(o.indices), o.indices))
        first = (self.first_passed, self.first_failed)
        return Answers(
            problem_id=problem_id,
            outcomes=tuple(outcomes[:MOST_OUTCOMES]),
            outcomes_left_out=len(outcomes[MOST_OUTCOMES:]),
            codes=tuple(_codes(problem_id, first)),
        )


def _codes(problem_id: str, first: Iterable[Mapping[str, Judged]]) -> Iterable[Code]:
    for judged in first:
        if problem_id not in judged:
            continue
        candidate, verdict = judged[problem_id]
        if candidate.code.strip():
            text = candidate.code[:CODE_CHARACTERS]
            left_out = len(candidate.code) - len(text)
            yield Code(index=verdict.index, status=verdict.status, text=text, left_out=left_out)


def _without_code(answers: Answers) -> Answers:
    return Answers(
        problem_id=answers.problem_id,
        outcomes=answers.outcomes,
        outcomes_left_out=answers.outcomes_left_out,
        codes_left_out=len(answers.codes),
    )


def _short(detail: str) -> str:
    return detail if len(detail) <= DETAIL_CHARACTERS else detail[: DETAIL_CHARACTERS - 1] + "…"

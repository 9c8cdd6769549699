"""Decide on the answers to one problem: by simulation, by the problem's own testbench, by proof. Reads no files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rtlscribe.checkers.agreement import Agreement
from rtlscribe.checkers.base import Checker
from rtlscribe.checkers.behaviour import Behaviours
from rtlscribe.records import Candidate, Problem, Record

CHECK_TIMEOUT_S = 30.0  # of a problem's own testbench, and of a proof


class Verified(Record, kw_only=True):
    """What became of one row. `reason` is why it was left out, "" if it was not.

    `votes` are those of the chosen answer, `reference` its place among the agreement's answers. `split` counts answers
    that a proof parted from the rest, `merged` those that it added, `outvoted` behaviours that are commoner than the
    chosen one and do not pass the row's own testbench.
    """

    id: str
    reason: str
    votes: int
    reference: int | None
    agreement: Agreement
    split: int = 0
    merged: int = 0
    outvoted: int = 0


class Court(NamedTuple):
    """Who decides on a row: by simulation, each of `timeout_s` at most, by the row's own testbench, by proof."""

    behaviours: Behaviours
    judge: Checker | None
    prover: Checker | None
    timeout_s: float

    def verify(
        self, problem: Problem, answers: Sequence[Candidate], *, min_agreement: float, min_votes: int
    ) -> Verified:
        """What becomes of a problem's answers."""
        found = self.behaviours.compare(problem, answers, timeout_s=self.timeout_s)
        split = merged = outvoted = 0
        if self.prover and found.consensus is not None:
            found, split, merged = self._proved(problem, found, self.prover)
        reason = ""
        if self.judge and problem.testbench and found.consensus is not None:
            found, outvoted = self._passing(problem, found, self.judge)
            reason = "" if found.consensus is not None else "no behaviour passes its own testbench"
        reference = found.consensus
        votes = found.votes(found.answers[reference].behaviour) if reference is not None else 0
        if not reason:
            reason = _reason(found, reference, votes, min_agreement=min_agreement, min_votes=min_votes)
        return Verified(
            id=problem.id,
            reason=reason,
            votes=votes,
            reference=reference,
            agreement=found,
            split=split,
            merged=merged,
            outvoted=outvoted,
        )

    def _passing(self, problem: Problem, found: Agreement, judge: Checker) -> tuple[Agreement, int]:
        """The votes without the behaviours that are commoner than one that passes the testbench, and their number."""
        outvoted = 0
        while found.consensus is not None:
            candidate = _candidate(problem, found, found.consensus)
            if judge.check(candidate, problem, timeout_s=CHECK_TIMEOUT_S).status == "passed":
                break
            behaviour = found.answers[found.consensus].behaviour
            losers = (place for place, answer in enumerate(found.answers) if answer.behaviour == behaviour)
            found = found.regrouped(dict.fromkeys(losers))
            outvoted += 1
        return found, outvoted

    def _proved(self, problem: Problem, found: Agreement, prover: Checker) -> tuple[Agreement, int, int]:
        """The votes after a look for proofs; answers that were parted from the consensus, and added to it.

        Each different text is compared once; what the prover cannot decide stays as it is.
        """
        assert found.consensus is not None
        chosen = found.answers[found.consensus]
        against = Problem(
            id=problem.id, text=problem.text, header=problem.header, reference=chosen.code, top=problem.top
        )
        statuses, changes = {chosen.code: "passed"}, dict[int, int | None]()
        fresh = len(found.answers)  # no behaviour has a number as high
        for place, answer in enumerate(found.answers):
            inside = answer.behaviour == chosen.behaviour
            if not inside and not answer.unknown_only:
                continue
            if answer.code not in statuses:
                verdict = prover.check(_candidate(problem, found, place), against, timeout_s=CHECK_TIMEOUT_S)
                statuses[answer.code] = verdict.status
            status = statuses[answer.code]
            if inside and status == "failed":
                changes[place] = fresh + list(statuses).index(answer.code)
            elif not inside and status == "passed":
                changes[place] = chosen.behaviour
        split = sum(number != chosen.behaviour for number in changes.values())
        return (found.regrouped(changes) if changes else found), split, len(changes) - split


def _candidate(problem: Problem, found: Agreement, place: int) -> Candidate:
    answer = found.answers[place]
    return Candidate(problem_id=problem.id, index=answer.index, code=answer.code, assembly="modules")


def _reason(found: Agreement, reference: int | None, votes: int, *, min_agreement: float, min_votes: int) -> str:
    """Why a row is left out; "" if it is not. One of a few, so that they can be counted."""
    if not found.answers:
        return "no answer"
    if not found.compiled:
        return "no answer compiles"
    if reference is None:
        return "no answer's outputs tell anything"
    if votes < min_votes:
        return f"fewer than {min_votes} answers agree"
    if found.answers[reference].agreement < min_agreement:
        return f"agreement below {min_agreement:g}"
    return ""

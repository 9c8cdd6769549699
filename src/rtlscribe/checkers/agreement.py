"""The votes of answers by behaviour, and what they come to. Simulates nothing; see `behaviour`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from rtlscribe.checkers.base import Judged
from rtlscribe.records import Candidate, Problem, Record, Status
from rtlscribe.scoring import COMPILED, agreement
from rtlscribe.verilog.ports import Port
from rtlscribe.verilog.roles import Roles
from rtlscribe.verilog.testbench import observed
from rtlscribe.verilog.traces import Trace, blind, difference, groups, only_unknown


class Answered(Record, kw_only=True):
    """One answer. Those of the same `behaviour` (0 is the commonest) did the same on all of the stimulus.

    `status` is `passed` if it was simulated to the end, else why not, as in a verdict. `behaviour` is None too if its
    outputs tell nothing: never known, or never changing. `agreement` is the share of the answers that compile which
    behave as it does, itself included; 0 without a behaviour. `unknown_only`: it differs from the commonest behaviour
    only where one of the two is unknown.
    """

    index: int
    code: str
    status: Status
    detail: str = ""
    behaviour: int | None = None
    agreement: float = 0.0
    unknown_only: bool = False


class Agreement(Record, kw_only=True):
    """The answers to one problem, compared. `resets` are names with the active level, as in "rst_n=0".

    `consensus` is the place of the first answer with the commonest behaviour, None if no answer has one. `tied`:
    another behaviour is as common; that of the earlier answer was taken.
    """

    problem_id: str
    answers: tuple[Answered, ...]
    consensus: int | None = None
    tied: bool = False
    compiled: int = 0
    clocks: tuple[str, ...] = ()
    resets: tuple[str, ...] = ()
    samples: int = 0

    def votes(self, behaviour: int | None) -> int:
        """How many answers behave so."""
        return sum(a.behaviour == behaviour for a in self.answers) if behaviour is not None else 0

    def regrouped(self, behaviours: Mapping[int, int | None]) -> Agreement:
        """The same answers where those at some places (of `answers`) have another behaviour, and so other votes.

        Behaviours keep their numbers, so 0 need not be the commonest any more; `consensus` is.
        """
        changed = [
            msgspec.structs.replace(a, behaviour=behaviours.get(place, a.behaviour))
            for place, a in enumerate(self.answers)
        ]
        votes = Counter(a.behaviour for a in changed if a.behaviour is not None)
        answers = tuple(
            msgspec.structs.replace(
                a, agreement=agreement(votes[a.behaviour] if a.behaviour is not None else 0, compiled=self.compiled)
            )
            for a in changed
        )
        firsts = {a.behaviour: place for place, a in reversed(list(enumerate(answers))) if a.behaviour is not None}
        order = sorted(firsts.items(), key=lambda item: (-votes[item[0]], item[1]))
        tied = len(order) > 1 and votes[order[0][0]] == votes[order[1][0]]
        return msgspec.structs.replace(self, answers=answers, consensus=order[0][1] if order else None, tied=tied)


class Outcome(NamedTuple):
    """What came of one answer: a trace, or why there is none."""

    judged: Judged
    trace: Trace | None = None


class Setup(NamedTuple):
    """How the answers of one interface were looked at; see `verilog.stimulus`."""

    roles: Roles
    samples: int
    unsettled: int


def count(
    problem: Problem,
    answers: Sequence[Candidate],
    outcomes: Mapping[str, Outcome],
    parties: Mapping[tuple[Port, ...], Sequence[str]],
    setups: Mapping[tuple[Port, ...], Setup],
) -> Agreement:
    """Count the votes. Behaviours are numbered from the commonest, over all interfaces."""
    compiled = sum(outcomes[answer.code].judged.status in COMPILED for answer in answers)
    found, blinded = _behaviours(answers, outcomes, parties)
    behaviour = {place: number for number, one in enumerate(found) for place in one.members}
    answered = []
    for place, answer in enumerate(answers):
        judged, number = outcomes[answer.code].judged, behaviour.get(place)
        detail, unknown_only = blinded.get(answer.code, judged.detail), False
        if number:
            detail, unknown_only = _against(found[0], found[number])
        answered.append(
            Answered(
                index=answer.index,
                code=answer.code,
                status=judged.status,
                detail=detail,
                behaviour=number,
                agreement=agreement(len(found[number].members) if number is not None else 0, compiled=compiled),
                unknown_only=unknown_only,
            )
        )
    setup = setups.get(found[0].interface) if found else next(iter(setups.values()), None)
    return Agreement(
        problem_id=problem.id,
        answers=tuple(answered),
        consensus=found[0].members[0] if found else None,
        tied=len(found) > 1 and len(found[0].members) == len(found[1].members),
        compiled=compiled,
        clocks=setup.roles.clocks if setup else (),
        resets=tuple(f"{name}={level}" for name, level in setup.roles.resets) if setup else (),
        samples=setup.samples if setup else 0,
    )


class _Behaviour(NamedTuple):
    """The places of the answers that behave so, what they do, and with which ports."""

    members: tuple[int, ...]
    trace: Trace
    interface: tuple[Port, ...]


def _behaviours(
    answers: Sequence[Candidate],
    outcomes: Mapping[str, Outcome],
    parties: Mapping[tuple[Port, ...], Sequence[str]],
) -> tuple[list[_Behaviour], dict[str, str]]:
    """The behaviours, the commonest first, then that of the earliest answer; and why some code has none."""
    found: list[_Behaviour] = []
    blinded: dict[str, str] = {}
    for interface, members in parties.items():
        telling = []
        for place, answer in enumerate(answers):
            trace = outcomes[answer.code].trace
            if answer.code not in members or trace is None:
                continue
            reason = blind(trace, observed(interface)) if _has_inputs(interface) else ""
            if reason:
                blinded[answer.code] = reason
            else:
                telling.append((place, trace))
        found += [_Behaviour(group.members, group.trace, interface) for group in groups(telling)]
    return sorted(found, key=lambda b: (-len(b.members), b.members[0])), blinded


def _against(first: _Behaviour, other: _Behaviour) -> tuple[str, bool]:
    """How a behaviour differs from the commonest, in words, and whether only in what is unknown."""
    if first.interface != other.interface:
        return "it has other ports than most", False
    return difference(other.trace, first.trace, observed(first.interface)), only_unknown(other.trace, first.trace)


def _has_inputs(interface: Sequence[Port]) -> bool:
    return any(port.direction != "output" for port in interface)

"""The loop: draw answers, judge each, put what was found back to the model, and keep the best.

What a repair is told is what judges say of the user's own testbench and reference. A benchmark's golden testbench never
comes here. Does not print and does not read files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from typing import NamedTuple

import jinja2
import msgspec

from rtlscribe.errors import UsageError
from rtlscribe.flow import TIMEOUT_S, candidate_of
from rtlscribe.models.base import Model, Request, UnansweredError
from rtlscribe.models.streaming import Piece, pieces
from rtlscribe.prompts import Template
from rtlscribe.records import Candidate, Completion, Problem, Record, Sampling
from rtlscribe.verilog.extract import extract
from rtlscribe.verilog.header import find_header
from rtlscribe.writing.judging import Judgement, Judges

FINDINGS = 8  # lines of what was found that a repair is told
_SHIPPED = resources.files("rtlscribe.prompts") / "repair"


class Draft(Record, kw_only=True):
    """One answer and what is known of it. `round` 0 is the first, the others are repairs."""

    round: int
    completion: Completion
    candidate: Candidate
    judgement: Judgement

    @property
    def code(self) -> str:
        """What there is to show: the Verilog, else the words."""
        return self.candidate.code or self.completion.text


class Note(NamedTuple):
    """What happened on the way, for people."""

    text: str


class Writer(NamedTuple):
    """Who writes, how, and who judges.

    Of each round, `sampling.n` answers are drawn until one passes; up to `repairs` rounds follow the first. Where no
    testbench and no reference tells answers apart, all are drawn, and those that do what most do are judged first.
    """

    model: Model
    template: Template
    judges: Judges
    repairs: int = 0
    timeout_s: float = TIMEOUT_S

    def write(
        self, problem: Problem, *, sampling: Sampling, first: int = 0, stop: Sequence[str] = ()
    ) -> Iterator[Piece | Completion | Draft | Note]:
        """Completions as they are drawn, with the text as it comes, and drafts as they are judged.

        Ends with the first draft that passes.

        Without a header, that of the reference is the one to have.
        `first` is the index of the first answer; an answer ends before any of the texts in `stop`. To close the
        iterator ends what is being done.

        Raises:
            RtlscribeError: the model or a judge is broken.
        """
        if problem.reference and not problem.header and (found := find_header(problem.reference)):
            problem = msgspec.structs.replace(problem, header=found.text)
        best: Draft | None = None
        asked = problem
        for number in range(self.repairs + 1):
            if best:
                asked = repaired(problem, best)
            indices = tuple(range(first + number * sampling.n, first + (number + 1) * sampling.n))
            prompt = asked.prompt or self.template.render(instruction=asked.text, header=asked.header)
            request = Request(problem_id=problem.id, prompt=prompt, system=problem.system, indices=indices)
            try:
                with contextlib.closing(pieces(self.model, [request], sampling=sampling)) as made:
                    for item in self._round(made, problem, number, stop):
                        yield item
                        if isinstance(item, Draft):
                            best = better(best, item)
                            if item.judgement.passed:
                                return
            except (UsageError, UnansweredError) as error:
                if not best:
                    raise
                yield Note(f"no further repair: {error}")  # most often a prompt that has become too long
                return

    def _round(
        self, made: Iterable[Piece | Completion], problem: Problem, number: int, stop: Sequence[str]
    ) -> Iterator[Piece | Completion | Draft | Note]:
        """What is made as it comes, each answer judged; but those that are compared after the last, by their votes.

        Raises:
            UnansweredError: no answer came.
        """
        compares = self.judges.compares(problem)
        drawn: list[Completion] = []
        try:
            for item in made:
                yield item
                if isinstance(item, Completion):
                    drawn.append(_cut(item, stop))
                    if not compares:
                        yield self._judged(drawn[-1], problem, number)
        except UnansweredError as error:
            if not drawn:
                raise
            yield Note(f"{len(error.failures)} answers did not come: {error.failures[0].reason}")
        if compares:
            for one in self._by_votes(drawn, problem) if len(drawn) > 1 else drawn:
                yield one if isinstance(one, Note) else self._judged(one, problem, number)

    def _by_votes(self, drawn: list[Completion], problem: Problem) -> Iterator[Note | Completion]:
        """Those first that do what most do; of answers with the same code, one.

        As `mending.chosen`, but remarks decide nothing among answers that pass: that would want all of them judged
        before one could be given.
        """
        drawn.sort(key=lambda completion: completion.index)
        candidates = [_candidate(completion, problem) for completion in drawn]
        found = self.judges.compare(problem, candidates, timeout_s=self.timeout_s)
        alike = max(found.votes(answered.behaviour) for answered in found.answers)
        agreed = f"{alike} of them do" if alike > 1 else "no two do"
        told = f"{agreed} the same on random inputs" if alike else "none can be simulated"
        yield Note(f"{len(drawn)} answers drawn; {told}")
        distinct: dict[str, Completion] = {}
        for completion, answered in sorted(zip(drawn, found.answers, strict=True), key=lambda p: -p[1].agreement):
            distinct.setdefault(answered.code, completion)
        yield from distinct.values()

    def _judged(self, completion: Completion, problem: Problem, number: int) -> Draft:
        candidate = _candidate(completion, problem)
        judgement = self.judges.judge(candidate, problem, timeout_s=self.timeout_s)
        return Draft(round=number, completion=completion, candidate=candidate, judgement=judgement)


def _candidate(completion: Completion, problem: Problem) -> Candidate:
    return candidate_of(_continuation(completion, problem) if problem.prompt else completion, problem)


def better(one: Draft | None, other: Draft) -> Draft:
    """The better of two drafts for one problem; of equals the first, but a repair where its round is later."""
    if one is None:
        return other
    return other if (other.judgement.merit, other.round) > (one.judgement.merit, one.round) else one


def repaired(problem: Problem, draft: Draft) -> Problem:
    """The problem of repairing a draft."""
    return _again("repair", problem, draft.code, findings(draft))


def changed(problem: Problem, code: str, wish: str) -> Problem:
    """The problem of changing a piece of Verilog as a user wishes."""
    return _again("change", problem, code, wish)


def findings(draft: Draft) -> str:
    """What was found against a draft, with the lines that it is about."""
    judgement = draft.judgement
    lines = draft.code.splitlines()
    told = []
    for remark in judgement.remarks[:FINDINGS]:
        told.append(f"line {remark.line}: {remark.severity}: {remark.text}")
        if 0 < remark.line <= len(lines):
            told.append(f"    {lines[remark.line - 1].strip()}")
    detail = judgement.verdict.detail.splitlines()[:FINDINGS]
    if not told or judgement.checks[-1].aspect != "syntax":
        told += [f"{judgement.checks[-1].aspect}: {judgement.status}", *detail]
    return "\n".join(told)


def _again(name: str, problem: Problem, code: str, wish: str) -> Problem:
    template = jinja2.Template((_SHIPPED / f"{name}.jinja").read_text(encoding="utf-8"))
    text = template.render(instruction=problem.text.strip(), code=code.strip(), findings=wish)
    return msgspec.structs.replace(problem, text=text, prompt="")


def _continuation(completion: Completion, problem: Problem) -> Completion:
    """For a prompt that is to be continued: a header that is restated gives way to the prompt's, whose ports count."""
    code, how = extract(completion.text, header=problem.header)
    own, begun = find_header(code), find_header(problem.header)
    if how == "modules" and own and begun and own.name == begun.name:
        return msgspec.structs.replace(completion, text=problem.header + code[own.end :])
    return completion


def _cut(completion: Completion, stop: Sequence[str]) -> Completion:
    places = [place for text in stop if (place := completion.text.find(text)) >= 0]
    if not places:
        return completion
    return msgspec.structs.replace(completion, text=completion.text[: min(places)], finish_reason="stop")

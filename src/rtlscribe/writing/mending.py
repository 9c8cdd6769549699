"""What a model makes of its own answers: many repaired together, and of several the one to trust. Writes no file.

No benchmark's testbench or reference has a part in it: a problem is given to the judges without them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from rtlscribe.checkers.behaviour import Behaviours
from rtlscribe.executors.base import Executor
from rtlscribe.flow import TIMEOUT_S, Assembly, candidate_of
from rtlscribe.models.base import Failure, Model, Request, UnansweredError, fitting
from rtlscribe.prompts import Template
from rtlscribe.records import Candidate, Completion, Problem, Sampling
from rtlscribe.writing.judging import Judges
from rtlscribe.writing.loop import Draft, better, repaired

TOGETHER = 256  # answers that go through their rounds together


class Mender(NamedTuple):
    """Who repairs, and who finds what is to be repaired; `workers` checks at a time."""

    model: Model
    template: Template
    judges: Judges
    executor: Executor
    workers: int
    timeout_s: float = TIMEOUT_S
    assembly: Assembly = "parser-based"

    def mended(
        self, drawn: Iterable[Completion], problems: Mapping[str, Problem], *, sampling: Sampling, rounds: int
    ) -> Iterator[Draft]:
        """Each completion as a draft, or the best of its repairs in its place.

        Code is found in a completion by `assembly`, and in a repair, which is a whole module, by parsing. Repaired is
        what does not pass syntax, interface, elaboration or lint, in up to `rounds` rounds. A prompt that is too long
        for the model ends the repairs of its answer.

        Raises:
            RtlscribeError: the model or a judge is broken.
        """
        source = iter(drawn)
        while together := list(itertools.islice(source, TOGETHER)):
            best = {(d.completion.problem_id, d.completion.index): d for d in self._judged(together, problems, 0)}
            for number in range(1, rounds + 1):
                wrong = [draft for draft in best.values() if not draft.judgement.passed]
                said = list(self._repairs(wrong, problems, sampling, number)) if wrong else []
                for draft in self._judged(said, problems, number):
                    key = draft.completion.problem_id, draft.completion.index
                    best[key] = better(best[key], draft)
            yield from best.values()

    def _repairs(
        self, wrong: Sequence[Draft], problems: Mapping[str, Problem], sampling: Sampling, number: int
    ) -> Iterator[Completion]:
        """One further answer for each draft, under the draft's own index."""
        requests = []
        for draft in wrong:
            said = draft.completion
            asked = repaired(problems[said.problem_id], draft)
            prompt = self.template.render(instruction=asked.text, header=asked.header)
            index = said.index + number * sampling.n  # none that was drawn before, so another seed
            requests.append(Request(problem_id=said.problem_id, prompt=prompt, system=asked.system, indices=(index,)))
        for item in fitting(self.model, requests, sampling=sampling):
            if not isinstance(item, Failure):
                made = item.completion
                yield msgspec.structs.replace(made, index=made.index - number * sampling.n)
            elif not item.refused:
                raise UnansweredError([item])  # a server that is down makes no answer worse

    def _judged(
        self, completions: Iterable[Completion], problems: Mapping[str, Problem], number: int
    ) -> Iterator[Draft]:
        def judge(completion: Completion) -> Draft:
            problem = untold(problems[completion.problem_id])
            candidate = candidate_of(completion, problem, "parser-based" if number else self.assembly)
            judgement = self.judges.judge(candidate, problem, timeout_s=self.timeout_s)
            return Draft(round=number, completion=completion, candidate=candidate, judgement=judgement)

        for result in self.executor.map(judge, completions, workers=self.workers):
            if result.error:
                raise result.error
            if result.value:
                yield result.value


def chosen(
    problem: Problem, answers: Sequence[Candidate], *, judges: Judges, behaviours: Behaviours, timeout_s: float
) -> int:
    """The place of the answer to trust: that passes most checks, then behaves as most do, then has the fewest remarks.

    Behaviour is that on random stimulus, the same for all answers; see `checkers.behaviour`. Of equals, the first.

    Raises:
        RtlscribeError: a judge is broken.
    """
    known = untold(problem)
    distinct = {answer.code: answer for answer in answers}
    merits = {code: judges.judge(answer, known, timeout_s=timeout_s).merit for code, answer in distinct.items()}
    votes = [answered.agreement for answered in behaviours.compare(known, answers).answers]

    def worth(place: int) -> tuple[int, float, int, int]:
        passed, remarks = merits[answers[place].code]
        return passed, votes[place], remarks, -place

    return max(range(len(answers)), key=worth)


def untold(problem: Problem) -> Problem:
    """A problem as the model sees it."""
    return msgspec.structs.replace(problem, testbench="", reference="")

"""The whole way on one problem, and its two halves over many: prompt, complete, extract, check.

Streams and resumes; does not read configuration or write files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from rtlscribe.checkers.base import Checker
from rtlscribe.executors.base import Executor, Result
from rtlscribe.models.base import Model, Request
from rtlscribe.prompts import Template
from rtlscribe.records import Candidate, Completion, Problem, Record, Sampling, Verdict
from rtlscribe.verilog.extract import extract

TIMEOUT_S = 30.0


class Attempt(Record, kw_only=True):
    """One completion, the code found in it, and the judgement on that."""

    completion: Completion
    candidate: Candidate
    verdict: Verdict

    @property
    def key(self) -> tuple[str, int]:
        return self.completion.problem_id, self.completion.index


def complete(
    problems: Iterable[Problem],
    model: Model,
    template: Template,
    *,
    sampling: Sampling,
    done: Collection[tuple[str, int]] = (),
) -> Iterator[Completion]:
    """`sampling.n` completions of each problem as they finish, without those in `done` (problem id, index)."""
    requests = []
    for problem in problems:
        owed = tuple(index for index in range(sampling.n) if (problem.id, index) not in done)
        if owed:
            prompt = template.render(instruction=problem.text, header=problem.header)
            requests.append(Request(problem_id=problem.id, prompt=prompt, indices=owed))
    return model.complete(requests, sampling=sampling)


def judge(
    completions: Iterable[Completion],
    problems: dict[str, Problem],
    checker: Checker,
    executor: Executor,
    *,
    workers: int,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[Result[Completion, Attempt]]:
    """An attempt for each completion, in order of completion; the source goes on while checks run."""

    def check(completion: Completion) -> Attempt:
        return _checked(completion, problems[completion.problem_id], checker, timeout_s)

    return executor.map(check, completions, workers=workers)


def attempt(
    problem: Problem,
    model: Model,
    template: Template,
    checker: Checker,
    *,
    sampling: Sampling,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[Attempt]:
    """The whole way on one problem, `sampling.n` times."""
    for completion in complete([problem], model, template, sampling=sampling):
        yield _checked(completion, problem, checker, timeout_s)


def candidate_of(completion: Completion, problem: Problem) -> Candidate:
    """The code found in a completion."""
    code, assembly = extract(completion.text, header=problem.header, top=problem.top)
    return Candidate(problem_id=problem.id, index=completion.index, code=code, assembly=assembly)


def _checked(completion: Completion, problem: Problem, checker: Checker, timeout_s: float) -> Attempt:
    candidate = candidate_of(completion, problem)
    verdict = checker.check(candidate, problem, timeout_s=timeout_s)
    return Attempt(completion=completion, candidate=candidate, verdict=verdict)

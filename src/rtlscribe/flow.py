"""The whole way on one problem, and its two halves over many: prompt, complete, extract, check.

Streams and resumes; does not read configuration or write files.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, get_args

import msgspec

from rtlscribe import progress
from rtlscribe.checkers.base import Checker
from rtlscribe.errors import UsageError
from rtlscribe.executors.base import Executor, Result
from rtlscribe.models.base import Failure, Model, Request, UnansweredError, fitting
from rtlscribe.prompts import Template
from rtlscribe.published import PROCEDURES
from rtlscribe.records import Candidate, Completion, Problem, Record, Sampling, Verdict
from rtlscribe.verilog.extract import extract, header_aware

TIMEOUT_S = 30.0

Assembly = Literal["official", "header-aware", "parser-based"]
ASSEMBLIES: tuple[Assembly, ...] = get_args(Assembly)

# Which answer a verdict is on: rule, problem, code. Two completions with one code need one verdict.
Answer = tuple[str, str, str]

_PLACE = re.compile(r":\d|\bline \d")  # a line of the answer, in a checker's words


class Attempt(Record, kw_only=True):
    """One completion, the code found in it, and the judgement on that. `assembly` and `rule` say by which way."""

    completion: Completion
    candidate: Candidate
    verdict: Verdict
    assembly: Assembly = "parser-based"
    rule: str = "strict"

    @property
    def key(self) -> tuple[str, str, float, str, int]:
        """Rule, assembly, temperature, problem and index: one attempt for each."""
        said = self.completion
        return self.rule, self.assembly, said.sampling.temperature, said.problem_id, said.index

    @property
    def answer(self) -> Answer:
        return self.rule, self.candidate.problem_id, self.candidate.code


class Task(NamedTuple):
    """A completion to be judged, and by which way."""

    completion: Completion
    rule: str = "strict"
    assembly: Assembly = "parser-based"


def complete(
    problems: Iterable[Problem],
    model: Model,
    template: Template,
    *,
    sampling: Sampling,
    done: Collection[tuple[str, int]] = (),
) -> Iterator[Completion]:
    """`sampling.n` completions of each problem as they finish, without those in `done` (problem id, index)."""
    return model.complete(_requests(problems, template, sampling, done), sampling=sampling)


def completed_or_empty(
    problems: Iterable[Problem],
    model: Model,
    template: Template,
    *,
    sampling: Sampling,
    done: Collection[tuple[str, int]] = (),
) -> Iterator[Completion]:
    """As `complete`, for what is to be judged: a prompt that the model refuses, as too long, has empty completions.

    Raises:
        UsageError: the model refuses all. UnansweredError: after the last completion, if some may come another time.
    """
    refused: list[Failure] = []
    failures: list[Failure] = []
    came = bool(done)
    for item in fitting(model, _requests(problems, template, sampling, done), sampling=sampling):
        if not isinstance(item, Failure):
            came = True
            yield item.completion
        else:
            (refused if item.refused else failures).append(item)
    if refused:
        told = refused[0].reason
        if not came and not failures:
            raise UsageError(told)
        number = len({failure.problem_id for failure in refused})
        progress.note(f"{model.name} refuses the prompts of {number} problems, which count as failed: {told}")
    for failure in refused:
        yield Completion(
            problem_id=failure.problem_id,
            index=failure.index,
            text="",
            model=model.name,
            sampling=sampling,
            finish_reason="length",
        )
    if failures:
        raise UnansweredError(failures)


def _requests(
    problems: Iterable[Problem], template: Template, sampling: Sampling, done: Collection[tuple[str, int]]
) -> list[Request]:
    requests = []
    for problem in problems:
        owed = tuple(index for index in range(sampling.n) if (problem.id, index) not in done)
        if owed:
            prompt = problem.prompt or template.render(instruction=problem.text, header=problem.header)
            requests.append(Request(problem_id=problem.id, prompt=prompt, system=problem.system, indices=owed))
    return requests


def judge(
    tasks: Iterable[Task],
    problems: Mapping[str, Problem],
    checkers: Mapping[str, Checker],
    executor: Executor,
    *,
    workers: int,
    timeout_s: float = TIMEOUT_S,
    known: Mapping[Answer, Verdict] | None = None,
) -> Iterator[Result[Task, Attempt]]:
    """An attempt for each task, in order of completion; the source goes on while checks run.

    `checkers` by rule. Answers to a problem that its checker calls alike are judged once, those without an `alike` of
    their own where they are identical; `known` are verdicts from before.
    """
    docket = _Docket(problems, checkers, known or {})

    def check(case: _Case) -> Verdict:
        return checkers[case.task.rule].check(case.candidate, case.problem, timeout_s=timeout_s)

    for result in executor.map(check, docket.first_of_each(tasks), workers=workers):
        yield from docket.settle(result)
    yield from docket.ready
    for result in executor.map(check, (first for first, *_ in docket.left.values()), workers=workers):
        for case in docket.left[result.item.answer]:
            yield _decided(case, result)


class _Case(NamedTuple):
    """A candidate before a checker."""

    task: Task
    candidate: Candidate
    problem: Problem

    @property
    def answer(self) -> Answer:
        return self.task.rule, self.candidate.problem_id, self.candidate.code


class _Docket:
    """What is to be judged, what waits for the verdict on its like, and what is known."""

    def __init__(
        self, problems: Mapping[str, Problem], checkers: Mapping[str, Checker], known: Mapping[Answer, Verdict]
    ) -> None:
        self._problems = problems
        self._alike = {rule: getattr(checker, "alike", str) for rule, checker in checkers.items()}
        self._of_text: dict[Answer, Verdict] = {}
        self._of_kind: dict[Answer, Verdict] = {}
        self._waiting: dict[Answer, list[_Case]] = {}  # by kind, for the first of it, which is being judged
        self.left: dict[Answer, list[_Case]] = {}  # by text: the verdict on the first of their kind is not theirs
        self.ready: deque[Result[Task, Attempt]] = deque()
        for answer, verdict in known.items():
            self._learn(answer, verdict)

    def first_of_each(self, tasks: Iterable[Task]) -> Iterator[_Case]:
        """The cases whose verdict neither is known nor will be by that on an earlier one."""
        for task in tasks:
            problem = self._problems[task.completion.problem_id]
            case = _Case(task, candidate_of(task.completion, problem, task.assembly), problem)
            kind = self._kind(case.answer)
            if verdict := self._of_text.get(case.answer) or self._of_kind.get(kind):
                self.ready.append(_decided(case, Result(case, value=verdict)))
            elif case.answer in self.left:
                self.left[case.answer].append(case)
            elif kind in self._waiting:
                self._waiting[kind].append(case)
            else:
                self._waiting[kind] = []
                yield case

    def settle(self, result: Result[_Case, Verdict]) -> Iterator[Result[Task, Attempt]]:
        """The attempts that a verdict decides, and those that were ready before."""
        answer = result.item.answer
        carries = not result.value or self._learn(answer, result.value)
        for case in (result.item, *self._waiting.pop(self._kind(answer))):
            if carries or case.answer == answer:
                yield _decided(case, result)
            else:
                self.left.setdefault(case.answer, []).append(case)
        while self.ready:
            yield self.ready.popleft()

    def _kind(self, answer: Answer) -> Answer:
        rule, problem_id, code = answer
        return rule, problem_id, self._alike.get(rule, str)(code)

    def _learn(self, answer: Answer, verdict: Verdict) -> bool:
        """Remember a verdict; whether it holds for all texts of its kind: a detail that names a line is of one text."""
        carries = not _PLACE.search(verdict.detail)
        self._of_text[answer] = verdict
        if carries:
            self._of_kind[self._kind(answer)] = verdict
        return carries


def _decided(case: _Case, result: Result[_Case, Verdict]) -> Result[Task, Attempt]:
    value = _attempt(case.task, case.candidate, result.value) if result.value else None
    return Result(case.task, value=value, error=result.error)


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
        task = Task(completion)
        candidate = candidate_of(completion, problem)
        yield _attempt(task, candidate, checker.check(candidate, problem, timeout_s=timeout_s))


def candidate_of(completion: Completion, problem: Problem, assembly: Assembly = "parser-based") -> Candidate:
    """The code found in a completion.

    Raises:
        UsageError: the problem's authors published no assembly.
    """
    how: str = assembly
    match assembly:
        case "parser-based":
            code, how = extract(completion.text, header=problem.header, top=problem.top)
        case "header-aware":
            code = header_aware(completion.text, header=problem.header, top=problem.top)
        case "official":
            if problem.procedure not in PROCEDURES:
                raise UsageError(
                    f"problem {problem.id} has no published assembly; there are header-aware, parser-based"
                )
            code = PROCEDURES[problem.procedure].assemble(completion.text, problem.header, problem.top)
    return Candidate(problem_id=problem.id, index=completion.index, code=code, assembly=how)


def _attempt(task: Task, candidate: Candidate, verdict: Verdict) -> Attempt:
    own = msgspec.structs.replace(verdict, index=candidate.index)
    return Attempt(completion=task.completion, candidate=candidate, verdict=own, assembly=task.assembly, rule=task.rule)

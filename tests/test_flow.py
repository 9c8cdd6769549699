"""complete, judge and attempt over shipped fakes: what is owed, and how records carry through."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from rtlscribe import jsonl
from rtlscribe.checkers.base import Judged, open_checker
from rtlscribe.checkers.scripted import ScriptedChecker
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.executors.base import Result, open_executor
from rtlscribe.flow import Assembly, Attempt, Task, attempt, candidate_of, complete, judge
from rtlscribe.models.base import Model, open_model
from rtlscribe.models.scripted import Line
from rtlscribe.prompts import Template
from rtlscribe.records import Candidate, Completion, Problem, Sampling, Verdict

PROBLEMS = [Problem(id=i, text=f"Build {i}.", header=f"module {i}(input a);", top=i) for i in ("p", "q")]
TEMPLATE = Template("rtlcoder")
SAMPLING = Sampling(n=3)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    lines = [
        Line(problem_id="p", text="module p(input a); endmodule"),
        Line(problem_id="p", text="// verdict: failed\nendmodule"),
        Line(problem_id="*", text="no"),
    ]
    jsonl.write(tmp_path / "said.jsonl", lines)
    return open_model(f"scripted:{tmp_path / 'said.jsonl'}")


def test_complete_makes_what_is_owed(model: Model) -> None:
    done = {("p", 0), ("p", 2), ("q", 1)}
    every = list(complete(PROBLEMS, model, TEMPLATE, sampling=SAMPLING))
    assert [(c.problem_id, c.index) for c in every] == [(p, i) for p in "pq" for i in range(3)]
    owed = list(complete(PROBLEMS, model, TEMPLATE, sampling=SAMPLING, done=done))
    assert owed == [c for c in every if (c.problem_id, c.index) not in done]
    assert (
        list(complete(PROBLEMS, model, TEMPLATE, sampling=SAMPLING, done={(p, i) for p in "pq" for i in range(3)}))
        == []
    )


@pytest.mark.parametrize("executor", ["serial", "pool"])
def test_judge_gives_an_attempt_for_each(model: Model, executor: str) -> None:
    completions = list(complete(PROBLEMS, model, TEMPLATE, sampling=SAMPLING))
    by_id = {p.id: p for p in PROBLEMS}
    results = list(
        judge(map(Task, completions), by_id, {"strict": open_checker("scripted")}, open_executor(executor), workers=2)
    )
    attempts = {r.value.key[-2:]: r.value for r in results if r.value}
    assert {key: (a.candidate.assembly, a.verdict.status) for key, a in attempts.items()} == {
        ("p", 0): ("modules", "passed"),
        ("p", 1): ("header", "failed"),
        ("p", 2): ("modules", "passed"),
        ("q", 0): ("none", "no_code"),
        ("q", 1): ("none", "no_code"),
        ("q", 2): ("none", "no_code"),
    }
    assert [attempts[c.problem_id, c.index].completion for c in completions] == completions


def test_attempt_is_the_same_way_on_one_problem(model: Model) -> None:
    tried = list(attempt(PROBLEMS[0], model, TEMPLATE, open_checker("scripted"), sampling=SAMPLING))
    assert [a.verdict.status for a in tried] == ["passed", "failed", "passed"]
    assert [candidate_of(a.completion, PROBLEMS[0]) for a in tried] == [a.candidate for a in tried]
    assert tried[1].candidate.code == "module p(input a);\n// verdict: failed\nendmodule\n"


class Counting(ScriptedChecker):
    """Remembers what it was asked; breaks over code that says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def check(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Verdict:
        self.asked.append((problem.id, candidate.code))
        if "break" in candidate.code:
            raise RtlscribeError("broken")
        return super().check(candidate, problem, timeout_s=timeout_s)


BY_ID = {p.id: p for p in PROBLEMS}


def task(problem_id: str, index: int, text: str, rule: str = "strict", assembly: Assembly = "parser-based") -> Task:
    said = Completion(problem_id=problem_id, index=index, text=text, model="m", sampling=SAMPLING, finish_reason="stop")
    return Task(said, rule, assembly)


def judged(
    tasks: Iterable[Task], checkers: dict[str, Counting], executor: str = "pool", **more: dict
) -> Iterator[Result[Task, Attempt]]:
    return judge(tasks, BY_ID, checkers, open_executor(executor), workers=2, **more)  # type: ignore[arg-type]


def module(problem_id: str, inside: str = "") -> str:
    return f"module {problem_id}(input a); {inside}endmodule"


@pytest.mark.parametrize("executor", ["serial", "pool"])
def test_identical_answers_are_judged_once(executor: str) -> None:
    texts = [module("p"), module("p", "// verdict: failed\n"), f"Sure:\n```verilog\n{module('p')}\n```\n", "no"]
    tasks = [task("p", index, text) for index, text in enumerate(texts * 20)]
    tasks += [task("q", 0, module("q")), task("q", 1, module("q"))]
    checker = Counting()
    results = list(judged(tasks, {"strict": checker}, executor))
    assert len(checker.asked) == len(set(checker.asked)) == 4
    assert [r.error for r in results] == [None] * 82
    attempts = {r.value.key[-2:]: r.value for r in results if r.value}
    assert len(attempts) == 82
    for index, wanted in enumerate(["passed", "failed", "passed", "no_code"] * 20):
        found = attempts["p", index]
        assert (found.verdict.status, found.verdict.index, found.verdict.problem_id) == (wanted, index, "p")
        assert found.candidate.index == found.completion.index == index
        assert found.completion.text == texts[index % 4]


def test_each_rule_judges_for_itself() -> None:
    ways: list[tuple[str, Assembly]] = [("strict", "parser-based"), ("official", "parser-based")]
    ways += [("strict", "header-aware")]  # which finds the same code
    checkers = {"strict": Counting(), "official": Counting()}
    results = list(judged([task("p", 0, f"{module('p')}\n", *way) for way in ways], checkers))
    assert {(r.value.rule, r.value.assembly) for r in results if r.value} == set(ways)
    assert {rule: len(checker.asked) for rule, checker in checkers.items()} == {"strict": 1, "official": 1}


@pytest.mark.parametrize("executor", ["serial", "pool"])
def test_known_verdicts_hold(executor: str) -> None:
    first = Counting()
    (before,) = judged([task("p", 0, module("p"))], {"strict": first})
    assert before.value
    known = {before.value.answer: before.value.verdict}
    second = Counting()
    tasks = [task("p", 1, module("p")), task("p", 2, "no"), task("p", 3, module("p"))]
    results = list(judged(tasks, {"strict": second}, executor, known=known))
    assert [code for _, code in second.asked] == [""]
    assert sorted((r.value.verdict.index, r.value.verdict.status) for r in results if r.value) == [
        (1, "passed"),
        (2, "no_code"),
        (3, "passed"),
    ]
    assert len(list(judged(tasks[:1], {}, executor, known=known))) == 1  # not even a checker is needed


@pytest.mark.parametrize("executor", ["serial", "pool"])
def test_an_error_reaches_all_who_wait(executor: str) -> None:
    texts = [module("p", "// break\n"), module("p")] * 5
    results = list(judged([task("p", i, text) for i, text in enumerate(texts)], {"strict": Counting()}, executor))
    assert len(results) == 10
    for result in results:
        broken = result.item.completion.index % 2 == 0
        assert (result.value is None) == broken
        assert (str(result.error) == "broken") == broken


def test_the_source_may_be_endless() -> None:
    endless = (task("p", index, module("p", f"wire w{index};")) for index in itertools.count())
    results = judged(endless, {"strict": Counting()})
    assert all(result.value for result in itertools.islice(results, 9))


def test_no_published_assembly_is_a_usage_error() -> None:
    tasks = [task("p", 0, module("p"), assembly="official")]
    with pytest.raises(UsageError, match="problem p has no published assembly; there are header-aware, parser-based"):
        list(judged(tasks, {"strict": Counting()}))


class Careless(Counting):
    """Does not look at blanks, and tells the line in which it found a fault."""

    def alike(self, code: str) -> str:
        return " ".join(code.split())

    def check(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Verdict:
        self.asked.append((problem.id, candidate.code))
        before, fault, _ = candidate.code.partition("fault")
        detail = f"answer.v:{before.count(chr(10)) + 1}: {fault}" if fault else "3 mismatches"
        return Judged("failed", detail).verdict(candidate, problem, checker=self.name, begun=0.0)


@pytest.mark.parametrize("executor", ["serial", "pool"])
def test_alike_answers_share_a_verdict_that_names_no_line(executor: str) -> None:
    texts = [module("p"), module("p", "\n"), module("p", "fault "), module("p", "\nfault "), module("p", "\n\nfault ")]
    tasks = [task("p", index, text) for index, text in enumerate(texts * 3)]
    checker = Careless()
    results = list(judged(tasks, {"strict": checker}, executor))
    assert len(results) == 15
    assert len(checker.asked) == 4  # of the first two one, and each of the others
    details = ["3 mismatches", "3 mismatches", "answer.v:1: fault", "answer.v:2: fault", "answer.v:3: fault"] * 3
    for result in results:
        assert result.value
        assert result.value.verdict.detail == details[result.value.completion.index]
    known = {r.value.answer: r.value.verdict for r in results if r.value and r.value.completion.index in (0, 2)}
    again = Careless()
    assert len(list(judged(tasks, {"strict": again}, executor, known=known))) == 15
    assert sorted(again.asked) == sorted(("p", f"{text}\n") for text in texts[3:])


def test_no_answer_is_lost_among_its_like() -> None:
    """A text may be the reduced form of its kind itself."""
    texts = [f"{module('p', 'fault')}", module("p", "fault") + "\n", module("p", "\nfault"), module("p", "fault ")] * 2
    for first in range(4):
        tasks = [
            task("p", index, text, assembly="header-aware") for index, text in enumerate(texts[first:] + texts[:first])
        ]
        results = list(judged(tasks, {"strict": Careless()}, "pool"))
        assert sorted(r.value.completion.index for r in results if r.value) == list(range(8))

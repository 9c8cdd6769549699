"""complete, judge and attempt over shipped fakes: what is owed, and how records carry through."""

from pathlib import Path

import pytest

from rtlscribe import jsonl
from rtlscribe.checkers.base import open_checker
from rtlscribe.executors.base import open_executor
from rtlscribe.flow import Task, attempt, candidate_of, complete, judge
from rtlscribe.models.base import Model, open_model
from rtlscribe.models.scripted import Line
from rtlscribe.prompts import Template
from rtlscribe.records import Problem, Sampling

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
        judge(
            map(Task, completions), by_id, {"strict": open_checker("scripted")}, open_executor(executor), workers=2
        )
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

"""Problems of each benchmark through the simulator, by both rules: references pass, wrong answers do not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rtlscribe.benchmarks.base import load_problems
from rtlscribe.checkers.base import open_checker
from rtlscribe.published import PROCEDURES
from rtlscribe.records import Candidate, Problem

NAMES = {
    "verilogeval-human": "v1",
    "verilogeval-machine": "v1",
    "verilogeval2-spec": "v2",
    "verilogeval2-complete": "v2",
    "rtllm-1.0": "rtllm_10",
    "rtllm-1.1": "rtllm_11",
    "rtllm-2.0": "rtllm_20",
}


@pytest.fixture(scope="module")
def judge(icarus: str) -> Callable[[Problem, str, str], str]:
    checkers = {rule: open_checker("iverilog", rule=rule) for rule in ("strict", "official")}

    def status(problem: Problem, code: str, rule: str) -> str:
        candidate = Candidate(problem_id=problem.id, index=0, code=code, assembly="modules")
        return checkers[rule].check(candidate, problem, timeout_s=30).status

    return status


@pytest.mark.parametrize("name", NAMES)
def test_right_and_wrong_answers(name: str, judge: Callable, request: pytest.FixtureRequest) -> None:
    for problem in load_problems(name, root=request.getfixturevalue(NAMES[name])):
        published = {"bothtwo": problem.reference.replace("bothtwo", "both_by_two")}.get(problem.top, problem.reference)
        assert judge(problem, problem.reference, "strict") == "passed"
        assert judge(problem, published, "official") == "passed"
        for rule, code in (("strict", problem.reference), ("official", published)):
            wrong = code.replace("&", "^").replace("|", "^")
            assert wrong != code
            assert judge(problem, wrong, rule) == "failed"
            assert judge(problem, code.replace("endmodule", ""), rule) == "syntax_error"


def test_a_name_that_the_description_does_not_give(rtllm_20: Path, judge: Callable) -> None:
    both = next(p for p in load_problems("rtllm-2.0", root=rtllm_20) if p.top == "bothtwo")
    published = both.reference.replace("bothtwo", "both_by_two")
    assert judge(both, both.reference, "official") == "syntax_error"  # does as it is asked, and cannot pass
    assert judge(both, published, "strict") != "passed"


@pytest.mark.parametrize("name", ["verilogeval-human", "verilogeval2-spec", "verilogeval2-complete"])
def test_the_published_assembly(name: str, judge: Callable, request: pytest.FixtureRequest) -> None:
    problem = load_problems(name, root=request.getfixturevalue(NAMES[name]))[0]
    body = problem.reference[problem.reference.index(");") + 2 :]
    completion = body if problem.header else f"[BEGIN]\n{problem.reference}[DONE]"
    code = PROCEDURES[problem.procedure].assemble(completion, problem.header, problem.top)
    assert judge(problem, code, "official") == "passed"

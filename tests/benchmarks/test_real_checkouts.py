"""The benchmarks as they are published. Skipped without RTLSCRIBE_VERILOG_EVAL and RTLSCRIBE_RTLLM.

Each may hold several checkouts, one a branch, with a colon between.
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from rtlscribe.benchmarks.base import benchmark_inputs, load_problems
from rtlscribe.benchmarks.completions import missing, read_completions
from rtlscribe.errors import UsageError
from rtlscribe.records import Problem
from rtlscribe.verilog.extract import module_names


def published(name: str, **options: object) -> list[Problem]:
    variable = "RTLSCRIBE_RTLLM" if name.startswith("rtllm") else "RTLSCRIBE_VERILOG_EVAL"
    if not os.environ.get(variable):
        pytest.skip(f"{variable} names no checkout")
    try:
        return load_problems(name, **options)  # type: ignore[arg-type]
    except UsageError as error:
        if "looks like branch" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("verilogeval-human", 156, "gatesv", "2012_q2b"),
        ("verilogeval-machine", 143, "mux2to1v", "2012_q1g"),
        ("verilogeval2-spec", 156, "Prob001_zero", "Prob156_review2015_fancytimer"),
        ("verilogeval2-complete", 156, "Prob001_zero", "Prob156_review2015_fancytimer"),
        ("rtllm-1.0", 29, "Johnson_Counter", "width_8to16"),
        ("rtllm-1.1", 29, "JC_counter", "width_8to16"),
        ("rtllm-2.0", 50, "JC_counter", "width_8to16"),
    ],
)
def test_all_problems_are_whole(name: str, count: int, first: str, last: str) -> None:
    problems = published(name)
    assert len(problems) == len({p.id for p in problems}) == count
    assert (problems[0].id, problems[-1].id) == (first, last)
    for problem in problems:
        assert problem.text.strip()
        assert problem.top in module_names(problem.reference)
        assert problem.top not in module_names(problem.testbench)
        assert problem.top in problem.testbench
        assert not problem.header or problem.top in problem.header


def test_names_that_differ() -> None:
    tops = {p.id: p.top for p in published("rtllm-1.0")}
    assert {i: top for i, top in tops.items() if i != top} == {
        "Johnson_Counter": "JC_counter",
        "multi_booth": "booth4_mul",
        "multi_pipe_4bit": "multi_pipe",
        "parallel2serial": "p_to_s",
        "serial2parallel": "s_to_p",
    }
    tops = {p.id: p.top for p in published("rtllm-2.0")}
    assert {i: top for i, top in tops.items() if i != top} == {
        "fixed_point_substractor": "fixed_point_subtractor",
        "freq_divbyeven": "freq_diveven",
    }
    assert all(p.id == p.top for p in published("rtllm-1.1"))


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("rtllm-1.0", {"alu": 1, "multi_booth": 1}),
        ("rtllm-1.1", {"alu": 1, "asyn_fifo": 3, "calendar": 1, "multi_booth_8bit": 1, "signal_generator": 1}),
        ("rtllm-2.0", {"alu": 1, "asyn_fifo": 3, "calendar": 1, "multi_booth_8bit": 1, "signal_generator": 1}),
    ],
)
def test_data_files(name: str, files: dict[str, int]) -> None:
    assert {p.id: len(p.files) for p in published(name) if p.files} == files


@pytest.mark.parametrize("shots", range(5))
def test_prompts_with_examples(shots: int) -> None:
    plain, shown = published("verilogeval2-spec"), published("verilogeval2-spec", shots=shots)
    assert all(s.prompt.endswith(p.prompt) for p, s in zip(plain, shown, strict=True))
    assert {s.prompt.count("\nAnswer:\n") for s in shown} == {shots + 1}


@pytest.mark.parametrize(("name", "absent"), [("rtllm-1.1", 0), ("rtllm-2.0", 21)])
def test_the_repositorys_own_answers_are_routed(name: str, absent: int) -> None:
    problems = published(name)
    inputs: dict[str, Path] = benchmark_inputs(name)
    root = next(iter(inputs.values())).parent
    for folder in ("_chatgpt35", "_chatgpt4"):
        completions = read_completions(root / folder, problems)
        assert set(Counter(c.problem_id for c in completions).values()) == {5}
        assert len(completions) == 145
        assert len(missing(problems, completions)) == absent
        tops = {p.id: p.top for p in problems}
        assert all(tops[c.problem_id] in module_names(c.text) for c in completions)


def test_completions_of_others(shared: Path) -> None:
    problems = load_problems("verilogeval-human", root=shared)
    assert len(problems) == 156
    for name in ("gpt4o", "rtlcoder_mistral"):
        completions = read_completions(shared / f"completions_{name}_human.jsonl", problems)
        assert len(completions) == 1560
        assert {c.index for c in completions} == set(range(10))
        assert missing(problems, completions) == []

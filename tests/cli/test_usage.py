"""What cannot be meant, and what is missing: one message that says so, an exit status, and no traceback."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rtlscribe import jsonl
from rtlscribe.records import Problem

GOOD_ROW = '{"id": "a", "instruction": "i", "verilog": "v"}\n'
GOOD_LINE = '{"problem_id": "*", "text": "module m; endmodule"}\n'

# arguments, words of the message. A file named in them is of FILES.
USAGE = {
    "unknown command": (["nonsense"], ['Unknown command "nonsense"', "demo"]),
    "unknown command of a group": (["data", "nonsense"], ['Unknown command "nonsense"', "designs"]),
    "unknown option": (["list", "--nonsense"], ["--nonsense"]),
    "unknown option of a stage": (["data", "designs", "--rows", "3"], ["Unknown option", "--rows"]),
    "option twice": (["data", "designs", "--n", "3", "--n", "4"], ["--n", "multiple times"]),
    "option without a value": (["data", "designs", "--n"], ["--n", "requires an argument"]),
    "no number": (["data", "designs", "--n", "many"], ["--n", '"many"', "int"]),
    "not one of the choices": (
        ["score", "--completions", "said.jsonl", "--data", "rows.jsonl", "--rule", "best"],
        ["--rule", "best", "syntax", "function"],
    ),
    "too few rows": (["data", "designs", "--n", "0", "--output", "o"], ["--n", "Must be >= 1"]),
    "required option": (["sample", "--data", "rows.jsonl"], ["--model", "requires an argument"]),
    "nothing to build": (["write", " "], ["what is to be built?"]),
    "no answers": (["write", "x", "--n", "0", "--model", "scripted:said.jsonl"], ["--n", "Must be >= 1"]),
    "no such model in the box": (["write", "x", "--model", "box:big"], ["'big'", "box:small"]),
    "model of nothing": (["write", "x", "--model", "hf:"], ["'hf:'", "BACKEND:NAME"]),
    "unknown back end": (
        ["write", "x", "--model", "vlm:y"],
        ["no model is called 'vlm'; there are: box, endpoint, gguf, hf, scripted, vllm"],
    ),
    "unknown checker": (
        ["write", "x", "--checker", "vcs", "--model", "scripted:said.jsonl"],
        ["no checker is called 'vcs'; there are: iverilog, pyslang, scripted"],
    ),
    "unknown prompt": (
        ["write", "x", "--prompt", "nice", "--model", "scripted:said.jsonl", "--checker", "scripted"],
        ["no prompt template 'nice'; there are: rtlcoder"],
    ),
    "prompt that is no template": (
        ["write", "x", "--prompt", "broken.jinja", "--model", "scripted:said.jsonl", "--checker", "scripted"],
        ["broken.jinja, line 2"],
    ),
    "prompt with an unknown name": (
        ["write", "x", "--prompt", "unknown.jinja", "--model", "scripted:said.jsonl", "--checker", "scripted"],
        ["unknown.jinja", "'nowhere' is undefined", "instruction, header"],
    ),
    "prompt that is no text": (
        ["write", "x", "--prompt", "binary.jinja", "--model", "scripted:said.jsonl", "--checker", "scripted"],
        ["binary.jinja", "UTF-8"],
    ),
    "header that is not there": (
        ["write", "x", "--header", "none.v", "--model", "scripted:said.jsonl", "--checker", "scripted"],
        ["--header none.v"],
    ),
    "header that is no text": (
        ["write", "x", "--header", "binary.jinja", "--model", "scripted:said.jsonl", "--checker", "scripted"],
        ["--header binary.jinja", "UTF-8"],
    ),
    "script that is not there": (
        ["write", "x", "--model", "scripted:none.jsonl", "--checker", "scripted"],
        ["cannot read none.jsonl: No such file"],
    ),
    "script with a wrong line": (
        ["write", "x", "--model", "scripted:rows.jsonl", "--checker", "scripted"],
        ["rows.jsonl, line 1: "],
    ),
    "unknown benchmark": (
        ["evaluate", "rtllm3", "--model", "scripted:said.jsonl", "--output", "o"],
        ["no benchmark is called 'rtllm3'; there are: held-out"],
    ),
    "benchmark file that is not there": (
        ["evaluate", "none.jsonl", "--model", "scripted:said.jsonl", "--output", "o"],
        ["benchmark: there is no none.jsonl"],
    ),
    "benchmark without testbenches": (
        ["evaluate", "rows.jsonl", "--model", "scripted:said.jsonl", "--output", "o"],
        ["1 problems of rows.jsonl have no testbench, the first is 'a'"],
    ),
    "no completions wanted": (
        ["evaluate", "problem.jsonl", "--model", "scripted:said.jsonl", "--n", "0", "--output", "o"],
        ["--n", "Must be >= 1"],
    ),
    "unknown executor": (
        [
            "evaluate",
            "problem.jsonl",
            "--model",
            "scripted:said.jsonl",
            "--executor",
            "dask",
            "--checker",
            "scripted",
            "--output",
            "o",
        ],
        ["no executor is called 'dask'; there are: pool, ray, serial"],
    ),
    "no workers": (
        [
            "evaluate",
            "problem.jsonl",
            "--model",
            "scripted:said.jsonl",
            "--workers",
            "0",
            "--checker",
            "scripted",
            "--output",
            "o",
        ],
        ["--workers", "Must be >= 1"],
    ),
    "no samples wanted": (
        ["sample", "--data", "rows.jsonl", "--model", "scripted:said.jsonl", "--n", "0", "--output", "o"],
        ["--n", "Must be >= 1"],
    ),
    "data that is not there": (
        ["sample", "--data", "none.jsonl", "--model", "scripted:said.jsonl", "--output", "o"],
        ["data: there is no none.jsonl"],
    ),
    "data that is empty": (
        ["sample", "--data", "empty.jsonl", "--model", "scripted:said.jsonl", "--output", "o"],
        ["empty.jsonl: no rows"],
    ),
    "data with a wrong line": (
        ["sample", "--data", "wrong.jsonl", "--model", "scripted:said.jsonl", "--output", "o"],
        ["wrong.jsonl, line 3: "],
    ),
    "data for training with a wrong line": (
        ["new-model", "--data", "wrong.jsonl", "--output", "o"],
        ["wrong.jsonl, line 3: "],
    ),
    "data to train on with a wrong line": (
        ["train", "--data", "wrong.jsonl", "--model", "m", "--output", "o"],
        ["wrong.jsonl, line 3: "],
    ),
    "two problems of one name": (
        ["sample", "--data", "twice.jsonl", "--model", "scripted:said.jsonl", "--output", "o"],
        ["twice.jsonl, line 2: the id 'a' stands there twice"],
    ),
    "completions that are none": (
        ["score", "--completions", "rows.jsonl", "--data", "rows.jsonl", "--output", "o"],
        ["rows.jsonl, line 1: "],
    ),
    "folder without completions": (
        ["score", "--completions", ".", "--data", "rows.jsonl", "--output", "o"],
        ["completions: there is no out.jsonl"],
    ),
    "run folder that is a file": (
        ["data", "designs", "--n", "1", "--output", "rows.jsonl"],
        ["cannot write the run folder rows.jsonl", "--output"],
    ),
    "run folder below a file": (
        ["data", "designs", "--n", "1", "--output", "rows.jsonl/run"],
        ["cannot write the run folder rows.jsonl/run", "--output"],
    ),
    "run folder of something else": (
        ["data", "designs", "--n", "1", "--output", ".", "--fresh"],
        ["is not empty and is no run of rtlscribe"],
    ),
}

FILES = {
    "rows.jsonl": GOOD_ROW,
    "twice.jsonl": GOOD_ROW * 2,
    "wrong.jsonl": f'{GOOD_ROW}\n{{"id": "b"}}\n',
    "empty.jsonl": "\n",
    "said.jsonl": GOOD_LINE,
    "problem.jsonl": '{"id": "a", "text": "t", "testbench": "module tb; endmodule", "pass_pattern": "p"}\n',
    "broken.jinja": "{{ instruction }}\n{% if %}\n",
    "unknown.jinja": "{{ nowhere }}\n",
    "binary.jinja": b"\xff\xfe\x00",
}


@pytest.fixture
def _files(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage(case: str, rtlscribe: Callable, icarus: str) -> None:
    arguments, words = USAGE[case]
    ran = rtlscribe(*arguments)
    message = " ".join(ran.err.replace("│", " ").split())
    assert [word for word in words if word not in message] == []
    assert (ran.status, ran.out) == (2, "")


# Values that mean nothing and are taken all the same.
UNCHECKED = {
    "temperature": ["--temperature", "-1"],
    "top_p": ["--top-p", "0"],
    "top_p over one": ["--top-p", "1.5"],
    "max_tokens": ["--max-tokens", "0"],
    "batch_size": ["--batch-size", "0"],
    "timeout_s": ["--timeout-s", "-1"],
    "timeout_s of no number": ["--timeout-s", "nan"],
    "limit": ["--limit", "-1"],
}


@pytest.mark.parametrize("case", UNCHECKED)
def test_value_out_of_range(case: str, rtlscribe: Callable, problems: Path, references: str) -> None:
    common = ["--model", references, "--checker", "scripted", "--n", "1", "--output", "o"]
    ran = rtlscribe("evaluate", problems, *common, *UNCHECKED[case])
    assert ran.status == 2
    assert UNCHECKED[case][0] in ran.err


MISSING = {
    "write": ["write", "x", "--model", "scripted:said.jsonl"],
    "data designs": ["data", "designs", "--n", "1", "--output", "o"],
    "evaluate": ["evaluate", "held-out", "--model", "scripted:said.jsonl", "--output", "o"],
}


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("case", MISSING)
def test_missing_simulator(case: str, rtlscribe: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RTLSCRIBE_ICARUS", str(tmp_path / "empty"))
    ran = rtlscribe(*MISSING[case])
    assert (ran.status, ran.out) == (3, "")
    assert f"is not in RTLSCRIBE_ICARUS={tmp_path / 'empty'}: apt-get install iverilog" in ran.err


def test_completions_of_other_problems(rtlscribe: Callable, problems: Path, references: str, tmp_path: Path) -> None:
    assert rtlscribe("sample", "--data", problems, "--model", references, "--n", 1, "--output", "s").status == 0
    (tmp_path / "other.jsonl").write_text(GOOD_ROW)
    ran = rtlscribe("score", "--completions", "s", "--data", "other.jsonl", "--output", "o")
    assert ran.status == 2
    assert "s/out.jsonl, line 1: no problem has the id" in ran.err
    (tmp_path / "twice.jsonl").write_bytes((tmp_path / "s/out.jsonl").read_bytes() * 2)
    ran = rtlscribe("score", "--completions", "twice.jsonl", "--data", problems, "--output", "o2")
    assert ran.status == 2
    assert "twice.jsonl, line 5: completion 0 of" in ran.err


def test_function_rule_without_testbenches(rtlscribe: Callable, tmp_path: Path, say: Callable[..., str]) -> None:
    (tmp_path / "rows.jsonl").write_text(GOOD_ROW)
    model = say([("*", "module m; endmodule")])
    assert rtlscribe("sample", "--data", "rows.jsonl", "--model", model, "--output", "s").status == 0
    ran = rtlscribe("score", "--completions", "s", "--data", "rows.jsonl", "--rule", "function", "--output", "o")
    assert ran.status == 2
    assert "--rule function needs a testbench for every problem, which rows.jsonl does not have" in ran.err


def test_model_folder_that_is_none_and_then_another_batch_size(rtlscribe: Callable, tmp_path: Path) -> None:
    """How many rows make a step is a part of what was trained, unlike the batches that a model answers in."""
    log = {"step": 1, "loss": 1.0, "learning_rate": 1.0}
    (tmp_path / "rows.jsonl").write_text(GOOD_ROW)
    (tmp_path / "empty").mkdir()
    train = ["train", "--data", "rows.jsonl", "--model", "empty", "--output", "o"]
    ran = rtlscribe(*train, "--batch-size", "4")
    assert (ran.status, ran.out) == (2, "")
    assert "empty is no model folder: it has no config.json" in ran.err
    (tmp_path / "o/out.jsonl").write_text(json.dumps(log) + "\n")  # as if it had got somewhere
    ran = rtlscribe(*train, "--batch-size", "8")
    assert ran.status == 2
    assert "batch_size was 4 and is now 8" in ran.err
    assert json.loads((tmp_path / "o/config.json").read_text())["batch_size"] == 4


def test_a_hostile_candidate_does_not_end_the_run(
    process: Callable, tmp_path: Path, say: Callable[..., str], one_problem: Problem
) -> None:
    jsonl.write(tmp_path / "p.jsonl", [one_problem])
    model = say([("*", f"module m(output [31:0] y); assign y = 1{'+1' * 60_000}; endmodule")])
    assert process("sample", "--data", "p.jsonl", "--model", model, "--output", "s").status == 0
    assert process("score", "--completions", "s", "--data", "p.jsonl", "--output", "o").status == 0

"""Where benchmarks come from: the option, the variable, the wrong branch, and what an error then says."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rtlscribe.benchmarks.base import TABLE, benchmark_inputs, load_problems, needs_checkout
from rtlscribe.errors import DataError, UsageError

CHECKOUTS = {
    "verilogeval-human": ("v1", 2),
    "verilogeval-machine": ("v1", 1),
    "verilogeval2-spec": ("v2", 2),
    "verilogeval2-complete": ("v2", 2),
    "rtllm-1.0": ("rtllm_10", 2),
    "rtllm-1.1": ("rtllm_11", 2),
    "rtllm-2.0": ("rtllm_20", 2),
}


@pytest.fixture(autouse=True)
def _no_checkouts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RTLSCRIBE_VERILOG_EVAL", "RTLSCRIBE_RTLLM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def checkouts(v1: Path, v2: Path, rtllm_10: Path, rtllm_11: Path, rtllm_20: Path) -> dict[str, Path]:
    return {"v1": v1, "v2": v2, "rtllm_10": rtllm_10, "rtllm_11": rtllm_11, "rtllm_20": rtllm_20}


def variable_of(name: str) -> str:
    return "RTLSCRIBE_RTLLM" if name.startswith("rtllm") else "RTLSCRIBE_VERILOG_EVAL"


def test_every_benchmark_of_the_table_is_here() -> None:
    assert {name for name in TABLE if needs_checkout(name)} == CHECKOUTS.keys()
    assert set(TABLE) - CHECKOUTS.keys() == {"held-out", "held-out-families"}
    assert not needs_checkout("problems.jsonl")


@pytest.mark.parametrize("name", CHECKOUTS)
def test_a_checkout_is_given_by_option_or_variable(
    name: str, checkouts: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, count = CHECKOUTS[name]
    given = load_problems(name, root=checkouts[folder])
    assert len(given) == count
    assert {p.procedure for p in given} <= {"verilog-eval-1", "verilog-eval-2", "rtllm"}
    every = os.pathsep.join(str(path) for path in checkouts.values())  # one variable for all branches
    monkeypatch.setenv(variable_of(name), every)
    assert load_problems(name) == given
    inputs = benchmark_inputs(name)
    assert inputs
    assert all(path.exists() and path.is_relative_to(checkouts[folder]) for path in inputs.values())


@pytest.mark.parametrize("name", CHECKOUTS)
def test_without_a_checkout_the_error_says_where_to_get_it(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_problems(name)
    words = str(caught.value)
    repository = "hkust-zhiyao/RTLLM" if name.startswith("rtllm") else "NVlabs/verilog-eval"
    assert f"{repository} DIR`" in words
    assert "git clone -b " in words
    assert f"--root DIR or {variable_of(name)}=DIR" in words


@pytest.mark.parametrize(
    ("name", "folder", "words"),
    [
        (
            "verilogeval-human",
            "v2",
            "looks like branch main, and verilogeval-human is branch release/1.0.0: `git clone",
        ),
        ("verilogeval2-spec", "v1", "looks like branch release/1.0.0, and verilogeval2-spec is branch main"),
        (
            "verilogeval2-complete",
            "rtllm_11",
            "does not look like a checkout of https://github.com/NVlabs/verilog-eval",
        ),
        ("rtllm-1.0", "rtllm_11", "looks like branch v1.1, and rtllm-1.0 is branch v1.0: `git clone -b v1.0 "),
        ("rtllm-1.1", "rtllm_10", "looks like branch v1.0, and rtllm-1.1 is branch v1.1"),
        ("rtllm-1.1", "rtllm_20", "looks like branch main, and rtllm-1.1 is branch v1.1"),
        ("rtllm-2.0", "rtllm_11", "looks like branch v1.1, and rtllm-2.0 is branch main"),
        ("rtllm-2.0", "v2", "does not look like a checkout of https://github.com/hkust-zhiyao/RTLLM"),
    ],
)
def test_the_wrong_branch_is_named(name: str, folder: str, words: str, checkouts: dict[str, Path]) -> None:
    with pytest.raises(UsageError) as caught:
        load_problems(name, root=checkouts[folder])
    assert words in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere: `git clone"):
        load_problems("rtllm-1.1", root=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("verilogeval-human", {"shots": 1}, "--shots: verilogeval-human publishes none"),
        ("rtllm-1.1", {"rules": True}, "--prompt-rules: rtllm-1.1 publishes none"),
        ("verilogeval2-complete", {"rules": True}, "--prompt-rules: verilogeval2-complete publishes none"),
        ("held-out", {"shots": 2}, "--shots: held-out publishes none"),
        ("held-out", {"root": Path("x")}, "held-out needs no checkout: leave out --root x"),
        ("rows.jsonl", {"root": Path("x")}, "rows.jsonl needs no checkout"),
        ("rows.jsonl", {"rules": True}, "--prompt-rules: rows.jsonl publishes none"),
    ],
)
def test_options_that_a_benchmark_does_not_have(
    name: str, options: dict, words: str, checkouts: dict[str, Path]
) -> None:
    root = {"root": checkouts[CHECKOUTS[name][0]]} if name in CHECKOUTS else {}
    with pytest.raises(UsageError, match=words):
        load_problems(name, **(root | options))


def test_inputs_of_what_needs_no_checkout() -> None:
    assert benchmark_inputs("held-out") == {}
    assert benchmark_inputs("a/rows.jsonl") == {"benchmark": Path("a/rows.jsonl")}


def test_a_text_that_is_none_is_named(rtllm_11: Path, lay: Callable) -> None:
    (rtllm_11 / "gate/design_description.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"gate/design_description\.txt: no text in UTF-8"):
        load_problems("rtllm-1.1", root=rtllm_11)

"""read_errata(): what is left out and why, and every line that is not right."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from rtlscribe.benchmarks.errata import content_hash, read_errata
from rtlscribe.errors import DataError, UsageError
from rtlscribe.records import Problem

PROBLEMS = {
    name: Problem(id=name, text="t", reference=f"module {name}; endmodule", testbench="t", pass_pattern="p", top=name)
    for name in ("one", "two", "three")
}


def errata(folder: Path, *lines: dict[str, object], benchmark: str = "some-bench") -> dict[str, str]:
    path = folder / "errata.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return read_errata(path, PROBLEMS, benchmark=benchmark)


def line(problem_id: str, kind: str, **more: object) -> dict[str, object]:
    return {"problem_id": problem_id, "kind": kind, "action": "exclude"} | more


def test_reasons(tmp_path: Path) -> None:
    found = errata(
        tmp_path,
        line("two", "accepts_zeros", detail="a module of zeros passes", benchmark="some-bench"),
        line("one", "golden_fails", sha256=content_hash(PROBLEMS["one"]), checker="iverilog-11.0"),
        line("two", "accepts_x"),
        line("three", "accepts_ones", action="keep"),
    )
    assert found == {"two": "accepts_zeros: a module of zeros passes; accepts_x", "one": "golden_fails"}


def test_an_empty_file_leaves_nothing_out(tmp_path: Path) -> None:
    assert errata(tmp_path) == {}


def test_a_file_of_problems_goes_by_its_name_alone(tmp_path: Path) -> None:
    assert errata(tmp_path, line("one", "k", benchmark="p.jsonl"), benchmark="some/folder/p.jsonl") == {"one": "k"}


WRONG = {
    "another benchmark": (line("one", "k", benchmark="other"), "an erratum of 'other', not of 'some-bench'"),
    "unknown problem": (line("four", "k"), "some-bench has no problem 'four'"),
    "changed problem": (line("one", "k", sha256="0" * 64), "'one' is another than the one this was found in"),
    "no action": ({"problem_id": "one", "kind": "k"}, "missing required field `action`"),
    "unknown action": (line("one", "k", action="repair"), "Invalid enum value 'repair'"),
    "unknown field": (line("one", "k", why="w"), "unknown field `why`"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_lines_are_named(tmp_path: Path, case: str) -> None:
    wrong, words = WRONG[case]
    with pytest.raises(DataError) as error:
        errata(tmp_path, line("two", "k"), wrong)
    assert str(error.value).startswith(f"{tmp_path / 'errata.jsonl'}, line 2: ")
    assert words in str(error.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_errata(tmp_path / "nowhere", PROBLEMS, benchmark="some-bench")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"text": "other"}, True),
        ({"prompt": "other"}, True),
        ({"reference": "other"}, False),
        ({"testbench": "other"}, False),
        ({"fail_patterns": ("other",)}, False),
        ({"files": {"data.txt": "1"}}, False),
    ],
)
def test_the_hash_is_of_what_is_judged_by(change: dict[str, object], same: bool) -> None:
    problem = PROBLEMS["one"]
    assert (content_hash(replace(problem, **change)) == content_hash(problem)) == same

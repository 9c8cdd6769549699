"""VerilogEval v1 and v2 from small checkouts of the same layout: nothing is lost or changed on the way in."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rtlscribe.benchmarks.base import load_problems
from rtlscribe.errors import DataError, UsageError
from rtlscribe.verilog.extract import module_names


def test_v1_is_taken_as_it_is(v1: Path) -> None:
    rows = [json.loads(line) for line in (v1 / "data/VerilogEval_Human.jsonl").read_text().splitlines()]
    problems = load_problems("verilogeval-human", root=v1)
    assert [p.id for p in problems] == ["either", "both"]
    assert [p.text for p in problems] == ["High when a bit is.\nOr two.", "High when both bits are."]
    for problem, row in zip(problems, rows, strict=True):
        assert problem.header == row["prompt"]
        assert problem.testbench == row["test"]
        assert problem.reference == row["prompt"] + "\n" + row["canonical_solution"]
        assert module_names(problem.reference) == [problem.top] == ["top_module"]
        assert (problem.prompt, problem.system, problem.fail_patterns, problem.files) == ("", "", (), {})
    (machine,) = load_problems("verilogeval-machine", root=v1)
    assert (machine.id, machine.text) == ("both", "An AND of two.")


def test_v1_in_other_places(v1: Path, lay: Callable) -> None:
    whole = load_problems("verilogeval-human", root=v1)
    assert load_problems("verilogeval-human", root=v1 / "data") == whole
    files = {path.name: path.read_text() for path in v1.rglob("*.jsonl")}
    assert load_problems("verilogeval-human", root=lay("flat", files)) == whole
    packed = {f"{name}.gz": text for name, text in files.items()}
    assert load_problems("verilogeval-human", root=lay("packed", packed)) == whole


def test_v1_files_that_are_wrong(v1: Path, lay: Callable) -> None:
    row = {"task_id": "x", "prompt": "p", "canonical_solution": "c", "test": "t"}
    described = '{"task_id": "x", "detail_description": "d"}\n'
    problems, descriptions = "VerilogEval_Human.jsonl", "VerilogDescription_Human.jsonl"
    cases = [
        ({problems: json.dumps(row)}, UsageError, r"has no VerilogDescription_Human\.jsonl .*git clone -b release"),
        ({problems: "\n{}\n", descriptions: described}, DataError, r"VerilogEval_Human\.jsonl, line 2: .*task_id"),
        (
            {problems: json.dumps(row | {"task_id": "y"}), descriptions: described},
            DataError,
            r"line 1: 'y' has no description in .*VerilogDescription_Human\.jsonl",
        ),
        (
            {problems: f"{json.dumps(row)}\n" * 2, descriptions: described},
            DataError,
            "line 2: .*'x' stands there twice",
        ),
    ]
    for place, (files, kind, words) in enumerate(cases):
        with pytest.raises(kind, match=words):
            load_problems("verilogeval-human", root=lay(str(place), files))
    (v1 / "data/VerilogEval_Human.jsonl").rename(v1 / "data/VerilogEval_Human.jsonl.gz")
    with pytest.raises(DataError, match="not a whole gzip file"):
        load_problems("verilogeval-human", root=v1)
    whole = gzip.compress((json.dumps(row | {"task_id": "both"}) + "\n").encode())
    (v1 / "data/VerilogEval_Human.jsonl.gz").write_bytes(whole[:-9])
    with pytest.raises(DataError, match="not a whole gzip file"):
        load_problems("verilogeval-human", root=v1)


def test_v2_lists_its_problems_itself(v2: Path) -> None:
    for name, header in (
        ("verilogeval2-spec", ""),
        ("verilogeval2-complete", "\nmodule TopModule (\n  input [1:0] a,"),
    ):
        problems = load_problems(name, root=v2)
        assert [p.id for p in problems] == ["Prob002_both", "Prob001_either"]
        for problem in problems:
            assert problem.header.startswith(header)
            assert bool(problem.header) == bool(header)
            assert module_names(problem.reference) == [problem.top] == ["TopModule"]
            assert "// not RefModules\n" in problem.reference
            assert module_names(problem.testbench) == ["tb", "RefModule"]
            assert problem.text.startswith("One output z: bits of a with")
            assert problem.text.endswith("Mind the order.")


QUESTION = "One output z: bits of a with &.\n\nMind the order."


@pytest.mark.parametrize(
    ("name", "options", "system", "prompt"),
    [
        (
            "verilogeval2-spec",
            {},
            "\nWrite Verilog.\n",
            f"\nQuestion:\n{QUESTION}\n\nOnly code, please.\n\nAnswer:\n",
        ),
        (
            "verilogeval2-spec",
            {"shots": 1, "rules": True},
            "\nWrite Verilog.\n",
            "\nAn example of spec-to-rtl.\n\n"
            f"\nQuestion:\n{QUESTION}\n\nRules: be brief.\n\nOnly code, please.\n\nAnswer:\n",
        ),
        (
            "verilogeval2-complete",
            {"shots": 3},
            "\nGo on with the code.\n",
            "three\n// Do what follows.\n// \n// One output z: bits of a with &.\n// \n// Mind the order.\n// \n"
            "\nmodule TopModule (\n  input [1:0] a,\n  output z\n);\n",
        ),
    ],
)
def test_v2_prompts_are_put_together_as_the_script_does(
    name: str, options: dict, system: str, prompt: str, v2: Path
) -> None:
    both, _ = load_problems(name, root=v2, **options)
    assert both.system == system
    assert both.prompt == prompt


def test_v2_line_ends_are_those_that_the_script_sends(v2: Path) -> None:
    before = load_problems("verilogeval2-spec", root=v2)
    path = v2 / "dataset_spec-to-rtl/Prob002_both_prompt.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_problems("verilogeval2-spec", root=v2) == before


def test_v2_without_the_examples_asked_for(v2: Path) -> None:
    with pytest.raises(UsageError, match=r"--shots 2: .*_2-shot\.txt is not there; there are examples for: 1, 3"):
        load_problems("verilogeval2-spec", root=v2, shots=2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("prompt_rules_suffix=", "rules="),
        ("prompts['spec-to-rtl'] =", "other ="),
        ("'system_msg' : ", "'system' : "),
        ('"""\nOnly code, please.\n"""', "None"),
        ("prompts = {}", "prompts = ("),
    ],
)
def test_v2_a_script_with_other_names_is_refused(v2: Path, old: str, new: str) -> None:
    script = v2 / "scripts/sv-generate"
    assert old in script.read_text()
    script.write_text(script.read_text().replace(old, new))
    with pytest.raises(DataError, match=r"sv-generate: the words of the spec-to-rtl prompt are"):
        load_problems("verilogeval2-spec", root=v2)


def test_v2_a_missing_file_is_named(v2: Path) -> None:
    (v2 / "dataset_spec-to-rtl/Prob001_either_ref.sv").unlink()
    with pytest.raises(UsageError, match=r"cannot read .*Prob001_either_ref\.sv: No such file"):
        load_problems("verilogeval2-spec", root=v2)

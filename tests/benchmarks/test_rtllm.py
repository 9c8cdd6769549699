"""RTLLM from small checkouts: routed by folder, one name for the module in description, testbench and reference."""

from pathlib import Path

import pytest

from rtlscribe.benchmarks.base import benchmark_inputs, load_problems
from rtlscribe.benchmarks.rtllm import phantom_pass_at_k
from rtlscribe.errors import DataError
from rtlscribe.records import Problem
from rtlscribe.verilog.extract import module_names


def by_id(name: str, root: Path) -> dict[str, Problem]:
    return {problem.id: problem for problem in load_problems(name, root=root)}


def test_names_of_10(rtllm_10: Path) -> None:
    problems = by_id("rtllm-1.0", rtllm_10)
    assert list(problems) == ["both_gate", "gate"]
    both = problems["both_gate"]
    assert both.top == "b_g"
    assert module_names(both.reference) == ["b_g"]
    assert "    b_g dut(.a(a)" in both.testbench
    assert "// verified_both in a comment" in both.testbench
    assert '$display("about verified_both");' in both.testbench
    assert "check_verified_both" in both.testbench  # another name, though it holds this one
    assert "published:" not in both.testbench


def test_names_and_data_of_11(rtllm_11: Path) -> None:
    problems = by_id("rtllm-1.1", rtllm_11)
    assert list(problems) == ["gate", "reader"]
    reader = problems["reader"]
    assert module_names(reader.reference) == ["inner", "reader"]
    assert reader.files == {"seen.txt": "01\r\n02\r\n"}
    assert reader.testbench == (rtllm_11 / "reader/testbench.v").read_text()
    assert reader.text.startswith("Please make a gate.")


def test_names_and_places_of_20(rtllm_20: Path) -> None:
    problems = by_id("rtllm-2.0", rtllm_20)
    assert list(problems) == ["both_by_two", "gate"]
    both = problems["both_by_two"]
    assert both.top == "bothtwo"
    assert module_names(both.reference) == ["bothtwo"]
    assert both.testbench.endswith("\n// published: instantiates both_by_two for bothtwo\n")
    assert problems["gate"].testbench == (rtllm_20 / "Logic/One gate/gate/testbench.v").read_text()


def test_inputs_are_the_folders_of_designs(rtllm_11: Path, rtllm_20: Path) -> None:
    assert benchmark_inputs("rtllm-1.1", rtllm_11) == {n: rtllm_11 / n for n in ("gate", "reader")}
    assert benchmark_inputs("rtllm-2.0", rtllm_20) == {"Logic": rtllm_20 / "Logic"}


def test_what_a_testbench_says_of_failures(rtllm_11: Path) -> None:
    path = rtllm_11 / "gate/testbench.v"
    said = [
        'if (error) $display("Test failed: a = %b", a);',
        'if (error) $display("Error at %0t\\nfail");',
        '$display("completed with %d failures", error);',
        '// $display("Failed in a comment");',
        '$display("error-free: passed");',
    ]
    path.write_text(path.read_text().replace("$finish;", "\n".join([*said, "$finish;"])))
    assert by_id("rtllm-1.1", rtllm_11)["gate"].fail_patterns == ("===Error===", r"Test\ failed:\ a\ =", r"Error\ at")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"verified_gate.v": "module a; endmodule\nmodule b; endmodule\n"}, "which of the modules is 'gate'.*: a, b"),
        ({"verified_gate.v": "wire a;"}, "which of the modules is 'gate'.*: none"),
        ({"verified_more.v": ""}, r"gate: one verified_\*\.v is expected, there are 2"),
    ],
)
def test_a_reference_that_cannot_be_told(rtllm_11: Path, files: dict[str, str], words: str) -> None:
    for name, text in files.items():
        (rtllm_11 / "gate" / name).write_text(text)
    with pytest.raises(DataError, match=words):
        load_problems("rtllm-1.1", root=rtllm_11)


def test_a_description_without_a_name(rtllm_10: Path) -> None:
    (rtllm_10 / "gate/design_description.txt").write_text("Make a gate.")
    assert by_id("rtllm-1.0", rtllm_10)["gate"].top == "gate"


@pytest.mark.parametrize(
    ("counts", "k", "value"),
    [([(5, 5), (5, 0)], 1, 1 / 3), ([(5, 1)], 1, 0.1), ([(5, 1)], 5, 0.5), ([(5, 5)] * 29, 1, 29 / 30)],
)
def test_the_design_that_the_script_adds(counts: list[tuple[int, int]], k: int, value: float) -> None:
    assert phantom_pass_at_k(counts, k) == pytest.approx(value)

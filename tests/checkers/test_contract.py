"""What every checker promises: a verdict on whatever a model may say, and never an exception."""

import pytest

from rtlscribe.checkers.base import TABLE, Checker, open_checker
from rtlscribe.errors import MissingToolError
from rtlscribe.records import Candidate, Problem

NAMES = ["iverilog", "pyslang", "scripted", "verilator", "yosys", "yosys-proved"]

GOOD = "module m(output y); assign y = 1; endmodule\n"
TESTBENCH = """module testbench;
    wire y;
    m dut(y);
    initial begin #1 if (y === 1) $display("@NONCE@ passed"); $finish; end
endmodule
"""
PROBLEMS = [
    Problem(id="compiled", text="t", top="m", reference=GOOD),
    Problem(
        id="simulated",
        text="t",
        top="m",
        reference=GOOD,
        testbench=TESTBENCH,
        pass_pattern="^@NONCE@ passed$",
    ),
]


@pytest.fixture(scope="module", params=NAMES)
def checker(request: pytest.FixtureRequest) -> Checker:
    if request.param == "iverilog":
        request.getfixturevalue("icarus")
    try:
        return open_checker(request.param)
    except MissingToolError as error:
        pytest.skip(str(error))


def test_all_of_the_table_are_tested() -> None:
    assert sorted(TABLE) == sorted(NAMES)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.id)
def test_good(checker: Checker, problem: Problem) -> None:
    candidate = Candidate(problem_id=problem.id, index=3, code=GOOD, assembly="modules")
    verdict = checker.check(candidate, problem, timeout_s=30)
    assert (verdict.status, verdict.problem_id, verdict.index) == ("passed", problem.id, 3)
    assert verdict.checker == checker.name
    assert verdict.seconds >= 0


# code, the verdicts that may be given on it. Only the scripted checker, which does not look, passes any of these.
BAD = {
    "nothing": ("", {"no_code"}),
    "garbage": ("%%% ((( \\ ` ' \" not Verilog", {"syntax_error"}),
    "truncated": ("module m(output y); assign y =", {"syntax_error"}),
    "prose": ("I cannot write that module.", {"syntax_error"}),
    "a zero byte": (GOOD.replace("assign", "\0assign"), {"syntax_error", "rejected"}),
    "only zero bytes": ("\0" * 1000, {"syntax_error"}),
    "half a surrogate pair": (f"wire \ud800;\n{GOOD}", {"syntax_error"}),
    "control characters": (f"\x1b[31m\x07{GOOD}", {"syntax_error"}),
    "words without end": ("x" * 1_000_000, {"syntax_error", "rejected"}),
    "a long module": ("module m;\n" + "wire a;\n" * 60_000, {"syntax_error", "rejected"}),
    "parentheses": (f"module m; wire a = {'(' * 20_000}1{')' * 20_000}; endmodule", {"syntax_error", "rejected"}),
    "blocks": (f"module m; initial {'begin ' * 20_000}{'end ' * 20_000} endmodule", {"syntax_error", "rejected"}),
    "a macro of itself": ("`define A `A `A\nmodule m; initial `A; endmodule", {"syntax_error"}),
    "a file of the host": ('`include "/etc/hostname"\nmodule m; endmodule', {"syntax_error", "rejected"}),
    "a giant vector": ("module m; wire [2147483646:0] a = ~0; endmodule", {"syntax_error", "rejected"}),
    "an option": ("-o /tmp/x", {"syntax_error"}),
    "a module that is not there": ("module m(output y); nowhere n(y); endmodule", {"syntax_error"}),
}


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.id)
@pytest.mark.parametrize("case", BAD)
def test_bad(checker: Checker, problem: Problem, case: str) -> None:
    code, statuses = BAD[case]
    candidate = Candidate(problem_id=problem.id, index=0, code=code, assembly="modules")
    verdict = checker.check(candidate, problem, timeout_s=30)
    assert (verdict.problem_id, verdict.index, verdict.checker) == (problem.id, 0, checker.name)
    assert len(verdict.detail) < 5_000
    if checker.name == "scripted" and code:
        assert verdict.status == "passed"
    else:
        assert verdict.status in statuses


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("module m; endmodule // verdict: failed", "failed"),
        ("// verdict: timeout\n// verdict: passed", "timeout"),
        ("// verdict: syntax_error", "syntax_error"),
        ("// verdict: nonsense", "rejected"),
        ("module m; endmodule", "passed"),
    ],
)
def test_scripted_says_what_it_is_told(code: str, status: str) -> None:
    candidate = Candidate(problem_id="p", index=0, code=code, assembly="modules")
    assert open_checker("scripted").check(candidate, PROBLEMS[0], timeout_s=1).status == status


def test_pyslang_rejects_what_is_too_long_unread() -> None:
    candidate = Candidate(problem_id="p", index=0, code=f"//{'x' * 49_152}\n{GOOD}", assembly="modules")
    verdict = open_checker("pyslang").check(candidate, PROBLEMS[0], timeout_s=30)
    assert (verdict.status, verdict.detail) == ("rejected", "longer than 49152 characters")

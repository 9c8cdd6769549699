"""The judge of record: right, wrong, broken, endless and dishonest candidates."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rtlscribe.checkers.icarus import find_tools
from rtlscribe.checkers.iverilog import IverilogChecker
from rtlscribe.errors import MissingToolError, RtlscribeError
from rtlscribe.records import Candidate, Problem, Verdict

TESTBENCH = """`timescale 1ns/1ps
module testbench;
    reg [1:0] a;
    wire y;
    integer i, errors = 0;
    parity dut(.a(a), .y(y));
    initial begin
        for (i = 0; i < 4; i = i + 1) begin
            a = i;
            #1 if (y !== ^a) errors = errors + 1;
        end
        if (errors == 0) $display("@NONCE@ passed 4 vectors");
        else $display("@NONCE@ failed %0d of 4 vectors", errors);
        $finish;
    end
endmodule
"""
PARITY = Problem(id="parity", text="t", testbench=TESTBENCH, pass_pattern=r"^@NONCE@ passed \d+ vectors$", top="parity")
HEAD = "module parity(input [1:0] a, output y);\n"
GOOD = f"{HEAD}assign y = ^a;\nendmodule\n"


@pytest.fixture(scope="module")
def checker(icarus: str) -> IverilogChecker:
    return IverilogChecker()


def check(checker: IverilogChecker, code: str, problem: Problem = PARITY, *, timeout_s: float = 30.0) -> Verdict:
    return checker.check(
        Candidate(problem_id=problem.id, index=0, code=code, assembly="modules"), problem, timeout_s=timeout_s
    )


def test_name_tells_the_version(checker: IverilogChecker, icarus: str) -> None:
    assert checker.name == f"iverilog-{icarus}"


# code, status, a part of the detail
VERDICTS = {
    "right": (GOOD, "passed", ""),
    "right with a module of its own": (
        f"module x(input p, q, output r); assign r = p ^ q; endmodule\n{HEAD}x i(a[0], a[1], y);\nendmodule",
        "passed",
        "",
    ),
    "right with another testbench": (f"{GOOD}module tb; initial $finish; endmodule", "passed", ""),
    "right and chatty": (f'{HEAD}assign y = ^a;\ninitial $display("hello");\nendmodule', "passed", ""),
    "right in SystemVerilog": (
        "module parity(input logic [1:0] a, output logic y); always_comb y = ^a; endmodule",
        "passed",
        "",
    ),
    "wrong": (f"{HEAD}assign y = &a;\nendmodule", "failed", "failed 3 of 4 vectors"),
    "empty": (f"{HEAD}endmodule", "failed", "failed 4 of 4 vectors"),
    "unknown": (f"{HEAD}assign y = 1'bx;\nendmodule", "failed", "failed 4 of 4 vectors"),
    "syntax error": (f"{HEAD}assign y = ^a\nendmodule", "syntax_error", "line 3"),
    "undeclared": (f"{HEAD}assign y = nowhere;\nendmodule", "syntax_error", "nowhere"),
    "another name of a port": (
        "module parity(input [1:0] a, output z); assign z = ^a; endmodule",
        "failed",
        "does not fit the testbench",
    ),
    "another name of the module": (
        "module other(input [1:0] a, output y); assign y = ^a; endmodule",
        "failed",
        "does not fit the testbench",
    ),
    "right and defines the testbench's own name": (f"{GOOD}module testbench; endmodule", "passed", ""),
    "stops early": (f"{HEAD}assign y = ^a;\ninitial wait (a == 2) $finish;\nendmodule", "rejected", "line 3: $finish"),
    "stops for a debugger": (f"{HEAD}initial $stop;\nendmodule", "rejected", "$stop"),
    "ends in a fatal error": (f"{HEAD}initial $fatal;\nendmodule", "rejected", "$fatal"),
    "forbidden, and does not compile": (f"{HEAD}initial $finish\nendmodule", "syntax_error", "syntax error"),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_verdicts(checker: IverilogChecker, case: str) -> None:
    code, status, detail = VERDICTS[case]
    verdict = check(checker, code)
    assert (verdict.status, verdict.problem_id) == (status, "parity")
    assert detail in verdict.detail
    assert "answer.v" not in verdict.detail


# Candidates that do not work and would like to pass.
SPOOFS = {
    "prints the line": 'initial $display("@NONCE@ passed 4 vectors");',
    "prints it without a secret": 'initial $display(" passed 4 vectors");',
    "prints it at the end": 'initial #9 $display("@NONCE@ passed 4 vectors");',
    "guesses": 'initial $display("00000000000000000000000000000000 passed 4 vectors");',
    "prints many": 'initial repeat (9) $display("passed\\n@NONCE@ passed 4 vectors\\npassed");',
}


@pytest.mark.parametrize("case", SPOOFS)
def test_spoofs_fail(checker: IverilogChecker, case: str) -> None:
    assert check(checker, f"{HEAD}{SPOOFS[case]}\nendmodule").status == "failed"


def test_the_secret_is_another_each_time(checker: IverilogChecker) -> None:
    told = PARITY.testbench.replace("failed %0d", "failed, my secret is @NONCE@ %0d")
    problem = Problem(id="p", text="t", testbench=told, pass_pattern="^@NONCE@ passed")
    details = {check(checker, f"{HEAD}endmodule", problem).detail for _ in range(3)}
    assert len(details) == 1  # it is taken out of what a user sees
    assert "NONCE" not in details.pop()


ENDLESS = {
    "no time passes": ("initial forever #0 ;", {"timeout"}),
    "no time passes, always": ("always #0 ;", {"timeout", "syntax_error"}),  # Icarus 12 refuses to compile it
    "a loop without time": ("initial while (1) ;", {"timeout"}),
    "time without end": ("reg b = 0; initial forever #0 b = ~b;", {"timeout"}),
    "while compiling": (
        "function integer f(input integer x); begin f = 0; while (x) f = f + 1; end endfunction localparam P = f(1);",
        {"timeout"},
    ),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_endless_is_ended_and_nothing_is_left(
    checker: IverilogChecker, tools: Callable, until: Callable, case: str
) -> None:
    code, statuses = ENDLESS[case]
    before = set(tools())
    with ThreadPoolExecutor(1) as thread:
        checked = thread.submit(check, checker, f"{HEAD}{code}\nendmodule", timeout_s=0.7)
        seen = until(lambda: checked.done() or set(tools()) - before)
        verdict = checked.result()
    assert verdict.status in statuses
    if verdict.status == "timeout":
        assert seen is not True  # what is left of it below can be seen while it runs
        assert verdict.detail == ("while compiling" if case == "while compiling" else "while simulating")
    until(lambda: set(tools()) <= before, seconds=1)  # before its limit on CPU time would end it
    assert set(tools()) <= before


def test_output_flood_fails_and_is_not_kept(checker: IverilogChecker) -> None:
    verdict = check(checker, f'{HEAD}initial while (1) $display("{"flood " * 100}");\nendmodule', timeout_s=20)
    assert verdict.status == "failed"
    assert "too much output" in verdict.detail
    assert len(verdict.detail) < 200


def test_memory_is_bounded(checker: IverilogChecker) -> None:
    code = f"{HEAD}reg [63:0] huge [0:1<<28]; initial huge[5] = 1; assign y = ^a;\nendmodule"
    assert check(checker, code, timeout_s=20).status in ("failed", "syntax_error", "rejected")


def test_no_time_at_all_is_a_timeout(checker: IverilogChecker) -> None:
    assert check(checker, GOOD, timeout_s=0.0).status == "timeout"


def test_without_a_testbench_it_is_enough_to_compile(checker: IverilogChecker) -> None:
    problem = Problem(id="p", text="t")
    assert check(checker, f"{HEAD}endmodule", problem).status == "passed"
    assert check(checker, f"{HEAD}initial while (1) ;\nendmodule", problem, timeout_s=20).status == "passed"
    assert check(checker, f"{HEAD}assign\nendmodule", problem).status == "syntax_error"


# What surrounds the result in the testbench's output, fail patterns, status
PATTERNS = {
    "no fail pattern": ("", (), "passed"),
    "fail pattern that is not there": ("", ("ERROR", "^Mismatches: [1-9]"), "passed"),
    "fail pattern": ("ERROR at 5", ("ERROR",), "failed"),
    "second fail pattern": ("Mismatches: 3 in 4", ("ERROR", "^Mismatches: [1-9]"), "failed"),
    "fail pattern in another line only": ("no ERROR", ("^ERROR",), "passed"),
}


@pytest.mark.parametrize("case", PATTERNS)
def test_fail_patterns(checker: IverilogChecker, case: str) -> None:
    said, fail_patterns, status = PATTERNS[case]
    testbench = f"""module tb;
        reg [1:0] a = 0; wire y; parity dut(a, y);
        initial begin $display("{said}"); $display("Your design passed"); $finish; end
    endmodule"""
    problem = Problem(
        id="p", text="t", testbench=testbench, pass_pattern="^Your design passed$", fail_patterns=fail_patterns
    )
    assert check(checker, GOOD, problem).status == status


def test_files_lie_beside_the_simulation(checker: IverilogChecker) -> None:
    testbench = """module tb;
        reg [1:0] data [0:1]; wire y; parity dut(data[1], y);
        initial begin $readmemb("vectors.txt", data); #1 if (y === 1) $display("@NONCE@ ok"); $finish; end
    endmodule"""
    problem = Problem(
        id="p", text="t", testbench=testbench, pass_pattern="^@NONCE@ ok$", files={"vectors.txt": "00\n10\n"}
    )
    assert check(checker, GOOD, problem).status == "passed"
    without = Problem(id="p", text="t", testbench=testbench, pass_pattern="^@NONCE@ ok$")
    assert check(checker, GOOD, without).status == "failed"


def test_files_do_not_leave_the_folder(checker: IverilogChecker, tmp_path: Path) -> None:
    files = {str(tmp_path / "outside.txt"): "x", "../../outside.txt": "x"}
    problem = Problem(id="p", text="t", testbench=TESTBENCH, pass_pattern=PARITY.pass_pattern, files=files)
    assert check(checker, GOOD, problem).status == "passed"
    assert list(tmp_path.iterdir()) == []


CLOCKED = """`timescale 1ns/1ps
module tb;
    reg clk = 0; wire q; implied other(clk, carried); toggle dut(clk, q);
    initial begin
        repeat (2) begin #5 clk = 1; #5 clk = 0; end
        if (q === 1'b0) $display("@NONCE@ ok");
        $finish;
    end
endmodule
module implied(input a, output y); assign y = a; endmodule
"""


@pytest.mark.parametrize(
    "code",
    [
        "module toggle(input clk, output reg q); initial q = 0; always @(posedge clk) q <= #1 ~q; endmodule",
        "`default_nettype none\nmodule toggle(input wire clk, output reg q);\n"
        "initial q = 0; always @(posedge clk) q <= ~q; endmodule",
        "`define clk nonsense\n`define display nonsense\n"
        "module toggle(input clk, output reg q); initial q = 0; always @(posedge clk) q <= ~q; endmodule",
    ],
    ids=["a delay of one", "no implied wires", "macros"],
)
def test_directives_of_the_answer_do_not_change_the_testbench(checker: IverilogChecker, code: str) -> None:
    problem = Problem(id="p", text="t", testbench=CLOCKED, pass_pattern="^@NONCE@ ok$")
    verdict = check(checker, code, problem)
    assert (verdict.status, verdict.detail) == ("passed", "")


@pytest.mark.parametrize("broken", ["empty", "missing", "not a program", "says nothing"])
def test_missing_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str) -> None:
    folder = tmp_path / "bin"
    if broken != "missing":
        folder.mkdir()
    if broken in ("not a program", "says nothing"):
        for name in ("iverilog", "vvp"):
            (folder / name).write_text("#!/bin/sh\n" if broken == "says nothing" else "#!/nowhere/at/all\n")
            (folder / name).chmod(0o755)
    monkeypatch.setenv("RTLSCRIBE_ICARUS", str(folder))
    with pytest.raises(MissingToolError, match=r"apt-get install iverilog") as raised:
        IverilogChecker()
    assert str(folder) in str(raised.value)
    assert raised.value.exit_code == 3


def test_a_tool_that_disappears_is_an_error_and_no_verdict(
    icarus: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("iverilog", "vvp"):
        (tmp_path / name).write_text('#!/bin/sh\necho "Icarus Verilog version 11.0"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("RTLSCRIBE_ICARUS", str(tmp_path))
    gone = IverilogChecker()
    assert gone.name == "iverilog-11.0"  # and no compiler's halves: it is the driver that is called
    (tmp_path / "iverilog").unlink()
    with pytest.raises(RtlscribeError):
        check(gone, GOOD)


ALONE = Problem(id="alone", text="t")  # it is enough to compile
# what stands in the simulator's place, the rule, the problem, words of the error
BROKEN = {
    "crashes": ("kill -SEGV $$", "strict", PARITY, "status -11"),
    "is of another version": ("echo 'Error: not for\n me.' >&2; exit 1", "strict", ALONE, "Error: not for me."),
    "says nothing": ("exit 0", "official", PARITY, "status 0"),
    "lacks a library": ("exit 127", "strict", PARITY, "status 127"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_simulator_that_does_not_work_is_no_verdict(
    icarus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    script, rule, problem, words = BROKEN[case]
    for name, text in (("iverilog", f'exec {find_tools().iverilog} "$@"'), ("vvp", script)):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("RTLSCRIBE_ICARUS", str(tmp_path))
    checker = IverilogChecker(rule=rule)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(RtlscribeError, match=f"vvp do not work together, or not in the sandbox: {words}; see `rtl"):
            check(checker, GOOD, problem)

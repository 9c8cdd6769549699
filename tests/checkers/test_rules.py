"""The strict rule and the official one on the same answers, and what becomes of a verdict when something breaks."""

import contextlib
import os
import re
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from rtlscribe.checkers.base import open_checker
from rtlscribe.checkers.iverilog import BY_HEART, REFUSED, IverilogChecker
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.records import Candidate, Problem, Verdict

HEADER = "module top_module(input [7:0] in, output [7:0] out);\n"
# In the form of VerilogEval's first release: the result is told at the end, however the end comes about.
TESTBENCH = """`timescale 1ps/1ps
module reference_module(input [7:0] in, output [7:0] out);
  assign out = ~in;
endmodule
module stimulus_gen(input clk, output reg [7:0] in);
  initial begin
    in = 0;
    repeat (EDGES) @(posedge clk, negedge clk) in <= $random;
    #1 $finish;
  end
endmodule
module tb;
  typedef struct packed { int errors; int clocks; } stats;
  stats stats1;
  reg clk = 0;
  initial forever #5 clk = ~clk;
  wire [7:0] in, out_ref, out_dut;
  stimulus_gen stim1(.clk, .in);
  reference_module good1(.in, .out(out_ref));
  top_module top_module1(.in, .out(out_dut));
  always @(posedge clk, negedge clk) begin
    stats1.clocks++;
    if (out_ref !== out_dut) stats1.errors++;
  end
  final $display("Mismatches: %1d in %1d samples", stats1.errors, stats1.clocks);
endmodule
"""
INVERT = Problem(
    id="invert",
    text="Invert in.",
    header=HEADER,
    reference=f"{HEADER}  assign out = ~in;\nendmodule\n",
    testbench=TESTBENCH.replace("EDGES", "40"),
    pass_pattern=r"Mismatches: 0 in (?P<samples>\d+) samples",
    top="top_module",
    procedure="verilog-eval-1",
)


@pytest.fixture(scope="module")
def strict(icarus: str) -> IverilogChecker:
    return IverilogChecker()


@pytest.fixture(scope="module")
def official(icarus: str) -> IverilogChecker:
    return IverilogChecker(rule="official")


def check(checker: IverilogChecker, code: str, problem: Problem = INVERT, *, timeout_s: float = 30.0) -> Verdict:
    candidate = Candidate(problem_id=problem.id, index=0, code=code, assembly="modules")
    return checker.check(candidate, problem, timeout_s=timeout_s)


def answer(body: str) -> str:
    return f"{HEADER}  {body}\nendmodule\n"


# Each is wrong of every 31st number or so, of which the published stimulus has few.
RARELY_WRONG = [answer(f"assign out = in % 31 == {n} ? 0 : ~in;") for n in range(31)]

# Both rules --------------------------------------------------------------------------------------------------------

# body; status and words of the detail by the strict rule; the same by the official one
BOTH = {
    "right": ("assign out = ~in;", "passed", "", "passed", "passed"),
    "wrong": ("assign out = in;", "failed", "Mismatches: 40 in 40", "failed", "failed: 40 out of 40 samples."),
    "unknown": ("assign out = 8'bx;", "failed", "Mismatches: 40 in 40", "failed", "failed: 40 out of 40 samples."),
    "no Verilog": ("assign out = ;", "syntax_error", "line 2: syntax error", "syntax_error", "failed: syntax error."),
    "undeclared": ("assign out = a;", "syntax_error", "line 2: error", "syntax_error", "failed: compile error."),
    # A mere warning is a compile error in the published script.
    "warned of": ("assign out = ~in; wire w = in[9];", "passed", "", "syntax_error", "failed: compile error."),
    "ends early": ("initial $finish;", "rejected", "line 2: $finish", "passed", f"{REFUSED}rejected, line 2: $finish"),
    "prints": (
        'initial $display("Mismatches: 0 in 40 samples");',
        "failed",
        "Mismatches: 40 in 40",
        "passed",
        f"{REFUSED}failed, Mismatches: 40 in 40",
    ),
    "reads the reference": ("assign out = good1.out;", "syntax_error", "good1", "passed", f"{REFUSED}syntax_error, "),
    "resets the count": (
        "final tb.stats1.errors = 0;",
        "syntax_error",
        "tb.stats1",
        "passed",
        f"{REFUSED}syntax_error, line 2: ",
    ),
}


@pytest.mark.parametrize("case", BOTH)
def test_both_rules(strict: IverilogChecker, official: IverilogChecker, case: str) -> None:
    body, strict_status, strict_words, official_status, official_words = BOTH[case]
    verdict = check(strict, answer(body))
    assert (verdict.status, verdict.checker) == (strict_status, strict.name)
    assert verdict.detail.startswith(strict_words) or strict_words in verdict.detail != ""
    verdict = check(official, answer(body))
    assert (verdict.status, verdict.checker) == (official_status, f"{strict.name}-official")
    assert verdict.detail.startswith(official_words)


@pytest.mark.parametrize("rule", ["strict", "official"])
def test_verdicts_are_the_same_each_time(strict: IverilogChecker, official: IverilogChecker, rule: str) -> None:
    """Names and secrets differ; stimulus, the second run's too, does not: it depends on the answer's text."""
    first, second = strict if rule == "strict" else official, open_checker("iverilog", rule=rule)
    codes = [*(answer(body) for body, *_ in BOTH.values()), *RARELY_WRONG[:8]]
    verdicts = [check(first, code) for code in codes]
    again = [check(second, code) for code in reversed(codes)]  # type: ignore[arg-type]
    assert [(v.status, v.detail) for v in verdicts] == [(v.status, v.detail) for v in reversed(again)]


def test_what_does_not_fit_is_told_in_the_published_names(strict: IverilogChecker) -> None:
    code = "module top_module(input [7:0] i, output [7:0] out); assign out = ~i; endmodule"
    verdict = check(strict, code)
    assert verdict.status == "failed"
    assert verdict.detail.startswith("does not fit the testbench: ")
    assert "``in'' is not a port of top_module1" in verdict.detail
    assert check(IverilogChecker(), code).detail == verdict.detail


COUNT_HEADER = "module top_module(input clk, output reg [3:0] n, output last);\n"
COUNT = f"""{COUNT_HEADER}  initial n = 0;
  always @(posedge clk) n <= n + 1;
  assign last = n == 9;
endmodule
"""
# The answer says when it is over.
COUNTING = Problem(
    id="count",
    text="Count to 9.",
    header=COUNT_HEADER,
    reference=COUNT,
    testbench="module tb;\n  reg clk = 0; integer wrong = 0, samples = 0; wire [3:0] n; wire last;\n"
    "  top_module dut(.*);\n"
    "  initial begin\n    while (last !== 1 && samples < 99) begin\n"
    "      #1 wrong = wrong + (n !== samples); samples = samples + 1; clk = 1; #1 clk = 0;\n    end\n"
    '    $display("Mismatches: %0d in %0d samples", wrong, samples);\n    $finish;\n  end\nendmodule\n',
    pass_pattern=INVERT.pass_pattern,
    top="top_module",
    procedure="verilog-eval-1",
)


def test_another_number_of_samples_fails(strict: IverilogChecker, official: IverilogChecker) -> None:
    assert check(strict, COUNT, COUNTING).status == "passed"
    early = COUNT.replace("n == 9", "n == 4")
    verdict = check(strict, early, COUNTING)
    assert (verdict.status, verdict.detail) == ("failed", "4 samples where the reference was judged on 9")
    verdict = check(official, early, COUNTING)
    assert (verdict.status, verdict.detail) == (
        "passed",
        f"{REFUSED}failed, 4 samples where the reference was judged on 9",
    )


def test_samples_that_depend_on_the_stimulus(strict: IverilogChecker) -> None:
    """Then the number that the reference was judged on holds for the published stimulus alone."""
    edges = {"length of 20 to 60": "$urandom_range(20, 60)", "until a number comes up": "1) while (in[3:0] != 5"}
    for repeated in edges.values():
        problem = msgspec.structs.replace(INVERT, testbench=TESTBENCH.replace("EDGES", repeated))
        rights = {check(strict, answer(f"assign out = ~in; // {n}"), problem).status for n in range(6)}
        assert rights == {"passed"}
        assert check(strict, answer("assign out = in;"), problem).status == "failed"


def test_second_run(strict: IverilogChecker) -> None:
    """Of what passes on the published stimulus, other stimulus shows what is wrong elsewhere."""
    without = IverilogChecker(second_run=False)
    once = [check(without, code) for code in RARELY_WRONG]
    twice = [check(strict, code) for code in RARELY_WRONG]
    assert {v.status for v in once} == {"passed", "failed"}
    found = 0
    for first, second in zip(once, twice, strict=True):
        if first.status == "failed" or second.status == "passed":
            assert (second.status, second.detail) == (first.status, first.detail)
        else:
            found += 1
            assert re.fullmatch(rf"{BY_HEART}Mismatches: [1-9]\d* in 40 samples", second.detail)
    assert found > 0


def test_a_second_run_says_nothing_where_the_reference_fails_it(strict: IverilogChecker) -> None:
    """A testbench that knows its own stimulus does not bear other."""
    first = "initial if ($random !== 32'h12153524) #1 stats1.errors++;"
    testbench = INVERT.testbench.replace("  stats stats1;", f"  stats stats1;\n  {first}")
    problem = msgspec.structs.replace(INVERT, testbench=testbench)
    build = strict.build(problem, timeout_s=30)
    assert (build.fault, build.notes, bool(build.harness.markers)) == ("", (), True)
    assert [check(strict, answer(f"assign out = ~in; // {n}"), problem).status for n in range(5)] == ["passed"] * 5
    assert check(strict, answer("assign out = in;"), problem).status == "failed"


# Problems that cannot be judged -------------------------------------------------------------------------------------

FAULTS = {
    "a reference that does not compile": ({"reference": "module top_module("}, "syntax_error, line 1: syntax error"),
    "a reference that is wrong": ({"reference": answer("assign out = in;")}, "failed, Mismatches: 40 in 40 samples"),
    "a reference that does not fit": (
        {"reference": "module top_module(input i, output o); assign o = ~i; endmodule"},
        "failed, does not fit the testbench: ",
    ),
    "a reference of another name": (
        {"reference": INVERT.reference.replace("top_module", "other")},
        "failed, does not fit",
    ),
    "a testbench that does not compile": ({"testbench": TESTBENCH}, "failed, does not fit the testbench: "),
    "a testbench without a result": ({"testbench": INVERT.testbench.replace("Mismatches", "Wrong")}, "failed, "),
    "a testbench without an end": ({"testbench": INVERT.testbench.replace("#1 $finish;", "")}, "timeout, while sim"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_unsupported(strict: IverilogChecker, case: str) -> None:
    change, words = FAULTS[case]
    problem = msgspec.structs.replace(INVERT, **change)
    verdict = check(strict, INVERT.reference, problem, timeout_s=0.5)
    assert verdict.status == "unsupported"
    assert verdict.detail.startswith(f"its own reference does not pass here: {words}")
    assert strict.build(problem, timeout_s=0.5).fault == verdict.detail
    # What can be said without the testbench is said.
    assert check(strict, "module top_module(", problem).status == "syntax_error"
    assert check(strict, answer("initial $finish;"), problem).status == "rejected"
    assert check(strict, "", problem).status == "no_code"


def test_a_problem_without_a_reference_is_judged_as_it_is(strict: IverilogChecker) -> None:
    problem = msgspec.structs.replace(INVERT, reference="")
    assert check(strict, INVERT.reference, problem).status == "passed"
    assert check(strict, answer("assign out = in;"), problem).status == "failed"


def test_nothing_published_is_a_usage_error(official: IverilogChecker) -> None:
    problem = msgspec.structs.replace(INVERT, procedure="")
    with pytest.raises(UsageError, match="problem invert has no published way of judging: only --rule strict can"):
        check(official, INVERT.reference, problem)
    with pytest.raises(UsageError, match="no rule is called 'lax'; there are: strict, official"):
        IverilogChecker(rule="lax")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["pyslang", "scripted"])
def test_rules_are_for_those_who_know_them(name: str) -> None:
    with pytest.raises(UsageError, match=f"the checker {name} has no --rule; iverilog has"):
        open_checker(name, rule="official")
    with pytest.raises(UsageError, match=f"the checker {name} has no --second-run; iverilog has"):
        open_checker(name, second_run=False)


# What testbenches do not bear ---------------------------------------------------------------------------------------

# The input changes at the very edge at which it is sampled: whoever is later by nothing sees the new one.
RACY = """module reference_module(input clk, input d, output reg q);
  always @(posedge clk) q <= d;
endmodule
module tb;
  reg clk = 0, d = 0; wire q, q_ref; integer wrong = 0, samples = 0;
  reference_module good1(clk, d, q_ref);
  top_module dut(clk, d, q);
  always #5 clk = ~clk;
  always @(posedge clk) d = $random;
  always @(negedge clk) begin samples = samples + 1; wrong = wrong + (q !== q_ref); end
  initial begin #402 $display("Mismatches: %0d in %0d samples", wrong, samples); $finish; end
endmodule
"""
LATCHED = "module top_module(input clk, input d, output reg q);\n  always @(posedge clk) q <= d;\nendmodule\n"
ISOLATION = "the answer's inputs are not isolated, which the testbench does not bear"
# changes of a problem, notes on its build, whether inputs are isolated and the stimulus is private
BORNE = {
    "all": ({}, (), True, True),
    "no isolation": (
        {"reference": LATCHED, "testbench": RACY},
        (ISOLATION,),
        False,
        True,
    ),
    "no isolation, for the width is the instance's own": (
        {
            "reference": "module top_module #(parameter W = 2) (input [W-1:0] in, output [W-1:0] out);\n"
            "  assign out = ~in;\nendmodule\n",
            "testbench": INVERT.testbench.replace("  top_module top", "  top_module #(8) top"),
        },
        (ISOLATION,),
        False,
        True,
    ),
    # A number drawn once: as an expression of a seed it would be drawn whenever the seed changes, which drawing does.
    "no stimulus of its own": (
        {"testbench": INVERT.testbench.replace("reg clk = 0;", "reg clk = 0; wire [7:0] salt = $random;")},
        ("inputs are not isolated and the stimulus is not private, which the testbench does not bear",),
        False,
        False,
    ),
}


@pytest.mark.parametrize("case", BORNE)
def test_what_a_testbench_does_not_bear_is_given_up_and_told(strict: IverilogChecker, case: str) -> None:
    change, notes, isolated, private = BORNE[case]
    problem = msgspec.structs.replace(INVERT, **change)
    build = strict.build(problem, timeout_s=0.7)
    assert (build.fault, build.samples) == ("", "40")
    assert (build.notes, build.harness.isolated, bool(build.harness.markers)) == (notes, isolated, private)
    passed = check(strict, problem.reference, problem)
    assert (passed.status, passed.detail) == ("passed", "; ".join(notes))
    wrong = problem.reference.replace("~in", "in").replace("q <= d", "q <= ~d")
    assert check(strict, wrong, problem).status == "failed"
    # What was given up is not all: a print and an early end are still no pass.
    spoof = wrong.replace("endmodule", '  initial $display("Mismatches: 0 in 40 samples");\nendmodule')
    assert check(strict, spoof, problem).status == "failed"
    assert check(strict, wrong.replace("endmodule", "  initial $finish;\nendmodule"), problem).status == "rejected"


def test_a_result_line_that_cannot_be_marked_is_told(strict: IverilogChecker) -> None:
    said = 'if (stats1.errors == 0) $display("%s%s", "Go", "od");'
    testbench = INVERT.testbench.replace(
        '$display("Mismatches: %1d in %1d samples", stats1.errors, stats1.clocks);', said
    )
    problem = msgspec.structs.replace(INVERT, testbench=testbench, pass_pattern="^Good$")
    build = strict.build(problem, timeout_s=5)
    assert (build.fault, build.notes) == ("", ("its result line cannot be marked",))
    assert check(strict, INVERT.reference, problem).status == "passed"
    assert check(strict, answer("assign out = in;"), problem).status == "failed"


# What breaks --------------------------------------------------------------------------------------------------------

SLOW = answer("integer i; initial for (i = 0; i < 3000000; i = i + 1) ;\n  assign out = ~in;")


def workers(below: Callable) -> set[int]:
    return {r.pid for r in below() if "rtlscribe.checkers.worker" in r.command}


def test_a_worker_that_is_killed_is_no_verdict(icarus: str, below: Callable, tools: Callable, until: Callable) -> None:
    """Once, and the answer is judged again; each time, and it is an error."""
    before = workers(below)
    checker = IverilogChecker()
    with ThreadPoolExecutor(1) as thread:
        checked = thread.submit(check, checker, SLOW)
        assert until(lambda: [r for r in tools() if "replaced.vvp" in r.command])
        for pid in workers(below) - before:
            with contextlib.suppress(ProcessLookupError):  # the outer ones take the inner ones along
                os.kill(pid, signal.SIGKILL)
        assert checked.result(timeout=60).status == "passed"
        assert checked.result().seconds > 0

        over = threading.Event()

        def kill_each() -> None:
            while not over.wait(0.05):
                for pid in workers(below) - before:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

        thread.submit(kill_each)
        try:
            with pytest.raises(RtlscribeError, match="the process that checks answers "):
                check(checker, SLOW)
        finally:
            over.set()
    assert check(checker, INVERT.reference).status == "passed"
    checker.pool.close()

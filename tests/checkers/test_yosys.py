"""Formal equivalence: right, wrong, other interfaces, unknown values, and answers that would like to be proved."""

import sys

import pytest

from rtlscribe.checkers.yosys import YosysChecker, YosysProvedChecker
from rtlscribe.errors import MissingToolError, UsageError
from rtlscribe.records import Candidate, Problem, Verdict

pytest.importorskip("pyosys", reason="Yosys is not installed: pip install -e '.[formal]'")

HEAD = "module m(input clk, input rst, input [1:0] a, output reg [1:0] q, output y);\n"
COUNT = "always @(posedge clk) if (rst) q <= 0; else q <= q + a;\n"
PARITY = "assign y = ^q;\n"
WRONG = "always @(posedge clk) q <= a;\nassign y = 0;\n"
END = "endmodule\n"
SUM = Problem(id="sum", text="t", top="m", reference=HEAD + COUNT + PARITY + END)


@pytest.fixture(scope="module")
def checker() -> YosysChecker:
    return YosysChecker()


def check(checker: YosysChecker, code: str, problem: Problem = SUM, *, timeout_s: float = 60.0) -> Verdict:
    candidate = Candidate(problem_id=problem.id, index=0, code=code, assembly="modules")
    return checker.check(candidate, problem, timeout_s=timeout_s)


def test_name_tells_the_version_and_what_is_accepted(checker: YosysChecker) -> None:
    assert checker.name.startswith("yosys-0.")
    assert YosysProvedChecker().name == f"{checker.name}-proved"


def test_without_yosys_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyosys", None)
    with pytest.raises(MissingToolError, match=r"'pyosys' .* is not installed: `make setup`"):
        YosysChecker()


def test_accepts_no_other_confidence() -> None:
    with pytest.raises(UsageError, match="proved, k-step, simulated"):
        YosysChecker(accept="unknown")


# Answers to SUM that are right.
RIGHT = {
    "the same": HEAD + COUNT + PARITY + END,
    "other gates": f"{HEAD}{COUNT}xor(y, q[0], q[1]);\n{END}",
    "another register": (
        f"{HEAD}reg [1:0] n; always @(posedge clk) n <= rst ? 2'b11 : n - a;\nalways @* q = ~n;\n{PARITY}{END}"
    ),
    "a module of its own, called as ours are": (
        f"module answer(input [1:0] v, output p); assign p = ^v; endmodule\n{HEAD}{COUNT}answer reference(q, y);\n{END}"
    ),
    "a parameter and a loop": (
        "module m #(parameter W = 2)(input clk, input rst, input [W-1:0] a, output reg [W-1:0] q, output reg y);\n"
        f"{COUNT}integer i; always_comb begin y = 0; for (i = 0; i < W; i = i + 1) y = y ^ q[i]; end\n{END}"
    ),
    "a function": f"{HEAD}function f(input [1:0] v); f = v[0] != v[1]; endfunction\n{COUNT}assign y = f(q);\n{END}",
    "the clock by another name": f"{HEAD}wire c = clk;\n{COUNT.replace('posedge clk', 'posedge c')}{PARITY}{END}",
    "the inverted clock": f"{HEAD}wire c = ~clk;\n{COUNT.replace('posedge clk', 'negedge c')}{PARITY}{END}",
    "a comparison to x": f"{HEAD}{COUNT}assign y = (^q === 1'bx) ? 1'b0 : ^q;\n{END}",
    "delays": f"{HEAD}{COUNT.replace('<= 0', '<= #1 0')}{PARITY}{END}",
    "prints": f'{HEAD}{COUNT}{PARITY}always @(posedge clk) $display("%d", q);\n{END}',
    "comments that stop synthesis": f"{HEAD}{COUNT}{PARITY}// synopsys translate_off\n{END}",
    "an attribute": f"(* keep *) {HEAD}{COUNT}{PARITY}{END}",
}


@pytest.mark.parametrize("case", RIGHT)
def test_right(checker: YosysChecker, case: str) -> None:
    verdict = check(checker, RIGHT[case])
    assert (verdict.status, verdict.problem_id, verdict.checker) == ("passed", "sum", checker.name)
    assert verdict.detail.startswith("proved: ")


# code, a part of the detail
FAILED = {
    "no reset": (f"{HEAD}always @(posedge clk) q <= q + a;\n{PARITY}{END}", "in cycle 2: "),
    "another function": (f"{HEAD}{COUNT}assign y = &q;\n{END}", "y is 0, not 1"),
    "an asynchronous reset": (
        f"{HEAD}{COUNT.replace('posedge clk', 'posedge clk or posedge rst')}{PARITY}{END}",
        "in cycle 3: ",
    ),
    "the other edge": (f"{HEAD}{COUNT.replace('posedge', 'negedge')}{PARITY}{END}", "in input change 2: "),
    "an output that nothing drives": (f"{HEAD}{COUNT}{END}", "y is "),
    "unknown where the reference is not": (f"{HEAD}{COUNT}assign y = (q == 2) ? 1'bx : ^q;\n{END}", "y is 0, not 1"),
    "another width": (HEAD.replace("[1:0] a", "[2:0] a") + COUNT + PARITY + END, "a is an input of 3 bits"),
    "another direction": (HEAD.replace("input [1:0] a", "output [1:0] a") + WRONG + END, "a is an output of 2 bits"),
    "an input too many": (HEAD.replace("input rst", "input rst, en") + COUNT + PARITY + END, "one input too many: en"),
    "an output missing": (HEAD.replace(", output y", "") + COUNT + END, "there is no output y"),
    "another name": ((HEAD + COUNT + PARITY + END).replace("module m", "module n"), "there is no module m"),
    # What would like to be taken for right.
    "right for synthesis alone": (f"{HEAD}`ifdef SYNTHESIS\n{COUNT}{PARITY}`else\n{WRONG}`endif\n{END}", "in cycle 2"),
    "right for Yosys alone": (f"{HEAD}`ifdef YOSYS\n{COUNT}{PARITY}`else\n{WRONG}`endif\n{END}", "in cycle 2"),
    "hidden from synthesis": (
        f"{HEAD}// synthesis translate_off\n{WRONG}// synthesis translate_on\n{END}",
        "in cycle 2",
    ),
    "a black box": (f"(* blackbox *) {HEAD}{WRONG}{END}", "in cycle 2"),
    "an assumption": (f"{HEAD}{WRONG}always @* assume (0);\n{END}", "in cycle 2"),
    "an assumed property": (f"{HEAD}{WRONG}assume property (@(posedge clk) 0);\n{END}", "in cycle 2"),
    "a case said to be full": (
        f"{HEAD}always @(posedge clk) if (rst) q <= 0; else (* full_case *) case (a)\n"
        f"0: q <= q; 1: q <= q + 1; 2: q <= q + 2; endcase\n{PARITY}{END}",
        "in cycle 3",
    ),
}


@pytest.mark.parametrize("case", FAILED)
def test_failed(checker: YosysChecker, case: str) -> None:
    code, detail = FAILED[case]
    verdict = check(checker, code)
    assert verdict.status == "failed"
    assert detail in verdict.detail
    assert len(verdict.detail) <= 600


def test_a_difference_is_told_with_the_inputs_that_show_it(checker: YosysChecker) -> None:
    problem = Problem(id="p", text="t", reference="module m(input [8:0] a, b, output y); assign y = a == b; endmodule")
    verdict = check(checker, "module m(input [8:0] a, b, output y); assign y = a[7:0] == b[7:0]; endmodule", problem)
    _, _, given = verdict.detail.partition("y is 1, not 0; inputs ")
    a, b = (int(value.partition("9'h")[2], 16) for value in sorted(given.split()))
    assert a ^ b == 0x100


# Two drivers or a loop can make a circuit contradict itself, and of a contradiction anything can be proved.
UNSUPPORTED = {
    "two drivers": (f"{HEAD}{COUNT}{PARITY}assign y = ~^q;\n{END}", "more than one driver"),
    "a contradiction": (f"{HEAD}{COUNT}wire l = ~l ^ a[0];\nassign y = l;\n{END}", "a loop without a register"),
    "two drivers, one constant": (f"{HEAD}{COUNT}{PARITY}assign y = 0;\n{END}", "more than one driver"),
    "two constant drivers in a part": (
        f"module p(output o); assign o = 1; assign o = 0; endmodule\n{HEAD}{COUNT}{PARITY}p part();\n{END}",
        "more than one driver",
    ),
    "a later start": (f"{HEAD}{COUNT}{PARITY}initial #5 q = 1;\n{END}", "a block of the answer waits"),
    "high impedance": (f"{HEAD}{COUNT}assign y = rst ? 1'bz : ^q;\n{END}", "high impedance"),
    "an incomplete sensitivity list": (
        f"{HEAD}{COUNT}reg p; always @(q[0]) p = ^q;\nassign y = p;\n{END}",
        "leaves out q",
    ),
    "a bidirectional port": (f"{HEAD.replace('output y', 'inout y')}{COUNT}{PARITY}{END}", "direction inout"),
    "a table": (
        "primitive p(o, a, b); output o; input a, b; table 0 0 : 0; 0 1 : 1; 1 0 : 1; 1 1 : 0; endtable endprimitive\n"
        f"{HEAD}{COUNT}p(y, q[0], q[1]);\n{END}",
        "Yosys cannot read the answer: ",
    ),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_what_cannot_be_judged(checker: YosysChecker, case: str) -> None:
    code, detail = UNSUPPORTED[case]
    verdict = check(checker, code)
    assert (verdict.status, verdict.detail.partition(":")[0]) == ("unsupported", "unknown")
    assert detail in verdict.detail


READS = {
    "the reference": ('`include "reference.v"\n', "syntax_error"),  # of what is left: there is no such file
    "a file of the host": (
        f'{HEAD}{COUNT}{PARITY}reg [7:0] r [0:3]; initial $readmemh("/etc/passwd", r);\n{END}',
        "rejected",
    ),
}


@pytest.mark.parametrize("case", READS)
def test_reads_no_files(checker: YosysChecker, case: str) -> None:
    code, status = READS[case]
    assert check(checker, code).status == status


def test_syntax_comes_first(checker: YosysChecker) -> None:
    verdict = check(checker, f"{HEAD}{COUNT}assign y = nowhere;\n{END}")
    assert (verdict.status, verdict.detail.partition(":")[0]) == ("syntax_error", "line 3")


# reference, an answer that passes, an answer that fails; None where there is none
PAIRS = {
    "unknown outputs excuse": (
        "module m(input [1:0] a, output reg y);"
        " always @* case (a) 0: y = 0; 1: y = 1; default: y = 1'bx; endcase endmodule",
        "module m(input [1:0] a, output y); assign y = a[0]; endmodule",
        "module m(input [1:0] a, output y); assign y = ~a[0]; endmodule",
    ),
    "the value at the start counts": (
        "module m(input clk, output reg y); initial y = 0; always @(posedge clk) y <= ~y; endmodule",
        "module m(input clk, output y); reg n = 1; always @(posedge clk) n <= !n; assign y = ~n; endmodule",
        "module m(input clk, output reg y); initial y = 1; always @(posedge clk) y <= ~y; endmodule",
    ),
    "a latch": (
        "module m(input e, d, output reg y); always @* if (e) y = d; endmodule",
        "module m(input e, d, output y); reg q; always_latch if (e) q = d; assign y = q; endmodule",
        "module m(input e, d, output y); assign y = e & d; endmodule",
    ),
    "both edges": (
        "module m(input clk, d, output y); reg p, n; always @(posedge clk) p <= d; always @(negedge clk) n <= d;"
        " assign y = clk ? p : n; endmodule",
        "module m(input clk, d, output y); reg p, n; always @(posedge clk) p <= d ^ n;"
        " always @(negedge clk) n <= d ^ p; assign y = p ^ n; endmodule",
        "module m(input clk, d, output reg y); always @(posedge clk) y <= d; endmodule",
    ),
    "a memory": (
        "module m(input clk, w, input [1:0] i, j, input [3:0] d, output [3:0] y); reg [3:0] r [0:3];"
        " always @(posedge clk) if (w) r[i] <= d; assign y = r[j]; endmodule",
        "module m(input clk, w, input [1:0] i, j, input [3:0] d, output [3:0] y); reg [15:0] r;"
        " always @(posedge clk) if (w) r[4*i +: 4] <= d; assign y = r[4*j +: 4]; endmodule",
        "module m(input clk, w, input [1:0] i, j, input [3:0] d, output [3:0] y); reg [3:0] r [0:3];"
        " always @(posedge clk) if (w) r[i] <= d; assign y = r[j ^ 2]; endmodule",
    ),
    "a memory read beyond its end": (
        "module m(input clk, input [2:0] i, input d, output y); reg [5:0] r; reg [2:0] j; reg m [0:5];"
        " always @(posedge clk) begin m[i] <= d; j <= i; end assign y = m[j]; endmodule",
        "module m(input clk, input [2:0] i, input d, output y); reg [7:0] r; reg [2:0] j;"
        " always @(posedge clk) begin r[i] <= d; j <= i; end assign y = r[j]; endmodule",
        "module m(input clk, input [2:0] i, input d, output y); reg [7:0] r; reg [2:0] j;"
        " always @(posedge clk) begin if (i != 3) r[i] <= d; j <= i; end assign y = r[j]; endmodule",
    ),
    "another name of the reference": (
        "module helper(input a, output y); assign y = a; endmodule\n"
        "module golden(input a, output y); helper h(~a, y); endmodule",
        "module m(input a, output y); not(y, a); endmodule",
        "module m(input a, output y); assign y = a; endmodule",
    ),
    "no inputs": (
        "module m(output [1:0] y); assign y = 2; endmodule",
        "module m(output [1:0] y); assign y = 2'b10; endmodule",
        "module m(output [1:0] y); assign y = 1; endmodule",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PAIRS)
def test_pairs(checker: YosysChecker, case: str) -> None:
    reference, right, wrong = PAIRS[case]
    problem = Problem(id="p", text="t", reference=reference, top="m")
    verdicts = [check(checker, code, problem) for code in (right, wrong)]
    assert [verdict.status for verdict in verdicts] == ["passed", "failed"]
    assert verdicts[0].detail.startswith("proved: ")


BLIND = {
    "no reset": (
        "module m(input clk, a, output reg q); always @(posedge clk) q <= q ^ a; endmodule",
        "module m(input clk, a, output reg q); always @(posedge clk) q <= 0; endmodule",
    ),
    "an output that nothing drives": (
        "module m(input a, output p, q); assign p = a; endmodule",
        "module m(input a, output p, q); assign p = a; assign q = a; endmodule",
    ),
    "an unknown constant": (
        "module m(input a, output p, output [1:0] q); assign p = a; assign q = 2'bx; endmodule",
        "module m(input a, output p, output [1:0] q); assign p = a; assign q = {a, a}; endmodule",
    ),
}


@pytest.mark.parametrize("case", BLIND)
def test_a_reference_that_is_never_known_proves_nothing(checker: YosysChecker, case: str) -> None:
    for code in BLIND[case]:
        verdict = check(checker, code, Problem(id="p", text="t", reference=BLIND[case][0], top="m"))
        assert (verdict.status, verdict.detail.partition(":")[0]) == ("unsupported", "unknown")
        assert "the reference never makes all its outputs known" in verdict.detail


def test_a_bit_that_is_unknown_by_design_is_told(checker: YosysChecker) -> None:
    reference = "module m(input a, output [2:0] q); assign q = {a, 1'bx, ~a}; endmodule"
    problem = Problem(id="p", text="t", reference=reference, top="m")
    right, wrong = (check(checker, reference.replace("1'bx, ~a", low), problem) for low in ("a, ~a", "a, a"))
    assert (right.status, wrong.status) == ("passed", "failed")
    assert right.detail.endswith("; unknown in the reference and not compared: q[1]")


def test_a_reference_that_is_seldom_known_will_do(checker: YosysChecker) -> None:
    seldom = "module m(input [31:0] a, output y); assign y = a == 32'hdeadbeef ? 1'b1 : 1'bx; endmodule"
    problem = Problem(id="p", text="t", reference=seldom, top="m")
    answers = ("module m(input [31:0] a, output y); assign y = VALUE; endmodule".replace("VALUE", v) for v in "10")
    assert [check(checker, code, problem).status for code in answers] == ["passed", "failed"]


def test_a_reference_that_is_known_late_will_do(checker: YosysChecker) -> None:
    late = (
        "module m(input clk, rst, output q, output reg p); reg [5:0] c; assign q = c[5];"
        " always @(posedge clk) if (rst) c <= 0; else begin c <= c + 1; if (c == 40) p <= 0; end endmodule"
    )
    verdict = check(checker, late, Problem(id="p", text="t", reference=late, top="m"))
    assert (verdict.status, verdict.detail.partition(":")[0]) == ("passed", "proved")


# Equal for the first 2^23 cycles after a reset: beyond any bounded look.
DEEP = "module m(input clk, rst, output y); reg [23:0] c; always @(posedge clk) if (rst) c <= 0; else c <= c + 3; "


def test_a_bounded_look_is_called_one(checker: YosysChecker) -> None:
    problem = Problem(id="p", text="t", reference=f"{DEEP}assign y = c == 24'habcdef; endmodule", top="m")
    never = "module m(input clk, rst, output y); assign y = 0; endmodule"
    verdict = check(checker, never, problem, timeout_s=5)
    assert (verdict.status, verdict.detail.partition(" in the first ")[0]) == ("passed", "k-step: no difference")
    strict = check(YosysProvedChecker(), never, problem, timeout_s=5)
    assert (strict.status, strict.detail.partition(":")[0]) == ("unsupported", "k-step")


MULTIPLIER = "module m(input [15:0] a, b, output [31:0] y); "
SHIFT_AND_ADD = (
    f"{MULTIPLIER}integer i; reg [31:0] s; always @* begin s = 0;"
    " for (i = 0; i < 16; i = i + 1) if (a[i]) s = s + ({16'b0, b} << i); end assign y = s; endmodule"
)


def test_random_simulation_is_called_that(checker: YosysChecker) -> None:
    problem = Problem(id="p", text="t", reference=f"{MULTIPLIER}assign y = a * b; endmodule", top="m")
    for judge, status in ((checker, "unsupported"), (YosysChecker(accept="simulated"), "passed")):
        verdict = check(judge, SHIFT_AND_ADD, problem, timeout_s=4)
        assert (verdict.status, verdict.detail.partition(":")[0]) == (status, "simulated")
    wrong = SHIFT_AND_ADD.replace("if (a[i])", "if (a[i] && i < 15)")
    assert check(checker, wrong, problem, timeout_s=20).status == "failed"


@pytest.mark.parametrize(
    ("problem", "detail"),
    [
        (Problem(id="p", text="t", top="m"), "no reference"),
        (Problem(id="p", text="t", top="m ; shell", reference="module m; endmodule"), "no plain name"),
        (
            Problem(id="p", text="t", top="m", reference="module m(input a, output y); assign y = ; endmodule"),
            "reference",
        ),
        (Problem(id="p", text="t", top="m", reference="module m(input a); endmodule"), "the reference has no output"),
    ],
)
def test_problems_that_cannot_be_judged_by_proof(checker: YosysChecker, problem: Problem, detail: str) -> None:
    verdict = check(checker, "module m(input a, output y); assign y = a; endmodule", problem)
    assert verdict.status == "unsupported"
    assert detail in verdict.detail

"""What the simulator computes, against Python: around the width of a machine word, with unknown bits, out of range."""

import random
from itertools import product

import pytest

from rtlscribe.checkers.iverilog import IverilogChecker
from rtlscribe.records import Candidate, Problem

WIDTHS = (1, 7, 31, 32, 33, 63, 64, 65, 128, 130)
PLACES = (0, 1, 30, 31, 32, 62, 63, 64, 65, 127, -1, -4, 2**31 - 1, -(2**31), None)
PART = 5
DESIGN = """
module top_module(input signed [{high}:0] a, b, input signed [31:0] i, output [{high}:0] x, n, output [{both}:0] cat,
                  output reg lt, eq, one, output reg [4:0] part, output reg [{high}:0] rem, stored);
  assign x = a ^ b;
  assign n = a ~^ b;
  assign cat = {{a, b}};
  always @* begin
    lt = a < b; eq = a == b; rem = a % b;
    one = a[i]; part = a[i +: 5];
    stored = a ^ b; stored[i +: 5] = {{5{{b[0]}}}};
  end
endmodule
"""
TESTBENCH = """
module testbench;
  reg signed [{high}:0] a, b; reg signed [31:0] i;
  wire [{high}:0] x, n, rem, stored; wire [{both}:0] cat; wire lt, eq, one; wire [4:0] part;
  integer wrong = 0, samples = 0;
  top_module dut(.a(a), .b(b), .i(i), .x(x), .n(n), .cat(cat), .lt(lt), .eq(eq), .one(one), .part(part), .rem(rem),
                 .stored(stored));
  initial begin
    {steps}
    $display("Mismatches: %0d in %0d samples", wrong, samples); $finish;
  end
endmodule
"""
STEP = (
    "a = {w}'b{a}; b = {w}'b{b}; i = {i}; #1 samples = samples + 1; "
    "if ({{x, n, cat, lt, eq, one, part, rem, stored}} !== {all}'b{expected}) wrong = wrong + 1;\n"
)


def number(bits: str) -> int | None:
    """Two's complement; None if a bit is unknown."""
    return None if set(bits) & set("xz") else int(bits, 2) - (int(bits[0]) << len(bits))


def expected(a: str, b: str, i: int | None) -> str:
    """The outputs of the design, in the order in which the testbench joins them; vectors begin with the highest bit."""
    width = len(a)
    x = "".join(str(int(p) ^ int(q)) if {p, q} <= set("01") else "x" for p, q in zip(a, b, strict=True))
    n = x.translate(str.maketrans("01", "10"))
    u, v = number(a), number(b)
    lt, rem = "x", "x" * width
    eq = "0" if "1" in x else "x" if "x" in x else "1"  # a bit that differs for sure decides
    if u is not None and v is not None:
        lt = str(int(u < v))
        if v:
            rem = format((abs(u) % abs(v) * (-1 if u < 0 else 1)) % 2**width, f"0{width}b")
    places = [None if i is None else i + k for k in range(PART)]
    part = "".join("x" if p is None or not 0 <= p < width else a[width - 1 - p] for p in reversed(places))
    written = [b[-1] if width - 1 - k in places else bit for k, bit in enumerate(x)]
    return "".join([x, n, a, b, lt, eq, part[-1], part, rem, *written])


def problem(width: int, *, flipped: bool) -> Problem:
    """Pairs of chance, with corners and unknown bits, at each place. `flipped`: one expected bit is another."""
    rng = random.Random(width)
    corners = ["0" * width, "1" * width, ("1" + "0" * width)[:width], ("0" * width + "1")[-width:]]
    vectors = [*corners, *("".join(rng.choices("01xz", (8, 8, unknown, unknown), k=width)) for unknown in (0, 0, 0, 1))]
    steps = ""
    for (a, b), i in zip(product(vectors, vectors), PLACES * 5, strict=False):
        outputs = expected(a, b, i)
        if flipped and not steps:
            outputs = ("1" if outputs[0] == "0" else "0") + outputs[1:]
        place = "32'bx" if i is None else str(i)
        steps += STEP.format(w=width, a=a, b=b, i=place, all=len(outputs), expected=outputs)
    text = TESTBENCH.format(high=width - 1, both=2 * width - 1, steps=steps)
    pattern = r"^Mismatches: 0 in (?P<samples>\d+) samples$"
    return Problem(
        id="p", text="", testbench=text, top="top_module", pass_pattern=pattern, fail_patterns=["^Mismatches: [1-9]"]
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_the_simulator_computes_what_python_does(icarus: str, width: int) -> None:
    checker = IverilogChecker(second_run=False)
    answer = Candidate(
        problem_id="p", index=0, code=DESIGN.format(high=width - 1, both=2 * width - 1), assembly="modules"
    )
    verdicts = [checker.check(answer, problem(width, flipped=f), timeout_s=30) for f in (False, True)]
    assert [(v.status, v.detail) for v in verdicts] == [("passed", ""), ("failed", "Mismatches: 1 in 64 samples")]


def test_nothing_is_written_beyond_a_signal(icarus: str) -> None:
    """An unset property of a class has no bits at all."""
    testbench = """module testbench;
  reg [63:0] r = 5; integer i = 64; wire y;
  class Box; logic v; endclass
  Box box;
  top_module dut(1'b0, y);
  initial begin box = new; r[i] <= box.v; #1 $display("r is %0d", r); $finish; end
endmodule
"""
    answer = Candidate(
        problem_id="p",
        index=0,
        code="module top_module(input a, output y); assign y = a; endmodule",
        assembly="modules",
    )
    wanted = Problem(id="p", text="", testbench=testbench, top="top_module", pass_pattern="^r is 5$")
    assert IverilogChecker(second_run=False).check(answer, wanted, timeout_s=30).status == "passed"

"""Answers compared by what they do: who behaves alike, who does not, and who cannot pretend to."""

import msgspec
import pytest

from rtlscribe.checkers.agreement import Agreement
from rtlscribe.checkers.behaviour import Behaviours, candidate_of, top_of
from rtlscribe.errors import UsageError
from rtlscribe.records import Candidate, Problem

ADDER = "module add(input [7:0] a, input [7:0] b, output [8:0] s);"
COUNTER = "module counter(input clk, input rst_n, input en, output reg [7:0] q);"
SHIFT = "module shift(input clk, input d, output reg [2:0] q);"
NUMBER = "module number(output [3:0] q);"
BUS = "module bus(input en, input [3:0] d, inout [3:0] p, output [3:0] q);"
FIFO = "module crossing(input wclk, input rclk, input we, input [3:0] d, output reg [3:0] q);"
COUNT = "if (!rst_n) q <= 0; else if (en) q <= q + 1;"


def problem(header: str, *, top: str = "") -> Problem:
    return Problem(id="p", text="t", header=header, top=top)


@pytest.fixture(scope="module")
def behaviours(icarus: str) -> Behaviours:
    return Behaviours()


def compared(behaviours: Behaviours, header: str, bodies: list[str], *, top: str = "") -> Agreement:
    """The bodies under the header, or whole modules, compared."""
    codes = [body if "endmodule" in body else f"{header}\n{body}\nendmodule\n" for body in bodies]
    answers = [Candidate(problem_id="p", index=i, code=code, assembly="modules") for i, code in enumerate(codes)]
    return behaviours.compare(problem(header, top=top), answers, timeout_s=5)


def groups(found: Agreement) -> list[int | None]:
    return [answer.behaviour for answer in found.answers]


# header, bodies, the group that each is in
ALIKE: dict[str, tuple[str, list[str], list[int]]] = {
    "combinational": (
        ADDER,
        ["assign s = a + b;", "assign s = {1'b0, b} + {1'b0, a};", "assign s = a | b;", "assign s = a - (~b + 9'd1);"],
        [0, 0, 1, 0],
    ),
    "comments and layout": (
        ADDER,
        [
            "assign s = a + b;",
            "// the sum\nassign   s = a + /* and */ b ;",
            'wire [23:0] t = "/*a"; assign s = t == "/*b" ? a : b; // "*/',
            'wire [23:0] t = "/*b"; assign s = t == "/*b" ? a : b; // "*/',
            "`define WHAT a + b // a\nassign s = `WHAT;",
            "`define WHAT a + b\nassign s = `WHAT;",
            "wire \\c//x = 0, \\c//y = 1; assign s = a + (\\c//x ? 0 : b);",
            "wire \\c//x = 0, \\c//y = 1; assign s = a + (\\c//y ? 0 : b);",
        ],
        [0, 0, 2, 1, 0, 0, 0, 1],
    ),
    "one value in 65536 is wrong": (
        ADDER,
        ["assign s = a + b;", "assign s = a == 8'h5A && b == 8'hC3 ? 0 : a + b;"],
        [0, 1],
    ),
    "states coded otherwise": (
        COUNTER,
        [
            f"always @(posedge clk) {COUNT}",
            "reg [7:0] n; always @* q = ~n;\nalways @(posedge clk) if (!rst_n) n <= 8'hFF; else n <= n - en;",
            f"always @(posedge clk or negedge rst_n) {COUNT}",
            f"always @(negedge clk) {COUNT}",
            "always @(posedge clk) if (!rst_n) q <= 0; else if (en && q != 255) q <= q + 1;",
            "always @(posedge clk) if (rst_n) q <= 0; else if (en) q <= q + 1;",
            "always @(posedge clk) if (!rst_n) q <= 1; else if (en) q <= q + 1;",
        ],
        [0, 0, 1, 2, 3, 4, 5],
    ),
    "an initial value does not matter where there is a reset": (
        COUNTER,
        [f"initial q = 7;\nalways @(posedge clk) {COUNT}", f"always @(posedge clk) {COUNT}"],
        [0, 0],
    ),
    "nor at power-up, where there is none": (
        SHIFT,
        [
            "always @(posedge clk) q <= {q[1:0], d};",
            "initial q = 5;\nalways @(posedge clk) q <= {q[1:0], d};",
            "initial q = 5;\nalways @(posedge clk) q <= {d, q[2:1]};",
        ],
        [0, 0, 1],
    ),
    "small delays": (COUNTER, [f"always @(posedge clk) {COUNT}", f"always @(posedge clk) #3 {COUNT}"], [0, 0]),
    "no inputs": (NUMBER, ["assign q = 9;", "assign q = 4'b1001;", "assign q = 6;"], [0, 0, 1]),
    "in both directions": (
        BUS,
        [
            "assign p = en ? d : 4'bz; assign q = p;",
            "assign p = en ? d : 4'bzzzz; assign q = en ? d : p;",
            "assign p = d; assign q = p;",
        ],
        [0, 1, 2],  # where both drive, the second does not see it
    ),
    "two clocks": (
        FIFO,
        [
            "reg [3:0] s; always @(posedge wclk) if (we) s <= d; always @(posedge rclk) q <= s;",
            "reg [3:0] t; always @(posedge rclk) q <= t; always @(posedge wclk) t <= we ? d : t;",
            "reg [3:0] s; always @(posedge wclk) if (we) s <= d; always @(posedge wclk) q <= s;",
        ],
        [0, 0, 1],
    ),
    "an unknown value is a value": (ADDER, ["assign s = a == 3 ? 9'bx : a + b;", "assign s = a + b;"], [0, 1]),
}


@pytest.mark.parametrize("case", ALIKE)
def test_who_behaves_alike(behaviours: Behaviours, case: str) -> None:
    header, bodies, expected = ALIKE[case]
    found = compared(behaviours, header, bodies)
    assert {answer.status for answer in found.answers} == {"passed"}
    assert groups(found) == expected
    assert found.consensus == 0
    assert [a.agreement for a in found.answers] == [round(expected.count(e) / len(expected), 4) for e in expected]


def test_what_differs_is_told(behaviours: Behaviours) -> None:
    found = compared(
        behaviours, ADDER, ["assign s = a + b;", "assign s = a == 3 ? 9'bx : a + b;", "assign s = 0 + a;"] * 1
    )
    assert [a.unknown_only for a in found.answers] == [False, True, False]
    assert found.answers[1].detail.startswith("s is xxxxxxxxx where it is ")
    assert found.tied
    more = compared(behaviours, COUNTER, [f"always @(posedge clk) {COUNT}"])
    assert (more.clocks, more.resets, more.tied) == (("clk",), ("rst_n=0",), False)
    assert more.samples > 2000


GOOD = "assign s = a + b;"
# body or whole answer, status, words of the detail; none of these behaves as anything
APART: dict[str, tuple[str, str, str]] = {
    "syntax": ("assign s = ;", "syntax_error", "line 2: syntax error"),
    "undeclared": ("assign s = nowhere;", "syntax_error", "line 2"),
    "nothing": ("module add(", "syntax_error", "syntax error"),
    "no outputs": ("wire w;", "passed", "output s is never known"),
    "always 0": ("assign s = 0;", "passed", "no output ever changes"),
    "always x": ("assign s = 'bx;", "passed", "output s is never known"),
    "another module": ("module sub(input a, output y); assign y = a; endmodule", "failed", "does not have the ports"),
    "a port too few": ("module add(input [7:0] a, output [8:0] s); assign s = a; endmodule", "failed", "input b of 8"),
    "a port too many": (
        "module add(input [7:0] a, input [7:0] b, output [8:0] s, input x); assign s = a + b; endmodule",
        "failed",
        "ports asked for: input x of 1 bits",
    ),
    "a wider port": (
        "module add(input [7:0] a, input [7:0] b, output [9:0] s); assign s = a + b; endmodule",
        "failed",
        "output s of 10 bits, wanted output of 9 bits",
    ),
    "a turned port": (
        "module add(input [7:0] a, output [7:0] b, output [8:0] s); assign s = a + b; endmodule",
        "failed",
        "output b of 8 bits, wanted input of 8 bits",
    ),
    "without end": (f"{GOOD} reg t = 0; initial while (1) t = ~t;", "timeout", "while simulating"),
    "the end of the simulation": (f"{GOOD} initial #60 $finish;", "rejected", "$finish"),
    "a file": (f"{GOOD} integer f; initial f = $fopen(\"x\");", "rejected", "$fopen"),
    "a write to the trace": (f"{GOOD} always @(a) $fdisplay(32'h80000003, \"0\");", "rejected", "$fdisplay"),
    "a look above": (f"{GOOD} initial if (add.x.y) ;", "syntax_error", "add.x.y"),
    "a hold on its input": (f"{GOOD} initial force a = 0;", "rejected", "force"),
    "a macro that ends it": (f"`define E(x) $fin``x\n{ADDER} {GOOD} initial `E(ish); endmodule", "rejected", "$finish"),
}  # fmt: skip


@pytest.mark.parametrize("case", APART)
def test_who_is_left_out(behaviours: Behaviours, case: str) -> None:
    body, status, words = APART[case]
    found = compared(behaviours, ADDER, [GOOD, body, "assign s = b + a;"])
    answer = found.answers[1]
    assert (answer.status, answer.behaviour, answer.agreement) == (status, None, 0)
    assert words in answer.detail
    counted = 3 if status in ("passed", "failed", "timeout") else 2
    assert (found.compiled, found.consensus) == (counted, 0)
    assert groups(found) == [0, None, 0]
    assert found.answers[0].agreement == round(2 / counted, 4)


# what an answer says or does beside its work; the work is wrong
PRETENDS = {
    "prints the secret's form": 'always @(s) $display("nabcdef012345 %b", a + b);',
    "prints an end": 'initial $display("end"); initial #90 $display("n0123456789ab end");',
    "prints without end": 'always @(a) repeat (3000) $display("0123456789012345678901234567890123456789");',
    "drives its inputs": "assign b = 0;",
    "an x on its input": "assign a = 8'bx;",
    "slows itself down": "wire [8:0] t; assign #30 t = a + b;",
}


@pytest.mark.parametrize("case", PRETENDS)
def test_who_only_pretends(behaviours: Behaviours, case: str) -> None:
    found = compared(behaviours, ADDER, [GOOD, f"assign s = a ^ b; {PRETENDS[case]}", GOOD])
    assert groups(found)[::2] == [0, 0]
    assert groups(found)[1] != 0


def test_prints_do_no_harm(behaviours: Behaviours) -> None:
    chatty = f'{GOOD} always @(a) $display("s is %d", s); initial $monitor("%b", b);'
    assert groups(compared(behaviours, ADDER, [GOOD, chatty])) == [0, 0]


def test_identical_answers_have_a_vote_each(behaviours: Behaviours) -> None:
    found = compared(behaviours, ADDER, ["assign s = a;", GOOD, GOOD, GOOD, "assign s = ;"])
    assert groups(found) == [1, 0, 0, 0, None]
    assert [a.agreement for a in found.answers] == [0.25, 0.75, 0.75, 0.75, 0]
    assert (found.consensus, found.compiled, found.tied) == (1, 4, False)
    assert found.votes(0) == 3
    assert found.votes(None) == 0


def test_ports_are_those_of_most_where_no_header_says_so(behaviours: Behaviours) -> None:
    one = "module {}(input x, input y, output z); assign z = {}; endmodule"
    other = "module m(input a, input b, output c); assign c = a & b; endmodule"
    helper = "module half(input i, output o); assign o = i; endmodule\n"
    nested = f"{helper}module n(output z, input y, input x); wire w; half h(x, w); assign z = y & w; endmodule"
    answers = [
        other,
        one.format("m", "x & y"),
        one.format("k", "x && y"),
        nested,
        one.format("m", "x | y"),
        "module e; endmodule",
    ]
    found = compared(behaviours, "", answers)
    assert groups(found) == [1, 0, 0, 0, 2, None]
    assert found.answers[0].detail == "it has other ports than most"
    assert found.answers[5].status == "unsupported"
    assert found.answers[1].agreement == 0.6


@pytest.mark.parametrize(
    "header", ["module m(a, y);", "module m(input [WIDTH-1:0] a, output y);", "an adder", "module"]
)
def test_a_header_that_says_too_little_is_passed_over(behaviours: Behaviours, header: str) -> None:
    whole = "module m(input [1:0] a, output y); assign y = {}; endmodule"
    found = compared(behaviours, header, [whole.format("^a"), whole.format("a[0] ^ a[1]"), whole.format("&a")], top="m")
    assert groups(found) == [0, 0, 1]


HEADERS = {
    "a parameter behind its use": "module m(input [n-1:0] a, output y);\n  parameter n = 2;",
    "a parameter list": "module m #(parameter n = 2)(input [n-1:0] a, output y);",
    "an old-style list": "module m(a, y);\n  input [1:0] a;\n  output y;",
    "a whole module": "module m(input [1:0] a, output y);\n  // your code here\nendmodule",
    "a macro": "`define N 2\nmodule m(input [`N-1:0] a, output y);",
}


@pytest.mark.parametrize("case", HEADERS)
def test_every_form_of_header(behaviours: Behaviours, case: str) -> None:
    whole = "module m(input [{}:0] a, output y); assign y = ^a; endmodule"
    found = compared(behaviours, HEADERS[case], [whole.format(1), whole.format("2-1"), *[whole.format(2)] * 3])
    assert groups(found) == [0, 0, None, None, None]  # three bits are more common, but not what was asked for
    assert "input a of 3 bits, wanted input of 2 bits" in found.answers[2].detail


@pytest.mark.parametrize("answers", [[], ["module add("], ["%%%", ""]], ids=["none", "broken", "garbage"])
def test_without_any_code(behaviours: Behaviours, answers: list[str]) -> None:
    given = [Candidate(problem_id="p", index=i, code=code, assembly="none") for i, code in enumerate(answers)]
    found = behaviours.compare(problem(ADDER), given)
    assert (found.consensus, found.compiled, len(found.answers)) == (None, 0, len(answers))
    assert {a.status for a in found.answers} <= {"syntax_error", "no_code"}


def test_the_same_again_and_other_seeds(icarus: str, behaviours: Behaviours) -> None:
    rare = ["assign s = a + b;", "assign s = (a ^ 8'h3C) * b == 16'd3000 ? 1 : a + b;"]
    assert compared(behaviours, ADDER, rare) == compared(behaviours, ADDER, rare)
    other = compared(Behaviours(seed=1, steps=300), ADDER, rare)
    assert other.samples == 300


def test_regrouped_votes() -> None:
    class_of = [0, 0, 0, 1, 1, None]
    answers = [{"index": i, "code": str(i), "status": "passed", "behaviour": b} for i, b in enumerate(class_of)]
    found = msgspec.convert({"problem_id": "p", "answers": answers, "consensus": 0, "compiled": 6}, Agreement)
    assert [a.agreement for a in found.regrouped({}).answers] == [0.5, 0.5, 0.5, 0.3333, 0.3333, 0]
    lost = found.regrouped({1: 7, 2: 7})
    assert (lost.consensus, lost.tied) == (1, True)
    joined = found.regrouped({1: 1})
    assert (joined.consensus, joined.tied, joined.votes(1)) == (1, False, 3)
    assert found.regrouped(dict.fromkeys(range(6))).consensus is None


@pytest.mark.parametrize(
    ("code", "top"),
    [
        ("module a(input x); endmodule", "a"),
        ("module tb; a u(); endmodule module a(input x); endmodule", "a"),
        ("module a(input x); b u(x); endmodule module b(input x); endmodule", "a"),
        ("module b(input x); endmodule module a #(parameter N = 1)(input x); b u(x); endmodule", "a"),
        ("module b(input x); endmodule module a(input x); endmodule // b", "a"),
        ("module tb(); endmodule", ""),
        ("// module a(input x);", ""),
        ("", ""),
        ("module a$b(input x); endmodule module a(input x); a$b u(x); endmodule", "a"),
        ("".join(f"module m{n}(input x); endmodule " for n in range(50_000)), "m49999"),  # in one go, else hours
    ],
)
def test_the_module_that_an_answer_is_about(code: str, top: str) -> None:
    assert top_of(code) == top


def test_a_testbench_that_a_model_added_is_left_out() -> None:
    text = f"```verilog\n{ADDER} {GOOD} endmodule\nmodule tb; add a(); initial $finish; endmodule\n```"
    found = candidate_of(text, problem(ADDER), index=3)
    assert (found.code, found.index) == (f"{ADDER} {GOOD} endmodule\n", 3)


def test_too_few_steps_are_refused(icarus: str) -> None:
    with pytest.raises(UsageError, match="at least 32"):
        Behaviours(steps=8)

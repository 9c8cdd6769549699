"""mutants(): what is changed, what is left alone, and that all of it still compiles."""

from collections import Counter

import pytest

from rtlscribe.designs import FAMILIES
from rtlscribe.designs.generate import worded
from rtlscribe.verilog.mutate import Mutant, mutants
from rtlscribe.verilog.syntax import diagnose, errors

ALL = 10_000


def changed(original: str, mutant: Mutant) -> str:
    """The lines of a mutant that the original has not."""
    before = {line.strip() for line in original.splitlines()}
    return " ".join(line.strip() for line in mutant.code.splitlines() if line.strip() not in before)


def found(code: str, kind: str) -> set[str]:
    return {changed(code, mutant) for mutant in mutants(code, top="m", n=ALL, seed=0) if mutant.kind == kind}


# statement, kind, what it becomes in the mutants of that kind
CHANGES = {
    "and": ("assign y = a & b;", "operator", {"assign y = a | b;", "assign y = a ^ b;"}),
    "or": ("assign y = a | b;", "operator", {"assign y = a & b;", "assign y = a ^ b;"}),
    "plus": ("assign y = a + b;", "operator", {"assign y = a - b;", "assign y = a | b;"}),
    "shift": ("assign y = a << 2;", "operator", {"assign y = a >> 2;"}),
    "logical and": ("assign z = p && q;", "operator", {"assign z = p || q;"}),
    "equal": ("assign z = a == b;", "operator", {"assign z = a != b;"}),
    "less": ("assign z = a < b;", "operator", {"assign z = a <= b;"}),
    "at most, beside another <=": (
        "always @(posedge clk) s <= a <= b;",
        "operator",
        {"always @(posedge clk) s <= a < b;"},
    ),
    "not": ("assign y = ~a;", "operator", {"assign y = a;"}),
    "reduction": ("assign z = &a;", "operator", {"assign z = |a;"}),
    "a mere wire": ("assign y = a;", "operator", {"assign y = ~a;"}),
    "gate": ("xor g(z, p, q);", "operator", {"or g(z, p, q);"}),
    "condition": ("always @* if (p) r = a;", "condition", {"always @* if (!(p)) r = a;"}),
    "decimal": ("assign y = a + 7;", "constant", {"assign y = a + 6;", "assign y = a + 8;"}),
    "binary": (
        "assign y = a ^ 4'b0101;",
        "constant",
        {"assign y = a ^ 4'b0100;", "assign y = a ^ 4'b0001;", "assign y = a ^ 4'b1101;"},
    ),
    "hexadecimal": (
        "assign y = a ^ 4'h0;",
        "constant",
        {"assign y = a ^ 4'h1;", "assign y = a ^ 4'h4;", "assign y = a ^ 4'h8;"},
    ),
    "fill": ("assign y = '0;", "constant", {"assign y = '1;"}),
    "unknown": ("assign y = 4'bx;", "constant", set()),
    "edge": ("always @(posedge clk) r <= a;", "edge", {"always @(negedge clk) r <= a;"}),
    "choices": ("assign y = p ? a : b;", "branch", {"assign y = p ? b : a;"}),
    "order": ("assign y = {p, a[2:0]};", "order", {"assign y = {a[2:0], p};"}),
    "order of a target": ("assign {z, y} = a + b;", "order", {"assign {y, z} = a + b;"}),
    "no order of a target of zeros": ("assign {z, y} = 0;", "order", set()),
    "no order in a reduction": ("assign z = ^{p, q};", "order", set()),
    "dropped": ("always @* if (p) r = b;", "assignment", {"always @* if (p) begin end"}),
    "dropped start": ("initial r = 0;", "assignment", {"initial begin end"}),
    "x is not dropped": ("always @* r = 'x;", "assignment", set()),
    "index": ("assign z = a[1];", "index", {"assign z = a[0];", "assign z = a[2];"}),
    "index at the end": ("assign z = a[3];", "index", {"assign z = a[2];"}),
    "index of a target": ("always @* r[3] = p;", "index", {"always @* r[2] = p;"}),
    "signal": ("assign y = a;", "signal", {"assign y = b;"}),
    "signal of one bit, never a clock": (
        "always @(posedge clk) s <= p;",
        "signal",
        {"always @(posedge clk) s <= q;", "always @(posedge clk) s <= s;"},
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_changes(case: str) -> None:
    statement, kind, expected = CHANGES[case]
    code = (
        "module m(input clk, p, q, input [3:0] a, b, output [3:0] y, output z);\n"
        f"    reg [3:0] r;\n    reg s;\n    {statement}\nendmodule\n"
    )
    assert errors(code) == []
    assert found(code, kind) == expected


CLOCKED = """// größer, 漢字
module m(input clk, rst, en, input [3:0] d, output reg [3:0] q);
    always @(posedge clk or posedge rst)
        if (rst) q <= 4'd0; // cleared
        else if (en) q <= d;
endmodule
"""


def test_reset_that_never_holds() -> None:
    assert found(CLOCKED, "reset") == {"if (1'b0) q <= 4'd0; // cleared"}


def test_swapped_branches_keep_an_else_with_its_if() -> None:
    (mutant,) = [m for m in mutants(CLOCKED, top="m", n=ALL, seed=0) if m.kind == "branch"]
    assert mutant.name == "line 4: the branches of if (rst) swapped"
    assert changed(CLOCKED, mutant) == "if (rst) begin if (en) q <= d; end // cleared else begin q <= 4'd0; end"


LEFT_ALONE = """// a & b, 1 + 2, posedge
`define PLUS +
module m #(parameter W = 4, parameter D = 1 + 1) (input clk, input [W-1:0] a, output reg [W-1:0] y);
    localparam LAST = D - 1;
    genvar g;
    wire [3:0] w;
    generate
        for (g = 0; g < 4; g = g + 1) begin : bits
            assign w[g] = /* a | b */ a[g];
        end
        if (W == 4) begin : four
        end
    endgenerate
    integer i;
    initial begin
        $display("a & b == 1");
        #5 y = 0;
        for (i = 0; i < 4; i = i + 1) y[i] = w[i];
        repeat (3) y = y + 1;
        y = a `PLUS w;
    end
endmodule
"""


def test_left_alone() -> None:
    """Interfaces, parameters, loops, delays, comments, strings, and what comes out of macros."""
    assert {changed(LEFT_ALONE, m) for m in mutants(LEFT_ALONE, top="m", n=ALL, seed=0)} == {
        "assign w[g] = /* a | b */ ~a[g];",
        "#5 begin end",
        "#5 y = 1;",
        "for (i = 0; i < 4; i = i + 1) begin end",
        "for (i = 0; i < 4; i = i + 1) y[i] = ~w[i];",
        "for (i = 0; i < 4; i = i + 1) y[i] = a[i];",
        "begin end",
        "y = a `PLUS a;",
    }


HIERARCHY = """module leaf(input a, output y);
    assign y = ~a;
endmodule
module stranger(input a, output y);
    assign y = ~a;
endmodule
module m(input a, b, output y, w);
    leaf l(.a(a), .y(y));
    wire z;
    leaf k(b, z);
    and g(w, a, 1'b1);
endmodule
"""


def test_modules_under_the_top_are_changed_too_and_others_not() -> None:
    assert {changed(HIERARCHY, m) for m in mutants(HIERARCHY, top="m", n=ALL, seed=0)} == {
        "assign y = a;",
        "leaf l(.a(b), .y(y));",  # but never what an output drives
        "leaf k(a, z);",
        "or g(w, a, 1'b1);",
        "and g(w, b, 1'b1);",
        "and g(w, a, 1'b0);",
    }


@pytest.mark.parametrize(
    ("code", "top"), [(HIERARCHY, "nowhere"), ("", "m"), ("I cannot.", "m"), ("module m(input a); endmodule", "m")]
)
def test_nothing_to_change(code: str, top: str) -> None:
    assert mutants(code, top=top, n=8, seed=0) == []


@pytest.mark.parametrize("family", sorted(FAMILIES)[::5])
def test_mutants_of_designs(family: str) -> None:
    """They elaborate, differ, tell their line, and are the same again."""
    design = worded(FAMILIES[family], 1, level="normal").design
    code, top = design.reference, design.name
    made = mutants(code, top=top, n=20, seed=7)
    assert made
    lines = code.splitlines()
    for mutant in made:
        assert errors(mutant.code) == []
        assert {d.text for d in diagnose(mutant.code)} <= {d.text for d in diagnose(code)}
        if mutant.kind != "branch":  # there the line is that of the condition, which stays
            assert lines[mutant.line - 1] != mutant.code.splitlines()[mutant.line - 1]
    assert len({m.code for m in made} | {code}) == len(made) + 1
    assert mutants(code, top=top, n=20, seed=7) == made
    assert mutants(code, top=top, n=5, seed=7) == made[:5]
    everything = {m.code for m in mutants(code, top=top, n=ALL, seed=1)}
    assert {m.code for m in made} <= everything


def test_spread_over_kinds_and_lines() -> None:
    body = "\n".join(f"    assign y[{i}] = a[{i}] & b[{i}];" for i in range(8))
    code = f"module m(input [7:0] a, b, output [7:0] y);\n{body}\nendmodule\n"
    made = mutants(code, top="m", n=8, seed=0)
    assert len({m.line for m in made}) == 8
    kinds = Counter(m.kind for m in made)
    assert set(kinds) == {"operator", "index", "signal"}
    assert max(kinds.values()) <= 3
    assert mutants(code, top="m", n=8, seed=1) != made

"""The ports of a module, as its authors may write them."""

import pytest

from rtlscribe.verilog.ports import Port, ports

CLK, A, Y = Port("clk", "input", 1), Port("a", "input", 8), Port("y", "output", 8)
# code, ports of module m
CODES = {
    "in the header": ("module m(input clk, input [7:0] a, output reg [7:0] y); endmodule", [CLK, A, Y]),
    "one direction for several": (
        "module m(input clk, rst, output [1:0] x, y); endmodule",
        [CLK, Port("rst", "input", 1), Port("x", "output", 2), Port("y", "output", 2)],
    ),
    "in the old style": (
        "module m(y, a, clk); input clk; input [7:0] a; output [7:0] y; reg [7:0] y; endmodule",
        [Y, A, CLK],
    ),
    "inout": ("module m(inout [3:0] bus, inout wire b); endmodule", [Port("bus", "inout", 4), Port("b", "inout", 1)]),
    "types": (
        "module m(input logic clk, input integer i, input byte b, output bit y, input real r); endmodule",
        [CLK, Port("i", "input", 32), Port("b", "input", 8), Port("y", "output", 1), Port("r", "input", 64)],
    ),
    "a type of its own": (
        "typedef struct packed { logic [2:0] x; logic y; } pair; module m(input pair p); endmodule",
        [Port("p", "input", 4)],
    ),
    "dimensions": (
        "module m(input [3:0][7:0] a, input [0:7] b, input [8:1] c); endmodule",
        [Port("a", "input", 32), Port("b", "input", 8), Port("c", "input", 8)],
    ),
    "a parameter": ("module m #(parameter W = 4)(input [2*W-1:0] a); endmodule", [A]),
    "a parameter inside": ("module m(a); parameter W = 8; input [W-1:0] a; endmodule", [A]),
    "a macro": ("`define W 8\nmodule m(input [`W-1:0] a); endmodule", [A]),
    "a function of a parameter": ("module m #(parameter N = 200)(input [$clog2(N)-1:0] a); endmodule", [A]),
    "an escaped name": ("module m(input \\a+b ); endmodule", [Port("a+b", "input", 1)]),
    "among others": (
        "module o(input b); endmodule\nmodule m(input clk); o i(clk); endmodule\nmodule z; endmodule",
        [CLK],
    ),
    "instantiated by another": ("module t; wire clk; m i(clk); endmodule module m(input clk); endmodule", [CLK]),
    "none": ("module m; endmodule", []),
    "an empty list": ("module m(); endmodule", []),
    "an interface": ("interface i; endinterface module m(i p, input clk); endmodule", [CLK]),
    "an expression": ("module m(clk, .q({x, z})); input clk; output x, z; endmodule", [CLK, Port("q", "output", 2)]),
    "without a name": ("module m(clk, {x, z}, ); input clk; output x, z; endmodule", [CLK]),
    "only a header": ("module m(input clk);\nendmodule", [CLK]),
    "a body that is wrong": ("module m(input clk, output [7:0] y); assign y = nowhere +; endmodule", [CLK, Y]),
    "another name": ("module other(input clk); endmodule", []),
    "no module": ("no Verilog at all", []),
    "nothing": ("", []),
}


@pytest.mark.parametrize("case", CODES)
def test_ports(case: str) -> None:
    code, expected = CODES[case]
    assert ports(code, top="m") == expected

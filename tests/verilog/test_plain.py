"""What stands in Verilog for a simulator alone, or for synthesis alone, and where the two part."""

import pytest

from rtlscribe.verilog.plain import asleep, drives_z, plain, takes_time

HEAD = "module m(input a, b, input [1:0] s, output reg y);\n"


def told(code: str) -> str:
    """The plain code on one line."""
    return " ".join(plain(code).split())


PLAIN = {
    "comments": ("// synopsys translate_off\nwire a; /* b */ wire c;", "wire a; wire c;"),
    "macros": ("`define W(x) (x+1)\nwire [`W(3):0] a;", "wire [(3+1):0] a;"),
    "branches": ("`ifdef SYNTHESIS\nwire a;\n`else\nwire b;\n`endif", "wire b;"),
    "directives": ("`timescale 1ns/1ps\n`default_nettype none\nwire a;", "wire a;"),
    "attributes": ("(* blackbox, keep = 1 *) module m; endmodule", "module m; endmodule"),
    "every signal": ("module m; always @(*) ; always @ ( * ) ; endmodule",) * 2,
    "a string": ('module m; initial $display("(* x *) // always_comb"); endmodule',) * 2,
    "an escaped name": (r"module m; wire \(*always_comb ; wire b; // *)", r"module m; wire \(*always_comb ; wire b;"),
    "always_comb": ("module m; always_comb y = a; endmodule", "module m; always @* y = a; endmodule"),
    "always_latch": ("module m; always_latch y = a; endmodule", "module m; always @* y = a; endmodule"),
    "always_ff": ("module m; always_ff @(posedge a) y <= a; endmodule",) * 2,
}  # fmt: skip


@pytest.mark.parametrize("case", PLAIN)
def test_plain(case: str) -> None:
    code, wanted = PLAIN[case]
    assert told(code) == wanted


Z = {
    "assign y = a ? b : 1'bz;": True,
    "assign y = 4'b01zz;": True,
    "assign y = 'z;": True,
    "assign y = 2'h?;": True,
    "assign y = 1'bx;": False,
    "assign z = a;": False,
    'initial $display("1\'bz");': False,
    "always @* casez (s) 2'b1z: y = 1; 2'b?1: y = 0; default: y = a; endcase": False,
    "always @* casez (s) 2'b1z: y = 1'bz; default: y = a; endcase": True,
    "always @* case (s) 0: begin y = 1'bz; end default: y = a; endcase": True,
}


@pytest.mark.parametrize("line", Z)
def test_high_impedance(line: str) -> None:
    assert drives_z(f"{HEAD}{line}\nendmodule") == Z[line]


ASLEEP = {
    "always @(a) y = a & b;": "b",
    "always @(a or b) y = a & b;": "",
    "always @(a, b) begin y = a; y = y & b; end": "",
    "always @* y = a & b;": "",
    "always @(*) y = a & b;": "",
    "always_comb y = a & b;": "",
    "always @(posedge a) y <= b;": "",
    "always @(posedge a or negedge b) if (!b) y <= 0; else y <= s[0];": "",
    "always @(s[0]) y = s[0] ^ s[1];": "s",
    "always @(a) begin case (s) 0: y = a; default: y = 0; endcase end": "s",
    "parameter P = 1; always @(a) y = a & P;": "",
    "integer i; always @(s) begin y = 0; for (i = 0; i < 2; i = i + 1) y = y ^ s[i]; end": "",
    "function f(input x); f = ~x; endfunction always @(a) y = f(a);": "",
    "initial y = a;": "",
}


@pytest.mark.parametrize("line", ASLEEP)
def test_sensitivity(line: str) -> None:
    assert asleep(f"{HEAD}{line}\nendmodule") == ASLEEP[line]


TAKES_TIME = {
    "initial y = 1;": False,
    "initial begin y = 0; y = 1; end": False,
    "initial begin y = 0; #5 y = 1; end": True,
    "initial #5 y = 1;": True,
    "initial @(posedge a) y = 1;": True,
    "initial begin wait (a) y = 1; end": True,
    "integer i; initial for (i = 0; i < 2; i = i + 1) y = i;": False,
    "always @(posedge a) y <= #1 b;": False,
    "always @(posedge a) begin #1 y <= b; end": True,
    "always @(posedge a) begin @(posedge b) y <= b; end": True,
    "always @(posedge a or negedge b) y <= b;": False,
    "always @* y = b;": False,
    "always @(*) begin y = b; wait (a); end": True,
    "always #5 y = ~y;": True,
    "always begin @(posedge a); y <= b; end": True,
    "always_comb y = b;": False,
    "always_ff @(posedge a) y <= b;": False,
    "always_latch if (a) y = b;": False,
}


@pytest.mark.parametrize("line", TAKES_TIME)
def test_blocks_that_wait(line: str) -> None:
    assert takes_time(f"{HEAD}{line}\nendmodule") == TAKES_TIME[line]

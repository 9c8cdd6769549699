"""constant_answer() and inverted_answer(): the reference's interface, and outputs that say what they should."""

import pytest

from rtlscribe.checkers.iverilog import IverilogChecker
from rtlscribe.records import Candidate, Problem
from rtlscribe.verilog.ports import ports
from rtlscribe.verilog.probes import Constant, constant_answer, inverted_answer, is_constant
from rtlscribe.verilog.syntax import errors

# All have the inputs a and clk, and the outputs wide (40 bits), narrow (3 bits) and bit.
REFERENCES = {
    "plain": """module m(input clk, input [2:0] a, output [39:0] wide, output [2:0] narrow, output b);
    assign wide = {37'd5, a};
    assign narrow = a;
    assign b = ^a;
endmodule
""",
    "registers with a start": """`timescale 1ns/1ps
module m(input wire clk, input [2:0] a, output reg [39:0] wide = 0, output reg signed [2:0] narrow, b);
    always @* begin wide = {37'd5, a}; narrow = a; end
    always @* b = ^a; // b is as wide as narrow
endmodule
""",
    "SystemVerilog, with a helper": """module helper(input logic a, output logic y);
    always_comb y = a;
endmodule
module m(input logic clk, input logic [2:0] a, output var logic [39:0] wide, output logic [2:0] narrow, output bit b);
    helper h(a[0], narrow[0]);
    assign narrow[2:1] = a[2:1];
    always_comb begin wide = {37'd5, a}; b = ^a; end
endmodule
""",
    "old style, with parameters": """module m(clk, a, wide, narrow, b);
    parameter W = 40, N = 3;
    localparam TOP = W - 1;
    input clk; input [N-1:0] a;
    output [TOP:0] wide; reg [TOP:0] wide;
    output reg [N-1:0] narrow;
    output b;
    initial narrow = 0;
    always @* begin wide = {37'd5, a}; narrow = a; end
    assign b = ^a;
endmodule
""",
    "parameters in the header": """module m #(parameter W = 40, parameter N = 3, localparam TOP = W - 1)
    (input clk, input [N-1:0] a, output reg [TOP:0] wide, output [N-1:0] narrow, output b);
    always @(a) wide = {37'd5, a};
    assign narrow = a;
    assign b = ^a;
endmodule
""",
}
ANSWERS: tuple[Constant, ...] = ("empty", "zeros", "ones", "x", "z")


@pytest.mark.parametrize("value", ANSWERS)
@pytest.mark.parametrize("case", REFERENCES)
def test_the_interface_is_that_of_the_reference(case: str, value: Constant) -> None:
    reference = REFERENCES[case]
    code = constant_answer(reference, top="m", value=value)
    assert errors(code) == []
    assert ports(code, top="m") == ports(reference, top="m")
    assert "37'd5" not in code


@pytest.fixture(scope="module")
def checker(icarus: str) -> IverilogChecker:
    return IverilogChecker()


def outputs(checker: IverilogChecker, reference: str, code: str, values: dict[str, str]) -> str:
    """What a testbench says that looks whether the outputs have these values while a is 5."""
    widths = {port.name: port.width for port in ports(reference, top="m")}
    wires = " ".join(f"wire [{widths[name] - 1}:0] {name};" for name in values)
    differs = " ".join(
        f'if ({name} !== {value}) $display("@NONCE@ {name} is %b", {name});' for name, value in values.items()
    )
    testbench = f"""module testbench;
    reg clk = 0; reg [2:0] a = 0; {wires}
    m dut(.clk(clk), .a(a), .wide(wide), .narrow(narrow), .b(b));
    initial begin #1 a = 5; #1 {differs} $display("@NONCE@ looked"); $finish; end
endmodule
"""
    problem = Problem(
        id="p",
        text="t",
        testbench=testbench,
        pass_pattern="@NONCE@ looked",
        fail_patterns=("@NONCE@ .* is",),
        top="m",
    )
    candidate = Candidate(problem_id="p", index=0, code=code, assembly="modules")
    verdict = checker.check(candidate, problem, timeout_s=30)
    return verdict.detail or verdict.status


TIED: dict[Constant, str] = {"zeros": "1'b0", "ones": "1'b1", "x": "1'bx", "z": "1'bz"}


@pytest.mark.parametrize("value", TIED)
@pytest.mark.parametrize("case", REFERENCES)
def test_outputs_are_tied(checker: IverilogChecker, case: str, value: Constant) -> None:
    reference = REFERENCES[case]
    widths = {port.name: port.width for port in ports(reference, top="m") if port.direction == "output"}
    tied = {name: f"{{{width}{{{TIED[value]}}}}}" for name, width in widths.items()}
    assert outputs(checker, reference, constant_answer(reference, top="m", value=value), tied) == "passed"


RIGHT = {"wide": "40'd45", "narrow": "3'd5"}
INVERTED = {"wide": "~40'd45", "narrow": "3'd2"}


@pytest.mark.parametrize("output", RIGHT)
@pytest.mark.parametrize("case", REFERENCES)
def test_one_output_is_inverted(checker: IverilogChecker, case: str, output: str) -> None:
    reference = REFERENCES[case]
    if " var " in reference and checker.name == "iverilog-11.0":
        pytest.skip("Icarus Verilog 11 does not know `output var`")
    code = inverted_answer(reference, top="m", output=output)
    assert errors(code) == []
    assert ports(code, top="m") == ports(reference, top="m")
    width = next(port.width for port in ports(reference, top="m") if port.name == "b")
    expected = RIGHT | {output: INVERTED[output], "b": f"{width}'d0"}
    assert outputs(checker, reference, code, expected) == "passed"


def test_unknown_stays_unknown(checker: IverilogChecker) -> None:
    reference = REFERENCES["plain"].replace("assign narrow = a", "assign narrow = {a[2], 2'bxx}")
    code = inverted_answer(reference, top="m", output="narrow")
    assert outputs(checker, reference, code, {"wide": "40'd45", "narrow": "3'b0xx", "b": "1'b0"}) == "passed"


def test_a_header_will_do() -> None:
    code = constant_answer("module m(input a, output y);\nendmodule", top="m", value="ones")
    assert code == "module m(input a, output y);\n\nassign y = ~0;\nendmodule"


@pytest.mark.parametrize("reference", ["", "I cannot.", "module other; endmodule"])
def test_no_such_module(reference: str) -> None:
    assert constant_answer(reference, top="m", value="zeros") == ""
    assert inverted_answer(reference, top="m", output="y") == ""
    assert not is_constant(reference, top="m")


CONSTANT = {
    "zero": ("module m(output y); assign y = 0; endmodule", True),
    "old style": ("module m(y); output y; assign y = 1'b1; endmodule", True),
    "with an input": ("module m(input a, output y); assign y = 0; endmodule", False),
    "clock generator": ("module m(output reg y); initial y = 0; always #5 y = ~y; endmodule", False),
    "helper": ("module n(output y); endmodule module m(output y); n i(y); endmodule", False),
}


@pytest.mark.parametrize("case", CONSTANT)
def test_constant_references(case: str) -> None:
    code, expected = CONSTANT[case]
    assert is_constant(code, top="m") == expected

"""diagnose() and errors(): what compiles, and where it does not."""

import os
from pathlib import Path

import pytest

from rtlscribe.verilog.syntax import diagnose, errors

GOOD = {
    "combinational": "module m(input a, output y);\n  assign y = ~a;\nendmodule\n",
    "systemverilog": "module m(input logic a, output logic y);\n  always_comb y = a;\nendmodule\n",
    "used before it is declared": "module m(output y);\n  assign y = w;\n  wire w = 1;\nendmodule\n",
    "two modules": "module n(input a); endmodule\nmodule m(input a); n i(a); endmodule\n",
    "unnamed generate": "module m;\n genvar i;\n generate for (i = 0; i < 2; i = i + 1) wire w; endgenerate\nendmodule",
    "unicode comment": "module m; // größer, 漢字\nendmodule",
    "line ends of windows": "module m(input a);\r\nendmodule\r\n",
}


@pytest.mark.parametrize("case", GOOD)
def test_good(case: str) -> None:
    assert errors(GOOD[case]) == []


# code, line of the first error, a word of its text
BAD = {
    "no semicolon": ("module m(input a, output y);\n  assign y = a\nendmodule\n", 2, "expected ';'"),
    "undeclared name": ("module m(output y);\n\n  assign y = nowhere;\nendmodule\n", 3, "nowhere"),
    "unknown module": ("module m(input a);\n  nowhere i(a);\nendmodule\n", 2, "nowhere"),
    "unknown port": ("module n(input a); endmodule\nmodule m(input a);\n  n i(.b(a));\nendmodule\n", 3, "b"),
    "declared twice": ("module m;\n  wire w;\n  reg w;\nendmodule\n", 3, "w"),
    "register as a wire": ("module m(input a, output y);\n  always @* y = a;\nendmodule\n", 2, "net"),
    "prose": ("I am sorry.\n", 1, ""),
    "truncated": ("module m(input a);\n  assign", 2, "expected"),
    "a zero byte": ("module m;\0 endmodule", 1, "NUL"),
    "half a surrogate pair": ("module m;\nwire \ud800;\nendmodule", 2, ""),
    "too deep": ("module m;\nwire a = " + "(" * 20_000 + "1" + ")" * 20_000 + ";\nendmodule", 2, "too deeply nested"),
    "a body without a module": ("assign y = ~a;\nendmodule\n", 1, "not allowed"),
    "a statement": ("q <= d;\n", 1, "expected"),
    "an expression": ("a + b\n", 1, "expected"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad(case: str) -> None:
    code, line, word = BAD[case]
    found = errors(code)
    assert found
    assert found[0].line == line
    assert found[0].severity == "error"
    assert word in found[0].text


def test_warnings_are_told_and_do_not_count_as_errors() -> None:
    code = "module n(input [3:0] a); endmodule\nmodule m(input [7:0] b);\n  n i(b);\nendmodule\n"
    assert [(d.line, d.severity) for d in diagnose(code)] == [(3, "warning")]
    assert errors(code) == []


def test_in_the_order_of_the_text() -> None:
    code = "module m(output a, b, c);\n assign a = x1;\n assign b = x2;\n assign c = x3;\nendmodule\n"
    assert [d.line for d in errors(code)] == [2, 3, 4]


def test_included_files_stay_closed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sesame open;\n")
    os.mkfifo(tmp_path / "endless")
    for name in ("secret", "endless"):
        code = f'`include "{tmp_path / name}"\nmodule m; endmodule\n'
        (found,) = errors(code)
        assert (found.line, found.text) == (1, "exceeded max include depth")

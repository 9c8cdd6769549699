"""What is alike to a simulator, and what only looks so."""

import pytest

from rtlscribe.verilog.alike import LONGEST, alike

CODE = "module m(input a, output b);\nassign b = ~a;\nendmodule"


@pytest.mark.parametrize(
    "other",
    [
        "module m(input a, output b);\n  assign b = ~a;\nendmodule\n",
        "\n\nmodule  m(input a,\toutput b); // inverts\n\n  // well\n\n assign b =  ~a;\t\nendmodule",
        '// a "quote and /* an opening\nmodule m(input a, output b);\nassign b = ~a; // `define\nendmodule',
    ],
)
def test_layout_does_not_matter(other: str) -> None:
    assert alike(other) == alike(CODE) == CODE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a  b", "ab"),
        ("8'h ff", "8'h\nff"),  # Icarus takes only the former
        ("8'h ff", "8'h/**/ff"),
        ('"a  b"', '"a b"'),
        ('"a // b"', '"a'),
        ('" "', '"\n"'),  # a string does not go on behind the line
        ('"\\"  //"', '"\\" //"'),
        ("\\a//b ", "\\a "),
        ("a /* verilator lint_off */", "a"),
        ("`define A  1", "`define A 1"),
        ("a // `b\n`c  d", "a\n`c d"),
        ("a /* b  c", "a /* b c"),
        ('a "b  c', 'a "b c'),
        ("a\u00a0b", "a b"),  # no blank in Verilog
        ("a\vb", "a b"),
        ("a \\\nb", "a \\ b"),
        ("x" * LONGEST + "  y", "x" * LONGEST + " y"),
    ],
)
def test_what_may_matter_is_kept(one: str, other: str) -> None:
    assert alike(one) != alike(other)

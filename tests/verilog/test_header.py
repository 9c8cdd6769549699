"""The header of a module, found in whatever text."""

import pytest

from rtlscribe.verilog.header import find_header

# A text, and the header in it; "" for none.
TEXTS = {
    "one": ("module a(input x);\nendmodule", "module a(input x);"),
    "the last": ("module a(input x);\nendmodule\nmodule b;", "module b;"),
    "the last that ends": ("module a(input x);\nendmodule\nmodule b(", "module a(input x);"),
    "parameters": ("module a #(parameter N = {1'b0, 1'b1})(input [N:0] x); wire y;", None),
    "words": ("Write a module of a kind; its name is b.", ""),
    "in a comment": ("// module a(input x);", ""),
    "none that ends": ("module a(input x", ""),
    # To read to the end of the text from each of them would take hours.
    "many that do not end": ("module a(" * 100_000, ""),
}


@pytest.mark.parametrize("case", TEXTS)
def test_the_header_in_a_text(case: str) -> None:
    text, header = TEXTS[case]
    wanted = text.partition(" wire")[0] if header is None else header
    found = find_header(text)
    assert (found.text if found else "") == wanted
    assert not found or text[found.start : found.end] == wanted

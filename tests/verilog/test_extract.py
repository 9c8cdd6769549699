"""extract(): one table of what models say. The files are in tests/data/completions."""

from pathlib import Path

import pytest

from rtlscribe.verilog.extract import blank, extract, module_names

HEADER = "module inverter(input a, output y);"
INVERTER = "module inverter(input a, output y);\n    assign y = ~a;\nendmodule\n"
BUFFER = "module buffer(input a, output y); assign y = a; endmodule"

# file, top, header, assembly, modules of the code, texts that it has, texts that it has not
FILES = [
    ("two_drafts", "", "", "modules", ["counter"], ["// final"], ["// draft", "I hope", "```"]),
    ("two_drafts", "counter", "", "modules", ["counter"], ["// final"], ["// draft"]),
    (
        "helper_and_testbench",
        "adder",
        "",
        "modules",
        ["full_adder", "adder"],
        ["`timescale 1ns/1ps\n"],
        ["$finish", "Sure!"],
    ),
    ("helper_and_testbench", "", "", "modules", ["full_adder", "adder", "tb"], ["$finish"], ["is built from"]),
    # Of a model that was asked for something else all is kept, so that the checker can say what it found.
    ("helper_and_testbench", "multiplier", "", "modules", ["full_adder", "adder", "tb"], [], ["Sure!"]),
    ("thinking", "", "", "modules", ["inverter"], ["~a"], ["wrong", "<answer>", "```"]),
    ("begin_done", "TopModule", "", "modules", ["TopModule"], ["zero = 0"], ["zero = 1", "[BEGIN]", "Let me"]),
    ("comments", "talk", "", "modules", ["talk"], ["assign y = a;", "// endmodule is not here"], []),
    ("interface_only_fence", "inverter", "", "modules", ["inverter"], ["~a"], ["port list", "The interface"]),
    ("truncated", "", "", "truncated", ["counter"], ["q <= q +"], ["```"]),
    ("body", "inverter", HEADER, "header", ["inverter"], ["assign y = ~a;"], []),
    ("body", "inverter", "", "none", [], [], []),
    ("prose", "", "", "none", [], [], []),
    ("prose", "", HEADER, "header", ["inverter"], [], []),  # "endmodule" stands there: the checker says what it is
]


@pytest.mark.parametrize(("name", "top", "header", "assembly", "modules", "has", "has_not"), FILES)
def test_files(
    data: Path,
    name: str,
    top: str,
    header: str,
    assembly: str,
    modules: list[str],
    has: list[str],
    has_not: list[str],
) -> None:
    found = extract((data / f"completions/{name}.txt").read_text(), header=header, top=top)
    assert found.assembly == assembly
    assert module_names(found.code) == modules
    assert [text for text in has if text not in found.code] == []
    assert [text for text in has_not if text in found.code] == []
    assert bool(found.code) == (assembly != "none")


# text, header, top, the whole code, assembly
EXACT = {
    "nothing": ("", "", "", "", "none"),
    "blanks": (" \n\t\n", HEADER, "inverter", "", "none"),
    "an apology": ("I cannot help with that.", HEADER, "inverter", "", "none"),
    "bare": (INVERTER, "", "", INVERTER, "modules"),
    "unclosed fence": (f"Here:\n```verilog\n{INVERTER}", "", "", INVERTER, "modules"),
    "indented fence": (f"1. Here:\n   ```\n{INVERTER}   ```\nDone.", "", "", INVERTER, "modules"),
    "fence of systemverilog": (f"```systemverilog\n{INVERTER}```", "", "", INVERTER, "modules"),
    "words behind the last endmodule": (f"{INVERTER}This module works.", "", "", INVERTER, "modules"),
    "the header repeated": (INVERTER, HEADER, "inverter", INVERTER, "modules"),
    "body under the header": (
        "assign y = ~a;\nendmodule",
        HEADER,
        "inverter",
        f"{HEADER}\nassign y = ~a;\nendmodule\n",
        "header",
    ),
    "body in a fence": (
        "```verilog\n    assign y = ~a;\nendmodule\n```\nThe module is done.",
        f"{HEADER}\n",
        "inverter",
        f"{HEADER}\n    assign y = ~a;\nendmodule\n",
        "header",
    ),
    "body that ends twice": (
        "assign y = ~a;\nendmodule\nendmodule",
        HEADER,
        "inverter",
        f"{HEADER}\nassign y = ~a;\nendmodule\n",
        "header",
    ),
    "an answer mark that is not closed": (f"<answer>\n{INVERTER}", "", "", INVERTER, "modules"),
    "thinking that was not begun": (f"{BUFFER}\n</think>\n{INVERTER}", "", "", INVERTER, "modules"),
    "[BEGIN] that is not ended": (f"[BEGIN]\n{INVERTER}", "", "", INVERTER, "modules"),
    "the last of two answers": (f"[BEGIN]{BUFFER}[DONE] no: [BEGIN]{INVERTER}[DONE]", "", "", INVERTER, "modules"),
    "directives": (
        f"`timescale 1ns/1ps\n`default_nettype none\n`define W \\\n  4\n{INVERTER}",
        "",
        "inverter",
        f"`timescale 1ns/1ps\n\n`default_nettype none\n\n`define W \\\n  4\n\n{INVERTER}",
        "modules",
    ),
    "directives behind the module": (
        f"`default_nettype none\n`define W 4\n{INVERTER}`undef W\n`default_nettype wire",
        "",
        "inverter",
        f"`default_nettype none\n\n`define W 4\n\n{INVERTER}\n`undef W\n\n`default_nettype wire\n",
        "modules",
    ),
    "directives within the module": (
        "module m;\n`define W 4\nwire [`W:0] w;\n`undef W\nendmodule",
        "",
        "m",
        "module m;\n`define W 4\nwire [`W:0] w;\n`undef W\nendmodule\n",
        "modules",
    ),
    "directives in a comment": (f"/*\n`define W 4\n*/\n{INVERTER}", "", "inverter", INVERTER, "modules"),
    "body beside a fence with an interface": (
        "assign y = ~a;\nendmodule\n```\nmodule ports: a, y\n```\n",
        HEADER,
        "inverter",
        f"{HEADER}\nassign y = ~a;\nendmodule\n",
        "header",
    ),
    "two modules in one fence": (f"```\n{BUFFER}\n{INVERTER}```", "", "", f"{BUFFER}\n\n{INVERTER}", "modules"),
    "a draft that stops, then the whole": (
        f"module inverter(input a,\n{INVERTER}",
        "",
        "inverter",
        INVERTER,
        "modules",
    ),
    "the whole, then a draft that stops": (
        f"{INVERTER}\nmodule inverter(input b,",
        "",
        "inverter",
        INVERTER,
        "modules",
    ),
    "parameters": (
        "module w #(parameter N = 2)(input [N-1:0] a); endmodule",
        "",
        "w",
        "module w #(parameter N = 2)(input [N-1:0] a); endmodule\n",
        "modules",
    ),
    "name on a line of its own": ("module\n  w\n  ;\nendmodule", "", "w", "module\n  w\n  ;\nendmodule\n", "modules"),
    "endmodule with a label": ("module w;\nendmodule : w", "", "w", "module w;\nendmodule\n", "modules"),
}


@pytest.mark.parametrize("case", EXACT)
def test_exact(case: str) -> None:
    text, header, top, code, assembly = EXACT[case]
    assert extract(text, header=header, top=top) == (code, assembly)


@pytest.mark.parametrize(
    "name", ["two_drafts", "helper_and_testbench", "thinking", "begin_done", "comments", "truncated"]
)
def test_line_ends_of_windows(data: Path, name: str) -> None:
    text = (data / f"completions/{name}.txt").read_text()
    unix, windows = extract(text), extract(text.replace("\n", "\r\n"))
    assert windows.assembly == unix.assembly
    assert module_names(windows.code) == module_names(unix.code)
    assert windows.code.split() == unix.code.split()


@pytest.mark.parametrize("case", [case for case, row in EXACT.items() if row[4] == "modules"])
def test_what_was_found_is_found_again(case: str) -> None:
    """Extraction of extracted code changes nothing: stages may hand on either."""
    text, header, top, _, _ = EXACT[case]
    code = extract(text, header=header, top=top).code
    assert extract(code, header=header, top=top) == (code, "modules")


@pytest.mark.parametrize("length", [300_000])
@pytest.mark.parametrize("unit", ["module m(", "```\n", "/* ", '" ', "<answer>", "`define A \\\n", "endmodule ", "\\"])
def test_a_long_text_of_nothing_gives_no_module(unit: str, length: int) -> None:
    assert extract(unit * (length // len(unit)), top="m").assembly in ("none", "truncated")


def test_blank_keeps_every_place() -> None:
    code = 'a // b\n/* c\n d */ "e\\"f" g'
    assert blank(code) == "a     \n    \n             g"

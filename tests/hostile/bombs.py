"""Answers that exhaust the judge, touch the host, or are hardly text at all."""

from collections.abc import Callable, Iterator

from rows import BOUNDED, CANARY, FAILED, NOT_FITTING, REJECTED, Answer
from spoofs import RIGHT, WRONG, module

MEBI = 1024 * 1024
Code = str | Callable[[], str]


def _rows(
    category: str, codes: dict[str, Code], *, expected: frozenset[str] = BOUNDED, refused: bool | None = False
) -> Iterator[Answer]:
    """Rows of bodies of top_module for "reverse"; a text that holds "endmodule", or a function, is a whole answer."""
    for name, code in codes.items():
        whole = code if callable(code) or "endmodule" in code else module("reverse", code)
        yield Answer(name, category, "reverse", whole, expected, refused)


def _macros(levels: int, body: str, first: str) -> str:
    """Macros of which each calls the one before twice."""
    lines = [f"`define M0 {first}"] + [f"`define M{n} {body.format(f'`M{n - 1}')}" for n in range(1, levels)]
    return "\n".join([*lines, module("reverse", f"  assign out = `M{levels - 1};")])


def _compile_bombs() -> Iterator[Answer]:
    yield from _rows(
        "compile bomb",
        {
            "macros that double": lambda: _macros(40, "{0} + {0}", "in"),
            "a macro that doubles its argument": lambda: (
                "`define D(x) (x + x)\n" + module("reverse", f"  assign out = {'`D(' * 40}in{')' * 40};")
            ),
            "a macro that calls itself": f"`define A `A `A\n{WRONG}  `A",
            "macros that call each other": f"`define A `B\n`define B `A\n{WRONG}  `A",
            "nested macro arguments": lambda: (
                "`define D(x) x\n" + module("reverse", f"  assign out = {'`D(' * 900}in{')' * 900};")
            ),
        },
        refused=None,
    )
    yield from _rows(
        "compile bomb",
        {
            "a constant function that loops": (
                "  function integer f(input integer x);\n    begin f = x; while (1) f = f + 1; end\n  endfunction\n"
                "  localparam integer P = f(1);\n  assign out = P;"
            ),
            "a constant function that recurs": (
                "  function automatic integer f(input integer x); f = f(x + 1); endfunction\n"
                "  localparam integer P = f(1);\n  assign out = P;"
            ),
            "a constant function that recurs twice": (
                "  function automatic integer f(input integer x); f = x < 2 ? x : f(x - 1) + f(x - 2); endfunction\n"
                "  localparam integer P = f(60);\n  assign out = P;"
            ),
            "a generate loop": f"{WRONG}  genvar i;\n  for (i = 0; i < 1 << 28; i = i + 1) begin : g wire w; end",
            "a generate loop without end": f"{WRONG}  genvar i;\n  for (i = 0; i < 2; i = i * 1) begin : g wire w; end",
            "generate loops in each other": (
                f"{WRONG}  genvar i, j, k;\n  for (i = 0; i < 999; i = i + 1) for (j = 0; j < 999; j = j + 1)\n"
                "    for (k = 0; k < 999; k = k + 1) begin wire w; not (w, w); end"
            ),
            "a wide vector": f"{WRONG}  wire [32'h7ffffffe:0] w = 1;\n  reg [32'h7ffffffe:0] r;\n  initial r = ~w;",
            "a wide operation": f"{WRONG}  reg [8388607:0] r;\n  initial begin r = -1; r = r * r; r = r / 3; end",
            "a long replication": f"{WRONG}  wire w = ^{{1 << 30{{1'b1}}}};",
            "replications in each other": f"{WRONG}  wire w = ^{{9999{{{{9999{{{{9999{{in}}}}}}}}}}}};",
            "a long string": f'{WRONG}  localparam P = {{1 << 28{{"a"}}}};\n  initial $display("%s", P);',
            "a large memory": f"{WRONG}  reg [63:0] m [0:1 << 30];\n  initial m[5] = in;",
            "memories of many dimensions": f"{WRONG}  reg [7:0] m [0:999][0:999][0:999];\n  initial m[1][2][3] = in;",
            "a power": f"{WRONG}  localparam P = 2 ** (2 ** 31);\n  wire w = P;",
            "a wide power": f"{WRONG}  localparam [16777215:0] P = 16777216'd3 ** 16777215;\n  wire w = P;",
            "a wide literal": f"{WRONG}  wire w = ^2147483647'h1;",
            "an array of instances": module("reverse", f"{WRONG}  helper h[1 << 26:0](in[0]);")
            + "module helper(input i); wire w = ~i; endmodule\n",
            "a module within itself": module("reverse", f"{WRONG}  top_module t(in);"),
            "modules within each other": module("reverse", f"{WRONG}  one o();")
            + "module one; two t(); endmodule\nmodule two; one o(); endmodule\n",
            "a tree of modules": module("reverse", f"{WRONG}  tree #(30) t();")
            + "module tree; parameter N = 0;\n  if (N > 0) begin tree #(N - 1) l(), r(); end\nendmodule\n",
            "a growing parameter": module("reverse", f"{WRONG}  grow #(1) t();")
            + "module grow; parameter N = 1; grow #(N * 2) g(); wire [N:0] w; endmodule\n",
            "many ports": lambda: (
                module("reverse", f"{WRONG}  helper h();")
                + f"module helper({', '.join(f'inout [9999:0] p{n}' for n in range(9999))}); endmodule\n"
            ),
            "many cases": lambda: module(
                "reverse",
                "  reg [7:0] r;\n  assign out = r;\n  always @* case ({in, in})\n"
                + "".join(f"    16'd{n}: r = 8'd{n % 7};\n" for n in range(9000))
                + "  endcase",
            ),
            "many instances": lambda: (
                module("reverse", WRONG + "".join(f"  h h{n}(in);\n" for n in range(9000)))
                + "module h(input [7:0] i); reg [7:0] m [0:255]; endmodule\n"
            ),
            "many warnings": lambda: (
                module(
                    "reverse", WRONG + "".join(f"  wire [3:0] w{n} = 8'hff; h h{n}(w{n}[9]);\n" for n in range(2000))
                )
                + "module h(input [99:0] i); endmodule\n"
            ),
            "a long chain": lambda: module("reverse", f"  assign out = in{' + in' * 40_000};"),
            "many errors": lambda: module("reverse", "  assign = ;\n" * 10_000),
        },
    )


def _run_bombs() -> Iterator[Answer]:
    yield from _rows(
        "run bomb",
        {
            "forever": f"{WRONG}  initial forever ;",
            "while": f"{WRONG}  initial while (1) ;",
            "always": f"{WRONG}  always #0 ;",
            "repeat": f"{WRONG}  integer i = 0;\n  initial repeat (32'h7fffffff) i = i + 1;",
            "a function": "  function [7:0] f(input [7:0] x); while (1) f = f + x; endfunction\n  assign out = f(in);",
            "two that wake each other": f"{WRONG}  reg a = 0, b = 0;\n"
            "  always @(a) b = ~b;\n  always @(b) a = ~a;\n  initial #1 a = 1;",
            "an oscillator": "  reg r = 0;\n  wire w = in[0] ? ~(w & r) : 1;\n  initial #1 r = 1;\n"
            "  assign out = {8{w}};",
            "an oscillator of gates": f"{WRONG}  wire a, b, c;\n  nand (a, in[0], c);\n  not (b, a), (c, b);",
            "nonblocking": f"{WRONG}  reg r = 0;\n  always @(r) r <= ~r;\n  initial #1 r <= 1;",
            "events": f"{WRONG}  event a, b;\n  always @a -> b;\n  always @b -> a;\n  initial #1 -> a;",
            "a fast clock": f"{WRONG}  reg r = 0;\n  always #1 r = ~r;\n  always @(r) repeat (99999999) ;",
            "the finest time": f"`timescale 1fs/1fs\n{module('reverse', WRONG + '  reg r = 0; always #1 r = ~r;')}",
            "a fork storm": f"{WRONG}  task automatic t; fork t; t; join endtask\n  initial t;",
            "forks that stay": f"{WRONG}  initial forever fork #999999 ; join_none",
            "deep recursion": f"{WRONG}  task automatic t(input integer n); t(n + 1); endtask\n  initial t(0);",
            "deep recursion of a function": (
                "  function automatic [7:0] f(input [7:0] n); f = f(n + 1) + 1; endfunction\n  assign out = f(in);"
            ),
            "a queue": f"{WRONG}  int q[$];\n  initial forever q.push_back(1);",
            "a dynamic array": f"{WRONG}  int d[];\n  initial d = new[2000000000];",
            "dynamic arrays": f"{WRONG}  int d[], n = 1;\n"
            "  initial forever begin d = new[n]; n = n * 2; d[n / 2 - 1] = 1; end",
            "a string": f'{WRONG}  string s = "a";\n  initial forever s = {{s, s}};',
            "objects": "  class c; c next; endclass\n  c o, p;\n"
            + f"{WRONG}  initial forever begin o = new; o.next = p; p = o; end",
            "a wide format": f'{WRONG}  string s;\n  initial s = $sformatf("%2000000000d", 1);',
            "pending assignments": f"{WRONG}  reg r;\n  initial forever r <= #99999 1;",
            "a shift register": f"{WRONG}  reg [16777215:0] r = 1;\n  always #1 r = (r << 1) * r;",
            "a large memory filled": f"{WRONG}  reg [1023:0] m [0:16777215];\n  integer i;\n"
            "  initial for (i = 0; i < 16777216; i = i + 1) m[i] = i;",
        },
    )


def _floods() -> Iterator[Answer]:
    yield from _rows(
        "output flood",
        {
            "display": f'{WRONG}  initial forever $display("all work and no play");',
            "write": f'{WRONG}  initial forever $write("x");',
            "monitor": f'{WRONG}  integer i = 0;\n  initial $monitor("%0d", i);\n  initial forever #0 i = i + 1;',
            "strobe": f'{WRONG}  initial forever #0 $strobe("x");',
            "errors": f'{WRONG}  initial forever $error("x");',
            "wide": f'{WRONG}  reg [8388607:0] r = 0;\n  always @(in) $display("%b", r);',
            "wide by format": f'{WRONG}  always @(in) $display("%999999999d", in);',
            "warnings": f'{WRONG}  reg r = 0;\n  always @(in) repeat (999999) $display("%d %s", r);',
            "the right line": f'{WRONG}  initial forever $display("Mismatches: 0 in 200 samples");',
            "with a right answer": f'{RIGHT}  initial repeat (9999999) $display("nothing to see");',
        },
    )


def _host() -> Iterator[Answer]:
    opened = f'  integer f;\n  initial begin f = $fopen("{CANARY}"'
    yield from _rows(
        "host",
        {
            "fopen to write": f'{WRONG}{opened}, "w"); $fwrite(f, "owned"); $fclose(f); end',
            "fopen to append": f'{WRONG}{opened}, "a"); $fdisplay(f, "owned"); end',
            "fopen of old": f'{WRONG}{opened}); $fdisplay(f, "owned"); end',
            "fopen to update": f'{WRONG}{opened}, "r+"); $fwrite(f, "owned"); end',
            "fopen in a right answer": f'{RIGHT}{opened}, "w"); end',
            "fopen by a macro": f'`define F(x) $f``x\n{WRONG}  integer f;\n  initial f = `F(open)("{CANARY}", "w");',
            "fopen in a declaration": f'{WRONG}  integer f = $fopen("{CANARY}", "w");',
            "fopen in a package": f'package p; int f = $fopen("{CANARY}", "w"); endpackage\n{module("reverse", WRONG)}',
            "fopen outside": f'int f = $fopen("{CANARY}", "w");\n{module("reverse", WRONG)}',
            "fopen of a built name": f"{WRONG}  string s;\n  integer f;\n"
            f'  initial begin s = {{"{CANARY}", ""}}; f = $fopen(s, "w"); end',
            "writememh": f'{WRONG}  reg [7:0] m [0:3];\n  initial $writememh("{CANARY}", m);',
            "writememb": f'{WRONG}  reg [7:0] m [0:3];\n  initial $writememb("{CANARY}", m);',
            "dumpfile": f'{WRONG}  initial begin $dumpfile("{CANARY}"); $dumpvars; end',
            "dumpfile in the way": f'{WRONG}  initial $dumpfile("/nowhere/wave.vcd");',
            "readmemh": f'{WRONG}  reg [7:0] m [0:3];\n  initial begin $readmemh("{CANARY}", m); $display(m[0]); end',
            "reading aloud": f"{WRONG}  integer f, c;\n"
            '  initial begin f = $fopen("/etc/passwd", "r"); repeat (99) begin c = $fgetc(f); $write("%c", c); end end',
            "its own memory": f"{WRONG}  integer f, c;\n"
            '  initial begin f = $fopen("/proc/self/mem", "r+"); c = $fseek(f, 4194304, 0); $fwrite(f, "x"); end',
            "its own program": f"{WRONG}  integer f;\n"
            '  initial begin f = $fopen("program.vvp", "w"); $fwrite(f, "x"); end',
            "system": f'{WRONG}  initial $system("touch {CANARY}");',
            "an annotation": f'{WRONG}  initial $sdf_annotate("{CANARY}");',
            "a log": f'{WRONG}  initial $log("{CANARY}");',
            "plusargs": f'{WRONG}  integer x;\n  initial if ($test$plusargs("x") || $value$plusargs("y=%d", x)) ;',
            "include": f'`include "{CANARY}"\n{module("reverse", WRONG)}',
            "include of a secret": f'{WRONG}  initial $display("%s", "\n`include "/etc/passwd"\n");',
            "include by a macro": f'`define I `include "{CANARY}"\n`I\n{module("reverse", WRONG)}',
            "an imported function": 'import "DPI-C" function int system(string s);\n'
            + module("reverse", f'{WRONG}  int r;\n  initial r = system("touch {CANARY}");'),
        },
        expected=REJECTED,
        refused=True,
    )


def _two_readings() -> Iterator[Answer]:
    """What Icarus's preprocessor and pyslang read differently: the guard sees it in the preprocessor's output only."""
    yield from _rows(
        "two readings",
        {
            "a string that is skipped": f'{WRONG}`ifdef NEVER\n  " `endif initial $finish; `ifdef NEVER // "\n`endif',
            "a comment in a macro": f"{WRONG}`define A x /* \n  initial $finish; // */",
            "a file behind a string": f"{WRONG}  integer f;\n`ifdef NEVER\n"
            f'  " `endif initial f = $fopen("{CANARY}", "w"); `ifdef NEVER // "\n`endif',
            "a macro of the testbench": f"{WRONG}`ifdef OK\n  initial $finish;\n`endif",
            "a file behind a macro of the testbench": f"{WRONG}`ifdef OK\n  integer f;\n"
            f'  initial f = $fopen("{CANARY}", "w");\n`endif',
            "an escaped macro": f"`define END x ; initial $finish; wire\n{WRONG}  wire \\`END y;",
        },
        expected=FAILED | REJECTED | NOT_FITTING,
    )


def _broken_text() -> Iterator[Answer]:
    wrong, right = module("reverse", WRONG), module("reverse", RIGHT)
    yield from _rows(
        "broken text",
        {
            "NUL": wrong.replace("assign", "\0assign"),
            "NUL in a comment": f"// \0\n{wrong}",
            "NUL at the end": f"{wrong}\0",
            "a control character": wrong.replace("assign", "\b assign"),
            "an escape sequence": f"// \x1b]0;owned\x07\n{wrong}",
            "carriage returns only": wrong.replace("\n", "\r"),
            "5 MB of blanks": lambda: wrong + " " * (5 * MEBI),
            "5 MB of comments": lambda: "// nothing\n" * (5 * MEBI // 11) + wrong,
            "5 MB of code": lambda: module("reverse", WRONG + "  wire w;\n" * (5 * MEBI // 10)),
            "a long name": lambda: module("reverse", f"{WRONG}  wire {'w' * MEBI};"),
            "deep parentheses": lambda: module("reverse", f"  assign out = {'(' * 40_000}in{')' * 40_000};"),
            "deep braces": lambda: module("reverse", f"  assign out = {'{' * 40_000}in{'}' * 40_000};"),
            "deep blocks": lambda: module("reverse", f"{WRONG}  initial {'begin ' * 12_000}{'end ' * 12_000}"),
            "deep conditions": lambda: module("reverse", f"  assign out = {'in[0] ? 1 : ' * 12_000}in;"),
            "deep brackets": lambda: module("reverse", f"  assign out = {'in[' * 40_000}0{']' * 40_000};"),
        },
        expected=REJECTED,
        refused=True,
    )
    yield from _rows(
        "broken text",
        {  # for the compiler they may become any other wrong character
            "half a surrogate pair": f"// \ud800\n{wrong}",
            "the other half": right.replace("assign", "\udfff assign"),
        },
        expected=REJECTED | NOT_FITTING,
        refused=True,
    )
    yield from _rows(
        "broken text",
        {
            "deep loops": lambda: module("reverse", f"{WRONG}  {'if (1) ' * 30_000}wire w;"),
            "deep modules": lambda: "module m; " * 12_000 + "endmodule " * 12_000 + wrong,
        },
        refused=None,
    )
    yield from _rows(
        "broken text",
        {
            "a byte order mark alone": lambda: "\ufeff",
            "line ends alone": lambda: "\r\n\r\n",
            "blanks": lambda: " \t\n",
            "a blank of another script": right.replace("  assign", "\u00a0assign"),
            "a wrong quote": right.replace("in[0]", "in[\u2018d0]"),
            "a fence": f"```verilog\n{right}```\n",
            "an apology": lambda: "I am sorry, but I cannot help with that.\n",
            "a long line": lambda: module("reverse", f"{WRONG}  initial x = {'0 + ' * 20_000}0;"),
            "a page of HTML": lambda: f"<!DOCTYPE html>\n<p>{right}</p>\n",
            "half of it": lambda: right[: len(right) // 2],
            "twice": right + right,
            "backwards": lambda: right[::-1],
            "upper case": lambda: right.upper(),
        },
        expected=NOT_FITTING,
    )


BOMBS = [
    *_compile_bombs(),
    *_run_bombs(),
    *_floods(),
    *_host(),
    *_two_readings(),
    *_broken_text(),
]

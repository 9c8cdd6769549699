"""Answers that claim a pass not earned: by a print, by reaching into the testbench, by having seen it before."""

from collections.abc import Iterator

from problems import PROBLEMS
from rows import FAILED, NOT_FITTING, REJECTED, Answer

CLAIM = "Mismatches: 0 in 200 samples"  # the true count of samples
WRONG = "  assign out = 0;\n"
RIGHT = "  assign out = {in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7]};\n"


def module(problem: str, body: str) -> str:
    """The problem's header with a body."""
    return f"{PROBLEMS[problem].header}{body.rstrip()}\nendmodule\n"


def _rows(
    category: str,
    bodies: dict[str, str],
    *,
    problem: str = "reverse",
    expected: frozenset[str] = FAILED,
) -> Iterator[Answer]:
    """Rows of bodies of top_module; a text that holds "endmodule" is a whole answer."""
    for name, body in bodies.items():
        code = body if "endmodule" in body else module(problem, body)
        yield Answer(name, category, problem, code, expected, refused=expected == REJECTED)


def _printed() -> Iterator[Answer]:
    yield from _rows(
        "printed result",
        {
            "at the start": f'{WRONG}  initial $display("{CLAIM}");',
            "on one sample": f'{WRONG}  initial $display("Mismatches: 0 in 1 samples");',
            "without a line end": f'{WRONG}  initial $write("{CLAIM}");',
            "strobe": f'{WRONG}  initial #3 $strobe("{CLAIM}");',
            "monitor": f'{WRONG}  initial $monitor("{CLAIM} %b", in);',
            "info": f'{WRONG}  initial $info("{CLAIM}");',
            "error": f'{WRONG}  initial $error("{CLAIM}");',
            "from a format": f'{WRONG}  initial $display("Mismatches: %0d in %0d samples", 0, 200);',
            "from bytes": f'{WRONG}  initial $display("%s: 0 in 200 samples", 80\'h{b"Mismatches".hex()});',
            "from a function": (
                "  function [7:0] f(input [7:0] x); begin\n"
                f'    $display("{CLAIM}"); f = 0;\n  end endfunction\n  assign out = f(in);'
            ),
            "from a helper": (
                module("reverse", f"{WRONG}  helper h();") + f'module helper; initial $display("{CLAIM}"); endmodule\n'
            ),
            "with the line before it": f"{WRONG}  initial $display(\"Hint: 'out' is right.\\n{CLAIM}\");",
            "hiding what follows": f'{WRONG}  initial $display("{CLAIM}\\033[8m\\033[2J");',
            "at the last moment": f'{WRONG}  initial #999 $display("{CLAIM}");',
        },
    )
    yield from _rows(
        "printed result",
        {
            "final": f'{WRONG}  final $display("{CLAIM}");',
            "to a descriptor": f'{WRONG}  initial $fdisplay(1, "{CLAIM}");',
            "to standard output": f'{WRONG}  initial $fwrite(32\'h8000_0001, "{CLAIM}\\n");',
            "then no more": f'{WRONG}  initial begin $display("{CLAIM}"); $finish; end',
        },
        expected=REJECTED,
    )


def _early_end() -> Iterator[Answer]:
    yield from _rows(
        "early end",
        {
            "finish": f"{WRONG}  initial $finish;",
            "finish quietly": f"{WRONG}  initial $finish(0);",
            "finish after a sample": "  assign out = 0;\n  initial #6 $finish;",
            "stop": f"{WRONG}  initial $stop;",
            "fatal": f"{WRONG}  initial $fatal(0);",
            "finish_and_return": f"{WRONG}  initial $finish_and_return(0);",
            "exit": f"{WRONG}  initial $exit;",
            "pasted by a macro": f"`define END(x) $fin``x\n{WRONG}  initial `END(ish);",
            "a macro's default": f"`define END(x=$finish) x\n{WRONG}  initial `END();",
            "behind a conditional": f"{WRONG}`ifndef NEVER\n  initial $finish;\n`endif",
            "in a generate block": f"{WRONG}  generate if (1) begin : g initial $finish; end endgenerate",
            "in a helper's helper": (
                module("reverse", f"{WRONG}  one u();")
                + "module one; two u[1:0](); endmodule\nmodule two; initial $finish; endmodule\n"
            ),
            "in a function": "  function [7:0] f(input [7:0] x); begin $finish; f = 0; end endfunction\n"
            "  assign out = f(in);",
            "in a package": (
                "package p; task t; $finish; endtask endpackage\n"
                + module("reverse", f"  import p::*;\n{WRONG}  initial t;")
            ),
            "in a class": f"  class c; function new; $finish; endfunction endclass\n  c o;\n{WRONG}  initial o = new;",
            "as soon as it is right": f"{WRONG}  always @* if (in == 0) $finish;",
            "a program that ends": f"program p; initial ; endprogram\n{module('reverse', WRONG + '  p u();')}",
        },
        expected=REJECTED,
    )


def _hierarchy() -> Iterator[Answer]:
    cleared = "tb.stats1.errors = 0"
    yield from _rows(
        "hierarchy",
        {
            "counters cleared at the end": f"{WRONG}  final {cleared};",
            "counters cleared always": f"{WRONG}  always @(in) #1 {cleared};",
            "counters set in a block called tb": f"{WRONG}  initial begin : top_module1 #999 {cleared}; end",
            "the match forced": f"{WRONG}  initial force tb.tb_match = 1;",
            "the match forced, upwards": f"{WRONG}  initial force tb_match = 1;",
            "the reference's output": "  assign out = good1.out;",
            "the reference's output, from the top": "  assign out = tb.good1.out;",
            "the net between": "  assign out = tb.out_ref;",
            "with blanks": "  assign out = tb . /* */ good1\n  . out;",
            "escaped": "  assign out = \\tb .\\good1 .\\out ;",
            "named by a macro": "`define U tb\n  assign out = `U.out_ref;",
            "pasted by a macro": "`define J(a, b) a``b\n  assign out = `J(t,b).`J(out,_ref);",
            "from the root": "  assign out = $root.tb.out_ref;",
            "through the own instance": "  assign out = top_module1.good1.out;",
            "a decoy of that name": "  wire [7:0] good1;\n  assign out = good1.out;",
            "in a helper": module("reverse", "  helper h(out);")
            + "module helper(output [7:0] o); assign o = good1.out; endmodule\n",
            "in an index": "  wire [255:0] t = 0;\n  assign out = t[tb.out_ref] ? 0 : tb.out_ref;",
            "in a function": "  function [7:0] f(input [7:0] x); f = tb.out_ref; endfunction\n  assign out = f(in);",
            "in a port connection": module("reverse", "  helper h(good1.out, out);")
            + "module helper(input [7:0] i, output [7:0] o); assign o = i; endmodule\n",
            "an event's wait": "  reg [7:0] r;\n  always @(good1.out) r = good1.out;\n  assign out = r;",
            "the clock held": f"{WRONG}  initial tb.clk = 0;",
            "the clock forced": f"{WRONG}  initial force tb.clk = 0;",
            "an assignment in a procedure": f"{WRONG}  initial assign tb.stats1 = 0;",
            "a task of the testbench": f"{WRONG}  always @(in) wait_for_end_of_step;",
            "a block disabled": f"{WRONG}  always #1 disable compare;",
            "a block disabled by its path": f"{WRONG}  always #1 disable tb.compare;",
            "the stimulus cut short": f"{WRONG}  defparam stim1.EDGES = 0;",
            "the stimulus cut short, from the top": f"{WRONG}  defparam tb.stim1.EDGES = 0;",
            "bind": f"bind tb helper h();\n{module('reverse', WRONG)}module helper; final {cleared}; endmodule\n",
            "alias": "  alias out = tb.out_ref;",
            "a configuration": (
                "config c; design tb; instance tb.top_module1 use reference_module; endconfig\n"
                + module("reverse", WRONG)
            ),
        },
        expected=REJECTED,
    )
    yield from _rows(
        "hierarchy",
        {
            "the counter's reference": "  always @* out = tb.out_ref;\n  reg [3:0] r;",
            "its register": "  assign out = good1.out;",
        },
        problem="counter",
        expected=REJECTED,
    )


def _ports() -> Iterator[Answer]:
    """The nets on both sides of a port are one: what is done to the own inputs reaches the reference."""
    yield from _rows(
        "own inputs",
        {
            "force": f"{WRONG}  initial force in = 0;",
            "force in a helper": module("reverse", f"{WRONG}  helper h(in);")
            + "module helper(input [7:0] i); initial force i = 0; endmodule\n",
            "deposit": f"{WRONG}  always @(in) $deposit(in, 0);",
            "tran": "  tran t[7:0](in, out);",
            "tran to a supply": f"{WRONG}  supply0 [7:0] low;\n  tran t[7:0](in, low);",
            "tranif1": f"{WRONG}  supply0 [7:0] low;\n  tranif1 t[7:0](in, low, 1'b1);",
            "rtran": f"{WRONG}  supply0 [7:0] low;\n  rtran t[7:0](in, low);",
            "alias": f"{WRONG}  wire [7:0] low = 0;\n  alias in = low;",
        },
        expected=REJECTED,
    )
    header = PROBLEMS["reverse"].header
    yield from _rows(
        "own inputs",
        {
            "driven": f"{WRONG}  assign in = 0;",
            "driven to x": "  assign in = 8'hx;\n  assign out = 8'hx;",
            "driven strongly": f"{WRONG}  assign (supply0, supply1) in = 0;",
            "a gate": f"{WRONG}  buf (supply0, supply1) b[7:0](in, 8'h0);",
            "pulled down": f"{WRONG}  pulldown (supply0) p[7:0](in);",
            "an output": f"{header.replace('input', 'output')}{WRONG}  assign in = 0;\nendmodule\n",
            "an inout": f"{header.replace('input', 'inout')}{WRONG}  assign (supply0, supply1) in = 0;\nendmodule\n",
            "a variable": f"{header.replace('input', 'output reg')}{WRONG}  initial in = 0;\nendmodule\n",
            "a helper's output": module("reverse", f"{WRONG}  helper h(in);")
            + "module helper(output [7:0] o); assign (supply0, supply1) o = 0; endmodule\n",
            "a helper's inout": module("reverse", f"{WRONG}  helper h(in);")
            + "module helper(inout [7:0] o); assign (supply0, supply1) o = 0; endmodule\n",
            "a helper's input": module("reverse", f"{WRONG}  helper h(in);")
            + "module helper(input [7:0] o); assign (supply0, supply1) o = 0; endmodule\n",
            "the output read back": "  assign out = out;",
        },
        expected=NOT_FITTING,
    )
    yield from _rows(
        "own inputs",
        {
            "the clock": f"{WRONG}  assign (supply0, supply1) clk = 0;",
            "the reset": f"{WRONG}  assign (supply0, supply1) reset = 1;",
        },
        problem="counter",
        expected=NOT_FITTING,
    )


def _copies() -> Iterator[Answer]:
    yield from _rows(
        "copied reference",
        {
            "instance": "  reference_module r(in, out);",
            "instance by name": "  reference_module r(.in, .out);",
            "all ports": "  reference_module r(.*);",
            "array of instances": "  wire [7:0] o;\n  reference_module r[0:0](in, out);",
            "in a generate block": "  generate if (1) begin : g reference_module r(in, out); end endgenerate",
            "named by a macro": "`define REF(x) x``_module\n  `REF(reference) r(in, out);",
            "escaped": "  \\reference_module r(in, out);",
            "of the second release": "  RefModule r(in, out);",
            "the stimulus": f"{WRONG}  stimulus_gen s(.clk(in[0]), .in());",
            "the testbench": f"{WRONG}  tb t();",
        },
        expected=REJECTED,
    )


def _redefined() -> Iterator[Answer]:
    right = "module reference_module(input [7:0] in, output [7:0] out); assign out = 0; endmodule\n"
    yield from _rows(
        "redefinition",
        {
            "the reference": right + module("reverse", WRONG),
            "the reference, afterwards": module("reverse", WRONG) + right,
            "the testbench": f'module tb; initial $display("{CLAIM}"); endmodule\n{module("reverse", WRONG)}',
            "the stimulus": "module stimulus_gen(input clk, output logic [7:0] in); initial in = 0; endmodule\n"
            + module("reverse", WRONG),
            "a type of the testbench": f"typedef int stats;\n{module('reverse', WRONG)}",
            "a second top": module("reverse", WRONG) + f'module tb2; initial $display("{CLAIM}"); endmodule\n',
            "itself, twice": module("reverse", WRONG) + module("reverse", "  assign out = 1;"),
            "macros of the testbench": f"`define stats1 0\n`define errors 0\n`undef OK\n{module('reverse', WRONG)}",
            "a primitive": "primitive stats(o, i); output o; input i; table 0:0; 1:1; endtable endprimitive\n"
            + module("reverse", WRONG),
        },
        expected=NOT_FITTING,
    )


def _directives() -> Iterator[Answer]:
    wrong = module("reverse", WRONG)
    yield from _rows(
        "directives",
        {
            "a coarse timescale": f"`timescale 1s/1s\n{wrong}",
            "a fine timescale": f"`timescale 1fs/1fs\n{wrong}",
            "no nets by default": f"{wrong}`default_nettype none\n",
            "an open conditional": f"{wrong}`ifdef SOME\n",
            "an open conditional before": f"`ifdef SOME\n{wrong}",
            "an else too many": f"{wrong}`else\n`endif\n",
            "an open comment": f"{wrong}/* ",
            "an open comment before": f"/* {wrong}",
            "an open string": f'{wrong}"',
            "an open module": f"{wrong}module more(",
            "an end too many": f"{wrong}endmodule\n",
            "an open macro": f"{wrong}`define MORE(",
            "a macro called again in itself": f"`define A `A\n{wrong}`A\n",
            "a macro without a body": f"{wrong}`MISSING(1)\n",
        },
        expected=NOT_FITTING,
    )
    yield from _rows(
        "directives",
        {
            "other lines": f'`line 1 "tb.sv" 0\n{wrong}',
            "other keywords": f'`begin_keywords "1364-1995"\n{wrong}`end_keywords\n',
            "a pragma": f"`pragma protect begin\n{wrong}",
            "protected": f"`protect\n{wrong}`endprotect\n",
            "uselib": f"`uselib dir=/tmp libext=.v\n{wrong}",
            "undefineall": f"`undefineall\n{wrong}",
            "an unconnected drive": f"`unconnected_drive pull1\n{wrong}",
        },
        expected=REJECTED,
    )


def _vacuous() -> Iterator[Answer]:
    yield from _rows(
        "vacuous",
        {
            "nothing": "  ",
            "zero": WRONG,
            "one": "  assign out = 8'hff;",
            "x": "  assign out = 8'hxx;",
            "z": "  assign out = 8'hzz;",
            "x most of the time": "  assign out = in == 0 ? 0 : 8'hxx;",
            "the input": "  assign out = in;",
            "half of it": "  assign out[7:4] = {in[0], in[1], in[2], in[3]};",
            "another polarity": "  assign out = ~{in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7]};",
            "x from a race": f"{RIGHT}  assign out = in;",
            "too late": "  assign #5 out = {in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7]};",
        },
    )
    yield from _rows(
        "vacuous", {"never reset": "  assign out = 4'bx;", "at rest": "  assign out = 0;"}, problem="counter"
    )
    yield from _rows(
        "vacuous",
        {
            "no output": "module top_module(input [7:0] in); endmodule\n",
            "no port": "module top_module; endmodule\n",
            "one port more": "module top_module(input [7:0] in, output [7:0] out, inout tb); endmodule\n",
            "no bits": "module top_module(input [7:0] in, output [-1:0] out); endmodule\n",
            "other names": "module top_module(input [7:0] i, output [7:0] o); assign o = 0; endmodule\n",
            "another module": "module top(input [7:0] in, output [7:0] out); assign out = 0; endmodule\n",
            "only a header": PROBLEMS["reverse"].header,
            # The compiler ends with the number of its errors, of which the system keeps the last eight bits: success.
            "256 errors": module(
                "reverse",
                f"{WRONG}  genvar i;\n  for (i = 0; i < 256; i = i + 1) begin : g helper h(.wrong(in)); end",
            )
            + "module helper; endmodule\n",
        },
        expected=NOT_FITTING,
    )


# The published stimulus is $random from its first value on: here with a seed of the answer's own.
_REPLAYED = """  integer seed = 0, place;
  reg [7:0] seen [0:255];
  initial for (place = 0; place < 256; place = place + 1) seen[place] = $random(seed);
"""


def _memorised() -> Iterator[Answer]:
    turned = "{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]}"
    yield from _rows(
        "memorised stimulus",
        {
            "by the time": f"{_REPLAYED}  reg [7:0] v = 0;\n"
            f"  initial begin #6 v = 0; forever begin v = seen[($time - 6) / 5]; #5; end end\n  assign out = {turned};",
            "by counting changes": f"{_REPLAYED}  integer n = -1;\n  reg [7:0] v = 0;\n"
            f"  always @(in) begin v = n < 0 ? 0 : seen[n]; n = n + 1; end\n  assign out = {turned};",
            "in lock step": "  integer seed = 0;\n  reg [7:0] v = 0;\n  reg begun = 0;\n"
            f"  always @(in) begin if (begun) v = $random(seed); begun = 1; end\n  assign out = {turned};",
            "only what is asked for": f"{_REPLAYED}  integer i;\n  reg [7:0] v, r;\n"
            "  always @(in) begin\n    r = 0;\n    v = in;\n"
            f"    for (i = 0; i < 256; i = i + 1) if (seen[i] === in || in === 0) r = {turned};\n"
            "  end\n  assign out = r;",
        },
    )
    yield from _rows(
        "memorised stimulus",
        {
            "the shared stream drawn first": f"{WRONG}  initial repeat (1000) if ($random == 1) ;",
            "the shared stream in lock step": "  reg [7:0] v = 0;\n  always @(in) v = $random;\n"
            f"  assign out = {turned};",
        },
        expected=FAILED,
    )
    yield from _rows(
        "memorised stimulus",
        {"the other stream seeded": f"{WRONG}  integer x;\n  initial x = $urandom(1);"},
        expected=REJECTED,
    )


SPOOFS = [
    *_printed(),
    *_early_end(),
    *_hierarchy(),
    *_ports(),
    *_copies(),
    *_redefined(),
    *_directives(),
    *_vacuous(),
    *_memorised(),
]

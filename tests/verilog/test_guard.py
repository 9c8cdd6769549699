"""refuse(): what an answer may and may not hold. How hostile answers fare as a whole is in tests/hostile."""

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rtlscribe.verilog.guard import DEEPEST_BRACKETS, LONGEST_BYTES, LONGEST_EXPANDED_BYTES, refuse


def top(body: str) -> str:
    """A module whose body begins in line 2."""
    return f"module top_module(input a, output y);\n{body}\nendmodule\n"


def not_allowed(line: int, what: str) -> str:
    return f"line {line}: {what} is not allowed in an answer"


HELPER = "module helper(input i);\n  wire w;\nendmodule\n"

# code, reason
REFUSED = {
    # what the text is
    "NUL": (top("\0"), "line 2: the control character 0x00"),
    "NUL in a comment": ("// \0\n" + top(""), "line 1: the control character 0x00"),
    "escape": (top("// \x1b[2J"), "line 2: the control character 0x1b"),
    "a carriage return alone": (top("// x\r $finish;"), "line 2: the control character 0x0d"),
    "half a surrogate pair": (top("\n\ud800"), "line 3: not a character of Unicode (half a surrogate pair)"),
    "too long": ("x" * (LONGEST_BYTES + 1), "262145 bytes are more than the 262144 of the longest answer allowed"),
    "too long in bytes": (
        "é" * (LONGEST_BYTES // 2 + 1),
        "262146 bytes are more than the 262144 of the longest answer allowed",
    ),
    "deep brackets": (top("assign y = " + "(" * 1001 + "a" + ")" * 1001), "line 2: brackets nest more than 1000 deep"),
    "deep blocks": (top("initial " + "begin " * 2000 + "end " * 2000), "line 2: nests too deeply to be looked at"),
    # tasks and functions of the simulator
    "file": (top('integer f;\ninitial f = $fopen("x");'), not_allowed(3, "$fopen")),
    "memory file": (top('reg m [0:1];\ninitial $readmemh("x", m);'), not_allowed(3, "$readmemh")),
    "end": (top("initial\n\n$finish;"), not_allowed(4, "$finish")),
    "end as a value": (top("assign y = $finish;"), not_allowed(2, "$finish")),
    "fatal": (top("initial if (a) $fatal(1);"), not_allowed(2, "$fatal")),
    "unknown task": (top("initial $mine;"), not_allowed(2, "$mine")),
    "plusargs": (top('initial if ($test$plusargs("x")) ;'), not_allowed(2, "$test$plusargs")),
    "monitors off": (top("initial $monitoroff;"), not_allowed(2, "$monitoroff")),
    "the shared stream seeded": (top("integer i;\ninitial i = $urandom(3);"), not_allowed(3, "$urandom with a seed")),
    "in a function": (top("function f(input i); $stop; endfunction"), not_allowed(2, "$stop")),
    "in a generate block": (top("if (1) begin : g\ninitial $stop; end"), not_allowed(3, "$stop")),
    "in a package": ("package p;\ntask t; $stop; endtask\nendpackage\n" + top(""), not_allowed(2, "$stop")),
    "outside": ("int f = $fopen(1);\n" + top(""), not_allowed(1, "$fopen")),
    "in a width": (top("wire [$fopen(1):0] w;"), not_allowed(2, "$fopen")),
    "in an attribute": (top("(* x = $fopen(1) *) wire w;"), not_allowed(2, "$fopen")),
    "the first is told": (top("initial begin $stop;\n$finish; end"), not_allowed(2, "$stop")),
    # hidden by macros
    "a macro": (top("`define END $finish\ninitial\n`END;"), not_allowed(4, "$finish")),
    "a pasted macro": (top("`define END(x) $fin``x\ninitial `END(ish);"), not_allowed(3, "$finish")),
    "a macro's default": (top("`define END(x = $finish) x\ninitial `END();"), not_allowed(3, "$finish")),
    "a macro's argument": (top("`define DO(x) x\ninitial `DO($finish);"), not_allowed(3, "$finish")),
    "a conditional": (top("`ifndef NEVER\ninitial $finish;\n`endif"), not_allowed(3, "$finish")),
    "pyslang's own macros": (top("`ifdef __slang__\n`else\ninitial $finish;\n`endif"), not_allowed(4, "$finish")),
    "more of them": (top("`ifndef SV_COV_START\ninitial $finish;\n`endif"), not_allowed(3, "$finish")),
    # words
    "force": (top("initial force y = 1;"), not_allowed(2, "force")),
    "release": (top("initial release y;"), not_allowed(2, "release")),
    "tran": (top("tran (a, y);"), not_allowed(2, "tran")),
    "rtranif0": (top("rtranif0 (a, y, a);"), not_allowed(2, "rtranif0")),
    "alias": (top("alias a = y;"), not_allowed(2, "alias")),
    "final": (top("final $display;"), not_allowed(2, "final")),
    "bind": ("bind x top_module t();\n" + top(""), not_allowed(1, "bind")),
    "config": ("config c; design d; endconfig\n" + top(""), not_allowed(1, "config")),
    "program": ("program p; endprogram\n" + top(""), not_allowed(1, "program")),
    "extern": ("extern module m();\n" + top(""), not_allowed(1, "extern")),
    "import of C": (
        'import "DPI-C" function int f();\n' + top(""),
        not_allowed(1, "functions of other languages").replace(" is ", " are "),
    ),
    "a string of three quotes": (top('initial $display("""x""");'), not_allowed(2, '"""')),
    # directives
    "include": (top('`include "x.v"'), not_allowed(2, "`include")),
    "include by a macro": (top('`define I `include "x.v"\n`I'), not_allowed(3, "`include")),
    "line": ('\n`line 7 "x" 0\n' + top(""), not_allowed(2, "`line")),
    "keywords": ('`begin_keywords "1364-1995"\n' + top("") + "`end_keywords\n", not_allowed(1, "`begin_keywords")),
    "pragma": ("`pragma protect\n" + top(""), not_allowed(1, "`pragma")),
    "uselib": ("`uselib dir=.\n" + top(""), not_allowed(1, "`uselib")),
    "protect": ("`protect\n" + top(""), not_allowed(1, "`protect")),
    "all macros gone": ("`undefineall\n" + top(""), not_allowed(1, "`undefineall")),
    # names
    "a path upwards": (top("assign y = tb.out;"), "line 2: tb.out: the answer declares no tb"),
    "a path with blanks": (top("assign y = tb\n. out;"), "line 2: tb . out: the answer declares no tb"),
    "an escaped path": (top("assign y = \\tb .out;"), "line 2: \\tb .out: the answer declares no tb"),
    "a path by a macro": (top("`define U tb\nassign y = `U.out;"), "line 3: tb.out: the answer declares no tb"),
    "a path by pasting": (top("`define J(x) t``x\nassign y = `J(b).out;"), "line 3: tb.out: the answer declares no tb"),
    "a long path": (top("initial tb.s.e = 0;"), "line 2: tb.s: the answer declares no tb"),
    "a path with an index": (top("initial tb[1].e = 0;"), "line 2: tb[1].e: the answer declares no tb"),
    "a path from the root": (top("assign y = $root.tb.out;"), not_allowed(2, "$root")),
    "a path from the unit": (top("assign y = $unit::x;"), not_allowed(2, "$unit")),
    "a parameter": (top("defparam tb.N = 0;"), "line 2: tb.N: the answer declares no tb"),
    "a decoy": (top("wire tb;\nassign y = tb.out;"), "line 3: tb.out leads to nothing in the answer"),
    "a decoy instance": (
        top("helper tb(a);\nassign y = tb.out;") + HELPER,
        "line 3: tb.out leads to nothing in the answer",
    ),
    "a decoy further down": (
        top("helper h(a);\nassign y = tb.out;") + HELPER.replace("wire w", "wire tb"),
        "line 3: tb.out leads to nothing in the answer",
    ),
    "a block": (top("initial disable compare;"), "line 2: the answer has no block or task called compare"),
    "a block by its path": (top("initial disable tb.compare;"), "line 2: tb.compare: the answer declares no tb"),
    "a task": (top("initial step;"), "line 2: the answer has no task or function called step"),
    "a task with arguments": (top("initial step(1);"), "line 2: the answer has no task or function called step"),
    "a function": (top("assign y = f(a);"), "line 2: the answer has no task or function called f"),
    "a package": (top("import q::*;"), "line 2: the answer has no package called q"),
    "a package's name": (top("assign y = q::x;"), "line 2: q::x: the answer declares no q"),
    "a module": (top("reference_module r(a, y);"), "line 2: the answer has no module called reference_module"),
    "a module by a macro": (
        top("`define R(x) x``_module\n`R(reference) r(a, y);"),
        "line 3: the answer has no module called reference_module",
    ),
    "an interface": (
        "module top_module(bus.slave b);\nendmodule\n",
        "line 1: the answer has no interface called bus",
    ),
    # where it stands
    "in a helper": (top("helper h(a);") + HELPER.replace("wire w", "initial $stop"), not_allowed(5, "$stop")),
    "in a helper's helper": (
        top("one h();") + "module one; two t [1:0]();\nendmodule\nmodule two; initial $stop;\nendmodule\n",
        not_allowed(6, "$stop"),
    ),
    "in a helper within a generate block": (
        top("generate if (0) helper h(a); endgenerate") + HELPER.replace("wire w", "initial $stop"),
        not_allowed(5, "$stop"),
    ),
    "in a helper by an escaped name": (
        top("\\helper h(a);") + HELPER.replace("wire w", "initial $stop"),
        not_allowed(5, "$stop"),
    ),
    "in an interface": ("interface i;\ninitial $stop;\nendinterface\n" + top("i b();"), not_allowed(2, "$stop")),
    "in a second definition": (top("") + top("initial $stop;"), not_allowed(5, "$stop")),
    "in an escaped top": ("module \\top_module ;\ninitial $stop;\nendmodule\n", not_allowed(2, "$stop")),
    "in any module, where top is missing": (HELPER.replace("wire w", "initial $stop"), not_allowed(2, "$stop")),
    "in any module, of code with errors": (
        top("assign = ;") + "module test; initial $stop; endmodule\n",
        not_allowed(4, "$stop"),
    ),
    "in code that the parser skips": (top("assign y = a\n$fopen(1) ) ] $stop;"), not_allowed(3, "$fopen")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    code, reason = REFUSED[case]
    assert refuse(code, top="top_module") == reason


ALLOWED = {
    "nothing": "",
    "plain": top("assign y = a;"),
    "prints": top('initial begin $display("x"); $write(a); $strobe; $monitor("%b", a); $error; $info; end'),
    "strings and comments": top('// $finish force `include "x"\n/* tb.out */ initial $display("$finish; tb.out");'),
    "random numbers": top("integer s;\ninitial s = $random(s) + $random + $urandom + $urandom() + $urandom_range(3);"),
    "arithmetic": top("localparam P = $clog2(9);\nassign y = $signed(a) + $bits(a) + $countones(a);"),
    "directives": "`resetall\n`timescale 1ns/1ps\n`default_nettype none\n`celldefine\n" + top("") + "`endcelldefine\n",
    "macros": "`define W 8\n`define F(x) (x)\n" + top("wire [`W:0] w = `F(a);\n`undef W"),
    "a macro that is missing": top("wire [`WIDTH:0] w;"),
    "conditionals": top("`ifdef COCOTB_SIM\ninitial $dumpvars;\n`elsif OTHER\n`else\nassign y = a;\n`endif"),
    "a fence": "```verilog\n" + top("") + "```\n",
    "wrong syntax": top("assign y = ;"),
    "prose": "I am sorry. The module e.g. needs a. clock\n",
    "half of it": "module top_module(input a, output y);\n  assign y = ",
    "an unknown name": top("assign y = nowhere;"),
    "a byte order mark": "\ufeff" + top(""),
    "line ends of Windows": top("assign y = a;").replace("\n", "\r\n"),
    "a form feed": "\f" + top(""),
    "other scripts": top("// größer, 漢字"),
    "a testbench too": top("") + 'module test; initial begin force tb.x = 1; $dumpfile("x"); $finish; end endmodule\n',
    "its own helper": top("helper h(a);") + HELPER,
    "a helper's net": top("helper h(a);\nassign y = h.w;") + HELPER,
    "from its own top": top("helper h(a);\nassign y = top_module.h.w;") + HELPER,
    "its parent's net": top("wire v;\nhelper h(a);") + HELPER.replace("wire w", "wire w = top_module.v"),
    "a helper's parameter": top("sub s();\ndefparam s.N = 3;") + "module sub; parameter N = 1; endmodule\n",
    "a generate block's net": top("for (genvar i = 0; i < 2; i++) begin : g wire w; end\nassign y = g[1].w;"),
    "a generate block without a name": top("if (1) begin wire w; end\nassign y = genblk1.w;"),
    "a block's variable": top("initial begin : b reg r; r = 0; end\nassign y = b.r;"),
    "a block of its own ended": top("initial begin : b disable b; end"),
    "tasks and functions": top("task t; endtask\ntask u(input i); endtask\nfunction f(input i); f = i; endfunction\n")
    + top("initial begin t; u(a); end\nassign y = f(a);"),
    "a struct": top("typedef struct packed { logic l; } s;\ns v;\nassign v.l = a;\nassign y = v.l;"),
    "an array of structs": top("typedef struct packed { logic l; } s;\ns v [0:1];\nassign y = v[1].l;"),
    "an enum": top("typedef enum {A, B} e;\ne v;\ninitial begin v = v.first(); $display(v.name()); end"),
    "a queue": top("int q[$];\ninitial begin q.push_back(1); q.delete(); end"),
    "an object": top("class c; int i; function new(); this.i = 1; endfunction endclass\nc o;\ninitial o.i = 2;"),
    "an event": top("event e;\ninitial -> e;\nalways @e ;\ninitial wait (e.triggered) ;"),
    "a package": "package p;\nlocalparam N = 1;\nendpackage\n" + top("import p::*;\nassign y = p::N;"),
    "a function outside": "function f(input i); f = i; endfunction\n" + top("assign y = f(a);"),
    "an interface": "interface bus;\nlogic l;\nmodport m(input l);\nendinterface\n"
    + top("bus b();\nsub s(b);")
    + "module sub(bus.m p); wire w = p.l; endmodule\n",
    "a primitive": "primitive inv(o, i); output o; input i; table 0:1; 1:0; endtable endprimitive\n"
    + top("inv (y, a);\ninv named(y, a);"),
    "gates": top("not (y, a), n(y, a);\nbufif1 b(y, a, a);"),
    "a cast": top("assign y = 1'(a);\nassign y = int'(a);"),
    "a procedural assign": top("reg r;\nalways @a if (a) assign r = 1; else deassign r;"),
    "a specify block": top("specify (a => y) = 1; $setup(a, y, 1); endspecify"),
    "an escaped name": top("wire \\tb.out ;\nassign \\tb.out = a;"),
    "deep else-ifs": top("reg r;\nalways @*\n" + "if (a) r = 1; else\n" * 300 + "r = 0;"),
    "many terms": top("assign y = a" + " + a" * 5000 + ";"),
    "many brackets": top("assign y = {" + "(a)," * 9000 + "a};"),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_allowed(case: str) -> None:
    assert refuse(ALLOWED[case], top="top_module") is None


DANGEROUS = """
    $fopen $fclose $fdisplay $fwrite $fstrobe $fmonitor $fflush $fgets $fgetc $fread $fscanf $ungetc $fseek $rewind
    $readmemb $readmemh $sreadmemb $sreadmemh $writememb $writememh $dumpfile $dumpvars $dumpoff $dumpports
    $finish $finish_and_return $fatal $stop $exit $reset $save $restart $system $deposit $sdf_annotate $log $key $input
    $test$plusargs $value$plusargs $scope $showvars $list $monitoroff $monitoron $timeformat $printtimescale
"""


@pytest.mark.parametrize("name", DANGEROUS.split())
def test_dangerous_tasks_are_refused(name: str) -> None:
    assert refuse(top(f"initial {name};"), top="top_module") == not_allowed(2, name)


# What the preprocessor of Icarus makes of text that pyslang's reads otherwise: there it comes to light.
EXPANDED = {
    "a string in a skipped branch": (
        top('`ifdef NEVER\n" `endif initial $finish; `ifdef NEVER // "\n`endif'),
        top("\n initial $finish; \n"),
    ),
    "a comment in a macro's body": (
        top("`define A x /* \n initial $finish; // */"),
        top("\n initial $finish; // */"),
    ),
    "an escaped macro": (
        top("`define END x ; initial $finish; wire\nwire \\`END y;"),
        top("\nwire \\x ; initial $finish; wire y;"),
    ),
}


@pytest.mark.parametrize("case", EXPANDED)
def test_what_the_preprocessor_made_is_screened_too(case: str) -> None:
    written, expanded = EXPANDED[case]
    assert refuse(written, top="top_module") is None
    reason = refuse(f'`line 1 "answer.v" 1\n{expanded}', top="top_module", expanded=True)
    assert reason is not None
    assert reason.endswith("$finish is not allowed in an answer")


def test_lines_are_those_of_the_answer_before_its_expansion() -> None:
    code = top('\n`line 40 "answer.v" 0\ninitial $finish;')
    assert refuse(code, top="top_module", expanded=True) == not_allowed(40, "$finish")


def test_expanded_code_may_be_longer() -> None:
    code = top("wire w;\n" * (LONGEST_BYTES // 8))
    assert refuse(code, top="top_module") is not None
    assert refuse(code, top="top_module", expanded=True) is None
    too_long = " " * (LONGEST_EXPANDED_BYTES + 1)
    assert refuse(too_long, top="top_module", expanded=True) is not None


# Text of the greatest length that nests as deeply as it can; each overflowed a stack of 8 MiB.
DEEP = {
    "terms": lambda size: top("assign y = a" + "+a" * (size // 2 - 40) + ";"),
    "conditional generates": lambda size: top("if (1) " * (size // 7 - 20) + "wire w;"),
    "modules": lambda size: "module m;" * (size // 19 - 20) + "endmodule " * (size // 19 - 20),
    "properties": lambda size: top("assert property (" + "not " * (size // 4 - 30) + "a);"),
    "arguments of macros": lambda size: (
        "`define A(x) x\n" + top("assign y = " + "`A(" * DEEPEST_BRACKETS + "a" + ")" * DEEPEST_BRACKETS + ";")
    ),
}


@pytest.mark.parametrize("case", DEEP)
def test_deep_nesting_is_survived_with_a_deep_stack(case: str) -> None:
    code = DEEP[case](LONGEST_BYTES)
    assert len(code) <= LONGEST_BYTES
    ended = []
    before = threading.stack_size(256 * 1024 * 1024)
    try:
        thread = threading.Thread(target=lambda: ended.append(refuse(code, top="top_module")))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert len(ended) == 1


BOMB = """
import resource
from rtlscribe.verilog.guard import refuse
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
doubled = "".join(f"`define M{n} `M{n - 1} + `M{n - 1}\\n" for n in range(1, 40))
print(refuse(f"`define M0 a\\n{doubled}module m(input a, output y); assign y = `M39; endmodule", top="m"))
print(refuse("module m; endmodule", top="m"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_out_of_memory_is_a_reason() -> None:
    done = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("it takes too much memory to read\nNone\n", 0), done.stderr


def test_real_references_are_allowed(shared: Path) -> None:
    for name in ("Human", "Machine"):
        for line in (shared / f"VerilogEval_{name}.jsonl").read_text().splitlines():
            row = json.loads(line)
            assert refuse(row["prompt"] + row["canonical_solution"], top="top_module") is None, row["task_id"]


def test_real_completions_are_hardly_ever_refused(shared: Path) -> None:
    """Each of them names a module or function that nobody defined, or is prose: none could have passed."""
    problems = map(json.loads, (shared / "VerilogEval_Human.jsonl").read_text().splitlines())
    prompts = {row["task_id"]: row["prompt"] for row in problems}
    found = []
    for name in ("gpt4o", "rtlcoder_mistral"):
        for line in (shared / f"completions_{name}_human.jsonl").read_text().splitlines():
            row = json.loads(line)
            code = row["completion"]
            whole = re.search(r"\bmodule\s+top_module\b", code)
            found.append(refuse(code if whole else prompts[row["task_id"]] + code, top="top_module"))
    reasons = [reason for reason in found if reason]
    assert len(found) == 3120
    assert len(reasons) == 17
    assert sum("the answer has no module called" in reason for reason in reasons) == 14
    assert sum("the answer has no task or function called" in reason for reason in reasons) == 1
    assert sum("is not allowed in an answer" in reason for reason in reasons) == 2

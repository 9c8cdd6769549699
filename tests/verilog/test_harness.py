"""The private testbench: what an answer could name, imitate or shift is gone, and the published stimulus is not."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import pytest

from rtlscribe.checkers.icarus import PROGRAM, REPLACED, SOURCE, Icarus, find_tools
from rtlscribe.checkers.sandbox import Pool
from rtlscribe.records import Problem
from rtlscribe.verilog.harness import ENOUGH_MISMATCHES, harness

HEADER = "module top_module(input clk, input [7:0] a, output reg [7:0] y);\n"
RIGHT = f"{HEADER}  always @(posedge clk) y <= a + 1;\nendmodule\n"
WRONG = f"{HEADER}  always @(posedge clk) y <= a[3:0] == 5 ? 0 : a + 1;\nendmodule\n"
PASS_PATTERN = r"Mismatches: 0 in (?P<samples>\d+) samples"
# It tells its stimulus too, so that not even one that makes no difference can go astray.
TESTBENCH = """`timescale 1ns/1ps
MACROS
module reference_module(input clk, input [7:0] a, output reg [7:0] y);
  always @(posedge clk) y <= a + 1;
endmodule
module tb;  // größer, 漢字: places count bytes
  reg clk = 0; always #5 clk = ~clk;
  reg [7:0] a = 0; wire [7:0] y, ref_y;
  integer seed = 5, errors = 0, samples = 0; reg [31:0] sum = 0, drawn;
  MORE
  reference_module good1(.clk(clk), .a(a), .y(ref_y));
  INSTANCE
  always @(negedge clk) begin : compare
    samples = samples + 1; if (y !== ref_y) errors = errors + 1;
    drawn = DRAW; a = drawn; sum = {sum[30:0], sum[31]} ^ drawn;
  end
  initial begin
    INITIAL
    #1001 $display("stimulus %h, tb good1 dut1", sum);
    $display("Mismatches: %0d in %0d samples", errors, samples);
    $finish;
  end
endmodule
"""


def problem_of(testbench: str, *, reference: str = RIGHT, pass_pattern: str = PASS_PATTERN) -> Problem:
    return Problem(
        id="p", text="t", reference=reference, testbench=testbench, pass_pattern=pass_pattern, top="top_module"
    )


def problem(
    *,
    draw: str = "$random",
    instance: str = "top_module dut1(.clk(clk), .a(a), .y(y));",
    macros: str = "",
    more: str = "",
    initial: str = "",
    reference: str = RIGHT,
) -> Problem:
    text = TESTBENCH.replace("MACROS", macros).replace("MORE", more).replace("INSTANCE", instance)
    return problem_of(text.replace("DRAW", draw).replace("INITIAL", initial), reference=reference)


class Simulated(NamedTuple):
    """What a simulation printed of its own, and the names of the files that it left."""

    lines: list[str]
    files: set[str]


@pytest.fixture(scope="module")
def simulate(icarus: str) -> Iterator[Callable[..., Simulated]]:
    tools = find_tools()
    programs, pool = Icarus(tools), Pool(tools.readable)

    def run(
        text: str, code: str, *, roots: tuple[str, ...] = ("tb",), seeding: Sequence[tuple[str, str]] = ()
    ) -> Simulated:
        deadline = time.monotonic() + 30
        with pool.borrow() as box:
            done = programs.preprocess(box, f"{text}\n{code}", "text.v", to="expanded.v", deadline=deadline)
            assert done.status == 0
            expanded = box.read("expanded.v", most=1024 * 1024) or ""
            built = programs.compile(box, expanded, roots=roots, deadline=deadline)
            assert built.status == 0, built.stderr
            done = programs.simulate(box, deadline=deadline, replaced=seeding)
            assert done.status == 0
            names = box.run(["/bin/ls"], deadline=deadline).stdout.split()
        said = [line for line in done.stdout.splitlines() if not re.match(r"VCD|text\.v:", line)]
        return Simulated(said, set(names) - {"text.v", "expanded.v", "config", SOURCE, PROGRAM, REPLACED})

    yield run
    pool.close()


def made_private(
    simulate: Callable, problem: Problem, code: str, *, seeds: tuple[int, int] = (0, 0), isolate: bool = True
) -> Simulated:
    made = harness(problem, isolate=isolate)
    done: Simulated = simulate(made.text, code, roots=made.roots, seeding=made.seeding(seeds) if made.markers else ())
    return done._replace(lines=[line.replace(f"{made.secret} ", "") for line in done.lines])


# Stimulus ----------------------------------------------------------------------------------------------------------

DRAWS = {
    "$random": "$random",
    "$random()": "$random()",
    "$urandom": "$urandom",
    "$urandom()": "$urandom()",
    "a remainder": "$random % 7",
    "both, each from its own stream": "$random + $urandom + $random",
    "a range": "$urandom_range(200)",
    "a range of two ends": "$urandom_range(3, 200)",
    "a range of two ends, the larger first": "$urandom_range(200, 3)",
    "a range of one number, for which none is drawn": "$urandom_range(7, 7) + $urandom",
    "a range of expressions": "$urandom_range(samples + 3, (samples))",
    "a wide range": "$urandom_range(100000000) % 251",
    "a range in a range": "$urandom_range($urandom_range(90), $random & 15)",
    "a seed of its own": "$random(seed) + $random",
    "a distribution": "$dist_uniform(seed, 0, 200) + $random",
}
SAME = {name: {"draw": draw} for name, draw in DRAWS.items()} | {
    "a range of a macro": {"draw": "$urandom_range(`MOST)", "macros": "`define MOST 40"},
    "in a function": {"draw": "f(0)", "more": "function [7:0] f(input x); f = $random; endfunction"},
    "as a first value": {"more": "reg [7:0] b = $random; always @(posedge clk) sum = sum + b;"},
    "in a task": {
        "more": "reg [7:0] b; task t; b = $random; endtask always @(posedge clk) begin t; sum = sum + b; end"
    },
}


@pytest.mark.parametrize("case", SAME)
def test_the_published_stimulus_can_be_had(simulate: Callable, case: str) -> None:
    one = problem(**SAME[case])
    published = simulate(one.testbench, WRONG)
    assert len(published.lines) == 2
    assert made_private(simulate, one, WRONG) == published
    other = made_private(simulate, one, WRONG, seeds=(3, 5))
    assert other.lines[0] != published.lines[0]
    assert made_private(simulate, one, WRONG, seeds=(3, 5)) == other


def test_draws_of_the_answer_do_not_shift_the_stimulus(simulate: Callable) -> None:
    drawing = WRONG.replace("endmodule", "  integer r; always @(clk) r = $random + $urandom;\nendmodule")
    one = problem(draw="$random + $urandom")
    stimulus = simulate(one.testbench, WRONG).lines[0]
    assert simulate(one.testbench, drawing).lines[0] != stimulus
    assert made_private(simulate, one, drawing).lines[0] == stimulus


def test_draws_out_of_macros_stay_as_they_are(simulate: Callable) -> None:
    """No edit reaches them; and to move only the others to a stream of their own would change the stimulus."""
    one = problem(draw="`ROLL + $random", macros="`define ROLL ($random & 8'hff)")
    assert harness(one).markers == ()
    assert made_private(simulate, one, WRONG) == simulate(one.testbench, WRONG)


def test_without_random_stimulus_there_is_nothing_to_seed() -> None:
    one = problem(draw="a + 3")
    assert harness(one).markers == ()
    assert harness(one).seeding(()) == []
    assert harness(problem(), own_streams=False).markers == ()


# Connections -------------------------------------------------------------------------------------------------------

TWO = "wire [7:0] z; always @(z) sum = sum + z; top_module dut1(clk, a, y)"
BUS = "module top_module(input clk, input [7:0] a, inout [7:0] y);\n  reg [7:0] r;\n  assign y = clk ? r : 8'bz;\n"
# arguments of problem, whether its inputs can be isolated
CONNECTED = {
    "by name": ({}, True),
    "by name alone": ({"instance": "top_module dut1(.clk, .a, .y);"}, True),
    "all": ({"instance": "top_module dut1(.*);"}, True),
    "one, and all others": ({"instance": "top_module dut1(.clk(clk), .*);"}, True),
    "in order": ({"instance": "top_module dut1(clk, a, y);"}, True),
    "an expression": ({"instance": "top_module dut1(.clk(clk), .a({a[7:4], a[3:0]}), .y(y));"}, True),
    "a constant": ({"instance": "top_module dut1(.clk(clk), .a(8'd3), .y(y));"}, True),
    "a macro": ({"instance": "top_module dut1(.clk(`C), .a(a), .y(y));", "macros": "`define C clk"}, True),
    "an open input": ({"instance": "top_module dut1(.clk(clk), .a(), .y(y));"}, True),
    "an open output": ({"instance": "assign y = 1; top_module dut1(.clk(clk), .a(a), .y());"}, True),
    "two instances": ({"instance": f"{TWO}, dut2(.clk(clk), .a(~a), .y(z));"}, True),
    "two statements": ({"instance": f"{TWO}; top_module dut2(.clk(clk), .a(~a), .y(z));"}, True),
    "a generate block": ({"instance": "generate if (1) begin : g top_module dut1(clk, a, y); end endgenerate"}, True),
    "a parameter": ({"instance": "top_module #(.N(1)) dut1(.*);"}, True),
    "an inout": ({"instance": "top_module dut1(.*);"}, True),
    "an array of instances": ({"instance": "top_module dut1[0:0](clk, a, y);"}, False),
    "an instance out of a macro": ({"instance": "`DUT", "macros": "`define DUT top_module dut1(clk, a, y);"}, False),
    "half an instance out of a macro": (
        {"instance": "top_module dut1(.clk(clk), .a(a) `END", "macros": "`define END , .y(y));"},
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONNECTED)
def test_connections(simulate: Callable, case: str) -> None:
    arguments, isolated = CONNECTED[case]
    code = WRONG
    if case == "a parameter":
        code = WRONG.replace("top_module(", "top_module #(parameter N = 0) (").replace("a + 1", "a + N")
    if case == "an inout":
        code = f"{BUS}  always @(posedge clk) r <= a[3:0] == 5 ? 0 : a + 1;\nendmodule\n"
    one = problem(**arguments, reference=code)
    assert harness(one).isolated == isolated
    assert made_private(simulate, one, code) == simulate(one.testbench, code)
    assert not harness(one, isolate=False).isolated


def test_what_an_answer_does_to_its_inputs_does_not_come_back(simulate: Callable) -> None:
    """The nets on both sides of a port are one: held at 0 in the answer, the input is 0 for the reference too."""
    holding = f"{HEADER}  assign (supply0, supply1) a = 0;\n  always @(posedge clk) y <= 1;\nendmodule\n"
    one = problem(more="wire [7:0] w = a;", instance="top_module dut1(clk, w, y);")
    text = one.testbench.replace("good1(.clk(clk), .a(a)", "good1(.clk(clk), .a(w)")
    one = problem_of(text)
    assert simulate(text, holding).lines[1] == "Mismatches: 0 in 100 samples"
    assert made_private(simulate, one, holding).lines[1] == "Mismatches: 99 in 100 samples"
    assert made_private(simulate, one, WRONG) == simulate(text, WRONG)


# Names and marks ---------------------------------------------------------------------------------------------------

OWN = {"tb", "reference_module", "good1", "dut1", "compare", "step", "f"}
NAMED = {
    "more": "task step; begin sum = sum + 1; end endtask always @(posedge clk) step;\n"
    "function [7:0] f(input x); f = x; endfunction always @(posedge clk) sum = sum + f(0) + tb.good1.y;"
}


def words(text: str) -> set[str]:
    """Of code, not of strings and comments."""
    return set(re.findall(r"[A-Za-z_]\w*", re.sub(r'"[^"]*"|//.*', "", text)))


def test_names_are_gone_and_others_each_time(simulate: Callable) -> None:
    one = problem(**NAMED)
    assert words(one.testbench) >= OWN
    first, second = harness(one), harness(one)
    for made in (first, second):
        assert not words(made.text) & OWN
        assert words(made.text) >= {"top_module", "clk", "a", "y"}  # the answer's own
        assert '"stimulus %h, tb good1 dut1"' in made.text
        assert set(made.roots) <= words(made.text)
    assert not set(first.roots) & set(second.roots)
    assert first.secret != second.secret
    assert len(first.secret) == 32  # 128 bits
    assert not set(first.markers) & set(second.markers)
    assert made_private(simulate, one, WRONG) == simulate(one.testbench, WRONG)


def test_names_that_a_macro_makes_are_kept(simulate: Callable) -> None:
    one = problem(macros="`define OF(x) x``1", more="always @(posedge clk) sum = sum + (`OF(good).y === 3);")
    assert {"good1"} == words(harness(one).text) & OWN - {"f"}
    assert made_private(simulate, one, WRONG) == simulate(one.testbench, WRONG)


def test_names_of_the_ports_are_kept(simulate: Callable) -> None:
    """Else a connection by name would not find its port."""
    one = problem_of(problem(instance="top_module y(.clk, .a, .y(y1));").testbench.replace("] y, ref", "] y1, ref"))
    one = problem_of(one.testbench.replace("(y !== ref_y)", "(y1 !== ref_y)"))
    for isolate in (True, False):
        assert made_private(simulate, one, WRONG, isolate=isolate) == simulate(one.testbench, WRONG)


def test_result_lines_carry_the_secret(simulate: Callable) -> None:
    one = problem(initial='$display("Mismatches: none so far"); $display("FAILED at 0");')
    made = harness(msgspec.structs.replace(one, fail_patterns=("^FAILED",)))
    assert made.marked
    lines = simulate(made.text, RIGHT, roots=made.roots, seeding=made.seeding((0, 0))).lines
    assert [made.secret in line for line in lines] == [False, True, False, True]
    assert lines[1] == f"{made.secret} FAILED at 0"


UNMARKABLE = {
    "put together": '$display("%s: %0d in %0d samples", "Mismatches", errors, samples);',
    "out of a macro": "$display(`RESULT, errors, samples);",
}


@pytest.mark.parametrize("case", UNMARKABLE)
def test_a_result_line_that_cannot_be_marked_is_told(simulate: Callable, case: str) -> None:
    one = problem(macros='`define RESULT "Mismatches: %0d in %0d samples"')
    published = '$display("Mismatches: %0d in %0d samples", errors, samples);'
    assert published in one.testbench
    one = problem_of(one.testbench.replace(published, UNMARKABLE[case]))
    assert not harness(one).marked
    assert made_private(simulate, one, WRONG).lines[1] == "Mismatches: 9 in 100 samples"


def test_a_testbench_may_say_where_the_secret_belongs() -> None:
    text = 'module tb; top_module dut(); initial $display("@NONCE@ passed"); endmodule'
    made = harness(Problem(id="p", text="t", testbench=text, pass_pattern="^@NONCE@ passed$", top="top_module"))
    assert made.marked
    assert made.text.count(made.secret) == 1
    assert "@NONCE@" not in made.text


# Cost --------------------------------------------------------------------------------------------------------------


def test_waveforms_are_not_written(simulate: Callable) -> None:
    dumps = '$dumpfile("wave.vcd"); $dumpvars(0, tb.dut1); $dumpvars; $dumpon; $dumpoff; $dumpall; $dumpflush;'
    one = problem(initial=dumps)
    assert "$dump" not in harness(one).text
    published, private = simulate(one.testbench, WRONG), made_private(simulate, one, WRONG)
    assert (published.files, private.files) == ({"wave.vcd"}, set())
    assert private.lines == published.lines


@pytest.mark.parametrize(
    "told",
    [
        '$display("Mismatches: %0d in %0d samples", errors, samples);',
        '$display("Mismatches: %1d in %1d samples", errors, samples);',
        '$display("Of %0d samples: Mismatches: %0d", samples, errors);',
    ],
)
def test_many_mismatches_end_it(simulate: Callable, told: str) -> None:
    said = '$display("Mismatches: %0d in %0d samples", errors, samples);'
    text = problem().testbench.replace("#1001", "#1000001").replace(said, "")
    text = text.replace("module tb;", f"module tb; final {told}\n")
    pattern = "Of (?P<samples>\\d+) samples: Mismatches: 0$" if "Of" in told else PASS_PATTERN
    one = problem_of(text, pass_pattern=pattern)
    whole = [int(n) for n in re.findall(r"\d+", made_private(simulate, one, RIGHT).lines[-1])]
    assert sorted(whole) == [0, 100000]
    half = WRONG.replace("a[3:0] == 5", "a[0]")
    early = sorted(int(n) for n in re.findall(r"\d+", made_private(simulate, one, half).lines[-1]))
    assert early[0] == ENOUGH_MISMATCHES
    assert ENOUGH_MISMATCHES < early[1] < 1000

"""Clocks and resets found in code, and the stimulus made for them. What it does to answers: test_behaviour.py."""

from collections import Counter

import pytest

from rtlscribe.verilog.ports import Port, ports
from rtlscribe.verilog.roles import Roles, Usage, roles, usage
from rtlscribe.verilog.stimulus import EXHAUSTIVE_BITS, RESET_STEPS, Constant, Stimulus, numbers, stimulus
from rtlscribe.verilog.testbench import bench, observed

Levels = tuple[tuple[str, int], ...]


def module(inputs: str, body: str, *, more: str = "") -> str:
    declared = ", ".join(f"input {name}" for name in inputs.split())
    return f"module m({declared}, output reg q);\n{body}\nendmodule\n{more}"


FLIP_FLOP = "module ff(input ck, input r, input d, output reg q);\n{}\nendmodule\n"
HELD = "always @(posedge ck or posedge r) if (r) q <= 0; else q <= d;"
# inputs, body, further modules, clocks, resets with the level at which they are active
CODE: dict[str, tuple[str, str, str, tuple[str, ...], Levels]] = {
    "by name, where there is no edge": ("clk a", "always @* q = a;", "", ("clk",), ()),
    "usual names": ("clk rst d", "always @(posedge clk) if (rst) q <= 0; else q <= d;", "", ("clk",), (("rst", 1),)),
    "other names": ("x y z", "always @(posedge x or posedge y) if (y) q <= 0; else q <= z;", "", ("x",), (("y", 1),)),
    "order in the list": (
        "a b d",
        "always @(negedge a, posedge b) if (!a) q <= 0; else q <= d;",
        "",
        ("b",),
        (("a", 0),),
    ),
    "half an assignment": (
        "clk rst d",
        "assign d; assign d[0]; always @(posedge clk) if (rst) q <= 0; else q <= d;",
        "",
        ("clk",),
        (("rst", 1),),
    ),
    "falling edge": ("clk rst d", "always @(negedge clk) q <= rst ? 0 : d;", "", ("clk",), (("rst", 1),)),
    "asynchronous, low": (
        "clk clear d",
        "always @(posedge clk or negedge clear) if (~clear) q <= 0; else q <= d;",
        "",
        ("clk",),
        (("clear", 0),),
    ),
    "low by use": ("clk reset d", "always @(posedge clk) if (reset == 1'b0) q <= 0;", "", ("clk",), (("reset", 0),)),
    "low by another use": (
        "clk reset d",
        "always @(posedge clk) if (reset != 1) q <= 0;",
        "",
        ("clk",),
        (("reset", 0),),
    ),
    "high, whatever the name": (
        "clk rst_n d",
        "always @(posedge clk) if (rst_n) q <= 0;",
        "",
        ("clk",),
        (("rst_n", 1),),
    ),
    "low by name": ("clk aresetn d", "always @(posedge clk) q <= d & aresetn;", "", ("clk",), (("aresetn", 0),)),
    "behind another condition": (
        "clk en rst d",
        "always @(posedge clk) begin if (en) q <= d; else if (!rst) q <= 0; end",
        "",
        ("clk",),
        (("rst", 0),),
    ),
    "two resets": (
        "clk rst clr d",
        "always @(posedge clk) if (rst || !clr) q <= 0; else q <= d;",
        "",
        ("clk",),
        (("rst", 1), ("clr", 0)),
    ),
    "a load is no reset": ("clk load d", "always @(posedge clk) if (load) q <= d;", "", ("clk",), ()),
    "clock enable and clock select": (
        "clk clk_en clk_sel",
        "always @(posedge clk) if (clk_en) q <= clk_sel;",
        "",
        ("clk",),
        (),
    ),
    "two clocks": (
        "wclk rclk d",
        "reg s; always @(posedge wclk) s <= d; always @(posedge rclk) q <= s;",
        "",
        ("wclk", "rclk"),
        (),
    ),
    "in an instance": ("c nr d", "ff f(.ck(c), .r(!nr), .d(d), .q(q));", FLIP_FLOP.format(HELD), ("c",), (("nr", 0),)),
    "in an instance, by order": ("c x d", "ff f(c, x, d, q);", FLIP_FLOP.format(HELD), ("c",), (("x", 1),)),
    "in an old-style module": (
        "c x d",
        "ff f(c, x, d, q);",
        f"module ff(ck, r, d, q); input ck, r, d; output reg q;\n{HELD}\nendmodule\n",
        ("c",),
        (("x", 1),),
    ),
    "renamed": (
        "c n d",
        "wire r; assign r = ~n; wire k = c;\nalways @(posedge k or posedge r) if (r) q <= 0; else q <= d;",
        "",
        ("c",),
        (("n", 0),),
    ),
    "in a module that holds itself": ("clk d", "m inner(clk, d, ); always @(posedge clk) q <= d;", "", ("clk",), ()),
    "only in a comment": ("a b", "// always @(posedge b)\nalways @* q = a;", "", (), ()),
}


@pytest.mark.parametrize("case", CODE)
def test_roles(case: str) -> None:
    inputs, body, more, clocks, resets = CODE[case]
    code = module(inputs, body, more=more)
    interface = [Port(name, "input", 1) for name in inputs.split()] + [Port("q", "output", 1)]
    found = roles(interface, [usage(code, top="m")])
    assert found == Roles(clocks, resets)


@pytest.mark.parametrize(
    "code", ["", "module m(", "%% edge", "module other(input clk); always @(posedge clk); endmodule"]
)
def test_nothing_is_found_in_what_is_no_such_module(code: str) -> None:
    assert usage(code, top="m") == Usage(Counter(), {}, {})


def test_answers_vote() -> None:
    high = usage(module("clk rst d", "always @(posedge clk) if (rst) q <= 0;"), top="m")
    low = usage(module("clk rst d", "always @(posedge clk) if (!rst) q <= 0;"), top="m")
    odd = usage(module("clk rst d", "always @(posedge d) if (rst) q <= clk;"), top="m")
    interface = [Port(name, "input", 1) for name in ("clk", "rst", "d")]
    assert roles(interface, [high, low, low, odd, odd]) == Roles(("clk",), (("rst", 1),))  # 3 of 5 say 1
    assert roles(interface, [high, low, low]) == Roles(("clk",), (("rst", 0),))
    assert roles(interface, [odd, odd, high]) == Roles(("d",), (("rst", 1),))


A, B, BIT = Port("a", "input", 4), Port("b", "input", 3), Port("e", "input", 1)
CLOCKED = Roles(("clk",), (("rst", 0),))
CLOCKED_PORTS = (Port("clk", "input", 1), Port("rst", "input", 1), BIT, Port("d", "input", 8), Port("q", "output", 8))


def values(given: Stimulus, name: str) -> list[int]:
    """What one field is in each step."""
    shift = len(given.clocks)
    for field in reversed(given.fields):
        if field.name == name:
            return [word >> shift & (1 << field.width) - 1 for word in given.words]
        shift += field.width
    raise AssertionError(name)


@pytest.mark.parametrize("fields", [(BIT,), (A, B), (A, B, B)], ids=["1 bit", "7 bits", "10 bits"])
def test_small_circuits_see_every_input(fields: tuple[Port, ...]) -> None:
    bits = sum(port.width for port in fields)
    assert bits <= EXHAUSTIVE_BITS
    given = stimulus(fields, Roles(), steps=32, seed="s")
    assert set(given.words) == set(range(1 << bits))
    assert given.samples == len(given.words)
    assert len(given.words) in (4 << bits, max(256, 1 << bits))


def test_a_clocked_circuit_is_reset_first_and_seldom_later() -> None:
    given = stimulus(CLOCKED_PORTS, CLOCKED, steps=1280, seed="s")
    assert len(given.words) == 1280
    resets, ticks = values(given, "rst"), [word & 1 for word in given.words]
    assert resets[:RESET_STEPS] == [0] * RESET_STEPS
    assert ticks[:RESET_STEPS] == [1] * RESET_STEPS
    assert given.unsettled == 2 * RESET_STEPS
    assert 3 <= resets[RESET_STEPS:].count(0) <= 100
    longest = max(len(run) for run in "".join(map(str, resets)).split("0"))
    assert longest > 256  # an 8-bit counter can overflow
    assert 0.9 < sum(ticks) / len(ticks) < 1
    assert given.samples == len(given.words) + sum(ticks)
    assert set(values(given, "e")) == {0, 1}
    assert {0, 255, 1, 128} <= set(values(given, "d"))


def test_stimulus_depends_on_its_seed_alone() -> None:
    first = stimulus(CLOCKED_PORTS, CLOCKED, steps=200, seed="s")
    assert first == stimulus(CLOCKED_PORTS, CLOCKED, steps=200, seed="s")
    assert first.words != stimulus(CLOCKED_PORTS, CLOCKED, steps=200, seed="t").words


def test_every_combination_of_few_single_bits_is_held() -> None:
    bits = [Port(name, "input", 1) for name in "abc"]
    given = stimulus([Port("clk", "input", 1), *bits, Port("q", "output", 1)], Roles(("clk",)), steps=1280, seed="s")
    runs: Counter[int] = Counter()
    length = 0
    for before, word in zip((-1, *given.words), given.words, strict=False):
        length = length + 1 if word == before else 1
        runs[word >> 1] = max(runs[word >> 1], length)
    assert sorted(runs) == list(range(8))
    assert min(runs.values()) >= 16


def test_numbers_of_the_answers_are_among_the_stimulus() -> None:
    wide = Port("w", "input", 24)
    found = numbers(["if (w == 24'hC0FFEE) q = 3'b101; // 24'h111111", "case (w) 24'd77_000: ; 24'hC0_FFEE: ; endcase"])
    assert found.constants[0] == Constant(24, 0xC0FFEE)
    assert {c.value for c in found.constants} == {0xC0FFEE, 5, 77_000}
    assert (24, (77_000, 0xC0FFEE)) in found.sequences
    given = stimulus([wide, Port("q", "output", 1)], Roles(), steps=600, seed="s", numbers=found)
    assert {0xC0FFEE, 77_000} <= set(given.words)
    without = stimulus([wide, Port("q", "output", 1)], Roles(), steps=600, seed="s")
    assert not {0xC0FFEE, 77_000} & set(without.words)


@pytest.mark.parametrize("code", ["9'b2", "4'hx", "'d5", "a1234", "12'o9 3.14", '"8\'hAA"'])
def test_what_is_no_number_is_passed_over(code: str) -> None:
    assert all(c.value in (9, 12, 3, 14, 5) for c in numbers([code]).constants)


def test_a_testbench_is_new_each_time_and_its_stimulus_is_not() -> None:
    given = stimulus(CLOCKED_PORTS, CLOCKED, steps=64, seed="s")
    first, second = (bench(CLOCKED_PORTS, given, top="m") for _ in range(2))
    assert list(first.files.values()) == list(second.files.values())
    names = [{t.root, t.instance, t.trace, t.secret, *t.files} for t in (first, second)]
    assert len(names[0]) == 5
    assert not names[0] & names[1]
    assert all(name in first.text for name in names[0])
    assert first.samples == given.samples


def test_outputs_and_inouts_are_observed() -> None:
    interface = ports("module m(inout [3:0] p, input a, output y); endmodule", top="m")
    assert [port.name for port in observed(interface)] == ["p", "y"]
    assert [f.name for f in stimulus(interface, Roles(), steps=32, seed="").fields] == ["p", "p ", "a"]

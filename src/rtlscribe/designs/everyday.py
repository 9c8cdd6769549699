"""Families of everyday tasks: latches and unusual edges, decimal sums, wide reductions, logic in words, handshakes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from rtlscribe.designs.base import (
    Combinational,
    Design,
    Pick,
    Port,
    Reset,
    Sequential,
    Unclocked,
    Values,
    article,
    bits,
    choose_reset,
    listing,
    mask,
    styled,
)
from rtlscribe.designs.families import family
from rtlscribe.designs.parts import (
    Register,
    always,
    briefly,
    clock_and_reset,
    clocked,
    counting,
    draw_register,
    each_bit,
    guarded,
    input_if,
    likely,
    nth,
    reset_sentences,
)

Word = int | None


def _latched(
    style: str, ports: tuple[str, str, str, str], width: int, taken: tuple[str, str], *, sets: bool
) -> tuple[str, str]:
    """Body and submodules of a latch; `ports` are enable, clear or set (or ""), data, output; `taken` is when and what it takes."""
    (en, force, d, q), (gate, source) = ports, taken
    inputs = [name for name in (en, force, d) if name]
    if style == "cells":
        inside, _ = _latched("plain", ports, 1, taken, sets=sets)
        declared = "".join(f"    input {name},\n" for name in inputs)
        pins = "".join(f".{name}({name}), " for name in inputs[:-1])
        body = each_bit(f"latch_cell cell_i({pins}.{d}({d}[i]), .{q}({q}[i]));", 0, width, "each_bit")
        return body, f"module latch_cell(\n{declared}    output reg {q}\n);\n{inside}\nendmodule"
    value = f"{width}'h{mask(width) if sets else 0:x}"
    stored = "stored" if style in ("apart", "steps") else q
    lines = [f"    reg {bits(width)}stored;"] if stored != q else []
    first = f"if ({force})\n            {stored} = {value};\n        else " if force else ""
    if style == "steps":
        lines.append(f"    wire update = {f'{force} || {gate}' if force else gate};")
        if force:
            lines.append(f"    wire {bits(width)}selected = {force} ? {value} : {source};")
        first, gate, source = "", "update", "selected" if force else source
    seen = " or ".join(inputs) if style == "listed" else "*"
    block = f"    always @({seen}) begin\n        {first}if ({gate})\n            {stored} = {source};\n    end"
    shown = f"    assign {q} = stored;" if stored != q else ""
    return "\n\n".join(filter(None, ("\n".join(lines), block, shown))), ""


@family("registers")
def latch(rng: random.Random, pick: Pick) -> Design:
    """A level-sensitive latch of W bits: enable of either level, perhaps a clear or a set input that goes first."""
    width, active_low = rng.choice([1, 1, *range(2, 17)]), rng.random() < 0.3
    forced = rng.choice(["", "", "clear", "set"])
    en = pick("en_n", "gate_n", "hold") if active_low else pick("ena", "en", "gate")
    d, q, force = pick("d", "in", "data"), pick("q", "out"), pick(forced or "clear", "init", "force_it")

    def following(state: Word, values: Values) -> Word:
        if forced and values[force]:
            return 0 if forced == "clear" else mask(width)
        return values[d] if bool(values[en]) != active_low else state

    level, opposite = ("low", "high") if active_low else ("high", "low")
    condition = f"!{en}" if active_low else en
    styles = ["plain", "plain", "listed", "apart"]
    styles += ["steps", "steps"] if active_low or forced else []
    style = styled(rng, [*styles, "cells", "cells"] if width > 1 else styles)

    def code(gate: str, source: str) -> tuple[str, str]:
        return _latched(style, (en, force if forced else "", d, q), width, (gate, source), sets=forced == "set")

    words = f"{q} takes the value of {d} only if {en} is {level}, so that it is remembered otherwise"
    if style in ("plain", "listed"):
        words = f"in a combinational always block assign {d} to {q} only if {en} is {level}, so that {q} is remembered otherwise"
    written = code(condition, d)
    # A mistake is in the cell, where there is one.
    place = int(style == "cells")
    size = "one-bit" if width == 1 else f"{width}-bit"
    to = "0" if forced == "clear" else "all ones" if width > 1 else "1"
    tail = f" and an active-high input that forces it to {to}, whatever the enable is" if forced else ""
    noun_force = f", with an active-high input that forces it to {to} at any time" if forced else ""
    force_said = f" When {force} is high, {q} is {to}, whatever {en} and {d} are." if forced else ""
    return Design(
        key=(width, active_low, forced),
        name=pick("latch", "d_latch", "transparent_latch", "top_module"),
        ports=(
            Port(en, "input", 1, f"the enable, transparent while {level}"),
            *input_if(forced, force, 1, f"high to force the output to {to}"),
            Port(d, "input", width, "the data input"),
            Port(q, "output", width, "the stored value"),
        ),
        registers=frozenset({q} if style in ("plain", "listed") else ()),
        nouns=(
            f"{article(f'{size} D latch')} that is transparent while its enable is {level}{noun_force}",
            f"a level-sensitive {size} storage element without a clock: it follows its data input while an enable is {level} and holds while this is {opposite}, with an active-{level} enable{tail}",
            f"{article(f'{size} transparent latch')} with an active-{level} enable{tail}",
        ),
        briefs=briefly(
            [f"{'' if width == 1 else f'{size} '}{noun}" for noun in ("D latch", "transparent latch", "gated D latch")],
            "active-low enable" if active_low else "",
            f"asynchronous {forced}" if forced else "",
        ),
        behaviours=(
            f"{q} follows {d} as long as {en} is {level} and keeps its last value while {en} is {opposite}. This is a latch, not a flip-flop: there is no clock.{force_said}",
            f"Build a D latch of {width} bit{'s' if width > 1 else ''}. While {en} is {level} it is transparent from {d} to {q}; when {en} goes {opposite}, {q} holds what it had.{force_said}",
            f"Here a latch is wanted: {words}.{force_said}",
        ),
        body=written[0],
        submodules=written[1],
        model=Unclocked(None, following, lambda state, _: {q: state}),
        bugs=(
            (written[place], code(condition, f"~{d}")[place]),
            (written[place], code(condition.removeprefix("!") if active_low else f"!{condition}", d)[place]),
        ),
        stimulus={force: likely(0.2)} if forced else {},
    )


def _in_turn(change_first: bool, width: int, chance: float) -> Callable[[random.Random], int]:
    """Stimulus: a signal that may change at every other call only, so that two kinds of them never change together."""
    seen: WeakKeyDictionary[random.Random, tuple[int, int]] = WeakKeyDictionary()

    def draw(rng: random.Random) -> int:
        count, value = seen.get(rng, (0, rng.getrandbits(width)))
        if count % 2 != change_first and rng.random() < chance:
            value = rng.getrandbits(width)
        seen[rng] = count + 1, value
        return value

    return draw


# Ways to write a register for the falling edge or for both edges; the first two of "both" need no reset.
_EDGE_STYLES = {"falling": ["word", "word", "cells"], "both": ["select", "process", "difference", "difference"]}


def _both_edges(style: str, register: Register, en: str, d: str, *, swapped: bool) -> str:
    """A register for both edges of the clock: one for each edge, selected by the clock's level or holding differences."""
    clk, out, zero = register.clk, register.out, f"{register.width}'d0"

    def block(edge: str, target: str, other: str) -> str:
        if style == "difference":
            update = guarded(en, f"{target} <= {d} ^ {other};")
        else:
            update = f"{target} <= {f'{en} ? {d} : {other}' if en else d};"
        return clocked(clk, register.reset, f"{target} <= {zero};", update).replace(f"posedge {clk}", f"{edge} {clk}")

    high, low = ("fall", "rise") if swapped else ("rise", "fall")
    shown = f"    assign {out} = {clk} ? {high} : {low};"
    if style == "process":
        shown = always(f"        if ({clk})\n            {out} = {high};\n        else\n            {out} = {low};")
    if style == "difference":
        shown = f"    assign {out} = rise {'|' if swapped else '^'} fall;"
    declared = f"    reg {bits(register.width)}rise, fall;"
    return "\n\n".join((declared, block("posedge", "rise", "fall"), block("negedge", "fall", "rise"), shown))


def _falling_cells(register: Register, en: str, data: tuple[str, str], edge: str) -> tuple[str, str]:
    """A flip-flop for each bit, and its module; `data` is the input and what a cell stores of it."""
    (d, taken), clk, reset, q = data, register.clk, register.reset, register.out
    common = [clk, *([reset.name] if reset else []), *([en] if en else [])]
    pins = "".join(f".{name}({name}), " for name in common)
    body = each_bit(f"flip_flop flop({pins}.{d}({d}[i]), .{q}({q}[i]));", 0, register.width, "each_bit")
    inputs = "".join(f"    input {name},\n" for name in (*common, d))
    inside = clocked(clk, reset, f"{q} <= 1'b0;", guarded(en, f"{q} <= {taken};")).replace(
        "posedge " + clk, f"{edge} {clk}"
    )
    return body, f"module flip_flop(\n{inputs}    output reg {q}\n);\n{inside}\nendmodule"


@family("registers")
def edge_flip_flop(rng: random.Random, pick: Pick) -> Design:
    """A register at the falling edge or at both edges of its clock, with an optional enable and asynchronous reset."""
    kind, width, enabled = (
        rng.choice(["falling", "falling", "both"]),
        rng.choice([1, 1, 2, 4, 8, 8, 16, rng.randint(2, 12)]),
        rng.random() < 0.35,
    )
    reset = rng.choice([None, None, "high", "low"])
    clk, d, q, en = pick("clk", "clock", "cp"), pick("d", "in", "din"), pick("q", "out"), pick("en", "ce", "enable")
    rst = pick("rst_n", "areset_n", "clr_n") if reset == "low" else pick("rst", "areset", "clr")
    State = tuple[Word, Word]

    def following(state: State, values: Values) -> State:
        last, stored = state
        now = values[clk]
        if reset and values[rst] == (reset == "high"):
            return now, 0
        hit = last is not None and last != now and (kind == "both" or now == 0)
        return now, values[d] if hit and (not enabled or values[en]) else None if last is None else stored

    forces = Reset(rst, True, reset == "low") if reset else None
    given = en if enabled else ""
    # Registers that store differences have to begin with known values.
    style = styled(rng, _EDGE_STYLES[kind] if reset or kind == "falling" else _EDGE_STYLES[kind][:2])
    style = "word" if style == "cells" and width == 1 else style
    register = draw_register(rng, clk, forces, q, width, inner="stored")

    def code(data: str, *, swapped: bool) -> tuple[str, str]:
        if kind == "both":
            return _both_edges(style, register, given, data, swapped=swapped), ""
        edge = "posedge" if swapped else "negedge"
        if style == "cells":
            return _falling_cells(register, given, (d, data), edge)
        return register.body(f"{width}'d0", [(given, data, "")]).replace(f"posedge {clk}", f"{edge} {clk}"), ""

    written = code(d, swapped=False)
    # A mistake is in the cell, where there is one.
    place = int(style == "cells")
    size = "one-bit" if width == 1 else f"{width}-bit"
    when = "falling edge" if kind == "falling" else "rising and falling edge"
    at = f"at every {when} of {clk}"
    hold = f" at which {en} is high; with {en} low it keeps its value" if enabled else ""
    force = f" The asynchronous active-{reset} reset {rst} clears it to 0 at once." if reset else " There is no reset."
    what = "negative-edge-triggered D register" if kind == "falling" else "dual-edge-triggered D register"
    tail = f"{'with a clock enable ' if enabled else ''}{'and ' if enabled and reset else ''}{f'with asynchronous active-{reset} reset to 0' if reset else 'without reset'}"
    both = (
        " An ordinary always block cannot be sensitive to both edges of a clock, so two registers are needed."
        if kind == "both"
        else ""
    )
    return Design(
        key=(kind, width, enabled, reset),
        name=pick("edge_register", "neg_edge" if kind == "falling" else "dual_edge", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            *([Port(rst, "input", 1, f"the asynchronous active-{reset} reset")] if reset else []),
            *input_if(enabled, en, 1, "the clock enable"),
            Port(d, "input", width, "the data input"),
            Port(q, "output", width, "the stored value"),
        ),
        registers=register.outputs if style == "word" else frozenset({q} if style == "process" else ()),
        nouns=(
            f"{article(size)} {what} {tail}",
            f"{article(size)} register that takes in its data at every {when} of the clock, {tail}",
            f"a D flip-flop{'' if width == 1 else f' bank of {width} bits'} that works on {'the falling edge' if kind == 'falling' else 'both edges'} of its clock, {tail}",
        ),
        briefs=briefly(
            [
                f"{'' if width == 1 else f'{size} '}{edge}D {'flip-flop' if width == 1 else 'register'}"
                for edge in (
                    ("negative-edge-triggered ", "falling edge ", "negedge ")
                    if kind == "falling"
                    else ("dual-edge-triggered ", "dual-edge ", "double-edge ")
                )
            ],
            "enable" if enabled else "",
            reset=forces,
        ),
        behaviours=(
            f"{q} takes the value of {d} {at}{hold}.{force}",
            f"Build {article(size)} {what}: {d} is stored in {q} on {'the negative edge' if kind == 'falling' else 'the positive and on the negative edge'} of {clk}{f' if {en} is 1' if enabled else ''}.{both}{force}",
            f"{'When' if kind == 'falling' else 'Whenever'} {clk} {'goes from 1 to 0' if kind == 'falling' else 'changes, in either direction'}, {q} becomes {d}{f' provided that {en} is high' if enabled else ''}; at other times it is held.{force}",
        ),
        body=written[0],
        submodules=written[1],
        model=Unclocked((None, None), following, lambda state, _: {q: state[1]}),
        bugs=(
            (written[place], code(d, swapped=True)[place]),
            (written[place], code(f"~{d}", swapped=False)[place]),
        ),
        # The clock changes in one step, everything else in the next, so that it is clear what an edge takes in.
        stimulus={
            clk: _in_turn(True, 1, 0.9),
            d: _in_turn(False, width, 1.0),
            **({en: _in_turn(False, 1, 0.6)} if enabled else {}),
            **({rst: _rare(reset == "low")} if reset else {}),
        },
        cycles=200,
    )


def _rare(idle: bool) -> Callable[[random.Random], int]:
    """Stimulus: `idle`, now and then not, changing at every other call like the data of `_in_turn`."""
    seen: WeakKeyDictionary[random.Random, tuple[int, int]] = WeakKeyDictionary()

    def draw(rng: random.Random) -> int:
        count, value = seen.get(rng, (0, int(not idle)))
        if count % 2:
            value = int(idle if rng.random() < 0.9 else not idle)
        seen[rng] = count + 1, value
        return value

    return draw


@family("arithmetic")
def bcd_adder(rng: random.Random, pick: Pick) -> Design:
    """The decimal sum of two BCD numbers of one to sixteen digits, with or without carries."""
    digits, carry_in, carry_out = (
        rng.choice([1, 1, 2, 2, 3, 4, 4, 5, 6, 8, 10, 12, 16]),
        rng.random() < 0.5,
        rng.random() < 0.7,
    )
    width = 4 * digits
    a, b = pick("a b", "x y", "op1 op2").split()
    cin, total, cout = pick("cin", "c_in"), pick("sum", "s", "total"), pick("cout", "carry")

    def read(word: int) -> int | None:
        text = f"{word:0{digits}x}"
        return int(text) if text.isdecimal() else None

    def function(values: Values) -> dict[str, int | None]:
        x, y = read(values[a]), read(values[b])
        if x is None or y is None:
            return {total: None, **({cout: None} if carry_out else {})}
        exact = x + y + (values[cin] if carry_in else 0)
        return {total: int(str(exact % 10**digits), 16), **({cout: exact // 10**digits} if carry_out else {})}

    start = cin if carry_in else "1'b0"
    body = f"""
    reg [4:0] digit;
    reg carry_bit;
    integer i;

    always @(*) begin
        carry_bit = {start};
        for (i = 0; i < {digits}; i = i + 1) begin
            digit = {a}[4*i +: 4] + {b}[4*i +: 4] + carry_bit;
            carry_bit = digit > 5'd9;
            {total}[4*i +: 4] = carry_bit ? digit + 5'd6 : digit;
        end
    end{f"{chr(10)}{chr(10)}    assign {cout} = carry_bit;" if carry_out else ""}"""
    number = f"{digits}-digit BCD number" if digits > 1 else "BCD digit"
    tail = f"{'with' if carry_in else 'without'} a carry in and {'with' if carry_out else 'without'} a carry out"
    plus = f" + {cin}" if carry_in else ""
    out = (
        f" {cout} is the carry out of the highest digit."
        if carry_out
        else f" A carry out of the {'highest ' if digits > 1 else ''}digit is dropped."
    )

    def decimal(r: random.Random) -> int:
        return int("".join(r.choice("0123456789999") for _ in range(digits)), 16)

    return Design(
        key=(digits, carry_in, carry_out),
        name=pick("bcd_adder", "decimal_adder", f"bcdadd{digits}", "top_module"),
        ports=(
            Port(a, "input", width, f"the first {number}"),
            Port(b, "input", width, f"the second {number}"),
            *input_if(carry_in, cin, 1, "the carry in"),
            Port(total, "output", width, "the decimal sum"),
            *([Port(cout, "output", 1, "the decimal carry out")] if carry_out else []),
        ),
        registers=frozenset({total}),
        nouns=(
            f"an adder of two {number}s (4 bits a digit), {tail}",
            f"a decimal adder for {digits} packed BCD digit{'s' if digits > 1 else ''}, {tail}",
            f"a BCD ripple adder: {digits} digit{'s' if digits > 1 else ''} of 4 bits per operand, a sum of as many digits, {tail}",
        ),
        briefs=briefly(
            [f"{digits}-digit BCD adder", f"adder of two {number}s", *(["BCD adder"] if digits == 1 else [])],
            {
                (1, 1): "",
                (1, 0): "carry in but no carry out",
                (0, 1): "carry out but no carry in",
                (0, 0): "no carry in or out",
            }[carry_in, carry_out],
        ),
        behaviours=(
            f"{a} and {b} are {number}s, 4 bits for each digit, the lowest digit in the lowest bits. {total} is their decimal sum{f', with {cin} added' if carry_in else ''}, in BCD too.{out} Digits above 9 do not occur.",
            f"Add in decimal: {total} = {a} + {b}{plus}, where every 4 bits hold one digit from 0 to 9.{out}",
            f"For each digit, from the lowest on, add the digits of {a} and {b} and the carry of the digit below{f' (for the lowest {cin})' if carry_in else ''}; where the result exceeds 9, take off 10 and carry 1. The digits make up {total}.{out} Inputs are always valid BCD.",
        ),
        body=body,
        model=Combinational(function),
        bugs=(("5'd6", "5'd5"), ("digit > 5'd9", "digit > 5'd10")),
        stimulus={a: decimal, b: decimal},
    )


@family("wiring")
def vector_reductions(rng: random.Random, pick: Pick) -> Design:
    """Two to four reductions of one vector: whether all, any, none, not all, an odd or even number of its bits are high."""
    width = rng.choice([4, 8, 16, 32, 64, 100, 100, rng.randint(3, 128)])
    table = {
        "and": ("&", "AND", "high when all bits are high", "all_ones"),
        "or": ("|", "OR", "high when any bit is high", "any_one"),
        "xor": ("^", "XOR", "high when the number of high bits is odd", "odd_ones"),
        "nand": ("~&", "NAND", "low only when all bits are high", "not_all"),
        "nor": ("~|", "NOR", "high only when no bit is high", "no_ones"),
        "xnor": ("~^", "XNOR", "high when the number of high bits is even", "even_ones"),
    }
    chosen = rng.sample(list(table), rng.choice([2, 3, 3, 4]))
    data = pick("in", "vec", "data")
    outs = {kind: pick(f"out_{kind}", table[kind][3], f"y_{kind}") for kind in chosen}

    def function(values: Values) -> dict[str, int]:
        ones = values[data].bit_count()
        found = {"and": ones == width, "or": ones > 0, "xor": ones % 2 == 1}
        every = {**found, "nand": not found["and"], "nor": not found["or"], "xnor": not found["xor"]}
        return {outs[kind]: int(every[kind]) for kind in chosen}

    def near(r: random.Random) -> int:
        word = r.choice([0, mask(width), r.getrandbits(width)])
        return word ^ (1 << r.randrange(width) if r.random() < 0.6 else 0)

    gates = listing([f"{out} (the {table[kind][1]})" for kind, out in outs.items()])
    facts = listing([f"{out} is {table[kind][2]}" for kind, out in outs.items()])
    kinds = listing([table[kind][1] for kind in chosen])
    meanings = "; ".join(table[kind][2] for kind in chosen)
    vector = article(f"{width}-bit vector")
    pairs, opposite = list(outs.items()), {**_PLAIN, **{plain: kind for kind, plain in _PLAIN.items()}}
    style = styled(rng, _REDUCTION_STYLES)
    body = style(pairs, data, width)

    def mistaken(k: int) -> str:
        kind, out = pairs[k]
        return style([*pairs[:k], (opposite[kind], out), *pairs[k + 1 :]], data, width)

    return Design(
        key=(width, tuple(chosen)),
        name=pick("reductions", "vector_gates", "wide_gates", "top_module"),
        ports=(
            Port(data, "input", width, "the vector"),
            *(Port(o, "output", 1, f"the {table[k][1]} of all bits") for k, o in outs.items()),
        ),
        nouns=(
            f"a circuit that reduces {vector} by {len(chosen)} gates, each over all bits and with an output of its own: {kinds}",
            f"a combinational circuit with {vector} and {len(chosen)} outputs, in this order {meanings}",
            f"a set of {width}-input gates over one vector, {kinds}",
        ),
        briefs=(
            f"circuit that gives the {kinds} of all bits of {vector}",
            f"{width}-bit reduction unit for {kinds}",
            f"module for the {kinds} reductions of {vector}",
        ),
        behaviours=(
            f"{data} has {width} bits. Put all of them through {len(chosen)} gates with the outputs {gates}.",
            f"Of the {width}-bit vector {data}, {facts}.",
            f"Compute reductions over all bits of {data}: {', '.join(f'{out} = {table[kind][0]}{data}' for kind, out in outs.items())}, where & stands for AND, | for OR, ^ for XOR over the {width} bits and ~ for the inverse.",
        ),
        body=body,
        registers=frozenset(outs.values() if style is _in_block else ()),
        model=Combinational(function),
        bugs=tuple((body, mistaken(k)) for k in range(2)),
        stimulus={data: near},
    )


# For each reduction that does not invert: the operator, a name for what it tells, and its value without bits.
_FACTS = {
    "and": ("&", "all_high", "1'b1"),
    "or": ("|", "any_high", "1'b0"),
    "xor": ("^", "odd_high", "1'b0"),
}
_PLAIN = {"nand": "and", "nor": "or", "xnor": "xor"}
_Reductions = Sequence[tuple[str, str]]  # kinds with their outputs


def _fact(kind: str) -> tuple[str, bool]:
    """The reduction without inversion, and whether the kind inverts it."""
    plain = _PLAIN.get(kind, kind)
    return plain, plain != kind


def _from_facts(pairs: _Reductions) -> str:
    plain = [(out, *_fact(kind)) for kind, out in pairs]
    return "\n".join(f"    assign {out} = {'~' if inverted else ''}{_FACTS[name][1]};" for out, name, inverted in plain)


def _needed(pairs: _Reductions) -> list[tuple[str, str, str]]:
    return [_FACTS[name] for name in _FACTS if name in {_fact(kind)[0] for kind, _ in pairs}]


def _reduced(kind: str, data: str) -> str:
    plain, inverted = _fact(kind)
    return f"{'~' if inverted else ''}{_FACTS[plain][0]}{data}"


def _at_once(pairs: _Reductions, data: str, width: int) -> str:
    return "\n".join(f"    assign {out} = {_reduced(kind, data)};" for kind, out in pairs)


def _in_block(pairs: _Reductions, data: str, width: int) -> str:
    return always("\n".join(f"        {out} = {_reduced(kind, data)};" for kind, out in pairs))


def _named_facts(pairs: _Reductions, data: str, width: int) -> str:
    """A wire for each reduction, which the outputs show or invert."""
    wires = "\n".join(f"    wire {name} = {operator}{data};" for operator, name, _ in _needed(pairs))
    return f"{wires}\n\n{_from_facts(pairs)}"


def _compared(pairs: _Reductions, data: str, width: int) -> str:
    """Comparisons with all ones and all zeros; only parity is a reduction."""
    ones, zeros = f"{{{width}{{1'b1}}}}", f"{{{width}{{1'b0}}}}"
    tests = {"and": f"== {ones}", "nand": f"!= {ones}", "or": f"!= {zeros}", "nor": f"== {zeros}"}
    lines = (f"({data} {tests[kind]})" if kind in tests else _reduced(kind, data) for kind, _ in pairs)
    return "\n".join(f"    assign {out} = {line};" for (_, out), line in zip(pairs, lines, strict=True))


def _bit_by_bit(pairs: _Reductions, data: str, width: int) -> str:
    """A loop that takes in one bit after the other."""
    facts = _needed(pairs)
    names = ", ".join(name for _, name, _ in facts)
    first = "\n".join(f"        {name} = {start};" for _, name, start in facts)
    steps = "\n".join(f"{name} = {name} {operator} {data}[i];" for operator, name, _ in facts)
    block = always(f"{first}\n{counting(steps, 0, width)}")
    return f"    integer i;\n    reg {names};\n\n{block}\n\n{_from_facts(pairs)}"


_REDUCTION_STYLES = (_at_once, _at_once, _in_block, _named_facts, _compared, _bit_by_bit)


# What is switched, the output, and inputs with the words for 1 and for 0.
_SCENES = (
    ("the pump", "pump_on", (("level_low", "the level is low", "the level is not low"), ("valve_open", "the valve is open", "the valve is closed"), ("manual", "manual mode is chosen", "manual mode is off"), ("fault", "there is a fault", "there is no fault"))),
    ("the alarm", "alarm", (("armed", "the system is armed", "the system is not armed"), ("door", "the door is open", "the door is shut"), ("window", "a window is open", "every window is shut"), ("muted", "the sound is muted", "the sound is not muted"))),
    ("the fan", "fan", (("hot", "it is hot", "it is not hot"), ("humid", "it is humid", "it is not humid"), ("empty", "the room is empty", "somebody is in the room"), ("night", "it is night", "it is day"))),
    ("the motor", "motor", (("start", "the start button is pressed", "the start button is released"), ("guard", "the guard is closed", "the guard is open"), ("overload", "the motor is overloaded", "the motor is not overloaded"), ("service", "service mode is active", "service mode is not active"))),
    ("the bus request", "request", (("pending", "a transfer is pending", "no transfer is pending"), ("urgent", "it is urgent", "it is not urgent"), ("busy", "the bus is busy", "the bus is free"), ("masked", "the channel is masked", "the channel is not masked"))),
    ("the lamp", "lamp", (("dark", "it is dark", "it is bright"), ("motion", "something moves", "nothing moves"), ("switch_on", "the switch is on", "the switch is off"), ("away", "nobody is at home", "somebody is at home"))),
)  # fmt: skip


@family("combinational")
def logic_in_words(rng: random.Random, pick: Pick) -> Design:
    """A small piece of logic told as a story: when something is switched on, with exceptions."""
    subject, out, told = rng.choice(_SCENES)
    inputs = rng.choice([2, 3, 3, 4])
    signals = rng.sample(told, inputs)
    wants = [rng.getrandbits(1) for _ in signals]
    form = rng.choice(
        {
            2: ["and", "or", "one"],
            3: ["and_or", "or_and", "and_unless", "or_unless"],
            4: ["and_and_or", "or_and_or", "and_or_unless"],
        }[inputs]
    )
    active_low = rng.random() < 0.15
    names = [signal[0] for signal in signals]
    # The term of an exception is the last one, and is wanted the other way round.
    exception = form.endswith("unless")
    flips = [want == (exception and i == inputs - 1) for i, want in enumerate(wants)]
    terms = [f"~{name}" if flip else name for name, flip in zip(names, flips, strict=True)]
    said = [high if want else low for (_, high, low), want in zip(signals, wants, strict=True)]

    def truth(row: tuple[int, ...]) -> int:
        t = [value == want for value, want in zip(row, wants, strict=True)]
        return int({
            "and": lambda: t[0] and t[1], "or": lambda: t[0] or t[1], "one": lambda: t[0] != t[1],
            "and_or": lambda: t[0] and (t[1] or t[2]), "or_and": lambda: t[0] or (t[1] and t[2]),
            "and_unless": lambda: t[0] and t[1] and not t[2], "or_unless": lambda: (t[0] or t[1]) and not t[2],
            "and_and_or": lambda: t[0] and t[1] and (t[2] or t[3]), "or_and_or": lambda: (t[0] and t[1]) or (t[2] and t[3]),
            "and_or_unless": lambda: t[0] and (t[1] or t[2]) and not t[3],
        }[form]())  # fmt: skip

    c, w = terms, said
    code, words = {
        "and": lambda: (f"{c[0]} & {c[1]}", f"both {w[0]} and {w[1]}"),
        "or": lambda: (f"{c[0]} | {c[1]}", f"{w[0]} or {w[1]}, or both"),
        "one": lambda: (f"{c[0]} ^ {c[1]}", f"exactly one of these holds: {w[0]}; {w[1]}"),
        "and_or": lambda: (f"{c[0]} & ({c[1]} | {c[2]})", f"{w[0]} and at least one of these holds: {w[1]}; {w[2]}"),
        "or_and": lambda: (f"{c[0]} | ({c[1]} & {c[2]})", f"{w[0]}, and also when both {w[1]} and {w[2]}"),
        "and_unless": lambda: (f"{c[0]} & {c[1]} & {c[2]}", f"both {w[0]} and {w[1]}, but never when {w[2]}"),
        "or_unless": lambda: (f"({c[0]} | {c[1]}) & {c[2]}", f"{w[0]} or {w[1]} (or both), but never when {w[2]}"),
        "and_and_or": lambda: (f"{c[0]} & {c[1]} & ({c[2]} | {c[3]})", f"{w[0]}, {w[1]}, and at least one of these holds too: {w[2]}; {w[3]}"),
        "or_and_or": lambda: (f"({c[0]} & {c[1]}) | ({c[2]} & {c[3]})", f"both {w[0]} and {w[1]}, and also when both {w[2]} and {w[3]}"),
        "and_or_unless": lambda: (f"{c[0]} & ({c[1]} | {c[2]}) & {c[3]}", f"{w[0]} and at least one of these holds: {w[1]}; {w[2]}; but never when {w[3]}"),
    }[form]()  # fmt: skip
    rows = list(itertools.product((0, 1), repeat=inputs))
    right = f"~({code})" if active_low else code
    flipped = code if active_low else f"~({code})"
    order = [signal[0] for signal in told if signal in signals]
    legend = listing([f"{name} = 1 when {high}" for name, high, _ in told if name in names])
    on, off = (0, 1) if active_low else (1, 0)
    given = f"the one-bit inputs {listing(order)} and the output {out}"
    return Design(
        key=(out, tuple(names), tuple(truth(row) for row in rows), active_low),
        name=pick("control_logic", "switch_logic", "decision", "top_module"),
        ports=(
            *(Port(n, "input", 1, f"1 when {high}") for n, high, _ in told if n in names),
            Port(out, "output", 1, f"{on} to switch {subject} on"),
        ),
        nouns=(
            f"a combinational circuit with {given} that switches {subject} on ({out} = {on}) when {words}; otherwise {out} = {off} ({legend})",
            f"the control logic of {subject}, which is on ({on}) when {words}, and else off ({off}), with {given}: {legend}",
            f"a small decision circuit with {given}; {legend}; {subject} is on, shown by {on}, when {words}, and off, shown by {off}, in all other cases",
        ),
        behaviours=(
            f"{out} controls {subject}: it is {on} when {words}. In all other cases it is {off}. The inputs mean: {legend}.",
            f"Inputs: {legend}. Switch {subject} on, that is, make {out} {on}, when {words}. Otherwise {out} is {off}.",
            f"{subject[0].upper()}{subject[1:]} must be on when {words}, and off at all other times. {out} = {on} means on and {out} = {off} means off. The inputs are to be read so: {legend}.",
        ),
        body=f"    assign {out} = {right};",
        model=Combinational(lambda values: {out: truth(tuple(values[n] for n in names)) ^ active_low}),
        bugs=((f"= {right};", f"= {flipped};"), (f"= {right};", f"= {names[0]};")),
    )


@family("timing")
def word_gatherer(rng: random.Random, pick: Pick) -> Design:
    """Narrow words gathered to a wide one: so many of them, the first at either end, and a pulse when it is complete."""
    width, count, reset, msb_first = (
        rng.choice([1, 1, 2, 4, 8, 8]),
        rng.choice([2, 2, 3, 4, 4, 5, 8]),
        choose_reset(rng, pick),
        rng.random() < 0.5,
    )
    total, size = width * count, (count - 1).bit_length()
    clk, valid, d, q, done = (
        pick("clk", "clock"),
        pick("valid_in", "in_valid", "push"),
        pick("data_in", "din", "part"),
        pick("data_out", "dout", "word"),
        pick("valid_out", "out_valid", "complete"),
    )
    State = tuple[tuple[int, ...], int]

    def following(state: State, values: Values) -> State:
        parts = state[0] if len(state[0]) < count else ()
        if not values[valid]:
            return (state[0] if len(state[0]) < count else ()), 0
        parts = (*parts, values[d])
        return parts, int(len(parts) == count)

    def outputs(state: State, _: Values) -> dict[str, int | None]:
        parts = state[0] if msb_first else state[0][::-1]
        text = "".join(f"{p:0{width}b}" for p in parts)
        return {done: state[1], q: int(text, 2) if state[1] else None}

    shifted = f"{{{q}[{total - width - 1}:0], {d}}}" if msb_first else f"{{{d}, {q}[{total - 1}:{width}]}}"
    if total - width == 1:
        shifted = f"{{{q}[0], {d}}}" if msb_first else f"{{{d}, {q}[1]}}"
    cleared = f"count <= {size}'d0;\n{done} <= 1'b0;\n{q} <= {total}'d0;"
    last = f"count == {size}'d{count - 1}"
    update = f"{done} <= {valid} && {last};\nif ({valid}) begin\n    {q} <= {shifted};\n    count <= ({last}) ? {size}'d0 : count + {size}'d1;\nend"
    end = "most" if msb_first else "least"
    said = reset_sentences(reset, f"drops what has been gathered and clears {done}")
    word = "bit" if width == 1 else f"{width}-bit word"
    return Design(
        key=(width, count, msb_first, reset.key),
        name=pick("word_gatherer", "width_up", "deserializer" if width == 1 else "width_converter", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(valid, "input", 1, f"high when there is {article(word)}"),
            Port(d, "input", width, f"the {word}"),
            Port(q, "output", total, "the gathered word, valid with its flag"),
            Port(done, "output", 1, "high for a cycle when the word is complete"),
        ),
        registers=frozenset({q, done}),
        nouns=(
            f"a width converter that gathers {count} {word}s, the first at the {end} significant end, to one of {total} bits and raises a valid output for one cycle after the last (the data matter only then), with {reset.phrase}",
            f"a deserializer from {width} to {total} bits, first input at the {end} significant end, with a valid input and a one-cycle registered valid output after every {nth(count)} input, and {reset.phrase} to nothing gathered",
            f"a register that collects {count} valid {word}s into {total} bits ({end} significant first) and signals by a one-cycle pulse that it is full, with {reset.phrase}",
        ),
        briefs=briefly(
            [
                f"serial-to-parallel converter of {total} bits, {end[0].upper()}SB first,",
                f"{total}-bit deserializer, {end[0].upper()}SB first,",
            ]
            if width == 1
            else [f"width converter from {width} to {total} bits, {end} significant word first,"],
            "valid input",
            "valid output",
            reset=reset,
        ),
        behaviours=(
            f"At each rising edge of {clk} with {valid} high, {d} is taken in. After the {nth(count)} of them, {done} is high for one cycle and {q} holds all {count}, the first in the {end} significant place. Then gathering starts again, without a pause. {q} matters only while {done} is high. {said[0]}",
            f"Gather {count} {word}s to {total} bits. Each {word} arrives on {d} when {valid} is 1 at a positive edge of {clk}; the earliest goes to the {end} significant end of {q}. In the cycle after the last one {done} is 1, and otherwise 0. While {done} is 0, {q} may have any value. {said[1]}",
            f"{said[2]} {done} and {q} are registers. Every {nth(count)} rising edge of {clk} at which {valid} is high completes a word: {done} goes high for a cycle, with {q} made of the {count} latest values of {d}, the oldest {end} significant. At other times {q} does not matter.",
        ),
        body=f"\n    reg {bits(size)}count;\n\n{clocked(clk, reset, cleared, update)}",
        model=Sequential(clk, ((), 0), following, outputs, reset),
        bugs=((f"({last}) ?", f"(count == {size}'d{count - 2}) ?"), (shifted, shifted.replace(d, f"~{d}"))),
        stimulus={valid: likely(0.8)},
        cycles=200,
    )


@family("timing")
def handshake_stage(rng: random.Random, pick: Pick) -> Design:
    """A register stage with valid and ready on both sides: full rate or every other cycle, perhaps with a flush."""
    width, full, flushed, reset = (
        rng.choice([1, 2, 4, 8, 8, 12, 16, 32]),
        rng.random() < 0.6,
        rng.random() < 0.3,
        choose_reset(rng, pick),
    )
    clk, flush = pick("clk", "clock"), pick("flush", "clear", "drop")
    v_in, r_in, d_in = pick("in_valid in_ready in_data", "s_valid s_ready s_data", "up_valid up_ready up_data").split()
    v_out, r_out, d_out = pick(
        "out_valid out_ready out_data", "m_valid m_ready m_data", "down_valid down_ready down_data"
    ).split()

    # The state is the word in the stage, None for none.
    def ready(state: Word, values: Values) -> bool:
        return state is None or (full and bool(values[r_out]))

    def following(state: Word, values: Values) -> Word:
        if flushed and values[flush]:
            return None
        if values[v_in] and ready(state, values):
            return values[d_in]
        return None if values[r_out] else state

    def outputs(state: Word, values: Values) -> dict[str, int | None]:
        return {r_in: int(ready(state, values)), v_out: int(state is not None), d_out: state}

    cleared = f"{v_out} <= 1'b0;\n{d_out} <= {width}'d0;"
    accept = f"!{v_out} || {r_out}" if full else f"!{v_out}"
    update = f"if ({v_in} && {r_in}) begin\n    {v_out} <= 1'b1;\n    {d_out} <= {d_in};\nend else if ({r_out})\n    {v_out} <= 1'b0;"
    if flushed:
        update = f"if ({flush})\n    {v_out} <= 1'b0;\nelse {update}"
    rate = (
        f"when it is empty or its word is being taken in this cycle ({r_out} = 1)" if full else "only when it is empty"
    )
    rate_noun = (
        "a word every cycle is possible, since it is ready when empty or when its word is taken"
        if full
        else "it is ready only when empty, so that there is a word every other cycle at most"
    )
    said = reset_sentences(reset, f"empties the stage ({v_out} = 0)")
    away = (
        f" {flush} = 1 at an edge empties the stage and takes nothing in, whatever else happens; {r_in} does not depend on it."
        if flushed
        else ""
    )
    tail = f"{'with a synchronous flush that goes before everything but the reset, and ' if flushed else 'with '}{reset.phrase} to empty"
    return Design(
        key=(width, full, flushed, reset.key),
        name=pick("handshake_stage", "pipe_stage", "valid_ready", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(flushed, flush, 1, "high to empty the stage"),
            Port(v_in, "input", 1, "high when a word is offered"),
            Port(d_in, "input", width, "the word offered"),
            Port(r_out, "input", 1, "high when the receiver takes the word"),
            Port(r_in, "output", 1, "high when the stage can take a word"),
            Port(v_out, "output", 1, "high when the stage has a word"),
            Port(d_out, "output", width, "the word in the stage"),
        ),
        registers=frozenset({v_out, d_out}),
        nouns=(
            f"a one-word pipeline stage of {width} bit{'s' if width > 1 else ''} with valid/ready handshakes on both sides ({rate_noun}; ready is combinational, valid and data are registers), {tail}",
            f"{article(f'{width}-bit')} register between a valid/ready sender and a valid/ready receiver; {rate_noun}; {tail}; output data matter only while valid",
            f"a buffer for one {width}-bit word with an input and an output handshake, registered valid and data, {tail}: {rate_noun}",
        ),
        briefs=briefly(
            [
                f"{'' if full else 'half-rate '}{width}-bit {noun}"
                for noun in ("valid/ready pipeline register", "valid/ready register stage")
            ],
            "flush" if flushed else "",
            reset=reset,
        ),
        behaviours=(
            f"A word moves in at a rising edge of {clk} with {v_in} and {r_in} high, and out at one with {v_out} and {r_out} high. The stage holds one word; {v_out} is high while it has one, which is then on {d_out}. {r_in} is combinational and high {rate}.{away} {said[0]}",
            f"Register a stream with handshakes. {r_in} = 1 {rate}, without a register. If {v_in} and {r_in} are high at the positive edge of {clk}, {d_in} goes to {d_out} and {v_out} becomes 1. Otherwise, {v_out} becomes 0 if {r_out} is high, and stays if not.{away} While {v_out} is 0, {d_out} does not matter. {said[1]}",
            f"{said[2]} One word is kept in {d_out}, and {v_out} says that it is there. It leaves at a rising edge of {clk} with {r_out} = 1. A new word {d_in} enters at one with {v_in} = 1 and {r_in} = 1, where {r_in} is high {rate}.{away} {d_out} is of no account while {v_out} is low.",
        ),
        body=f"    assign {r_in} = {accept};\n\n{clocked(clk, reset, cleared, update)}",
        model=Sequential(clk, None, following, outputs, reset),
        bugs=((f"= {accept};", f"= {v_out};"), (f"{d_out} <= {d_in};", f"{d_out} <= ~{d_in};")),
        stimulus={**({flush: likely(0.1)} if flushed else {}), v_in: likely(0.7)},
        cycles=160,
    )

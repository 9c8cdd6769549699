"""Families of registers: flip-flops, shift registers, LFSR, rotators."""

from __future__ import annotations

import itertools
import random

from rtlscribe.designs.base import (
    Design,
    Pick,
    Port,
    Reset,
    Sequential,
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
    Choice,
    Register,
    briefly,
    clock_and_reset,
    clocked,
    draw_register,
    guarded,
    having,
    input_if,
    likely,
    reset_noun,
    reset_sentences,
)


def _maybe_reset(rng: random.Random, pick: Pick) -> Reset | None:
    return choose_reset(rng, pick) if rng.random() < 0.7 else None


def _key(reset: Reset | None) -> str:
    return reset.key if reset else "none"


def _word(width: int, value: int) -> str:
    """A constant as the words give it: "0", "1", "8'h5a"."""
    return str(value) if value in (0, 1) else f"{width}'h{value:x}"


def _spoken(width: int, value: int) -> str:
    """The same in a brief request: "all ones" for these, if they are many."""
    return "all ones" if width > 1 and value == mask(width) else _word(width, value)


def _asked(briefs: tuple[str, ...], reset: Reset | None) -> tuple[str, ...]:
    """The requests that ask for the reset, if there is one: custom does not give these registers a reset unasked."""
    return tuple(brief for brief in briefs if not reset or " reset" in brief)


_FLIP_FLOPS = {
    "D": ("d", "takes the value of {d}", "takes the value of its data input"),
    "T": ("t", "toggles where {t} is 1 and keeps its value where {t} is 0", "toggles where its toggle input is 1"),
    "JK": (
        "j k",
        "is set to 1 by {j} = 1, {k} = 0, cleared to 0 by {j} = 0, {k} = 1, toggled by {j} = {k} = 1 and held by {j} = {k} = 0",
        "holds, clears, sets or toggles for JK = 00, 01, 10 or 11",
    ),
    "SR": (
        "s r",
        "is set to 1 by {s} = 1 and cleared to 0 by {r} = 1, where {s} has priority if both are 1, and holds if both are 0",
        "is set by s = 1 and cleared by r = 1 with priority to set",
    ),
    "RS": (
        "s r",
        "is set to 1 by {s} = 1 and cleared to 0 by {r} = 1, where {r} has priority if both are 1, and holds if both are 0",
        "is set by s = 1 and cleared by r = 1 with priority to clear",
    ),
}
_BRIEF_FLIP_FLOPS = {
    "D": ("D flip-flop", "D-type flip-flop", "DFF"),
    "T": ("T flip-flop", "toggle flip-flop", "T-type flip-flop"),
    "JK": ("JK flip-flop", "J-K flip-flop"),
    "SR": ("SR flip-flop", "set-dominant SR flip-flop"),
    "RS": ("reset-dominant SR flip-flop",),
}


def _stored(kind: str, q: str, a: str, b: str, *, by_case: bool) -> tuple[list[Choice], list[Choice]]:
    """What flip-flops of a kind store, as one expression or, where they are one, case by case; then a mistake in it."""
    expressions = {
        "D": (a, f"~{a}"),
        "T": (f"{q} ^ {a}", f"{q} | {a}"),
        "JK": (f"({a} & ~{q}) | (~{b} & {q})", f"({b} & ~{q}) | (~{a} & {q})"),
        "SR": (f"{a} | ({q} & ~{b})", f"({q} | {a}) & ~{b}"),
        "RS": (f"({q} | {a}) & ~{b}", f"{a} | ({q} & ~{b})"),
    }
    if kind == "D" or not by_case:
        right, wrong = expressions[kind]
        return [("", right, "updated")], [("", wrong, "updated")]
    toggle, set_first = (f"{a} && {b}" if b else a, f"~{q}", "toggled"), [(a, "1'b1", ""), (b, "1'b0", "")]
    clear_first = set_first[::-1]
    return {
        "T": ([toggle], [(a, "1'b1", "")]),
        "JK": ([toggle, *set_first], clear_first),
        "SR": (set_first, clear_first),
        "RS": (clear_first, set_first),
    }[kind]


@family("registers")
def flip_flop(rng: random.Random, pick: Pick) -> Design:
    """W flip-flops of one kind (D, T, JK, SR with either priority) with a reset value and an optional enable."""
    kind, width, enabled = (
        rng.choice(list(_FLIP_FLOPS)),
        rng.choice([1, 1, 1, 2, 3, 4, 6, 8, 12, 16]),
        rng.random() < 0.4,
    )
    # A toggling flip-flop that starts unknown would stay unknown.
    reset = _maybe_reset(rng, pick) if kind == "D" else choose_reset(rng, pick)
    start = rng.choice([0, mask(width), rng.getrandbits(width)]) if reset else 0
    clk, q = pick("clk", "clock"), pick("q", "out")
    en = pick("en", "enable", "ena") if enabled else ""
    names, behaviour, short = _FLIP_FLOPS[kind]
    data = {name: pick(name, f"{name}_in") for name in names.split()}

    def following(state: int | None, values: Values) -> int | None:
        if enabled and not values[en]:
            return state
        first, second = (*(values[name] for name in data.values()), 0)[:2]
        if kind == "D" or state is None:
            return first
        both = first & second
        # Where both inputs are 1, SR sets, RS clears and the others toggle.
        flip = {"T": first, "JK": both}.get(kind, 0)
        set_bits = first & ~both if kind in ("JK", "RS") else first
        clear_bits = second & ~both if kind in ("JK", "SR") else second
        return state ^ flip if kind == "T" else ((state ^ flip) | set_bits) & ~clear_bits

    a, b = (*data.values(), "")[:2]
    register = draw_register(rng, clk, reset, q, width, inner="state_reg")
    right, wrong = (
        [(" && ".join(filter(None, (en, condition))), value, name) for condition, value, name in found]
        for found in _stored(
            kind, register.name, a, b, by_case=width == 1 and styled(rng, [False, False, True, True, True])
        )
    )
    constant = f"{width}'h{start:x}"
    body = register.body(constant, right)
    said = reset_sentences(reset, f"sets {q} to {_word(width, start)}")
    label = "SR" if kind == "RS" else kind
    group = f"{label} flip-flop" if width == 1 else f"{width}-bit register of {label} flip-flops"
    does = behaviour.format(**data)
    each = "" if width == 1 or kind == "D" else " Every bit works on its own."
    when = f" if {en} is high; if {en} is low, {q} holds" if enabled else ""
    enable_noun = " and a clock enable" if enabled else ""
    tail = f"{reset_noun(reset, _word(width, start))}{enable_noun}"
    that = "" if kind == "D" else f" that {short},"
    return Design(
        key=(kind, width, enabled, start, _key(reset)),
        name=pick(f"{label.lower()}_flip_flop", f"{label.lower()}ff", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the clock enable"),
            *(
                Port(name, "input", width, f"the {usual} input{'s' if width > 1 else ''}")
                for usual, name in data.items()
            ),
            Port(q, "output", width, "the stored value"),
        ),
        registers=register.outputs,
        nouns=(
            f"{article(group)}{that} {tail}",
            f"a positive-edge-triggered {group}{that} {tail}",
            f"{article(group)}, clocked by the rising edge,{that} {tail}",
        ),
        briefs=_asked(
            briefly(
                [
                    *(noun if width == 1 else f"{width}-bit {noun}" for noun in _BRIEF_FLIP_FLOPS[kind]),
                    *([f"{width}-bit register", f"{width}-bit D register"] if kind == "D" else []),
                ],
                "enable" if enabled else "",
                reset=reset,
                to=_spoken(width, start) if start else "",
            ),
            reset if kind == "D" else None,
        ),
        behaviours=(
            f"Build {article(group)}. On the rising edge of {clk}, {q} {does}{when}.{each} {said[0]}",
            f"{said[1]} Otherwise, on every rising edge of {clk}{f' with {en} high' if enabled else ''}, {q} {does}.{each}"
            if reset
            else f"On every rising edge of {clk}{f' with {en} high' if enabled else ''}, {q} {does}.{each} {said[1]}",
            f"Describe {article(group)} with output {q}. {'While ' + en + ' is high, ' if enabled else ''}"
            f"{q} {does} at each positive edge of {clk}.{f' While {en} is low, {q} does not change.' if enabled else ''}{each} {said[2]}",
        ),
        body=body,
        model=Sequential(clk, start if reset else None, following, lambda state, _: {q: state}, reset),
        bugs=(
            (body, register.body(constant, wrong)),
            (body, register.body(f"{width}'h{start ^ 1:x}", right))
            if reset
            else (body, register.body(constant, [(en, f"{a} & {register.name}", "")])),
        ),
        stimulus={en: likely(0.75)} if enabled else {},
    )


def _bank(register: Register, style: str, lane: int, lanes: int, cleared: str, pins: tuple[str, str]) -> str:
    """The code of a register whose lanes of `lane` bits have an enable each; `pins` are the enables and the data."""
    q, (en, d) = register.name, pins
    if style == "word":
        return register.body(cleared, [(en, d, "")])
    ranges = [f"[{lane * i + lane - 1}:{lane * i}]" for i in range(lanes)]
    if style == "loop":
        part = f"[{lane}*i +: {lane}]"
        update = f"for (i = 0; i < {lanes}; i = i + 1)\n    if ({en}[i])\n        {q}{part} <= {d}{part};"
        return register.assembled(cleared, update, declared=["integer i;"])
    if style == "lanes":
        update = "\n".join(f"if ({en}[{i}])\n    {q}{r} <= {d}{r};" for i, r in enumerate(ranges))
        return register.assembled(cleared, update)
    if style == "mask":
        spread = ", ".join(f"{{{lane}{{{en}[{i}]}}}}" for i in reversed(range(lanes)))
        wires = [f"wire {bits(lane * lanes)}write_mask = {{{spread}}};"]
        return register.body(cleared, [("", f"({q} & ~write_mask) | ({d} & write_mask)", "merged")], wires=wires)
    chosen = ", ".join(f"{en}[{i}] ? {d}{ranges[i]} : {q}{ranges[i]}" for i in reversed(range(lanes)))
    return register.body(cleared, [("", f"{{{chosen}}}", "merged")])


@family("registers")
def register_bank(rng: random.Random, pick: Pick) -> Design:
    """A W-bit register with a reset value and one write enable, or one enable per lane of 4 or 8 bits."""
    lane, lanes = rng.choice([(rng.randint(2, 32), 1), (8, rng.randint(2, 4)), (4, rng.randint(2, 4))])
    width, reset = lane * lanes, choose_reset(rng, pick)
    start = rng.choice([0, 0, mask(width), rng.getrandbits(width)])
    clk, d, q = pick("clk", "clock"), pick("d", "data_in", "wdata"), pick("q", "data_out", "rdata")
    unit = "nibble" if lane == 4 else "byte"
    en = pick("en", "we", "load") if lanes == 1 else pick(f"{unit}_en", "lane_en", "be")

    def following(state: int, values: Values) -> int:
        chosen = sum(mask(lane) << lane * i for i in range(lanes) if values[en] >> i & 1)
        return (values[d] & chosen) | (state & ~chosen)

    ranges = [f"[{lane * i + lane - 1}:{lane * i}]" for i in range(lanes)]
    value, constant = _word(width, start), f"{width}'h{start:x}"
    register = draw_register(rng, clk, reset, q, width, inner="stored")
    style = styled(rng, ["lanes", "mask", "loop", "select"]) if lanes > 1 else "word"

    def code(cleared: str, enables: str, data: str) -> str:
        return _bank(register, style, lane, lanes, cleared, (enables, data))

    body = code(constant, en, d)
    said = reset_sentences(reset, f"sets {q} to {value}")
    if lanes == 1:
        with_enable = "a write enable"
        does = (
            f"{q} takes the value of {d} when {en} is high and keeps its value when {en} is low",
            f"{d} is stored in {q} if {en} is 1; if {en} is 0, {q} does not change",
            f"the register loads {d} while {en} is high and holds otherwise",
        )
    else:
        with_enable = f"{lanes} {unit} enables, one for each {unit}"
        does = (
            f"for every bit {en}[i] that is high, {unit} i of {d} is written to {unit} i of {q}; {unit} 0 is bits {ranges[0][1:-1]}. "
            f"{unit.capitalize()}s whose enable is low hold",
            f"{listing([f'{en}[{i}] writes {d}{r} to {q}{r}' for i, r in enumerate(ranges)])}; bits that are not enabled keep their value",
            f"each {unit} of {q} is loaded from the same {unit} of {d} if its enable is high and holds if it is low. "
            f"{listing([f'{en}[{i}] belongs to bits {r[1:-1]}' for i, r in enumerate(ranges)])}",
        )
    text = f"{width}-bit register"
    return Design(
        key=(lane, lanes, start, reset.key),
        name=pick("register", f"register{width}", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(en, "input", lanes, "the write enable" if lanes == 1 else f"the {unit} enables"),
            Port(d, "input", width, "the data to store"),
            Port(q, "output", width, "the stored data"),
        ),
        registers=register.outputs,
        nouns=(
            f"{article(text)} with {with_enable}, and {reset.phrase} to {value}",
            f"a register of {width} bits with {reset.phrase} to {value} and {with_enable}",
            f"{article(text)} {reset_noun(reset, value)}, written under the control of {with_enable}",
        ),
        briefs=_asked(
            tuple(
                brief
                for enables in (
                    ("enable", "load enable", "write enable")
                    if lanes == 1
                    else (f"{unit} enables", f"{unit} write enables", f"an enable for each {unit}")
                )
                for brief in briefly(
                    [text, f"register of {width} bits"],
                    enables,
                    reset=reset,
                    to=_spoken(width, start) if start else "",
                )
            ),
            reset,
        ),
        behaviours=(
            f"Build {article(text)}. On the rising edge of {clk}, {does[0]}. {said[0]}",
            f"{said[1]} Otherwise, at each rising edge of {clk}, {does[1]}.",
            f"This is {article(text)} clocked by {clk}. At the positive edge, {does[2]}. {said[2]}",
        ),
        body=body,
        model=Sequential(clk, start, following, lambda state, _: {q: state}, reset),
        bugs=tuple(
            (body, wrong)
            for wrong in (
                code(f"{width}'h{start ^ 1:x}", en, d),
                code(constant, f"{'!' if lanes == 1 else '~'}{en}", d),
                code(constant, en, f"~{d}"),
            )
        ),
    )


_BRIEF_SHIFTS = {
    "sipo": ("shift register", "serial-in parallel-out shift register", "SIPO shift register"),
    "siso": ("serial-in serial-out shift register", "SISO shift register"),
    "piso": ("parallel-in serial-out shift register", "PISO shift register"),
    "universal": ("shift register", "shift register for serial and parallel data"),
}


@family("registers")
def shift_register(rng: random.Random, pick: Pick) -> Design:
    """A shift register: width, direction, serial or parallel on either side, fill bit, optional enable."""
    form, width, left, enabled = (
        rng.choice(["sipo", "siso", "piso", "universal"]),
        rng.randint(3, 16),
        rng.random() < 0.5,
        rng.random() < 0.5,
    )
    fill = rng.getrandbits(1) if form == "piso" else None
    loads, parallel = form in ("piso", "universal"), form in ("sipo", "universal")
    reset, clk = choose_reset(rng, pick), pick("clk", "clock")
    load, d = (pick("load", "ld"), pick("d", "data", "data_in")) if loads else ("", "")
    en = pick("en", "shift_en", "ena") if enabled else ""
    serial = pick("si", "serial_in", "sin") if fill is None else ""
    out = pick("q", "data_out") if parallel else pick("so", "serial_out", "sout")

    def following(state: int, values: Values) -> int:
        if loads and values[load]:
            return values[d]
        if enabled and not values[en]:
            return state
        new = values[serial] if fill is None else fill
        return (state * 2 + new) & mask(width) if left else state // 2 + (new << width - 1)

    new_bit, last = serial or f"1'b{fill}", width - 1 if left else 0
    register = draw_register(rng, clk, reset, out, width, inner="shift", hidden=not parallel)

    def code(cleared: int, condition: str, *, to_left: bool) -> str:
        word = register.name
        shifted = f"{{{word}[{width - 2}:0], {new_bit}}}" if to_left else f"{{{new_bit}, {word}[{width - 1}:1]}}"
        choices = [*([(condition, d, "")] if loads else []), (en, shifted, "shifted")]
        return register.body(f"{width}'d{cleared}", choices, shown="" if parallel else f"shift[{last}]")

    body = code(0, load, to_left=left)
    way, end, start_bit = ("left", "most", "bit 0") if left else ("right", "least", f"bit {width - 1}")
    fills = f"{serial} enters at {start_bit}" if fill is None else f"a {fill} enters at {start_bit}"
    shows = (
        f"{out} shows all {width} bits"
        if parallel
        else f"{out} is bit {last} of the register, the {end} significant one"
    )
    tail = having(
        "a serial input" if fill is None else f"a {fill} shifted in",
        "a parallel load that has priority" if loads else "",
        "a shift enable" if enabled else "",
        "a parallel output" if parallel else f"a serial output from bit {last}",
        f"{reset.phrase} to 0",
    )
    text = f"{width}-bit shift register"
    loading = (
        f" When {load} is high, {d} is loaded instead of shifting{f', whatever {en} is' if enabled else ''}."
        if loads
        else "",
        f" A high {load} loads {d} in parallel and has priority over shifting." if loads else "",
    )
    if_enabled = f" if {en} is high" if enabled else ""
    hold = f" With {en} low{f' and {load} low' if loads else ''}, it holds." if enabled else ""
    said = reset_sentences(reset, "clears the register to 0")
    shifts = f"it shifts by one bit to the {way}, towards the {end} significant bit,{if_enabled} and {fills}"
    return Design(
        key=(form, width, left, enabled, fill, reset.key),
        name=pick("shift_register", "shift_reg", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(loads, load, 1, "the parallel load"),
            *input_if(enabled, en, 1, "the shift enable"),
            *input_if(loads, d, width, "the data to load"),
            *input_if(serial, serial, 1, "the serial input"),
            Port(out, "output", width if parallel else 1, "the register" if parallel else "the serial output"),
        ),
        registers=register.outputs,
        nouns=(
            f"{article(text)} that shifts {way} into {start_bit}, {tail}",
            f"a {way}-shifting register of {width} bits, filled from {start_bit}, {tail}",
            f"{article(text)} that moves its bits {way}, towards the {end} significant one, {tail}",
        ),
        briefs=()
        if fill
        else briefly(
            [f"{'' if left else 'right-shifting '}{width}-bit {kind}" for kind in _BRIEF_SHIFTS[form]],
            "parallel load" if form == "universal" else "",
            "enable" if enabled else "",
            reset=reset,
        ),
        behaviours=(
            f"Build {article(text)}. On each rising edge of {clk}, {shifts}.{loading[0]}{hold} The output {shows}. {said[0]}",
            f"The module holds {width} bits. {said[1]} At each rising edge of {clk} without a reset"
            f"{', the register takes ' + d + ' if ' + load + ' is high; otherwise' if loads else ','} the bits move one place {way}{if_enabled}, and {fills}."
            f"{hold} {shows}.",
            f"At every positive edge of {clk}, {article(text)} moves its contents one place to the {way}{if_enabled}; {fills}."
            f"{loading[1]}{hold} The output {shows}. {said[2]}",
        ),
        body=body,
        model=Sequential(clk, 0, following, lambda state, _: {out: state if parallel else state >> last & 1}, reset),
        bugs=(
            (body, code(0, load, to_left=not left)),
            (body, code(mask(width), load, to_left=left)),
            *([(body, code(0, f"!{load}", to_left=left))] if loads else []),
        ),
        stimulus={**({load: likely(0.2)} if loads else {}), **({en: likely(0.8)} if enabled else {})},
    )


@family("registers")
def rotator(rng: random.Random, pick: Pick) -> Design:
    """A W-bit rotator by a fixed amount to one side, or to either side as a two-bit control says, with parallel load."""
    way, width = rng.choice(["left", "right", "both"]), rng.randint(5, 32)
    # Half a turn is the same to both sides.
    amount = rng.choice([a for a in (1, 1, 2, 3) if 2 * a % width])
    left_code = rng.choice([1, 2])
    reset = choose_reset(rng, pick) if rng.random() < 0.5 else None
    clk, load, data, q = pick("clk", "clock"), pick("load", "ld"), pick("data", "d", "data_in"), pick("q", "out")
    en = pick("ena", "ctrl", "mode") if way == "both" else pick("en", "enable", "ena")

    def following(state: int | None, values: Values) -> int | None:
        if values[load]:
            return values[data]
        turn = (
            {1: "left", 2: "right"}.get(values[en] if left_code == 1 else values[en] ^ 3)
            if way == "both"
            else way
            if values[en]
            else None
        )
        if state is None or turn is None or (way == "both" and values[en] in (0, 3)):
            return state
        places = amount if turn == "left" else width - amount
        doubled = state << width | state
        return doubled >> (width - places) & mask(width)

    register = draw_register(rng, clk, reset, q, width, inner="word")
    word = register.name
    codes = {left_code: "left", 3 - left_code: "right"}
    turns = [(f"{en} == 2'd{code}", codes[code]) for code in (1, 2)] if way == "both" else [(en, way)]

    def code(data: str, turns: list[tuple[str, str]]) -> str:
        turned = {
            "left": f"{{{word}[{width - 1 - amount}:0], {word}[{width - 1}{f':{width - amount}' if amount > 1 else ''}]}}",
            "right": f"{{{word}[{amount - 1}{':0' if amount > 1 else ''}], {word}[{width - 1}:{amount}]}}",
        }
        choices = [(condition, turned[side], f"rotated_{side}") for condition, side in turns]
        return register.body(f"{width}'d0", [(load, data, ""), *choices])

    body = code(data, turns)
    other = {"left": "right", "right": "left"}
    by = f"{amount} bit{'s' if amount > 1 else ''}"
    said = reset_sentences(reset, f"clears {q} to 0")
    if way == "both":
        control = f"rotates {codes[1]} by {by} when the 2-bit control is 01 and {codes[2]} by {by} when it is 10"
        does = (
            f"When {en} is 2'b01, {q} rotates {codes[1]} by {by}; when {en} is 2'b10, it rotates {codes[2]} by {by}; for 2'b00 and 2'b11 it holds.",
            f"The control {en} selects what happens: 01 rotates {codes[1]}, 10 rotates {codes[2]}, each by {by}, and 00 or 11 do nothing.",
        )
    else:
        control = f"rotates {way} by {by} on each clock cycle while enabled"
        does = (
            f"When {en} is high, {q} rotates {way} by {by}; when it is low, {q} holds.",
            f"While {en} is 1, the word is rotated {way} by {by} in each cycle; while {en} is 0, it stays.",
        )
    text = f"{width}-bit rotator"
    return Design(
        key=(way, width, amount, left_code if way == "both" else 0, _key(reset)),
        name=pick("rotator", "rotate_register", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(load, "input", 1, "the parallel load"),
            Port(
                en,
                "input",
                2 if way == "both" else 1,
                "the rotation control" if way == "both" else "the rotation enable",
            ),
            Port(data, "input", width, "the data to load"),
            Port(q, "output", width, "the rotated word"),
        ),
        registers=register.outputs,
        nouns=(
            f"{article(text)} with parallel load that {control}, {reset_noun(reset, '0')}",
            f"a loadable register of {width} bits that {control}, {reset_noun(reset, '0')}; load has priority",
            f"{article(text)}, {reset_noun(reset, '0')}, that takes new data when load is high and otherwise {control}",
        ),
        briefs=()
        if way == "both"
        else _asked(
            briefly(
                [
                    f"{width}-bit register that rotates {way} by {by}",
                    f"{width}-bit word rotating {way} by {by} a clock",
                    *([f"{width}-bit {way} rotator"] if amount == 1 else []),
                ],
                "load",
                "enable",
                reset=reset,
            ),
            reset,
        ),
        behaviours=(
            f"Build {article(text)} clocked by the rising edge of {clk}. When {load} is high, {q} takes {data}. Otherwise the following applies. "
            f"{does[0]} Bits that leave one end enter at the other. {said[0]}",
            f"{said[1]} {'Otherwise, on' if reset else 'On'} the rising edge of {clk} the {width}-bit register {q} is loaded with {data} if {load} is 1. "
            f"Without a load it can rotate. {does[1]}",
            f"{q} is {article(f'{width}-bit')} word that can be loaded and rotated; no bit is lost in a rotation. {does[0]} {load} has priority over "
            f"rotation and copies {data} to {q}. All of this happens at the positive edge of {clk}. {said[2]}",
        ),
        body=body,
        model=Sequential(clk, 0 if reset else None, following, lambda state, _: {q: state}, reset),
        bugs=(
            (body, code(data, [(condition, other[side]) for condition, side in turns])),
            (body, code(f"~{data}", turns)),
        ),
        stimulus={load: likely(0.15), en: (lambda r: r.randrange(4)) if way == "both" else likely(0.75)},
    )


def _lfsr_step(
    form: str, width: int, taps: list[int], q: str, gate: str, *, feedback_wire: bool
) -> tuple[list[str], str]:
    """Wires and the next word of an LFSR whose feedback is made by this operator of Verilog."""
    if form == "galois":
        out = "feedback" if feedback_wire else f"{q}[0]"
        cells = (f"{q}[{i + 1}] {gate} {out}" if i in taps else f"{q}[{i + 1}]" for i in reversed(range(width - 1)))
        return [f"wire feedback = {q}[0];"] if feedback_wire else [], f"{{{', '.join([out, *cells])}}}"
    together = f" {gate.removeprefix('~')} ".join(f"{q}[{t}]" for t in taps)
    entering = f"~({together})" if gate.startswith("~") else together
    wires = [f"wire feedback = {entering};"] if feedback_wire else []
    entering = "feedback" if feedback_wire else entering
    return wires, f"{{{q}[{width - 2}:0], {entering}}}" if form == "left" else f"{{{entering}, {q}[{width - 1}:1]}}"


# Of the words of these widths, shifted left: the usual taps that go through all states but one.
_USUAL_TAPS = {
    3: [2, 1],
    4: [3, 2],
    5: [4, 2],
    6: [5, 4],
    7: [6, 5],
    8: [7, 5, 4, 3],
    9: [8, 4],
    10: [9, 6],
    11: [10, 8],
    12: [11, 5, 3, 0],
}


@family("registers")
def lfsr(rng: random.Random, pick: Pick) -> Design:
    """A linear feedback shift register: Fibonacci (to either side, XOR or XNOR) or Galois; width, taps and seed vary."""
    form, width, enabled = rng.choice(["left", "right", "galois"]), rng.randint(3, 12), rng.random() < 0.4
    inverted = form != "galois" and rng.random() < 0.25
    reset, clk, q = choose_reset(rng, pick), pick("clk", "clock"), pick("q", "lfsr_out", "out")
    en = pick("en", "enable", "ena") if enabled else ""
    # The bit shifted out always takes part, so that no state is reached from two others.
    leaving = {"left": width - 1, "right": 0, "galois": 0}[form]
    others = [i for i in range(width) if i != leaving and not (form == "galois" and i == width - 1)]
    chosen = rng.sample(others, min(len(others), rng.choice([1, 1, 2, 3])))
    taps = sorted(chosen if form == "galois" else [leaving, *chosen], reverse=True)
    # All ones (all zeros with XOR) would never change.
    seed = (
        rng.choice([0, rng.randrange(mask(width))])
        if inverted
        else rng.choice([1, mask(width), rng.randint(1, mask(width))])
    )

    def following(state: int, values: Values) -> int:
        if enabled and not values[en]:
            return state
        if form == "galois":
            flips = sum(1 << t for t in taps) | 1 << width - 1
            return state >> 1 ^ (flips if state & 1 else 0)
        new = (sum(state >> t & 1 for t in taps) + inverted) % 2
        return (state << 1 & mask(width)) | new if form == "left" else state >> 1 | new << width - 1

    gate = "inverted XOR" if inverted else "XOR"
    register = draw_register(rng, clk, reset, q, width, inner="state_reg")
    feedback_wire = styled(rng, [False, False, True, True, True])
    names = listing([str(t) for t in taps])
    plural = f"bit{'s' if len(taps) > 1 else ''} {names}"
    value = f"{width}'h{seed:x}"

    def code(cleared: str, gates: str) -> str:
        wires, word = _lfsr_step(form, width, taps, register.name, gates, feedback_wire=feedback_wire)
        return register.body(cleared, [(en, word, "shifted")], wires=wires)

    body = code(value, "~^" if inverted else "^")
    said = reset_sentences(reset, f"sets {q} to {value}")
    when = f" while {en} is high" if enabled else ""
    hold = f" While {en} is low, {q} holds." if enabled else ""
    enable_noun = "an enable" if enabled else ""
    if form == "galois":
        how = f"shifts right, puts bit 0 into bit {width - 1} and XORs bit 0 into {plural} of the shifted word"
        does = (
            f"{q} shifts right by one. The bit shifted out, {q}[0], enters at bit {width - 1} and is also XORed into {plural} of the shifted word.",
            f"every bit of {q} takes the value of its left neighbour, and bit {width - 1} takes {q}[0]. "
            f"In {plural}, {'the neighbour is' if len(taps) == 1 else 'the neighbours are'} XORed with {q}[0] first.",
            f"bit {width - 1} becomes {q}[0], and each bit i below it becomes {q}[i+1], or {q}[i+1] ^ {q}[0] for i = {names.replace(' and ', ' or ')}.",
        )
        kind = "Galois"
    else:
        side, entry = ("left", "bit 0") if form == "left" else ("right", f"bit {width - 1}")
        how = f"shifts {side} and feeds the {gate} of {plural} into {entry}"
        does = (
            f"{q} shifts {side} by one, and the {gate} of its {plural} enters at {entry}.",
            f"the new {entry} is the {gate} of {listing([f'{q}[{t}]' for t in taps])}, and all other bits move one place to the {side}.",
            f"the word is shifted one place {side}; the free {entry} is filled with the {gate} of the old {plural}.",
        )
        kind = "Fibonacci"
    text = f"{width}-bit {kind} LFSR"
    plain_seed = seed == (0 if inverted else 1)
    return Design(
        key=(form, width, enabled, inverted, tuple(taps), seed, reset.key),
        name=pick("lfsr", f"lfsr{width}", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the enable"),
            Port(q, "output", width, "the state of the LFSR"),
        ),
        registers=register.outputs,
        nouns=(
            f"{article(text)} that {how}, {having(enable_noun, f'{reset.phrase} to {value}')}",
            f"a linear feedback shift register of {width} bits that {how}, {having(f'{reset.phrase} to {value}', enable_noun)}",
            f"{article(text)}, {having(f'{reset.phrase} to {value}', enable_noun)}, that {how}",
        ),
        briefs=()
        if form == "galois"
        else briefly(
            [
                f"{'right-shifting ' if form == 'right' else ''}{width}-bit {name} tapped at bits {names}"
                for name in (
                    ("XNOR LFSR",) if inverted else ("LFSR", "Fibonacci LFSR", "linear feedback shift register")
                )
            ]
            + ([f"{width}-bit {'XNOR ' * inverted}LFSR"] if form == "left" and taps == _USUAL_TAPS[width] else []),
            "enable" if enabled else "",
            reset=reset,
            to="" if plain_seed else _spoken(width, seed),
        ),
        behaviours=(
            f"Build {article(text)}. On each rising edge of {clk}{when}, {does[0]}{hold} {said[0]}",
            f"{said[1]} Otherwise, at each rising edge of {clk}{when}, {does[1]}{hold}",
            f"The {width}-bit register {q} is a linear feedback shift register. At the positive edge of {clk}{when}, {does[2]}{hold} {said[2]}",
        ),
        body=body,
        model=Sequential(clk, seed, following, lambda state, _: {q: state}, reset),
        bugs=((body, code(f"{width}'h{seed ^ 2:x}", "~^" if inverted else "^")), (body, code(value, "&"))),
        stimulus={en: likely(0.75)} if enabled else {},
    )


@family("registers")
def delay_line(rng: random.Random, pick: Pick) -> Design:
    """A W-bit word delayed by N clock cycles, with an optional reset and an optional enable."""
    width, length, enabled = rng.randint(1, 16), rng.randint(2, 6), rng.random() < 0.4
    reset = _maybe_reset(rng, pick)
    clk, d, q = pick("clk", "clock"), pick("d", "in", "data_in"), pick("q", "out", "data_out")
    en = pick("en", "enable", "ena") if enabled else ""

    def following(state: tuple[int | None, ...], values: Values) -> tuple[int | None, ...]:
        return state if enabled and not values[en] else (values[d], *state[:-1])

    stages = [d, *(f"s{i}" for i in range(1, length)), q]
    moves = "\n".join(f"{after} <= {before};" for before, after in itertools.pairwise(stages))
    zeros = "\n".join(f"{stage} <= {width}'d0;" for stage in stages[1:])
    said = reset_sentences(reset, f"clears all {length} stages to 0")
    when = f" in which {en} is high" if enabled else ""
    hold = f" While {en} is low, nothing moves." if enabled else ""
    tail = f"{'with ' + reset.phrase + ' of all stages to 0' if reset else 'without reset'}{', which advance only while an enable is high' if enabled else ''}"
    text = f"{width}-bit delay line"
    return Design(
        key=(width, length, enabled, _key(reset)),
        name=pick("delay_line", "delay", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the enable"),
            Port(d, "input", width, "the input"),
            Port(q, "output", width, "the delayed input"),
        ),
        registers=frozenset({q}),
        nouns=(
            f"{article(text)} of {length} clock cycles, {tail}".replace("which advance", "which advances"),
            f"a pipeline of {length} {width}-bit register stages, {tail}",
            f"a chain of {length} registers of {width} bit{'s' if width > 1 else ''}, {tail}",
        ),
        briefs=_asked(
            briefly(
                [
                    f"{text} of {length} clock cycles",
                    f"{length}-cycle delay of {article(f'{width}-bit')} signal",
                    f"{length}-stage {width}-bit pipeline register",
                    *(["two-flip-flop synchronizer", "2-stage synchronizer"] if (width, length) == (1, 2) else []),
                ],
                "enable" if enabled else "",
                reset=reset,
            ),
            reset,
        ),
        behaviours=(
            f"Delay {d} by {length} clock cycles{when} and give the result on {q}. Use {length} registers in a row, clocked by the rising edge of {clk}."
            f"{hold} {said[0]}",
            f"The {width}-bit input {d} passes through {length} register stages, the last of which is {q}. Every stage takes the value of the one before "
            f"it on the rising edge of {clk}{f' if {en} is high' if enabled else ''}.{hold} {said[1]}",
            f"{q} is {d} as it was sampled {length} rising edges of {clk} ago{f', counting only the edges with {en} high' if enabled else ''}: "
            f"after an edge, {q} shows the sample taken {length - 1} edge{'s' if length > 2 else ''} before.{hold} {said[2]}",
        ),
        body=f"\n    reg {bits(width)}{', '.join(stages[1:-1])};\n\n{clocked(clk, reset, zeros, guarded(en, moves))}",
        model=Sequential(clk, (0 if reset else None,) * length, following, lambda state, _: {q: state[-1]}, reset),
        bugs=((f"{q} <= {stages[-2]};", f"{q} <= {stages[-3]};"), (f"s1 <= {d};", f"s1 <= ~{d};")),
        stimulus={en: likely(0.75)} if enabled else {},
    )

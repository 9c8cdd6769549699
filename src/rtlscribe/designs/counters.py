"""Families that count."""

from __future__ import annotations

import random

from rtlscribe.designs.base import (
    Design,
    Pick,
    Port,
    Reset,
    Sequential,
    Values,
    article,
    choose_reset,
    listing,
    mask,
    styled,
)
from rtlscribe.designs.families import family
from rtlscribe.designs.parts import (
    briefly,
    clock_and_reset,
    clocked,
    draw_register,
    guarded,
    having,
    input_if,
    likely,
    reset_sentences,
)


@family("counters")
def up_down_counter(rng: random.Random, pick: Pick) -> Design:
    """A W-bit counter that counts up or down by a step, with an optional enable."""
    width, down, enabled, step = rng.randint(2, 16), rng.random() < 0.5, rng.random() < 0.5, rng.choice([1, 1, 2, 3])
    # Half of them have the reset that people mean who do not speak of it.
    reset = Reset(pick("rst", "reset"), False, False) if rng.random() < 0.4 else choose_reset(rng, pick)
    start = mask(width) if down and rng.random() < 0.5 else 0
    clk, out, enable = pick("clk", "clock"), pick("count", "q", "cnt"), pick("en", "enable", "ena")
    sign, verb = ("-", "down") if down else ("+", "up")

    def following(state: int, values: Values) -> int:
        if enabled and not values[enable]:
            return state
        return (state - step if down else state + step) & mask(width)

    register = draw_register(rng, clk, reset, out, width, inner="count_reg")

    def code(cleared: int, by: int) -> str:
        moved = f"{register.name} {sign} {width}'d{by}"
        return register.body(f"{width}'d{cleared}", [(enable if enabled else "", moved, "stepped")])

    body = code(start, step)
    by = "" if step == 1 else f" in steps of {step}"
    to = "zero" if start == 0 else "all ones"
    with_enable = " and enable" if enabled else ""
    when = f" when {enable} is high and holds otherwise" if enabled else " on every clock cycle"
    # Asked for without a word on it, a counter has the plain reset, starts at zero and counts by one.
    brief: tuple[str, ...] = (
        f"{article(f'{width}-bit')} {verb} counter{' with enable' if enabled else ''}",
        f"a counter of {width} bits that counts {verb}{' when enabled' if enabled else ''}",
    )
    if reset.key != "sh" or start or step != 1:
        brief = ()
    return Design(
        key=(width, down, enabled, step, start, reset.key),
        name=pick(f"{verb}_counter", "counter", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            reset.port(),
            *([Port(enable, "input", 1, "the count enable")] if enabled else []),
            Port(out, "output", width, "the count"),
        ),
        registers=register.outputs,
        nouns=(
            *brief,
            f"{article(f'{width}-bit')} {verb} counter with {reset.phrase} to {to}{with_enable}{f', counting{by}' if by else ''}",
            f"a counter of {width} bits that counts {verb}{by}, with {reset.phrase} to {to}{with_enable}",
        ),
        briefs=briefly(
            [
                f"{width}-bit {verb} counter",
                f"{verb} counter of {width} bits",
                *([] if down else [f"{width}-bit counter"]),
            ],
            f"step {step}" if step > 1 else "",
            "enable" if enabled else "",
            reset=reset,
            to=to if start else "",
        ),
        behaviours=(
            f"Build {article(f'{width}-bit')} counter. On the rising edge of {clk}, {out} counts {verb}{by}{when}. "
            f"{reset.name} is {article(reset.phrase)} that sets {out} to {to}.",
            f"The {width}-bit register {out} counts {verb}{by}{when} and wraps around. The {reset.phrase} {reset.name} sets it to {to}.",
        ),
        body=body,
        model=Sequential(clk, start, following, lambda state, _: {out: state}, reset),
        bugs=(
            (body, code(start, step ^ 1)),
            (body, code(1 if start == 0 else 0, step)),
        ),
        stimulus={enable: lambda r: int(r.random() < 0.75)} if enabled else {},
    )


@family("counters")
def modulo_counter(rng: random.Random, pick: Pick) -> Design:
    """A counter through a range of numbers, up or down, with an optional enable and an optional output at the last number."""
    length, down, enabled, flagged = rng.randint(3, 24), rng.random() < 0.3, rng.random() < 0.5, rng.random() < 0.4
    low = rng.choice([0, 0, 0, 1, rng.randint(2, 40)])
    high, reset = low + length - 1, choose_reset(rng, pick)
    width = high.bit_length()
    clk, q, last_flag = pick("clk", "clock"), pick("count", "q", "cnt"), pick("tc", "last", "wrap")
    en = pick("en", "enable", "ena") if enabled else ""
    first, last, sign, verb, near = (high, low, "-", "down", low + 1) if down else (low, high, "+", "up", high - 1)
    order = list(range(low, high + 1))[:: -1 if down else 1]

    def following(state: int, values: Values) -> int:
        return state if enabled and not values[en] else order[(order.index(state) + 1) % length]

    count = f"if ({q} == {width}'d{last})\n    {q} <= {width}'d{first};\nelse\n    {q} <= {q} {sign} {width}'d1;"
    body = "\n" + clocked(clk, reset, f"{q} <= {width}'d{first};", guarded(en, count))
    body += f"\n\n    assign {last_flag} = {q} == {width}'d{last};" if flagged else ""
    said = reset_sentences(reset, f"sets {q} to {first}")
    when = f" when {en} is high and holds when {en} is low" if enabled else ""
    cycle = f"in each clock cycle with {en} high" if enabled else "in every clock cycle"
    tail = having(
        f"{reset.phrase} to {first}",
        "an enable" if enabled else "",
        f"an output that is high at {last}" if flagged else "",
    )
    shown = [str(number) for number in order]
    sequence = ", ".join(shown if length < 5 else [*shown[:2], "...", shown[-1]])
    flag = f" {last_flag} is high while {q} is {last}." if flagged else ""
    text = f"{width}-bit {verb} counter"
    return Design(
        key=(low, high, down, enabled, flagged, reset.key),
        name=pick("counter", f"mod{length}_counter", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the count enable"),
            Port(q, "output", width, "the count"),
            *((Port(last_flag, "output", 1, f"high while the count is {last}"),) if flagged else ()),
        ),
        registers=frozenset({q}),
        nouns=(
            f"{article(text)} from {first} to {last} and then {first} again, {tail}",
            f"{article(f'{width}-bit')} modulo-{length} counter that counts {verb} from {first} to {last} and wraps around, {tail}",
            f"a counter of {width} bits that repeats the {length} numbers from {first} {verb} to {last}, {tail}",
        ),
        # An enable may or may not be a part of the output at the end.
        briefs=()
        if enabled and flagged
        else briefly(
            [
                f"counter from {first} {'down ' if down else ''}to {last}",
                f"{width}-bit counter that counts {verb} from {first} to {last}",
                *([f"modulo-{length} counter", f"mod-{length} counter"] if low == 0 and not down else []),
                *(["BCD counter", "decade counter"] if order == list(range(10)) else []),
            ],
            "enable" if enabled else "",
            "terminal count output" if flagged else "",
            reset=reset,
        ),
        behaviours=(
            f"Build {article(text)}. On the rising edge of {clk}, {q} goes {verb} from {first} to {last} in steps of one{when}; after {last} it returns to {first}."
            f"{flag} {said[0]}",
            f"{said[1]} Otherwise {q} goes {verb} by one {cycle}, except that {last} is followed by {first}."
            f"{f' With {en} low it keeps its value.' if enabled else ''}{flag}",
            f"Design a modulo-{length} counter with the {width}-bit output {q}. {said[2]} The sequence is {sequence}, {first} and so on, "
            f"one step at each rising edge of {clk}{f' with {en} high' if enabled else ''}.{f' {q} does not change while {en} is low.' if enabled else ''}{flag}",
        ),
        body=body,
        model=Sequential(
            clk, first, following, lambda s, _: {q: s, **({last_flag: int(s == last)} if flagged else {})}, reset
        ),
        bugs=(
            (f"({q} == {width}'d{last})", f"({q} == {width}'d{near})"),
            (f"{q} <= {width}'d{first};", f"{q} <= {width}'d{order[1]};"),
        ),
        stimulus={en: likely(0.85)} if enabled else {},
        cycles=600 if length > 12 else 300,
    )


_PRIORITIES = {
    # The order of load and enable: conditions in the code, a mistake in the first, words.
    "load": ("{load}", "{load} && !{en}", "{en}", "load has priority over counting", "{load} has priority over {en}"),
    "count": ("{en}", "{en} && !{load}", "{load}", "counting has priority over load", "{en} has priority over {load}"),
    "both": (
        "{en} && {load}",
        "{load}",
        "{en}",
        "a load happens only while enabled and replaces counting",
        "{load} has an effect only while {en} is high, and then replaces counting",
    ),
}


@family("counters")
def loadable_counter(rng: random.Random, pick: Pick) -> Design:
    """A W-bit counter with parallel load: up or down, and three relations between load and enable."""
    width, down, priority, reset = (
        rng.randint(3, 16),
        rng.random() < 0.4,
        rng.choice(list(_PRIORITIES)),
        choose_reset(rng, pick),
    )
    clk, q, en = pick("clk", "clock"), pick("count", "q", "cnt"), pick("en", "enable", "ena")
    load, d = pick("load", "ld"), pick("d", "data", "data_in")
    start = mask(width) if down and rng.random() < 0.3 else 0
    sign, verb, verbs = ("-", "down", "decremented") if down else ("+", "up", "incremented")

    def following(state: int, values: Values) -> int:
        counted = (state + (-1 if down else 1)) % (1 << width)
        if values[load] and values[en]:
            return counted if priority == "count" else values[d]
        if values[load]:
            return state if priority == "both" else values[d]
        return counted if values[en] else state

    condition, mistake, other = (text.format(load=load, en=en) for text in _PRIORITIES[priority][:3])
    noun_rule, rule = (text.format(load=load, en=en) for text in _PRIORITIES[priority][3:])
    register = draw_register(rng, clk, reset, q, width, inner="count_reg")

    def code(cleared: int, condition: str, sign: str) -> str:
        load_it = (d, "")
        step = (f"{register.name} {sign} {width}'d1", verbs)
        one, two = (step, load_it) if priority == "count" else (load_it, step)
        return register.body(f"{width}'d{cleared}", [(condition, *one), (other, *two)])

    body = code(start, condition, sign)
    value = "all ones" if start else "0"
    said = reset_sentences(reset, f"sets {q} to {value}")
    text = f"{width}-bit loadable {verb} counter"
    return Design(
        key=(width, down, priority, start, reset.key),
        name=pick("loadable_counter", "counter", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(load, "input", 1, "the load input"),
            Port(en, "input", 1, "the count enable"),
            Port(d, "input", width, "the value to load"),
            Port(q, "output", width, "the count"),
        ),
        registers=register.outputs,
        nouns=(
            f"{article(text)} with enable and {reset.phrase} to {value}, where {noun_rule}",
            f"a counter of {width} bits that counts {verb} while enabled, with parallel load and {reset.phrase} to {value}; {noun_rule}",
            f"{article(f'{width}-bit')} {verb} counter with enable, parallel load and {reset.phrase} to {value}, in which {noun_rule}",
        ),
        briefs=()
        if priority != "load"
        else briefly(
            [f"{width}-bit {verb} counter", f"{width}-bit counter that counts {verb}"],
            "enable",
            "parallel load",
            reset=reset,
            to=value if start else "",
        ),
        behaviours=(
            f"Build {article(f'{width}-bit')} counter. On the rising edge of {clk}, {q} takes {d} if {load} is high and goes {verb} by one if {en} is high; "
            f"{rule}. If neither applies, {q} holds. {said[0]}",
            f"{said[1]} At a rising edge of {clk} without a reset, {load} asks for {q} to be loaded with {d}, and {en} asks for it to be {verbs}. "
            f"Note that {rule}. {q} wraps around.",
            f"The {width}-bit register {q} can be loaded with {d} (by {load}) or moved {verb} by one (by {en}), always at the positive edge of {clk}. "
            f"Here {rule}. {said[2]}",
        ),
        body=body,
        model=Sequential(clk, start, following, lambda state, _: {q: state}, reset),
        bugs=(
            (body, code(start, mistake, sign)),
            (body, code(start, condition, "+" if down else "-")),
            (body, code(start ^ 1, condition, sign)),
        ),
        stimulus={load: likely(0.3), en: likely(0.7)},
    )


@family("counters")
def two_way_counter(rng: random.Random, pick: Pick) -> Design:
    """A counter whose direction is an input: one pin of either sense or a pair of pins, full range or a modulus, optional enable."""
    control, enabled = rng.choice(["up", "down", "pair"]), rng.random() < 0.4
    modulus = rng.choice([0, 0, rng.randint(5, 12)])
    width = (modulus - 1).bit_length() if modulus else rng.randint(2, 12)
    top, reset = (modulus or 1 << width) - 1, choose_reset(rng, pick)
    clk, q = pick("clk", "clock"), pick("count", "q", "cnt")
    enabled = enabled and control != "pair"
    en = pick("en", "enable", "ena") if enabled else ""
    up = pick("up", "inc") if control == "pair" else pick("up", "up_down") if control == "up" else ""
    down = pick("down", "dec") if control != "up" else ""

    def following(state: int, values: Values) -> int:
        if enabled and not values[en]:
            return state
        if control == "pair":
            step = values[up] - values[down]
        else:
            step = 1 if (values[up] if control == "up" else not values[down]) else -1
        return (state + step) % (top + 1)

    plus, minus = f"{q} + {width}'d1", f"{q} - {width}'d1"
    if modulus:
        plus, minus = (
            f"({q} == {width}'d{top}) ? {width}'d0 : {plus}",
            f"({q} == {width}'d0) ? {width}'d{top} : {minus}",
        )
    if control == "pair":
        update = f"if ({up} && !{down})\n    {q} <= {plus};\nelse if ({down} && !{up})\n    {q} <= {minus};"
        bug = (f"({up} && !{down})", f"({up})")
        rule = f"goes up by one if only {up} is high, goes down by one if only {down} is high, and holds if both or neither are high"
        noun_rule = "an up input and a down input that cancel each other"
    else:
        one, two = (plus, minus) if control == "up" else (minus, plus)
        update = guarded(en, f"if ({up or down})\n    {q} <= {one};\nelse\n    {q} <= {two};")
        bug = (f"if ({up or down})", f"if (!{up or down})")
        ways = ("up", "down") if control == "up" else ("down", "up")
        rule = f"goes {ways[0]} by one if {up or down} is 1 and {ways[1]} by one if {up or down} is 0"
        noun_rule = f"{'an up' if control == 'up' else 'a down'} input that is 1 for {ways[0]} and 0 for {ways[1]}"
    tail = having(f"{reset.phrase} to 0", "an enable" if enabled else "", noun_rule)
    edges = (
        f"It counts modulo {modulus}: {top} is followed by 0 on the way up, and 0 by {top} on the way down."
        if modulus
        else "It wraps around at both ends."
    )
    numbers = f" from 0 to {top}" if modulus else ""
    said = reset_sentences(reset, f"clears {q} to 0")
    first = f"While {en} is low, {q} holds. " if enabled else ""
    text = f"{width}-bit up/down counter"
    return Design(
        key=(control, enabled, modulus, width, reset.key),
        name=pick("up_down_counter", "counter", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the count enable"),
            *input_if(up, up, 1, "the up input"),
            *input_if(down, down, 1, "the down input"),
            Port(q, "output", width, "the count"),
        ),
        registers=frozenset({q}),
        nouns=(
            f"{article(text)}{numbers} that wraps around, {tail}",
            f"a counter of {width} bits{numbers} in both directions, wrapping around at the ends, {tail}",
            f"{article(f'{width}-bit')} counter{numbers} that wraps around and whose direction is an input, {tail}",
        ),
        briefs=briefly(
            [f"up/down counter{numbers}", f"modulo-{modulus} up/down counter", f"bidirectional counter{numbers}"]
            if modulus
            else [text, f"{width}-bit up-down counter", f"{width}-bit bidirectional counter"],
            "enable" if enabled else "",
            {"pair": "separate up and down inputs", "down": "an input that is high for down", "up": ""}[control],
            reset=reset,
        ),
        behaviours=(
            f"Build {article(text)}. {first}On the rising edge of {clk}, {q} {rule}. {edges} {said[0]}",
            f"{said[1]} Otherwise, at each rising edge of {clk}{f' with {en} high' if enabled else ''}, the {width}-bit count {q} {rule}. {edges}",
            f"The {width}-bit register {q} is a counter for both directions. {edges} At the positive edge of {clk} it {rule}. {first}{said[2]}",
        ),
        body="\n" + clocked(clk, reset, f"{q} <= {width}'d0;", update),
        model=Sequential(clk, 0, following, lambda state, _: {q: state}, reset),
        bugs=(
            bug,
            (f"{q} <= {width}'d0;", f"{q} <= {width}'d1;"),
            *([(f"{width}'d{top} : ", f"{width}'d{top - 1} : ")] if modulus else []),
        ),
        stimulus={
            **({en: likely(0.8)} if enabled else {}),
            **({up: likely(0.65)} if up else {}),
            **({down: likely(0.35)} if down else {}),
        },
        cycles=250,
    )


@family("counters")
def decade_bcd_counter(rng: random.Random, pick: Pick) -> Design:
    """A decimal counter of one digit (up or down, with carry) or of two BCD digits up to a last number."""
    digits, enabled, reset = rng.choice([1, 2, 2, 2]), rng.random() < 0.5, choose_reset(rng, pick)
    down = digits == 1 and rng.random() < 0.5
    low = rng.choice([0, 0, 1]) if digits == 2 else 0
    high = rng.choice([11, 12, 19, 23, 24, 29, 31, rng.randint(11, 39)]) if digits == 2 else 9
    clk, tens, ones = pick("clk", "clock"), pick("tens", "digit1"), pick("ones", "digit0")
    if digits == 1:
        ones = pick("q", "count", "digit")
    carry = pick("carry", "co") if not down else pick("borrow", "bo")
    en = pick("en", "enable", "ena") if enabled else ""
    first, last = (high, low) if down else (low, high)

    def following(state: int, values: Values) -> int:
        if enabled and not values[en]:
            return state
        return first if state == last else state + (-1 if down else 1)

    def outputs(state: int, values: Values) -> dict[str, int]:
        if digits == 2:
            return {tens: state // 10, ones: state % 10}
        return {ones: state, carry: int(state == last and not (enabled and not values[en]))}

    said = reset_sentences(reset, f"sets the count to {first}")
    when = f" while {en} is high" if enabled else ""
    hold = f" The count holds while {en} is low." if enabled else ""
    features = ("an enable" if enabled else "", f"{reset.phrase} to {first}")
    if digits == 1:
        verb, sign = ("down", "-") if down else ("up", "+")
        count = f"if ({ones} == 4'd{last})\n    {ones} <= 4'd{first};\nelse\n    {ones} <= {ones} {sign} 4'd1;"
        name, flag = "borrow" if down else "carry", f"{f'{en} && ' if enabled else ''}{ones} == 4'd{last}"
        body = f"{clocked(clk, reset, f'{ones} <= 4{chr(39)}d{first};', guarded(en, count))}\n\n    assign {carry} = {flag};"
        while_enabled = " while enabled" if enabled else ""
        numbers = f"from {first} {verb} to {last}, then {first} again"
        nouns = (
            f"a decade counter {numbers}, {having(f'a {name} output that is high at {last}{while_enabled}', *features)}",
            f"a 4-bit BCD digit counter that counts {numbers}, {having(f'a {name} output (high at {last}{while_enabled})', *features)}",
            f"a decimal {verb} counter of one digit, {numbers}, {having(f'a combinational {name} output at {last}{while_enabled}', *features)}",
        )
        carries = f"{carry} is high {f'if {en} is high and' if enabled else 'while'} {ones} is {last}"
        behaviours = (
            f"Build a decade counter. On each rising edge of {clk}{when}, {ones} counts {verb} by one, {numbers}.{hold} {carries} (combinational). {said[0]}",
            f"{said[1]} Otherwise {ones} counts {verb} in decimal {numbers}, one step per rising edge of {clk}{when}. To cascade digits, {carries}.",
            f"The 4-bit output {ones} is a decimal digit that counts {numbers}, at the positive edge of {clk}{when}. {carries}, without a register. {said[2]}",
        )
        bugs: tuple[tuple[str, str], ...] = (
            (f"({ones} == 4'd{last})", f"({ones} == 4'd{abs(last - 1)})"),
            (f"assign {carry} = {flag};", f"assign {carry} = {flag.replace(f'd{last}', f'd{first}')};"),
        )
    else:
        cleared = f"{tens} <= 4'd0;\n{ones} <= 4'd{low};"
        count = (
            f"if ({tens} == 4'd{high // 10} && {ones} == 4'd{high % 10}) begin\n    {tens} <= 4'd0;\n    {ones} <= 4'd{low};\n"
            f"end else if ({ones} == 4'd9) begin\n    {tens} <= {tens} + 4'd1;\n    {ones} <= 4'd0;\nend else\n    {ones} <= {ones} + 4'd1;"
        )
        body = clocked(clk, reset, cleared, guarded(en, count))
        numbers = f"from 0{low} to {high} and then 0{low} again"
        nouns = (
            f"a two-digit BCD counter {numbers}, {having('separate tens and ones outputs', *features)}",
            f"a BCD counter with digits tens and ones that counts {numbers}, {having(*features)}",
            f"a decimal counter of two BCD digits (tens and ones) {numbers}, {having(*features)}",
        )
        behaviours = (
            f"Build a two-digit BCD counter with the digits {tens} and {ones}. On each rising edge of {clk}{when}, it counts up by one, {numbers}.{hold} {said[0]}",
            f"{said[1]} Otherwise, at every rising edge of {clk}{when}, the decimal number with digits {tens} and {ones} is incremented; "
            f"{high} is followed by 0{low}.{hold}",
            f"The 4-bit BCD digits {tens} and {ones} count {numbers}, at the positive edge of {clk}{when}. {ones} goes from 9 to 0 as {tens} goes up by one. {said[2]}",
        )
        bugs = ((f"({ones} == 4'd9)", f"({ones} == 4'd8)"), (f"{ones} <= 4'd{low};", f"{ones} <= 4'd{1 - low};"))
    return Design(
        key=(digits, enabled, down, low, high, reset.key),
        name=pick("bcd_counter", "decade_counter", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the count enable"),
            *((Port(tens, "output", 4, "the tens digit"),) if digits == 2 else ()),
            Port(ones, "output", 4, "the ones digit" if digits == 2 else "the digit"),
            *((Port(carry, "output", 1, "high in the last count before the wrap"),) if digits == 1 else ()),
        ),
        registers=frozenset({tens, ones} if digits == 2 else {ones}),
        nouns=nouns,
        briefs=briefly(
            [f"two-digit BCD counter from 0{low} to {high}", f"BCD counter from {low} to {high} for tens and ones"]
            if digits == 2
            else [
                f"{kind} {'down counter from 9 to 0' if down else 'counter'}" for kind in ("decade", "BCD", "decimal")
            ],
            "enable" if enabled else "",
            f"{'borrow' if down else 'carry'} output" if digits == 1 else "",
            reset=reset,
        ),
        behaviours=behaviours,
        body="\n" + body,
        model=Sequential(clk, first, following, outputs, reset),
        bugs=bugs,
        stimulus={en: likely(0.9)} if enabled else {},
        cycles=800 if digits == 2 else 250,
    )


@family("counters")
def ring_counter(rng: random.Random, pick: Pick) -> Design:
    """A ring counter or a Johnson (twisted ring) counter of N bits, to either side, with an optional enable."""
    johnson, width, left, enabled = rng.random() < 0.5, rng.randint(3, 12), rng.random() < 0.5, rng.random() < 0.4
    reset, clk, q = choose_reset(rng, pick), pick("clk", "clock"), pick("q", "count", "out")
    en = pick("en", "enable", "ena") if enabled else ""
    start = 0 if johnson else rng.choice([1, 1, 1 << width - 1, 1 << rng.randrange(width)])

    def following(state: int, values: Values) -> int:
        if enabled and not values[en]:
            return state
        leaving = state >> width - 1 if left else state & 1
        entering = leaving ^ johnson
        return (state << 1 & mask(width)) | entering if left else state >> 1 | entering << width - 1

    register = draw_register(rng, clk, reset, q, width, inner="ring")
    feedback_wire = styled(rng, [False, False, False, True, True])

    def code(cleared: int, *, inverted: bool) -> str:
        word = register.name
        leaving = f"{'~' if inverted else ''}{word}[{width - 1 if left else 0}]"
        bit = "feedback" if feedback_wire else leaving
        shifted = f"{{{word}[{width - 2}:0], {bit}}}" if left else f"{{{bit}, {word}[{width - 1}:1]}}"
        wires = [f"wire feedback = {leaving};"] if feedback_wire else []
        return register.body(f"{width}'b{cleared:0{width}b}", [(en, shifted, "shifted")], wires=wires)

    body, constant = code(start, inverted=johnson), f"{width}'b{start:0{width}b}"
    value = "0" if johnson else constant
    said = reset_sentences(reset, f"sets {q} to {value}")
    way, end, entry = ("left", f"bit {width - 1}", "bit 0") if left else ("right", "bit 0", f"bit {width - 1}")
    kind = "Johnson counter" if johnson else "ring counter"
    what = f"the inverse of {end}" if johnson else end
    when = f" while {en} is high" if enabled else ""
    tail = having("an enable" if enabled else "", f"{reset.phrase} to {value}")
    text = f"{width}-bit {kind}"
    return Design(
        key=(johnson, width, left, enabled, start, reset.key),
        name=pick("johnson_counter", "counter", "top_module")
        if johnson
        else pick("ring_counter", "counter", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the enable"),
            Port(q, "output", width, "the state of the counter"),
        ),
        registers=register.outputs,
        nouns=(
            f"{article(text)} that shifts {way}, with {what} entering at {entry}, {tail}",
            f"a {kind} of {width} bits, shifting {way}, {tail}",
            f"a {way}-shifting {text} {tail}",
        ),
        # By custom the 1 of a ring counter goes left, and a Johnson counter shifts right.
        briefs=briefly(
            [f"{way}-shifting {text}", f"{text} that shifts {way}"]
            if left == johnson
            else [text, f"{kind} of {width} bits"],
            "enable" if enabled else "",
            reset=reset,
            to=value if start > 1 else "",
        ),
        behaviours=(
            f"Build {article(text)}. On each rising edge of {clk}{when}, {q} shifts {way} by one and {what} of the old value enters at {entry}."
            f"{f' While {en} is low, {q} holds.' if enabled else ''} {said[0]}",
            f"{said[1]} Otherwise the {width}-bit register {q} is shifted one place {way} at every rising edge of {clk}{when}; "
            f"the new {entry} is {what} before the shift.{f' Without {en} it keeps its value.' if enabled else ''}",
            f"{q} is the state of {article(text)}. At the positive edge of {clk}, {f'if {en} is 1, ' if enabled else ''}all bits move one place to the {way}, "
            f"and {what} is fed back to {entry}.{f' If {en} is 0, nothing changes.' if enabled else ''} {said[2]}",
        ),
        body=body,
        model=Sequential(clk, start, following, lambda state, _: {q: state}, reset),
        bugs=(
            (body, code(start, inverted=not johnson)),
            (body, code(mask(width) ^ start, inverted=johnson)),
        ),
        stimulus={en: likely(0.8)} if enabled else {},
    )


@family("counters")
def saturating_counter(rng: random.Random, pick: Pick) -> Design:
    """An up/down counter that stops at 0 and at a maximum, like a branch predictor's; optional threshold output."""
    width, enabled, reset = rng.choice([2, 3, 3]), rng.random() < 0.7, choose_reset(rng, pick)
    top = mask(width) if rng.random() < 0.6 else rng.randint((1 << width - 1) + 1, mask(width))
    start = rng.choice([0, rng.randint(1, top - 1), rng.randint(1, top - 1)])
    half = rng.choice([0, rng.randint(1, top)])
    clk, q, up = pick("clk", "clock"), pick("count", "state", "q"), pick("up", "taken", "inc")
    en = pick("en", "valid", "enable") if enabled else ""
    predict = pick("predict", "prediction", "predicted")

    def following(state: int, values: Values) -> int:
        if enabled and not values[en]:
            return state
        return min(state + 1, top) if values[up] else max(state - 1, 0)

    def outputs(state: int, _: Values) -> dict[str, int]:
        return {q: state, **({predict: int(state >= half)} if half else {})}

    count = (
        f"if ({up} && {q} != {width}'d{top})\n    {q} <= {q} + {width}'d1;\n"
        f"else if (!{up} && {q} != {width}'d0)\n    {q} <= {q} - {width}'d1;"
    )
    body = "\n" + clocked(clk, reset, f"{q} <= {width}'d{start};", guarded(en, count))
    body += f"\n\n    assign {predict} = {q} >= {width}'d{half};" if half else ""
    said = reset_sentences(reset, f"sets {q} to {start}")
    text = f"{width}-bit saturating up/down counter"
    features = (
        "an enable" if enabled else "",
        f"a prediction output that is high at {half} and above" if half else "",
        f"{reset.phrase} to {start}",
    )
    when = f" with {en} high" if enabled else ""
    hold = f" {q} holds while {en} is low." if enabled else ""
    flag = f" {predict} is high while {q} is {half} or more." if half else ""
    return Design(
        key=(width, top, start, half, enabled, reset.key),
        name=pick("saturating_counter", "predictor", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the enable"),
            Port(up, "input", 1, "the direction, 1 for up"),
            Port(q, "output", width, "the count"),
            *((Port(predict, "output", 1, f"high while the count is {half} or more"),) if half else ()),
        ),
        registers=frozenset({q}),
        nouns=(
            f"{article(text)} that stops at 0 and {top}, {having('an up input (0 for down)', *features)}",
            f"a counter of {width} bits between 0 and {top} that counts up or down without wrapping, "
            f"{having('an up input (0 for down)', *features)}",
            f"a branch-predictor style {text} from 0 to {top}, {having('an up input that is 1 for up and 0 for down', *features)}",
        ),
        briefs=()
        if half not in (0, 1 << width - 1) or (half and top != mask(width))
        else briefly(
            [f"branch predictor of one {width}-bit saturating counter", f"{width}-bit saturating branch predictor"]
            if half
            else [text, f"{width}-bit saturating counter", f"{width}-bit non-wrapping up/down counter"]
            if top == mask(width)
            else [f"saturating up/down counter from 0 to {top}", f"up/down counter that stops at 0 and {top}"],
            "enable" if enabled else "",
            reset=reset,
            to=f"{start}" if start else "",
        ),
        behaviours=(
            f"Build {article(text)}. On each rising edge of {clk}{when}, {q} is incremented if {up} is 1 and it is below {top}, and decremented if {up} is 0 "
            f"and it is above 0.{hold}{flag} {said[0]}",
            f"{said[1]} Otherwise {q} moves by one at each rising edge of {clk}{when}: up when {up} is 1, but never above {top}, and down when {up} is 0, "
            f"but never below 0.{hold}{flag}",
            f"The {width}-bit count {q} stays between 0 and {top}. At the positive edge of {clk}{when}, a 1 on {up} adds one and a 0 subtracts one; "
            f"at the limits {top} and 0 it stays instead of wrapping around.{hold}{flag} {said[2]}",
        ),
        body=body,
        model=Sequential(clk, start, following, outputs, reset),
        bugs=(
            (f"if ({up} && {q} != {width}'d{top})", f"if ({up} && {q} != {width}'d{top - 1})"),
            (f"{q} <= {width}'d{start};", f"{q} <= {width}'d{start ^ 1};"),
            (f"!{up} && {q} != {width}'d0", f"!{up}"),
        ),
        # So many that the walk, often reset, reaches both limits.
        stimulus={en: likely(0.95)} if enabled else {},
        cycles=1500,
    )


@family("counters")
def down_timer(rng: random.Random, pick: Pick) -> Design:
    """A timer: load a W-bit number of cycles, count down to zero, tell when done; one-shot or repeating, busy loads taken or ignored."""
    width, shown, enabled = rng.randint(4, 12), rng.random() < 0.4, rng.random() < 0.4
    locked, level = rng.random() < 0.4, rng.choice(["done", "busy"])
    reset = choose_reset(rng, pick) if rng.random() < 0.7 or locked else None
    clk, load, d = pick("clk", "clock"), pick("load", "start"), pick("d", "data", "value")
    q = pick("count", "q") if shown else "count"
    en = pick("en", "enable", "tick") if enabled else ""
    flag = pick("done", "tc", "expired") if level == "done" else pick("busy", "running", "active")

    def following(state: int | None, values: Values) -> int | None:
        if values[load] and not (locked and state):
            return values[d]
        if not state or (enabled and not values[en]):
            return state
        return state - 1

    def outputs(state: int | None, _: Values) -> dict[str, int | None]:
        told = None if state is None else int((state == 0) == (level == "done"))
        return {**({q: state} if shown else {}), flag: told}

    zero = f"{width}'d0"
    take = f"{load} && {q} == {zero}" if locked else load
    running = f"{en} && {q} != {zero}" if enabled else f"{q} != {zero}"
    update = f"if ({take})\n    {q} <= {d};\nelse if ({running})\n    {q} <= {q} - {width}'d1;"
    relation = "==" if level == "done" else "!="
    body = "" if shown else f"\n    reg [{width - 1}:0] {q};\n"
    body += f"\n{clocked(clk, reset, f'{q} <= {zero};', update)}\n\n    assign {flag} = {q} {relation} {zero};"
    said = reset_sentences(reset, "clears the count to 0")
    text = f"{width}-bit down timer"
    told = f"{flag} is high while the count is {'0' if level == 'done' else 'not 0'}"
    noun_told = f"a {level} output (count {'is' if level == 'done' else 'is not'} 0)"
    busy = (
        f" {load} is ignored while the count is not 0, and the count goes on."
        if locked
        else f" {load} works at any time, also while the timer runs.",
        "A load is only accepted at 0; until then the timer counts on."
        if locked
        else "A load is accepted at any time.",
    )
    noun_busy = (
        "ignores load until it is at 0"
        if locked
        else f"can be loaded at any time{', enabled or not,' if enabled else ''}"
    )
    when = f" with {en} high" if enabled else ""
    tail = listing([
        noun_told,
        *(["a count enable"] if enabled else []),
        *(["the count as an output"] if shown else []),
        f"{reset.phrase} to 0" if reset else "no reset",
    ])  # fmt: skip
    visible = f" The count is the output {q}." if shown else ""
    return Design(
        key=(width, shown, enabled, locked, level, "none" if reset is None else reset.key),
        name=pick("timer", "down_timer", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(load, "input", 1, "the load input"),
            *input_if(enabled, en, 1, "the count enable"),
            Port(d, "input", width, "the number of cycles to load"),
            *((Port(q, "output", width, "the remaining count"),) if shown else ()),
            Port(flag, "output", 1, told.replace(f"{flag} is ", "")),
        ),
        registers=frozenset({q} if shown else ()),
        nouns=(
            f"{article(text)} that stops at 0 and {noun_busy}, with {tail}",
            f"a timer of {width} bits that is loaded with a number, counts down to 0 and stays there; it {noun_busy} and has {tail}",
            f"a loadable {text} that stops at 0 and {noun_busy}, with {tail}",
        ),
        briefs=()
        if locked
        else briefly(
            [text, f"{width}-bit countdown timer", f"countdown timer of {width} bits"],
            "load",
            "enable" if enabled else "",
            "count output" if shown else "",
            f"{level} output",
            "" if reset else "no reset",
            reset=reset,
        ),
        behaviours=(
            f"Build {article(text)}. On the rising edge of {clk}, if {load} is high, the count is loaded with {d}; otherwise it goes down by one{when and f' (in cycles{when})'} "
            f"until it is 0, where it stays.{busy[0]}{visible} {told}. {said[0]}",
            f"{said[1]} At each rising edge of {clk} the {width}-bit count takes the value of {d} when {load} is 1 and otherwise, if it is not 0"
            f"{f' and {en} is 1' if enabled else ''}, is decremented. {busy[1]}{visible} {told}.",
            f"The timer holds a count of {width} bits. A 1 on {load} puts {d} into it at the positive edge of {clk}.{busy[0]} In every other cycle{when} "
            f"a count above 0 is reduced by one.{visible} {told}. {said[2]}",
        ),
        body=body,
        model=Sequential(clk, 0 if reset else None, following, outputs, reset),
        bugs=(
            (f"{q} <= {q} - {width}'d1;", f"{q} <= {q} - {width}'d2;"),
            (f"assign {flag} = {q} {relation} {zero}", f"assign {flag} = {q} {relation} {width}'d1"),
        ),
        stimulus={load: likely(0.2), d: lambda r: r.randrange(12), **({en: likely(0.85)} if enabled else {})},
        cycles=250,
    )

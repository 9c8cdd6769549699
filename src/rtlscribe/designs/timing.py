"""Families that watch or make time: edge and sequence detection, clock dividers, pulses, PWM."""

from __future__ import annotations

import random

from rtlscribe.designs.base import Design, Pick, Port, Reset, Sequential, Values, article, bits, choose_reset, styled
from rtlscribe.designs.families import family
from rtlscribe.designs.parts import (
    Register,
    always,
    briefly,
    clock_and_reset,
    clocked,
    draw_register,
    each_bit,
    guarded,
    having,
    input_if,
    likely,
    nth,
    played,
    reset_noun,
    reset_sentences,
)

_EDGES = {
    # Kind of edge: expression, a mistake in it, words.
    "rising": ("{x} & ~{last}", "~{x} & {last}", "changes from 0 to 1", "was 0 and is 1 now", "rising edge"),
    "falling": ("~{x} & {last}", "{x} & ~{last}", "changes from 1 to 0", "was 1 and is 0 now", "falling edge"),
    "both": (
        "{x} ^ {last}",
        "{x} & ~{last}",
        "changes (in either direction)",
        "was not what it is now",
        "rising or falling edge",
    ),
}
_OTHER_NAMES = {"rising": "positive", "falling": "negative", "both": "dual"}


def _edges(kind: str, before: int, now: int, width: int) -> int:
    """The bits with such an edge, from the definition."""
    wanted = {"rising": ((0, 1),), "falling": ((1, 0),), "both": ((0, 1), (1, 0))}[kind]
    return sum(1 << i for i in range(width) if (before >> i & 1, now >> i & 1) in wanted)


def _edge_wires(kind: str, x: str, width: int, *, apart: bool) -> tuple[list[str], str, str]:
    """Wires, the edges of x against its last sample by way of them, and a mistake in this; without wires if not apart."""
    rise, fall, vector = f"{x} & ~last", f"~{x} & last", bits(width)
    if not apart:
        right, wrong = (text.format(x=x, last="last") for text in _EDGES[kind][:2])
        return [], right, wrong
    if kind == "both":
        return [f"wire {vector}rising = {rise};", f"wire {vector}falling = {fall};"], "rising | falling", "rising"
    ends = (f"changed & {x}", f"changed & ~{x}")
    right, wrong = ends if kind == "rising" else ends[::-1]
    return [f"wire {vector}changed = {x} ^ last;"], right, wrong


def _steady(shortest: int, longest: int) -> list[list[int]]:
    """Runs of equal bits of these lengths, for `played`."""
    return [[bit] * length for bit in (0, 1) for length in range(shortest, longest + 1)]


def _detector(register: Register, style: str, wires: list[str], edge: str, watched: tuple[str, str]) -> str:
    """An edge detector's code from `edge`, an expression over `wires`; `watched` is the signal and what is sampled of it."""
    clk, reset, pulse, vector = register.clk, register.reset, register.out, bits(register.width)
    zero, (x, sampled) = f"{register.width}'d0", watched
    declared = "\n".join(f"    {line}" for line in (f"reg {vector}last;", *wires))
    sampling = clocked(clk, reset, f"last <= {zero};", f"last <= {sampled};")
    if style == "register":
        return register.body(zero, [("", edge, "edges")], wires=[f"reg {vector}last;", *wires], blocks=[sampling])
    if style == "pair":
        block = clocked(clk, reset, f"last <= {zero};\n{pulse} <= {zero};", f"last <= {sampled};\n{pulse} <= {edge};")
        return f"{declared}\n\n{block}"
    if style == "process":
        return f"{declared}\n\n{sampling}\n\n{always(f'        {pulse} = {edge};')}"
    if style == "bits" and register.width > 1:
        one = edge.replace(x, f"{x}[i]").replace("last", "last[i]")
        return f"{declared}\n\n{sampling}\n\n{each_bit(f'assign {pulse}[i] = {one};', 0, register.width, 'each_bit')}"
    return f"{declared}\n\n{sampling}\n\n    assign {pulse} = {edge};"


@family("timing")
def edge_detector(rng: random.Random, pick: Pick) -> Design:
    """Pulses at the edges of a W-bit signal: kind of edge, registered or combinational, any reset or none."""
    kind, width, registered = rng.choice(list(_EDGES)), rng.choice([1, 1, *range(2, 17)]), rng.random() < 0.5
    reset = choose_reset(rng, pick) if rng.random() < 0.6 else None
    clk, x, pulse = pick("clk", "clock"), pick("in", "x", "sig"), pick("pulse", "edge_out", "detected")
    change, was, edge = (text.format(x=x, last="last") for text in _EDGES[kind][2:])
    State = tuple[int | None, int | None]

    def found(before: int | None, values: Values) -> int | None:
        return None if before is None else _edges(kind, before, values[x], width)

    def following(state: State, values: Values) -> State:
        return values[x], found(state[0], values)

    def outputs(state: State, values: Values) -> dict[str, int | None]:
        return {pulse: state[1] if registered else found(state[0], values)}

    style = styled(rng, ["pair", "register"] if registered else ["assign", "assign", "process", "bits"])
    apart = styled(rng, [False, False, True, True, True])
    register = draw_register(rng, clk, reset, pulse, width, inner="pulse_reg")
    wires, right, wrong = _edge_wires(kind, x, width, apart=apart and style != "bits")

    def code(expression: str, sampled: str) -> str:
        return _detector(register, style, wires, expression, (x, sampled))

    body = code(right, x)
    sized = "" if width == 1 else f"{width}-bit "
    each = "" if width == 1 else f" Each of the {width} bits is treated separately."
    of = f"a {edge} of a one-bit signal" if width == 1 else f"a {edge} of each bit of {article(f'{width}-bit')} signal"
    out_noun = (
        "a registered pulse of one clock cycle"
        if registered
        else "a combinational pulse (the signal against its last sample)"
    )
    said = reset_sentences(reset, f"clears the last sample{f' and {pulse}' if registered else ''} to 0")
    bit = x if width == 1 else f"a bit of {x}"
    same = pulse if width == 1 else f"the same bit of {pulse}"
    if registered:
        does = (
            f"When {bit} {change} from one rising edge of {clk} to the next, {same} goes high for one cycle after the later edge.",
            f"{x} is sampled at every rising edge of {clk}. {pulse} is a register that is 1 for one clock cycle after a sample in which {bit} {change} "
            f"compared with the sample before.",
            f"Whenever {bit} {change} between two positive edges of {clk}, {same} is 1 in the clock cycle that follows the second of them, and otherwise 0 ({pulse} is a register).",
        )
    else:
        does = (
            f"A register keeps the value of {x} from the last rising edge of {clk}. While {bit} {was}, compared with this stored value, {same} is high; "
            f"this output is combinational.",
            f"{x} is sampled at every rising edge of {clk}. {pulse} compares the present {x} with the last sample, without a register: it is 1 where {bit} {was}.",
            f"Without waiting for the clock, {same} is 1 as long as {bit} {was}, where the old value is the one sampled at the last positive edge of {clk}.",
        )
    return Design(
        key=(kind, width, registered, reset.key if reset else "none"),
        name=pick("edge_detector", "edge_detect", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(x, "input", width, "the signal to watch"),
            Port(pulse, "output", width, f"high after a {edge}"),
        ),
        registers=register.outputs
        if style == "register"
        else frozenset({pulse} if style in ("pair", "process") else ()),
        nouns=(
            f"an edge detector that shows {of} by {out_noun}, {reset_noun(reset, '0')}",
            f"a detector for {of}, {having(out_noun, f'{reset.phrase} to 0' if reset else 'no reset')}",
            f"a circuit that gives {out_noun} for {of}, {reset_noun(reset, '0')}",
        ),
        briefs=briefly(
            [
                f"{sized}{edge} detector",
                f"{sized}{_OTHER_NAMES[kind]} edge detector",
                f"detector of {edge}s{f' on {width} bits' if width > 1 else ''}",
            ],
            "registered output" if registered else "",
            "" if reset else "no reset",
            reset=reset,
        ),
        behaviours=(
            f"Build an edge detector for the {width}-bit input {x}. {does[0]}{each} {said[0]}",
            f"Detect {of}. {does[1]}{each} {said[1]}",
            f"{does[2]}{each} {said[2]}",
        ),
        body=body,
        model=Sequential(clk, (0, 0) if reset else (None, None), following, outputs, reset),
        bugs=((body, code(wrong, x)), (body, code(right, f"~{x}"))),
    )


def _capture(register: Register, style: str, declared: list[str], found: str, x: str, *, sticky: bool) -> str:
    """An edge capture register's code from `found`, an expression for the edges; not `sticky` is a mistake."""
    assert register.reset
    clk, out, zero = register.clk, register.out, f"{register.width}'d0"
    if style == "pair":
        kept = f"{out} | ({found})" if sticky else found
        lines = "\n".join(f"    {line}" for line in declared)
        return f"""{lines}

    always @(posedge {clk}) begin
        last <= {x};
        if ({register.reset.condition})
            {out} <= {zero};
        else
            {out} <= {kept};
    end"""
    sampling = clocked(clk, None, "", f"last <= {x};")
    kept = f"{register.name} | ({found})" if sticky else found
    if style == "register":
        return register.body(zero, [("", kept, "collected")], wires=declared, blocks=[sampling])
    declared = [*declared, f"wire {bits(register.width)}found = {found};"]
    if register.width == 1:
        choices = [("found", "1'b1", ""), *([] if sticky else [("", "1'b0", "")])]
        return register.body(zero, choices, wires=declared, blocks=[sampling])
    otherwise = "" if sticky else f"\n    else\n        {register.name}[i] <= 1'b0;"
    update = f"for (i = 0; i < {register.width}; i = i + 1)\n    if (found[i])\n        {register.name}[i] <= 1'b1;{otherwise}"
    return register.assembled(zero, update, declared=[*declared, "integer i;"], blocks=[sampling])


@family("timing")
def edge_capture(rng: random.Random, pick: Pick) -> Design:
    """Bits that go high at an edge of their input and stay high until a synchronous clear."""
    kind, width, active_low = rng.choice(list(_EDGES)), rng.choice([1, *range(2, 17), 32]), rng.random() < 0.3
    clk, x, out = pick("clk", "clock"), pick("in", "x", "d"), pick("out", "captured", "q")
    clear = pick("rst_n", "clear_n") if active_low else pick("rst", "reset", "clear")
    change, edge = (text.format(x=x, last="last") for text in (_EDGES[kind][2], _EDGES[kind][4]))
    State = tuple[int | None, int | None]

    def following(state: State, values: Values) -> State:
        before, held = state
        if bool(values[clear]) != active_low:
            return values[x], 0
        return values[x], None if held is None or before is None else held | _edges(kind, before, values[x], width)

    level, reset = "low" if active_low else "high", Reset(clear, False, active_low)
    reset_kind = f"synchronous active-{level} reset"
    sized = "" if width == 1 else f"{width}-bit "
    signal = f"{sized or 'one-bit '}signal"
    of = f"a {edge} of {article(signal)}" if width == 1 else f"a {edge} on each bit of {article(signal)}"
    bit = x if width == 1 else f"a bit of {x}"
    same = out if width == 1 else f"the same bit of {out}"
    style = styled(rng, ["pair", "register", "register", "bits"])
    apart = styled(rng, [False, False, True, True, True])
    register = draw_register(rng, clk, reset, out, width, inner="sticky")
    wires, right, wrong = _edge_wires(kind, x, width, apart=apart)

    def code(found: str, *, sticky: bool) -> str:
        return _capture(register, style, [f"reg {bits(width)}last;", *wires], found, x, sticky=sticky)

    body = code(right, sticky=True)
    return Design(
        key=(kind, width, active_low),
        name=pick("edge_capture", "edge_latch", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            Port(clear, "input", 1, f"the {reset_kind}"),
            Port(x, "input", width, "the signal to watch"),
            Port(out, "output", width, f"high since a {edge}"),
        ),
        registers=frozenset({out}) if style == "pair" else register.outputs,
        nouns=(
            f"an edge capture register that remembers {of} until a {reset_kind}, which has priority over an edge",
            f"a circuit that captures {of} in a sticky bit, cleared by a {reset_kind} with priority (the last sample itself is never reset)",
            f"a register that is set by {of} and stays set until a {reset_kind} clears it, where the reset wins over an edge in the same cycle",
        ),
        briefs=briefly(
            [
                f"{sized}{edge} capture register",
                f"{sized}sticky {edge} detector",
                f"sticky register for {edge}s of {article(signal)}",
            ],
            reset=reset,
        ),
        behaviours=(
            f"When {bit} {change} from one rising edge of {clk} to the next, {same} is set to 1 and stays 1 until the {reset_kind} {clear} clears it. "
            f"If reset and an edge come together, the reset wins. The previous value of {x} is sampled in every cycle, also during reset.",
            f"Capture {of}. {x} is sampled at every rising edge of {clk}, with or without a reset. If {bit} {change} between two samples, {same} becomes 1 and "
            f"is held. A rising edge of {clk} with {clear} {level} sets {out} to 0 instead.",
            f"{out} collects edges: {'it' if width == 1 else 'each bit'} is set at the positive edge of {clk} at which {bit} {change} in comparison with the positive edge before. "
            f"{clear} is {article(reset_kind)} that clears {out}, has priority, and does not affect the stored previous value of {x}.",
        ),
        body=body,
        # The reset is an input like the others to the model, because it clears only a part of the state.
        model=Sequential(clk, (None, None), following, lambda state, _: {out: state[1]}),
        bugs=((body, code(wrong, sticky=True)), (body, code(right, sticky=False))),
        stimulus={clear: likely(0.15 if not active_low else 0.85)},
    )


def _overlap(pattern: str) -> int:
    """The longest end of the pattern, short of all of it, that is also its beginning."""
    return next(n for n in reversed(range(len(pattern))) if pattern.endswith(pattern[:n]))


@family("timing")
def sequence_detector(rng: random.Random, pick: Pick) -> Design:
    """Detects a pattern of 3 to 5 bits in a serial stream: overlapping or not, output registered or not, optional valid input."""
    length = rng.choice([3, 4, 5])
    pattern = "".join(rng.choice("01") for _ in range(length))
    overlapping, registered, gated, reset = (
        rng.random() < 0.6,
        rng.random() < 0.6,
        rng.random() < 0.25,
        choose_reset(rng, pick),
    )
    border = _overlap(pattern)
    overlapping = overlapping or not border  # without a border there is nothing to overlap
    laps = ["", *(["overlapping "] if border else [])] if overlapping else ["non-overlapping "]
    clk, x, found = pick("clk", "clock"), pick("in", "x", "data_in"), pick("found", "detected", "z")
    valid = pick("valid", "en", "in_valid") if gated else ""
    State = tuple[str, int]

    def step(state: State, values: Values) -> tuple[str, int]:
        """The bits seen that still count, and whether they end in the pattern."""
        if gated and not values[valid]:
            return state[0], 0
        seen = (state[0] + str(values[x]))[-length:]
        match = seen == pattern
        return ("" if match and not overlapping else seen), int(match)

    # Bits that cannot begin the pattern stand for "nothing seen yet".
    empty = f"{length - 1}'b{('0' if pattern[0] == '1' else '1') * (length - 1)}"
    match = f"{{history, {x}}} == {length}'b{pattern}"
    shifted = f"history <= {{history[{length - 3}:0], {x}}};" if length > 3 else f"history <= {{history[0], {x}}};"
    gate = f"{valid} && " if gated else ""
    hit, miss = f"{found} <= 1'b1;\n    ", f"{found} <= 1'b0;\n    "
    if overlapping:
        update = (f"{found} <= {gate}{match};\n" if registered else "") + guarded(valid, shifted)
    elif registered:
        update = f"if ({gate}{match}) begin\n    {hit}history <= {empty};\nend else "
        update += (
            f"if ({valid}) begin\n    {miss}{shifted}\nend else\n    {found} <= 1'b0;"
            if gated
            else f"begin\n    {miss}{shifted}\nend"
        )
    else:
        update = guarded(valid, f"if ({match})\n    history <= {empty};\nelse\n    {shifted}")
    cleared = f"history <= {empty};\n{found} <= 1'b0;" if registered else f"history <= {empty};"
    body = f"\n    reg [{length - 2}:0] history;\n\n{clocked(clk, reset, cleared, update)}"
    body += "" if registered else f"\n\n    assign {found} = {gate}{match};"
    said = reset_sentences(reset, f"forgets all bits seen so far{f' and clears {found}' if registered else ''}")
    again = "overlapping occurrences count" if overlapping else "occurrences do not overlap"
    more = (
        "Occurrences may overlap"
        if overlapping
        else "Occurrences do not overlap: after one, detection starts afresh with the next bit"
    )
    if registered:
        when = f"{found} is a register that is high for one clock cycle after the rising edge at which the last bit of the pattern is sampled"
        noun_out = "a registered output that is high for the cycle after the last bit"
    else:
        when = f"{found} is combinational (Mealy): it is high in the same cycle in which {x} is the last bit of the pattern"
        noun_out = "a combinational (Mealy) output that is high during the last bit"
    bit_valid = (
        f" in which {valid} is high; while {valid} is low, the bit is ignored and {'no detection is signalled' if registered else f'{found} is low'}"
        if gated
        else ""
    )
    tail = having(noun_out, "a valid input for the bits" if gated else "", f"{reset.phrase} to nothing seen")
    return Design(
        key=(pattern, overlapping, registered, gated, reset.key),
        name=pick("sequence_detector", "seq_detect", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(gated, valid, 1, "high when there is a bit"),
            Port(x, "input", 1, "the serial input"),
            Port(found, "output", 1, "high when the pattern is found"),
        ),
        registers=frozenset({found} if registered else ()),
        nouns=(
            f"a detector of the bit sequence {pattern} in a serial stream, where {again}, {tail}",
            f"a sequence detector for {pattern} (first bit on the left), in which {again}, {tail}",
            f"a circuit that looks for the pattern {pattern} in a serial input; {again}; {tail}",
        ),
        # With a valid input, custom would leave a registered output high while no bit comes.
        briefs=()
        if gated and registered
        else briefly(
            [
                f"{lap}{machine}{noun}"
                for lap in laps
                for machine in (("", "Moore ") if registered else ("Mealy ",))
                for noun in (f"sequence detector for {pattern}", f"{pattern} sequence detector")
            ],
            "valid input" if gated else "",
            reset=reset,
        ),
        behaviours=(
            f"Build a detector of the sequence {pattern} on the serial input {x}, which is sampled at each rising edge of {clk}{bit_valid}. {when}. {more}. {said[0]}",
            f"{said[1]} One bit of {x} arrives per cycle of {clk} (sampled at the rising edge){bit_valid}. If the last {length} bits since the reset, oldest first, "
            f"are {pattern}, this is a detection. {more}. {when}.",
            f"The bits on {x} are searched for {pattern}, leftmost bit first, one bit at each positive edge of {clk}{bit_valid}. {more}. {said[2]} {when}.",
        ),
        body=body,
        model=Sequential(
            clk,
            ("", 0),
            step,
            lambda state, values: {found: state[1] if registered else step(state, values)[1]},
            reset,
        ),
        bugs=(
            (f"{length}'b{pattern}", f"{length}'b{pattern[:-1]}{'01'[pattern[-1] == '0']}"),
            (f"{length}'b{pattern}", f"{length}'b{pattern[::-1]}")
            if pattern != pattern[::-1]
            else (shifted, "history <= history;"),
        ),
        # The pattern, its overlap with itself, and noise.
        stimulus={
            x: played(
                [[int(b) for b in word] for word in (pattern, pattern[border:], pattern + pattern[border:], "0", "1")]
            ),
            **({valid: likely(0.85)} if gated else {}),
        },
        cycles=250,
    )


@family("timing")
def clock_divider(rng: random.Random, pick: Pick) -> Design:
    """A clock divided by N: a square wave that toggles every N/2 cycles, or a tick of one cycle in N; optional enable."""
    square, enabled, reset = rng.random() < 0.5, rng.random() < 0.3, choose_reset(rng, pick)
    period = 2 * rng.randint(2, 12) if square else rng.randint(3, 20)
    starts_high = square and rng.random() < 0.25
    length = period // 2 if square else period
    width = (length - 1).bit_length()
    clk, en = pick("clk", "clock"), pick("en", "enable", "ena") if enabled else ""
    out = pick("clk_out", "clk_div", "out") if square else pick("tick", "pulse", "strobe")

    def following(state: int, values: Values) -> int:
        return state if enabled and not values[en] else (state + 1) % period

    def outputs(state: int, values: Values) -> dict[str, int]:
        if square:
            return {out: int((state >= length) != starts_high)}
        return {out: int(state == period - 1)}

    zero, level = f"{width}'d0", f"1'b{int(starts_high)}"
    ended = f"count == {width}'d{length - 1}"
    if square:
        count = f"if ({ended}) begin\n    count <= {zero};\n    {out} <= ~{out};\nend else\n    count <= count + {width}'d1;"
        block = clocked(clk, reset, f"count <= {zero};\n{out} <= {level};", guarded(en, count))
    else:
        count = f"if ({ended})\n    count <= {zero};\nelse\n    count <= count + {width}'d1;"
        block = clocked(clk, reset, f"count <= {zero};", guarded(en, count)) + f"\n\n    assign {out} = {ended};"
    vector = f"[{width - 1}:0] " if width > 1 else ""
    body = f"\n    reg {vector}count;\n\n{block}"
    counted = f" in which {en} is high" if enabled else ""
    hold = f" While {en} is low, {'nothing changes' if square else 'the counter stops'}." if enabled else ""
    enabled_noun = "enabled " if enabled else ""
    tail = having(
        "an enable" if enabled else "",
        f"{reset.phrase}{f' to output {int(starts_high)}' if square else ' of the counter to 0'}",
    )
    if square:
        said = reset_sentences(reset, f"clears the counter and sets {out} to {int(starts_high)}")
        nouns = (
            f"a clock divider by {period} whose output toggles every {length} {enabled_noun}clock cycles, {tail}",
            f"a divide-by-{period} circuit with a square wave (half high, half low) made by toggling a register every {length} {enabled_noun}cycles, {tail}",
            f"a frequency divider by {period} with 50% duty cycle, {tail}",
        )
        behaviours = (
            f"Divide the clock {clk} by {period}. The register {out} toggles after every {length} rising edges of {clk}{counted}.{hold} {said[0]}",
            f"{said[1]} Otherwise {out} is a square wave with a period of {period} cycles of {clk}{counted}: it keeps each level for {length} cycles and starts with "
            f"{int(starts_high)} after reset.{hold}",
            f"A counter runs from 0 to {length - 1} at the positive edge of {clk}. Each time it wraps around to 0, {out} is inverted, so that {out} has 1/{period} of the "
            f"frequency.{hold} {said[2]}",
        )
    else:
        said = reset_sentences(reset, "clears the counter to 0")
        nouns = (
            f"a tick generator with an output that is high for one out of every {period} {enabled_noun}clock cycles, namely while a counter from 0 to {period - 1} is at "
            f"{period - 1}, {tail}",
            f"a divide-by-{period} prescaler whose output is high while its counter (0 to {period - 1}, wrapping) is {period - 1}, {tail}",
            f"a counter from 0 to {period - 1} that repeats and gives a tick at {period - 1}, {tail}",
        )
        behaviours = (
            f"Make a tick on {out} once in {period} clock cycles. A counter goes from 0 to {period - 1} and back to 0, one step at each rising edge of {clk}{counted}, "
            f"and {out} is high while it is {period - 1}.{hold} {said[0]}",
            f"{said[1]} Otherwise an internal counter counts the rising edges of {clk}{counted}, modulo {period}. {out} is 1 exactly while the counter has its last value, "
            f"{period - 1}.{hold}",
            f"{out} is high while an internal modulo-{period} counter, incremented at each positive edge of {clk}{counted}, equals {period - 1}, and low for all other counts. "
            f"{said[2]}",
        )
    return Design(
        key=(square, period, enabled, starts_high, reset.key),
        name=pick("clock_divider", "clk_divider", "top_module")
        if square
        else pick("tick_generator", "prescaler", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the enable"),
            Port(out, "output", 1, "the divided clock" if square else f"the tick, once in {period} cycles"),
        ),
        registers=frozenset({out} if square else ()),
        nouns=nouns,
        briefs=()
        if starts_high
        else briefly(
            [f"clock divider by {period}", f"divide-by-{period} clock divider", f"frequency divider by {period}"]
            if square
            else [
                f"tick generator for one tick every {period} clock cycles",
                f"timer that gives a one-cycle pulse every {period} clock cycles",
            ],
            "enable" if enabled else "",
            reset=reset,
        ),
        behaviours=behaviours,
        body=body,
        model=Sequential(clk, 0, following, outputs, reset),
        bugs=(
            (f"({ended})", f"(count == {width}'d{length - 2})"),
            (f"{out} <= {level};", f"{out} <= 1'b{1 - starts_high};")
            if square
            else (f"count <= {zero};", f"count <= {width}'d1;"),
        ),
        stimulus={en: likely(0.9)} if enabled else {},
        cycles=500,
    )


@family("timing")
def pulse_generator(rng: random.Random, pick: Pick) -> Design:
    """A pulse of N cycles after a trigger: a further trigger restarts it or is ignored; level or active-low output."""
    length, restarts, inverted, reset = (
        rng.randint(2, 15),
        rng.random() < 0.5,
        rng.random() < 0.25,
        choose_reset(rng, pick),
    )
    clk, trigger = pick("clk", "clock"), pick("trigger", "start", "trig")
    out = pick("pulse_n", "out_n") if inverted else pick("pulse", "out", "active")
    width = length.bit_length()

    def following(state: int, values: Values) -> int:
        if values[trigger] and (restarts or state == 0):
            return length
        return max(state - 1, 0)

    start, zero = f"count <= {width}'d{length};", f"{width}'d0"
    down = f"count <= count - {width}'d1;"
    if restarts:
        update = f"if ({trigger})\n    {start}\nelse if (count != {zero})\n    {down}"
        again = f"a {trigger} during the pulse starts the {length} cycles again"
        again_noun = "a trigger during the pulse restarts it"
    else:
        update = f"if (count != {zero})\n    {down}\nelse if ({trigger})\n    {start}"
        again = f"a {trigger} during the pulse, including its last cycle, is ignored"
        again_noun = "triggers during the pulse are ignored"
    relation, level, idle = ("==", "low", "high") if inverted else ("!=", "high", "low")
    said = reset_sentences(reset, "ends the pulse")
    text = f"pulse generator for {'low' if inverted else 'high'} pulses of {length} clock cycles"
    return Design(
        key=(length, restarts, inverted, reset.key),
        name=pick("pulse_generator", "one_shot", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(trigger, "input", 1, "the trigger"),
            Port(out, "output", 1, f"{level} during the pulse"),
        ),
        nouns=(
            f"{article(text)} after a trigger, where {again_noun}, with {reset.phrase} to no pulse",
            f"a {'retriggerable' if restarts else 'non-retriggerable'} one-shot whose output is {level} for {length} clock cycles after a sampled trigger, where {again_noun}, "
            f"with {reset.phrase} to {idle}",
            f"a monostable circuit with {reset.phrase} to {idle}: a trigger makes the output {level} for {length} cycles, and {again_noun}",
        ),
        briefs=briefly(
            [
                f"{'' if restarts else 'non-'}retriggerable {noun}"
                for noun in (
                    f"one-shot of {length} clock cycles",
                    f"pulse generator for {length}-cycle pulses",
                    f"{length}-cycle monostable",
                )
            ],
            "active-low output" if inverted else "",
            reset=reset,
        ),
        behaviours=(
            f"When {trigger} is high at a rising edge of {clk}, {out} goes {level} for {length} clock cycles; {again}. Otherwise {out} is {idle}. {said[0]}",
            f"Build a one-shot. {out} is {idle} until {trigger} is 1 at a rising edge of {clk}, then it is {level} for the next {length} cycles. Note that {again}. {said[1]}",
            f"{said[2]} A {trigger} sampled at the positive edge of {clk} makes a pulse on {out}, which is {level} for {length} cycles and {idle} outside pulses; {again}.",
        ),
        body=f"\n    reg [{width - 1}:0] count;\n\n{clocked(clk, reset, f'count <= {zero};', update)}\n\n    assign {out} = count {relation} {zero};",
        model=Sequential(clk, 0, following, lambda state, _: {out: int((state > 0) != inverted)}, reset),
        bugs=(
            (start, f"count <= {width}'d{length - 1};"),
            (f"assign {out} = count {relation}", f"assign {out} = count {'!=' if inverted else '=='}"),
        ),
        stimulus={trigger: likely(0.12)},
        cycles=500,
    )


@family("timing")
def pwm(rng: random.Random, pick: Pick) -> Design:
    """Pulse-width modulation: a counter of period N, high while below a duty that is an input or a constant; either polarity."""
    width = rng.randint(2, 5)
    period = 1 << width if rng.random() < 0.5 else rng.randint((1 << width - 1) + 1, (1 << width) - 1)
    duty = 0 if rng.random() < 0.5 else rng.randint(1, period - 1)  # 0: an input
    inverted, reset = rng.random() < 0.25, choose_reset(rng, pick)
    clk, out, limit = pick("clk", "clock"), pick("pwm_out", "pwm", "out"), pick("duty", "compare", "level")
    full = period == 1 << width

    def outputs(state: int, values: Values) -> dict[str, int]:
        return {out: int((state < (duty or values[limit])) != inverted)}

    zero, one = f"{width}'d0", f"{width}'d1"
    last = f"count == {width}'d{period - 1}"
    update = (
        f"count <= count + {one};" if full else f"if ({last})\n    count <= {zero};\nelse\n    count <= count + {one};"
    )
    bound = f"{width}'d{duty}" if duty else limit
    relation, level, other = (">=", "low", "high") if inverted else ("<", "high", "low")
    said = reset_sentences(reset, "clears the counter to 0")
    below = str(duty) if duty else f"the {width}-bit duty input"
    share = f"{duty} of {period}" if duty else f"duty of {period}"
    long = "" if duty or full else f"a period of {period} clock cycles"
    return Design(
        key=(width, period, duty, inverted, reset.key),
        name=pick("pwm", "pwm_generator", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(not duty, limit, width, f"the number of {level} cycles per period"),
            Port(out, "output", 1, "the modulated output"),
        ),
        nouns=(
            f"a PWM generator with a period of {period} clock cycles whose output is {level} while the counter is below {below} and {other} otherwise, {reset_noun(reset, 'count 0')}",
            f"a pulse-width modulator: a counter from 0 to {period - 1} and an output that is {level} while the count is less than {below}, {reset_noun(reset, 'count 0')}",
            f"a PWM circuit that is {level} for the first {share} clock cycles, as a free-running counter from 0 to {period - 1} is compared with {below}, "
            f"{reset_noun(reset, 'count 0')}",
        ),
        briefs=()
        if inverted
        else briefly(
            [
                f"PWM signal that is high for {duty} of {period} clock cycles",
                f"PWM generator of period {period} and constant duty {duty}",
            ]
            if duty
            else [f"{width}-bit PWM", f"{width}-bit PWM generator", f"PWM generator for a {width}-bit duty input"],
            long,
            reset=reset,
        ),
        behaviours=(
            f"Build a PWM generator. A counter runs from 0 to {period - 1} and wraps around, one step at each rising edge of {clk}. {out} is {level} while the counter is less "
            f"than {duty or limit} and {other} otherwise. {said[0]}",
            f"{out} has a period of {period} cycles of {clk}: it is {level} for the first {duty or limit} of them and {other} for the rest. The position in the period is a "
            f"counter that starts at 0. {out} compares it with {duty or limit} without a register. {said[1]}",
            f"{said[2]} Otherwise an internal modulo-{period} counter is incremented at every positive edge of {clk}. While count < {duty or limit}, {out} is "
            f"{0 if inverted else 1}; otherwise it is {1 if inverted else 0}.",
        ),
        body=f"\n    reg [{width - 1}:0] count;\n\n{clocked(clk, reset, f'count <= {zero};', update)}\n\n    assign {out} = count {relation} {bound};",
        model=Sequential(clk, 0, lambda state, _: (state + 1) % period, outputs, reset),
        bugs=(
            (f"count {relation} {bound}", f"count {'>' if inverted else '<='} {bound}"),
            (f"count <= {zero};", f"count <= {one};")
            if full and not duty
            else (f"count {relation} {bound}", f"count {'<' if inverted else '>='} {bound}"),
            *([] if full else [(f"({last})", f"(count == {width}'d{period - 2})")]),
        ),
        cycles=500,
    )


@family("timing")
def debouncer(rng: random.Random, pick: Pick) -> Design:
    """The output follows the input once that has differed from it for N cycles; value after reset, optional sampling tick."""
    length, start, ticked, reset = (
        rng.randint(2, 12),
        rng.choice([0, 0, 1]),
        rng.random() < 0.3,
        choose_reset(rng, pick),
    )
    clk, x, out = pick("clk", "clock"), pick("in", "noisy", "button"), pick("out", "clean", "debounced")
    tick = pick("tick", "sample", "en") if ticked else ""
    width = (length - 1).bit_length()
    State = tuple[int, int]  # output, how often in a row the input differed from it

    def following(state: State, values: Values) -> State:
        if ticked and not values[tick]:
            return state
        if values[x] == state[0]:
            return state[0], 0
        return (values[x], 0) if state[1] + 1 == length else (state[0], state[1] + 1)

    zero, ended = f"{width}'d0", f"count == {width}'d{length - 1}"
    vector = f"[{width - 1}:0] " if width > 1 else ""
    update = f"if ({x} == {out})\n    count <= {zero};\nelse if ({ended}) begin\n    count <= {zero};\n    {out} <= {x};\nend else\n    count <= count + {width}'d1;"
    said = reset_sentences(reset, f"sets {out} to {start} and clears the count")
    edges = f"rising edges of {clk}{f' with {tick} high' if ticked else ''}"
    samples = "samples (taken in cycles with a tick)" if ticked else "clock cycles"
    ignored = f" Edges with {tick} low are ignored." if ticked else ""
    tail = having("a tick input that enables sampling" if ticked else "", f"{reset.phrase} to output {start}")
    return Design(
        key=(length, start, ticked, reset.key),
        name=pick("debouncer", "debounce", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(ticked, tick, 1, "the sampling enable"),
            Port(x, "input", 1, "the bouncing input"),
            Port(out, "output", 1, "the clean output"),
        ),
        registers=frozenset({out}),
        nouns=(
            f"a debouncer whose output changes when the input has differed from it for {length} {samples} in a row, {tail}",
            f"a debounce filter that takes over a new input value after {length} equal {samples} in a row, {tail}",
            f"a filter against bouncing in which the output follows the input after {length} consecutive {samples} that differ from the output, {tail}",
        ),
        briefs=()
        if start or ticked
        else briefly(
            [
                f"button debouncer for {length} clock cycles",
                f"{length}-cycle debouncer",
                f"debouncer that takes over an input stable for {length} clock cycles",
            ],
            reset=reset,
        ),
        behaviours=(
            f"Debounce {x}. If {x} differs from {out} at {length} {edges} in a row, {out} takes the value of {x} at the last of them. If {x} equals {out}, counting starts again."
            f"{ignored} {said[0]}",
            f"{said[1]} Otherwise a counter counts consecutive {edges} at which {x} is not equal to {out}; an edge where they are equal clears it. At the {nth(length)} such edge "
            f"{out} becomes {x} and the counter is cleared.{ignored}",
            f"{out} is the debounced {x}: it changes only when {x} has had the other value at {length} successive {edges}. Shorter changes have no effect and are forgotten."
            f"{ignored} {said[2]}",
        ),
        body=f"\n    reg {vector}count;\n\n{clocked(clk, reset, f'count <= {zero};{chr(10)}{out} <= 1{chr(39)}b{start};', guarded(tick, update))}",
        model=Sequential(clk, (start, 0), following, lambda state, _: {out: state[0]}, reset),
        bugs=(
            (f"({ended})", f"(count == {width}'d{length - 2})"),
            (f"{out} <= 1'b{start};", f"{out} <= 1'b{1 - start};"),
        ),
        stimulus={x: played(_steady(1, length + 2)), **({tick: likely(0.85)} if ticked else {})},
        cycles=500,
    )


@family("timing")
def watchdog(rng: random.Random, pick: Pick) -> Design:
    """An alarm after N cycles without a kick, which ends with the next kick or lasts until reset; optional enable."""
    length, lasting, enabled, reset = (
        rng.randint(3, 20),
        rng.random() < 0.5,
        rng.random() < 0.35,
        choose_reset(rng, pick),
    )
    clk, kick, alarm = pick("clk", "clock"), pick("kick", "clear", "feed"), pick("alarm", "timeout", "expired")
    en = pick("en", "enable", "run") if enabled else ""
    width = length.bit_length()

    def following(state: int, values: Values) -> int:
        if lasting and state == length:
            return state
        if values[kick]:
            return 0
        return state if enabled and not values[en] else min(state + 1, length)

    zero, full = f"{width}'d0", f"{width}'d{length}"
    going = f"{en} && count != {full}" if enabled else f"count != {full}"
    kicked = f"{kick} && count != {full}" if lasting else kick
    update = f"if ({kicked})\n    count <= {zero};\nelse if ({going})\n    count <= count + {width}'d1;"
    end = f"{alarm} then stays high until reset, whatever {kick} does" if lasting else f"the next {kick} clears it"
    end_noun = "the alarm stays until reset" if lasting else "the next kick ends the alarm"
    edges = f"rising edges of {clk}{f' with {en} high' if enabled else ''}"
    pause = f" While {en} is low, the count stops, but {kick} still works." if enabled else ""
    said = reset_sentences(reset, f"clears the count, so that {alarm} is low")
    tail = having("an enable for counting (not for the kick)" if enabled else "", f"{reset.phrase} to count 0")
    return Design(
        key=(length, lasting, enabled, reset.key),
        name=pick("watchdog", "timeout", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the count enable"),
            Port(kick, "input", 1, "the sign of life"),
            Port(alarm, "output", 1, f"high after {length} cycles without {kick}"),
        ),
        nouns=(
            f"a watchdog timer that raises an alarm after {length} clock cycles without a kick, where {end_noun}, {tail}",
            f"a timeout counter: each kick clears it, and at a count of {length} it stops and the alarm is high; {end_noun}; {tail}",
            f"a watchdog with a counter that is cleared by a kick and otherwise counts up to {length}, where the alarm is high and {end_noun}, {tail}",
        ),
        briefs=briefly(
            [f"watchdog timer of {length} clock cycles", f"watchdog that times out after {length} clock cycles"],
            "enable" if enabled else "",
            "an alarm that stays until reset" if lasting else "",
            reset=reset,
        ),
        behaviours=(
            f"Build a watchdog. A count goes up by one at each of the {edges}, unless {kick} is high, which clears it. When it reaches {length} it stops and {alarm} is high; "
            f"{end}.{pause} {said[0]}",
            f"{said[1]} If {kick} is low at {length} {edges} in a row, {alarm} goes high; {end}. A high {kick} at a rising edge sets the count back to 0.{pause}",
            f"{alarm} is 1 while an internal counter equals {length}. At the positive edge of {clk} the counter is cleared if {kick} is 1"
            f"{f' (not any more once it has reached {length})' if lasting else ''}, and otherwise incremented{f' if {en} is 1' if enabled else ''} as long as it is below {length}. "
            f"{said[2]}",
        ),
        body=f"\n    reg [{width - 1}:0] count;\n\n{clocked(clk, reset, f'count <= {zero};', update)}\n\n    assign {alarm} = count == {full};",
        model=Sequential(clk, 0, following, lambda state, _: {alarm: int(state == length)}, reset),
        bugs=(
            (f"assign {alarm} = count == {full}", f"assign {alarm} = count == {width}'d{length - 1}"),
            (f"if ({kicked})", f"if (!{kick})"),
        ),
        # Rare kicks in bunches, so that the time runs out and the alarm meets a kick.
        stimulus={
            kick: played([[0] * (length + 3) + [1], [0] * (length // 2) + [1], [1]]),
            **({en: likely(0.9)} if enabled else {}),
        },
        cycles=500,
    )


@family("timing")
def serial_parity(rng: random.Random, pick: Pick) -> Design:
    """The running parity of a stream of W-bit words since a clear: even or odd, optional valid, and what clear does to the word it comes with."""
    odd, width, gated, keeps, reset = (
        rng.random() < 0.5,
        rng.choice([1, 1, 2, 4, 8]),
        rng.random() < 0.5,
        rng.random() < 0.5,
        choose_reset(rng, pick),
    )
    clk, x, parity, clear = (
        pick("clk", "clock"),
        pick("in", "x", "data_in"),
        pick("parity", "p", "out"),
        pick("clear", "clr"),
    )
    valid = pick("valid", "en", "in_valid") if gated else ""

    def following(state: int, values: Values) -> int:
        ones = values[x].bit_count() if not gated or values[valid] else 0
        if values[clear]:
            return (odd + (ones if keeps else 0)) % 2
        return (state + ones) % 2

    start = f"1'b{int(odd)}"
    term = f"^{x}" if width > 1 else x
    if gated:
        term = f"({valid} & {term})"
    elif width > 1:
        term = f"({term})"
    first = (f"~{term}" if odd else term) if keeps else start
    update = f"if ({clear})\n    {parity} <= {first};\nelse\n    {parity} <= {parity} ^ {term};"
    said = reset_sentences(reset, f"sets {parity} to {int(odd)}")
    name = "odd" if odd else "even"
    bits_noun = "bits" if width == 1 else f"{width}-bit words"
    what = f"the XOR of all {'bits' if width == 1 else 'bits of all words'} since the last clear or reset{', inverted' if odd else ''}"
    cleared = (
        f"When {clear} is high, {parity} starts afresh at {int(odd)} and then counts the {x} of the same cycle{f' (if {valid} is high)' if gated else ''}"
        if keeps
        else f"When {clear} is high, {parity} becomes {int(odd)} and the {x} of that cycle is not counted"
    )
    clear_noun = (
        "a clear that begins a new count with the present input"
        if keeps
        else "a clear that has priority over the present input"
    )
    tail = having(clear_noun, "a valid input" if gated else "", f"{reset.phrase} to {int(odd)}")
    when = f" with {valid} high" if gated else ""
    return Design(
        key=(odd, width, gated, keeps, reset.key),
        name=pick("serial_parity", "parity", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(clear, "input", 1, "begins a new count"),
            *input_if(gated, valid, 1, "high when the input counts"),
            Port(x, "input", width, "the data"),
            Port(parity, "output", 1, "the parity so far"),
        ),
        registers=frozenset({parity}),
        nouns=(
            f"a running {name} parity register over {bits_noun} ({what}), {tail}",
            f"a serial parity generator for {bits_noun} with output {int(odd)} when no bit has been set, {tail}",
            f"a register that holds {what}, for a stream of {bits_noun}, {tail}",
        ),
        briefs=()
        if keeps
        else briefly(
            [
                f"serial {name} parity generator for {bits_noun}",
                f"running {name} parity of a stream of {bits_noun}",
                *([f"serial {name} parity generator"] if width == 1 else []),
            ],
            "clear",
            "valid input" if gated else "",
            reset=reset,
        ),
        behaviours=(
            f"{parity} is the running {name} parity of the stream on {x}. At each rising edge of {clk}{when}, {parity} is inverted if {x} "
            f"{'is 1' if width == 1 else 'has an odd number of ones'}. {cleared}. {said[0]}",
            f"Keep in the register {parity} {what}; {x} is taken at the rising edges of {clk}{when}. {cleared}. {said[1]}",
            f"{said[2]} At the positive edge of {clk}, {cleared[0].lower() + cleared[1:]}. Otherwise{f', if {valid} is high,' if gated else ''} {parity} becomes the XOR of {parity} and "
            f"{x if width == 1 else f'all bits of {x}'}.",
        ),
        body="\n" + clocked(clk, reset, f"{parity} <= {start};", update),
        model=Sequential(clk, int(odd), following, lambda state, _: {parity: state}, reset),
        bugs=(
            (f"{parity} ^ ", f"{parity} | "),
            (f"{parity} <= {start};", f"{parity} <= 1'b{int(not odd)};"),
        ),
        stimulus={clear: likely(0.12), **({valid: likely(0.75)} if gated else {})},
    )


@family("timing")
def run_length(rng: random.Random, pick: Pick) -> Design:
    """Tells when the last N bits of a serial stream were equal: ones, zeros or either; optional valid input."""
    kind, length, gated, reset = (
        rng.choice(["ones", "zeros", "equal"]),
        rng.randint(3, 12),
        rng.random() < 0.35,
        choose_reset(rng, pick),
    )
    clk, x, found = pick("clk", "clock"), pick("in", "x", "data_in"), pick("found", "detected", "out")
    valid = pick("valid", "en", "in_valid") if gated else ""
    width = length.bit_length()
    State = tuple[int, int]  # bits in a row (at most N), the last bit

    def following(state: State, values: Values) -> State:
        if gated and not values[valid]:
            return state
        bit = values[x]
        if kind == "equal":
            run = state[0] + 1 if bit == state[1] else 1
        else:
            run = state[0] + 1 if bit == (kind == "ones") else 0
        return min(run, length), bit

    zero, one, full = f"{width}'d0", f"{width}'d1", f"{width}'d{length}"
    grow = f"if (count != {full})\n    count <= count + {one};"
    if kind == "equal":
        cleared = f"last <= 1'b0;\ncount <= {zero};"
        restart = f"{x} != last"
        update = f"last <= {x};\nif ({restart})\n    count <= {one};\nelse {grow}"
        declared = f"    reg last;\n    reg [{width - 1}:0] count;"
    else:
        cleared, restart = f"count <= {zero};", f"!{x}" if kind == "ones" else x
        update = f"if ({restart})\n    count <= {zero};\nelse {grow}"
        declared = f"    reg [{width - 1}:0] count;"
    wrong = {"ones": x, "zeros": f"!{x}", "equal": f"{x} == last"}[kind]
    what = {"ones": f"{length} ones", "zeros": f"{length} zeros", "equal": f"{length} equal bits"}[kind]
    said = reset_sentences(reset, "clears the run to length 0")
    edges = f"rising edges of {clk}{f' with {valid} high' if gated else ''}"
    edge = edges.replace("edges", "edge")
    tail = having("a valid input for the bits" if gated else "", f"{reset.phrase} to an empty run")
    ends = {
        "ones": f"a 0 on {x} sets the count to 0 and a 1",
        "zeros": f"a 1 on {x} sets the count to 0 and a 0",
        "equal": "a bit that differs from the one before sets the count to 1 and an equal one",
    }[kind]
    return Design(
        key=(kind, length, gated, reset.key),
        name=pick("run_detector", "run_length", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(gated, valid, 1, "high when there is a bit"),
            Port(x, "input", 1, "the serial input"),
            Port(found, "output", 1, f"high after {what} in a row"),
        ),
        nouns=(
            f"a detector of {what} in a row in a serial stream, whose output stays high as long as the run lasts, {tail}",
            f"a circuit with an output that is high while the last {length} bits of a serial input were all {'equal' if kind == 'equal' else kind}, {tail}",
            f"a run detector for at least {what} in a row on a serial input, {tail}",
        ),
        briefs=briefly(
            [
                f"detector of {what} in a row",
                f"detector for {what.replace(' ', ' consecutive ', 1)}",
                f"circuit that detects {what} in a row or more",
            ],
            "valid input" if gated else "",
            reset=reset,
        ),
        behaviours=(
            f"{found} is high when the bits of {x} at the last {length} {edges} (or more) were all {'equal' if kind == 'equal' else kind}. It goes low again at the edge "
            f"that ends the run. Bits before a reset do not count. {said[0]}",
            f"Build a detector of {what} in a row. At each {edge}, {ends} adds one to it, up to {length}. {found} is 1 exactly while the count is {length}. {said[1]}",
            f"{said[2]} The stream {x} is sampled at the {edges}. As soon as {what} have come one after another, {found} is 1, and it stays 1 until a "
            f"{'different' if kind == 'equal' else 0 if kind == 'ones' else 1}{'' if kind != 'equal' else ' bit'} is sampled. {found} depends only on registers.",
        ),
        body=f"\n{declared}\n\n{clocked(clk, reset, cleared, guarded(valid, update))}\n\n    assign {found} = count == {full};",
        model=Sequential(clk, (0, 0), following, lambda state, _: {found: int(state[0] == length)}, reset),
        bugs=(
            (f"if ({restart})", f"if ({wrong})"),
            (f"assign {found} = count == {full}", f"assign {found} = count == {width}'d{length - 1}"),
        ),
        stimulus={x: played(_steady(1, length + 2)), **({valid: likely(0.9)} if gated else {})},
        cycles=400,
    )

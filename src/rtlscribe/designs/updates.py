"""Families of registers with several ways to change: modes, masks, automata, histories, windows, chains of digits."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from rtlscribe.designs.base import (
    Design,
    Pick,
    Port,
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

Word = int | None


@family("registers")
def cellular_automaton(rng: random.Random, pick: Pick) -> Design:
    """A row of cells that follows one of the 256 elementary rules at each clock, with a load input."""
    rule, width, ring = (
        rng.choice([30, 54, 60, 90, 102, 110, 150, 184, *range(1, 255)]),
        rng.choice([8, 16, 32, 64, rng.randint(4, 40)]),
        rng.random() < 0.4,
    )
    clk, load, data, q = (
        pick("clk", "clock"),
        pick("load", "ld"),
        pick("data", "d", "init"),
        pick("q", "state", "cells"),
    )
    top = width - 1

    def following(state: Word, values: Values) -> Word:
        if values[load]:
            return values[data]
        if state is None:
            return None
        around = f"{state:0{width}b}"[::-1]
        around = f"{around[-1]}{around}{around[0]}" if ring else f"0{around}0"
        cells: int = sum((rule >> int(around[i : i + 3][::-1], 2) & 1) << i for i in range(width))
        return cells

    left = f"{{{q}[0], {q}[{top}:1]}}" if ring else f"{{1'b0, {q}[{top}:1]}}"
    right = f"{{{q}[{top - 1}:0], {q}[{top}]}}" if ring else f"{{{q}[{top - 1}:0], 1'b0}}"
    table = ", ".join(f"{n:03b} -> {rule >> n & 1}" for n in reversed(range(8)))
    ones = listing([f"{n:03b}" for n in reversed(range(8)) if rule >> n & 1])
    ends = "the row is a ring" if ring else "cells beyond the ends count as 0"
    cells = article(f"{width}-cell row")
    return Design(
        key=(rule, width, ring),
        name=pick(f"rule{rule}", "automaton", "cells", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            Port(load, "input", 1, "high to load"),
            Port(data, "input", width, "the state to load"),
            Port(q, "output", width, "the cells"),
        ),
        registers=frozenset({q}),
        nouns=(
            f"a one-dimensional cellular automaton of {width} cells by rule {rule} (left neighbour, cell, right neighbour: {table}), with synchronous load; {ends}",
            f"{cells} of bits that steps at each clock by the elementary rule {rule}, where {ends}, unless a load input takes in a new state",
            f"a register of {width} cells of which each becomes 1 when its left neighbour, itself and its right neighbour are {ones}, else 0, with a synchronous load; {ends} and the left neighbour is the next higher bit",
        ),
        briefs=briefly(
            [
                f"rule {rule} cellular automaton {'in a ring ' if ring else ''}of {width} cells",
                f"{'ring-shaped ' if ring else ''}{width}-cell rule {rule} cellular automaton",
            ],
            "load",
        ),
        behaviours=(
            f"{q} is a row of {width} cells. At each rising edge of {clk} with {load} low, every cell takes the value that this table gives for its left neighbour (next higher bit), itself and its right neighbour: {table}. Here {ends}. With {load} high, {q} becomes {data}. There is no reset.",
            f"Implement the cellular automaton called rule {rule}: bit n of the number {rule} is the next value of a cell for the three bits n = {{left, cell, right}}, where left is the next higher bit. {ends[0].upper()}{ends[1:]}. The row {q} steps once per rising edge of {clk}; {load} loads {data} instead.",
            f"On the positive edge of {clk}, {q} is loaded with {data} if {load} is 1. Otherwise each cell {q}[i] becomes 1 when {{{q}[i+1], {q}[i], {q}[i-1]}} is one of {ones}, and 0 when not; {ends}.",
        ),
        body=f"""
    wire [7:0] rule = 8'd{rule};
    wire [{top}:0] left = {left};
    wire [{top}:0] right = {right};
    integer i;

    always @(posedge {clk}) begin
        if ({load})
            {q} <= {data};
        else
            for (i = 0; i < {width}; i = i + 1)
                {q}[i] <= rule[{{left[i], {q}[i], right[i]}}];
    end""",
        model=Sequential(clk, None, following, lambda state, _: {q: state}),
        bugs=((f"8'd{rule};", f"8'd{rule ^ 255};"), (f"{q} <= {data};", f"{q} <= ~{data};")),
        stimulus={load: likely(0.15)},
    )


_MODES = {
    "hold": "keeps its value",
    "left": "shifts one place to the left, {low} entering at the least significant bit",
    "right": "shifts one place to the right, {high} entering at the most significant bit",
    "arith": "shifts one place to the right arithmetically, the most significant bit being repeated",
    "rotl": "rotates one place to the left",
    "rotr": "rotates one place to the right",
    "load": "loads {d}",
    "clear": "becomes 0",
}
_BRIEF_MODES = {
    "hold": "hold",
    "left": "shift left",
    "right": "shift right",
    "arith": "arithmetic shift right",
    "rotl": "rotate left",
    "rotr": "rotate right",
    "load": "load",
    "clear": "clear",
}
# What a wire with the word after a move is called.
_MOVES = {
    "left": "shifted_left",
    "right": "shifted_right",
    "arith": "shifted_arithmetically",
    "rotl": "rotated_left",
    "rotr": "rotated_right",
}


@family("registers")
def universal_shift(rng: random.Random, pick: Pick) -> Design:
    """A register with a two-bit mode input: four of hold, load, clear and five kinds of shift, in any order."""
    width, reset = rng.choice([4, 4, 5, 6, 8, 8, 12, 16, 32]), choose_reset(rng, pick)
    modes = ["load", *rng.sample(["left", "right", "arith", "rotl", "rotr"], rng.choice([2, 2, 3]))]
    modes = rng.sample([*modes, *rng.sample(["hold", "clear"], 4 - len(modes))], 4)
    clk, mode, d, low, high, q = (
        pick("clk", "clock"),
        pick("mode", "s", "op"),
        pick("d", "data", "din"),
        pick("sin_right", "ser_l", "lin"),
        pick("sin_left", "ser_r", "rin"),
        pick("q", "out"),
    )
    top = width - 1

    def following(state: int, values: Values) -> int:
        chosen = modes[values[mode]]
        return {
            "hold": state,
            "left": (state << 1 | values.get(low, 0)) & mask(width),
            "right": state >> 1 | values.get(high, 0) << top,
            "arith": state >> 1 | (state >> top) << top,
            "rotl": (state << 1 | state >> top) & mask(width),
            "rotr": state >> 1 | (state & 1) << top,
            "load": values[d],
            "clear": 0,
        }[chosen]

    words = [_MODES[m].format(low=low, high=high, d=d) for m in modes]
    plain = [_MODES[m].format(low="a serial input", high="a serial input", d="a data word") for m in modes]
    said = reset_sentences(reset, f"clears {q} to 0")
    size = article(f"{width}-bit")
    brief = ", ".join(f"{i:02b} {_BRIEF_MODES[m]}" for i, m in enumerate(modes))
    listed = "; ".join(f"{i:02b} {w}" for i, w in enumerate(words))
    noun = "; ".join(f"{i} {w}" for i, w in enumerate(plain))
    by_case, register = (
        styled(rng, [True, True, False, False, False]),
        draw_register(rng, clk, reset, q, width, inner="stored"),
    )
    r = q if by_case else register.name
    code = {
        "hold": r, "left": f"{{{r}[{top - 1}:0], {low}}}", "right": f"{{{high}, {r}[{top}:1]}}",
        "arith": f"{{{r}[{top}], {r}[{top}:1]}}", "rotl": f"{{{r}[{top - 1}:0], {r}[{top}]}}",
        "rotr": f"{{{r}[0], {r}[{top}:1]}}", "load": d, "clear": f"{width}'d0",
    }  # fmt: skip

    def body(code: Mapping[str, str]) -> str:
        if by_case:
            rows = "\n".join(f"    2'd{i}: {q} <= {code[m]};" for i, m in enumerate(modes))
            return clocked(clk, reset, f"{q} <= {width}'d0;", f"case ({mode})\n{rows}\nendcase")
        choices = [(f"{mode} == 2'd{i}", code[m], _MOVES.get(m, "")) for i, m in enumerate(modes) if m != "hold"]
        if len(choices) == len(modes):
            choices[-1] = ("", *choices[-1][1:])
        return register.body(f"{width}'d0", choices)

    right, moving = body(code), next(m for m in modes if m not in ("hold", "load", "clear"))
    return Design(
        key=(width, tuple(modes), reset.key),
        name=pick("universal_shift", "shift_reg", "mode_register", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(mode, "input", 2, "the mode"),
            Port(d, "input", width, "the word to load"),
            *input_if("left" in modes, low, 1, "the bit that enters at the least significant end"),
            *input_if("right" in modes, high, 1, "the bit that enters at the most significant end"),
            Port(q, "output", width, "the register"),
        ),
        registers=frozenset({q}) if by_case else register.outputs,
        nouns=(
            f"{size} universal shift register with {reset.phrase} to 0 whose modes are: {noun}",
            f"{size} register controlled by a 2-bit mode, with {reset.phrase} to 0, that in mode {noun}",
            f"a shift register of {width} bits with parallel load, {reset.phrase} to 0 and four modes: {noun}",
        ),
        briefs=briefly(
            [f"{width}-bit {name} ({brief})" for name in ("universal shift register", "shift register", "register")],
            reset=reset,
        ),
        behaviours=(
            f"At each rising edge of {clk}, the value of {mode} tells what {q} does: {listed}. {said[0]}",
            f"{said[1]} Otherwise, on the rising edge of {clk}, "
            + "; ".join(f"if {mode} is {i}, {q} {w}" for i, w in enumerate(words))
            + ".",
            f"The {width}-bit register {q} has four modes, selected by {mode} at every positive edge of {clk}:\n"
            + "\n".join(f"{i:02b}: it {w}" for i, w in enumerate(words))
            + f"\n{said[2]}",
        ),
        body=right,
        model=Sequential(clk, 0, following, lambda state, _: {q: state}, reset),
        bugs=((right, body({**code, "load": f"~{d}"})), (right, body({**code, moving: r}))),
    )


@family("registers")
def flag_register(rng: random.Random, pick: Pick) -> Design:
    """Bits that are set, cleared or toggled by masks, with the order in which these count and a reset value."""
    width, reset = rng.choice([1, 2, 4, 4, 8, 8, 16, 32]), choose_reset(rng, pick)
    actions = rng.sample(["set", "clear", "toggle"], rng.choice([2, 2, 3]))  # the first one wins
    start = rng.choice([0, 0, mask(width), rng.getrandbits(width)])
    clk, q = pick("clk", "clock"), pick("flags", "q", "status")
    names = {
        "set": pick("set", "set_mask", "s"),
        "clear": pick("clr", "clear_mask", "c"),
        "toggle": pick("tgl", "toggle_mask", "t"),
    }

    def resolved(state: int, values: Values) -> int:
        """Bit by bit, the first action whose mask has the bit."""
        after = 0
        for i in range(width):
            bit = state >> i & 1
            hit = next((a for a in actions if values[names[a]] >> i & 1), None)
            after |= {None: bit, "set": 1, "clear": 0, "toggle": 1 - bit}[hit] << i
        return after

    code = _masked(q, actions, names)[1:-1]
    ranks = " over ".join(names[a] for a in actions)
    kinds = " over ".join(actions)
    does = {"set": "sets", "clear": "clears", "toggle": "toggles"}
    words = "; ".join(f"a 1 in {names[a]} {does[a]} the bit" for a in ("set", "clear", "toggle") if a in actions)
    value = "0" if start == 0 else f"{width}'h{start:x}" if width > 1 else "1"
    said = reset_sentences(reset, f"puts {q} to {value}")
    flags = f"{width} flag{'s' if width > 1 else ''}"
    return Design(
        key=(width, tuple(actions), start, reset.key),
        name=pick("flag_register", "status_register", "sticky_bits", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *(
                Port(names[a], "input", width, f"the mask of bits to {a}")
                for a in ("set", "clear", "toggle")
                if a in actions
            ),
            Port(q, "output", width, "the flags"),
        ),
        registers=frozenset({q}),
        nouns=(
            f"a register of {flags} that are changed by masks ({listing(sorted(actions))}; priority {kinds} in the same bit), with {reset.phrase} to {value}",
            f"{article(f'{width}-bit status register')} whose bits can be {listing([{'set': 'set', 'clear': 'cleared', 'toggle': 'toggled'}[a] for a in sorted(actions)])} one by one by masks, {kinds} where masks overlap, {reset.phrase} to {value}",
            f"a circuit for {flags} with {reset.phrase} to {value} and a mask input for each of {listing(sorted(actions))}, of which, bit by bit, {kinds} has priority",
        ),
        briefs=briefly(
            ["flag", "status bit"] if width == 1 else [f"{width}-bit flag register", f"{width}-bit status register"],
            f"{listing(sorted(actions))} {'input' if width == 1 else 'mask'}s ({kinds})",
            reset=reset,
            to=value if start else "",
        ),
        behaviours=(
            f"At each rising edge of {clk}, for every bit of {q}: {words}; without any of these it holds. In one bit the priority is {ranks}. {said[0]}",
            f"{q} holds {flags}. On the positive edge of {clk} {words}. Where several masks have a 1 in the same place, only the first of {ranks} counts. {said[1]}",
            f"{said[2]} Otherwise every rising edge of {clk} changes {q} by masks: {words}. The order of priority, bit by bit, is {ranks}; all other bits keep their values.",
        ),
        body=clocked(clk, reset, f"{q} <= {width}'h{start:x};", f"{q} <= {code};"),
        model=Sequential(clk, start, resolved, lambda state, _: {q: state}, reset),
        bugs=((f"{q} <= {code};", f"{q} <= ~({code});"), (f"<= {width}'h{start:x};", f"<= {width}'h{start ^ 1:x};")),
        stimulus={names[a]: _sparse(width) for a in actions},
    )


def _masked(q: str, actions: Sequence[str], names: Mapping[str, str]) -> str:
    """The next value: what the later actions make of it, changed by the first."""
    if not actions:
        return q
    rest, mask_ = _masked(q, actions[1:], names), names[actions[0]]
    if actions[0] == "toggle":
        # What is toggled is the old bit, whatever the later actions would do to it.
        return f"({q} ^ {mask_})" if rest == q else f"(({rest} & ~{mask_}) | (~{q} & {mask_}))"
    return f"({rest} | {mask_})" if actions[0] == "set" else f"({rest} & ~{mask_})"


def _sparse(width: int) -> Callable[[random.Random], int]:
    """Stimulus: words of which a quarter of the bits is set."""
    return lambda r: r.getrandbits(width) & r.getrandbits(width)


@family("registers")
def history_register(rng: random.Random, pick: Pick) -> Design:
    """A shift register of branch outcomes that takes predictions and is put right after a wrong one."""
    width, reset, left = rng.randint(2, 32), choose_reset(rng, pick), rng.random() < 0.7
    clk, history = pick("clk", "clock"), pick("history", "ghr", "hist")
    valid, taken = pick("predict_valid predict_taken", "p_valid p_taken", "push bit_in").split()
    wrong, actual, saved = pick(
        "mispredicted actual_taken saved_history", "redo redo_taken redo_history", "fix fix_bit fix_history"
    ).split()

    def pushed(word: int, bit: int) -> int:
        return (word << 1 | bit) & mask(width) if left else word >> 1 | bit << width - 1

    def following(state: int, values: Values) -> int:
        if values[wrong]:
            return pushed(values[saved], values[actual])
        return pushed(state, values[taken]) if values[valid] else state

    register = draw_register(rng, clk, reset, history, width, inner="outcomes")

    def shifted(word: str, bit: str) -> str:
        part = f"{word}[{width - 2}:0]" if left else f"{word}[{width - 1}:1]"
        part = part if width > 2 else f"{word}[{0 if left else 1}]"
        return f"{{{part}, {bit}}}" if left else f"{{{bit}, {part}}}"

    end = "least" if left else "most"
    said = reset_sentences(reset, f"clears {history} to 0")

    def code(repaired: str, bit: str) -> str:
        pushed = (valid, shifted(register.name, bit), "extended")
        return register.body(f"{width}'d0", [(wrong, repaired, "repaired"), pushed])

    body = code(shifted(saved, actual), taken)
    text = f"{width}-bit branch history register"
    return Design(
        key=(width, left, reset.key),
        name=pick("history_register", "branch_history", "ghr_shift", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(valid, "input", 1, "high when a bit is to be shifted in"),
            Port(taken, "input", 1, "the bit to shift in"),
            Port(wrong, "input", 1, "high when the history is to be replaced"),
            Port(actual, "input", 1, "the bit to join to the saved history"),
            Port(saved, "input", width, "the history to go back to"),
            Port(history, "output", width, "the history"),
        ),
        registers=register.outputs,
        nouns=(
            f"{article(text)} that shifts predictions in at the {end} significant end, replaced by saved history and actual outcome on a misprediction (which has priority), with {reset.phrase} to 0",
            f"{article(f'{width}-bit shift register')} with repair: valid bits enter at the {end} significant end, and a repair input with priority loads a saved word with one more bit shifted in at the same end, {reset.phrase} to 0",
            f"a speculative history of {width} branch outcomes, newest at the {end} significant end, that goes back to a saved history plus the true outcome when told so, even if a prediction comes too, with {reset.phrase} to 0",
        ),
        briefs=briefly(
            [f"{width}-bit {name} history register" for name in ("branch", "global branch", "speculative branch")],
            "misprediction recovery",
            reset=reset,
        )
        if left
        else (),
        behaviours=(
            f"At each rising edge of {clk}: if {wrong} is high, {history} becomes {saved} with {actual} shifted in at the {end} significant end; otherwise, if {valid} is high, {taken} is shifted into {history} at the same end. {said[0]}",
            f"{history} keeps the last {width} outcomes, the newest in the {end} significant bit. {valid} says that {taken} is a new one. {wrong} has priority and sets {history} to the outcome {actual} after the older history {saved}: {shifted(saved, actual)}. The clock is {clk} (rising edge). {said[1]}",
            f"On the positive edge of {clk}, {wrong} = 1 loads {shifted(saved, actual)} into {history}. When {wrong} = 0 and {valid} = 1, {history} becomes {shifted(history, taken)}. In all other cases it is kept. {said[2]}",
        ),
        body=body,
        model=Sequential(clk, 0, following, lambda state, _: {history: state}, reset),
        bugs=((body, code(saved, taken)), (body, code(shifted(saved, actual), f"~{taken}"))),
        stimulus={wrong: likely(0.2), valid: likely(0.7)},
    )


@family("memory")
def counter_table(rng: random.Random, pick: Pick) -> Design:
    """A table of saturating counters, one of which is trained up or down while the top bit of another is read."""
    address, width, reset = rng.randint(1, 4), rng.randint(2, 4), choose_reset(rng, pick)
    depth, top = 1 << address, mask(width)
    start = rng.choice([0, (top - 1) // 2, (top + 1) // 2])
    show = rng.random() < 0.3
    clk, train, which, up = (
        *[pick("clk", "clock")],
        *pick("train_valid train_index train_taken", "update update_addr update_up", "wr wr_idx wr_up").split(),
    )
    index, out, value = (
        pick("predict_index", "rd_idx", "lookup"),
        pick("predict_taken", "prediction", "hit"),
        pick("counter", "strength", "count_value"),
    )

    def following(state: tuple[int, ...], values: Values) -> tuple[int, ...]:
        if not values[train]:
            return state
        at = values[which]
        new = min(top, state[at] + 1) if values[up] else max(0, state[at] - 1)
        return (*state[:at], new, *state[at + 1 :])

    def outputs(state: tuple[int, ...], values: Values) -> dict[str, int]:
        found = state[values[index]]
        return {out: found >> width - 1, **({value: found} if show else {})}

    said = reset_sentences(reset, f"puts every counter to {start}")
    limit = f"counts up to {top} at most"
    step = f"if ({train}) begin\n    if ({up} && counters[{which}] != {width}'d{top})\n        counters[{which}] <= counters[{which}] + {width}'d1;\n    else if (!{up} && counters[{which}] != {width}'d0)\n        counters[{which}] <= counters[{which}] - {width}'d1;\nend"
    clear = f"for (i = 0; i < {depth}; i = i + 1)\n    counters[i] <= {width}'d{start};"
    block = clocked(clk, reset, clear, step)
    also = f" {value} shows the whole counter." if show else ""
    tail = f"and {reset.phrase} of all to {start}{', whose counter is an output too' if show else ''}"
    return Design(
        key=(address, width, start, show, reset.key),
        name=pick("counter_table", "pattern_history_table", "predictor", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(train, "input", 1, "high to train a counter"),
            Port(which, "input", address, "the counter to train"),
            Port(up, "input", 1, "1 to count up, 0 to count down"),
            Port(index, "input", address, "the counter to read"),
            Port(out, "output", 1, "the top bit of the counter that is read"),
            *([Port(value, "output", width, "the counter that is read")] if show else []),
        ),
        nouns=(
            f"a branch predictor table of {depth} saturating {width}-bit counters with a training port, a combinational prediction (the most significant bit of the counter) {tail}",
            f"a table of {depth} up/down counters of {width} bits that stop at 0 and {top}, one trained per clock, the most significant bit of one read without a register, {tail}",
            f"{depth} indexed {width}-bit saturating counters with an update port, a prediction read asynchronously as the top bit, {tail}".replace(
                f"{depth} indexed", f"a set of {depth} indexed", 1
            ),
        ),
        briefs=()
        if show
        else briefly(
            [
                f"branch predictor table of {depth} {width}-bit saturating counters",
                f"pattern history table of {depth} {width}-bit saturating counters",
            ],
            reset=reset,
            to=f"{start}" if start else "",
        ),
        behaviours=(
            f"Keep {depth} saturating {width}-bit counters. At a rising edge of {clk} with {train} high, the counter number {which} goes up by one if {up} is 1 and down by one if it is 0, but never beyond 0 or {top}. {out} is the most significant bit of counter {index}, without a register.{also} {said[0]}",
            f"{out} tells at once whether the counter number {index} is at least {(top + 1) // 2}.{also} Training, on the rising edge of {clk} when {train} is high: counter {which} {limit} for {up} = 1, and down to 0 at least for {up} = 0. There are {depth} counters of {width} bits. {said[1]}",
            f"{said[2]} There are {depth} counters, each from 0 to {top}. When {train} is high at a positive edge of {clk}, increment (if {up}) or decrement (if not) the one selected by {which}, and hold it at its limit. Combinationally, {out} is the top bit of the one selected by {index}.{also}",
        ),
        body=f"\n    reg [{width - 1}:0] counters [0:{depth - 1}];\n    integer i;\n\n{block}\n\n    assign {out} = counters[{index}][{width - 1}];"
        + (f"\n    assign {value} = counters[{index}];" if show else ""),
        model=Sequential(clk, (start,) * depth, following, outputs, reset),
        bugs=(
            (f"<= {width}'d{start};", f"<= {width}'d{start ^ 1 << width - 1};"),
            (f"assign {out} = counters[{index}]", f"assign {out} = ~counters[{index}]"),
        ),
        stimulus={train: likely(0.8), up: likely(0.6)},
        cycles=200,
    )


@family("timing")
def serial_arithmetic(rng: random.Random, pick: Pick) -> Design:
    """Arithmetic on bit streams, least significant bit first: sum, difference, negation or increment, with a start input."""
    op, registered, gated, reset = (
        rng.choice(["add", "sub", "neg", "inc"]),
        rng.random() < 0.5,
        rng.random() < 0.3,
        choose_reset(rng, pick),
    )
    started = rng.random() < 0.5
    clk, (a, b), out = pick("clk", "clock"), pick("a b", "x y", "in1 in2").split(), pick("s", "z", "bit_out")
    valid, first = pick("valid", "en", "ce") if gated else "", pick("first", "start", "lsb") if started else ""
    begin = int(op in ("neg", "inc"))  # the carry at the first bit
    two = op in ("add", "sub")
    State = tuple[int, int]

    def step(state: State, values: Values) -> State:
        """The carry and the result bit after this bit."""
        if gated and not values[valid]:
            return state
        carry = begin if started and values[first] else state[0]
        x, y = values[a], values[b] if two else 0
        if op == "sub":
            d = x - y - carry
            return int(d < 0), d & 1
        total = {"add": x + y, "neg": 1 - x, "inc": x}[op] + carry
        return total >> 1, total & 1

    def outputs(state: State, values: Values) -> dict[str, int]:
        return {out: state[1] if registered else step((state[0], 0), {**values, **({valid: 1} if gated else {})})[1]}

    now = f"({first} ? 1'b{begin} : carry)" if started else "carry"
    sums = {"add": f"{a} ^ {b} ^ {now}", "sub": f"{a} ^ {b} ^ {now}", "neg": f"~{a} ^ {now}", "inc": f"{a} ^ {now}"}
    carries = {
        "add": f"({a} & {b}) | ({a} & {now}) | ({b} & {now})",
        "sub": f"(~{a} & {b}) | (~{a} & {now}) | ({b} & {now})",
        "neg": f"~{a} & {now}",
        "inc": f"{a} & {now}",
    }
    update = f"carry <= {carries[op]};" + (f"\n{out} <= {sums[op]};" if registered else "")
    cleared = f"carry <= 1'b{begin};" + (f"\n{out} <= 1'b0;" if registered else "")
    after = "" if registered else f"\n\n    assign {out} = {sums[op]};"
    what = {
        "add": f"the sum of {a} and {b}",
        "sub": f"the difference {a} - {b}",
        "neg": f"the two's complement (negation) of {a}",
        "inc": f"{a} plus one",
    }[op]
    kind = {"add": "adder", "sub": "subtractor", "neg": "two's complementer", "inc": "incrementer"}[op]
    inner = {"add": "carry", "sub": "borrow", "neg": "carry", "inc": "carry"}[op]
    said = reset_sentences(
        reset, f"makes the next bit the first of a number{f' and clears {out}' if registered else ''}"
    )
    new = (
        f" A bit with {first} = 1 is the first of a new number: the stored {inner} is ignored and counts as {begin}."
        if started
        else ""
    )
    pause = (
        f" Only cycles with {valid} = 1 carry a bit; in others the state{' and ' + out + ' are' if registered else ' is'} kept{'' if registered else f', and {out} is what it would be if {valid} were 1'}."
        if gated
        else ""
    )
    timing = (
        f"{out} is a register that shows the result bit in the cycle after its input bit"
        if registered
        else f"{out} is combinational (Mealy) and belongs to the present input bit"
    )
    tail = having(
        "a registered result" if registered else "a combinational (Mealy) result",
        "a valid input that holds everything while low" if gated else "",
        f"an input that marks the first bit of a number (carry {begin})" if started else "",
        f"{reset.phrase} before a first bit",
    )
    given = "two bit streams" if two else "a bit stream"
    return Design(
        key=(op, registered, gated, started, reset.key),
        name=pick(f"serial_{kind.split()[-1]}", "bit_serial", "serial_arith", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(gated, valid, 1, "high when there is a bit"),
            *input_if(started, first, 1, "high with the first bit of a number"),
            Port(a, "input", 1, "the bits of the number" if not two else "the bits of the first number"),
            *input_if(two, b, 1, "the bits of the second number"),
            Port(out, "output", 1, "the bits of the result"),
        ),
        registers=frozenset({out} if registered else ()),
        nouns=(
            f"a bit-serial {kind} for {given}, least significant bit first, {tail}",
            f"a serial {kind} that stores one {inner} between the bits, which come least significant bit first, {tail}",
            f"a one-bit-per-clock {kind} (least significant bit first), {tail}",
        ),
        briefs=briefly(
            [f"bit-serial {kind}", f"serial {kind}", f"LSB-first serial {kind}"],
            "registered output" if registered else "",
            "valid input" if gated else "",
            "an input that marks the first bit" if started else "",
            reset=reset,
        ),
        behaviours=(
            f"Compute {what} serially, one bit per rising edge of {clk}, the least significant bit first. {timing}.{new}{pause} {said[0]}",
            f"Numbers arrive bit by bit (least significant first, sampled at the rising edge of {clk}). Give {what} as a bit stream on {out}. {timing}.{new}{pause} {said[1]}",
            f"Build a serial {kind}: one flip-flop keeps the {inner}, which is {begin} at the start of a number, and {out} carries {what}, least significant bit first. {timing}. The clock is {clk} (rising edge).{new}{pause} {said[2]}",
        ),
        body=f"\n    reg carry;\n\n{clocked(clk, reset, cleared, guarded(valid, update))}{after}",
        model=Sequential(clk, (begin, 0), step, outputs, reset),
        bugs=(
            (sums[op] + ";", f"~({sums[op]});"),
            (f"carry <= {carries[op]};", "carry <= 1'b0;" if op != "inc" and op != "neg" else "carry <= 1'b1;"),
        ),
        stimulus={**({valid: likely(0.8)} if gated else {}), **({first: likely(0.12)} if started else {})},
        cycles=160,
    )


@family("registers")
def sample_window(rng: random.Random, pick: Pick) -> Design:
    """The sum, the largest, the smallest or the XOR of the last N samples, from registers; optional valid input."""
    length, width, kind, gated, reset = (
        rng.randint(2, 5),
        rng.randint(1, 10),
        rng.choice(["sum", "sum", "max", "min", "xor"]),
        rng.random() < 0.4,
        choose_reset(rng, pick),
    )
    if kind in ("max", "min"):
        length, width = min(length, 3), max(width, 2)
    clk, d, out, valid = (
        pick("clk", "clock"),
        pick("sample", "d", "in"),
        pick("total", "result", "out") if kind == "sum" else pick("result", "out", "y"),
        pick("valid", "en", "push") if gated else "",
    )
    size = (length * mask(width)).bit_length() if kind == "sum" else width

    def following(state: tuple[int, ...], values: Values) -> tuple[int, ...]:
        return state if gated and not values[valid] else (values[d], *state[:-1])

    def outputs(state: tuple[int, ...], _: Values) -> dict[str, int]:
        if kind == "xor":
            return {out: sum((sum(s >> i & 1 for s in state) % 2) << i for i in range(width))}
        return {out: sum(state) if kind == "sum" else max(state) if kind == "max" else min(state)}

    taps = [f"s{i}" for i in range(length)]
    moves = "\n".join(f"{after} <= {before};" for before, after in zip([d, *taps], taps, strict=False))
    zeros = "\n".join(f"{tap} <= {width}'d0;" for tap in taps)
    sign = {"max": ">", "min": "<"}.get(kind, "")
    if kind in ("sum", "xor"):
        code = f" {'+' if kind == 'sum' else '^'} ".join(taps)
        logic, bug = f"    assign {out} = {code};", (f"= {code};", f"= ~({code});")
    else:
        logic = (
            f"    assign {out} = s0 {sign} s1 ? s0 : s1;"
            if length == 2
            else f"    wire [{width - 1}:0] best = s0 {sign} s1 ? s0 : s1;\n    assign {out} = best {sign} s2 ? best : s2;"
        )
        bug = (f"s0 {sign} s1", f"s1 {sign} s0")
    short = {"sum": "sum", "max": "maximum", "min": "minimum", "xor": "XOR"}[kind]
    name = {"sum": "sum", "max": "largest (unsigned)", "min": "smallest (unsigned)", "xor": "bitwise XOR"}[kind]
    what = f"the {name} of the last {length} samples"
    said = reset_sentences(reset, f"makes all {length} stored samples 0")
    when = f" with {valid} high" if gated else ""
    tail = having("a valid input" if gated else "", f"{reset.phrase} of the samples to 0")
    word = "bit" if width == 1 else f"{width}-bit word"
    return Design(
        key=(length, width, kind, gated, reset.key),
        name=pick(
            {"sum": "moving_sum", "max": "window_max", "min": "window_min", "xor": "window_xor"}[kind],
            "window",
            "last_samples",
            "top_module",
        ),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(gated, valid, 1, "high when there is a sample"),
            Port(d, "input", width, "the sample"),
            Port(out, "output", size, what),
        ),
        nouns=(
            f"a circuit that gives {what} of {width} bit{'s' if width > 1 else ''}, {size} bit{'s' if size > 1 else ''} wide, from registers that hold the samples, {tail}",
            f"a sliding window over {length} samples (each {article(word)}) with {article(f'{size}-bit')} output, their {name}, {tail}",
            f"a filter for {word}s that stores {length} samples and outputs their {name} in {size} bit{'s' if size > 1 else ''}, {tail}",
        ),
        briefs=briefly(
            [
                f"{short} of the last {length} {width}-bit samples",
                f"sliding-window {short} of {length} {width}-bit inputs",
                f"circuit for the {short} of the latest {length} {width}-bit words",
            ],
            "valid input" if gated else "",
            reset=reset,
        ),
        behaviours=(
            f"At each rising edge of {clk}{when} a sample {d} is stored, and the oldest of {length} is dropped. {out} is {what}, computed without a further register. {said[0]}",
            f"{out} shows {what} of {d} that were taken at rising edges of {clk}{when}, beginning in the cycle after the newest was taken. {said[1]}",
            f"Keep the last {length} values of {d}, sampled on the positive edge of {clk}{when}, in registers. Combinationally, {out} is their {name}. {said[2]}",
        ),
        body=f"\n    reg {bits(width)}{', '.join(taps)};\n\n{clocked(clk, reset, zeros, guarded(valid, moves))}\n\n{logic}",
        model=Sequential(clk, (0,) * length, following, outputs, reset),
        bugs=(bug, (f"s0 <= {d};", f"s0 <= ~{d};")),
        stimulus={valid: likely(0.75)} if gated else {},
    )


@family("counters")
def digit_chain(rng: random.Random, pick: Pick) -> Design:
    """Two to four cascaded counters of any moduli, each stepped when all below are at their end: clocks and BCD counters."""
    count = rng.choice([2, 2, 3, 3, 4])
    limits = [rng.choice([10, 10, 6, 12, 24, 60, *range(3, 17)]) for _ in range(count)]
    if rng.random() < 0.3:
        limits = [10] * count
    enabled, reset, shown = rng.random() < 0.6, choose_reset(rng, pick), rng.choice(["none", "carry", "enables"])
    clk, en = pick("clk", "clock"), pick("en", "ena", "tick") if enabled else ""
    names = pick("d0 d1 d2 d3", "ss mm hh dd", "cnt0 cnt1 cnt2 cnt3").split()[:count]
    carry, enables = pick("carry", "co", "rollover"), pick("ena_up", "next_ena", "step")
    widths = [(limit - 1).bit_length() for limit in limits]

    def steps(state: tuple[int, ...], values: Values) -> list[bool]:
        """For each digit whether it steps, and last whether all of them turn over."""
        going = [not enabled or bool(values[en])]
        for digit, limit in zip(state, limits, strict=True):
            going.append(going[-1] and digit == limit - 1)
        return going

    def following(state: tuple[int, ...], values: Values) -> tuple[int, ...]:
        return tuple((d + go) % limit for d, go, limit in zip(state, steps(state, values), limits, strict=False))

    def outputs(state: tuple[int, ...], values: Values) -> dict[str, int]:
        going = steps(state, values)
        more = {
            "none": {},
            "carry": {carry: int(going[-1])},
            "enables": {enables: sum(int(g) << i for i, g in enumerate(going[1:-1]))},
        }
        return {**dict(zip(names, state, strict=True)), **more[shown]}

    ends = [f"{n} == {w}'d{limit - 1}" for n, w, limit in zip(names, widths, limits, strict=True)]
    goes = [en, *(f"go{i}" for i in range(1, count + (shown == "carry")))]
    wires = "\n".join(
        f"    wire go{i} = {f'{goes[i - 1]} && ' if goes[i - 1] else ''}({ends[i - 1]});" for i in range(1, len(goes))
    )
    blocks = [f"{n} <= ({end}) ? {w}'d0 : {n} + {w}'d1;" for n, w, end in zip(names, widths, ends, strict=True)]
    update = "\n".join(guarded(go, block) for go, block in zip(goes, blocks, strict=False))
    cleared = "\n".join(f"{n} <= {w}'d0;" for n, w in zip(names, widths, strict=True))
    flag = {
        "none": "",
        "carry": f"\n\n    assign {carry} = go{count};",
        "enables": f"\n\n    assign {enables} = {{{', '.join(goes[count - 1 : 0 : -1])}}};",
    }[shown]
    said = reset_sentences(reset, "clears all counters to 0")
    ranges = listing([f"{n} from 0 to {limit - 1}" for n, limit in zip(names, limits, strict=True)])
    order = ", ".join(str(limit) for limit in limits)
    gate = f" while {en} is high" if enabled else ""
    tell = {
        "none": "",
        "carry": f" {carry} is high, without a register, in the cycle before all counters turn over to 0 together{' (and only while ' + en + ' is high)' if enabled else ''}.",
        "enables": f" {enables} has a bit for each counter but the first, {names[1]} lowest: high, without a register, when that counter steps at the next edge.",
    }[shown]
    tail = having(
        "an enable" if enabled else "",
        {
            "none": "",
            "carry": "a combinational output that is high before all turn over",
            "enables": "a combinational vector that shows which of the upper counters step next",
        }[shown],
        f"{reset.phrase} to 0",
    )
    return Design(
        key=(tuple(limits), enabled, shown, reset.key),
        name=pick("digit_chain", "cascade_counter", "time_counter", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the enable"),
            *(
                Port(n, "output", w, f"the counter from 0 to {limit - 1}")
                for n, w, limit in zip(names, widths, limits, strict=True)
            ),
            *([Port(carry, "output", 1, "high before all counters turn over")] if shown == "carry" else []),
            *(
                [Port(enables, "output", count - 1, "high for each upper counter that steps next")]
                if shown == "enables"
                else []
            ),
        ),
        registers=frozenset(names),
        nouns=(
            f"a chain of {count} counters modulo {order} (lowest first), each stepping when all before it turn over, {tail}",
            f"a cascade of {count} counters, {ranges}, of which {names[0]} counts every time and each other one when those below it all wrap, {tail}",
            f"a counter in mixed radix with {count} digits of {order} values, the first the fastest, {tail}",
        ),
        briefs=briefly(
            [
                f"{cascade} of {count} counters modulo {listing([str(limit) for limit in limits])} (fastest first)"
                for cascade in ("cascade", "chain")
            ]
            + [
                *([f"{count}-digit BCD counter"] if set(limits) == {10} else []),
                *(["minutes and seconds counter"] if limits == [60, 60] else []),
            ],
            "enable" if enabled else "",
            {"none": "", "carry": "carry output", "enables": "enable outputs of the upper digits"}[shown],
            reset=reset,
        ),
        behaviours=(
            f"Count {ranges}. {names[0]} steps at each rising edge of {clk}{gate}, and every other counter steps when all counters before it are at their last value and go back to 0.{tell} {said[0]}",
            f"The {count} counters {listing(names)} turn over after {order} values. They are chained: all work at the rising edge of {clk}{gate}, and a counter goes on by one when all before it in this list return to 0.{tell} {said[1]}",
            f"Like the digits of a clock, {listing(names)} (the first the fastest) have the ranges {ranges}, and a digit is incremented when the digits below it wrap around. The clock is {clk} (positive edge){f', and nothing moves while {en} is low' if enabled else ''}.{tell} {said[2]}",
        ),
        body=f"\n{wires}\n\n{clocked(clk, reset, cleared, update)}{flag}",
        model=Sequential(clk, (0,) * count, following, outputs, reset),
        bugs=(
            (f"{names[0]} + {widths[0]}'d1", f"{names[0]} + {widths[0]}'d2"),
            (f"({ends[0]}) ? ", f"({names[0]} == {widths[0]}'d{limits[0] - 2}) ? "),
        ),
        stimulus={en: likely(0.9)} if enabled else {},
        cycles=400,
    )

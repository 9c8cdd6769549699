"""Finite state machines: Moore, Mealy and one-hot, from tables and diagrams, and small controllers described in words."""

from __future__ import annotations

import random

from rtlscribe.designs.base import Combinational, Design, Pick, Port, Reset, Sequential, Values, choose_reset
from rtlscribe.designs.families import family
from rtlscribe.designs.machine_code import Machine, MachineCode, case_row, written
from rtlscribe.designs.parts import (
    briefly,
    clock_and_reset,
    clocked,
    guarded,
    having,
    input_if,
    likely,
    played,
    reset_sentences,
)


def _machine(rng: random.Random, count: int, *, mealy: bool) -> Machine:
    """A random machine without unreachable or equivalent states."""
    while True:
        following = tuple((rng.randrange(count), rng.randrange(count)) for _ in range(count))
        outputs = tuple((one := rng.getrandbits(1), rng.getrandbits(1) if mealy else one) for _ in range(count))
        machine = Machine(following, outputs, rng.choice([0, 0, rng.randrange(count)]))
        if machine.is_reachable() and machine.is_minimal() and machine.unlike(machine.start):
            return machine


def _state_names(count: int, pick: Pick) -> list[str]:
    return list("ABCDEF"[:count]) if pick("A", "S0") == "A" else [f"S{i}" for i in range(count)]


def _step(machine: Machine, x: str, z: str, clk: str, reset: Reset) -> Sequential:
    return Sequential(
        clk,
        machine.start,
        lambda state, values: machine.following[state][values[x]],
        lambda state, values: {z: machine.outputs[state][values[x]]},
        reset,
    )


def _ports(clk: str, reset: Reset, x: str, z: str) -> tuple[Port, ...]:
    return (
        *clock_and_reset(clk, reset),
        Port(x, "input", 1, "the input of the machine"),
        Port(z, "output", 1, "the output of the machine"),
    )


@family("machines")
def moore_table(rng: random.Random, pick: Pick) -> Design:
    """A random Moore machine of 3 to 5 states with one input bit, given as a state-transition table."""
    machine, reset = _machine(rng, rng.randint(3, 5), mealy=False), choose_reset(rng, pick)
    clk, x, z, names = (
        pick("clk", "clock"),
        pick("in", "x", "w"),
        pick("out", "z", "y"),
        _state_names(machine.count, pick),
    )
    start = names[machine.start]
    rows = [
        f"{name} | {names[zero]} | {names[one]} | {machine.outputs[s][0]}"
        for s, (name, (zero, one)) in enumerate(zip(names, machine.following, strict=True))
    ]
    said = reset_sentences(reset, f"puts the machine into state {start}")
    code = written(MachineCode(machine, False, names, x, z, clk, reset), rng)
    return Design(
        key=(machine.following, machine.outputs, machine.start, reset.key),
        name=pick("fsm", "moore_fsm", "top_module"),
        ports=_ports(clk, reset, x, z),
        nouns=(
            f"a Moore state machine with one input and one output, given by the table below, with {reset.phrase} to state {start}",
            f"a Moore FSM with the states and outputs of this table and {reset.phrase} to state {start}",
            f"a {machine.count}-state Moore machine with {reset.phrase} to state {start} that follows this state-transition table",
        ),
        behaviours=(
            f"Build the Moore state machine given by the state-transition table below, with input {x} and output {z}. The state changes on the rising edge "
            f"of {clk}. {said[0]}",
            f"The table below gives, for each state, the next state for {x} = 0 and {x} = 1 and the value of {z} in that state. Implement this machine with "
            f"the clock {clk} (rising edge). {said[1]}",
            f"Implement a finite state machine with {machine.count} states. At each positive edge of {clk} the table below gives the next state for the present "
            f"state and {x}; {z} depends on the present state only (Moore). {said[2]}",
        ),
        appendix="\n".join([f"state | next state {x}=0 | next state {x}=1 | {z}", *rows]),
        body=code.body,
        registers=code.registers,
        model=_step(machine, x, z, clk, reset),
        bugs=code.bugs,
        cycles=300,
    )


@family("machines")
def mealy_table(rng: random.Random, pick: Pick) -> Design:
    """A random Mealy machine of 2 to 5 states with one input bit, given as a state-transition table."""
    machine, reset = _machine(rng, rng.randint(2, 5), mealy=True), choose_reset(rng, pick)
    clk, x, z, names = (
        pick("clk", "clock"),
        pick("in", "x", "w"),
        pick("out", "z", "y"),
        _state_names(machine.count, pick),
    )
    start = names[machine.start]
    rows = [
        f"{name} | {names[zero]}, {out_0} | {names[one]}, {out_1}"
        for name, (zero, one), (out_0, out_1) in zip(names, machine.following, machine.outputs, strict=True)
    ]
    said = reset_sentences(reset, f"puts the machine into state {start}")
    code = written(MachineCode(machine, True, names, x, z, clk, reset), rng)
    return Design(
        key=(machine.following, machine.outputs, machine.start, reset.key),
        name=pick("fsm", "mealy_fsm", "top_module"),
        ports=_ports(clk, reset, x, z),
        registers=code.registers,
        nouns=(
            f"a Mealy state machine with one input and one output, given by the table below, with {reset.phrase} to state {start}",
            f"a Mealy FSM with the next states and outputs of this table and {reset.phrase} to state {start}",
            f"a {machine.count}-state Mealy machine (output without a register) with {reset.phrase} to state {start} that follows this table",
        ),
        behaviours=(
            f"Build the Mealy state machine given by the table below, with input {x} and output {z}. The state changes on the rising edge of {clk}; "
            f"{z} depends on the present state and the present {x} and is not registered. {said[0]}",
            f"Each row of the table below gives, for one state, the next state and the value of {z} for {x} = 0 and for {x} = 1. Implement this Mealy machine "
            f"with a combinational output and the clock {clk} (rising edge). {said[1]}",
            f"Implement a finite state machine with {machine.count} states. At each positive edge of {clk} it goes to the next state of the table. "
            f"In the same cycle, before the edge, {z} already has the value listed for the state and {x} (Mealy output). {said[2]}",
        ),
        appendix="\n".join([f"state | next state, {z} for {x}=0 | next state, {z} for {x}=1", *rows]),
        body=code.body,
        model=_step(machine, x, z, clk, reset),
        bugs=code.bugs,
        cycles=200,
    )


@family("machines")
def fsm_diagram(rng: random.Random, pick: Pick) -> Design:
    """A random Moore or Mealy machine of 2 to 5 states, given as the arrows of its state diagram."""
    mealy = rng.random() < 0.4
    machine, reset = _machine(rng, rng.randint(2, 5), mealy=mealy), choose_reset(rng, pick)
    clk, x, z, names = (
        pick("clk", "clock"),
        pick("in", "x", "w"),
        pick("out", "z", "y"),
        _state_names(machine.count, pick),
    )
    start, kind = names[machine.start], "Mealy" if mealy else "Moore"
    arrows = []
    for s, name in enumerate(names):
        for value in (0, 1):
            out, target = machine.outputs[s][value], names[machine.following[s][value]]
            arrows.append(
                f"{name} --{x}={value} ({z}={out})--> {target}"
                if mealy
                else f"{name} ({z}={out}) --{x}={value}--> {target}"
            )
    said = reset_sentences(reset, f"puts the machine into state {start}")
    output = (
        f"{z} depends on the state and on {x} in the same cycle (Mealy)"
        if mealy
        else f"{z} depends on the state only (Moore)"
    )
    code = written(MachineCode(machine, mealy, names, x, z, clk, reset), rng)
    return Design(
        key=(mealy, machine.following, machine.outputs, machine.start, reset.key),
        name=pick("fsm", "state_machine", "top_module"),
        ports=_ports(clk, reset, x, z),
        registers=code.registers,
        nouns=(
            f"a {kind} state machine with the diagram below and {reset.phrase} to state {start}",
            f"a {kind} FSM with {reset.phrase} to state {start} and these transitions",
            f"a finite state machine ({kind}, {machine.count} states) with {reset.phrase} to state {start} that has this state diagram",
        ),
        behaviours=(
            f"Implement the {kind} state machine whose diagram is given below. It has the input {x} and the output {z}, and the state changes on the rising "
            f"edge of {clk}. {said[0]}",
            f"{said[1]} Otherwise it follows the arrows below at each rising edge of {clk}, according to the input {x}. Here {output}.",
            f"The lines below are the transitions of a state machine with {machine.count} states, clocked by the positive edge of {clk}. Its input is {x}, and "
            f"{output}. {said[2]}",
        ),
        appendix="\n".join(arrows),
        body=code.body,
        model=_step(machine, x, z, clk, reset),
        bugs=code.bugs,
        cycles=300,
    )


@family("machines")
def one_hot_next_state(rng: random.Random, pick: Pick) -> Design:
    """The combinational logic of a one-hot machine by inspection: each next-state bit is the OR of the arrows into it."""
    machine = _machine(rng, rng.randint(3, 6), mealy=False)
    x, z, state, after = pick("in", "x", "w"), pick("out", "z", "y"), pick("state", "s"), pick("next_state", "next")
    names = _state_names(machine.count, pick)

    def function(values: Values) -> dict[str, int]:
        present = [s for s in range(machine.count) if values[state] >> s & 1]
        targets = {machine.following[s][values[x]] for s in present}
        return {after: sum(1 << target for target in targets), z: int(any(s in machine.high for s in present))}

    def arrows_into(target: int) -> str:
        terms = []
        for s, (zero, one) in enumerate(machine.following):
            if target in (zero, one):
                terms.append(f"{state}[{s}]" if zero == one else f"({state}[{s}] & {'~' if target == zero else ''}{x})")
        return " | ".join(terms) or "1'b0"

    lines = [f"assign {after}[{target}] = {arrows_into(target)};" for target in range(machine.count)]
    lines.append(f"assign {z} = {' | '.join(f'{state}[{s}]' for s in machine.high)};")
    goal = lines[machine.following[0][0]]
    other = next(s for s in range(machine.count) if s not in machine.high)
    wrong_out = lines[-1].replace(f"{state}[{machine.high[0]}]", f"{state}[{other}]")
    table = [
        f"{name} | {names[zero]} | {names[one]} | {int(s in machine.high)}"
        for s, (name, (zero, one)) in enumerate(zip(names, machine.following, strict=True))
    ]
    n = machine.count
    codes = f"{names[0]} is bit 0 of the state, {names[1]} is bit 1 and so on up to {names[-1]}, which is bit {n - 1}"
    return Design(
        key=(machine.following, machine.outputs),
        name=pick("one_hot_logic", "next_state_logic", "top_module"),
        ports=(
            Port(state, "input", n, "the present state, one-hot"),
            Port(x, "input", 1, "the input of the machine"),
            Port(after, "output", n, "the next state, one-hot"),
            Port(z, "output", 1, "the output of the machine"),
        ),
        nouns=(
            f"a combinational block with the next-state and output equations, by inspection, of the {n}-state one-hot Moore machine below "
            f"({names[0]} is bit 0, {names[-1]} is bit {n - 1})",
            f"a block of next-state and output logic without registers for a one-hot machine with states {names[0]} (bit 0) to {names[-1]} (bit {n - 1}), "
            f"where each bit is the OR of the transitions into that state",
            f"an implementation of the state table below in one-hot logic, only combinational and by inspection, with {names[0]} as bit 0 up to {names[-1]} as bit {n - 1}",
        ),
        behaviours=(
            f"The machine below is one-hot encoded: {codes}. Write the combinational logic, by inspection, of {after} and {z} from {state} and {x}. "
            f"Each bit of {after} is the OR of the transitions into that state, and {z} is the OR of the states in which it is 1, for any value of {state}.",
            f"Derive the one-hot next-state equations of the table below. {state} is the present state, and {codes}. A bit of {after} is 1 if any set bit of "
            f"{state} goes there for the present {x}; {z} is 1 if any set bit of {state} belongs to a state with output 1. There is no clock.",
            f"{state} and {after} are {n}-bit one-hot vectors, in which {codes}. Give only the next-state logic for {x} and the output logic for {z}, "
            f"assuming one-hot states: form each equation as the OR of one product per transition (more than one set bit gives the OR of all of them).",
        ),
        appendix="\n".join([f"state | next state {x}=0 | next state {x}=1 | {z}", *table]),
        body="\n" + "\n".join(f"    {line}" for line in lines),
        model=Combinational(function),
        bugs=(
            (goal, goal.replace(f" = {state}[0]", f" = {state}[1]").replace(f"({state}[0]", f"({state}[1]")),
            (lines[-1], wrong_out),
        ),
    )


@family("machines")
def next_state_logic(rng: random.Random, pick: Pick) -> Design:
    """Combinational next-state and output logic of a machine with arbitrary binary state codes."""
    machine, width = _machine(rng, rng.randint(3, 6), mealy=False), 3
    x, z, state, after = pick("in", "x", "w"), pick("out", "z"), pick("state", "y"), pick("next_state", "next")
    codes = [f"{code:03b}" for code in sorted(rng.sample(range(8), machine.count))]
    if machine.count <= 4 and rng.random() < 0.5:
        width, codes = 2, [f"{code:02b}" for code in sorted(rng.sample(range(4), machine.count))]

    def function(values: Values) -> dict[str, int]:
        code = f"{values[state]:0{width}b}"
        if code not in codes:
            return {after: 0, z: 0}
        s = codes.index(code)
        return {after: int(codes[machine.following[s][values[x]]], 2), z: machine.outputs[s][0]}

    literals = [f"{width}'b{code}" for code in codes]

    rows = [
        case_row(literals[s], after, x, literals[one], literals[zero])
        for s, (zero, one) in enumerate(machine.following)
    ]
    out = " || ".join(f"{state} == {literals[s]}" for s in machine.high)
    table = [
        f"{code} | {codes[zero]} | {codes[one]} | {int(s in machine.high)}"
        for s, (code, (zero, one)) in enumerate(zip(codes, machine.following, strict=True))
    ]
    unused = machine.count < 1 << width
    default = f" For every other value of {state}, {after} is {'0' * width} and {z} is 0." if unused else ""
    default_noun = f"; codes that are not listed give next state {'0' * width} and output 0" if unused else ""
    zero, one = machine.following[0]
    lines = "\n".join(f"            {line}" for line in rows)
    return Design(
        key=(width, tuple(codes), machine.following, machine.outputs),
        name=pick("next_state_logic", "fsm_logic", "top_module"),
        ports=(
            Port(state, "input", width, "the code of the present state"),
            Port(x, "input", 1, "the input of the machine"),
            Port(after, "output", width, "the code of the next state"),
            Port(z, "output", 1, "the output of the machine"),
        ),
        registers=frozenset({after}),
        nouns=(
            f"a combinational block with the next-state and output logic of the state table below, with {width}-bit state codes{default_noun}",
            f"a circuit without memory that computes the {width}-bit next state and the Moore output of this table{default_noun}",
            f"a block of combinational logic for a state machine with {width}-bit encoded states, given by this table of codes{default_noun}",
        ),
        behaviours=(
            f"Write the combinational logic of the state machine below: from the present state {state} and the input {x}, compute the next state {after} and the "
            f"output {z}. The states are given by their {width}-bit codes.{default}",
            f"Each row of the table gives a present state {state}, the next state for {x} = 0 and {x} = 1, and the output {z} in the present state. Compute {after} "
            f"and {z}; the state register is not part of this module.{default}",
            f"This module has no clock. {after} is the entry of the table in the row of {state} and the column of {x}, and {z} is the last entry of that row."
            f"{default}",
        ),
        appendix="\n".join([f"{state} | {after} {x}=0 | {after} {x}=1 | {z}", *table]),
        body=f"""
    always @(*) begin
        case ({state})
{lines}
            default: {after} = {width}'b{"0" * width};
        endcase
    end

    assign {z} = {out};""",
        model=Combinational(function),
        bugs=(
            (rows[0], case_row(literals[0], after, x, literals[(one + 1) % machine.count], literals[zero])),
            (f"{state} == {literals[machine.high[0]]}", f"{state} != {literals[machine.high[0]]}"),
        ),
    )


_LIGHTS = ("green", "yellow", "red")


@family("machines")
def traffic_light(rng: random.Random, pick: Pick) -> Design:
    """A traffic light: so many cycles for each of green, yellow and red, a phase after reset, an optional enable."""
    cycles = (rng.randint(3, 10), rng.randint(2, 4), rng.randint(3, 10))
    start, enabled, reset = rng.choice([0, 2, 2]), rng.random() < 0.4, choose_reset(rng, pick)
    clk, en = pick("clk", "clock"), pick("en", "enable", "tick") if enabled else ""
    lamps = [pick(color, f"{color}_light") for color in _LIGHTS]
    width = (max(cycles) - 1).bit_length()

    def following(state: tuple[int, int], values: Values) -> tuple[int, int]:
        phase, spent = state
        if enabled and not values[en]:
            return state
        return (phase, spent + 1) if spent + 1 < cycles[phase] else ((phase + 1) % 3, 0)

    def entered(phase: int) -> str:
        return f"state <= {_LIGHTS[phase].upper()};\ntimer <= {width}'d{cycles[phase] - 1};"

    cases = []
    for phase in range(3):
        inner = entered((phase + 1) % 3).replace("\n", "\n        ")
        cases.append(f"    {_LIGHTS[phase].upper()}: begin\n        {inner}\n    end")
    update = f"if (timer != {width}'d0)\n    timer <= timer - {width}'d1;\nelse\n    case (state)\n" + "\n".join(
        f"    {c}".replace("\n", "\n    ") for c in cases
    )
    update += "\n    endcase"
    outputs = "\n".join(
        f"    assign {lamp} = state == {color.upper()};" for lamp, color in zip(lamps, _LIGHTS, strict=True)
    )
    body = f"""
    localparam GREEN = 2'd0, YELLOW = 2'd1, RED = 2'd2;
    reg [1:0] state;
    reg [{width - 1}:0] timer;

{clocked(clk, reset, entered(start), guarded(en, update))}

{outputs}"""
    g, y, r = cycles
    first = _LIGHTS[start]
    said = reset_sentences(reset, f"starts the {first} phase from its beginning")
    counted = f" in which {en} is high" if enabled else ""
    hold = f" While {en} is low, nothing changes." if enabled else ""
    tail = having("an enable" if enabled else "", f"{reset.phrase} to the beginning of {first}")
    counted_noun = "enabled clock cycles" if enabled else "clock cycles"
    return Design(
        key=(cycles, start, enabled, reset.key),
        name=pick("traffic_light", "light_controller", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(enabled, en, 1, "the enable"),
            *(Port(lamp, "output", 1, f"the {color} lamp") for lamp, color in zip(lamps, _LIGHTS, strict=True)),
        ),
        nouns=(
            f"a traffic light controller that shows green for {g}, yellow for {y} and red for {r} {counted_noun} and repeats, {tail}",
            f"a controller of a green, a yellow and a red lamp that is green for {g} {counted_noun}, then yellow for {y}, then red for {r}, then green again, {tail}",
            f"a repeating sequence of {g} green, {y} yellow and {r} red {counted_noun}, with one output for each lamp, {tail}",
        ),
        briefs=briefly(
            [
                f"traffic light controller that starts with {first} and is green for {g}, yellow for {y} and red for {r} cycles",
                f"traffic light that starts with {first}, {g} cycles green, {y} yellow and {r} red",
            ],
            "enable" if enabled else "",
            reset=reset,
        ),
        behaviours=(
            f"Build a traffic light controller clocked by the rising edge of {clk}. {lamps[0]} is high for {g} clock cycles{counted}, then {lamps[1]} for {y}, then "
            f"{lamps[2]} for {r}, and so on. Exactly one of them is high at any time.{hold} {said[0]}",
            f"{said[1]} The phases follow each other in the order green ({lamps[0]}), yellow ({lamps[1]}), red ({lamps[2]}) and last {g}, {y} and {r} clock cycles"
            f"{counted}. Only the output of the present phase is 1; changes happen at the rising edge of {clk}.{hold}",
            f"A state machine that is clocked by the positive edge of {clk} drives three lamps, of which one is on. After {g} cycles of {lamps[0]} come {y} cycles of {lamps[1]} "
            f"and {r} cycles of {lamps[2]}, then {lamps[0]} again{f'; only cycles with {en} high count' if enabled else ''}. {said[2]}",
        ),
        body=body,
        model=Sequential(
            clk,
            (start, 0),
            following,
            lambda state, _: {lamp: int(phase == state[0]) for phase, lamp in enumerate(lamps)},
            reset,
        ),
        bugs=(
            (f"timer <= {width}'d{cycles[start] - 1};", f"timer <= {width}'d{cycles[start] - 2};"),
            (f"assign {lamps[0]} = state == GREEN", f"assign {lamps[0]} = state == RED"),
        ),
        stimulus={en: likely(0.9)} if enabled else {},
        cycles=500,
    )


@family("machines")
def vending_machine(rng: random.Random, pick: Pick) -> Design:
    """A vending machine: price, values of the coin codes 1 to 3, change given back or kept."""
    price, gives_change, reset = rng.randint(4, 20), rng.random() < 0.6, choose_reset(rng, pick)
    # With a coin of 1, every price can be met exactly and every coin makes a difference.
    coins = (0, 1, *sorted(rng.sample([c for c in (2, 3, 4, 5, 8, 10) if c <= price], 2)))
    width = (price - 1 + coins[3]).bit_length()
    clk, coin, item, change = (
        pick("clk", "clock"),
        pick("coin", "coin_in"),
        pick("dispense", "item", "vend"),
        pick("change", "change_out"),
    )

    def following(state: tuple[int, int, int], values: Values) -> tuple[int, int, int]:
        total = state[0] + coins[values[coin]]
        return (0, 1, total - price) if total >= price else (total, 0, 0)

    def outputs(state: tuple[int, int, int], _: Values) -> dict[str, int]:
        return {item: state[1], **({change: state[2]} if gives_change else {})}

    values_of = "\n".join(f"            2'd{code}: value = {width}'d{coins[code]};" for code in (1, 2, 3))

    def assigned(credit: str, sold: int, back: str) -> str:
        last = f"\n{change} <= {back};" if gives_change else ""
        return f"credit <= {credit};\n{item} <= 1'b{sold};{last}"

    zero = f"{width}'d0"
    sale = assigned(zero, 1, f"total - {width}'d{price}").replace("\n", "\n    ")
    rest = assigned("total", 0, zero).replace("\n", "\n    ")
    body = f"""
    reg [{width - 1}:0] credit, value;
    wire [{width - 1}:0] total = credit + value;

    always @(*) begin
        case ({coin})
{values_of}
            default: value = {zero};
        endcase
    end

{clocked(clk, reset, assigned(zero, 0, zero), f"if (total >= {width}'d{price}) begin{chr(10)}    {sale}{chr(10)}end else begin{chr(10)}    {rest}{chr(10)}end")}"""
    said = reset_sentences(reset, "clears the credit and the outputs to 0")
    money = f"coin codes 1, 2 and 3 worth {coins[1]}, {coins[2]} and {coins[3]} (0 is no coin)"
    worth = f"{coin} = 1, 2 and 3 are coins worth {coins[1]}, {coins[2]} and {coins[3]}, and 0 is no coin"
    excess = f"a {width}-bit change output" if gives_change else "no change (an excess is lost)"
    return Design(
        key=(price, coins, gives_change, reset.key),
        name=pick("vending_machine", "vending", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(coin, "input", 2, "the coin of this cycle"),
            Port(item, "output", 1, "high for one cycle when an item is sold"),
            *((Port(change, "output", width, "the change, 0 when nothing is sold"),) if gives_change else ()),
        ),
        registers=frozenset({item, change} if gives_change else {item}),
        nouns=(
            f"a vending machine for an item of price {price}, with {money}, a registered dispense output, {excess}, and {reset.phrase} to no credit",
            f"a vending machine controller with {money} that dispenses for one cycle when the credit reaches {price}, with registered outputs, {excess} and {reset.phrase} to no credit",
            f"a controller that adds up coins, with {money}, and sells an item for {price} with a registered dispense pulse, {excess} and {reset.phrase} to no credit",
        ),
        briefs=briefly(
            [
                f"vending machine for price {price} and coins of {coins[1]}, {coins[2]} and {coins[3]}",
                f"vending machine that takes coins of {coins[1]}, {coins[2]} and {coins[3]} for an item of price {price}",
            ],
            "change" if gives_change else "no change",
            reset=reset,
        ),
        behaviours=(
            f"Build a vending machine for an item of price {price}. At each rising edge of {clk} the coin is added to the credit: {worth}. If the sum is at least {price}, "
            f"{item} is high for the next cycle, {f'{change} is the excess in that cycle' if gives_change else 'any excess is lost'}, and the credit becomes 0. "
            f"Otherwise {f'{item} and {change} are 0' if gives_change else f'{item} is 0'} and the credit is the sum. {said[0]}",
            f"{said[1]} The machine collects coins ({worth}) on every rising edge of {clk} and sells an item when credit and new coin together reach {price} or more. "
            f"The registered output {item} is 1 in the cycle after such a sale and 0 otherwise{f'; {change} then is the sum minus {price}, and 0 otherwise' if gives_change else ''}. "
            f"After a sale the credit starts from 0{'' if gives_change else '; there is no change'}.",
            f"Here {worth}. A register holds the credit. At the positive edge of {clk}, let the sum be the credit plus the value of the coin. A sum below {price} is the new "
            f"credit, with {item} low{f' and {change} zero' if gives_change else ''}. With a sum of {price} or more, {item} goes high for one cycle, the credit returns to 0"
            f"{f', and {change} becomes the sum minus {price}' if gives_change else ' and the excess is lost'}. {said[2]}",
        ),
        body=body,
        model=Sequential(clk, (0, 0, 0), following, outputs, reset),
        bugs=(
            (f"total >= {width}'d{price}", f"total > {width}'d{price}"),
            ("credit <= total;", "credit <= value;"),
            (f"2'd1: value = {width}'d{coins[1]};", f"2'd1: value = {width}'d{coins[2]};"),
        ),
        cycles=400,
    )


@family("machines")
def code_lock(rng: random.Random, pick: Pick) -> Design:
    """A lock that opens after a code of 3 or 4 digits; digit width, code, and whether a lock input closes it."""
    length, width, closes, reset = (
        rng.choice([3, 4]),
        rng.choice([2, 3, 4]),
        rng.random() < 0.5,
        choose_reset(rng, pick),
    )
    code = [rng.randrange(10 if width == 4 else 1 << width) for _ in range(length)]
    clk, key, valid = pick("clk", "clock"), pick("key", "digit", "code"), pick("valid", "enter", "key_valid")
    lock, is_open = pick("lock", "close") if closes else "", pick("unlocked", "unlock", "open")
    steps = length.bit_length()

    def following(state: int, values: Values) -> int:
        if closes and values[lock]:
            return 0
        if state == length or not values[valid]:
            return state
        return state + 1 if values[key] == code[state] else 0

    rows = [
        f"{steps}'d{i}: step <= ({key} == {width}'d{digit}) ? {steps}'d{i + 1} : {steps}'d0;"
        for i, digit in enumerate(code)
    ]
    lines = "\n".join(f"        {row}" for row in rows)
    update = f"if ({valid}) begin\n    case (step)\n{lines}\n        default: step <= step;\n    endcase\nend"
    if closes:
        update = f"if ({lock})\n    step <= {steps}'d0;\nelse {update}"
    body = f"\n    reg [{steps - 1}:0] step;\n\n{clocked(clk, reset, f'step <= {steps}{chr(39)}d0;', update)}\n\n    assign {is_open} = step == {steps}'d{length};"
    digits = ", ".join(map(str, code))
    closed = (
        f" A high {lock} closes it and takes precedence over a digit; reset does so, too."
        if closes
        else " Once open, it stays open until reset."
    )
    said = reset_sentences(reset, "closes the lock and forgets all digits")
    tail = having(
        "a valid input for the digits",
        "a lock input that closes it with priority" if closes else "",
        f"{reset.phrase} to closed",
    )
    until = "locked or reset" if closes else "reset"
    extra = f" and also when {lock} is high at a rising edge of {clk}, which has priority over digits" if closes else ""
    return Design(
        key=(tuple(code), width, closes, reset.key),
        name=pick("code_lock", "combination_lock", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(closes, lock, 1, "closes the lock"),
            Port(valid, "input", 1, "high when a digit is entered"),
            Port(key, "input", width, "the digit"),
            Port(is_open, "output", 1, "high while the lock is open"),
        ),
        nouns=(
            f"a lock that opens after the {width}-bit digits {digits} in this order, starts over after a wrong digit and, once open, stays open until {until}, {tail}",
            f"a code lock for the {length} digits {digits} of {width} bits each, where any wrong digit means starting again after it; once open, it stays open until {until}; {tail}",
            f"a combination lock with the code {digits} ({width}-bit keys) that expects the first key again after a wrong key and stays open until {until}, {tail}",
        ),
        briefs=briefly(
            [
                f"{noun} for the {width}-bit digits {digits}"
                for noun in ("code lock", "combination lock", "digital lock")
            ],
            "valid input",
            "lock input" if closes else "",
            reset=reset,
        ),
        behaviours=(
            f"Build a code lock. Digits are entered on {key} in the clock cycles (rising edge of {clk}) with {valid} high. After the digits {digits} in this order, "
            f"{is_open} is high. A wrong digit means starting from the first digit again, and is not itself taken as a first digit.{closed} {said[0]}",
            f"{said[1]} {is_open} becomes 1 once the {width}-bit digits {digits} have been entered one after another; it stays 1, whatever is entered, until the lock is reset"
            f"{f' or {lock} is high at an edge, which has priority over a digit' if closes else ''}. A digit is {key} at a rising edge of {clk} where {valid} is 1. "
            f"If a digit is not the expected one, the whole code has to be entered again after it.",
            f"The machine counts how many digits of the code {digits} have been entered correctly. At each positive edge of {clk} with {valid} high, {key} is compared with the "
            f"next digit: if equal the count goes up by one, otherwise it returns to 0. When all {length} are correct, {is_open} is high and further digits are ignored. "
            f"The count returns to 0 on reset{extra}. {said[2]}",
        ),
        body=body,
        model=Sequential(clk, 0, following, lambda state, _: {is_open: int(state == length)}, reset),
        bugs=(
            (rows[-1], rows[-1].replace(f"{width}'d{code[-1]})", f"{width}'d{code[-1] ^ 1})")),
            (rows[0], rows[0].replace(f"{width}'d{code[0]})", f"{width}'d{code[0] ^ 1})")),
        ),
        # Whole codes, and codes with one wrong digit.
        stimulus={
            key: played([code, code, [*code[:-1], code[-1] ^ 1], [code[0] ^ 1, *code[1:]], code[:1]]),
            valid: likely(0.9),
            **({lock: likely(0.1)} if closes else {}),
        },
        cycles=400,
    )

"""The Verilog of a state machine with one input and one output, in several styles. Draws no machine and knows no words."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from rtlscribe.designs.base import Reset, bits, styled
from rtlscribe.designs.parts import Written, always, clocked

_BIT = _LOW, _HIGH = ("1'b0", "1'b1")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with one input bit: for every state, the next states and the outputs for input 0 and 1."""

    following: tuple[tuple[int, int], ...]
    outputs: tuple[tuple[int, int], ...]  # of a Moore machine, twice the same
    start: int

    @property
    def count(self) -> int:
        return len(self.following)

    @property
    def width(self) -> int:
        return max(1, (self.count - 1).bit_length())

    @property
    def high(self) -> list[int]:
        """The states in which a Moore machine gives 1."""
        return [state for state, (out, _) in enumerate(self.outputs) if out]

    def unlike(self, state: int) -> list[int]:
        """States whose outputs differ from those of this one at once."""
        return [other for other in range(self.count) if self.outputs[other] != self.outputs[state]]

    def is_reachable(self) -> bool:
        seen, waiting = {self.start}, [self.start]
        while waiting:
            for state in self.following[waiting.pop()]:
                if state not in seen:
                    seen.add(state)
                    waiting.append(state)
        return len(seen) == self.count

    def is_minimal(self) -> bool:
        """No two states behave alike (Moore's partition refinement)."""
        blocks: tuple[object, ...] = self.outputs
        for _ in range(self.count):
            blocks = tuple(
                (blocks[s], blocks[self.following[s][0]], blocks[self.following[s][1]]) for s in range(self.count)
            )
            names = {block: number for number, block in enumerate(dict.fromkeys(blocks))}
            blocks = tuple(names[block] for block in blocks)
        return len(set(blocks)) == self.count


@dataclass(frozen=True, slots=True)
class MachineCode:
    """A machine with the names of its states and ports."""

    machine: Machine
    mealy: bool
    names: list[str]
    x: str
    z: str
    clk: str
    reset: Reset

    @property
    def start(self) -> str:
        return self.names[self.machine.start]

    @property
    def range(self) -> str:
        return bits(self.machine.width)

    @property
    def codes(self) -> str:
        codes = [f"{name} = {self.machine.width}'d{i}" for i, name in enumerate(self.names)]
        return f"    localparam {', '.join(codes)};"

    def arrows(self) -> list[tuple[str, tuple[str, str], tuple[int, int]]]:
        """For every state its name, the names of the next states, and the outputs for input 0 and 1."""
        machine = self.machine
        return [
            (name, (self.names[zero], self.names[one]), outputs)
            for name, (zero, one), outputs in zip(self.names, machine.following, machine.outputs, strict=True)
        ]

    def register(self, state: str, after: str) -> str:
        return clocked(self.clk, self.reset, f"{state} <= {self.start};", f"{state} <= {after};")

    def output(self, test: Callable[[int], str]) -> str:
        """The assignment of the output; `test` is the Verilog that tells that a state is the present one."""
        terms = []
        for state, (zero, one) in enumerate(self.machine.outputs):
            if zero == one == 1:
                terms.append(test(state))
            elif zero != one:
                terms.append(f"({test(state)} && {self.x if one else f'!{self.x}'})")
        return f"    assign {self.z} = {' || '.join(terms) or _LOW};"


def case_row(state: str, after: str, x: str, one: str, zero: str) -> str:
    """One line of a case statement: the next state by the input."""
    return f"{state}: {after} = {one if one == zero else f'{x} ? {one} : {zero}'};"


def _case(selector: str, rows: list[str]) -> str:
    lines = "\n".join(f"            {line}" for line in rows)
    return always(f"        case ({selector})\n{lines}\n        endcase")


def _short(code: MachineCode) -> tuple[str, bool]:
    """A case statement with a line for each state; that of a Mealy machine gives the output too."""
    x, z = code.x, code.z
    if code.mealy:
        rows = [
            f"{name}: {{next, {z}}} = {x} ? {{{one}, {_BIT[out_1]}}} : {{{zero}, {_BIT[out_0]}}};"
            for name, (zero, one), (out_0, out_1) in code.arrows()
        ]
        rows.append(f"default: {{next, {z}}} = {{{code.start}, {_LOW}}};")
    else:
        rows = [case_row(name, "next", x, one, zero) for name, (zero, one), _ in code.arrows()]
        rows.append(f"default: next = {code.start};")
    parts = [f"{code.codes}\n    reg {code.range}state, next;", _case("state", rows), code.register("state", "next")]
    if not code.mealy:
        parts.append(code.output(lambda state: f"state == {code.names[state]}"))
    return "\n\n".join(parts), code.mealy


def _long(code: MachineCode) -> tuple[str, bool]:
    """Next state and output of each state in a block of its own, the output with a default before the case."""
    rows = []
    for name, (zero, one), (out_0, out_1) in code.arrows():
        high = {(1, 1): _HIGH, (0, 1): code.x, (1, 0): f"~{code.x}"}.get((out_0, out_1), "")
        move = [f"next_state = {one};"]
        if one != zero:
            move = [f"if ({code.x})", f"    next_state = {one};", "else", f"    next_state = {zero};"]
        steps = [*([f"{code.z} = {high};"] if high else []), *move]
        rows += [f"{name}: begin", *(f"    {line}" for line in steps), "end"]
    rows.append(f"default: next_state = {code.start};")
    lines = "\n".join(f"            {line}" for line in rows)
    block = always(f"        {code.z} = 1'b0;\n        case (current_state)\n{lines}\n        endcase")
    numbers = "\n".join(
        f"    localparam {code.range}{name} = {code.machine.width}'d{i};" for i, name in enumerate(code.names)
    )
    state = f"    reg {code.range}current_state, next_state;"
    return "\n\n".join([numbers, state, code.register("current_state", "next_state"), block]), True


def _one_process(code: MachineCode) -> tuple[str, bool]:
    """The case statement within the clocked block."""
    lines = [
        f"    {name}: state <= {one if one == zero else f'{code.x} ? {one} : {zero}'};"
        for name, (zero, one), _ in code.arrows()
    ]
    update = "\n".join(["case (state)", *lines, f"    default: state <= {code.start};", "endcase"])
    block = clocked(code.clk, code.reset, f"state <= {code.start};", update)
    output = code.output(lambda state: f"(state == {code.names[state]})")
    return f"{code.codes}\n    reg {code.range}state;\n\n{block}\n\n{output}", False


def _pairs(code: MachineCode) -> tuple[str, bool]:
    """A case statement over state and input together, a line for each arrow."""
    target = f"{{next_state, {code.z}}}" if code.mealy else "next_state"
    rows = []
    for name, following, outputs in code.arrows():
        for value in (0, 1):
            to = f"{{{following[value]}, {_BIT[outputs[value]]}}}" if code.mealy else following[value]
            rows.append(f"{{{name}, {_BIT[value]}}}: {target} = {to};")
    rows.append(f"default: {target} = {f'{{{code.start}, {_LOW}}}' if code.mealy else code.start};")
    parts = [
        f"{code.codes}\n    reg {code.range}state, next_state;",
        code.register("state", "next_state"),
        _case(f"{{state, {code.x}}}", rows),
    ]
    if not code.mealy:
        parts.append(code.output(lambda state: f"state == {code.names[state]}"))
    return "\n\n".join(parts), code.mealy


def _columns(code: MachineCode) -> tuple[str, bool]:
    """The columns of the state table, of which the input chooses one."""
    names, outs = ["next_if_low", "next_if_high"], ["output_if_low", "output_if_high"] if code.mealy else [code.z]
    target = f"{{{', '.join([*names, *outs])}}}"
    rows = [
        f"{name}: {target} = {{{', '.join([*following, *(_BIT[out] for out in outputs[: len(outs)])])}}};"
        for name, following, outputs in code.arrows()
    ]
    rows.append(f"default: {target} = {{{', '.join([code.start] * 2 + [_LOW] * len(outs))}}};")
    declared = f"{code.codes}\n    reg {code.range}state, {', '.join(names)};"
    parts = [_case("state", rows), code.register("state", f"{code.x} ? next_if_high : next_if_low")]
    if code.mealy:
        declared += f"\n    reg {', '.join(outs)};"
        parts.append(f"    assign {code.z} = {code.x} ? output_if_high : output_if_low;")
    return "\n\n".join([declared, *parts]), not code.mealy


def _one_hot(code: MachineCode) -> tuple[str, bool]:
    """A flip-flop for each state, whose input is the OR of the arrows into it."""
    count, lines = code.machine.count, []
    for name in code.names:
        terms = []
        for source, (zero, one), _ in code.arrows():
            if name in (zero, one):
                sign = "!" if name == zero else ""
                terms.append(f"active[{source}]" if zero == one else f"(active[{source}] && {sign}{code.x})")
        lines.append(f"    assign entered[{name}] = {' || '.join(terms) or _LOW};")
    places = ", ".join(f"{name} = {i}" for i, name in enumerate(code.names))
    first = f"active <= {count}'b{1 << code.machine.start:0{count}b};"
    return "\n\n".join((
        f"    localparam {places};\n    reg {bits(count)}active;\n    wire {bits(count)}entered;",
        "\n".join(lines),
        clocked(code.clk, code.reset, first, "active <= entered;"),
        code.output(lambda state: f"active[{code.names[state]}]"),
    )), False  # fmt: skip


_STYLES = (_short, _short, _long, _one_process, _pairs, _columns, _one_hot)


def written(code: MachineCode, rng: random.Random) -> Written:
    """The machine in one of the styles.

    Its mistakes are a wrong reset state, and a wrong next state (Moore) or output (Mealy) of the start state for input 1;
    all show in the output by the next cycle.
    """
    style = styled(rng, _STYLES)
    machine, start = code.machine, code.machine.start
    (zero, one), (out_0, out_1) = machine.following[start], machine.outputs[start]
    following, outputs = list(machine.following), list(machine.outputs)
    if code.mealy:
        outputs[start] = (out_0, 1 - out_1)
    else:
        following[start] = (zero, machine.unlike(one)[0])
    wrong = (
        replace(machine, start=machine.unlike(start)[0]),
        replace(machine, following=tuple(following), outputs=tuple(outputs)),
    )
    body, is_register = style(code)
    return Written(
        f"\n{body}",
        tuple((body, style(replace(code, machine=other))[0]) for other in wrong),
        frozenset({code.z} if is_register else ()),
    )

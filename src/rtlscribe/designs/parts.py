"""Pieces that families share: Verilog blocks, phrases and kinds of stimulus. Holds no family."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import indent
from weakref import WeakKeyDictionary

from rtlscribe.designs.base import Pick, Port, Reset, article, bits, listing, mask, styled


def always(statements: str) -> str:
    """A combinational always block."""
    return f"    always @(*) begin\n{statements}\n    end"


def case_statement(selector: str, target: str, rows: Sequence[tuple[str, str]], default: str, depth: int = 8) -> str:
    """A case statement with one row for each value, to stand in an always block."""
    space = " " * depth
    lines = "".join(f"{space}    {value}: {target} = {result};\n" for value, result in rows)
    return f"{space}case ({selector})\n{lines}{space}    default: {target} = {default};\n{space}endcase"


def clocked(clk: str, reset: Reset | None, cleared: str, update: str) -> str:
    """An always block: on the rising edge `update`, while the reset is active `cleared`.

    `update` is one if-else chain, or several statements.
    """
    inner = update
    if reset:
        first = _branch(f"if ({reset.condition})", cleared)
        is_chain = update.startswith("if ") and "\nif " not in update
        rest = f"else {update}" if is_chain else _branch("else", update)
        inner = f"{first}{' ' if first.endswith('end') else chr(10)}{rest}"
    sensitivity = reset.sensitivity if reset else ""
    return f"    always @(posedge {clk}{sensitivity}) begin\n{indent(inner, ' ' * 8)}\n    end"


def _branch(head: str, statements: str) -> str:
    inner = indent(statements, "    ")
    return f"{head} begin\n{inner}\nend" if "\n" in statements else f"{head}\n{inner}"


def guarded(enable: str, statements: str) -> str:
    """The statements under `if (enable)`, or as they are without an enable."""
    return _branch(f"if ({enable})", statements) if enable else statements


def reset_sentences(reset: Reset | None, effect: str) -> tuple[str, str, str]:
    """Three sentences that say the same of a reset; `effect` is like "sets q to 0"."""
    if reset is None:
        return "There is no reset.", "It has no reset input.", "No reset is provided."
    level = "low" if reset.active_low else "high"
    when = "immediately, without waiting for the clock" if reset.is_async else "at the next rising edge of the clock"
    return (
        f"{reset.name} is {article(reset.phrase)} that {effect}.",
        f"The {reset.phrase} {reset.name} {effect}.",
        f"When {reset.name} is {level}, the reset {effect} {when}.",
    )


def clock_and_reset(clk: str, reset: Reset | None) -> tuple[Port, ...]:
    return (Port(clk, "input", 1, "the clock"), *([reset.port()] if reset else []))


def input_if(present: object, name: str, width: int, meaning: str) -> tuple[Port, ...]:
    """An input that only some circuits of a family have."""
    return (Port(name, "input", width, meaning),) if present else ()


def likely(chance: float) -> Callable[[random.Random], int]:
    """Stimulus: a one-bit input that is high with this chance."""
    return lambda rng: int(rng.random() < chance)


def played(words: Sequence[Sequence[int]]) -> Callable[[random.Random], int]:
    """Stimulus: whole words, value by value, so that a rare sequence occurs. The rest of a word waits for the next call."""
    # By generator: each testbench has its own, and begins with a whole word, so that it comes out the same every time.
    waiting: WeakKeyDictionary[random.Random, list[int]] = WeakKeyDictionary()

    def draw(rng: random.Random) -> int:
        rest = waiting.setdefault(rng, [])
        if not rest:
            rest.extend(rng.choice(words))
        return rest.pop(0)

    return draw


def reset_noun(reset: Reset | None, value: str) -> str:
    """For example "with asynchronous active-low reset to 0"."""
    return f"with {reset.phrase} to {value}" if reset else "without reset"


def having(*parts: str) -> str:
    """ "with a, b and c" of the parts that are not empty; a reset and its value are one part."""
    return f"with {listing([part for part in parts if part])}"


def briefly(nouns: Sequence[str], *features: str, reset: Reset | None = None, to: str = "") -> tuple[str, ...]:
    """Brief requests: each noun with the features that are not empty, and with each way to ask for the reset.

    `to`: what it resets to, where that is not the usual zero.
    """
    resets = _brief_resets(reset)
    return tuple(
        f"{noun} {having(*asked)}" if (asked := [part for part in (*features, said) if part]) else noun
        for noun in nouns
        for said in ((f"{resets[-1]} to {to}",) if to else resets)
    )


def _brief_resets(reset: Reset | None) -> tuple[str, ...]:
    """The ways to ask for a reset; one is to say nothing where custom has it so: synchronous, active-high, or none."""
    if not reset:
        return ("",)
    if reset.key == "sh":
        return ("", "reset", "synchronous reset")
    if reset.key == "ah":
        return ("asynchronous reset", "async reset")
    timing = "asynchronous" if reset.is_async else "synchronous"
    return (f"{timing} active-low reset", f"active-low {timing} reset")


def operand_names(pick: Pick) -> tuple[str, str]:
    """The names of the two operands, drawn together so that they match."""
    first, second = pick("a b", "in1 in2", "op1 op2").split()
    return first, second


def signed(value: int, width: int) -> int:
    """The word read as a two's complement number."""
    return value - (1 << width) if value >> (width - 1) else value


def collide(width: int) -> Callable[[random.Random], int]:
    """Words of which half come from few corner values, so that equal operands and zero results occur."""
    corners = (0, 1, mask(width), 1 << (width - 1), mask(width - 1))
    return lambda r: r.choice(corners) if r.random() < 0.5 else r.getrandbits(width)


def nth(number: int) -> str:
    """An ordinal number below 21: "1st", "12th"."""
    return f"{number}{dict(enumerate(('st', 'nd', 'rd'), 1)).get(number, 'th')}"


@dataclass(frozen=True, slots=True)
class Written:
    """One style of a circuit's code: its body, mistakes that it can have, and its outputs that are registers."""

    body: str
    bugs: tuple[tuple[str, str], ...] = ()  # none where the family writes a mistake as a circuit of its own
    registers: frozenset[str] = frozenset()


def counting(statements: str, start: int, end: int, name: str = "i") -> str:
    """A for loop that counts from `start` to below `end`, to stand in an always block."""
    head = f"for ({name} = {start}; {name} < {end}; {name} = {name} + 1)"
    return indent(_branch(head, statements), " " * 8)


def each_bit(statements: str, start: int, end: int, label: str) -> str:
    """A generate loop whose i counts from `start` to below `end`."""
    return f"""    genvar i;
    generate
        for (i = {start}; i < {end}; i = i + 1) begin : {label}
{indent(statements, " " * 12)}
        end
    endgenerate"""


Choice = tuple[str, str, str]  # condition ("": in all other cases), new value, a name for this value ("": none)


def if_chain(target: str, assigns: str, choices: Sequence[Choice]) -> str:
    """The first choice whose condition is met, assigned by `=` or `<=`."""
    given = [(f"if ({condition})" if condition else "", value) for condition, value, _ in choices]
    if not given[0][0]:
        return f"{target} {assigns} {given[0][1]};"
    heads = [given[0][0], *(f"else {head}".rstrip() for head, _ in given[1:])]
    lines = (f"{head}\n    {target} {assigns} {value};" for head, (_, value) in zip(heads, given, strict=True))
    return "\n".join(lines)


def conditional(choices: Sequence[Choice], kept: str) -> str:
    """The first choice whose condition is met, or what is kept, as one expression."""
    condition, value, _ = choices[0]
    if not condition:
        return value
    rest = conditional(choices[1:], kept) if choices[1:] else kept
    return f"{f'({condition})' if ' ' in condition else condition} ? {value} : {rest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A clocked register that is an output or gives one, in one of several styles of code.

    `shape` is "direct", or "wire" or "process" for a next value that a wire or a combinational block gives; `apart` if the
    register is `inner` and not the output itself; `named` if each new value that has a name gets a wire.
    """

    clk: str
    reset: Reset | None
    out: str
    width: int
    inner: str
    shape: str
    apart: bool
    named: bool

    @property
    def name(self) -> str:
        return self.inner if self.apart else self.out

    @property
    def outputs(self) -> frozenset[str]:
        """The outputs to be declared `output reg`."""
        return frozenset(() if self.apart else (self.out,))

    def body(
        self,
        cleared: str,
        choices: Sequence[Choice],
        *,
        wires: Sequence[str] = (),
        blocks: Sequence[str] = (),
        shown: str = "",
    ) -> str:
        """The code, with declarations and blocks that the choices make use of; the output shows the register or `shown`."""
        vector = bits(self.width)
        upcoming = f"next_{self.inner.removesuffix('_reg')}" if self.apart else "next_value"
        conditions = any(condition for condition, *_ in choices)
        declared = list(wires)
        if self.named:
            declared += [f"wire {vector}{name} = {value};" for _, value, name in choices if name]
            choices = [(condition, name or value, name) for condition, value, name in choices]
        update = f"{self.name} <= {upcoming};"
        if self.shape == "direct" or (not conditions and " " not in choices[0][1]):
            update = if_chain(self.name, "<=", choices)
        elif self.shape == "wire" or not conditions:
            declared.append(f"wire {vector}{upcoming} = {conditional(choices, self.name)};")
        else:
            declared.append(f"reg {vector}{upcoming};")
            held = f"{upcoming} = {self.name};\n" if choices[-1][0] else ""
            blocks = [*blocks, always(indent(held + if_chain(upcoming, "=", choices), " " * 8))]
        return self.assembled(cleared, update, declared=declared, blocks=blocks, shown=shown)

    def assembled(
        self, cleared: str, update: str, *, declared: Sequence[str] = (), blocks: Sequence[str] = (), shown: str = ""
    ) -> str:
        """Declarations, blocks, the clocked block with this update, and the output."""
        first = [f"reg {bits(self.width)}{self.inner};"] if self.apart else []
        lines = "\n".join(f"    {line}" for line in (*first, *declared))
        clocking = clocked(self.clk, self.reset, f"{self.name} <= {cleared};", update)
        last = f"    assign {self.out} = {shown or self.inner};" if self.apart else ""
        return "\n\n".join(filter(None, (lines, *blocks, clocking, last)))


def draw_register(
    rng: random.Random, clk: str, reset: Reset | None, out: str, width: int, *, inner: str, hidden: bool = False
) -> Register:
    """A register in a style of its own; `hidden` if it can not be the output itself."""
    styles = [("direct", False, False)] * 4 + [
        ("direct", True, True),
        ("wire", False, False),
        ("wire", True, False),
        ("wire", True, True),
        ("process", False, False),
        ("process", False, True),
        ("process", True, False),
        ("process", True, True),
    ]
    shape, apart, named = styled(rng, styles)
    return Register(
        clk=clk, reset=reset, out=out, width=width, inner=inner, shape=shape, apart=apart or hidden, named=named
    )

"""Pieces that families share: Verilog blocks, phrases and kinds of stimulus. Holds no family."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from textwrap import indent
from weakref import WeakKeyDictionary

from rtlscribe.designs.base import Pick, Port, Reset, article, listing, mask


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

"""What one generated circuit is: its words, its header, its reference code, and a model of it in Python.

The model is written apart from the Verilog and is what the testbench expects, so a reference that passes
has agreed with a second description of the same circuit. Does not run a simulator, and knows no file.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

Values = Mapping[str, int]
Expected = Mapping[str, int | None]  # None: not compared (unknown until reset or written)
T = TypeVar("T")
State = Any  # each family has its own: an int, a tuple of registers, a memory


class Parameters(random.Random):
    """What a family draws its parameters from, and which of its styles of code it takes: the k-th, or None for any."""

    style: int | None = None


def styled(rng: random.Random, styles: Sequence[T]) -> T:
    """One of the styles of code in which a circuit can be written; the first is the usual one, and may be there often."""
    if not isinstance(rng, Parameters) or rng.style is None:
        return rng.choice(styles)
    different = list(dict.fromkeys(styles))
    return different[rng.style % len(different)]


class Pick(Protocol):
    """Choose a name: the first where the reader is given no header (so names must be the usual ones)."""

    def __call__(self, usual: str, /, *others: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Port:
    """One port. `meaning` completes the sentence "`name` is ..." in verbose instructions."""

    name: str
    direction: str  # "input" or "output"
    width: int
    meaning: str

    def declaration(self, *, register: bool) -> str:
        kind = f"{self.direction} reg" if register else self.direction
        return f"{kind} [{self.width - 1}:0] {self.name}" if self.width > 1 else f"{kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Reset:
    """A reset input: its kind in Verilog and in words."""

    name: str
    is_async: bool
    active_low: bool

    @property
    def sensitivity(self) -> str:
        """What follows `posedge clk` in the sensitivity list: " or negedge rst_n", or nothing."""
        if not self.is_async:
            return ""
        return f" or {'negedge' if self.active_low else 'posedge'} {self.name}"

    @property
    def condition(self) -> str:
        return f"!{self.name}" if self.active_low else self.name

    @property
    def phrase(self) -> str:
        """For example "asynchronous active-low reset"."""
        timing = "asynchronous" if self.is_async else "synchronous"
        return f"{timing} active-{'low' if self.active_low else 'high'} reset"

    @property
    def key(self) -> str:
        return f"{'a' if self.is_async else 's'}{'l' if self.active_low else 'h'}"

    def port(self) -> Port:
        return Port(self.name, "input", 1, f"the {self.phrase}")

    def active(self, inputs: Values) -> bool:
        return bool(inputs[self.name]) != self.active_low


def choose_reset(rng: random.Random, pick: Pick) -> Reset:
    """One of the four kinds of reset, with a name that fits it."""
    is_async, active_low = rng.random() < 0.5, rng.random() < 0.5
    name = pick("rst_n", "reset_n", "resetn") if active_low else pick("rst", "reset")
    return Reset(name, is_async, active_low)


@dataclass(frozen=True, slots=True)
class Combinational:
    """A circuit without memory: outputs are a function of the inputs of the same moment."""

    function: Callable[[Values], Expected]


@dataclass(frozen=True, slots=True)
class Sequential:
    """A circuit clocked by the rising edge of `clock`.

    `outputs(state, inputs)` is seen just before the edge; `following(state, inputs)` is the state after it.
    With a reset, `initial` is the state it forces and the state before the first reset is unknown;
    without one, `initial` is the power-up state, in which unknown registers are None.
    """

    clock: str
    initial: State
    following: Callable[[State, Values], State]
    outputs: Callable[[State, Values], Expected]
    reset: Reset | None = None


@dataclass(frozen=True, slots=True)
class Unclocked:
    """A circuit that remembers but has no clock of its own: a latch, or one that uses edges in another way.

    `following(state, inputs)` is the state that it settles in after these inputs are put to it, and
    `outputs(state, inputs)` is then seen. Before the first inputs the state is `initial`.
    """

    initial: State
    following: Callable[[State, Values], State]
    outputs: Callable[[State, Values], Expected]
    clock: ClassVar[str] = ""
    reset: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class Design:
    """One circuit, complete. Made by a family's function; see `designs.families`."""

    key: tuple[object, ...]  # everything that decides the function: the train/held-out split is made on it
    name: str  # of the module
    ports: tuple[Port, ...]
    nouns: tuple[str, ...]  # "an 8-bit up counter with ...": complete without port names, starts with an article
    behaviours: tuple[str, ...]  # paragraphs, each complete on its own, that use the port names
    body: str  # Verilog between header and endmodule
    model: Combinational | Sequential | Unclocked
    bugs: tuple[tuple[str, str], ...]  # (text below the header, wrong text): each a planted, observable mistake
    registers: frozenset[str] = frozenset()  # outputs declared `output reg`
    appendix: str = ""  # a truth table, state table, Karnaugh map or waveform; part of every phrasing
    stimulus: Mapping[str, Callable[[random.Random], int]] = field(default_factory=dict)  # instead of uniform
    cycles: int = 120
    vectors: int = 96  # of a combinational circuit whose inputs are too many to see every value
    submodules: str = ""  # whole modules that the body instantiates; they follow the top module
    # "8-bit up counter with enable": as people ask who leave all else to custom. None where anything else is not usual.
    briefs: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[Port, ...]:
        return tuple(p for p in self.ports if p.direction == "input")

    @property
    def outputs(self) -> tuple[Port, ...]:
        return tuple(p for p in self.ports if p.direction == "output")

    @property
    def header(self) -> str:
        """The module header, one port a line, as in the RTL-Coder files."""
        lines = [f"    {p.declaration(register=p.name in self.registers)}" for p in self.ports]
        return f"module {self.name}(\n" + ",\n".join(lines) + "\n);"

    @property
    def reference(self) -> str:
        return f"{self.header}\n{self._below_header}"

    @property
    def _below_header(self) -> str:
        after = f"\n{self.submodules.strip(chr(10))}\n" if self.submodules else ""
        return f"{self.body.strip(chr(10))}\nendmodule\n{after}"

    def mutants(self) -> tuple[str, ...]:
        """The reference with one planted mistake each; every one must fail the testbench."""
        found = []
        for right, wrong in self.bugs:
            code = self._below_header
            if right not in code or right == wrong:
                raise ValueError(f"{self.name}: the bug {right!r} -> {wrong!r} changes nothing in:\n{code}")
            found.append(f"{self.header}\n{code.replace(right, wrong, 1)}")
        return tuple(found)


def bits(width: int) -> str:
    """A declared range: "[7:0] " for 8, nothing for 1."""
    return f"[{width - 1}:0] " if width > 1 else ""


def mask(width: int) -> int:
    return (1 << width) - 1


def article(phrase: str) -> str:
    """The phrase with "a" or "an" before it: "an 8-bit adder", "a 12-bit adder", "an ALU", "a one-hot decoder"."""
    first = re.split(r"[ -]", phrase)[0]
    spelled_out = ("FSM", "LFSR", "SR", "XOR", "XNOR")  # letters or numbers whose names begin with a vowel
    vowel = first[0] in "aeioAEIO" or re.match("up|un(?!i)", first) or first in spelled_out
    return f"{'an' if (vowel and first != 'one') or re.fullmatch('8.*|11|18', first) else 'a'} {phrase}"


def listing(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

"""Random stimulus for a module of which only the interface and the roles of its inputs are known. Simulates nothing.

Combinational circuits with few input bits see every input. All others see episodes: for some steps each input follows
a course of its own (held, uniform, corner values, a walking bit, counting, close to another input, constants that stand
in the answers, these in their order). In runs, short ones and two long ones, the single bits are held, each time in
another combination, and a reset comes at the beginning or not at all. Resets are active in the first RESET_STEPS steps
and later seldom.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from rtlscribe.verilog.extract import blank
from rtlscribe.verilog.ports import Port
from rtlscribe.verilog.roles import Roles

EXHAUSTIVE_BITS = 10
SHORTEST_TABLE = 256  # a smaller truth table is gone through again in another order, for what has a memory
RESET_STEPS = 4
RESET_AGAIN = 1 / 32
PAUSE = 1 / 16  # of the clock, while inputs change
LONG_RUNS, SHORT_RUNS = 2, 8
LONG_SHARE, SHORT_SHARE = 0.22, 1 / 40  # of all steps, for each: of the default 1280, a long one overflows 8 bits
FEW_BITS = 3  # a vector of so few bits is mostly drawn uniformly
EPISODES = (4, 8, 16, 32, 64)
EPISODES_WITHOUT_CLOCK = (2, 4, 8)
MOST_CONSTANTS, LONGEST_SEQUENCE = 64, 64
_SIZED = re.compile(r"\b(\d{1,4})\s*'[sS]?([bodhBODH])\s*([0-9a-fA-F][0-9a-fA-F_]*)")
_NUMBER = re.compile(r"(?<![\w'.])\d{1,9}(?![\w'.])")
_RADIX = {"b": 2, "o": 8, "d": 10, "h": 16}

Course = Callable[[dict[str, int]], int]  # the next value, from those of the inputs before it in the same step


class Constant(NamedTuple):
    """A number that stands in an answer; `width` in bits, 0 if it is not told."""

    width: int
    value: int


class Numbers(NamedTuple):
    """The numbers in the answers: each once, and for a width in bits the sequences in which they stand."""

    constants: tuple[Constant, ...] = ()
    sequences: tuple[tuple[int, tuple[int, ...]], ...] = ()


NONE = Numbers()


class Stimulus(NamedTuple):
    """One word a step. From its highest bit: the values of `fields` in order, then a bit a clock: whether it ticks.

    An inout port has two fields, its value and (a name that ends in a blank) whether it is driven. `unsettled` counts
    the samples taken before the first reset has done its work: one a step, and one a tick.
    """

    fields: tuple[Port, ...]
    clocks: tuple[str, ...]
    words: tuple[int, ...]
    unsettled: int
    table: str  # the words in hexadecimal, one a line

    @property
    def width(self) -> int:
        return max(1, sum(field.width for field in self.fields) + len(self.clocks))

    @property
    def samples(self) -> int:
        ticks = (1 << len(self.clocks)) - 1
        return len(self.words) + sum((word & ticks).bit_count() for word in self.words)


def stimulus(interface: Sequence[Port], roles: Roles, *, steps: int, seed: str, numbers: Numbers = NONE) -> Stimulus:
    """At most `steps` words (a truth table of EXHAUSTIVE_BITS may take more); the same for the same arguments."""
    rng = random.Random(seed)
    fields = []
    for port in interface:
        if port.direction != "output" and port.name not in roles.clocks:
            fields.append(port)
            if port.direction == "inout":
                fields.append(Port(f"{port.name} ", "input", 1))
    bits = sum(field.width for field in fields)
    if not roles.clocks and bits <= EXHAUSTIVE_BITS:
        words = _table(bits, rng)
    else:
        words = _Episodes(fields, roles, numbers, rng).words(steps)
    unsettled = RESET_STEPS * (1 + len(roles.clocks)) if roles.resets and roles.clocks else 0
    digits = max(1, (bits + len(roles.clocks) + 3) // 4)
    table = "".join(f"{word:0{digits}x}\n" for word in words)
    return Stimulus(tuple(fields), roles.clocks, tuple(words), unsettled, table)


def numbers(codes: Iterable[str]) -> Numbers:
    """The numbers in answers, the commonest first: where behaviour changes, one of them is often near."""
    count: Counter[Constant] = Counter()
    sequences: Counter[tuple[int, tuple[int, ...]]] = Counter()
    for code in codes:
        text = blank(code)
        sized = [found for match in _SIZED.finditer(text) if (found := _constant(match))]
        count.update({*sized, *(Constant(0, int(match[0])) for match in _NUMBER.finditer(text))})
        for width in {constant.width for constant in sized}:
            sequence = tuple(c.value for c in sized if c.width == width)[:LONGEST_SEQUENCE]
            sequences[width, sequence] += 1
    useful = [c for c in count if c.value > 1 or c.width > 2]
    return Numbers(
        tuple(sorted(useful, key=lambda c: (-count[c], c))[:MOST_CONSTANTS]),
        tuple(sorted((s for s in sequences if len(set(s[1])) > 1), key=lambda s: (-sequences[s], s))[:MOST_CONSTANTS]),
    )


def _constant(match: re.Match[str]) -> Constant | None:
    width, digits, radix = int(match[1]), match[3].replace("_", ""), _RADIX[match[2].lower()]
    try:
        return Constant(width, int(digits, radix))
    except ValueError:  # a digit that its base does not have
        return None


def _table(bits: int, rng: random.Random) -> list[int]:
    """Every value of so many bits, in an order of chance; several times where there are few."""
    words: list[int] = []
    while len(words) < min(SHORTEST_TABLE, 4 << bits):
        words += rng.sample(range(1 << bits), 1 << bits)
    return words


class _Episodes:
    """Words for circuits that are too large for a table, or clocked."""

    def __init__(self, fields: Sequence[Port], roles: Roles, numbers: Numbers, rng: random.Random) -> None:
        self._fields = fields
        self._roles = roles
        self._resets = dict(roles.resets)
        self._numbers = numbers
        self._rng = rng
        self._bits = [field.name for field in fields if field.width == 1 and field.name not in self._resets]
        self._held: list[int] = []  # values of the single bits, one after the other, for runs to come
        self._left = dict.fromkeys(self._resets, 0)  # steps for which a reset stays active

    def words(self, steps: int) -> list[int]:
        words: list[int] = []
        lengths = self._lengths(steps - RESET_STEPS) if self._roles.clocks else []
        self._episode(words, RESET_STEPS, 0)
        while len(words) < steps:
            if self._roles.clocks:
                length, run = lengths.pop()
            else:
                length, run = self._rng.choice(EPISODES_WITHOUT_CLOCK), 0
            self._episode(words, min(length, steps - len(words)), run)
        return words

    def _lengths(self, steps: int) -> list[tuple[int, int]]:
        """Lengths of episodes that come to `steps` or more, each with the number of the run, 0 if it is none."""
        found = [(int(steps * LONG_SHARE), run) for run in range(1, LONG_RUNS + 1)]
        found += [(int(steps * SHORT_SHARE), LONG_RUNS + run) for run in range(1, SHORT_RUNS + 1)]
        while (rest := steps - sum(length for length, _ in found)) > 0:
            found.append((min(rest, self._rng.choice(EPISODES)), 0))
        self._rng.shuffle(found)
        return found

    def _episode(self, words: list[int], length: int, run: int) -> None:
        held = self._hold(run) if run else {}
        courses = {
            field.name: self._course(field, run, held) for field in self._fields if field.name not in self._resets
        }
        rates = [self._rng.choice((1.0, 1.0, 0.5, 0.25)) for _ in self._roles.clocks]
        anew = run > 0 and self._rng.random() < 0.5
        for step in range(length):
            first = len(words) < RESET_STEPS or (anew and step == 0)
            values: dict[str, int] = {}
            word = 0
            for field in self._fields:
                if field.name in self._resets:
                    active = first or self._resets_now(field.name, run)
                    values[field.name] = int(active) ^ 1 ^ self._resets[field.name]
                else:
                    values[field.name] = courses[field.name](values)
                word = word << field.width | values[field.name]
            for ticks in self._ticks(rates, always=first or run > 0):
                word = word << 1 | ticks
            words.append(word)

    def _ticks(self, rates: Sequence[float], *, always: bool) -> list[bool]:
        if always:
            return [True] * len(rates)
        if len(rates) == 1:
            return [self._rng.random() >= PAUSE]
        return [self._rng.random() < rate for rate in rates]

    def _resets_now(self, name: str, run: int) -> bool:
        if self._left[name]:
            self._left[name] -= 1
            return True
        again = not run and self._rng.random() < RESET_AGAIN
        if again:
            self._left[name] = self._rng.randrange(2)
        return again

    # The courses that an input can follow for an episode

    def _course(self, field: Port, run: int, held: dict[str, int]) -> Course:
        if field.name in held:
            return lambda _: held[field.name]
        return self._bit() if field.width == 1 else self._vector(field, lively=run > 0 or field.width <= FEW_BITS)

    def _hold(self, run: int) -> dict[str, int]:
        """The single bits for a run: mostly 1 in the first, then one combination after the other."""
        count = len(self._bits)
        if run == 1:
            return {name: int(self._rng.random() < 0.85) for name in self._bits}
        if not self._held:
            self._held = self._rng.sample(range(1 << min(count, 16)), min(1 << min(count, 16), SHORT_RUNS + LONG_RUNS))
        word = self._held.pop()
        return {name: word >> (place % 16) & 1 for place, name in enumerate(self._bits)}

    def _bit(self) -> Course:
        rng = self._rng
        patterns = [c for c in self._numbers.constants if c.width > 2]
        kind = rng.choices(
            ("fair", "low", "high", "seldom", "often", "alternate", "pattern"), (5, 2, 2, 2, 2, 1, 2 if patterns else 0)
        )[0]
        if kind == "pattern":
            return self._pattern(rng.choice(patterns))
        if kind == "alternate":
            return _again_and_again([0, 1], start=rng.randrange(2))
        rate = {"fair": 0.5, "low": 0.0, "high": 1.0, "seldom": 0.125, "often": 0.875}[kind]
        return lambda _: int(rng.random() < rate)

    def _pattern(self, constant: Constant) -> Course:
        """A constant of the answers bit by bit, again and again, sometimes from its other end."""
        bits = [int(digit) for digit in f"{constant.value:0{constant.width}b}"]
        if self._rng.random() < 0.5:
            bits.reverse()
        return _again_and_again(bits, start=self._rng.randrange(len(bits)))

    def _vector(self, field: Port, *, lively: bool) -> Course:
        """Of more than one bit; `lively` ones are seldom held."""
        rng, width = self._rng, field.width
        most = (1 << width) - 1
        fitting = [c.value for c in self._numbers.constants if c.value <= most]
        sequences = [values for bits, values in self._numbers.sequences if bits == width]
        kinds = ("uniform", "held", "corner", "walking", "counting", "near", "small", "constant", "sequence")
        weights = (12 if lively else 5, 2, 2, 1, 1, 3, 1, 2 if fitting else 0, 6 if sequences else 0)
        kind = rng.choices(kinds, weights)[0]
        if kind == "sequence":
            return _again_and_again([value & most for value in rng.choice(sequences)], start=0)
        if kind == "held":
            value = rng.choice((rng.getrandbits(width), self._corner(width)))
            return lambda _: value
        if kind == "counting":
            numbers = itertools.count(rng.getrandbits(width), rng.choice((1, most)))
            return lambda _: next(numbers) & most
        if kind == "near":
            return lambda values: self._near(field, values)
        if kind == "walking":
            inverse = rng.choice((0, most))
            return lambda _: (1 << rng.randrange(width)) ^ inverse
        draws: dict[str, Course] = {
            "uniform": lambda _: rng.getrandbits(width),
            "corner": lambda _: self._corner(width),
            "small": lambda _: min(rng.randrange(4), most),
            "constant": lambda _: (rng.choice(fitting) + rng.choice((-1, 0, 0, 1))) & most,
        }
        return draws[kind]

    def _corner(self, width: int) -> int:
        most = (1 << width) - 1
        alternating = int("10" * width, 2) & most
        return self._rng.choice((0, most, 1, 1 << (width - 1), most >> 1, alternating, most ^ alternating, most - 1))

    def _near(self, field: Port, values: dict[str, int]) -> int:
        """Close to an input before it of the same width, so that what compares them has something to do."""
        most = (1 << field.width) - 1
        widths = {other.name: other.width for other in self._fields}
        others = [v for name, v in values.items() if widths[name] == field.width]
        if not others or self._rng.random() < 0.25:
            return self._rng.getrandbits(field.width)
        value = self._rng.choice(others)
        return self._rng.choice((value, value + 1, value - 1, ~value, -value)) & most


def _again_and_again(values: Sequence[int], *, start: int) -> Course:
    following = itertools.cycle([*values[start:], *values[:start]])
    return lambda _: next(following)

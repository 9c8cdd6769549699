"""And-inverter graphs in AIGER's ascii form: read them, and run them on given or random inputs. Proves nothing.

The form is that of A. Biere, "The AIGER And-Inverter Graph (AIG) Format", 2007: a literal is twice a variable's number,
plus one if negated; 0 is false and 1 true.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_SYMBOL = re.compile(r"([io])(\d+) (.*)")


class Graph(NamedTuple):
    """A circuit. `latches` are (literal, next literal), all 0 at first; `gates` (literal, left, right) in order.

    `input_names` and `output_names` have one entry an input or output: the names of a bit, divided by blanks; the bits
    of a vector are called name[0] ...
    """

    inputs: tuple[int, ...]
    latches: tuple[tuple[int, int], ...]
    outputs: tuple[int, ...]
    gates: tuple[tuple[int, int, int], ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]

    def output(self, name: str) -> int:
        """The place of the output that is called `name`. Raises ValueError if there is none."""
        return self.output_names.index(name)


def read(text: str) -> Graph:
    """The circuit of a file whose header is `aag M I L O A`, all latches starting at 0, gates after what they read.

    Raises:
        ValueError: it is no such file.
    """
    lines = text.splitlines()
    header = lines[0].split() if lines else []
    if len(header) != 6 or header[0] != "aag":
        raise ValueError("not an AIGER file in ascii form")
    sizes = [int(number) for number in header[2:]]
    starts = [1 + sum(sizes[:place]) for place in range(len(sizes) + 1)]
    rows = [[int(number) for number in line.split()] for line in lines[1 : starts[-1]]]
    inputs, latches, outputs, gates = (
        rows[start - 1 : end - 1] for start, end in itertools.pairwise(starts)
    )  # fmt: skip
    if any(row[0] <= max(row[1], row[2]) for row in gates) or any(len(row) > 2 and row[2] for row in latches):
        raise ValueError("gates in another order than used, or latches that do not start at 0")
    names: dict[tuple[str, int], str] = {}
    for line in lines[starts[-1] :]:
        if symbol := _SYMBOL.match(line):
            names[symbol.group(1), int(symbol.group(2))] = symbol.group(3)
    return Graph(
        inputs=tuple(row[0] for row in inputs),
        latches=tuple((row[0], row[1]) for row in latches),
        outputs=tuple(row[0] for row in outputs),
        gates=tuple((row[0], row[1], row[2]) for row in gates),
        input_names=tuple(names.get(("i", place), "") for place in range(len(inputs))),
        output_names=tuple(names.get(("o", place), "") for place in range(len(outputs))),
    )


def run(graph: Graph, steps: Sequence[Sequence[int]], *, lanes: int = 1) -> Iterator[list[int]]:
    """The outputs at each step, given the inputs at each.

    A value is an integer whose lowest `lanes` bits belong to so many independent runs.
    """
    every = (1 << lanes) - 1
    highest = max([1, *graph.inputs, *(row[0] for row in (*graph.latches, *graph.gates))])
    values = [0] * ((highest | 1) + 1)
    values[1] = every
    state = [0] * len(graph.latches)
    registers = [literal for literal, _ in graph.latches]
    for step in steps:
        for literal, value in (*zip(graph.inputs, step, strict=True), *zip(registers, state, strict=True)):
            values[literal] = value
            values[literal ^ 1] = value ^ every
        for literal, left, right in graph.gates:
            value = values[left] & values[right]
            values[literal] = value
            values[literal ^ 1] = value ^ every
        state = [values[following] for _, following in graph.latches]
        yield [values[literal] for literal in graph.outputs]


def stimulus(graph: Graph, *, steps: int, lanes: int, seed: int) -> list[list[int]]:
    """Random inputs for `run`. An input is not 1 half of the time in each lane: a reset that is, hides the rest.

    Lane by lane, an input has a share of ones of 1/16, 1/4, 1/2, 3/4 or 15/16.
    """
    draw = random.Random(seed)
    masks = []
    for _ in graph.inputs:
        kinds = [draw.randrange(5) for _ in range(lanes)]
        masks.append([sum(1 << lane for lane, kind in enumerate(kinds) if kind == number) for number in range(5)])
    return [[_mixed(draw, lanes, mask) for mask in masks] for _ in range(steps)]


def _mixed(draw: random.Random, lanes: int, masks: Sequence[int]) -> int:
    one, two, three, four = (draw.getrandbits(lanes) for _ in range(4))
    rare, common = one & two & three & four, one | two | three | four
    bits = (rare, one & two, one, one | two, common)
    return sum(value & mask for value, mask in zip(bits, masks, strict=True))

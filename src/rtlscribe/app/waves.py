"""A look at what a module does: a few steps of random stimulus, as a waveform. Judges nothing.

For code that passed elaboration only: its screening is not done again.
"""

from __future__ import annotations

import time

from rtlscribe.checkers.icarus import Icarus, find_tools
from rtlscribe.checkers.sandbox import Box, Pool
from rtlscribe.records import Record
from rtlscribe.verilog.ports import Direction, Port
from rtlscribe.verilog.roles import roles, usage
from rtlscribe.verilog.stimulus import Stimulus, numbers, stimulus
from rtlscribe.verilog.testbench import Bench, bench, observed
from rtlscribe.verilog.traces import Bits, read_trace

STEPS = 24
DRAWN_STEPS = 96  # of which the first are shown: a course of stimulus is made for a longer run
MOST_BYTES = 1024 * 1024
MOST_BITS = 2048


class Signal(Record, kw_only=True):
    """A port and its values, one a sample: binary digits, x and z, the highest bit first."""

    name: str
    direction: Direction
    width: int
    values: tuple[str, ...]


class Scope:
    """Simulates modules to be looked at. Safe to call from several threads."""

    def __init__(self) -> None:
        self._icarus = Icarus(find_tools())
        self._pool = Pool(self._icarus.tools.readable)

    def look(self, code: str, interface: tuple[Port, ...], *, top: str, timeout_s: float) -> tuple[Signal, ...]:
        """The waveform of module `top`; () where there is none: inout ports, too many bits, or it does not end.

        Of two samples in a step, the first is before the rise of the clocks, the second after it.
        """
        outputs = observed(interface)
        bits = sum(port.width for port in interface)
        if not outputs or bits > MOST_BITS or any(port.direction == "inout" for port in interface):
            return ()
        given = stimulus(
            interface, roles(interface, [usage(code, top=top)]), steps=DRAWN_STEPS, seed=top, numbers=numbers([code])
        )
        lines = given.table.splitlines(keepends=True)[:STEPS]
        given = given._replace(words=given.words[:STEPS], table="".join(lines))
        made = bench(interface, given, top=top)
        with self._pool.borrow() as box:
            trace = self._run(box, made, code, outputs, time.monotonic() + timeout_s)
        return () if trace is None else _signals(interface, given, trace)

    def _run(self, box: Box, made: Bench, code: str, outputs: list[Port], deadline: float) -> Bits | None:
        """Every sample of the outputs."""
        self._icarus.try_out(box)
        done = self._icarus.preprocess(box, code, "answer.v", to="expanded.v", deadline=deadline)
        expanded = box.read("expanded.v", most=MOST_BYTES) if done.status == 0 else None
        if expanded is None:
            return None
        text = f"{made.text}{expanded}\n"
        done = self._icarus.compile(box, text, roots=[made.root], beside=made.files, deadline=deadline)
        if done.status != 0 or self._icarus.simulate(box, deadline=deadline).status != 0:
            return None
        written = box.read(made.trace, most=MOST_BYTES) or ""
        trace = read_trace(
            written.removesuffix(made.end),
            secret=made.secret,
            samples=made.samples,
            width=sum(port.width for port in outputs),
            unsettled=0,
            powers_up=False,
        )
        return trace.bits if trace else None


def _signals(interface: tuple[Port, ...], given: Stimulus, trace: Bits) -> tuple[Signal, ...]:
    """What was driven, sample by sample, beside what came of it."""
    found: dict[str, list[str]] = {port.name: [] for port in interface}
    rows = iter(trace)
    for word in given.words:
        digits = f"{word:0{given.width}b}"
        ticks = digits[-len(given.clocks) :] if given.clocks else ""
        for clock in ("", *(name for name, tick in zip(given.clocks, ticks, strict=True) if tick == "1")):
            place = 0
            for field in given.fields:
                found[field.name].append(digits[place : place + field.width])
                place += field.width
            for name in given.clocks:
                found[name].append(str(int(name == clock)))
            row, place = next(rows).tobytes().decode(), 0
            for port in observed(interface):
                found[port.name].append(row[place : place + port.width])
                place += port.width
    return tuple(
        Signal(name=port.name, direction=port.direction, width=port.width, values=tuple(found[port.name]))
        for port in interface
    )

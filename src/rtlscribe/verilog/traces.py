"""What answers did under one stimulus, compared: which of them behave alike. Runs nothing.

A trace has a row a sample and a column an output bit, each 0, 1, x or z. Two answers behave alike if their traces are
equal, x and z being values of their own, but that
- samples before the first reset has done its work are not looked at;
- in a circuit without a reset, a bit that has not had a known value yet is whatever it was at power-up: it is compared
  from where both answers know it. Bits that only one of them ever knows are a difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtlscribe.verilog.ports import Port

Bits = NDArray[np.uint8]
_ZERO, _ONE = b"01"
_SIGNS = np.frombuffer(b"01xz", dtype=np.uint8)
LATEST_POWER_UP = 0.5  # of the samples: a bit that is unknown for longer is unknown for a reason


class Trace(NamedTuple):
    """The samples of one answer after `unsettled` ones. `powers_up`: it is clocked and has no reset."""

    bits: Bits
    powers_up: bool

    @property
    def digest(self) -> str:
        """Of the samples alone."""
        return hashlib.sha256(self.bits.tobytes()).hexdigest()[:16]


class Group(NamedTuple):
    """Answers that behave alike, by their place, and the trace that stands for them."""

    members: tuple[int, ...]
    trace: Trace


def read_trace(text: str, *, secret: str, samples: int, width: int, unsettled: int, powers_up: bool) -> Trace | None:
    """The trace in a file that a testbench wrote, its end left out; None if it is not whole.

    `samples` lines, each the secret, a blank and `width` bits.
    """
    line = len(secret) + 1 + width + 1
    content = text.encode(errors="replace")
    if len(content) != samples * line:
        return None
    table = np.frombuffer(content, dtype=np.uint8).reshape(samples, line)
    frame = np.frombuffer(f"{secret} \n".encode(), dtype=np.uint8)
    bits = table[:, len(secret) + 1 : -1]
    whole = (table[:, : len(secret) + 1] == frame[:-1]).all() and (table[:, -1] == frame[-1]).all()
    if not whole or not np.isin(bits, _SIGNS).all():
        return None
    return Trace(np.ascontiguousarray(bits[unsettled:]), powers_up)


def blind(trace: Trace, ports: Sequence[Port]) -> str:
    """Why a trace tells nothing of its answer: an output that is never known, or none that ever changes; else ""."""
    known = _known(trace.bits)
    place = 0
    for port in ports:
        if not known[:, place : place + port.width].any():
            return f"output {port.name} is never known"
        place += port.width
    changes = (trace.bits == _ZERO).any(axis=0) & (trace.bits == _ONE).any(axis=0)
    return "" if changes.any() else "no output ever changes"


def alike(a: Trace, b: Trace) -> bool:
    """Whether two answers behave alike; see the head of this module."""
    differ = a.bits != b.bits
    if not differ.any():
        return True
    if not a.powers_up:
        return False
    since_a, since_b = _known_since(a.bits), _known_since(b.bits)
    latest = int(len(a.bits) * LATEST_POWER_UP)
    either_never = (since_a > latest) != (since_b > latest)
    since = np.where(np.maximum(since_a, since_b) > latest, 0, np.maximum(since_a, since_b))
    compared = np.arange(len(a.bits))[:, None] >= since[None, :]
    return not (either_never & differ.any(axis=0)).any() and not (differ & compared).any()


def only_unknown(a: Trace, b: Trace) -> bool:
    """Whether two answers that differ do so only where one of them is unknown."""
    return not ((a.bits != b.bits) & _known(a.bits) & _known(b.bits)).any()


def difference(a: Trace, b: Trace, ports: Sequence[Port]) -> str:
    """Where two answers first differ, in words: the output, the sample, both values. "" if they do not."""
    found = np.argwhere(a.bits != b.bits)
    if not len(found):
        return ""
    sample, bit = (int(number) for number in found[0])
    place = 0
    for port in ports:
        if bit < place + port.width:
            values = [trace.bits[sample, place : place + port.width].tobytes().decode() for trace in (a, b)]
            return f"{port.name} is {_short(values[0])} where it is {_short(values[1])}, sample {sample}"
        place += port.width
    raise AssertionError("unreachable")


def groups(traces: Sequence[tuple[int, Trace]]) -> list[Group]:
    """Answers, by their place, grouped by behaviour: the largest group first, then that of the earliest answer.

    Equal traces are put together first; groups that are alike but for power-up then join the largest that they fit.
    """
    exact: dict[str, list[int]] = {}
    shown: dict[str, Trace] = {}
    for place, trace in traces:
        exact.setdefault(trace.digest, []).append(place)
        shown.setdefault(trace.digest, trace)
    found: list[tuple[list[int], Trace]] = []
    for digest, members in sorted(exact.items(), key=lambda item: (-len(item[1]), item[1][0])):
        for others, trace in found:
            if alike(trace, shown[digest]):
                others += members
                break
        else:
            found.append((list(members), shown[digest]))
    made = [Group(tuple(sorted(members)), trace) for members, trace in found]
    return sorted(made, key=lambda group: (-len(group.members), group.members[0]))


def _known(bits: Bits) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (bits == _ZERO) | (bits == _ONE)
    return found


def _known_since(bits: Bits) -> NDArray[np.intp]:
    """By bit the first sample in which it is known; behind the last one if it never is."""
    known = _known(bits)
    since: NDArray[np.intp] = np.where(known.any(axis=0), known.argmax(axis=0), len(bits))
    return since


def _short(value: str) -> str:
    return value if len(value) <= 24 else f"{value[:12]}...{value[-8:]}"

"""Traces compared: what is a difference, what is not, and what is no trace at all."""

import numpy as np
import pytest

from rtlscribe.verilog.ports import Port
from rtlscribe.verilog.traces import Trace, alike, blind, difference, groups, only_unknown, read_trace

PORTS = [Port("p", "output", 2), Port("q", "output", 1)]


def trace(rows: str, *, powers_up: bool = False) -> Trace:
    """Samples with blanks between them, a character a bit."""
    bits = np.array([list(row.encode()) for row in rows.split()], dtype=np.uint8)
    return Trace(bits, powers_up)


# two traces, whether they are alike under a reset, and without one
PAIRS = {
    "equal": ("01 10", "01 10", True, True),
    "another value": ("01 10", "01 11", False, False),
    "both unknown": ("xx 10", "xx 10", True, True),
    "unknown and floating": ("xx 10 11 11", "zz 10 11 11", False, True),
    "unknown at power-up": ("x1 01 11 10", "01 01 11 10", False, True),
    "unknown again": ("01 x1 11 10", "01 01 11 10", False, False),
    "each bit from where it is known": ("xx 0x 01 01", "10 01 01 01", False, True),
    "other values behind that": ("xx 0x 01 01", "10 01 00 01", False, False),
    "known too late": ("x1 x1 x1 01", "01 01 01 01", False, False),
    "known by one alone": ("x1 x1 x1 x1", "01 01 01 01", False, False),
    "known by none": ("x1 x1 x1 x0", "x1 x1 x1 x0", True, True),
}


@pytest.mark.parametrize("case", PAIRS)
def test_alike(case: str) -> None:
    a, b, with_reset, without = PAIRS[case]
    for powers_up, expected in ((False, with_reset), (True, without)):
        first, second = trace(a, powers_up=powers_up), trace(b, powers_up=powers_up)
        assert alike(first, second) is alike(second, first) is expected
        assert len(groups([(0, first), (1, second)])) == 2 - expected


@pytest.mark.parametrize(
    ("a", "b", "unknown", "words"),
    [
        ("000 110", "000 110", True, ""),
        ("000 1x0", "000 110", True, "p is 1x where it is 11, sample 1"),
        ("000 1x0", "00z 010", False, "q is 0 where it is z, sample 0"),
        ("000 111", "000 110", False, "q is 1 where it is 0, sample 1"),
    ],
)
def test_differences(a: str, b: str, unknown: bool, words: str) -> None:
    assert only_unknown(trace(a), trace(b)) is unknown
    assert difference(trace(a), trace(b), PORTS) == words


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("000 001", ""),
        ("0x0 0x1", ""),
        ("xx0 xx1", "output p is never known"),
        ("00z 01z", "output q is never known"),
        ("010 010 010", "no output ever changes"),
        ("0x0 01x", "no output ever changes"),
    ],
)
def test_traces_that_tell_nothing(rows: str, why: str) -> None:
    assert blind(trace(rows), PORTS) == why


def test_groups_are_in_order() -> None:
    traces = [trace(rows) for rows in ("01", "11", "00", "11", "00", "10")]
    assert [group.members for group in groups(list(enumerate(traces)))] == [(1, 3), (2, 4), (0,), (5,)]
    assert groups([]) == []


GOOD = "key 01\nkey x1\nkey 1z\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[:-1],
        GOOD + "key 00\n",
        GOOD.replace("x", "X"),
        GOOD.replace("x", "2"),
        GOOD.replace("key x", "yek x"),
        GOOD.replace("key x1\n", "key 011"),
        GOOD.replace("x1", "é"),
        "key 01\nkey 11key\n1z ",
    ],
)
def test_what_is_no_trace(text: str) -> None:
    assert read_trace(text, secret="key", samples=3, width=2, unsettled=0, powers_up=False) is None


@pytest.mark.parametrize("unsettled", [0, 1, 3])
def test_a_trace_is_read(unsettled: int) -> None:
    found = read_trace(GOOD, secret="key", samples=3, width=2, unsettled=unsettled, powers_up=True)
    assert found is not None
    assert [bytes(row).decode() for row in found.bits] == ["01", "x1", "1z"][unsettled:]
    assert found.powers_up

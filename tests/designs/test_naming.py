"""Names of ports and modules: those of a style, and any at all, leave the circuit what it was."""

import itertools
import random
import re
from functools import partial

import pytest

from rtlscribe.checkers.iverilog import IverilogChecker
from rtlscribe.designs import FAMILIES
from rtlscribe.designs.generate import Worded, generate, worded
from rtlscribe.designs.naming import CLOCKS, LOW_RESETS, RESERVED, RESETS, any_names
from rtlscribe.records import Candidate
from rtlscribe.verilog.syntax import errors


def passes(row: Worded) -> bool:
    candidate = Candidate(problem_id=row.id, index=0, code=row.design.reference, assembly="reference")
    return IverilogChecker().check(candidate, row.problem(), timeout_s=60).status == "passed"


def ports(row: Worded) -> list[str]:
    return [port.name for port in row.design.ports]


def test_names_in_any_style_compile_and_pass(icarus: str) -> None:
    rows = itertools.islice(generate(split="train", seed=6, draw=partial(worded, wording="rich")), 120)
    styled = [row for row in rows if re.search(r"\b(?:[io]_\w+|\w+_[io]|CLK|TopModule)\b", row.design.header)]
    assert len(styled) > 10
    assert all(map(passes, styled[:6]))


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_any_names_are_told_and_change_nothing_else(name: str) -> None:
    other = 0
    for seed in range(12):
        usual = worded(FAMILIES[name], seed, level="normal")
        row = worded(FAMILIES[name], seed, level="normal", names="any")
        assert row.design.key == usual.design.key
        assert not errors(row.design.reference)
        assert len(set(ports(row))) == len(ports(row))
        assert all(port in row.header for port in ports(row))
        other += ports(row) != ports(usual)
    assert other or name == "logic_in_words"  # whose names are those of its sentences


def test_who_is_told_no_names_gets_the_usual_ones() -> None:
    for name in FAMILIES:
        assert worded(FAMILIES[name], 1, level="terse", names="any").design.ports == (
            worded(FAMILIES[name], 1, level="terse").design.ports
        )


def test_circuits_with_any_names_pass(icarus: str) -> None:
    renamed = [
        row
        for name in FAMILIES
        if ports(row := worded(FAMILIES[name], 3, wording="rich", names="any"))
        != ports(worded(FAMILIES[name], 3, wording="rich"))
    ]
    assert len(renamed) > 40
    assert all(map(passes, renamed[::4]))


def test_any_name_is_an_identifier() -> None:
    design = worded(FAMILIES["fifo"], 0).design
    drawn = {name for seed in range(3000) for name in any_names(design, random.Random(seed)).values()}
    assert len(drawn) > 5000
    assert not drawn & RESERVED
    wires = "".join(f"wire {name};\n" for name in {*drawn, *CLOCKS, *RESETS, *LOW_RESETS})
    assert not errors(f"module m;\n{wires}endmodule\n")

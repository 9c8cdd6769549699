"""reword: other words, the same circuit."""

import itertools

import pytest

from rtlscribe.checkers.behaviour import Behaviours
from rtlscribe.designs.generate import generate
from rtlscribe.records import Candidate, Problem
from rtlscribe.verilog.reword import reworded
from rtlscribe.verilog.syntax import errors

CODE = """module m(input [3:0] a, b, input s, output [3:0] y, output reg z);
    wire [3:0] t = a + b * 2, mid_x;
    assign mid_x = s == 1'b1 == t[0] ? a - b - t : b & (a | t);
    assign y = mid_x;
    always @(*) z = a <= b && !s;
endmodule
"""


def test_what_is_changed() -> None:
    found = {reworded(CODE, seed=str(n)) for n in range(200)}
    assert len(found) > 50
    text = "\n".join(found)
    for words in (
        "(b * 2) + a",
        "2 * b",
        "t[0] == (s == 1'b1)",
        "(a | t) & b",
        "b >= a",
        "(!s) && (a <= b)",
        "mid_x_r",
    ):
        assert words in text
    assert all("a - b - " in one and not errors(one) for one in found)  # what has an order keeps it
    assert all("module m(input [3:0] a, b, input s, output [3:0] y, output reg z);" in one for one in found)


def test_a_name_that_is_taken_is_left() -> None:
    code = "module m(input a, output y);\n wire t, t_r, t_s, t_w, t_int, t_val;\n assign t = a, y = t;\nendmodule\n"
    assert {reworded(code, seed=str(n)).count(" t,") for n in range(20)} == {1}


def test_the_behaviour_stays(icarus: str) -> None:
    """Of circuits of all kinds, unknown values included."""
    behaviours, changed = Behaviours(steps=200), 0
    for worded in itertools.islice(generate(split="train", seed=11, levels=("normal",)), 24):
        design = worded.design
        codes = list(dict.fromkeys([design.reference, *(reworded(design.reference, seed=str(n)) for n in range(3))]))
        changed += len(codes) - 1
        answers = [Candidate(problem_id="p", index=n, code=code, assembly="modules") for n, code in enumerate(codes)]
        found = behaviours.compare(Problem(id="p", text="", header=design.header), answers)
        assert {answer.status for answer in found.answers} == {"passed"}
        assert len({answer.behaviour for answer in found.answers}) == 1, codes
    assert changed > 20


@pytest.mark.parametrize("code", ["", "module m; endmodule", "module m(input a); assign", "not verilog at all `x"])
def test_anything_is_taken(code: str) -> None:
    assert reworded(code, seed="1") == code

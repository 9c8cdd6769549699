"""How many testbenches a checker keeps ready: those that were asked for last, in bounded memory."""

from rtlscribe.checkers.iverilog import BUILDS_BYTES, IverilogChecker
from rtlscribe.records import Problem

# A small testbench that is large once its macro is expanded.
LARGE = f"`define A {'x' * 12_000}\nmodule testbench; {'wire `A ; ' * 650} endmodule\n"


def test_large_ones_are_not_kept_for_ever(icarus: str) -> None:
    checker = IverilogChecker()
    problems = [Problem(id=str(n), text="", testbench=LARGE, top="m") for n in range(11)]
    first = checker.build(problems[0], timeout_s=30)
    assert checker.build(problems[0], timeout_s=30) is first
    assert (len(problems) - 2) * len(first.trusted) > BUILDS_BYTES
    last = [checker.build(problem, timeout_s=30) for problem in problems[1:]][-1]
    assert checker.build(problems[-1], timeout_s=30) is last
    assert checker.build(problems[0], timeout_s=30) is not first

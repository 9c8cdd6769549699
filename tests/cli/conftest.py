"""Data for commands: a few held-out problems, and files that the scripted model reads."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from rtlscribe import jsonl
from rtlscribe.designs import FAMILIES
from rtlscribe.designs.generate import Worded, worded
from rtlscribe.models.scripted import Line
from rtlscribe.records import Problem


@pytest.fixture(scope="session")
def designs() -> list[Worded]:
    """Four designs of four families, each with a header."""
    return [worded(FAMILIES[name], 3, level="normal") for name in sorted(FAMILIES)[::9][:4]]


@pytest.fixture
def problems(tmp_path: Path, designs: list[Worded]) -> Path:
    """Their problems, in a file."""
    jsonl.write(tmp_path / "problems.jsonl", [d.problem() for d in designs])
    return tmp_path / "problems.jsonl"


@pytest.fixture
def say(tmp_path: Path) -> Callable[..., str]:
    """Writes a script and returns the scripted model that reads it."""

    def write(lines: Iterable[tuple[str, str]], *, name: str = "said.jsonl") -> str:
        jsonl.write(tmp_path / name, [Line(problem_id=problem, text=text) for problem, text in lines])
        return f"scripted:{tmp_path / name}"

    return write


@pytest.fixture
def references(designs: list[Worded], say: Callable[..., str]) -> str:
    """A model that knows every answer."""
    return say([(d.id, d.design.reference) for d in designs], name="references.jsonl")


@pytest.fixture
def one_problem() -> Problem:
    """The smallest problem with a testbench."""
    return Problem(
        id="inverter",
        text="Invert a.",
        header="module inverter(input a, output y);",
        reference="module inverter(input a, output y);\n    assign y = ~a;\nendmodule\n",
        testbench="""module testbench;
    reg a = 0; wire y; inverter dut(a, y);
    initial begin #1 if (y === 1) $display("@NONCE@ passed 1 vectors"); $finish; end
endmodule
""",
        pass_pattern=r"^@NONCE@ passed \d+ vectors$",
        top="inverter",
    )

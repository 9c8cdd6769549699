"""write: code on stdout, verdict on stderr, and a status that tells."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = "module m(input a, output y);\n    assign y = ~a;\nendmodule"
BAD = "module m(input a, output y);\n    assign y = nowhere;\nendmodule"


def test_code_and_verdict(rtlscribe: Callable, icarus: str, say: Callable[..., str]) -> None:
    model = say([("*", f"Sure, a module for you:\n```verilog\n{GOOD}\n```")])
    ran = rtlscribe("write", "an inverter", "--model", model)
    assert ran == (0, f"{GOOD}\n", f"{model}: compiles with iverilog-{icarus}; its function was not checked\n")


def test_what_does_not_compile_is_shown_and_told(rtlscribe: Callable, icarus: str, say: Callable[..., str]) -> None:
    model = say([("*", BAD)])
    ran = rtlscribe("write", "an inverter", "--model", model)
    assert (ran.status, ran.out) == (1, f"{BAD}\n")
    assert ran.err.startswith(f"{model}: none of 1 answers compiles: syntax_error line 2: ")
    assert "nowhere" in ran.err


def test_no_code_shows_what_was_said(rtlscribe: Callable, say: Callable[..., str]) -> None:
    ran = rtlscribe("write", "an inverter", "--model", say([("*", "I cannot.")]), "--checker", "pyslang")
    assert (ran.status, ran.out) == (1, "I cannot.\n")
    assert "none of 1 answers compiles: no_code" in ran.err


@pytest.mark.parametrize(("n", "status", "out"), [(1, 1, BAD), (2, 1, BAD), (3, 0, GOOD), (9, 0, GOOD)])
def test_the_first_that_passes(rtlscribe: Callable, say: Callable[..., str], n: int, status: int, out: str) -> None:
    ran = rtlscribe(
        "write", "x", "--model", say([("*", BAD), ("*", BAD), ("*", GOOD)]), "--n", n, "--checker", "pyslang"
    )
    assert (ran.status, ran.out) == (status, f"{out}\n")


def test_header(rtlscribe: Callable, icarus: str, say: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "h.v").write_text("module m(input a, output y);\n")
    ran = rtlscribe("write", "x", "--model", say([("*", "    assign y = ~a;\nendmodule")]), "--header", "h.v")
    assert (ran.status, ran.out) == (0, f"{GOOD}\n")


def test_json(process: Callable, icarus: str, say: Callable[..., str]) -> None:
    model = say([("*", GOOD)])
    ran = process("write", "an inverter", "--model", model, "--json")
    written = json.loads(ran.out)
    assert ran.status == 0
    assert (written["code"], written["model"], written["verdict"]["status"]) == (f"{GOOD}\n", model, "passed")

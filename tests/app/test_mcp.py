"""mcp: the tools, as a client of the official SDK gets them from the command in a process of its own."""

import asyncio
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import needs

mcp = pytest.importorskip("mcp", reason="the SDK of MCP is not installed: pip install -e '.[mcp]'")

from tests.cli.test_doctor import ON_AN_OLD_SYSTEM, began  # noqa: E402

from rtlscribe.cli.demo import SENTENCE  # noqa: E402

HEAD = "module m(input a, output y);\n"
GOOD = f"{HEAD}    assign y = ~a;\nendmodule\n"
WRONG = f"{HEAD}    assign y = a;\nendmodule\n"
BAD = f"{HEAD}    assign y = nowhere;\nendmodule\n"
TESTBENCH = """module testbench;
    reg a = 0; wire y; m dut(.a(a), .y(y));
    initial begin #1 if (y !== 1) $display("mismatch"); else $display("passed"); $finish; end
endmodule
"""


def asked(
    folder: Path, calls: list[tuple[str, dict[str, Any]]], *options: str
) -> tuple[list[str], list[Any], list[str]]:
    """The tools, what each call gave, and what was told of all on the way."""
    steps: list[str] = []
    arguments = ["-c", "from rtlscribe.cli import main; main()", "mcp", *options]
    command = mcp.StdioServerParameters(command=sys.executable, args=arguments, cwd=folder, env=dict(os.environ))

    async def told(_: float, __: float | None, message: str | None) -> None:
        steps.append(message or "")

    async def ask() -> tuple[list[str], list[Any]]:
        async with mcp.Client(command) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            return tools, [await client.call_tool(name, given, progress_callback=told) for name, given in calls]

    return *asyncio.run(asyncio.wait_for(ask(), 120)), steps


def test_the_tools(tmp_path: Path, icarus: str, script: Callable[..., str]) -> None:
    (tmp_path / "secret").write_text("thesecretword\n")
    spy = GOOD.replace("assign", f'`include "{tmp_path}/secret"\nassign')
    calls = [
        ("check", {"code": GOOD}),
        ("check", {"code": BAD}),
        ("check", {"code": GOOD, "header": HEAD.replace("input a", "input b")}),
        ("check", {"code": spy}),
        ("simulate", {"code": GOOD, "testbench": TESTBENCH}),
        ("simulate", {"code": WRONG, "testbench": TESTBENCH}),
        ("write", {"description": "an inverter", "testbench": TESTBENCH, "header": HEAD}),
        ("simulate", {"code": GOOD, "testbench": '`include "/etc/passwd"\n'}),
        ("simulate", {"code": GOOD}),
    ]
    model = script([BAD, WRONG, GOOD], "mcp.jsonl")
    tools, results, _ = asked(tmp_path, calls, "--model", model, "--repair", "2")
    assert tools == ["check", "simulate", "equivalence", "write"]
    assert [result.is_error for result in results] == [False] * 7 + [True] * 2
    told = [result.structured_content for result in results[:7]]
    assert [judged["passed"] for judged in told] == [True, False, False, False, True, False, True]
    assert told[1]["remarks"][0]["line"] == 2
    assert "interface (failed)" in told[2]["told"]
    assert "thesecretword" not in str(results[3])
    assert "simulation (failed): mismatch" in told[5]["told"]
    assert (told[6]["code"], told[6]["answers"], told[6]["repairs"]) == (GOOD, 3, 2)
    assert "simulation" in told[6]["told"].partition("not checked")[0]
    assert "includes files" in results[7].content[0].text


def test_where_no_model_is_named_the_one_in_the_box_writes_and_that_is_said(tmp_path: Path, icarus: str) -> None:
    needs("xllamacpp")
    _, (written,), steps = asked(tmp_path, [("write", {"description": SENTENCE})], "--candidates", "3")
    found = written.structured_content
    assert (found["model"], found["answers"]) == ("box:small", 3)
    assert found["code"]
    assert steps[:3] == ["answer 1 drawn", "answer 2 drawn", "answer 3 drawn"]
    assert steps[3].startswith("3 answers drawn; ")
    assert steps[4:].count(found["told"]) >= 1


# Whoever writes, and whether the tool says that this is a very small model, and that it repairs.
ABOUT: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "none named": ({}, True, False),
    "the same by its name": ({"model": "box:small"}, True, False),
    "asked to repair": ({"model": "box:small", "repair": 1}, True, True),
    "another": ({"model": "scripted:said.jsonl"}, False, True),
    "another, not to repair": ({"model": "scripted:said.jsonl", "repair": 0}, False, False),
}


@pytest.mark.parametrize("case", ABOUT)
def test_what_an_assistant_is_told_of_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    from rtlscribe.app.mcp import Config
    from rtlscribe.app.tools import server

    needs("xllamacpp")
    monkeypatch.chdir(tmp_path)
    Path("said.jsonl").touch()
    options, small, repairs = ABOUT[case]
    tools = asyncio.run(server(Config(**options)).list_tools())
    about = tools[-1].description or ""
    assert ("a very small one that comes with rtlscribe" in about, "faults repaired" in about) == (small, repairs)
    assert "box:small writes" not in capsys.readouterr().err  # that is told once it is open


def test_equivalence(tmp_path: Path, icarus: str, script: Callable[..., str]) -> None:
    pytest.importorskip("pyosys")
    gold = GOOD.replace("~a", "!a").replace("module m", "module gold")
    calls = [("equivalence", {"code": code, "reference": gold}) for code in (GOOD, WRONG)]
    _, results, _ = asked(tmp_path, calls, "--model", script([], "none.jsonl"))
    right, wrong = (result.structured_content for result in results)
    assert (right["passed"], wrong["passed"]) == (True, False)
    assert "equivalence (failed): y is " in wrong["told"]


def test_no_such_model(rtlscribe: Callable, icarus: str) -> None:
    ran = rtlscribe("mcp", "--model", "scripted:none.jsonl")
    assert (ran.status, ran.out) == (2, "")
    assert "none.jsonl" in ran.err


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of the calls are those of x86_64")
def test_no_sandbox_is_said(icarus: str, tmp_path: Path) -> None:
    process = began(ON_AN_OLD_SYSTEM, "mcp", cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert err.startswith("UNSANDBOXED: answers run with your own rights on this machine; see ")

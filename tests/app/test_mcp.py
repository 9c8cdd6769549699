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


def asked(folder: Path, calls: list[tuple[str, dict[str, Any]]], *options: str) -> tuple[dict[str, str], list[Any]]:
    """The tools with their descriptions, and what each call gave."""
    arguments = ["-c", "from rtlscribe.cli import main; main()", "mcp", *options]
    command = mcp.StdioServerParameters(command=sys.executable, args=arguments, cwd=folder, env=dict(os.environ))

    async def ask() -> tuple[dict[str, str], list[Any]]:
        async with mcp.Client(command) as client:
            tools = {tool.name: tool.description for tool in (await client.list_tools()).tools}
            return tools, [await client.call_tool(name, given) for name, given in calls]

    return asyncio.run(asyncio.wait_for(ask(), 120))


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
    tools, results = asked(tmp_path, calls, "--model", model, "--repair", "2")
    assert list(tools) == ["check", "simulate", "equivalence", "write"]
    assert "very small" not in tools["write"]
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
    tools, (written,) = asked(tmp_path, [("write", {"description": SENTENCE})], "--candidates", "1")
    assert "a very small one that comes with rtlscribe" in tools["write"]
    assert written.structured_content["model"] == "box:small"
    assert written.structured_content["code"]


def test_equivalence(tmp_path: Path, icarus: str, script: Callable[..., str]) -> None:
    pytest.importorskip("pyosys")
    gold = GOOD.replace("~a", "!a").replace("module m", "module gold")
    calls = [("equivalence", {"code": code, "reference": gold}) for code in (GOOD, WRONG)]
    _, results = asked(tmp_path, calls, "--model", script([], "none.jsonl"))
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

"""Check, simulate, equivalence and write as tools of the Model Context Protocol. What they are given may be hostile."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from typing import Any

import msgspec
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from rtlscribe import __version__, progress
from rtlscribe.app.assistant import Assistant
from rtlscribe.app.desk import BusyError, Desk, Item
from rtlscribe.errors import MissingToolError, RtlscribeError
from rtlscribe.records import Candidate, Problem
from rtlscribe.writing.judging import Judgement, Judges, user_problem
from rtlscribe.writing.loop import Draft, Writer, better

WRITE = """Write a Verilog module for a description, check it and have its faults repaired.

A header, a testbench and a reference are what it has to fit, if they are given. Tells the code, what passed,
and what was not checked."""
# To a language model that chooses among tools, where no model was named.
ADVICE = (
    "The model behind this tool is a very small one that comes with rtlscribe. It knows simple textbook circuits, and "
    "is often wrong: whoever can write Verilog should write it, and have it checked by the other tools."
)


def server(options: Assistant) -> MCPServer[Any]:
    """A server of the tools; `write` is among them unless no model is named, and that in the box cannot run here.

    Raises:
        UsageError: there is no such model.
    """
    made: MCPServer[Any] = MCPServer("rtlscribe", version=__version__, log_level="WARNING")
    judges = Judges()
    _add_checks(made, judges, options)
    try:
        _add_write(made, options, options.writer(judges))
    except MissingToolError as error:
        if options.model:
            raise
        progress.note(f"there is no tool write: {error}")
    return made


def _add_checks(made: MCPServer[Any], judges: Judges, options: Assistant) -> None:
    desk = options.desk(os.cpu_count() or 1)

    async def judged(code: str, problem: Problem) -> dict[str, Any]:
        def judge() -> Generator[Judgement, None, None]:
            judges.refuse(problem)
            candidate = Candidate(problem_id=problem.id, index=0, code=code, assembly="modules")
            yield judges.judge(candidate, problem, timeout_s=options.check_timeout_s)

        return _told([item async for item in _through(desk, judge)][-1])

    @made.tool()
    async def check(code: str, header: str = "") -> dict[str, Any]:
        """Check Verilog: syntax, elaboration, lint, and whether it has the ports of a module header, if one is given.

        Tells what passed, what did not and where, and what was not checked.
        """
        return await judged(code, _asked("", header=header))

    @made.tool()
    async def simulate(code: str, testbench: str) -> dict[str, Any]:
        """Simulate Verilog with a testbench that instantiates the module, after it was checked.

        It passes if the testbench prints a line with "pass" or "0 errors" and none that tells of a failure.
        """
        return await judged(code, _asked("", testbench=testbench))

    @made.tool()
    async def equivalence(code: str, reference: str) -> dict[str, Any]:
        """Prove Verilog equivalent to a reference, or find inputs that make them differ, after it was checked."""
        return await judged(code, _asked("", reference=reference))


def _add_write(made: MCPServer[Any], options: Assistant, writer: Writer) -> None:
    desk, sampling = options.desk(options.concurrency), options.sampling()

    @made.tool(description=WRITE if options.model else f"{WRITE}\n\n{ADVICE}")
    async def write(
        description: str, context: Context, header: str = "", testbench: str = "", reference: str = ""
    ) -> dict[str, Any]:
        problem = _asked(description, header=header, testbench=testbench, reference=reference)

        def drafts() -> Generator[Any, None, None]:
            writer.judges.refuse(problem)
            yield from writer.write(problem, sampling=sampling)

        best: Draft | None = None
        answers = 0
        async for item in _through(desk, drafts):
            if isinstance(item, Draft):
                best, answers = better(best, item), answers + 1
                await context.report_progress(answers, message=item.judgement.told)
        if best is None:
            raise ToolError("the model gave no answer")
        written: dict[str, Any] = {
            "code": best.code,
            "model": writer.model.name,
            "answers": answers,
            "repairs": best.round,
        }
        return written | _told(best.judgement)


def _asked(text: str, **given: Any) -> Problem:
    try:
        return user_problem(text, **given)
    except RtlscribeError as error:
        raise ToolError(str(error)) from error


async def _through(desk: Desk, make: Callable[[], Generator[Item, None, None]]) -> AsyncGenerator[Item, None]:
    """What a thread makes, as it comes; what is wrong in words that whoever asked can use."""
    try:
        work = await desk.begin(make)
        async with aclosing(work.items()) as items:
            async for item in items:
                yield item
    except (BusyError, RtlscribeError) as error:
        raise ToolError(str(error)) from error


def _told(judgement: Judgement) -> dict[str, Any]:
    """A judgement, with the line for people first."""
    content: dict[str, Any] = msgspec.to_builtins(judgement)
    return {"told": judgement.told} | content

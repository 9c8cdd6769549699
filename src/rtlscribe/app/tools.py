"""Check, simulate, equivalence and write as tools of the Model Context Protocol. What they are given may be hostile."""

from __future__ import annotations

import functools
import os
import threading
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
from rtlscribe.models import box
from rtlscribe.models.streaming import Piece
from rtlscribe.prompts import Template
from rtlscribe.records import Candidate, Completion, Problem
from rtlscribe.writing import defaults
from rtlscribe.writing.judging import Judgement, Judges, user_problem
from rtlscribe.writing.loop import Draft, Note, Writer, better

WRITE = "Write a Verilog module for a description, and check it."
WRITE_AND_REPAIR = "Write a Verilog module for a description, check it and have its faults repaired."
GIVEN = """A header, a testbench and a reference are what it has to fit, if they are given. Tells the code, what passed,
and what was not checked."""
# To a language model that chooses among tools, where the model in the box writes.
ADVICE = (
    "The model behind this tool is a very small one that comes with rtlscribe. It knows simple textbook circuits, and "
    "is often wrong: whoever can write Verilog should write it, and have it checked by the other tools."
)


def server(options: Assistant) -> MCPServer[Any]:
    """A server of the tools; `write` is among them unless no model is named, and that in the box cannot run here.

    A model is opened at once, but that in the box by the first who writes: others need no engine in memory.

    Raises:
        UsageError: there is no such model or prompt template.
        MissingToolError: what a model that was named needs is missing.
    """
    made: MCPServer[Any] = MCPServer("rtlscribe", version=__version__, log_level="WARNING")
    judges = Judges()
    _add_checks(made, judges, options)
    writer = functools.cache(lambda: options.writer(judges))
    try:
        if defaults.in_the_box(options.model):
            box.backend_of()
            Template(options.prompt)
        else:
            writer()
    except MissingToolError as error:
        if options.model:
            raise
        progress.note(f"there is no tool write: {error}")
    else:
        _add_write(made, options, judges, writer)
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


def _add_write(made: MCPServer[Any], options: Assistant, judges: Judges, writer: Callable[[], Writer]) -> None:
    desk, sampling = options.desk(options.concurrency), options.sampling()
    opening = threading.Lock()
    about = [WRITE_AND_REPAIR if options.repairs else WRITE, GIVEN]
    about += [ADVICE] if defaults.in_the_box(options.model) else []

    @made.tool(description="\n\n".join(about))
    async def write(
        description: str, context: Context, header: str = "", testbench: str = "", reference: str = ""
    ) -> dict[str, Any]:
        problem = _asked(description, header=header, testbench=testbench, reference=reference)

        def steps() -> Generator[Piece | Completion | Draft | Note, None, None]:
            judges.refuse(problem)
            with opening:
                own = writer()
            yield from own.write(problem, sampling=sampling)

        best: Draft | None = None
        done = answers = 0
        async for item in _through(desk, steps):
            if isinstance(item, Piece):
                continue
            if isinstance(item, Completion):
                answers += 1
                told = f"answer {answers} drawn"
            elif isinstance(item, Draft):
                best, told = better(best, item), item.judgement.told
            else:
                told = item.text
            done += 1
            await context.report_progress(done, message=told)
        if best is None:
            raise ToolError("the model gave no answer")
        written = {"code": best.code, "model": best.completion.model, "answers": answers, "repairs": best.round}
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

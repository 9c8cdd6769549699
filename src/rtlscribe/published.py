"""How the authors of the benchmarks judge: their command lines, how they put files together and read the log.

Pure: text in, text and statuses out. Does not run anything; a checker does, with `--rule official`.

    verilog-eval-1   NVlabs/verilog-eval, branch release/1.0.0: verilog_eval/execution.py
    verilog-eval-2   NVlabs/verilog-eval, branch main: scripts/sv-generate, Makefile.in, scripts/sv-iv-analyze
    rtllm            hkust-zhiyao/RTLLM, branches v1.1 and main: auto_run.py and the makefiles
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from rtlscribe.records import Status, Verdict


class Log(NamedTuple):
    """What the two programs said. `timed_out`: they were killed; `compiled`: the compiler's status was 0."""

    compiled: bool
    compile_text: str  # of both streams; Icarus writes its messages to the second alone
    run_out: str = ""
    run_err: str = ""
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """One published way of judging.

    `assemble(completion, header, top)` gives the answer's code; `files(testbench, code)` what is compiled, in order,
    name and content; `judge(log, code)` the verdict and its published wording. `flags` are iverilog's, `run_flags`
    vvp's. `timeout_s` bounds the simulation, and with `timeout_covers_compiler` both programs together.
    """

    assemble: Callable[[str, str, str], str]
    files: Callable[[str, str], list[tuple[str, str]]]
    judge: Callable[[Log, str], tuple[Status, str]]
    flags: tuple[str, ...]
    run_flags: tuple[str, ...] = ()
    timeout_s: float = 30.0
    timeout_covers_compiler: bool = False


# VerilogEval v1 ---------------------------------------------------------------------------------------------------

_COUNT = re.compile(r"Mismatches: ([0-9]*) in ([0-9]*) samples")
_RESULT = re.compile(r"passed|timed out|failed: .*")


def _header_and_completion(completion: str, header: str, top: str) -> str:
    return f"{header}\n{completion}"


def _one_file(testbench: str, code: str) -> list[tuple[str, str]]:
    return [("answer.sv", f"{testbench}\n{code}")]


def _judge_v1(log: Log, code: str) -> tuple[Status, str]:
    """Any word on the error stream, a warning too, is a compile error; else the first count in the output decides."""
    errors = log.compile_text + log.run_err
    if log.timed_out:
        return "timeout", "timed out"
    if "syntax error" in errors:
        return "syntax_error", "failed: syntax error."
    if errors:
        return "syntax_error", "failed: compile error."
    found = _COUNT.search(log.run_out)
    if not found:
        return "failed", "failed: info string not matched."
    try:
        wrong, samples = (int(number) for number in found.groups())
    except ValueError as error:  # the pattern takes a count of no digits, and the script reports its own exception
        return "failed", f"failed: {error}"
    return ("passed", "passed") if wrong == 0 else ("failed", f"failed: {wrong} out of {samples} samples.")


def result_text(verdict: Verdict) -> str:
    """A verdict in the words of VerilogEval v1's result files: the official one as it is, a strict one in the nearest.

    An answer that the strict rule rejects, or that has no code, would not have compiled: "failed: compile error.".
    """
    if _RESULT.fullmatch(verdict.detail):
        return verdict.detail
    match verdict.status:
        case "passed":
            return "passed"
        case "timeout":
            return "timed out"
        case "failed":
            counts = re.search(r"(\d+) (?:in|out of) (\d+) samples", verdict.detail)
            if counts:
                return f"failed: {int(counts[1])} out of {int(counts[2])} samples."
            return "failed: info string not matched."
        case _:
            return f"failed: {'syntax' if 'syntax error' in verdict.detail else 'compile'} error."


# VerilogEval v2 ---------------------------------------------------------------------------------------------------

LETTERS = {
    ".": "passes",
    "S": "syntax error",
    "e": "needs an explicit cast",
    "0": "constant of no bits",
    "n": "process that nothing triggers",
    "w": "assignment to a wire",
    "m": "unknown module",
    "c": "no clk to bind",
    "T": "time is up",
    "p": "name that cannot be bound",
    "C": "another compile error",
    "r": "wrong output, asynchronous reset",
    "R": "wrong output",
}
_DECIDING = (  # in a line the first of these wins; the first line that has one ends the search
    ("syntax error", "S"),
    ("error: This assignment requires an explicit cast", "e"),
    ("error: Sized numeric constant must have a size greater than zero", "0"),
    ("warning: always_comb process has no sensitivities", "n"),
    ("found no sensitivities so it will never trigger", "n"),
    ("is declared here as wire", "w"),
    ("Unknown module type", "m"),
    ("Unable to bind wire/reg/memory `clk'", "c"),
    ("TIMEOUT", "T"),
)
_LETTER_STATUS: dict[str, Status] = {".": "passed", "T": "timeout", "r": "failed", "R": "failed"}


def failure_letter(log_text: str, code: str) -> str:
    """The letter that VerilogEval v2's analysis gives a sample: "." passes, the others are in `LETTERS`.

    `log_text` is all that compiler and simulation said, `code` the answer. The order of the rules is that of
    sv-iv-analyze: a line with a deciding message, else a name that cannot be bound, else any error, else the counts.
    """
    unbound = error = matched = False
    for line in io.StringIO(log_text, newline=None):  # lines as a file has them: a form feed ends none
        for words, letter in _DECIDING:
            if words in line:
                return letter
        error = error or "error" in line
        unbound = unbound or "Unable to bind wire/reg" in line
        matched = matched or bool(re.match(r"Mismatches: 0+ in \d+ samples$", line))
    if unbound:
        return "p"
    if error:
        return "C"
    if matched:
        return "."
    return "r" if any(edge in code for edge in ("posedge reset", "negedge reset", "posedge r)")) else "R"


def letter_of(verdict: Verdict) -> str:
    """The letter of a verdict: the official one as it is, for a strict one the nearest."""
    letter, colon, words = verdict.detail.partition(": ")
    if colon and LETTERS.get(letter) == words:
        return letter
    if verdict.status == "syntax_error":
        return "S" if "syntax error" in verdict.detail else "C"
    return {"passed": ".", "timeout": "T", "failed": "R"}.get(verdict.status, "C")


def _answer_first(testbench: str, code: str) -> list[tuple[str, str]]:
    return [("answer.sv", code), ("test.sv", testbench)]


def _judge_v2(log: Log, code: str) -> tuple[Status, str]:
    said = log.compile_text + log.run_out + log.run_err + ("TIMEOUT\n" if log.timed_out else "")
    letter = failure_letter(said, code)
    return _LETTER_STATUS.get(letter, "syntax_error"), f"{letter}: {LETTERS[letter]}"


def _extract_v2(completion: str, header: str, top: str) -> str:
    """What sv-generate writes to the sample's file, without its comments on the answer's form.

    A problem with a header is of code-complete, one without of spec-to-rtl. There the code stands between [BEGIN] and
    [DONE]; where only the first is there, the file is empty, as in the original.
    """
    lines = completion.splitlines()
    if header:
        start = "" if _declares_top(lines, top) else f"{header}\n\n"
        kept = _echoed(lines, top)
    else:
        start = ""
        marked = _marked(lines)
        kept = _echoed(lines, top) if marked is None else marked
    return "\n" + start + "".join(f"{line}\n" for line in kept) + "\n"


def _marked(lines: list[str]) -> list[str] | None:
    """The lines between [BEGIN] and [DONE]; none without the second; None without the first."""
    found: list[str] = []
    begun = False
    for line in lines:
        if not begun:
            begun = line.lstrip().startswith("[BEGIN]")
            if begun and line.strip() != "[BEGIN]":  # [DONE] in this same line is not looked for
                found.append(line.lstrip().replace("[BEGIN]", ""))
        elif line.strip() == "[DONE]":
            return found
        elif line.rstrip().endswith("[DONE]"):
            return [*found, line.rstrip().replace("[DONE]", "")]
        else:
            found.append(line)
    return [] if begun else None


def _declares_top(lines: list[str], top: str) -> bool:
    """Whether a line begins the module, and none before it ends one."""
    for line in lines:
        if line.startswith("endmodule"):
            return False
        if line.startswith(f"module {top}"):
            return True
    return False


def _echoed(lines: list[str], top: str) -> list[str]:
    """The lines of the first fence; with less than two fence marks, up to the first endmodule.

    In the second case, where the module is declared, from its declaration on.
    """
    fenced = sum(line.startswith("```") for line in lines) >= 2
    declared = _declares_top(lines, top)
    kept: list[str] = []
    marks = 0
    began = ended = False
    for line in lines:
        began = began or line.strip().startswith(f"module {top}")
        inside = marks == 1 if fenced else not ended and (began or not declared)
        if line.startswith("```"):
            marks += 1
            continue
        ended = ended or line.strip().startswith("endmodule")
        if inside:
            kept.append(line)
    return kept


# RTLLM ------------------------------------------------------------------------------------------------------------

_RENAMED = re.compile(r"^// published: instantiates (\S+) for (\S+)$", re.MULTILINE)


def note_of_renaming(published: str, top: str) -> str:
    """The last line of a testbench whose instance was renamed from `published` to `top`, the name asked for."""
    return f"// published: instantiates {published} for {top}"


def _design_and_testbench(testbench: str, code: str) -> list[tuple[str, str]]:
    """The answer before the testbench, in the units of time that the makefiles ask of vcs."""
    renamed = _RENAMED.search(testbench)
    if renamed:
        testbench = re.sub(rf"\b{re.escape(renamed[2])}\b", lambda _: renamed[1], testbench)
    return [("timescale.v", "`timescale 1ns/1ns\n"), ("answer.v", code), ("testbench.v", testbench)]


def _judge_rtllm(log: Log, code: str) -> tuple[Status, str]:
    """A program that could be built is a syntax success; with the word in its output within the time, a function one.

    The script calls vcs; here it is iverilog, so what only one of them compiles differs.
    """
    if not log.compiled:
        return ("timeout", "no simulation in time") if log.timed_out else ("syntax_error", "no simulation was built")
    if log.timed_out:
        return "timeout", "the simulation did not end in time"
    said = log.run_out + log.run_err
    return ("passed", "passed") if "Pass" in said or "pass" in said else ("failed", "no Pass in the output")


def _as_it_is(completion: str, header: str, top: str) -> str:
    return completion


_VERILOG_EVAL_FLAGS = ("-Wall", "-Winfloop", "-Wno-timescale", "-g2012", "-s", "tb")

PROCEDURES: dict[str, Procedure] = {
    "verilog-eval-1": Procedure(
        assemble=_header_and_completion,
        files=_one_file,
        judge=_judge_v1,
        flags=_VERILOG_EVAL_FLAGS,
        run_flags=("-n",),
        timeout_covers_compiler=True,
    ),
    "verilog-eval-2": Procedure(
        assemble=_extract_v2,
        files=_answer_first,
        judge=_judge_v2,
        flags=_VERILOG_EVAL_FLAGS,
    ),
    # iverilog for vcs; -n since $stop would wait for a person.
    "rtllm": Procedure(
        assemble=_as_it_is,
        files=_design_and_testbench,
        judge=_judge_rtllm,
        flags=("-g2012",),
        run_flags=("-n",),
        timeout_s=8.0,
    ),
}

"""What is known of a piece of Verilog and what is not, aspect by aspect. Writes none.

The aspects are asked in their order, and no further than the first that a candidate does not pass. All of it happens in
sandboxes: nothing that a model wrote is read by a process that can open files.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

import rtlscribe
from rtlscribe import progress
from rtlscribe.checkers.base import Checker, Judged, open_checker
from rtlscribe.checkers.boxed import in_box
from rtlscribe.checkers.sandbox import Box, Pool
from rtlscribe.errors import MissingToolError, RtlscribeError, UsageError
from rtlscribe.records import Candidate, Problem, Record, Status, Verdict
from rtlscribe.verilog.extract import blank, module_names
from rtlscribe.verilog.ports import Port
from rtlscribe.writing import reading
from rtlscribe.writing.reading import Reading

if TYPE_CHECKING:
    from rtlscribe.checkers.agreement import Agreement
    from rtlscribe.checkers.behaviour import Behaviours

# What testbenches commonly say. A count of none, "0 errors" or "Mismatches: 0 in 20 samples", is good news.
_COUNTED = "(?:errors|mismatches|failures|failed)"
_TESTS = "(?:tests?|cases?|checks?|vectors?)"
_NONE = rf"\b(?:0|no) {_COUNTED}\b|\b{_COUNTED}\s*[:=]\s*0\b"
PASS_PATTERN = rf"(?i)(?<![a-z])pass(?:ed)?(?![a-z])|{_NONE}"
FAIL_PATTERNS = (
    r"(?i)(?<![a-z])(?:fails?|failure|error|mismatch)(?![a-z])",
    rf"(?i)(?<![a-z])(?<!\b0 )(?<!\bno ){_COUNTED}(?![a-z])(?!\s*[:=]\s*0\b)",
    r"(?i)(?:not|n't|never)\s+(?:[a-z]+\s+){0,2}pass",
    rf"(?i)\b(?:0|no)\s+{_TESTS}\s+pass|^\s*(?:0|none)\s+passed\b",
)

Aspect = Literal["syntax", "interface", "elaboration", "lint", "simulation", "equivalence"]
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)
Accept = Literal["proved", "k-step", "simulated"]
_CHECKERS: dict[Aspect, str] = {"elaboration": "iverilog", "lint": "verilator", "simulation": "iverilog"}
_ASPECT_OF: dict[str, Aspect] = {"pyslang": "syntax", "verilator": "lint", "yosys": "equivalence"}
READER = "pyslang"  # judges what the text alone tells: syntax and interface
READ_SECONDS = 10.0
HEADERS = 256  # kept with their ports
_WARNING = re.compile(r"^line (\d+): (.*)$", re.MULTILINE)


class Remark(Record, kw_only=True):
    """A message about a line, which counts from 1."""

    line: int
    severity: str
    text: str


class Check(Record, kw_only=True):
    """One aspect, and what its judge says of it."""

    aspect: Aspect
    verdict: Verdict


class Judgement(Record, kw_only=True):
    """What is known of one candidate. `passed`: in every check. `not_checked` has the other aspects with the reason.

    `top` and `ports` are those of the module that was judged, as far as it can be read.
    """

    passed: bool
    checks: tuple[Check, ...]
    not_checked: dict[str, str]
    remarks: tuple[Remark, ...] = ()
    top: str = ""
    ports: tuple[Port, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """That of the last check, which is the only one that it may not have passed."""
        return self.checks[-1].verdict

    @property
    def status(self) -> Status:
        return self.verdict.status

    @property
    def merit(self) -> tuple[int, int]:
        """Of two candidates for one problem the better has the greater."""
        return sum(check.verdict.status == "passed" for check in self.checks), -len(self.remarks)

    @property
    def told(self) -> str:
        """In one line: what passed, what did not, what was not checked."""
        names = [check.aspect for check in self.checks if check.verdict.status == "passed"]
        parts = [f"passed: {', '.join(names)}"] if names else []
        if not self.passed:
            first = self.verdict.detail.splitlines()[:1]
            parts.append(": ".join([f"not passed: {self.checks[-1].aspect} ({self.status})", *first]))
        reasons: dict[str, list[str]] = {}
        for aspect, reason in self.not_checked.items():
            reasons.setdefault(reason, []).append(aspect)
        left = "; ".join(f"{', '.join(aspects)} ({reason})" for reason, aspects in reasons.items())
        return "; ".join([*parts, *([f"not checked: {left}"] if left else [])])


class Judges:
    """Who is asked. Safe to call from several threads.

    `only` is the one checker to ask, by its name; "" for all there are. `accept` is the least that equivalence has to
    rest on. Whether what models write is confined here is told on stderr, if it is not.

    Raises:
        UsageError: no checker is called so. MissingToolError: its tool is not installed.
    """

    def __init__(self, *, only: str = "", accept: Accept = "k-step") -> None:
        self._only = only
        self._accept = accept
        self._reader = Reader()
        self._reader.warn()
        self._open: dict[str, Checker] = {}
        self._behaviours: Behaviours | None = None
        self._lock = threading.Lock()
        if only and only != READER:
            self._checker(only)

    def judge(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Judgement:
        """All that can be found out about a candidate; `timeout_s` bounds each check.

        Raises:
            RtlscribeError: a judge is broken. UsageError: the testbench or the reference cannot be used.
            MissingToolError: there is no judge for what the problem asks to be checked.
        """
        from rtlscribe.checkers.behaviour import top_of  # brings numpy, which no --help needs

        top = problem.top or "".join(module_names(problem.header)[-1:]) or top_of(candidate.code)
        checks: list[Check] = []
        not_checked: dict[str, str] = {}
        found = Reading((), (), False)
        for aspect in ASPECTS:
            if reason := self._idle(aspect, problem):
                not_checked[aspect] = reason
            elif checks and checks[-1].verdict.status != "passed":
                not_checked[aspect] = f"{checks[-1].aspect} did not pass"
            elif aspect == "syntax":
                begun = time.monotonic()
                judged, found = self._reader.read(candidate.code, top=top)
                verdict = judged.verdict(candidate, problem, checker=READER, begun=begun)
                checks.append(Check(aspect=aspect, verdict=verdict))
            elif aspect == "interface":
                judged = _fits(found.ports, self._reader.interface(problem.header))
                verdict = judged.verdict(candidate, problem, checker=READER, begun=time.monotonic())
                checks.append(Check(aspect=aspect, verdict=verdict))
            else:
                try:
                    checker = self._checker(self._name(aspect))
                except MissingToolError as error:
                    if aspect != "lint" or self._only:
                        raise
                    not_checked[aspect] = str(error)
                    continue
                asked = msgspec.structs.replace(problem, top=top)
                if aspect == "elaboration":  # the simulator's word on the candidate alone
                    asked = msgspec.structs.replace(asked, testbench="")
                checks.append(Check(aspect=aspect, verdict=checker.check(candidate, asked, timeout_s=timeout_s)))
        return Judgement(
            passed=checks[-1].verdict.status == "passed",
            checks=tuple(checks),
            not_checked=not_checked,
            remarks=_remarks(found, checks),
            top=top,
            ports=found.ports,
        )

    def refuse(self, problem: Problem) -> None:
        """Refuse what nothing can be judged by, before anything is written.

        Raises:
            UsageError: header, testbench or reference cannot be read, or include files; the one judge compares with a
            reference, and there is none.
            MissingToolError: there is no simulator, or no prover for its reference.
        """
        refuse_alone(self._only, problem)
        for what, text in (("testbench", problem.testbench), ("reference", problem.reference)):
            if text:
                self._reader.fit(text, what)
        if problem.header:
            self._reader.interface(problem.header)
        for aspect in ("elaboration", "simulation", "equivalence"):
            if not self._idle(aspect, problem):
                self._checker(self._name(aspect))

    def compares(self, problem: Problem) -> bool:
        """Whether answers are compared: where all are asked, and neither testbench nor reference tells them apart."""
        return not (self._only or problem.testbench or problem.reference)

    def compare(self, problem: Problem, answers: Sequence[Candidate], *, timeout_s: float) -> Agreement:
        """Which answers do the same on random inputs; each is compiled and run in at most `timeout_s`.

        Raises:
            RtlscribeError: the simulator is broken. MissingToolError: there is none.
        """
        from rtlscribe.checkers.behaviour import TIMEOUT_S, Behaviours

        with self._lock:
            behaviours = self._behaviours = self._behaviours or Behaviours()
        return behaviours.compare(problem, answers, timeout_s=min(TIMEOUT_S, timeout_s))

    def _idle(self, aspect: Aspect, problem: Problem) -> str:
        """Why an aspect is not looked at whatever the candidate is; "" if it is."""
        if self._only:
            name = self._only.partition("-")[0]
            own = _ASPECT_OF.get(name) or ("simulation" if problem.testbench else "elaboration")
            return "" if own == aspect else f"only {self._only} was asked"
        given = {
            "interface": ("header", problem.header),
            "simulation": ("testbench", problem.testbench),
            "equivalence": ("reference", problem.reference),
        }
        what, text = given.get(aspect, ("", aspect))
        return "" if text else f"there is no {what}"

    def _name(self, aspect: Aspect) -> str:
        return self._only or _CHECKERS.get(aspect, "yosys")

    def _checker(self, name: str) -> Checker:
        with self._lock:
            if name not in self._open:
                self._open[name] = self._prover() if name == "yosys" else open_checker(name)
            return self._open[name]

    def _prover(self) -> Checker:
        from rtlscribe.checkers.yosys import YosysChecker

        return YosysChecker(accept=self._accept)


class Reader:
    """Reads Verilog with pyslang, in a sandbox."""

    def __init__(self) -> None:
        package = Path(rtlscribe.__file__).parents[1]
        places = {Path(sys.prefix), Path(sys.base_prefix) / "lib", package}
        self._pool = Pool([*sorted(places), Path(sys.executable), Path(sys.executable).resolve()])
        self._headers: dict[str, tuple[Port, ...]] = {}

    def warn(self) -> None:
        """Tell on stderr if what models write is not confined here."""
        if warning := self._pool.warning():
            progress.note(warning)

    def read(self, code: str, *, top: str) -> tuple[Judged, Reading]:
        """What stands in a candidate, and whether it is well-formed Verilog that may be run."""
        found: list[Reading] = []

        def judge(box: Box, text: str) -> Judged:
            reason = box.screen(text, top=top)
            failure = _read(box, text, top, found)
            wrong = [d for d in found[0].diagnostics if d.severity == "error"] if found else []
            if wrong:  # a mistake is no attack
                return Judged("syntax_error", f"line {wrong[0].line}: {wrong[0].text}")
            return Judged("rejected", reason) if reason else failure or Judged("passed")

        judged = in_box(self._pool, code, judge)
        return judged, found[0] if found else Reading((), (), False)

    def interface(self, header: str) -> tuple[Port, ...]:
        """The ports that a header asks for. Raises UsageError if it is none."""
        known = self._headers.get(header)  # what other threads may take out
        if known is None:
            code = header if "endmodule" in blank(header) else f"{header}\nendmodule\n"
            read = self.fit(code, "header", top="".join(module_names(code)[-1:]))
            if wrong := [d for d in read.diagnostics if d.severity == "error"]:
                raise UsageError(f"the header is no header of a module: line {wrong[0].line}: {wrong[0].text}")
            if len(self._headers) >= HEADERS:
                self._headers.clear()
            known = self._headers[header] = read.ports
        return known

    def fit(self, text: str, what: str, *, top: str = "") -> Reading:
        """A text of the user's that answers are judged by.

        Raises:
            UsageError: it cannot be read, or includes files.
        """
        found: list[Reading] = []
        failed = in_box(self._pool, text, lambda box, code: _read(box, code, top, found) or Judged("passed"))
        if not found:
            raise UsageError(f"the {what} cannot be read: {failed.detail or failed.status}")
        if found[0].includes:
            raise UsageError(f"the {what} includes files (`include), which are not there: put their text in its place")
        return found[0]


def _read(box: Box, code: str, top: str, found: list[Reading]) -> Judged | None:
    """Put a reading into `found`, or tell why there is none."""
    command = [sys.executable, "-I", "-m", reading.__name__, top]
    deadline = time.monotonic() + READ_SECONDS
    done = box.run(command, files={reading.ANSWER: code}, deadline=deadline)
    text = box.read(reading.READING, most=reading.MOST_BYTES) if done.status == 0 else None
    if text:
        found[:] = [reading.load(text)]
        return None
    if done.status is None:
        return Judged("timeout", "while reading it")
    if done.status <= 0 or "MemoryError" in done.stderr:
        return Judged("rejected", "it takes too much to read")
    raise RtlscribeError(f"cannot read Verilog: {done.stderr.strip()[-300:] or f'status {done.status}'}")


def refuse_alone(only: str, problem: Problem) -> None:
    """Refuse a prover as the one judge where there is no reference. Raises UsageError."""
    if only.startswith("yosys") and not problem.reference:
        raise UsageError(f"--checker {only} compares with a reference: name it with --against")


def user_problem(
    text: str, *, header: str = "", testbench: str = "", reference: str = "", pass_pattern: str | None = None
) -> Problem:
    """What a user wants built, and how it is judged.

    Raises:
        UsageError: the pattern is no regular expression, or there is no testbench that it could be about.
    """
    if pass_pattern is not None and not testbench:
        raise UsageError("--pass-pattern is about a testbench's output: name the --testbench too")
    try:
        re.compile(pass_pattern or "")
    except re.error as error:
        raise UsageError(f"--pass-pattern {pass_pattern!r} is no regular expression: {error}") from error
    return Problem(
        id="write",
        text=text,
        header=header,
        testbench=testbench,
        reference=reference,
        pass_pattern=PASS_PATTERN if pass_pattern is None else pass_pattern,
        fail_patterns=FAIL_PATTERNS if pass_pattern is None else (),
    )


def _fits(own: tuple[Port, ...], wanted: tuple[Port, ...]) -> Judged:
    """Whether the ports are those of the header, in any order."""
    if wrong := sorted(set(own) ^ set(wanted)):
        port = wrong[0]
        whose = "is not in the header" if port in own else "of the header is not there"
        return Judged("failed", f"{port.direction} {port.name} of {port.width} bits {whose}")
    return Judged("passed")


def _remarks(found: Reading, checks: list[Check]) -> tuple[Remark, ...]:
    """The reader's diagnostics and the linter's warnings, in the order of the lines."""
    remarks = [Remark(line=d.line, severity=d.severity, text=d.text) for d in found.diagnostics]
    for check in checks:
        if check.aspect == "lint":
            severity = "warning" if check.verdict.status == "passed" else "error"
            told = _WARNING.findall(check.verdict.detail)
            remarks += [Remark(line=int(line), severity=severity, text=text) for line, text in told]
    return tuple(sorted(remarks, key=lambda remark: remark.line))

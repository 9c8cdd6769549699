"""Judge one candidate with Icarus Verilog, by a strict rule or by the one its benchmark's authors published.

strict: the answer is screened (`verilog.guard`), compiled after a testbench that was made private (`verilog.harness`)
and run in a sandbox. It passes if the testbench's own result line says so, over as many samples as the reference was
judged on, and then on other random stimulus too. That is drawn from seeds that depend on the answer's text: the same at
each run, and nothing that an answer can have learnt by heart.
official: the published command lines and reading of the log (`published`), in the same sandbox. A pass that the strict
rule would not grant is told in the verdict's detail.

Does not decide what a score is worth.
"""

from __future__ import annotations

import hashlib
import re
import sys
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rtlscribe.checkers.base import Judged, Remade
from rtlscribe.checkers.boxed import in_box
from rtlscribe.checkers.icarus import PROGRAM, Icarus, find_tools
from rtlscribe.checkers.sandbox import Box, Finished, Pool
from rtlscribe.errors import UsageError
from rtlscribe.published import PROCEDURES, Log
from rtlscribe.records import NONCE, Candidate, Problem, Verdict
from rtlscribe.verilog import alike
from rtlscribe.verilog.extract import blank
from rtlscribe.verilog.harness import Harness, harness

Rule = Literal["strict", "official"]
REFUSED = "refused by the strict rule: "  # how the detail of such an official pass begins

BY_HEART = "passes on the published stimulus, not on other: "
MISFIT = "does not fit the testbench: "
PUBLISHED = (0, 0)  # the seeds with which the private streams draw the published stimulus
# What is given up for a testbench whose own reference does not pass: (what is said of it, isolate, own_streams).
FALLBACKS = (
    ("the answer's inputs are not isolated, which the testbench does not bear", False, True),
    ("inputs are not isolated and the stimulus is not private, which the testbench does not bear", False, False),
)
SUSPECT_SECONDS = 2.0
DETAIL_LINES = 12
BUILDS = 1024  # testbenches kept ready
BUILDS_BYTES = 64 * 1024 * 1024  # of them all
EXPANDED_BYTES = 1024 * 1024
PROGRAM_BYTES = 8 * 1024 * 1024
_TIMESCALE = re.compile(r"`timescale\s+\w+\s*/\s*\w+|`timescale[^\n]*")


@dataclass
class Build:
    """A problem's testbench, ready for answers.

    `fault` is why there can be no verdict, `notes` what of its protection had to be given up. `proven`: the reference
    was run on it. `samples` is the count that the reference was judged on, "" where the testbench tells none.
    """

    harness: Harness
    trusted: str = ""  # the harness preprocessed; "" if that failed, and nothing will fit it
    samples: str = ""
    fault: str = ""
    notes: tuple[str, ...] = ()
    proven: bool = False


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    build: Build | None = None

    @property
    def size(self) -> int:
        """Bytes, of what is large."""
        return sys.getsizeof(self.build.trusted) + sys.getsizeof(self.build.harness.text) if self.build else 0


class IverilogChecker(Remade):
    """The judge of record. Without a testbench a candidate passes if it compiles.

    `second_run` puts answers that pass on the published stimulus to other random stimulus too, where the testbench
    draws any.
    """

    def __init__(self, *, rule: Rule = "strict", second_run: bool = True) -> None:
        if rule not in ("strict", "official"):
            raise UsageError(f"no rule is called {rule!r}; there are: strict, official")
        self._rule = rule
        self._second_run = second_run
        self.icarus = Icarus(find_tools())
        self.name = f"iverilog-{self.icarus.tools.version}" + ("" if rule == "strict" else f"-{rule}")
        self.pool = Pool(self.icarus.tools.readable)
        self._slots: OrderedDict[tuple[str, bytes], _Slot] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Verdict:
        begun = time.monotonic()

        def judge(box: Box, code: str) -> Judged:
            self.icarus.try_out(box)
            return rule(box, code, problem, timeout_s)

        rule = self._strict if self._rule == "strict" else self._official
        return in_box(self.pool, candidate.code, judge).verdict(candidate, problem, checker=self.name, begun=begun)

    def alike(self, code: str) -> str:
        """Equal for answers that neither screen nor compiler can tell apart; published rules read the text itself."""
        return alike.alike(code) if self._rule == "strict" else code

    def build(self, problem: Problem, *, timeout_s: float) -> Build:
        """The problem's testbench as answers meet it, the reference run on it."""
        with self.pool.borrow() as box:
            self.icarus.try_out(box)
            return self._built(box, problem, timeout_s, proven=True)

    def measures(self) -> dict[str, str]:
        """What confines an answer here, by measure (see `confine`)."""
        with self.pool.borrow() as box:
            return box.measures

    def warning(self) -> str:
        """What a user has to be told before answers are run; "" if they are confined."""
        return self.pool.warning()

    # The strict rule

    def _strict(self, box: Box, code: str, problem: Problem, timeout_s: float) -> Judged:
        reason = box.screen(code, top=problem.top)
        expanded, failure = ("", None) if reason else self._expanded(box, code, time.monotonic() + timeout_s)
        if failure:
            return failure
        if expanded != code and not reason:  # the screen and the compiler may read a macro differently
            reason = box.screen(expanded, top=problem.top, expanded=True)
        if reason:
            # What does not even compile alone is no attack but a mistake. A compiler that takes its time is no matter.
            failure = self._alone(box, code, time.monotonic() + min(timeout_s, SUSPECT_SECONDS))
            return failure if failure and failure.status == "syntax_error" else Judged("rejected", reason)
        if not problem.testbench:
            failure = self._alone(box, code, time.monotonic() + timeout_s)
            return failure or Judged("passed", "compiles; there is no testbench")
        counts = _counts_samples(problem)
        build = self._built(box, problem, timeout_s, proven=counts)
        if build.fault and counts:
            failure = self._alone(box, code, time.monotonic() + timeout_s)
            return failure or Judged("unsupported", build.fault)
        judged = self._judge(box, build, expanded, problem, time.monotonic() + timeout_s, seeds=_seeds(code))
        if judged.status == "passed":
            return judged._replace(detail="; ".join(build.notes))
        if not problem.reference:
            return judged
        if not build.proven:  # is it the answer's fault, or that of what we made of the testbench? The reference knows
            proven = self._built(box, problem, timeout_s, proven=True)
            if proven is not build:
                return self._strict(box, code, problem, timeout_s)
        if build.fault and judged.detail.startswith(MISFIT):
            return Judged("unsupported", build.fault)
        return judged

    def _expanded(self, box: Box, code: str, deadline: float) -> tuple[str, Judged | None]:
        """The code with its own macros expanded, and none of the testbench's; or why that cannot be done."""
        if "`" not in code:
            return code, None
        done = self.icarus.preprocess(box, code, "answer.v", to="expanded.v", deadline=deadline)
        if failure := _compile_failure(done):
            return "", failure
        expanded = box.read("expanded.v", most=EXPANDED_BYTES)
        return expanded or "", None if expanded else Judged("rejected", "its macros make too much of it")

    def _judge(
        self, box: Box, build: Build, code: str, problem: Problem, deadline: float, *, seeds: tuple[int, int]
    ) -> Judged:
        seconds = deadline - time.monotonic()
        failure = self._compile(box, build, code, problem, deadline)
        if failure and failure.status == "syntax_error":
            # Alone it may compile: then it is the interface that differs, which is a functional fault.
            alone = self._alone(box, code, deadline)
            return alone or Judged("failed", f"{MISFIT}{build.harness.readable(failure.detail)}")
        if failure:
            return failure
        judged, samples = self._simulate(box, build, problem, deadline, seeds=PUBLISHED)
        if judged.status == "passed" and build.samples not in ("", samples):
            return Judged("failed", f"{samples} samples where the reference was judged on {build.samples}")
        if judged.status != "passed" or not (self._second_run and build.harness.markers):
            return judged
        again, samples = self._simulate(box, build, problem, time.monotonic() + seconds, seeds=seeds)
        if again.status == "passed" and samples == build.samples:
            return judged
        if again.status == "timeout" or not problem.reference:
            return Judged(again.status, f"{BY_HEART}{again.detail}")
        # Not every testbench bears other stimulus, nor takes as many samples of it. The reference, on the same, knows.
        golden, expected = self._golden(box, build, problem, time.monotonic() + seconds, seeds=seeds)
        if golden.status != "passed" or (again.status == "passed" and samples == expected):
            return judged
        return Judged("failed", f"{BY_HEART}{again.detail or f'{samples} samples instead of {expected}'}")

    def _compile(self, box: Box, build: Build, code: str, problem: Problem, deadline: float) -> Judged | None:
        """Compile trusted text and answer into PROGRAM; the trusted text first, so that no directive reaches it."""
        text = f"{build.trusted}\n{_interlude(build.harness.text)}{code}\n"
        roots = build.harness.roots
        done = self.icarus.compile(box, text, roots=roots, beside=_beside(problem), deadline=deadline)
        return _compile_failure(done)

    def _simulate(
        self, box: Box, build: Build, problem: Problem, deadline: float, *, seeds: tuple[int, int]
    ) -> tuple[Judged, str]:
        """The verdict on PROGRAM with these seeds of the stimulus, and the samples it was judged on."""
        seeding = build.harness.seeding(seeds) if build.harness.markers else ()
        done = self.icarus.simulate(box, replaced=seeding, deadline=deadline)
        return _result(done, build, problem)

    def _alone(self, box: Box, code: str, deadline: float) -> Judged | None:
        """What is wrong with the code by itself, without a testbench."""
        expanded, failure = self._expanded(box, code, deadline)
        if failure:
            return failure
        text = f'`line 1 "answer.v" 0\n{expanded}'
        return _compile_failure(self.icarus.compile(box, text, roots=[], deadline=deadline))

    # The testbench of a problem

    def _built(self, box: Box, problem: Problem, timeout_s: float, *, proven: bool) -> Build:
        """The problem's build, from the store where it is there."""
        text = "\0".join((problem.testbench, problem.reference, problem.header, problem.top, problem.pass_pattern))
        key = (problem.id, hashlib.sha256(text.encode(errors="replace")).digest())
        with self._lock:
            if key not in self._slots:
                self._make_room()
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
        with slot.lock:
            if slot.build is None:
                slot.build = self._prepare(box, harness(problem), timeout_s)
            if proven and not slot.build.proven and problem.reference:
                slot.build = self._prove(box, slot.build, problem, timeout_s)
            return slot.build

    def _make_room(self) -> None:
        """Forget the builds that were asked for longest ago, as long as there are too many."""
        held = sum(slot.size for slot in self._slots.values())
        while self._slots and (len(self._slots) >= BUILDS or held > BUILDS_BYTES):
            held -= self._slots.popitem(last=False)[1].size

    def _prepare(self, box: Box, made: Harness, timeout_s: float, notes: tuple[str, ...] = ()) -> Build:
        build = Build(made, notes=notes if made.marked else (*notes, "its result line cannot be marked"))
        deadline = time.monotonic() + timeout_s
        done = self.icarus.preprocess(box, made.text, "testbench.v", to="expanded.v", deadline=deadline)
        if done.status == 0:
            build.trusted = box.read("expanded.v", most=PROGRAM_BYTES) or ""
        return build

    def _prove(self, box: Box, build: Build, problem: Problem, timeout_s: float) -> Build:
        """Run the reference; where it does not pass, give up what the testbench may not bear, one thing at a time."""
        first, build.samples = verdict, _ = self._golden(box, build, problem, time.monotonic() + timeout_s)
        for note, isolate, own_streams in FALLBACKS:
            if verdict.status == "passed":
                break
            weaker = harness(problem, isolate=isolate, own_streams=own_streams)
            candidate = self._prepare(box, weaker, timeout_s, (note,))
            verdict, candidate.samples = self._golden(box, candidate, problem, time.monotonic() + timeout_s)
            build = candidate if verdict.status == "passed" else build
        build.proven = True
        if verdict.status != "passed" and (_counts_samples(problem) or first.detail.startswith(MISFIT)):
            build.fault = f"its own reference does not pass here: {first.status}, {first.detail}"
        return build

    def _golden(
        self, box: Box, build: Build, problem: Problem, deadline: float, *, seeds: tuple[int, int] = PUBLISHED
    ) -> tuple[Judged, str]:
        """The verdict on the reference, and the samples that it was judged on."""
        reference, failure = self._expanded(box, problem.reference, deadline)
        failure = failure or self._compile(box, build, reference, problem, deadline)
        if failure:
            alone = self._alone(box, problem.reference, deadline)
            return alone or Judged("failed", f"{MISFIT}{build.harness.readable(failure.detail)}"), ""
        return self._simulate(box, build, problem, deadline, seeds=seeds)

    # The official rule

    def _official(self, box: Box, code: str, problem: Problem, timeout_s: float) -> Judged:
        procedure = PROCEDURES.get(problem.procedure)
        if not procedure:
            raise UsageError(f"problem {problem.id} has no published way of judging: only --rule strict can")
        files = procedure.files(problem.testbench, code)
        arguments = [*procedure.flags, "-o", PROGRAM, *(name for name, _ in files)]
        deadline = time.monotonic() + procedure.timeout_s
        together = procedure.timeout_covers_compiler
        done = self.icarus.drive(
            box,
            arguments,
            files=_beside(problem) | dict(files),
            makes="",
            deadline=deadline if together else deadline + timeout_s,
        )
        log = Log(done.status == 0, done.stdout + done.stderr, timed_out=done.status is None)
        if log.compiled:
            deadline = deadline if together else time.monotonic() + procedure.timeout_s
            command = [str(self.icarus.tools.vvp), *procedure.run_flags, PROGRAM]
            ran = box.run(command, deadline=deadline, large_files=True)  # published testbenches write waveforms
            log = log._replace(run_out=ran.stdout, run_err=ran.stderr, timed_out=ran.status is None)
        status, wording = procedure.judge(log, code)
        if status == "passed":
            box.empty()
            strict = self._strict(box, code, problem, timeout_s)
            if strict.status != "passed":
                return Judged(status, f"{REFUSED}{strict.status}, {strict.detail}")
        return Judged(status, wording)


def _beside(problem: Problem) -> dict[str, str]:
    """The data files of a problem, by names that cannot lead out of the folder."""
    return {Path(name).name: content for name, content in problem.files.items()}


def _counts_samples(problem: Problem) -> bool:
    return "(?P<samples>" in problem.pass_pattern


def _seeds(code: str) -> tuple[int, int]:
    """Seeds that depend on the answer alone: the same verdict at each run, and nothing that an answer could foresee."""
    digest = hashlib.sha256(alike.alike(code).encode(errors="replace")).digest()
    return int.from_bytes(digest[:4]) >> 1 | 1, int.from_bytes(digest[4:8]) >> 1 | 1


def _interlude(trusted: str) -> str:
    """Between trusted text and answer: directives as they would be without us, the answer's lines counted from 1."""
    scales = _TIMESCALE.findall(blank(trusted))
    return "\n".join(["`resetall", *scales[-1:], '`line 1 "answer.v" 0', ""])


def _compile_failure(done: Finished) -> Judged | None:
    if done.status is None:
        return Judged("timeout", "while compiling")
    if done.status == 0:
        return None
    messages = (done.stderr + done.stdout).replace("answer.v:", "line ").strip().splitlines()
    detail = "\n".join(messages[:DETAIL_LINES]) or f"the compiler ended with status {done.status}"
    # "sorry" is Icarus's word for Verilog that is right and that this version does not know.
    return Judged("unsupported" if "sorry:" in detail and "syntax error" not in detail else "syntax_error", detail)


def _result(done: Finished, build: Build, problem: Problem) -> tuple[Judged, str]:
    """The verdict that the testbench announced, and the samples it counted."""
    if done.status is None:
        return Judged("timeout", "while simulating"), ""
    if done.cut or done.status < 0:
        return Judged("failed", f"too much output, or killed by signal {-min(done.status, 0)}"), ""
    secret = build.harness.secret
    own = [line for line in done.stdout.splitlines() if secret in line]
    told = [line.replace(f"{secret} ", "") for line in own]
    if not build.harness.marked:
        lines = done.stdout.splitlines()
    else:
        lines = own if NONCE in problem.pass_pattern else told
    passes = _matches(problem.pass_pattern, secret, lines)
    fails = [match for pattern in problem.fail_patterns for match in _matches(pattern, secret, lines)]
    samples = passes[0].groupdict().get("samples") or "" if passes else ""
    if done.status == 0 and passes and not fails:
        if not _counts_samples(problem):
            return Judged("passed"), ""
        if len(lines) == 1:
            return Judged("passed"), samples
    return Judged("failed", told[-1] if told else "the simulation ended without the testbench's result"), samples


def _matches(pattern: str, secret: str, lines: list[str]) -> list[re.Match[str]]:
    compiled = re.compile(pattern.replace(NONCE, secret), re.MULTILINE)
    return [match for line in lines if pattern and (match := compiled.search(line))]

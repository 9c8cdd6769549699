"""Which answers to one instruction behave alike: each is simulated alone, on the same random stimulus. Knows no truth.

An answer is screened (`verilog.guard`), compiled after a testbench of its own (`verilog.testbench`) and run in the
sandbox, once; the traces are compared here (`verilog.traces`). So the cost is one compilation and one simulation an
answer, whatever their number. What the majority does may still be wrong.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rtlscribe.checkers.agreement import Agreement, Outcome, Setup, count
from rtlscribe.checkers.base import Judged, Remade
from rtlscribe.checkers.boxed import in_box
from rtlscribe.checkers.icarus import PROGRAM, Icarus, find_tools
from rtlscribe.checkers.sandbox import Box, Finished, Pool
from rtlscribe.errors import UsageError
from rtlscribe.records import Candidate, Problem
from rtlscribe.verilog.alike import alike
from rtlscribe.verilog.extract import blank, extract, module_names
from rtlscribe.verilog.ports import Direction, Port
from rtlscribe.verilog.roles import roles, usage
from rtlscribe.verilog.stimulus import numbers, stimulus
from rtlscribe.verilog.testbench import Bench, bench, observed
from rtlscribe.verilog.traces import Trace, read_trace

STEPS = 1280
TIMEOUT_S = 10.0
LONGEST_READ = 48 * 1024  # characters; longer answers are simulated, but have no say about clocks and resets
TRACE_BYTES = 8 * 1024 * 1024
STIMULUS_BYTES = 1024 * 1024
FEWEST_STEPS = 32
EXPANDED_BYTES = 1024 * 1024
PROGRAM_BYTES = 8 * 1024 * 1024
DETAIL_LINES = 4
_NAME = re.compile(r"[A-Za-z_][\w$]*")
_SCOPE = re.compile(r'^S_\w+ \.scope module, "([^"]+)" "([^"]+)"[^\n]*\n((?:[ \t][^\n]*\n)*)', re.MULTILINE)
_PORT_INFO = re.compile(r'\.port_info \d+ /(INPUT|OUTPUT|INOUT) (\d+) "([^"]+)"')
_DIRECTIONS: dict[str, Direction] = {"INPUT": "input", "OUTPUT": "output", "INOUT": "inout"}


class _Ready(NamedTuple):
    """An answer that may run, its macros expanded."""

    code: str
    top: str


class _Seen(NamedTuple):
    """What came of one answer. `ports` are those of the compiled module."""

    judged: Judged
    ready: _Ready | None = None
    ports: tuple[Port, ...] = ()
    trace: Trace | None = None

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.judged, self.trace)


class Behaviours(Remade):
    """Compares answers by simulation with Icarus Verilog. Safe to call from several threads.

    `steps` are the input vectors an answer sees, and `seed` chooses them.
    """

    def __init__(self, *, steps: int = STEPS, seed: int = 0) -> None:
        if steps < FEWEST_STEPS:
            raise UsageError(f"{steps} steps of stimulus say too little about an answer; at least {FEWEST_STEPS}")
        self._steps, self._seed = steps, seed
        self.icarus = Icarus(find_tools())
        self.name = f"iverilog-{self.icarus.tools.version}"
        self.pool = Pool(self.icarus.tools.readable)

    def compare(self, problem: Problem, answers: Sequence[Candidate], *, timeout_s: float = TIMEOUT_S) -> Agreement:
        """The answers to a problem, grouped by behaviour. Of the problem, only text, header and top are looked at.

        `timeout_s` bounds each program that is run.

        With a header that compiles, answers have to have its ports; else those that share ports are compared with one
        another. Answers that differ in layout and comments alone are simulated once, and each has its vote.

        Raises:
            RtlscribeError: the simulator or the sandbox is broken. Never for a bad answer.
        """
        top, interface = _top(problem), self._declared(problem, timeout_s)
        first: dict[str, str] = {}
        same = {answer.code: first.setdefault(alike(answer.code), answer.code) for answer in answers}
        seen = {
            code: self._prepare(code, top or top_of(code), bare=not interface, timeout_s=timeout_s)
            for code in first.values()
        }
        parties: dict[tuple[Port, ...], list[str]] = {}
        for code, found in seen.items():
            if found.ready:
                own = interface or tuple(sorted(found.ports))
                parties.setdefault(own, []).append(code)
        setups: dict[tuple[Port, ...], Setup] = {}
        for own, members in parties.items():
            seen |= self._run(problem, own, {code: seen[code] for code in members}, setups, timeout_s)
        outcomes = {code: seen[one].outcome for code, one in same.items()}
        whole = {own: [code for code, one in same.items() if one in members] for own, members in parties.items()}
        return count(problem, answers, outcomes, whole, setups)

    def warning(self) -> str:
        """What a user has to be told before answers are run; "" if they are confined."""
        return self.pool.warning()

    def _boxed(self, code: str, look: Callable[[Box, str], _Seen]) -> _Seen:
        """What `look` finds in a box; of an answer that brings the worker down, the verdict on that."""
        found: list[_Seen] = []

        def judge(box: Box, text: str) -> Judged:
            self.icarus.try_out(box)
            found[:] = [look(box, text)]
            return found[0].judged

        judged = in_box(self.pool, code, judge)
        return found[0] if found and found[0].judged == judged else _Seen(judged)

    # Before there is a testbench

    def _declared(self, problem: Problem, timeout_s: float) -> tuple[Port, ...]:
        """The ports that a problem's header asks for; () if it has none, or says too little.

        Asked is the simulator, which takes a parameter declared after the ports that need it, as many headers do.
        """
        header = problem.header.strip()
        if not header:
            return ()
        code = header if re.search(r"\bendmodule\b", blank(header)) else f"{header}\nendmodule\n"
        found = self._prepare(code, _top(problem), bare=True, timeout_s=timeout_s).ports
        return found if any(port.direction != "input" for port in found) else ()

    def _prepare(self, code: str, top: str, *, bare: bool, timeout_s: float) -> _Seen:
        """Screen an answer and expand its macros; if `bare`, its ports too, by compiling it alone."""

        def look(box: Box, text: str) -> _Seen:
            reason = box.screen(text, top=top)
            expanded, failure = self._expanded(box, text, timeout_s)
            if failure:
                return _Seen(failure)
            if expanded != text and not reason:  # the screen and the compiler may read a macro differently
                reason = box.screen(expanded, top=top, expanded=True)
            if reason:  # what does not even compile is no attack but a mistake
                judged = self._alone(box, expanded, [], timeout_s)
                mistaken = judged is not None and judged.status == "syntax_error"
                return _Seen(judged if judged and mistaken else Judged("rejected", reason))
            if not bare:
                return _Seen(Judged("passed"), _Ready(expanded, top))
            failure = self._alone(box, expanded, [top] if top else [], timeout_s)
            if failure:
                return _Seen(failure)
            found = self._ports(box, top)
            return _Seen(Judged("passed"), _Ready(expanded, top), tuple(found)) if found else _Seen(_NO_PORTS)

        return self._boxed(code, look)

    def _expanded(self, box: Box, code: str, timeout_s: float) -> tuple[str, Judged | None]:
        """The code with its macros expanded, or why that cannot be done."""
        if "`" not in code:
            return code, None
        done = self.icarus.preprocess(box, code, "answer.v", to="expanded.v", deadline=_deadline(timeout_s))
        if failure := _failure(done):
            return "", failure
        expanded = box.read("expanded.v", most=EXPANDED_BYTES)
        return expanded or "", None if expanded else Judged("rejected", "its macros make too much of it")

    def _alone(self, box: Box, code: str, roots: Sequence[str], timeout_s: float) -> Judged | None:
        """What is wrong with an answer by itself."""
        text = f'`line 1 "answer.v" 0\n{code}'
        return _failure(self.icarus.compile(box, text, roots=roots, deadline=_deadline(timeout_s)))

    def _ports(self, box: Box, instance: str) -> list[Port]:
        """The ports of an instance, or root, in the program that was compiled last."""
        return ports_in(box.read(PROGRAM, most=PROGRAM_BYTES) or "", instance=instance)

    # With a testbench

    def _run(
        self,
        problem: Problem,
        interface: tuple[Port, ...],
        members: Mapping[str, _Seen],
        setups: dict[tuple[Port, ...], Setup],
        timeout_s: float,
    ) -> dict[str, _Seen]:
        """Simulate answers of one interface; notes in `setups` how."""
        width = sum(port.width for port in observed(interface))
        if not width:
            return {code: _Seen(Judged("unsupported", "it has no outputs")) for code in members}
        ready = {code: found.ready for code, found in members.items() if found.ready}
        usages = [usage(r.code, top=r.top) for r in ready.values() if len(r.code) <= LONGEST_READ]
        parts = roles(interface, usages)
        driven = sum(port.width + 4 for port in interface if port.direction != "output")
        most = min(TRACE_BYTES // ((width + 32) * (1 + len(parts.clocks))), 4 * STIMULUS_BYTES // (driven + 4))
        if most < FEWEST_STEPS:
            return {code: _Seen(Judged("unsupported", "its ports are too wide")) for code in members}
        given = stimulus(
            interface,
            parts,
            steps=min(self._steps, most),
            seed=f"{self._seed} {problem.id} {problem.text}",
            numbers=numbers(r.code for r in ready.values()),
        )
        setups[interface] = setup = Setup(parts, given.samples, given.unsettled)
        found = {}
        for code, one in ready.items():
            made = bench(interface, given, top=one.top)
            found[code] = self._boxed(code, self._simulation(one, made, interface, setup, timeout_s))
        return found

    def _simulation(
        self, one: _Ready, made: Bench, interface: tuple[Port, ...], setup: Setup, timeout_s: float
    ) -> Callable[[Box, str], _Seen]:
        def look(box: Box, _: str) -> _Seen:
            text = f'{made.text}`line 1 "answer.v" 0\n{one.code}\n'
            done = self.icarus.compile(box, text, roots=[made.root], beside=made.files, deadline=_deadline(timeout_s))
            failure = _failure(done)
            if failure and failure.status == "syntax_error":
                return _Seen(
                    self._alone(box, one.code, [], timeout_s) or self._misfit(box, one, interface, failure.detail)
                )
            if failure:
                return _Seen(failure)
            own = self._ports(box, made.instance)
            if sorted(own) != sorted(interface):
                return _Seen(Judged("failed", f"{_MISFIT}{_differing(own, interface)}"))
            done = self.icarus.simulate(box, deadline=_deadline(timeout_s))
            if done.status is None:
                return _Seen(Judged("timeout", "while simulating"))
            written = box.read(made.trace, most=2 * TRACE_BYTES) if done.status == 0 else None
            if not written or not written.endswith(made.end):
                return _Seen(Judged("failed", "the simulation did not come to its end"))
            trace = read_trace(
                written.removesuffix(made.end),
                secret=made.secret,
                samples=made.samples,
                width=sum(port.width for port in observed(interface)),
                unsettled=setup.unsettled,
                powers_up=bool(setup.roles.clocks) and not setup.roles.resets,
            )
            if trace is None:
                return _Seen(Judged("failed", "its outputs could not be told"))
            return _Seen(Judged("passed"), one, trace=trace)

        return look

    def _misfit(self, box: Box, one: _Ready, interface: Sequence[Port], said: str) -> Judged:
        """Why an answer that compiles alone does not with the testbench: its ports, else what the compiler said."""
        own = self._ports(box, one.top)
        differs = own and sorted(own) != sorted(interface)
        return Judged("failed", f"{_MISFIT}{_differing(own, interface) if differs else _readable(said)}")


_MISFIT = "does not have the ports asked for: "
_NO_PORTS = Judged("unsupported", "no module with ports was found in it")


def candidate_of(text: str, problem: Problem, *, index: int) -> Candidate:
    """The code in an answer, without the testbench that a model may have added."""
    code, how = extract(text, header=problem.header, top=_top(problem))
    return Candidate(problem_id=problem.id, index=index, code=code, assembly=how)


def top_of(code: str) -> str:
    """The module that an answer is about: the last with ports that no other such mentions; "" if there is none."""
    visible = blank(code)
    starts = list(re.finditer(r"\bmodule\s+([A-Za-z_][\w$]*)\s*(?=[#(;])", visible))
    bodies = {m.group(1): visible[m.end() : n] for m, n in zip(starts, [*(m.start() for m in starts[1:]), None])}  # noqa: B905
    with_ports = [name for name, body in bodies.items() if not re.match(r";|\(\s*\)", body)]
    words = {name: set(_NAME.findall(bodies[name])) for name in with_ports}
    users = Counter(word for found in words.values() for word in found)
    return next((name for name in reversed(with_ports) if users[name] == (name in words[name])), "")


def ports_in(program: str, *, instance: str) -> list[Port]:
    """The ports of an instance, or root, in a program that the compiler made; [] if it has none."""
    for scope in _SCOPE.finditer(program):
        if scope.group(1) == instance:
            found = _PORT_INFO.findall(scope.group(3))
            return [Port(name, _DIRECTIONS[direction], int(width)) for direction, width, name in found]
    return []


def _top(problem: Problem) -> str:
    """The name of the module that a problem asks for; "" where it leaves that to the answer."""
    return problem.top or "".join(module_names(problem.header)[-1:])


def _differing(own: Sequence[Port], wanted: Sequence[Port]) -> str:
    """The first port that is other than it should be."""
    extra = sorted(set(own) - set(wanted)) or sorted(set(wanted) - set(own))
    port = extra[0]
    asked = {p.name: p for p in wanted}.get(port.name)
    told = f"{port.direction} {port.name} of {port.width} bits"
    return f"{told}, wanted {asked.direction} of {asked.width} bits" if asked and asked != port else told


def _readable(detail: str) -> str:
    """The compiler's words without the private names."""
    return re.sub(r"\bn[0-9a-f]{12}\b", "testbench", detail)


def _deadline(timeout_s: float) -> float:
    return time.monotonic() + timeout_s


def _failure(done: Finished) -> Judged | None:
    """What a compiler that did not end well says of an answer."""
    if done.status is None:
        return Judged("timeout", "while compiling")
    if done.status == 0:
        return None
    messages = (done.stderr + done.stdout).replace("answer.v:", "line ").strip().splitlines()
    detail = "\n".join(messages[:DETAIL_LINES]) or f"the compiler ended with status {done.status}"
    # "sorry" is Icarus's word for Verilog that is right and that this version does not know.
    return Judged("unsupported" if "sorry:" in detail and "syntax error" not in detail else "syntax_error", detail)

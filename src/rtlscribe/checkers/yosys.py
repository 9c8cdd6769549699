"""Formal equivalence of a candidate with the problem's reference, by Yosys and ABC. Runs no testbench.

What a verdict rests on stands first in its detail:

    proved      equal in every step, for all inputs, by a proof without a bound
    k-step      no inputs make them differ in the first k steps
    simulated   random inputs did not make them differ, no more
    unknown     nothing was found out

A difference is reported only after it was run through both circuits. What exactly is compared stands in
docs/checkers.md, and in `miter`, which builds the circuit that is looked at here.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import rtlscribe
from rtlscribe.checkers import aiger, miter
from rtlscribe.checkers.base import Judged, Remade
from rtlscribe.checkers.boxed import in_box
from rtlscribe.checkers.pyslang import LONGEST_CODE
from rtlscribe.checkers.sandbox import Box, Finished, Pool
from rtlscribe.errors import MissingToolError, RtlscribeError, UsageError
from rtlscribe.records import Candidate, Problem, Verdict
from rtlscribe.verilog.extract import module_names

Confidence = Literal["proved", "k-step", "simulated", "unknown"]
REMEDY = "`make setup` installs it, or pip install -e '.[formal]' in the project's folder"
EQUAL, DIFFERS, UNDECIDED = 1, 0, -1  # ABC's own numbers
DIFFERENCE = "difference"
ENOUGH_STEPS = 16  # with fewer, to have found no difference says little
LANES = 256  # random runs at a time
SIMULATED_STEPS = 256
TELLING_STEPS = 16
GATE_EVALUATIONS = 1_000_000  # of random simulation, about a second
TOLD_STEPS = 6
DETAIL_CHARACTERS = 500
TOLD_CHARACTERS = 200
_EQUIVALENCE = ["&get -n", "&cec -m -C 100000000 -T {s}"]  # to 0, of a circuit without state
_NAME = re.compile(r"[A-Za-z_][\w$]*")
_STATUS = re.compile(r"^Status = +(-?\d+) +Frames = +(-?\d+)", re.MULTILINE)
_MITER = re.compile(r"^Miter: .* U = +(\d+)", re.MULTILINE)
_ERROR = re.compile(r"(?:^|[\s>])(?:ERROR|error): (.*)")


class Found(NamedTuple):
    """What is known of a candidate. `differs` tells a difference, "" if none was found."""

    confidence: Confidence
    detail: str = ""
    differs: str = ""


class Miter(NamedTuple):
    """Both circuits in one, see `miter`. A `step` is a cycle or an input change."""

    graph: aiger.Graph
    step: str


class YosysChecker(Remade):
    """passed: equivalent, by at least the confidence `accept`; what is known less surely is unsupported.

    A candidate that differs has failed. One whose interface differs has failed too.
    """

    def __init__(self, *, accept: Confidence = "k-step") -> None:
        if accept not in get_args(Confidence)[:-1]:
            raise UsageError(f"--accept {accept}: there are proved, k-step, simulated")
        found = importlib.util.find_spec("pyosys")
        if not found or not found.origin:
            raise MissingToolError(f"the Python package 'pyosys' (Yosys) is not installed: {REMEDY}")
        self._program = Path(found.origin).parent / "yosys-abc"
        if not self._program.is_file():
            raise MissingToolError(f"the installed pyosys has no program yosys-abc: {REMEDY}")
        levels = get_args(Confidence)
        self._accepted = levels[: levels.index(accept) + 1]
        suffix = "" if accept == "k-step" else f"-{accept}"
        self.name = f"yosys-{importlib.metadata.version('pyosys')}{suffix}"
        package = Path(rtlscribe.__file__).parents[1]  # the folder that is looked through for it
        places = {Path(sys.prefix), Path(sys.base_prefix) / "lib", package, Path(found.origin).parent}
        self.pool = Pool([*sorted(places), Path(sys.executable), Path(sys.executable).resolve()])

    def check(self, candidate: Candidate, problem: Problem, *, timeout_s: float) -> Verdict:
        begun = time.monotonic()
        deadline = begun + timeout_s

        def judge(box: Box, code: str) -> Judged:
            reason = box.screen(code, top=_tops(problem)[1])
            if not reason:
                return self._judge(box, code, problem, deadline)
            outcome, _ = _make(box, {miter.ANSWER: code}, [miter.PARSE], deadline)  # a mistake is no attack
            mistaken = outcome and outcome.ending == "syntax_error"
            return Judged("syntax_error", outcome.detail) if outcome and mistaken else Judged("rejected", reason)

        if len(candidate.code) > LONGEST_CODE:
            judged = Judged("rejected", f"longer than {LONGEST_CODE} characters")
        else:
            judged = in_box(self.pool, candidate.code, judge)
        return judged.verdict(candidate, problem, checker=self.name, begun=begun)

    def _judge(self, box: Box, code: str, problem: Problem, deadline: float) -> Judged:
        reference = problem.reference.encode(errors="replace").decode()
        sources, tops = {miter.REFERENCE: reference, miter.ANSWER: code}, _tops(problem)
        made = self._miter(box, sources, tops, deadline)
        if isinstance(made, Judged):
            return made
        found = self._find(box, made, deadline)
        if found.differs:
            return Judged("failed", found.differs)
        accepted = found.confidence in self._accepted
        return Judged("passed" if accepted else "unsupported", f"{found.confidence}: {found.detail}")

    # Both circuits in one

    def _miter(self, box: Box, sources: dict[str, str], tops: tuple[str, str], deadline: float) -> Miter | Judged:
        """The circuit that tells a difference, or why there is none."""
        if not sources[miter.REFERENCE].strip():
            return Judged("unsupported", "unknown: the problem has no reference")
        if not all(map(_NAME.fullmatch, tops)):
            return Judged("unsupported", f"unknown: {' or '.join(map(repr, tops))} is no plain name of a module")
        readers = dict.fromkeys((miter.REFERENCE, miter.ANSWER), "slang")
        first: dict[str, str] = {}  # what the better reader said
        while True:
            outcome, done = _make(box, sources, [*tops, *readers.values()], deadline)
            if outcome:
                return self._graph(box, outcome)
            if done.status is None:
                return Judged("unsupported", "unknown: Yosys took too long to read it")
            whose, _, how = (box.read(miter.STAGE, most=100) or "").partition(" ")
            said = first.setdefault(whose, _said(done.stderr) or f"it ended with status {done.status}")
            if not whose:
                raise RtlscribeError(f"cannot run Yosys ({REMEDY}): {said}")
            if how != "slang":
                return Judged("unsupported", f"unknown: Yosys cannot read the {whose}: {said}")
            readers[whose] = "verilog"

    def _graph(self, box: Box, outcome: miter.Outcome) -> Miter | Judged:
        if outcome.ending == "ready":
            text = box.read(miter.TEXT, most=miter.MOST_BYTES)
            step = "input change" if outcome.steps == "changes" else "cycle"
            return Miter(aiger.read(text), step) if text else Judged("unsupported", "unknown: the circuit is too large")
        if outcome.ending == "misfit":
            return Judged("failed", f"another interface: {outcome.detail}")
        if outcome.ending == "unreadable":
            return Judged("unsupported", f"unknown: {outcome.detail}")
        return Judged(outcome.ending, outcome.detail)

    # The ladder of engines

    def _find(self, box: Box, made: Miter, deadline: float) -> Found:
        """Climb until something is certain, or time is up."""
        left = _share(deadline, 1.0)
        climb = self._with_state if made.graph.latches else self._without_state
        if made.graph.outputs[made.graph.output("bad")] == 0:
            found = Found("proved", "both make the same circuit")
        else:
            found = climb(box, made, deadline - 0.2 * left)
        if found.differs or found.confidence == "unknown":
            return found
        if not self._tells(box, made, 0.15 * left):
            what = "no difference, but the reference never makes all its outputs known: has it no reset?"
            return Found("unknown", what)
        blank = _unknown_by_design(made.graph)
        told = f"; unknown in the reference and not compared: {', '.join(blank)}"[:TOLD_CHARACTERS] if blank else ""
        return Found(found.confidence, found.detail + told)

    def _tells(self, box: Box, made: Miter, seconds: float) -> bool:
        """Whether the reference's outputs are known at some time, bit by bit: else nothing was compared with it.

        A single bit of a vector may be unknown by design, a whole output may not.
        """
        graph = made.graph
        blank = _unknown_by_design(graph)
        bits = [name.partition("_")[2] for name in graph.output_names if name.startswith("unknown_")]
        if any({bit for bit in bits if _port(bit) == port} <= set(blank) for port in map(_port, blank)):
            return False
        watched = [graph.output(f"unknown_{bit}") for bit in bits if bit not in blank]
        never = [(1 << LANES) - 1] * len(watched)
        steps = aiger.stimulus(graph, steps=TELLING_STEPS, lanes=LANES, seed=1)
        for outputs in aiger.run(graph, steps, lanes=LANES):
            never = [value & outputs[place] for value, place in zip(never, watched, strict=True)]
            if all(value != (1 << LANES) - 1 for value in never):
                return True
        status, _ = self._abc(box, graph, "seen", ["bmc3 -F 200 -T {s}"] if graph.latches else _EQUIVALENCE, seconds)
        return status == DIFFERS  # from 0

    def _without_state(self, box: Box, made: Miter, deadline: float) -> Found:
        status, _ = self._abc(box, made.graph, "bad", _EQUIVALENCE, _share(deadline, 0.9))
        if status == EQUAL:
            return Found("proved", "equal for all inputs")
        told = _difference(box, made) if status == DIFFERS else ""
        return Found("proved", differs=told) if told else _simulated(made, deadline)

    def _with_state(self, box: Box, made: Miter, deadline: float) -> Found:
        # The first finds the shortest difference. The second merges registers that correspond, which leaves little
        # where the answer is built as the reference is, and looks for an invariant of the rest.
        rungs = (
            (["bmc3 -F 16 -T {s}"], 0.06),
            (["scorr", "print_miter", "pdr -T {s}"], 0.75),
            (["bmc3 -F 200 -T {s}"], 0.8),
        )
        most = 0
        for engine, share in rungs:
            status, steps = self._abc(box, made.graph, "bad", engine, _share(deadline, share))
            if status == EQUAL:
                return Found("proved", f"equal in every {made.step}, for all inputs")
            if status == DIFFERS and (told := _difference(box, made)):
                return Found("proved", differs=told)
            if engine[0].startswith("bmc3"):
                most = max(most, steps)
        if most >= ENOUGH_STEPS:
            return Found("k-step", f"no difference in the first {most} {made.step}s, for all inputs")
        return _simulated(made, deadline)

    def _abc(self, box: Box, graph: aiger.Graph, output: str, engine: list[str], seconds: float) -> tuple[int, int]:
        """What an engine of ABC finds of an output: EQUAL (to 0), DIFFERS or UNDECIDED, and the steps it looked at.

        Where it DIFFERS, the inputs are left in the file `difference`.
        """
        commands = [f"read_aiger {miter.BINARY}", f"cone -a -O {graph.output(output)}", *engine, "print_status"]
        if output == "bad":
            commands.append(f"write_cex -s -a {DIFFERENCE}")
        # Its own limit is the shorter one: when it is kept, the steps that were done are told.
        script = "; ".join(commands).replace("{s}", str(max(1, int(seconds * 0.9))))
        done = box.run([str(self._program), "-q", script], deadline=time.monotonic() + seconds)
        if any(int(unsatisfiable) for unsatisfiable in _MITER.findall(done.stdout)):
            return EQUAL, 0
        told = _STATUS.findall(done.stdout)
        return (int(told[-1][0]), int(told[-1][1]) + 1) if told else (UNDECIDED, 0)


class YosysProvedChecker(YosysChecker):
    """The same for those who want nothing but proofs: passed is proved without a bound."""

    def __init__(self) -> None:
        super().__init__(accept="proved")


def _make(
    box: Box, sources: dict[str, str], arguments: list[str], deadline: float
) -> tuple[miter.Outcome | None, Finished]:
    """Run `miter`; None where it ended before its time."""
    files = {f"{name}.v": code for name, code in sources.items()} | {miter.STAGE: "", miter.OUTCOME: ""}
    done = box.run([sys.executable, "-I", "-m", miter.__name__, *arguments], files=files, deadline=deadline)
    text = box.read(miter.OUTCOME, most=miter.MOST_BYTES)
    return miter.Outcome(**json.loads(text)) if text else None, done


def _tops(problem: Problem) -> tuple[str, str]:
    """The modules to compare, of the reference and of the answer: of one name, where the reference has that."""
    names = module_names(problem.reference)
    last = names[-1] if names else ""
    return (problem.top if problem.top in names else last), problem.top or last


def _unknown_by_design(graph: aiger.Graph) -> list[str]:
    """The bits of the reference's outputs that are constantly x."""
    told = zip(graph.output_names, graph.outputs, strict=True)
    return [name.partition("_")[2] for name, literal in told if name.startswith("unknown_") and literal == 1]


def _port(bit: str) -> str:
    """The output that a bit is part of."""
    return bit.partition("[")[0]


def _share(deadline: float, share: float) -> float:
    return max(0.0, deadline - time.monotonic()) * share


def _difference(box: Box, made: Miter) -> str:
    """The difference that ABC found, in words; "" if it does not show in the circuit, which it should."""
    text = box.read(DIFFERENCE, most=miter.MOST_BYTES) or ""
    state, *lines = text.partition("# DONE")[0].split("\n")[:-1] or [""]
    steps = [[int(bit) for bit in line] for line in lines]
    if len(state) != len(made.graph.latches) or any(len(step) != len(made.graph.inputs) for step in steps):
        return ""
    return _in_words(made, steps)


def _simulated(made: Miter, deadline: float) -> Found:
    """Random inputs, where nothing better gave an answer."""
    graph = made.graph
    count = min(SIMULATED_STEPS, GATE_EVALUATIONS // max(1, len(graph.gates)))
    steps = aiger.stimulus(graph, steps=count, lanes=LANES, seed=1)
    bad = graph.output("bad")
    done = 0
    for outputs in aiger.run(graph, steps, lanes=LANES):
        done += 1
        if outputs[bad]:
            lane = outputs[bad].bit_length() - 1
            own = [[value >> lane & 1 for value in step] for step in steps[:done]]
            return Found("simulated", differs=_in_words(made, own))
        if time.monotonic() > deadline:
            break
    if not done:
        return Found("unknown", "the circuit is too large to be proved or simulated")
    runs = f"{LANES} random runs of {done} {made.step}s" if graph.latches else f"{LANES * done} random inputs"
    return Found("simulated", f"{runs} agree, and there was no time for a proof")


def _in_words(made: Miter, steps: Sequence[Sequence[int]]) -> str:
    """Where the circuits first differ under these inputs, and on what; "" if they do not."""
    graph = made.graph
    bad = graph.output("bad")
    for number, outputs in enumerate(aiger.run(graph, steps), 1):
        if not outputs[bad]:
            continue
        told = dict(zip(graph.output_names, outputs, strict=True))
        wrong = []
        names = dict.fromkeys(_port(name.partition("_")[2]) for name in told if name.startswith("gold_"))
        for name in names:
            gold, unknown, gate = (_vector(told, f"{kind}_{name}") for kind in ("gold", "unknown", "gate"))
            expected = "".join("x" if hidden == "1" else bit for bit, hidden in zip(gold, unknown, strict=True))
            if any(want not in ("x", got) for want, got in zip(expected, gate, strict=True)):
                wrong.append(f"{name} is {_literal(gate)}, not {_literal(expected)}")
        first = max(0, number - TOLD_STEPS)
        given = " | ".join(_inputs(graph, step) for step in steps[first:number])
        place = f"in {made.step} {number}: " if graph.latches else ""
        return f"{place}{', '.join(wrong)}; inputs {'... | ' if first else ''}{given}"[:DETAIL_CHARACTERS]
    return ""


def _inputs(graph: aiger.Graph, step: Sequence[int]) -> str:
    """The inputs of the modules that matter, by name. The answer's unknown values are inputs of the graph alone."""
    read = {literal & ~1 for gate in graph.gates for literal in gate[1:]} | {n & ~1 for _, n in graph.latches}
    bits = {}
    for literal, names, value in zip(graph.inputs, graph.input_names, step, strict=True):
        own = next((name for name in names.split() if name.startswith("in_")), "")
        if own and literal in read:
            bits[own[3:]] = value
    return " ".join(f"{n}={_literal(_vector(bits, n))}" for n in dict.fromkeys(map(_port, bits)))


def _vector(bits: Mapping[str, int], name: str) -> str:
    """A vector's bits, the highest first; of those that are there."""
    if name in bits:
        return str(bits[name])
    places = {int(bit[len(name) + 1 : -1]): value for bit, value in bits.items() if bit.startswith(f"{name}[")}
    return "".join(str(places.get(place, 0)) for place in reversed(range(max(places, default=0) + 1)))


def _literal(bits: str) -> str:
    """Bits as Verilog writes them: in hexadecimal where they are many and known."""
    if len(bits) == 1:
        return bits
    return f"{len(bits)}'h{int(bits, 2):x}" if len(bits) > 8 and "x" not in bits else f"{len(bits)}'b{bits}"


def _said(text: str) -> str:
    """The first error of a log, without what leads to it."""
    errors = [match.group(1) for match in map(_ERROR.search, text.splitlines()) if match]
    return errors[0][:200] if errors else ""

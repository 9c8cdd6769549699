"""Look for faults of a benchmark: is each testbench passed by its reference, and by answers that do not deserve it?

Judges the reference, answers that do nothing and small changes of the reference. Changes no problem: what it finds goes
into an errata file, for `rtlscribe evaluate --errata`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Literal, get_args

from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.benchmarks.base import benchmark_inputs, load_problems
from rtlscribe.benchmarks.errata import Erratum, benchmark_name, content_hash
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.errors import MissingToolError, UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.flow import TIMEOUT_S
from rtlscribe.options import Count, CountFromZero, Positive, Share
from rtlscribe.records import Candidate, Problem, Record, Verdict
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.scoring import COMPILED
from rtlscribe.summaries import AuditSummary, Finding
from rtlscribe.verilog.mutate import mutants
from rtlscribe.verilog.ports import ports
from rtlscribe.verilog.probes import constant_answer, inverted_answer, is_constant

Nothing = Literal["empty", "zeros", "ones", "x"]
Kind = Literal["golden", "empty", "zeros", "ones", "x", "inverted", "mutant"]

ERRATA, PROOFS = "errata.jsonl", "proofs.jsonl"
PROVER = "yosys"
SLOW_SHARE = 1 / 6  # of the time limit: a machine as much slower or busier runs the reference into it
UNKNOWN_SHARE = 0.5  # of the samples
# These make a score wrong: no answer can pass, or one that does nothing does. The other kinds inform.
EXCLUDED = ("golden_fails", "unsupported", "accepts_empty", "accepts_zeros", "accepts_ones", "accepts_x")
_NOT_SUPPORTED = "sorry: "  # Icarus's word for Verilog that is right and that this version does not know
_COUNTS = re.compile(r"(\d+) (?:in|out of) (\d+) samples")


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe audit`."""

    benchmark: str
    """A benchmark of `rtlscribe list`, or a JSON Lines file of Problems (its name ends in .jsonl)."""

    _: KW_ONLY

    root: Path | None = None
    """The benchmark's checkout, where it needs one."""

    mutants: CountFromZero = 8
    """Changed references a problem, at most."""

    weak_share: Share = 0.5
    """A testbench that lets more than this share of the mutants pass is called weak."""

    rule: Literal["strict", "official"] = "strict"
    """Whose judgement is looked at: ours, or that of the benchmark's authors."""

    seed: int = 0
    """Seed of the choice of mutants."""

    limit: Count | None = None
    """Only the first so many problems."""

    checker: str = "iverilog"
    """Who judges."""

    timeout_s: Positive = TIMEOUT_S
    """Seconds that one check may take."""

    executor: str = "pool"
    """How checks are run: serial or pool."""

    workers: Count = 2
    """Checks at a time."""

    output: Path | None = None
    """Run folder; runs/<date>-audit-<benchmark> by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class Trial(Record, kw_only=True):
    """One answer put to a problem's testbench. `name` tells the change of a mutant and the output of an inverted."""

    problem_id: str
    index: int
    kind: Kind
    name: str
    code: str
    verdict: Verdict


@dataclass(frozen=True)
class _Answer:
    """What is yet to be judged."""

    problem: Problem
    index: int
    kind: Kind
    name: str
    code: str

    @property
    def key(self) -> tuple[str, int]:
        return self.problem.id, self.index


def run(config: Config) -> AuditSummary:
    """Find problems that no answer can pass, or one that does nothing can; write them to errata.jsonl."""
    folder = config.output or default_folder("audit", Path(config.benchmark).stem)
    inputs = benchmark_inputs(config.benchmark, config.root)
    checker = open_checker(config.checker, rule=config.rule)
    prover = _prover()
    with RunDir.open(
        folder,
        stage="audit",
        config=as_config(config),
        inputs=inputs,
        tools={"checker": checker.name, "prover": prover.name if prover else "none"},
        fresh=config.fresh,
    ) as work:
        if work.finished:
            return work.summary(AuditSummary)
        problems = load_problems(config.benchmark, root=config.root)[: config.limit]
        _check_judgeable(config, problems)
        _try_all(config, problems, checker, work)
        trials = _without_equals(config, problems, prover, work) if prover else work.done(Trial)
        findings = list(_findings(config, problems, trials))
        jsonl.write(work.path / ERRATA, _errata(config, problems, checker, findings))
        summary = _summary(config, checker, work, problems, trials, findings)
        work.finish(summary)
    return summary


def _check_judgeable(config: Config, problems: Sequence[Problem]) -> None:
    lacking = {
        "testbench": [p.id for p in problems if not p.testbench],
        "reference": [p.id for p in problems if not p.reference],
        "published procedure": [p.id for p in problems if config.rule == "official" and not p.procedure],
    }
    for what, ids in lacking.items():
        if ids:
            raise UsageError(
                f"{len(ids)} problems of {config.benchmark} have no {what}, the first is {ids[0]!r}: "
                f"{'only --rule strict can judge them' if 'procedure' in what else 'there is nothing to audit'}"
            )


def _try_all(config: Config, problems: Sequence[Problem], checker: Checker, work: RunDir) -> None:
    """Judge the answers that are owed."""
    answers = [answer for problem in problems for answer in _answers(problem, n=config.mutants, seed=config.seed)]
    done = {(trial.problem_id, trial.index) for trial in work.done(Trial)}
    owed = [answer for answer in answers if answer.key not in done]

    def judge(answer: _Answer) -> Trial:
        return _trial(answer, checker, config.timeout_s)

    results = open_executor(config.executor).map(judge, owed, workers=config.workers)
    with progress.bar(f"audit {config.benchmark}", len(answers), done=len(answers) - len(owed)) as bar:
        work.keep(results, key=lambda a: f"{a.problem.id} {a.kind} {a.name}".rstrip(), advance=bar.add)


def _prover() -> Checker | None:
    """A checker that tells whether a mutant differs from the reference at all."""
    try:
        return open_checker(PROVER)
    except MissingToolError as error:
        progress.note(f"mutants that are equivalent to the reference are not told apart: {error}")
        return None


def _without_equals(config: Config, problems: Sequence[Problem], prover: Checker, work: RunDir) -> list[Trial]:
    """The trials, but for mutants that pass and are proved to be equivalent to the reference."""
    trials = work.done(Trial)
    by_id = {problem.id: problem for problem in problems}
    passed = [trial for trial in trials if trial.kind == "mutant" and trial.verdict.status == "passed"]
    if not passed:
        return trials
    done = {(verdict.problem_id, verdict.index) for verdict in work.done(Verdict, name=PROOFS)}
    owed = [trial for trial in passed if (trial.problem_id, trial.index) not in done]

    def prove(trial: Trial) -> Verdict:
        candidate = Candidate(problem_id=trial.problem_id, index=trial.index, code=trial.code, assembly=trial.kind)
        return prover.check(candidate, by_id[trial.problem_id], timeout_s=config.timeout_s)

    results = open_executor(config.executor).map(prove, owed, workers=config.workers)
    with progress.bar(f"audit {config.benchmark}: proofs", len(passed), done=len(passed) - len(owed)) as bar:
        work.keep(results, key=lambda t: f"{t.problem_id} {t.kind} {t.name}", advance=bar.add, name=PROOFS)
    proofs = work.done(Verdict, name=PROOFS)
    equal = {(v.problem_id, v.index) for v in proofs if v.status == "passed" and v.detail.startswith("proved")}
    return [trial for trial in trials if (trial.problem_id, trial.index) not in equal]


def _answers(problem: Problem, *, n: int, seed: int) -> Iterator[_Answer]:
    """What is put to a problem's testbench, always the same in the same order."""
    reference, top = problem.reference, problem.top
    made: list[tuple[Kind, str, str]] = [("golden", "", reference)]
    made += [(value, "", constant_answer(reference, top=top, value=value)) for value in get_args(Nothing)]
    if "(?P<samples>" in problem.pass_pattern:  # only a testbench that counts tells in how many samples it looked
        made += [
            ("inverted", port.name, inverted_answer(reference, top=top, output=port.name))
            for port in ports(reference, top=top)
            if port.direction == "output"
        ]
    made += [("mutant", m.name, m.code) for m in mutants(reference, top=top, n=n, seed=seed)]
    for index, (kind, name, code) in enumerate(made):
        if code:
            yield _Answer(problem, index, kind, name, code)


def _trial(answer: _Answer, checker: Checker, timeout_s: float) -> Trial:
    problem = answer.problem
    candidate = Candidate(problem_id=problem.id, index=answer.index, code=answer.code, assembly=answer.kind)
    verdict = checker.check(candidate, problem, timeout_s=timeout_s)
    if answer.kind == "golden" and verdict.seconds > SLOW_SHARE * timeout_s:
        # The first check of a problem also prepares its testbench; is the reference slow without that?
        verdict = min(verdict, checker.check(candidate, problem, timeout_s=timeout_s), key=lambda v: v.seconds)
    return Trial(
        problem_id=problem.id,
        index=answer.index,
        kind=answer.kind,
        name=answer.name,
        code=answer.code,
        verdict=verdict,
    )


def _findings(config: Config, problems: Sequence[Problem], trials: Sequence[Trial]) -> Iterator[Finding]:
    """What the verdicts hold against each problem, in the order of the problems."""
    by_problem: dict[str, list[Trial]] = {problem.id: [] for problem in problems}
    for trial in sorted(trials, key=lambda t: t.index):
        by_problem[trial.problem_id].append(trial)
    for problem in problems:
        of_kind: dict[str, list[Trial]] = {}
        for trial in by_problem[problem.id]:
            of_kind.setdefault(trial.kind, []).append(trial)
        golden = of_kind["golden"][0].verdict
        found = list(_accepted(problem, of_kind))
        if golden.status == "passed":
            found += [*_unknown(of_kind.get("inverted", [])), *_slow(golden, config.timeout_s)]
            found += _weak(of_kind.get("mutant", []), config.weak_share)
        else:
            kind = "unsupported" if _NOT_SUPPORTED in golden.detail else "golden_fails"
            status = "" if golden.status == "unsupported" else f"{golden.status}: "
            found.insert(0, (kind, f"{status}{_one_line(golden.detail)}"))
        for kind, detail in found:
            yield Finding(problem_id=problem.id, kind=kind, detail=detail)


def _accepted(problem: Problem, of_kind: dict[str, list[Trial]]) -> Iterator[tuple[str, str]]:
    """Answers that do nothing and pass, unless the right answer is a constant itself."""
    if is_constant(problem.reference, top=problem.top):
        return
    said = {
        "empty": "a module without a body passes",
        "zeros": "a module whose outputs are always 0 passes",
        "ones": "a module whose outputs are all ones passes",
        "x": "a module whose outputs are always unknown passes",
    }
    for kind, detail in said.items():
        if any(trial.verdict.status == "passed" for trial in of_kind.get(kind, [])):
            yield f"accepts_{kind}", detail


def _unknown(inverted: Sequence[Trial]) -> Iterator[tuple[str, str]]:
    """Outputs of which mostly nothing is known, so that whatever an answer says there is right."""
    for trial in inverted:
        counts = _COUNTS.search(trial.verdict.detail)
        if trial.verdict.status == "passed":
            yield "mostly_x", f"{trial.name} is unknown in all samples"
        elif trial.verdict.status == "failed" and counts:
            known, samples = int(counts[1]), int(counts[2])
            if samples - known > UNKNOWN_SHARE * samples:
                yield "mostly_x", f"{trial.name} is unknown in {1 - known / samples:.1%} of {samples} samples"


def _slow(golden: Verdict, timeout_s: float) -> Iterator[tuple[str, str]]:
    if golden.seconds > SLOW_SHARE * timeout_s:
        yield "slow", f"the reference takes {golden.seconds:.0f} s of {timeout_s:g}"


def _weak(tried: Sequence[Trial], share: float) -> list[tuple[str, str]]:
    compiled = [trial for trial in tried if trial.verdict.status in COMPILED]
    passed = [trial.name for trial in compiled if trial.verdict.status == "passed"]
    if len(passed) <= share * len(compiled):
        return []
    return [("weak", f"{len(passed)} of {len(compiled)} mutants pass: {'; '.join(passed)}")]


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _errata(
    config: Config, problems: Sequence[Problem], checker: Checker, findings: Sequence[Finding]
) -> list[Erratum]:
    by_id = {problem.id: problem for problem in problems}
    return [
        Erratum(
            problem_id=finding.problem_id,
            kind=finding.kind,
            action="exclude",
            detail=finding.detail,
            benchmark=benchmark_name(config.benchmark),
            sha256=content_hash(by_id[finding.problem_id]),
            checker=checker.name,
        )
        for finding in findings
        if finding.kind in EXCLUDED
    ]


def _summary(
    config: Config,
    checker: Checker,
    work: RunDir,
    problems: Sequence[Problem],
    trials: Sequence[Trial],
    findings: Sequence[Finding],
) -> AuditSummary:
    compiled = [t for t in trials if t.kind == "mutant" and t.verdict.status in COMPILED]
    return AuditSummary(
        output=str(work.out),
        benchmark=config.benchmark,
        checker=checker.name,
        problems=len(problems),
        faulty=len({finding.problem_id for finding in findings if finding.kind in EXCLUDED}),
        mutants=len(compiled),
        survived=sum(t.verdict.status == "passed" for t in compiled),
        kinds=dict(Counter(finding.kind for finding in findings)),
        findings=tuple(findings),
        errata=str(work.path / ERRATA),
    )

"""Turn completions into rows for scoring training: distinct candidates, the reference, a score each. Does not train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal

from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.checkers.agreement import Agreement
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.checkers.behaviour import Behaviours, candidate_of
from rtlscribe.errors import DataError, UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.flow import TIMEOUT_S, Attempt, Task, judge
from rtlscribe.options import Count, Positive
from rtlscribe.records import Completion, Problem, Sample
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import read_problems
from rtlscribe.scoring import Rule, score
from rtlscribe.summaries import ScoreSummary

CHECKER_OF: dict[Rule, str] = {"syntax": "pyslang", "function": "iverilog"}
ATTEMPTS, AGREEMENTS = "attempts.jsonl", "agreements.jsonl"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `rtlscribe score`."""

    completions: Path
    """Completions: the out.jsonl of `rtlscribe sample`, or its run folder."""

    data: Path
    """The problems or samples that were sampled: references, and for --rule function their testbenches."""

    rule: Literal["syntax", "function", "agreement"] = "syntax"
    """syntax: the paper's. function: by testbench. agreement: the share of the answers that behave as it does."""

    timeout_s: Positive = TIMEOUT_S
    """Seconds that one check may take."""

    executor: str = "pool"
    """How checks are run: serial, pool, ray, or ray:ADDRESS of a cluster."""

    workers: Count = 2
    """Checks at a time."""

    output: Path | None = None
    """Run folder; runs/<date>-score by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


def run(config: Config) -> ScoreSummary:
    """Score the candidates of `rtlscribe sample` and write rows for `rtlscribe train --loss scoring`."""
    source = config.completions / "out.jsonl" if config.completions.is_dir() else config.completions
    folder = config.output or default_folder("score")
    inputs = {"completions": source, "data": config.data}
    judge_by = _open(config)
    with RunDir.open(
        folder,
        stage="score",
        config=as_config(config),
        inputs=inputs,
        tools={"checker": judge_by.name},
        fresh=config.fresh,
    ) as work:
        if work.finished:
            return work.summary(ScoreSummary)
        problems = {p.id: p for p in read_problems(config.data)}
        completions = list(_completions(source, problems))
        if isinstance(judge_by, Behaviours):
            rows = list(_by_agreement(config, problems, completions, judge_by, work))
        else:
            rows = list(_by_verdict(config, problems, completions, judge_by, work))
        jsonl.write(work.out, rows)
        summary = _summary(work, rows)
        work.finish(summary)
    return summary


def _open(config: Config) -> Checker | Behaviours:
    if config.rule == "agreement":
        return Behaviours()
    return open_checker(CHECKER_OF[config.rule])


def _completions(source: Path, problems: dict[str, Problem]) -> Iterator[Completion]:
    seen = set()
    for number, text in jsonl.lines(source):
        completion = jsonl.decode(text, Completion, path=source, line=number)
        if completion.problem_id not in problems:
            raise DataError(
                source, number, f"no problem has the id {completion.problem_id!r}; is --data the file that was sampled?"
            )
        key = completion.problem_id, completion.index
        if key in seen:
            raise DataError(source, number, f"completion {key[1]} of {key[0]!r} stands there twice")
        seen.add(key)
        yield completion
    if not seen:
        raise DataError(source, None, "no completions")


# By verdict: each candidate for itself


def _by_verdict(
    config: Config, problems: dict[str, Problem], completions: list[Completion], checker: Checker, work: RunDir
) -> Iterator[Sample]:
    """One row a problem, by the rules `syntax` and `function`."""
    if config.rule == "function" and not all(problems[c.problem_id].testbench for c in completions):
        raise UsageError(f"--rule function needs a testbench for every problem, which {config.data} does not have")
    without = [p.id for p in problems.values() if not p.reference]
    if without:
        raise UsageError(f"{config.data}: {without[0]!r} has no reference code, against which to score")
    _judge(config, problems, completions, checker, work)
    attempts: dict[str, list[Attempt]] = {}
    for attempt in sorted(work.done(Attempt, name=ATTEMPTS), key=lambda a: a.key):
        attempts.setdefault(attempt.completion.problem_id, []).append(attempt)
    rule: Rule = "function" if config.rule == "function" else "syntax"
    for problem in problems.values():
        scored = {
            attempt.candidate.code or attempt.completion.text: score(
                attempt.candidate.code, attempt.verdict, reference=problem.reference, rule=rule
            )
            for attempt in attempts.get(problem.id, [])
        }
        if problem.id in attempts:
            yield _row(problem, scored, origin=f"score:{rule}")


def _judge(
    config: Config, problems: dict[str, Problem], completions: list[Completion], checker: Checker, work: RunDir
) -> None:
    """Check what is owed; each attempt is on disk as soon as it is judged."""
    attempts = work.done(Attempt, name=ATTEMPTS)
    done = {(a.completion.problem_id, a.completion.index) for a in attempts}
    owed = [Task(c) for c in completions if (c.problem_id, c.index) not in done]
    results = judge(
        owed,
        problems,
        {Task(completions[0]).rule: checker},
        open_executor(config.executor),
        workers=config.workers,
        timeout_s=config.timeout_s,
        known={a.answer: a.verdict for a in attempts},
    )
    with progress.bar(f"score ({config.rule})", len(completions), done=len(done)) as bar:
        work.keep(results, key=_name, advance=bar.add, name=ATTEMPTS)


def _name(task: Task) -> str:
    return f"{task.completion.problem_id} {task.completion.index}"


# By agreement: the candidates of a problem against one another


def _by_agreement(
    config: Config, problems: dict[str, Problem], completions: list[Completion], behaviours: Behaviours, work: RunDir
) -> Iterator[Sample]:
    """One row a problem. Without a reference of its own, the answer that most agree with is it."""
    said: dict[str, dict[int, str]] = {}
    for completion in completions:
        said.setdefault(completion.problem_id, {})[completion.index] = completion.text
    done = {a.problem_id for a in work.done(Agreement, name=AGREEMENTS)}
    owed = [problem for problem in problems.values() if problem.id in said and problem.id not in done]

    def compare(problem: Problem) -> Agreement:
        texts = sorted(said[problem.id].items())
        answers = [candidate_of(text, problem, index=index) for index, text in texts]
        return behaviours.compare(problem, answers, timeout_s=config.timeout_s)

    results = open_executor(config.executor).map(compare, owed, workers=config.workers)
    with progress.bar("score (agreement)", len(said), done=len(done)) as bar:
        work.keep(results, key=lambda problem: problem.id, advance=bar.add, name=AGREEMENTS)
    found = {a.problem_id: a for a in work.done(Agreement, name=AGREEMENTS)}
    for problem in problems.values():
        if problem.id not in found:
            continue
        agreement = found[problem.id]
        scored = {a.code or said[problem.id][a.index]: a.agreement for a in agreement.answers}
        consensus = "" if agreement.consensus is None else agreement.answers[agreement.consensus].code
        if problem.reference or consensus:
            yield _row(problem, scored, origin="score:agreement", consensus=consensus)


def _row(problem: Problem, scored: dict[str, float], *, origin: str, consensus: str = "") -> Sample:
    """A problem's distinct candidates in order, then the reference: its own, with score 1, else the consensus."""
    reference, score_of_it = (problem.reference, 1.0) if problem.reference else (consensus, scored.get(consensus, 0.0))
    others = {text: z for text, z in scored.items() if text.strip() and text != reference}
    return Sample(
        id=problem.id,
        instruction=problem.text,
        header=problem.header,
        verilog=reference,
        responses=(*others, reference),
        scores=(*others.values(), score_of_it),
        reference=len(others),
        origin=origin,
    )


def _summary(work: RunDir, rows: list[Sample]) -> ScoreSummary:
    candidates = [z for row in rows for k, z in enumerate(row.scores) if k != row.reference]
    return ScoreSummary(
        output=str(work.out),
        rows=len(rows),
        candidates=len(candidates),
        mean_score=round(fmean(candidates), 4) if candidates else 0.0,
        perfect_share=round(sum(z == 1 for z in candidates) / max(1, len(candidates)), 4),
        rankable=sum(len(set(row.scores)) > 1 for row in rows),
    )

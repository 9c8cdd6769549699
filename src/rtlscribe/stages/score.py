"""Turn completions into rows for scoring training: distinct candidates, the reference, a score each. Does not train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.checkers.base import Checker, open_checker
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


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `rtlscribe score`."""

    completions: Path
    """Completions: the out.jsonl of `rtlscribe sample`, or its run folder."""

    data: Path
    """The problems or samples that were sampled: references, and for --rule function their testbenches."""

    rule: Rule = "syntax"
    """syntax: the paper's, 1 where the code compiles, else Rouge-L. function: 1 where it passes its testbench."""

    timeout_s: Positive = TIMEOUT_S
    """Seconds that one check may take."""

    executor: str = "pool"
    """How checks are run: serial or pool."""

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
    checker = open_checker(CHECKER_OF[config.rule])
    with RunDir.open(
        folder,
        stage="score",
        config=as_config(config),
        inputs=inputs,
        tools={"checker": checker.name},
        fresh=config.fresh,
    ) as work:
        if work.finished:
            return work.summary(ScoreSummary)
        problems = {p.id: p for p in read_problems(config.data)}
        completions = list(_completions(source, problems))
        if config.rule == "function" and not all(problems[c.problem_id].testbench for c in completions):
            raise UsageError(f"--rule function needs a testbench for every problem, which {config.data} does not have")
        without = [p.id for p in problems.values() if not p.reference]
        if without:
            raise UsageError(f"{config.data}: {without[0]!r} has no reference code, against which to score")
        _judge(config, problems, completions, checker, work)
        attempts = work.done(Attempt, name="attempts.jsonl")
        rows = list(_rows(attempts, problems, config.rule))
        jsonl.write(work.out, rows)
        summary = _summary(work, rows)
        work.finish(summary)
    return summary


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


def _judge(
    config: Config, problems: dict[str, Problem], completions: list[Completion], checker: Checker, work: RunDir
) -> None:
    """Check what is owed; each attempt is on disk as soon as it is judged."""
    attempts = work.done(Attempt, name="attempts.jsonl")
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
        work.keep(results, key=_name, advance=bar.add, name="attempts.jsonl")


def _name(task: Task) -> str:
    return f"{task.completion.problem_id} {task.completion.index}"


def _rows(attempts: list[Attempt], problems: dict[str, Problem], rule: Rule) -> Iterator[Sample]:
    """One row a problem: its distinct candidates in order, then the reference with score 1."""
    by_problem: dict[str, list[Attempt]] = {}
    for attempt in sorted(attempts, key=lambda a: a.key):
        by_problem.setdefault(attempt.completion.problem_id, []).append(attempt)
    for problem in problems.values():
        if problem.id not in by_problem:
            continue
        scored = {
            attempt.candidate.code or attempt.completion.text: score(
                attempt.candidate.code, attempt.verdict, reference=problem.reference, rule=rule
            )
            for attempt in by_problem[problem.id]
        }
        scored = {text: z for text, z in scored.items() if text.strip() and text != problem.reference}
        yield Sample(
            id=problem.id,
            instruction=problem.text,
            header=problem.header,
            verilog=problem.reference,
            responses=(*scored, problem.reference),
            scores=(*scored.values(), 1.0),
            reference=len(scored),
            origin=f"score:{rule}",
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

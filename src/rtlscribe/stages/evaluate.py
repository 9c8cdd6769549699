"""Judge a model on a benchmark: sample, check while sampling goes on, count. Does not train or compare runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from cyclopts import Parameter

from rtlscribe import progress
from rtlscribe.benchmarks.base import load_problems
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.errors import UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.flow import TIMEOUT_S, Attempt, complete, judge
from rtlscribe.metrics import pass_at_k, wilson_interval
from rtlscribe.models.base import local_path, open_model
from rtlscribe.options import Count, FromZero, Positive, Share
from rtlscribe.prompts import Template, template_file
from rtlscribe.records import Problem, Sampling
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.scoring import COMPILED
from rtlscribe.summaries import EvaluateSummary, ProblemCount, Rate

KS = (1, 5, 10)  # pass@k is given for those that n allows


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe evaluate`."""

    benchmark: str
    """held-out, or a JSON Lines file of Problems (its name ends in .jsonl)."""

    _: KW_ONLY

    model: str
    """BACKEND:NAME, for example hf:path/to/model; a bare path means hf."""

    n: Count = 5
    """Completions a problem."""

    temperature: FromZero = 0.2
    """Sampling temperature; 0 takes the likeliest token."""

    top_p: Share = 0.95
    """Sample from the fewest tokens that reach this probability (paper: 0.95)."""

    max_tokens: Count = 512
    """Longest completion, in tokens."""

    seed: int = 0
    """Seed of the sampling."""

    limit: Count | None = None
    """Only the first so many problems."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja."""

    checker: str = "iverilog"
    """Who judges."""

    timeout_s: Positive = TIMEOUT_S
    """Seconds that one check may take."""

    executor: str = "pool"
    """How checks are run: serial or pool."""

    workers: Count = 2
    """Checks at a time."""

    batch_size: Count = 32
    """Completions generated at a time."""

    output: Path | None = None
    """Run folder; runs/<date>-evaluate-<benchmark>-<model> by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


def run(config: Config) -> EvaluateSummary:
    """Measure a model: pass rates for syntax and function, pass@k, and intervals, by simulation."""
    folder = config.output or default_folder("evaluate", Path(config.benchmark).stem, config.model)
    model = local_path(config.model)
    inputs = template_file(config.prompt) | ({"model": model} if model else {})
    if config.benchmark.endswith(".jsonl"):
        inputs["benchmark"] = Path(config.benchmark)
    checker = open_checker(config.checker)
    with RunDir.open(
        folder,
        stage="evaluate",
        config=as_config(config),
        inputs=inputs,
        tools={"checker": checker.name},
        fresh=config.fresh,
        how=("batch_size",),
    ) as work:
        if work.finished:
            return work.summary(EvaluateSummary)
        problems = {p.id: p for p in load_problems(config.benchmark)[: config.limit]}
        _check_judgeable(config, problems)
        sampling = Sampling(
            n=config.n,
            temperature=config.temperature,
            top_p=config.top_p,
            max_tokens=config.max_tokens,
            seed=config.seed,
        )
        _attempt_all(config, problems, sampling, checker, work)
        summary = _summary(config, sampling, checker.name, work)
        work.finish(summary)
    return summary


def _check_judgeable(config: Config, problems: dict[str, Problem]) -> None:
    if not problems:
        raise UsageError(f"benchmark {config.benchmark!r} has no problems")
    without = [p.id for p in problems.values() if not p.testbench]
    if without:
        raise UsageError(
            f"{len(without)} problems of {config.benchmark} have no testbench, the first is {without[0]!r}: "
            "they can be sampled and scored by syntax, not evaluated"
        )


def _attempt_all(
    config: Config, problems: dict[str, Problem], sampling: Sampling, checker: Checker, work: RunDir
) -> None:
    """Make and judge the attempts that are owed; judging runs while sampling goes on."""
    done = {attempt.key for attempt in work.done(Attempt)}
    total = len(problems) * config.n
    if len(done) >= total:
        return
    model = open_model(config.model, batch_size=config.batch_size)
    completions = complete(problems.values(), model, Template(config.prompt), sampling=sampling, done=done)
    results = judge(
        completions,
        problems,
        checker,
        open_executor(config.executor),
        workers=config.workers,
        timeout_s=config.timeout_s,
    )
    with progress.bar(f"evaluate {config.benchmark}", total, done=len(done)) as bar:
        work.keep(results, key=lambda c: f"{c.problem_id} {c.index}", advance=bar.add)


def _summary(config: Config, sampling: Sampling, checker: str, work: RunDir) -> EvaluateSummary:
    attempts = work.done(Attempt)
    counts: dict[str, Counter[str]] = {}
    for attempt in attempts:
        counts.setdefault(attempt.verdict.problem_id, Counter())[attempt.verdict.status] += 1
    by_problem = tuple(
        ProblemCount(id=i, n=c.total(), syntax=sum(c[s] for s in COMPILED), function=c["passed"])
        for i, c in sorted(counts.items())
    )
    ks = [k for k in KS if k <= config.n]
    return EvaluateSummary(
        output=str(work.out),
        model=config.model,
        benchmark=config.benchmark,
        checker=checker,
        sampling=sampling,
        problems=len(by_problem),
        completions=len(attempts),
        syntax=_rate([p.syntax / p.n for p in by_problem]),
        function=_rate([p.function / p.n for p in by_problem]),
        pass_at={str(k): _mean([pass_at_k(p.n, p.function, k) for p in by_problem]) for k in ks},
        statuses=dict(sum(counts.values(), Counter())),
        by_problem=by_problem,
    )


def _rate(shares: list[float]) -> Rate:
    low, high = wilson_interval(_mean(shares), len(shares))
    return Rate(rate=_mean(shares), low=low, high=high)


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 6)

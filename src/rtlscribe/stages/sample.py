"""Let a model answer every problem of a file n times. Does not judge the answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.asking import SPENDING, Spending, budget_of, spending
from rtlscribe.flow import complete
from rtlscribe.models.base import Failure, Limits, UnansweredError, local_path
from rtlscribe.options import Count, CountFromZero, FromZero, Share
from rtlscribe.places import Places, count
from rtlscribe.prompts import Template, template_file
from rtlscribe.records import Problem, Sampling
from rtlscribe.replicated import open_model_on
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import as_problem
from rtlscribe.summaries import SampleSummary

TOGETHER = 1000  # problems whose prompts are in memory at a time


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config(Spending):
    """Options of `rtlscribe sample`."""

    data: Path
    """Problems or samples: JSON Lines of ours, RTL-Coder's or LLaMA-Factory's form."""

    model: str
    """BACKEND:NAME, for example hf:path/to/model; a bare path means hf."""

    n: Count = 3
    """Completions a problem (the paper's K)."""

    beams: Count = 3
    """Beam search with so many beams, the n best kept, as in the paper; 1 samples with --temperature instead."""

    temperature: FromZero = 0.0
    """Sampling temperature, with --beams 1; 0 takes the likeliest token."""

    top_p: Share = 1.0
    """Sample from the fewest tokens that reach this probability."""

    max_tokens: Count = 512
    """Longest completion, in tokens."""

    seed: int = 0
    """Seed of the sampling."""

    limit: Count | None = None
    """Only the first so many problems."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja."""

    batch_size: Count = 32
    """Completions generated at a time."""

    executor: str = "pool"
    """Where replicas are: ray, or ray:ADDRESS of a cluster."""

    replicas: CountFromZero = 0
    """Models on the Ray cluster (with --executor ray), a GPU each; 0: one in this process."""

    output: Path | None = None
    """Run folder; runs/<date>-sample-<data>-<model> by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class _Key(msgspec.Struct):
    """As much of a completion as tells which it is."""

    problem_id: str
    index: int
    finish_reason: str


def run(config: Config) -> SampleSummary:
    """Draw candidates from a model: n completions of each problem, by sampling or beam search."""
    folder = config.output or default_folder("sample", config.data.stem, config.model)
    model_files = local_path(config.model)
    inputs = {"data": config.data} | template_file(config.prompt) | ({"model": model_files} if model_files else {})
    budget_of(config)  # which may be wrong
    how = ("batch_size", "replicas", *SPENDING)
    with RunDir.open(
        folder, stage="sample", config=as_config(config), inputs=inputs, fresh=config.fresh, how=how
    ) as work:
        if work.finished:
            return work.summary(SampleSummary)
        problems = count(config.data, lambda: ((number, p.id) for number, p in _problems(config)))
        _draw(config, work, total=problems * config.n)
        completions = cut_short = 0
        for said in jsonl.read(work.out, _Key):
            completions, cut_short = completions + 1, cut_short + (said.finish_reason == "length")
        summary = SampleSummary(output=str(work.out), problems=problems, completions=completions, cut_short=cut_short)
        work.finish(summary)
    return summary


def _problems(config: Config) -> Iterator[tuple[int, Problem]]:
    """The problems, each with the number of its line."""
    for number, line in itertools.islice(jsonl.lines(config.data), config.limit):
        yield number, as_problem(line, config.data, number)


def _draw(config: Config, work: RunDir, *, total: int) -> None:
    """Draw what is owed; each completion is on disk as soon as it comes.

    Raises:
        UnansweredError: some did not come, after all others. BudgetError: nothing more may be spent.
    """
    template = Template(config.prompt)
    sampling = Sampling(
        n=config.n,
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens,
        beams=config.beams,
        seed=config.seed,
    )
    failures: list[Failure] = []
    with work.appending() as append, spending(config, work) as (budget, spent):
        known = Places(work.out, _Key, "problem_id")
        if len(known) == total:
            return
        how = {"batch_size": config.batch_size, "replicas": config.replicas}
        model = open_model_on(config.executor, config.model, **how, limits=Limits(budget=budget))
        source = (problem for _, problem in _problems(config))
        with progress.bar("sample", total, done=len(known)) as bar:
            while some := list(itertools.islice(source, TOGETHER)):
                done = {(p.id, msgspec.json.decode(line, type=_Key).index) for p in some for line in known.lines(p.id)}
                try:
                    for completion in complete(some, model, template, sampling=sampling, done=done):
                        spent()
                        append(completion)
                        bar.add()
                except UnansweredError as error:
                    failures += error.failures
    if failures:
        raise UnansweredError(failures)

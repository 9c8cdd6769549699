"""Let a model answer every problem of a file n times. Does not judge the answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from rtlscribe import progress
from rtlscribe.flow import complete
from rtlscribe.models.base import local_path, open_model
from rtlscribe.options import Count, FromZero, Share
from rtlscribe.prompts import Template, template_file
from rtlscribe.records import Completion, Sampling
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import read_problems
from rtlscribe.summaries import SampleSummary


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config:
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

    output: Path | None = None
    """Run folder; runs/<date>-sample-<data>-<model> by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


def run(config: Config) -> SampleSummary:
    """Draw candidates from a model: n completions of each problem, by sampling or beam search."""
    folder = config.output or default_folder("sample", config.data.stem, config.model)
    model_files = local_path(config.model)
    inputs = {"data": config.data} | template_file(config.prompt) | ({"model": model_files} if model_files else {})
    with RunDir.open(
        folder, stage="sample", config=as_config(config), inputs=inputs, fresh=config.fresh, how=("batch_size",)
    ) as work:
        if work.finished:
            return work.summary(SampleSummary)
        problems = read_problems(config.data)[: config.limit]
        sampling = Sampling(
            n=config.n,
            temperature=config.temperature,
            top_p=config.top_p,
            max_tokens=config.max_tokens,
            beams=config.beams,
            seed=config.seed,
        )
        template = Template(config.prompt)
        done = {(c.problem_id, c.index) for c in work.done(Completion)}
        total = len(problems) * config.n
        if len(done) < total:
            model = open_model(config.model, batch_size=config.batch_size)
            with progress.bar("sample", total, done=len(done)) as bar, work.appending() as append:
                for completion in complete(problems, model, template, sampling=sampling, done=done):
                    append(completion)
                    bar.add()
        written = work.done(Completion)
        summary = SampleSummary(
            output=str(work.out),
            problems=len(problems),
            completions=len(written),
            cut_short=sum(c.finish_reason == "length" for c in written),
        )
        work.finish(summary)
    return summary

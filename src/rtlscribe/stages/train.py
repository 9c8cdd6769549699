"""Train a causal language model on samples. Does not make candidates or scores."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from rtlscribe import progress, registry
from rtlscribe.prompts import Template, template_file
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import read_samples
from rtlscribe.summaries import LossEntry, TrainSummary
from rtlscribe.training.hyperparameters import Hyperparameters


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config(Hyperparameters):
    """Options of `rtlscribe train`."""

    data: Path
    """Samples of ours, RTL-Coder's or LLaMA-Factory's form; with responses and scores for --loss scoring."""

    model: str
    """Model folder, or the name of any causal model of transformers."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja. Use the same for inference."""

    output: Path | None = None
    """Run folder; the trained model goes into its subfolder `model`."""

    fresh: bool = False
    """Start over instead of going on from the last checkpoint."""


def run(config: Config) -> TrainSummary:
    """Train a causal language model: maximum likelihood, or the paper's ranking of scored candidates.

    Goes on from the last checkpoint when interrupted.
    """
    folder = config.output or default_folder("train", config.loss, config.model)
    inputs = {"data": config.data} | template_file(config.prompt)
    if Path(config.model).exists():
        inputs["model"] = Path(config.model)
    with RunDir.open(folder, stage="train", config=as_config(config), inputs=inputs, fresh=config.fresh) as work:
        if work.finished:
            return work.summary(TrainSummary)
        summary = _train(config, work)
        work.finish(summary)
        shutil.rmtree(work.path / "checkpoints", ignore_errors=True)  # they hold the optimizer's state, and are large
    return summary


def _train(config: Config, work: RunDir) -> TrainSummary:
    samples = read_samples(config.data)
    template = Template(config.prompt)
    with registry.extra("train"):
        from rtlscribe.models.hf import load
        from rtlscribe.training import data, trainer

    model, tokenizer = load(config.model, dtype=trainer.MASTER)
    rows, dropped = data.encode(
        samples, tokenizer, template, scoring=config.loss == "scoring", max_length=config.max_length
    )
    if dropped.too_long or dropped.nothing_to_rank:
        progress.note(
            f"train: left out {dropped.too_long} rows over {config.max_length} tokens"
            f" and {dropped.nothing_to_rank} with nothing to rank; {len(rows)} remain"
        )
    begun = time.monotonic()
    steps = trainer.steps(len(rows), config)
    tokens = 0
    with progress.bar(f"train ({config.loss})", steps) as bar, work.appending() as append:

        def tell(entry: trainer.Progress) -> None:
            nonlocal tokens
            tokens = entry.tokens
            append(LossEntry(step=entry.step, loss=entry.loss, learning_rate=entry.learning_rate))
            rate = entry.tokens / (time.monotonic() - begun)
            bar.say(f"loss {entry.loss:.3f}, {rate:,.0f} tokens/s")
            bar.add(entry.step - bar.done)

        trainer.train(model, tokenizer, rows, config, work.path / "checkpoints", tell=tell)
        bar.add(steps - bar.done)
    target = work.path / "model"
    unfinished = work.path / "model.unfinished"
    model.save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    shutil.rmtree(target, ignore_errors=True)
    unfinished.rename(target)
    return TrainSummary(
        output=str(target),
        loss=config.loss,
        rows=len(rows),
        dropped_too_long=dropped.too_long,
        dropped_nothing_to_rank=dropped.nothing_to_rank,
        steps=steps,
        tokens=tokens,
        seconds=round(time.monotonic() - begun, 1),
        final_loss=work.done(LossEntry)[-1].loss,
    )

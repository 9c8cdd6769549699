"""Train a language model to prefer its better-scored answers (DPO). Does not make candidates or scores."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from rtlscribe import progress, registry
from rtlscribe.prompts import Template, template_file
from rtlscribe.report import card
from rtlscribe.report.runs import as_source
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import read_samples
from rtlscribe.summaries import PreferenceEntry, PreferenceSummary
from rtlscribe.training.rl_settings import PreferenceSettings


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config(PreferenceSettings):
    """Options of `rtlscribe train-dpo`."""

    data: Path
    """Samples with responses and scores, as `rtlscribe score` writes them, or RTL-Coder's scored form."""

    model: str
    """Model folder, or the name of any causal model of transformers; best the one that drew the candidates."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja. Use the same for inference."""

    output: Path | None = None
    """Run folder; the trained model goes into its subfolder `model`."""

    fresh: bool = False
    """Start over instead of going on from the last checkpoint."""


def run(config: Config) -> PreferenceSummary:
    """Train a causal language model by direct preference optimisation on pairs of scored candidates.

    Goes on from the last checkpoint when interrupted.
    """
    folder = config.output or default_folder("train-dpo", config.model)
    inputs = {"data": config.data} | template_file(config.prompt)
    if Path(config.model).exists():
        inputs["model"] = Path(config.model)
    with RunDir.open(folder, stage="train-dpo", config=as_config(config), inputs=inputs, fresh=config.fresh) as work:
        if work.finished:
            return work.summary(PreferenceSummary)
        summary = _train(config, work)
        card.write(as_source(work.manifest, folder), summary)
        work.finish(summary)
        shutil.rmtree(work.path / "checkpoints", ignore_errors=True)  # they hold the optimizer's state, and are large
    return summary


def _train(config: Config, work: RunDir) -> PreferenceSummary:
    samples = read_samples(config.data)
    template = Template(config.prompt)
    with registry.extra("rl"):
        from rtlscribe.models.hf import load
        from rtlscribe.training import preference, trl

    model, tokenizer = load(config.model, dtype=trl.MASTER)
    pairs, unpaired = preference.pair(samples, tokenizer, template, config)
    if unpaired.too_long or unpaired.nothing_to_prefer:
        progress.note(
            f"train-dpo: left out {unpaired.too_long} responses over {config.max_length} tokens and "
            f"{unpaired.nothing_to_prefer} rows with nothing to prefer; {len(pairs)} pairs remain"
        )
    begun = time.monotonic()
    steps = preference.steps(len(pairs), config)
    told = max((entry.step for entry in work.done(PreferenceEntry)), default=0)
    with progress.bar(f"train-dpo ({config.loss})", steps) as bar, work.appending() as append:

        def tell(step: int, logs: dict[str, float]) -> None:
            entry = PreferenceEntry(
                step=step,
                loss=logs["loss"],
                learning_rate=logs["learning_rate"],
                margin=logs["rewards/margins"],
                accuracy=logs["rewards/accuracies"],
            )
            if step > told:  # after an interruption, steps since the last checkpoint are made again
                append(entry)
            bar.say(f"loss {entry.loss:.3f}, margin {entry.margin:.3f}, {entry.accuracy:.0%} of pairs right")
            bar.add(step - bar.done)

        trained = preference.train(model, tokenizer, pairs, config, work.path / "checkpoints", tell=tell)
        bar.add(steps - bar.done)
    trl.save(trained, tokenizer, work.path / "model")
    entries = work.done(PreferenceEntry)
    return PreferenceSummary(
        output=str(work.path / "model"),
        rows=len(samples),
        pairs=len(pairs),
        dropped_too_long=unpaired.too_long,
        dropped_nothing_to_prefer=unpaired.nothing_to_prefer,
        steps=steps,
        seconds=round(time.monotonic() - begun, 1),
        final_loss=entries[-1].loss,
        final_margin=entries[-1].margin,
        final_accuracy=entries[-1].accuracy,
    )

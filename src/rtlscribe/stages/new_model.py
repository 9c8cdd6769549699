"""Make a small untrained model and its tokenizer from a data file. Does not train it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cyclopts import Parameter

from rtlscribe import registry
from rtlscribe.prompts import Template, template_file
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import read_samples
from rtlscribe.summaries import NewModelSummary

SizeName = Literal["nano", "small", "medium"]  # the keys of training.scratch.SIZES


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `rtlscribe new-model`."""

    data: Path
    """Samples whose text the tokenizer is trained on."""

    size: str = "small"
    """nano, small or medium (0.1, 0.8 or 5 million parameters), or HIDDENxLAYERSxHEADSxVOCABULARY: 256x6x8x2048."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja."""

    seed: int = 0
    """Seed of the weights."""

    output: Path | None = None
    """Run folder; the model goes into its subfolder `model`."""

    fresh: bool = False
    """Start over instead of keeping what an earlier attempt made."""


def run(config: Config) -> NewModelSummary:
    """Make an untrained byte-level BPE tokenizer and Llama, small enough to be trained on a CPU.

    The result is an ordinary transformers folder, for `rtlscribe train --model`.
    """
    folder = config.output or default_folder("new-model")
    inputs = {"data": config.data} | template_file(config.prompt)
    with RunDir.open(folder, stage="new-model", config=as_config(config), inputs=inputs, fresh=config.fresh) as work:
        if work.finished:
            return work.summary(NewModelSummary)
        with registry.extra("train"):
            from rtlscribe.training import scratch
        size = scratch.size(config.size)
        template = Template(config.prompt)
        texts = [
            template.render(instruction=s.instruction, header=s.header) + s.verilog for s in read_samples(config.data)
        ]
        model = work.path / "model"
        parameters = scratch.build_model(texts, model, size=size, seed=config.seed)
        summary = NewModelSummary(output=str(model), parameters=parameters)
        work.finish(summary)
    return summary

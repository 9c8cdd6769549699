"""The numbers of a training run, apart from the code that needs torch, so that `--help` is quick.

Annotations are evaluated here: cyclopts would look up their names in the module of a class that inherits them.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from rtlscribe.errors import UsageError
from rtlscribe.options import Count, CountFromZero, FromZero, Positive, Share

# What the public training code of RTL-Coder computes where it is not what the paper says.
COMPAT: dict[str, dict[str, Any]] = {
    "rtlcoder": {
        "mle_reduction": "mean",
        "length_norm": "total",
        "score_margin": 0.2,
        "combine": "multiply",
        "max_prompt_fraction": 0.5,
    }
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Defaults are the paper's (sections 3 and 4.3) where it names them."""

    loss: Literal["mle", "scoring"] = "mle"
    """mle: maximum likelihood of the reference code. scoring: that plus the ranking of scored candidates."""

    optimizer: Literal["adamw", "muon"] = "adamw"
    """adamw (0.9, 0.999), the paper's; muon learns faster from scratch (hidden matrices, adamw for the rest)."""

    learning_rate: Positive = 1e-5
    """Peak learning rate."""

    epochs: Positive = 3.0
    """Passes over the data."""

    batch_size: Count = 2
    """Rows a step and device; with --loss scoring each row brings all its candidates."""

    accumulate: Count = 1
    """Batches whose gradients are added up before one optimizer step."""

    max_length: Count = 2048
    """Longest prompt plus response in tokens; longer rows are dropped and counted, never cut."""

    max_prompt_fraction: Share = 1.0
    """Drop rows whose prompt takes more than this share of --max-length."""

    mle_reduction: Literal["sum", "mean"] = "sum"
    """How token losses of the reference are reduced: the paper's sum, or the mean over tokens."""

    compare_margin: FromZero = 0.3
    """The margin lambda of the ranking loss."""

    compare_weight: FromZero = 1.0
    """Weight of the ranking loss beside the likelihood."""

    score_margin: FromZero = 0.0
    """Rank only pairs of candidates whose scores differ by more than this (paper: by anything)."""

    length_norm: Literal["response", "total"] = "response"
    """Length by which log-probabilities are divided: the response's (the paper's), or prompt plus response."""

    combine: Literal["add", "multiply"] = "add"
    """add: compare + mle, the paper's. multiply: (compare + 1) x mle, as the public code has it."""

    compat: Literal["none", "rtlcoder"] = "none"
    """rtlcoder: mle_reduction, length_norm, score_margin, combine and max_prompt_fraction as in RTL-Coder's code."""

    gradient_split: Literal["shared", "candidates", "none"] = "shared"
    """shared: the prompt once, then candidates by groups. candidates: the paper's Algorithm 1. none: all at once."""

    split_group: Literal["auto"] | Count = "auto"
    """Candidates at a time when gradients are split; auto: as many as take no more memory than one of --max-length."""

    gradient_checkpointing: bool = False
    """Keep few activations and compute the rest again: less memory, a third more time."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Arithmetic; weights that are trained stay in fp32. auto: bf16 on a GPU that has it, else fp32."""

    lora_rank: CountFromZero = 0
    """Train adapters of this rank (LoRA) instead of the weights; 0 trains the weights."""

    lora_alpha: FromZero = 0.0
    """Scale of the adapters, divided by their rank; 0 means twice the rank."""

    lora_dropout: FromZero = 0.0
    """Dropout before the adapters."""

    lora_targets: str = "all-linear"
    """Layers that get adapters: all-linear (all but the output layer), or names such as q_proj,v_proj."""

    qlora: bool = False
    """Hold the base in 4 bits under the adapters (needs --lora-rank, an NVIDIA GPU and bitsandbytes)."""

    warmup_share: FromZero = 0.03
    """Share of the steps in which the learning rate rises from zero."""

    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """How the learning rate goes on after the warm-up."""

    weight_decay: FromZero = 0.0
    """Decoupled weight decay."""

    max_gradient_norm: Positive = 1.0
    """Gradients are scaled down to this norm."""

    seed: int = 0
    """Seed of the order of rows and of dropout."""

    deepspeed: Path | None = None
    """DeepSpeed configuration (JSON), for example recipes/deepspeed/zero2.json; run under torchrun."""

    fsdp: Path | None = None
    """FSDP2 configuration (JSON), for example recipes/fsdp2.json; run under torchrun, on GPUs."""

    checkpoint_every: Count = 200
    """Steps between checkpoints, from which an interrupted run goes on."""

    checkpoints_kept: Count = 1
    """The newest so many checkpoints are kept while the run lasts."""

    log_every: Count = 10
    """Steps between entries of the loss in out.jsonl."""

    report_to: str = ""
    """Also report to tensorboard, wandb, or both with a comma between."""


AnyHyperparameters = TypeVar("AnyHyperparameters", bound=Hyperparameters)


def resolved(settings: AnyHyperparameters) -> AnyHyperparameters:
    """The settings with those that `compat` stands for, and with the adapters' scale.

    Raises:
        UsageError: options that contradict each other.
    """
    preset = COMPAT.get(settings.compat, {})
    usual = {field.name: field.default for field in fields(settings)}
    for name, value in preset.items():
        given = getattr(settings, name)
        if given not in (value, usual[name]):
            option = name.replace("_", "-")
            raise UsageError(
                f"--compat {settings.compat} means --{option} {value}, and --{option} is {given}; leave one out"
            )
    if settings.split_group != "auto" and settings.split_group < 1:
        raise UsageError(f"--split-group {settings.split_group}: give auto, or 1 or more candidates at a time")
    if settings.qlora and not settings.lora_rank:
        raise UsageError("--qlora trains adapters on a base in 4 bits: give their rank, for example --lora-rank 16")
    if settings.deepspeed and settings.fsdp:
        raise UsageError("--deepspeed and --fsdp are two ways to do one thing; leave one out")
    sharded = "deepspeed" if settings.deepspeed else "fsdp" if settings.fsdp else ""
    if sharded and settings.optimizer == "muon":
        raise UsageError(f"--optimizer muon wants whole matrices, which --{sharded} cuts up; take adamw")
    if sharded and settings.qlora:
        raise UsageError(f"--qlora does not go with --{sharded}: four bits are not cut up; leave one out")
    alpha = settings.lora_alpha or 2.0 * settings.lora_rank
    return replace(settings, **preset, lora_alpha=alpha)

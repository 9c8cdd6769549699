"""The numbers of preference and reinforcement training, apart from the code that needs TRL, so that `--help` is quick.

Annotations are evaluated here: cyclopts would look up their names in the module of a class that inherits them.
"""

from dataclasses import dataclass
from typing import Literal

from rtlscribe.options import Count, CountFromZero, FromZero, Positive, Share


@dataclass(frozen=True, kw_only=True)
class RlSettings:
    """What both kinds of training take. Learning rates are those that TRL proposes, for models of some billions."""

    learning_rate: Positive = 1e-6
    """Peak learning rate; a small model wants more, one with --lora-rank ten times as much."""

    accumulate: Count = 1
    """Parts in which the completions of a step are computed, one after the other: more take less memory."""

    lora_rank: CountFromZero = 0
    """Train adapters of this rank (LoRA) and merge them at the end; 0 trains the weights."""

    lora_alpha: FromZero = 0.0
    """Scale of the adapters, divided by their rank; 0 means twice the rank."""

    gradient_checkpointing: bool = False
    """Keep few activations and compute the rest again: less memory, a third more time."""

    warmup_share: FromZero = 0.03
    """Share of the steps in which the learning rate rises from zero."""

    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """How the learning rate goes on after the warm-up."""

    weight_decay: FromZero = 0.0
    """Decoupled weight decay."""

    max_gradient_norm: Positive = 1.0
    """Gradients are scaled down to this norm."""

    seed: int = 0
    """Seed of the order of rows and of all that is drawn."""

    checkpoint_every: Count = 100
    """Steps between checkpoints, from which an interrupted run goes on."""

    log_every: Count = 10
    """Steps between entries in out.jsonl."""


@dataclass(frozen=True, kw_only=True)
class PreferenceSettings(RlSettings):
    """Of direct preference optimisation (Rafailov et al. 2023)."""

    pairs: Literal["best-worst", "all"] = "best-worst"
    """Of each row the best response against the worst, or every two whose scores differ."""

    score_margin: FromZero = 0.0
    """Pair only responses whose scores differ by more than this."""

    own_answers: bool = False
    """Pair the model's own candidates alone, without the reference."""

    loss: Literal["sigmoid", "ipo", "hinge"] = "sigmoid"
    """sigmoid: DPO's own. ipo: less given to overfitting certain preferences. hinge: stops at a margin."""

    beta: Positive = 0.1
    """How dear it is to leave the model that training began with: higher stays closer."""

    epochs: Positive = 1.0
    """Passes over the pairs."""

    batch_size: Count = 8
    """Pairs a step."""

    max_length: Count = 2048
    """Longest prompt plus response in tokens; longer responses are left out and counted, never cut."""


@dataclass(frozen=True, kw_only=True)
class ReinforceSettings(RlSettings):
    """Of group relative policy optimisation (Shao et al. 2024)."""

    steps: Count = 200
    """Optimizer steps."""

    batch_size: Count = 8
    """Problems a step."""

    group: Count = 8
    """Completions of each problem, which are compared with one another."""

    temperature: Positive = 1.0
    """Sampling temperature."""

    top_p: Share = 1.0
    """Sample from the fewest tokens that reach this probability."""

    max_tokens: Count = 512
    """Longest completion, in tokens."""

    max_prompt: Count = 1536
    """Longest prompt in tokens; problems with longer ones are left out and counted."""

    loss: Literal["dapo", "grpo", "dr_grpo"] = "dapo"
    """How token losses are averaged: over all tokens (dapo), within each completion (grpo), by a constant (dr_grpo)."""

    beta: FromZero = 0.0
    """Weight of the divergence from the model that training began with; 0 keeps no copy of it in memory."""

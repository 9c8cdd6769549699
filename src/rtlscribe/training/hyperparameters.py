"""The numbers of a training run, apart from the code that needs torch, so that `--help` is quick.

Annotations are evaluated here: cyclopts would look up their names in the module of a class that inherits them.
"""

from dataclasses import dataclass
from typing import Literal

from rtlscribe.options import Count, FromZero, Positive


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

    mle_reduction: Literal["sum", "mean"] = "sum"
    """How token losses of the reference are reduced: the paper's sum, or the mean over tokens."""

    compare_margin: FromZero = 0.3
    """The margin lambda of the ranking loss."""

    compare_weight: FromZero = 1.0
    """Weight of the ranking loss beside the likelihood."""

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

    checkpoint_every: Count = 200
    """Steps between checkpoints, from which an interrupted run goes on."""

"""Whether a model's candidates can share a prompt, found out by trying; and processes that must go in step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, distributed, nn
from transformers import PreTrainedModel

from rtlscribe.training.data import Row
from rtlscribe.training.grouping import Group, groups_of
from rtlscribe.training.likelihood import core_of
from rtlscribe.training.passes import AfterPrompt, Alone
from rtlscribe.training.shared_prompt import recomputes

# Largest mean difference, over a response's tokens, of log-probabilities between both ways, in nats. In float32
# rounding leaves 1e-6; an architecture that passes on more than keys and values differs by far more.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-4}
ROUNDED = 5e-2  # of other types

# Rotary embeddings whose angles depend on the longest position of a pass, beyond the length they were trained for.
LENGTH_DEPENDENT = {"dynamic", "longrope"}

# By model and power of two of the length, since windows and scaled positions begin somewhere: "" or why not.
_reasons: WeakKeyDictionary[nn.Module, dict[int, str]] = WeakKeyDictionary()


def can_share(model: nn.Module, row: Row) -> bool:
    """Whether the row's candidates have the same log-probabilities after a shared prompt.

    Tried on the first row of each power of two of its length. A model that cannot is told of by one warning.
    """
    core = core_of(model)
    return _suits(core, row) and _tried(model, core, row, (_length(row) - 1).bit_length())


def _length(row: Row) -> int:
    return len(row.prompt) + max(map(len, row.responses))


def _suits(core: PreTrainedModel, row: Row) -> bool:
    # The last token of the prompt goes with the responses, and something must be left to share.
    return len(row.prompt) > 1 and _length(row) <= _fixed_positions(core)


def _tried(model: nn.Module, core: PreTrainedModel, row: Row, bucket: int) -> bool:
    reasons = _reasons.setdefault(core, {})
    if bucket not in reasons:
        known = any(reasons.values())
        reasons[bucket] = _recomputes_reentrantly(core) or _difference(model, core, row)
        if reasons[bucket] and not known:
            warnings.warn(
                f"{type(core).__name__} cannot share a prompt among its candidates ({reasons[bucket]}): "
                "each is computed with its own copy, which is slower and gives the same gradients",
                stacklevel=2,
            )
    return not reasons[bucket]


def _fixed_positions(core: PreTrainedModel) -> float:
    """Tokens up to which positions are embedded the same way whatever the length of a pass."""
    config = core.config.get_text_config()
    rope = getattr(config, "rope_parameters", None) or {}
    parts = [rope, *(part for part in rope.values() if isinstance(part, dict))]
    bounded = [part for part in parts if part.get("rope_type") in LENGTH_DEPENDENT]
    if not bounded:
        return float("inf")
    lengths: list[float] = [
        part.get("original_max_position_embeddings")
        or getattr(config, "original_max_position_embeddings", None)
        or config.max_position_embeddings
        for part in bounded
    ]
    return min(lengths)


def _recomputes_reentrantly(core: PreTrainedModel) -> str:
    """Reentrant gradient checkpointing runs layers without a graph, and keys and values with them."""
    for module in core.modules():
        function = getattr(module, "_gradient_checkpointing_func", None)
        keywords = getattr(function, "keywords", {})
        if getattr(module, "gradient_checkpointing", False) and keywords.get("use_reentrant", False):
            return "its gradient checkpointing is reentrant: use_reentrant=False would do"
    return ""


def _difference(model: nn.Module, core: PreTrainedModel, row: Row) -> str:
    """Why not, out of one pass each way over the row's shortest candidate; empty where both agree."""
    place = min(range(len(row.responses)), key=lambda k: len(row.responses[k]))
    with torch.no_grad(), _without_dropout(model):
        with Alone(model, row) as alone:
            expected = alone.log_p([place])
        try:
            with AfterPrompt(model, row) as after:
                if not after.prompt.leaves:
                    return "its attention is not of transformers' registry"
                got = after.log_p([place])
        except torch.OutOfMemoryError:
            raise
        except (AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
    off = float((got - expected).abs() / len(row.responses[place]))
    limit = TOLERANCE.get(_type_of(core, expected), ROUNDED)
    return "" if off <= limit else f"log-probabilities differ by {off:.2g} nats a token"


def _type_of(core: PreTrainedModel, log_p: Tensor) -> torch.dtype:
    kind = log_p.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else core.dtype


@contextmanager
def _without_dropout(model: nn.Module) -> Iterator[None]:
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def weight_of_prompt(model: nn.Module) -> float:
    """How many tokens of a response hold as much memory as one token of a prompt that is shared; 1 or more.

    With gradient checkpointing a token of a response holds each layer's input; one of the prompt, while responses are
    computed, each layer's key and value and their gradients.
    """
    core = core_of(model)
    config = core.config.get_text_config()
    heads = getattr(config, "num_attention_heads", 0)
    if not heads or not recomputes(core):
        return 1.0
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    width: int = size * (getattr(config, "num_key_value_heads", None) or heads)  # of a layer's keys
    return max(1.0, float(4 * width / config.hidden_size))


class Steps(NamedTuple):
    """What all processes do in one call, where each pass of one is a pass of all."""

    rows: int
    groups: int  # of each row
    share: bool


def go_in_step(model: nn.Module) -> bool:
    """Whether parameters or their gradients are spread over processes, which gather them pass by pass."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return False
    if type(model).__name__ == "DeepSpeedEngine" or any("FullySharded" in type(m).__name__ for m in model.modules()):
        return True
    return any(type(p).__name__ == "DTensor" or hasattr(p, "ds_id") for p in model.parameters())


def agree(model: nn.Module, rows: Sequence[Row], *, group: Group, share: bool) -> Steps:
    """The most rows, and groups of a row, that any process has, and whether all can share prompts.

    Sharing is tried on the first rows of all, by all at once, since also that takes passes.
    """
    core = core_of(model)
    alone, shared = (max(len(groups_of(row, group, share=one)) for row in rows) for one in (False, True))
    suits = share and all(_suits(core, row) for row in rows)
    most, alone, shared, refused = _most(core, len(rows), alone, shared, not suits)
    share = not refused and not _most(core, not _tried(model, core, rows[0], 0))[0]
    return Steps(most, shared if share else alone, share)


def _most(core: PreTrainedModel, *numbers: int) -> list[int]:
    """The largest of each over the processes."""
    tensor = torch.tensor(numbers, device=core.device)
    distributed.all_reduce(tensor, op=distributed.ReduceOp.MAX)
    return [int(number) for number in tensor]

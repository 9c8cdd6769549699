"""The keys and values of a prompt, computed once and attended to by all of its responses.

An attention function of transformers' own registry does it, not a cache: a cache is dropped where activations are
recomputed in the backward pass (gradient checkpointing). Whether a model's answers come out the same is for the caller
to check.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

PREFIX = "shared_prompt_"  # of the registered names; what follows is the name of the attention that does the work


class SharedPrompt:
    """Keys and values of the first `length` tokens of one row, by attention layer."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.recording, self.attending = True, False
        self.recomputing = False  # layers are computed again in the backward pass (gradient checkpointing)
        self.computed: dict[nn.Module, tuple[Tensor, Tensor]] = {}  # with the prompt's graph
        self.leaves: dict[nn.Module, tuple[Tensor, Tensor]] = {}  # without it; gradients are collected here

    def recorded(self) -> None:
        """The prompt has been seen: from now on responses attend to it."""
        self.recording, self.attending = False, True
        self.leaves = {layer: (self._leaf(k), self._leaf(v)) for layer, (k, v) in self.computed.items()}
        if self.recomputing:
            self.computed = {}

    def _leaf(self, tensor: Tensor) -> Tensor:
        leaf = tensor.detach()
        if tensor.requires_grad or (self.recomputing and torch.is_grad_enabled()):
            leaf.requires_grad_()
            # The gradient of one response is a view of that of prompt and response, all of which it would keep.
            leaf.register_hook(torch.clone)
        return leaf

    def gradients(self) -> dict[nn.Module, tuple[Tensor | None, Tensor | None]]:
        """What the responses left for the prompt's keys and values.

        The responses are over: layers of the prompt that are recomputed now attend to nothing else.
        """
        self.attending = False
        left = {layer: (k.grad, v.grad) for layer, (k, v) in self.leaves.items()}
        self.leaves = {}
        return left

    def record(self, layer: nn.Module, key: Tensor, value: Tensor) -> None:
        """[1, heads, T, size] keys and values of one layer, while the prompt is seen."""
        if self.recording:
            self.computed[layer] = (key, value)


def _extended(leaf: Tensor, own: Tensor, copies: int) -> Tensor:
    """[G, copies x heads, P + T, size]: the prompt's keys or values before those of each response.

    Args:
        leaf: [1, heads, P, size]; own: [G, heads, T, size]; copies: query heads that share one of these heads.
    """
    together = torch.cat([leaf.expand(len(own), -1, -1, -1), own], dim=2)
    return together if copies == 1 else together.repeat_interleave(copies, dim=1)


@contextmanager
def _saved_in_parts(whole: dict[Tensor, tuple[Tensor, Tensor]], copies: int) -> Iterator[None]:
    """Keep, for the backward pass, the parts that these tensors were put together from, and put them together again.

    Otherwise each layer would keep a copy of the prompt's keys and values beside the prompt's own.
    """
    parts = {(tensor.data_ptr(), tensor.shape): both for tensor, both in whole.items()}

    def pack(tensor: Tensor) -> Any:
        both = parts.get((tensor.data_ptr(), tensor.shape))
        return tensor if both is None else tuple(part.detach() for part in both)

    def unpack(packed: Any) -> Tensor:
        if isinstance(packed, Tensor):
            return packed
        leaf, own = packed
        return _extended(leaf, own, copies)

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        yield


# Of this process, not of this thread: autograd recomputes checkpointed layers in threads of its own.
_active: SharedPrompt | None = None


@contextmanager
def active(shared: SharedPrompt, core: PreTrainedModel) -> Iterator[None]:
    """Within, `core`'s attention layers record the prompt, then attend to it. Also backward passes belong within."""
    global _active
    configs = _configs(core)
    before = {key: config._attn_implementation for key, config in configs.items()}
    for config in configs.values():
        config._attn_implementation_internal = _registered(config._attn_implementation)
    shared.recomputing = recomputes(core)
    outer, _active = _active, shared
    try:
        yield
    finally:
        _active = outer
        for key, config in configs.items():
            config._attn_implementation_internal = before[key]


def recomputes(core: PreTrainedModel) -> bool:
    """Whether the backward pass computes activations again (gradient checkpointing)."""
    return any(getattr(module, "gradient_checkpointing", False) for module in core.modules())


def recompute_activations(model: Any) -> None:
    """Switch gradient checkpointing on, in the form in which prompts can be shared."""
    # Newer versions of transformers warn of the old name, older ones know it alone.
    name = "activation_checkpointing_enable"
    enable = getattr(model, name if hasattr(model, name) else "gradient_checkpointing_enable")
    enable({"use_reentrant": False})


def _configs(core: PreTrainedModel) -> dict[int, Any]:
    configs = [getattr(module, "config", None) for module in core.modules()]
    return {id(c): c for c in configs if getattr(c, "_attn_implementation", None)}


def _registered(name: str) -> str:
    """The name under which attention `name`, with a prompt before it, is known to transformers."""
    ours = PREFIX + name
    if name.startswith(PREFIX):
        return name
    if ours not in ALL_ATTENTION_FUNCTIONS:
        AttentionInterface.register(ours, _attention(name))
        if name in ALL_MASK_ATTENTION_FUNCTIONS:
            AttentionMaskInterface.register(ours, _mask(ALL_MASK_ATTENTION_FUNCTIONS[name]))
    return ours


def _attention(name: str) -> Callable[..., Any]:
    def forward(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Any:
        # "eager" is no entry of the registry: each architecture has its own.
        own = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
        function = ALL_ATTENTION_FUNCTIONS.get_interface(name, own)
        if _active is None:
            return function(module, query, key, value, *args, **kwargs)
        _active.record(module, key, value)
        if not _active.attending:
            return function(module, query, key, value, *args, **kwargs)
        k, v = _active.leaves[module]
        copies = 1
        like: Any = module
        if name == "sdpa":  # it would repeat them itself, and keep the repeated ones
            copies = getattr(module, "num_key_value_groups", 1)
            like = SimpleNamespace(is_causal=getattr(module, "is_causal", True))
        keys, values = _extended(k, key, copies), _extended(v, value, copies)
        if _active.recomputing:  # nothing of the forward pass is kept
            return function(like, query, keys, values, *args, **kwargs)
        with _saved_in_parts({keys: (k, key), values: (v, value)}, copies):
            return function(like, query, keys, values, *args, **kwargs)

    return forward


def _mask(function: Callable[..., Any]) -> Callable[..., Any]:
    """Masks are functions of positions, so that windows stay right when the queries are moved behind the prompt."""

    def mask(*, q_length: int, kv_length: int, q_offset: int = 0, **rest: Any) -> Any:
        before = _active.length if _active is not None and _active.attending else 0
        return function(q_length=q_length, kv_length=kv_length + before, q_offset=q_offset + before, **rest)

    return mask

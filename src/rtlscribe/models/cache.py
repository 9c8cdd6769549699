"""Keys and values of what a batch has read and said, written in place. Does not know what they are for.

transformers' own cache is copied whole for each token, which takes most of the time of a small model on a CPU.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

BLOCK = 128  # tokens for which room is made at a time


class GrowingCache(DynamicCache):
    """As DynamicCache; layers that keep all they are given (not a window, not a state) grow by blocks."""

    layers: list[Any]

    def __init__(self, config: Any) -> None:
        super().__init__(config=config)
        self.layers = [_Growing() if type(layer) is DynamicLayer else layer for layer in self.layers]


class _Growing(DynamicLayer):
    """`keys` and `values`, [B, heads, T, D], are the beginnings of tensors with room for more."""

    keys: Tensor
    values: Tensor
    _room: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        begin = self.get_seq_length()
        end = begin + key_states.shape[-2]
        if self._room is None or self._room[0].shape[-2] < end:
            kept = (self.keys, self.values) if begin else (key_states[..., :0, :], value_states[..., :0, :])
            self._room = (_with_room(kept[0], end + BLOCK), _with_room(kept[1], end + BLOCK))
        keys, values = self._room
        keys[..., begin:end, :] = key_states
        values[..., begin:end, :] = value_states
        self.keys, self.values = keys[..., :end, :], values[..., :end, :]
        return self.keys, self.values

    def reorder_cache(self, beam_idx: Tensor) -> None:
        super().reorder_cache(beam_idx)
        self._room = None  # that of the batch before


def _with_room(kept: Tensor, length: int) -> Tensor:
    """A tensor [..., length, D] that begins as [..., T, D]."""
    room = kept.new_empty(*kept.shape[:-2], length, kept.shape[-1])
    room[..., : kept.shape[-2], :] = kept
    return room

"""Which candidates are computed together, and that as many of them as there are take the memory of one."""

import random
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from transformers import LlamaConfig, LlamaForCausalLM

from rtlscribe.training.data import Row
from rtlscribe.training.grouping import Group, Within, groups_of
from rtlscribe.training.losses import Objective
from rtlscribe.training.shared_prompt import recompute_activations
from rtlscribe.training.sharing import weight_of_prompt
from rtlscribe.training.splitting import Split, backward


def row_of(prompt: int, *responses: int) -> Row:
    rng = random.Random(0)

    def tokens(count: int) -> list[int]:
        return [rng.randrange(3, 61) for _ in range(count)]

    return Row(tokens(prompt), [tokens(n) for n in responses], [1 - k / 16 for k in range(len(responses))], 0)


@pytest.mark.parametrize(
    ("group", "share", "expected"),
    [
        (1, True, [[1], [3], [0], [2]]),
        (2, True, [[1, 3], [0, 2]]),
        (3, False, [[1], [3, 0, 2]]),
        (9, True, [[1, 3, 0, 2]]),
        (Within(49), True, [[1], [3, 0, 2]]),  # 10 + 3 x 13
        (Within(48), True, [[1, 3], [0, 2]]),
        (Within(48, 2.0), True, [[1, 3], [0, 2]]),  # 2 x 10 + 2 x 13
        (Within(45, 2.0), True, [[1, 3, 0], [2]]),  # 2 x 10 + 3 x 8
        (Within(62), True, [[1, 3, 0, 2]]),
        (Within(46), False, [[1, 3], [0, 2]]),  # 2 x (10 + 13)
        (Within(45, 2.0), False, [[1], [3, 0], [2]]),  # 2 x (10 + 8)
        (Within(5), True, [[1], [3], [0], [2]]),  # less than one row
        (Within(0), False, [[1], [3], [0], [2]]),
    ],
    ids=str,
)
def test_groups_hold_what_fits(group: Group, share: bool, expected: list[list[int]]) -> None:
    assert groups_of(row_of(10, 8, 5, 13, 5), group, share=share) == expected


class _Live(TorchDispatchMode):
    """Counts the bytes of tensors that are alive, and the most that ever were."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}
        self.now = self.most = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = {t.untyped_storage()._cdata for t in tree_iter((args, kwargs)) if isinstance(t, Tensor)}
        result = function(*args, **(kwargs or {}))
        for tensor in tree_iter(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                key = storage._cdata
                if key not in before and key not in self.sizes:
                    self.sizes[key] = storage.nbytes()
                    self.now += storage.nbytes()
                    weakref.finalize(storage, self._gone, key)
        self.most = max(self.most, self.now)
        return result

    def _gone(self, key: int) -> None:
        self.now -= self.sizes.pop(key)


def peak(row: Row, split: Split, group: Group | None, *, recomputed: bool, heads: int) -> int:
    """Bytes that a step holds at most, beside parameters and their gradients. No group: by itself within 256 tokens."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=61,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=8,
            num_attention_heads=8,
            num_key_value_heads=heads,
        )
    ).train()
    if recomputed:
        recompute_activations(model)
    group = group or Within(256, weight_of_prompt(model))
    for _ in range(2):  # first the check of the model, and the gradients
        with _Live() as live:
            backward(model, [row], Objective(loss="scoring"), split=split, group=group)
    return live.most


@pytest.mark.parametrize(
    ("split", "recomputed", "heads"),
    [
        ("shared", False, 8),
        ("shared", False, 2),
        ("shared", True, 2),  # with more, keys and values of the prompt show beside the inputs of layers
        ("candidates", False, 8),
        ("candidates", True, 8),
    ],
)
def test_many_candidates_take_the_memory_of_one(split: Split, recomputed: bool, heads: int) -> None:
    one = peak(row_of(64, 64), "none", 1, recomputed=recomputed, heads=heads)
    many = row_of(64, *[64] * 16)
    assert peak(many, split, 1, recomputed=recomputed, heads=heads) < 1.1 * one
    if split == "shared":
        assert peak(many, "none", 1, recomputed=recomputed, heads=heads) > 8 * one


@pytest.mark.parametrize("recomputed", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("heads", [2, 8])
@pytest.mark.parametrize("split", ["shared", "candidates"])
def test_groups_take_the_memory_of_one_candidate_of_the_maximal_length(
    split: Split, heads: int, recomputed: bool
) -> None:
    longest = peak(row_of(128, 128), "none", 1, recomputed=recomputed, heads=heads)
    many = row_of(32, *[32] * 16)
    assert peak(many, split, None, recomputed=recomputed, heads=heads) < 1.1 * longest

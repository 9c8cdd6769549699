"""Models from nothing: the dimensions that can be asked for, and those that no Llama has."""

from pathlib import Path

import pytest
from transformers import AutoConfig

from rtlscribe.errors import UsageError
from rtlscribe.training.scratch import SIZES, Size, build_model, size


def test_a_size_is_a_name_or_numbers(tmp_path: Path) -> None:
    assert size("small") is SIZES["small"]
    assert size("48x3x2x300") == Size(hidden=48, layers=3, heads=2, vocabulary=300)
    build_model(["module m; endmodule"] * 3, tmp_path, size=size("48x3x2x264"), seed=0)
    made = AutoConfig.from_pretrained(tmp_path)
    assert (made.hidden_size, made.num_hidden_layers, made.num_attention_heads) == (48, 3, 2)
    assert 259 < made.vocab_size <= 264


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("big", "there are nano, small, medium, or numbers"),
        ("64x2x4", "or numbers: 256x6x8x2048"),
        ("64x0x4x512", "no number be 0"),
        ("60x2x8x512", "even multiple of the heads"),
        ("8x1x1x300", "12 at the least"),
        ("64x2x4x258", "must hold the 259 bytes and marks"),
    ],
)
def test_sizes_that_no_model_has(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        size(name)

"""A small language model from nothing: a byte-level BPE tokenizer trained on the data, and a Llama with random weights.

Does not train the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

from rtlscribe.errors import UsageError

logging.disable_progress_bar()  # a model this small is saved at once

END, PAD, BEGIN = "<|end|>", "<|pad|>", "<|begin|>"
ALPHABET = 256 + 3  # of byte-level BPE, with the marks above


class Size(NamedTuple):
    """Dimensions of a Llama."""

    hidden: int
    layers: int
    heads: int
    vocabulary: int


SIZES = {
    "nano": Size(hidden=64, layers=2, heads=4, vocabulary=512),
    "small": Size(hidden=128, layers=3, heads=2, vocabulary=2048),
    "medium": Size(hidden=256, layers=6, heads=8, vocabulary=2048),
}
SIZE = re.compile(r"(\d+)x(\d+)x(\d+)x(\d+)")  # hidden, layers, heads, vocabulary
SMALLEST = 12  # hidden size; of a smaller one the feed-forward layers would have no units
CONTEXT = 1024
# A word with the sign before it, one digit, a run of signs, white space: Qwen's way, which llama.cpp has a name for.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def size(name: str) -> Size:
    """A shipped size by its name, or one that is spelled out, as in 256x6x8x2048.

    Raises:
        UsageError: there is no such size, or no Llama with these dimensions.
    """
    if name in SIZES:
        return SIZES[name]
    if not (match := SIZE.fullmatch(name)):
        raise UsageError(f"--size {name}: there are {', '.join(SIZES)}, or numbers: 256x6x8x2048")
    found = Size(*map(int, match.groups()))
    if not all(found) or found.hidden % (2 * found.heads) or found.hidden < SMALLEST:
        raise UsageError(
            f"--size {name}: the hidden size must be an even multiple of the heads and {SMALLEST} at the least, and no "
            "number be 0"
        )
    if found.vocabulary < ALPHABET:
        raise UsageError(f"--size {name}: the vocabulary must hold the {ALPHABET} bytes and marks at the least")
    return found


def build_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE in which each digit is a token, so that widths and constants are read digit by digit."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[PAD, BEGIN, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token=PAD, bos_token=BEGIN, eos_token=END, model_max_length=CONTEXT
    )


def build_model(texts: Iterable[str], folder: Path, *, size: Size, seed: int) -> int:
    """Save tokenizer and untrained model to `folder` in the usual form. Returns the number of parameters."""
    tokenizer = build_tokenizer(texts, size.vocabulary)
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=size.hidden,
            intermediate_size=size.hidden * 8 // 3 // 32 * 32,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.heads,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return int(model.num_parameters())

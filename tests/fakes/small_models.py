"""Models of a few thousand parameters for what reads or runs them: random ones of any family, and a trained one."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from rtlscribe.designs.generate import generate

# How Qwen2 splits a text into words.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
MOST_STEPS, BY_HEART = 600, 0.002  # of the loss
SPECIAL = ["<|pad|>", "<|begin|>", "<|end|>"]


def verilog(count: int) -> list[str]:
    """So many modules of the shipped families."""
    rows = (design.sample() for design in generate(split="train", seed=3))
    return [f"{row.instruction}\n{row.header}\n{row.verilog}" for row in itertools.islice(rows, count)]


def wrapped(bpe: Tokenizer) -> PreTrainedTokenizerFast:
    """A tokenizer for transformers."""
    pad, begin, end = SPECIAL
    return PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token=pad, bos_token=begin, eos_token=end)


def byte_level(steps: Sequence[Any], texts: Sequence[str], *, ignore_merges: bool = False) -> PreTrainedTokenizerFast:
    """Byte-level BPE that splits text by `steps` first: patterns, or pre-tokenizers."""
    bpe = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    splits = [pre_tokenizers.Split(Regex(s), behavior="isolated") if isinstance(s, str) else s for s in steps]
    by_itself = any(isinstance(step, pre_tokenizers.ByteLevel) for step in splits)
    bytes_only = [] if by_itself else [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    bpe.pre_tokenizer = pre_tokenizers.Sequence([*splits, *bytes_only])
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return wrapped(bpe)


def sentencepiece(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """The kind that Llama 2 and the first Mistral have: merges across a whole text, bytes for what is unknown."""
    bpe = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bpe.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1, right=0),
        ]
    )
    special = ["<unk>", *SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    words = [word.replace("\n", " ") for text in texts for word in text.split("\n")]
    bpe.train_from_iterator(
        words, trainers.BpeTrainer(vocab_size=900, special_tokens=special, show_progress=False, max_token_length=16)
    )
    tokenizer = wrapped(bpe)
    tokenizer.add_special_tokens({"unk_token": "<unk>"})
    return tokenizer


def random_model(folder: Path, tokenizer: PreTrainedTokenizerFast, kind: str = "llama", **settings: Any) -> Any:
    """Save a random model of a family. Its weights are large, so that no two tokens are nearly as likely."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind,
        **{
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 512,
            "initializer_range": 0.2,
            "tie_word_embeddings": False,
            "eos_token_id": tokenizer.eos_token_id,
            "bos_token_id": tokenizer.bos_token_id,
            **settings,
        },
    )
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, values in model.named_parameters():
            if name.endswith("bias") or "norm" in name:  # made as 0 and 1, which would hide that they were left out
                values.add_(torch.randn_like(values) * 0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def trained_model(folder: Path, texts: Sequence[str]) -> None:
    """Save a model that has learnt texts by heart, so that it says each when it is told the first line."""
    tokenizer = byte_level([WORDS], texts)
    sizes = {"num_key_value_heads": 4, "intermediate_size": 160, "tie_word_embeddings": True}
    model = random_model(folder, tokenizer, initializer_range=0.02, max_position_embeddings=1024, **sizes)
    asked = [tokenizer(text.partition("\n")[0] + "\n")["input_ids"] for text in texts]
    ids = [tokenizer(text)["input_ids"] + [tokenizer.eos_token_id] for text in texts]
    batch = torch.full((len(ids), max(map(len, ids))), tokenizer.pad_token_id)
    labels = torch.full_like(batch, -100)
    for row, (some, prompt) in enumerate(zip(ids, asked, strict=True)):
        batch[row, : len(some)] = torch.tensor(some)
        labels[row, len(prompt) : len(some)] = torch.tensor(some[len(prompt) :])
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(MOST_STEPS):
        optimizer.zero_grad()
        loss = model(input_ids=batch, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if loss < BY_HEART:
            break
    model.save_pretrained(folder)

"""A tokenizer in the words of a GGUF file, such that llama.cpp makes the same tokens of the same text.

llama.cpp splits text by one of its own rules, which a file can only name. A tokenizer whose splitting has no name there
is refused: the model would be shown tokens that it was not trained on. Writes no weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rtlscribe.errors import UsageError
from rtlscribe.registry import extra

with extra("gguf"):
    import gguf

_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_DIGIT = r"\p{N}"
_LIKE_GPT_4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|{digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_LETTERS, _UPPER, _LOWER = r"[^\r\n\p{L}\p{N}]?", r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_TEKKEN = (
    rf"{_LETTERS}{_UPPER}*{_LOWER}+|{_LETTERS}{_UPPER}+{_LOWER}*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# How a text is split into words, one pattern after the other, and whether a word that is a token stays whole: to the
# name of llama.cpp's rule that does the same (src/llama-vocab.cpp there).
RULES = {
    ((_WORDS,), False): "gpt-2",
    ((_DIGIT, _WORDS), False): "starcoder",
    ((_LIKE_GPT_4.replace("{digits}", r"\p{N}{1,3}"),), True): "llama-bpe",
    ((_LIKE_GPT_4.replace("{digits}", _DIGIT),), False): "qwen2",
    ((_TEKKEN,), True): "tekken",
    ((r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", _DIGIT), False): "deepseek-coder",
}  # fmt: skip


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Any, *, size: int, ends: Sequence[int]) -> None:
    """Write tokens, merges, special tokens and chat template. `size` are the rows of the model's embedding.

    `ends` are the tokens that end an answer.

    Raises:
        UsageError: llama.cpp could not make the same tokens.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    told = json.loads(backend.to_str()) if backend else {}
    if told.get("model", {}).get("type") != "BPE":
        raise UsageError(f"a GGUF wants a tokenizer of the kind BPE with a tokenizer.json; {type(tokenizer)} is none")
    if told["model"].get("byte_fallback"):
        _add_sentencepiece(writer, told, size)
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(rule(told))
        writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in _merges(told)])
        writer.add_token_list(_tokens(told, size))
        writer.add_token_types(_types(told, size))
    _add_special(writer, tokenizer, ends)


def rule(told: dict[str, Any]) -> str:
    """llama.cpp's name for the way in which a tokenizer (its JSON) splits text.

    Raises:
        UsageError: it has none.
    """
    normalizer = told.get("normalizer") or {}
    key = (_patterns(told.get("pre_tokenizer") or {}), bool(told["model"].get("ignore_merges")))
    # NFC changes no ASCII, and llama.cpp leaves it out for Qwen too.
    if key not in RULES or normalizer.get("type", "NFC") != "NFC":
        raise UsageError(
            "llama.cpp has no name for the way in which this tokenizer splits text, so it would show the model other "
            f"tokens than it was trained on; it knows: {', '.join(RULES.values())}. A model made by an early "
            "`rtlscribe new-model` has to be made and trained again"
        )
    return RULES[key]


def _patterns(step: dict[str, Any]) -> tuple[str, ...]:
    """A pre-tokenizer as regular expressions, each of which splits what the one before it left."""
    match step:
        case {"type": "Sequence", "pretokenizers": [*steps]}:
            return tuple(pattern for inner in steps for pattern in _patterns(inner))
        case {"type": "Split", "behavior": "Isolated", "invert": False, "pattern": {"Regex": str(pattern)}}:
            return (pattern,)
        case {"type": "Digits", "individual_digits": True}:
            return (_DIGIT,)
        case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": regex}:
            return (_WORDS,) if regex else ()
    return (str(step),)  # of no rule


def _merges(told: dict[str, Any]) -> list[Any]:
    return list(told["model"]["merges"])


def _tokens(told: dict[str, Any], size: int) -> list[str]:
    """The text of each row of the embedding; rows that no token uses are named by their number."""
    names = {number: text for text, number in told["model"]["vocab"].items()}
    names |= {added["id"]: added["content"] for added in told["added_tokens"]}
    return [names.get(number, f"[UNUSED_{number}]") for number in range(size)]


def _types(told: dict[str, Any], size: int) -> list[gguf.TokenType]:
    types = dict.fromkeys(told["model"]["vocab"].values(), gguf.TokenType.NORMAL)
    for added in told["added_tokens"]:
        types[added["id"]] = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
    return [types.get(number, gguf.TokenType.UNUSED) for number in range(size)]


def _add_sentencepiece(writer: gguf.GGUFWriter, told: dict[str, Any], size: int) -> None:
    """Llama's and Mistral's older kind: merges everywhere in a text, the best-scored piece first, then bytes."""
    writer.add_tokenizer_model("llama")
    splits = told.get("pre_tokenizer") or {}
    if splits and (splits.get("type") != "Metaspace" or splits.get("split")):
        raise UsageError("llama.cpp merges the pieces of this kind of tokenizer across words, and this one does not")
    pieces = _tokens(told, size)
    scores = dict.fromkeys(pieces, -float(len(pieces)))
    for rank, merge in reversed(list(enumerate(_merges(told)))):
        scores["".join(merge.split(" ", 1) if isinstance(merge, str) else merge)] = -float(rank)
    types = _types(told, size)
    for number, piece in enumerate(pieces):
        if piece == told["model"].get("unk_token"):
            types[number] = gguf.TokenType.UNKNOWN
        elif len(piece) == 6 and piece.startswith("<0x"):
            types[number] = gguf.TokenType.BYTE
    writer.add_token_list(pieces)
    writer.add_token_scores([scores[piece] for piece in pieces])
    writer.add_token_types(types)
    prepends = '"Prepend"' in json.dumps(told.get("normalizer")) or splits.get("prepend_scheme", "never") != "never"
    writer.add_add_space_prefix(prepends)


def _add_special(writer: gguf.GGUFWriter, tokenizer: Any, ends: Sequence[int]) -> None:
    for name, add in (
        ("bos", writer.add_bos_token_id),
        ("eos", writer.add_eos_token_id),
        ("unk", writer.add_unk_token_id),
        ("pad", writer.add_pad_token_id),
    ):
        number = getattr(tokenizer, f"{name}_token_id")
        if number is not None:
            add(number)
    others = [number for number in ends if number != tokenizer.eos_token_id]
    if others:
        writer.add_eot_token_id(others[0])  # llama.cpp knows the usual further ones by their text
    first = tokenizer("a")["input_ids"][0]
    writer.add_add_bos_token(first == tokenizer.bos_token_id)
    writer.add_add_eos_token(False)  # prompts have none, see prompts.prompt_ids
    if isinstance(tokenizer.chat_template, str):
        writer.add_chat_template(tokenizer.chat_template)

"""A model folder of transformers as one GGUF file, for llama.cpp and all that stands on it.

Llama, Mistral, Qwen2 and Qwen3, in F16, Q8_0 or Q4_0. Reads one tensor at a time, so that a laptop can convert what it
can run. Does not look at what the model says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, AutoTokenizer, GenerationConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from rtlscribe.errors import UsageError
from rtlscribe.quantizing.gguf_tokenizer import add_tokenizer
from rtlscribe.registry import extra
from rtlscribe.weights import weight_files

with extra("gguf"):
    import gguf
    from gguf.quants import quantize

Type = gguf.GGMLQuantizationType
TYPES = {"F16": Type.F16, "Q8_0": Type.Q8_0, "Q4_0": Type.Q4_0}


class Family(NamedTuple):
    """What llama.cpp calls an architecture, and whether the halves of its rotary embedding are interleaved there."""

    name: str
    interleaved: bool


FAMILIES = {
    "LlamaForCausalLM": Family("llama", interleaved=True),
    "MistralForCausalLM": Family("llama", interleaved=True),
    "Qwen2ForCausalLM": Family("qwen2", interleaved=False),
    "Qwen3ForCausalLM": Family("qwen3", interleaved=False),
}


class _Tensor(NamedTuple):
    """One tensor of the file to be: its type, its shape, and how its values are had when its turn comes."""

    name: str
    type: gguf.GGMLQuantizationType
    shape: tuple[int, ...]
    read: Callable[[], torch.Tensor]


def write(folder: Path, target: Path, *, type: str) -> None:
    """Convert the model in `folder`. `type` is one of TYPES; the file is whole or not there.

    Raises:
        UsageError: the architecture, the tokenizer or the weights are of a kind that is not written here.
    """
    config, tokenizer = _load(folder)
    family = FAMILIES[config.architectures[0]]
    unfinished = target.with_name(f".{target.name}.unfinished")
    tensors = list(_tensors(folder, config, family, TYPES[type]))
    writer = gguf.GGUFWriter(unfinished, family.name)
    try:
        _add_dimensions(writer, config)
        writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{type}"])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        add_tokenizer(writer, tokenizer, size=config.vocab_size, ends=_ends(folder))
        for tensor in tensors:
            block, size = gguf.GGML_QUANT_SIZES[tensor.type]
            total = torch.Size(tensor.shape).numel() // block * size
            writer.add_tensor_info(tensor.name, tensor.shape, np.dtype(np.float32), total, raw_dtype=tensor.type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for tensor in tensors:
            writer.write_tensor_data(quantize(tensor.read().float().numpy(), tensor.type))
        writer.close()
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def _load(folder: Path) -> tuple[Any, Any]:
    """Configuration and tokenizer of a model that can be converted."""
    if not (folder / "config.json").is_file():
        raise UsageError(f"{folder} is no model folder: it has no config.json (see `save_pretrained` of transformers)")
    try:
        config = AutoConfig.from_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"cannot load the model {str(folder)!r}: {str(error).strip().splitlines()[0]}") from error
    named = (config.architectures or ["no architecture"])[0]
    if named not in FAMILIES:
        raise UsageError(
            f"{folder} is a {named}; a GGUF is written here of {', '.join(FAMILIES)}. llama.cpp's own "
            "convert_hf_to_gguf.py knows more, and what it writes runs as --model gguf:FILE"
        )
    if getattr(config, "quantization_config", None):
        raise UsageError(f"{folder} is quantized already; give the model that it was made from")
    return config, tokenizer


def _ends(folder: Path) -> list[int]:
    """The tokens that end an answer, where the model's settings for generation name some."""
    if not (folder / "generation_config.json").is_file():
        return []
    ends = GenerationConfig.from_pretrained(folder).eos_token_id
    return ends if isinstance(ends, list) else [ends] if ends is not None else []


def _head(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _add_dimensions(writer: gguf.GGUFWriter, config: Any) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(_head(config))
    writer.add_value_length(_head(config))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(_head(config))
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope["rope_theta"])
    match rope.get("rope_type", "default"):
        case "default" | "llama3":  # the latter's factors are a tensor
            pass
        case "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(rope["factor"])
        case "yarn":
            writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
            writer.add_rope_scaling_factor(rope["factor"])
            writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        case other:
            raise UsageError(f"positions scaled as {other!r} are not written here; default, linear, llama3, yarn are")


def _tensors(folder: Path, config: Any, family: Family, wanted: gguf.GGMLQuantizationType) -> Iterator[_Tensor]:
    names = gguf.get_tensor_name_map(_architecture(family), config.num_hidden_layers)
    files = weight_files(folder)
    if not files:
        raise UsageError(f"{folder} has no .safetensors files; `save_pretrained` of transformers writes them")
    for path in files:
        try:
            with safe_open(path, framework="pt") as weights:
                shapes = {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise UsageError(f"cannot read the weights {path}: {error}; is the file whole?") from error
        for name, shape in shapes.items():
            if name.endswith("rotary_emb.inv_freq") or (name == "lm_head.weight" and config.tie_word_embeddings):
                continue
            there = names.get_name(name, try_suffixes=(".weight", ".bias"))
            if not there:
                raise UsageError(f"{path}: llama.cpp's {family.name} has no tensor {name!r}")
            heads = _interleaved_heads(name, config) if family.interleaved else 0
            yield _Tensor(there, _type(there, shape, wanted), shape, _reader(path, name, heads))
    if config.rope_parameters.get("rope_type") == "llama3":
        scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
        plain = config.rope_parameters["rope_theta"] ** (-torch.arange(0, _head(config), 2) / _head(config))
        yield _Tensor("rope_freqs.weight", Type.F32, tuple(scaled.shape), lambda: plain / scaled)


def _architecture(family: Family) -> gguf.MODEL_ARCH:
    return next(arch for arch, name in gguf.MODEL_ARCH_NAMES.items() if name == family.name)


def _interleaved_heads(name: str, config: Any) -> int:
    """How many heads the rows of a tensor are, where they are interleaved; else 0."""
    if ".q_proj." in name:
        return int(config.num_attention_heads)
    return int(config.num_key_value_heads) if ".k_proj." in name else 0


def _reader(path: Path, name: str, heads: int) -> Callable[[], torch.Tensor]:
    def read() -> torch.Tensor:
        with safe_open(path, framework="pt") as weights:
            values: torch.Tensor = weights.get_tensor(name)
        if heads:  # transformers keeps the halves of a head apart that GGUF has in turn
            values = values.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)
        return values

    return read


def _type(name: str, shape: tuple[int, ...], wanted: gguf.GGMLQuantizationType) -> gguf.GGMLQuantizationType:
    """Vectors stay as they are; what embeds tokens and tells them apart suffers most from 4 bits and gets 8."""
    if len(shape) < 2:
        return Type.F32
    if wanted == Type.Q4_0 and name in ("token_embd.weight", "output.weight"):
        wanted = Type.Q8_0
    block, _ = gguf.GGML_QUANT_SIZES[wanted]
    return wanted if shape[-1] % block == 0 else Type.F16

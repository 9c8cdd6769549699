"""GPTQ (Frantar et al. 2022): weights in few bits, the rounding of each layer corrected on the calibration data.

Two libraries: llmcompressor writes the format compressed-tensors, gptqmodel the classic one. Each wants an environment
of its own beside this package. Does not run what it writes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rtlscribe.errors import MissingToolError, RtlscribeError, UsageError
from rtlscribe.prompts import Template, Tokenizer, prompt_ids, response_ids
from rtlscribe.records import Sample

EXTRAS = {"llmcompressor": "quant", "gptqmodel": "quant-gptq"}
GROUP_SIZES = (128, 64, 32)  # weights of a row that share a scale


def require(method: str) -> None:
    """Raises MissingToolError if the library is not installed."""
    if importlib.util.find_spec(method) is None:
        raise MissingToolError(
            f"the Python package {method!r} is not installed; its dependencies exclude this environment's, so it wants "
            f"one of its own with the extra {EXTRAS[method]}: docs/quantize.md tells how; --format gguf needs none"
        )


def tokenizer_of(source: str) -> Any:
    """The tokenizer of a model folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(source)


def calibration(
    samples: Iterable[Sample], tokenizer: Tokenizer, template: Template, *, count: int, max_length: int
) -> list[list[int]]:
    """Token ids of the first `count` rows, prompt and answer as in training, cut to `max_length`."""
    rows: list[list[int]] = []
    for sample in samples:
        if len(rows) == count:
            break
        prompt = prompt_ids(tokenizer, template.render(instruction=sample.instruction, header=sample.header))
        rows.append([*prompt, *response_ids(tokenizer, sample.verilog)][:max_length])
    return rows


def quantize(source: str, rows: Sequence[Sequence[int]], target: Path, *, method: str, bits: int) -> None:
    """Write a quantized copy of the model in the folder `source` to the folder `target`.

    Raises:
        RtlscribeError: the library fails on this model.
    """
    by_name = {"llmcompressor": _llmcompressor, "gptqmodel": _gptqmodel}
    try:
        with contextlib.redirect_stdout(sys.stderr):  # results alone go to stdout
            by_name[method](source, rows, target, bits)
    except (ValueError, RuntimeError, NotImplementedError, AttributeError) as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise RtlscribeError(f"{method} does not quantize {source}: {reason}") from error


def _llmcompressor(source: str, rows: Sequence[Sequence[int]], target: Path, bits: int) -> None:
    import torch
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from datasets import Dataset
    from llmcompressor import oneshot
    from llmcompressor.modifiers.gptq import GPTQModifier
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(source, dtype="auto")
    model = model.to("cuda") if torch.cuda.is_available() else model
    weights = QuantizationArgs(num_bits=bits, type="int", strategy="group", group_size=_group_size(model.config))
    recipe = GPTQModifier(
        config_groups={"all": QuantizationScheme(targets=["Linear"], weights=weights)}, ignore=["lm_head"]
    )
    oneshot(
        model=model,
        dataset=Dataset.from_dict({"input_ids": rows, "attention_mask": [[1] * len(row) for row in rows]}),
        recipe=recipe,
        max_seq_length=max(map(len, rows)),
        num_calibration_samples=len(rows),
    )
    model.save_pretrained(target, save_compressed=True)


def _gptqmodel(source: str, rows: Sequence[Sequence[int]], target: Path, bits: int) -> None:
    # It counts cores as it likes, and fails where it then finds fewer.
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", str(max(2, len(os.sched_getaffinity(0)))))
    from gptqmodel import GPTQModel, QuantizeConfig
    from transformers import AutoConfig

    settings = QuantizeConfig(bits=bits, group_size=_group_size(AutoConfig.from_pretrained(source)))
    model = GPTQModel.load(source, settings)
    model.quantize([{"input_ids": list(row), "attention_mask": [1] * len(row)} for row in rows], batch_size=1)
    model.save(str(target))


def _group_size(config: Any) -> int:
    """The largest usual group that divides every row of the model's matrices.

    Raises:
        UsageError: none does.
    """
    widths = (config.hidden_size, config.intermediate_size)
    for size in GROUP_SIZES:
        if all(width % size == 0 for width in widths):
            return size
    raise UsageError(f"the model's layers are {widths} wide, which groups of {GROUP_SIZES} weights do not divide")

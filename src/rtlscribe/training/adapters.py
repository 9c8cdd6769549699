"""Adapters (LoRA) on a frozen base, the base in 4 bits under them, and whole models written from either.

Does not train.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedModel
from transformers.utils import is_bitsandbytes_available, is_peft_available

from rtlscribe.errors import MissingToolError, UsageError

WEIGHTS = "adapter_model.safetensors"


def attach(
    model: PreTrainedModel, *, rank: int, alpha: float, dropout: float, targets: str, seed: int, in_4_bits: bool = False
) -> Any:
    """The model with adapters of float32 in `targets` (all-linear, or names with commas); the rest is frozen.

    Raises:
        UsageError: the model has no such layers. MissingToolError: peft is not installed.
    """
    if not is_peft_available():
        raise MissingToolError("--lora-rank needs the Python package 'peft': pip install -e '.[train]'")
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if in_4_bits:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    names: str | list[str] = targets if targets == "all-linear" else [name.strip() for name in targets.split(",")]
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=names, task_type="CAUSAL_LM")
    torch.manual_seed(seed)  # half of an adapter begins at random
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        layers = sorted({n.rpartition(".")[2] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)})
        raise UsageError(
            f"--lora-targets {targets}: the model has no such layers; there are all-linear, {', '.join(layers)}"
        ) from error


def load_in_4_bits(path: str) -> tuple[PreTrainedModel, Any]:
    """Tokenizer and a base whose matrices are held in 4 bits (NF4, Dettmers et al. 2023) and computed with in bf16.

    Raises:
        UsageError: there is no GPU, or no such model. MissingToolError: bitsandbytes is not installed.
    """
    if not torch.cuda.is_available():
        raise UsageError("--qlora needs an NVIDIA GPU, and there is none; without it use --lora-rank alone")
    if not is_bitsandbytes_available():
        raise MissingToolError("--qlora needs the Python package 'bitsandbytes': pip install -e '.[qlora]'")
    compute = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=compute
    )
    here = {"": torch.cuda.current_device()}
    return _read(path, dtype=compute, quantization_config=config, device_map=here), AutoTokenizer.from_pretrained(path)


def load_on_cpu(path: str, *, dtype: torch.dtype | None) -> tuple[PreTrainedModel, Any]:
    """Tokenizer and a model that something else (DeepSpeed, FSDP) puts on the GPUs in parts; None: as it was saved.

    Raises:
        UsageError: no such model.
    """
    return _read(path, dtype=dtype or "auto"), AutoTokenizer.from_pretrained(path)


def stored_dtype(path: str) -> torch.dtype:
    """The type in which a model's weights were saved."""
    dtype = AutoConfig.from_pretrained(path).dtype
    return dtype if isinstance(dtype, torch.dtype) else torch.float32


def write_model(saved: Path, target: Path, *, base: str, dtype: torch.dtype) -> None:
    """A whole model in `target`, which is made, from what the Trainer saved: a model, or adapters on `base`.

    In `dtype`; the tokenizer goes with it.
    """
    shutil.rmtree(target, ignore_errors=True)
    if (saved / WEIGHTS).is_file():
        from peft import PeftModel

        model = PeftModel.from_pretrained(_read(base, dtype=torch.float32), saved).merge_and_unload().to(dtype)
        model.save_pretrained(target)
    elif stored_dtype(str(saved)) != dtype:
        _read(str(saved), dtype=dtype).save_pretrained(target)
    else:
        shutil.copytree(saved, target, ignore=shutil.ignore_patterns("training_args.bin"))
    for file in saved.iterdir():  # the tokenizer's
        if file.is_file() and not (target / file.name).exists() and _is_of_tokenizer(file.name):
            shutil.copy2(file, target / file.name)


def put(made: Path, target: Path) -> None:
    """Rename a folder that is written to its end; what was in its place goes."""
    shutil.rmtree(target, ignore_errors=True)
    made.rename(target)


def _is_of_tokenizer(name: str) -> bool:
    return not name.startswith("adapter_") and not name.endswith((".safetensors", ".bin", ".index.json", ".md"))


def _read(path: str, **options: Any) -> PreTrainedModel:
    try:
        return AutoModelForCausalLM.from_pretrained(path, **options)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UsageError(f"cannot load the model {path!r}: {reason}") from error

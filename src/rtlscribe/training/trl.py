"""What preference and reinforcement training share of TRL: its arguments, reports, checkpoints, adapters, saving.

Knows neither pairs nor rewards.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl, TrainerState

from rtlscribe.training.adapters import put
from rtlscribe.training.rl_settings import RlSettings
from rtlscribe.training.trainer import last_whole_checkpoint

# Weights that are updated by small steps: in bf16 most steps at a rate of 1e-6 would round to nothing.
MASTER = torch.float32

# Told every few steps: the step, and TRL's numbers by their names.
Tell = Callable[[int, dict[str, float]], None]


class Quiet:
    """Mixed into TRL's trainers, which else report to their makers' server at each start."""

    def _send_telemetry(self) -> None:
        pass


class _Tell(TrainerCallback):
    """Pass each log entry on."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if logs and "loss" in logs:
            self.tell(state.global_step, logs)


def arguments(settings: RlSettings, folder: Path, *, steps: int) -> dict[str, Any]:
    """The arguments that TRL's configurations have in common, for a run of so many optimizer steps."""
    on_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(folder),
        "max_steps": steps,
        "gradient_accumulation_steps": settings.accumulate,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.schedule,
        "warmup_steps": round(settings.warmup_share * steps),
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_gradient_norm,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "seed": settings.seed,
        "bf16": on_gpu and torch.cuda.is_bf16_supported(),
        "use_cpu": not on_gpu,
        "logging_steps": settings.log_every,
        "logging_first_step": True,
        "save_steps": settings.checkpoint_every,
        "save_total_limit": 1,
        "dataloader_pin_memory": on_gpu,
        "disable_tqdm": True,
        "report_to": "none",
    }


def adapter(settings: RlSettings) -> Any:
    """The configuration of adapters, or None where the weights themselves are trained."""
    if not settings.lora_rank:
        return None
    from peft import LoraConfig  # only where it is used: importing it takes a second

    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha or 2 * settings.lora_rank,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def fit(trainer: Trainer, folder: Path, *, tell: Tell) -> Any:
    """Train, from the last checkpoint under `folder` if there is one. Returns the model, adapters merged into it."""
    trainer.remove_callback(PrinterCallback)  # it prints to stdout, which is for results
    trainer.add_callback(_Tell(tell))
    trainer.train(resume_from_checkpoint=last_whole_checkpoint(folder, trainer.args))
    model = trainer.accelerator.unwrap_model(trainer.model)
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model


def save(model: Any, tokenizer: Any, target: Path) -> None:
    """Both to the folder `target`, by way of a new one that is renamed into place."""
    unfinished = target.with_name(f"{target.name}.unfinished")
    model.save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    put(unfinished, target)

"""Train a causal language model on encoded rows with transformers' Trainer. Does not read samples."""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.data import Sampler
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

from rtlscribe.training import optimizer
from rtlscribe.training.data import Row, collate
from rtlscribe.training.hyperparameters import Hyperparameters
from rtlscribe.training.losses import IGNORED, compare_loss, mle_loss, response_log_probabilities

LOG_EVERY = 10  # steps
# Weights that are updated by small steps: in bf16 most steps at a rate of 1e-5 would round to nothing.
MASTER = torch.float32
# Rows of so many batches are sorted by length together: little padding, and the order stays random.
SORTED_BATCHES = 16


class Progress(NamedTuple):
    """What is told every few steps. `tokens` are those seen since this attempt began, padding left out."""

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float  # before it is scaled down to max_gradient_norm
    tokens: int


class LengthBuckets(Sampler[int]):
    """Random order in which neighbours are of like length. The same for the same seed and epoch."""

    def __init__(self, lengths: Sequence[int], *, batch: int, seed: int) -> None:
        self.lengths, self.batch, self.seed, self.epoch = lengths, batch, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the data loader at the start of each epoch, also of a resumed one."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        rng = random.Random(f"{self.seed} {self.epoch}")
        order = rng.sample(range(len(self)), len(self))
        span = self.batch * SORTED_BATCHES
        buckets = [sorted(order[i : i + span], key=self.lengths.__getitem__) for i in range(0, len(order), span)]
        batches = [bucket[i : i + self.batch] for bucket in buckets for i in range(0, len(bucket), self.batch)]
        # The one short batch stays last, or every later one would straddle two lengths.
        whole, short = [b for b in batches if len(b) == self.batch], [b for b in batches if len(b) < self.batch]
        rng.shuffle(whole)
        return (i for batch in whole + short for i in batch)


class SampleTrainer(Trainer):
    """transformers' Trainer with the paper's losses."""

    # With the two settings below the Trainer divides our per-batch mean by the accumulation steps; with either alone,
    # some versions of transformers do not, and gradients come out that many times too large.
    loss_is_scaled_for_ga = False

    def __init__(self, settings: Hyperparameters, rows: Sequence[Row], **rest: Any) -> None:
        super().__init__(train_dataset=rows, **rest)
        self.model_accepts_loss_kwargs = False
        self.settings = settings
        self.tokens = 0

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthBuckets:
        rows = train_dataset or self.train_dataset
        return LengthBuckets([row.tokens for row in rows], batch=self.args.train_batch_size, seed=self.settings.seed)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The mean over the batch's rows of mle, or of mle + weight x compare."""
        settings = self.settings
        self.tokens += int(inputs["attention_mask"].sum())
        labels = inputs["labels"]
        # Logits are wanted from the token before the first response on: for a large vocabulary they cost the most.
        first = int((labels != IGNORED).any(dim=0).nonzero()[0])
        kept = labels.shape[1] - first + 1
        output = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], logits_to_keep=kept)
        log_p, length = response_log_probabilities(output.logits, labels[:, -kept:])
        references = inputs["references"]
        loss = mle_loss(log_p[references], length[references], reduction=settings.mle_reduction)
        if settings.loss == "scoring":
            counts = inputs["counts"].tolist()
            rows = zip(log_p.split(counts), length.split(counts), inputs["scores"].split(counts), strict=True)
            ranked = [compare_loss(p, n, z, margin=settings.compare_margin) for p, n, z in rows]
            loss = loss + settings.compare_weight * torch.stack(ranked).mean()
        return (loss, output) if return_outputs else loss


class _Tell(TrainerCallback):
    """Pass each log entry on."""

    def __init__(self, tell: Callable[[Progress], None]) -> None:
        self.tell = tell
        self.trainer: SampleTrainer | None = None

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if logs and "loss" in logs and self.trainer:
            entry = Progress(
                state.global_step,
                logs["loss"],
                logs["learning_rate"],
                logs["grad_norm"],
                self.trainer.tokens,
            )
            self.tell(entry)


def steps(rows: int, settings: Hyperparameters) -> int:
    """Optimizer steps of a whole run, as the Trainer counts them."""
    batches = math.ceil(rows / settings.batch_size)
    return math.ceil(settings.epochs * max(1, math.ceil(batches / settings.accumulate)))


def train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Row],
    settings: Hyperparameters,
    folder: Path,
    *,
    tell: Callable[[Progress], None],
) -> PreTrainedModel:
    """Train in place, with checkpoints under `folder` from which a later call goes on. Returns the model."""
    torch.manual_seed(settings.seed)
    on_gpu = torch.cuda.is_available()
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=round(settings.warmup_share * steps(len(rows), settings)),
        max_grad_norm=settings.max_gradient_norm,
        seed=settings.seed,
        bf16=on_gpu and torch.cuda.is_bf16_supported(),
        use_cpu=not on_gpu,
        logging_steps=LOG_EVERY,
        logging_first_step=True,
        save_steps=settings.checkpoint_every,
        save_total_limit=1,
        remove_unused_columns=False,
        dataloader_pin_memory=on_gpu,
        disable_tqdm=True,
        report_to="none",
    )
    callback = _Tell(tell)
    chosen = optimizer.build(
        settings.optimizer, model, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay
    )
    trainer = SampleTrainer(
        settings,
        rows,
        model=model,
        args=arguments,
        processing_class=tokenizer,
        data_collator=partial(
            collate, pad=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        ),
        callbacks=[callback],
        optimizers=(chosen, None),  # None: the Trainer makes the scheduler
    )
    callback.trainer = trainer
    trainer.remove_callback(PrinterCallback)  # it prints to stdout, which is for results
    trainer.train(resume_from_checkpoint=_last_whole_checkpoint(folder))
    return model


def _last_whole_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that was written to its end; a kill in the middle of one leaves half, which is deleted."""
    for half in folder.glob("checkpoint-*"):
        if not (half / "trainer_state.json").is_file():  # the last file that is written
            shutil.rmtree(half)
    return get_last_checkpoint(str(folder)) if folder.exists() else None

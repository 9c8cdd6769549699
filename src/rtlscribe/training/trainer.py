"""Train a causal language model on encoded rows with transformers' Trainer. Does not read samples or judge answers."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate.utils import DistributedType
from torch import Tensor
from transformers import (
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.integrations import is_deepspeed_zero3_enabled
from transformers.trainer_utils import get_last_checkpoint

from rtlscribe.errors import MissingToolError, UsageError
from rtlscribe.training import optimizer, replicas, splitting
from rtlscribe.training.batches import Batch, Batches, LengthBuckets
from rtlscribe.training.data import Row
from rtlscribe.training.grouping import Group, Within
from rtlscribe.training.hyperparameters import Hyperparameters
from rtlscribe.training.losses import Objective
from rtlscribe.training.shared_prompt import recompute_activations
from rtlscribe.training.sharing import weight_of_prompt
from rtlscribe.training.tokens import Rows

# Weights that are updated by small steps: in bf16 most steps at a rate of 1e-5 would round to nothing.
MASTER = torch.float32
REPORTERS = ("tensorboard", "wandb")
TIMEOUT_S = 4 * 3600  # processes wait for the first one while it judges answers
GIB = 2**30

Arguments = TrainingArguments


class Progress(NamedTuple):
    """What is told every few steps."""

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float  # before it is scaled down to max_gradient_norm
    tokens: int  # seen by all processes, in all attempts that led here
    tokens_per_s: float  # since this attempt began
    memory_gib: float  # the most that the first process has had, on its GPU if it has one


class Spent(NamedTuple):
    """What training has taken up to a step, in all processes and all attempts that led to it."""

    tokens: int = 0
    seconds: float = 0.0  # of wall time
    processor_seconds: float = 0.0


class Hooks(NamedTuple):
    """What a run tells, and what it asks for now and then. All are called in the first process alone."""

    tell: Callable[[Progress], None]
    begun: Callable[[int], None] = lambda step: None  # once, with the step of the checkpoint that it goes on from
    evaluate: Callable[[Path, int], dict[str, float]] | None = None  # what the Trainer saved, the step -> numbers
    evaluate_every: int = 0  # steps


def objective(settings: Hyperparameters) -> Objective:
    """The settings' loss."""
    return Objective(
        loss=settings.loss,
        compare_weight=settings.compare_weight,
        compare_margin=settings.compare_margin,
        score_margin=settings.score_margin,
        length_norm=settings.length_norm,
        combine=settings.combine,
        mle_reduction=settings.mle_reduction,
        mle_of="last" if settings.compat == "rtlcoder" else "reference",
    )


class SampleTrainer(Trainer):
    """transformers' Trainer with the paper's losses, several backward passes a batch, and exact accumulation."""

    def __init__(self, settings: Hyperparameters, rows: Sequence[Row], **rest: Any) -> None:
        super().__init__(train_dataset=rows, **rest)
        self.settings = settings
        self.objective = objective(settings)
        self._group = _group(settings, self.model)
        self.tokens = 0  # of this process, in this attempt
        self.earlier = Spent()  # by the attempts before this one
        self.began = time.monotonic(), time.process_time()
        self._window = (1.0, 1.0)
        self._is_replica = self.accelerator.distributed_type not in (DistributedType.DEEPSPEED, DistributedType.FSDP)
        self._amp = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.args.mixed_precision)

    def get_train_dataloader(self) -> Batches:
        rows = self.train_dataset
        order = LengthBuckets(
            [row.tokens for row in rows],
            batch=self.settings.batch_size,
            seed=self.settings.seed,
            process=self.args.process_index,
            processes=self.args.world_size,
        )
        return Batches(rows, order)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Any], None]:
        """The batches of one optimizer step. What each weighs in it follows from all of them, of all processes."""
        batches = [batch for _, batch in zip(range(num_batches), epoch_iterator, strict=False)]
        sizes = [self._size(inputs["batch"]) for inputs in batches]
        rows, tokens = (sum(part) for part in zip(*sizes, strict=True))
        rows, tokens = replicas.total(rows, tokens, device=self.args.device)
        self._window = (rows, tokens)
        return batches, None

    def training_step(self, model: Any, inputs: dict[str, Batch], num_items_in_batch: Any = None) -> Tensor:
        """The gradients of one batch, which weighs by its share of the step's rows (or tokens: see `_share`)."""
        model.train()
        batch = inputs["batch"]
        weight, wanted = self._share(batch)
        sync = self.accelerator.sync_gradients
        # Gradients are averaged over processes afterwards, and losses by the Trainer when it logs them.
        weight *= self.args.world_size
        loss = torch.zeros((), device=self.args.device)
        if weight or not self._is_replica:
            with self._arithmetic():
                result = splitting.backward(
                    model.module if self._is_replica else model,
                    batch.rows,
                    wanted,
                    split=self.settings.gradient_split,
                    group=self._group,
                    run_backward=self._backward(model, sync),
                    scale=weight,
                )
            loss = result.loss.to(loss) * weight
            self.tokens += result.tokens if batch.counts else 0
        self.accelerator.gradient_state._set_sync_gradients(sync)
        if sync and self._is_replica:
            model.average_gradients()
        return loss

    def _size(self, batch: Batch) -> tuple[int, int]:
        """Rows of a batch, and tokens whose likelihood it maximises; none of a stand-in."""
        if not batch.counts:
            return 0, 0
        likely = (row.responses[self.objective.likely(len(row.responses), row.reference)] for row in batch.rows)
        return len(batch.rows), sum(map(len, likely))

    def _share(self, batch: Batch) -> tuple[float, Objective]:
        """The weight of a batch's loss in its step and the objective to use, so that a step is one large batch.

        A sum over tokens is averaged over the step's rows. With the mean over tokens, the likelihood is averaged over
        the step's tokens, and what is added to it over its rows.
        """
        rows, tokens = (part / whole for part, whole in zip(self._size(batch), self._window, strict=True))
        if self.settings.mle_reduction == "sum":
            return rows, self.objective
        if self.settings.loss == "mle" or self.settings.combine == "multiply" or not tokens:
            return tokens, self.objective
        return tokens, replace(self.objective, compare_weight=self.settings.compare_weight * rows / tokens)

    def _arithmetic(self) -> Any:
        """A context: autocast, where DeepSpeed or FSDP do not see to it."""
        if self._amp is None or not self._is_replica:
            return contextlib.nullcontext()
        return torch.autocast(self.args.device.type, dtype=self._amp)

    def _backward(self, model: Any, sync: bool) -> splitting.RunBackward:
        """Run one of a batch's backward passes; only the last of a step lets DeepSpeed and FSDP synchronise."""

        def run(value: Tensor, last: bool) -> None:
            self.accelerator.gradient_state._set_sync_gradients(sync and last)
            if self.is_fsdp_enabled:
                model.set_requires_gradient_sync(sync and last)
            # DeepSpeed would divide by the accumulated batches once more, which Adam hides and clipping does not.
            options = {"scale_wrt_gas": False} if self.is_deepspeed_enabled else {}
            with torch.autocast(self.args.device.type, enabled=False):
                self.accelerator.backward(value, **options)

        return run

    def _wrap_model(self, model: Any, training: bool = True, dataloader: Any = None) -> Any:
        """Copies are ours: accelerate would put them into DistributedDataParallel, and autocast each forward."""
        if not self._is_replica:
            return super()._wrap_model(model, training, dataloader)
        return model if isinstance(model, replicas.Replica) else replicas.Replica(model)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        return 0  # counted from input_ids, which our batches do not have

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add speed, memory and cost, for `Progress` and for TensorBoard and the like. Called in all processes."""
        if "loss" in logs:
            spent = self.spent()
            speed = (spent.tokens - self.earlier.tokens) / (spent.seconds - self.earlier.seconds)
            logs |= {"tokens_per_s": speed, "memory_gib": memory_gib(), **spent._asdict()}
        super().log(logs, start_time)

    def spent(self) -> Spent:
        """Up to now. Called in all processes."""
        seconds, processor = time.monotonic() - self.began[0], time.process_time() - self.began[1]
        tokens, busy = replicas.total(self.tokens, processor, device=self.args.device)
        before = self.earlier
        return Spent(before.tokens + int(tokens), before.seconds + seconds, before.processor_seconds + busy)


def _group(settings: Hyperparameters, model: Any) -> Group:
    """One candidate of the maximal length must fit anyway: short ones may take its place together.

    Raises:
        UsageError: several at a time under ZeRO-3, which then loses a part of the gradients (seen with DeepSpeed 0.19).
    """
    if is_deepspeed_zero3_enabled():
        if settings.split_group not in ("auto", 1):
            raise UsageError(
                f"--split-group {settings.split_group}: with DeepSpeed's ZeRO-3 candidates go one at a time"
            )
        return 1
    if settings.split_group != "auto":
        return settings.split_group
    return Within(settings.max_length, weight_of_prompt(model))


class _Hooks(TrainerCallback):
    """Call the hooks of a run."""

    def __init__(self, hooks: Hooks) -> None:
        self.hooks = hooks
        self.trainer: SampleTrainer | None = None

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        told = [entry for entry in state.log_history if "tokens" in entry]  # those of the checkpoint it goes on from
        if told and self.trainer:
            self.trainer.earlier = Spent(*(told[-1].get(name, 0) for name in Spent._fields))
        if state.is_world_process_zero:
            self.hooks.begun(state.global_step)

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if logs and "loss" in logs and state.is_world_process_zero:
            entry = Progress(
                state.global_step,
                logs["loss"],
                logs["learning_rate"],
                logs["grad_norm"],
                int(logs["tokens"]),
                logs["tokens_per_s"],
                logs["memory_gib"],
            )
            self.hooks.tell(entry)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        control.should_log |= control.should_save  # so that a checkpoint knows what it has cost
        every = self.hooks.evaluate_every
        if not every or state.global_step % every or not self.trainer:
            return
        saved = Path(args.output_dir) / "evaluated"
        self.trainer.save_model(str(saved))  # all processes: each may hold a part
        if state.is_world_process_zero and self.hooks.evaluate:
            with torch.random.fork_rng():  # loading a model draws numbers, and being watched must change nothing
                numbers = self.hooks.evaluate(saved, state.global_step)
            due = control.should_log, control.should_save  # which a log entry clears
            self.trainer.log(numbers)
            control.should_log, control.should_save = due
            shutil.rmtree(saved)
        replicas.wait()


def arguments(settings: Hyperparameters, folder: Path) -> TrainingArguments:
    """The Trainer's own settings. Made before the model is loaded: it joins the processes that torchrun started.

    Raises:
        UsageError: this machine cannot do what is wanted. MissingToolError: it lacks a package.
    """
    on_gpu = torch.cuda.is_available()
    _check(settings, on_gpu)
    if settings.deepspeed:
        import deepspeed

        # Before a model is loaded, which ZeRO-3 cuts up as it comes in, among as many processes as are known of then.
        deepspeed.init_distributed(verbose=False)
    bf16 = settings.precision == "bf16" or (settings.precision == "auto" and on_gpu and torch.cuda.is_bf16_supported())
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        max_grad_norm=settings.max_gradient_norm,
        seed=settings.seed,
        bf16=bf16,
        fp16=settings.precision == "fp16",
        use_cpu=not on_gpu,
        logging_steps=settings.log_every,
        logging_first_step=True,
        logging_nan_inf_filter=False,  # it would show the mean of the steps before in place of a nan
        save_steps=settings.checkpoint_every,
        save_total_limit=settings.checkpoints_kept,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to=_reporters(settings) or "none",
        deepspeed=str(settings.deepspeed) if settings.deepspeed else None,
        fsdp=True if settings.fsdp else None,
        fsdp_config=str(settings.fsdp) if settings.fsdp else None,
        ddp_timeout=TIMEOUT_S,
    )


def _check(settings: Hyperparameters, on_gpu: bool) -> None:
    if settings.precision == "fp16" and not on_gpu:
        raise UsageError("--precision fp16 needs a GPU; on a CPU use fp32 or bf16")
    if settings.precision == "bf16" and on_gpu and not torch.cuda.is_bf16_supported():
        raise UsageError("--precision bf16: this GPU has none; use fp16 or fp32")
    if settings.fsdp and not on_gpu:
        raise UsageError("--fsdp works on GPUs: on a CPU accelerate leaves it out and says nothing; leave it out")
    if (settings.deepspeed or settings.fsdp) and "WORLD_SIZE" not in os.environ:
        raise UsageError(
            f"--{'deepspeed' if settings.deepspeed else 'fsdp'} needs the processes that torchrun starts, one a GPU: "
            "torchrun --nproc-per-node N -m rtlscribe train ..."
        )
    if settings.deepspeed and importlib.util.find_spec("deepspeed") is None:
        raise MissingToolError("--deepspeed needs the Python package 'deepspeed': pip install -e '.[deepspeed]'")


def _reporters(settings: Hyperparameters) -> list[str]:
    names = [name.strip() for name in settings.report_to.split(",") if name.strip()]
    for name in names:
        if name not in REPORTERS:
            raise UsageError(f"--report-to: no reporter is called {name!r}; there are: {', '.join(REPORTERS)}")
        if importlib.util.find_spec(name) is None:
            raise MissingToolError(f"--report-to {name} needs the Python package {name!r}: pip install {name}")
    return names


def steps(rows: int, settings: Hyperparameters, processes: int = 1) -> int:
    """Optimizer steps of a whole run, as the Trainer counts them."""
    batches = math.ceil(rows / (settings.batch_size * processes))
    return math.ceil(settings.epochs * max(1, math.ceil(batches / settings.accumulate)))


def memory_gib() -> float:
    """The most memory that this process has had: of its GPU if it has one, else of the machine."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / GIB
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIB


def train(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Row],
    settings: Hyperparameters,
    args: TrainingArguments,
    *,
    hooks: Hooks,
) -> SampleTrainer:
    """Train in place, with checkpoints in `args.output_dir` from which a later call goes on.

    Args:
        model: of transformers or peft; where adapters are trained, with them.
        settings: as `hyperparameters.resolved` gives them.
    """
    args.warmup_steps = round(settings.warmup_share * steps(len(rows), settings, args.world_size))
    if settings.gradient_checkpointing:
        recompute_activations(model)
    callback = _Hooks(hooks)
    chosen = optimizer.build(
        settings.optimizer, model, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay
    )
    trainer = SampleTrainer(
        settings,
        rows if isinstance(rows, Rows) else Rows.of(rows),
        model=model,
        args=args,
        processing_class=tokenizer,
        callbacks=[callback],
        optimizers=(chosen, None),  # None: the Trainer makes the scheduler
    )
    callback.trainer = trainer
    trainer.remove_callback(PrinterCallback)  # it prints to stdout, which is for results
    torch.manual_seed(settings.seed + args.process_index)  # each process has its own dropout
    trainer.train(resume_from_checkpoint=last_whole_checkpoint(Path(args.output_dir), args))
    return trainer


def last_whole_checkpoint(folder: Path, args: TrainingArguments) -> str | None:
    """The newest checkpoint that was written to its end; a kill in the middle of one leaves half, which is deleted."""
    if args.process_index == 0:
        for half in folder.glob("checkpoint-*"):
            if not (half / "trainer_state.json").is_file():  # the last file that is written
                shutil.rmtree(half)
    replicas.wait()
    return get_last_checkpoint(str(folder)) if folder.exists() else None

"""Train a causal language model on samples, in one process or several. Does not make candidates or scores."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cyclopts import Parameter

from rtlscribe import jsonl, progress, registry
from rtlscribe.benchmarks.base import benchmark_inputs, load_problems
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.errors import UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.flow import Task, completed_or_empty, judge
from rtlscribe.models.base import open_model
from rtlscribe.options import Count, CountFromZero, FromZero
from rtlscribe.prompts import Template, template_file
from rtlscribe.records import Problem, Sample, Sampling
from rtlscribe.report import card
from rtlscribe.report.runs import as_source
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import read_samples
from rtlscribe.scoring import COMPILED
from rtlscribe.summaries import LossEntry, PassRate, TrainSummary
from rtlscribe.training.hyperparameters import Hyperparameters, resolved

if TYPE_CHECKING:
    from rtlscribe.training.data import Dropped
    from rtlscribe.training.tokens import Rows
    from rtlscribe.training.trainer import Arguments, Progress

PASS_RATES = "pass_rates.jsonl"
CHECKPOINTS = "checkpoints"
# They say how it is computed or told, and change no result but by rounding.
HOW = ("gradient_split", "split_group", "gradient_checkpointing", "checkpoints_kept", "report_to", "evaluate_workers")
AnyEntry = TypeVar("AnyEntry", LossEntry, PassRate)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config(Hyperparameters):
    """Options of `rtlscribe train`."""

    data: Path
    """Samples of ours, RTL-Coder's or LLaMA-Factory's form; with responses and scores for --loss scoring."""

    model: str
    """Model folder, or the name of any causal model of transformers."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja. Use the same for inference."""

    evaluate_every: CountFromZero = 0
    """Steps between evaluations on --evaluate-on by the strict checker; 0 for none."""

    evaluate_on: str = ""
    """Name of a benchmark, or a JSON Lines file of Problems with testbenches; keep the final test's apart."""

    evaluate_limit: Count = 50
    """Only its first so many problems."""

    evaluate_n: Count = 1
    """Completions a problem; more than one needs a temperature."""

    evaluate_temperature: FromZero = 0.0
    """Sampling temperature of these; 0 takes the likeliest token."""

    evaluate_max_tokens: Count = 512
    """Longest of these, in tokens."""

    evaluate_workers: Count = 2
    """Checks at a time."""

    output: Path | None = None
    """Run folder; the trained model goes into its subfolder `model`."""

    fresh: bool = False
    """Start over instead of going on from the last checkpoint."""


def run(config: Config) -> TrainSummary | None:
    """Train a causal language model: maximum likelihood, or the paper's ranking of scored candidates.

    Goes on from the last checkpoint when interrupted. Under torchrun it trains in several processes, of which the first
    alone writes the run folder and answers.
    """
    settings = resolved(config)
    if bool(config.evaluate_every) != bool(config.evaluate_on):
        raise UsageError("--evaluate-every STEPS and --evaluate-on PROBLEMS go together")
    folder = config.output or default_folder("train", config.loss, config.model)
    with registry.extra("train"):
        from rtlscribe.training import replicas, trainer

    with _reports_in(folder):
        args = trainer.arguments(settings, folder / CHECKPOINTS)
        if args.process_index:
            finished = replicas.agreed(None)
            return None if finished else _train(settings, folder, args, None)
        with _opened(config, folder, args) as work:
            replicas.agreed(work.finished)
            if work.finished:
                return work.summary(TrainSummary)
            summary = _train(settings, folder, args, work)
            assert summary
            card.write(as_source(work.manifest, folder), summary)
            work.finish(summary)
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # they hold the optimizer's state, and are large
    return summary


@contextmanager
def _reports_in(folder: Path) -> Iterator[None]:
    """TensorBoard's and W&B's own folders lie in the run's, where the user has not chosen others."""
    folders = {"TENSORBOARD_LOGGING_DIR": str(folder / "tensorboard"), "WANDB_DIR": str(folder)}
    own = {name: place for name, place in folders.items() if name not in os.environ}
    os.environ.update(own)
    try:
        yield
    finally:
        for name in own:
            del os.environ[name]


@contextmanager
def _opened(config: Config, folder: Path, args: Arguments) -> Iterator[RunDir]:
    """The run folder. Everything that decides the result is part of it, and so is the number of processes."""
    inputs = {"data": config.data} | template_file(config.prompt)
    if Path(config.model).exists():
        inputs["model"] = Path(config.model)
    if config.evaluate_on:
        inputs |= benchmark_inputs(config.evaluate_on)
    inputs |= {name: path for name in ("deepspeed", "fsdp") if (path := getattr(config, name))}
    tools = {"processes": str(args.world_size)} if args.world_size > 1 else {}
    with RunDir.open(
        folder, stage="train", config=as_config(config), inputs=inputs, tools=tools, fresh=config.fresh, how=HOW
    ) as work:
        yield work


def _train(settings: Config, folder: Path, args: Arguments, work: RunDir | None) -> TrainSummary | None:
    """What every process does; `work` is the first one's."""
    from rtlscribe.training import adapters, data, replicas, trainer

    judged = _Judged(settings, work) if work and settings.evaluate_every else None
    samples = read_samples(settings.data)  # first: a fault in them is told at once, and no model loaded in vain
    model, tokenizer = _load(settings)
    rows, dropped = _encoded(settings, samples, tokenizer, args)
    if work and (left_out := data.told(dropped, settings.max_length)):
        progress.note(f"train: left out: {left_out}; {len(rows)} rows remain")
    steps = trainer.steps(len(rows), settings, args.world_size)
    with _telling(f"train ({settings.loss})", steps, work) as (tell, begin):
        hooks = trainer.Hooks(tell, begin, judged, settings.evaluate_every)
        trained = trainer.train(model, tokenizer, rows, settings, args, hooks=hooks)
    spent = trained.spent()  # all processes
    saved = folder / CHECKPOINTS / "final"
    trained.save_model(str(saved))  # all processes: each may hold a part
    replicas.wait()
    if not work:
        return None
    unfinished = folder / "model.unfinished"
    adapters.write_model(saved, unfinished, base=settings.model, dtype=adapters.stored_dtype(settings.model))
    adapters.put(unfinished, folder / "model")
    if settings.lora_rank:
        adapters.put(saved, folder / "adapter")
    return TrainSummary(
        output=str(folder / "model"),
        loss=settings.loss,
        rows=len(rows),
        dropped_too_long=dropped.too_long,
        dropped_prompt_too_long=dropped.prompt_too_long,
        dropped_nothing_to_rank=dropped.nothing_to_rank,
        steps=steps,
        tokens=spent.tokens,
        seconds=round(spent.seconds, 1),
        processor_seconds=round(spent.processor_seconds, 1),
        final_loss=work.done(LossEntry)[-1].loss,
        processes=args.world_size,
        peak_memory_gib=round(trainer.memory_gib(), 3),
        pass_rates=tuple(work.done(PassRate, name=PASS_RATES)),
    )


def _load(settings: Config) -> tuple[Any, Any]:
    """Model and tokenizer, with adapters where they are what is trained."""
    from rtlscribe.models.hf import load
    from rtlscribe.training import adapters, trainer

    # What adapters leave frozen takes no small steps, and stays as it was saved where that is quick: on a GPU.
    dtype = None if settings.lora_rank else trainer.MASTER
    if settings.qlora:
        model, tokenizer = adapters.load_in_4_bits(settings.model)
    elif settings.deepspeed or settings.fsdp:
        model, tokenizer = adapters.load_on_cpu(settings.model, dtype=dtype)
    else:
        model, tokenizer = load(settings.model, dtype=dtype)
    if settings.lora_rank:
        model = adapters.attach(
            model,
            rank=settings.lora_rank,
            alpha=settings.lora_alpha,
            dropout=settings.lora_dropout,
            targets=settings.lora_targets,
            seed=settings.seed,
            in_4_bits=settings.qlora,
        )
    return model, tokenizer


def _encoded(settings: Config, samples: Sequence[Sample], tokenizer: Any, args: Arguments) -> tuple[Rows, Dropped]:
    """The rows, tokenised by the first process and read from the cache by the others."""
    from rtlscribe.training import tokens

    template = Template(settings.prompt)
    with args.main_process_first(local=True, desc="tokenise") if args.world_size > 1 else nullcontext():
        return tokens.encoded(
            samples,
            tokenizer,
            template,
            scoring=settings.loss == "scoring",
            max_length=settings.max_length,
            max_prompt_fraction=settings.max_prompt_fraction,
        )


@contextmanager
def _telling(
    label: str, steps: int, work: RunDir | None
) -> Iterator[tuple[Callable[[Progress], None], Callable[[int], None]]]:
    """Two functions: one that writes an entry and moves the bar, one that is told from which step a run goes on."""
    if not work:
        yield (lambda entry: None), (lambda step: None)
        return
    with progress.bar(label, steps) as bar:

        def begin(step: int) -> None:
            # What an attempt told after its last checkpoint is told again.
            _forget(work, "out.jsonl", LossEntry, after=step)
            _forget(work, PASS_RATES, PassRate, after=step)
            bar.add(step - bar.done)

        def tell(entry: Progress) -> None:
            with work.appending() as append:
                append(
                    LossEntry(
                        step=entry.step,
                        loss=entry.loss,
                        learning_rate=entry.learning_rate,
                        gradient_norm=entry.gradient_norm,
                        tokens_per_s=round(entry.tokens_per_s, 1),
                        memory_gib=round(entry.memory_gib, 3),
                    )
                )
            bar.say(f"loss {entry.loss:.3f}, {entry.tokens_per_s:,.0f} tokens/s, {entry.memory_gib:.1f} GiB")
            bar.add(entry.step - bar.done)

        yield tell, begin
        bar.add(steps - bar.done)


def _forget(work: RunDir, name: str, kind: type[AnyEntry], *, after: int) -> None:
    entries = work.done(kind, name=name)
    kept = [entry for entry in entries if entry.step <= after]
    if len(kept) < len(entries):
        jsonl.write(work.path / name, kept)


class _Judged:
    """Pass rate of a model in training: called with what the Trainer saved and the step."""

    def __init__(self, settings: Config, work: RunDir) -> None:
        self.settings, self.work = settings, work
        found = load_problems(settings.evaluate_on)[: settings.evaluate_limit]
        without = [problem.id for problem in found if not problem.testbench]
        if without or not found:
            named = f"{without[0]!r} has no testbench" if without else "there are no problems"
            raise UsageError(f"--evaluate-on {settings.evaluate_on}: {named}; answers are judged by simulation")
        self.problems: dict[str, Problem] = {problem.id: problem for problem in found}
        self.checker: Checker = open_checker("iverilog")

    def __call__(self, saved: Path, step: int) -> dict[str, float]:
        from rtlscribe.training import adapters, trainer

        whole = saved.with_name("evaluated.model")
        adapters.write_model(saved, whole, base=self.settings.model, dtype=trainer.MASTER)
        rate = self._rate(whole, step)
        shutil.rmtree(whole)
        with self.work.appending(PASS_RATES) as append:
            append(rate)
        progress.note(f"step {step}: {rate.function:.1%} pass, {rate.syntax:.1%} compile ({rate.problems} problems)")
        return {"eval_function": rate.function, "eval_syntax": rate.syntax}

    def _rate(self, model: Path, step: int) -> PassRate:
        settings = self.settings
        sampling = Sampling(
            n=settings.evaluate_n,
            temperature=settings.evaluate_temperature,
            max_tokens=settings.evaluate_max_tokens,
            seed=settings.seed,
        )
        asked = self.problems.values()
        drawn = completed_or_empty(asked, open_model(f"hf:{model}"), Template(settings.prompt), sampling=sampling)
        results = judge(
            (Task(completion) for completion in drawn),
            self.problems,
            {"strict": self.checker},
            open_executor("pool"),
            workers=settings.evaluate_workers,
        )
        statuses = []
        for result in results:
            if result.error:  # a broken tool, never a failed answer
                raise result.error
            assert result.value
            statuses.append(result.value.verdict.status)
        return PassRate(
            step=step,
            problems=len(self.problems),
            completions=len(statuses),
            syntax=sum(status in COMPILED for status in statuses) / len(statuses),
            function=statuses.count("passed") / len(statuses),
        )

"""Direct preference optimisation on scored samples, by TRL. Makes the pairs; does not read files or score anything."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl import DPOConfig, DPOTrainer

from rtlscribe.errors import UsageError
from rtlscribe.prompts import Template, Tokenizer, prompt_ids, response_ids
from rtlscribe.records import Sample
from rtlscribe.training import trl
from rtlscribe.training.rl_settings import PreferenceSettings


class Pair(NamedTuple):
    """One prompt and two responses to it as token ids, the first the one with the higher score."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]


@dataclass(frozen=True, slots=True)
class Unpaired:
    """What was left out: responses that are too long, and rows with no two responses of different score."""

    too_long: int = 0
    nothing_to_prefer: int = 0


def pair(
    samples: Iterable[Sample], tokenizer: Tokenizer, template: Template, settings: PreferenceSettings
) -> tuple[list[Pair], Unpaired]:
    """The pairs of all rows, as `settings` says.

    Of equal scores the first response stands for all: in rows of `rtlscribe score` an answer of the model's own comes
    before the reference, and is the better to learn from.

    Raises:
        UsageError: a row has no responses with scores; or no pair is left.
    """
    pairs: list[Pair] = []
    too_long = nothing = total = 0
    for sample in samples:
        total += 1
        _check_scored(sample)
        prompt = prompt_ids(tokenizer, template.render(instruction=sample.instruction, header=sample.header))
        kept: list[tuple[float, list[int]]] = []
        for place, (text, score) in enumerate(zip(sample.responses, sample.scores, strict=True)):
            if not text.strip() or (settings.own_answers and place == sample.reference):
                continue
            ids = response_ids(tokenizer, text)
            if len(prompt) + len(ids) <= settings.max_length:
                kept.append((score, ids))
            else:
                too_long += 1
        found = _choose(kept, settings)
        nothing += not found
        pairs += [Pair(prompt, chosen, rejected) for chosen, rejected in found]
    if not pairs:
        raise UsageError(
            f"no pair is left to train on: of {total} rows, {nothing} have no two responses whose scores differ by "
            f"more than {settings.score_margin:g}; {too_long} responses are longer than --max-length "
            f"{settings.max_length}"
        )
    return pairs, Unpaired(too_long, nothing)


def _choose(
    scored: Sequence[tuple[float, list[int]]], settings: PreferenceSettings
) -> list[tuple[list[int], list[int]]]:
    """(better, worse) of one row's responses."""
    order = sorted(scored, key=lambda item: -item[0])  # stable: of equal scores the first stays first
    if settings.pairs == "best-worst" and order:
        worst = order[-1][0]
        order = [order[0], next(item for item in order if item[0] == worst)]
    return [
        (better, worse)
        for (high, better), (low, worse) in itertools.combinations(order, 2)
        if high - low > settings.score_margin
    ]


def _check_scored(sample: Sample) -> None:
    if not sample.responses or len(sample.scores) != len(sample.responses):
        raise UsageError(
            f"row {sample.id!r} has {len(sample.responses)} responses and {len(sample.scores)} scores; preferences "
            "need one score a response: make such a file with `rtlscribe score`"
        )


class _PairTrainer(trl.Quiet, DPOTrainer):
    """TRL's trainer on pairs that are token ids already, by the template that inference uses."""

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset


def steps(pairs: int, settings: PreferenceSettings) -> int:
    """Optimizer steps of a whole run."""
    return math.ceil(settings.epochs * math.ceil(pairs / settings.batch_size))


def train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[Pair],
    settings: PreferenceSettings,
    folder: Path,
    *,
    tell: trl.Tell,
) -> Any:
    """Train in place, with checkpoints under `folder` from which a later call goes on. Returns the model.

    What `tell` is told: loss, learning_rate, grad_norm, rewards/margins (beta x how far chosen leads rejected in
    log-probability, compared with the lead it had at the beginning) and rewards/accuracies (share of pairs it leads).

    Raises:
        UsageError: a step's pairs cannot be cut into so many parts.
    """
    if settings.batch_size % settings.accumulate:
        raise UsageError(f"--batch-size {settings.batch_size} cannot be cut into --accumulate {settings.accumulate}")
    rows = [{"prompt_ids": p.prompt, "chosen_ids": p.chosen, "rejected_ids": p.rejected} for p in pairs]
    trainer = _PairTrainer(
        model=model,
        args=DPOConfig(
            **trl.arguments(settings, folder, steps=steps(len(pairs), settings)),
            per_device_train_batch_size=settings.batch_size // settings.accumulate,
            beta=settings.beta,
            loss_type=[settings.loss],
            max_length=None,  # nothing is cut: what is too long has been left out
            precompute_ref_log_probs=True,  # so that no second model stays in memory
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=trl.adapter(settings),
    )
    return trl.fit(trainer, folder, tell=tell)

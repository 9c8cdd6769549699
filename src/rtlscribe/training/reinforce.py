"""Group relative policy optimisation on problems, by TRL. The reward is a function it is given; judges nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl import GRPOConfig, GRPOTrainer

from rtlscribe.errors import UsageError
from rtlscribe.prompts import Template, Tokenizer, prompt_ids
from rtlscribe.records import Problem
from rtlscribe.training import trl
from rtlscribe.training.rl_settings import ReinforceSettings

# Problem ids and completions, aligned, to rewards. None: this one cannot be judged, and nothing is learnt from it.
Reward = Callable[[Sequence[str], Sequence[str]], list[float | None]]


def prompts(
    problems: Iterable[Problem], tokenizer: Tokenizer, template: Template, *, max_tokens: int
) -> tuple[dict[str, list[int]], int]:
    """The token ids of prompts by problem, of those that have at most `max_tokens`, and the number of those left out.

    Raises:
        UsageError: none is left.
    """
    found = {}
    for problem in problems:
        text = problem.prompt or template.render(instruction=problem.text, header=problem.header)
        found[problem.id] = prompt_ids(tokenizer, text, system=problem.system)
    short = {name: ids for name, ids in found.items() if len(ids) <= max_tokens}
    if not short:
        raise UsageError(f"all {len(found)} prompts are longer than --max-prompt {max_tokens} tokens")
    return short, len(found) - len(short)


class _Trainer(trl.Quiet, GRPOTrainer):
    """TRL's trainer, to which a prompt is the name of a problem: its token ids are those that inference uses too."""

    ids: Mapping[str, list[int]]

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [self.ids[name] for name in prompts], None, {}


def train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    ids: Mapping[str, list[int]],
    settings: ReinforceSettings,
    folder: Path,
    *,
    reward: Reward,
    tell: trl.Tell,
) -> Any:
    """Train in place, with checkpoints under `folder` from which a later call goes on. Returns the model.

    What `tell` is told: loss, learning_rate, grad_norm, reward and reward_std (means of groups), frac_reward_zero_std
    (groups in which all earn the same, from which nothing is learnt), completions/mean_length and
    completions/clipped_ratio (those that reached the longest).

    Raises:
        UsageError: the numbers of a step do not go together.
    """
    _check(settings)

    def rewards(prompts: list[str], completions: list[str], **_: Any) -> list[float | None]:
        return reward(prompts, completions)

    trainer = _Trainer(
        model=model,
        reward_funcs=[rewards],
        args=GRPOConfig(
            **trl.arguments(settings, folder, steps=settings.steps),
            # TRL counts completions, not problems; those of one step are generated together.
            per_device_train_batch_size=settings.batch_size * settings.group // settings.accumulate,
            num_generations=settings.group,
            temperature=settings.temperature,
            top_p=settings.top_p,
            max_completion_length=settings.max_tokens,
            loss_type=settings.loss,
            shuffle_dataset=False,
            beta=settings.beta,
        ),
        train_dataset=Dataset.from_dict({"prompt": _order(list(ids), settings)}),
        processing_class=tokenizer,
        peft_config=trl.adapter(settings),
    )
    trainer.ids = ids
    return trl.fit(trainer, folder, tell=tell)


def _order(names: Sequence[str], settings: ReinforceSettings) -> list[str]:
    """The problems of all steps: pass after pass over all of them, each in an order of its own.

    As one long pass, since TRL's own shuffling does not know in which one it is when a run goes on.
    """
    rng = random.Random(settings.seed)
    wanted = settings.steps * settings.batch_size
    passes = -(-wanted // len(names))
    return [name for _ in range(passes) for name in rng.sample(names, len(names))][:wanted]


def _check(settings: ReinforceSettings) -> None:
    if settings.group < 2:
        raise UsageError("--group 1: a completion is compared with others of its problem; give 2 or more")
    completions = settings.batch_size * settings.group
    if completions % settings.accumulate:
        raise UsageError(
            f"--accumulate {settings.accumulate} does not divide the {completions} completions of a step "
            f"(--batch-size {settings.batch_size} x --group {settings.group})"
        )

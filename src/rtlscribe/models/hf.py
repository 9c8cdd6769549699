"""Any causal language model of transformers, on the GPU if there is one, else on the CPU.

Batched generation with a key-value cache: temperature and top-p sampling, greedy, and beam search. Does not train.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
)
from transformers.utils import logging

from rtlscribe.errors import UsageError
from rtlscribe.models.base import Request
from rtlscribe.prompts import prompt_ids
from rtlscribe.records import Completion, Sampling

logging.disable_progress_bar()  # ours are the bars


def load(path: str) -> tuple[Any, Any]:
    """Model and tokenizer from a folder, or by name from the local cache or the hub.

    Raises:
        UsageError: there is no such model, or the folder holds none.
    """
    if Path(path).exists() and not (Path(path) / "config.json").is_file():
        raise UsageError(f"{path} is no model folder: it has no config.json (see `save_pretrained` of transformers)")
    on_gpu = torch.cuda.is_available()
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        # On a CPU bf16 is emulated and slow, so weights are widened there; a GPU takes them as they were saved.
        model = AutoModelForCausalLM.from_pretrained(path, dtype="auto" if on_gpu else torch.float32)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UsageError(f"cannot load the model {path!r}: {reason}") from error
    return model.to("cuda" if on_gpu else "cpu"), tokenizer


class _SeededSampling(LogitsProcessor):
    """Temperature and top-p sampling with one uniform number a row and step, so that a row never depends on its batch.

    Inverse transform sampling: the token in whose share of the cumulative distribution the number falls.
    """

    def __init__(self, sampling: Sampling, uniforms: Tensor, prompt_length: int) -> None:
        self.sampling, self.uniforms, self.prompt_length = sampling, uniforms, prompt_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        p, order = torch.softmax(scores.float() / self.sampling.temperature, dim=-1).sort(dim=-1, descending=True)
        cumulative = p.cumsum(dim=-1)
        # The nucleus: the fewest tokens that reach top_p, so a token counts while those before it do not.
        kept = torch.where(cumulative - p < self.sampling.top_p, p, 0.0).cumsum(dim=-1)
        point = self.uniforms[:, input_ids.shape[1] - self.prompt_length, None] * kept[:, -1:]
        chosen = order.gather(1, torch.searchsorted(kept, point, right=True).clamp(max=p.shape[1] - 1))
        return torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)


class HfModel:
    """A transformers model behind the seam."""

    def __init__(self, path: str, *, batch_size: int = 32) -> None:
        self.name = f"hf:{path}"
        self.batch_size = batch_size
        self._model, self._tokenizer = load(path)
        self._model.eval()
        self._tokenizer.padding_side = "left"
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token

    def complete(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Completion]:
        """As the seam says. One batch at a time, prompts of like length together."""
        prompts = {r.problem_id: prompt_ids(self._tokenizer, r.prompt) for r in requests}
        self._check_context(prompts, sampling)
        if sampling.beams > 1:  # the n best beams of one search are one job
            jobs: list[tuple[str, tuple[int, ...]]] = [(r.problem_id, r.indices) for r in requests]
            size = max(1, self.batch_size // sampling.beams)
        else:
            jobs = [(r.problem_id, (index,)) for r in requests for index in r.indices]
            size = self.batch_size
        jobs.sort(key=lambda job: len(prompts[job[0]]))
        for start in range(0, len(jobs), size):
            yield from self._batch(jobs[start : start + size], prompts, sampling)

    def _check_context(self, prompts: dict[str, list[int]], sampling: Sampling) -> None:
        limit = getattr(self._model.config, "max_position_embeddings", None)
        for problem_id, ids in prompts.items():
            if limit and len(ids) + 1 > limit:
                raise UsageError(
                    f"the prompt of {problem_id!r} has {len(ids)} tokens, more than {self.name} can take ({limit})"
                )
        if sampling.beams > 1 and sampling.n > sampling.beams:
            raise UsageError(f"{sampling.n} completions wanted of {sampling.beams} beams; use at least as many beams")

    def _batch(
        self, jobs: list[tuple[str, tuple[int, ...]]], prompts: dict[str, list[int]], sampling: Sampling
    ) -> Iterator[Completion]:
        batch = self._tokenizer.pad({"input_ids": [prompts[p] for p, _ in jobs]}, return_tensors="pt")
        batch = batch.to(self._model.device)
        width = batch["input_ids"].shape[1]
        room = getattr(self._model.config, "max_position_embeddings", None) or width + sampling.max_tokens
        new_tokens = min(sampling.max_tokens, max(1, room - width))
        returned = sampling.n if sampling.beams > 1 else 1
        processors = LogitsProcessorList()
        if sampling.beams == 1 and sampling.temperature > 0:
            uniforms = torch.tensor([_uniforms(sampling.seed, p, i[0], new_tokens) for p, i in jobs])
            processors.append(_SeededSampling(sampling, uniforms.to(self._model.device), width))
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                logits_processor=processors,
                generation_config=GenerationConfig(
                    max_new_tokens=new_tokens,
                    do_sample=False,  # the sampler leaves one token for the greedy choice
                    num_beams=sampling.beams,
                    num_return_sequences=returned,
                    eos_token_id=self._model.generation_config.eos_token_id or self._tokenizer.eos_token_id,
                    pad_token_id=self._tokenizer.pad_token_id,
                ),
            )
        answers = output[:, width:].tolist()
        for number, (problem_id, indices) in enumerate(jobs):
            for index in indices:
                ids = answers[number * returned + (index if sampling.beams > 1 else 0)]
                yield self._completion(problem_id, index, ids, sampling)

    def _completion(self, problem_id: str, index: int, ids: list[int], sampling: Sampling) -> Completion:
        ended = self._tokenizer.eos_token_id in ids
        return Completion(
            problem_id=problem_id,
            index=index,
            text=self._tokenizer.decode(ids, skip_special_tokens=True),
            model=self.name,
            sampling=sampling,
            finish_reason="stop" if ended else "length",
        )


def _uniforms(seed: int, problem_id: str, index: int, count: int) -> list[float]:
    """The row's own random numbers in [0, 1)."""
    rng = random.Random(f"{seed} {problem_id} {index}")
    return [rng.random() for _ in range(count)]

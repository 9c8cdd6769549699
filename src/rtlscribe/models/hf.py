"""Any causal language model of transformers, on the GPU if there is one, else on the CPU.

Batched generation with a key-value cache: temperature and top-p sampling, greedy, and beam search. Does not train.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
)
from transformers.utils import logging

from rtlscribe.errors import UsageError
from rtlscribe.models.base import Request
from rtlscribe.models.cache import GrowingCache
from rtlscribe.models.memory import refuse_too_large, widened_bytes
from rtlscribe.models.streaming import Piece
from rtlscribe.prompts import prompt_ids
from rtlscribe.records import Completion, Sampling

logging.disable_progress_bar()  # ours are the bars

# Rows that have ended are taken out of a batch when so few of its rows are left: taking out copies the cache.
COMPACT_AT = 0.8


def load(path: str, *, dtype: torch.dtype | None = None) -> tuple[Any, Any]:
    """Model and tokenizer from a folder, or by name from the local cache or the hub.

    Without `dtype`, weights stay as they were saved on a GPU and are widened to float32 on a CPU, where bf16 is slow.

    Raises:
        UsageError: there is no such model, or the folder holds none.
    """
    if Path(path).exists() and not (Path(path) / "config.json").is_file():
        raise UsageError(f"{path} is no model folder: it has no config.json (see `save_pretrained` of transformers)")
    if not Path(path).exists() and _is_path(path):  # not left to the hub, which is asked again and again
        raise UsageError(f"there is no model folder {path}")
    if (Path(path) / "manifest.json").is_file():
        raise UsageError(f"{path} is the folder of a run; its model is {path}/model")
    on_gpu = torch.cuda.is_available()
    if not on_gpu:
        refuse_too_large(path, widened_bytes(Path(path), width=(dtype or torch.float32).itemsize))
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        wanted = dtype or ("auto" if on_gpu else torch.float32)
        model = AutoModelForCausalLM.from_pretrained(path, dtype=wanted)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UsageError(f"cannot load the model {path!r}: {reason}") from error
    return model.to("cuda" if on_gpu else "cpu"), tokenizer


def _is_path(name: str) -> bool:
    """Whether a name can only be meant as a path: the hub's are `name` or `organisation/name`."""
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or ("/" in name and Path(name).parent.is_dir())


def choose(logits: Tensor, uniforms: Tensor, *, temperature: float, top_p: float) -> Tensor:
    """One token a row: the likeliest at temperature 0, else drawn from the nucleus by inverse transform sampling.

    Args:
        logits: [B, V]. uniforms: [B], one number in [0, 1) for each row, so that a row never depends on its batch.
        top_p: the nucleus is the fewest tokens that reach this probability (Holtzman et al. 2020).
    """
    if temperature == 0:
        return logits.argmax(dim=-1)
    p, order = torch.softmax(logits.float() / temperature, dim=-1).sort(dim=-1, descending=True)
    # A token counts while those before it do not reach top_p.
    kept = torch.where(p.cumsum(dim=-1) - p < top_p, p, 0.0).cumsum(dim=-1)
    place = torch.searchsorted(kept, uniforms[:, None] * kept[:, -1:], right=True)
    return order.gather(1, place.clamp(max=p.shape[1] - 1)).squeeze(1)


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
        if self._tokenizer.eos_token_id is None:
            raise UsageError(f"the tokenizer of {path} has no end token (eos_token), so no answer would ever end")
        configured = self._model.generation_config.eos_token_id
        self._ends = {self._tokenizer.eos_token_id, *(configured if isinstance(configured, list) else [configured])}
        self._ends.discard(None)
        self._limit: int | None = getattr(self._model.config, "max_position_embeddings", None)

    def complete(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Completion]:
        """As the seam says. One batch at a time, prompts of like length together."""
        return (item for item in self._made(requests, sampling, told=False) if isinstance(item, Completion))

    def pieces(self, requests: Sequence[Request], *, sampling: Sampling) -> Generator[Piece | Completion, None, None]:
        """As `complete`, with the text token by token; of beam search whole completions only."""
        return self._made(requests, sampling, told=True)

    def _made(
        self, requests: Sequence[Request], sampling: Sampling, *, told: bool
    ) -> Generator[Piece | Completion, None, None]:
        # A problem may be asked in several ways: in a round of repairs, each of its answers has a prompt of its own.
        asked = [(r, prompt_ids(self._tokenizer, r.prompt, system=r.system)) for r in requests]
        self._check(asked, sampling)
        asked.sort(key=lambda pair: len(pair[1]))
        if sampling.beams > 1:
            size = max(1, self.batch_size // sampling.beams)
            for start in range(0, len(asked), size):
                batch = asked[start : start + size]
                yield from self._beams([r for r, _ in batch], [ids for _, ids in batch], sampling)
        else:
            keys = [((r.problem_id, index), ids) for r, ids in asked for index in r.indices]
            for start in range(0, len(keys), self.batch_size):
                some = keys[start : start + self.batch_size]
                yield from self._sampled([key for key, _ in some], [ids for _, ids in some], sampling, told)

    def _check(self, asked: Sequence[tuple[Request, list[int]]], sampling: Sampling) -> None:
        for request, ids in asked:
            if self._limit and len(ids) + 1 > self._limit:
                raise UsageError(
                    f"the prompt of {request.problem_id!r} has {len(ids)} tokens, more than the {self._limit} "
                    f"that {self.name} can take"
                )
        if sampling.beams > 1 and sampling.n > sampling.beams:
            raise UsageError(f"{sampling.n} completions wanted of {sampling.beams} beams; use at least as many beams")
        if sampling.beams > 1 and sampling.temperature > 0:
            raise UsageError(f"beam search (--beams {sampling.beams}) takes no temperature; sample with --beams 1")
        if sampling.beams == 1 and sampling.temperature == 0 and sampling.n > 1:
            raise UsageError(f"{sampling.n} completions at temperature 0 are one and the same; raise --temperature")

    def _sampled(
        self, keys: list[tuple[str, int]], prompts: list[list[int]], sampling: Sampling, told: bool
    ) -> Iterator[Piece | Completion]:
        """One completion for each prompt, each as soon as it has ended, which frees its place in the batch."""
        # A prompt of which several answers are owed is read once.
        place = {prompt: number for number, prompt in enumerate(dict.fromkeys(map(tuple, prompts)))}
        given, mask = self._padded([list(prompt) for prompt in place])
        rooms = [self._room(len(prompt), sampling) for prompt in prompts]
        room = max(rooms)
        uniforms = torch.tensor([_uniforms(sampling.seed, *key, room) for key in keys])
        uniforms = uniforms.to(given.device)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        cache = GrowingCache(self._model.config)
        said: list[list[int]] = [[] for _ in keys]
        tellers = [_Teller(self._tokenizer) for _ in keys]
        rows = list(range(len(keys)))  # which completion each row of the batch is
        owed = set(rows)
        for step in range(room):
            logits = self._step(given, mask, positions, cache)
            if not step and len(place) < len(rows):
                owners = torch.tensor([place[tuple(prompt)] for prompt in prompts], device=given.device)
                cache.reorder_cache(owners)
                logits, positions, mask = logits[owners], positions[owners], mask[owners]
            tokens = choose(logits, uniforms[rows, step], temperature=sampling.temperature, top_p=sampling.top_p)
            for row, token in zip(rows, tokens.tolist(), strict=True):
                if row in owed:
                    said[row].append(token)
                    if told and (text := tellers[row].text(said[row])):
                        yield Piece(problem_id=keys[row][0], index=keys[row][1], text=text)
                    if token in self._ends or len(said[row]) == rooms[row]:
                        owed.remove(row)
                        yield self._completion(*keys[row], said[row], sampling)
            if not owed:
                return
            given, positions = tokens[:, None], positions[:, -1:] + 1
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            if len(owed) <= COMPACT_AT * len(rows):
                left = torch.tensor([place for place, row in enumerate(rows) if row in owed], device=given.device)
                cache.reorder_cache(left)
                given, positions, mask = given[left], positions[left], mask[left]
                rows = [rows[place] for place in left.tolist()]

    @torch.inference_mode()
    def _step(self, given: Tensor, mask: Tensor, positions: Tensor, cache: GrowingCache) -> Tensor:
        """The logits of the next token, [B, V]; the cache grows by what is given."""
        output = self._model(
            input_ids=given,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1]

    @torch.inference_mode()
    def _beams(self, requests: Sequence[Request], prompts: list[list[int]], sampling: Sampling) -> Iterator[Completion]:
        """The n best beams of each prompt."""
        given, mask = self._padded(prompts)
        output = self._model.generate(
            input_ids=given,
            attention_mask=mask,
            generation_config=GenerationConfig(
                max_new_tokens=self._room(given.shape[1], sampling),
                do_sample=False,
                num_beams=sampling.beams,
                num_return_sequences=sampling.n,
                eos_token_id=sorted(self._ends),
                pad_token_id=self._tokenizer.pad_token_id,
            ),
        )
        answers = output[:, given.shape[1] :].tolist()
        for number, request in enumerate(requests):
            for index in request.indices:
                yield self._completion(request.problem_id, index, answers[number * sampling.n + index], sampling)

    def _padded(self, prompts: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Token ids and mask, [B, T], padded on the left."""
        batch = self._tokenizer.pad({"input_ids": prompts}, return_tensors="pt").to(self._model.device)
        return batch["input_ids"], batch["attention_mask"]

    def _room(self, width: int, sampling: Sampling) -> int:
        """How many new tokens fit after prompts of this width."""
        limit = self._limit or width + sampling.max_tokens
        return min(sampling.max_tokens, max(1, limit - width))

    def _completion(self, problem_id: str, index: int, ids: list[int], sampling: Sampling) -> Completion:
        return Completion(
            problem_id=problem_id,
            index=index,
            text=self._tokenizer.decode(ids, skip_special_tokens=True),
            model=self.name,
            sampling=sampling,
            finish_reason="stop" if self._ends & set(ids) else "length",
        )


class _Teller:
    """The text of a completion as it grows. What is not yet a whole character waits for the tokens to come."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._before, self._told = 0, 0  # tokens; some that were told are read again, since a blank may hang on them

    def text(self, ids: list[int]) -> str:
        known = self._tokenizer.decode(ids[self._before : self._told], skip_special_tokens=True)
        whole = str(self._tokenizer.decode(ids[self._before :], skip_special_tokens=True))
        if whole.endswith("\ufffd"):
            return ""
        self._before, self._told = self._told, len(ids)
        return whole[len(known) :]


def _uniforms(seed: int, problem_id: str, index: int, count: int) -> list[float]:
    """The row's own random numbers in [0, 1)."""
    rng = random.Random(f"{seed} {problem_id} {index}")
    return [rng.random() for _ in range(count)]

"""Samples to token ids and padded batches. A row that does not fit is dropped and counted, never cut.

Does not read files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rtlscribe.errors import UsageError
from rtlscribe.prompts import Template, Tokenizer, prompt_ids, response_ids
from rtlscribe.records import Sample
from rtlscribe.training.losses import IGNORED


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt and its K responses as token ids; K is 1 for maximum likelihood."""

    prompt: list[int]
    responses: list[list[int]]
    scores: list[float]
    reference: int  # the place of the reference among the responses

    @property
    def tokens(self) -> int:
        """Tokens that a forward pass sees."""
        return sum(len(self.prompt) + len(r) for r in self.responses)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows and candidates left out, by reason."""

    too_long: int = 0
    nothing_to_rank: int = 0


def encode(
    samples: Iterable[Sample], tokenizer: Tokenizer, template: Template, *, scoring: bool, max_length: int
) -> tuple[list[Row], Dropped]:
    """Token ids of all rows that fit `max_length`.

    For scoring, a candidate that is too long is dropped alone; a row whose scores are then all equal teaches no ranking
    and is dropped.

    Raises:
        UsageError: a scoring row has no responses, scores or reference; or nothing is left.
    """
    rows: list[Row] = []
    too_long = nothing = total = 0
    for sample in samples:
        total += 1
        prompt = prompt_ids(tokenizer, template.render(instruction=sample.instruction, header=sample.header))
        if scoring:
            _check_scored(sample)
            texts, scores, reference = sample.responses, sample.scores, sample.reference or 0
        else:
            if not sample.verilog:
                raise UsageError(f"row {sample.id!r} has no reference code (verilog) to train on")
            texts, scores, reference = (sample.verilog,), (1.0,), 0
        encoded = [response_ids(tokenizer, text) for text in texts]
        fits = [k for k, ids in enumerate(encoded) if len(prompt) + len(ids) <= max_length]
        if reference not in fits:
            too_long += 1
        elif scoring and len({scores[k] for k in fits}) < 2:
            nothing += 1
        else:
            rows.append(Row(prompt, [encoded[k] for k in fits], [scores[k] for k in fits], fits.index(reference)))
    if not rows:
        raise UsageError(
            f"no row is left to train on: of {total}, {too_long} are longer than --max-length {max_length} tokens"
            + (f", {nothing} have candidates of one score only" if scoring else "")
        )
    return rows, Dropped(too_long, nothing)


def _check_scored(sample: Sample) -> None:
    k = len(sample.responses)
    if not k or len(sample.scores) != k or sample.reference is None or not 0 <= sample.reference < k:
        raise UsageError(
            f"row {sample.id!r} has {k} responses, {len(sample.scores)} scores and reference {sample.reference}; "
            "scoring needs one score a response and the reference's place: make such a file with `rtlscribe score`"
        )
    if not sample.responses[sample.reference].strip():
        raise UsageError(f"row {sample.id!r}: the reference, response {sample.reference}, is empty")


def collate(rows: Sequence[Row], pad: int) -> dict[str, Tensor]:
    """A batch of B rows with N responses in all, padded on the right to T tokens.

    Returns:
        input_ids, attention_mask, labels [N, T]; scores [N]; counts [B], the responses of each row; references [B], the
        place of each row's reference among the N.
    """
    pairs = [(row.prompt, response) for row in rows for response in row.responses]
    width = max(len(p) + len(r) for p, r in pairs)
    batch: dict[str, list[Any]] = {"input_ids": [], "attention_mask": [], "labels": []}
    for prompt, response in pairs:
        used = len(prompt) + len(response)
        rest = width - used
        batch["input_ids"].append(prompt + response + [pad] * rest)
        batch["attention_mask"].append([1] * used + [0] * rest)
        batch["labels"].append([IGNORED] * len(prompt) + response + [IGNORED] * rest)
    counts = [len(row.responses) for row in rows]
    starts = [sum(counts[:b]) for b in range(len(rows))]
    return {name: torch.tensor(value) for name, value in batch.items()} | {
        "scores": torch.tensor([z for row in rows for z in row.scores]),
        "counts": torch.tensor(counts),
        "references": torch.tensor([start + row.reference for start, row in zip(starts, rows, strict=True)]),
    }

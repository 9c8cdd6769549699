"""Samples to token ids. A row that does not fit is dropped and counted, never cut.

Does not read files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rtlscribe.errors import UsageError
from rtlscribe.prompts import Template, Tokenizer, prompt_ids, response_ids
from rtlscribe.records import Sample


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt and its K responses as token ids; K is 1 for maximum likelihood."""

    prompt: list[int]
    responses: list[list[int]]
    scores: list[float]
    reference: int  # the place of the reference among the responses

    @property
    def tokens(self) -> int:
        """Tokens of all K sequences, the prompt counted with each."""
        return sum(len(self.prompt) + len(r) for r in self.responses)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows left out, by reason."""

    too_long: int = 0
    prompt_too_long: int = 0
    nothing_to_rank: int = 0


def encode(
    samples: Iterable[Sample],
    tokenizer: Tokenizer,
    template: Template,
    *,
    scoring: bool,
    max_length: int,
    max_prompt_fraction: float = 1.0,
) -> tuple[list[Row], Dropped]:
    """Token ids of all rows that fit `max_length`, with a prompt of at most `max_prompt_fraction` of it.

    For scoring, a candidate that is too long is dropped alone; a row whose scores are then all equal teaches no ranking
    and is dropped.

    Raises:
        UsageError: a scoring row has no responses, scores or reference; or nothing is left.
    """
    rows: list[Row] = []
    too_long = prompt_too_long = nothing = total = 0
    for sample in samples:
        total += 1
        texts, scores, reference = _responses(sample, scoring=scoring)
        prompt = prompt_ids(tokenizer, template.render(instruction=sample.instruction, header=sample.header))
        encoded = [response_ids(tokenizer, text) for text in texts]
        fits = [k for k, ids in enumerate(encoded) if len(prompt) + len(ids) <= max_length]
        if reference not in fits:
            too_long += 1
        elif len(prompt) > max_prompt_fraction * max_length:
            prompt_too_long += 1
        elif scoring and len({scores[k] for k in fits}) < 2:
            nothing += 1
        else:
            rows.append(Row(prompt, [encoded[k] for k in fits], [scores[k] for k in fits], fits.index(reference)))
    dropped = Dropped(too_long, prompt_too_long, nothing)
    if not rows:
        raise UsageError(f"no row is left to train on: of {total}, {told(dropped, max_length)}")
    return rows, dropped


def told(dropped: Dropped, max_length: int) -> str:
    """What was left out, in words; "" for nothing."""
    reasons = {
        f"{dropped.too_long} are longer than --max-length {max_length} tokens": dropped.too_long,
        f"{dropped.prompt_too_long} have a prompt over --max-prompt-fraction": dropped.prompt_too_long,
        f"{dropped.nothing_to_rank} have candidates of one score only": dropped.nothing_to_rank,
    }
    return ", ".join(text for text, count in reasons.items() if count)


def _responses(sample: Sample, *, scoring: bool) -> tuple[tuple[str, ...], tuple[float, ...], int]:
    """The texts to learn from, their scores, and the reference's place."""
    if scoring:
        _check_scored(sample)
        return sample.responses, sample.scores, sample.reference or 0
    if not sample.verilog:
        raise UsageError(f"row {sample.id!r} has no reference code (verilog) to train on")
    return (sample.verilog,), (1.0,), 0


def _check_scored(sample: Sample) -> None:
    k = len(sample.responses)
    if not k or len(sample.scores) != k or sample.reference is None or not 0 <= sample.reference < k:
        raise UsageError(
            f"row {sample.id!r} has {k} responses, {len(sample.scores)} scores and reference {sample.reference}; "
            "scoring needs one score a response and the reference's place: make such a file with `rtlscribe score`"
        )
    if not sample.responses[sample.reference].strip():
        raise UsageError(f"row {sample.id!r}: the reference, response {sample.reference}, is empty")

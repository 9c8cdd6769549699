"""Which candidates of a row are computed together. Counts tokens and knows no model."""

from __future__ import annotations

from typing import NamedTuple

from rtlscribe.training.data import Row


class Within(NamedTuple):
    """As many candidates at a time as hold this many tokens, padding and prompts with them; one at least."""

    tokens: int
    shared: float = 1.0  # tokens that one of a shared prompt counts for


Group = int | Within  # candidates at a time


def groups_of(row: Row, group: Group, *, share: bool) -> list[list[int]]:
    """The places of the candidates of each group: of like length, which takes little padding; the longest last.

    Args:
        share: the prompt is held once, not with each candidate.
    """
    order = sorted(range(len(row.responses)), key=lambda k: len(row.responses[k]))
    groups = []
    while order:
        longest = len(row.responses[order[-1]])
        size = group if isinstance(group, int) else max(1, _fitting(group, len(row.prompt), longest, share=share))
        groups.append(order[-size:])
        del order[-size:]
    return groups[::-1]


def _fitting(within: Within, prompt: int, response: int, *, share: bool) -> int:
    if share:
        return int((within.tokens - within.shared * prompt) // response)
    return within.tokens // (prompt + response)

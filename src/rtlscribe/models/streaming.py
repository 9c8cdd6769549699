"""What a back end may have beside `complete`: completions that are told while they are made. Loads nothing."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from rtlscribe.models.base import Model, Request
from rtlscribe.records import Completion, Record, Sampling


class Piece(Record, kw_only=True):
    """What was added to a completion that is not whole yet."""

    problem_id: str
    index: int
    text: str


def pieces(
    model: Model, requests: Sequence[Request], *, sampling: Sampling
) -> Generator[Piece | Completion, None, None]:
    """As `complete`, but with the text as it comes, from back ends that have a method `pieces` of this form.

    Others tell whole completions only. To close the iterator ends what is being made.
    """
    own = getattr(model, "pieces", model.complete)
    yield from own(requests, sampling=sampling)

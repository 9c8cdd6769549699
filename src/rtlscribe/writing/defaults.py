"""What is taken where the user does not say: the model, how many answers it draws and how freely, what is repaired."""

from __future__ import annotations

from rtlscribe import progress
from rtlscribe.errors import UsageError
from rtlscribe.models import box
from rtlscribe.models.base import Model, open_model
from rtlscribe.records import Sampling

# Told by every command by which the model in the box writes.
NOTICE = (
    f"{box.NAME} writes, a very small model that comes with rtlscribe: it knows simple textbook circuits, and is often "
    "wrong. What is not told as passed was not checked. For a real model name one: --model hf:FOLDER, gguf:FILE or "
    "endpoint:NAME@URL"
)
# Of many answers of a small model, one that behaves as most do is right more often than the likeliest one.
ANSWERS_OF_THE_BOX = 8
TEMPERATURE = 0.5  # of several answers


def opened(named: str | None) -> Model:
    """The model that is named, else the one in the box; that it is this one is told on stderr once it is open.

    Raises:
        UsageError: there is no such model. MissingToolError: what it needs is missing.
    """
    model = open_model(named or box.NAME)
    if in_the_box(named):
        progress.note(NOTICE)
    return model


def sampling(
    named: str | None, *, n: int | None, temperature: float | None, top_p: float, max_tokens: int, seed: int
) -> Sampling:
    """How answers are drawn: one, the likeliest; several at a temperature; of the model in the box several.

    Raises:
        UsageError: several at temperature 0.
    """
    if n is None:
        n = ANSWERS_OF_THE_BOX if in_the_box(named) and temperature != 0 else 1
    if temperature is None:
        temperature = TEMPERATURE if n > 1 else 0.0
    if n > 1 and not temperature:
        raise UsageError(f"{n} answers at temperature 0 are one and the same; raise --temperature")
    return Sampling(n=n, temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed)


def repairs(named: str | None) -> int:
    """Rounds of repair of what is served: one, but none by the model in the box, which has not learnt to."""
    return 0 if in_the_box(named) else 1


def in_the_box(named: str | None) -> bool:
    """Whether it is the model in the box, which is also that of whoever names none."""
    return (named or box.NAME) == box.NAME

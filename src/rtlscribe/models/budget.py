"""What asking a model costs, and how much a run may spend. Asks nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from rtlscribe.errors import RtlscribeError
from rtlscribe.records import Record

MILLION = 1_000_000  # prices are given for so many tokens


class Usage(Record, kw_only=True):
    """Requests that were answered, and their tokens; `estimated` of them were counted here, since no count came."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            requests=self.requests + other.requests,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            estimated=self.estimated + other.estimated,
        )

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class BudgetError(RtlscribeError):
    """The budget is used up. What was answered is kept, and a larger budget goes on from there."""


@dataclass(kw_only=True)
class Budget:
    """How many tokens a run may use, and what they may cost; `used` counts what it has, in earlier attempts too.

    Prices are for a million tokens, in whatever currency `cost` is meant. None is no bound.
    """

    tokens: int | None = None
    cost: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    used: Usage = field(default_factory=Usage)

    @property
    def bounded(self) -> bool:
        return self.tokens is not None or self.cost is not None

    def price(self, usage: Usage) -> float:
        """What that many tokens cost."""
        return (usage.prompt_tokens * self.price_in + usage.completion_tokens * self.price_out) / MILLION

    def allows(self, more: Usage) -> bool:
        """Whether that much more can be spent."""
        after = self.used + more
        within = self.tokens is None or after.tokens <= self.tokens
        return within and (self.cost is None or self.price(after) <= self.cost)

    def error(self) -> BudgetError:
        """That nothing more can be asked, in words."""
        bound = f"{self.tokens} tokens" if self.cost is None else f"{self.cost:g}"
        spent = f"{self.used.tokens} tokens, cost {self.price(self.used):.4g}"
        return BudgetError(
            f"the budget of {bound} is used up, or what is left is less than one more answer may take ({spent} spent); "
            "the same command with a larger budget goes on"
        )

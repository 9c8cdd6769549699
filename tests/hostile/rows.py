"""What a row of the tables of answers is. The tables themselves are put together in `answers`."""

from collections.abc import Callable
from typing import NamedTuple

CANARY = (
    "@CANARY@"  # in code: the path of a file, filled in by the runner, that an answer must neither change nor create
)

FAILED = frozenset({"failed"})
REJECTED = frozenset({"rejected", "syntax_error"})  # what does not even compile alone is called that
NO_CODE = frozenset({"syntax_error"})
NOT_FITTING = frozenset({"failed", "syntax_error"})
BOUNDED = frozenset({"failed", "syntax_error", "timeout", "rejected"})  # whichever bound is met first
PASSED = frozenset({"passed"})


class Answer(NamedTuple):
    """An answer to a problem of `problems`.

    `expected` are the statuses that the strict rule may give it, with a second run on other stimulus; that no answer
    touches the host goes without saying. `refused` is what the guard alone says: None where only a bounded process
    should ask it. `official` lists the versions of Icarus on which the published rule lets it pass.
    """

    name: str
    category: str
    problem: str
    code: str | Callable[[], str]
    expected: frozenset[str]
    refused: bool | None
    official: tuple[str, ...] = ()

    def text(self, canary: str = CANARY) -> str:
        """The code, with the path of a canary in the place for it."""
        code = self.code if isinstance(self.code, str) else self.code()
        return code.replace(CANARY, canary)

    def __str__(self) -> str:
        return f"{self.category}: {self.name}"

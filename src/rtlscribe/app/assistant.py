"""What the servers have in common: the options of whoever writes, and the writer they make. Serves nothing."""

# Without `from __future__ import annotations`: the servers' Configs inherit the fields, and their types are looked up
# in the servers' modules, where they would be names that those do not have.

from dataclasses import dataclass

from cyclopts import Parameter

from rtlscribe.app.desk import Desk
from rtlscribe.options import Count, CountFromZero, FromZero, Positive, Share
from rtlscribe.prompts import Template
from rtlscribe.records import Sampling
from rtlscribe.writing import defaults
from rtlscribe.writing.judging import Judges
from rtlscribe.writing.loop import Writer


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Assistant:
    """Options of every command that serves a model."""

    model: str | None = None
    """BACKEND:NAME, say hf:path/to/model; by default box:small, a very small one that is part of rtlscribe."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja."""

    candidates: Count | None = None
    """Answers to draw for each that is asked for; the best is given. By default 1, and 8 of box:small."""

    repair: CountFromZero | None = None
    """Rounds of repair by what was found against the best answer; by default 1, and 0 of box:small."""

    temperature: FromZero | None = None
    """Sampling temperature where a request names none; by default 0 for one candidate, and 0.5 for several."""

    top_p: Share = 0.95
    """Sample from the fewest tokens that reach this probability, where a request names none."""

    max_tokens: Count = 1024
    """Longest answer, in tokens; a request may ask for less."""

    seed: int = 0
    """Seed of the sampling where a request names none."""

    concurrency: Count = 1
    """Requests worked on at a time; more than one is for models that are servers themselves."""

    queue: CountFromZero = 32
    """Requests that may wait; those beyond are refused."""

    queue_timeout_s: Positive = 120.0
    """Seconds that a request may wait before it is refused."""

    check_timeout_s: Positive = 30.0
    """Seconds that one check may take."""

    def sampling(self) -> Sampling:
        """How answers are drawn where a request does not say.

        Raises:
            UsageError: several candidates at temperature 0.
        """
        return defaults.sampling(
            self.model,
            n=self.candidates,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            seed=self.seed,
        )

    @property
    def repairs(self) -> int:
        """Rounds of repair."""
        return defaults.repairs(self.model) if self.repair is None else self.repair

    def writer(self, judges: Judges) -> Writer:
        """Who writes. Opens the model; that it is the one in the box is told on stderr.

        Raises:
            UsageError: there is no such model or prompt template. MissingToolError: what the model needs is missing.
        """
        return Writer(defaults.opened(self.model), Template(self.prompt), judges, self.repairs, self.check_timeout_s)

    def desk(self, places: int) -> Desk:
        """Where so many requests are worked on at a time."""
        return Desk(places, queue=self.queue, patience_s=self.queue_timeout_s)

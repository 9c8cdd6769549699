"""What the servers have in common: the options of whoever writes, and the writer they make. Serves nothing."""

# Without `from __future__ import annotations`: the servers' Configs inherit the fields, and their types are looked up
# in the servers' modules, where they would be names that those do not have.

from dataclasses import dataclass

from cyclopts import Parameter

from rtlscribe.app.desk import Desk
from rtlscribe.errors import UsageError
from rtlscribe.models.base import Model
from rtlscribe.options import Count, CountFromZero, FromZero, Positive, Share
from rtlscribe.prompts import Template
from rtlscribe.records import Sampling
from rtlscribe.writing.judging import Judges
from rtlscribe.writing.loop import Writer


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Assistant:
    """Options of every command that serves a model."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja."""

    candidates: Count = 1
    """Answers to draw for each that is asked for; the best is given. More than one wants a temperature."""

    repair: CountFromZero = 1
    """Rounds of repair: what was found against the best answer is put back to the model."""

    temperature: FromZero = 0.0
    """Sampling temperature where a request names none; 0 takes the likeliest token."""

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
            UsageError: candidates that would be one and the same.
        """
        if self.candidates > 1 and not self.temperature:
            raise UsageError(f"{self.candidates} candidates at temperature 0 are one and the same; raise --temperature")
        return Sampling(
            n=self.candidates,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            seed=self.seed,
        )

    def writer(self, model: Model, judges: Judges) -> Writer:
        """Who writes with this model.

        Raises:
            UsageError: there is no such prompt template.
        """
        return Writer(model, Template(self.prompt), judges, self.repair, self.check_timeout_s)

    def desk(self, places: int) -> Desk:
        """Where so many requests are worked on at a time."""
        return Desk(places, queue=self.queue, patience_s=self.queue_timeout_s)

"""Ask a teacher, as the stages of the dataset flow do: options, replies kept on disk, budget, what did not come.

An answer is on disk before anyone sees it, and is never asked for again. Does not know what the questions are about.
"""

# Without `from __future__ import annotations`: the stages' Configs inherit the fields, and their types are looked up in
# the stage's module, where they would be names that it does not have.

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from cyclopts import Parameter

from rtlscribe import jsonl
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.models.base import Answer, Failure, Limits, Model, Request, answers, local_path, open_model
from rtlscribe.models.budget import Budget, Usage
from rtlscribe.options import Count, CountFromZero, FromZero, Positive, Share
from rtlscribe.prompts.teacher import Prompts
from rtlscribe.records import Completion, Record, Sampling
from rtlscribe.rundir import RunDir, as_config

REPLIES = "replies.jsonl"
# Options that say how it is asked, not what: they may change between attempts at one run.
HOW = ("concurrency", "timeout_s", "retries", "budget_tokens", "budget_cost", "price_in", "price_out")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asking:
    """Options of every command that asks a teacher."""

    model: str
    """The teacher, BACKEND:NAME, for example endpoint:MODEL@http://localhost:8000/v1."""

    prompts: Path | None = None
    """Folder with prompt templates of your own; those it does not have are the shipped ones."""

    temperature: FromZero = 0.7
    """Sampling temperature."""

    top_p: Share = 1.0
    """Sample from the fewest tokens that reach this probability."""

    max_tokens: Count = 2048
    """Longest reply, in tokens."""

    seed: int = 0
    """Seed of what is asked and of the sampling."""

    concurrency: Count = 16
    """Requests at a time."""

    timeout_s: Positive = 300.0
    """Seconds that one try of a request may take."""

    retries: CountFromZero = 6
    """How often a request that failed is tried again."""

    budget_tokens: Count | None = None
    """Stop before the run has used more tokens than this."""

    budget_cost: Positive | None = None
    """Stop before the run has cost more than this, by --price-in and --price-out."""

    price_in: FromZero = 0.0
    """Price of a million prompt tokens."""

    price_out: FromZero = 0.0
    """Price of a million completion tokens."""

    output: Path | None = None
    """Run folder; runs/<date>-<command> by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class Keyword(Record, kw_only=True):
    """A name of a circuit, the names above it in the tree, and the question whose answer brought it."""

    keyword: str
    path: tuple[str, ...] = ()
    depth: int = 0
    query: str = ""
    model: str = ""


class Reply(Record, kw_only=True):
    """One line of replies.jsonl."""

    completion: Completion
    usage: Usage


def digest(text: str) -> str:
    """A short name for a text."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]


def sampling_of(options: Asking, *, n: int = 1) -> Sampling:
    """How the teacher's answers are drawn."""
    return Sampling(
        n=n,
        temperature=options.temperature,
        top_p=options.top_p,
        max_tokens=options.max_tokens,
        seed=options.seed,
    )


@contextlib.contextmanager
def begin(
    options: Asking,
    folder: Path,
    *,
    stage: str,
    inputs: dict[str, Path],
    prompts: Prompts,
    tools: dict[str, str] | None = None,
) -> Iterator[RunDir]:
    """The run folder of a stage that asks, with the prompts as part of what it is; `tools` as for RunDir.open.

    Raises:
        UsageError: a budget in money without prices, or what RunDir.open raises.
    """
    if options.budget_cost is not None and not (options.price_in or options.price_out):
        raise UsageError("--budget-cost wants prices: give --price-in and --price-out for a million tokens")
    files = local_path(options.model)
    given = inputs | ({"model": files} if files else {}) | ({"prompts": options.prompts} if options.prompts else {})
    with RunDir.open(
        folder,
        stage=stage,
        config=as_config(options),
        inputs=given,
        tools={"prompts": prompts.version} | (tools or {}),
        fresh=options.fresh,
        how=HOW,
    ) as work:
        yield work


class Teacher:
    """A model, and the replies that it has given in this run. Use `teacher`."""

    def __init__(
        self, options: Asking, work: RunDir, sampling: Sampling, known: Callable[[str], bool], append: Any, fail: Any
    ) -> None:
        self._options, self._sampling, self._append, self._fail = options, sampling, append, fail
        self._model: Model | None = None
        self._replies: dict[tuple[str, int], Completion] = {}
        self.budget = Budget(
            tokens=options.budget_tokens,
            cost=options.budget_cost,
            price_in=options.price_in,
            price_out=options.price_out,
        )
        self.refused = self.failed = 0
        for reply in jsonl.read(work.path / REPLIES, Reply):
            said = reply.completion
            self.budget.used += reply.usage
            if known(said.problem_id):
                self._replies[said.problem_id, said.index] = said

    def ask(self, requests: Sequence[Request]) -> Iterator[Completion | Failure]:
        """What comes of each index of each request: what is on disk, and the rest as it comes.

        Raises:
            BudgetError: nothing more may be spent. RtlscribeError: the server is not there. Both after all that came.
        """
        owed = []
        for request in requests:
            missing = []
            for index in request.indices:
                said = self._replies.pop((request.problem_id, index), None)
                if said:
                    yield said
                else:
                    missing.append(index)
            if missing:
                owed.append(msgspec.structs.replace(request, indices=tuple(missing)))
        if not owed:  # a run that only has to count again needs no server
            return
        for item in answers(self._opened(), owed, sampling=self._sampling):
            if isinstance(item, Answer):
                # On disk first: whatever happens from here on, it is not asked for again.
                self._append(Reply(completion=item.completion, usage=item.usage))
                self._count(item)
                yield item.completion
            else:
                self._fail({"key": f"{item.problem_id} {item.index}", "error": item.reason, "refused": item.refused})
                self.refused += item.refused
                self.failed += not item.refused
                yield item

    def _opened(self) -> Model:
        if self._model is None:
            options = self._options
            limits = Limits(retries=options.retries, timeout_s=options.timeout_s, budget=self.budget)
            self._model = open_model(options.model, batch_size=options.concurrency, limits=limits)
        return self._model

    def _count(self, answer: Answer) -> None:
        """Count the usage of a back end that does not do so itself."""
        if not hasattr(self._model, "answers"):
            self.budget.used += Usage(requests=1)

    @property
    def spent(self) -> str:
        """What was used so far, in words."""
        cost = self.budget.price(self.budget.used)
        return f"{self.budget.used.tokens} tokens{f', cost {cost:.4g}' if cost else ''}"

    def complain(self) -> None:
        """Raise RtlscribeError if a request failed that may yet be answered. What was refused is left at that."""
        if self.failed:
            raise RtlscribeError(
                f"{self.failed} answers did not come, see failures.jsonl of the run; the same command asks again"
            )


@contextlib.contextmanager
def teacher(
    options: Asking, work: RunDir, *, n: int = 1, known: Callable[[str], bool] = lambda _: True
) -> Iterator[Teacher]:
    """The teacher of a run. Of its replies on disk those are kept at hand whose question is `known` to be needed."""
    with work.appending(REPLIES) as append, work.appending("failures.jsonl") as fail:
        asked = Teacher(options, work, sampling_of(options, n=n), known, append, fail)
        try:
            yield asked
        finally:
            used = asked.budget.used
            work.log(f"{used.requests} requests answered, {asked.spent}, {asked.failed + asked.refused} failed")

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
from rtlscribe.places import Places
from rtlscribe.prompts.teacher import Prompts
from rtlscribe.records import Completion, Record, Sampling
from rtlscribe.rundir import RunDir, as_config

REPLIES, USAGE = "replies.jsonl", "usage.jsonl"
# Options that say how it is asked, not what: they may change between attempts at one run.
SPENDING = ("budget_tokens", "budget_cost", "price_in", "price_out")
HOW = ("concurrency", "timeout_s", "retries", *SPENDING)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Spending:
    """Options of every command that may ask a model which costs something."""

    budget_tokens: Count | None = None
    """Stop before the run has used more tokens than this."""

    budget_cost: Positive | None = None
    """Stop before the run has cost more than this, by --price-in and --price-out."""

    price_in: FromZero = 0.0
    """Price of a million prompt tokens."""

    price_out: FromZero = 0.0
    """Price of a million completion tokens."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asking(Spending):
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


class _Named(msgspec.Struct):
    problem_id: str


class _Line(msgspec.Struct):
    """As much of a Reply as tells whose it is."""

    completion: _Named


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


def budget_of(options: Spending) -> Budget:
    """What may be spent. Raises UsageError: a budget in money without prices."""
    if options.budget_cost is not None and not (options.price_in or options.price_out):
        raise UsageError("--budget-cost wants prices: give --price-in and --price-out for a million tokens")
    return Budget(
        tokens=options.budget_tokens,
        cost=options.budget_cost,
        price_in=options.price_in,
        price_out=options.price_out,
    )


@contextlib.contextmanager
def spending(options: Spending, work: RunDir) -> Iterator[tuple[Budget, Callable[[], None]]]:
    """The budget of a run whose model counts for itself, and what to call for each completion, before it is kept.

    What earlier attempts used is counted: the last line of usage.jsonl is the sum.
    """
    budget = budget_of(options)
    with work.appending(USAGE) as append:
        for budget.used in jsonl.read(work.path / USAGE, Usage):
            pass
        yield budget, lambda: append(budget.used) if budget.used.requests else None


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
        UsageError: as budget_of and RunDir.open.
    """
    budget_of(options)
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

    def __init__(self, options: Asking, replies: Path, sampling: Sampling, append: Any, fail: Any) -> None:
        self._options, self._sampling, self._append, self._fail = options, sampling, append, fail
        self._model: Model | None = None
        self.budget = budget_of(options)
        self.refused = self.failed = 0
        for reply in jsonl.read(replies, Reply):
            self.budget.used += reply.usage
        self._replies = Places(replies, _Line, "completion.problem_id")

    def ask(self, requests: Sequence[Request]) -> Iterator[Completion | Failure]:
        """What comes of each index of each request: what is on disk, and the rest as it comes.

        Raises:
            BudgetError: nothing more may be spent. RtlscribeError: the server is not there. Both after all that came.
        """
        owed = []
        for request in requests:
            lines = self._replies.lines(request.problem_id)
            said = {c.index: c for c in (msgspec.json.decode(line, type=Reply).completion for line in lines)}
            yield from (said[index] for index in request.indices if index in said)
            missing = tuple(index for index in request.indices if index not in said)
            if missing:
                owed.append(msgspec.structs.replace(request, indices=missing))
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
def teacher(options: Asking, work: RunDir, *, n: int = 1) -> Iterator[Teacher]:
    """The teacher of a run. Its replies stay on disk, and are read again where they are wanted."""
    with work.appending(REPLIES) as append, work.appending("failures.jsonl") as fail:
        asked = Teacher(options, work.path / REPLIES, sampling_of(options, n=n), append, fail)
        try:
            yield asked
        finally:
            used = asked.budget.used
            work.log(f"{used.requests} requests answered, {asked.spent}, {asked.failed + asked.refused} failed")

"""Put texts to a model, batch by batch, until each has an answer that holds up or as many tries as it may have.

What was of no use is asked for again with another seed, in a later batch; checks go on meanwhile. Writes no file.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rtlscribe.errors import UsageError
from rtlscribe.models.base import Answer, Failure, Model, Request, answers, fitting
from rtlscribe.models.vllm import Told
from rtlscribe.prompts.pairs import Words
from rtlscribe.records import Completion, Record, Sampling
from rtlscribe.replicated import Here, Models, Questions
from rtlscribe.transforming.answers import Found
from rtlscribe.transforming.checks import Checks, Said
from rtlscribe.transforming.speed import Speed

LONGEST_SAID = 4000  # characters kept of what was of no use
END = "endmodule"


class Ask(Record, kw_only=True):
    """A text that has no answer yet, by the key of its content. `tries` counts those that failed.

    `header` is that of the module which is to come of it, "" if it is free.
    """

    key: str
    text: str
    tries: int = 0
    header: str = ""


class Made(Record, kw_only=True):
    """What became of a text: the value for its output field, or the last try's fault and what the model said."""

    key: str
    value: str = ""
    fault: str = ""
    tries: int = 1
    cut_short: bool = False
    said: str = ""


class Unanswered(Record, kw_only=True):
    """A text that the model did not get to answer, and why; it is owed again."""

    key: str
    error: str


class _AllRefused(NamedTuple):
    """A model has refused all of several requests."""

    failures: tuple[Failure, ...]


class _Questions(Questions):
    """How a model is asked for what `transform` wants. Tells what the engine tells, after each batch."""

    stop_at_end: bool = False

    def work(self, made: Model, batch: Sequence[Request]) -> Iterator[Answer | Failure | Told | _AllRefused]:
        told: Told | None = getattr(made, "told", None)
        before = _plus(told, Told()) if told else None
        yield from self._answers(made, batch, stops=bool(told) and self.stop_at_end)
        if told and before:
            yield _plus(told, before, sign=-1)

    def _answers(
        self, model: Any, batch: Sequence[Request], *, stops: bool
    ) -> Iterator[Answer | Failure | _AllRefused]:
        if stops:
            # Not in a further try: the first may have failed because the module needs another, which comes after it.
            ends = [END if request.indices == (0,) else "" for request in batch]
            return iter(model.answers(batch, sampling=self.sampling, stops=ends))
        if hasattr(model, "answers"):
            return answers(model, batch, sampling=self.sampling)
        return self._fitting(model, batch)

    def _fitting(self, model: Model, batch: Sequence[Request]) -> Iterator[Answer | Failure | _AllRefused]:
        failures = []
        for item in fitting(model, batch, sampling=self.sampling):
            if isinstance(item, Failure):
                failures.append(item)
            else:
                yield item
        if len(failures) == len(batch) > 1:
            yield _AllRefused(tuple(failures))
        else:
            yield from failures


class Engine:
    """A model, or replicas of one, asked with the words of a pair. `speed` is its own, `told` what the model tells."""

    def __init__(self, models: Models, words: Words, sampling: Sampling, *, stop_at_end: bool = False) -> None:
        self._models, self._words = models, words
        self._questions = _Questions(sampling=sampling, stop_at_end=stop_at_end)
        self.speed = Speed()
        self.told = Told()

    def ask(self, batches: Iterable[Sequence[Ask]]) -> Iterator[Answer | Failure]:
        """One answer or failure a text, its index the number of tries before. Batches are drawn as there is room.

        Raises:
            UsageError: the model refuses all of the first batch.
        """
        here = isinstance(self._models, Here)
        try:
            for item in self._models.map(self._questions, self._requests(iter(batches), here=here)):
                if here:  # what the caller does is not the model's time; replicas go on meanwhile
                    self.speed.stop()
                yield from self._noted(item)
                if here:
                    self.speed.go()
        finally:
            self.speed.stop()

    def _noted(self, item: Answer | Failure | Told | _AllRefused) -> Iterator[Answer | Failure]:
        if isinstance(item, Told):
            self.told = _plus(self.told, item)
        elif isinstance(item, _AllRefused):
            if not self.speed.prompts:
                raise UsageError(item.failures[0].reason)
            yield from item.failures
        else:
            if isinstance(item, Answer):
                self.speed.answered(item.usage)
            yield item

    def _requests(self, batches: Iterator[Sequence[Ask]], *, here: bool) -> Iterator[list[Request]]:
        """A request for each text; those that begin alike stand together."""
        for number in itertools.count():
            if here:  # nor is what it takes to come by a batch
                self.speed.stop()
            requests = [
                Request(
                    problem_id=ask.key,
                    prompt=self._words.user(ask.text, header=ask.header),
                    system=self._words.system,
                    indices=(ask.tries,),
                )
                for ask in next(batches, ())
            ]
            requests.sort(key=lambda request: request.prompt)
            if not requests:
                return
            if here or not number:  # the first is drawn when a replica is there
                self.speed.go()
            yield requests


def transform(
    owed: Iterable[Ask], engine: Engine, checks: Checks, *, batch_size: int, retries: int
) -> Iterator[Made | Unanswered]:
    """What becomes of each text, as it is found out. `retries` are tries after the first."""
    source = iter(owed)
    asked: dict[str, Ask] = {}
    completions: dict[str, Completion] = {}
    again: deque[Ask] = deque()

    def batches() -> Iterator[list[Ask]]:
        while True:
            batch = [again.popleft() for _ in range(min(len(again), batch_size))]
            batch += itertools.islice(source, batch_size - len(batch))
            if not batch:
                return
            asked.update((ask.key, ask) for ask in batch)
            yield batch

    def settled(checked: Iterable[tuple[Said, Found]]) -> Iterator[Made]:
        for said, found in checked:
            made = _made(asked.pop(said.key), completions.pop(said.key), found)
            if made.fault and made.tries <= retries:
                again.append(Ask(key=said.key, text=said.given, tries=made.tries))
            else:
                yield made

    while True:
        for item in engine.ask(batches()):
            if isinstance(item, Failure):
                ask = asked.pop(item.problem_id)
                yield _failed(ask, item)
            else:
                completion = item.completion
                completions[completion.problem_id] = completion
                ask = asked[completion.problem_id]
                checks.submit(Said(ask.key, completion.text, ask.text))
            yield from settled(checks.ready())
        while checks.pending:  # all that is to be asked for again is asked for together
            yield from settled(checks.some())
        if not again:
            return


def _plus(one: Told, other: Told, *, sign: int = 1) -> Told:
    return Told(**{name: value + sign * vars(other)[name] for name, value in vars(one).items()})


def _made(ask: Ask, completion: Completion, found: Found) -> Made:
    return Made(
        key=ask.key,
        value=found.value,
        fault=found.fault,
        tries=ask.tries + 1,
        cut_short=completion.finish_reason == "length",
        said=completion.text[:LONGEST_SAID] if found.fault else "",
    )


def _failed(ask: Ask, failure: Failure) -> Made | Unanswered:
    if failure.refused:
        return Made(key=ask.key, fault=f"refused: {failure.reason}", tries=ask.tries + 1)
    return Unanswered(key=ask.key, error=failure.reason)

"""Put texts to a model, batch by batch, until each has an answer that holds up or as many tries as it may have.

What was of no use is asked for again with another seed, together with the next batch; checks go on meanwhile. Writes no
file.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from rtlscribe.errors import UsageError
from rtlscribe.models.base import Answer, Failure, Model, Request, answers
from rtlscribe.prompts.pairs import Words
from rtlscribe.records import Completion, Record, Sampling
from rtlscribe.transforming.answers import Found
from rtlscribe.transforming.checks import Checks, Said
from rtlscribe.transforming.speed import Speed

LONGEST_SAID = 4000  # characters kept of what was of no use
END = "endmodule"


class Ask(Record, kw_only=True):
    """A text that has no answer yet, by the key of its content. `tries` counts those that failed."""

    key: str
    text: str
    tries: int = 0


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


class Engine:
    """A model asked with the words of a pair. `speed` is its own."""

    def __init__(self, model: Model, words: Words, sampling: Sampling, *, stop_at_end: bool = False) -> None:
        self._model, self._words, self._sampling = model, words, sampling
        self._stop_at_end = stop_at_end and hasattr(model, "told")
        self._accepted = False
        self.speed = Speed()

    def ask(self, batch: Sequence[Ask], *, headers: Sequence[str] = ()) -> Iterator[Answer | Failure]:
        """One answer or failure a text, its index the number of tries before. Like prompts stand together."""
        texts = zip(batch, headers or itertools.repeat(""))  # noqa: B905  # of different lengths without headers
        requests = [
            Request(
                problem_id=ask.key,
                prompt=self._words.user(ask.text, header=header),
                system=self._words.system,
                indices=(ask.tries,),
            )
            for ask, header in texts
        ]
        requests.sort(key=lambda request: request.prompt)
        answered = self._answers(requests)
        while True:
            self.speed.go()
            try:
                item = next(answered, None)
            finally:
                self.speed.stop()
            if item is None:
                return
            if isinstance(item, Answer):
                self.speed.answered(item.usage)
            yield item

    def _answers(self, requests: Sequence[Request]) -> Iterator[Answer | Failure]:
        if self._stop_at_end:
            # Not in a further try: the first may have failed because the module needs another, which comes after it.
            stops = [END if request.indices == (0,) else "" for request in requests]
            return iter(self._model.answers(requests, sampling=self._sampling, stops=stops))  # type: ignore[attr-defined]
        if hasattr(self._model, "answers"):
            return answers(self._model, requests, sampling=self._sampling)
        return self._halving(requests)

    def _halving(self, requests: Sequence[Request]) -> Iterator[Answer | Failure]:
        """From a model that refuses a whole batch for one prompt, too long say: find it, and ask for the rest.

        Raises:
            UsageError: it has accepted none so far.
        """
        refused: list[tuple[Request, UsageError]] = []
        halves = deque([requests])
        while halves:
            some = halves.popleft()
            try:
                for answer in answers(self._model, some, sampling=self._sampling):
                    self._accepted = True
                    yield answer
            except UsageError as error:
                middle = len(some) // 2
                halves.extendleft([some[middle:], some[:middle]] if middle else [])
                refused += [] if middle else [(some[0], error)]
        if refused and not self._accepted and len(requests) > 1:
            raise refused[0][1]
        for request, reason in refused:
            yield Failure(problem_id=request.problem_id, index=request.indices[0], reason=str(reason), refused=True)


def transform(
    owed: Iterable[Ask], engine: Engine, checks: Checks, *, batch_size: int, retries: int
) -> Iterator[Made | Unanswered]:
    """What becomes of each text, as it is found out. `retries` are tries after the first."""
    source = iter(owed)
    asked: dict[str, Ask] = {}
    completions: dict[str, Completion] = {}
    again: deque[Ask] = deque()

    def settled(checked: Iterable[tuple[Said, Found]]) -> Iterator[Made]:
        for said, found in checked:
            made = _made(asked.pop(said.key), completions.pop(said.key), found)
            if made.fault and made.tries <= retries:
                again.append(Ask(key=said.key, text=said.given, tries=made.tries))
            else:
                yield made

    while True:
        batch = [again.popleft() for _ in range(min(len(again), batch_size))]
        batch += itertools.islice(source, batch_size - len(batch))
        if not batch and not checks.pending:
            return
        if len(batch) < batch_size and checks.pending:  # the source is at its end: let the retries gather
            again.extendleft(reversed(batch))
            yield from settled(checks.some())
            continue
        asked |= {ask.key: ask for ask in batch}
        for item in engine.ask(batch):
            if isinstance(item, Failure):
                ask = asked.pop(item.problem_id)
                yield _failed(ask, item)
            else:
                completion = item.completion
                completions[completion.problem_id] = completion
                ask = asked[completion.problem_id]
                checks.submit(Said(ask.key, completion.text, ask.text))
            yield from settled(checks.ready())


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

"""What a page is made from: the records of finished runs, sorted by stage. Reads no files and computes nothing."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from rtlscribe.records import Candidate, Completion, Record, Status, Verdict
from rtlscribe.summaries import EvaluateSummary

T = TypeVar("T", bound=Record)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a report needs of manifest.json. Not strict: stages add facts of their own."""

    stage: str
    status: str
    config: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    version: str = ""
    libraries: dict[str, str] = {}
    machine: str = ""
    started: str = ""
    finished: str = ""
    attempts: int = 1


class Source(Record):
    """A run that the page was made from. `facts` is everything in its manifest but configuration and inputs."""

    label: str
    folder: str
    manifest: Manifest
    facts: dict[str, Any]


class Example(Record):
    """One attempt, to be shown; `text` is what was asked, "" if that is not known."""

    text: str
    completion: Completion
    candidate: Candidate
    verdict: Verdict


class Outcome(Record):
    """Completions of one problem that came to the same end; `seconds` is the longest time that a check took."""

    status: Status
    detail: str
    indices: tuple[int, ...]
    seconds: float


class Code(Record):
    """The Verilog of one completion, shortened to what a page has room for; `left_out` counts its other characters."""

    index: int
    status: Status
    text: str
    left_out: int = 0


class Answers(Record):
    """What a model's completions of one problem came to: the most frequent outcome first, and the code of some."""

    problem_id: str
    outcomes: tuple[Outcome, ...] = ()
    outcomes_left_out: int = 0
    codes: tuple[Code, ...] = ()
    codes_left_out: int = 0


class Evaluation(Record):
    """An evaluated model. `benchmark_sha256` is "" for a benchmark that the package makes.

    Examples and `answers` are of the setting that the summary's headline is from; `answers` in the order of its
    problems.
    """

    label: str
    benchmark_sha256: str
    summary: EvaluateSummary
    passed: tuple[Example, ...] = ()
    failed: tuple[Example, ...] = ()
    answers: tuple[Answers, ...] = ()


class Ended(Record, Generic[T]):
    """A run of any other stage. `entries` are the lines of its out.jsonl where a figure or table is made from them."""

    label: str
    summary: T
    entries: tuple[Any, ...] = ()


class Material(msgspec.Struct, kw_only=True):
    """Everything on a page, in the order in which the runs were given."""

    sources: list[Source] = []
    evaluations: list[Evaluation] = []
    ended: list[Ended[Any]] = []

    def of(self, kind: type[T]) -> list[Ended[T]]:
        """The runs that ended with a summary of that kind."""
        return [run for run in self.ended if isinstance(run.summary, kind)]

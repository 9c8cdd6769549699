"""The records that flow through the pipeline, in the order in which they do. Frozen; no behaviour.

problem -> prompt -> Model -> Completion -> extract -> Candidate -> Checker -> Verdict -> scoring -> Sample -> train
"""

from __future__ import annotations

from typing import Literal, dataclass_transform

import msgspec

NONCE = "@NONCE@"  # in testbenches and patterns: where a checker puts a fresh secret, so that a print is no result

Status = Literal["passed", "failed", "syntax_error", "timeout", "rejected", "no_code", "unsupported"]
FinishReason = Literal["stop", "length"]


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all records: keyword-only, frozen, strict about unknown fields."""


class Sampling(Record, kw_only=True):
    """How completions are drawn. `temperature` 0 is greedy; `beams` > 1 is beam search (the n best beams)."""

    n: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    beams: int = 1
    seed: int = 0


class Problem(Record, kw_only=True):
    """What to build and how it is judged.

    `testbench` instantiates `top`. It passes if the output matches `pass_pattern` (a regular expression, multi-line)
    and none of `fail_patterns`. `@NONCE@` in testbench and patterns becomes a fresh secret at each check. A group
    called `samples` in `pass_pattern` is a count that has to be the one of the reference's own run.
    `files` are laid beside the simulation, name to content.
    `prompt` and `system` are the words that the benchmark's authors put to a model, where they are not just text and
    header; `procedure` names their way of judging (`published.PROCEDURES`).
    """

    id: str
    text: str
    header: str = ""
    reference: str = ""
    testbench: str = ""
    pass_pattern: str = ""
    fail_patterns: tuple[str, ...] = ()
    top: str = ""
    files: dict[str, str] = {}
    prompt: str = ""
    system: str = ""
    procedure: str = ""


class Completion(Record, kw_only=True):
    """What a model said, untouched. `index` counts the completions of one problem from 0."""

    problem_id: str
    index: int
    text: str
    model: str
    sampling: Sampling
    finish_reason: FinishReason


class Candidate(Record, kw_only=True):
    """The Verilog found in a completion ("" if none), and how it was put together with the problem's header."""

    problem_id: str
    index: int
    code: str
    assembly: str


class Verdict(Record, kw_only=True):
    """The judgement on one candidate. `seconds` is wall time spent on it."""

    problem_id: str
    index: int
    status: Status
    checker: str
    detail: str = ""
    seconds: float = 0.0


class Sample(Record, kw_only=True):
    """A row of a dataset.

    `verilog` is the reference code. `responses` and `scores` are aligned (scoring training); `reference` is the place
    of the reference among the responses. `origin` says where the row comes from, for example "designs:up_down_counter".
    """

    id: str
    instruction: str
    description: str = ""
    header: str = ""
    verilog: str = ""
    responses: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    reference: int | None = None
    origin: str = ""

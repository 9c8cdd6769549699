"""Verilog for a sentence of the user's, checked. Does not repair, and does not know what function was meant."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from cyclopts import Parameter

from rtlscribe import progress
from rtlscribe.checkers.base import open_checker
from rtlscribe.errors import UsageError
from rtlscribe.flow import attempt
from rtlscribe.models.base import open_model
from rtlscribe.options import Count, FromZero, Positive, Share
from rtlscribe.prompts import Template
from rtlscribe.records import Problem, Record, Sampling, Verdict

DEMO_MODELS = (Path("runs/demo/scoring/model"), Path("runs/demo/mle/model"))
WITHOUT_MODEL = (
    "no --model is named, and there is no demo model under runs/demo: run `rtlscribe demo` (minutes, on the CPU), "
    "or name one: --model hf:PATH with the folder or hub name of any causal model of transformers"
)


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe write`."""

    description: str
    """What to build, in words."""

    _: KW_ONLY

    model: str | None = None
    """BACKEND:NAME, for example hf:path/to/model; the demo's model by default, if there is one."""

    header: Path | None = None
    """File with the module header that the answer must have."""

    n: Count = 1
    """Answers to draw; the first that passes the check is printed."""

    temperature: FromZero = 0.0
    """Sampling temperature; 0 takes the likeliest token."""

    top_p: Share = 0.95
    """Sample from the fewest tokens that reach this probability."""

    max_tokens: Count = 512
    """Longest answer, in tokens."""

    seed: int = 0
    """Seed of the sampling."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja."""

    checker: str = "iverilog"
    """Who checks that it compiles."""

    timeout_s: Positive = 30.0
    """Seconds that one check may take."""


class Written(Record, kw_only=True):
    """The answer and its verdict."""

    code: str
    model: str
    verdict: Verdict


def run(config: Config) -> Written:
    """Write one Verilog module from a description, and check that it compiles.

    The module goes to stdout, what was checked to stderr. Exit status 1 if no answer compiles.
    """
    if not config.description.strip():
        raise UsageError('what is to be built? for example: rtlscribe write "an 8-bit up counter with enable"')
    checker = open_checker(config.checker)
    problem = Problem(id="write", text=config.description, header=_header(config.header))
    sampling = Sampling(
        n=config.n,
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens,
        seed=config.seed,
    )
    name = config.model or _demo_model()
    attempts = []
    template = Template(config.prompt)
    for tried in attempt(problem, open_model(name), template, checker, sampling=sampling, timeout_s=config.timeout_s):
        attempts.append(tried)
        if tried.verdict.status == "passed":
            break
    best = attempts[-1]
    if best.verdict.status == "passed":
        progress.note(f"{name}: compiles with {checker.name}; its function was not checked")
    else:
        progress.note(f"{name}: none of {len(attempts)} answers compiles: {best.verdict.status} {best.verdict.detail}")
    return Written(code=best.candidate.code or best.completion.text, model=name, verdict=best.verdict)


def _header(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--header {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--header {path} is no text in UTF-8: {error}") from error


def _demo_model() -> str:
    for path in DEMO_MODELS:
        if (path / "config.json").is_file():
            progress.note(f"no --model is named: using the demo's, {path}, which knows small textbook circuits only")
            return f"hf:{path}"
    raise UsageError(WITHOUT_MODEL)

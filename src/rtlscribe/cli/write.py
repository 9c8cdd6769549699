"""Verilog for a description of the user's: drawn, checked, repaired. Tells what was checked and what was not."""

from __future__ import annotations

import sys
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import msgspec
from cyclopts import Parameter

from rtlscribe import progress
from rtlscribe.benchmarks.base import read_text
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.options import Count, CountFromZero, FromZero, Positive, Share
from rtlscribe.prompts import Template
from rtlscribe.records import Completion, Problem, Record, Sampling, Verdict
from rtlscribe.writing import defaults
from rtlscribe.writing.judging import Accept, Judgement, Judges, user_problem
from rtlscribe.writing.loop import Draft, Note, Writer, better, changed

NOTHING = 'what is to be built? for example: rtlscribe write "an 8-bit up counter with enable"'
SESSION = "Describe a module; then say what to change. :new begins another, :save FILE writes it, :quit ends."


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe write`."""

    description: str | None = None
    """What to build, in words; else it comes from --file, from stdin, or line by line from a terminal."""

    _: KW_ONLY

    file: Path | None = None
    """File with the description."""

    model: str | None = None
    """BACKEND:NAME, say hf:path/to/model; by default box:small, a very small one that is part of rtlscribe."""

    header: Path | None = None
    """File with the module header that the answer must have."""

    testbench: Path | None = None
    """A testbench that instantiates the module: answers are simulated with it."""

    pass_pattern: str | None = None
    """What the testbench prints when all is well, a regular expression; by default passed, and nothing of failures."""

    against: Path | None = None
    """A reference that answers have to be equivalent to; without --header, its header is the one to have."""

    accept: Accept = "k-step"
    """The least that --against is content with: a proof, no difference in the first cycles, or random simulation."""

    n: Count | None = None
    """Answers to draw in a round; the best is printed. By default 1, and 8 of box:small."""

    repair: CountFromZero = 0
    """Rounds of repair: what was found against the best answer is put back to the model."""

    temperature: FromZero | None = None
    """Sampling temperature; 0 takes the likeliest token, the default for one answer; for several it is 0.5."""

    top_p: Share = 0.95
    """Sample from the fewest tokens that reach this probability."""

    max_tokens: Count = 512
    """Longest answer, in tokens."""

    seed: int = 0
    """Seed of the sampling."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja."""

    checker: str | None = None
    """Only this judge; by default pyslang and iverilog, verilator if it is installed, and yosys with --against."""

    timeout_s: Positive = 30.0
    """Seconds that one check may take."""


class Written(Record, kw_only=True):
    """The best answer, what is known of it, and how many answers were drawn and rounds of repair made for it."""

    code: str
    model: str
    judgement: Judgement
    answers: int
    repairs: int

    @property
    def verdict(self) -> Verdict:
        """That of the last check."""
        return self.judgement.verdict


def run(config: Config = Config()) -> Written:  # cyclopts wants a default where all fields have one
    """Write one Verilog module from a description, check it, and have it repaired.

    The module goes to stdout; what was checked, and what was not, to stderr. Exit status 1 if no answer passes all
    that was checked. At a terminal without a description, one is asked for, and then for changes.
    """
    description = _description(config)
    judges = Judges(only=config.checker or "", accept=config.accept)
    problem = user_problem(
        description or "",
        header=_text(config.header, "--header"),
        testbench=_text(config.testbench, "--testbench"),
        reference=_text(config.against, "--against"),
        pass_pattern=config.pass_pattern,
    )
    judges.refuse(problem)
    sampling = defaults.sampling(
        config.model,
        n=config.n,
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens,
        seed=config.seed,
    )
    model = defaults.opened(config.model)
    writer = Writer(model, Template(config.prompt), judges, config.repair, config.timeout_s)
    return _session(writer, problem, sampling) if description is None else _written(writer, problem, sampling)


def _written(writer: Writer, problem: Problem, sampling: Sampling) -> Written:
    """The best of the answers; each is told on stderr as it is judged."""
    best: Draft | None = None
    answers = judged = 0
    for item in writer.write(problem, sampling=sampling):
        answers += isinstance(item, Completion)
        if isinstance(item, Draft):
            judged, best = judged + 1, better(best, item)
            repair = f" (repair {item.round})" if item.round else ""
            progress.note(f"answer {judged}{repair}: {item.judgement.told}")
        elif isinstance(item, Note):
            progress.note(item.text)
    assert best  # a model that gives no completion raises
    return Written(
        code=best.code,
        model=writer.model.name,
        judgement=best.judgement,
        answers=answers,
        repairs=best.round,
    )


def _session(writer: Writer, problem: Problem, sampling: Sampling) -> Written:
    """The last design of a session: descriptions and changes, line by line, until the input ends."""
    progress.note(SESSION)
    written: Written | None = None
    last: Written | None = None  # also after :new
    while (line := _asked("change> " if written else "write> ")) is not None:
        word, _, rest = line.strip().partition(" ")
        if word == ":quit":
            break
        if word == ":new":
            written = None
        elif word == ":save":
            _save(written, rest.strip())
        elif word.startswith(":"):
            progress.note(f"{word} is no command; there are :new, :save FILE, :quit")
        elif word:
            problem = problem if written else msgspec.structs.replace(problem, text=line.strip())
            asked = changed(problem, written.code, line.strip()) if written else problem
            try:
                last = written = _written(writer, asked, sampling)
            except RtlscribeError as error:
                progress.note(str(error))
                continue
            progress.note(f"\n{written.code.rstrip()}\n")
    if not last:
        raise UsageError(NOTHING)
    return last


def _asked(prompt: str) -> str | None:
    """A line of the user's; None at the end."""
    try:
        print(prompt, end="", file=sys.stderr, flush=True)
        return input()
    except EOFError:
        return None


def _save(written: Written | None, name: str) -> None:
    if not written or not name:
        progress.note("there is nothing to save yet" if name else ":save wants a file")
        return
    try:
        Path(name).write_text(f"{written.code.rstrip()}\n", encoding="utf-8")
    except OSError as error:
        progress.note(f"cannot write {name}: {error.strerror}")


def _description(config: Config) -> str | None:
    """What is to be built; None if it will be said at the terminal."""
    if config.description is not None and config.file:
        raise UsageError("the description is given twice, as an argument and with --file")
    if config.description is None and not config.file and sys.stdin.isatty():
        return None
    if config.file:
        text = _text(config.file, "--file")
    else:
        text = sys.stdin.read() if config.description is None else config.description
    if not text.strip():
        raise UsageError(NOTHING)
    return text


def _text(path: Path | None, option: str) -> str:
    if path is None:
        return ""
    try:
        return read_text(path)
    except UsageError as error:
        raise UsageError(f"{option} {path}: {error}") from error

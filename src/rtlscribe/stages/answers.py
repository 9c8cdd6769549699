"""Stage 3 of the dataset flow: several answers to each design task, of which those are kept that compile (paper 2.3).

Whether they do what was asked is not looked at: that is `rtlscribe data verify`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.asking import Asking, Teacher, begin, digest, teacher
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.errors import DataError, RtlscribeError
from rtlscribe.executors.base import open_executor
from rtlscribe.flow import TIMEOUT_S
from rtlscribe.models.base import Failure, Request
from rtlscribe.options import Count, Positive
from rtlscribe.places import Places, count
from rtlscribe.prompts.teacher import Prompts
from rtlscribe.records import Candidate, Completion, Problem, Record, Sample
from rtlscribe.rundir import RunDir, default_folder
from rtlscribe.samples import as_problem
from rtlscribe.summaries import AnswersSummary
from rtlscribe.verilog.extract import extract
from rtlscribe.verilog.header import Header, find_header, interface

REJECTS = "rejects.jsonl"
TOGETHER = 1000  # tasks whose prompts are in memory at a time


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config(Asking):
    """Options of `rtlscribe data answers`."""

    data: Path
    """Tasks: the out.jsonl of `rtlscribe data instructions`, its folder, or a data file of any known form."""

    n: Count = 5
    """Answers to each task (the paper: at least five)."""

    limit: Count | None = None
    """Only the first so many tasks."""

    checkers: tuple[str, ...] = ("pyslang", "iverilog")
    """Checkers that an answer has to compile with, the quickest first."""

    interface: bool = True
    """Keep only answers whose module has the name and the ports of the task's header."""

    check_timeout_s: Positive = TIMEOUT_S
    """Seconds that one check may take."""

    workers: Count = 2
    """Checks at a time."""


class Refusal(Record, kw_only=True):
    """An answer that was not kept: why, and the code."""

    index: int
    reason: str
    detail: str = ""
    code: str = ""


class Rejected(Record, kw_only=True):
    """The answers to one task that were not kept. `discarded`: none was, so the task is left out."""

    id: str
    answers: tuple[Refusal, ...]
    discarded: bool


class _Key(msgspec.Struct):
    """As much of a line as tells what is done; a row has no `discarded`."""

    id: str
    discarded: bool = False


class _Words(msgspec.Struct):
    """What a row of ours has besides what makes it a problem."""

    description: str = ""
    origin: str = ""


class _Task(Record, kw_only=True):
    """A task, its header where it has one, and the question."""

    problem: Problem
    words: _Words
    request: Request

    @property
    def id(self) -> str:
        return self.problem.id


_Answered = tuple[_Task, tuple[Completion | Failure, ...]]


def run(config: Config) -> AnswersSummary:
    """Let a teacher solve design tasks several times each, and keep the answers that compile.

    Writes out.jsonl (samples with all answers that compile, an input of `rtlscribe data verify`; the first is their
    reference) and rejects.jsonl (all others, and the tasks without any) into the run folder.
    """
    prompts = Prompts(config.prompts)
    data = config.data / "out.jsonl" if config.data.is_dir() else config.data
    folder = config.output or default_folder("answers", data.parent.name if config.data.is_dir() else data.stem)
    checkers = [open_checker(name) for name in config.checkers]
    tools = {"checkers": " ".join(checker.name for checker in checkers)}
    with begin(config, folder, stage="answers", inputs={"data": data}, prompts=prompts, tools=tools) as work:
        if work.finished:
            return work.summary(AnswersSummary)
        total = count(data, lambda: _ids(config, data))
        with teacher(config, work, n=config.n) as asked:
            _answer(config, asked, _tasks(config, data, prompts), checkers, work, total=total)
            asked.complain()
        summary = _summary(config, work, asked)
        if not summary.rows:
            raise RtlscribeError(f"no answer to any of {total} tasks compiles; see {work.path / REJECTS}")
        work.finish(summary)
    return summary


def _ids(config: Config, data: Path) -> Iterator[tuple[int, str]]:
    """Number of line and id of each task, none of which may be without words."""
    for number, line in itertools.islice(jsonl.lines(data), config.limit):
        problem = as_problem(line, data, number)
        if not problem.text.strip():
            raise DataError(data, number, f"the task {problem.id!r} has no instruction")
        yield number, problem.id


def _tasks(config: Config, data: Path, prompts: Prompts) -> Iterator[_Task]:
    """The tasks of a file, each with its question."""
    system = prompts.render("system")
    for number, line in itertools.islice(jsonl.lines(data), config.limit):
        problem = as_problem(line, data, number)
        own = jsonl.decode(line, _Words, path=data, line=number)
        instruction = "\n\n".join(part for part in (problem.text, own.description) if part)
        prompt = prompts.render("answer", instruction=instruction, header=problem.header)
        key = f"answer-{digest(f'{system} {prompt}')}-{digest(problem.id)}"
        request = Request(problem_id=key, prompt=prompt, system=system, indices=tuple(range(config.n)))
        yield _Task(problem=problem, words=own, request=request)


def _answer(
    config: Config, asked: Teacher, tasks: Iterable[_Task], checkers: list[Checker], work: RunDir, *, total: int
) -> None:
    """Ask and judge what is owed; each task is on disk as soon as its last answer is judged."""

    def check(item: _Answered) -> tuple[Sample | None, Rejected]:
        return _judge(item, checkers, config)

    with (
        work.appending() as keep,
        work.appending(REJECTS) as reject,
        work.appending("failures.jsonl") as fail,
    ):
        told, done, through = _through(work)
        owed = (task for task in tasks if not through(task.id))
        broken = 0
        with progress.bar("answers", total, done=done) as bar:
            for result in open_executor("pool").map(check, _answered(asked, owed), workers=config.workers):
                if result.value is None:
                    broken += 1
                    fail({"key": result.item[0].id, "error": f"{type(result.error).__name__}: {result.error}"})
                    continue
                row, rejected = result.value
                if rejected.answers and rejected.id not in told:
                    reject(rejected)
                if row:
                    keep(row)
                bar.add()
                bar.say(asked.spent)
    if broken:
        raise RtlscribeError(
            f"{broken} checks could not be made, see {work.path / 'failures.jsonl'}; the same command tries them again"
        )


def _through(work: RunDir) -> tuple[Places, int, Callable[[str], bool]]:
    """What an earlier attempt did: the tasks with refusals, how many tasks are through, and whether one is.

    A task's refusals are written before its row, so they alone do not say so.
    """
    told, rows = (Places(path, _Key) for path in (work.path / REJECTS, work.out))
    discarded = sum(rejected.discarded for rejected in jsonl.read(work.path / REJECTS, _Key))

    def through(name: str) -> bool:
        return name in rows or any(msgspec.json.decode(line, type=_Key).discarded for line in told.lines(name))

    return told, len(rows) + discarded, through


def _answered(asked: Teacher, tasks: Iterable[_Task]) -> Iterator[_Answered]:
    """Each task with all its answers, once the last has come. One that an answer failed for is owed again."""
    source = iter(tasks)
    while some := list(itertools.islice(source, TOGETHER)):
        by_question = {task.request.problem_id: task for task in some}
        here: dict[str, list[Completion | Failure]] = {}
        for item in asked.ask([task.request for task in some]):
            answers = here.setdefault(item.problem_id, [])
            answers.append(item)
            task = by_question[item.problem_id]
            if len(answers) == len(task.request.indices):
                del here[item.problem_id]
                if all(isinstance(a, Completion) or a.refused for a in answers):
                    yield task, tuple(sorted(answers, key=lambda a: a.index))


def _judge(item: _Answered, checkers: list[Checker], config: Config) -> tuple[Sample | None, Rejected]:
    """The row of a task, None if no answer is kept, and the answers that are not."""
    task, answers = item
    header = find_header(task.problem.header)
    kept, refusals, model = [], [], ""
    for said in answers:
        if isinstance(said, Failure):
            refusals.append(Refusal(index=said.index, reason="refused by the server", detail=said.reason))
            continue
        model = said.model
        code, refusal = _look(said, task.problem, header if config.interface else None, checkers, config)
        if refusal:
            refusals.append(refusal)
        else:
            kept.append(code)
    rejected = Rejected(id=task.id, answers=tuple(refusals), discarded=not kept)
    if not kept:
        return None, rejected
    own = task.words
    row = Sample(
        id=task.id,
        instruction=task.problem.text,
        description=own.description,
        header=task.problem.header,
        verilog=kept[0],
        responses=tuple(kept),
        reference=0,
        origin=f"{own.origin or 'answers'}; answered by {model}",
    )
    return row, rejected


def _look(
    said: Completion, problem: Problem, header: Header | None, checkers: list[Checker], config: Config
) -> tuple[str, Refusal | None]:
    """The code of an answer, and why it is not kept, if it is not."""
    top = header.name if header else ""
    code, assembly = extract(said.text, header=problem.header, top=top)

    def refused(reason: str, detail: str = "") -> tuple[str, Refusal]:
        return code, Refusal(index=said.index, reason=reason, detail=detail, code=code or said.text)

    if said.finish_reason == "length":
        return refused("cut off", f"at {config.max_tokens} tokens")
    candidate = Candidate(problem_id=problem.id, index=said.index, code=code, assembly=assembly)
    alone = Problem(id=problem.id, text="", header=problem.header, top=top)  # no testbench: does it compile?
    for checker in checkers:
        verdict = checker.check(candidate, alone, timeout_s=config.check_timeout_s)
        if verdict.status != "passed":
            return refused(f"{verdict.status} ({checker.name})", verdict.detail)
    if header and interface(f"{header.text}\nendmodule\n", top) != interface(code, top):
        return refused("other interface", f"wanted {header.text}")
    return code, None


def _summary(config: Config, work: RunDir, asked: Teacher) -> AnswersSummary:
    rows = kept = discarded = 0
    for row in jsonl.read(work.out, Sample):
        rows, kept = rows + 1, kept + len(row.responses)
    reasons: Counter[str] = Counter()
    for rejected in jsonl.read(work.path / REJECTS, Rejected):
        discarded += rejected.discarded
        reasons.update(refusal.reason for refusal in rejected.answers)
    return AnswersSummary(
        output=str(work.out),
        rows=rows,
        discarded=discarded,
        answers=kept + sum(reasons.values()),
        kept=kept,
        tokens=asked.budget.used.tokens,
        cost=asked.budget.price(asked.budget.used),
        rejected=dict(reasons),
    )

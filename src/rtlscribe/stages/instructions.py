"""Stage 2 of the dataset flow: design tasks from keywords, then mutations of them, each checked (paper 2.2).

Works in rounds. A round is planned from the tasks that stand before it, so the same answers give the same tasks,
however often a run was interrupted. Writes no Verilog.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.asking import Asking, Keyword, Teacher, begin, digest, teacher
from rtlscribe.errors import DataError, RtlscribeError, UsageError
from rtlscribe.models.base import Failure, Request
from rtlscribe.options import Count, CountFromZero, FromZero, Share
from rtlscribe.prompts.replies import sections
from rtlscribe.prompts.teacher import Prompts
from rtlscribe.records import Completion, Record, Sample
from rtlscribe.rundir import RunDir, default_folder
from rtlscribe.samples import read_problems
from rtlscribe.similarity import Pool
from rtlscribe.summaries import InstructionsSummary
from rtlscribe.verilog.header import fault, find_header

REJECTS = "rejects.jsonl"
STALLED = 5  # rounds in a row without a task: the teacher does not do what it is asked

Mutation = Literal["same_function", "same_hardware", "parallel", "serial"]
PARENTS: dict[Mutation, int] = {"same_function": 1, "same_hardware": 1, "parallel": 2, "serial": 2}

# Tasks with these want more than hardware can do (paper 2.2: "image", "text").
INVALID = ("image", "images", "picture", "pictures", "text", "diagram", "flowchart", "essay", "website", "plot", "draw")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config(Asking):
    """Options of `rtlscribe data instructions`."""

    keywords: Path | None = None
    """Keywords to begin with: the out.jsonl of `rtlscribe data keywords`, its folder, or a text file, one a line."""

    seeds: Path | None = None
    """Tasks to begin with, from a data file of any known form: new ones differ from them, and are mutations of them."""

    n: Count = 1000
    """Tasks wanted."""

    initial: CountFromZero = 200
    """Tasks to write from --keywords before mutations begin."""

    pair_share: FromZero = 0.5
    """Share of the questions from keywords that have two of them."""

    mutations: tuple[Mutation, ...] = ("same_function", "same_hardware", "parallel", "serial")
    """Kinds of mutation, each as often as the others."""

    reasoning: bool = False
    """Ask for the steps to a solution as well; they become the task's description."""

    threshold: Share = 0.7
    """A task with a Rouge-L above this to another is left out."""

    invalid_words: tuple[str, ...] = INVALID
    """A task with one of these words is left out."""

    shortest: Count = 4
    """Fewest words of a task."""

    longest: Count = 400
    """Most words of a task."""

    queries: Count | None = None
    """Most questions to ask; 5 times --n by default."""

    together: Count = 64
    """Questions in a round."""


class Rejected(Record, kw_only=True):
    """A reply that is no new task. `detail` says more than `reason`, and `text` is the reply."""

    id: str
    kind: str
    parents: tuple[str, ...]
    reason: str
    detail: str = ""
    text: str = ""


class Question(NamedTuple):
    """One question of a round: its kind, the keywords or tasks it is about, and its prompt."""

    kind: str
    parents: tuple[str, ...]
    request: Request


class Task(NamedTuple):
    """What a mutation is shown of a task."""

    id: str
    text: str


def run(config: Config) -> InstructionsSummary:
    """Let a teacher write design tasks from keywords, and new ones from those, until there are enough.

    Writes out.jsonl (tasks, an input of `rtlscribe data answers`) and rejects.jsonl into the run folder.
    """
    prompts = Prompts(config.prompts)
    folder = config.output or default_folder("instructions")
    keywords_file = _keywords_file(config.keywords)
    inputs = {k: v for k, v in (("keywords", keywords_file), ("seeds", config.seeds)) if v}
    if not inputs:
        raise UsageError("nothing to begin with; give --keywords, --seeds or both")
    with begin(config, folder, stage="instructions", inputs=inputs, prompts=prompts) as work:
        if work.finished:
            return work.summary(InstructionsSummary)
        keywords = _read_keywords(keywords_file) if keywords_file else []
        flow = _Flow(config, prompts, keywords, work)
        with teacher(config, work) as asked:
            queries, rounds = flow.rounds(asked, work)
        rows = work.done(Sample)
        summary = InstructionsSummary(
            output=str(work.out),
            instructions=len(rows),
            queries=queries,
            rounds=rounds,
            tokens=asked.budget.used.tokens,
            cost=asked.budget.price(asked.budget.used),
            kinds=dict(Counter(row.origin.split(":")[1] for row in rows)),
            rejected=dict(Counter(r.reason for r in work.done(Rejected, name=REJECTS))),
        )
        work.finish(summary)
    return summary


def _keywords_file(given: Path | None) -> Path | None:
    return given / "out.jsonl" if given and given.is_dir() else given


def _read_keywords(path: Path) -> list[str]:
    """The keywords of a file: Keyword records, or one a line."""
    found = []
    for number, line in jsonl.lines(path):
        if line.lstrip().startswith(b"{"):
            found.append(jsonl.decode(line, Keyword, path=path, line=number).keyword)
        else:
            try:
                found.append(line.decode().strip())
            except UnicodeDecodeError as error:
                raise DataError(path, number, f"{error}") from error
    if not found:
        raise DataError(path, None, "no keywords; expected one a line")
    return list(dict.fromkeys(found))


class _Flow:
    """The tasks so far and what each question came to, on disk and here."""

    def __init__(self, config: Config, prompts: Prompts, keywords: list[str], work: RunDir) -> None:
        self.config, self.prompts, self.keywords = config, prompts, keywords
        self.accepted = {row.id: row for row in work.done(Sample)}
        self.rejected = {row.id: row.reason for row in work.done(Rejected, name=REJECTS)}
        seeds = read_problems(config.seeds) if config.seeds else []
        self.tasks = [Task(seed.id, _shown(seed.text, seed.header)) for seed in seeds]
        self.pool = Pool(config.threshold)
        self.ids = [seed.id for seed in seeds]  # by the pool's numbers
        for text in (*(seed.text for seed in seeds), *(row.instruction for row in self.accepted.values())):
            self.pool.put(text)
        self.ids += self.accepted

    def owed(self, key: str) -> bool:
        """Whether the question has not been judged."""
        return key not in self.accepted and key not in self.rejected

    def rounds(self, asked: Teacher, work: RunDir) -> tuple[int, int]:
        """Ask and judge until there are enough. Returns the questions and the rounds."""
        config, queries, number, made, barren = self.config, 0, 0, 0, 0
        most = config.queries or 5 * config.n
        with (
            work.appending() as keep,
            work.appending(REJECTS) as reject,
            progress.bar("instructions", config.n, done=len(self.accepted)) as bar,
        ):
            while made < config.n and queries < most and barren < STALLED:
                questions = self._plan(number, made)[: most - queries]
                owed = [q.request for q in questions if self.owed(q.request.problem_id)]
                replies = {r.problem_id: r for r in asked.ask(owed)}
                before = made
                for question in questions:
                    key = question.request.problem_id
                    if made < config.n and self.owed(key):
                        judged = self._judge(question, replies[key])
                        (keep if isinstance(judged, Sample) else reject)(judged)
                        bar.add(isinstance(judged, Sample))
                    if made < config.n and key in self.accepted:
                        made += 1
                        row = self.accepted[key]
                        self.tasks.append(Task(row.id, _shown(row.instruction, row.header)))
                bar.say(asked.spent)
                queries, number = queries + len(questions), number + 1
                barren = 0 if made > before else barren + 1
        if barren == STALLED:
            ((reason, _),) = Counter(self.rejected.values()).most_common(1)
            raise RtlscribeError(
                f"{STALLED} rounds in a row brought no task, most often for this reason: {reason}; see "
                f"{work.path / REJECTS}, and try another teacher, or prompts of your own"
            )
        return queries, number

    def _plan(self, number: int, made: int) -> list[Question]:
        """The questions of a round: a function of its number and of the tasks before it."""
        config = self.config
        rng = random.Random(f"{config.seed} {number}")
        possible = [kind for kind in config.mutations if PARENTS[kind] <= len(self.tasks)]
        if not self.keywords and not possible:
            raise UsageError("--seeds has fewer tasks than a mutation wants; give more, or --keywords as well")
        missing = max(config.initial - made, 0 if possible else 2) if self.keywords else 0
        from_keywords = min(missing, config.together)
        system = self.prompts.render("system")
        questions = []
        for place in range(config.together if possible else from_keywords):
            if place < from_keywords:
                kind, parents, prompt = self._from_keywords(rng)
            else:
                kind, parents, prompt = self._mutation(rng, rng.choice(possible))
            key = f"{kind}-{number}-{place}-{digest(f'{system} {prompt}')}"
            request = Request(problem_id=key, prompt=prompt, system=system, indices=(0,))
            questions.append(Question(kind, parents, request))
        return questions

    def _from_keywords(self, rng: random.Random) -> tuple[str, tuple[str, ...], str]:
        two = len(self.keywords) > 1 and rng.random() < self.config.pair_share
        topics = tuple(rng.sample(self.keywords, 2 if two else 1))
        return "keywords", topics, self._render("instruction", topics=topics)

    def _mutation(self, rng: random.Random, kind: Mutation) -> tuple[str, tuple[str, ...], str]:
        chosen = rng.sample(self.tasks, PARENTS[kind])
        prompt = self._render(kind, instructions=[task.text for task in chosen])
        return kind, tuple(task.id for task in chosen), prompt

    def _render(self, name: str, **values: Any) -> str:
        return self.prompts.render(name, reasoning=self.config.reasoning, **values)

    def _judge(self, question: Question, reply: Completion | Failure) -> Sample | Rejected:
        """A task, or why the reply is none. Takes note of either."""
        kind, parents, request = question
        key = request.problem_id
        if isinstance(reply, Failure):
            reason, detail, task = "refused" if reply.refused else "no answer", reply.reason, None
        else:
            task = _task(reply.text)
            reason, detail = self._fault(task, reply)
        if task and not reason:
            row = Sample(
                id=key,
                instruction=task.instruction,
                description=task.reasoning,
                header=task.header,
                origin=f"instructions:{kind}:{'+'.join(parents)}",
            )
            self.ids.append(key)
            self.accepted[key] = row
            return row
        self.rejected[key] = reason
        text = "" if isinstance(reply, Failure) else reply.text
        return Rejected(id=key, kind=kind, parents=parents, reason=reason, detail=detail, text=text)

    def _fault(self, task: Written, reply: Completion) -> tuple[str, str]:
        """Why a reply is no task, in short and in detail; ("", "") and the pool has it if it is one (paper 2.2)."""
        config = self.config
        words = task.instruction.split()
        if reply.finish_reason == "length":
            return "cut off", f"at {config.max_tokens} tokens"
        if not task.header:
            return "no header", ""
        if not config.shortest <= len(words) <= config.longest:
            return "length", f"{len(words)} words"
        if not task.instruction[0].isascii():
            return "not ASCII", task.instruction[0]
        invalid = {w.lower() for w in config.invalid_words} & {w.strip(".,;:!?()[]\"'`*").lower() for w in words}
        if invalid:
            return "invalid word", ", ".join(sorted(invalid))
        wrong = fault(task.header, task.name)
        if wrong:
            return "header", wrong
        near = self.pool.add(task.instruction)
        return ("like another", f"{self.ids[near.number]}, Rouge-L {near.score:.3f}") if near else ("", "")


class Written(NamedTuple):
    """The parts of a reply."""

    instruction: str
    reasoning: str
    header: str
    name: str


def _task(text: str) -> Written:
    """The task in a reply: its words, the steps to a solution, and the header of its module."""
    parts = sections(text)
    body = parts.get("new instruction") or parts.get("instruction") or parts[""]
    header = find_header(body)
    if not header:
        return Written(body.strip(), parts.get("reasoning", ""), "", "")
    before, after = body[: header.start], body[header.end :].rpartition("endmodule")[2]  # some solve it at once
    if before.count("```") % 2:  # the header stands between fences, and what is there with it is no words
        before, after = before.rpartition("```")[0], after.partition("```")[2]
    words = "\n\n".join(part.strip() for part in (before, after) if part.strip())
    return Written(words, parts.get("reasoning", "").strip(), header.text, header.name)


def _shown(text: str, header: str) -> str:
    return f"{text}\n```\n{header}\n```" if header else text

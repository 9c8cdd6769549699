"""Stage 1 of the dataset flow: a pool of keywords by questions that branch like a tree (paper 2.1). Writes no tasks."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from cyclopts import Parameter

from rtlscribe import progress
from rtlscribe.asking import Asking, Keyword, Teacher, begin, digest, teacher
from rtlscribe.errors import RtlscribeError
from rtlscribe.models.base import Failure, Request
from rtlscribe.options import Count, CountFromZero
from rtlscribe.prompts.replies import Node, tree
from rtlscribe.prompts.teacher import Prompts
from rtlscribe.records import Completion, Record
from rtlscribe.rundir import RunDir, default_folder
from rtlscribe.summaries import KeywordsSummary

REJECTS = "rejects.jsonl"
TOGETHER = 32  # questions between two looks at whether the pool is full; part of what is asked, not of how
MOST_WORDS, MOST_CHARACTERS = 8, 64


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config(Asking):
    """Options of `rtlscribe data keywords`."""

    n: Count = 400
    """Keywords wanted."""

    depth: CountFromZero = 2
    """Levels of questions below the first: 1 asks about its categories and examples, 2 about what these brought."""

    queries: Count = 300
    """Most questions to ask."""

    samples: Count = 1
    """Answers to each question, each read for keywords."""


class Rejected(Record, kw_only=True):
    """A name that is no keyword, or not a new one."""

    keyword: str
    query: str
    reason: str


class Branch(NamedTuple):
    """A question: for the types of a keyword, below `path`; "" is the root."""

    keyword: str
    path: tuple[str, ...]

    def request(self, prompts: Prompts, samples: int) -> Request:
        name = "keywords_branch" if self.keyword else "keywords_root"
        values: dict[str, Any] = {"keyword": self.keyword, "path": self.path} if self.keyword else {}
        prompt, system = prompts.render(name, **values), prompts.render("system")
        key = f"key-{digest(f'{system} {prompt}')}"
        return Request(problem_id=key, prompt=prompt, system=system, indices=tuple(range(samples)))


def run(config: Config) -> KeywordsSummary:
    """Collect keywords of digital design from a teacher: categories and examples first, then more of each.

    Writes out.jsonl (keywords, each with where it comes from) and rejects.jsonl into the run folder.
    """
    prompts = Prompts(config.prompts)
    folder = config.output or default_folder("keywords")
    with begin(config, folder, stage="keywords", inputs={}, prompts=prompts) as work:
        if work.finished:
            return work.summary(KeywordsSummary)
        pool = _Pool(work, config.n)
        with (
            teacher(config, work) as asked,
            pool.writing(work),
            progress.bar("keywords", config.n, done=len(pool)) as bar,
        ):
            queries = _grow(config, prompts, asked, pool, bar)
            if len(pool) < config.n:  # else what failed is not missed
                asked.complain()
        if not len(pool):
            raise RtlscribeError(f"no reply held a list of keywords; see {work.path / 'replies.jsonl'}")
        summary = KeywordsSummary(
            output=str(work.out),
            keywords=len(pool),
            queries=queries,
            refused=asked.refused,
            tokens=asked.budget.used.tokens,
            cost=asked.budget.price(asked.budget.used),
            by_depth=dict(Counter(str(k.depth) for k in work.done(Keyword))),
            rejected=dict(Counter(r.reason for r in work.done(Rejected, name=REJECTS))),
        )
        work.finish(summary)
    return summary


def _grow(config: Config, prompts: Prompts, asked: Teacher, pool: _Pool, bar: progress.Bar) -> int:
    """Ask level by level until the pool is full. Returns the number of questions."""
    level, queries, branched = [Branch("", ())], 0, set()
    for depth in range(config.depth + 1):
        following: list[Branch] = []
        for start in range(0, len(level), TOGETHER):
            some = level[start : start + TOGETHER][: config.queries - queries]
            queries += len(some)
            requests = [branch.request(prompts, config.samples) for branch in some]
            replies = {(r.problem_id, r.index): r for r in asked.ask(requests) if not isinstance(r, Failure)}
            for branch, request in zip(some, requests, strict=True):
                for index in request.indices:
                    said = replies.get((request.problem_id, index))
                    for node in _nodes(said):
                        bar.add(pool.take(node, branch, depth, request.problem_id, said.model if said else ""))
                        child = Branch(node.keyword, _above(branch, node))
                        if normal(node.keyword) not in branched and not fault(node.keyword):
                            branched.add(normal(node.keyword))
                            following.append(child)
            bar.say(asked.spent)
            if len(pool) >= config.n or queries >= config.queries:
                return queries
        level = following
    return queries


def _nodes(said: Completion | None) -> list[Node]:
    """The names of a reply. The last line of one that was cut off may be half a name."""
    if not said:
        return []
    return tree(said.text if said.finish_reason == "stop" else said.text.rpartition("\n")[0])


def _above(branch: Branch, node: Node) -> tuple[str, ...]:
    """The names above a node: those of the question, then those of the reply, which often repeats the question."""
    asked = (*branch.path, branch.keyword) if branch.keyword else ()
    return (*asked, *(name for name in node.path if normal(name) not in map(normal, asked)))


def normal(keyword: str) -> str:
    """What two spellings of one keyword have in common: letters and digits, without the plural's s."""
    return re.sub(r"[^a-z0-9]", "", keyword.lower()).removesuffix("s")


def fault(keyword: str) -> str:
    """Why a name is no keyword; "" if it may be one."""
    if not keyword.isascii() or not re.search(r"[A-Za-z]{2}|\d[A-Za-z]|[A-Za-z]\d", keyword):
        return "no name"
    if len(keyword.split()) > MOST_WORDS or len(keyword) > MOST_CHARACTERS:
        return "too long"
    return "not a list" if keyword.endswith(("?", "!")) else ""


class _Pool:
    """The keywords of a run, on disk as soon as they are taken."""

    def __init__(self, work: RunDir, most: int) -> None:
        self._most = most
        self._keywords = {normal(k.keyword): k for k in work.done(Keyword)}
        self._rejected = {(r.query, r.keyword) for r in work.done(Rejected, name=REJECTS)}
        self._keep: Callable[[Record], None]
        self._reject: Callable[[Record], None]

    @contextlib.contextmanager
    def writing(self, work: RunDir) -> Iterator[None]:
        with work.appending() as self._keep, work.appending(REJECTS) as self._reject:
            yield

    def __len__(self) -> int:
        return len(self._keywords)

    def take(self, node: Node, branch: Branch, depth: int, query: str, model: str) -> int:
        """Take a name in, or write down why not. Returns how many keywords there are more."""
        if node.parent and not branch.keyword and not node.path:
            return 0  # a category of the first reply: to be asked about, but no circuit
        known = self._keywords.get(normal(node.keyword))
        reason = fault(node.keyword) or ("duplicate" if known else "")
        if known and known.query == query and known.keyword == node.keyword:
            return 0  # taken by an earlier attempt
        if reason and (query, node.keyword) not in self._rejected:
            self._rejected.add((query, node.keyword))
            self._reject(Rejected(keyword=node.keyword, query=query, reason=reason))
        if reason or len(self) >= self._most:
            return 0
        keyword = Keyword(keyword=node.keyword, path=_above(branch, node), depth=depth, query=query, model=model)
        self._keywords[normal(node.keyword)] = keyword
        self._keep(keyword)
        return 1

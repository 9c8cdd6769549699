"""Finished evaluations to report on, and the page that comes of them, taken apart."""

import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from rtlscribe.flow import Attempt
from rtlscribe.metrics import pass_at_k, wilson_interval
from rtlscribe.records import Candidate, Completion, Sampling, Status, Verdict
from rtlscribe.rundir import RunDir
from rtlscribe.scoring import COMPILED
from rtlscribe.stages.report import Config, run
from rtlscribe.summaries import EvaluateSummary, ProblemCount, Rate, Setting

Outcomes = Mapping[str, list[Status]]  # of each problem, what its completions came to
Way = tuple[str, str, float]  # rule, assembly, temperature

MAIN: Way = ("strict", "parser-based", 0.2)


def rate(shares: list[float]) -> Rate:
    mean = sum(shares) / len(shares)
    low, high = wilson_interval(mean, len(shares))
    return Rate(rate=mean, low=low, high=high)


def setting(way: Way, outcomes: Outcomes, **more: Any) -> Setting:
    counts = tuple(
        ProblemCount(id=i, n=len(s), syntax=sum(one in COMPILED for one in s), function=s.count("passed"))
        for i, s in sorted(outcomes.items())
    )
    flat = [status for statuses in outcomes.values() for status in statuses]
    return Setting(
        rule=way[0],
        assembly=way[1],
        temperature=way[2],
        completions=len(flat),
        syntax=rate([c.syntax / c.n for c in counts]),
        function=rate([c.function / c.n for c in counts]),
        pass_at={
            str(k): sum(pass_at_k(c.n, c.function, k) for c in counts) / len(counts)
            for k in (1, 5, 10)
            if k <= min(c.n for c in counts)
        },
        statuses={s: flat.count(s) for s in flat},
        by_problem=counts,
        **more,
    )


def attempts(way: Way, outcomes: Outcomes, code: str) -> list[Attempt]:
    """From the last to the first, since a run may write them in any order."""
    found = []
    for problem_id, statuses in reversed(outcomes.items()):
        for index, status in reversed(list(enumerate(statuses))):
            key: dict[str, Any] = {"problem_id": problem_id, "index": index}
            sampling = Sampling(n=len(statuses), temperature=way[2], top_p=0.95, max_tokens=300, seed=11)
            text = f"Here you are:\n{code}"
            said = Completion(**key, text=text, model="hf:m", sampling=sampling, finish_reason="stop")
            candidate = Candidate(**key, code="" if status == "no_code" else code, assembly="module")
            detail = f"says {status}"
            verdict = Verdict(**key, status=status, checker="iverilog-12.0", detail=detail, seconds=0.25)
            found.append(Attempt(completion=said, candidate=candidate, verdict=verdict, rule=way[0], assembly=way[1]))
    return found


def finished_evaluation(
    folder: Path,
    outcomes: Outcomes,
    *,
    way: Way = MAIN,
    others: Mapping[Way, Outcomes] | None = None,
    refused: int = 0,
    code: str = "module m; endmodule",
    benchmark: str = "tiny-set",
    inputs: Mapping[str, Path] | None = None,
    config: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """A run whose headline is `way`; `others` are its further settings, `changes` fields of its summary."""
    n = len(next(iter(outcomes.values())))
    ways = {way: outcomes} | dict(others or {})
    settings = [setting(w, o, **({"refused": refused} if w[0] == "official" else {})) for w, o in ways.items()]
    top = settings[0]
    given = {"model": "hf:m", "benchmark": benchmark, "n": n, "seed": 11} | dict(config or {})
    with RunDir.open(folder, stage="evaluate", config=given, inputs=inputs or {}) as work:
        with work.appending() as append:
            for w, o in ways.items():
                for attempt in attempts(w, o, code if w == way else "module another_setting; endmodule"):
                    append(attempt)
        summary: dict[str, Any] = {
            "output": str(work.out),
            "model": "hf:m",
            "benchmark": benchmark,
            "checker": "iverilog-12.0",
            "sampling": Sampling(n=n, temperature=way[2], top_p=0.95, max_tokens=300, seed=11),
            "problems": len(top.by_problem),
            "completions": top.completions,
            "syntax": top.syntax,
            "function": top.function,
            "pass_at": top.pass_at,
            "statuses": top.statuses,
            "by_problem": top.by_problem,
            "rule": way[0],
            "assembly": way[1],
            "settings": tuple(settings) if others else (),
        }
        work.finish(EvaluateSummary(**summary | changes))
    return folder


class Outline(HTMLParser):
    """Checks that tags are balanced; gathers rows of tables as texts, with their class, and all attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.published: list[list[str]] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: set[str] = set()
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag != "meta":  # the only element of the page without an end
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
            if ("class", "published") in attrs:
                self.published.append(self.rows[-1])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    @property
    def figures(self) -> list[ET.Element]:
        return [ET.fromstring(text) for text in re.findall(r"<svg.*?</svg>", self.page, flags=re.S)]


@pytest.fixture
def evaluate_run() -> Callable[..., Path]:
    """Writes a finished evaluation."""
    return finished_evaluation


@pytest.fixture
def make_setting() -> Callable[..., Setting]:
    """The numbers of some outcomes."""
    return setting


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """Run the stage; the page and the table."""

    def made(*runs: object, **options: Any) -> tuple[str, str]:
        summary = run(Config(tuple(str(r) for r in runs), output=tmp_path / "out/page.html", **options))
        assert summary.output == str(tmp_path / "out/page.html")
        return (tmp_path / "out/page.html").read_text(), summary.table

    return made


@pytest.fixture
def outline(make: Callable[..., tuple[str, str]]) -> Callable[..., Outline]:
    """Run the stage; the page, taken apart."""
    return lambda *runs, **options: Outline(make(*runs, **options)[0])

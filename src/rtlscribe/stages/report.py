"""Put finished runs side by side on one HTML page. Does not run, judge or train anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from cyclopts import Parameter

import rtlscribe
from rtlscribe import jsonl
from rtlscribe.benchmarks.base import benchmark_inputs, load_problems
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.flow import Attempt
from rtlscribe.report.answers import PAGE_CODE_CHARACTERS, Collector
from rtlscribe.report.material import Ended, Evaluation, Example, Material, Source
from rtlscribe.report.page import render
from rtlscribe.report.runs import benchmark_content, benchmark_parts, open_run, read_entries, read_summary
from rtlscribe.report.tables import markdown
from rtlscribe.rundir import sha256
from rtlscribe.summaries import EvaluateSummary, ReportSummary, Setting


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe report`."""

    runs: tuple[str, ...]
    """Folders of finished runs, of any stages. LABEL=FOLDER gives a run the name that stands in the tables."""

    _: KW_ONLY

    output: Path = Path("report.html")
    """The page: one file, without anything from elsewhere."""

    title: str = "Language models that write Verilog"
    """The page's heading."""

    examples: int = 3
    """Passed attempts, and as many that did not pass, shown of each evaluated run."""


def run(config: Config) -> ReportSummary:
    """Report on finished runs: one self-contained HTML page, and the table of rates in Markdown."""
    if not config.runs:
        raise UsageError("no runs to report on; name the folders of finished runs")
    if config.examples < 0:
        raise UsageError(f"--examples {config.examples}: a number from 0 on is wanted")
    sources = [open_run(given) for given in config.runs]
    labels = [source.label for source in sources]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"two runs are called {label!r}; tell them apart as LABEL=FOLDER")
    material = Material(sources=sources)
    characters = PAGE_CODE_CHARACTERS // len(sources)
    for source in sources:
        _gather(source, material, examples=config.examples, characters=characters)
    jsonl.replace(config.output, [render(material, title=config.title).encode()])
    return ReportSummary(output=str(config.output), table=markdown(material))


def _gather(source: Source, material: Material, *, examples: int, characters: int) -> None:
    """Add what a run came to. Of a stage that is not known here, only the manifest is shown."""
    summary = read_summary(source)
    if isinstance(summary, EvaluateSummary):
        material.evaluations.append(_evaluation(source, summary, examples=examples, characters=characters))
    elif summary:
        material.ended.append(Ended(label=source.label, summary=summary, entries=read_entries(source)))


def _evaluation(source: Source, summary: EvaluateSummary, *, examples: int, characters: int) -> Evaluation:
    """A run as the page shows it: of several settings, the attempts of the one that its headline is from."""
    collector = Collector()
    passed: dict[str, Attempt] = {}
    failed: dict[str, Attempt] = {}
    headline = summary.headline
    for attempt in jsonl.read(Path(source.folder) / "out.jsonl", Attempt):
        if not _is_of(attempt, headline):
            continue
        collector.add(attempt.candidate, attempt.verdict)
        problem_id, index = attempt.completion.problem_id, attempt.completion.index
        first = passed if attempt.verdict.status == "passed" else failed
        if problem_id not in first or index < first[problem_id].completion.index:
            first[problem_id] = attempt
    texts = _texts(source, summary.benchmark) if examples else {}
    return Evaluation(
        label=source.label,
        benchmark_sha256=benchmark_content(source.manifest.inputs),
        summary=summary,
        passed=tuple(_spread(passed, examples, texts)),
        failed=tuple(_spread(failed, examples, texts)),
        answers=collector.answers((count.id for count in summary.by_problem), characters=characters),
    )


def _is_of(attempt: Attempt, setting: Setting) -> bool:
    drawn = attempt.completion.sampling.temperature
    return (attempt.rule, attempt.assembly) == (setting.rule, setting.assembly) and setting.temperature in (None, drawn)


def _texts(source: Source, benchmark: str) -> dict[str, str]:
    """What was asked, by problem id; nothing where it is not certain that the benchmark is still what it was."""
    root = Path(source.manifest.config["root"]) if source.manifest.config.get("root") else None
    content = benchmark_parts(source.manifest.inputs)
    try:
        if content:
            same = content == {name: sha256(path) for name, path in benchmark_inputs(benchmark, root).items()}
        else:
            same = source.facts.get("version") == rtlscribe.__version__
        return {problem.id: problem.text for problem in load_problems(benchmark, root=root)} if same else {}
    except (RtlscribeError, OSError):  # a plug-in or a checkout that is not on this machine: the examples do without
        return {}


def _spread(attempts: dict[str, Attempt], number: int, texts: dict[str, str]) -> Iterator[Example]:
    """The attempts of `number` problems, evenly spaced in the order of ids, so that nobody picks what is shown."""
    ids = sorted(attempts)
    number = min(number, len(ids))
    for place in range(number):
        attempt = attempts[ids[place * len(ids) // number]]
        yield Example(
            text=texts.get(attempt.completion.problem_id, ""),
            completion=attempt.completion,
            candidate=attempt.candidate,
            verdict=attempt.verdict,
        )

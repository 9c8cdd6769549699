"""Put finished runs side by side on one HTML page. Does not run, judge or train anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, TypeVar

from cyclopts import Parameter

import rtlscribe
from rtlscribe import jsonl
from rtlscribe.benchmarks.base import load_problems
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.flow import Attempt
from rtlscribe.report.material import Evaluation, Example, Manifest, Material, Source, Training
from rtlscribe.report.page import render
from rtlscribe.report.tables import markdown
from rtlscribe.rundir import sha256
from rtlscribe.summaries import (
    DesignsSummary,
    EvaluateSummary,
    LossEntry,
    NewModelSummary,
    ReportSummary,
    SampleSummary,
    ScoreSummary,
    TrainSummary,
)

T = TypeVar("T")


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
    sources = [_source(given) for given in config.runs]
    labels = [source.label for source in sources]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"two runs are called {label!r}; tell them apart as LABEL=FOLDER")
    material = Material(sources=sources)
    for source in sources:
        _gather(source, material, examples=config.examples)
    jsonl.replace(config.output, [render(material, title=config.title).encode()])
    return ReportSummary(output=str(config.output), table=markdown(material))


def _source(given: str) -> Source:
    """A finished run from FOLDER or LABEL=FOLDER; a folder whose own name has an equals sign is taken as it is."""
    label, equals, place = given.partition("=")
    if not equals or Path(given).is_dir():
        label, place = Path(given).resolve().name, given
    folder = Path(place)
    file = folder / "manifest.json"
    if not label or not place or not file.is_file():
        raise UsageError(
            f"{place or given} is no run of rtlscribe: wanted a folder with a manifest.json, or LABEL=FOLDER"
        )
    manifest = _read(file, Manifest)
    if manifest.status != "finished":
        raise UsageError(
            f"{folder} holds a run of {manifest.stage!r} that is not finished ({manifest.status}); "
            "the same command again goes on with it"
        )
    facts = {name: value for name, value in _read(file, dict[str, Any]).items() if name not in ("config", "inputs")}
    return Source(label=label, folder=str(folder), manifest=manifest, facts=facts)


def _gather(source: Source, material: Material, *, examples: int) -> None:
    """Add what a run measured. Of a stage that is not known here, only the manifest is shown."""
    label, folder = source.label, Path(source.folder)
    file = folder / "summary.json"
    match source.manifest.stage:
        case "evaluate":
            material.evaluations.append(_evaluation(source, _read(file, EvaluateSummary), examples=examples))
        case "train":
            # A run that went on from a checkpoint has told some steps twice; the last telling is the one that counts.
            losses = {entry.step: entry for entry in jsonl.read(folder / "out.jsonl", LossEntry)}
            told = tuple(losses[step] for step in sorted(losses))
            material.trainings.append(Training(label=label, summary=_read(file, TrainSummary), losses=told))
        case "new-model":
            material.models.append((label, _read(file, NewModelSummary)))
        case "sample":
            material.samplings.append((label, _read(file, SampleSummary)))
        case "score":
            material.scorings.append((label, _read(file, ScoreSummary)))
        case "designs":
            material.designs.append((label, _read(file, DesignsSummary)))


def _evaluation(source: Source, summary: EvaluateSummary, *, examples: int) -> Evaluation:
    passed: dict[str, Attempt] = {}
    failed: dict[str, Attempt] = {}
    for attempt in jsonl.read(Path(source.folder) / "out.jsonl", Attempt):
        problem_id, index = attempt.key
        first = passed if attempt.verdict.status == "passed" else failed
        if problem_id not in first or index < first[problem_id].completion.index:
            first[problem_id] = attempt
    texts = _texts(source, summary.benchmark) if examples else {}
    return Evaluation(
        label=source.label,
        benchmark_sha256=source.manifest.inputs.get("benchmark", ""),
        summary=summary,
        passed=tuple(_spread(passed, examples, texts)),
        failed=tuple(_spread(failed, examples, texts)),
    )


def _texts(source: Source, benchmark: str) -> dict[str, str]:
    """What was asked, by problem id; nothing where it is not certain that the benchmark is still what it was."""
    content = source.manifest.inputs.get("benchmark")
    if content:
        same = Path(benchmark).is_file() and sha256(Path(benchmark)) == content
    else:
        same = source.facts.get("version") == rtlscribe.__version__
    try:
        return {problem.id: problem.text for problem in load_problems(benchmark)} if same else {}
    except RtlscribeError:  # a plug-in or a checkout that is not on this machine: the examples do without
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


def _read(file: Path, kind: type[T]) -> T:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}; the run is not whole") from error
    return jsonl.decode(content, kind, path=file, line=1)

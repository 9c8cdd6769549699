"""One self-contained HTML page from the records of finished runs. Reads no files and fetches nothing.

What a model wrote is hostile text: Jinja escapes all of it, no script is on the page, and its own policy forbids any.
"""

from __future__ import annotations

from importlib import resources

import jinja2
import msgspec
from markupsafe import Markup

import rtlscribe
from rtlscribe.records import Record
from rtlscribe.report import answers, beside, curves, figures, overlap, paired, rows, settings, speed, tables
from rtlscribe.report.material import Evaluation, Material
from rtlscribe.report.tables import Group, Table
from rtlscribe.summaries import BenchSummary, DecontaminateSummary


class Shown(Record):
    """One evaluated model's own part of a section. `anchor` and a number are the id of a problem's verdicts."""

    evaluation: Evaluation
    anchor: str
    syntax: Markup
    function: Markup
    settings: tuple[Table, ...]
    every_setting: Table | None
    refused: tuple[str, ...]

    @property
    def codes_left_out(self) -> int:
        return sum(found.codes_left_out for found in self.evaluation.answers)


class Section(Record):
    """Everything about one benchmark."""

    group: Group
    settings: list[str]
    cautions: list[str]
    rates: Table
    chart: Markup
    paired: Table | None
    published: Table | None
    aided: Table | None
    corrected: Table | None
    verdicts: Table
    families: Table | None
    designs: Table | None
    problems: Table
    shown: list[Shown]


def render(material: Material, *, title: str) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["pretty"] = _pretty
    environment.filters["spans"] = _spans
    template = environment.from_string((resources.files("rtlscribe.report") / "page.html.jinja").read_text("utf-8"))
    return template.render(
        title=title,
        version=rtlscribe.__version__,
        code_characters=answers.CODE_CHARACTERS,
        sections=[_section(group, number) for number, group in enumerate(tables.groups(material.evaluations), 1)],
        trainings=rows.tables(rows.TRAINING, material),
        curves=curves.curves(material),
        quantized=beside.quantized(material),
        throughput=speed.throughput(material),
        benches=material.of(BenchSummary),
        data=rows.tables(rows.DATA, material),
        overlap=rows.tables(rows.OVERLAP, material),
        overlaps=[overlap.figure(run.label, run.summary) for run in material.of(DecontaminateSummary)],
        audits=rows.tables(rows.AUDITS, material),
        sources=material.sources,
    )


def _section(group: Group, number: int) -> Section:
    both = [(e.label, e.summary.syntax, e.summary.function) for e in group.evaluations]
    return Section(
        group=group,
        settings=tables.settings(group),
        cautions=tables.cautions(group),
        rates=tables.rates(group),
        chart=Markup(figures.rates_chart(both, title=f"Syntax and function rates on {group.name}")),
        paired=paired.against_the_first(group),
        published=beside.published(group),
        aided=settings.aided(group),
        corrected=settings.corrected(group),
        verdicts=tables.verdicts(group),
        families=tables.families(group),
        designs=beside.designs(group),
        problems=tables.problems(group),
        shown=[_shown(evaluation, f"v{number}-{place}") for place, evaluation in enumerate(group.evaluations, 1)],
    )


def _shown(evaluation: Evaluation, anchor: str) -> Shown:
    counts, label = evaluation.summary.by_problem, evaluation.label
    link = anchor if evaluation.answers else ""
    syntax = figures.problem_cells(counts, kind="syntax", title=f"{label}: completions that compile", anchor=link)
    function = figures.problem_cells(counts, kind="function", title=f"{label}: completions that pass", anchor=link)
    return Shown(
        evaluation=evaluation,
        anchor=anchor,
        syntax=Markup(syntax),
        function=Markup(function),
        settings=tuple(t for t in (settings.worth(evaluation), settings.temperatures(evaluation)) if t),
        every_setting=settings.every(evaluation),
        refused=tuple(settings.refused(evaluation)),
    )


def _pretty(value: object) -> str:
    """A value of a manifest as it stands there; plain text without its quotes."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _spans(numbers: tuple[int, ...]) -> str:
    """Numbers in ascending order with runs of them drawn together: 0–3, 7."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}–{last}" for first, last in spans)

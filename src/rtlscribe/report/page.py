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
from rtlscribe.report import figures, tables
from rtlscribe.report.material import Evaluation, Material, Training
from rtlscribe.report.tables import Group, Table


class Shown(Record):
    """One evaluated model's own part of a section."""

    evaluation: Evaluation
    syntax: Markup
    function: Markup


class Section(Record):
    """Everything about one benchmark."""

    group: Group
    settings: list[str]
    cautions: list[str]
    rates: Table
    chart: Markup
    verdicts: Table
    families: Table | None
    problems: Table
    shown: list[Shown]


def render(material: Material, *, title: str) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["pretty"] = _pretty
    template = environment.from_string((resources.files("rtlscribe.report") / "page.html.jinja").read_text("utf-8"))
    return template.render(
        title=title,
        version=rtlscribe.__version__,
        sections=[_section(group) for group in tables.groups(material.evaluations)],
        trainings=tables.trainings(material),
        curves=[(training.label, _curve(training)) for training in material.trainings if training.losses],
        data=tables.data(material),
        sources=material.sources,
    )


def _section(group: Group) -> Section:
    rows = [(e.label, e.summary.syntax, e.summary.function) for e in group.evaluations]
    return Section(
        group=group,
        settings=tables.settings(group),
        cautions=tables.cautions(group),
        rates=tables.rates(group),
        chart=Markup(figures.rates_chart(rows, title=f"Syntax and function rates on {group.name}")),
        verdicts=tables.verdicts(group),
        families=tables.families(group),
        problems=tables.problems(group),
        shown=[_shown(evaluation) for evaluation in group.evaluations],
    )


def _shown(evaluation: Evaluation) -> Shown:
    counts, label = evaluation.summary.by_problem, evaluation.label
    return Shown(
        evaluation=evaluation,
        syntax=Markup(figures.problem_cells(counts, kind="syntax", title=f"{label}: completions that compile")),
        function=Markup(figures.problem_cells(counts, kind="function", title=f"{label}: completions that pass")),
    )


def _curve(training: Training) -> Markup:
    summary = training.summary
    title = f"{training.label}: loss against step, {summary.final_loss:.4g} after {summary.steps} steps"
    return Markup(figures.loss_curve(training.losses, title=title))


def _pretty(value: object) -> str:
    """A value of a manifest as it stands there; plain text without its quotes."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

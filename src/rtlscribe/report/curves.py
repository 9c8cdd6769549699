"""How training runs went, step by step: loss, speed, reward, pass rate. Entries of out.jsonl in, figures out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from markupsafe import Markup

from rtlscribe.records import Record
from rtlscribe.report import figures
from rtlscribe.report.material import Ended, Material
from rtlscribe.summaries import LossEntry, PreferenceEntry, ReinforceEntry, TrainSummary

Reader = Callable[[Any], float | None]


def _passed(entry: ReinforceEntry) -> float | None:
    judged = sum(entry.verdicts.values())
    return entry.verdicts.get("passed", 0) / judged if judged else None


CURVES: dict[type[Record], dict[str, Reader]] = {
    LossEntry: {
        "loss": lambda e: e.loss,
        "learning rate": lambda e: e.learning_rate,
        "tokens/s": lambda e: e.tokens_per_s,
        "gradient norm": lambda e: e.gradient_norm,
    },
    PreferenceEntry: {
        "loss": lambda e: e.loss,
        "margin": lambda e: e.margin,
        "share of pairs right": lambda e: e.accuracy,
        "learning rate": lambda e: e.learning_rate,
    },
    ReinforceEntry: {
        "reward": lambda e: e.reward,
        "share that passes": _passed,
        "share of problems that teach nothing": lambda e: e.idle_share,
        "tokens an answer": lambda e: e.mean_tokens,
        "loss": lambda e: e.loss,
        "learning rate": lambda e: e.learning_rate,
    },
}


class Curves(Record):
    """The figures of one training run."""

    label: str
    panels: tuple[Markup, ...]


def curves(material: Material) -> list[Curves]:
    """The figures of all training runs that told anything."""
    found = (Curves(label=run.label, panels=tuple(_panels(run))) for run in material.ended)
    return [drawn for drawn in found if drawn.panels]


def _panels(run: Ended[Any]) -> Iterable[Markup]:
    readers = CURVES.get(type(run.entries[0]), {}) if run.entries else {}
    for name, read in readers.items():
        told = [(float(entry.step), read(entry)) for entry in run.entries]
        yield from _panel(run.label, name, [(step, value) for step, value in told if value is not None])
    if isinstance(run.summary, TrainSummary):
        rates = run.summary.pass_rates
        yield from _panel(run.label, "pass rate", [(float(rate.step), rate.function) for rate in rates])


def _panel(label: str, name: str, points: list[tuple[float, float]]) -> Iterable[Markup]:
    if points:
        title = f"{label}: {name} against step, {points[-1][1]:.4g} at step {points[-1][0]:,.0f}"
        yield Markup(figures.curve(points, title=title, axis=name))

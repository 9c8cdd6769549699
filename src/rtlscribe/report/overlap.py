"""How near training data comes to benchmarks: the paper's Figure 11 and its numbers. Summaries in, figures out."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from rtlscribe.records import Record
from rtlscribe.report import figures
from rtlscribe.report.tables import NOTHING, Table, percent, texts
from rtlscribe.summaries import DecontaminateSummary


class Overlap(Record):
    """One decontaminated dataset: rows by their nearest problem, by instruction and by code. "" where none has code."""

    label: str
    against: str
    instruction: Markup
    code: Markup


def figure(label: str, summary: DecontaminateSummary) -> Overlap:
    """The paper's Figure 11 of one run."""
    parts = {"instruction": summary.instruction_histogram, "code": summary.code_histogram}
    drawn = {
        name: Markup(
            figures.histogram(
                counts,
                limit=summary.threshold,
                title=f"{label}: rows by the Rouge-L of their {name} to the nearest problem",
                axis=f"Rouge-L of the {name} to the nearest problem",
            )
        )
        for name, counts in parts.items()
        if sum(counts)
    }
    return Overlap(
        label=label,
        against=", ".join(given.partition("=")[0] for given in summary.against),
        instruction=drawn.get("instruction", Markup()),
        code=drawn.get("code", Markup()),
    )


def table(runs: Sequence[tuple[str, DecontaminateSummary]]) -> Table | None:
    """What was removed, run by run."""
    if not runs:
        return None
    return Table(
        caption="Rows compared with the problems of benchmarks, by Rouge-L of instruction with instruction and of code "
        "with code. Removed: rows of which one is above the threshold.",
        head=("Run", "Rows", "Problems", "Threshold", "By instruction", "By code", "Removed", "Removed %"),
        rows=tuple(
            texts(
                label,
                s.rows,
                s.problems,
                f"{s.threshold:g}",
                s.by_instruction,
                s.by_code if sum(s.code_histogram) else NOTHING,
                s.removed,
                percent(s.removed / s.rows if s.rows else 0.0),
            )
            for label, s in runs
        ),
    )

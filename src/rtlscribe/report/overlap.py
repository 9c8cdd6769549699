"""How near training data comes to benchmarks: the paper's Figure 11. Summaries in, figures out."""

from __future__ import annotations

from markupsafe import Markup

from rtlscribe.records import Record
from rtlscribe.report import figures
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

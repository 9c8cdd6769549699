"""How a command's result is printed on stdout. Computes nothing."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from rtlscribe.cli.write import Written
from rtlscribe.summaries import EvaluateSummary, Rate, ReportSummary


def result(summary: Any, *, as_json: bool) -> int:
    """Print a result for people, or as one line of JSON. Returns the exit status."""
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(summary) + b"\n")
    else:
        print(_text(summary))
    sys.stdout.flush()
    # A module that does not compile is still shown, so that the user sees what the model said; the status tells.
    return 1 if isinstance(summary, Written) and summary.verdict.status != "passed" else 0


def _text(summary: Any) -> str:
    if isinstance(summary, str):
        return summary
    if isinstance(summary, Written):
        return summary.code.rstrip()
    if isinstance(summary, EvaluateSummary):
        return _evaluation(summary)
    if isinstance(summary, ReportSummary):
        return f"{summary.table}\n\n{summary.output}"
    plain = {k: v for k, v in msgspec.to_builtins(summary).items() if not isinstance(v, dict | list)}
    return "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in plain.items())


def _evaluation(summary: EvaluateSummary) -> str:
    passes = ", ".join(f"pass@{k} {rate:.1%}" for k, rate in summary.pass_at.items())
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.statuses.items(), key=lambda i: -i[1]))
    return "\n".join(
        [
            f"{summary.model} on {summary.benchmark}: {summary.problems} problems, {summary.completions} completions",
            f"syntax   {_rate(summary.syntax)}",
            f"function {_rate(summary.function)}",
            passes,
            kinds,
            summary.output,
        ]
    )


def _rate(rate: Rate) -> str:
    return f"{rate.rate:6.1%}  [{rate.low:.1%}, {rate.high:.1%}]"

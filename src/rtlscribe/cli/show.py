"""How a command's result is printed on stdout. Computes nothing."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from rtlscribe.cli.check import Checked, as_text
from rtlscribe.cli.write import Written
from rtlscribe.report.comparison import comparison
from rtlscribe.report.findings import findings
from rtlscribe.report.statistics import statistics
from rtlscribe.summaries import AuditSummary, CompareSummary, EvaluateSummary, Rate, ReportSummary, StatsSummary


def result(summary: Any, *, as_json: bool) -> int:
    """Print a result for people, or as one line of JSON. Returns the exit status."""
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(summary) + b"\n")
    else:
        print(_text(summary))
    sys.stdout.flush()
    # A module that does not compile is still shown, so that the user sees what the model said; the status tells.
    refused = isinstance(summary, Written) and summary.verdict.status != "passed"
    return 1 if refused or (isinstance(summary, Checked) and not summary.passed) else 0


def _text(summary: Any) -> str:
    if isinstance(summary, str):
        return summary
    if isinstance(summary, Written):
        return summary.code.rstrip()
    if isinstance(summary, Checked):
        return as_text(summary)
    if isinstance(summary, EvaluateSummary):
        return _evaluation(summary)
    if isinstance(summary, CompareSummary):
        return comparison(summary)
    if isinstance(summary, AuditSummary):
        return findings(summary)
    if isinstance(summary, StatsSummary):
        return statistics(summary)
    if isinstance(summary, ReportSummary):
        return f"{summary.table}\n\n{summary.output}"
    plain = {k: v for k, v in msgspec.to_builtins(summary).items() if not isinstance(v, dict | list)}
    return "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in plain.items())


def _evaluation(summary: EvaluateSummary) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.statuses.items(), key=lambda i: -i[1]))
    lines = [
        f"{summary.model or summary.samples} on {summary.benchmark}: {summary.problems} problems, "
        f"{summary.completions} completions, {summary.checker}, {summary.rule} rule, {summary.assembly} assembly",
        f"syntax   {_rate(summary.syntax)}",
        f"function {_rate(summary.function)}",
        _passes(summary.pass_at),
        kinds,
    ]
    if len(summary.settings) > 1:
        lines += ["", f"{'rule/assembly/temperature':<36}{'syntax':>8}{'function':>10}   pass@k"]
        lines += [
            f"{s.name:<36}{s.syntax.rate:>8.1%}{s.function.rate:>10.1%}   {_passes(s.pass_at)}"
            for s in summary.settings
        ]
    if len({s.temperature for s in summary.settings}) > 1:
        lines.append(f"best of the temperatures: {_passes(summary.best_pass_at)}")
    for one in summary.aided:
        at = "" if one.setting.temperature is None else f" at temperature {one.setting.temperature:g}"
        lines.append(f"{one.how}{at}: function {_rate(one.setting.function)}, {_passes(one.setting.pass_at)}")
    lines += [
        f"{s.name}: {s.refused} of its passes are refused by the strict rule" for s in summary.settings if s.refused
    ]
    if summary.corrected:
        known = summary.corrected
        lines.append(f"without {len(known.excluded)} known faults ({known.errata}): function {_rate(known.function)}")
    return "\n".join([*lines, *summary.written, summary.output])


def _passes(pass_at: dict[str, float]) -> str:
    return ", ".join(f"pass@{k} {rate:.1%}" for k, rate in pass_at.items())


def _rate(rate: Rate) -> str:
    return f"{rate.rate:6.1%}  [{rate.low:.1%}, {rate.high:.1%}]"

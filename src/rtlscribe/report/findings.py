"""The result of `audit` as text for a terminal. Computes nothing."""

from __future__ import annotations

from textwrap import shorten

from rtlscribe.summaries import AuditSummary

LONGEST = 120  # characters of a finding; --json and summary.json have all


def findings(summary: AuditSummary) -> str:
    """A line a finding, in columns; then what there is of each kind."""
    ids = max((len(found.problem_id) for found in summary.findings), default=0)
    kinds = max((len(found.kind) for found in summary.findings), default=0)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.kinds.items(), key=lambda i: (-i[1], i[0])))
    lines = [f"{f.problem_id:{ids}}  {f.kind:{kinds}}  {shorten(f.detail, LONGEST)}" for f in summary.findings]
    return "\n".join(
        [
            *lines,
            f"{summary.benchmark} on {summary.checker}: {summary.problems} problems, {summary.faulty} of them faulty",
            f"{summary.survived} of {summary.mutants} mutants pass",
            counts or "nothing found",
            summary.errata,
        ]
    )

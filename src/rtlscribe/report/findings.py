"""The result of `audit` as text for a terminal. Computes nothing."""

from __future__ import annotations

from rtlscribe.summaries import AuditSummary


def findings(summary: AuditSummary) -> str:
    """A line a finding, in columns; then what there is of each kind."""
    ids = max((len(found.problem_id) for found in summary.findings), default=0)
    kinds = max((len(found.kind) for found in summary.findings), default=0)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.kinds.items(), key=lambda i: (-i[1], i[0])))
    return "\n".join(
        [
            *(f"{found.problem_id:{ids}}  {found.kind:{kinds}}  {found.detail}" for found in summary.findings),
            f"{summary.benchmark} on {summary.checker}: {summary.problems} problems, {summary.faulty} of them faulty",
            f"{summary.survived} of {summary.mutants} mutants pass",
            counts or "nothing found",
            summary.errata,
        ]
    )

"""The result of `data stats` as text for a terminal. Computes nothing."""

from __future__ import annotations

from textwrap import shorten

from rtlscribe.summaries import Lengths, StatsSummary

MOST = 12  # values told of each name; --json and summary.json have more


def statistics(summary: StatsSummary) -> str:
    """Rows, then lengths in columns, what is there twice, and where the rows come from."""
    told = f"{summary.data}: {summary.rows:,} rows, {summary.with_code:,} with code"
    lines = [told + (f", {summary.with_scores:,} with scored candidates" if summary.with_scores else "")]
    if summary.compiles is not None:
        share = summary.compiles / summary.with_code if summary.with_code else 0.0
        lines.append(f"code that compiles (pyslang): {summary.compiles:,}, {share:.1%}")
    lines += ["", f"{'':<20}{'mean':>9}{'5 %':>8}{'median':>8}{'95 %':>8}{'longest':>9}{'total':>14}"]
    lines += [_lengths(name, lengths) for name, lengths in _measured(summary) if lengths]
    lines += ["", f"instructions there before, word for word: {summary.same_instruction:,}"]
    if summary.near_duplicates is not None:
        lines.append(f"instructions near to an earlier one (Rouge-L > {summary.near:g}): {summary.near_duplicates:,}")
    lines.append(f"code there before: {summary.same_code:,}")
    for name, values in {"origin": summary.origins, **summary.provenance}.items():
        lines += ["", f"{name}:"]
        first = list(values.items())[:MOST]
        lines += [f"  {count:>9,}  {shorten(value, 80) or 'not stated'}" for value, count in first]
        if len(values) > MOST:
            lines.append(f"  {sum(list(values.values())[MOST:]):>9,}  in {len(values) - MOST} more")
    return "\n".join([*lines, "", summary.output])


def _measured(summary: StatsSummary) -> list[tuple[str, Lengths | None]]:
    return [
        ("instruction, words", summary.instruction_words),
        ("instruction, tokens", summary.instruction_tokens),
        ("code, words", summary.code_words),
        ("code, tokens", summary.code_tokens),
        ("code, lines", summary.code_lines),
    ]


def _lengths(name: str, s: Lengths) -> str:
    return f"{name:<20}{s.mean:>9,.1f}{s.p5:>8,}{s.median:>8,}{s.p95:>8,}{s.longest:>9,}{s.total:>14,}"

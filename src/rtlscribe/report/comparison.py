"""The result of `compare` as text for a terminal. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rtlscribe.summaries import CompareSummary, Flip, Rate, Side

MOST_FLIPS = 20  # of each kind; --json has all


def comparison(summary: CompareSummary) -> str:
    """Rates, difference, p-values, problems gained and lost, statuses; what stands against comparing comes first."""
    a, b = summary.a, summary.b
    unchanged = summary.problems - len(summary.gained) - len(summary.lost)
    lines = [f"CAUTION, not measured alike: {caution}" for caution in summary.cautions]
    lines += [
        f"{summary.benchmark}: {summary.problems} problems, {a.n} completions of each",
        *(_side(letter, side) for letter, side in (("A", a), ("B", b))),
        *(f"also different: {name}: A {one}, B {other}" for name, one, other in summary.differences),
        "",
        f"pass@{summary.k}  A {_rate(a.rate)}",
        f"        B {_rate(b.rate)}",
        f"B - A   {summary.difference * 100:+.1f} points  [{summary.low * 100:+.1f}, {summary.high * 100:+.1f}]",
        f"p       {_p(summary.sign_flip)} permutation test, {_p(summary.sign_test)} sign test",
        "",
        f"problems: {len(summary.gained)} gained, {len(summary.lost)} lost, {unchanged} as before",
        *_flips("gained", summary.gained),
        *_flips("lost", summary.lost),
        "",
        *_statuses(a, b),
    ]
    return "\n".join(lines)


def _side(letter: str, side: Side) -> str:
    return f"{letter}  {side.run}: {side.model}, {side.setting}, {side.checker}"


def _flips(word: str, flips: Sequence[Flip]) -> list[str]:
    width = max((len(flip.id) for flip in flips[:MOST_FLIPS]), default=0)
    lines = [f"  {word}  {f.id:<{width}}  {f.a}/{f.n} -> {f.b}/{f.n}" for f in flips[:MOST_FLIPS]]
    if len(flips) > MOST_FLIPS:
        lines.append(f"  {word}  and {len(flips) - MOST_FLIPS} more: --json has all")
    return lines


def _statuses(a: Side, b: Side) -> list[str]:
    names = sorted(a.statuses.keys() | b.statuses.keys(), key=lambda s: (-a.statuses.get(s, 0), s))
    rows = [("completions", "A", "B")]
    rows += [(name, f"{a.statuses.get(name, 0):,}", f"{b.statuses.get(name, 0):,}") for name in names]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [f"{name:<{widths[0]}}  {one:>{widths[1]}}  {other:>{widths[2]}}" for name, one, other in rows]


def _rate(rate: Rate) -> str:
    return f"{rate.rate:6.1%}  [{rate.low:.1%}, {rate.high:.1%}]"


def _p(value: float) -> str:
    return f"{value:.2g}" if value < 0.1 else f"{value:.2f}"

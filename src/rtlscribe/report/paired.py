"""One evaluation against another, problem by problem: difference of pass rates, its interval, p-values, flips.

Both are of the same problems, with as many completions of each; who calls sees to that.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from rtlscribe.metrics import RESAMPLES, bootstrap_interval, pass_at_k, sign_flip_test, sign_test
from rtlscribe.records import Record
from rtlscribe.report.tables import Cell, Group, Table, table, texts
from rtlscribe.summaries import EvaluateSummary, Flip, ProblemCount


class Paired(Record):
    """B against A: the mean over problems of B's pass@k less A's, and all that `CompareSummary` tells of it."""

    difference: float
    low: float
    high: float
    sign_flip: float
    sign_test: float
    gained: tuple[Flip, ...]
    lost: tuple[Flip, ...]


def paired(
    a: Iterable[ProblemCount], b: Iterable[ProblemCount], *, k: int = 1, resamples: int = RESAMPLES, seed: int = 0
) -> Paired:
    """Sets two runs against each other, by problem ids."""
    of_b = {count.id: count for count in b}
    pairs = [(one, of_b[one.id]) for one in sorted(a, key=lambda count: count.id)]
    differences = [pass_at_k(y.n, y.function, k) - pass_at_k(x.n, x.function, k) for x, y in pairs]
    low, high = bootstrap_interval(differences, resamples=resamples, seed=seed)
    flips = [Flip(id=x.id, n=x.n, a=x.function, b=y.function) for x, y in pairs if x.function != y.function]
    flips.sort(key=lambda flip: (-abs(flip.b - flip.a) / flip.n, flip.id))
    gained = tuple(flip for flip in flips if flip.b > flip.a)
    lost = tuple(flip for flip in flips if flip.b < flip.a)
    return Paired(
        difference=fmean(differences),
        low=low,
        high=high,
        sign_flip=sign_flip_test(differences, resamples=resamples, seed=seed),
        sign_test=sign_test(len(gained), len(lost)),
        gained=gained,
        lost=lost,
    )


def against_the_first(group: Group) -> Table | None:
    """Each run of a group against its first, where both answered the same problems equally often, judged alike."""
    first, *others = group.evaluations
    rows: list[tuple[Cell, ...]] = []
    for other in others:
        if _asked(first.summary) != _asked(other.summary):
            continue
        found = paired(first.summary.by_problem, other.summary.by_problem)
        change = f"{found.difference * 100:+.1f} [{found.low * 100:+.1f}, {found.high * 100:+.1f}]"
        p = f"{found.sign_flip:.2g}" if found.sign_flip < 0.1 else f"{found.sign_flip:.2f}"
        rows.append(texts(other.label, change, p, len(found.gained), len(found.lost)))
    return table(
        f"Against {first.label}, problem by problem: points of function rate more or less, with the 95 % interval of a "
        "bootstrap over problems; p of the permutation test; problems that pass more often, and less often. Of many "
        "comparisons some come out by chance. rtlscribe compare tells more of two runs.",
        ("Model", "Points", "p", "Gained", "Lost"),
        rows,
    )


def _asked(summary: EvaluateSummary) -> tuple[object, ...]:
    return summary.checker, summary.rule, summary.assembly, {count.id: count.n for count in summary.by_problem}

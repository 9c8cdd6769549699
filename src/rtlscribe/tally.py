"""Count the attempts of an evaluation: rates and pass@k for each setting, the best of them, and without known faults.

Pure: attempts in, numbers out. Does not read or write files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from rtlscribe.checkers.iverilog import REFUSED
from rtlscribe.flow import Attempt
from rtlscribe.metrics import pass_at_k, wilson_interval
from rtlscribe.scoring import COMPILED
from rtlscribe.summaries import Corrected, ProblemCount, Rate, Setting

KS = (1, 5, 10)  # pass@k is given for those that every problem has completions for


def settings(attempts: Iterable[Attempt], *, drawn_here: bool) -> list[Setting]:
    """The numbers of each way of drawing and judging, in order of first appearance."""
    found: dict[tuple[str, str, float], list[Attempt]] = {}
    for attempt in attempts:
        found.setdefault(attempt.key[:3], []).append(attempt)
    return [_setting(group, drawn_here=drawn_here) for group in found.values()]


def best(found: Sequence[Setting], *, rule: str, assembly: str) -> tuple[Setting, dict[str, float]]:
    """Of one rule and assembly the setting with the highest function rate, and for each k the best pass@k of any."""
    ours = [s for s in found if (s.rule, s.assembly) == (rule, assembly)]
    ks = [k for k in ours[0].pass_at if all(k in s.pass_at for s in ours)]
    return max(ours, key=lambda s: s.function.rate), {k: max(s.pass_at[k] for s in ours) for k in ks}


def corrected(setting: Setting, *, errata: str, excluded: Collection[str]) -> Corrected | None:
    """A setting's numbers without some problems; None if none is left."""
    kept = [p for p in setting.by_problem if p.id not in excluded]
    if not kept:
        return None
    return Corrected(
        errata=errata,
        excluded=tuple(sorted(p.id for p in setting.by_problem if p.id in excluded)),
        syntax=rate([p.syntax / p.n for p in kept]),
        function=rate([p.function / p.n for p in kept]),
        pass_at=_pass_at(kept),
    )


def rate(shares: Sequence[float]) -> Rate:
    """The mean of a share a problem, with its 95 % Wilson interval."""
    low, high = wilson_interval(_mean(shares), len(shares))
    return Rate(rate=_mean(shares), low=low, high=high)


def _setting(attempts: Sequence[Attempt], *, drawn_here: bool) -> Setting:
    rule, assembly, temperature = attempts[0].key[:3]
    counts: dict[str, Counter[str]] = {}
    for attempt in attempts:
        counts.setdefault(attempt.verdict.problem_id, Counter())[attempt.verdict.status] += 1
    by_problem = tuple(
        ProblemCount(id=i, n=c.total(), syntax=sum(c[s] for s in COMPILED), function=c["passed"])
        for i, c in sorted(counts.items())
    )
    return Setting(
        rule=rule,
        assembly=assembly,
        temperature=temperature if drawn_here else None,
        completions=len(attempts),
        syntax=rate([p.syntax / p.n for p in by_problem]),
        function=rate([p.function / p.n for p in by_problem]),
        pass_at=_pass_at(by_problem),
        statuses=dict(sorted(sum(counts.values(), Counter[str]()).items())),  # not in the order in which checks ended
        by_problem=by_problem,
        refused=sum(a.verdict.status == "passed" and a.verdict.detail.startswith(REFUSED) for a in attempts),
    )


def _pass_at(counts: Sequence[ProblemCount]) -> dict[str, float]:
    fewest = min(count.n for count in counts)
    return {str(k): _mean([pass_at_k(c.n, c.function, k) for c in counts]) for k in KS if k <= fewest}


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 6)

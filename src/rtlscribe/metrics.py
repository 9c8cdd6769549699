"""Numbers from verdicts: pass rates, unbiased pass@k, confidence intervals. Does not know what a verdict is."""

from __future__ import annotations

import math

Z = 1.959963984540054  # standard normal quantile of a two-sided 95 % interval


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that at least one of k completions passes, estimated without bias from c passes among n.

    1 - C(n-c, k) / C(n, k), Chen et al. 2021 (Codex), equation 1.

    Raises:
        ValueError: k is larger than n.
    """
    if k > n:
        raise ValueError(f"pass@{k} needs at least {k} completions a problem, there are {n}")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def wilson_interval(rate: float, problems: int) -> tuple[float, float]:
    """95 % score interval of a pass rate over `problems` independent problems (Wilson 1927).

    Problems are the unit even where each has several completions, since those are not independent; a rate averaged over
    completions varies no more than a single trial does, so the interval is on the safe side. Never empty at 0 or 1.
    """
    spread = Z * math.sqrt(rate * (1 - rate) / problems + Z**2 / (4 * problems**2))
    centre, scale = rate + Z**2 / (2 * problems), 1 + Z**2 / problems
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)

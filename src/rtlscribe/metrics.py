"""Numbers from verdicts: pass rates, unbiased pass@k, confidence intervals, paired comparison of two runs.

Knows neither what a verdict nor what a run is: everything here takes one number a problem. Problems, not completions,
are the unit throughout, since the completions of one problem are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Z = 1.959963984540054  # standard normal quantile of a two-sided 95 % interval
RESAMPLES = 10_000
EXACT_UP_TO = 16  # differences that are not 0: 2^16 patterns of signs are counted, more are drawn
CHUNK = 2_000_000  # numbers drawn at a time: memory stays flat in the number of problems
SAME = 1e-9  # sums of shares that are equal but for their rounding


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


def bootstrap_interval(values: Sequence[float], *, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean of one value a problem: a pass rate, a pass@k, or a difference of two runs.

    Problems are drawn with replacement, each with all its completions (cluster bootstrap: Davison & Hinkley 1997,
    section 3.8), and the ends are BCa (Efron & Tibshirani 1993, equations 14.9 to 14.15), which corrects for bias and
    skewness. The same seed gives the same interval. Where all values are equal there is nothing to resample and both
    ends are that value: then `wilson_interval` still says how little few problems tell of a rate.

    Raises:
        ValueError: no values.
    """
    import numpy as np

    if not values:
        raise ValueError("an interval needs at least one problem")
    x = np.asarray(values, dtype=float)
    mean = float(x.mean())
    deviation = x - mean
    if np.ptp(x) <= SAME:
        return mean, mean
    means = _resampled_means(x, resamples, seed)
    below = float(np.mean(means < mean - SAME) + np.mean(np.abs(means - mean) <= SAME) / 2)  # ties count half
    share = min(max(below, 0.5 / resamples), 1 - 0.5 / resamples)
    normal = NormalDist()
    z0 = normal.inv_cdf(share)  # 14.14
    # 14.15: the jackknife's theta_(.) - theta_(i) of a mean is (x_i - mean) / (n - 1), and the n - 1 cancels.
    a = float((deviation**3).sum()) / (6 * float((deviation**2).sum()) ** 1.5)

    def level(z: float) -> float:  # 14.10
        return float(normal.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))))

    low, high = np.quantile(means, [level(-Z), level(Z)])
    return float(low), float(high)


def sign_test(gained: int, lost: int) -> float:
    """Exact two-sided p-value of so many problems gained and lost, if either were as likely.

    2 * sum over i <= min(gained, lost) of C(m, i) / 2^m, where m = gained + lost, and at most 1. With one completion a
    problem this is McNemar's test in its exact form (McNemar 1947; Fagerland, Lydersen & Laake 2013).
    """
    m = gained + lost
    tail = sum(math.comb(m, i) for i in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / (1 << m))


def sign_flip_test(differences: Sequence[float], *, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """Two-sided p-value of the paired permutation test: is the mean of these differences, one a problem, not 0?

    If the two runs were alike, each problem's difference could as well have had the other sign (Fisher 1935, section
    21). The p-value is the share of all patterns of signs whose sum is at least as far from 0 as the one seen. Up to 16
    differences other than 0 all patterns are counted; beyond that `resamples` are drawn and the pattern seen is counted
    among them, so that the p-value is valid and never 0 (Phipson & Smyth 2010).
    """
    import numpy as np

    d = np.asarray([x for x in differences if abs(x) > SAME], dtype=float)
    seen = abs(float(d.sum())) - SAME
    if d.size <= EXACT_UP_TO:
        patterns = np.arange(2**d.size)[:, None] >> np.arange(d.size) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ d) >= seen))
    rng = np.random.default_rng(seed)
    extreme = sum(
        int((np.abs((1 - 2 * rng.integers(0, 2, (rows, d.size), dtype=np.int8)) @ d) >= seen).sum())
        for rows in _chunks(resamples, d.size)
    )
    return (extreme + 1) / (resamples + 1)


def _resampled_means(x: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    import numpy as np

    rng = np.random.default_rng(seed)
    return np.concatenate(
        [x[rng.integers(0, x.size, (rows, x.size))].mean(axis=1) for rows in _chunks(resamples, x.size)]
    )


def _chunks(rows: int, columns: int) -> Iterator[int]:
    """So many rows in parts of at most CHUNK numbers."""
    part = max(1, CHUNK // columns)
    for start in range(0, rows, part):
        yield min(part, rows - start)

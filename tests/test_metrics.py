"""pass@k, bootstrap and tests of pairs against counting every case, Wilson's interval against published values."""

import bisect
import itertools
import math
import random
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist, fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlscribe.metrics import bootstrap_interval, pass_at_k, sign_flip_test, sign_test, wilson_interval


@pytest.mark.parametrize("n", range(1, 8))
def test_pass_at_k_is_the_share_of_draws_with_a_pass(n: int) -> None:
    for c, k in itertools.product(range(n + 1), range(1, n + 1)):
        outcomes = [True] * c + [False] * (n - c)
        draws = list(itertools.combinations(outcomes, k))
        assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws), abs=1e-12)


def test_pass_at_k_of_many_is_exact() -> None:
    assert pass_at_k(200, 1, 100) == pytest.approx(0.5)
    assert pass_at_k(10_000, 1, 1) == pytest.approx(1e-4)
    assert pass_at_k(10_000, 9_999, 2) == 1.0


def test_pass_at_more_than_there_are() -> None:
    with pytest.raises(ValueError, match="pass@6 needs at least 6 completions a problem, there are 5"):
        pass_at_k(5, 5, 6)


@pytest.mark.parametrize(
    ("rate", "problems", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81 / 263, 263, 0.2553, 0.3662),
        (15 / 148, 148, 0.0624, 0.1605),
        (0 / 20, 20, 0.0, 0.1611),
        (1 / 29, 29, 0.0061, 0.1718),
        (20 / 20, 20, 1 - 0.1611, 1.0),
        (28 / 29, 29, 1 - 0.1718, 1 - 0.0061),
    ],
)
def test_wilson_interval_of_the_literature(rate: float, problems: int, low: float, high: float) -> None:
    assert wilson_interval(rate, problems) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize("problems", [1, 2, 7, 200, 10_000])
def test_wilson_interval_holds_its_rate(problems: int) -> None:
    for passed in {0, 1, problems // 2, problems}:
        rate = passed / problems
        low, high = wilson_interval(rate, problems)
        assert 0 <= low <= rate + 1e-12
        assert rate - 1e-12 <= high <= 1
        assert low < high
        mirrored = wilson_interval(1 - rate, problems)
        assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high))


def test_wilson_interval_narrows_with_the_root() -> None:
    widths = [math.dist(*[[v] for v in wilson_interval(0.5, problems)]) for problems in (100_000, 400_000)]
    assert widths[0] / widths[1] == pytest.approx(2, rel=1e-3)


def counted_bca(values: Sequence[float]) -> tuple[float, float]:
    """The BCa interval from all n^n resamples, each counted once, with the jackknife done one value at a time."""
    n, mean = len(values), fmean(values)
    means = sorted(fmean(draw) for draw in itertools.product(values, repeat=n))
    normal = NormalDist()
    left, right = bisect.bisect_left(means, mean - 1e-12), bisect.bisect_right(means, mean + 1e-12)
    z0 = normal.inv_cdf((left + right) / 2 / len(means))
    without = [fmean([*values[:i], *values[i + 1 :]]) for i in range(n)]
    middle = fmean(without)
    a = sum((middle - w) ** 3 for w in without) / (6 * sum((middle - w) ** 2 for w in without) ** 1.5)

    def end(level: float) -> float:
        z = normal.inv_cdf(level)
        share = normal.cdf(z0 + (z0 + z) / (1 - a * (z0 + z)))
        return means[min(len(means) - 1, int(share * len(means)))]

    return end(0.025), end(0.975)


@pytest.mark.parametrize(
    "values",
    [
        (0.0, 0.17, 0.41, 0.58, 0.93, 1.0),
        (0.02, 0.03, 0.05, 0.08, 0.11, 0.97),  # skewed: the interval is far from symmetric
        (-0.61, -0.07, 0.12, 0.29, 0.44, 0.5),  # differences
    ],
)
def test_bootstrap_interval_is_that_of_all_resamples(values: tuple[float, ...]) -> None:
    low, high = counted_bca(values)
    assert bootstrap_interval(values, resamples=200_000) == pytest.approx((low, high), abs=0.01)
    assert low < fmean(values) < high


def test_bootstrap_interval_leans_to_the_long_tail() -> None:
    values = [0.0] * 24 + [1.0] * 2
    low, high = bootstrap_interval(values)
    assert high - fmean(values) > 1.5 * (fmean(values) - low)


def test_bootstrap_interval_covers_the_truth_nineteen_times_in_twenty() -> None:
    """40 problems of 5 completions each, whose chances are spread evenly: the true rate is a half."""
    rng = random.Random(3)
    covered = 0
    for seed in range(400):
        chances = [rng.random() for _ in range(40)]
        rates = [sum(rng.random() < chance for _ in range(5)) / 5 for chance in chances]
        low, high = bootstrap_interval(rates, resamples=1000, seed=seed)
        covered += low <= 0.5 <= high
    assert 0.92 <= covered / 400 <= 0.98


@given(st.lists(st.integers(0, 20), min_size=2, max_size=60), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_bootstrap_interval_of_any_rates(passes: list[int], seed: int) -> None:
    rates = [c / 20 for c in passes]
    low, high = bootstrap_interval(rates, resamples=500, seed=seed)
    assert 0 <= low <= high <= 1
    assert (low, high) == bootstrap_interval(rates, resamples=500, seed=seed)
    # No interval from a few hundred draws misses what it is of.
    assert low <= fmean(rates) + 1e-9
    assert high >= fmean(rates) - 1e-9
    shifted = bootstrap_interval([r / 2 + 3 for r in rates], resamples=500, seed=seed)
    assert shifted == pytest.approx((low / 2 + 3, high / 2 + 3))


def test_bootstrap_interval_of_equal_values_and_of_none() -> None:
    assert bootstrap_interval([0.2] * 9) == pytest.approx((0.2, 0.2))
    assert bootstrap_interval([1.0]) == (1.0, 1.0)
    with pytest.raises(ValueError, match="at least one problem"):
        bootstrap_interval([])


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [
        # Fagerland, Lydersen & Laake 2013, BMC Medical Research Methodology 13:91, tables 1 and 5: exact conditional
        (1, 7, 0.0703),
        (0, 0, 1.0),
        (3, 3, 1.0),
        (0, 10, 2 / 1024),
    ],
)
def test_sign_test(gained: int, lost: int, p: float) -> None:
    assert sign_test(gained, lost) == pytest.approx(p, abs=5e-5)
    assert sign_test(lost, gained) == sign_test(gained, lost)


@given(st.integers(0, 7), st.integers(0, 7))
def test_sign_test_counts_all_patterns(gained: int, lost: int) -> None:
    m = gained + lost
    extreme = sum(abs(2 * sum(flips) - m) >= abs(gained - lost) for flips in itertools.product((0, 1), repeat=m))
    assert sign_test(gained, lost) == pytest.approx(float(Fraction(extreme, 2**m)))


def counted_flips(differences: Sequence[Fraction]) -> Fraction:
    """The p-value in exact numbers, from all patterns of signs, those of differences of 0 too."""
    seen = abs(sum(differences))
    sums = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return Fraction(sum(abs(total) >= seen for total in sums), len(sums))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=9))
@settings(max_examples=80, deadline=None)
def test_sign_flip_test_counts_all_patterns(passes: list[tuple[int, int]]) -> None:
    exact = counted_flips([Fraction(b, 5) - Fraction(a, 5) for a, b in passes])
    assert sign_flip_test([b / 5 - a / 5 for a, b in passes]) == pytest.approx(float(exact), abs=1e-12)


def test_sign_flip_test_of_many_is_near_the_exact_one() -> None:
    """20 differences of one size: the sum is far from 0 as often as a coin is, so the sign test is the exact value."""
    differences = [0.05] * 15 + [-0.05] * 5
    drawn = sign_flip_test(differences, resamples=100_000)
    assert drawn == pytest.approx(sign_test(15, 5), abs=0.003)
    assert drawn == sign_flip_test(differences, resamples=100_000)
    assert drawn != sign_flip_test(differences, resamples=100_000, seed=1)


def test_sign_flip_test_is_never_zero_and_fair_without_a_difference() -> None:
    assert sign_flip_test([1.0] * 200, resamples=999) == 1 / 1000
    assert sign_flip_test([0.0] * 50) == 1.0
    rng = random.Random(8)
    rejected = sum(
        sign_flip_test([rng.randint(-4, 4) / 4 for _ in range(40)], resamples=400, seed=seed) <= 0.05
        for seed in range(400)
    )
    assert 0.02 <= rejected / 400 <= 0.08

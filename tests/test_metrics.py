"""pass@k against counting every draw, Wilson's interval against published values."""

import itertools
import math

import pytest

from rtlscribe.metrics import pass_at_k, wilson_interval


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

"""The paper's formulas against a plain Python reading of them."""

import math
import random

import pytest
import torch

from rtlscribe.training.losses import IGNORED, compare_loss, mle_loss, response_log_probabilities


def plain_compare(p: list[float], z: list[float], margin: float) -> float:
    """Section 3.2, term by term."""
    top = max(p)
    weights = [math.exp(x - top) for x in p]
    s = [w / sum(weights) for w in weights]
    pairs = [(k, t) for k in range(len(p)) for t in range(len(p)) if z[k] < z[t]]
    return sum(max(s[k] - s[t] + margin, 0) for k, t in pairs)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_compare_is_the_papers_formula(k: int, margin: float) -> None:
    rng = random.Random(k)
    for _ in range(20):
        length = [rng.randint(1, 50) for _ in range(k)]
        log_p = [-rng.random() * 3 * n for n in length]
        z = [rng.choice([0.0, 0.25, 0.5, 1.0]) for _ in range(k)]  # ties are common
        got = compare_loss(
            torch.tensor(log_p, dtype=torch.float64), torch.tensor(length), torch.tensor(z), margin=margin
        )
        expected = plain_compare([x / n for x, n in zip(log_p, length, strict=True)], z, margin)
        assert got.item() == pytest.approx(expected, abs=1e-9)


def test_the_papers_example_of_two_candidates() -> None:
    # s1 > s2 although z1 < z2: the loss is s1 - s2 + lambda, and it pulls p2 up and p1 down.
    log_p = torch.tensor([-1.0, -2.0], requires_grad=True)
    loss = compare_loss(log_p, torch.tensor([1, 1]), torch.tensor([0.2, 1.0]), margin=0.3)
    s = torch.softmax(log_p.detach(), dim=0)
    assert loss.item() == pytest.approx(float(s[0] - s[1]) + 0.3)
    loss.backward()
    assert log_p.grad is not None
    assert log_p.grad[0] > 0 > log_p.grad[1]


def test_no_pair_no_loss() -> None:
    assert compare_loss(torch.tensor([-1.0, -2.0]), torch.tensor([1, 1]), torch.tensor([1.0, 1.0]), margin=0.3) == 0


def test_log_probabilities_count_the_response_alone() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 6, 11)
    labels = torch.tensor([[IGNORED, IGNORED, 3, 4, 5, IGNORED], [IGNORED, 7, IGNORED, IGNORED, IGNORED, IGNORED]])
    log_p, length = response_log_probabilities(logits, labels)
    table = torch.log_softmax(logits, dim=-1)
    # The logits at position t speak of the token at t + 1.
    expected = [table[0, 1, 3] + table[0, 2, 4] + table[0, 3, 5], table[1, 0, 7]]
    assert log_p.tolist() == pytest.approx([float(x) for x in expected], abs=1e-5)
    assert length.tolist() == [3, 1]


def test_mle_sums_over_tokens_or_takes_their_mean() -> None:
    log_p, length = torch.tensor([-6.0, -2.0]), torch.tensor([3, 1])
    assert mle_loss(log_p, length, reduction="sum").item() == 4.0  # the mean row: (6 + 2) / 2
    assert mle_loss(log_p, length, reduction="mean").item() == 2.0  # 8 nats over 4 tokens

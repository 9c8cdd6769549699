"""The paper's formulas against a plain Python reading of them."""

import math
import random

import pytest
import torch

from rtlscribe.training.losses import Objective, compare_loss


def plain_softmax(p: list[float]) -> list[float]:
    top = max(p)
    weights = [math.exp(x - top) for x in p]
    return [w / sum(weights) for w in weights]


def plain_compare(p: list[float], z: list[float], margin: float, score_margin: float = 0.0) -> float:
    """Section 3.2, term by term; the public code's margin of scores."""
    s = plain_softmax(p)
    pairs = [(k, t) for k in range(len(p)) for t in range(len(p)) if z[t] - z[k] > score_margin]
    return sum(max(s[k] - s[t] + margin, 0) for k, t in pairs)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("margin", [0.0, 0.3])
@pytest.mark.parametrize("score_margin", [0.0, 0.2])
def test_compare_is_the_papers_formula(k: int, margin: float, score_margin: float) -> None:
    rng = random.Random(k)
    for _ in range(20):
        length = [rng.randint(1, 50) for _ in range(k)]
        log_p = [-rng.random() * 3 * n for n in length]
        z = [rng.choice([0.0, 0.125, 0.5, 1.0]) for _ in range(k)]  # ties are common
        got = compare_loss(
            torch.tensor(log_p, dtype=torch.float64),
            torch.tensor(length),
            torch.tensor(z),
            margin=margin,
            score_margin=score_margin,
        )
        expected = plain_compare([x / n for x, n in zip(log_p, length, strict=True)], z, margin, score_margin)
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


# Two rows: log-probabilities, tokens, prompt tokens, scores, the reference's place.
ROWS = [
    ([-6.0, -2.0, -9.0], [3, 1, 4], 5, [0.5, 1.0, 0.1], 1),
    ([-4.0, -8.0], [2, 4], 7, [1.0, 0.9], 0),
]


def objective_of_rows(objective: Objective) -> float:
    loss = objective(
        torch.tensor([x for row in ROWS for x in row[0]], dtype=torch.float64),
        torch.tensor([n for row in ROWS for n in row[1]]),
        [row[2] for row in ROWS],
        torch.tensor([z for row in ROWS for z in row[3]]),
        [len(row[0]) for row in ROWS],
        [row[4] for row in ROWS],
    )
    assert loss.ndim == 0
    return loss.item()


def compares(objective: Objective) -> list[float]:
    total = objective.length_norm == "total"
    return [
        plain_compare(
            [x / (n + prompt * total) for x, n in zip(log_p, length, strict=True)],
            z,
            objective.compare_margin,
            objective.score_margin,
        )
        for log_p, length, prompt, z, _ in ROWS
    ]


@pytest.mark.parametrize(
    ("objective", "mle"),
    [
        (Objective(), [2.0, 4.0]),
        (Objective(mle_reduction="mean"), [2.0 / 1.5, 4.0 / 1.5]),  # 6 nats over 3 tokens, of two rows
        (Objective(loss="scoring"), [2.0, 4.0]),
        (Objective(loss="scoring", compare_weight=2.5, compare_margin=0.1), [2.0, 4.0]),
        (Objective(loss="scoring", score_margin=0.45), [2.0, 4.0]),
        (Objective(loss="scoring", length_norm="total"), [2.0, 4.0]),
        (Objective(loss="scoring", combine="multiply"), [2.0, 4.0]),
        (Objective(loss="scoring", mle_reduction="mean"), [2.0 / 1.5, 4.0 / 1.5]),
        (Objective.public_code("mle"), [2.0 / 1.5, 4.0 / 1.5]),
        # The last candidates have 4 tokens each.
        (Objective.public_code(), [9.0 / 4, 8.0 / 4]),
    ],
)
def test_an_objective_is_the_mean_of_its_rows(objective: Objective, mle: list[float]) -> None:
    ranked = [objective.compare_weight * c for c in compares(objective)]
    rows = mle
    if objective.loss == "scoring" and objective.combine == "add":
        rows = [m + c for m, c in zip(mle, ranked, strict=True)]
    elif objective.loss == "scoring":
        rows = [m * (c + 1) for m, c in zip(mle, ranked, strict=True)]
    assert objective_of_rows(objective) == pytest.approx(sum(rows) / 2, abs=1e-6)


def test_the_public_code_is_told_apart_from_the_paper() -> None:
    assert objective_of_rows(Objective.public_code()) != pytest.approx(objective_of_rows(Objective(loss="scoring")))

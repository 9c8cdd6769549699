"""The paper's losses (section 3): maximum likelihood, and the ranking of candidates by their scores.

All take log-probabilities, none a model. K is the number of candidates of one row.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100  # the label of tokens that are not part of a response, as everywhere in transformers

Reduction = Literal["sum", "mean"]


def response_log_probabilities(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probability of each response and its number of tokens.

    Args:
        logits: [K, T, V], as a causal model gives them: position t predicts token t+1.
        labels: [K, T], `IGNORED` outside the response.

    Returns:
        sum over the response of log P(y^t | x, y^<t), [K], in nats; number of response tokens |y|, [K].
    """
    targets = labels[:, 1:]
    nll = functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return -nll.view(targets.shape).sum(dim=1), (targets != IGNORED).sum(dim=1)


def mle_loss(log_p: Tensor, length: Tensor, *, reduction: Reduction) -> Tensor:
    """loss_mle = -sum_t log P(y^t | x, y^<t) (paper 3.1), averaged over rows; or the mean over all tokens."""
    return -log_p.mean() if reduction == "sum" else -log_p.sum() / length.sum()


def compare_loss(log_p: Tensor, length: Tensor, scores: Tensor, *, margin: float) -> Tensor:
    """loss_compare of one row (paper 3.2): a hinge for each pair of candidates in which the first has the lower score.

    Args:
        log_p: [K] log-probabilities of the responses; length: [K] tokens; scores: [K] quality z.
        margin: the paper's lambda.
    """
    p = log_p / length  # length-normalised log-probability
    s = torch.softmax(p, dim=0)
    gap = s[:, None] - s[None, :] + margin  # s_k - s_tau + lambda, [K, K]
    worse = scores[:, None] < scores[None, :]  # z_k < z_tau
    return torch.where(worse, gap.clamp(min=0), 0.0).sum()

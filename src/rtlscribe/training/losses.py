"""The paper's losses (section 3): maximum likelihood, and the ranking of candidates by their scores.

All take log-probabilities, none a model. K is the number of candidates of one row, B of rows, N of all candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Reduction = Literal["sum", "mean"]


def compare_loss(log_p: Tensor, length: Tensor, scores: Tensor, *, margin: float, score_margin: float = 0.0) -> Tensor:
    """loss_compare of one row (paper 3.2): a hinge for each pair of candidates in which the first has the lower score.

    Args:
        log_p: [K] log-probabilities of the responses; length: [K] tokens to divide them by; scores: [K] quality z.
        margin: the paper's lambda.
        score_margin: a pair counts if its scores differ by more than this; the paper counts any difference.
    """
    p = log_p / length  # length-normalised log-probability
    s = torch.softmax(p, dim=0)
    gap = s[:, None] - s[None, :] + margin  # s_k - s_tau + lambda, [K, K]
    worse = scores[None, :] - scores[:, None] > score_margin  # z_k < z_tau
    return torch.where(worse, gap.clamp(min=0), 0.0).sum()


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What training minimises, as a function of the candidates' log-probabilities. Defaults are the paper's."""

    loss: Literal["mle", "scoring"] = "mle"  # scoring: mle + compare_weight x compare
    compare_weight: float = 1.0
    compare_margin: float = 0.3  # the paper's lambda, which it leaves unnamed; the value is the public code's
    score_margin: float = 0.0
    length_norm: Literal["response", "total"] = "response"  # total: prompt + response, as the public code has it
    combine: Literal["add", "multiply"] = "add"  # multiply: (weight x compare + 1) x mle, as the public code has it
    mle_reduction: Reduction = "sum"  # mean: over the tokens of all references of the batch
    mle_of: Literal["reference", "last"] = "reference"  # last: the last candidate, as the public code has it

    @classmethod
    def public_code(cls, loss: Literal["mle", "scoring"] = "scoring") -> Objective:
        """What train/mle.py and train/mle_scoring.py of hkust-zhiyao/RTL-Coder compute, apart from the paper."""
        if loss == "mle":
            return cls(loss="mle", mle_reduction="mean")
        return cls(
            loss="scoring",
            score_margin=0.2,
            length_norm="total",
            combine="multiply",
            mle_reduction="mean",
            mle_of="last",
        )

    def likely(self, count: int, reference: int) -> int:
        """The place, among a row's `count` candidates, of the one whose likelihood is maximised."""
        return reference if self.mle_of == "reference" else count - 1

    def row_loss(
        self, log_p: Tensor, length: Tensor, prompt_length: int, scores: Tensor, likely: int, *, mle_tokens: float
    ) -> Tensor:
        """The loss of one row.

        Args:
            log_p: [K] sums over the response of log P(y^t | x, y^<t), in nats; length: [K] tokens |y|, with the end.
            prompt_length: tokens of the prompt; scores: [K] quality z; likely: the place of the candidate to learn.
            mle_tokens: with the mean reduction, tokens to divide by: those of the batch's references over its rows.
        """
        mle = -log_p[likely]  # -sum_t log P(y^t | x, y^<t), paper 3.1
        if self.mle_reduction == "mean":
            mle = mle / mle_tokens
        if self.loss == "mle":
            return mle
        norm = length if self.length_norm == "response" else length + prompt_length
        compare = self.compare_weight * compare_loss(
            log_p, norm, scores, margin=self.compare_margin, score_margin=self.score_margin
        )
        return mle + compare if self.combine == "add" else (compare + 1) * mle

    def __call__(
        self,
        log_p: Tensor,
        length: Tensor,
        prompt_length: Sequence[int],
        scores: Tensor,
        counts: Sequence[int],
        references: Sequence[int],
    ) -> Tensor:
        """The mean of the rows' losses.

        Args:
            log_p, length, scores: [N], the candidates of all rows one after the other.
            prompt_length, counts: [B] tokens of each row's prompt and number of its candidates.
            references: [B] the place of each row's reference among its own candidates.
        """
        places = [self.likely(k, reference) for k, reference in zip(counts, references, strict=True)]
        lengths = length.split(list(counts))
        tokens = sum(float(n[place]) for n, place in zip(lengths, places, strict=True)) / len(counts)
        rows = zip(log_p.split(list(counts)), lengths, prompt_length, scores.split(list(counts)), places, strict=True)
        return torch.stack([self.row_loss(*row, mle_tokens=tokens) for row in rows]).mean()

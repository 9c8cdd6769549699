"""Gradients of an objective over rows of candidates, with a memory that does not grow with the candidates.

The paper's Algorithm 1 made exact, and a form of it that computes each prompt once. No optimizer, and no
synchronisation of gradients between processes: the caller does both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from rtlscribe.training.data import Row
from rtlscribe.training.grouping import Group, groups_of
from rtlscribe.training.likelihood import batch_of, core_of, log_probabilities
from rtlscribe.training.losses import Objective
from rtlscribe.training.passes import AfterPrompt, Alone, Passes, Random
from rtlscribe.training.sharing import agree, can_share, go_in_step

Split = Literal["shared", "candidates", "none"]
RunBackward = Callable[[Tensor, bool], None]

EVALUATED = 4  # candidates at a time where no gradients are kept


class Result(NamedTuple):
    """What one call computed."""

    loss: Tensor  # scalar, float32, without a graph and not scaled
    tokens: int  # prompts and responses, a prompt counted once for each of its responses


def _plain_backward(value: Tensor, last: bool) -> None:
    value.backward()


def backward(
    model: nn.Module,
    rows: Sequence[Row],
    objective: Objective,
    *,
    split: Split = "shared",
    group: Group = 1,
    run_backward: RunBackward = _plain_backward,
    scale: float = 1.0,
) -> Result:
    """Add the gradients of `scale` x objective to those of the model's parameters.

    Args:
        split: shared: each prompt is computed once, and groups of its responses one after the other attend to it; a
            model that cannot is split by candidates, with a warning. candidates: groups of prompts with their responses
            (Algorithm 1). none: all at once.
        group: candidates at a time, or `Within` so many tokens.
        run_backward: called with each scalar to differentiate, and with true for the last one of this call alone. It
            may multiply gradients by a factor (loss scaling), the same in all calls.
    """
    tokens = sum(row.tokens for row in rows)
    if split == "none" or objective.loss == "mle":  # one candidate a row: nothing to split
        loss = _together(model, rows, objective)
        run_backward(loss * scale, True)
        return Result(loss.detach(), tokens)
    splitter = _Splitter(model, objective, _mle_tokens(rows, objective), group, run_backward)
    weight = scale / len(rows)
    if go_in_step(model):
        steps = agree(model, rows, group=group, share=split == "shared")
        share = [steps.share] * steps.rows
        splitter.groups = steps.groups
    else:
        share = [split == "shared" and len(row.responses) > 1 and can_share(model, row) for row in rows]
    losses = [
        # Rows that other processes have more are made of the first one, without weight.
        splitter.row(rows[b % len(rows)], weight if b < len(rows) else 0.0, share=share[b], last=b == len(share) - 1)
        for b in range(len(share))
    ]
    return Result(torch.stack(losses[: len(rows)]).mean(), tokens)


def evaluate(model: nn.Module, rows: Sequence[Row], objective: Objective) -> Tensor:
    """The objective as a scalar, without gradients. The caller chooses the mode (`model.eval()`)."""
    with torch.no_grad():
        if objective.loss == "mle" or go_in_step(model):  # one pass for every process
            return _together(model, rows, objective)
        splitter = _Splitter(model, objective, _mle_tokens(rows, objective), EVALUATED, _plain_backward)
        return torch.stack([splitter.loss(row, share=can_share(model, row)) for row in rows]).mean()


def _together(model: nn.Module, rows: Sequence[Row], objective: Objective) -> Tensor:
    """The objective of all rows, with all candidates that it needs in one pass."""
    device = core_of(model).device
    if objective.loss == "mle":
        rows = [_only(row, objective.likely(len(row.responses), row.reference)) for row in rows]
    prompts = [row.prompt for row in rows for _ in row.responses]
    batch = batch_of(prompts, [response for row in rows for response in row.responses], device)
    return objective(
        log_probabilities(model, batch),
        torch.tensor(batch.lengths, device=device),
        [len(row.prompt) for row in rows],
        torch.tensor([z for row in rows for z in row.scores], device=device),
        [len(row.responses) for row in rows],
        [row.reference for row in rows],
    )


def _only(row: Row, place: int) -> Row:
    return Row(row.prompt, [row.responses[place]], [row.scores[place]], 0)


def _mle_tokens(rows: Sequence[Row], objective: Objective) -> float:
    likely = [row.responses[objective.likely(len(row.responses), row.reference)] for row in rows]
    return sum(map(len, likely)) / len(rows)


class _Group(NamedTuple):
    places: list[int]  # of candidates in the row
    counts: bool = True  # false: computed only to go in step with other processes


class _Owed:
    """A group whose backward pass is to come: with its graph, or to be computed again from the same random numbers."""

    def __init__(
        self, group: _Group, slope: Tensor, *, log_p: Tensor | None = None, random: Random | None = None
    ) -> None:
        self.places, self.log_p, self.random = group.places, log_p, random
        self.slope = slope[group.places] * (1.0 if group.counts else 0.0)

    def compute(self, passes: Passes) -> Tensor:
        """[G] log-probabilities with their graph."""
        if self.log_p is not None:
            return self.log_p
        assert self.random is not None
        self.random.restore()
        return passes.log_p(self.places)


class _Splitter:
    """Rows one after the other, and the candidates of each in groups."""

    def __init__(
        self, model: nn.Module, objective: Objective, mle_tokens: float, group: Group, run_backward: RunBackward
    ) -> None:
        self.model, self.objective, self.mle_tokens = model, objective, mle_tokens
        self.group, self.run_backward = group, run_backward
        self.device = core_of(model).device
        self.groups: int | None = None  # as many for each row, to go in step with other processes

    def row(self, row: Row, weight: float, *, share: bool, last: bool) -> Tensor:
        """Run the backward passes of weight x the row's loss. Returns that loss."""
        groups = self._groups(row, share)
        log_p = torch.empty(len(row.responses), device=self.device)
        randoms: list[Random] = []
        whole = self.groups is not None
        with AfterPrompt(self.model, row, whole=whole) if share else Alone(self.model, row) as passes:
            with torch.no_grad():
                for places, _ in groups[:-1]:
                    randoms.append(Random(self.device))
                    log_p[places] = passes.log_p(places)
            # The graph of one group at a time fits: that of the last, the longest, is made at once and kept.
            kept = passes.log_p(groups[-1].places)
            log_p[groups[-1].places] = kept.detach()
            loss = self._loss(row, log_p.requires_grad_())
            (slope,) = torch.autograd.grad(loss * weight, log_p)  # c_k = d loss / d log_p_k
            owed = [_Owed(groups[-1], slope, log_p=kept)]
            owed += [_Owed(g, slope, random=r) for g, r in zip(groups[:-1], randoms, strict=True)]
            del kept  # its graph is freed with its own backward pass
            self._run(passes, owed, last=last)
        return loss.detach()

    def _run(self, passes: Passes, owed: list[_Owed], *, last: bool) -> None:
        """The backward passes of sum_k c_k log_p_k, those of groups first, then the one that they have in common."""
        now = Random(self.device)
        if self.groups is None:
            owed = [one for one in owed if one.slope.any()] or owed[:1]
        probe = torch.zeros((), device=self.device, requires_grad=True)  # its gradient is what all are multiplied by
        runs = len(owed)
        while owed:
            one = owed.pop(0)
            value = (one.slope * one.compute(passes)).sum() + probe
            del one
            self.run_backward(value, last and not owed and not passes.owes)
        now.restore()
        assert probe.grad is not None
        if passes.owes:
            self.run_backward(passes.rest(probe.grad / runs), last)

    def loss(self, row: Row, *, share: bool) -> Tensor:
        """The row's loss alone."""
        log_p = torch.empty(len(row.responses), device=self.device)
        with AfterPrompt(self.model, row) if share else Alone(self.model, row) as passes:
            for places, _ in self._groups(row, share):
                log_p[places] = passes.log_p(places)
        return self._loss(row, log_p)

    def _groups(self, row: Row, share: bool) -> list[_Group]:
        """As many as other processes have: what is missing is made up by the shortest candidate, without weight."""
        groups = [_Group(places) for places in groups_of(row, self.group, share=share)]
        missing = (self.groups or 0) - len(groups)
        return [_Group(groups[0].places[:1], counts=False)] * missing + groups

    def _loss(self, row: Row, log_p: Tensor) -> Tensor:
        k = len(row.responses)
        return self.objective.row_loss(
            log_p,
            torch.tensor([len(r) for r in row.responses], device=self.device),
            len(row.prompt),
            torch.tensor(row.scores, device=self.device),
            self.objective.likely(k, row.reference),
            mle_tokens=self.mle_tokens,
        )

"""The candidates of one row, some at a time: each with its prompt, or all after a prompt that is computed once.

Does not know losses, nor in which order candidates come.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from rtlscribe.training.data import Row
from rtlscribe.training.likelihood import batch_of, core_of, last_hidden_states, log_probabilities
from rtlscribe.training.shared_prompt import SharedPrompt, active


class Passes(AbstractContextManager["Passes"], Protocol):
    """Forward and backward passes of candidates belong within."""

    def log_p(self, places: Sequence[int]) -> Tensor:
        """[G] log-probabilities of the candidates at these places of the row."""

    @property
    def owes(self) -> bool:
        """Whether the candidates leave something to do for what they share."""

    def rest(self, factor: Tensor) -> Tensor:
        """After the candidates' backward passes: a scalar whose backward pass brings what they left for the prompt.

        Args:
            factor: what each backward pass multiplies its scalar by, which must not happen twice.
        """


class Random:
    """The state of the random numbers of dropout."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.cpu = device, torch.get_rng_state()
        self.own = None if device.type == "cpu" else torch.get_device_module(device).get_rng_state(device)

    def restore(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.own is not None:
            torch.get_device_module(self.device).set_rng_state(self.own, self.device)


class Alone(Passes):
    """Each candidate with its own copy of the prompt."""

    def __init__(self, model: nn.Module, row: Row) -> None:
        self.model, self.row, self.device = model, row, core_of(model).device

    def __exit__(self, *_: object) -> None:
        return None

    def log_p(self, places: Sequence[int]) -> Tensor:
        prompts = [self.row.prompt] * len(places)
        return log_probabilities(self.model, batch_of(prompts, [self.row.responses[k] for k in places], self.device))

    @property
    def owes(self) -> bool:
        return False

    def rest(self, factor: Tensor) -> Tensor:
        raise NotImplementedError("candidates alone leave nothing")


class AfterPrompt(Passes):
    """The prompt once, and candidates that attend to it.

    The last token of the prompt goes with each candidate, since what the model says there is the candidate's first
    token. So a prompt needs two tokens.
    """

    def __init__(self, model: nn.Module, row: Row, *, whole: bool = False) -> None:
        """`whole`: the prompt's backward pass goes through the outputs of all layers, also of those that have no part
        in it, because wrappers that gather a layer's parameters do so when the gradient of its output comes.
        """
        self.model, self.row, self.whole, self.device = model, row, whole, core_of(model).device
        self.prompt = SharedPrompt(len(row.prompt) - 1)
        self.active = active(self.prompt, core_of(model))
        self.random = Random(self.device)

    def __enter__(self) -> AfterPrompt:
        self.active.__enter__()
        try:
            # Gradient checkpointing is about memory: then the graph is made when the responses' own are gone.
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self.prompt.recomputing):
                self.hidden = self._see()
        except BaseException as error:
            self.active.__exit__(type(error), error, error.__traceback__)
            raise
        self.prompt.recorded()
        return self

    def _see(self) -> Tensor | None:
        hidden = last_hidden_states(self.model, torch.tensor([self.row.prompt[:-1]], device=self.device))
        return hidden if self.whole else None

    def __exit__(self, *error: Any) -> None:
        self.active.__exit__(*error)

    def log_p(self, places: Sequence[int]) -> Tensor:
        batch = batch_of([self.row.prompt[-1:]] * len(places), [self.row.responses[k] for k in places], self.device)
        return log_probabilities(self.model, batch, first_position=self.prompt.length)

    @property
    def owes(self) -> bool:
        return any(tensor.requires_grad for both in self.prompt.leaves.values() for tensor in both)

    def rest(self, factor: Tensor) -> Tensor:
        left = self.prompt.gradients()
        if self.prompt.recomputing:
            now = Random(self.device)
            self.random.restore()
            self.prompt.recording = True
            self.hidden = self._see()
            self.prompt.recording = False
            now.restore()
        pairs = [
            (tensor, gradient)
            for layer, both in self.prompt.computed.items()
            for tensor, gradient in zip(both, left[layer], strict=True)
            if tensor.requires_grad and gradient is not None
        ]
        self.prompt.computed = {}
        factor = factor.detach().requires_grad_()  # for a backward pass also where no key or value has a gradient
        value: Tensor = _Inject.apply([gradient for _, gradient in pairs], factor, *(tensor for tensor, _ in pairs))
        return value if self.hidden is None else value + 0.0 * self.hidden.sum()


class _Inject(torch.autograd.Function):
    """A scalar 0 whose gradients by the tensors are those given, divided by `factor`."""

    @staticmethod
    def forward(ctx: Any, gradients: list[Tensor], factor: Tensor, *tensors: Tensor) -> Tensor:
        ctx.gradients, ctx.factor = gradients, factor
        return factor.new_zeros(())

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Any, ...]:
        gradients, ctx.gradients = ctx.gradients, []  # each is given up as soon as its layer has had it
        # The factor is undone in float32: in float16 the quotient alone could round to zero.
        by = outer.float() / ctx.factor
        return None, None, *(g.copy_(by * g.float()) for g in gradients)

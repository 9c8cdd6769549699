"""The optimizers of training: AdamW, and Muon for the matrices with AdamW for the rest. Knows no model."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn

Name = Literal["adamw", "muon"]
BETAS = (0.9, 0.999)  # paper 4.3


class _Together(torch.optim.Optimizer):
    """Two optimizers over two parts of a model that look like one to schedulers and checkpoints."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts
        super().__init__([p for part in parts for p in part.param_groups], {})
        # The very dictionaries of the parts, so that a scheduler that sets "lr" here sets it there.
        self.param_groups = [group for part in parts for group in part.param_groups]

    def step(self, closure: Any = None) -> Any:
        for part in self.parts:
            part.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def build(name: Name, model: nn.Module, *, learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW over all parameters; or Muon (Jordan 2024) over the hidden matrices and AdamW over the rest.

    Muon's update is scaled to the size of AdamW's (Liu et al. 2025), so one learning rate serves both.
    """
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    # Embeddings and the output layer are tables of vectors, which orthogonalised updates do not suit.
    tables = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    tables |= {id(p) for n, p in trained if n.endswith("lm_head.weight")}
    matrices = [p for _, p in trained if p.ndim == 2 and id(p) not in tables] if name == "muon" else []
    hidden = {id(p) for p in matrices}
    rest = [p for _, p in trained if id(p) not in hidden]
    adamw = torch.optim.AdamW(rest, lr=learning_rate, betas=BETAS, weight_decay=weight_decay)
    if not matrices:
        return adamw
    muon = torch.optim.Muon(matrices, lr=learning_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
    return _Together(muon, adamw)

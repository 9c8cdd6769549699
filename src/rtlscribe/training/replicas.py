"""Copies of a model in several processes that add up their gradients once a step. To cut it up: --deepspeed, --fsdp.

torch's DistributedDataParallel reduces in the backward pass that it is told is the last. Here a step has many backward
passes and the last touches some of the parameters only, so the gradients are reduced after it, all at once.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

BUCKET = 2**24  # elements that are sent at a time: 64 MiB in float32


class Replica(nn.Module):
    """One process's copy. Weights and buffers are the first process's when it is made."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        if processes() > 1:
            with torch.no_grad():
                for tensor in (*module.parameters(), *module.buffers()):
                    dist.broadcast(tensor.data, src=0)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def average_gradients(self) -> None:
        """Make every process's gradients the mean over the processes."""
        if processes() == 1:
            return
        for parameter in self.module.parameters():
            if parameter.requires_grad and parameter.grad is None:  # this process had no use for it
                parameter.grad = torch.zeros_like(parameter)
        bucket: list[Tensor] = []
        for parameter in self.module.parameters():
            gradient = parameter.grad
            if gradient is None:
                continue
            if bucket and (bucket[0].dtype != gradient.dtype or sum(g.numel() for g in bucket) >= BUCKET):
                _average(bucket)
                bucket = []
            bucket.append(gradient)
        if bucket:
            _average(bucket)


def processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def total(*counts: float, device: torch.device) -> list[float]:
    """Sums over all processes."""
    if processes() == 1:
        return list(counts)
    together = torch.tensor(counts, dtype=torch.float64, device=device)
    dist.all_reduce(together)
    return [float(value) for value in together]


def agreed(value: Any) -> Any:
    """What the first process says."""
    if processes() == 1:
        return value
    said = [value]
    dist.broadcast_object_list(said, src=0)
    return said[0]


def wait() -> None:
    """For all processes to come here."""
    if processes() > 1:
        dist.barrier()


def _average(gradients: list[Tensor]) -> None:
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()

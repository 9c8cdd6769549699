"""Parameters spread over two processes that have different numbers of rows and candidates: the gradients of one."""

import copy
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, multiprocessing
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from transformers import LlamaConfig, LlamaForCausalLM

from rtlscribe.training.data import Row
from rtlscribe.training.grouping import Group, Within
from rtlscribe.training.losses import Objective
from rtlscribe.training.shared_prompt import recompute_activations
from rtlscribe.training.splitting import Split, backward

ROWS = [
    [Row([5, 6, 7, 8, 9], [[11, 12], [13, 14, 15, 16], [17], [18, 19]], [0.1, 1.0, 0.5, 0.5], 1)],
    [Row([9, 8, 7], [[21], [22, 23]], [1.0, 0.3], 0), Row([4, 3], [[24, 25, 26]], [1.0], 0)],
]
SCORING = Objective(loss="scoring")
# Within 12 tokens the first process has two groups, or four, and the second one, or two.
WAYS: list[tuple[Split, Group]] = [("shared", 1), ("candidates", 1), ("shared", Within(12)), ("candidates", Within(12))]


def build(recomputed: bool) -> LlamaForCausalLM:
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=61, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)
    ).train()
    if recomputed:
        recompute_activations(model)
    return model


def work(rank: int, port: int, recomputed: bool, expected: list[torch.Tensor], folder: str) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RANK": str(rank), "WORLD_SIZE": "2"}
    distributed.init_process_group("gloo")
    model: Any = build(recomputed)
    mesh = distributed.init_device_mesh("cpu", (2,))
    for layer in model.model.layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True)
    fully_shard(model, mesh=mesh, reshard_after_forward=True)

    def run_backward(value: torch.Tensor, last: bool) -> None:
        model.set_requires_gradient_sync(last)
        value.backward()

    errors = []
    for split, group in WAYS:
        model.zero_grad()
        backward(model, ROWS[rank], SCORING, split=split, group=group, run_backward=run_backward)
        for parameter, gradient in zip(model.parameters(), expected, strict=True):
            assert isinstance(parameter.grad, DTensor)
            errors.append(float((parameter.grad.full_tensor() - gradient).norm() / gradient.norm()))
    Path(folder, f"{rank}.txt").write_text(str(max(errors)))
    distributed.barrier()  # the other process may still ask this one for its part
    os._exit(0)  # an interpreter that ended beside gloo's threads has been aborted


@pytest.mark.skipif(sys.platform != "linux", reason="starts processes that talk through gloo")
@pytest.mark.parametrize("recomputed", [False, True], ids=["kept", "recomputed"])
def test_processes_with_unequal_work_go_in_step(recomputed: bool, tmp_path: Path) -> None:
    whole = build(recomputed)
    for rows in ROWS:
        backward(whole, rows, SCORING, split="none", scale=0.5)  # gradients are averaged over processes
    expected = [copy.deepcopy(p.grad) for p in whole.parameters()]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(work, (port, recomputed, expected, str(tmp_path)), nprocs=2)
    assert all(float((tmp_path / f"{rank}.txt").read_text()) < 1e-5 for rank in range(2))

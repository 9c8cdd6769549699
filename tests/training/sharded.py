"""Run under torchrun by test_processes: the gradients of a model that FSDP2 shards over the processes, to a file.

Arguments: the model's folder, a file of scored samples, how to split, the file to write.
"""

import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import AutoModelForCausalLM, AutoTokenizer

from rtlscribe.prompts import Template
from rtlscribe.samples import read_samples
from rtlscribe.training.data import encode
from rtlscribe.training.losses import Objective
from rtlscribe.training.splitting import backward


def main(folder: str, data: str, split: str, target: str) -> None:
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    mesh = init_device_mesh("cpu", (world,))
    for layer in model.model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    rows, _ = encode(read_samples(Path(data)), tokenizer, Template("rtlcoder"), scoring=True, max_length=500)

    def run(value: torch.Tensor, last: bool) -> None:
        model.set_requires_gradient_sync(last)
        value.backward()

    model.train()
    backward(model, rows[rank::world], Objective(loss="scoring"), split=split, group=1, run_backward=run)
    gradients = {name: p.grad.full_tensor() for name, p in model.named_parameters() if p.grad is not None}
    if rank == 0:
        Path(target).write_text(json.dumps({name: g.norm().item() for name, g in gradients.items()}))
    dist.barrier()  # the other process may still ask this one for its part
    os._exit(0)  # an interpreter that ended beside gloo's threads has been aborted


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Step time and peak memory of the ways to split a scoring batch: none, by candidates (Algorithm 1), shared prompt.

    python benchmarks/training.py [--device cuda] [--size hidden,layers,heads,vocabulary] [--lengths 256/256,512/128]
                                  [--candidates 2,4,8,16] [--repeats 3] [--write]

A Llama of random weights takes one row of K candidates; a step is forward and backward passes without an optimizer.
- time: the median over the repeats; all ways take turns in one run, so that a busy machine slows all of them
- memory: the peak of a step over what is held before it (parameters and gradients). On a GPU it is what torch
  allocates; on the CPU (Linux, glibc) the resident set of a process of its own that gives freed tensors back at once
Each with and without gradient checkpointing, and `shared, all` with the candidates of a row in one group. --write adds
a table to benchmarks/results/training.md.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from rtlscribe.training.data import Row
from rtlscribe.training.losses import Objective
from rtlscribe.training.splitting import Split, backward

RESULTS = Path(__file__).parent / "results" / "training.md"
OBJECTIVE = Objective(loss="scoring")
MIB = 2**20
# For glibc: freed blocks of this size and more go back to the system, so that the resident set follows what is held.
GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}


class Way(NamedTuple):
    """One way to compute a step."""

    name: str
    split: Split
    whole: bool = False  # all candidates of a row in one group


WAYS = (
    Way("none", "none"),
    Way("candidates", "candidates"),
    Way("shared", "shared"),
    Way("shared, all", "shared", True),
)


class Case(NamedTuple):
    """What is measured."""

    prompt: int
    response: int
    candidates: int
    checkpointing: bool


class Measured(NamedTuple):
    """One way in one case."""

    seconds: float
    mib: float


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), help="default: bfloat16 on a GPU, else float32")
    parser.add_argument("--size", default="256,6,4,2048", help="hidden,layers,heads,vocabulary")
    parser.add_argument("--key-value-heads", type=int, help="default: as many as heads")
    parser.add_argument("--lengths", default="256/256,512/128,128/384", help="prompt/response, in tokens")
    parser.add_argument("--candidates", default="2,4,8,16", help="K; memory is also measured at K = 1")
    parser.add_argument("--checkpointing", choices=("both", "on", "off"), default="both")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"append the table to {RESULTS.name}")
    parser.add_argument("--only-memory", action="store_true", help=argparse.SUPPRESS)  # the child process
    return parser.parse_args(arguments)


def build(options: argparse.Namespace, *, checkpointing: bool) -> LlamaForCausalLM:
    """The model, in training mode, with gradients that are there already."""
    hidden, layers, heads, vocabulary = map(int, options.size.split(","))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=hidden * 8 // 3 // 32 * 32,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=options.key_value_heads or heads,
        max_position_embeddings=65536,
    )
    dtype = options.dtype or ("float32" if options.device == "cpu" else "bfloat16")
    with torch.device(options.device):
        model = LlamaForCausalLM(config).to(getattr(torch, dtype)).train()
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    return model


def row_of(case: Case, vocabulary: int) -> Row:
    """Random tokens; responses are from 3/4 of the length to all of it, as real ones differ. One is the longest."""
    rng = random.Random(0)

    def tokens(count: int) -> list[int]:
        return [rng.randrange(3, vocabulary) for _ in range(count)]

    k = case.candidates
    lengths = [case.response, *(rng.randint(case.response * 3 // 4, case.response) for _ in range(k - 1))]
    return Row(tokens(case.prompt), [tokens(n) for n in lengths], [1 - i / k for i in range(k)], 0)


def step(model: LlamaForCausalLM, row: Row, way: Way) -> None:
    """All passes of one step."""
    backward(model, [row], OBJECTIVE, split=way.split, group=len(row.responses) if way.whole else 1)
    if model.device.type == "cuda":
        torch.cuda.synchronize()


def seconds_of(model: LlamaForCausalLM, row: Row, repeats: int) -> dict[str, float]:
    """The median time of each way; they take turns, after one round that is not counted."""
    times: dict[str, list[float]] = {way.name: [] for way in WAYS}
    for turn in range(repeats + 1):
        for way in WAYS:
            started = time.perf_counter()
            step(model, row, way)
            if turn:
                times[way.name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def mib_of(model: LlamaForCausalLM, row: Row, way: Way) -> float:
    """Peak memory of a step in MiB."""
    # What a first step sets up (threads, workspaces, the check of the model) belongs to no step.
    step(model, Row(row.prompt, row.responses[:2], row.scores[:2], 0), way)
    gc.collect()
    if model.device.type != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step(model, row, way)
        return float(torch.cuda.max_memory_allocated() - before) / MIB
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    step(model, row, way)
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def cases(options: argparse.Namespace) -> Iterator[tuple[Case, LlamaForCausalLM]]:
    """All cases, each with the model, which is built once for those with and once for those without checkpointing."""
    for checkpointing in {"both": (False, True), "on": (True,), "off": (False,)}[options.checkpointing]:
        model = build(options, checkpointing=checkpointing)
        for lengths in options.lengths.split(","):
            prompt, response = map(int, lengths.split("/"))
            for k in (1, *map(int, options.candidates.split(","))):
                yield Case(prompt, response, k, checkpointing), model


def measure_memory(options: argparse.Namespace) -> list[list[float]]:
    """MiB of each way, case by case."""
    found = []
    for case, model in cases(options):
        row = row_of(case, model.config.vocab_size)
        found.append([mib_of(model, row, way) for way in WAYS])
        print(case, "MiB", found[-1], file=sys.stderr, flush=True)
    return found


def measure(options: argparse.Namespace) -> dict[Case, dict[str, Measured]]:
    """All cases, told of on stderr as they come."""
    if options.device == "cpu":
        command = [sys.executable, __file__, *sys.argv[1:], "--only-memory"]
        child = subprocess.run(command, env=os.environ | GIVE_BACK, check=True, stdout=subprocess.PIPE, text=True)
        memory = json.loads(child.stdout)
    else:
        memory = measure_memory(options)
    results: dict[Case, dict[str, Measured]] = {}
    for (case, model), mib in zip(cases(options), memory, strict=True):
        seconds = seconds_of(model, row_of(case, model.config.vocab_size), options.repeats)
        results[case] = {way.name: Measured(seconds[way.name], m) for way, m in zip(WAYS, mib, strict=True)}
        print(case, results[case], file=sys.stderr, flush=True)
    return results


def table(results: dict[Case, dict[str, Measured]]) -> str:
    """Markdown: times, their ratios to the shared prompt, and memory beside that of one candidate."""
    lines = [
        "| prompt / response | recomputed | K | none | candidates | shared | shared, all "
        "| candidates : shared | none : shared | MiB none | candidates | shared | shared, all | shared : K = 1 |",
        "|---|---|" + "---:|" * 12,
    ]
    for case, ways in results.items():
        none, candidates, shared, whole = (ways[way.name] for way in WAYS)
        one = results[case._replace(candidates=1)]["none"].mib
        times = " | ".join(f"{way.seconds:.3g} s" for way in (none, candidates, shared, whole))
        memory = " | ".join(f"{way.mib:.0f}" for way in (none, candidates, shared, whole))
        lines.append(
            f"| {case.prompt} / {case.response} | {'yes' if case.checkpointing else 'no'} | {case.candidates} | {times}"
            f" | {candidates.seconds / shared.seconds:.2f} | {none.seconds / shared.seconds:.2f} | {memory}"
            f" | {shared.mib / one:.2f} |"
        )
    return "\n".join(lines) + "\n"


def machine(options: argparse.Namespace) -> str:
    """What it ran on."""
    if options.device != "cpu":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    load = os.getloadavg()[0]
    return (
        f"{platform.machine()} CPU, {torch.get_num_threads()} threads, load average {load:.1f} of {os.cpu_count()} "
        f"cores, torch {torch.__version__}"
    )


def main() -> None:
    """Measure, print, and write if asked."""
    options = parse()
    if options.only_memory:
        print(json.dumps(measure_memory(options)))
        return
    ran_on = machine(options)
    text = table(measure(options))
    hidden, layers, heads, vocabulary = options.size.split(",")
    head = (
        f"## {time.strftime('%Y-%m-%d')}: Llama, hidden {hidden}, {layers} layers, {heads} heads, vocabulary "
        f"{vocabulary}\n\n{ran_on}; median of {options.repeats} steps.\n\n"
    )
    print(head + text)
    if options.write:
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(head + text + "\n")


if __name__ == "__main__":
    main()

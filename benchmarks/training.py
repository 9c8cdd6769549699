"""Step time and peak memory of the ways to split a scoring batch: none, by candidates (Algorithm 1), shared prompt.

    python benchmarks/training.py [--size hidden,layers,heads,vocabulary] [--lengths 256/256,512/128] [--write] ...
    python benchmarks/training.py --study --write

A Llama of random weights takes one row of K candidates; a step is forward and backward passes without an optimizer.
- time: the median over the turns that fit into --seconds, one at least; all ways take turns in one run, so that a busy
  machine slows all of them
- memory: the peak of a step over what is held before it (parameters and gradients). On a GPU it is what torch
  allocates; on the CPU (Linux, glibc) the resident set of a process of its own that gives freed tensors back at once
With one candidate at a time, and `auto`: as many as take no more than one candidate of --max-tokens, which is measured
beside it (prompt and response in the same proportion). --write adds a table to benchmarks/results/training.md; --study
makes the tables there: a small model with and without gradient checkpointing, the same with one key and value head for
four query heads, and a larger one.
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
from rtlscribe.training.grouping import Within
from rtlscribe.training.losses import Objective
from rtlscribe.training.shared_prompt import recompute_activations
from rtlscribe.training.sharing import weight_of_prompt
from rtlscribe.training.splitting import Split, backward

RESULTS = Path(__file__).parent / "results" / "training.md"
OBJECTIVE = Objective(loss="scoring")
MIB = 2**20
# For glibc: freed blocks of this size and more go back to the system, so that the resident set follows what is held.
GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}


SMALL = "--size 256,4,4,2048"
STUDY = (
    SMALL,
    f"{SMALL} --key-value-heads 1 --lengths 256/256 --candidates 4,16 --checkpointing on",
    "--size 1024,4,16,4096 --key-value-heads 4 --lengths 256/256 --candidates 4 --checkpointing off --seconds 20",
)


class Way(NamedTuple):
    """One way to compute a step."""

    name: str
    split: Split
    auto: bool = False  # else one candidate at a time


WAYS = (
    Way("none", "none"),
    Way("candidates", "candidates"),
    Way("candidates, auto", "candidates", True),
    Way("shared", "shared"),
    Way("shared, auto", "shared", True),
)


class Case(NamedTuple):
    """What is measured."""

    prompt: int
    response: int
    candidates: int
    checkpointing: bool


class Measured(NamedTuple):
    """All ways in one case."""

    seconds: list[float]
    mib: list[float]  # and of one candidate, and of one of the maximal length


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", action="store_true", help="all tables, one after the other")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), help="default: bfloat16 on a GPU, else float32")
    parser.add_argument("--size", default="256,6,4,2048", help="hidden,layers,heads,vocabulary")
    parser.add_argument("--key-value-heads", type=int, help="default: as many as heads")
    parser.add_argument("--lengths", default="256/256,512/128,128/384", help="prompt/response, in tokens")
    parser.add_argument("--candidates", default="2,4,8,16", help="K; memory is also measured at K = 1")
    parser.add_argument("--max-tokens", type=int, default=2048, help="of the longest candidate that a run admits")
    parser.add_argument("--checkpointing", choices=("both", "on", "off"), default="both")
    parser.add_argument("--seconds", type=float, default=3.0, help="for the turns of one case")
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
        recompute_activations(model)
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


def step(model: LlamaForCausalLM, row: Row, way: Way, max_tokens: int) -> None:
    """All passes of one step."""
    group = Within(max_tokens, weight_of_prompt(model)) if way.auto else 1
    backward(model, [row], OBJECTIVE, split=way.split, group=group)
    if model.device.type == "cuda":
        torch.cuda.synchronize()


def seconds_of(model: LlamaForCausalLM, row: Row, options: argparse.Namespace) -> list[float]:
    """The median time of each way; they take turns."""
    times: list[list[float]] = [[] for _ in WAYS]
    until = time.perf_counter() + options.seconds
    while not times[0] or time.perf_counter() < until:
        for way, taken in zip(WAYS, times, strict=True):
            started = time.perf_counter()
            step(model, row, way, options.max_tokens)
            taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in times]


def mib_of(model: LlamaForCausalLM, row: Row, way: Way, max_tokens: int) -> float:
    """Peak memory of a step in MiB."""
    gc.collect()
    if model.device.type != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step(model, row, way, max_tokens)
        return float(torch.cuda.max_memory_allocated() - before) / MIB
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    step(model, row, way, max_tokens)
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
            for way in WAYS:  # what a first step sets up (threads, workspaces, the check of the model) is of no step
                step(model, row_of(Case(prompt, response, 2, False), model.config.vocab_size), way, options.max_tokens)
            for k in map(int, options.candidates.split(",")):
                yield Case(prompt, response, k, checkpointing), model


def measure_memory(options: argparse.Namespace) -> list[list[float]]:
    """MiB case by case: of each way, of one candidate, and of one of the maximal length."""
    found = []
    ones: dict[Case, list[float]] = {}
    for case, model in cases(options):
        one = case._replace(candidates=1)
        if one not in ones:
            prompt = round(options.max_tokens * case.prompt / (case.prompt + case.response))
            longest = one._replace(prompt=prompt, response=options.max_tokens - prompt)
            rows = [row_of(c, model.config.vocab_size) for c in (one, longest)]
            ones[one] = [mib_of(model, row, WAYS[0], options.max_tokens) for row in rows]
        row = row_of(case, model.config.vocab_size)
        found.append([mib_of(model, row, way, options.max_tokens) for way in WAYS] + ones[one])
        print(case, "MiB", [round(mib) for mib in found[-1]], file=sys.stderr, flush=True)
    return found


def measure(options: argparse.Namespace, arguments: list[str]) -> dict[Case, Measured]:
    """All cases, told of on stderr as they come."""
    if options.device == "cpu":
        command = [sys.executable, __file__, *arguments, "--only-memory"]
        child = subprocess.run(command, env=os.environ | GIVE_BACK, check=True, stdout=subprocess.PIPE, text=True)
        memory = json.loads(child.stdout)
    else:
        memory = measure_memory(options)
    results: dict[Case, Measured] = {}
    for (case, model), mib in zip(cases(options), memory, strict=True):
        results[case] = Measured(seconds_of(model, row_of(case, model.config.vocab_size), options), mib)
        print(case, "s", [round(s, 3) for s in results[case].seconds], file=sys.stderr, flush=True)
    return results


def table(results: dict[Case, Measured]) -> str:
    """Markdown: times and how much faster sharing is; memory, beside that of one candidate."""
    names = " | ".join(way.name for way in WAYS)
    lines = [
        f"| prompt / response | recomputed | K | s {names} | candidates : shared | none : shared, auto "
        f"| candidates : shared, auto | candidates, auto : shared, auto | MiB {names} | shared : one "
        "| shared, auto : longest |",
        "|---|---|" + "---:|" * 17,
    ]
    for case, (seconds, mib) in results.items():
        none, candidates, candidates_auto, shared, auto = seconds
        one, longest = mib[len(WAYS) :]
        ratios = (candidates / shared, none / auto, candidates / auto, candidates_auto / auto)
        cells = [f"{case.prompt} / {case.response}", "yes" if case.checkpointing else "no", str(case.candidates)]
        cells += [f"{s:.3g}" for s in seconds] + [f"{ratio:.2f}" for ratio in ratios]
        cells += [f"{m:.0f}" for m in mib[: len(WAYS)]] + [f"{mib[3] / one:.2f}", f"{mib[4] / longest:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
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


def run(arguments: list[str]) -> None:
    """Measure, print, and write if asked."""
    options = parse(arguments)
    if options.only_memory:
        print(json.dumps(measure_memory(options)))
        return
    ran_on = machine(options)
    text = table(measure(options, arguments))
    hidden, layers, heads, vocabulary = options.size.split(",")
    head = (
        f"## {time.strftime('%Y-%m-%d')}: Llama, hidden {hidden}, {layers} layers, {heads} heads, "
        f"{options.key_value_heads or heads} of keys and values, vocabulary {vocabulary}\n\n"
        f"{ran_on}; medians; auto: within one candidate of {options.max_tokens} tokens.\n\n"
    )
    print(head + text)
    if options.write:
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(head + text + "\n")


def main() -> None:
    """One table, or all of them."""
    given = sys.argv[1:]
    if "--study" not in given:
        run(given)
        return
    for part in STUDY:
        run([*part.split(), *(word for word in given if word != "--study")])


if __name__ == "__main__":
    main()

"""Training on a CPU with the memory that `training.allocation` keeps, against glibc's defaults: steps a second.

    OMP_NUM_THREADS=1 python benchmarks/allocation.py --write

Each way has a process of its own, in turn, several times; the medians are told. The model is one from scratch, the rows
are random tokens of equal length.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time

from telling import Telling

WAYS = ("glibc's defaults", "kept")


def measured(way: str, given: argparse.Namespace) -> tuple[float, float]:
    """Seconds of a step and the share of them that the system took, in this process."""
    import torch

    from rtlscribe.training import allocation, optimizer
    from rtlscribe.training.likelihood import batch_of, log_probabilities
    from rtlscribe.training.scratch import SIZES, untrained

    if way == "kept":
        assert allocation.keep_freed()
    size = SIZES[given.size]
    model = untrained(size, seed=0).train()
    chosen = optimizer.build("muon", model, learning_rate=1e-3, weight_decay=0.0)
    ids = torch.randint(3, size.vocabulary, (given.batch_size, given.length)).tolist()
    half = given.length // 2
    batch = batch_of([row[:half] for row in ids], [row[half:] for row in ids], torch.device("cpu"))
    for step in range(given.steps + 2):
        if step == 2:
            begun, system = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_stime
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = -log_probabilities(model, batch).mean()
        loss.backward()
        chosen.step()
        chosen.zero_grad()
    seconds = time.monotonic() - begun
    return seconds / given.steps, (resource.getrusage(resource.RUSAGE_SELF).ru_stime - system) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="medium", choices=["nano", "small", "medium"])
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--length", type=int, default=344, help="tokens of a row, half of them its response")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="keep the table in results/allocation.md")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(*measured(given.way, given))
        return
    found: dict[str, list[tuple[float, ...]]] = {way: [] for way in WAYS}
    for _ in range(given.rounds):
        for way in WAYS:
            command = [sys.executable, *sys.argv, "--way", way]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found[way].append(tuple(map(float, told.split())))
    tell = Telling()
    tell(f"{given.size}, bf16, Muon, {given.batch_size} rows of {given.length} tokens a step; {given.rounds} rounds.")
    tell()
    tell("| memory | seconds a step | of these the system's | against the defaults |")
    tell("|---|---|---|---|")
    plain = statistics.median(seconds for seconds, _ in found[WAYS[0]])
    for way, pairs in found.items():
        seconds, system = (statistics.median(column) for column in zip(*pairs, strict=True))
        tell(f"| {way} | {seconds:.3f} | {system:.1%} | {plain / seconds:.2f} x |")
    if given.write:
        tell.keep("allocation", "Training steps")


if __name__ == "__main__":
    main()

"""The most memory that each command over a dataset takes, for files of several sizes.

    python benchmarks/memory.py [--sizes 10000,100000] [--write]

Rows are short (about 200 bytes), so that what is kept of each shows. Each command runs as a process of its own, whose
peak of resident memory is counted (VmHWM, so Linux alone); programs that it starts are not. `data verify` gets answers
without code, but for a few rows: what it holds of a row does not depend on what a simulation says, and this way it
takes minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from telling import Telling

from rtlscribe import jsonl
from rtlscribe.models.scripted import Line
from rtlscribe.records import Completion, Problem, Sample, Sampling

CODE = "module inv(input a, output y); assign y = ~a; endmodule\n"
# The peak of the memory of this program alone: what the system tells of a process that has ended includes its parent's.
RUN = """
import sys
from rtlscribe.cli import call
status = call(sys.argv[1:])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(status)
"""
REFUSALS = ("I cannot.", "No.")


class Took(NamedTuple):
    """Peak of resident memory in KiB, and seconds."""

    kib: int
    seconds: float


def row(number: int) -> Sample:
    """A short row; no two have one instruction, or one code."""
    text = f"Invert the bit a of channel {number} in bank {number % 97}."
    return Sample(id=f"row-{number}", instruction=text, verilog=f"{CODE}// {number}\n")


def inputs(folder: Path, size: int) -> None:
    """The files that the commands read."""
    jsonl.replace(folder / "rows.jsonl", (jsonl.encode(row(n)) for n in range(size)))
    tasks = (Problem(id=f"row-{n}", text=row(n).instruction) for n in range(size))
    jsonl.replace(folder / "tasks.jsonl", map(jsonl.encode, tasks))
    jsonl.replace(folder / "answered.jsonl", map(jsonl.encode, answered(size)))
    jsonl.replace(folder / "completions.jsonl", map(jsonl.encode, completions(size)))
    jsonl.write(folder / "said.jsonl", [Line(problem_id="*", text=CODE)])
    jsonl.write(folder / "few.jsonl", [row(n) for n in range(-20, 0)])


def answered(size: int) -> Iterator[Sample]:
    for n in range(size):
        texts = (CODE, CODE) if n < 2 else REFUSALS
        yield Sample(id=f"row-{n}", instruction=row(n).instruction, responses=texts)


def completions(size: int) -> Iterator[Completion]:
    for n in range(size):
        for index, text in enumerate((CODE, CODE) if n < 2 else REFUSALS):
            sampling = Sampling(n=2)
            yield Completion(
                problem_id=f"row-{n}", index=index, text=text, model="m", sampling=sampling, finish_reason="stop"
            )


COMMANDS = {
    "sample": "sample --data tasks.jsonl --model scripted:said.jsonl --n 2 --beams 1",
    "data answers": "data answers --data tasks.jsonl --model scripted:said.jsonl --n 1 --checkers pyslang",
    "data verify": "data verify answered.jsonl",
    "data verify --completions": "data verify tasks.jsonl --completions completions.jsonl",
    "data import": "data import --data rows.jsonl",
    "data decontaminate": "data decontaminate --data rows.jsonl --against few.jsonl --threshold 1",
    "data stats --no-near-duplicates": "data stats --data rows.jsonl --no-near-duplicates --no-syntax",
    "data stats": "data stats --data rows.jsonl --no-syntax",
    "data export": "data export --data rows.jsonl",
    "data export --form parquet": "data export --data rows.jsonl --form parquet",
}


def measured(command: str, folder: Path) -> Took:
    """Runs a command in a folder."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", RUN, *command.split(), "--output", "run", "--fresh"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"rtlscribe {command} ended with status {done.returncode}: {done.stderr}")
    return Took(int(done.stdout.split()[-2]), time.monotonic() - begun)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--only", default="", help="commands, with commas")
    parser.add_argument("--write", action="store_true", help="keep the table in results/memory.md")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    tell = Telling()
    tell("| command | " + " | ".join(f"{size:,} rows" for size in sizes) + " | bytes a row more |")
    tell("|---|" + "---:|" * (len(sizes) + 1))
    for name, command in COMMANDS.items():
        if given.only and name not in given.only.split(","):
            continue
        found = []
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                inputs(Path(folder), size)
                found.append(measured(command, Path(folder)))
        told = " | ".join(f"{took.kib / 1024:.0f} MiB, {took.seconds:.0f} s" for took in found)
        more = (found[-1].kib - found[0].kib) * 1024 / max(1, sizes[-1] - sizes[0])
        tell(f"| `{name}` | {told} | {more:.0f} |")
    if given.write:
        tell.keep("memory", "Commands over datasets")


if __name__ == "__main__":
    main()

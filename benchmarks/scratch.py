"""Models from scratch after equal processor time: which size, which vocabulary, and which data teach most?

    OMP_NUM_THREADS=1 python benchmarks/scratch.py --data all=rows.jsonl --minutes 12 \
        --sizes 256x6x8x2048 256x6x8x1024 --bits held_out.jsonl --write "Sizes"
    OMP_NUM_THREADS=1 python benchmarks/scratch.py --data rich=rich.jsonl plain=plain.jsonl --sizes 256x6x8x2048 \
        --minutes 12 --bits held_out.jsonl --pass held-out held-out-families verilogeval-human=CHECKOUT --write "Data"

An arm is a set of rows and a size, HIDDENxLAYERSxHEADSxVOCABULARY. For each: tokenizer and model from the rows, a short
training that tells the time a step takes, then a training of as many steps as fit the minutes, its learning rate
falling to zero at their end. Rows longer than --max-length in the arm's vocabulary are left out, as `rtlscribe train`
does.

What is compared: the loss on the references of --bits, in bits a character, which no vocabulary shortens; and of --pass
the share of completions that pass, at temperature 0.2 by the strict rule.

Every step is a run folder of the package under --output: the same command goes on where it stopped, and arms may be
divided among processes that have each an output of their own. One thread a process, or they wait for one another.
"""

from __future__ import annotations

import argparse
import itertools
import math
from pathlib import Path
from typing import NamedTuple

import torch
from telling import Telling

from rtlscribe.models.hf import load
from rtlscribe.prompts import Template
from rtlscribe.records import Problem, Sample
from rtlscribe.samples import read_problems, read_samples
from rtlscribe.stages import evaluate, new_model, train
from rtlscribe.summaries import TrainSummary
from rtlscribe.training.data import encode
from rtlscribe.training.likelihood import batch_of, log_probabilities
from rtlscribe.training.trainer import MASTER

TRIAL_STEPS = 20  # of the training that tells the time a step takes


class Arm(NamedTuple):
    """Rows and the model that learns from them."""

    name: str
    data: Path
    size: str


class Learnt(NamedTuple):
    """What an arm came to; `rates` in the order of --pass, in percent."""

    arm: Arm
    parameters: int
    summary: TrainSummary
    rows: int
    bits: float
    rates: list[float]


def named(text: str) -> tuple[str, str]:
    """NAME=PLACE, or a name alone."""
    name, _, place = text.partition("=")
    return name, place


def trained(given: argparse.Namespace, arm: Arm, epochs: float, name: str) -> TrainSummary:
    """What training the arm's model from scratch took, for so many epochs."""
    home = given.output / arm.name / arm.size
    summary = train.run(
        train.Config(
            data=arm.data,
            model=str(home / "base/model"),
            optimizer="muon",
            learning_rate=given.learning_rate,
            epochs=epochs,
            batch_size=given.batch_size,
            max_length=given.max_length,
            precision=given.precision,
            mle_reduction="mean",
            output=home / name,
        )
    )
    assert summary
    return summary


def bits(model: Path, problems: list[Problem], max_length: int) -> float:
    """Mean bits a character of the problems' references, given their prompts."""
    samples = [Sample(id=p.id, instruction=p.text, header=p.header, verilog=p.reference) for p in problems]
    found, tokenizer = load(str(model), dtype=MASTER)
    rows, dropped = encode(samples, tokenizer, Template("rtlcoder"), scoring=False, max_length=max_length)
    assert not dropped.too_long, "bits are of the same text for every arm"
    with torch.inference_mode():
        nats = sum(
            float(log_probabilities(found.eval(), batch_of([r.prompt], r.responses, found.device))) for r in rows
        )
    return -nats / math.log(2) / sum(len(s.verilog) for s in samples)


def rate(given: argparse.Namespace, arm: Arm, benchmark: str, model: str) -> float:
    """Percent of completions that pass."""
    name, root = named(benchmark)
    summary = evaluate.run(
        evaluate.Config(
            name,
            model=f"hf:{model}",
            root=Path(root) if root else None,
            n=given.n,
            temperature="0.2",
            max_tokens=320,
            batch_size=64,
            output=given.output / arm.name / arm.size / f"pass-{Path(name).stem}",
        )
    )
    return 100 * summary.settings[0].function.rate


def learnt(given: argparse.Namespace, arm: Arm, problems: list[Problem]) -> Learnt:
    """One arm, trained for the minutes and tried."""
    home = given.output / arm.name / arm.size
    base = new_model.run(new_model.Config(data=arm.data, size=arm.size, output=home / "base"))
    trial = trained(given, arm, TRIAL_STEPS * given.batch_size / len(read_samples(arm.data)), "trial")
    assert trial.processor_seconds
    steps = given.minutes * 60 / (trial.processor_seconds / trial.steps)
    summary = trained(given, arm, steps * given.batch_size / trial.rows, "whole")
    return Learnt(
        arm,
        base.parameters,
        summary,
        summary.steps * given.batch_size,
        bits(Path(summary.output), problems, 2 * given.max_length),
        [rate(given, arm, benchmark, summary.output) for benchmark in given.pass_],
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, metavar="NAME=ROWS", help="to learn from")
    parser.add_argument("--sizes", nargs="+", required=True, metavar="HIDDENxLAYERSxHEADSxVOCABULARY")
    parser.add_argument("--bits", type=Path, nargs="+", required=True, help="files of problems with references")
    parser.add_argument("--pass", dest="pass_", nargs="*", default=[], metavar="BENCHMARK[=CHECKOUT]")
    parser.add_argument("--n", type=int, default=5, help="completions a problem of --pass")
    parser.add_argument("--minutes", type=float, default=12.0, help="of the processor, for the training of each arm")
    parser.add_argument("--learning-rate", type=float, default=5e-3)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--max-length", type=int, default=768)
    parser.add_argument("--precision", default="bf16", choices=["fp32", "bf16"])
    parser.add_argument("--output", type=Path, default=Path("runs/scratch"))
    parser.add_argument("--write", metavar="TITLE", help="keep the table in results/scratch.md, under this title")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    problems = [problem for path in given.bits for problem in read_problems(path)]
    rows = dict(map(named, given.data))
    arms = [Arm(name, Path(place), size) for (name, place), size in itertools.product(rows.items(), given.sizes)]
    found = [learnt(given, arm, problems) for arm in arms]
    tell = Telling()
    tell(f"{given.minutes:g} processor minutes each, {given.precision}; bits on {len(problems)} held-out references.")
    tell()
    names = [named(benchmark)[0] for benchmark in given.pass_]
    heads = ["rows", "size", "parameters", "rows seen", "tokens a row", "processor s", "bits a character", *names]
    tell(f"| {' | '.join(heads)} |")
    tell(f"|{'---|' * len(heads)}")
    for row in sorted(found, key=lambda row: row.bits):
        cells = [
            row.arm.name,
            row.arm.size,
            f"{row.parameters / 1e6:.1f} M",
            f"{row.rows:,}",
            f"{row.summary.tokens / row.rows:.0f}",
            f"{row.summary.processor_seconds:.0f}",
            f"{row.bits:.4f}",
            *(f"{rate:.1f} %" for rate in row.rates),
        ]
        tell(f"| {' | '.join(cells)} |")
    if given.write:
        tell.keep("scratch", given.write)


if __name__ == "__main__":
    main()

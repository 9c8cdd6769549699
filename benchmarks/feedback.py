"""Does training on scores beat direct training at equal steps? Measured over several seeds, with intervals.

    python benchmarks/feedback.py --output runs/feedback --seeds 0 1 2
    python benchmarks/feedback.py --output runs/feedback --bases runs/demo --weight 0.1 1 --draw beam3 t0.8x4

For each seed: circuits -> a small model, trained on them by maximum likelihood (the base) -> candidates that the base
draws for some of the circuits -> their scores. From there the base goes on for the same number of optimizer steps, on
the same rows, in the same batches' size, once by maximum likelihood of the references alone ("direct") and once by that
plus the ranking of the candidates ("scoring"). Both answer the same held-out circuits, whose parameters are in no
training row of any seed; what is compared is the share of completions that pass their testbench.

--source, --draw, --rule, --weight, --margin, --learning-rate and --steps take several values, and every combination is
an arm. With many arms the best one looks better than it is: choose on some seeds, and measure the chosen one on others.

Every step is a run folder of the package under --output: the same command again goes on where it stopped, and more
seeds or values only add to what is there. Equal steps are not equal work: an arm with K candidates a row sees K times
the tokens, which the table tells.
"""

from __future__ import annotations

import argparse
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from rtlscribe import jsonl, progress
from rtlscribe.cli.demo import FAMILIES
from rtlscribe.metrics import RESAMPLES, sign_flip_test
from rtlscribe.records import Record
from rtlscribe.samples import read_samples
from rtlscribe.stages import designs, evaluate, new_model, sample, score, train
from rtlscribe.summaries import EvaluateSummary, ScoreSummary, TrainSummary

EVALUATION_SEED = 1000  # the held-out circuits are the same for all seeds, so that differences pair by problem
NEW_SEED = 2000  # and on: of rows that the base was not trained on, but for the odd circuit that is drawn twice
BATCH = 4  # rows a step, in both arms
MAX_TOKENS = 320


class Draw(NamedTuple):
    """How candidates are drawn: beam search with the n best beams, or n samples at a temperature."""

    name: str
    n: int
    temperature: float  # 0: beam search


class Arm(NamedTuple):
    """One way of going on from the base: on rows that it was trained on, or on new ones."""

    source: str
    draw: Draw
    rule: str
    weight: float
    margin: float
    learning_rate: float
    steps: int

    @property
    def drawn(self) -> str:
        return f"{'new-' if self.source == 'new' else ''}{self.draw.name}"

    @property
    def rows(self) -> str:
        return f"{self.drawn}-{self.rule}"

    @property
    def direct(self) -> str:
        """The folder of direct training on the same rows: weight and margin play no part in it."""
        return f"direct-{self.rows}-r{self.learning_rate:g}-s{self.steps}"

    @property
    def scoring(self) -> str:
        return f"scoring-{self.rows}-w{self.weight:g}-m{self.margin:g}-r{self.learning_rate:g}-s{self.steps}"


class Outcome(Record):
    """What one arm came to on one seed. Rates are shares of completions that pass; work is tokens of one pass."""

    seed: int
    arm: str
    base_rate: float
    direct_rate: float
    scoring_rate: float
    rows: int
    candidates: int
    perfect_share: float
    steps: int
    direct_tokens: int
    scoring_tokens: int
    differences: dict[str, float]  # by problem: scoring less direct


class Result(Record):
    """One arm over all seeds: the mean difference with its 95 % interval over seeds and problems, and a p-value."""

    arm: str
    base_rate: float
    direct_rate: float
    scoring_rate: float
    difference: float
    low: float
    high: float
    p: float
    by_seed: tuple[float, ...]
    tokens_ratio: float


def parse_draw(text: str) -> Draw:
    """`beam3`, or `t0.8x4` for four samples at temperature 0.8."""
    if found := re.fullmatch(r"beam(\d+)", text):
        return Draw(text, int(found[1]), 0.0)
    if (found := re.fullmatch(r"t([0-9.]+)x(\d+)", text)) and float(found[1]) > 0:
        return Draw(text, int(found[2]), float(found[1]))
    raise argparse.ArgumentTypeError(f"{text!r}: wanted beamN or tTEMPERATURExN, for example beam3 or t0.8x4")


def base_of(given: argparse.Namespace, seed: int, home: Path) -> tuple[Path, Path]:
    """Problems to draw candidates for, and the base model: given ones, or data and a base made for this seed."""
    if given.bases:
        folder = given.bases[given.seeds.index(seed) % len(given.bases)]
        return folder / "data/problems.jsonl", folder / "mle/model"
    data = home / "data"
    designs.run(designs.Config(n=given.rows, families=FAMILIES, seed=seed, output=data))
    new_model.run(new_model.Config(data=data / "out.jsonl", size=given.size, seed=seed, output=home / "untrained"))
    train.run(
        train.Config(
            data=data / "out.jsonl",
            model=str(home / "untrained/model"),
            optimizer="muon",
            learning_rate=5e-3,
            epochs=given.epochs,
            batch_size=8,
            max_length=640,
            mle_reduction="mean",
            seed=seed,
            output=home / "base",
        )
    )
    return data / "problems.jsonl", home / "base/model"


def scored(given: argparse.Namespace, arm: Arm, base: tuple[Path, Path], home: Path, seed: int) -> ScoreSummary:
    """Candidates of the base and their scores."""
    problems, model = base
    if arm.source == "new":
        config = designs.Config(n=given.candidate_rows, families=FAMILIES, seed=NEW_SEED + seed, output=home / "new")
        designs.run(config)
        problems = home / "new/problems.jsonl"
    drawn, draw = home / f"candidates-{arm.drawn}", arm.draw
    sample.run(
        sample.Config(
            data=problems,
            model=str(model),
            n=draw.n,
            beams=1 if draw.temperature else draw.n,
            temperature=draw.temperature,
            max_tokens=MAX_TOKENS,
            seed=seed,
            limit=given.candidate_rows,
            batch_size=96,
            output=drawn,
        )
    )
    return score.run(
        score.Config(
            completions=drawn,
            data=problems,
            rule=arm.rule,  # type: ignore[arg-type]  # argparse took it from the rules there are
            workers=given.workers,
            output=home / f"score-{arm.rows}",
        )
    )


def rankable(source: Path, target: Path) -> Path:
    """The rows that scoring can use, those with unequal scores, in a file for both arms."""
    rows = [row for row in read_samples(source) if len(set(row.scores)) > 1]
    if not rows:
        raise SystemExit(f"{source}: no row has candidates of different scores; draw more, or use another --rule")
    chunks = [jsonl.encode(row) for row in rows]
    if not target.exists() or target.read_bytes() != b"".join(chunks):
        jsonl.replace(target, chunks)
    return target


def trained(arm: Arm, loss: str, rows: Path, model: Path, seed: int) -> TrainSummary:
    """Go on from the base for the arm's number of steps."""
    batches = -(-len(read_samples(rows)) // BATCH)
    settings: dict[str, Any] = {"compare_weight": arm.weight, "compare_margin": arm.margin} if loss == "scoring" else {}
    return train.run(
        train.Config(
            data=rows,
            model=str(model),
            loss=loss,  # type: ignore[arg-type]
            learning_rate=arm.learning_rate,
            epochs=(arm.steps - 0.5) / batches,  # rounded up to whole steps
            batch_size=BATCH,
            max_length=640,
            mle_reduction="mean",
            seed=seed,
            output=rows.parent / (arm.scoring if loss == "scoring" else arm.direct),
            **settings,
        )
    )


def evaluated(given: argparse.Namespace, model: Path, home: Path, name: str, seed: int) -> EvaluateSummary:
    return evaluate.run(
        evaluate.Config(
            str(given.output / "problems/held_out.jsonl"),
            model=f"hf:{model}",
            n=given.n,
            temperature=f"{given.temperature:g}",
            max_tokens=MAX_TOKENS,
            batch_size=128,
            seed=seed,
            workers=given.workers,
            output=home / f"evaluate-t{given.temperature:g}-n{given.n}-{name}",
        )
    )


def rates(summary: EvaluateSummary) -> dict[str, float]:
    return {problem.id: problem.function / problem.n for problem in summary.by_problem}


def measure(given: argparse.Namespace, arm: Arm, seed: int) -> Outcome:
    """One arm on one seed, from the base to both evaluations."""
    home = given.output / f"seed{seed}"
    home.mkdir(parents=True, exist_ok=True)
    base = base_of(given, seed, home)
    score_summary = scored(given, arm, base, home, seed)
    rows = rankable(Path(score_summary.output), home / f"rows-{arm.rows}.jsonl")
    summaries = {loss: trained(arm, loss, rows, base[1], seed) for loss in ("mle", "scoring")}
    if (steps := {summary.steps for summary in summaries.values()}) != {arm.steps}:
        raise SystemExit(f"{home}: wanted {arm.steps} steps of both trainings, they took {sorted(steps)}")
    base_rates = rates(evaluated(given, base[1], home, "base", seed))
    direct = rates(evaluated(given, home / arm.direct / "model", home, arm.direct, seed))
    scoring = rates(evaluated(given, home / arm.scoring / "model", home, arm.scoring, seed))
    return Outcome(
        seed=seed,
        arm=arm.scoring.removeprefix("scoring-"),
        base_rate=fmean(base_rates.values()),
        direct_rate=fmean(direct.values()),
        scoring_rate=fmean(scoring.values()),
        rows=summaries["mle"].rows,
        candidates=score_summary.candidates,
        perfect_share=score_summary.perfect_share,
        steps=arm.steps,
        direct_tokens=summaries["mle"].tokens,
        scoring_tokens=summaries["scoring"].tokens,
        differences={i: scoring[i] - direct[i] for i in scoring},
    )


def interval(differences: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of the mean of [seeds, problems], both drawn anew (Owen 2007, pigeonhole bootstrap).

    It covers other seeds and other problems, and errs on the wide side.
    """
    rng = np.random.default_rng(seed)
    s, p = differences.shape
    means = [
        float(rng.multinomial(s, np.full(s, 1 / s)) @ differences @ rng.multinomial(p, np.full(p, 1 / p))) / (s * p)
        for _ in range(resamples)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def result(outcomes: Sequence[Outcome]) -> Result:
    """One arm over its seeds."""
    ids = sorted(outcomes[0].differences)
    matrix = np.array([[outcome.differences[i] for i in ids] for outcome in outcomes])
    low, high = interval(matrix)
    return Result(
        arm=outcomes[0].arm,
        base_rate=fmean(o.base_rate for o in outcomes),
        direct_rate=fmean(o.direct_rate for o in outcomes),
        scoring_rate=fmean(o.scoring_rate for o in outcomes),
        difference=float(matrix.mean()),
        low=low,
        high=high,
        p=sign_flip_test([float(d) for d in matrix.mean(axis=0)]),
        by_seed=tuple(float(d) for d in matrix.mean(axis=1)),
        tokens_ratio=sum(o.scoring_tokens for o in outcomes) / max(1, sum(o.direct_tokens for o in outcomes)),
    )


def table(results: Sequence[Result], given: argparse.Namespace) -> str:
    """Markdown, the largest difference first."""
    lines = [
        f"{given.problems} held-out problems, n = {given.n}, temperature {given.temperature:g}; "
        f"seeds {' '.join(map(str, given.seeds))}. Rates in percent; difference = scoring - direct, in points.",
        "",
        "| arm | base | direct | scoring | difference (95 % over seeds and problems) | p | by seed | tokens |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in sorted(results, key=lambda r: -r.difference):
        by_seed = " ".join(f"{100 * d:+.1f}" for d in r.by_seed)
        lines.append(
            f"| {r.arm} | {100 * r.base_rate:.1f} | {100 * r.direct_rate:.1f} | {100 * r.scoring_rate:.1f} "
            f"| {100 * r.difference:+.1f} ({100 * r.low:+.1f} to {100 * r.high:+.1f}) | {r.p:.4f} | {by_seed} "
            f"| {r.tokens_ratio:.1f} x |"
        )
    notes = """
p: paired sign-flip test over problems, each problem's difference averaged over the seeds; it speaks of these seeds.
tokens: what scoring saw, of what direct saw, in the same number of optimizer steps."""
    return "\n".join([*lines, notes])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("runs/feedback"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of data, weights, order and sampling")
    parser.add_argument("--bases", type=Path, nargs="*", default=[], help="folders with data/ and mle/, as a demo's")
    parser.add_argument("--size", default="small", choices=["nano", "small", "medium"], help="of a base made here")
    parser.add_argument("--rows", type=int, default=6000, help="rows the base is trained on")
    parser.add_argument("--epochs", type=float, default=4.0, help="of the base's training")
    parser.add_argument("--candidate-rows", type=int, default=640, help="rows for which candidates are drawn")
    parser.add_argument("--problems", type=int, default=400, help="held-out problems")
    parser.add_argument("--n", type=int, default=2, help="completions of each")
    parser.add_argument("--temperature", type=float, default=0.2, help="of these completions")
    parser.add_argument("--workers", type=int, default=2, help="simulations at a time")
    parser.add_argument("--source", nargs="+", default=["trained"], choices=["trained", "new"], help="of rows")
    parser.add_argument("--draw", type=parse_draw, nargs="+", default=[parse_draw("beam3")], metavar="beamN|tTxN")
    parser.add_argument("--rule", nargs="+", default=["function"], choices=["syntax", "function"])
    parser.add_argument("--weight", type=float, nargs="+", default=[0.1], help="of the ranking loss")
    parser.add_argument("--margin", type=float, nargs="+", default=[0.3], help="lambda of the ranking loss")
    parser.add_argument("--learning-rate", type=float, nargs="+", default=[3e-4])
    parser.add_argument("--steps", type=int, nargs="+", default=[150], help=f"optimizer steps of {BATCH} rows")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    grid = itertools.product(
        given.source, given.draw, given.rule, given.weight, given.margin, given.learning_rate, given.steps
    )
    arms = [Arm(*values) for values in grid]
    designs.run(
        designs.Config(
            n=1, held_out=given.problems, families=FAMILIES, seed=EVALUATION_SEED, output=given.output / "problems"
        )
    )
    outcomes: dict[str, list[Outcome]] = {}
    for seed, arm in itertools.product(given.seeds, arms):
        outcome = measure(given, arm, seed)
        progress.note(
            f"seed {seed}, {outcome.arm}: base {outcome.base_rate:.3f}, direct {outcome.direct_rate:.3f}, "
            f"scoring {outcome.scoring_rate:.3f}"
        )
        outcomes.setdefault(outcome.arm, []).append(outcome)
    results = [result(of_arm) for of_arm in outcomes.values()]
    text = table(results, given)
    jsonl.write(given.output / "results.jsonl", results)
    jsonl.replace(given.output / "table.md", [text.encode() + b"\n"])
    print(text)


if __name__ == "__main__":
    main()

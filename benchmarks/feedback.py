r"""Does training on scores beat direct training at equal steps? Measured over several seeds, with intervals.

    python benchmarks/feedback.py --output runs/feedback --seeds 0 1 2
    python benchmarks/feedback.py --output runs/feedback --bases runs/demo --weight 0.1 1 --draw beam3 t0.8x4
    python benchmarks/feedback.py --output runs/unverified --seeds 1 2 3 --wrong 0.4 --wrong-references 0.4 \
        --source new --draw t1x4 --margin 0.05 --score-margin 0.5 --equal-tokens

For each seed: circuits -> a small model, trained on them by maximum likelihood (the base) -> candidates that the base
draws for some of the circuits -> their scores. From there the base goes on for the same number of optimizer steps, on
the same rows, in the same batches' size, once by maximum likelihood of the references alone ("direct") and once by that
plus the ranking of the candidates ("scoring"). Both answer the same held-out circuits, whose parameters are in no
training row of any seed; what is compared is the share of completions that pass their testbench.

Unverified data: --wrong gives a share of the base's rows a small fault, --wrong-references a share of the references of
the rows after it, which are then scored as candidates are. Direct training on the right ones alone is measured as well.

--source, --draw, --rule, --wrong-references, --weight, --margin, --score-margin, --learning-rate and --steps take
several values, and every combination is an arm. With many arms the best one looks better than it is: choose on some
seeds, and measure the chosen one on others.

Every step is a run folder of the package under --output: the same command again goes on where it stopped, and more
seeds or values only add to what is there. Equal steps are not equal work: an arm with K candidates a row sees K times
the tokens, which the table tells; with --equal-tokens direct training also goes on until it has seen as many.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from rtlscribe import jsonl, progress
from rtlscribe.cli.demo import FAMILIES
from rtlscribe.metrics import RESAMPLES, sign_flip_test
from rtlscribe.records import Completion, Record, Sample
from rtlscribe.samples import read_samples
from rtlscribe.stages import designs, evaluate, new_model, sample, score, train
from rtlscribe.summaries import ScoreSummary, TrainSummary
from rtlscribe.verilog.mutate import Mutant, mutants

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
    wrong_references: float
    weight: float
    margin: float
    score_margin: float
    learning_rate: float
    steps: int

    @property
    def drawn(self) -> str:
        return f"{'new-' if self.source == 'new' else ''}{self.draw.name}"

    @property
    def rows(self) -> str:
        return f"{self.drawn}-{self.rule}{f'-wrong{self.wrong_references:g}' if self.wrong_references else ''}"

    @property
    def direct(self) -> str:
        """The folder of direct training on the same rows: weight and margins play no part in it."""
        return f"direct-{self.rows}-r{self.learning_rate:g}-s{self.steps}"

    @property
    def scoring(self) -> str:
        margins = f"m{self.margin:g}-d{self.score_margin:g}"
        return f"scoring-{self.rows}-w{self.weight:g}-{margins}-r{self.learning_rate:g}-s{self.steps}"


Against = Literal["direct", "direct, equal tokens", "direct, right references"]


class Outcome(Record):
    """What one arm came to on one seed. Rates are shares of completions that pass; work is tokens of one pass."""

    seed: int
    arm: str
    temperature: float
    against: Against
    base_rate: float
    direct_rate: float
    scoring_rate: float
    direct_tokens: int
    scoring_tokens: int
    differences: dict[str, float]  # by problem: scoring less direct


class Result(Record):
    """One arm over all seeds: the mean difference with its 95 % interval over seeds and problems, and a p-value."""

    arm: str
    temperature: float
    against: Against
    problems: int
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


def wrong(rows: Iterable[Sample], share: float, seed: int) -> Iterator[Sample]:
    """The rows, a share of them with a small change of function in their code, as unverified data has it."""
    for number, row in enumerate(rows):
        chance = random.Random(f"wrong {seed} {number}")
        changed: list[Mutant] = []
        if chance.random() < share:
            top = row.verilog.split("module ", 1)[1].split("(")[0].strip()
            changed = mutants(row.verilog, top=top, n=1, seed=chance.getrandbits(32))
        yield msgspec.structs.replace(row, verilog=changed[0].code) if changed else row


def written(rows: Iterable[Record], path: Path) -> Path:
    """Rows in a file, which is left alone where it holds them already."""
    chunks = [jsonl.encode(row) for row in rows]
    if not path.exists() or path.read_bytes() != b"".join(chunks):
        jsonl.replace(path, chunks)
    return path


def base_of(given: argparse.Namespace, seed: int, home: Path) -> tuple[Path, Path]:
    """Problems to draw candidates for, and the base model: given ones, or data and a base made for this seed."""
    if given.bases:
        folder = given.bases[given.seeds.index(seed) % len(given.bases)]
        return folder / "data/problems.jsonl", folder / "mle/model"
    data = home / "data"
    designs.run(designs.Config(n=given.rows, families=tuple(given.families), wording="plain", seed=seed, output=data))
    rows = data / "out.jsonl"
    if given.wrong:
        rows = written(wrong(read_samples(rows), given.wrong, seed), home / f"data-wrong{given.wrong:g}.jsonl")
    new_model.run(new_model.Config(data=rows, size=given.size, seed=seed, output=home / "untrained"))
    train.run(
        train.Config(
            data=rows,
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
    """Candidates of the base and their scores; with wrong references, these are among the candidates."""
    problems, model = base
    if arm.source == "new":
        families, new = tuple(given.families), home / "new"
        designs.run(
            designs.Config(n=given.candidate_rows, families=families, wording="plain", seed=NEW_SEED + seed, output=new)
        )
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
    completions = drawn / "out.jsonl"
    if arm.wrong_references:
        said = [jsonl.decode(text, Completion, path=completions, line=n) for n, text in jsonl.lines(completions)]
        codes = references(problems, arm, seed)
        more = (msgspec.structs.replace(c, index=draw.n, text=codes[c.problem_id]) for c in said if c.index == 0)
        completions = written([*said, *more], home / f"candidates-{arm.rows}.jsonl")
    return score.run(
        score.Config(
            completions=completions,
            data=problems,
            rule=arm.rule,  # type: ignore[arg-type]  # argparse took it from the rules there are
            workers=given.workers,
            output=home / f"score-{arm.rows}",
        )
    )


def references(problems: Path, arm: Arm, seed: int) -> dict[str, str]:
    """By problem: the reference that is trained on, right or wrong."""
    rows = read_samples(problems.with_name("out.jsonl"))
    return {row.id: row.verilog for row in wrong(rows, arm.wrong_references, seed)}


def with_reference(row: Sample, code: str) -> Sample:
    """The row with one of its candidates for a reference, in place of the right one."""
    places = [k for k, text in enumerate(row.responses) if text.strip() == code.strip()]
    if places[0] == row.reference:
        return row
    kept = [k for k in range(len(row.responses)) if k != row.reference]
    return msgspec.structs.replace(
        row,
        verilog=code,
        responses=tuple(row.responses[k] for k in kept),
        scores=tuple(row.scores[k] for k in kept),
        reference=kept.index(places[0]),
    )


def rankable(source: Path, codes: dict[str, str], target: Path) -> Path:
    """The rows that scoring can use, those with unequal scores, in a file for both arms. `codes`: their references."""
    rows = [with_reference(row, codes[row.id]) for row in read_samples(source)]
    rows = [row for row in rows if len(set(row.scores)) > 1]
    if not rows:
        raise SystemExit(f"{source}: no row has candidates of different scores; draw more, or use another --rule")
    return written(rows, target)


def trained(arm: Arm, loss: str, rows: Path, model: Path, seed: int, *, name: str = "") -> tuple[str, TrainSummary]:
    """Go on from the base for the arm's number of steps: the name of the folder, and what came out."""
    name += arm.scoring if loss == "scoring" else arm.direct
    batches = -(-len(read_samples(rows)) // BATCH)
    settings: dict[str, Any] = {}
    if loss == "scoring":
        settings = {"compare_weight": arm.weight, "compare_margin": arm.margin, "score_margin": arm.score_margin}
    summary = train.run(
        train.Config(
            data=rows,
            model=str(model),
            loss=loss,  # type: ignore[arg-type]
            learning_rate=arm.learning_rate,
            epochs=(arm.steps - 0.5) / batches,  # rounded up to whole steps
            batch_size=BATCH,
            max_length=640,
            mle_reduction="mean",
            split_group=8,  # faster, and the same result
            seed=seed,
            output=rows.parent / name,
            **settings,
        )
    )
    assert summary  # one process
    if summary.steps != arm.steps:
        raise SystemExit(f"{rows.parent / name}: wanted {arm.steps} steps, it took {summary.steps}")
    return name, summary


def rates(given: argparse.Namespace, model: Path, place: Path, temperature: float, seed: int) -> dict[str, float]:
    """By problem: the share of a model's completions that pass. `place` is the run folder, but for the sampling."""
    summary = evaluate.run(
        evaluate.Config(
            str(given.output / "problems/held_out.jsonl"),
            model=f"hf:{model}",
            n=given.n,
            temperature=f"{temperature:g}",
            max_tokens=MAX_TOKENS,
            batch_size=128,
            seed=seed,
            workers=given.workers,
            output=place.with_name(f"evaluate-t{temperature:g}-n{given.n}-{place.name}"),
        )
    )
    return {problem.id: problem.function / problem.n for problem in summary.by_problem}


def measure(given: argparse.Namespace, arm: Arm, seed: int) -> Iterator[Outcome]:
    """One arm on one seed, from the base to the evaluations."""
    home = given.output / f"seed{seed}"
    home.mkdir(parents=True, exist_ok=True)
    base = base_of(given, seed, home)
    problems = home / "new/problems.jsonl" if arm.source == "new" else base[0]
    scores = Path(scored(given, arm, base, home, seed).output)
    rows = rankable(scores, references(problems, arm, seed), home / f"rows-{arm.rows}.jsonl")
    scoring, scoring_summary = trained(arm, "scoring", rows, base[1], seed)
    others: dict[Against, tuple[str, TrainSummary]] = {"direct": trained(arm, "mle", rows, base[1], seed)}
    if arm.wrong_references:
        right = [row for row in read_samples(rows) if row.scores[row.reference] == 1]
        right_rows = written(right, home / f"rows-{arm.rows}-right.jsonl")
        others["direct, right references"] = trained(arm, "mle", right_rows, base[1], seed, name="right-")
    if given.equal_tokens:
        longer = arm._replace(steps=round(arm.steps * scoring_summary.tokens / others["direct"][1].tokens))
        others["direct, equal tokens"] = trained(longer, "mle", rows, base[1], seed)
    for temperature in given.temperature:
        base_rates = rates(given, base[1], home / "base", temperature, seed)
        ours = rates(given, home / scoring / "model", home / scoring, temperature, seed)
        for against, (direct, summary) in others.items():
            theirs = rates(given, home / direct / "model", home / direct, temperature, seed)
            yield Outcome(
                seed=seed,
                arm=arm.scoring.removeprefix("scoring-"),
                temperature=temperature,
                against=against,
                base_rate=fmean(base_rates.values()),
                direct_rate=fmean(theirs.values()),
                scoring_rate=fmean(ours.values()),
                direct_tokens=summary.tokens,
                scoring_tokens=scoring_summary.tokens,
                differences={i: ours[i] - theirs[i] for i in ours},
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
        temperature=outcomes[0].temperature,
        against=outcomes[0].against,
        problems=len(ids),
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
        f"{results[0].problems} held-out problems, n = {given.n}; seeds {' '.join(map(str, given.seeds))}. "
        "Rates in percent at temperature T; difference = scoring - direct, in points (95 % interval over seeds "
        "and problems).",
        "",
        "| arm | T | against | base | direct | scoring | difference (95 %) | p | by seed | tokens |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in sorted(results, key=lambda r: -r.difference):
        base, direct, scoring = (f"{100 * rate:.1f}" for rate in (r.base_rate, r.direct_rate, r.scoring_rate))
        by_seed = " ".join(f"{100 * d:+.1f}" for d in r.by_seed)
        lines.append(
            f"| {r.arm} | {r.temperature:g} | {r.against} | {base} | {direct} | {scoring} "
            f"| {100 * r.difference:+.1f} ({100 * r.low:+.1f} to {100 * r.high:+.1f}) | {r.p:.4f} | {by_seed} "
            f"| {r.tokens_ratio:.1f} x |"
        )
    notes = """
p: paired sign-flip test over problems, each problem's difference averaged over the seeds; it speaks of these seeds.
against: direct as many steps on the same rows; until it has seen as many tokens; as many steps on the right ones alone.
tokens: what scoring saw, of what direct saw."""
    return "\n".join([*lines, notes])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("runs/feedback"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of data, weights, order and sampling")
    parser.add_argument("--bases", type=Path, nargs="*", default=[], help="folders with data/ and mle/, as a demo's")
    parser.add_argument("--families", nargs="+", default=FAMILIES, metavar="NAME", help="of circuits")
    parser.add_argument("--size", default="small", choices=["nano", "small", "medium"], help="of a base made here")
    parser.add_argument("--rows", type=int, default=6000, help="rows the base is trained on")
    parser.add_argument("--wrong", type=float, default=0.0, metavar="SHARE", help="of these rows, given a small fault")
    parser.add_argument("--epochs", type=float, default=4.0, help="of the base's training")
    parser.add_argument("--candidate-rows", type=int, default=640, help="rows for which candidates are drawn")
    parser.add_argument("--problems", type=int, default=400, help="held-out problems at most")
    parser.add_argument("--n", type=int, default=2, help="completions of each")
    parser.add_argument("--temperature", type=float, nargs="+", default=[0.2, 0.8], help="of these completions")
    parser.add_argument("--equal-tokens", action="store_true", help="let direct also see as many tokens as scoring")
    parser.add_argument("--workers", type=int, default=2, help="simulations at a time")
    parser.add_argument("--source", nargs="+", default=["trained"], choices=["trained", "new"], help="of rows")
    parser.add_argument("--draw", type=parse_draw, nargs="+", default=[parse_draw("beam3")], metavar="beamN|tTxN")
    parser.add_argument("--rule", nargs="+", default=["function"], choices=["syntax", "function"])
    parser.add_argument("--wrong-references", type=float, nargs="+", default=[0.0], metavar="SHARE")
    parser.add_argument("--weight", type=float, nargs="+", default=[0.1], help="of the ranking loss")
    parser.add_argument("--margin", type=float, nargs="+", default=[0.3], help="lambda of the ranking loss")
    parser.add_argument("--score-margin", type=float, nargs="+", default=[0.0], help="rank scores further apart only")
    parser.add_argument("--learning-rate", type=float, nargs="+", default=[3e-4])
    parser.add_argument("--steps", type=int, nargs="+", default=[150], help=f"optimizer steps of {BATCH} rows")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    grid = itertools.product(*(getattr(given, name) for name in Arm._fields))
    arms = [Arm(*values) for values in grid]
    designs.run(
        designs.Config(
            n=1,
            held_out=given.problems,
            families=tuple(given.families),
            wording="plain",
            seed=EVALUATION_SEED,
            output=given.output / "problems",
        )
    )
    outcomes: dict[tuple[str, float, Against], list[Outcome]] = {}
    for seed, arm in itertools.product(given.seeds, arms):
        for o in measure(given, arm, seed):
            progress.note(
                f"seed {seed}, {o.arm}, T {o.temperature:g}, {o.against}: base {o.base_rate:.3f}, "
                f"direct {o.direct_rate:.3f}, scoring {o.scoring_rate:.3f}"
            )
            outcomes.setdefault((o.arm, o.temperature, o.against), []).append(o)
    results = [result(of_arm) for of_arm in outcomes.values()]
    text = table(results, given)
    jsonl.write(given.output / "results.jsonl", results)
    jsonl.replace(given.output / "table.md", [text.encode() + b"\n"])
    print(text)


if __name__ == "__main__":
    main()

"""How often the answer that most others agree with is right, and what it costs to find out.

    python benchmarks/verify.py --circuits 300 [--answers 8] [--shares 0.25,0.5,0.75] [--workers 2]
    python benchmarks/verify.py --root VERILOGEVAL --samples SAMPLES.jsonl [--without PROBLEM,...]
    python benchmarks/verify.py --rows runs/verified/out.jsonl --problems runs/designs/problems.jsonl

With circuits of designs/: among answers that say the reference in other words, wrong ones are planted at several
shares. They are drawn from the mistakes that each family knows and from mutants; all of them fail the family's
testbench by the strict rule.
With a file of samples of VerilogEval v1 Human: answers of a real model, judged by the benchmark's testbenches.
With rows that `data verify` kept of the answers of `data designs --answers`: no more than how often their references
pass the testbenches of the problems.

Reported, for several agreements asked for: rows kept, and how many of these have a right consensus; wrong answers that
were put together with a right one (false agreement); answers and rows a second, with the strict checker's time for the
same answers beside it.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from telling import Telling

from rtlscribe import jsonl
from rtlscribe.benchmarks.base import load_problems
from rtlscribe.benchmarks.completions import read_completions
from rtlscribe.checkers.agreement import Agreement
from rtlscribe.checkers.behaviour import STEPS, Behaviours, candidate_of
from rtlscribe.checkers.iverilog import IverilogChecker
from rtlscribe.designs.generate import generate
from rtlscribe.executors.base import Item, Value, open_executor
from rtlscribe.metrics import wilson_interval
from rtlscribe.records import Candidate, Problem
from rtlscribe.samples import stream_samples
from rtlscribe.verilog.mutate import mutants
from rtlscribe.verilog.reword import reworded

TIMEOUT_S = 30.0
AGREEMENTS = (0.25, 0.5, 0.75, 1.0)
FEWEST_VOTES = 2
COSTED_ROWS = 60


class Pool(NamedTuple):
    """A problem with answers whose verdicts are known: by code, whether it passes."""

    problem: Problem
    passes: dict[str, bool]
    answers: tuple[str, ...] = ()  # those of a real model, in order


class Row(NamedTuple):
    """A problem with the answers that are compared."""

    pool: Pool
    answers: tuple[str, ...]
    right: frozenset[str] = frozenset()  # of those answers without a verdict


def planted(circuits: int, *, seed: int, mutants_each: int) -> Iterator[tuple[Problem, list[str]]]:
    """Problems and answers, the reference first. No verdict is known yet."""
    found = generate(split="train", seed=seed, levels=("normal", "verbose"))
    for worded in itertools.islice(found, circuits):
        design = worded.design
        changed = mutants(design.reference, top=design.name, n=mutants_each, seed=seed)
        yield worded.problem(), [design.reference, *design.mutants(), *(mutant.code for mutant in changed)]


def judged(
    work: Sequence[tuple[Problem, list[str]]], checker: IverilogChecker, workers: int
) -> tuple[list[Pool], float]:
    """The strict verdict on each answer, and the seconds of all of them together."""

    def judge(item: tuple[Problem, list[str]]) -> Pool:
        problem, codes = item
        verdicts = {}
        for code in dict.fromkeys(codes):
            candidate = Candidate(problem_id=problem.id, index=0, code=code, assembly="modules")
            verdicts[code] = checker.check(candidate, problem, timeout_s=TIMEOUT_S).status == "passed"
        return Pool(problem, verdicts, tuple(codes))

    begun = time.monotonic()
    pools = _all(judge, work, workers)
    return pools, time.monotonic() - begun


def compared(rows: Sequence[Row], behaviours: Behaviours, workers: int) -> tuple[list[tuple[Row, Agreement]], float]:
    """The answers of each row compared, and the seconds of all rows together."""

    def compare(row: Row) -> tuple[Row, Agreement]:
        problem = row.pool.problem
        answers = [
            Candidate(problem_id=problem.id, index=index, code=code, assembly="modules")
            for index, code in enumerate(row.answers)
        ]
        return row, behaviours.compare(problem, answers)

    begun = time.monotonic()
    found = _all(compare, rows, workers)
    return found, time.monotonic() - begun


def _all(function: Callable[[Item], Value], items: Iterable[Item], workers: int) -> list[Value]:
    """The values in the order in which they come."""
    values = []
    for result in open_executor("pool").map(function, items, workers=workers):
        if result.error or result.value is None:
            raise SystemExit(str(result.error))
        values.append(result.value)
    return values


def drawn(pool: Pool, share: float, answers: int, seed: int) -> Row | None:
    """`answers` answers of which a share is wrong, in an order of chance; None if no wrong one is known.

    The right ones are the reference in other words.
    """
    wrong = [code for code, passes in pool.passes.items() if not passes]
    if not wrong:
        return None
    rng = random.Random(f"{seed} {pool.problem.id} {share}")
    bad = round(answers * share)
    chosen = [rng.choice(wrong) for _ in range(bad)]
    right = [reworded(pool.problem.reference, seed=f"{seed} {number}") for number in range(answers - bad)]
    chosen += right
    rng.shuffle(chosen)
    return Row(pool, tuple(chosen), frozenset(right))


def cost(rows: Sequence[Row], behaviours: Behaviours, checker: IverilogChecker) -> str:
    """The same answers compared, and each judged by the strict rule on its problem's testbench, row by row in turn."""
    ours = theirs = answers = 0.0
    for row in rows:
        problem, codes = row.pool.problem, list(dict.fromkeys(row.answers))
        candidates = [Candidate(problem_id=problem.id, index=0, code=code, assembly="modules") for code in codes]
        checker.build(problem, timeout_s=TIMEOUT_S)  # once a problem, whatever the number of its answers
        begun = time.perf_counter()
        behaviours.compare(problem, candidates)
        between = time.perf_counter()
        for candidate in candidates:
            checker.check(candidate, problem, timeout_s=TIMEOUT_S)
        ours, theirs = ours + between - begun, theirs + time.perf_counter() - between
        answers += len(codes)
    return (
        f"One at a time, {answers:.0f} answers: {ours / answers * 1e3:.1f} ms each to compare, "
        f"{theirs / answers * 1e3:.1f} ms for a strict verdict; ratio {ours / theirs:.2f}."
    )


def is_right(row: Row, code: str) -> bool:
    return row.pool.passes.get(code, code in row.right)


def report(tell: Telling, name: str, found: Sequence[tuple[Row, Agreement]], seconds: float) -> None:
    """The numbers of one setting."""
    votes = sum(len(agreement.answers) for _, agreement in found)
    texts = sum(len({answer.code for answer in agreement.answers}) for _, agreement in found)
    right = sum(is_right(row, code) for row, _ in found for code in row.answers)
    tell(
        f"\n{name}: {len(found)} rows, {votes} answers ({right / votes:.1%} right), {texts} different texts; "
        f"{seconds:.1f} s, {len(found) / seconds:.1f} rows/s, {seconds / texts * 1e3:.1f} ms a text."
    )
    merged = together = parted = 0
    for row, agreement in found:
        good = {a.behaviour for a in agreement.answers if a.behaviour is not None and is_right(row, a.code)}
        parted += len(good) > 1
        wrong = [a for a in agreement.answers if a.status == "passed" and not is_right(row, a.code)]
        together += len(wrong)
        merged += sum(a.behaviour in good for a in wrong)
    blind = sum(a.consensus is None for _, a in found)
    tell(
        f"Wrong answers put together with a right one: {merged} of {together} ({merged / max(1, together):.2%}). "
        f"Rows whose right answers are not all together: {parted}; rows without any behaviour: {blind}.\n"
    )
    kept = {least: [(row, a) for row, a in found if _is_kept(a, least)] for least in AGREEMENTS}
    table(
        tell,
        {
            least: [is_right(row, a.answers[a.consensus].code) for row, a in rows if a.consensus is not None]
            for least, rows in kept.items()
        },
        of=len(found),
    )


def table(tell: Telling, right: dict[float, list[bool]], *, of: int) -> None:
    """By the agreement that was asked for, the rows that are kept and the share of right ones among them."""
    tell("| agreement asked for | rows kept | consensus right | 95 % interval |\n|---:|---:|---:|---:|")
    for least, verdicts in right.items():
        if verdicts:
            share = sum(verdicts) / len(verdicts)
            low, high = wilson_interval(share, len(verdicts))
            tell(
                f"| {least:g} | {len(verdicts):,} ({len(verdicts) / of:.0%}) | {share:.2%} | {low:.2%} to {high:.2%} |"
            )


def _is_kept(agreement: Agreement, least: float) -> bool:
    if agreement.consensus is None:
        return False
    chosen = agreement.answers[agreement.consensus]
    return agreement.votes(chosen.behaviour) >= FEWEST_VOTES and chosen.agreement >= least


def with_circuits(given: argparse.Namespace, tell: Telling) -> None:
    checker, behaviours = IverilogChecker(), Behaviours(steps=given.steps)
    work = list(planted(given.circuits, seed=given.seed, mutants_each=given.mutants))
    pools, seconds = judged(work, checker, given.workers)
    count = sum(len(pool.passes) for pool in pools)
    unfit = [pool.problem.id for pool in pools if not pool.passes[pool.problem.reference]]
    wrong = sum(not passes for pool in pools for passes in pool.passes.values())
    tell(
        f"{len(pools)} circuits, {count} answers, {wrong} of them wrong; "
        f"strict checker {seconds / count * 1e3:.1f} ms each."
    )
    if unfit:
        tell(f"references that do not pass: {unfit}")
    told = ""
    for share in (float(text) for text in given.shares.split(",")):
        rows = [row for pool in pools if (row := drawn(pool, share, given.answers, given.seed))]
        if not told:
            told = cost(rows[:COSTED_ROWS], behaviours, checker)
            tell(told)
        report(tell, f"{share:.0%} wrong", *compared(rows, behaviours, given.workers))


def with_samples(given: argparse.Namespace, tell: Telling) -> None:
    problems = {p.id: p for p in load_problems("verilogeval-human", root=given.root)}
    left_out = given.without.split(",")
    texts: dict[str, list[str]] = {}
    for completion in read_completions(given.samples, list(problems.values())):
        if completion.problem_id not in left_out and len(texts.get(completion.problem_id, [])) < given.answers:
            code = candidate_of(completion.text, problems[completion.problem_id], index=completion.index).code
            texts.setdefault(completion.problem_id, []).append(code)
    work = [(problems[name], codes) for name, codes in texts.items()]
    pools, seconds = judged(work, IverilogChecker(), given.workers)
    count = sum(len(pool.passes) for pool in pools)
    tell(f"{len(pools)} problems, {count} different answers; strict checker {seconds / count * 1e3:.1f} ms each.")
    rows = [Row(pool, pool.answers) for pool in pools]
    found, seconds = compared(rows, Behaviours(steps=given.steps), given.workers)
    report(tell, given.samples.name, found, seconds)
    if given.verbose:
        _explain(found, tell)


def with_rows(given: argparse.Namespace, tell: Telling) -> None:
    """How often the references of verified rows are right."""
    checker = IverilogChecker()
    rows = {sample.id: sample for sample in stream_samples(given.rows)}

    def right(problem: Problem) -> tuple[str, bool]:
        candidate = Candidate(problem_id=problem.id, index=0, code=rows[problem.id].verilog, assembly="modules")
        return problem.id, checker.check(candidate, problem, timeout_s=TIMEOUT_S).status == "passed"

    wanted = (problem for problem in jsonl.read(given.problems, Problem) if problem.id in rows)
    verdicts = dict(_all(right, wanted, given.workers))
    if verdicts.keys() != rows.keys():
        raise SystemExit(f"{given.problems} does not have the problems of {given.rows}")
    kept = {least: [n for n, row in rows.items() if row.scores[row.reference or 0] >= least] for least in AGREEMENTS}
    table(tell, {least: [verdicts[name] for name in names] for least, names in kept.items()}, of=len(rows))
    if given.verbose:
        tell("wrong:", *(name for name, passes in verdicts.items() if not passes))


def _explain(found: Sequence[tuple[Row, Agreement]], tell: Telling) -> None:
    """Where right answers are parted, and where the consensus is wrong."""
    for row, agreement in found:
        tell(row.pool.problem.id, agreement.clocks, agreement.resets, agreement.samples)
        for answer in agreement.answers:
            right = "right" if is_right(row, answer.code) else "wrong"
            tell("   ", right, answer.status, answer.behaviour, answer.unknown_only, answer.detail[:100])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--circuits", type=int, default=300)
    parser.add_argument("--answers", type=int, default=8, help="answers a row")
    parser.add_argument("--shares", default="0.25,0.5,0.75", help="shares of wrong answers")
    parser.add_argument("--mutants", type=int, default=6, help="mutants a circuit, besides the known mistakes")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--root", type=Path, help="a checkout of VerilogEval, release/1.0.0")
    parser.add_argument("--samples", type=Path)
    parser.add_argument("--rows", type=Path, help="the out.jsonl of `data verify`")
    parser.add_argument("--problems", type=Path, help="their problems, with testbenches")
    parser.add_argument("--without", default="", help="problems to leave out, with commas")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--write", action="store_true", help="keep the result in results/verify.md")
    given = parser.parse_args()
    tell = Telling()
    tell(f"{given.workers} workers, {given.steps} steps of stimulus.\n")
    for wanted, measure, section in (
        (given.rows, with_rows, "Rows of a run"),
        (given.samples, with_samples, "Answers of a model"),
        (True, with_circuits, "Circuits with planted mistakes"),
    ):
        if wanted:
            measure(given, tell)
            if given.write:
                tell.keep("verify", section)
            return


if __name__ == "__main__":
    main()

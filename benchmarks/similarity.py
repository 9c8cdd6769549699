"""Rouge-L and the search by it, against google's rouge-score and against comparing everything, measured here.

    python benchmarks/similarity.py DATA.jsonl... [--sizes 12500,25000,50000,100000] [--against BENCHMARK[=DIR] ...]
                                    [--write]

Four measurements, each with both sides in one run and on one core (CPU seconds, so that other work counts less):
- a matrix of scores: rouge-score and `rouge_l_matrix`, which have to agree to 1e-12
- a pool without near-duplicates, of real instructions with words changed and spliced: `Pool` and rapidfuzz's cdist of
  each new text with all that are in the pool, in blocks and on lists of numbers. The smallest size is done by both, and
  they have to take the same texts; beyond it cdist is timed at points on the way, and its time between them follows
  from the number of pairs
- memory that a pool of each size takes
- decontamination: 27,000 such rows against the problems given, by the command's own function, in wall seconds
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist
from rouge_score.rouge_scorer import RougeScorer
from telling import Telling

from rtlscribe import jsonl
from rtlscribe.records import Sample
from rtlscribe.samples import read_problems
from rtlscribe.similarity import Pool, rouge_l_matrix, tokens
from rtlscribe.stages import decontaminate

POINTS = 20  # at which brute force is timed
BLOCK = 128  # texts that brute force compares at once
TIMED = 32  # texts of the blocks that are timed
ROWS = 27_000
ROUNDS = 5


class Grown(NamedTuple):
    """A pool of one size: texts offered and taken, CPU seconds of both sides, and bytes that our side takes."""

    offered: int
    taken: int
    ours_s: float
    brute_s: float
    bytes: int


def changed(rows: Sequence[tuple[str, str]], seed: int) -> Iterator[tuple[str, str]]:
    """Pairs of real texts without end: spliced in half of the cases, and 0 to 60 % of the words others, a fifth new."""
    draw = random.Random(seed)
    split = [(text.split(), code.split()) for text, code in rows]
    every = [[word for row in split for word in row[part]] for part in range(2)]
    while True:
        one, other = draw.choice(split), draw.choice(split)
        share, spliced = draw.uniform(0, 0.6), draw.random() < 0.5
        made = []
        for part in range(2):
            words = one[part]
            if spliced:
                words = words[: int(len(words) * draw.uniform(0.2, 0.8))]
                words = words + other[part][int(len(other[part]) * draw.uniform(0.2, 0.8)) :]
            new = (f"sig_{draw.randrange(10**6)}" if draw.random() < 0.2 else draw.choice(every[part]) for _ in words)
            made.append(" ".join(n if draw.random() < share else w for w, n in zip(words, new, strict=True)))
        yield made[0], made[1]


def matrix(texts: Sequence[str], pairs: int) -> str:
    """Pairs a second of both sides."""
    side = int(pairs**0.5)
    few = texts[:side]
    peer = RougeScorer(["rougeL"])
    some = texts[:1000]
    ratios, speeds = [], []
    for _ in range(ROUNDS):  # in turn, since the machine's speed changes with its other work
        begun = time.process_time()
        theirs = np.array([[peer.score(a, b)["rougeL"].fmeasure for b in few] for a in few])
        slow = side * side / (time.process_time() - begun)
        assert np.abs(theirs - rouge_l_matrix(few, few)).max() < 1e-12
        begun = time.process_time()
        rouge_l_matrix(some, texts)
        fast = len(some) * len(texts) / (time.process_time() - begun)
        ratios.append(fast / slow)
        speeds.append((slow, fast))
    slow, fast = (statistics.median(side) for side in zip(*speeds, strict=True))
    spread = f"{min(ratios):,.0f} to {max(ratios):,.0f}"
    return f"| scores a second, one core | {slow:,.0f} | {fast:,.0f} | {statistics.median(ratios):,.0f} x ({spread}) |"


class Brute:
    """The same pool by comparing with everything, in blocks; decides for the first block only where asked to."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}
        self.held: list[list[int]] = []

    def ids(self, text: str) -> list[int]:
        return [self.words.setdefault(word, len(self.words)) for word in tokens(text)]

    def near(self, block: Sequence[list[int]], held: Sequence[list[int]]) -> np.ndarray:
        """The Rouge-L of each of a block with each that is held."""
        common = cdist(block, held, scorer=LCSseq.similarity, dtype=np.int32, workers=1)
        lengths = np.array([len(a) for a in block])[:, None] + np.array([len(b) for b in held])
        return 2.0 * common / np.maximum(lengths, 1)

    def whole(self, texts: Sequence[str], threshold: float) -> list[int]:
        """The numbers of the texts that are taken."""
        taken: list[int] = []
        for start in range(0, len(texts), BLOCK):
            block = [self.ids(text) for text in texts[start : start + BLOCK]]
            before = self.near(block, self.held).max(axis=1) if self.held else np.zeros(len(block))
            inside = self.near(block, block)
            own: list[int] = []
            for place in range(len(block)):
                if before[place] <= threshold and all(inside[place, other] <= threshold for other in own):
                    own.append(place)
            self.held += [block[place] for place in own]
            taken += [start + place for place in own]
        return taken


def resident() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def smallest(texts: Sequence[str], threshold: float) -> Grown:
    """A pool by both sides, in full."""
    before = resident()
    begun = time.process_time()
    pool = Pool(threshold)
    ours = [number for number, text in enumerate(texts) if pool.add(text) is None]
    ours_s, size = time.process_time() - begun, resident() - before
    begun = time.process_time()
    assert Brute().whole(texts, threshold) == ours
    return Grown(len(texts), len(ours), ours_s, time.process_time() - begun, size)


def grow(texts: Iterator[str], sizes: Sequence[int], threshold: float) -> Iterator[Grown]:
    """One pool up to the largest size, reported at each."""
    pool, brute = Pool(threshold), Brute()
    ours_s = brute_s = 0.0
    before = resident()  # what brute force holds is counted apart, and taken off
    every = max(1, sizes[-1] // POINTS)
    rate, pairs = 0.0, 0
    kept = 0
    for offered in range(1, sizes[-1] + 1):
        text = next(texts)
        begun = time.process_time()
        near = pool.add(text)
        ours_s += time.process_time() - begun
        pairs += len(brute.held)
        if near is None:
            ids = brute.ids(text)
            kept += sys.getsizeof(ids)
            brute.held.append(ids)
        if offered % every == 0 or offered in sizes:
            begun = time.process_time()
            brute.near(brute.held[-TIMED:], brute.held)
            rate = (time.process_time() - begun) / (len(brute.held[-TIMED:]) * len(brute.held))
            brute_s, pairs = brute_s + rate * pairs, 0
        if offered in sizes:
            yield Grown(offered, len(pool), ours_s, brute_s, resident() - before - kept)


def command(rows: Iterator[tuple[str, str]], against: Sequence[str]) -> str:
    """The decontamination of many rows."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "rows.jsonl"
        made = itertools.islice(rows, ROWS)
        jsonl.write(data, (Sample(id=f"{n}", instruction=t, verilog=c) for n, (t, c) in enumerate(made)))
        told = []
        for workers in (1, 2):
            begun, used = time.monotonic(), time.process_time()
            config = decontaminate.Config(
                data=data, against=tuple(against), workers=workers, output=Path(folder) / f"run{workers}"
            )
            summary = decontaminate.run(config)
            used = time.process_time() - used
            told.append(f"{time.monotonic() - begun:.1f} s ({used:.1f} CPU s) with {workers} threads")
    return f"{summary.rows:,} rows against {summary.problems} problems ({summary.removed:,} removed): " + ", ".join(
        told
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="files of rows or problems, in any known form")
    parser.add_argument("--sizes", default="12500,25000,50000,100000")
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--pairs", type=int, default=900, help="of rouge-score, in each of five rounds")
    parser.add_argument("--against", nargs="*", default=[], help="what to decontaminate against")
    parser.add_argument("--write", action="store_true", help="keep the tables in results/similarity.md")
    given = parser.parse_args()
    tell = Telling()
    sizes = sorted(int(size) for size in given.sizes.split(","))
    rows = [(p.text, p.reference) for path in given.data for p in read_problems(path) if len(tokens(p.text)) > 20]
    tell(
        f"{len(rows):,} instructions of {np.median([len(tokens(text)) for text, _ in rows]):.0f} words in the middle\n"
    )
    tell("| | rouge-score | rtlscribe | |\n|---|---:|---:|---:|")
    tell(matrix([text for text, _ in rows], given.pairs))
    head = "| texts offered | taken | Pool, CPU s | cdist, CPU s | | growth of Pool | MiB |\n" + "|---:" * 7 + "|"
    tell(f"\nPool at Rouge-L {given.threshold:g}; the first row is in full by both\n\n{head}")
    source = (text for text, _ in changed(rows, 1))
    last: Grown | None = None
    first = smallest(list(itertools.islice((t for t, _ in changed(rows, 0)), min(5_000, sizes[0]))), given.threshold)
    for grown in itertools.chain([first], grow(source, sizes, given.threshold)):
        growth = ""
        if last and last is not first:
            exponent = np.log(grown.ours_s / last.ours_s) / np.log(grown.offered / last.offered)
            growth = f"n^{exponent:.2f}"
        tell(
            f"| {grown.offered:,} | {grown.taken:,} | {grown.ours_s:.1f} | {grown.brute_s:.0f} "
            f"| {grown.brute_s / grown.ours_s:.1f} x | {growth} | {grown.bytes / 2**20:.0f} |"
        )
        last = grown
    tell(
        f"\nFrom the second row on, cdist's time is extrapolated: {POINTS} blocks of {TIMED} texts on the way were "
        "timed, and the time between them follows from the number of pairs."
    )
    if given.against:
        tell(f"\n{command(changed(rows, 2), given.against)}")
    if given.write:
        tell.keep("similarity", "Rouge-L and search by it")


if __name__ == "__main__":
    main()

"""Rouge-L on token lists, equal to google's rouge-score with its default tokenizer. Does not read files."""

from __future__ import annotations

import re

from rapidfuzz.distance import LCSseq

_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


def tokens(text: str) -> list[str]:
    """Lower-case runs of letters and digits: rouge_score's default tokenizer without stemming."""
    return _NOT_A_WORD.sub(" ", text.lower()).split()


def rouge_l(target: str, prediction: str) -> float:
    """Rouge-L F-measure of two texts, in [0, 1]: the harmonic mean of LCS/|prediction| and LCS/|target| (Lin 2004)."""
    wanted, given = tokens(target), tokens(prediction)
    common = LCSseq.similarity(wanted, given)
    if not common:
        return 0.0
    precision, recall = common / len(given), common / len(wanted)
    return 2 * precision * recall / (precision + recall)

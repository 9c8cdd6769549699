"""Rouge-L on token lists, equal to google's rouge-score with its default tokenizer, and exact search by it.

`Index` finds the nearest of many texts, `Pool` takes in what is not near to anything it holds. Nothing is missed: upper
bounds decide what is left out, and whatever they leave is compared. Does not read files.

Of texts of m and n tokens with a longest common subsequence of l, precision is l/n, recall l/m, and their harmonic mean
2l/(m + n). So F > t asks for l > t(m + n)/2, and l is at most what the two have in common as bags of tokens, at most
min(m, n). A text that shares at least o of a query's m elements shares one with any m - o + 1 of them: only those that
the fewest texts hold are looked up (prefix filter: Chaudhuri, Ganti and Kaushik 2006, A Primitive Operator for
Similarity Joins in Data Cleaning). The k-th occurrence of a token is an element of its own, so that bags are sets.
"""

from __future__ import annotations

import math
import re
import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist

_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_UNKNOWN = 0  # the number of every word that no text of an index holds; it is in none
_OCCURRENCE = 1 << 32  # an element is number of the word + _OCCURRENCE * how often it came before
_BAND = math.log(1.5)  # texts whose lengths differ by less than a half are looked up together
_MORE = 20  # elements looked up beyond the fewest possible: each asks for one more in common, and most texts fail that
_FIRST = 16  # texts compared before the next bound is looked at
_FEW = 1000  # texts of an index up to which comparing with all of them is faster than bounds
_BLOCK = 1_000_000  # scores held at a time

Code = str | list[int]  # a text for rapidfuzz, which takes a letter and its number for the same


class Neighbour(NamedTuple):
    """The text of an index that is nearest, by its number in order of adding, and its Rouge-L."""

    number: int
    score: float


def tokens(text: str) -> list[str]:
    """Lower-case runs of letters and digits: rouge_score's default tokenizer without stemming."""
    return _NOT_A_WORD.sub(" ", text.lower()).split()


def rouge_l(target: str, prediction: str) -> float:
    """Rouge-L F-measure of two texts, in [0, 1]: the harmonic mean of LCS/|prediction| and LCS/|target| (Lin 2004)."""
    wanted, given = tokens(target), tokens(prediction)
    return _f(LCSseq.similarity(wanted, given), len(wanted) + len(given))


def rouge_l_matrix(targets: Sequence[str], predictions: Sequence[str], *, workers: int = 1) -> NDArray[np.float64]:
    """Rouge-L of every target with every prediction, [targets, predictions]; `workers` are threads."""
    split = [tokens(text) for text in targets]
    words = _numbered(split)
    rows = [_Text([words[token] for token in row]) for row in split]
    columns = [_Text([words.get(token, _UNKNOWN) for token in tokens(text)]) for text in predictions]
    return _matrix(rows, columns, workers)


class _Text:
    """A text for rapidfuzz. What no other text can hold is only counted: a common subsequence leaves it out."""

    __slots__ = ("code", "length")

    def __init__(self, ids: list[int]) -> None:
        self.length = len(ids)
        self.code = _code([number for number in ids if number != _UNKNOWN] if _UNKNOWN in ids else ids)


class Index:
    """Texts that can be searched for the nearest one; grows, and forgets nothing."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        split = [tokens(text) for text in texts]
        self._words = _numbered(split)
        self._texts: list[_Text] = []
        self._bands: dict[int, _Band] = {}
        for words in split:
            self._add(words)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> int:
        """Take a text in. Returns its number."""
        return self._add(tokens(text))

    def nearest(self, text: str, *, above: float = 0.0) -> Neighbour | None:
        """The text with the highest Rouge-L, of several the first one; None where no Rouge-L is above `above`."""
        return self._nearest(tokens(text), above)

    def nearest_of_each(self, texts: Sequence[str], *, workers: int = 1) -> list[Neighbour | None]:
        """What `nearest` finds for each text above 0, faster than one by one; `workers` are threads."""
        if len(self) > _FEW:
            return [self.nearest(text) for text in texts]
        asked = [_Text([self._words.get(word, _UNKNOWN) for word in tokens(text)]) for text in texts]
        found: list[Neighbour | None] = []
        size = max(1, _BLOCK // max(1, len(self)))
        for start in range(0, len(asked) if self else 0, size):
            scores = _matrix(asked[start : start + size], self._texts, workers)
            first = scores.argmax(axis=1)
            tops = scores[np.arange(len(scores)), first]
            found += [Neighbour(n, s) if s > 0 else None for n, s in zip(first.tolist(), tops.tolist(), strict=True)]
        return found or [None] * len(texts)

    def _add(self, words: list[str]) -> int:
        ids = [_learn(self._words, word) for word in words]
        number = len(self._texts)
        self._texts.append(_Text(ids))
        if ids:  # a text without words is near to nothing
            self._bands.setdefault(_band(len(ids)), _Band()).add(number, ids)
        return number

    def _nearest(self, words: list[str], above: float) -> Neighbour | None:
        ids = [self._words.get(word, _UNKNOWN) for word in words]
        held = _elements(ids)
        found = [band.candidates(held, above=above) for band in self._bands.values()]
        numbers, lengths, bounds = (np.concatenate(parts) for parts in zip(_NONE, *found, strict=True))
        code, best = _Text(ids).code, None
        for some in _by_bound(numbers, bounds):
            if best and bounds[some[0]] < best.score:
                break
            others = [self._texts[number].code for number in numbers[some].tolist()]
            common = cdist([code], others, scorer=LCSseq.similarity, dtype=np.int32)[0]
            scores = 2.0 * common / (len(ids) + lengths[some])
            top = scores.max()
            if top > above and (best is None or top >= best.score):
                first = int(numbers[some][scores == top].min())
                tied = best is not None and best.score == top and best.number < first
                best = best if tied else Neighbour(first, float(top))
        return best


class Pool:
    """Texts of which no two have a Rouge-L above the threshold, in [0, 1], unless one was put there all the same."""

    def __init__(self, threshold: float, texts: Iterable[str] = ()) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold {threshold}: Rouge-L lies between 0 and 1")
        self.threshold = threshold
        self._index = Index(texts)

    def __len__(self) -> int:
        return len(self._index)

    def add(self, text: str) -> Neighbour | None:
        """Take a text in if it is near to nothing here: None. Else the nearest text here, and the pool stays as it is.

        Texts that were taken in are numbered from 0, in order.
        """
        words = tokens(text)
        near = self._index._nearest(words, self.threshold)
        if near is None:
            self._index._add(words)
        return near

    def put(self, text: str) -> int:
        """Take a text in without looking, such as one that is given and not to be doubted. Returns its number."""
        return self._index.add(text)

    def nearest(self, text: str) -> Neighbour | None:
        """The nearest text with a Rouge-L above the threshold; None if there is none."""
        return self._index.nearest(text, above=self.threshold)


class _Band:
    """Texts of like length, and for each element the places here of the texts that hold it."""

    def __init__(self) -> None:
        self.numbers = array("q")
        self.lengths = array("q")
        self.places: dict[int, array[int]] = {}
        self.shortest, self.longest = sys.maxsize, 0

    def add(self, number: int, ids: list[int]) -> None:
        place, length = len(self.numbers), len(ids)
        self.numbers.append(number)
        self.lengths.append(length)
        self.shortest, self.longest = min(self.shortest, length), max(self.longest, length)
        for element in _elements(ids):
            if element in self.places:
                self.places[element].append(place)
            else:
                self.places[element] = array("i", (place,))

    def candidates(self, elements: list[int], *, above: float) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Numbers, lengths and bounds of all texts here whose Rouge-L with a query may be above `above`."""
        m = len(elements)
        least = _least_common(m + self.shortest, above)
        if least > min(m, self.longest):
            return _NONE
        held = sorted(filter(None, map(self.places.get, elements)), key=len)
        if least > len(held):
            return _NONE
        looked_up = min(len(held) - least + 1 + _MORE, len(held))
        left = len(held) - looked_up
        counts = np.bincount(np.frombuffer(b"".join(held[:looked_up]), np.int32), minlength=len(self.numbers))
        hit = np.flatnonzero(counts >= max(1, least - left))
        lengths = np.frombuffer(self.lengths, np.int64)[hit]
        bounds = 2.0 * np.minimum(counts[hit] + left, lengths) / (m + lengths)
        kept = bounds > above
        return np.frombuffer(self.numbers, np.int64)[hit][kept], lengths[kept], bounds[kept]


_NONE = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64)


def _f(common: int, both: int) -> float:
    """2l/(m + n); rounded once, so that it grows with l, which the bounds stand on."""
    return 2.0 * common / both if both else 0.0


def _least_common(both: int, above: float) -> int:
    """The fewest common tokens, at least one, with which two texts of `both` tokens together are above a Rouge-L."""
    common = max(1, int(above * both / 2) - 1)
    while _f(common, both) <= above:
        common += 1
    return common


def _matrix(rows: Sequence[_Text], columns: Sequence[_Text], workers: int) -> NDArray[np.float64]:
    row_codes, column_codes = ([text.code for text in texts] for texts in (rows, columns))
    common = cdist(row_codes, column_codes, scorer=LCSseq.similarity, dtype=np.int32, workers=workers)
    m, n = (np.array([text.length for text in texts], np.int64) for texts in (rows, columns))
    scores: NDArray[np.float64] = 2.0 * common / np.maximum(m[:, None] + n[None, :], 1)
    return scores


def _numbered(texts: Sequence[Sequence[str]]) -> dict[str, int]:
    """Words with numbers from 1, the frequent ones first: rapidfuzz looks letters below 256 up faster."""
    counter = Counter(word for words in texts for word in words)
    return {word: number for number, (word, _) in enumerate(counter.most_common(), 1)}


def _learn(words: dict[str, int], word: str) -> int:
    return words.setdefault(word, len(words) + 1)


def _code(ids: list[int]) -> Code:
    """A text of letters where there are letters enough: rapidfuzz compares these several times faster than lists."""
    return "".join(map(chr, ids)) if max(ids, default=0) <= sys.maxunicode else ids


def _band(length: int) -> int:
    return int(math.log(length) / _BAND)


def _elements(ids: list[int]) -> list[int]:
    return [word + _OCCURRENCE * before for word, count in Counter(ids).items() for before in range(count)]


def _by_bound(numbers: NDArray[Any], bounds: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Places of candidates in parts that grow, the highest bounds first."""
    order = np.lexsort((numbers, -bounds))
    start, size = 0, _FIRST
    while start < len(order):
        yield order[start : start + size]
        start, size = start + size, size * 2

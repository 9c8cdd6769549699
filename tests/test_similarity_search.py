"""Search by Rouge-L against comparing everything with everything: nothing above the threshold is missed."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlscribe.samples import read_samples
from rtlscribe.similarity import Index, Neighbour, Pool, rouge_l, rouge_l_matrix

THRESHOLDS = (0.0, 0.1, 0.5, 0.7, 0.9, 1.0)


def brute(text: str, held: list[str], above: float) -> Neighbour | None:
    """The first of the nearest, by Rouge-L of each pair."""
    scores = [rouge_l(other, text) for other in held]
    top = max(scores, default=0.0)
    return Neighbour(scores.index(top), top) if top > above else None


def perturbed(texts: list[str], count: int, seed: int) -> Iterator[str]:
    """Texts with words changed, left out, put in and moved, or two of them spliced; some as they were."""
    draw = random.Random(seed)
    words = [text.split() for text in texts]
    every = [word for some in words for word in some]
    for _ in range(count):
        own = list(draw.choice(words))
        if draw.random() < 0.4:
            other = draw.choice(words)
            own = own[: draw.randrange(len(own) + 1)] + other[draw.randrange(len(other) + 1) :]
        for _ in range(int(len(own) * draw.choice((0, 0, 0.05, 0.2, 0.5)))):
            place = draw.randrange(len(own)) if own else 0
            act = draw.randrange(4)
            if act == 0 and own:
                own[place] = draw.choice([*every, f"sig{draw.randrange(10**6)}"])
            elif act == 1 and own:
                del own[place]
            elif act == 2:
                own.insert(place, draw.choice(every))
            elif own:
                own.insert(draw.randrange(len(own)), own.pop(place))
        yield " ".join(own)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """3,000 texts of few or many words in common, from short to long."""
    draw = random.Random(1)
    zipf = [f"w{int(draw.paretovariate(0.9))}" for _ in range(20_000)]
    seeds = [" ".join(draw.choices(zipf, k=draw.choice((1, 2, 5, 20, 40, 80, 120)))) for _ in range(150)]
    return [*perturbed(seeds, 2990, 2), "", "!?", "a", "a a", "a a a b", *["w1 " * k for k in (1, 10, 60, 61, 100)]]


@pytest.fixture(scope="module")
def scores(texts: list[str]) -> np.ndarray:
    """Of every text with every text; checked against single pairs below, and those against rouge-score elsewhere."""
    return rouge_l_matrix(texts, texts)


def test_the_matrix_is_the_scores_of_the_pairs(texts: list[str], scores: np.ndarray) -> None:
    draw = random.Random(3)
    pairs = [(draw.randrange(len(texts)), draw.randrange(len(texts))) for _ in range(3000)]
    assert [scores[i, j] for i, j in pairs] == [rouge_l(texts[i], texts[j]) for i, j in pairs]
    assert (rouge_l_matrix(texts[:40], texts, workers=2) == scores[:40]).all()
    assert rouge_l_matrix([], ["a"]).shape == (0, 1)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_pool_is_the_one_that_comparing_with_all_gives(
    texts: list[str], scores: np.ndarray, threshold: float
) -> None:
    pool = Pool(threshold)
    held: list[int] = []
    for number, text in enumerate(texts):
        against = scores[held, number]
        top = against.max() if held else 0.0
        expected = Neighbour(int(against.argmax()), float(top)) if top > threshold else None
        assert pool.nearest(text) == expected
        assert pool.add(text) == expected
        if expected is None:
            held.append(number)
    assert len(pool) == len(held)
    assert 10 < len(held) < len(texts) or threshold == 1


@pytest.mark.parametrize("above", THRESHOLDS)
def test_an_index_finds_the_first_of_the_nearest(texts: list[str], scores: np.ndarray, above: float) -> None:
    index = Index(texts[:1200])
    for number in range(1000, 1600):
        column = scores[:1200, number]
        top = column.max()
        expected = Neighbour(int(column.argmax()), float(top)) if top > above else None
        assert index.nearest(texts[number], above=above) == expected


@pytest.mark.parametrize("size", [0, 1, 300, 1000, 1001, 1300])  # compared with all up to 1,000, by bounds beyond
def test_each_of_many(texts: list[str], scores: np.ndarray, size: int) -> None:
    index, asked = Index(texts[:size]), texts[1250:1400] + texts[-10:]
    numbers = [*range(1250, 1400), *range(len(texts) - 10, len(texts))]
    columns = [scores[:size, number] for number in numbers]
    expected = [Neighbour(int(c.argmax()), float(c.max())) if size and c.max() > 0 else None for c in columns]
    assert index.nearest_of_each(asked) == expected
    assert [index.nearest(text) for text in asked] == expected


WORDS = st.lists(st.sampled_from(["a", "b", "c", "begin", "end", "7"]), max_size=30).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=12), WORDS, st.sampled_from(THRESHOLDS) | st.floats(0, 1))
def test_any_texts_and_threshold(held: list[str], text: str, threshold: float) -> None:
    assert Index(held).nearest(text, above=threshold) == brute(text, held, threshold)
    pool, kept = Pool(threshold), []
    for other in [*held, text]:
        expected = brute(other, kept, threshold)
        assert pool.add(other) == expected
        kept += [other] if expected is None else []
    assert len(pool) == len(kept)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 40))
def test_at_the_threshold_itself_a_text_is_not_near(common: int, own: int, others: int) -> None:
    held = " ".join(f"c{k}" for k in range(common)) + " " + " ".join(f"a{k}" for k in range(others))
    text = " ".join(f"b{k}" for k in range(own)) + " " + " ".join(f"c{k}" for k in range(common))
    exactly = rouge_l(held, text)
    assert Index([held]).nearest(text, above=exactly) is None
    assert Index([held]).nearest(text, above=np.nextafter(exactly, 0)) == Neighbour(0, exactly)


def test_real_instructions(shared: Path) -> None:
    samples = read_samples(shared / "rtlcoder_small.jsonl")[:350]
    real = list(perturbed([s.instruction for s in samples], 700, 4))
    scores = rouge_l_matrix(real, real)
    for threshold in (0.5, 0.7):
        pool = Pool(threshold)
        kept: list[int] = []
        for number, text in enumerate(real):
            against = scores[kept, number] if kept else np.zeros(1)
            top = float(against.max())
            expected = Neighbour(int(against.argmax()), top) if top > threshold else None
            assert pool.add(text) == expected
            kept += [number] if expected is None else []
        assert 50 < len(kept) < 700


def test_what_is_put_there_is_not_doubted() -> None:
    pool = Pool(0.7, ["a b c d", "a b c d"])
    assert pool.put("a b c d e") == 2
    assert len(pool) == 3
    assert pool.add("a b c d") == Neighbour(0, 1.0)
    assert pool.add("x y") is None
    assert pool.nearest("x y") == Neighbour(3, 1.0)


def test_more_words_than_there_are_letters() -> None:
    many = " ".join(map(str, range(1_114_200)))
    matrix = rouge_l_matrix([many, "5 6 new"], ["5 6 new newer", "1 1114111 1114150 newest", "newer newest"])
    assert matrix[1].tolist() == [rouge_l("5 6 new", "5 6 new newer"), 0.0, 0.0]
    assert matrix[0].tolist() == [2 * 2 / 1_114_204, 2 * 3 / 1_114_204, 0.0]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_share(threshold: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Pool(threshold)

"""Rows to token ids: nothing is cut, what is left out is counted, and the same is not tokenised twice."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtlscribe.errors import UsageError
from rtlscribe.models.hf import load
from rtlscribe.prompts import Template
from rtlscribe.records import Sample
from rtlscribe.samples import read_samples
from rtlscribe.training.data import Dropped, Row, encode, told
from rtlscribe.training.tokens import Rows, cache_folder, encoded

TEMPLATE = Template("rtlcoder")


def scored(*scores: float, reference: int | None = 0) -> Sample:
    texts = tuple(f"module m{k}; endmodule" for k in range(len(scores)))
    return Sample(id="x", instruction="y", responses=texts, scores=scores, reference=reference)


def test_a_row_is_prompt_response_and_end(base: str, samples: list[Sample]) -> None:
    _, tokenizer = load(base)
    rows, dropped = encode(samples[:1], tokenizer, TEMPLATE, scoring=False, max_length=500)
    (row,) = rows
    assert dropped == Dropped()
    assert tokenizer.decode(row.prompt) == samples[0].instruction + "\n"
    assert tokenizer.decode(row.responses[0]) == samples[0].verilog + "<|end|>"


def test_long_rows_are_dropped_and_counted(base: str, samples: list[Sample]) -> None:
    _, tokenizer = load(base)
    long = Sample(id="long", instruction="a " * 400, verilog="module m; endmodule")
    rows, dropped = encode([*samples, long], tokenizer, TEMPLATE, scoring=False, max_length=200)
    assert (len(rows), dropped.too_long) == (len(samples), 1)
    with pytest.raises(UsageError, match="longer than --max-length 5 tokens"):
        encode(samples, tokenizer, TEMPLATE, scoring=False, max_length=5)


def test_prompts_over_their_share_are_dropped_and_counted(base: str, samples: list[Sample]) -> None:
    _, tokenizer = load(base)
    (row,), _ = encode(samples[:1], tokenizer, TEMPLATE, scoring=False, max_length=500)
    limits: dict[str, Any] = {"scoring": False, "max_length": 2 * len(row.prompt) + len(row.responses[0])}
    share = len(row.prompt) / limits["max_length"]
    for fraction, expected in ((share, 0), (share * 0.99, 1)):
        rows, dropped = encode(
            [samples[0], Sample(id="short", instruction="w", verilog="w")],
            tokenizer,
            TEMPLATE,
            max_prompt_fraction=fraction,
            **limits,
        )
        assert (len(rows), dropped) == (2 - expected, Dropped(prompt_too_long=expected))


def test_what_was_left_out_is_told() -> None:
    assert told(Dropped(), 10) == ""
    assert told(Dropped(too_long=1, nothing_to_rank=2), 10) == (
        "1 are longer than --max-length 10 tokens, 2 have candidates of one score only"
    )


def test_a_long_candidate_is_dropped_alone(base: str) -> None:
    _, tokenizer = load(base)
    short = scored(0.1, 0.5, 1.0, reference=2)
    texts = (short.responses[0] * 100, *short.responses[1:])
    sample = Sample(id="x", instruction="y", responses=texts, scores=short.scores, reference=2)
    (row,), _ = encode([sample], tokenizer, TEMPLATE, scoring=True, max_length=100)
    assert row.scores == [0.5, 1.0]
    assert row.reference == 1


@pytest.mark.parametrize(
    "sample",
    [scored(), scored(0.1, 1.0, reference=None), scored(0.1, 1.0, reference=2)],
    ids=["no responses", "no reference", "reference beyond the end"],
)
def test_scoring_wants_scores(base: str, sample: Sample) -> None:
    _, tokenizer = load(base)
    with pytest.raises(UsageError, match="rtlscribe score"):
        encode([sample], tokenizer, TEMPLATE, scoring=True, max_length=100)


def test_equal_scores_teach_nothing(base: str) -> None:
    _, tokenizer = load(base)
    rows, dropped = encode(
        [scored(1.0, 1.0), scored(0.5, 1.0, reference=1)], tokenizer, TEMPLATE, scoring=True, max_length=100
    )
    assert (len(rows), dropped.nothing_to_rank) == (1, 1)


def test_packed_rows_are_the_rows() -> None:
    rows = [Row([1, 2], [[3]], [1.0], 0), Row([], [[4, 5], [], [6]], [0.5, 0.0, 1.0], 2), Row([7], [[8]], [0.25], 0)]
    packed = Rows.of(rows)
    assert list(packed) == rows
    assert packed[1:] == rows[1:]
    assert len(packed) == 3
    with pytest.raises(IndexError):
        packed[3]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_folder()


def test_the_same_is_tokenised_once(base: str, samples: list[Sample], cache: Path) -> None:
    _, tokenizer = load(base)
    options: dict[str, Any] = {"scoring": False, "max_length": 200}
    samples = [*samples, Sample(id="long", instruction="a " * 400, verilog="module m; endmodule")]
    expected = encode(samples, tokenizer, TEMPLATE, **options)
    assert expected[1].too_long
    for _ in range(2):
        rows, dropped = encoded(samples, tokenizer, TEMPLATE, **options)
        assert (list(rows), dropped) == expected
    (file,) = cache.iterdir()
    with np.load(file) as found:
        arrays = dict(found)
    arrays["ids"] += 1  # to see that it is read
    np.savez(file, **arrays)
    assert encoded(samples, tokenizer, TEMPLATE, **options)[0][0].prompt == [i + 1 for i in expected[0][0].prompt]
    file.write_bytes(file.read_bytes()[:50])
    assert list(encoded(samples, tokenizer, TEMPLATE, **options)[0]) == expected[0]


def test_whatever_decides_the_ids_is_part_of_the_key(
    base: str, samples: list[Sample], cache: Path, tmp_path: Path
) -> None:
    _, tokenizer = load(base)
    (tmp_path / "other.jinja").write_text("Verilog for: {{ instruction }}")
    other = load(base)[1]
    other.add_tokens(["module"])
    last = Sample(id=samples[-1].id, instruction=samples[-1].instruction, verilog=samples[-1].verilog + " ")
    cases: list[tuple[Any, Any, Any, dict[str, Any]]] = [
        (samples, tokenizer, TEMPLATE, {}),
        (samples, tokenizer, Template(str(tmp_path / "other.jinja")), {}),
        (samples, other, TEMPLATE, {}),
        ([*samples[:-1], last], tokenizer, TEMPLATE, {}),
        (samples, tokenizer, TEMPLATE, {"max_length": 499}),
        (samples, tokenizer, TEMPLATE, {"max_prompt_fraction": 0.9}),
    ]
    for number, (what, by, template, options) in enumerate(cases, 1):
        options = {"scoring": False, "max_length": 500} | options
        rows, _ = encoded(what, by, template, **options)
        assert len(list(cache.iterdir())) == number
        assert list(rows) == encode(what, by, template, **options)[0]


def test_a_cache_that_cannot_be_written_is_no_error(base: str, samples: list[Sample], cache: Path) -> None:
    cache.parent.write_text("a file, where a folder is wanted")
    rows, _ = encoded(samples, load(base)[1], TEMPLATE, scoring=False, max_length=500)
    assert len(rows) == len(samples)


@pytest.mark.parametrize(("name", "scoring"), [("data_sample.json", False), ("scoring_data_sample.json", True)])
def test_the_published_files_load_as_they_are(base: str, shared: Path, name: str, scoring: bool) -> None:
    _, tokenizer = load(base)
    samples = read_samples(shared / name)
    rows, dropped = encode(samples, tokenizer, TEMPLATE, scoring=scoring, max_length=100_000)
    assert len(rows) + sum(dataclasses.astuple(dropped)) == len(samples)
    assert not dropped.too_long
    for row in rows:
        assert row.scores[row.reference] == 1.0
        assert (len(row.responses) > 1) == scoring

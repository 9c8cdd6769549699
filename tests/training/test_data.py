"""Rows to token ids: nothing is cut, what is left out is counted."""

import pytest

from rtlscribe.errors import UsageError
from rtlscribe.models.hf import load
from rtlscribe.prompts import Template
from rtlscribe.records import Sample
from rtlscribe.training.data import collate, encode
from rtlscribe.training.losses import IGNORED

TEMPLATE = Template("rtlcoder")


def scored(*scores: float, reference: int | None = 0) -> Sample:
    texts = tuple(f"module m{k}; endmodule" for k in range(len(scores)))
    return Sample(id="x", instruction="y", responses=texts, scores=scores, reference=reference)


def test_a_row_is_prompt_response_and_end(base: str, samples: list[Sample]) -> None:
    _, tokenizer = load(base)
    rows, dropped = encode(samples[:1], tokenizer, TEMPLATE, scoring=False, max_length=500)
    (row,) = rows
    assert dropped == (type(dropped)())
    assert tokenizer.decode(row.prompt) == samples[0].instruction + "\n"
    assert tokenizer.decode(row.responses[0]) == samples[0].verilog + "<|end|>"


def test_long_rows_are_dropped_and_counted(base: str, samples: list[Sample]) -> None:
    _, tokenizer = load(base)
    long = Sample(id="long", instruction="a " * 400, verilog="module m; endmodule")
    rows, dropped = encode([*samples, long], tokenizer, TEMPLATE, scoring=False, max_length=200)
    assert (len(rows), dropped.too_long) == (len(samples), 1)
    with pytest.raises(UsageError, match="longer than --max-length 5 tokens"):
        encode(samples, tokenizer, TEMPLATE, scoring=False, max_length=5)


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


def test_batches_are_padded_on_the_right_and_point_at_the_references(base: str) -> None:
    _, tokenizer = load(base)
    rows, _ = encode(
        [scored(0.5, 1.0, reference=1), scored(1.0, 0.1, 0.2, reference=0)],
        tokenizer,
        TEMPLATE,
        scoring=True,
        max_length=100,
    )
    batch = collate(rows, pad=0)
    assert batch["counts"].tolist() == [2, 3]
    assert batch["references"].tolist() == [1, 2]
    assert batch["scores"].tolist() == pytest.approx([0.5, 1.0, 1.0, 0.1, 0.2])
    for ids, mask, labels in zip(batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True):
        used = int(mask.sum())
        assert not ids[used:].any()
        assert (labels[used:] == IGNORED).all()
        response = labels[labels != IGNORED]
        assert response.tolist() == ids[used - len(response) : used].tolist()

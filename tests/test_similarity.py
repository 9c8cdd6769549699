"""Rouge-L against google's rouge-score, to 1e-12."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from rtlscribe.samples import read_samples
from rtlscribe.similarity import rouge_l, tokens

PEER = RougeScorer(["rougeL"])


def peer(target: str, prediction: str) -> float:
    return float(PEER.score(target, prediction)["rougeL"].fmeasure)


TEXTS = [
    "",
    " \n",
    "!?",
    "a",
    "b",
    "a b c d",
    "d c b a",
    "A, b; C: d",
    "a_b a-b",
    "größe 漢字 naïve İstanbul",
    "module m(input [7:0] a, output y); assign y = ^a; endmodule",
    "module m(input [3:0] a, output reg y); always @* y = &a; endmodule",
]


@pytest.mark.parametrize("target", TEXTS)
@pytest.mark.parametrize("prediction", TEXTS)
def test_equal_on_the_corners(target: str, prediction: str) -> None:
    assert rouge_l(target, prediction) == pytest.approx(peer(target, prediction), abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_equal_on_any_text(target: str, prediction: str) -> None:
    assert rouge_l(target, prediction) == pytest.approx(peer(target, prediction), abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(*[st.lists(st.sampled_from(["a", "b", "begin", "end"]), max_size=40).map(" ".join)] * 2)
def test_equal_where_much_is_common(target: str, prediction: str) -> None:
    assert rouge_l(target, prediction) == pytest.approx(peer(target, prediction), abs=1e-12)


def test_equal_on_real_code(shared: Path) -> None:
    for sample in read_samples(shared / "scoring_data_sample.json")[:4]:
        for response in sample.responses:
            pair = sample.verilog[:1500], response[:1500]
            assert rouge_l(*pair) == pytest.approx(peer(*pair), abs=1e-12)


@pytest.mark.parametrize(
    ("target", "prediction", "value"),
    [("a b c d", "a b c d", 1.0), ("a b c d", "a b", 2 / 3), ("a b c d", "d c b a", 0.25), ("a b", "c d", 0.0)],
)
def test_known_values(target: str, prediction: str, value: float) -> None:
    assert rouge_l(target, prediction) == pytest.approx(value)


def test_tokens() -> None:
    assert tokens("Assign y_1 = 8'hFF; // ok") == ["assign", "y", "1", "8", "hff", "ok"]

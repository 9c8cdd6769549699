"""The text of `data stats`: every number of the summary is on it."""

from rtlscribe.report.statistics import statistics
from rtlscribe.summaries import Lengths, StatsSummary

LENGTHS = Lengths(mean=11.8, p5=2, median=14, p95=15, longest=1500, total=59)


def test_all_is_told() -> None:
    summary = StatsSummary(
        output="o/duplicates.jsonl",
        data="rows.jsonl",
        rows=1005,
        with_code=8,
        with_scores=3,
        instruction_words=LENGTHS,
        code_words=LENGTHS,
        code_lines=LENGTHS,
        compiles=6,
        same_instruction=21,
        same_code=22,
        near=0.7,
        near_duplicates=23,
        origins={f"family {n}": 100 - n for n in range(15)} | {"": 1},
        provenance={"licence": {"mit": 1005}},
        code_tokens=LENGTHS,
    )
    text = statistics(summary)
    for words in (
        "rows.jsonl: 1,005 rows, 8 with code, 3 with scored",
        "6, 75.0%",
        "1,500",
        "word for word: 21",
        "(Rouge-L > 0.7): 23",
        "code there before: 22",
        "      100  family 0",
        "      262  in 4 more",
        "    1,005  mit",
        "o/duplicates.jsonl",
    ):
        assert words in text
    assert [line.split(",")[0] for line in text.splitlines()].count("code") == 3  # words, tokens, lines
    assert "instruction, tokens" not in text


def test_what_nobody_looked_for_is_not_told() -> None:
    nothing = Lengths(mean=0.0, p5=0, median=0, p95=0, longest=0, total=0)
    summary = StatsSummary(
        output="o",
        data="d",
        rows=1,
        with_code=0,
        with_scores=0,
        instruction_words=nothing,
        code_words=nothing,
        code_lines=nothing,
        compiles=None,
        same_instruction=0,
        same_code=0,
        near=0.7,
        near_duplicates=None,
        origins={"": 1},
    )
    text = statistics(summary)
    assert "compiles" not in text
    assert "Rouge-L" not in text
    assert "        1  not stated" in text

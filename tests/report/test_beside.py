"""Published figures beside a run's own: on their benchmark alone, marked as published, and adding up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rtlscribe.records import Status
from rtlscribe.report import paper

Outcomes = dict[str, list[Status]]

# accu: three of five compile and one passes; fsm: all compile, none passes; mux: none compiles; new: not in the paper
RTLLM: Outcomes = {
    "accu": ["passed", "failed", "timeout", "syntax_error", "no_code"],
    "fsm": ["failed"] * 5,
    "mux": ["syntax_error"] * 5,
    "new": ["passed"] * 5,
}


def test_rows_of_the_papers_table_3_add_up_to_its_totals() -> None:
    """But for two columns, where the paper's own total is one less than its rows; the report says so."""
    assert len(paper.TABLE_3) == paper.DESIGNS
    off = {"StarCoder": 1, "RTLCoder": 1}
    for place, total in enumerate(paper.TABLE_3_TOTALS):
        syntax = sum(row.syntax[place] > 0 for row in paper.TABLE_3)
        assert syntax == total.syntax + off.get(total.model, 0)
        if place < 4:
            assert sum(row.function[place] == "y" for row in paper.TABLE_3) == total.function
            assert all((row.function[place] == "-") == (row.syntax[place] == 0) for row in paper.TABLE_3)


def test_the_papers_tables_2_and_3_agree() -> None:
    rows = {row.model: row for row in paper.TABLE_2}
    for total in paper.TABLE_3_TOTALS:
        assert rows[total.model].syntax == pytest.approx(100 * total.syntax / paper.DESIGNS, abs=0.05)
        assert rows[total.model].function == pytest.approx(100 * total.function / paper.DESIGNS, abs=0.05)


@pytest.mark.parametrize(
    ("benchmark", "published"),
    [
        ("verilogeval-human", ["RTLCoder 7B", "31.7", "published"]),
        ("verilogeval-machine", ["Codegen2 16B", "4.90", "published"]),
        ("rtllm-1.0", ["GPT-4", "86.7", "50.0", "published"]),
        ("rtllm-2.0", ["Zephyr 7B", "43.3", "6.67", "published"]),
    ],
)
def test_table_2_stands_beside_runs_on_its_benchmarks(
    tmp_path: Path, evaluate_run: Callable, outline: Callable, benchmark: str, published: list[str]
) -> None:
    found = outline(evaluate_run(tmp_path / "mine", RTLLM, benchmark=benchmark))
    assert published in found.published
    own = [
        row
        for row in found.rows
        if row[0] == "mine" and row[-1] == "measured here: strict/parser-based/0.2, n 5, problems 4"
    ]
    assert own == [["mine", "30.0", own[0][-1]] if benchmark.startswith("v") else ["mine", "75.0", "50.0", own[0][-1]]]
    assert own[0] not in found.published
    assert (
        "published and not measured here: Liu et al. 2023, RTLCoder, arXiv 2312.08617 version 1, Table 2" in found.page
    )
    assert ("of version 1.0, where these runs are of 2.0" in found.page) == (benchmark == "rtllm-2.0")


@pytest.mark.parametrize("benchmark", ["held-out", "verilogeval2-spec", "mine/rtllm-1.1.jsonl"])
def test_nothing_is_published_on_other_benchmarks(
    tmp_path: Path, evaluate_run: Callable, outline: Callable, benchmark: str
) -> None:
    found = outline(evaluate_run(tmp_path / "mine", RTLLM, benchmark=benchmark))
    assert "Beside published figures" not in found.page
    assert 'class="published"' not in found.page


def test_the_best_setting_by_the_official_rule_stands_there_too(
    tmp_path: Path, evaluate_run: Callable, outline: Callable
) -> None:
    others = {
        ("official", "official", 0.2): {i: ["failed"] * 5 for i in RTLLM},
        ("official", "header-aware", 0.2): {i: ["passed"] * 5 for i in RTLLM},
    }
    rows = outline(evaluate_run(tmp_path / "mine", RTLLM, others=others, benchmark="verilogeval-human")).rows
    assert [row for row in rows if row[0] == "mine" and row[-1].endswith(", n 5, problems 4")] == [
        ["mine", "30.0", "measured here: strict/parser-based/0.2, n 5, problems 4"],
        ["mine", "100.0", "measured here: official/header-aware/0.2, n 5, problems 4"],
    ]


def test_too_few_completions_for_any_of_five(tmp_path: Path, evaluate_run: Callable, outline: Callable) -> None:
    rows = outline(evaluate_run(tmp_path / "mine", {"accu": ["passed"] * 4}, benchmark="rtllm-1.1")).rows
    assert ["mine", "–", "–", "measured here: strict/parser-based/0.2, n 4, problems 1"] in rows


def test_table_3_of_a_run_on_rtllm(tmp_path: Path, evaluate_run: Callable, outline: Callable) -> None:
    runs = [evaluate_run(tmp_path / name, RTLLM, benchmark="rtllm-1.0") for name in ("one", "other")]
    found = outline(*runs)
    theirs = [f"{t.model}: {kind}, published" for t in paper.TABLE_3_TOTALS for kind in ("syntax", "function")]
    head = ["Design", "one: syntax", "one: function", "other: syntax", "other: function", *theirs]
    assert head in found.rows
    after = {row[0]: row[1:] for row in found.rows[found.rows.index(head) + 1 :] if len(row) == len(head)}
    published = ["4/5", "✓", "5/5", "✓", "0/5", "–", "0/5", "–", "4/5", ""]
    assert after["accu"] == ["3/5", "✓", "3/5", "✓", *published]
    assert after["fsm"] == ["5/5", "✗", "5/5", "✗", "5/5", "✗", "5/5", "✗", "5/5", "✗", "0/5", "–", "5/5", ""]
    assert after["mux"][:4] == ["0/5", "–", "0/5", "–"]
    assert after["new"] == ["5/5", "✓", "5/5", "✓", *[""] * 10]
    assert after["Success"][:6] == ["3/4", "2/4", "3/4", "2/4", "19/30", "10/30"]
    assert after["Success %"][:6] == ["75.0", "50.0", "75.0", "50.0", "63.3", "33.3"]
    assert (
        "9 by the rows and 8 by the total for StarCoder; 26 by the rows and 25 by the total for RTLCoder" in found.page
    )


def test_table_3_of_another_version_has_the_runs_alone(
    tmp_path: Path, evaluate_run: Callable, outline: Callable
) -> None:
    found = outline(evaluate_run(tmp_path / "mine", RTLLM, benchmark="rtllm-2.0"))
    assert ["accu", "3/5", "✓"] in found.rows
    assert ["Success", "3/4", "2/4"] in found.rows

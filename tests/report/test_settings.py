"""Runs of several settings on the page: what rule, assembly and temperature are worth, refused passes, errata."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtlscribe.records import Sampling, Status
from rtlscribe.summaries import Aided, Corrected, Rate

Outcomes = dict[str, list[Status]]

MIDDLE: Outcomes = {"a": ["passed", "passed"], "b": ["passed", "failed"]}  # 75 %
LOW: Outcomes = {"a": ["passed", "failed"], "b": ["failed", "no_code"]}  # 25 %
ALL: Outcomes = {"a": ["passed", "passed"], "b": ["passed", "passed"]}
NONE: Outcomes = {"a": ["syntax_error", "syntax_error"], "b": ["syntax_error", "syntax_error"]}

WAY = ("strict", "header-aware", 0.8)
OTHERS: dict[tuple[str, str, float], Outcomes] = {
    ("strict", "header-aware", 0.2): LOW,
    ("strict", "official", 0.8): NONE,
    ("official", "header-aware", 0.8): ALL,
    ("official", "official", 0.8): NONE,
}


@pytest.fixture
def several(tmp_path: Path, evaluate_run: Callable[..., Path]) -> Callable[..., Path]:
    """A run of five settings, whose headline is not the first temperature."""

    def write(**changes: Any) -> Path:
        return evaluate_run(tmp_path / "several", MIDDLE, way=WAY, others=OTHERS, refused=1, **changes)

    return write


def test_each_assembly_and_rule_is_set_against_the_headline(several: Callable, outline: Callable) -> None:
    found = outline(several())
    assert ["Assembly", "strict rule", "official rule"] in found.rows
    assert ["header-aware", "75.0 (headline)", "100.0 (+25.0)"] in found.rows
    assert ["official", "0.0 (-75.0)", "0.0 (-75.0)"] in found.rows
    assert "what each assembly and each rule is worth on the same completions (temperature 0.8)" in found.page


def test_repair_and_choice_have_rows_of_their_own(several: Callable, make_setting: Callable, outline: Callable) -> None:
    helped = make_setting(WAY, ALL)
    rows = outline(several(aided=(Aided(how="repair 2", setting=helped),))).rows
    assert ["several", "repair 2", "0.8", "100.0 [34.2, 100.0]", "100.0 [34.2, 100.0]", "+25.0"] in rows


def test_a_setting_that_was_not_asked_for_is_left_open(
    tmp_path: Path, evaluate_run: Callable, outline: Callable
) -> None:
    others = {("strict", "official", 0.8): NONE, ("official", "header-aware", 0.8): ALL}
    rows = outline(evaluate_run(tmp_path / "three", MIDDLE, way=WAY, others=others)).rows
    assert ["official", "0.0 (-75.0)", "–"] in rows


def test_temperatures_with_the_best_marked(several: Callable, outline: Callable) -> None:
    rows = outline(several(best_pass_at={"1": 0.75})).rows
    assert ["0.8 (best)", "100.0 [34.2, 100.0]", "75.0 [19.8, 97.3]", "75.0"] in rows
    assert ["0.2", "75.0 [19.8, 97.3]", "25.0 [2.7, 80.2]", "25.0"] in rows
    assert ["best for each k", "", "", "75.0"] in rows


def test_every_setting(several: Callable, outline: Callable) -> None:
    rows = outline(several()).rows
    assert ["Setting", "Completions", "Syntax %", "Function %", "Points", "pass@1 %", "Refused"] in rows
    assert ["strict/header-aware/0.8", "4", "100.0", "75.0", "headline", "75.0", "–"] in rows
    assert ["strict/header-aware/0.2", "4", "75.0", "25.0", "-50.0", "25.0", "–"] in rows
    assert ["official/header-aware/0.8", "4", "100.0", "100.0", "+25.0", "100.0", "1"] in rows


def test_refused_passes(several: Callable, outline: Callable) -> None:
    page = outline(several()).page
    sentence = "several, assembly header-aware: of 4 passes by the benchmark&#39;s own rule the strict rule refuses 1."
    assert sentence in page
    assert page.count("the strict rule refuses") == 1 + 1  # and the caption; without passes none is refused


def test_refused_passes_of_a_run_by_the_official_rule_alone(
    tmp_path: Path, evaluate_run: Callable, outline: Callable
) -> None:
    way = ("official", "parser-based", 0.2)
    page = outline(evaluate_run(tmp_path / "run", ALL, way=way)).page
    assert "of 4 passes by the benchmark&#39;s own rule the strict rule refuses none." in page
    assert "What each setting is worth" not in page


def test_a_run_of_one_setting_has_no_such_tables(tmp_path: Path, evaluate_run: Callable, outline: Callable) -> None:
    page = outline(evaluate_run(tmp_path / "one", MIDDLE)).page
    for words in ("What each setting is worth", "every setting", "Without faulty problems", "refuses"):
        assert words not in page


def test_published_and_corrected(tmp_path: Path, evaluate_run: Callable, outline: Callable) -> None:
    whole = Rate(rate=1.0, low=0.2, high=1.0)
    fixed = Corrected(errata="faults.jsonl", excluded=("b",), syntax=whole, function=whole, pass_at={"1": 1.0})
    found = outline(evaluate_run(tmp_path / "run", MIDDLE, corrected=fixed))
    assert ["run: as published", "2", "100.0 [34.2, 100.0]", "75.0 [19.8, 97.3]", "75.0"] in found.rows
    assert ["run: corrected", "1", "100.0 [20.0, 100.0]", "100.0 [20.0, 100.0]", "100.0"] in found.rows
    assert "faults.jsonl leaves out b." in found.page


def test_completions_drawn_elsewhere(tmp_path: Path, evaluate_run: Callable, outline: Callable) -> None:
    elsewhere = evaluate_run(tmp_path / "run", MIDDLE, model="", samples="data/said.jsonl", sampling=Sampling(n=9))
    found = outline(elsewhere, evaluate_run(tmp_path / "here", MIDDLE))
    how = "run answered 2 problems of tiny-set, 2 completions a problem (4 a model), drawn elsewhere (said.jsonl), "
    assert how in found.page
    assert "not measured under the same settings (where completions were drawn, n, " in found.page


def test_only_the_headlines_attempts_are_shown(several: Callable, outline: Callable) -> None:
    page = outline(several(), examples=9).page
    assert "another_setting" not in page
    assert page.count("<article>") == 2 + 1
    assert "says syntax_error" not in page

"""From a cell to the verdicts on its problem: links, outcomes, the code of two completions, and what is left out."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from rtlscribe.records import Candidate, Status, Verdict
from rtlscribe.report.answers import CODE_CHARACTERS, DETAIL_CHARACTERS, MOST_OUTCOMES, Collector
from rtlscribe.report.figures import problem_cells
from rtlscribe.report.material import Outcome
from rtlscribe.summaries import ProblemCount

SVG = "{http://www.w3.org/2000/svg}"

MIXED: dict[str, list[Status]] = {
    "adder": ["failed", "failed", "passed", "failed", "passed"],
    "mux": ["no_code"] * 5,
}


def cells(counts: list[ProblemCount], **options: str) -> ET.Element:
    return ET.fromstring(problem_cells(counts, kind="function", title="t", **options))


def opacities(n: int) -> list[float]:
    """How full the cells are of problems with 0, 1, ... n passes."""
    counts = [ProblemCount(id=f"p{c}", n=n, syntax=n, function=c) for c in range(n + 1)]
    return [float(r.get("fill-opacity") or "") for r in cells(counts).iter(f"{SVG}rect") if len(r)]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_few_completions_have_a_shade_for_each_number(n: int) -> None:
    assert opacities(n) == pytest.approx([c / n for c in range(n + 1)], abs=0.01)


@pytest.mark.parametrize("n", [6, 10, 20, 200])
def test_many_completions_have_six_shades(n: int) -> None:
    found = opacities(n)
    assert sorted(set(found)) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert found == sorted(found)
    assert (found.count(0), found.count(1)) == (1, 1)


def test_the_legend_names_the_numbers() -> None:
    texts = [t.text for t in cells([ProblemCount(id="p", n=20, syntax=1, function=1)]).iter(f"{SVG}text")]
    assert texts == ["How many of 20 completions pass", "0", "1–5", "6–10", "11–15", "16–19", "20"]


def test_a_cell_links_to_the_verdicts_on_its_problem(tmp_path: Path, evaluate_run: Callable, outline: Callable) -> None:
    found = outline(evaluate_run(tmp_path / "run", MIXED))
    _, syntax, function = found.figures
    for figure in (syntax, function):
        links = [(a.get("href"), a.findtext(f"{SVG}rect/{SVG}title")) for a in figure.iter(f"{SVG}a")]
        assert links == [
            ("#v1-1-0", "adder: 2 of 5 pass, 5 compile"),
            ("#v1-1-1", "mux: 0 of 5 pass, 0 compile"),
        ]
    details = re.search(r'<details><summary>adder .*?id="v1-1-0">(.*?)</details>', found.page, re.S)
    assert details
    # The target is inside the fold: browsers open the fold around a target, not one that is itself the target.
    said = re.sub(r"<[^>]*>|\s+", " ", details[1])
    assert re.sub(" +", " ", said).strip() == (
        "failed 3 (completion 0–1, 3, up to 0.25 s) says failed passed 2 (completion 2, 4, up to 0.25 s) says passed "
        "Completion 2, passed : module m; endmodule Completion 0, failed : module m; endmodule"
    )


def test_without_cells_to_link_to_there_are_no_links() -> None:
    assert not list(cells([ProblemCount(id="p", n=1, syntax=1, function=1)]).iter(f"{SVG}a"))


def judged(index: int, status: Status = "failed", *, detail: str = "", code: str = "") -> tuple[Candidate, Verdict]:
    candidate = Candidate(problem_id="p", index=index, code=code, assembly="module")
    return candidate, Verdict(
        problem_id="p", index=index, status=status, checker="c", detail=detail, seconds=index / 10
    )


def test_outcomes_are_drawn_together_and_the_commonest_is_first() -> None:
    collector = Collector()
    for index, status, detail in ((3, "failed", "x"), (0, "passed", ""), (1, "failed", "x"), (2, "failed", "y")):
        collector.add(*judged(index, status, detail=detail))  # type: ignore[arg-type]
    (found,) = collector.answers(["p"], characters=0)
    assert found.outcomes == (
        Outcome(status="failed", detail="x", indices=(1, 3), seconds=0.3),
        Outcome(status="passed", detail="", indices=(0,), seconds=0.0),
        Outcome(status="failed", detail="y", indices=(2,), seconds=0.2),
    )


def test_long_details_long_code_and_many_outcomes_are_cut_and_counted() -> None:
    collector = Collector()
    for index in range(MOST_OUTCOMES + 3):
        collector.add(*judged(index, detail=f"{index} " + "x" * 1000, code="m" * (CODE_CHARACTERS + 5)))
    (found,) = collector.answers(["p"], characters=10**6)
    assert (len(found.outcomes), found.outcomes_left_out) == (MOST_OUTCOMES, 3)
    assert {len(outcome.detail) for outcome in found.outcomes} == {DETAIL_CHARACTERS}
    (code,) = found.codes
    assert (code.index, len(code.text), code.left_out) == (0, CODE_CHARACTERS, 5)


def test_code_beyond_the_pages_room_is_left_out_and_counted() -> None:
    collector = Collector()
    for problem_id in ("p", "q", "r"):
        for index, status in enumerate(("passed", "failed")):
            candidate = Candidate(problem_id=problem_id, index=index, code="x" * 50, assembly="module")
            collector.add(candidate, Verdict(problem_id=problem_id, index=index, status=status, checker="c"))  # type: ignore[arg-type]
    found = collector.answers(["p", "q", "r", "never asked"], characters=200)
    assert [(len(a.codes), a.codes_left_out) for a in found] == [(2, 0), (2, 0), (0, 2), (0, 0)]
    assert [len(a.outcomes) for a in found] == [2, 2, 2, 0]


def test_the_page_of_a_large_run_stays_small_and_says_what_it_left_out(
    tmp_path: Path, evaluate_run: Callable, outline: Callable
) -> None:
    """The size of VerilogEval-Human with 20 completions, all of them long."""
    statuses: list[Status] = ["passed", "failed", "syntax_error", "timeout"] * 5
    folder = evaluate_run(tmp_path / "run", {f"p{n:03}": statuses for n in range(156)}, code="assign y = a;\n" * 400)
    found = outline(folder)
    assert len(found.page) < 3_000_000
    assert "… and 2,600 more characters." in found.page
    assert sum(name == "href" and (value or "").startswith("#v") for name, value in found.attributes) == 2 * 156


def test_prompts_of_a_checkout_are_found_by_the_runs_root(
    tmp_path: Path, evaluate_run: Callable, make: Callable
) -> None:
    root = tmp_path / "checkout"
    (root / "data").mkdir(parents=True)
    (root / "descriptions").mkdir()
    (root / "data/VerilogEval_Human.jsonl").write_text(
        '{"task_id": "inv", "prompt": "module top_module(input a, output y);\\n", '
        '"canonical_solution": "assign y = ~a;\\nendmodule\\n", "test": "module tb; endmodule"}\n'
    )
    described = root / "descriptions/VerilogDescription_Human.jsonl"
    described.write_text('{"task_id": "inv", "detail_description": "Invert a."}\n')
    folder = evaluate_run(
        tmp_path / "run",
        {"inv": ["passed"]},
        benchmark="verilogeval-human",
        inputs={"VerilogEval": root / "data/VerilogEval_Human.jsonl", "VerilogDescription": described},
        config={"root": str(root)},
    )
    assert '<p class="asked">Invert a.</p>' in make(folder)[0]
    described.write_text('{"task_id": "inv", "detail_description": "Another."}\n')
    assert '<p class="asked">' not in make(folder)[0]
    described.unlink()
    assert '<p class="asked">' not in make(folder)[0]

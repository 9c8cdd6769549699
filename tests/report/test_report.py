"""The report through its door: folders of finished runs in, one page and one table out."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtlscribe import jsonl
from rtlscribe.errors import DataError, UsageError
from rtlscribe.records import Problem, Status
from rtlscribe.rundir import RunDir
from rtlscribe.stages.report import Config, run
from rtlscribe.summaries import LossEntry, TrainSummary

HOSTILE = "<script>alert(1)</script>"
SVG = "http://www.w3.org/2000/svg"

Outcomes = dict[str, list[Status]]

WEAK: Outcomes = {
    "adder-1": ["passed", "failed"],
    "adder-2": ["failed", "syntax_error"],
    "mux-7": ["timeout", "no_code"],
    "mux-9": ["syntax_error", "syntax_error"],
}
STRONG: Outcomes = {
    "adder-1": ["passed", "passed"],
    "adder-2": ["passed", "failed"],
    "mux-7": ["passed", "passed"],
    "mux-9": ["failed", "syntax_error"],
}


def train_run(folder: Path, losses: list[tuple[int, float]]) -> Path:
    with RunDir.open(folder, stage="train", config={"loss": "mle", "seed": 4}, inputs={}) as work:
        with work.appending() as append:
            for step, loss in losses:
                append(LossEntry(step=step, loss=loss, learning_rate=1e-4))
        work.finish(
            TrainSummary(
                output="m",
                loss="mle",
                rows=1234,
                dropped_too_long=5,
                dropped_nothing_to_rank=0,
                steps=losses[-1][0],
                tokens=50_000,
                seconds=20.0,
                final_loss=losses[-1][1],
            )
        )
    return folder


def other_run(folder: Path, stage: str, summary: Any) -> Path:
    with RunDir.open(folder, stage=stage, config={"seed": 3}, inputs={}) as work:
        work.finish(summary)
    return folder


@pytest.fixture
def folders(tmp_path: Path, evaluate_run: Callable[..., Path]) -> list[Path]:
    return [
        evaluate_run(tmp_path / "evaluate-weak", WEAK),
        evaluate_run(tmp_path / "evaluate-strong", STRONG, code="module strong; endmodule"),
        train_run(tmp_path / "train-mle", [(10, 4.0), (20, 9.0), (20, 2.0), (30, 1.5)]),
    ]


def test_the_numbers_are_on_the_page(folders: list[Path], make: Callable, outline: Callable) -> None:
    given = [f"RTLCoder-Direct-Train={folders[0]}", *folders[1:]]
    page, table = make(*given)
    rows = outline(*given).rows
    assert ["Model", "Syntax %", "Function %", "pass@1 %"] in rows
    assert ["RTLCoder-Direct-Train", "50.0 [15.0, 85.0]", "12.5 [1.3, 60.4]", "12.5"] in rows
    assert ["evaluate-strong", "87.5 [39.6, 98.7]", "62.5 [21.9, 90.8]", "62.5"] in rows
    assert ["syntax_error", "does not compile", "3 (37.5 %)", "1 (12.5 %)"] in rows
    assert ["adder", "2", "25.0", "75.0"] in rows
    assert ["mux", "2", "0.0", "50.0"] in rows
    assert ["adder-2", "1/2", "0/2", "2/2", "1/2"] in rows
    assert ["evaluate-strong", "+50.0 [+12.5, +87.5]", "0.25", "3", "0"] in rows
    assert ["train-mle", "mle", "1,234", "5", "0", "30", "50,000", "20.0", "2,500", "1.5"] in rows
    assert (
        "RTLCoder-Direct-Train and evaluate-strong answered 4 problems of tiny-set, 2 completions a problem "
        "(8 a model), sampled at temperature 0.2 and top_p 0.95 with seed 11 and at most 300 tokens, "
        "judged by iverilog-12.0, rule strict, assembly parser-based." in page
    )
    assert table.splitlines() == [
        "| Model                 | Problems | Syntax %          | Function %        | pass@1 % |",
        "|-----------------------|----------|-------------------|-------------------|----------|",
        "| RTLCoder-Direct-Train | 4        | 50.0 [15.0, 85.0] | 12.5 [1.3, 60.4]  | 12.5     |",
        "| evaluate-strong       | 4        | 87.5 [39.6, 98.7] | 62.5 [21.9, 90.8] | 62.5     |",
    ]


def test_the_page_needs_nothing_from_elsewhere(folders: list[Path], outline: Callable) -> None:
    found = outline(*folders)
    assert not re.search(r"https?://", found.page.replace(SVG, ""))
    assert not found.tags & {"script", "link", "img", "iframe", "object"}
    assert all(value is None or value.startswith("#") for name, value in found.attributes if name in ("href", "src"))
    ids = [value for name, value in found.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for name, value in found.attributes if name == "href" and value} <= set(ids)


def test_figures_are_well_formed_and_say_what_they_show(folders: list[Path], outline: Callable) -> None:
    figures = outline(*folders).figures
    assert len(figures) == 1 + 2 * 2 + 2
    for figure in figures:
        assert figure.get("role") == ("img" if figure.find(f"{{{SVG}}}a") is None else "group")
        assert figure[0].tag == f"{{{SVG}}}title" and figure[0].text  # noqa: PT018
    rates, _, cells, *_, curve, _ = figures
    assert [g.findtext(f"{{{SVG}}}title") for g in rates.iter(f"{{{SVG}}}g")] == [
        "evaluate-weak: syntax 50.0 [15.0, 85.0], function 12.5 [1.3, 60.4]",
        "evaluate-strong: syntax 87.5 [39.6, 98.7], function 62.5 [21.9, 90.8]",
    ]
    of_problems = [r for r in cells.iter(f"{{{SVG}}}rect") if len(r)]
    assert [(r[0].text, r.get("fill-opacity")) for r in of_problems[:2]] == [
        ("adder-1: 1 of 2 pass, 2 compile", "0.5"),
        ("adder-2: 0 of 2 pass, 1 compile", "0"),
    ]
    # Step 20 was told twice, before and after an interruption: the curve has it once.
    points = curve.find(f"{{{SVG}}}polyline")
    assert points is not None
    assert len((points.get("points") or "").split()) == 3


def test_a_long_training_run_is_thinned(tmp_path: Path, make: Callable[..., tuple[str, str]]) -> None:
    page, table = make(train_run(tmp_path / "long", [(step, 1 / step) for step in range(1, 5001)]))
    points = re.search(r'points="([^"]*)"', page)
    assert points
    assert 100 < len(points[1].split()) <= 400
    assert "No evaluation is among these runs." in page
    assert table.splitlines()[2] == "| long | train |"


def test_what_a_model_wrote_stays_text(
    tmp_path: Path, evaluate_run: Callable, make: Callable, outline: Callable
) -> None:
    wild = f"{HOSTILE}\"'&]]>\x00\x1b"
    outcomes: Outcomes = {f"{wild}-1": ["passed", "failed"], f"{wild}-2": ["failed", "no_code"]}
    folder = evaluate_run(tmp_path / "hostile", outcomes, code=f"</pre></details>{wild}", benchmark="tiny-set")
    page, table = make(f"{HOSTILE}|x={folder}", title=HOSTILE)
    found = outline(f"{HOSTILE}|x={folder}", title=HOSTILE)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "script" not in found.tags
    assert len(found.figures) == 3
    assert f"{HOSTILE}\\|x" in table


def test_examples_are_the_same_every_time_and_as_many_as_asked(
    folders: list[Path], make: Callable[..., tuple[str, str]]
) -> None:
    page, _ = make(*folders, examples=1)
    assert page == make(*folders, examples=1)[0]
    shown = re.findall(r"<h4>(\S+), completion (\d+): <span class=\"(\w+)\">(\w+)", page)
    assert shown == [
        ("adder-1", "0", "good", "passed"),
        ("adder-1", "1", "bad", "failed"),
        ("adder-1", "0", "good", "passed"),
        ("adder-2", "1", "bad", "failed"),
    ]
    assert "says failed" in page
    assert len(re.findall("<article>", make(*folders, examples=9)[0])) == (1 + 4) + (3 + 2)
    assert "<article>" not in make(*folders, examples=0)[0]


def test_examples_say_what_was_asked_if_the_benchmark_is_still_the_same(
    tmp_path: Path, evaluate_run: Callable, make: Callable
) -> None:
    file = tmp_path / "set.jsonl"
    jsonl.write(file, [Problem(id=i, text=f"Design {i} & more.", testbench="t", pass_pattern="p") for i in STRONG])
    folder = evaluate_run(tmp_path / "run", STRONG, benchmark=str(file), inputs={"benchmark": file})
    assert '<p class="asked">Design adder-1 &amp; more.</p>' in make(folder)[0]
    jsonl.write(file, [Problem(id=i, text="Something else.", testbench="t", pass_pattern="p") for i in STRONG])
    assert '<p class="asked">' not in make(folder)[0]


def test_benchmarks_are_kept_apart_by_content(tmp_path: Path, evaluate_run: Callable, make: Callable) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "copy/a.jsonl"
    second.parent.mkdir()
    first.write_text("one\n")
    second.write_text("one\n")
    same = [
        evaluate_run(tmp_path / name, STRONG, benchmark=str(file), inputs={"benchmark": file})
        for name, file in (("x", first), ("y", second))
    ]
    second.write_text("another\n")
    other = evaluate_run(tmp_path / "z", WEAK, benchmark=str(second), inputs={"benchmark": second})
    page, table = make(*same, other)
    assert len(re.findall(r"<h2>Results on a\.jsonl \(sha256 [0-9a-f]{12}\)", page)) == 2
    assert [line.split("|")[2].strip() for line in table.splitlines()[2:]] == ["x", "y", "z"]
    assert "caution" not in page.split("</style>")[1]


def test_runs_that_do_not_compare_are_marked(
    tmp_path: Path, folders: list[Path], evaluate_run: Callable, outline: Callable
) -> None:
    way = ("official", "parser-based", 0.0)
    greedy = evaluate_run(tmp_path / "greedy", {"adder-1": ["passed", "passed"]}, way=way)
    found = outline(folders[0], greedy)
    page = found.page
    assert "not measured under the same settings (temperature, rule): their differences" in page
    assert "did not answer the same problems" in page
    assert "decoded greedily" in page
    assert ["mux-7", "1/2", "0/2", "–", "–"] in found.rows


def test_a_stage_that_is_not_known_has_its_manifest_shown(tmp_path: Path, make: Callable) -> None:
    page, _ = make(other_run(tmp_path / "t", "telepathy", {"anything": [1, "two"]}))
    assert "t: telepathy" in page
    assert re.search(r"<dt>seed</dt><dd>3</dd>", page)
    assert re.search(r"<dt>python</dt><dd>3\.", page)


def unfinished(path: Path) -> str:
    with RunDir.open(path / "half", stage="train", config={}, inputs={}):
        pass
    return str(path / "half")


def torn(path: Path) -> str:
    (path / "evaluate-strong/summary.json").unlink()
    return str(path / "evaluate-strong")


def namesake(path: Path) -> str:
    return f"evaluate-weak={path / 'evaluate-strong'}"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda path: str(path), r"is no run of rtlscribe: wanted a folder with a manifest\.json"),
        (lambda path: f"label={path / 'nowhere'}", r"nowhere is no run of rtlscribe"),
        (lambda path: f"={path / 'evaluate-weak'}", "wanted LABEL=FOLDER, and the label is missing"),
        (lambda path: "label=", "label=: wanted LABEL=FOLDER, and the folder is missing"),
        (lambda path: str(path / "train-mle/model"), r"no run of rtlscribe: .*; did you mean .*/train-mle\?"),
        (unfinished, r"half holds a run of 'train' that is not finished \(running\); the same command again"),
        (torn, r"cannot read .*summary\.json: .*not whole"),
        (namesake, "two runs are called 'evaluate-weak'; tell them apart as LABEL=FOLDER"),
    ],
)
def test_a_bad_folder_is_named_with_the_remedy(
    bad: Callable[[Path], str], message: str, tmp_path: Path, folders: list[Path]
) -> None:
    output = tmp_path / "page.html"
    with pytest.raises(UsageError, match=message) as caught:
        run(Config((str(folders[0]), bad(tmp_path)), output=output))
    assert "\n" not in str(caught.value)
    assert not output.exists()


def test_a_summary_of_another_shape_is_named(folders: list[Path], tmp_path: Path) -> None:
    (folders[0] / "summary.json").write_text('{"rows": 1}')
    with pytest.raises(DataError, match=r"evaluate-weak/summary\.json"):
        run(Config((str(folders[0]),), output=tmp_path / "page.html"))


def test_options_that_cannot_be_meant(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no runs to report on"):
        run(Config((), output=tmp_path / "page.html"))
    with pytest.raises(UsageError, match="--examples -1"):
        run(Config((str(folders[0]),), examples=-1, output=tmp_path / "page.html"))


def test_a_folder_with_an_equals_sign_in_its_name(tmp_path: Path, evaluate_run: Callable, make: Callable) -> None:
    _, table = make(evaluate_run(tmp_path / "n=2", WEAK))
    assert "| n=2 " in table

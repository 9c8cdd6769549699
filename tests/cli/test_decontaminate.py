"""data decontaminate: what is near to a problem goes, by instruction or by code, and is told why."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from rtlscribe import jsonl
from rtlscribe.records import Problem, Sample
from rtlscribe.samples import read_samples
from rtlscribe.similarity import rouge_l

WORDS = [f"w{k}" for k in range(40)]
TEXT, CODE = " ".join(WORDS[:20]), " ".join(WORDS[20:])


def sharing(base: str, count: int) -> str:
    """The first `count` of twenty words, and others: Rouge-L is count / 20."""
    return " ".join([*base.split()[:count], *[f"other{k}" for k in range(20 - count)]])


# id, instruction, code, and which of them is above 0.5
ROWS = [
    ("free", sharing(TEXT, 3), sharing(CODE, 2), ""),
    ("text", sharing(TEXT, 11), sharing(CODE, 2), "instruction"),
    ("code", sharing(TEXT, 3), sharing(CODE, 20), "code"),
    ("both", sharing(TEXT, 15), sharing(CODE, 15), "instruction code"),
    ("exactly", sharing(TEXT, 10), sharing(CODE, 10), ""),
    ("no code", sharing(TEXT, 0), "", ""),
    ("crossed", CODE, TEXT, ""),
]


@pytest.fixture
def files(tmp_path: Path) -> None:
    jsonl.write(tmp_path / "rows.jsonl", [Sample(id=i, instruction=t, verilog=c, origin="o") for i, t, c, _ in ROWS])
    jsonl.write(
        tmp_path / "bench.jsonl",
        [Problem(id="far", text="nothing here", reference="is alike"), Problem(id="p", text=TEXT, reference=CODE)],
    )


COMMAND = ["data", "decontaminate", "--data", "rows.jsonl", "--against", "bench.jsonl", "--output", "o", "--json"]


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        ([], {"text", "code", "both"}),
        (["--by", "instruction"], {"text", "both"}),
        (["--by", "code"], {"code", "both"}),
        (["--threshold", "0.75"], {"code"}),
        (["--threshold", "0.1"], {"free", "text", "code", "both", "exactly"}),
    ],
)
def test_rows_near_to_a_problem_go(
    rtlscribe: Callable, files: None, tmp_path: Path, options: list[str], gone: set[str]
) -> None:
    ran = rtlscribe(*COMMAND, *options)
    assert ran.status == 0, ran.err
    summary = json.loads(ran.out)
    kept = read_samples(tmp_path / "o/out.jsonl")
    assert [s.id for s in kept] == [i for i, *_ in ROWS if i not in gone]
    assert kept == [s for s in read_samples(tmp_path / "rows.jsonl") if s.id not in gone]
    removed = [json.loads(line) for line in (tmp_path / "o/removed.jsonl").open()]
    assert [r["sample"]["id"] for r in removed] == [i for i, *_ in ROWS if i in gone]
    assert (summary["rows"], summary["kept"], summary["removed"]) == (7, 7 - len(gone), len(gone))
    assert (summary["problems"], summary["removed_rows"]) == (2, "o/removed.jsonl")


def test_what_is_told_of_each_row(rtlscribe: Callable, files: None, tmp_path: Path) -> None:
    summary = json.loads(rtlscribe(*COMMAND).out)
    assert (summary["by_instruction"], summary["by_code"]) == (2, 2)
    told = {row["id"]: row for row in map(json.loads, (tmp_path / "o/scores.jsonl").open())}
    assert list(told) == [i for i, *_ in ROWS]
    for name, text, code, _ in ROWS[:5]:
        assert told[name]["instruction"] == {"problem": "bench/p", "score": pytest.approx(rouge_l(TEXT, text))}
        assert told[name]["code"] == {"problem": "bench/p", "score": pytest.approx(rouge_l(CODE, code))}
    assert (told["no code"]["instruction"], told["no code"]["code"]) == (None, None)
    removed = {r["sample"]["id"]: r for r in map(json.loads, (tmp_path / "o/removed.jsonl").open())}
    assert removed["both"]["instruction"] == told["both"]["instruction"]
    assert removed["both"]["code"] == told["both"]["code"]
    instructions, codes = [0] * 20, [0] * 20
    for row in told.values():
        instructions[min(int((row["instruction"] or {"score": 0})["score"] * 20), 19)] += 1
        codes[min(int((row["code"] or {"score": 0})["score"] * 20), 19)] += row["has_code"]
    assert (summary["instruction_histogram"], summary["code_histogram"]) == (instructions, codes)
    assert (sum(instructions), sum(codes)) == (7, 6)


def test_it_goes_on_where_it_was_killed(rtlscribe: Callable, files: None, tmp_path: Path) -> None:
    assert rtlscribe(*COMMAND).status == 0
    names = ("out.jsonl", "removed.jsonl", "scores.jsonl", "summary.json")
    before = {name: (tmp_path / "o" / name).read_bytes() for name in names}
    scores = before["scores.jsonl"].splitlines(keepends=True)
    manifest = json.loads((tmp_path / "o/manifest.json").read_text())
    for done, half in ((0, b""), (3, scores[3][:20]), (6, b""), (7, b"")):
        (tmp_path / "o/manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
        (tmp_path / "o/scores.jsonl").write_bytes(b"".join(scores[:done]) + half)
        (tmp_path / "o/out.jsonl").unlink()
        assert rtlscribe(*COMMAND, "--workers", 1).status == 0
        assert {name: (tmp_path / "o" / name).read_bytes() for name in names} == before


def test_against_several(rtlscribe: Callable, files: None, tmp_path: Path) -> None:
    row = {"Instruction": ROWS[0][1], "Input": "", "Response": [ROWS[0][2]]}
    (tmp_path / "other.json").write_text(json.dumps(row) + "\n")
    ran = rtlscribe(*COMMAND, "--against", "other.json", "--against", "held-out")
    summary = json.loads(ran.out)
    assert summary["problems"] == 203
    told = {row["id"]: row for row in map(json.loads, (tmp_path / "o/scores.jsonl").open())}
    assert told["free"]["instruction"] == told["free"]["code"] == {"problem": "other/other-1", "score": 1.0}
    assert told["both"]["instruction"] == {"problem": "bench/p", "score": 0.75}


def test_real_benchmarks(rtlscribe: Callable, shared: Path, tmp_path: Path) -> None:
    for folder, names in (("data", "VerilogEval"), ("descriptions", "VerilogDescription")):
        (tmp_path / "ve" / folder).mkdir(parents=True)
        for kind in ("Human", "Machine"):
            (tmp_path / "ve" / folder / f"{names}_{kind}.jsonl").symlink_to(shared / f"{names}_{kind}.jsonl")
    against = ["--against", "verilogeval-human=ve", "--against", "verilogeval-machine=ve"]
    ran = rtlscribe("data", "decontaminate", "--data", shared / "data_sample.json", *against, "--output", "o", "--json")
    assert ran.status == 0, ran.err
    summary = json.loads(ran.out)
    assert (summary["rows"], summary["problems"]) == (10, 299)
    assert sum(summary["code_histogram"]) == 10


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--against": "none.jsonl"}, "none.jsonl"),
        ({"--against": "nonesuch"}, "no benchmark is called 'nonesuch'"),
        ({"--against": "rows.jsonl"}, "the data itself"),
        ({"--data": "none.jsonl"}, "there is no none.jsonl"),
        ({"--threshold": "1.5"}, "threshold"),
        ({"--against": "verilogeval-human=nowhere"}, "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_meant(rtlscribe: Callable, files: None, changes: dict[str, str], words: str) -> None:
    command = list(COMMAND)
    for option, value in changes.items():
        if option in command:
            command[command.index(option) + 1] = value
        else:
            command += [option, value]
    ran = rtlscribe(*command)
    assert ran.status == 2
    assert words in ran.err


def test_figure_11_is_in_the_report(rtlscribe: Callable, files: None, tmp_path: Path) -> None:
    summary = json.loads(rtlscribe(*COMMAND).out)
    assert rtlscribe("report", "<My> rows=o", "--output", "r.html").status == 0
    page = (tmp_path / "r.html").read_text()
    assert '<section id="overlap">' in page
    assert "<My>" not in page
    start, figures = 0, []
    while (start := page.find("<svg", start)) >= 0:
        end = page.index("</svg>", start) + len("</svg>")
        figures.append(ET.fromstring(page[start:end]))
        start = end
    assert len(figures) == 2
    name = "{http://www.w3.org/2000/svg}"
    for figure, part in zip(figures, ("instruction", "code"), strict=True):
        bars = [rect for rect in figure.iter(f"{name}rect") if rect.get("class") == "bar"]
        said = [int(bar.find(f"{name}title").text.rpartition(": ")[2]) for bar in bars]
        assert said == summary[f"{part}_histogram"]
        highest = max(float(bar.get("height")) for bar in bars)
        assert [float(b.get("height")) / highest for b in bars] == pytest.approx(
            [n / max(said) for n in said], abs=0.01
        )
        assert part in figure.find(f"{name}title").text

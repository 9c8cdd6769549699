"""data stats: every number of a small file, counted by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rtlscribe import jsonl
from rtlscribe.records import Sample
from rtlscribe.samples import TracedSample

GOOD = "module inverter(input a, output y);\n\n    assign y = ~a;\nendmodule\n"
BROKEN = "module inverter(input a, output y);\n    assign y = nowhere;\nendmodule\n"
LONG = "build an inverter that turns its input a into its output y at once"

ROWS = [
    TracedSample(id="a", instruction=LONG, verilog=GOOD, origin="x", provenance={"teacher": "t", "source": "f:1"}),
    TracedSample(id="b", instruction=f"{LONG} now", verilog=BROKEN, origin="x", provenance={"teacher": "u"}),
    Sample(id="c", instruction=LONG, verilog=GOOD, responses=(GOOD, BROKEN), scores=(1.0, 0.5), reference=0),
    Sample(id="d", instruction="something else", origin="y"),
    Sample(id="e", instruction=f" {LONG}\n", verilog=f"{GOOD}\n", origin="x"),
]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    jsonl.write(tmp_path / "rows.jsonl", ROWS)
    return tmp_path / "rows.jsonl"


def test_the_numbers(rtlscribe: Callable, rows: Path, tmp_path: Path) -> None:
    ran = rtlscribe("data", "stats", "--data", "rows.jsonl", "--output", "o", "--json")
    assert ran.status == 0, ran.err
    found = json.loads(ran.out)
    assert (found["rows"], found["with_code"], found["with_scores"], found["compiles"]) == (5, 4, 1, 3)
    assert (found["same_instruction"], found["same_code"], found["near_duplicates"]) == (2, 2, 1)
    assert found["origins"] == {"x": 3, "": 1, "y": 1}
    assert found["provenance"] == {"teacher": {"t": 1, "u": 1}}  # a source is of its own for every row
    lengths = {"mean": 11.8, "p5": 2, "median": 14, "p95": 15, "longest": 15, "total": 59}
    assert found["instruction_words"] == lengths
    assert found["code_lines"] == {"mean": 3.0, "p5": 3, "median": 3, "p95": 3, "longest": 3, "total": 12}
    assert found["code_words"]["total"] == 4 * 10
    assert found["instruction_tokens"] is None
    told = [json.loads(line) for line in (tmp_path / "o/duplicates.jsonl").open()]
    assert [(d["id"], d["kind"], d["of"]) for d in told] == [
        ("b", "near", "a"),
        ("c", "instruction", "a"),
        ("c", "code", "a"),
        ("e", "instruction", "a"),
        ("e", "code", "a"),
    ]
    assert told[0]["score"] == pytest.approx(2 * 14 / 29)


def test_what_is_not_wanted_is_not_looked_for(rtlscribe: Callable, rows: Path) -> None:
    options = ["--no-syntax", "--no-near-duplicates", "--output", "o", "--json"]
    found = json.loads(rtlscribe("data", "stats", "--data", "rows.jsonl", *options).out)
    assert (found["compiles"], found["near_duplicates"], found["same_code"]) == (None, None, 2)


def test_a_higher_limit_finds_fewer(rtlscribe: Callable, rows: Path) -> None:
    found = json.loads(
        rtlscribe("data", "stats", "--data", "rows.jsonl", "--near", 0.97, "--output", "o", "--json").out
    )
    assert (found["near"], found["near_duplicates"]) == (0.97, 0)


def test_tokens_of_a_tokenizer(rtlscribe: Callable, rows: Path, tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    own = tokenizers.Tokenizer(tokenizers.models.WordLevel({"inverter": 0, "?": 1}, unk_token="?"))
    own.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    (tmp_path / "model").mkdir()
    own.save(str(tmp_path / "model/tokenizer.json"))
    for number, place in enumerate(("model", "model/tokenizer.json")):
        options = ["--tokenizer", place, "--output", f"o{number}", "--json"]
        found = json.loads(rtlscribe("data", "stats", "--data", "rows.jsonl", *options).out)
        assert found["instruction_tokens"]["total"] == sum(len(row.instruction.split()) for row in ROWS)
        assert found["code_tokens"]["longest"] == len(GOOD.split())


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("", [], "no rows"),
        ('{"id": "a"}\n', [], "line 1"),
        ('{"id": "a", "instruction": "i"}\n', ["--tokenizer", "rows.jsonl"], "cannot be read"),
        ('{"id": "a", "instruction": "i"}\n', ["--tokenizer", "."], "tokenizer.json"),
    ],
)
def test_what_cannot_be_counted(
    rtlscribe: Callable, tmp_path: Path, content: str, options: list[str], words: str
) -> None:
    pytest.importorskip("tokenizers")
    (tmp_path / "rows.jsonl").write_text(content)
    ran = rtlscribe("data", "stats", "--data", "rows.jsonl", *options, "--output", "o")
    assert ran.status == 2
    assert words in ran.err

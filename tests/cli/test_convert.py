"""data import and export: every form there and back, with what is known of each row."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtlscribe import jsonl
from rtlscribe.records import Sample
from rtlscribe.samples import TracedSample, read_samples

CODE = "module inverter(input a, output y);\n    assign y = ~a;\nendmodule\n"
OTHER = "module buffer(input a, output y);\n    assign y = a;\nendmodule\n"
HEADER = "module inverter(input a, output y);"
BODY = "    assign y = ~a;\nendmodule"

SAMPLES = [
    TracedSample(
        id="a",
        instruction="Invert | a.",
        description="d",
        header=HEADER,
        verilog=CODE,
        responses=(CODE, OTHER),
        scores=(1.0, 0.25),
        reference=0,
        origin="teacher",
        provenance={"source": "there:1", "teacher": "m", "licence": "mit"},
    ),
    TracedSample(
        id="b",
        instruction="Buffer a.\nÄ",
        verilog=OTHER,
        origin="teacher",
        provenance={"licence": "mit", "checks": "c"},
    ),
]


@pytest.fixture
def data(tmp_path: Path) -> str:
    jsonl.write(tmp_path / "rows.jsonl", SAMPLES)
    return "rows.jsonl"


def written(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "data/train.jsonl").open()]


@pytest.mark.parametrize(
    ("form", "rows"),
    [
        (
            "rtl-coder",
            [
                {"Instruction": "Invert | a.", "Input": HEADER, "Response": [OTHER, CODE], "Score": [0.25, 1.0]},
                {"Instruction": "Buffer a.\nÄ", "Input": "", "Response": [OTHER]},
            ],
        ),
        (
            "llama-factory",
            [
                {"instruction": "Invert | a.", "input": HEADER, "output": CODE},
                {"instruction": "Buffer a.\nÄ", "input": "", "output": OTHER},
            ],
        ),
        (
            "chat",
            [
                {
                    "messages": [
                        {"role": "user", "content": f"Invert | a.\n{HEADER}"},
                        {"role": "assistant", "content": CODE},
                    ]
                },
                {
                    "messages": [
                        {"role": "user", "content": "Buffer a.\nÄ"},
                        {"role": "assistant", "content": OTHER},
                    ]
                },
            ],
        ),
    ],
)
def test_forms_for_others(rtlscribe: Callable, data: str, tmp_path: Path, form: str, rows: list[Any]) -> None:
    ran = rtlscribe("data", "export", "--data", data, "--form", form, "--output", "o", "--json")
    assert ran.status == 0, ran.err
    assert json.loads(ran.out) == {
        "output": "o/data/train.jsonl",
        "card": "o/README.md",
        "form": form,
        "rows": 2,
        "left_out": 0,
    }
    assert written(tmp_path / "o") == rows
    traced = [json.loads(line) for line in (tmp_path / "o/provenance.jsonl").open()]
    assert traced == [{"id": s.id, "origin": s.origin, "provenance": s.provenance} for s in SAMPLES]
    back = rtlscribe("data", "import", "--data", "o/data/train.jsonl", "--output", "back", "--json")
    assert back.status == 0, back.err
    told = read_samples(tmp_path / "back/out.jsonl")
    assert [s.verilog for s in told] == [CODE, OTHER]
    if form != "chat":  # a chat has no place for the header but the question
        assert [(s.instruction, s.header) for s in told] == [(s.instruction, s.header) for s in SAMPLES]
    if form == "rtl-coder":
        assert (told[0].responses, told[0].scores, told[0].reference) == ((OTHER, CODE), (0.25, 1.0), 1)


def test_candidates_are_freed_of_talk_too(rtlscribe: Callable, tmp_path: Path) -> None:
    cut = "module inverter(input a,"
    said = [f"Here:\n```verilog\n{OTHER}```", cut, f"```verilog\n{CODE}```"]
    jsonl.write(
        tmp_path / "r.json", [{"Instruction": "Invert a.", "Input": "", "Response": said, "Score": [0.3, 0, 1]}]
    )
    assert rtlscribe("data", "import", "--data", "r.json", "--output", "o").status == 0
    (row,) = read_samples(tmp_path / "o/out.jsonl")
    assert (row.verilog, row.responses, row.scores, row.reference) == (CODE, (OTHER, cut, CODE), (0.3, 0.0, 1.0), 2)
    assert rtlscribe("data", "import", "--data", "r.json", "--no-extract", "--output", "p").status == 0
    (row,) = read_samples(tmp_path / "p/out.jsonl")
    assert row.responses == tuple(said)


@pytest.mark.parametrize("form", ["samples", "parquet"])
def test_everything_comes_back(rtlscribe: Callable, data: str, tmp_path: Path, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("datasets")
    assert rtlscribe("data", "export", "--data", data, "--form", form, "--output", "o").status == 0
    assert not (tmp_path / "o/provenance.jsonl").exists()
    files = sorted(p.name for p in (tmp_path / "o").iterdir() if not p.is_file() or p.suffix != ".json")
    assert files == [".lock", "README.md", "data", "log.txt"]
    place = "o/data/train.jsonl" if form == "samples" else "o/data"
    ran = rtlscribe("data", "import", "--data", place, "--output", "back", "--json")
    assert ran.status == 0, ran.err
    expected = [
        SAMPLES[0],
        TracedSample(
            **{name: getattr(SAMPLES[1], name) for name in Sample.__struct_fields__},
            provenance={"source": f"{Path(place).name}:2", **SAMPLES[1].provenance},
        ),
    ]
    assert read_samples(tmp_path / "back/out.jsonl") == expected


def test_the_library_reads_what_is_exported(
    rtlscribe: Callable, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    for form in ("parquet", "chat", "rtl-coder"):
        options = ["--name", 'My: "rows"', "--licence", "cc-by-4.0", "--output", form]
        assert rtlscribe("data", "export", "--data", data, "--form", form, *options).status == 0
        cards = pytest.importorskip("huggingface_hub").DatasetCard
        head = cards.load(str(tmp_path / form / "README.md")).data.to_dict()
        assert (head["pretty_name"], head["license"]) == ('My: "rows"', "cc-by-4.0")
        assert head["size_categories"] == ["n<1K"]
        loaded = datasets.load_dataset(str(tmp_path / form), cache_dir=str(tmp_path / f"cache-{form}"))
        assert {split: rows.num_rows for split, rows in loaded.items()} == {"train": 2}


def test_the_card(rtlscribe: Callable, data: str, tmp_path: Path) -> None:
    jsonl.write(tmp_path / "rows.jsonl", [*SAMPLES, Sample(id="c", instruction="no code")])
    ran = rtlscribe("data", "export", "--data", data, "--output", "o", "--json")
    assert json.loads(ran.out)["left_out"] == 1
    card = (tmp_path / "o/README.md").read_text()
    for words in (
        'license: "mit"',
        "2 instructions",
        "1 of them with scored",
        "1 rows of the source without",
        "| mit | 2 |",
    ):
        assert words in card
    mixed = TracedSample(id="d", instruction="i", verilog=CODE, provenance={"licence": "a|b\n# <x>"})
    jsonl.write(tmp_path / "rows.jsonl", [*SAMPLES, mixed])
    assert rtlscribe("data", "export", "--data", data, "--output", "p").status == 0
    card = (tmp_path / "p/README.md").read_text()
    assert 'license: "unknown"' in card
    assert "| a\\|b # \\<x\\> | 1 |" in card


FENCED = f"<think>A draft:\nmodule x(input a); endmodule</think>\n<answer>Here:\n```verilog\n{CODE}```\n</answer>"
CHAT = {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "i"}]}

# a row of someone's file, options, and the sample it becomes
FOREIGN: dict[str, tuple[dict[str, Any], list[str], dict[str, Any]]] = {
    "thinking, fenced": (
        {"instruction": "i", "output": FENCED},
        [],
        {"verilog": CODE, "origin": "llama-factory", "provenance": {"source": "f.jsonl:1"}},
    ),
    "verbatim": ({"instruction": "i", "output": FENCED}, ["--no-extract"], {"verilog": FENCED}),
    "a body under its header": (
        {"Instruction": "i", "Input": HEADER, "Response": [BODY]},
        [],
        {"verilog": f"{HEADER}\n{BODY}\n", "header": HEADER},
    ),
    "chat": (
        {"messages": [*CHAT["messages"], {"role": "assistant", "content": CODE}], "licence": "mit"},
        [],
        {"verilog": CODE, "origin": "chat", "provenance": {"source": "f.jsonl:1", "licence": "mit"}},
    ),
    "sharegpt": (
        {"conversations": [{"from": "human", "value": "i"}, {"from": "gpt", "value": CODE}], "system": "be brief"},
        [],
        {"verilog": CODE, "provenance": {"source": "f.jsonl:1", "system": "be brief"}},
    ),
    "other columns are kept": (
        {"instruction": "i", "output": CODE, "quality": 3, "tags": ["x"], "nothing": None},
        ["--provenance", "licence=CC BY 4.0", "--provenance", "quality=given=wins"],
        {
            "provenance": {
                "source": "f.jsonl:1",
                "quality": "given=wins",
                "tags": '["x"]',
                "licence": "CC BY 4.0",
            }
        },
    ),
    "columns of other names": (
        {"prompt": "i", "completion": CODE, "level": "hard"},
        ["--instruction", "prompt", "--verilog", "completion"],
        {"id": "f-1", "verilog": CODE, "provenance": {"source": "f.jsonl:1", "level": "hard"}},
    ),
    "ours without an id": (
        {"instruction": "i", "verilog": CODE, "description": "d"},
        [],
        {"id": "f-1", "description": "d"},
    ),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_rows_of_others(rtlscribe: Callable, tmp_path: Path, case: str) -> None:
    row, options, wanted = FOREIGN[case]
    (tmp_path / "f.jsonl").write_text(json.dumps(row) + "\n")
    ran = rtlscribe("data", "import", "--data", "f.jsonl", *options, "--output", "o", "--json")
    assert ran.status == 0, ran.err
    (sample,) = read_samples(tmp_path / "o/out.jsonl")
    assert sample.instruction == "i"
    assert {name: getattr(sample, name) for name in wanted} == wanted


def test_rows_that_cannot_be_taken_are_told(rtlscribe: Callable, tmp_path: Path) -> None:
    rows: list[Any] = [
        {"instruction": "i", "output": CODE},
        {"instruction": "i", "output": "I cannot."},
        {"instruction": "i", "output": HEADER},
        {"instruction": " ", "output": CODE},
        {"instruction": "i", "output": ""},
        {"instruction": "i", "output": 3},
        CHAT,
        {"instruction": "j", "output": f"Sure!\n{OTHER}"},
    ]
    (tmp_path / "f.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    ran = rtlscribe("data", "import", "--data", "f.jsonl", "--output", "o", "--json")
    summary = json.loads(ran.out)
    assert (summary["rows"], summary["refused"], summary["extracted"]) == (2, 6, 1)
    assert summary["reasons"] == {"code: none": 1, "code: truncated": 1, "form": 2, "no code": 1, "no instruction": 1}
    refused = [json.loads(line) for line in (tmp_path / "o/refused.jsonl").open()]
    assert [r["line"] for r in refused] == [2, 3, 4, 5, 6, 7]
    assert "one question and one answer: user, assistant; here user speak" in refused[-1]["detail"]
    assert [s.id for s in read_samples(tmp_path / "o/out.jsonl")] == ["f-1", "f-8"]


def test_an_attempt_that_was_killed_is_made_again(rtlscribe: Callable, tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text(json.dumps({"instruction": "i", "output": CODE}) + '\n{"instruction": "i"}\n')
    command = ["data", "import", "--data", "f.jsonl", "--output", "o"]
    assert rtlscribe(*command).status == 0
    before = [(tmp_path / "o" / name).read_bytes() for name in ("out.jsonl", "refused.jsonl")]
    manifest = json.loads((tmp_path / "o/manifest.json").read_text())
    (tmp_path / "o/manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
    assert rtlscribe(*command).status == 0
    assert [(tmp_path / "o" / name).read_bytes() for name in ("out.jsonl", "refused.jsonl")] == before


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        (["import", "--data", "f.jsonl", "--provenance", "licence"], 2, "NAME=VALUE"),
        (["import", "--data", "f.jsonl", "--verilog", "v"], 2, "one of the two is missing"),
        (["import", "--data", "."], 2, "a folder without Parquet files"),
        (["import", "--data", "f.jsonl", "--instruction", "no", "--verilog", "v"], 1, "none of the rows"),
        (["import", "--data", "none.jsonl"], 2, "there is no none.jsonl"),
        (["export", "--data", "g.jsonl"], 1, "none of the 1 rows of g.jsonl has code"),
        (["export", "--data", "g.jsonl", "--form", "parquet"], 1, "none of the 1 rows of g.jsonl has code"),
        (["export", "--data", "f.jsonl", "--form", "csv"], 2, "csv"),
    ],
)
def test_what_cannot_be_done(rtlscribe: Callable, tmp_path: Path, command: list[str], status: int, words: str) -> None:
    if "parquet" in command:
        pytest.importorskip("datasets")
    (tmp_path / "f.jsonl").write_text('{"instruction": "i", "output": "v"}\n')
    (tmp_path / "g.jsonl").write_text('{"id": "a", "instruction": "i"}\n')
    ran = rtlscribe("data", *command, "--output", "o")
    assert (ran.status, words in ran.err) == (status, True), ran.err

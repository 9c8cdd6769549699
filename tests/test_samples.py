"""Data files of every known form, and what is wrong with those that are not."""

from pathlib import Path

import pytest

from rtlscribe import jsonl, samples
from rtlscribe.errors import DataError, UsageError
from rtlscribe.records import Problem, Sample
from rtlscribe.samples import TracedSample, read_problems, read_samples

# one line of a file, the sample it means
FORMS = {
    "ours": (
        '{"id": "a", "instruction": "i", "header": "h", "verilog": "v"}',
        Sample(id="a", instruction="i", header="h", verilog="v"),
    ),
    "rtl-coder": (
        '{"Instruction": "i", "Input": "h", "Response": ["v"]}',
        Sample(id="rows-1", instruction="i", header="h", verilog="v", origin="rtl-coder"),
    ),
    "rtl-coder without a header": (
        '{"Instruction": "i", "Response": ["v"]}',
        Sample(id="rows-1", instruction="i", verilog="v", origin="rtl-coder"),
    ),
    "rtl-coder with scores": (
        '{"Instruction": "i", "Input": "h", "Response": ["a", "v"], "Score": [0.25, 1]}',
        Sample(
            id="rows-1",
            instruction="i",
            header="h",
            verilog="v",
            responses=("a", "v"),
            scores=(0.25, 1.0),
            reference=1,
            origin="rtl-coder",
        ),
    ),
    "llama-factory": (
        '{"instruction": "i", "input": "more", "output": "v", "system": "s", "history": [["a", "b"]]}',
        Sample(id="rows-1", instruction="i\nmore", verilog="v", origin="llama-factory"),
    ),
    "llama-factory with a header": (
        '{"instruction": "i", "input": "module m #(parameter N = 8)(input a);\\n", "output": "v"}',
        Sample(
            id="rows-1",
            instruction="i",
            header="module m #(parameter N = 8)(input a);\n",
            verilog="v",
            origin="llama-factory",
        ),
    ),
    "llama-factory with code as input": (
        '{"instruction": "i", "input": "module m(input a); wire b;", "output": "v"}',
        Sample(id="rows-1", instruction="i\nmodule m(input a); wire b;", verilog="v", origin="llama-factory"),
    ),
    "chat": (
        '{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "i"},'
        ' {"role": "assistant", "content": "v"}]}',
        Sample(id="rows-1", instruction="i", verilog="v", origin="chat"),
    ),
    "sharegpt": (
        '{"conversations": [{"from": "human", "value": "i"}, {"from": "gpt", "value": "v"}], "system": "s"}',
        Sample(id="rows-1", instruction="i", verilog="v", origin="chat"),
    ),
    "ours with provenance": (
        '{"id": "a", "instruction": "i", "verilog": "v", "provenance": {"teacher": "t"}}',
        TracedSample(id="a", instruction="i", verilog="v", provenance={"teacher": "t"}),
    ),
    "llama-factory without input": (
        '{"instruction": "i", "output": "v"}',
        Sample(id="rows-1", instruction="i", verilog="v", origin="llama-factory"),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_known_forms(tmp_path: Path, form: str) -> None:
    line, sample = FORMS[form]
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{line}\n")
    assert read_samples(path) == [sample]
    problem = Problem(id=sample.id, text=sample.instruction, header=sample.header, reference=sample.verilog)
    assert read_problems(path) == [problem]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", samples.FORMS)
def test_a_sample_put_into_a_form_is_read_again(tmp_path: Path, form: str, target: samples.Form) -> None:
    _, sample = FORMS[form]
    path = tmp_path / "rows.jsonl"
    jsonl.write(path, [samples.in_form(sample, target)])
    (back,) = read_samples(path)
    assert back.verilog == sample.verilog
    if target == "samples":
        assert back == sample
    if target == "rtl-coder":
        assert (back.responses, back.scores, back.reference) == (sample.responses, sample.scores, sample.reference)


def test_a_file_is_read_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{OURS}nonsense\n")
    rows = samples.stream_samples(path)
    assert next(rows).id == "a"
    with pytest.raises(DataError, match="line 2"):
        next(rows)


def test_forms_may_be_mixed_and_ids_count_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text("\n" + "\n\n".join(line for line, _ in FORMS.values()))
    assert [s.id for s in read_samples(path)] == ["a", *(f"rows-{2 * n}" for n in range(2, 10)), "a", "rows-22"]


def test_problems(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        '{"id": "a", "text": "t", "testbench": "b", "pass_pattern": "p"}\n{"id": "b", "text": "t", "top": "m"}\n'
    )
    assert read_problems(path) == [
        Problem(id="a", text="t", testbench="b", pass_pattern="p"),
        Problem(id="b", text="t", top="m"),
    ]


OURS = '{"id": "a", "instruction": "i"}\n'


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("", None, "no rows"),
        ("\n \n", None, "no rows"),
        ("[]\n", None, "no rows"),
        ("[1]\n", 1, "object"),
        ("nonsense\n", 1, "JSON"),
        (OURS + '{"id": "b"}\n', 2, "instruction"),
        (OURS + '{"id": "b", "instruction": "i", "nonsense": 1}\n', 2, "nonsense"),
        (OURS + '{"Instruction": "i", "Response": []}\n', 2, "Response is empty"),
        (OURS + '{"Instruction": "i", "Response": "v"}\n', 2, "Response"),
        (OURS + '{"Instruction": "i", "Response": ["a", "b"], "Score": [1]}\n', 2, "2 responses but 1 scores"),
        (OURS + '{"instruction": "i", "output": 1}\n', 2, "output"),
        (OURS + "\n" + '{"id": "b", "instr', 3, "truncated"),
        (OURS + '{"messages": []}\n', 2, "here nobody speak"),
        (OURS + '{"messages": [{"role": "user", "content": "i"}]}\n', 2, "here user speak"),
        (
            OURS + '{"conversations": [{"from": "gpt", "value": "v"}, {"from": "human", "value": "i"}]}\n',
            2,
            "user, ass",
        ),
        (OURS + '{"messages": [{"role": "user", "content": ["i"]}]}\n', 2, "content"),
        (OURS + '{"id": "b", "instruction": "i", "provenance": {"seed": 1}}\n', 2, "provenance"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, content: str, line: int | None, words: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content)
    for read in (read_samples, read_problems):
        with pytest.raises(DataError, match=words) as raised:
            read(path)
        assert raised.value.line == line
        assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('{"id": "a", "text": "t", "testbench": "b"}', "without a pass_pattern"),
        ('{"id": "a", "text": "t", "testbench": "b", "pass_pattern": "("}', "no regular expression"),
    ],
)
def test_a_testbench_says_how_it_passes(tmp_path: Path, row: str, words: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(row)
    with pytest.raises(DataError, match=words):
        read_problems(path)


def test_a_json_array_is_read_as_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('\n[{"instruction": "i", "output": "v"},\n {"instruction": "j", "output": "w"}]\n')
    assert [(s.id, s.verilog) for s in read_samples(path)] == [("rows-1", "v"), ("rows-2", "w")]


def test_a_question_is_a_problem_and_no_sample(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"Instruction": "i", "Input": "module m(input a);"}\n')
    assert read_problems(path) == [Problem(id="rows-1", text="i", header="module m(input a);")]
    with pytest.raises(DataError, match=r"line 1: .*Response"):
        read_samples(path)


@pytest.mark.parametrize("row", ['{"id": "a", "instruction": "i"}', '{"id": "a", "text": "i"}'])
def test_problems_have_ids_of_their_own(tmp_path: Path, row: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{row}\n\n{row}\n")
    with pytest.raises(DataError, match="line 3: the id 'a' stands there twice"):
        read_problems(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    for read in (read_samples, read_problems):
        with pytest.raises(UsageError, match=r"cannot read .*none\.jsonl"):
            read(tmp_path / "none.jsonl")

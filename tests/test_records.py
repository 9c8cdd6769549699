"""The records: they come back from JSON as they went, are frozen, and take no unknown field."""

import msgspec
import pytest

from rtlscribe.flow import Attempt
from rtlscribe.models.base import Request
from rtlscribe.records import Candidate, Completion, Problem, Sample, Sampling, Verdict

COMPLETION = Completion(
    problem_id="p",
    index=2,
    text='größer\n\t"x" \\ \u0000 漢字 😀',
    model="scripted:x",
    sampling=Sampling(n=3, temperature=0.2, top_p=0.95, max_tokens=8, beams=2, seed=7),
    finish_reason="length",
)
CANDIDATE = Candidate(problem_id="p", index=2, code="module m; endmodule\r\n", assembly="modules")
VERDICT = Verdict(problem_id="p", index=2, status="timeout", checker="scripted", detail="d", seconds=0.1)
RECORDS = [
    Sampling(),
    Problem(id="p", text="t"),
    Problem(
        id="p",
        text="t",
        header="h",
        reference="r",
        testbench="b",
        pass_pattern="^ok$",
        fail_patterns=("a", "b"),
        top="m",
        files={"x.dat": "0\n"},
    ),
    COMPLETION,
    CANDIDATE,
    VERDICT,
    Sample(id="s", instruction="i"),
    Sample(id="s", instruction="i", responses=("a", "b"), scores=(0.1, 1.0), reference=1, origin="o"),
    Attempt(completion=COMPLETION, candidate=CANDIDATE, verdict=VERDICT),
    Request(problem_id="p", prompt="x", indices=(0, 2)),
]
KINDS = [type(record).__name__ for record in RECORDS]


@pytest.mark.parametrize("record", RECORDS, ids=KINDS)
def test_round_trip(record: msgspec.Struct) -> None:
    line = msgspec.json.encode(record)
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=type(record)) == record


@pytest.mark.parametrize("record", RECORDS, ids=KINDS)
def test_unknown_field_is_refused(record: msgspec.Struct) -> None:
    fields = msgspec.to_builtins(record) | {"nonsense": 1}
    with pytest.raises(msgspec.ValidationError, match="nonsense"):
        msgspec.convert(fields, type(record))


@pytest.mark.parametrize("record", RECORDS, ids=KINDS)
def test_frozen(record: msgspec.Struct) -> None:
    name = record.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(record, name, getattr(record, name))


@pytest.mark.parametrize(
    ("kind", "fields", "word"),
    [
        (Verdict, {"problem_id": "p", "index": 0, "status": "fine", "checker": "c"}, "fine"),
        (Verdict, {"problem_id": "p", "index": "0", "status": "passed", "checker": "c"}, "index"),
        (Problem, {"id": "p"}, "text"),
        (Completion, {"problem_id": "p", "index": 0, "text": "", "model": "m", "sampling": {}}, "finish_reason"),
        (Sample, {"id": "s", "instruction": "i", "scores": ["1"]}, "scores"),
    ],
)
def test_wrong_value_is_refused_by_name(kind: type, fields: dict[str, object], word: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=word):
        msgspec.convert(fields, kind)


def test_equal_by_value_and_keyword_only() -> None:
    assert Sampling(n=2) == Sampling(n=2) != Sampling(n=3)
    with pytest.raises(TypeError):
        Sampling(2)  # type: ignore[misc]

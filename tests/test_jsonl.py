"""JSON Lines: exact places of errors, whole lines, and all or nothing."""

from pathlib import Path

import pytest

from rtlscribe import jsonl
from rtlscribe.errors import DataError, UsageError
from rtlscribe.records import Verdict

VERDICTS = [Verdict(problem_id="p", index=i, status="passed", checker="é") for i in range(3)]


def test_written_and_appended_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/v.jsonl"
    assert jsonl.write(path, VERDICTS[:2]) == 2
    with path.open("ab") as file:
        jsonl.append(file, VERDICTS[2])
        assert list(jsonl.read(path, Verdict)) == VERDICTS  # it is on disk before the file is closed
    assert [p.name for p in path.parent.iterdir()] == ["v.jsonl"]


def test_blank_lines_and_windows_line_ends_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    path.write_bytes(b"\n" + jsonl.encode(VERDICTS[0]).rstrip() + b"\r\n \r\n" + jsonl.encode(VERDICTS[1]).rstrip())
    assert list(jsonl.read(path, Verdict)) == VERDICTS[:2]
    assert [number for number, _ in jsonl.lines(path)] == [2, 4]


GOOD = jsonl.encode(VERDICTS[0])


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"nonsense\n", 1),
        (GOOD + b'{"problem_id": "p"\n', 2),
        (GOOD + b"\n" + b"[]\n", 3),
        (GOOD + b'{"problem_id": "p"}\n', 2),
        (GOOD + GOOD + b"null\n", 3),
        (GOOD + b'"\xff\xfe"\n', 2),
        (b"\xef\xbb\xbf" + GOOD, 1),
        (b"\x00\n", 1),
        (GOOD.rstrip() + GOOD, 1),
        (GOOD.replace(b'"passed"', b'"\xff"'), 1),
    ],
)
def test_wrong_line_is_named(tmp_path: Path, content: bytes, line: int) -> None:
    path = tmp_path / "v.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        list(jsonl.read(path, Verdict))
    assert raised.value.line == line
    assert str(raised.value).startswith(f"{path}, line {line}: ")
    assert raised.value.exit_code == 2


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.jsonl", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(UsageError, match=f"cannot read {path}: {reason}"):
            list(jsonl.read(path, Verdict))


def test_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    jsonl.write(path, VERDICTS)
    with pytest.raises(TypeError):
        jsonl.write(path, [VERDICTS[0], object()])
    assert list(jsonl.read(path, Verdict)) == VERDICTS
    assert [p.name for p in tmp_path.iterdir()] == ["v.jsonl"]


def test_replace_that_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    def chunks():
        yield b"new"
        raise KeyboardInterrupt

    path = tmp_path / "v.jsonl"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        jsonl.replace(path, chunks())
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["v.jsonl"]


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write .*file/v\.jsonl: "):
        jsonl.write(tmp_path / "file/v.jsonl", VERDICTS)

"""Places: records are found again by their ids, and what is wrong with a file is said with its line."""

import json
from pathlib import Path

import msgspec
import pytest

from rtlscribe.errors import DataError
from rtlscribe.places import Places, count


class Row(msgspec.Struct):
    """What an id is read from."""

    id: str


def test_lines_by_id(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    names = ["b", "a", "", "ü\u2028", "b", "a" * 5000, "b"]
    path.write_text("\n".join(json.dumps({"id": name, "n": n}) for n, name in enumerate(names)) + "\n\n")
    places = Places(path, Row)
    assert len(places) == 7
    for name in names:
        found = [json.loads(line) for line in places.lines(name)]
        assert found == [{"id": name, "n": n} for n, other in enumerate(names) if other == name]
        assert name in places
        assert places.count(name) == len(found)
    assert "c" not in places
    assert list(places.lines("c")) == []
    with path.open("a") as file:
        file.write('{"id": "c"}\n')
    assert "c" not in places  # the file as it was


def test_a_file_that_is_not_there_or_empty_has_none(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("empty", "nowhere"):
        assert len(Places(tmp_path / name, Row)) == 0
        assert "a" not in Places(tmp_path / name, Row)


def test_ids_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    assert count(path, lambda: [(1, "a"), (3, "b")]) == 2
    with pytest.raises(DataError, match=r"line 5: the id 'a' stands there twice"):
        count(path, lambda: [(1, "a"), (3, "b"), (5, "a"), (6, "b")])
    with pytest.raises(DataError, match="no rows"):
        count(path, list)

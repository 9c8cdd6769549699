"""Put the output file together: the input's rows in order with what was made of them, and what it held before.

Texts stay on disk: of each row there are 16 bytes and a place in memory.
"""

from __future__ import annotations

import contextlib
import mmap
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rtlscribe import jsonl
from rtlscribe.errors import DataError
from rtlscribe.records import Record
from rtlscribe.transforming.rows import Fields, Row, digest, elements, is_array, one_line
from rtlscribe.transforming.work import Made

T = TypeVar("T")


class Failed(Record, kw_only=True):
    """A row without a new output: its line in the input, why, and what the model said last."""

    line: int
    fault: str
    said: str = ""


class Before(Record, kw_only=True):
    """A row of the output as it was: what it is known by, its output field, and all of it, as JSON."""

    key: str
    made: msgspec.Raw
    row: msgspec.Raw


class _Key(msgspec.Struct):
    key: str


class Index:
    """The lines of a file of records by their key, the last of a key. An empty or missing file has none."""

    def __init__(self, path: Path, kind: type[Any]) -> None:
        self._places: dict[bytes, int] = {}
        self._decoder: Any = msgspec.json.Decoder(kind)
        self._map: mmap.mmap | None = None
        if not path.exists() or not path.stat().st_size:
            return
        keys = msgspec.json.Decoder(_Key)
        place = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    self._places[bytes.fromhex(keys.decode(line).key)] = place
                except (msgspec.DecodeError, ValueError) as error:
                    raise DataError(path, number, f"{error}") from error
                place += len(line)
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Any]:
        """All records in the order of the file, also those of a key that comes again."""
        if self._map:
            self._map.seek(0)
            yield from map(self._decoder.decode, iter(self._map.readline, b""))

    def get(self, key: bytes) -> Any | None:
        place = self._places.get(key)
        return None if place is None else self._at(place)

    def close(self) -> None:
        if self._map:
            self._map.close()

    def _at(self, place: int) -> Any:
        assert self._map
        return self._decoder.decode(self._map[place : self._map.find(b"\n", place)])


def key_of(text: str) -> bytes:
    """What a text is known by."""
    return digest(text.encode(errors="surrogatepass"))


def take_stock(output: Path, fields: Fields, to: Path) -> str:
    """Write the rows that an output file holds into a file of `Before`; the file itself stays as it is.

    Of a file that is broken, the whole rows count, and a copy of it is kept. Returns what is to be said about that.
    """
    broken = ""

    def rows() -> Iterator[bytes]:
        nonlocal broken
        with contextlib.suppress(StopIteration):
            found = elements(output)
            while True:
                try:
                    number, raw = next(found)
                except DataError as error:
                    broken = str(error)
                    return
                row = fields.read(number, raw)
                if row.lost:
                    broken = broken or f"{output}, line {number}: {row.fault}"
                    continue
                whole = one_line(raw)
                made = msgspec.Raw(one_line(row.made) or b"null")
                yield jsonl.encode(Before(key=fields.identity(whole).hex(), made=made, row=msgspec.Raw(whole)))

    jsonl.replace(to, rows() if output.exists() and output.stat().st_size else [])
    if not broken:
        return ""
    copy = output.with_name(f"{output.name}.broken")
    shutil.copyfile(output, copy)
    return f"{broken}; its whole rows are kept, and it as it was is {copy}"


def filled(value: bytes) -> bool:
    """Whether an output field, as JSON, holds a text."""
    return value.startswith(b'"') and bool(value.strip(b'" \t'))


@dataclass
class Merge:
    """The parts of an output file, and what is counted while it is put together."""

    fields: Fields
    made: Index
    before: Index
    only_missing: bool
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    ending: DataError | None = None

    def write(self, source: Path, output: Path, failed: Path) -> None:
        """Put the file in place, all of it or none, and the list of failed rows beside the run."""
        with failed.open("wb") as list_of_failed:
            rows = self._rows(source, list_of_failed)
            jsonl.replace(output, _as_array(rows) if is_array(source) else (one_line(row) + b"\n" for row in rows))

    def trouble(self, source: Path, failed: Path) -> DataError | None:
        """Why the output lacks rows of the input: some are no JSON, or the file breaks off."""
        lost = self.faults["no JSON"]
        what = f"{lost} of its lines are no JSON and not in the output, which has all others; see {failed}"
        return self.ending or (DataError(source, None, what) if lost else None)

    def _rows(self, source: Path, failed: Any) -> Iterator[bytes]:
        seen: set[bytes] = set()
        found = elements(source)
        while True:
            try:
                number, raw = next(found)
            except StopIteration:
                break
            except DataError as error:
                self.ending = error
                break
            row = self.fields.read(number, raw)
            content, fault = self._row(row, seen)
            self.counts["rows"] += 1
            if fault:
                self.faults[_kind(fault.fault)] += 1
                failed.write(jsonl.encode(fault))
            if not row.lost:
                yield content
        for before in self.before:
            if bytes.fromhex(before.key) not in seen:
                self.counts["earlier"] += 1
                yield bytes(before.row)

    def _row(self, row: Row, seen: set[bytes]) -> tuple[bytes, Failed | None]:
        """A row with its output, and why it has no new one, if that is so."""
        before = None
        if len(self.before) and not row.lost:
            identity = self.fields.identity(row.raw)
            seen.add(identity)
            before = self.before.get(identity)
        earlier = bytes(before.made) if before and filled(bytes(before.made)) else b""
        if self.only_missing and not row.fault and (filled(row.made) or earlier):
            self.counts["kept"] += 1
            return self._with(row, b"" if filled(row.made) else earlier), None
        made: Made | None = None if row.fault else self.made.get(key_of(row.text))
        if made and not made.fault:
            self.counts["transformed"] += 1
            return self.fields.write(row, msgspec.json.encode(made.value)), None
        self.counts["unfit" if row.fault else "failed"] += 1
        fault = row.fault or (made.fault if made else "not answered")
        return self._with(row, earlier), Failed(line=row.number, fault=fault, said=made.said if made else "")

    def _with(self, row: Row, value: bytes) -> bytes:
        return self.fields.write(row, value) if value else row.raw


def _kind(fault: str) -> str:
    """A fault without what is particular to one row."""
    if fault.startswith("line "):
        return "does not compile"
    if fault.startswith("no JSON"):
        return "no JSON" if fault.startswith("no JSON:") else "no JSON object"
    return fault.partition(":")[0].partition(" but ")[0]


def _as_array(rows: Iterator[bytes]) -> Iterator[bytes]:
    opening = b"[\n"
    for row in rows:
        yield opening
        yield row
        opening = b",\n"
    yield b"\n]\n" if opening == b",\n" else b"[]\n"

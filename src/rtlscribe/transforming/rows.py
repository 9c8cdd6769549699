"""The rows of a JSON array or JSON Lines: read one by one, told apart by content, given a field. Knows no model.

A row is kept as the bytes that it was read as, so that what is not asked for stays as it is. Only one row is in memory
at a time, and of an array a piece of the file around it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from rtlscribe.errors import DataError, UsageError

PIECE = 1 << 20  # characters read at a time
LONGEST = 1 << 26  # characters of one element; what does not end by then is no JSON
BOM = b"\xef\xbb\xbf"
EXCERPT = 40
_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Row(NamedTuple):
    """A row with the text of its input field; `fault` says why it has none. `number` is its (first) line.

    `made` is its output field as JSON, b"" if it has none. `lost`: it is no JSON, and cannot be kept.
    """

    number: int
    raw: bytes
    text: str = ""
    made: bytes = b""
    fault: str = ""
    lost: bool = False


def is_array(path: Path) -> bool:
    """Whether a file is one JSON array; else it is JSON Lines.

    Raises:
        UsageError: it cannot be read. DataError: it is empty.
    """
    try:
        with path.open("rb") as file:
            start = file.read(PIECE).removeprefix(BOM).lstrip()
            while not start:
                piece = file.read(PIECE)
                if not piece:
                    raise DataError(path, None, "is empty; wanted a JSON array of objects, or one object a line")
                start = piece.lstrip()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    return start.startswith(b"[")


def elements(path: Path) -> Iterator[tuple[int, bytes]]:
    """The elements of a file as they stand there, each with the line on which it begins.

    Raises:
        UsageError: the file cannot be read. DataError: it is empty, or an array that is no JSON from some line on; what
            comes before that is yielded.
    """
    if not is_array(path):
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                content = (line.removeprefix(BOM) if number == 1 else line).strip()
                if content:
                    yield number, content
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            yield from _Array(file, path)
        except UnicodeDecodeError as error:
            raise DataError(path, None, f"is no text in UTF-8: {error}") from error


class _Array:
    """The elements of a JSON array, of which a piece is held at a time."""

    def __init__(self, file: IO[str], path: Path) -> None:
        self._file, self._path = file, path
        self._text, self._place, self._line = "", 0, 1

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        self._next_sign()
        self._place += 1  # the bracket
        sign = self._next_sign()
        while sign != "]":
            line = self._line
            yield line, self._element().encode()
            sign = self._next_sign()
            if sign == ",":
                self._place += 1
                sign = "," if self._next_sign() else ""
            elif sign != "]":
                raise self._broken(f"expected ',' or ']', found {sign!r}" if sign else "the array breaks off")
            if not sign:
                raise self._broken("the array breaks off")
        self._place += 1
        if self._next_sign():
            raise self._broken("there is more after the end of the array")

    def _element(self) -> str:
        while True:
            try:
                _, end = _DECODER.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:
                if len(self._text) - self._place <= LONGEST and self._more():
                    continue
                self._line += self._text.count("\n", self._place, error.pos)
                raise self._broken(f"no JSON: {error.msg}") from error
            except RecursionError as error:
                raise self._broken("nested too deeply") from error
            if end == len(self._text) and self._text[end - 1] not in '}]"' and self._more():
                continue  # half a number
            found = self._text[self._place : end]
            self._line += found.count("\n")
            self._place = end
            return found

    def _next_sign(self) -> str:
        """The next character that is no blank; "" at the end of the file."""
        while True:
            found = _BLANKS.match(self._text, self._place)
            end = found.end() if found else self._place
            self._line += self._text.count("\n", self._place, end)
            self._place = end
            if end < len(self._text):
                return self._text[end]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read on, as much again as is held: so a long element is not gone through again and again."""
        piece = self._file.read(max(PIECE, len(self._text) - self._place))
        self._text, self._place = self._text[self._place :] + piece, 0
        return bool(piece)

    def _broken(self, what: str) -> DataError:
        return DataError(self._path, self._line, what)


class Fields:
    """Reads and writes two fields of a row, and leaves the others alone."""

    def __init__(self, given: str, made: str) -> None:
        self.given, self.made = given, made
        kind = msgspec.defstruct(
            "Fields",
            [("given", msgspec.Raw, msgspec.Raw(b"")), ("made", msgspec.Raw, msgspec.Raw(b""))],
            rename={"given": given, "made": made},
        )
        self._decoder: Any = msgspec.json.Decoder(kind)
        self._text = msgspec.json.Decoder(str)

    def read(self, number: int, raw: bytes) -> Row:
        """A row with its text, or with its fault."""
        try:
            raw.isascii() or raw.decode()  # what is passed over is not looked at by the decoder
            fields = self._decoder.decode(raw)
        except msgspec.ValidationError:
            return Row(number, raw, fault=f"no JSON object but {_excerpt(raw)}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Row(number, raw, fault=f"no JSON: {error}", lost=True)
        given, made = bytes(fields.given), bytes(fields.made)
        try:
            if not given:
                return Row(number, raw, made=made, fault=f"has no field {self.given!r}")
            if not given.startswith(b'"'):
                return Row(number, raw, made=made, fault=f"its {self.given!r} is no text but {_excerpt(given)}")
            text = self._text.decode(given)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Row(number, raw, made=made, fault=f"its {self.given!r} is no text: {error}")
        if not text.strip():
            return Row(number, raw, made=made, fault=f"its {self.given!r} is empty")
        return Row(number, raw, text, made)

    def write(self, row: Row, value: bytes) -> bytes:
        """The row with `value`, which is JSON, as its output field: in its place if it has one, else as the last."""
        if row.made:
            members = msgspec.json.decode(row.raw, type=dict[str, msgspec.Raw])
            members[self.made] = msgspec.Raw(value)
            return msgspec.json.encode(members)
        separator = b", " if row.text or row.fault.startswith("its ") else b""
        name = msgspec.json.encode(self.made)
        return b"".join((row.raw[:-1].rstrip(), separator, name, b": ", value, b"}"))

    def identity(self, raw: bytes) -> bytes:
        """What a row is known by, whatever its output and however it is spaced."""
        try:
            content = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return digest(raw)
        if isinstance(content, dict):
            content.pop(self.made, None)
        return digest(msgspec.json.encode(content, order="sorted"))


def digest(content: bytes) -> bytes:
    """16 bytes that tell contents apart."""
    return hashlib.blake2b(content, digest_size=16).digest()


def one_line(raw: bytes) -> bytes:
    """An element without line feeds."""
    return msgspec.json.format(raw, indent=-1) if b"\n" in raw else raw


def _excerpt(raw: bytes) -> str:
    text = raw[: 4 * EXCERPT].decode(errors="replace")
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}..."

"""JSON Lines on disk: read (JSON arrays too), append whole lines, write by renaming. Knows no record."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from rtlscribe.errors import DataError, RtlscribeError, UsageError

T = TypeVar("T")


def read(path: Path, kind: type[T]) -> Iterator[T]:
    """The records of a file, one a line; blank lines are passed over.

    Raises:
        UsageError: the file cannot be opened.
        DataError: a line is no such record; names the line.
    """
    for number, text in lines(path):
        yield decode(text, kind, path=path, line=number)


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines that are not blank, counted from 1; of a file that is one JSON array, its elements."""
    try:
        with path.open("rb") as file:
            start = file.read(1)
            while start.isspace():
                start = file.read(1)
            file.seek(0)
            if start == b"[":
                elements = decode(file.read(), list[msgspec.Raw], path=path, line=1)
                yield from enumerate((bytes(element) for element in elements), 1)
                return
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def decode(text: bytes, kind: type[T], *, path: Path, line: int) -> T:
    """One record from the text of one line.

    Raises:
        DataError: the text is no such record.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(path, line, f"{error}") from error


def encode(record: Any) -> bytes:
    """One record as one line, with its line feed."""
    return msgspec.json.encode(record) + b"\n"


def append(file: IO[bytes], record: Any) -> None:
    """Add a record to an open file as one whole line and hand it to the system at once."""
    file.write(encode(record))
    file.flush()


def write(path: Path, records: Iterable[Any]) -> int:
    """Write a whole file, by way of a new one that is renamed into place. Returns the number of records."""
    encoded = [encode(record) for record in records]
    replace(path, encoded)
    return len(encoded)


def replace(path: Path, chunks: Iterable[bytes]) -> None:
    """Put new content in place of a file, all of it or none.

    Raises:
        UsageError: the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.writelines(chunks)
        os.replace(temporary, path)
    except OSError as error:
        kind = RtlscribeError if error.errno in (errno.ENOSPC, errno.EDQUOT) else UsageError
        raise kind(f"cannot write {path}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()

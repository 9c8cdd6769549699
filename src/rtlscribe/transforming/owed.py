"""Which texts of a file have no answer yet. Asks nothing, writes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from rtlscribe.errors import DataError
from rtlscribe.transforming.merge import Index, filled, key_of
from rtlscribe.transforming.round_trip import Trip
from rtlscribe.transforming.rows import Fields, Row, elements
from rtlscribe.transforming.work import Ask


def rows(source: Path, fields: Fields) -> Iterator[Row]:
    """As many rows as can be read; that there are more is told when the output is put together."""
    with contextlib.suppress(DataError):
        for number, raw in elements(source):
            yield fields.read(number, raw)


def count(source: Path) -> int:
    """As many rows as `rows` gives."""
    found = 0
    with contextlib.suppress(DataError):
        for _ in elements(source):
            found += 1
    return found


def owed(
    found: Iterator[Row], made: Index, *, has_output: Callable[[Row], bool], bad: Callable[[Row], None]
) -> Iterator[Ask | None]:
    """Each distinct text that has no answer yet; None for a row that needs none, `bad` ones among them."""
    asked: set[bytes] = set()
    for row in found:
        if row.fault:
            bad(row)
        key = key_of(row.text)
        if row.fault or key in made or key in asked or has_output(row):
            yield None
            continue
        asked.add(key)
        yield Ask(key=key.hex(), text=row.text)


def has_output(row: Row, fields: Fields, before: Index) -> bool:
    """Whether a row has an output of its own, or had one in the output file."""
    known = before.get(fields.identity(row.raw)) if len(before) else None
    return filled(row.made) or bool(known and filled(bytes(known.made)))


def trips(found: Iterator[Row], made: Index, *, done: set[str]) -> Iterator[Trip]:
    """Each distinct piece of Verilog with the words that were made of it."""
    known = set(done)
    for row in found:
        key = key_of(row.text)
        item = None if row.fault or key.hex() in known else made.get(key)
        if item and not item.fault:
            known.add(key.hex())
            yield Trip(key.hex(), row.text, item.value)

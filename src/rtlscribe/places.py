"""Where the records of a file of JSON Lines stand, by their ids, in 16 bytes of memory a record. Writes nothing.

Ids are known by digests of 64 bits: among a million of them two are taken for one with a chance of 3 in 10^8. `Places`
looks at the line before it believes a digest.
"""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from pathlib import Path

import msgspec
import numpy as np

from rtlscribe.errors import DataError


class Places:
    """The lines of a file as it is now, by id; a file that is not there has none.

    A line is read as a `kind` of record, whose `field` is the id; "completion.problem_id" is a field of a field.

    Raises:
        DataError: a line cannot be decoded.
    """

    def __init__(self, path: Path, kind: type, field: str = "id") -> None:
        self._path, self._id = path, attrgetter(field)
        self._decode: Callable[[bytes], object] = msgspec.json.Decoder(kind).decode
        keys, starts, start = array("Q"), array("Q"), 0
        if path.exists():
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        try:
                            keys.append(_key(self._id(self._decode(line))))
                        except msgspec.DecodeError as error:
                            raise DataError(path, number, f"{error}") from error
                        starts.append(start)
                    start += len(line)
        order = np.argsort(np.frombuffer(keys, np.uint64), kind="stable")
        self._keys = np.frombuffer(keys, np.uint64)[order]
        self._starts = np.frombuffer(starts, np.uint64)[order]

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, name: str) -> bool:
        return any(True for _ in self.lines(name))

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of an id, in the order of the file."""
        first, last = self._span(name)
        if first == last:
            return
        with self._path.open("rb") as file:
            for start in self._starts[first:last].tolist():
                file.seek(start)
                line = file.readline()
                if self._id(self._decode(line)) == name:
                    yield line

    def count(self, name: str) -> int:
        """How many lines an id has, by its digest."""
        first, last = self._span(name)
        return last - first

    def _span(self, name: str) -> tuple[int, int]:
        key = np.uint64(_key(name))
        return int(self._keys.searchsorted(key, "left")), int(self._keys.searchsorted(key, "right"))


def count(path: Path, ids: Callable[[], Iterable[tuple[int, str]]]) -> int:
    """How many rows a file has; `ids` goes through their lines' numbers and ids.

    Raises:
        DataError: it has none, or an id stands there twice.
    """
    keys = np.frombuffer(array("Q", (_key(name) for _, name in ids())), np.uint64)
    if not len(keys):
        raise DataError(path, None, "no rows; expected one JSON object a line")
    order = np.argsort(keys, kind="stable")
    again = order[1:][keys[order[1:]] == keys[order[:-1]]]
    if len(again):
        number, name = next(itertools.islice(ids(), int(again.min()), None))
        raise DataError(path, number, f"the id {name!r} stands there twice")
    return len(keys)


def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest(), "little")

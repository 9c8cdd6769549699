"""Encoded rows in flat arrays, and their cache on disk: the same data, tokenizer and template are tokenised once.

A file of the cache is named by what went into it, so it is never stale, and may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

import msgspec
import numpy as np

from rtlscribe.prompts import Template
from rtlscribe.records import Sample
from rtlscribe.training.data import Dropped, Row, encode

FORM = 1  # of the files; changes with what `encode` makes of a sample


class Rows(Sequence[Row]):
    """Rows as flat arrays, 4 bytes a token. A Row is made when it is asked for."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays
        self._texts = np.concatenate([[0], np.cumsum(arrays["lengths"])])  # where each prompt or response begins
        self._firsts = np.concatenate([[0], np.cumsum(arrays["counts"] + 1)])  # which of them is each row's prompt
        self._scores = np.concatenate([[0], np.cumsum(arrays["counts"])])

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows:
        """The same rows, packed."""
        rows = list(rows)
        texts = [text for row in rows for text in (row.prompt, *row.responses)]
        return cls(
            {
                "ids": np.fromiter((i for text in texts for i in text), dtype=np.int32),
                "lengths": np.array([len(text) for text in texts], dtype=np.int64),
                "counts": np.array([len(row.responses) for row in rows], dtype=np.int64),
                "scores": np.array([z for row in rows for z in row.scores], dtype=np.float64),
                "references": np.array([row.reference for row in rows], dtype=np.int64),
            }
        )

    def __len__(self) -> int:
        return len(self.arrays["counts"])

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        first, end = self._firsts[place], self._firsts[place + 1]
        prompt, *responses = (
            self.arrays["ids"][a:b].tolist()
            for a, b in zip(self._texts[first:end], self._texts[first + 1 : end + 1], strict=True)
        )
        scores = self.arrays["scores"][self._scores[place] : self._scores[place + 1]].tolist()
        return Row(prompt, responses, scores, int(self.arrays["references"][place]))


def encoded(
    samples: Sequence[Sample],
    tokenizer: Any,
    template: Template,
    *,
    scoring: bool,
    max_length: int,
    max_prompt_fraction: float = 1.0,
) -> tuple[Rows, Dropped]:
    """As `encode`, from the cache where the same has been encoded before. Raises as `encode` does."""
    rules = (FORM, scoring, max_length, max_prompt_fraction)
    path = cache_folder() / f"{_key(samples, tokenizer, template, rules)}.npz"
    if found := _read(path):
        return found
    # It would say that rows beyond the model's context "will result in indexing errors": they are dropped and counted.
    tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
    rows, dropped = encode(
        samples,
        tokenizer,
        template,
        scoring=scoring,
        max_length=max_length,
        max_prompt_fraction=max_prompt_fraction,
    )
    packed = Rows.of(rows)
    _write(path, packed, dropped)
    return packed, dropped


def cache_folder() -> Path:
    """Where the encoded rows of earlier runs lie."""
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home or Path.home() / ".cache") / "rtlscribe" / "tokens"


def _key(samples: Iterable[Sample], tokenizer: Any, template: Template, rules: tuple[Any, ...]) -> str:
    """sha256 of all that decides the ids: the rules, the tokenizer's files, the prompts and the responses."""
    digest = hashlib.sha256(msgspec.json.encode(rules))
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        for file in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
    for sample in samples:
        prompt = template.render(instruction=sample.instruction, header=sample.header)
        told = (prompt, sample.verilog, sample.responses, sample.scores, sample.reference)
        digest.update(msgspec.json.encode(told))
    return digest.hexdigest()


def _read(path: Path) -> tuple[Rows, Dropped] | None:
    # A file that is cut off or of another program counts as none.
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        dropped = Dropped(*arrays.pop("dropped").tolist())
        return Rows(arrays), dropped
    return None


def _write(path: Path, rows: Rows, dropped: Dropped) -> None:
    """Written beside and renamed. Where it cannot be written, the next run tokenises again."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.npz")
    counts = np.array([dropped.too_long, dropped.prompt_too_long, dropped.nothing_to_rank])
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            np.savez(temporary, **{**rows.arrays, "dropped": counts})  # type: ignore[arg-type]  # no name is "allow_pickle"
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

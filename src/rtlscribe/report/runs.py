"""Finished runs on disk: found by folder, their manifests and summaries read. Writes nothing and computes no rates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from rtlscribe import jsonl
from rtlscribe.errors import UsageError
from rtlscribe.report.material import Manifest, Source

T = TypeVar("T")

# Inputs of an evaluation that are not what its problems are read from.
NOT_THE_BENCHMARK = frozenset({"model", "prompt", "samples", "errata"})


def open_run(given: str) -> Source:
    """A finished run from FOLDER or LABEL=FOLDER; a folder whose own name has an equals sign is taken as it is.

    Raises:
        UsageError: there is no run, or it is not finished.
        DataError: its manifest is none.
    """
    label, equals, place = given.partition("=")
    if not equals or Path(given).is_dir():
        label, place = Path(given).resolve().name, given
    folder = Path(place)
    file = folder / "manifest.json"
    if not label or not place or not file.is_file():
        raise UsageError(
            f"{place or given} is no run of rtlscribe: wanted a folder with a manifest.json, or LABEL=FOLDER"
        )
    manifest = read_whole(file, Manifest)
    if manifest.status != "finished":
        raise UsageError(
            f"{folder} holds a run of {manifest.stage!r} that is not finished ({manifest.status}); "
            "the same command again goes on with it"
        )
    everything = read_whole(file, dict[str, Any])
    facts = {name: value for name, value in everything.items() if name not in ("config", "inputs")}
    return Source(label=label, folder=str(folder), manifest=manifest, facts=facts)


def read_whole(file: Path, kind: type[T]) -> T:
    """The one record that a file of a run holds.

    Raises:
        UsageError: it is not there. DataError: it is no such record.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}; the run is not whole") from error
    return jsonl.decode(content, kind, path=file, line=1)


def benchmark_parts(inputs: Mapping[str, str]) -> dict[str, str]:
    """The sha256 of each file or folder that an evaluation's problems were read from, by name."""
    return {name: sha256 for name, sha256 in sorted(inputs.items()) if name not in NOT_THE_BENCHMARK}


def benchmark_content(inputs: Mapping[str, str]) -> str:
    """One sha256 for all that an evaluation's problems were read from; "" for problems that the package makes."""
    parts = benchmark_parts(inputs)
    if len(parts) > 1:
        return hashlib.sha256("".join(f"{name} {sha256}\n" for name, sha256 in parts.items()).encode()).hexdigest()
    return next(iter(parts.values()), "")

"""Finished runs on disk: found by folder, their manifests and summaries read. Writes nothing and computes no rates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rtlscribe import jsonl, summaries
from rtlscribe.errors import DataError, UsageError
from rtlscribe.records import Record
from rtlscribe.report.material import Manifest, Source

T = TypeVar("T")

# Inputs of an evaluation that are not what its problems are read from.
NOT_THE_BENCHMARK = frozenset({"model", "prompt", "samples", "errata"})

# What the runs of each stage end with.
SUMMARIES: dict[str, type[Record]] = {
    "designs": summaries.DesignsSummary,
    "keywords": summaries.KeywordsSummary,
    "instructions": summaries.InstructionsSummary,
    "answers": summaries.AnswersSummary,
    "verify": summaries.VerifySummary,
    "decontaminate": summaries.DecontaminateSummary,
    "stats": summaries.StatsSummary,
    "import": summaries.ImportSummary,
    "export": summaries.ExportSummary,
    "new-model": summaries.NewModelSummary,
    "train": summaries.TrainSummary,
    "train-dpo": summaries.PreferenceSummary,
    "train-grpo": summaries.ReinforceSummary,
    "quantize": summaries.QuantizeSummary,
    "transform": summaries.TransformSummary,
    "bench": summaries.BenchSummary,
    "sample": summaries.SampleSummary,
    "score": summaries.ScoreSummary,
    "evaluate": summaries.EvaluateSummary,
    "audit": summaries.AuditSummary,
}
# The lines of out.jsonl, of those stages whose every line is told.
ENTRIES: dict[str, type[Record]] = {
    "train": summaries.LossEntry,
    "train-dpo": summaries.PreferenceEntry,
    "train-grpo": summaries.ReinforceEntry,
    "bench": summaries.BenchEntry,
}


def open_run(given: str) -> Source:
    """A finished run from FOLDER or LABEL=FOLDER; a folder whose own name has an equals sign is taken as it is.

    Raises:
        UsageError: there is no run, or it is not finished.
        DataError: its manifest is none.
    """
    label, equals, place = given.partition("=")
    if not equals or Path(given).is_dir():
        label, place = Path(given).resolve().name, given
    if not label or not place:
        raise UsageError(f"{given}: wanted LABEL=FOLDER, and the {'folder' if label else 'label'} is missing")
    folder = Path(place)
    file = folder / "manifest.json"
    if not file.is_file():
        near = [path.parent for path in (folder.parent / file.name, *folder.glob(f"*/{file.name}")) if path.is_file()]
        hint = f"; did you mean {min(near)}?" if near else ""
        raise UsageError(f"{place} is no run of rtlscribe: wanted a folder with a manifest.json, or LABEL=FOLDER{hint}")
    source = as_source(read_whole(file, dict[str, Any]), folder, label=label)
    if source.manifest.status != "finished":
        raise UsageError(
            f"{folder} holds a run of {source.manifest.stage!r} that is not finished ({source.manifest.status}); "
            "the same command again goes on with it"
        )
    return source


def as_source(manifest: dict[str, Any], folder: Path, *, label: str = "") -> Source:
    """A run from the content of its manifest, by default called as its folder. Raises DataError: it is none."""
    try:
        known = msgspec.convert(manifest, Manifest)
    except msgspec.ValidationError as error:
        raise DataError(folder / "manifest.json", 1, f"{error}") from error
    facts = {name: value for name, value in manifest.items() if name not in ("config", "inputs")}
    return Source(label=label or folder.resolve().name, folder=str(folder), manifest=known, facts=facts)


def read_summary(source: Source) -> Record | None:
    """What a run ended with; None for a stage that is not known here."""
    kind = SUMMARIES.get(source.manifest.stage)
    return read_whole(Path(source.folder) / "summary.json", kind) if kind else None


def read_entries(source: Source) -> tuple[Record, ...]:
    """The lines of a run's out.jsonl, of those stages whose every line is told; of others nothing."""
    kind = ENTRIES.get(source.manifest.stage)
    entries = jsonl.read(Path(source.folder) / "out.jsonl", kind) if kind else ()
    # A run that went on from a checkpoint has told some steps twice; the last telling is the one that counts.
    told = {getattr(entry, "step", number): entry for number, entry in enumerate(entries)}
    return tuple(told[key] for key in sorted(told))


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


def moment(date: str) -> float:
    """A date of a manifest in seconds since 1970; 0 for none."""
    return datetime.strptime(date, "%Y-%m-%dT%H:%M:%S%z").timestamp() if date else 0.0

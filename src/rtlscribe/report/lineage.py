"""Which finished runs made the files that a run was given. Reads manifests and summaries; writes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtlscribe.errors import RtlscribeError
from rtlscribe.records import Record
from rtlscribe.report import rows
from rtlscribe.report.material import Manifest, Source
from rtlscribe.report.runs import moment, open_run, read_summary

# Options that name a file, a model's folder or a run's folder.
NAMED = ("data", "json_file", "completions", "model")
TOLD = ("seed", "against", "rule", "threshold", "loss", "temperature", "n")  # what decides the rows of a run


class Ancestor(Record):
    """A run that made something of what a later one was given."""

    source: Source
    summary: Record


def ancestors(config: Mapping[str, Any], *, started: str) -> list[Ancestor]:
    """The runs behind the files that a configuration names, the latest first, each once.

    A run counts if it ended before `started`: one that was made again since then made something else.
    """
    found: dict[Path, Ancestor] = {}
    owed = [(config, started)]
    while owed:
        named, before = owed.pop(0)
        for folder in _folders(named):
            ancestor = None if folder.resolve() in found else _finished(folder, before)
            if ancestor:
                found[folder.resolve()] = ancestor
                owed.append((ancestor.source.manifest.config, ancestor.source.manifest.started))
    return sorted(found.values(), key=lambda ancestor: moment(ancestor.source.manifest.finished), reverse=True)


def _folders(config: Mapping[str, Any]) -> list[Path]:
    given = [Path(value).expanduser() for name in NAMED if isinstance(value := config.get(name), str) and value]
    near = [folder for path in given if path.exists() for folder in (path, path.parent)]
    return [folder for folder in near if (folder / "manifest.json").is_file()]


def _finished(folder: Path, before: str) -> Ancestor | None:
    try:
        source = open_run(str(folder))
        summary = read_summary(source)
    except RtlscribeError:  # of another program, not finished, or not whole: then it is not known what made the file
        return None
    if not summary or moment(source.manifest.finished) > moment(before):
        return None
    return Ancestor(source=source, summary=summary)


def told(ancestor: Ancestor) -> str:
    """The run in one line of Markdown, without any path."""
    manifest = ancestor.source.manifest
    asked = f" of `{name}`" if (name := public_model(manifest)) else ""
    settings = [f"{name} {_plain(manifest.config[name])}" for name in TOLD if manifest.config.get(name) is not None]
    return f"`{manifest.stage}`{asked} ({', '.join(settings)}): {rows.told(ancestor.summary)}"


def public_model(manifest: Manifest) -> str:
    """The model that a run was given, by its public name; "" if it is a local one, or there is none.

    Of "endpoint:NAME@URL" the server is left out.
    """
    given = manifest.config.get("model") or ""
    backend, colon, name = given.partition("@")[0].removeprefix("hf:").rpartition(":")
    if "model" in manifest.inputs or given.startswith("scripted:") or (not backend and os.path.exists(name)):
        return ""
    is_path = name.startswith(("/", ".", "~"))  # servers call a model by its path on their machine
    return f"{backend}{colon}{Path(name).name if is_path else name}"


def public_name(given: str) -> str:
    """Of a benchmark, a file or NAME=DIR what others may read: no folder."""
    return Path(given.partition("=")[0]).name


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(map(_plain, value))
    return public_name(value) if isinstance(value, str) else f"{value}"

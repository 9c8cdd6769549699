"""One run on disk: its configuration, its manifest, what is done and what is owed. Does not know what a stage does.

    config.json     the resolved configuration; `--config` on it repeats the run
    manifest.json   stage, configuration, sha256 of the inputs, versions, attempts, status; "finished" is written last
    out.jsonl       append-only, one record a line with its key
    failures.jsonl  what a tool, not a candidate, broke, and why
    summary.json    the numbers, for `report`
    log.txt         one line an event

The same command again goes on where it stopped. *How* a run goes (executor, workers) is no part of what it is; any
other change of configuration or input is refused by name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import msgspec

import rtlscribe
from rtlscribe import jsonl
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.executors.base import Result

T = TypeVar("T")

# Fields of a configuration that say how, not what: they may change between attempts at one run.
HOW = frozenset({"output", "executor", "workers", "fresh"})
MANIFEST_KEYS = frozenset({"stage", "config", "inputs", "attempts", "status"})
DESCRIPTION = ("manifest.json", "config.json", "log.txt", "failures.jsonl")
LOCK = ".lock"
TAIL_BYTES = 64 * 1024  # looked at a time for the end of a file's last whole line


class RunDir:
    """A run's folder, open for work. Use `RunDir.open`."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    @contextlib.contextmanager
    def open(
        cls,
        path: Path,
        *,
        stage: str,
        config: Mapping[str, Any],
        inputs: Mapping[str, Path],
        tools: Mapping[str, str] | None = None,
        fresh: bool = False,
        how: Collection[str] = (),
    ) -> Iterator[RunDir]:
        """Begin a run or take it up again; one process at a time. `how` adds fields of this stage to HOW.

        `tools` are programs whose version decides the results, such as the simulator.

        Raises:
            UsageError: the folder cannot be written, belongs to another run, or is in use; an input is missing.
        """
        what = {k: v for k, v in config.items() if k not in HOW.union(how)}
        identity = _identity(stage, what, inputs, tools or {})
        try:
            _manifest(path)  # before a lock file is laid into a folder that is not ours
            path.mkdir(parents=True, exist_ok=True)
            lock = (path / LOCK).open("w")
        except OSError as error:
            raise UsageError(
                f"cannot write the run folder {path}: {error.strerror}; choose another with --output"
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UsageError(
                    f"{path} is in use by another rtlscribe; wait for it or choose another --output"
                ) from error
            if fresh:
                _clear(path, inputs)
            run = cls(path, _begin(path, identity))
            run.log(f"{stage} begins, attempt {run.manifest['attempts']}")
            try:
                yield run
            except BaseException as error:
                run.log(f"stopped: {type(error).__name__}: {error}")
                raise

    @property
    def finished(self) -> bool:
        return bool(self.manifest["status"] == "finished")

    @property
    def out(self) -> Path:
        return self.path / "out.jsonl"

    def log(self, text: str) -> None:
        line = text.splitlines()[0] if text else ""
        with contextlib.suppress(OSError), (self.path / "log.txt").open("a") as file:  # never hides the real error
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")

    def done(self, kind: type[T], *, name: str = "out.jsonl") -> list[T]:
        """The records written so far; half a last line, left by a kill, is cut off and so is owed again."""
        self._cut_half_a_line(name)
        path = self.path / name
        return list(jsonl.read(path, kind)) if path.exists() else []

    def _cut_half_a_line(self, name: str) -> None:
        path = self.path / name
        if not path.exists():
            return
        with path.open("rb+") as file:
            end = whole = file.seek(0, os.SEEK_END)
            while whole:
                start = max(0, whole - TAIL_BYTES)
                file.seek(start)
                newline = file.read(whole - start).rfind(b"\n")
                whole = start + newline + 1
                if newline >= 0:
                    break
            if whole < end:
                file.truncate(whole)
                self.log(f"{name}: dropped half a line of {end - whole} bytes")

    @contextlib.contextmanager
    def appending(self, name: str = "out.jsonl") -> Iterator[Callable[[Any], None]]:
        """A function that adds one record to a file of the run."""
        self._cut_half_a_line(name)
        with (self.path / name).open("ab") as file:
            yield lambda record: jsonl.append(file, record)

    def keep(
        self,
        results: Iterable[Result[Any, Any]],
        *,
        key: Callable[[Any], str],
        advance: Callable[[], None],
        name: str = "out.jsonl",
    ) -> None:
        """Append each value as it comes. Where a tool broke, the item goes to failures.jsonl and the rest still runs.

        Raises:
            RtlscribeError: after all is done, if any item failed; it is owed again.
        """
        failed = 0
        with self.appending(name) as append, self.appending("failures.jsonl") as fail:
            for result in results:
                if result.error:
                    failed += 1
                    fail({"key": key(result.item), "error": f"{type(result.error).__name__}: {result.error}"})
                else:
                    append(result.value)
                advance()
        if failed:
            raise RtlscribeError(
                f"{failed} checks could not be made, see {self.path / 'failures.jsonl'}; "
                "the same command tries them again"
            )

    def summary(self, kind: type[T]) -> T:
        """The numbers of a finished run."""
        path = self.path / "summary.json"
        return jsonl.decode(path.read_bytes(), kind, path=path, line=1)

    def finish(self, summary: Any) -> None:
        """Write the summary, then the manifest with the status "finished"."""
        _write_json(self.path / "summary.json", summary)
        self.manifest |= {"status": "finished", "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
        _write_json(self.path / "manifest.json", self.manifest)
        self.log("finished")


def sha256(path: Path) -> str:
    """Of a file's bytes; of a folder (a model), of its files' names and bytes."""
    if path.is_dir():
        parts = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        whole = hashlib.sha256("".join(f"{p.relative_to(path)} {sha256(p)}\n" for p in parts).encode())
        return whole.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _identity(
    stage: str, config: Mapping[str, Any], inputs: Mapping[str, Path], tools: Mapping[str, str]
) -> dict[str, Any]:
    for name, path in inputs.items():
        if not path.exists():
            raise UsageError(f"{name}: there is no {path}")
    hashes = {name: sha256(path) for name, path in inputs.items()}
    identity: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode({"stage": stage, "config": config, "inputs": hashes, "tools": tools}, enc_hook=str)
    )
    return identity


def _begin(path: Path, identity: dict[str, Any]) -> dict[str, Any]:
    """The manifest of this attempt, checked against the one on disk."""
    manifest = _manifest(path)
    if manifest is None:
        manifest = identity | _surroundings() | {"attempts": 1, "status": "running"}
    else:
        if _has_results(path):  # an attempt that failed at once, on a mistyped model say, does not hold the folder
            _refuse_change(path, manifest, identity)
        manifest |= identity | {"attempts": manifest["attempts"] + (manifest["status"] != "finished")}
    # The manifest is first, since a folder without one is taken for someone else's.
    _write_json(path / "manifest.json", manifest)
    _write_json(path / "config.json", identity["config"])
    return manifest


def _has_results(path: Path) -> bool:
    """Whether a run has got anywhere: more than its description is on disk."""
    return any(p.is_dir() or (p.name not in (*DESCRIPTION, LOCK) and p.stat().st_size > 0) for p in path.iterdir())


def _manifest(path: Path) -> dict[str, Any] | None:
    """The manifest of the run in a folder; None where there is nothing yet.

    Raises:
        UsageError: something else lies there. A run neither mixes with nor deletes what it did not write.
    """
    file = path / "manifest.json"
    if file.exists():
        manifest = jsonl.decode(file.read_bytes(), dict, path=file, line=1)
        if manifest.keys() >= MANIFEST_KEYS:
            return manifest
    elif not path.exists() or all(p.name == LOCK or p.name.startswith(f".{file.name}.") for p in path.iterdir()):
        return None
    raise UsageError(f"{path} is not empty and is no run of rtlscribe; choose another --output")


def _clear(path: Path, inputs: Mapping[str, Path]) -> None:
    """Delete what an earlier run wrote, but never what this one is to read."""
    for name, place in inputs.items():
        if place.resolve().is_relative_to(path.resolve()):
            raise UsageError(f"--fresh would delete {name}, {place}, which lies in {path}; choose another --output")
    for entry in sorted(path.iterdir(), key=lambda p: p.name == "manifest.json"):  # last: without it all is foreign
        if entry.name == LOCK:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _refuse_change(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    remedy = "use --fresh to start over, or another --output"
    if before["stage"] != now["stage"]:
        raise UsageError(f"{path} holds a run of {before['stage']!r}, not {now['stage']!r}; {remedy}")
    for part in ("config", "inputs", "tools"):
        for name in sorted(before[part].keys() | now[part].keys()):
            old, new = before[part].get(name), now[part].get(name)
            if old != new:
                what = (
                    f"the content of {name} has changed"
                    if part == "inputs"
                    else f"{name} was {old!r} and is now {new!r}"
                )
                raise UsageError(f"{path} holds another run: {what}; {remedy}")


def _surroundings() -> dict[str, Any]:
    return {
        "version": rtlscribe.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "libraries": _libraries(),
        "machine": f"{platform.system()} {platform.machine()}, {', '.join([f'{os.cpu_count()} cores', *_gpus()])}",
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _gpus() -> list[str]:
    """The NVIDIA GPUs, as Linux's driver names them: "2 x NVIDIA H200"."""
    told = Counter(
        line.partition(":")[2].strip()
        for file in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
        for line in file.read_text().splitlines()
        if line.startswith("Model:")
    )
    return [f"{count} x {name}" for name, count in told.items()]


def _commit() -> str | None:
    """The commit of the checkout that the package runs from, if it does."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():  # an installed package, perhaps inside a repository of the user's
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def _libraries() -> dict[str, str]:
    """The versions of the libraries that results depend on, those that are installed."""
    found = {}
    for name in ("torch", "transformers", "pyslang", "gguf", "xllamacpp", "llmcompressor", "gptqmodel"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _write_json(path: Path, value: Any) -> None:
    jsonl.replace(path, [msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2) + b"\n"])


def default_folder(*names: str) -> Path:
    """runs/<today>-<names>, signs of paths made hyphens: where a stage writes that was told no folder."""
    words = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(names)).strip("-.")
    return Path("runs") / f"{time.strftime('%Y-%m-%d')}-{words}"


def as_config(config: Any) -> dict[str, Any]:
    """A stage's configuration as plain values, by field."""
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}

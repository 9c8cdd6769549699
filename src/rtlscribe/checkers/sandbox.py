"""Confined worker processes, each sandboxed once and used for many answers. Judges nothing.

    with pool.borrow() as box:
        done = box.run([tool, "answer.v"], files={"answer.v": code}, deadline=deadline)

A worker that an answer brings down is replaced, and the caller is told (`Crashed`). What the confinement is made of,
and what it does not cover, stands in `confine`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from rtlscribe.errors import RtlscribeError

START_SECONDS = 60.0  # on a busy machine; half a second is usual
GRACE_SECONDS = 15.0  # beyond a program's own limit, for the worker to tell of it
CLOSE_SECONDS = 2.0
ROOMY_BYTES = 512 * 1024 * 1024
MEMORY_FOLDER = Path("/dev/shm")
SYSTEM = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/bin", "/bin", "/lib", "/lib64", "/etc/ld.so.cache")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C", "TMPDIR": "."}
NOTHING: Mapping[str, str] = MappingProxyType({})
CORE = ("files", "calls")  # without these measures an answer can do what this user can
UNSANDBOXED = "UNSANDBOXED: answers run with your own rights on this machine; see `rtlscribe doctor --sandbox`"


class Finished(NamedTuple):
    """How a program ended. `status` is the exit status, negative for a signal, None if it was killed for time."""

    status: int | None
    stdout: str
    stderr: str
    cut: bool  # more was written than is kept


class Edited(NamedTuple):
    """What a file is made of: another, with each first text replaced by the second; it has to be there just once."""

    source: str
    pairs: Sequence[tuple[str, str]]


class Crashed(Exception):
    """The worker died over a request. `status` as in Finished; None if it did not answer in time."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        super().__init__("did not answer in time" if status is None else f"ended with status {status}")


def memory_is_roomy() -> bool:
    """Whether work folders can lie in memory; a container's default of 64 MiB is too little."""
    return os.access(MEMORY_FOLDER, os.W_OK) and shutil.disk_usage(MEMORY_FOLDER).free >= ROOMY_BYTES


class Box:
    """One worker and its folder. Not for two threads at a time."""

    def __init__(self, readable: Sequence[Path]) -> None:
        self.folder = Path(
            tempfile.mkdtemp(prefix="rtlscribe-", dir=MEMORY_FOLDER if memory_is_roomy() else None)
        ).resolve()
        # As a program of its own: a fork of this process would take along its memory (torch) and its locks.
        command = [sys.executable, "-I", "-m", "rtlscribe.checkers.worker", str(self.folder), *map(str, readable)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._closing = weakref.finalize(self, _close, self._process, self.folder)
        try:
            self.measures: dict[str, str] = self._answer(START_SECONDS)
        except Crashed as error:
            self.close()
            raise RtlscribeError(f"the process that checks answers does not start: it {error}") from error

    def screen(self, code: str, *, top: str, expanded: bool = False) -> str | None:
        """The guard's reason not to run an answer, if any. Raises Crashed if the answer brought the worker down."""
        reason: str | None = self._ask(GRACE_SECONDS, do="screen", code=code, top=top, expanded=expanded)
        return reason

    def empty(self) -> None:
        self._ask(GRACE_SECONDS, do="empty")

    def write(self, files: Mapping[str, str]) -> None:
        self._ask(GRACE_SECONDS, do="write", files=dict(files))

    def read(self, name: str, *, most: int) -> str | None:
        """A file's text; None if there is none or it has more than `most` bytes."""
        text: str | None = self._ask(GRACE_SECONDS, do="read", name=name, most=most)
        return text

    def trespass(self, canary: Path) -> list[str]:
        """What the box lets a program do that it must not; `canary` is a file of yours in a folder of its own."""
        done: list[str] = self._ask(GRACE_SECONDS, do="trespass", canary=str(canary))
        return done

    def run(  # all that a process has
        self,
        command: Sequence[str],
        *,
        deadline: float,
        files: Mapping[str, str | Edited] = NOTHING,
        stdin: str = os.devnull,
        stdout: str = "",
        makes: str = "",
        large_files: bool = False,
    ) -> Finished:
        """Run a program in the folder to its end, or to `deadline` of time.monotonic(); nothing of it is left running.

        First `files` are written; status 1 if one cannot be made of another.
        `stdin` and `stdout` are files of the folder; what is written to a named file is not returned.
        `makes` is a file without which status 0 counts as 1. `large_files`: it may write files of 48 MiB instead of 16.

        Raises:
            RtlscribeError: it cannot be started, or the disk is full.
        """
        seconds = max(0.0, deadline - time.monotonic())
        done = self._ask(
            seconds + GRACE_SECONDS,
            do="run",
            command=list(command),
            seconds=seconds,
            files=dict(files),
            stdin=stdin,
            stdout=stdout,
            makes=makes,
            large=large_files,
            environment=ENVIRONMENT,
        )
        stdout_text, stderr_text = done["texts"]
        return Finished(done["status"], stdout_text, stderr_text, done["cut"])

    def close(self) -> None:
        self._closing()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _ask(self, limit_s: float, /, **request: Any) -> Any:
        content = json.dumps(request).encode()
        assert self._process.stdin
        try:
            self._process.stdin.write(struct.pack("<I", len(content)) + content)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Crashed(self._ended()) from None
        return self._answer(limit_s)

    def _answer(self, limit_s: float) -> Any:
        deadline = time.monotonic() + limit_s
        size = struct.unpack("<I", self._receive(4, deadline))[0]
        answer = json.loads(self._receive(size, deadline))
        if "fault" in answer:
            raise RtlscribeError(f"a check could not be made: {answer['fault']}")
        return answer["value"]

    def _receive(self, size: int, deadline: float) -> bytes:
        assert self._process.stdout
        pipe = self._process.stdout.fileno()
        parts = b""
        while len(parts) < size:
            poll = select.poll()
            poll.register(pipe, select.POLLIN)
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise Crashed(None)
            part = os.read(pipe, size - len(parts))
            if not part:
                raise Crashed(self._ended())
            parts += part
        return parts

    def _ended(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(timeout=GRACE_SECONDS)
            return 128 - status if status > 128 else status  # the namespace's init tells a signal as a shell does
        return None


class Pool:
    """As many boxes as are asked for at a time; each is used again. Safe to use from several threads."""

    def __init__(self, readable: Iterable[Path] = ()) -> None:
        self._readable = [*(Path(place) for place in SYSTEM), *readable]
        self._idle: list[Box] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Box]:
        """A box with an empty folder. One in which something went wrong is not used again."""
        box = self._take()
        try:
            box.empty()
            yield box
        except BaseException:
            box.close()
            raise
        with self._lock:
            self._idle.append(box)

    def warning(self) -> str:
        """What a user has to be told before answers are run; "" if they are confined."""
        with self.borrow() as box:
            return UNSANDBOXED if unsandboxed(box.measures) else ""

    def close(self) -> None:
        with self._lock:
            boxes, self._idle = self._idle, []
        for box in boxes:
            box.close()

    def _take(self) -> Box:
        with self._lock:
            while self._idle:
                box = self._idle.pop()
                if box.alive:
                    return box
                box.close()
        return Box(self._readable)


def unsandboxed(measures: Mapping[str, str]) -> bool:
    """Whether answers run with this user's own rights: not even files are closed to them."""
    return not any(measure in measures for measure in CORE)


def _close(process: subprocess.Popen[bytes], folder: Path) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()
    # At the end of its input the worker kills what it runs; a kill of the worker alone would leave that behind.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=CLOSE_SECONDS)
    process.kill()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)

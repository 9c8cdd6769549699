"""The confined process in which answers are looked at, compiled and run: it does what `sandbox` asks over its pipes.

Started as a program of its own. Serves one request at a time; knows no verdicts.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtlscribe.checkers.confine import EXHAUSTED, LARGEST_FILE_BYTES, confine
from rtlscribe.verilog.guard import refuse

OUTPUT_BYTES = 256 * 1024  # of each stream; more is cut and said
SCREEN_SECONDS = 10
STACK_BYTES = 256 * 1024 * 1024  # pyslang descends into the nesting of an answer
ROOM_BYTES = 256 * 1024
IGNORED_HERE = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)  # by Python; a program has to die of too large a file
OUT, ERR = ".stdout", ".stderr"


def main() -> None:
    """Confine this process to the folder of its first argument, then serve until its input ends."""
    folder, *readable = (Path(argument) for argument in sys.argv[1:])
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)  # what is started here must not reach the pipes, not even by mistake
    os.dup2(nothing, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the pipe
    refuse("module m; endmodule", top="m")  # loads what is loaded lazily, while files can still be read
    parent = os.getppid()
    done = confine(folder, readable)
    threading.stack_size(STACK_BYTES)
    gone = contextlib.suppress(BrokenPipeError)  # whoever asked was killed
    with gone, os.fdopen(requests, "rb") as incoming, os.fdopen(answers, "wb") as outgoing:
        _send(outgoing, {"value": done})
        worker = _Worker(requests, parent=parent, alone="namespaces" in done, private="folder" in done)
        server = threading.Thread(target=worker.serve, args=(incoming, outgoing))
        server.start()
        server.join()
        with contextlib.suppress(OSError):
            worker.empty()  # whoever made the folder may be dead


def _send(outgoing: Any, answer: Any) -> None:
    content = json.dumps(answer).encode()
    outgoing.write(struct.pack("<I", len(content)) + content)
    outgoing.flush()


def _remove(folder: str) -> None:
    """A folder and all that is in it, which may have been closed to us."""
    os.chmod(folder, 0o700)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _remove(entry.path)
            else:
                os.unlink(entry.path)
    os.rmdir(folder)


class _Worker:
    """What can be asked for: its methods by name. Works in the current folder."""

    def __init__(self, requests: int, *, parent: int, alone: bool, private: bool) -> None:
        self._requests = requests  # hangs up when the parent is gone
        self._parent = parent
        self._alone = alone  # no process of anyone else is in sight
        self._private = private  # the folder is a file system of our own

    def serve(self, incoming: Any, outgoing: Any) -> None:
        while header := incoming.read(4):
            request = json.loads(incoming.read(struct.unpack("<I", header)[0]))
            try:
                answer = {"value": getattr(self, request.pop("do"))(**request)}
            except (MemoryError, RecursionError):  # what was left is not enough to go on with
                os._exit(EXHAUSTED)
            except OSError as error:
                answer = {"fault": f"{error.strerror or error}"}
            except Exception as error:  # noqa: BLE001  # whatever it is, whoever asked has to be told
                answer = {"fault": f"{type(error).__name__}: {error}"}
            try:
                _send(outgoing, answer)
            except BrokenPipeError:  # no one waits for it any more
                return

    def screen(self, *, code: str, top: str, expanded: bool) -> str | None:
        """The guard's reason to refuse. A bomb ends this process: by its limits, or by the alarm."""
        signal.setitimer(signal.ITIMER_REAL, SCREEN_SECONDS)
        try:
            return refuse(code, top=top, expanded=expanded)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def empty(self) -> None:
        """Leave nothing of an earlier answer in the folder, whatever it made there."""
        with os.scandir() as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    _remove(entry.path)
                else:
                    os.unlink(entry.path)

    def write(self, *, files: dict[str, str]) -> None:
        for name, content in files.items():
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(content)

    def read(self, *, name: str, most: int) -> str | None:
        """A file's text; None if there is none, or it has more bytes than `most`."""
        if not os.path.isfile(name) or os.path.getsize(name) > most:
            return None
        with open(name, encoding="utf-8", errors="replace", newline="") as file:
            return file.read()

    def _edit(self, source: str, pairs: list[tuple[str, str]], *, to: str) -> bool:
        """Copy a file with replacements. Whether each was found just once; else nothing is written."""
        if not os.path.isfile(source):
            return False
        with open(source, encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
        for old, new in pairs:
            if text.count(old) != 1:
                return False
            text = text.replace(old, new)
        with open(to, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
        return True

    def trespass(self, *, canary: str) -> list[str]:
        """Try, as a program that is run here could, what must not be possible; the names of what was."""
        folder = os.path.dirname(canary)
        attempts: dict[str, Callable[[], object]] = {
            "read a file of yours": lambda: open(canary, "rb").close(),
            "write a file of yours": lambda: open(canary, "ab").close(),
            "make a file outside its folder": lambda: open(os.path.join(folder, "made"), "xb").close(),
            "remove a file of yours": lambda: os.unlink(canary),
            "list a folder of yours": lambda: os.listdir(folder),
            "read the system's settings": lambda: open("/etc/passwd", "rb").close(),
            "write its own memory through /proc": lambda: open("/proc/self/mem", "r+b").close(),
            "start a program that it wrote": self._start_own_program,
            "open a network connection": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close(),
            "open a local socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close(),
            "send a signal to your processes": lambda: os.kill(self._parent, 0),
        }
        done = []
        for name, attempt in attempts.items():
            with contextlib.suppress(OSError):
                attempt()
                done.append(name)
        return done

    def _start_own_program(self) -> None:
        with open("own", "w") as file:
            file.write("#!/bin/sh\nexit 0\n")
        os.chmod("own", 0o700)
        os.waitpid(os.posix_spawn("./own", ["own"], {}), 0)

    def run(  # noqa: PLR0913  # all that a process has
        self,
        *,
        command: list[str],
        seconds: float,
        files: dict[str, str | tuple[str, list[tuple[str, str]]]],
        stdin: str,
        stdout: str,
        makes: str,
        large: bool,
        environment: dict[str, str],
    ) -> dict[str, Any]:
        """Write files, run one program to its end or to the limit, then kill what is left of it.

        `makes` is a file without which a status of 0 is none: Icarus ends with its number of errors, modulo 256.
        """
        self.write(files={name: content for name, content in files.items() if isinstance(content, str)})
        for name, content in files.items():
            if not isinstance(content, str) and not self._edit(*content, to=name):
                return {"status": 1, "texts": ["", f"{content[0]} is not whole"], "cut": False}
        if makes:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(makes)
        deadline = time.monotonic() + seconds
        create = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, stdout or OUT, create, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, ERR, create, 0o600),
        ]
        try:
            process = os.posix_spawn(
                command[0], command, environment, file_actions=actions, setsid=True, setsigdef=IGNORED_HERE
            )
        except OSError as error:
            raise OSError(error.errno, f"{command[0]}: {error.strerror}") from error
        limit = int(seconds) + 2
        with contextlib.suppress(OSError, AttributeError):  # gone already; not Linux
            resource.prlimit(process, resource.RLIMIT_CPU, (limit, limit))
            if large:
                resource.prlimit(process, resource.RLIMIT_FSIZE, (LARGEST_FILE_BYTES, LARGEST_FILE_BYTES))
        ended = self._ends(process, deadline)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        if self._alone:
            with contextlib.suppress(ProcessLookupError):  # there is nothing but our init, which is spared
                os.kill(-1, signal.SIGKILL)
        texts, cut = [], False
        for name in (OUT, ERR):
            if name == OUT and stdout:
                texts.append("")
                continue
            with open(name, "rb") as file:
                texts.append(file.read(OUTPUT_BYTES).decode(errors="replace"))
                cut = cut or bool(file.read(1))
        self._check_room()
        code = os.waitstatus_to_exitcode(status)
        if code == 0 and makes and not os.path.isfile(makes):
            code = 1
        return {"status": code if ended else None, "texts": texts, "cut": cut}

    def _check_room(self) -> None:
        """A disk that others share and that is full is no fault of the answer's."""
        if not self._private and (room := os.statvfs(".")).f_bavail * room.f_frsize < ROOM_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _ends(self, process: int, deadline: float) -> bool:
        """Whether the process ends before the deadline and our parent; it is not reaped."""
        if time.monotonic() >= deadline:  # with no time at all, however fast it was
            return False
        if not hasattr(os, "pidfd_open"):
            while time.monotonic() < deadline:
                if os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT | os.WNOHANG):
                    return True
                time.sleep(0.002)
            return False
        descriptor = os.pidfd_open(process)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.register(self._requests, 0)  # only its hang-up
            ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            return any(found == descriptor for found, _ in ready)
        finally:
            os.close(descriptor)


if __name__ == "__main__":
    main()

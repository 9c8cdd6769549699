"""Run one program with limits: time, memory, file size, output; nothing of it is left running. Judges nothing.

Covers: wall time, address space, size of written files, core dumps, captured output, the whole process group, even
where the program ends in time and its children do not. Does not cover: reading files of this user, or the network.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

MEMORY_KIB = 1024 * 1024
FILE_SIZE_KIB = 16 * 1024
OUTPUT_BYTES = 256 * 1024  # of each stream; more is cut and said
# A shell sets the limits in the child: Python's preexec_fn would copy a large process (torch) and can deadlock with
# threads.
_LIMITED = f'ulimit -v {MEMORY_KIB}; ulimit -f {FILE_SIZE_KIB * 2}; ulimit -c 0; ulimit -t "$1"; shift; exec "$@"'
NOT_STARTED = (126, 127)  # what a shell ends with that cannot start its program: a broken tool, never a verdict
ROOMY_BYTES = 512 * 1024 * 1024
_MEMORY_FOLDER = Path("/dev/shm")


class Finished(NamedTuple):
    """How a program ended. `status` is the exit status, negative for a signal, None if it was killed for time."""

    status: int | None
    stdout: str
    stderr: str
    cut: bool  # more was written than is kept


def memory_is_roomy() -> bool:
    """Whether checks can run in memory; a container's default of 64 MiB is too little."""
    return os.access(_MEMORY_FOLDER, os.W_OK) and shutil.disk_usage(_MEMORY_FOLDER).free >= ROOMY_BYTES


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A fresh folder for one check, in memory where the system has such a place."""
    return tempfile.TemporaryDirectory(prefix="rtlscribe-", dir=_MEMORY_FOLDER if memory_is_roomy() else None)


def run(command: Sequence[str], folder: Path, *, deadline: float) -> Finished:
    """Run to the end or to `deadline` (of time.monotonic()), then kill the group, children included.

    Raises:
        OSError: the program cannot be started.
    """
    # Beyond the wall limit; ends what is left should this process be killed in the middle.
    cpu_seconds = max(1, round(deadline - time.monotonic()) + 2)
    streams = [folder / ".stdout", folder / ".stderr"]
    with streams[0].open("wb") as out, streams[1].open("wb") as err:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _LIMITED, "sh", str(cpu_seconds), *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        ended = _wait(process, deadline)
    finally:  # also when interrupted: the child is in a session of its own and would stay
        # The leader is still a zombie or running here, so its group's number cannot belong to anyone else.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
    if ended and status in NOT_STARTED and not os.access(command[0], os.X_OK):  # else it is the program's own
        raise OSError(errno.ENOENT, "the shell could not start it", command[0])
    cut = any(path.stat().st_size > OUTPUT_BYTES for path in streams)
    return Finished(status if ended else None, _head(streams[0]), _head(streams[1]), cut)


def _wait(process: subprocess.Popen[bytes], deadline: float) -> bool:
    """Whether the process ended in time; it is not reaped."""
    if not hasattr(os, "pidfd_open"):  # not Linux: Popen.wait would reap, so look now and then
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
                return True
            time.sleep(0.002)
        return False
    descriptor = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
    finally:
        os.close(descriptor)


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(OUTPUT_BYTES).decode(errors="replace")

"""How much memory there is, what a model wants of it, and what one has taken while it answered.

`python -m rtlscribe.models.memory MODEL` lets it answer and tells the last of these, in
bytes. Reads Linux's own files; elsewhere nothing is known, and nothing refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from math import prod
from pathlib import Path
from typing import Any

from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.weights import weight_files

GIB = 1 << 30
PROMPT = "Write an 8-bit up counter with synchronous active-high reset to zero and enable.\n"
ANSWERS, TOKENS = 4, 64
NARROW = {"F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}  # bytes; floating-point numbers that a CPU widens
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError)  # what reading the head of such a file may raise
WIDTHS = NARROW | {"F64": 8, "F32": 4, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


def available_bytes() -> int | None:
    """Memory that can be had without taking it from others, within this process's control group; None: unknown."""
    found = _number(Path("/proc/meminfo"), r"MemAvailable:\s+(\d+) kB")
    if found is None:
        return None
    own = _search(Path("/proc/self/cgroup"), r"^0::/*(.*)$") or ""  # of version 2, as systemd and containers have it
    group = Path("/sys/fs/cgroup") / own
    limit, used = _number(group / "memory.max", r"^(\d+)$"), _number(group / "memory.current", r"^(\d+)$")
    cache = _number(group / "memory.stat", r"^inactive_file (\d+)$") or 0
    left = limit - used + cache if limit is not None and used is not None else found * 1024
    return max(0, min(found * 1024, left))


def refuse_too_large(name: str, needed: int) -> None:
    """Raises UsageError if a model that is to be loaded takes more than there is."""
    free = available_bytes()
    if free is not None and needed > free:
        raise UsageError(
            f"{name} takes {needed / GIB:.1f} GiB of memory, and {free / GIB:.1f} GiB are free: end other programs, or "
            "take a smaller model or one of fewer bits (`rtlscribe quantize`)"
        )


def widened_bytes(folder: Path, *, width: int) -> int:
    """What the weights of a model folder take in memory where its narrow numbers are widened to `width` bytes.

    0 where there are no .safetensors files to be looked into.
    """
    total = 0
    for path in weight_files(folder):
        with contextlib.suppress(*DAMAGED), path.open("rb") as file:  # which is told by who loads it
            size = int.from_bytes(file.read(8), "little")
            tensors: dict[str, Any] = json.loads(file.read(min(size, path.stat().st_size)))
            for name, tensor in tensors.items():
                if name != "__metadata__":
                    kind = tensor["dtype"]
                    total += prod(tensor["shape"]) * (width if kind in NARROW else WIDTHS.get(kind, 1))
    return total


def peak_bytes(process: int | str = "self") -> int:
    """The most memory that a process has had at once, files mapped into it included; 0: unknown.

    Not `getrusage`: that counts what the process which started it had.
    """
    return (_number(Path(f"/proc/{process}/status"), r"^VmHWM:\s+(\d+) kB$") or 0) * 1024


def answering_bytes(name: str) -> int:
    """The most memory that a model takes while it answers: on a GPU what PyTorch has there, else all of its process.

    Raises:
        RtlscribeError: it does not answer.
    """
    command = [sys.executable, "-m", __name__, name]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RtlscribeError(f"{name} does not answer: {said[-1]}")
    return int(done.stdout.splitlines()[-1])


def _search(path: Path, pattern: str) -> str | None:
    try:
        found = re.search(pattern, path.read_text(), re.MULTILINE)
    except OSError:
        return None
    return found.group(1) if found else None


def _number(path: Path, pattern: str) -> int | None:
    found = _search(path, pattern)
    return int(found) if found else None


def _main() -> None:
    from rtlscribe.models.base import Request, open_model
    from rtlscribe.records import Sampling

    request = Request(problem_id="memory", prompt=PROMPT, indices=tuple(range(ANSWERS)))
    try:
        model = open_model(sys.argv[1])
        for _ in model.complete([request], sampling=Sampling(n=ANSWERS, temperature=0.8, max_tokens=TOKENS)):
            pass
    except RtlscribeError as error:
        sys.exit(str(error))
    engine = getattr(model, "engine_pid", None)  # of a model that runs in a process of its own
    torch = sys.modules.get("torch")
    on_gpu = torch.cuda.max_memory_allocated() if torch and torch.cuda.is_available() else 0
    print(on_gpu or peak_bytes() + (peak_bytes(engine) if engine else 0), flush=True)
    os._exit(0)  # nothing is left to be kept, and some libraries take seconds to end


if __name__ == "__main__":
    _main()

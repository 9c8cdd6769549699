"""The K-quants of llama.cpp, made by its own program from a GGUF file in 16 bits. Finds the program; builds none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from rtlscribe.errors import MissingToolError, RtlscribeError

PROGRAM = "llama-quantize"


def find(type: str) -> str:
    """The program. Raises MissingToolError where it is not on PATH."""
    found = shutil.which(PROGRAM)
    if not found:
        raise MissingToolError(
            f"--type {type} is made by llama.cpp's program {PROGRAM}, which is not on PATH: build llama.cpp, or take "
            "its release for your system; --type Q4_0, Q8_0 and F16 need no program"
        )
    return found


def quantize(source: Path, target: Path, *, type: str) -> None:
    """Write `source`, a GGUF file in F16, again as `type`.

    Raises:
        MissingToolError: the program is not on PATH. RtlscribeError: it fails.
    """
    unfinished = target.with_name(f".{target.name}.unfinished")
    command = [find(type), str(source), str(unfinished), type]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode or not unfinished.is_file():
            said = (done.stderr.strip() or done.stdout.strip() or "it told nothing").splitlines()[-1]
            raise RtlscribeError(f"{PROGRAM} ended with status {done.returncode}: {said}")
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)

"""Prints what a benchmark measures and, if asked, keeps it as a section of a file in results/. Measures nothing."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


class Telling:
    """Call it with each line, as `print`."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._load = os.getloadavg()[0]

    def __call__(self, *parts: object) -> None:
        line = " ".join(map(str, parts))
        print(line, flush=True)
        self._lines.append(line)

    def keep(self, name: str, section: str) -> None:
        """Put what was told into a section of results/NAME.md, in place of what it held."""
        # Of the arguments no folder is told, which would be one of this machine.
        arguments = " ".join(re.sub(r"(^|=)[^=]*/", r"\1", argument) for argument in sys.argv[1:])
        head = f"`python benchmarks/{Path(sys.argv[0]).name} {arguments}`"
        where = f"{platform.machine()}, {os.cpu_count()} cores, load {self._load:.1f}, {time.strftime('%Y-%m-%d')}"
        text = "\n".join([f"## {section}", "", f"{head}: {where}", "", *self._lines, "", ""])
        path = RESULTS / f"{name}.md"
        before = path.read_text() if path.exists() else f"# Measured: {name}\n\n"
        found = re.search(rf"^## {re.escape(section)}\n.*?(?=^## |\Z)", before, re.MULTILINE | re.DOTALL)
        rest = before[found.end() :] if found else ""
        after = f"{before[: found.start() if found else None].rstrip()}\n\n{text}{rest}"
        path.write_text(after.rstrip() + "\n")

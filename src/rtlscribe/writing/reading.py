"""A program of its own, run in a sandbox: what stands in a piece of Verilog. Judges nothing.

    python -I -m rtlscribe.writing.reading TOP

Reads answer.v in the current folder and writes reading.json, a `Reading`. Apart from the process that asks, since
pyslang bounds no memory.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

from rtlscribe.verilog.ports import Port, ports
from rtlscribe.verilog.source import Source
from rtlscribe.verilog.syntax import Diagnostic, diagnose

ANSWER, READING = "answer.v", "reading.json"
MOST_BYTES = 1024 * 1024
MOST_DIAGNOSTICS = 100


class Reading(NamedTuple):
    """The diagnostics of a text, the ports of its module `top`, and whether it includes files."""

    diagnostics: tuple[Diagnostic, ...]
    ports: tuple[Port, ...]
    includes: bool


def load(text: str) -> Reading:
    """A reading from its file."""
    diagnostics, interface, includes = json.loads(text)
    return Reading(tuple(Diagnostic(*d) for d in diagnostics), tuple(Port(*p) for p in interface), includes)


def main() -> None:
    """Read one piece of Verilog."""
    code = Path(ANSWER).read_text(encoding="utf-8")
    found = Reading(
        tuple(diagnose(code)[:MOST_DIAGNOSTICS]),
        tuple(ports(code, top=sys.argv[1])),
        bool(Source(code).tree.getIncludeDirectives()),
    )
    Path(READING).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()

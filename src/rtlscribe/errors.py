"""The errors that rtlscribe raises on purpose. Each message says what was given, what was wanted, what to do next.

    RtlscribeError            exit 1   the work failed
    ├── UsageError            exit 2   what was asked for cannot be meant: options, unknown names, bad configuration
    │   └── DataError         exit 2   a file's content is wrong; names the file and the line
    └── MissingToolError      exit 3   a program, a version of it, or an extra of this package is not there

A bad candidate is never an error: it is a Verdict.
"""

from __future__ import annotations

from pathlib import Path


class RtlscribeError(Exception):
    """Base of all errors of this package; printed as one line, without a traceback."""

    exit_code = 1


class UsageError(RtlscribeError):
    """What was asked for cannot be meant."""

    exit_code = 2


class DataError(UsageError):
    """The content of a file is wrong. `line` counts from 1."""

    def __init__(self, path: Path | str, line: int | None, problem: str) -> None:
        self.path, self.line = path, line
        super().__init__(f"{path}{f', line {line}' if line else ''}: {problem}")


class MissingToolError(RtlscribeError):
    """A program or an extra is not installed, or too old."""

    exit_code = 3

"""The log of the transformer: all of it in a file, errors on the console too. Knows no run."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from rtlscribe.errors import RtlscribeError, UsageError

TOLD = 10  # bad rows that are named on the console


@contextlib.contextmanager
def opened(path: Path) -> Iterator[logging.Logger]:
    """A log that is appended to a file.

    Raises:
        UsageError: the file cannot be written.
    """
    log = logging.getLogger("rtlscribe.transform")
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        to_file = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--log-file {path} cannot be written: {error.strerror}") from error
    to_file.setFormatter(logging.Formatter("%(asctime)s - %(levelname)s - %(message)s"))
    to_console = logging.StreamHandler(sys.stderr)
    to_console.setFormatter(logging.Formatter("rtlscribe: %(message)s"))
    to_console.setLevel(logging.ERROR)
    handlers = (to_file, to_console)
    for handler in handlers:
        log.addHandler(handler)
    try:
        yield log
    except RtlscribeError as error:  # the console hears of it from the command line
        log.removeHandler(to_console)
        log.error("stopped: %s", error)
        raise
    finally:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


class BadRows:
    """Names bad rows in a log, the first of them on the console too, and counts them."""

    def __init__(self, log: logging.Logger, path: Path) -> None:
        self._log, self._path = log, path
        self.count = 0

    def tell(self, text: str) -> None:
        self.count += 1
        self._log.log(logging.ERROR if self.count <= TOLD else logging.WARNING, "%s", text)
        if self.count == TOLD + 1:
            self._log.error("there are more bad rows; %s names them all", self._path)

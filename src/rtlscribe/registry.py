"""One lazy table a seam: a name to "module:Class", extended by entry points. Imports nothing until asked."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any

from rtlscribe.errors import MissingToolError, UsageError


def lookup(kind: str, name: str, table: Mapping[str, str]) -> Any:
    """The object that `name` stands for in a seam, for example lookup("checker", "iverilog", TABLE).

    Plug-ins enter themselves as entry points of the group "rtlscribe.<kind>s".

    Raises:
        UsageError: no such name; the message lists the choices.
        MissingToolError: the implementation needs an extra that is not installed.
    """
    places = dict(table) | {e.name: e.value for e in entry_points(group=f"rtlscribe.{kind}s")}
    if name not in places:
        raise UsageError(f"no {kind} is called {name!r}; there are: {', '.join(sorted(places))}")
    module, _, attribute = places[name].partition(":")
    with extra("train"):
        return getattr(importlib.import_module(module), attribute)


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around imports that need an extra of this package.

    Raises:
        MissingToolError: a package that is not ours is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if not error.name or error.name.split(".")[0] == "rtlscribe":
            raise
        raise MissingToolError(
            f"the Python package {error.name!r} is not installed: `make setup` installs all, "
            f"or pip install -e '.[{name}]' in the project's folder"
        ) from error

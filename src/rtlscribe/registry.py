"""One lazy table a seam: a name to "module:Class", extended by entry points. Imports nothing until asked."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
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
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] != "rtlscribe":
            raise MissingToolError(
                f"{kind} {name!r} needs the Python package {error.name!r}, which is not installed: "
                f"pip install 'rtlscribe[train]'"
            ) from error
        raise

"""One lazy table a seam: a name to "module:Class", extended by entry points. Imports nothing until asked."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rtlscribe.errors import MissingToolError, UsageError


def lookup(kind: str, name: str, table: Mapping[str, str]) -> Any:
    """The object that `name` stands for in a seam, for example lookup("checker", "iverilog", TABLE).

    Plug-ins enter themselves as entry points of the group "rtlscribe.<kind>s".

    Raises:
        UsageError: no such name; the message lists the choices. A plug-in takes the name of another, or of one of ours.
        MissingToolError: the implementation needs a package that is not installed.
    """
    found = list(entry_points(group=f"rtlscribe.{kind}s", name=name))
    owners = [*(["rtlscribe"] if name in table else []), *map(_package, found)]
    if len(owners) > 1:
        raise UsageError(f"{' and '.join(owners)} each have a {kind} called {name!r}: uninstall or rename a plug-in")
    if found:
        return _load(kind, found[0])
    if name not in table:
        raise UsageError(f"no {kind} is called {name!r}; there are: {', '.join(choices(kind, table))}")
    module, _, attribute = table[name].partition(":")
    with extra("train"):
        return getattr(importlib.import_module(module), attribute)


def choices(kind: str, table: Mapping[str, str]) -> list[str]:
    """The names of a seam in order, those of plug-ins too."""
    return sorted({*table, *(plugin.name for plugin in entry_points(group=f"rtlscribe.{kind}s"))})


def _package(plugin: EntryPoint) -> str:
    return plugin.dist.name if plugin.dist else plugin.value


def _load(kind: str, plugin: EntryPoint) -> Any:
    """What an entry point names.

    Raises:
        UsageError: the module has no such attribute. MissingToolError: the module, or one that it needs, is not there.
    """
    what = f"the {kind} {plugin.name!r} of the plug-in {_package(plugin)}, {plugin.value!r}"
    try:
        return plugin.load()
    except ModuleNotFoundError as error:
        raise MissingToolError(
            f"{what}, cannot be loaded: there is no Python module {error.name!r}; install it in this environment, or "
            "correct the entry point"
        ) from error
    except AttributeError as error:
        raise UsageError(f"{what}, cannot be loaded: {error}; an entry point is written 'module:Class'") from error


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

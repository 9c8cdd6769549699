"""What is installed here and what can be chosen. Changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform

from rtlscribe import __version__, prompts
from rtlscribe.benchmarks import base as benchmarks
from rtlscribe.checkers import base as checkers
from rtlscribe.errors import MissingToolError
from rtlscribe.executors import base as executors
from rtlscribe.models import base as models

PACKAGES = {"pyslang": "core", "transformers": "train", "torch": "train"}


def run() -> str:
    """Say which tools and packages are here, and how to get those that are not.

    Raises:
        MissingToolError: something is missing, after all has been told.
    """
    from rtlscribe.checkers.iverilog import find_tools
    from rtlscribe.checkers.process import memory_is_roomy

    missing = []
    lines = [f"rtlscribe {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores"]
    for package, extra in PACKAGES.items():
        try:
            lines.append(f"ok       {package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(f"{package}: `make setup`, or pip install -e '.[{extra}]' in the project's folder")
    try:
        tools = find_tools()
        lines.append(f"ok       Icarus Verilog {tools.version} ({tools.iverilog})")
    except MissingToolError as error:
        missing.append(str(error))
    place = "memory" if memory_is_roomy() else "the system's temporary folder, slower than memory"
    lines.append(f"ok       checks run in {place}; answers run as this user, without a sandbox")
    if missing:
        print("\n".join(lines))
        raise MissingToolError("missing: " + "; ".join(missing))
    return "\n".join(lines)


def choices() -> str:
    """List what each seam offers, plug-ins included."""
    tables = {
        "models": models.TABLE,
        "checkers": checkers.TABLE,
        "benchmarks": benchmarks.TABLE,
        "executors": executors.TABLE,
    }
    offered = {
        kind: sorted({*table, *(e.name for e in importlib.metadata.entry_points(group=f"rtlscribe.{kind}"))})
        for kind, table in tables.items()
    } | {"prompts": prompts.names()}
    return "\n".join(f"{kind:<11} {', '.join(names)}" for kind, names in offered.items())

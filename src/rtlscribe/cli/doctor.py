"""What is installed here and what can be chosen. Changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path

from rtlscribe import __version__, prompts, registry
from rtlscribe.benchmarks import base as benchmarks
from rtlscribe.checkers import base as checkers
from rtlscribe.errors import MissingToolError, RtlscribeError
from rtlscribe.executors import base as executors
from rtlscribe.models import base as models

PACKAGES = {"pyslang": "core", "transformers": "train", "torch": "train"}
OPTIONAL_CHECKERS = ("yosys", "verilator")


def run(*, sandbox: bool = False) -> str:
    """Say which tools and packages are here, and how to get those that are not.

    Parameters
    ----------
    sandbox
        Try what the sandbox for answers must not allow on this machine; exit status 1 if any of it can be done.

    Raises:
        MissingToolError: something is missing, after all has been told. RtlscribeError: the sandbox leaks.
    """
    from rtlscribe.checkers.icarus import find_tools

    if sandbox:
        return _tried()
    missing = []
    tools = None
    lines = [f"rtlscribe {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores"]
    for package, extra in PACKAGES.items():
        try:
            lines.append(f"ok       {package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(f"{package}: `make setup`, or pip install -e '.[{extra}]' in the project's folder")
    try:
        tools = find_tools()
        lines.append(f"ok       Icarus Verilog {tools.version} ({tools.iverilog})")
        if tools.version.startswith("11"):
            lines.append("note     VerilogEval wants Icarus Verilog 12: `make icarus12` builds it, without root")
    except MissingToolError as error:
        missing.append(str(error))
    for name in OPTIONAL_CHECKERS:
        try:
            lines.append(f"ok       the checker {checkers.open_checker(name).name}")
        except MissingToolError as error:
            lines.append(f"optional the checker {name}: {error}")
    lines += _confinement(tools.readable if tools else ())
    if missing:
        print("\n".join(lines))
        raise MissingToolError("missing: " + "; ".join(missing))
    return "\n".join(lines)


def _confinement(readable: Iterable[Path] = ()) -> list[str]:
    """What confines answers here, a line a measure."""
    from rtlscribe.checkers.sandbox import Pool, memory_is_roomy, unsandboxed

    place = "memory" if memory_is_roomy() else "the system's temporary folder, slower than memory"
    lines = [f"ok       work folders lie in {place}"]
    pool = Pool(readable)
    with pool.borrow() as box:
        if unsandboxed(box.measures):
            lines.append("UNSANDBOXED answers run with your rights: this needs Linux 5.13 with Landlock, or seccomp")
        lines += [f"sandbox  {measure}: {what}" for measure, what in box.measures.items()]
    pool.close()
    return lines


def _tried() -> str:
    from rtlscribe.checkers.icarus import find_tools
    from rtlscribe.checkers.sandbox import Pool
    from rtlscribe.checkers.selfcheck import selfcheck

    readable = find_tools().readable
    pool = Pool(readable)
    checks = list(selfcheck(pool))
    pool.close()
    lines = [f"{'holds' if c.holds else 'LEAKS':<8} {c.name}{f' ({c.said})' if c.said else ''}" for c in checks]
    told = "\n".join([*_confinement(readable), *lines])
    if all(check.holds for check in checks):
        return told
    print(told)
    raise RtlscribeError("the sandbox leaks: judge answers of models that you do not trust elsewhere")


def choices() -> str:
    """List what each seam offers, plug-ins included."""
    tables = {
        "models": models.TABLE,
        "checkers": checkers.TABLE,
        "benchmarks": benchmarks.TABLE,
        "executors": executors.TABLE,
    }
    offered = {kind: registry.choices(kind.removesuffix("s"), table) for kind, table in tables.items()}
    offered |= {"prompts": prompts.names()}
    return "\n".join(f"{kind:<11} {', '.join(names)}" for kind, names in offered.items())

"""Syntax and elaboration of Verilog by pyslang. Does not simulate; does not bound memory (see `checkers`)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import pyslang

from rtlscribe.verilog.source import parse

# A mere warning to slang, but against the standard, and Icarus 12 does not compile it.
REDECLARED = (pyslang.Diags.Redefinition, pyslang.Diags.RedefinitionDifferentType)


def _own_terms() -> pyslang.Bag:
    flags = pyslang.ast.CompilationFlags
    options = pyslang.ast.CompilationOptions()
    options.flags = flags.AllowUseBeforeDeclare | flags.AllowUnnamedGenerate
    return pyslang.Bag([options])


_ELABORATION = _own_terms()


class Diagnostic(NamedTuple):
    """One message about a piece of code; `line` counts from 1."""

    line: int
    severity: Literal["error", "warning"]
    text: str


def diagnose(code: str) -> list[Diagnostic]:
    """The errors and warnings of parsing and elaboration, in the order of the text.

    Elaboration finds what a parser alone does not: undeclared names, unknown modules, wrong port lists.
    """
    sources = pyslang.SourceManager()
    readable = code.encode(errors="replace").decode()  # half a surrogate pair cannot be handed over
    tree = parse(readable, sources)
    compilation = pyslang.ast.Compilation(_ELABORATION)
    compilation.addSyntaxTree(tree)
    engine = pyslang.DiagnosticEngine(sources)
    found = []
    for item in compilation.getAllDiagnostics():
        wrong = item.isError() or item.code in REDECLARED
        severity: Literal["error", "warning"] = "error" if wrong else "warning"
        found.append(Diagnostic(sources.getLineNumber(item.location), severity, engine.formatMessage(item)))
    return sorted(found)


def errors(code: str) -> list[Diagnostic]:
    """The errors alone; an empty list means that the code compiles."""
    return [d for d in diagnose(code) if d.severity == "error"]

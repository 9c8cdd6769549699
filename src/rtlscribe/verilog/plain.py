"""Verilog without all that tells one story to a simulator and another to synthesis. Judges nothing; elaborates no more
than it has to.
"""

from __future__ import annotations

import re
from typing import Any

import pyslang
from pyslang import ast

from rtlscribe.verilog.source import parse

# Strings and escaped names may look like what is searched for: they are matched first, and kept.
_KEPT = r'("(?:\\.|[^"\\])*"|\\\S+)'
_ATTRIBUTE = re.compile(rf"{_KEPT}|\(\*(?!\s*\)).*?\*\)", re.DOTALL)
_ALWAYS = re.compile(rf"{_KEPT}|\balways_(?:comb|latch)\b")
_WAITS = (ast.StatementKind.Timed, ast.StatementKind.Wait, ast.StatementKind.WaitFork, ast.StatementKind.WaitOrder)
_EVENTS = (ast.TimingControlKind.SignalEvent, ast.TimingControlKind.EventList, ast.TimingControlKind.ImplicitEvent)
_SIGNALS = (ast.SymbolKind.Variable, ast.SymbolKind.Net)


def plain(code: str) -> str:
    """Code as a simulator sees it: macros expanded, without comments, directives and attributes.

    always_comb and always_latch become `always @*`, of which synthesis makes the latch that a simulator sees; of the
    former it makes loops.
    """
    sources = pyslang.SourceManager()
    printer = pyslang.syntax.SyntaxPrinter(sources)
    printer.setIncludeDirectives(False)
    printer.setIncludeSkipped(False)
    printer.setIncludeComments(False)
    printer.setExpandMacros(True)
    printer.print(parse(code, sources))
    text = _ATTRIBUTE.sub(lambda match: match.group(1) or " ", str(printer.str()))
    return _ALWAYS.sub(lambda match: match.group(1) or "always @*", text)


def drives_z(code: str) -> bool:
    """Whether a constant with high impedance (z) stands anywhere but in the items of a case."""
    found = []

    def look(node: Any) -> None:
        kind = node.kind.name if isinstance(node, pyslang.syntax.SyntaxNode) else ""
        literal = kind == "IntegerVectorExpression" or kind == "UnbasedUnsizedLiteralExpression"
        if literal and re.search("[zZ?]", str(node)) and not _is_item(node):
            found.append(node)

    parse(code, pyslang.SourceManager()).root.visit(look)
    return bool(found)


def _is_item(node: Any) -> bool:
    while node is not None and node.kind.name != "StandardCaseItem":
        if node.kind.name.endswith("Statement"):  # what is done in a case is no item of it
            return False
        node = node.parent
    return node is not None


def asleep(code: str) -> str:
    """A signal that an always block reads and does not wait for, "" if there is none.

    Simulation keeps the old result when it changes; synthesis, which completes the list, does not. A select in the list
    counts as waiting for nothing.
    """
    sources = pyslang.SourceManager()
    compilation = ast.Compilation()
    compilation.addSyntaxTree(parse(code, sources))
    missing: set[str] = set()

    def look(node: Any) -> None:
        if isinstance(node, ast.ProceduralBlockSymbol) and node.body.kind == ast.StatementKind.Timed:
            timing = node.body.timing
            events = list(timing.events) if timing.kind == ast.TimingControlKind.EventList else [timing]
            if all(getattr(event, "edge", None) == ast.EdgeKind.None_ for event in events):
                waited = {event.expr.symbol.name for event in events if _is_signal(event.expr)}
                missing.update(_only_read(node.body.stmt) - waited)

    compilation.getRoot().visit(look)
    return min(missing, default="")


def takes_time(code: str) -> bool:
    """Whether a block waits for more than the event at its head: then it is neither a circuit nor a value at the start.

    A delay within an assignment (`y <= #1 a;`) does not count.
    """
    sources = pyslang.SourceManager()
    compilation = ast.Compilation()
    compilation.addSyntaxTree(parse(code, sources))
    found = []

    def look(node: Any) -> None:
        assertion = ast.StatementKind.ConcurrentAssertion  # it is kept as a block of its own
        if isinstance(node, ast.ProceduralBlockSymbol) and node.body.kind != assertion:
            inside = node.body
            if node.procedureKind == ast.ProceduralBlockKind.Always:
                head = inside.timing.kind if inside.kind == ast.StatementKind.Timed else None
                found.append(head not in _EVENTS)
                inside = inside.stmt if head in _EVENTS else inside
            elif node.procedureKind == ast.ProceduralBlockKind.AlwaysFF:
                inside = getattr(inside, "stmt", inside)
            inside.visit(lambda part: found.append(getattr(part, "kind", None) in _WAITS))

    compilation.getRoot().visit(look)
    return any(found)


def _only_read(statement: Any) -> set[str]:
    """The signals that a statement reads and never assigns."""
    read: set[str] = set()
    assigned: set[str] = set()

    def look(node: Any) -> None:
        if isinstance(node, ast.AssignmentExpression):
            node.left.visit(lambda part: assigned.add(part.symbol.name) if _is_signal(part) else None)
        if _is_signal(node):
            read.add(node.symbol.name)

    statement.visit(look)
    return read - assigned


def _is_signal(node: Any) -> bool:
    return isinstance(node, ast.NamedValueExpression) and node.symbol.kind in _SIGNALS

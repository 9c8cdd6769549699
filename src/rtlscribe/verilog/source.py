"""Verilog text with its syntax tree, and edits by place. Knows nothing of what is edited, or why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyslang
from pyslang.parsing import PreprocessorOptions

# pyslang's own macros, which Icarus does not have.
_PYSLANG_MACROS = """
    __slang__ __slang_major__ __slang_minor__ SV_COV_START SV_COV_STOP SV_COV_RESET SV_COV_CHECK SV_COV_MODULE
    SV_COV_HIER SV_COV_ASSERTION SV_COV_FSM_STATE SV_COV_STATEMENT SV_COV_TOGGLE SV_COV_OVERFLOW SV_COV_ERROR
    SV_COV_NOCOV SV_COV_OK SV_COV_PARTIAL
"""


class Edit(NamedTuple):
    """New text for a span of the old; places are in bytes."""

    start: int
    end: int
    text: str


def edited(content: bytes, edits: Sequence[Edit]) -> bytes:
    """The text with all edits made; they do not overlap."""
    parts, done = [], 0
    for edit in sorted(edits):
        parts += [content[done : edit.start], edit.text.encode()]
        done = edit.end
    return b"".join([*parts, content[done:]])


def _own_terms() -> pyslang.Bag:
    options = PreprocessorOptions()
    options.undefines = _PYSLANG_MACROS.split()
    options.maxIncludeDepth = 0  # opens no file
    return pyslang.Bag([options])


_READING = _own_terms()


def parse(code: str, sources: pyslang.SourceManager) -> Any:
    """The syntax tree of an answer, as Icarus would read it; files that it includes stay closed, which is an error."""
    # Not fromText, which guesses what it is given, takes a mere statement for good, and raises where code nests deeply.
    return pyslang.syntax.SyntaxTree.fromBuffer(sources.assignText("answer.v", code), sources, _READING)


class Source:
    """A parsed text; gives the places and the text of its nodes, which live no longer than it does."""

    def __init__(self, code: str) -> None:
        self.content = code.encode(errors="replace")  # half a surrogate pair is any other wrong character
        self._sources = pyslang.SourceManager()
        self.tree = parse(self.content.decode(), self._sources)

    def modules(self) -> list[Any]:
        """The declarations of modules, in order."""
        root = self.tree.root
        nodes = root.members if root.kind.name == "CompilationUnit" else [root]
        return [node for node in nodes if node.kind.name == "ModuleDeclaration"]

    def span(self, node: Any) -> tuple[int, int]:
        """Where a node or token stands, without the blanks and comments before it."""
        found = node.range if isinstance(node, pyslang.parsing.Token) else node.sourceRange
        return found.start.offset, found.end.offset

    def own(self, node: Any) -> bool:
        """Whether all of a node stands in the text itself, not in a macro."""
        found = node.range if isinstance(node, pyslang.parsing.Token) else node.sourceRange
        return not any(self._sources.isMacroLoc(place) for place in (found.start, found.end))

    def text(self, node: Any) -> str:
        start, end = self.span(node)
        return self.content[start:end].decode()

    def put(self, node: Any, text: str) -> Edit:
        """The edit that puts `text` in place of a node."""
        return Edit(*self.span(node), text)


def elements(node: Any) -> list[Any]:
    """The children that are nodes, not tokens."""
    return [child for child in node if child is not None and not isinstance(child, pyslang.parsing.Token)]


def of_kind(root: Any, kind: str) -> list[Any]:
    """The nodes of a kind of syntax in a tree, in the order of the text."""
    found: list[Any] = []

    def visit(node: Any) -> None:
        if not isinstance(node, pyslang.parsing.Token) and node.kind.name == kind:
            found.append(node)

    root.visit(visit)
    return found

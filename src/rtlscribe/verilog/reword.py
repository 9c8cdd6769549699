"""The same circuit in other words: operands change sides, inner signals get other names. Changes no behaviour.

What an operand is exchanged in gives the same result for unknown values too, so not even those tell the two apart.
"""

from __future__ import annotations

import random
import re
from typing import Any

from rtlscribe.verilog.source import Edit, Source, edited, of_kind

# What stands between the operands once they have changed sides.
_MIRRORED = {
    "AddExpression": "+",
    "MultiplyExpression": "*",
    "BinaryAndExpression": "&",
    "BinaryOrExpression": "|",
    "BinaryXorExpression": "^",
    "LogicalAndExpression": "&&",
    "LogicalOrExpression": "||",
    "EqualityExpression": "==",
    "InequalityExpression": "!=",
    "LessThanExpression": ">",
    "LessThanEqualExpression": ">=",
    "GreaterThanExpression": "<",
    "GreaterThanEqualExpression": "<=",
}
_NAMES = ("IdentifierName", "IdentifierSelectName")
_SIMPLE = (*_NAMES, "IntegerLiteralExpression", "IntegerVectorExpression", "ParenthesizedExpression")
_ENDINGS = ("_r", "_int", "_s", "_w", "_val")


def reworded(code: str, *, seed: str) -> str:
    """The code with about half of what can be changed changed; the same for the same seed."""
    rng = random.Random(seed)
    return _mirrored(_renamed(code, rng), rng)


def _renamed(code: str, rng: random.Random) -> str:
    """Signals that are no ports get an ending, all in a module the same or none."""
    source = Source(code)
    edits: list[Edit] = []
    taken = set(re.findall(r"\w+", code))
    for module in source.modules():
        declared = [n for kind in ("DataDeclaration", "NetDeclaration") for n in of_kind(module, kind)]
        names = {d.name.valueText for n in declared for d in of_kind(n, "Declarator")} - _ports(module)
        ending = rng.choice(("", *_ENDINGS))
        new = {name: name + ending for name in names if ending and name + ending not in taken}
        for kind, token in (*((kind, "identifier") for kind in _NAMES), ("Declarator", "name")):
            found = (getattr(node, token) for node in of_kind(module, kind))
            edits += [source.put(t, new[t.valueText]) for t in found if t.valueText in new and source.own(t)]
    return edited(source.content, edits).decode()


def _ports(module: Any) -> set[str]:
    """The names of a module's ports; of one in the old style, those that its body declares as such."""
    inside = (module.header.ports, *of_kind(module, "PortDeclaration"))
    return {d.name.valueText for part in inside if part is not None for d in of_kind(part, "Declarator")}


def _mirrored(code: str, rng: random.Random) -> str:
    """Operands exchanged where that makes no difference, each in half of the cases."""
    source = Source(code)
    places = [node for kind in _MIRRORED for node in of_kind(source.tree.root, kind)]
    edits: list[Edit] = []
    for node in sorted(places, key=source.span):
        outside = not edits or source.span(node)[0] >= max(edit.end for edit in edits)
        if outside and source.own(node) and rng.random() < 0.5:
            first, second = (_operand(source, side) for side in (node.right, node.left))
            edits.append(source.put(node, f"{first} {_MIRRORED[node.kind.name]} {second}"))
    return edited(source.content, edits).decode()


def _operand(source: Source, node: Any) -> str:
    text = source.text(node)
    return text if node.kind.name in _SIMPLE else f"({text})"

"""The ports of a module, by elaboration with pyslang. Does not say which of them is a clock or a reset."""

from __future__ import annotations

from typing import Literal, NamedTuple

import pyslang

from rtlscribe.verilog.source import parse

Direction = Literal["input", "output", "inout"]
_DIRECTIONS: dict[str, Direction] = {"In": "input", "Out": "output", "InOut": "inout"}


class Port(NamedTuple):
    """A port; `width` in bits."""

    name: str
    direction: Direction
    width: int


def ports(code: str, *, top: str) -> list[Port]:
    """The ports of module `top` in the order of its header, with its own parameters' values; [] if it is not there.

    Interface ports and ports without a name are left out.
    """
    sources = pyslang.SourceManager()
    tree = parse(code, sources)
    options = pyslang.ast.CompilationOptions()
    options.topModules = {top}
    options.flags = pyslang.ast.CompilationFlags.AllowUseBeforeDeclare  # as simulators do with a header's parameters
    compilation = pyslang.ast.Compilation(pyslang.Bag([options]))
    compilation.addSyntaxTree(tree)
    found = [instance for instance in compilation.getRoot().topInstances if instance.name == top]
    if not found:
        return []
    return [
        Port(port.name, _DIRECTIONS[port.direction.name], port.type.bitWidth)
        for port in found[0].body.portList
        if port.name and getattr(port, "direction", None) is not None and port.direction.name in _DIRECTIONS
    ]

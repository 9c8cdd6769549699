"""Answers that probe a testbench: a module's interface with constant outputs, or its own outputs with one inverted.

Does not run them: what a testbench says of them is `rtlscribe audit`'s matter.
"""

from __future__ import annotations

from typing import Any, Literal

from rtlscribe.verilog.ports import ports
from rtlscribe.verilog.source import Edit, Source, edited, elements

Constant = Literal["empty", "zeros", "ones", "x", "z"]

_INTERFACE = ("PortDeclaration", "ParameterDeclarationStatement", "TypedefDeclaration")
_VARIABLES = {"RegType": "wire", "LogicType": "wire", "BitType": "wire", "IntegerType": "wire signed [31:0]"}
_TIED = {"zeros": "0", "ones": "~0", "x": "'bx", "z": "'bz"}  # each fills whatever width it is assigned to
_INNER, _OUTPUT = "probed_reference", "probed_output"


def constant_answer(reference: str, *, top: str, value: Constant) -> str:
    """Module `top` with the interface of the reference and all outputs tied to one value.

    `empty` has no body, so that outputs are left undriven. "" if the reference has no module `top`. A header with an
    `endmodule` after it will do for a reference.
    """
    source = Source(reference)
    module = _module(source, top)
    if module is None:
        return ""
    if value == "empty":
        return _shell(source, module, [], [])
    names = [port.name for port in ports(reference, top=top) if port.direction == "output"]
    return _shell(source, module, _nets(source, module), [f"assign {name} = {_TIED[value]};" for name in names])


def inverted_answer(reference: str, *, top: str, output: str) -> str:
    """The reference, but that one of its outputs is inverted; "" if there is no such module.

    Unknown bits stay unknown: a testbench that takes an unknown output of the reference for "anything will do" counts a
    mismatch for just those samples in which some bit is known.
    """
    source = Source(reference)
    module = _module(source, top)
    if module is None:
        return ""
    renamed = edited(source.content, [source.put(module.header.name, _INNER)]).decode()
    given = ", ".join(f".{name}({name})" for name in _parameters(module))
    widths = {port.name: port.width for port in ports(reference, top=top)}
    links = ", ".join(f".{name}({_OUTPUT if name == output else name})" for name in widths)
    body = [
        # Not $bits(output), which is 0 in Icarus for a name that sorts after the one declared with it.
        f"wire [{widths[output] - 1}:0] {_OUTPUT};",
        f"{_INNER} {f'#({given}) ' if given else ''}inner({links});",
        f"assign {output} = ~{_OUTPUT};",
    ]
    return f"{renamed}\n{_shell(source, module, _nets(source, module), body)}"


def is_constant(reference: str, *, top: str) -> bool:
    """Whether a module is constant for sure: it has no inputs and nothing that takes its course in time."""
    source = Source(reference)  # kept: it owns the tree
    module = _module(source, top)
    return (
        module is not None
        and all(port.direction == "output" for port in ports(reference, top=top))
        and all(member.kind.name in (*_INTERFACE, "ContinuousAssign") for member in module.members)
    )


def _module(source: Source, top: str) -> Any:
    """The declaration of a module, the last of its name; None if there is none."""
    found = [module for module in source.modules() if module.header.name.valueText == top]
    return found[-1] if found else None


def _shell(source: Source, module: Any, edits: list[Edit], body: list[str]) -> str:
    """A module's header and declarations of ports, with another body, and no other module."""
    edits = [
        *edits,
        *(source.put(other, "") for other in source.modules() if other is not module),
        *(source.put(member, "") for member in module.members if member.kind.name not in _INTERFACE),
    ]
    place, _ = source.span(module.endmodule)
    edits.append(Edit(place, place, "".join(f"\n{line}" for line in body) + "\n"))
    return edited(source.content, edits).decode()


def _nets(source: Source, module: Any) -> list[Edit]:
    """What makes nets of outputs that are variables, since only nets can be assigned to for good."""
    listed = module.header.ports
    declarations = [*(elements(listed) if listed is not None else []), *module.members]
    edits: list[Edit] = []
    direction = ""
    for port in declarations:
        kind = port.kind.name
        if kind not in ("PortDeclaration", "ImplicitAnsiPort"):
            continue
        given = getattr(port.header, "direction", None)
        direction = given.rawText if given is not None and given.rawText else direction  # else that of the one before
        if direction != "output":
            continue
        declarators = elements(port.declarators) if kind == "PortDeclaration" else [port.declarator]
        edits += [source.put(d.initializer, "") for d in declarators if d.initializer is not None]
        edits += _net(source, port.header)
    return edits


def _net(source: Source, header: Any) -> list[Edit]:
    if header.kind.name != "VariablePortHeader" or header.dataType.kind.name not in _VARIABLES:
        return []
    edits = [source.put(header.dataType.keyword, _VARIABLES[header.dataType.kind.name])]
    if header.varKeyword.rawText:
        edits.append(source.put(header.varKeyword, ""))
    return edits


def _parameters(module: Any) -> list[str]:
    """The names of the parameters that an instance can set."""
    header = module.header.parameters
    if header is not None:
        declarations = elements(header)
    else:
        declarations = [m.parameter for m in module.members if m.kind.name == "ParameterDeclarationStatement"]
    return [
        declarator.name.valueText
        for declaration in declarations
        if declaration.kind.name == "ParameterDeclaration" and declaration.keyword.rawText != "localparam"
        for declarator in elements(declaration.declarators)
    ]

"""Wrong answers made from right ones: small functional changes of a module.

Changes are made to the parsed tree, never to comments, strings, interfaces, parameters or loops, and each mutant still
elaborates. Whether a mutant behaves differently is not decided here: some changes make none.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import pyslang

from rtlscribe.records import Record
from rtlscribe.verilog.source import Edit, Source, edited, elements, of_kind
from rtlscribe.verilog.syntax import diagnose

Kind = Literal["operator", "condition", "constant", "edge", "branch", "order", "reset", "assignment", "index", "signal"]

_OPERATORS: dict[str, tuple[str, ...]] = {
    "AddExpression": ("-", "|"),
    "SubtractExpression": ("+",),
    "MultiplyExpression": ("+",),
    "DivideExpression": ("%",),
    "ModExpression": ("/",),
    "BinaryAndExpression": ("|", "^"),
    "BinaryOrExpression": ("&", "^"),
    "BinaryXorExpression": ("|", "&"),
    "BinaryXnorExpression": ("^",),
    "EqualityExpression": ("!=",),
    "InequalityExpression": ("==",),
    "CaseEqualityExpression": ("!==",),
    "CaseInequalityExpression": ("===",),
    "LessThanExpression": ("<=",),
    "LessThanEqualExpression": ("<",),
    "GreaterThanExpression": (">=",),
    "GreaterThanEqualExpression": (">",),
    "LogicalAndExpression": ("||",),
    "LogicalOrExpression": ("&&",),
    "LogicalShiftLeftExpression": (">>",),
    "LogicalShiftRightExpression": ("<<",),
    "ArithmeticShiftLeftExpression": (">>>",),
    "ArithmeticShiftRightExpression": (">>",),
    "UnaryBitwiseNotExpression": ("",),
    "UnaryLogicalNotExpression": ("",),
    "UnaryMinusExpression": ("",),
    "UnaryBitwiseAndExpression": ("|",),
    "UnaryBitwiseOrExpression": ("&",),
    "UnaryBitwiseXorExpression": ("~^",),
    "UnaryBitwiseNandExpression": ("~|",),
    "UnaryBitwiseNorExpression": ("~&",),
    "UnaryBitwiseXnorExpression": ("^",),
}
_GATES = {"and": "or", "or": "and", "nand": "nor", "nor": "nand", "xor": "or", "xnor": "nor", "not": "buf"}
_RADIX = {"b": (2, "b"), "o": (8, "o"), "d": (10, "d"), "h": (16, "x")}

# What is left as it is, with all that it holds: a change there breaks the interface or elaboration, or means nothing.
_LEFT_ALONE = frozenset(
    {"AnsiPortList", "NonAnsiPortList", "PortDeclaration", "ParameterPortList", "ParameterDeclarationStatement"}
    | {"ParameterValueAssignment", "DefParam", "VariableDimension", "GenvarDeclaration", "TypedefDeclaration"}
    | {"EnumType", "FunctionPrototype", "DelayControl", "Delay3", "ImplicitEventControl", "SpecifyBlock"}
    | {"AttributeInstance", "SystemName"}
    # A changed loop may have no end.
    | {"LoopStatement", "DoWhileStatement", "ForeverStatement"}
)
# Of these only some parts are looked into.
_PARTS = {
    "ForLoopStatement": ("statement",),
    "LoopGenerate": ("block",),
    "IfGenerate": ("block", "elseClause"),
    "CaseGenerate": ("items",),
    "MultipleConcatenationExpression": ("concatenation",),
    "InvocationExpression": ("arguments",),
    "ConditionalPattern": ("expr",),
}
_ASSIGNMENTS = ("AssignmentExpression", "NonblockingAssignmentExpression")
_LITERALS = ("IntegerLiteralExpression", "IntegerVectorExpression", "UnbasedUnsizedLiteralExpression")
_NAMES = ("IdentifierName", "IdentifierSelectName")
_SELECTS = ("BitSelect", "SimpleRangeSelect", "AscendingRangeSelect", "DescendingRangeSelect")


class Mutant(Record, kw_only=True):
    """A changed module. `line` counts from 1 and is that of the change in the original; `name` tells the change."""

    name: str
    kind: Kind
    line: int
    code: str


class _Change(NamedTuple):
    kind: Kind
    place: int  # bytes
    name: str
    edits: tuple[Edit, ...]


def mutants(code: str, *, top: str, n: int, seed: int) -> list[Mutant]:
    """At most `n` different mutants of module `top` and of the modules under it, spread over kinds and lines.

    The same for the same seed, and fewer are a beginning of more. None if `top` is not there. A mutant gets no error or
    warning of elaboration that the original does not get.
    """
    content = Source(code).content
    accepted = {(d.severity, d.text) for d in diagnose(code)}
    queues = _shuffled(_changes(code, top), random.Random(f"mutants {seed}"))
    lines: Counter[int] = Counter()
    seen = {content}
    found: list[Mutant] = []
    while len(found) < n and any(queues):
        for queue in queues:
            while queue and len(found) < n:
                change = min(queue, key=lambda c: lines[_line(content, c.place)])
                queue.remove(change)
                changed = edited(content, change.edits)
                text, line = changed.decode(), _line(content, change.place)
                if changed in seen or not {(d.severity, d.text) for d in diagnose(text)} <= accepted:
                    continue
                seen.add(changed)
                lines[line] += 1
                found.append(Mutant(name=f"line {line}: {change.name}", kind=change.kind, line=line, code=text))
                break
    return found


def _shuffled(changes: Sequence[_Change], chance: random.Random) -> list[list[_Change]]:
    """The changes by kind; kinds, and those of a kind, in an order of chance."""
    by_kind: dict[str, list[_Change]] = {}
    for change in changes:
        by_kind.setdefault(change.kind, []).append(change)
    queues = [by_kind[kind] for kind in sorted(by_kind)]
    chance.shuffle(queues)
    for queue in queues:
        chance.shuffle(queue)
    return queues


def _line(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1


class _Signals(NamedTuple):
    """A module's nets and variables by name, with their widths in bits, and its ports: whether they are inputs."""

    widths: dict[str, int]
    ports: dict[str, bool]


class _Place(NamedTuple):
    """A node on the way down, and what is known of its surroundings."""

    node: Any
    target: bool = False  # on the left of an assignment
    select: bool = False  # in the brackets behind a name
    clocked: bool = False  # directly in an always block with an edge
    whole: bool = False  # one side of an assignment, of which the order of the parts counts


def _changes(code: str, top: str) -> list[_Change]:
    """All changes there are, in the order of the text. Names of signals need elaboration, the rest does not."""
    source = Source(code)
    signals = _signals(source, top)
    found = []
    for module in source.modules():
        name = module.header.name.valueText
        if name in signals:
            found += list(_in_module(source, module, signals))
    return sorted(found, key=lambda c: (c.place, c.kind, c.name))


def _in_module(source: Source, module: Any, signals: dict[str, _Signals]) -> Iterator[_Change]:
    widths, own_ports = signals[module.header.name.valueText]
    clocks, registers = _clocks_and_registers(module)
    inputs = {name for name, is_input in own_ports.items() if is_input}
    # Of others a loop without a register could be made, which may swing for ever.
    spares = sorted((inputs - clocks | registers) & widths.keys())
    stack = [_Place(member) for member in module.members]
    while stack:
        place = stack.pop()
        node, kind = place.node, place.node.kind.name
        if kind in _LEFT_ALONE or (kind == "ExpressionStatement" and _is_system_call(node.expr)):
            continue
        if source.own(node):
            yield from _of_node(source, place)
            if kind in _NAMES and not place.target:
                yield from _other_signals(source, node, widths, spares)
        stack += _inside(place, signals)


def _inside(place: _Place, signals: dict[str, _Signals]) -> Iterator[_Place]:
    """The parts of a node that are looked into."""
    node, kind = place.node, place.node.kind.name
    if kind in _ASSIGNMENTS:
        yield _Place(node.left, target=True, whole=node.right.kind.name not in _LITERALS)
        yield _Place(node.right, whole=True)
    elif kind == "TimingControlStatement":
        yield _Place(node.timingControl)
        yield _Place(node.statement, clocked=bool(_edges(node.timingControl)))
    elif kind == "SequentialBlockStatement":
        yield from (_Place(item, clocked=place.clocked) for item in elements(node))
    elif kind == "HierarchyInstantiation":
        known = signals.get(node.type.valueText)
        yield from _connections(node, known.ports if known else {})
    elif kind == "PrimitiveInstantiation":
        for instance in of_kind(node, "HierarchicalInstance"):
            yield from (_Place(c, target=not i) for i, c in enumerate(elements(instance.connections)))
    elif kind == "SignalEventExpression":
        return
    elif kind in _PARTS:
        for name in _PARTS[kind]:
            part = getattr(node, name)
            if part is not None:
                yield _Place(part, target=place.target)
    else:
        select = place.select or kind in _SELECTS
        yield from (_Place(child, place.target and kind not in _SELECTS, select) for child in elements(node))


def _connections(node: Any, ports: dict[str, bool]) -> Iterator[_Place]:
    """What is connected to instances of a module. What an output drives, or may drive, is a target."""
    order = list(ports.values())
    for instance in of_kind(node, "HierarchicalInstance"):
        for place, connection in enumerate(elements(instance.connections)):
            if connection.kind.name == "NamedPortConnection":
                yield _Place(connection, target=not ports.get(connection.name.valueText))
            elif place < len(order):
                yield _Place(connection, target=not order[place])


def _of_node(source: Source, place: _Place) -> Iterator[_Change]:
    """The changes of one node that need no knowledge of other signals."""
    node, kind = place.node, place.node.kind.name
    start, _ = source.span(node)
    match kind:
        case _ if kind in _OPERATORS and source.own(node.operatorToken):
            old = node.operatorToken.rawText
            for new in _OPERATORS[kind]:
                edit = source.put(node.operatorToken, new)
                yield _Change("operator", edit.start, f"{old} becomes {new}" if new else f"without {old}", (edit,))
        case "PrimitiveInstantiation" if node.type.rawText in _GATES:
            old, new = node.type.rawText, _GATES[node.type.rawText]
            yield _Change("operator", start, f"gate {old} becomes {new}", (source.put(node.type, new),))
        case _ if kind in _LITERALS:
            for text in _other_constants(source, node):
                of_kind: Kind = "index" if place.select else "constant"
                yield _Change(of_kind, start, f"{source.text(node)} becomes {text}", (source.put(node, text),))
        case "SignalEventExpression" if node.edge.rawText in ("posedge", "negedge"):
            text = "negedge" if node.edge.rawText == "posedge" else "posedge"
            yield _Change("edge", start, f"{node.edge.rawText} becomes {text}", (source.put(node.edge, text),))
        case "ConditionalStatement":
            yield from _of_if(source, place)
        case "ConditionalExpression":
            yield _swapped(source, node.left, node.right, "{}", start, "the choices of ?: swapped")
        case "ConcatenationExpression" if place.whole:
            for first, second in itertools.pairwise(elements(node)):
                a, b = source.text(first), source.text(second)
                if a != b and source.own(first) and source.own(second):
                    what = f"{_brief(a)} and {_brief(b)} swapped"
                    yield _swapped(source, first, second, "{}", source.span(first)[0], what, kind="order")
        case "AssignmentExpression" | "NonblockingAssignmentExpression" if node.right.kind.name in _NAMES:
            # All that can be changed where a signal is only passed on.
            said = source.text(node.right)
            yield _Change("operator", start, f"{said} inverted", (source.put(node.right, f"~{said}"),))
        case "ExpressionStatement" if node.expr.kind.name in _ASSIGNMENTS and _says_something(source, node.expr.right):
            # Not a mere semicolon: after `initial` Icarus wants a statement.
            edit = source.put(node, "begin end")
            yield _Change("assignment", start, f"without {_brief(source.text(node))}", (edit,))


def _says_something(source: Source, value: Any) -> bool:
    """Not x in all bits, which a testbench cannot tell from anything else."""
    return not (value.kind.name in _LITERALS and re.fullmatch(r".*'[sS]?[bodhBODH]?[xX?zZ_]+", source.text(value)))


def _of_if(source: Source, place: _Place) -> Iterator[_Change]:
    node = place.node
    start, _ = source.span(node)
    condition = node.predicate
    said = _brief(source.text(condition))
    if place.clocked and node.elseClause is not None:
        # The first question of a clocked block is whether to reset.
        yield _Change("reset", start, f"if ({said}) never holds", (source.put(condition, "1'b0"),))
    if node.elseClause is None:
        edit = source.put(condition, f"!({source.text(condition)})")
        yield _Change("condition", start, f"if ({said}) negated", (edit,))
    else:
        other = node.elseClause.clause
        yield _swapped(source, node.statement, other, "begin {}\nend", start, f"the branches of if ({said}) swapped")


def _swapped(
    source: Source, first: Any, second: Any, form: str, place: int, name: str, *, kind: Kind = "branch"
) -> _Change:
    """`form` keeps an else with its if; the line feed in it ends a comment."""
    edits = (
        source.put(first, form.format(source.text(second))),
        source.put(second, form.format(source.text(first))),
    )
    return _Change(kind, place, name, edits)


def _other_constants(source: Source, node: Any) -> list[str]:
    """Constants near one: off by one, or one bit flipped."""
    text = source.text(node)
    if node.kind.name == "UnbasedUnsizedLiteralExpression":
        return {"'0": ["'1"], "'1": ["'0"]}.get(text, [])
    if node.kind.name == "IntegerLiteralExpression":
        value = int(text.replace("_", ""))
        return [str(other) for other in (value - 1, value + 1) if other >= 0]
    digits = node.value.rawText.replace("_", "")
    radix, form = _RADIX[node.base.rawText[-1].lower()]
    try:
        value = int(digits, radix)
    except ValueError:  # x, z and ? stand in it
        return []
    head = text[: len(text) - len(node.value.rawText)]
    size = int(node.size.rawText) if node.size.rawText else max(value.bit_length(), 1)
    pad = len(digits) if radix != 10 else 1
    flipped = {value ^ 1, value ^ (1 << (size - 1)), value ^ (1 << (size // 2))}
    return [f"{head}{other:0{pad}{form}}" for other in sorted(flipped)]


def _other_signals(source: Source, node: Any, widths: dict[str, int], spares: Sequence[str]) -> Iterator[_Change]:
    token = node.identifier
    name = token.valueText
    if name not in widths or not source.own(token):
        return
    for other in spares:
        if other != name and widths[other] == widths[name]:
            edit = source.put(token, other)
            yield _Change("signal", edit.start, f"{name} becomes {other}", (edit,))


def _signals(source: Source, top: str) -> dict[str, _Signals]:
    """By module that `top` consists of, its nets and variables."""
    options = pyslang.ast.CompilationOptions()
    options.topModules = {top} if top else set()
    compilation = pyslang.ast.Compilation(pyslang.Bag([options]))
    compilation.addSyntaxTree(source.tree)
    found: dict[str, _Signals] = {}

    def visit(symbol: Any) -> None:
        if symbol.kind.name == "InstanceBody":
            widths = {
                member.name: member.type.bitWidth
                for member in symbol
                # An escaped name would need more than being put elsewhere.
                if member.kind.name in ("Net", "Variable") and member.type.isIntegral and member.name.isidentifier()
            }
            directions = {p.name: getattr(p, "direction", None) for p in symbol.portList}
            ports = {name: d is not None and d.name == "In" for name, d in directions.items()}
            found[symbol.definition.name] = _Signals(widths, ports)

    if not top or any(instance.name == top for instance in compilation.getRoot().topInstances):
        compilation.getRoot().visit(visit)
    return found


def _clocks_and_registers(module: Any) -> tuple[set[str], set[str]]:
    """The signals whose edges are waited for, and those that are assigned with <= after an edge."""
    clocks: set[str] = set()
    registers: set[str] = set()
    for control in of_kind(module, "TimingControlStatement"):
        edges = _edges(control.timingControl)
        clocks.update(*(_names(event.expr) for event in edges))
        if edges:
            registers.update(*(_names(n.left) for n in of_kind(control, "NonblockingAssignmentExpression")))
    return clocks, registers


def _edges(control: Any) -> list[Any]:
    """The edges that an event control waits for."""
    return [event for event in of_kind(control, "SignalEventExpression") if event.edge.rawText]


def _names(expression: Any) -> set[str]:
    """The signals that an expression names at its outermost: of a[i] it is a, of {a, b} both."""
    match expression.kind.name:
        case kind if kind in _NAMES:
            return {expression.identifier.valueText}
        case "ConcatenationExpression" | "ParenthesizedExpression":
            return set().union(*(_names(part) for part in elements(expression)))
    return set()


def _is_system_call(expression: Any) -> bool:
    called = expression.left if expression.kind.name == "InvocationExpression" else expression
    return bool(called.kind.name == "SystemName")


def _brief(text: str) -> str:
    """Text on one line, the middle left out of what is long."""
    line = " ".join(text.split())
    return line if len(line) <= 48 else f"{line[:30]} ... {line[-12:]}"

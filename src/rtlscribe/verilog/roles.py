"""Which inputs of a module are clocks and which are resets, by how a piece of code uses them and by their names.

Read is the syntax alone, through instances and plain renamings (`assign rst = ~rst_n;`). Nothing is elaborated, so what
a generate block or a macro hides is not seen; several answers to one instruction vote (`roles`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rtlscribe.verilog.ports import Port
from rtlscribe.verilog.source import Source, elements, of_kind

_CLOCK_NAME = re.compile(r"(?:^|_)[a-z]{0,3}(?:clk|clock)(?:_?(?:i|in|\d+))*$|^(?:ck|cp)\d*$", re.IGNORECASE)
_RESET_NAME = re.compile(
    r"(?:^|_)(?:n|a|s|an|sn|na|ns|sys|p|por)?_?(?:rst|reset|clr|clear)(?:n|b)?(?:_|\d|$)|[a-z](?:Rst|Reset)",
    re.IGNORECASE,
)
_LOW_NAME = re.compile(
    r"(?:rst|reset|clr|clear)_?(?:[a-z]{0,5}_)?(?:n|b|l|low|bar)(?:_|\d|$)|(?:^|_)[as]?n_?(?:rst|reset|clr|clear)",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"\(*\s*([!~]?)\s*\(*\s*([A-Za-z_][\w$]*)\s*\)*")
_ASKED = re.compile(rf"{_PLAIN.pattern}\s*(?:(==|!=)=?\s*(?:1\s*'[bdhBDH])?\s*([01])\s*\)*)?\s*")


class Usage(NamedTuple):
    """How one answer uses signals. `async_levels` and `asked_levels`: by name, how often each level is active.

    The former are waited for by their edge beside a clock, the latter asked for at the head of a clocked block.
    """

    clocks: Counter[str]
    async_levels: dict[str, Counter[int]]
    asked_levels: dict[str, Counter[int]]


class Roles(NamedTuple):
    """The inputs with a part of their own. A reset goes with the level at which it is active."""

    clocks: tuple[str, ...] = ()
    resets: tuple[tuple[str, int], ...] = ()


def roles(interface: Sequence[Port], usages: Iterable[Usage]) -> Roles:
    """The roles of the inputs of an interface, as most of the answers use them.

    A clock is what most of the answers that have clocks wait for the edge of; a reset is an input that such an answer
    waits for beside the clock, or one that is called so. Where no answer says anything, the names decide.
    """
    single = [port.name for port in interface if port.direction == "input" and port.width == 1]
    votes = [usage for usage in usages if usage.clocks.keys() & set(single)]
    clocks = [n for n in single if 2 * sum(n in v.clocks for v in votes) > len(votes)]
    if not votes:
        clocks = [n for n in single if _CLOCK_NAME.search(n)]
    resets = []
    for name in single:
        waited = sum(name in v.async_levels for v in votes)
        if name not in clocks and (2 * waited > len(votes) or (clocks and _RESET_NAME.search(name))):
            resets.append((name, _level(name, votes)))
    return Roles(tuple(clocks), tuple(resets))


def _level(name: str, votes: Sequence[Usage]) -> int:
    """At which level a reset is active: one vote an answer; the name decides a tie."""
    count: Counter[int] = Counter()
    for vote in votes:
        levels = vote.async_levels.get(name) or vote.asked_levels.get(name)
        if levels:
            count[levels.most_common(1)[0][0]] += 1
    if count[0] != count[1]:
        return int(count[1] > count[0])
    return int(not _LOW_NAME.search(name))


def usage(code: str, *, top: str) -> Usage:
    """How module `top` uses its ports, its instances included. Empty if there is no such module or no edge."""
    if "edge" not in code:
        return Usage(Counter(), {}, {})
    source = Source(code)
    modules = {module.header.name.valueText: module for module in source.modules()}
    return _of_module(source, modules, top, frozenset())


def _of_module(source: Source, modules: Mapping[str, Any], name: str, above: frozenset[str]) -> Usage:
    found = Usage(Counter(), {}, {})
    module = modules.get(name)
    if module is None or name in above:
        return found
    for control in of_kind(module, "TimingControlStatement"):
        _of_block(source, control, found)
    for child, connections in _instances(source, module, modules):
        inner = _of_module(source, modules, child, above | {name})
        for port, (signal, inverted) in connections.items():
            _take_over(inner, port, found, signal, inverted=inverted)
    for left, (right, inverted) in _renamings(source, module):
        _take_over(found, left, found, right, inverted=inverted)
    return found


def _of_block(source: Source, control: Any, found: Usage) -> None:
    """What one `@(posedge ...) statement` says: what is only waited for is a clock, what is also read a control."""
    edges = [
        (source.text(event.expr), int(event.edge.rawText == "posedge"))
        for event in of_kind(control.timingControl, "SignalEventExpression")
        if event.edge.rawText
    ]
    if not edges:
        return
    read = {node.identifier.valueText for node in of_kind(control.statement, "IdentifierName")}
    only_waited = [name for name, _ in edges if name not in read] or [edges[0][0]]
    for name, level in edges:
        if name in only_waited:
            found.clocks[name] += 1
        else:
            found.async_levels.setdefault(name, Counter())[level] += 1
    for name, level in _asked(source, control.statement):
        found.asked_levels.setdefault(name, Counter())[level] += 1


def _asked(source: Source, statement: Any) -> Iterator[tuple[str, int]]:
    """The signals, with levels, that the conditions at the head of a block ask for: if (!a || b == 1) else if ..."""
    while statement is not None and statement.kind.name == "SequentialBlockStatement":
        inside = elements(statement.items) if statement.items is not None else []
        statement = inside[0] if inside else None
    while statement is not None and statement.kind.name == "ConditionalStatement":
        for part in re.split(r"\|\|?|&&?", source.text(statement.predicate)):
            asked = _ASKED.fullmatch(part.strip())
            if asked:
                inverted, name, operator, digit = asked.groups()
                level = 1 if digit is None else int(digit) ^ (operator == "!=")
                yield name, level ^ bool(inverted)
        statement = statement.elseClause.clause if statement.elseClause is not None else None


def _instances(
    source: Source, module: Any, modules: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, tuple[str, bool]]]]:
    """The instances of known modules: which of their ports is which signal here, and whether inverted."""
    for node in of_kind(module, "HierarchyInstantiation"):
        child = node.type.valueText
        if child not in modules:
            continue
        order = _port_names(modules[child])
        for instance in of_kind(node, "HierarchicalInstance"):
            connections = {}
            for place, connection in enumerate(elements(instance.connections)):
                kind = connection.kind.name
                port = connection.name.valueText if kind == "NamedPortConnection" else "".join(order[place : place + 1])
                expression = getattr(connection, "expr", None)
                plain = _PLAIN.fullmatch(source.text(expression).strip()) if expression is not None else None
                if plain:
                    connections[port] = (plain.group(2), bool(plain.group(1)))
                elif kind == "WildcardPortConnection":
                    connections |= {name: (name, False) for name in order}
                elif kind == "NamedPortConnection" and expression is None:  # `.clk`, short for `.clk(clk)`
                    connections[port] = (port, False)
            yield child, connections


def _port_names(module: Any) -> list[str]:
    """The names of a module's ports, in order."""
    listed = module.header.ports
    if listed is None:
        return []
    kinds = {"ImplicitAnsiPort": "declarator", "ExplicitAnsiPort": "", "ImplicitNonAnsiPort": "expr"}
    names = []
    for port in elements(listed.ports):
        holder = getattr(port, kinds.get(port.kind.name) or "", port)
        name = getattr(holder, "name", None)
        names.append(name.valueText if name is not None else "")
    return names


def _renamings(source: Source, module: Any) -> Iterator[tuple[str, tuple[str, bool]]]:
    """Signals that are no more than another one, or its inverse: name here, name there, inverted."""
    assigned = [a for c in of_kind(module, "ContinuousAssign") for a in elements(c.assignments)]
    whole = [a for a in assigned if a.kind.name == "AssignmentExpression"]  # `assign x;` is read as a name alone
    pairs = [(a.left, a.right) for a in whole]
    for declaration in of_kind(module, "NetDeclaration"):
        pairs += [(d, d.initializer.expr) for d in elements(declaration.declarators) if d.initializer is not None]
    for left, right in pairs:
        plain = _PLAIN.fullmatch(source.text(right).strip())
        name = left.name.valueText if left.kind.name == "Declarator" else source.text(left)
        if plain:
            yield name, (plain.group(2), bool(plain.group(1)))


def _take_over(inner: Usage, name: str, outer: Usage, signal: str, *, inverted: bool) -> None:
    """What is known of a name within holds for the signal that it stands for."""
    if name in inner.clocks:
        outer.clocks[signal] += inner.clocks[name]
    for there, here in ((inner.async_levels, outer.async_levels), (inner.asked_levels, outer.asked_levels)):
        if name in there:
            counts = here.setdefault(signal, Counter())
            for level, count in there[name].items():
                counts[level ^ inverted] += count

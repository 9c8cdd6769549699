"""A problem's testbench made hard to reach and hard to imitate, once a problem. Does not run anything.

Of the trusted text (testbench, and the reference in it):
- modules, instances, tasks, functions and named blocks get random names: no answer can name a path into it;
- lines that announce a result carry a secret: a print of the answer's is no result;
- random stimulus is drawn from streams of its own, the same numbers as published unless they are seeded anew: an answer
  cannot shift or re-seed them, and a second run can have other stimulus;
- the answer's inputs are driven one way: what it does to its own ports does not come back;
- no waveform is written;
- an answer that is wrong often enough ends the simulation.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyslang
from pyslang.parsing import TokenKind
from pyslang.syntax import SyntaxKind

from rtlscribe.records import NONCE, Problem
from rtlscribe.verilog.ports import Port, ports
from rtlscribe.verilog.source import Edit

_DUMPS = frozenset(
    {"$dumpfile", "$dumpvars", "$dumpon", "$dumpoff", "$dumpall", "$dumpflush", "$dumplimit", "$fsdbDumpfile"}
    | {"$fsdbDumpvars", "$vcdpluson", "$wlfdumpvars"}
)
_DRAWS = frozenset({"$random", "$urandom", "$urandom_range"})
ENOUGH_MISMATCHES = 200  # most testbenches take fewer samples than that; some take 400,000
_FORMAT = re.compile(r"%-?\d*(?:\.\d+)?[a-zA-Z]")
_KINDS = {  # of syntax that is looked at
    SyntaxKind.ModuleDeclaration,
    SyntaxKind.HierarchyInstantiation,
    SyntaxKind.TaskDeclaration,
    SyntaxKind.FunctionDeclaration,
    SyntaxKind.NamedBlockClause,
    SyntaxKind.ExpressionStatement,
    SyntaxKind.InvocationExpression,
    SyntaxKind.SystemName,
}
# The published streams: $random and $urandom start from 0 in Icarus, each on its own; $urandom is the same generator
# with its first bit flipped, $urandom_range is $dist_uniform on it. Seen on versions 11 and 12, of which 11 makes 0 of
# ranges beyond 31 bits.
_STREAMS = """
module {name};
  integer r = 32'd{seed_r};
  integer u = 32'd{seed_u};
  function [31:0] next(input unused);
    next = $random(u) ^ 32'h80000000;
  endfunction
  function [31:0] range(input [31:0] a, input [31:0] b);
    reg signed [31:0] low, high;
    begin
      low = (a < b ? a : b) ^ 32'h80000000;
      high = (a < b ? b : a) ^ 32'h80000000;
      range = $dist_uniform(u, low, high) ^ 32'h80000000;
    end
  endfunction
endmodule
"""


class Harness(NamedTuple):
    """What is compiled before an answer. `markers` stand in the text where the two streams' seeds belong."""

    text: str
    roots: tuple[str, ...]
    secret: str
    markers: tuple[int, ...]
    marked: bool  # lines that announce a result carry the secret
    isolated: bool
    names: tuple[tuple[str, str], ...] = ()  # each private name with the published one

    def readable(self, said: str) -> str:
        """A message with the published names in place of the private ones."""
        for private, published in self.names:
            said = said.replace(private, published)
        return said

    def seeding(self, seeds: Sequence[int]) -> list[tuple[str, str]]:
        """What to replace in the compiled program (vvp) so that the streams begin with these seeds."""
        place = "%pushi/vec4 {}, 0, 32;"
        return [(place.format(m), place.format(s)) for m, s in zip(self.markers, seeds, strict=True)]


def harness(problem: Problem, *, isolate: bool = True, own_streams: bool = True) -> Harness:
    """The testbench of a problem, made private. Two calls give different names and secrets.

    The published stimulus stays what it is. `isolate` and `own_streams` can be turned off for a testbench that does not
    bear them.
    """
    secret = secrets.token_hex(16)
    source = problem.testbench.replace(NONCE, secret)
    found = _Reading(source)
    edits, marked = _marks(found, problem, secret)
    edits += _early_end(found, problem)
    edits += [Edit(*found.place(node), ";") for node in found.dumps]
    interface = ports(problem.reference or problem.header + "\nendmodule", top=problem.top)
    foreign = {problem.top, *(port.name for port in interface)}
    names = {name: _fresh_name() for name in sorted(found.own_names() - foreign)}
    isolation = list(_isolation(found, problem.top, interface, names)) if isolate else []
    edits += isolation
    edits += [Edit(start, end, names[name]) for name, start, end in found.identifiers() if name in names]
    roots = [names.get(name, name) for name in found.roots(problem.top)]
    markers: tuple[int, ...] = ()
    streams = ""
    if own_streams and found.draws and not found.draws_elsewhere:
        module, markers = _fresh_name(), (_marker(), _marker())
        streams = _STREAMS.format(name=module, seed_r=markers[0], seed_u=markers[1])
        edits += list(_draws(found, module))
        roots.insert(0, module)  # its seeds are there when the others' variables get their first values
    return Harness(
        text=_edited(source, edits).rstrip("\n") + "\n" + streams,
        roots=tuple(roots),
        secret=secret,
        markers=markers,
        marked=marked,
        isolated=bool(isolation),
        names=tuple((private, published) for published, private in names.items()),
    )


class _Reading:
    """What there is in a testbench, by kind; places are offsets in bytes of the text itself, not of macros."""

    def __init__(self, source: str) -> None:
        manager = pyslang.SourceManager()
        self.buffer = manager.assignText("testbench.v", source)
        self.tree = pyslang.syntax.SyntaxTree.fromBuffer(self.buffer, manager)
        self.tokens: list[Any] = []
        self.modules: list[Any] = []
        self.instantiations: list[Any] = []
        self.dumps: list[Any] = []
        self.draws: list[Any] = []
        self.draws_elsewhere = False  # out of macros, where no edit reaches them
        self.displays: list[Any] = []
        self._names: set[str] = set()
        self._elsewhere: set[str] = set()  # identifiers that come out of macros
        self.tree.root.visit(self._visit)

    def _visit(self, node: Any) -> None:
        if isinstance(node, pyslang.parsing.Token):
            if node.location.buffer == self.buffer.id:
                self.tokens.append(node)
            elif node.kind == TokenKind.Identifier:
                self._elsewhere.add(node.valueText)
            return
        if node.kind not in _KINDS:
            return
        if any(place.buffer != self.buffer.id for place in (node.sourceRange.start, node.sourceRange.end)):
            self.draws_elsewhere = self.draws_elsewhere or _called(node) in _DRAWS
            return
        match node.kind.name:
            case "ModuleDeclaration":
                self.modules.append(node)
                self._names.add(node.header.name.valueText)
            case "HierarchyInstantiation":
                self.instantiations.append(node)
                self._names.update(i.decl.name.valueText for i in _syntax(node.instances) if i.decl)
            case "TaskDeclaration" | "FunctionDeclaration":
                self._names.add(str(node.prototype.name).strip())
            case "NamedBlockClause":
                self._names.add(node.name.valueText)
            case "ExpressionStatement" if _called(node.expr) in _DUMPS:
                self.dumps.append(node)
            case "InvocationExpression" if _called(node) == "$display" and node.arguments:
                self.displays.append(node)
            case "InvocationExpression" if _called(node) in _DRAWS:
                self.draws.append(node)
            case "SystemName" if node.systemIdentifier.valueText in ("$random", "$urandom"):
                self.draws.append(node)

    def own_names(self) -> set[str]:
        """Names that paths are made of; not those that a macro also produces, which no edit reaches."""
        return {name for name in self._names if re.fullmatch(r"[A-Za-z_]\w*", name)} - self._elsewhere

    def identifiers(self) -> Iterator[tuple[str, int, int]]:
        for token in self.tokens:
            if token.kind == TokenKind.Identifier:
                yield token.valueText, token.range.start.offset, token.range.end.offset

    def roots(self, top: str) -> list[str]:
        """Modules that nothing in the testbench instantiates: what to elaborate, whatever else the answer holds."""
        names = [m.header.name.valueText for m in self.modules]
        used = {node.type.valueText for node in self.instantiations}
        return [n for n in names if n not in used and n != top] or names[-1:]

    def place(self, node: Any) -> tuple[int, int]:
        return node.sourceRange.start.offset, node.sourceRange.end.offset


def _syntax(separated: Any) -> list[Any]:
    """The elements of a separated list without its commas."""
    return [element for element in separated if not isinstance(element, pyslang.parsing.Token)]


def _called(expression: Any) -> str:
    """The name of the system task or function that an expression calls or is; "" for any other."""
    if expression.kind.name == "InvocationExpression":
        expression = expression.left
    return str(expression.systemIdentifier.valueText) if expression.kind.name == "SystemName" else ""


def _fresh_name() -> str:
    return f"n{secrets.token_hex(6)}"


def _marker() -> int:
    return 1_000_000_000 + secrets.randbelow(1_000_000_000)


def _marks(found: _Reading, problem: Problem, secret: str) -> tuple[list[Edit], bool]:
    """The secret in front of every string that announces a result, and whether passing can be told by it."""
    if NONCE in problem.pass_pattern:
        return [], True
    edits, marked = [], False
    for token in found.tokens:
        if token.kind != TokenKind.StringLiteral:
            continue
        said = _FORMAT.sub("0", token.valueText)
        passes = bool(problem.pass_pattern and re.search(problem.pass_pattern, said, re.MULTILINE))
        if passes or any(re.search(p, said, re.MULTILINE) for p in problem.fail_patterns):
            marked = marked or passes
            start = token.range.start.offset + 1  # after the quote
            edits.append(Edit(start, start, f"{secret} "))
    return edits, marked


def _early_end(found: _Reading, problem: Problem) -> Iterator[Edit]:
    """$finish once the count of mismatches that the result line tells is large: it can only grow.

    The count is the number in that line besides the samples.
    """
    if "(?P<samples>" not in problem.pass_pattern:
        return
    for node in found.displays:
        text, *arguments = _syntax(node.arguments.parameters)
        literal = next((t.valueText for t in _tokens(text) if t.kind == TokenKind.StringLiteral), "")
        told = re.search(problem.pass_pattern, _FORMAT.sub("0", literal), re.MULTILINE)
        if not told or len(arguments) != 2:
            continue
        said = told.string[: told.start("samples")]
        count = arguments[0 if said.count("0") else 1]  # both numbers are 0 in this line
        expression = "".join(token.rawText for token in _tokens(count))
        for module in found.modules:
            if re.fullmatch(r"[A-Za-z_][\w.]*", expression) and _within(found.place(node), found.place(module)):
                end = module.endmodule.range.start.offset
                yield Edit(end, end, f"always @({expression}) if ({expression} >= {ENOUGH_MISMATCHES}) $finish;\n")


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _draws(found: _Reading, module: str) -> Iterator[Edit]:
    """$random, $urandom and $urandom_range without a seed of their own, from the private streams."""
    calls = {found.place(node.left)[0] for node in found.draws if node.kind.name == "InvocationExpression"}
    for node in found.draws:
        start, end = found.place(node)
        arguments: list[Any] = []
        if node.kind.name == "InvocationExpression":
            arguments = _syntax(node.arguments.parameters) if node.arguments else []
        elif start in calls:  # the name of a call, seen again by itself
            continue
        name = _called(node)
        if name == "$urandom_range":
            yield Edit(start, found.place(node.left)[1], f"{module}.range")
            if len(arguments) == 1:
                behind = node.arguments.closeParen.range.start.offset  # the argument itself may come out of a macro
                yield Edit(behind, behind, ", 0")
        elif not arguments:
            yield Edit(start, end, f"$random({module}.r)" if name == "$random" else f"{module}.next(0)")


def _isolation(found: _Reading, top: str, interface: Sequence[Port], names: dict[str, str]) -> Iterator[Edit]:
    """One-way drivers for the inputs of the answer."""
    for node in found.instantiations:
        instances = _syntax(node.instances)
        if node.type.valueText != top or not interface or any(_syntax(i.decl.dimensions) for i in instances):
            continue
        declarations = ""
        for instance in instances:
            edit, lines = _connections(instance, interface, names)
            declarations += lines
            yield edit
        start = found.place(node)[0]
        yield Edit(start, start, declarations)


def _connections(instance: Any, interface: Sequence[Port], names: dict[str, str]) -> tuple[Edit, str]:
    """The port list of an instance written anew, with inputs behind a multiplexer that never switches."""
    given: dict[str, str] = {}
    rest = False
    for place, connection in enumerate(_syntax(instance.connections)):
        match connection.kind.name:
            case "NamedPortConnection":
                name = connection.name.valueText
                if connection.openParen.rawText:
                    given[name] = _renamed(connection.expr, names) if connection.expr else ""
                else:
                    given[name] = names.get(name, name)
            case "WildcardPortConnection":
                rest = True
            case "OrderedPortConnection" if place < len(interface):
                given[interface[place].name] = _renamed(connection.expr, names)
    if rest:
        given |= {port.name: port.name for port in interface if port.name not in given}
    inputs = {port.name: port.width for port in interface if port.direction == "input"}
    lines, connected = [], []
    for name, expression in given.items():
        if name in inputs and expression:
            wire, always = _fresh_name(), _fresh_name()
            lines.append(f"wire [{inputs[name] - 1}:0] {wire}; reg {always} = 1;")
            lines.append(f"assign {wire} = {always} ? {expression} : 'bx;")
            expression = wire
        connected.append(f".{name}({expression})")
    start, end = instance.openParen.range.end.offset, instance.closeParen.range.start.offset
    return Edit(start, end, ", ".join(connected)), " ".join(lines) + "\n"


def _renamed(expression: Any, names: dict[str, str]) -> str:
    """The text of an expression with own names replaced."""
    return " ".join(names.get(t.rawText, t.rawText) for t in _tokens(expression) if t.rawText)


def _tokens(node: Any) -> list[Any]:
    found: list[Any] = []
    node.visit(lambda n: found.append(n) if isinstance(n, pyslang.parsing.Token) else None)
    return found


def _edited(source: str, edits: Sequence[Edit]) -> str:
    """The text with all edits made; an edit within another's span is dropped."""
    content = source.encode()
    parts: list[bytes] = []
    done = 0
    for edit in sorted(edits, key=lambda e: (e.start, -e.end)):
        if edit.start < done:
            continue
        parts += [content[done : edit.start], edit.text.encode()]
        done = max(done, edit.end)
    return b"".join([*parts, content[done:]]).decode()

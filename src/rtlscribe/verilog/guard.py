"""What an answer may not do, told before it is compiled. Judges no syntax and no function: that is the compiler's work.

Read is the tree that pyslang makes of the text, with macros expanded and escaped names understood; so a comment or a
string may mention what is forbidden, and a macro cannot hide it. A module that is not part of the design, such as a
testbench that a model added, may hold anything: it is never elaborated. What is not done here:
- Time and memory are not bounded, and the stack has to be deep (256 MiB is enough): see `checkers.worker`.
- Icarus's preprocessor reads some corners differently; so what it made of an answer has to be screened as well.
- In code with errors of syntax no names are looked up. Icarus took none of 643 such completions of real models.
- That an answer drives its own inputs is not seen: see `harness`, which isolates them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pyslang
from pyslang.ast import Compilation, CompilationFlags, CompilationOptions
from pyslang.parsing import Token, TokenKind, TriviaKind
from pyslang.syntax import SyntaxKind

from rtlscribe.verilog.source import parse

LONGEST_BYTES = 256 * 1024
LONGEST_EXPANDED_BYTES = 1024 * 1024  # macros make code longer; pyslang descends safely into a MiB of nesting
DEEPEST_BRACKETS = 1000  # pyslang gives up at 1024, but takes quadratic time over the arguments of nested macros
LONGEST_NAME = 60  # of a name in a reason

# Neither NUL, at which some programs stop reading, nor what only one of the two readers takes for a blank.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]|\r(?!\n)")
_BRACKET = re.compile(r"[][(){}]")

# Prints are allowed: only the testbench's own, secret line is a result. $urandom only without a seed (see `_call`);
# the timing checks of a specify block are read over by Icarus.
_SYSTEM_NAMES = """
    $display $displayb $displayh $displayo $write $writeb $writeh $writeo $strobe $strobeb $strobeh $strobeo
    $monitor $monitorb $monitorh $monitoro $swrite $swriteb $swriteh $swriteo $sformat $sformatf $sscanf
    $error $warning $info $time $stime $realtime $random $urandom $urandom_range
    $dist_uniform $dist_normal $dist_exponential $dist_poisson $dist_chi_square $dist_t $dist_erlang
    $signed $unsigned $is_signed $clog2 $bits $sizeof $countbits $countones $onehot $onehot0 $isunknown
    $cast $typename $rtoi $itor $realtobits $bitstoreal $shortrealtobits $bitstoshortreal
    $size $dimensions $unpacked_dimensions $left $right $low $high $increment
    $ln $log10 $exp $sqrt $pow $floor $ceil $abs $min $max $hypot $sin $cos $tan $asin $acos $atan $atan2
    $sinh $cosh $tanh $asinh $acosh $atanh $sampled $rose $fell $stable $past $changed
    $setup $hold $setuphold $recovery $removal $recrem $skew $timeskew $fullskew $period $width $nochange
"""
SYSTEM_NAMES = frozenset(_SYSTEM_NAMES.split())
# `assign` within a procedure is not among them: it reaches variables only, and those of others only by a path.
FORBIDDEN_WORDS = {
    TokenKind.ForceKeyword: "force",
    TokenKind.ReleaseKeyword: "release",
    # Switches that conduct both ways, `alias` too: through a port they reach what the testbench has connected.
    TokenKind.TranKeyword: "tran",
    TokenKind.TranIf0Keyword: "tranif0",
    TokenKind.TranIf1Keyword: "tranif1",
    TokenKind.RtranKeyword: "rtran",
    TokenKind.RtranIf0Keyword: "rtranif0",
    TokenKind.RtranIf1Keyword: "rtranif1",
    TokenKind.AliasKeyword: "alias",
    TokenKind.FinalKeyword: "final",  # runs when the testbench prints its result
    TokenKind.BindKeyword: "bind",
    TokenKind.ConfigKeyword: "config",
    TokenKind.LibraryKeyword: "library",
    TokenKind.ProgramKeyword: "program",  # the end of one ends the simulation
    TokenKind.ExternKeyword: "extern",
    TokenKind.ExportKeyword: "export",
    TokenKind.RootSystemName: "$root",
    TokenKind.UnitSystemName: "$unit",
}
_K = SyntaxKind
DIRECTIVES = frozenset(
    {_K.TimeScaleDirective, _K.DefaultNetTypeDirective, _K.ResetAllDirective, _K.CellDefineDirective}
    | {_K.EndCellDefineDirective, _K.DefineDirective, _K.UndefDirective, _K.IfDefDirective, _K.IfNDefDirective}
    | {_K.ElsIfDirective, _K.ElseDirective, _K.EndIfDirective, _K.MacroUsage}
)
# To pyslang unknown macros, to Icarus directives, with which it skips the rest of a line, or what follows.
_DIRECTIVES_OF_ICARUS = frozenset(
    {"`uselib", "`suppress_faults", "`nosuppress_faults", "`enable_portfaults", "`disable_portfaults"}
    | {"`protect", "`endprotect"}
)
_UNITS = (_K.ModuleDeclaration, _K.InterfaceDeclaration)
# Where a name is declared: the attribute of the node that holds it.
_DECLARES = {
    _K.Declarator: "name",
    _K.InstanceName: "name",
    _K.NamedBlockClause: "name",
    _K.NamedLabel: "name",
    _K.FunctionPrototype: "name",
    _K.ModuleHeader: "name",
    _K.InterfaceHeader: "name",
    _K.PackageHeader: "name",
    _K.UdpDeclaration: "name",
    _K.TypedefDeclaration: "name",
    _K.ForwardTypedefDeclaration: "name",
    _K.TypeAssignment: "name",
    _K.ClassDeclaration: "name",
    _K.LetDeclaration: "identifier",
    _K.LoopGenerate: "identifier",
    _K.ModportItem: "name",
    _K.ClockingDeclaration: "blockName",
    _K.PropertyDeclaration: "name",
    _K.SequenceDeclaration: "name",
}
_UNNAMED_BLOCK = re.compile(r"genblk0*\d+")  # what the standard calls a generate block without a name


class _Offence(NamedTuple):
    line: int
    reason: str


class _Need(NamedTuple):
    """A name that the answer uses, and has to declare itself; `reason` has a place for it."""

    name: str
    location: Any
    reason: str


def refuse(code: str, *, top: str, expanded: bool = False) -> str | None:
    """Why an answer is not allowed to run, in one line, with the number of the line at fault; None if it is allowed.

    `top` is the module that the testbench instantiates; without it in the answer all its modules are looked at.
    `expanded`: the code comes from the preprocessor, so that it may be longer and hold `line directives.
    Wrong syntax is no reason. Text that was made to exhaust its reader can end the process by its limits.
    """
    reason = _text_at_fault(code, most_bytes=LONGEST_EXPANDED_BYTES if expanded else LONGEST_BYTES)
    if reason:
        return reason
    try:
        offences = _Screen(code, top, expanded=expanded).offences()
    except MemoryError:  # macros that double
        return "it takes too much memory to read"
    first = min(offences, key=lambda offence: offence.line, default=None)
    return f"line {first.line}: {first.reason}" if first else None


def _text_at_fault(code: str, *, most_bytes: int) -> str | None:
    """What can be said before the text is parsed."""
    try:
        size = len(code.encode())
    except UnicodeEncodeError as error:
        return f"line {_line(code, error.start)}: not a character of Unicode (half a surrogate pair)"
    if size > most_bytes:
        return f"{size} bytes are more than the {most_bytes} of the longest answer allowed"
    wrong = _CONTROL.search(code)
    if wrong:
        return f"line {_line(code, wrong.start())}: the control character 0x{ord(wrong.group()):02x}"
    if sum(map(code.count, "([{")) > DEEPEST_BRACKETS:
        depth = 0
        for bracket in _BRACKET.finditer(code):  # strings and comments count too: no honest one is that deep
            depth = depth + 1 if bracket.group() in "([{" else max(0, depth - 1)
            if depth > DEEPEST_BRACKETS:
                return f"line {_line(code, bracket.start())}: brackets nest more than {DEEPEST_BRACKETS} deep"
    return None


def _line(code: str, place: int) -> int:
    return code.count("\n", 0, place) + 1


class _Screen:
    """One answer, read for what it holds. Nodes and tokens are pyslang's."""

    def __init__(self, code: str, top: str, *, expanded: bool) -> None:
        self._sources = pyslang.SourceManager()
        self._tree = parse(code, self._sources)
        self._code = code
        self._top = top
        self._expanded = expanded
        self._directives = DIRECTIVES | {_K.LineDirective} if expanded else DIRECTIVES
        self._with_directives = "`" in code
        self._broken = any(found.isError() for found in self._tree.diagnostics)
        self._found: list[_Offence] = []
        self._words: set[str] = set()  # identifiers of the part read last
        self._declared: set[str] = set()
        self._needs: list[_Need] = []
        self._paths: list[Any] = []  # names with dots

    def offences(self) -> Iterable[_Offence]:
        """What there is to refuse, in no order."""
        for found in self._tree.diagnostics:
            if found.code == pyslang.Diags.ParseTreeTooDeep:  # there is no tree then
                self._blame(found.location, "nests too deeply to be looked at")
                return self._found
        for part in self._parts():
            part.visit(self._visit)
        if self._with_directives or self._broken:
            self._tree.root.visit(self._look_between)
        if not self._broken:  # else it is prose, mostly, in which any word before a dot looks like a path
            self._look_up()
        return self._found

    def _parts(self) -> Iterator[Any]:
        """What lies outside modules, then the modules that belong to the design, each after what leads to it.

        Any mention of a module's name counts as leading to it: through ports, parameters and generate blocks alike.
        """
        units: dict[str, list[Any]] = {}
        root = self._tree.root
        for member in root.members if root.kind == _K.CompilationUnit else [root]:
            if member.kind in _UNITS:
                units.setdefault(member.header.name.valueText, []).append(member)
            else:
                yield member
        # Of code with errors it is not certain what is a module of its own.
        waiting = [self._top] if self._top in units and not self._broken else list(units)
        while waiting:
            self._words = set()
            yield from units.pop(waiting.pop(), ())
            waiting += self._words & units.keys()

    def _look_up(self) -> None:
        for need in self._needs:
            if need.name not in self._declared and not _UNNAMED_BLOCK.fullmatch(need.name):
                self._blame(need.location, need.reason.format(_short(need.name)))
        if self._paths and not self._found:
            self._blame_unresolved()

    def _visit(self, node: Any) -> None:
        kind = node.kind
        if type(node) is Token:
            self._token(node, kind)
            return
        attribute = _DECLARES.get(kind)
        if attribute:
            self._declare(getattr(node, attribute))
        handle = _HANDLERS.get(kind)
        if handle:
            handle(self, node)

    def _token(self, token: Any, kind: TokenKind) -> None:
        if kind == TokenKind.Identifier:
            self._words.add(token.valueText)
        elif kind == TokenKind.SystemIdentifier:
            if token.valueText not in SYSTEM_NAMES:
                self._blame(token.location, f"{_short(token.valueText)} is not allowed in an answer")
        elif kind in FORBIDDEN_WORDS:
            self._blame(token.location, f"{FORBIDDEN_WORDS[kind]} is not allowed in an answer")
        elif kind == TokenKind.StringLiteral and token.rawText.startswith('"""'):
            self._blame(token.location, '""" is not allowed in an answer')  # a string to pyslang, three to Icarus

    def _look_between(self, token: Any) -> None:
        """Directives, and what the parser skipped over, stand in the space before a token."""
        if type(token) is not Token:
            return
        for trivia in token.trivia:
            if trivia.kind == TriviaKind.Directive:
                self._directive(trivia.syntax())
            elif trivia.kind == TriviaKind.SkippedTokens:
                for skipped in trivia.getSkippedTokens():
                    self._token(skipped, skipped.kind)
                    self._look_between(skipped)
            elif trivia.kind == TriviaKind.SkippedSyntax:
                trivia.syntax().visit(self._visit)
                trivia.syntax().visit(self._look_between)

    def _directive(self, node: Any) -> None:
        name = node.directive.rawText
        if node.kind not in self._directives or name in _DIRECTIVES_OF_ICARUS:
            self._blame(node.directive.location, f"{_short(name)} is not allowed in an answer")

    def _declare(self, name: Any) -> None:
        """`name` is a token, or a node around one, or nothing where it was left out."""
        if name is not None:
            self._declared.add(name.valueText if type(name) is Token else str(name.getFirstToken().valueText))

    def _need(self, name: Any, reason: str) -> None:
        token = name if type(name) is Token else name.getFirstToken()
        self._needs.append(_Need(token.valueText, token.location, reason))

    def _blame(self, location: Any, reason: str) -> None:
        place = self._sources.getFullyExpandedLoc(location)
        if self._expanded:  # `line tells the lines of the answer as it was
            line = self._sources.getLineNumber(place)
        else:
            line = self._code.encode().count(b"\n", 0, place.offset) + 1
        self._found.append(_Offence(line, reason))

    def _instances(self, node: Any) -> None:
        if node.type.kind == TokenKind.Identifier:  # not a gate
            self._need(node.type, "the answer has no module called {}")

    def _call(self, node: Any) -> None:
        left = node.left
        if left.kind in (_K.IdentifierName, _K.IdentifierSelectName):
            self._need(left, "the answer has no task or function called {}")
        seeded = left.kind == _K.SystemName and node.arguments is not None and len(node.arguments.parameters) > 0
        if seeded and left.systemIdentifier.valueText == "$urandom":
            # Every $urandom after it, the testbench's too, would go on from there; $random's seed is the caller's own.
            self._blame(left.systemIdentifier.location, "$urandom with a seed is not allowed in an answer")

    def _statement(self, node: Any) -> None:
        if node.expr.kind == _K.IdentifierName:  # a task without arguments
            self._need(node.expr, "the answer has no task or function called {}")

    def _disable(self, node: Any) -> None:
        if node.name.kind == _K.IdentifierName:
            self._need(node.name, "the answer has no block or task called {}")

    def _path(self, node: Any) -> None:
        if node.separator.kind == TokenKind.Dot and node.parent.kind != _K.ScopedName:  # the whole, not its beginnings
            self._paths.append(node)
        if node.left.kind in (_K.IdentifierName, _K.IdentifierSelectName, _K.ClassName):
            self._need(node.left, f"{_short(_text(node))}: the answer declares no {{}}")

    def _import(self, node: Any) -> None:
        self._need(node.package, "the answer has no package called {}")

    def _interface_port(self, node: Any) -> None:
        if node.nameOrKeyword.kind == TokenKind.Identifier:
            self._need(node.nameOrKeyword, "the answer has no interface called {}")

    def _foreign_code(self, node: Any) -> None:
        self._blame(node.getFirstToken().location, "functions of other languages are not allowed in an answer")

    def _blame_unresolved(self) -> None:
        """Paths that lead nowhere within the answer: the compiler would go on looking above it."""
        options = CompilationOptions()
        options.flags = CompilationFlags.AllowUseBeforeDeclare | CompilationFlags.AllowUnnamedGenerate
        options.topModules = {self._top}
        compilation = Compilation(pyslang.Bag([options]))
        compilation.addSyntaxTree(self._tree)
        errors = [found.location for found in compilation.getAllDiagnostics() if found.isError()]
        for path in self._paths:
            start, end = path.sourceRange.start, path.sourceRange.end
            if any(e.buffer == start.buffer and start.offset <= e.offset <= end.offset for e in errors):
                self._blame(start, f"{_short(_text(path))} leads to nothing in the answer")


_HANDLERS: dict[SyntaxKind, Callable[[_Screen, Any], None]] = {
    _K.HierarchyInstantiation: _Screen._instances,
    _K.PrimitiveInstantiation: _Screen._instances,
    _K.InvocationExpression: _Screen._call,
    _K.ExpressionStatement: _Screen._statement,
    _K.DisableStatement: _Screen._disable,
    _K.ScopedName: _Screen._path,
    _K.PackageImportItem: _Screen._import,
    _K.InterfacePortHeader: _Screen._interface_port,
    _K.DPIImport: _Screen._foreign_code,
}


def _text(node: Any) -> str:
    """A node's text on one line, without what stands before it."""
    return " ".join(str(node).split())


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."

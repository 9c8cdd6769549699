"""Find the Verilog in what a model said: chatty, fenced, repeated, truncated or body-only. Does not judge it."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Assembly = Literal["modules", "header", "truncated", "none"]

_FENCE = re.compile(r"^[ \t]*```[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_ANSWER = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.DOTALL)
_BEGIN = re.compile(r"\[BEGIN\](.*?)(?:\[DONE\]|\Z)", re.DOTALL)
_HIDDEN = re.compile(r'//[^\n]*|/\*.*?(?:\*/|\Z)|(?<!\\)"(?:\\.|[^"\\\n])*"', re.DOTALL)
# "module" is also a word of prose ("a module that ..."); in Verilog a name and one of #(; follow.
_MODULE = re.compile(r"\bmodule\s+(?:automatic\s+|static\s+)?([A-Za-z_][\w$]*)\s*(?=[#(;])")
_DIRECTIVE = re.compile(r"^[ \t]*`(?:timescale|define|default_nettype|undef)\b(?:[^\n\\]|\\\r?\n|\\.)*$", re.MULTILINE)


class Extracted(NamedTuple):
    """Code and the way it was found: whole `modules`, body put under the problem's `header`, `truncated`, or `none`."""

    code: str
    assembly: Assembly


class _Module(NamedTuple):
    name: str
    start: int  # its place in the text
    code: str
    body: str  # the same with comments and strings blanked, to look for instances


def blank(code: str) -> str:
    """The code with comments and strings turned to blanks, every other character in its place."""
    return _HIDDEN.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), code)


def module_names(code: str) -> list[str]:
    """The names of the modules that a text defines, in order."""
    return [m.group(1) for m in _MODULE.finditer(blank(code))]


def extract(text: str, *, header: str = "", top: str = "") -> Extracted:
    """The code in a completion.

    Whole modules are taken first; of two with one name the last wins, since models often restate a draft. With `top`
    given, `top` and what it instantiates are kept, and a testbench that the model added is not. Without a whole module,
    a text that ends in `endmodule` is a body and goes under `header`; else what was begun is kept as `truncated`.
    """
    text = _answer(text)
    code = _fenced(text)
    modules = _modules(code)
    if not modules and code != text:  # the fence may hold an interface or a waveform, and the code stand outside
        modules = _modules(text)
        code = text if modules else code
    if modules and (not top or top in modules):
        kept = _needed(modules, top) if top else list(modules.values())
        return Extracted(_with_directives(kept, code), "modules")
    body = _body(code) or _body(text)
    if body and header:
        return Extracted(f"{header.rstrip()}\n{body}\n", "header")
    if modules:  # none is called `top`: kept for the checker to say so
        return Extracted("\n\n".join(m.code for m in modules.values()) + "\n", "modules")
    for place in (code, text):
        begun = list(_MODULE.finditer(blank(place)))
        if begun:
            return Extracted(place[begun[-1].start() :].rstrip() + "\n", "truncated")
    return Extracted("", "none")


def header_aware(text: str, *, header: str, top: str) -> str:
    """A completion under the problem's header, or as it is where it declares module `top` itself.

    Many models repeat the header that they are to continue, and a module that begins twice does not compile.
    """
    declares = re.search(rf"\bmodule\s+{re.escape(top)}\b", blank(text))
    return text if declares or not header else f"{header}\n{text}"


def _answer(text: str) -> str:
    """Without the model's thinking, and between the answer marks where it set some."""
    text = text.rpartition("</think>")[2]
    for marked in (_ANSWER, _BEGIN):
        found = marked.findall(text)
        if found:
            return str(found[-1])
    return text


def _fenced(text: str) -> str:
    """The fenced blocks that hold Verilog, joined; the whole text if none does."""
    blocks = [b for b in _FENCE.findall(text) if re.search(r"\b(?:end)?module\b", b)]
    return "\n".join(blocks) if blocks else text


def _modules(code: str) -> dict[str, _Module]:
    """The whole modules by name; the last of a name wins."""
    visible = blank(code)
    found: dict[str, _Module] = {}
    starts = [(m.start(), m.group(1)) for m in _MODULE.finditer(visible)]
    ends = [start for start, _ in starts[1:]] + [len(code)]
    for (start, name), following in zip(starts, ends, strict=False):  # without a module, one end and no start
        end = re.compile(r"\bendmodule\b").search(visible, start, following)
        if end:
            found.pop(name, None)  # so that the order is that of the kept definitions
            found[name] = _Module(name, start, code[start : end.end()], visible[start : end.end()])
    return found


def _needed(modules: dict[str, _Module], top: str) -> list[_Module]:
    """`top` and what it instantiates, however deep, in the order of the text."""
    wanted, queue = {top}, [top]
    while queue:
        body = modules[queue.pop()].body
        for name in modules.keys() - wanted:
            if re.search(rf"\b{re.escape(name)}\b", body):
                wanted.add(name)
                queue.append(name)
    return [m for name, m in modules.items() if name in wanted]


def _with_directives(modules: list[_Module], code: str) -> str:
    """The modules and the directives between them, in the order of the text: `undef at the end has to stay there."""
    inside = [range(m.start, m.start + len(m.code)) for m in modules]
    places = {m.start: m.code for m in modules}
    for found in _DIRECTIVE.finditer(blank(code)) if "`" in code else ():
        if not any(found.start() in span for span in inside):
            places[found.start()] = code[found.start() : found.end()].strip()
    return "\n\n".join(dict.fromkeys(text for _, text in sorted(places.items()))) + "\n"


def _body(code: str) -> str:
    """Text up to the first `endmodule` that no module header precedes; "" if there is none."""
    visible = blank(code)
    end = re.search(r"\bendmodule\b", visible)
    if not end or _MODULE.search(visible, 0, end.start()):
        return ""
    return code[: end.end()].strip("\n")

"""What a teacher's reply holds: a tree of keywords, or the parts of a reply between marks. Judges nothing."""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST_EXAMPLE = 6  # words; what is longer after a colon is a description, not a name

_ITEM = re.compile(r"^(?P<indent>[ \t]*)(?P<bullet>[-*+•–]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|\#{1,6})[ \t]+(?P<text>.*)$")
_MARKUP = re.compile(r"\*\*|__|`")
_EDGES = " \t.,;:-–*\"'…"
_AND_SO_ON = re.compile(r"^(?:and so on|etc|others?|and (?:more|others)|more)\b.*$", re.IGNORECASE)
_MARK = re.compile(r"^[ \t#*]*\[(?P<name>[A-Za-z ]+)\][ \t*:]*", re.MULTILINE)


class Node(NamedTuple):
    """A name in a list of a reply, with those above it, the outermost first."""

    keyword: str
    path: tuple[str, ...]
    parent: bool  # whether there are names below it


def without_thinking(text: str) -> str:
    """The reply without what the model thought before it."""
    return text.rpartition("</think>")[2]


def tree(text: str) -> list[Node]:
    """The names of a reply's lists, in order: items, items within items, and what follows a colon or is in brackets.

    `1. Counters: up counter, ring counter`, `- Shift registers (SISO, SIPO)` and indented bullets are all read. Prose
    before and after is not, nor are the descriptions that some models put behind each name.
    """
    found: list[tuple[str, tuple[str, ...]]] = []
    above: list[tuple[int, str]] = []  # the open items: indentation and name
    for line in without_thinking(text).splitlines():
        item = _ITEM.match(line.expandtabs(4))
        if not item:
            continue
        heading = item["bullet"].startswith("#")
        indent = -1 if heading else len(item["indent"])
        while above and above[-1][0] >= indent:
            above.pop()
        name, examples = _named(_MARKUP.sub("", item["text"]))
        if not name:
            continue
        path = tuple(n for _, n in above)
        found.append((name, path))
        found += [(example, (*path, name)) for example in examples if example]
        above.append((indent, name))
    parents = {path for _, path in found}
    return [Node(name, path, (*path, name) in parents) for name, path in found]


def _named(item: str) -> tuple[str, list[str]]:
    """The name of an item and the examples given with it."""
    name, colon, rest = item.partition(":")
    if not colon:  # "Multiplier - computes a product", but not "carry-lookahead adder"
        name, _, _ = re.split(r"(\s[-–]\s)", item, maxsplit=1) if re.search(r"\s[-–]\s", item) else (item, "", "")
        name, examples = _bracketed(name)
        return name, examples
    name, examples = _bracketed(name)
    parts = _split(rest)
    flat = [text for part in parts for text in _flat(part)]
    listed = len(flat) > 1 or len(rest.split()) <= LONGEST_EXAMPLE // 2
    if listed and all(len(text.split()) <= LONGEST_EXAMPLE for text in flat):
        examples += flat
    return name, examples


def _flat(part: str) -> list[str]:
    """An example and, as examples of their own, those in its brackets."""
    name, inner = _bracketed(part)
    return [name, *inner] if name else inner


def _bracketed(text: str) -> tuple[str, list[str]]:
    """The name without brackets that hold a list, and that list; brackets with one thing, such as (FIR), stay."""
    match = re.search(r"\(([^()]*,[^()]*)\)", text)
    if not match:
        return _clean(text), []
    return _clean(text[: match.start()] + text[match.end() :]), [_clean(part) for part in match[1].split(",")]


def _split(text: str) -> list[str]:
    """The parts between commas and semicolons outside of brackets."""
    parts = re.split(r"[,;](?![^()]*\))", text)
    return [part for part in parts if _clean(part)]


def _clean(text: str) -> str:
    """A name without what stands around it; "" for what is none, such as "etc."."""
    name = " ".join(text.strip(_EDGES).split())
    name = re.sub(r"^(?:and|or|e\.g\.|such as)\s+", "", name, flags=re.IGNORECASE).strip(_EDGES)
    return "" if _AND_SO_ON.match(name) else name


def sections(text: str) -> dict[str, str]:
    """The parts of a reply by the mark that begins them, such as [Instruction], in lower case; "" is what stands first.

    Of two parts with one mark the last counts: models repeat the example that they were given.
    """
    text = without_thinking(text)
    marks = list(_MARK.finditer(text))
    parts = {"": text[: marks[0].start()] if marks else text}
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=False):  # without a mark, one end and no mark
        parts[" ".join(mark["name"].lower().split())] = text[mark.end() : end].strip("\n")
    return parts

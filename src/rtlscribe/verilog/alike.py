"""Which texts a simulator cannot tell apart: those with the same tokens. Parses nothing and judges nothing."""

from __future__ import annotations

import re

LONGEST = 32 * 1024  # characters
# What the screen (`guard`) refuses also in comments, and what only one of several readers takes for a blank.
_ODD = re.compile(r"[^\t\n -~]")
_BRACKETS = 500
# What stays as it is (strings, escaped names, block comments: a pragma may stand there), then blanks with an end of
# line in them and whatever line comments, then other blanks, then what only stands alone where something is not closed.
_TEXT = re.compile(
    r'("(?:\\.|[^"\\\n])*"|\\[!-~]+|/\*.*?\*/)'
    r"|[ \t]*(?://[^\n]*)?(\n)(?:[ \t]*(?://[^\n]*)?\n)*[ \t]*"
    r"|[ \t]+"
    r'|(["`]|/\*.*)',
    re.DOTALL,
)


def alike(code: str) -> str:
    """One text for all that differ in blanks, empty lines and line comments only.

    Code with a directive, with other than printable characters, with very many brackets, or with a string or comment
    that does not end, is like none but itself. A line end stays one: Icarus knows `8'h ff`, and not with a line end
    in it.
    """
    if len(code) > LONGEST or _ODD.search(code) or sum(map(code.count, "([{")) > _BRACKETS:
        return code
    whole = True

    def reduced(match: re.Match[str]) -> str:
        nonlocal whole
        kept, line, alone = match.groups()
        whole = whole and not alone
        return str(kept) if kept else "\n" if line else " "

    text = _TEXT.sub(reduced, code).strip(" \n")
    return text if whole else code

"""Which texts a simulator cannot tell apart: those with the same tokens. Parses nothing and judges nothing."""

from __future__ import annotations

import re

LONGEST = 32 * 1024  # characters; screens have limits of their own, and a long text is no matter of layout
# What stays as it is (strings, escaped names, block comments: a pragma may stand there), then blanks with an end of
# line in them and whatever line comments, then other blanks, then what only stands alone where something is not closed.
_TEXT = re.compile(
    r'("(?:\\.|[^"\\\n])*"|\\[!-~]+|/\*.*?\*/)'
    r"|[ \t]*(?://[^\n]*)?(\n)(?:[ \t]*(?://[^\n]*)?\n)*[ \t]*"
    r"|[ \t]+"
    r'|(["`]|/\*)',
    re.DOTALL,
)


def alike(code: str) -> str:
    """One text for all that differ in blanks, empty lines and line comments only.

    Code with a directive, and code with a string or comment that does not end, is like none but itself. A line end
    stays one: Icarus knows `8'h ff`, and not with a line end in it.
    """
    if len(code) > LONGEST:
        return code
    whole = True

    def reduced(match: re.Match[str]) -> str:
        nonlocal whole
        kept, line, alone = match.groups()
        whole = whole and not alone
        return str(kept) if kept else "\n" if line else " "

    text = _TEXT.sub(reduced, code).strip(" \n")
    return text if whole else code

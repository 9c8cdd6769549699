"""Find and check the header of a module: its name, parameters and ports. Knows nothing of what is in the module."""

from __future__ import annotations

import re
from typing import NamedTuple

from rtlscribe.verilog.extract import blank
from rtlscribe.verilog.ports import Port, ports
from rtlscribe.verilog.syntax import errors

_START = re.compile(r"\bmodule\s+([A-Za-z_][\w$]*)\s*(?=[#(;])")
_SIGN = re.compile(r"[()\[\]{};]")


class Header(NamedTuple):
    """A header with the semicolon that ends it, the module's name, and its place in the text that it was found in."""

    text: str
    name: str
    start: int
    end: int


def find_header(text: str) -> Header | None:
    """The header of the last module of a text that has one; None if there is none that ends.

    The last, since models repeat the example that they were given. A header ends before the next one starts.
    """
    visible = blank(text)
    limit = len(visible)
    for start in reversed(list(_START.finditer(visible))):
        depth = 0
        for sign in _SIGN.finditer(visible, start.end(), limit):
            depth += (sign[0] in "([{") - (sign[0] in ")]}")
            if sign[0] == ";" and depth == 0:
                return Header(text[start.start() : sign.end()], start[1], start.start(), sign.end())
        limit = start.start()
    return None


def fault(header: str, name: str) -> str:
    """What is wrong with a header; "" if it parses and has an output.

    Old-style headers, with names alone, count as wrong: they do not say what the ports are.
    """
    code = f"{header}\nendmodule\n"
    wrong = errors(code)
    if wrong:
        return f"line {wrong[0].line}: {wrong[0].text}"
    found = interface(code, name)
    if not any(port.direction != "input" for port in found):
        return "no output"
    return ""


def interface(code: str, name: str) -> list[Port]:
    """The ports of module `name`, sorted by name; [] if there is none of that name."""
    return sorted(ports(code, top=name))

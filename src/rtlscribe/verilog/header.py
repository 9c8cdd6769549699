"""Find and check the header of a module: its name, parameters and ports. Knows nothing of what is in the module."""

from __future__ import annotations

import re
from typing import NamedTuple

from rtlscribe.verilog.extract import blank
from rtlscribe.verilog.ports import Port, ports
from rtlscribe.verilog.syntax import errors

_START = re.compile(r"\bmodule\s+([A-Za-z_][\w$]*)\s*(?=[#(;])")


class Header(NamedTuple):
    """A header with the semicolon that ends it, the module's name, and its place in the text that it was found in."""

    text: str
    name: str
    start: int
    end: int


def find_header(text: str) -> Header | None:
    """The header of the last module of a text that has one; None if there is none that ends.

    The last, since models repeat the example that they were given.
    """
    visible = blank(text)
    found = None
    for start in _START.finditer(visible):
        depth = 0
        for place in range(start.end(), len(visible)):
            sign = visible[place]
            depth += (sign in "([{") - (sign in ")]}")
            if sign == ";" and depth == 0:
                found = Header(text[start.start() : place + 1], start[1], start.start(), place + 1)
                break
    return found


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

"""Find what was asked for in what a model said, and say what is wrong with it. Asks no model.

Verilog is extracted and has to parse and elaborate. Words must be there, and be no code. Whether they are true is
another question: see `round_trip`.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, get_args

from rtlscribe.verilog.extract import extract
from rtlscribe.verilog.syntax import errors

Field = Literal["instruction", "description", "verilog"]
FIELDS: tuple[Field, ...] = get_args(Field)

LONGEST_CODE = 48 * 1024  # characters; deeper nesting than fits here overflows the parser's stack
# Statements, not words: an instruction may well show the header of the module that it asks for.
_STATEMENT = re.compile(
    r"assign\b.*=.*;|(?:always|always_ff|always_comb|initial)\s*(?:@|begin\b)|"
    r"(?:reg|wire|logic)\s*(?:\[[^\]]*\]\s*)?\w.*;"
)
_FENCE_OF_CODE = re.compile(r"```[ \t]*(?:systemverilog|verilog|sv|v)\b", re.IGNORECASE)


class Found(NamedTuple):
    """The value for the output field, and what is wrong with it; "" if nothing is."""

    value: str
    fault: str = ""


def judge(said: str, *, wanted: Field, given: str) -> Found:
    """What a model said, as the value of the field `wanted`. `given` is the text that was to be transformed."""
    return code(said) if wanted == "verilog" else words(said, wanted=wanted, given=given)


def code(said: str) -> Found:
    """The modules in what was said."""
    found, assembly = extract(said)
    if assembly == "none":
        return Found("", "no Verilog")
    if assembly == "truncated":
        return Found("", "the module has no end")
    if len(found) > LONGEST_CODE:
        return Found("", f"longer than {LONGEST_CODE} characters")
    wrong = errors(found)
    return Found("", f"line {wrong[0].line}: {wrong[0].text}") if wrong else Found(found)


def words(said: str, *, wanted: Field, given: str) -> Found:
    """The words in what was said."""
    text = said.rpartition("</think>")[2].strip()
    if text.startswith("<think>"):
        return Found("", "only thinking")
    if not text:
        return Found("", "nothing")
    if text == given.strip():
        return Found("", "the input, unchanged")
    if _holds_code(text, fences=wanted == "description"):
        return Found("", f"there is code in the {wanted}")
    return Found(text)


def _holds_code(text: str, *, fences: bool) -> bool:
    """Whether there are statements in a text; `fences`: or a fence that is marked as code."""
    if "endmodule" in text:
        return True
    lines = [line.lstrip() for line in text.splitlines()]
    return any(_STATEMENT.match(line) or (fences and _FENCE_OF_CODE.match(line)) for line in lines)

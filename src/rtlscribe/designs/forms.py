"""What an instruction consists of: words, a table, a Karnaugh map, a waveform, a faulty or unfinished module.

Every form is made of any design, its model and its planted mistakes, and is answered by the design's reference. The
sentences on the circuit itself come through `phrasing`. Does not choose circuits.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from textwrap import fill
from typing import Literal

from rtlscribe.designs.base import Combinational, Design, Sequential
from rtlscribe.designs.grammar import said
from rtlscribe.designs.phrasing import ports_said, rephrased, sentences
from rtlscribe.designs.testbench import Step, trace

Form = Literal["words", "table", "map", "waveform", "repair", "completion", "ports"]
Level = Literal["terse", "normal", "verbose"]
Interface = Literal["field", "text", "list", "none"]

# How often each form is chosen among those that a design has; only some have a table, a map or a waveform.
SHARES: dict[Form, int] = {
    "words": 60,
    "table": 14,
    "map": 14,
    "waveform": 9,
    "repair": 8,
    "completion": 8,
    "ports": 2,
}
# Where the module's header is: in the row's field, in the text, or nowhere but in a list of the ports.
INTERFACES: dict[Interface, int] = {"field": 60, "text": 22, "list": 18}
CODE_FORMS = frozenset[Form]({"repair", "completion", "ports"})  # which hold the header in their code
TABLE_BITS = 5  # inputs of a circuit that can be given as a truth table
WAVES = 8  # signals of one that can be shown in a waveform
WAVE_BITS = 16  # of each signal


def instruction(design: Design, level: Level, interface: Interface, form: Form, rng: random.Random) -> str:
    """The text of a row, in one of the forms that `forms_of` finds for the design.

    With the interface "field" the header is told beside it, otherwise the text says all there is.
    """
    if form in CODE_FORMS:
        return _about_code(design, level, form, rng)
    if level == "terse":
        around = rng.choice([[], [], [], [], ["context"], ["closing"], ["context", "closing"]])
        parts = [said(symbol, rng, design) for symbol in around]
        parts.insert("context" in around, said(rng.choice(["fragment", "ask", "ask", "ask"]), rng, design))
        return "\n".join([*parts, *_appendix(design, rng)])
    given = _interface(design, level, interface, rng)
    body = _FIGURES[form](design, level, rng) if form != "words" else _described(design, level, rng)
    parts = [given, body] if rng.random() < 0.4 else [body, given]
    parts.insert(0, said(rng.choice(["neutral", "context", "neutral"]), rng, design) if rng.random() < 0.6 else "")
    if rng.random() < 0.25:
        parts.append(" ".join(_house_rules(design, rng)))
    if rng.random() < 0.2:
        parts.append(said("closing", rng, design))
    text = rng.choice(["\n", "\n", "\n\n"]).join(part for part in parts if part)
    return _as_comment(text) if form == "words" and "```" not in text and rng.random() < 0.06 else text


def forms_of(design: Design) -> list[Form]:
    """The forms in which a design can be asked for."""
    found: list[Form] = ["words", "repair", "completion", "ports"]
    tabled = isinstance(design.model, Combinational) and 0 < sum(p.width for p in design.inputs) <= TABLE_BITS
    if tabled and not any(None in outputs.values() for _, outputs in _cases(design)):
        found.append("table")
        if all(p.width == 1 for p in design.ports) and len(design.inputs) in (3, 4) and len(design.outputs) == 1:
            found.append("map")
    small = len(design.ports) <= WAVES and all(p.width <= WAVE_BITS for p in design.ports)
    few = "table" in found and sum(p.width for p in design.inputs) < TABLE_BITS
    if small and (few or isinstance(design.model, Sequential)):
        found.append("waveform")
    return found


def _described(design: Design, level: Level, rng: random.Random) -> str:
    """What the circuit does, with its table or diagram at the end: a behaviour, at times a noun; verbose, both."""
    with_noun = level == "verbose" or rng.random() < 0.2
    parts = [said("ask", rng, design)] if with_noun else []
    if level == "verbose" or not with_noun:
        parts.append(_behaviour(design, rng))
    return "\n".join([*parts, *_appendix(design, rng)])


def _appendix(design: Design, rng: random.Random) -> list[str]:
    """The lines of the family's table or diagram, the bars of a table and the arrows of a diagram in one of their forms."""
    text = re.sub(r" --(.*)--> ", rng.choice([r" --\1--> ", r" -[\1]-> ", r" , \1 -> ", r" (\1) => "]), design.appendix)
    lines = text.splitlines()
    if not lines or not all(line.count(" | ") == lines[0].count(" | ") > 1 for line in lines):
        return lines
    style = rng.choice(["bars", "bars", "markdown", "semicolons"])
    if style == "markdown":
        return [f"| {lines[0]} |", "|---" * (lines[0].count(" | ") + 1) + "|", *(f"| {line} |" for line in lines[1:])]
    return [line.replace(" | ", "; ") for line in lines] if style == "semicolons" else lines


def _behaviour(design: Design, rng: random.Random) -> str:
    text = rephrased(rng.choice(design.behaviours), design, rng)
    lines = sentences(text)
    if len(lines) < 2 or "\n" in text or rng.random() < 0.75:
        return said("description", rng, design, said=text)
    marks = rng.choice([["- "] * len(lines), ["* "] * len(lines), [f"{i}. " for i in range(1, len(lines) + 1)]])
    return "\n".join([said("list", rng, design), *(f"{mark}{line}" for mark, line in zip(marks, lines, strict=True))])


def _interface(design: Design, level: Level, interface: Interface, rng: random.Random) -> str:
    if interface == "text":
        return said("header", rng, design, header=laid_out(design.header, rng))
    name = said("name", rng, design, module=design.name)
    if interface == "list":
        return f"{name}\n{ports_said(design, rng)}"
    if level == "verbose" and rng.random() < 0.4:
        return ports_said(design, rng)
    return name if rng.random() < 0.15 else ""


def laid_out(header: str, rng: random.Random) -> str:
    """A header as others write it, at times: indented in another way, on one line, or with `wire` at each net."""
    if rng.random() < 0.4:
        return header
    first, *ports, _ = (line.strip(" ,") for line in header.splitlines())
    if rng.random() < 0.2:
        ports = [re.sub(r"^(input|output) (?!reg )", r"\1 wire ", port) for port in ports]
    opening = first.replace("(", rng.choice(["(", " ("]))
    if rng.random() < 0.25:
        return f"{opening}{', '.join(ports)});"
    indent = rng.choice(["\t", "  ", "    "])
    return f"{opening}\n{indent}" + f",\n{indent}".join(ports) + "\n);"


def _house_rules(design: Design, rng: random.Random) -> list[str]:
    """One or two rules of style that the reference keeps."""
    code = design.reference.removeprefix("module").removesuffix("endmodule\n")
    rules = [] if "module" in code else ["One module, please, without submodules."]
    if "initial" not in code:
        rules += ["The code has to be synthesizable.", "Do not use initial blocks."]
    if not re.search(r"\b(?:for|while|repeat|generate)\b", code):
        rules.append("No loops.")
    if "always" not in code:
        rules += ["Use continuous assignments only.", "No always blocks."]
    elif code.count("always") == 1 and not re.search(r"posedge|negedge|\bassign\b|\bwire\b", code):
        rules.append("Use one combinational always block.")
    if "case (" in code:
        rules.append("Use a case statement.")
    clocked = re.findall(r"^    always @\(posedge.*?^    end$", code, re.MULTILINE | re.DOTALL)
    if 0 < code.count("posedge") == len(clocked) and not any(map(_BLOCKING.search, clocked)):
        rules.append("Use nonblocking assignments in clocked blocks.")
    return rng.sample(rules, min(len(rules), rng.choice([1, 1, 2])))


_BLOCKING = re.compile(r"^[^=\n]*[^<>=!\s] *=[^=]", re.MULTILINE)  # the first = of a line, no part of <=, >=, == or !=


def _as_comment(text: str) -> str:
    return "\n".join(
        f"// {line}".rstrip() for part in text.splitlines() for line in fill(part, 90).splitlines() or [""]
    )


def _cases(design: Design) -> list[Step]:
    """Every input of a circuit without memory, with its outputs."""
    assert isinstance(design.model, Combinational)
    values = itertools.product(*(range(1 << p.width) for p in design.inputs))
    rows = [dict(zip((p.name for p in design.inputs), row, strict=True)) for row in values]
    return [(row, design.model.function(row)) for row in rows]


def _figure_noun(design: Design, level: Level, rng: random.Random) -> str:
    """A noun before a figure that says everything, at times; not the noun of a family with a figure of its own."""
    wanted = level == "verbose" and not design.appendix and rng.random() < 0.5
    return f"{said('ask', rng, design)}\n" if wanted else ""


def _table(design: Design, level: Level, rng: random.Random) -> str:
    rows = [[p.name for p in (*design.inputs, *design.outputs)]]
    for values, outputs in _cases(design):
        seen = {**values, **outputs}
        rows.append([f"{seen[p.name]:0{p.width}b}" for p in (*design.inputs, *design.outputs)])
    caption = f"{_figure_noun(design, level, rng)}{said('table', rng, design)}"
    return f"{caption}\n{_grid(rows, len(design.inputs), rng)}"


def _grid(rows: Sequence[Sequence[str]], inputs: int, rng: random.Random) -> str:
    """Rows of cells as columns of even width, with bars, or with commas."""
    style = rng.choice(["columns", "bar", "markdown", "commas"])
    if style == "commas":
        return "\n".join(",".join(row) for row in rows)
    if style == "markdown":
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    bar = " | " if style == "bar" else "  "
    padded = [[cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return "\n".join(f"{' '.join(row[:inputs])}{bar}{' '.join(row[inputs:])}" for row in padded)


def _map(design: Design, level: Level, rng: random.Random) -> str:
    """The two halves of the inputs at the left and above, in Gray-code order."""
    names, out = [p.name for p in design.inputs], design.outputs[0].name
    values = {"".join(str(row[name]) for name in names): outputs[out] for row, outputs in _cases(design)}
    split = 2 if len(names) == 4 else rng.choice([1, 2])
    gray = [[f"{i ^ i >> 1:0{n}b}" for i in range(1 << n)] for n in (split, len(names) - split)]
    between = "" if max(map(len, names)) == 1 else " "
    at_left = [f"{between.join(names[:split])} \\ {between.join(names[split:])}", *gray[0]]
    rows = [gray[1], *([str(values[left + above]) for above in gray[1]] for left in gray[0])]
    cells = [[left, *row] for left, row in zip(at_left, rows, strict=True)]
    return f"{_figure_noun(design, level, rng)}{said('map', rng, design, out=out)}\n{_grid(cells, 1, rng)}"


def _waveform(design: Design, level: Level, rng: random.Random) -> str:
    """Of a circuit without memory all inputs, which says everything; of another one some cycles, besides the words."""
    if isinstance(design.model, Combinational):
        cases = _cases(design)
        steps = rng.sample(cases, len(cases)) + rng.choices(cases, k=rng.randint(0, 4))
        text, caption = _figure_noun(design, level, rng), said("moments", rng, design)
        shown = (*design.inputs, *design.outputs)
    else:
        clock = design.model.clock
        steps = trace(replace(design, cycles=rng.randint(10, 20)), rng)
        text, caption = f"{_described(design, level, rng)}\n", said("cycles", rng, design, clock=clock)
        shown = (*(p for p in design.inputs if p.name != clock), *design.outputs)
    names = {p.name for p in shown}
    heads = [("time", 1), ("time", 5), ("t", 10), ("cycle", 1), ("step", 1)]
    head, scale = rng.choice([(head, scale) for head, scale in heads if head not in names])
    rows = [[head, *(p.name for p in shown)]]
    for number, (values, outputs) in enumerate(steps):
        seen = {**values, **outputs}
        cells = ("x" if seen[p.name] is None else f"{seen[p.name]:x}" for p in shown)
        rows.append([str(number * scale), *cells])
    numbers = "Words are in hexadecimal. " if any(p.width > 3 for p in shown) else ""
    return f"{text}{numbers}{caption}\n{_grid(rows, len(shown) - len(design.outputs) + 1, rng)}"


_FIGURES: dict[Form, Callable[[Design, Level, random.Random], str]] = {
    "table": _table,
    "map": _map,
    "waveform": _waveform,
}


def _about_code(design: Design, level: Level, form: Form, rng: random.Random) -> str:
    """A task on a piece of code: a planted mistake, a gap, or old-style ports."""
    code = {
        "repair": lambda: rng.choice(design.mutants()),
        "completion": lambda: _unfinished(design, rng),
        "ports": lambda: _old_style(design),
    }[form]()
    task, words = said(form, rng, design), ""
    if form != "ports":
        words = _described(design, level, rng)
    shown = f"```verilog\n{code.rstrip()}\n```" if rng.random() < 0.5 else code.rstrip()
    parts = [task, words, shown] if rng.random() < 0.5 else [words, task, shown]
    return rng.choice(["\n", "\n\n"]).join(part for part in parts if part)


def _unfinished(design: Design, rng: random.Random) -> str:
    """The reference without its end, without a block, or without one expression."""
    body = design.body.strip("\n")
    gap = rng.choice(["// TODO", "// your code", "// ...", "/* missing */", "// fill in"])
    kind, blocks = rng.choice(["end", "block", "expression"]), body.split("\n\n")
    expressions = list(re.finditer(r"^(?! *localparam)[^=\n]*= ([^;\n]{3,});", body, re.MULTILINE))
    if kind == "expression" and expressions:
        start, end = rng.choice(expressions).span(1)
        hole = rng.choice(["____", "/* ? */", "..."])
        return design.reference.replace(body, f"{body[:start]}{hole}{body[end:]}", 1)
    if kind == "block" and len(blocks) > 1:
        blocks[rng.randrange(len(blocks))] = f"    {gap}"
        return design.reference.replace(body, "\n\n".join(blocks), 1)
    lines = body.splitlines()
    return "\n".join([design.header, *lines[: rng.randint(0, max(0, len(lines) - 2))], f"    {gap}"])


def _old_style(design: Design) -> str:
    """The reference with its ports declared below the header, as before Verilog-2001."""
    declared = "\n".join(f"    {p.declaration(register=p.name in design.registers)};" for p in design.ports)
    header = f"module {design.name}({', '.join(p.name for p in design.ports)});\n{declared}"
    return design.reference.replace(design.header, header, 1)

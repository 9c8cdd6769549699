"""Families without memory: gates, tables, selectors and bit manipulation."""

from __future__ import annotations

import functools
import itertools
import operator
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rtlscribe.designs.base import Combinational, Design, Pick, Port, Values, article, listing, mask, styled
from rtlscribe.designs.combinational_code import (
    Condition,
    condition_code,
    count_code,
    expression_code,
    extension_code,
    gate_code,
    parity_code,
    terms_code,
    threshold_code,
)
from rtlscribe.designs.families import family
from rtlscribe.designs.parts import always, briefly, case_statement

# Nouns and behaviours of a design.
Words = tuple[tuple[str, ...], tuple[str, ...]]

# For each gate: its operator, whether the result is inverted, and its rule for any number of inputs.
GATES = {
    "AND": ("&", False, "high exactly when every one of {} is high"),
    "OR": ("|", False, "high exactly when at least one of {} is high"),
    "NAND": ("&", True, "low exactly when every one of {} is high"),
    "NOR": ("|", True, "low exactly when at least one of {} is high"),
    "XOR": ("^", False, "high exactly when an odd number of {} are high"),
    "XNOR": ("^", True, "high exactly when an even number of {}, or none, are high"),
}
TOGETHER: dict[str, Callable[[int, int], int]] = {"&": operator.and_, "|": operator.or_, "^": operator.xor}


def _letters(count: int, pick: Pick) -> list[str]:
    """Names for inputs that are alike: letters, or one prefix with numbers from 1."""
    numbered = (" ".join(f"{prefix}{i}" for i in range(1, 9)) for prefix in ("x", "in"))
    return pick("a b c d e f g h", "p q r s t u v w", *numbered).split()[:count]


def _one_bit_inputs(names: Sequence[str]) -> tuple[Port, ...]:
    return tuple(Port(name, "input", 1, f"input {i}") for i, name in enumerate(names, 1))


def _count(number: int, noun: str) -> str:
    """The number with its noun: "1 bit", "3 bits"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _number(values: Values, names: Sequence[str]) -> int:
    """One-bit inputs read as a binary number, the first name the most significant bit."""
    return int("".join(str(values[name]) for name in names), 2)


def _columns(rows: Sequence[Sequence[str]], gap: str) -> str:
    """Rows of cells as text, every column as wide as its widest cell."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(gap.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _selectors(ways: str, short: str, ends: str, nouns: tuple[str, str], width: int) -> tuple[str, ...]:
    """Brief requests for a multiplexer or demultiplexer; nobody says the width of one bit."""
    noun, full = nouns
    if width == 1:
        return f"{ways} {full}", f"{short} {noun}", f"{ways} {noun}", f"{noun} with {ends}", f"1-bit {short} {noun}"
    size = f"{width}-bit"
    return (
        f"{size} {ways} {full}",
        f"{size} {short} {noun}",
        f"{ways} {noun} for {size} data",
        f"{short} {full} for {size} words",
        f"{noun} with {ends} of {width} bits",
    )


@family("combinational")
def multiplexer(rng: random.Random, pick: Pick) -> Design:
    """An N-to-1 multiplexer of W-bit words; N need not be a power of two, the rest reads as a constant."""
    ways, width = rng.choice([2, 3, 4, 5, 6, 7, 8]), rng.randint(1, 16)
    select = max(1, (ways - 1).bit_length())
    rest = 0 if ways == 1 << select else rng.choice([0, mask(width)])
    sel, out = pick("sel", "select", "s"), pick("out", "y", "data_out")
    prefix = pick("in", "d", "data")
    data = [f"{prefix}{i}" for i in range(ways)]

    def function(values: Values) -> dict[str, int]:
        chosen = values[sel]
        return {out: values[data[chosen]] if chosen < ways else rest}

    rows = "\n".join(f"            {select}'d{i}: {out} = {name};" for i, name in enumerate(data))
    last = f"{width}'h{rest:x}"
    body = f"""
    always @(*) begin
        case ({sel})
{rows}
            default: {out} = {last};
        endcase
    end"""
    rest_words = (
        "" if ways == 1 << select else f" For every other value of {sel}, {out} is {'all ones' if rest else 'zero'}."
    )
    rest_noun = "" if ways == 1 << select else f" that gives {'all ones' if rest else 'zero'} for unused select values"
    size = f"{width}-bit {ways}-to-1 multiplexer"
    return Design(
        key=(ways, width, rest),
        name=pick("mux", "multiplexer", f"mux{ways}", "top_module"),
        ports=(
            *(Port(name, "input", width, f"data input {i}") for i, name in enumerate(data)),
            Port(sel, "input", select, "the select input"),
            Port(out, "output", width, "the selected input"),
        ),
        registers=frozenset({out}),
        nouns=(
            f"{article(size)}{rest_noun}",
            f"a multiplexer that selects one of {ways} {width}-bit inputs{rest_noun}",
            f"{article(f'{ways}-to-1')} selector for words of {width} bit{'s' if width > 1 else ''}{rest_noun}",
        ),
        behaviours=(
            f"Choose one of the {ways} inputs {data[0]} to {data[-1]} by its number {sel} and put it on "
            f"{out}.{rest_words}",
            f"{out} follows {data[0]} when {sel} is 0, {data[1]} when {sel} is 1, and so on up to "
            f"{data[-1]}.{rest_words}",
            f"The value of {sel} is the number of the input that appears on {out}.{rest_words}",
        ),
        briefs=() if rest else _selectors(f"{ways}-to-1", f"{ways}:1", f"{ways} inputs", ("mux", "multiplexer"), width),
        body=body,
        model=Combinational(function),
        bugs=(
            (f"{select}'d0: {out} = {data[0]}", f"{select}'d0: {out} = {data[1]}"),
            (f"{out} = {data[-1]};", f"{out} = ~{data[-1]};"),
        ),
    )


def _gate_words(gate: str, form: str, ways: int, width: int, names: Sequence[str], out: str) -> Words:
    rule = GATES[gate][2]
    together = listing(names)
    if form == "inputs":
        nouns = (
            f"{article(f'{ways}-input')} {gate} gate with separate one-bit inputs",
            f"{article(gate)} gate for {ways} separate one-bit inputs",
            f"a circuit with {ways} separate one-bit inputs whose output is {rule.format('them')}",
        )
        behaviours = (
            f"Implement {article(f'{ways}-input')} {gate} gate with the inputs {together} and the output {out}.",
            f"The one-bit output {out} is {rule.format(f'the inputs {together}')}.",
            f"Connect {together} to the inputs of one {gate} gate, and drive {out} from its output.",
        )
    elif form == "vector":
        nouns = (
            f"{article(gate)} gate over all bits of one {ways}-bit input vector",
            f"a circuit that reduces {article(f'{ways}-bit')} vector to one bit, the {gate} of all its bits",
            f"a circuit with {article(f'{ways}-bit')} input vector whose one-bit output is {rule.format('its bits')}",
        )
        behaviours = (
            f"Reduce the {ways}-bit vector {together} to the single bit {out}, which is the {gate} of all bits of "
            f"{together}.",
            f"The one-bit output {out} is {rule.format(f'the {ways} bits of {together}')}.",
            f"Use one {ways}-input {gate} gate: its inputs are {together}[{ways - 1}] to {together}[0], its output "
            f"is {out}.",
        )
    else:
        nouns = (
            f"a bitwise {gate} of {ways} words of {width} bits",
            f"a bank of {width} {gate} gates with {ways} inputs each, one gate for each bit position of {ways} "
            f"{width}-bit words",
            f"a circuit that combines {ways} separate {width}-bit inputs bit by bit with {gate}",
        )
        behaviours = (
            f"Compute the bitwise {gate} of the {width}-bit words {together} and put it on {out}.",
            f"{together} and {out} are words of {width} bits. Each bit of {out} is the {gate} of the bits in the same position of "
            f"{together}.",
            f"For every bit position i, {out}[i] is {rule.format(listing([f'{name}[i]' for name in names]))}.",
        )
    return nouns, behaviours


def _gate_briefs(gate: str, form: str, ways: int, width: int) -> tuple[str, ...]:
    if form == "inputs":
        alone = [f"{gate} gate", f"two-input {gate} gate"] * (ways == 2)
        return f"{ways}-input {gate} gate", f"{gate} gate with {ways} inputs", *alone
    if form == "vector":
        vector = article(f"{ways}-bit vector")
        return f"{gate} of all bits of {vector}", f"{ways}-bit reduction {gate}", f"{gate} reduction of {vector}"
    number = ("two", "three", "four")[ways - 2]
    return f"bitwise {gate} of {number} {width}-bit numbers", f"{width}-bit bitwise {gate} of {number} inputs"


@family("combinational")
def gates(rng: random.Random, pick: Pick) -> Design:
    """One of six gates: over separate inputs, over the bits of a vector, or bit by bit over words."""
    gate, form = rng.choice(list(GATES)), rng.choice(["inputs", "vector", "words"])
    ways = rng.randint(2, {"inputs": 6, "vector": 16, "words": 4}[form])
    width = rng.randint(2, 16) if form == "words" else 1
    symbol, inverted, _ = GATES[gate]
    out = pick("out", "result", "res")
    names = [pick("in", "data", "vec")] if form == "vector" else _letters(ways, pick)

    def function(values: Values) -> dict[str, int]:
        words = (
            [values[names[0]] >> i & 1 for i in range(ways)] if form == "vector" else [values[name] for name in names]
        )
        return {out: functools.reduce(TOGETHER[symbol], words) ^ (mask(width) if inverted else 0)}

    nouns, behaviours = _gate_words(gate, form, ways, width, names, out)
    size = ways if form == "vector" else width
    name = pick(f"{gate.lower()}_gate", f"{gate.lower()}{ways}", "gate", "top_module")
    code = gate_code(rng, (symbol, inverted), form, names, out, (ways, width))
    return Design(
        key=(gate, form, ways, width),
        name=name,
        ports=(
            *(Port(name, "input", size, "an input of the gate") for name in names),
            Port(out, "output", width, f"the {gate} of the inputs"),
        ),
        nouns=nouns,
        behaviours=behaviours,
        briefs=_gate_briefs(gate, form, ways, width),
        body=code.body,
        model=Combinational(function),
        bugs=code.bugs,
        registers=code.registers,
    )


@dataclass(frozen=True, slots=True)
class _Term:
    """Some inputs, each perhaps inverted, under one gate; a single input has no gate."""

    gate: str
    literals: tuple[tuple[int, bool], ...]

    def value(self, inputs: Sequence[int]) -> int:
        return _gate_value(self.gate, [inputs[i] ^ inverted for i, inverted in self.literals])

    def text(self, names: Sequence[str], symbols: tuple[str, str]) -> str:
        """With the symbols of AND, OR and XOR by `gate`, and of NOT."""
        literals = [(symbols[0] if inverted else "") + names[i] for i, inverted in self.literals]
        return literals[0] if len(literals) == 1 else f"({f' {symbols[1]} '.join(literals)})"

    def words(self, names: Sequence[str]) -> str:
        literals = [f"(NOT {names[i]})" if inverted else names[i] for i, inverted in self.literals]
        return literals[0] if len(literals) == 1 else f"the {self.gate} of {listing(literals)}"


def _gate_value(gate: str, values: Sequence[int]) -> int:
    return {"AND": int(all(values)), "OR": int(any(values)), "XOR": sum(values) % 2}[gate]


def _table(gate: str, terms: Sequence[_Term], inputs: int) -> tuple[int, ...]:
    rows = itertools.product((0, 1), repeat=inputs)
    return tuple(_gate_value(gate, [term.value(row) for term in terms]) for row in rows)


def _uses_every_input(table: Sequence[int], inputs: int) -> bool:
    return all(any(value != table[row ^ 1 << i] for row, value in enumerate(table)) for i in range(inputs))


def _terms(rng: random.Random, inputs: int) -> tuple[str, str, list[_Term]]:
    """A gate over two or three terms that depends on every input, and another gate that makes a different function."""
    while True:
        top, other = rng.sample(["AND", "OR", "XOR"], 2)
        inner = [gate for gate in ("AND", "OR", "XOR") if gate != top]
        terms = []
        for _ in range(rng.choice([2, 2, 3])):
            chosen = sorted(rng.sample(range(inputs), min(inputs, rng.choice([1, 2, 2, 3]))))
            terms.append(_Term(rng.choice(inner), tuple((i, rng.random() < 0.35) for i in chosen)))
        grouped = [tuple(i for i, _ in term.literals) for term in terms]
        table = _table(top, terms, inputs)
        if (
            len(set(grouped)) == len(terms)
            and _uses_every_input(table, inputs)
            and table != _table(other, terms, inputs)
        ):
            return top, other, terms


@family("combinational")
def boolean_expression(rng: random.Random, pick: Pick) -> Design:
    """A random expression of three to five inputs: AND, OR or XOR of terms with inverted inputs, perhaps inverted."""
    inputs, inverted = rng.choice([3, 4, 4, 5]), rng.random() < 0.25
    top, other, terms = _terms(rng, inputs)
    names, out = _letters(inputs, pick), pick("out", "result", "f")
    symbols = {gate: GATES[gate][0] for gate in ("AND", "OR", "XOR")}
    groups = [term.text(names, ("~", symbols[term.gate])) for term in terms]
    code, wrong = (f" {symbols[gate]} ".join(groups) for gate in (top, other))
    formula = f" {top} ".join(term.text(names, ("NOT ", term.gate)) for term in terms)
    words = (
        f"the {top} of {'two' if len(terms) == 2 else 'three'} terms: {'; '.join(term.words(names) for term in terms)}"
    )
    if inverted:
        code, wrong, formula, words = f"~({code})", f"~({wrong})", f"NOT ({formula})", f"the inverse of {words}"
    flipped = code[1:] if inverted else f"~({code})"

    def function(values: Values) -> dict[str, int]:
        row = [values[name] for name in names]
        return {out: _gate_value(top, [term.value(row) for term in terms]) ^ inverted}

    table = tuple(value ^ inverted for value in _table(top, terms, inputs))
    together = listing(names)
    name = pick("boolean_expression", "logic_function", "comb_logic", "top_module")
    if styled(rng, [True, False]):
        written = expression_code(rng, names, out, code, (flipped, wrong), table)
    else:
        written = terms_code(rng, groups, (symbols[top], symbols[other]), out, inverted=inverted)
    return Design(
        key=(inputs, int("".join(map(str, table)), 2)),
        name=name,
        ports=(*_one_bit_inputs(names), Port(out, "output", 1, "the value of the expression")),
        nouns=(
            f"a combinational circuit with the one-bit inputs {together} and the output {out} = {formula}",
            f"a circuit that computes the Boolean expression {out} = {code} of the one-bit inputs {together}",
            f"a logic function {out} of the one-bit inputs {together} that is {words}",
        ),
        behaviours=(
            f"The output {out} is {words}.",
            f"Implement the Boolean function {out} = {formula}.",
            f"Drive {out} with the value of {code}, where ~ is NOT, & is AND, | is OR and ^ is XOR.",
            f"Build a circuit of logic gates with the inputs {together}. Its output {out} is {words}.",
        ),
        body=written.body,
        model=Combinational(function),
        bugs=written.bugs,
        registers=written.registers,
    )


@family("combinational")
def truth_table(rng: random.Random, pick: Pick) -> Design:
    """One or two functions of two to four inputs, given as a truth table."""
    inputs, outputs = rng.choice([2, 3, 3, 4, 4]), rng.choice([1, 1, 2])
    tables: list[list[int]] = []
    while len(tables) < outputs:
        table = [rng.getrandbits(1) for _ in range(1 << inputs)]
        if _uses_every_input(table, inputs):
            tables.append(table)
    names = _letters(inputs, pick)
    outs = [pick("out", "f", "result")] if outputs == 1 else pick("f g", "out1 out2", "y1 y2").split()
    results = ["".join(map(str, row)) for row in zip(*tables, strict=True)]
    rows = [(f"{inputs}'b{row:0{inputs}b}", f"{outputs}'b{result}") for row, result in enumerate(results)]
    selector, target = f"{{{', '.join(names)}}}", outs[0] if outputs == 1 else f"{{{', '.join(outs)}}}"
    cells = [[*names, "|", *outs]] + [[*f"{row:0{inputs}b}", "|", *result] for row, result in enumerate(results)]
    together, driven = listing(names), listing(outs)

    def function(values: Values) -> dict[str, int]:
        row = _number(values, names)
        return {out: table[row] for out, table in zip(outs, tables, strict=True)}

    def bug(row: int) -> tuple[str, str]:
        value, result = rows[row]
        wrong = int(results[row], 2) ^ 1
        return f"{value}: {target} = {result};", f"{value}: {target} = {outputs}'b{wrong:0{outputs}b};"

    has, number = ("whose output is", "one output") if outputs == 1 else ("whose two outputs are", "two outputs")
    follows = f"{driven} {'is' if outputs == 1 else 'are'}"
    return Design(
        key=(inputs, tuple(results)),
        name=pick("truth_table", "logic_function", "top_module"),
        ports=(*_one_bit_inputs(names), *(Port(out, "output", 1, "a column of the truth table") for out in outs)),
        registers=frozenset(outs),
        nouns=(
            f"a combinational circuit with {inputs} one-bit inputs {has} given by the truth table below",
            f"a circuit that implements this truth table of {inputs} inputs and {number}",
            f"a logic function of {inputs} separate one-bit inputs with {number}, defined by the following truth table",
        ),
        behaviours=(
            f"Implement the truth table below. Its inputs are {together}, and {follows} on the right of the bar.",
            f"For each combination of {together}, drive {driven} as the following truth table says.",
            f"The combinational logic from {together} to {driven} is defined by this truth table, which has one row "
            "for each input combination.",
        ),
        appendix=_columns(cells, rng.choice([" ", "  "])),
        body=always(case_statement(selector, target, rows, f"{outputs}'b{'0' * outputs}")),
        model=Combinational(function),
        bugs=(bug(0), bug(rng.randrange(1, 1 << inputs)), bug(-1)),
    )


def _karnaugh_text(
    row_names: str, column_names: str, gray: Sequence[Sequence[str]], cells: Sequence[Sequence[str]]
) -> str:
    """A map with the column variables above and the row variables at the left."""
    left = [row_names, *gray[0]]
    lines = [[*gray[1]], *cells]
    grid = _columns([[label, "|", *line] for label, line in zip(left, lines, strict=True)], "  ")
    return f"{' ' * (max(map(len, left)) + 5)}{column_names}\n{grid}"


@family("combinational")
def karnaugh_map(rng: random.Random, pick: Pick) -> Design:
    """A function of three or four inputs given as a Karnaugh map, with or without don't-care cells."""
    inputs, free = rng.choice([3, 4, 4]), rng.choice([0, 0, 1, 2, 3])
    rows = rng.choice([1, 2]) if inputs == 3 else 2
    while True:
        table: list[int | None] = [rng.getrandbits(1) for _ in range(1 << inputs)]
        if _uses_every_input([value or 0 for value in table], inputs):
            break
    fixed = {table.index(0), table.index(1)}
    for cell in rng.sample([i for i in range(1 << inputs) if i not in fixed], free):
        table[cell] = None
    names, out = _letters(inputs, pick), pick("out", "f", "result")
    swapped = rng.random() < 0.4  # the last variables at the left and the first ones above
    order = [*names[inputs - rows :], *names[: inputs - rows]] if swapped else list(names)
    gray = [[f"{i ^ i >> 1:0{n}b}" for i in range(1 << n)] for n in (rows, inputs - rows)]

    def cell_of(pattern: str) -> int | None:
        return table[_number(dict(zip(order, map(int, pattern), strict=True)), names)]

    patterns = [[left + above for above in gray[1]] for left in gray[0]]
    cells = [["-" if cell_of(p) is None else str(cell_of(p)) for p in line] for line in patterns]
    listed = [(f"{inputs}'b{p}", f"1'b{cell_of(p) or 0}") for line in patterns for p in line]
    zero, one = (next(p for line in patterns for p in line if cell_of(p) == value) for value in (0, 1))
    together, at_left, above = listing(names), "".join(order[:rows]), "".join(order[rows:])
    marked = " (cells marked - are don't-cares)" if free else ""
    cares = f" Where the map has a -, {out} may be 0 or 1." if free else ""
    return Design(
        key=(inputs, tuple(table)),
        name=pick("karnaugh_map", "kmap", "top_module"),
        ports=(*_one_bit_inputs(names), Port(out, "output", 1, "the value in the map")),
        registers=frozenset({out}),
        nouns=(
            f"a combinational circuit with {inputs} one-bit inputs that implements the Karnaugh map below{marked}",
            f"a logic function of {inputs} separate one-bit inputs, given by this Karnaugh map{marked}",
            f"the {inputs}-variable function in the following Karnaugh map, whose variables are separate one-bit "
            f"inputs{marked}",
        ),
        behaviours=(
            f"Implement the Karnaugh map below. The inputs are {together} and the output is {out}.{cares}",
            f"{out} is the function of {together} given by this Karnaugh map, with {at_left} at the left of each row "
            f"and {above} above each column.{cares}",
            f"Determine {out} for the inputs {together} in the following map, in which rows and columns are in "
            f"Gray-code order.{cares}",
        ),
        appendix=_karnaugh_text(at_left, above, gray, cells),
        body=always(case_statement(f"{{{', '.join(order)}}}", out, listed, "1'b0")),
        model=Combinational(lambda values: {out: table[_number(values, names)]}),
        bugs=(
            (f"'b{zero}: {out} = 1'b0;", f"'b{zero}: {out} = 1'b1;"),
            (f"'b{one}: {out} = 1'b1;", f"'b{one}: {out} = 1'b0;"),
        ),
    )


@family("combinational")
def waveform_function(rng: random.Random, pick: Pick) -> Design:
    """A function of two or three inputs to be read from a simulation waveform, given as a table of times and values."""
    inputs, in_order, repeated = rng.choice([2, 3, 3, 3]), rng.random() < 0.5, rng.randint(0, 4)
    while True:
        table = [rng.getrandbits(1) for _ in range(1 << inputs)]
        if 0 < sum(table) < len(table):
            break
    names, out = _letters(inputs, pick), pick("q", "out", "f")
    if out in names:
        out = "out"
    seen = list(range(1 << inputs)) if in_order else rng.sample(range(1 << inputs), 1 << inputs)
    seen += [rng.randrange(1 << inputs) for _ in range(repeated)]
    step = rng.choice([1, 5, 10, 20])
    cells = [["time", *names, out]] + [
        [f"{i * step}ns", *f"{row:0{inputs}b}", str(table[row])] for i, row in enumerate(seen)
    ]
    rows = [(f"{inputs}'b{row:0{inputs}b}", f"1'b{value}") for row, value in enumerate(table)]
    together = listing(names)

    def bug(row: int) -> tuple[str, str]:
        pattern, value = rows[row]
        return f"{pattern}: {out} = {value};", f"{pattern}: {out} = 1'b{1 - table[row]};"

    return Design(
        key=(inputs, tuple(table)),
        name=pick("waveform_function", "circuit", "top_module"),
        ports=(*_one_bit_inputs(names), Port(out, "output", 1, "the output seen in the waveform")),
        registers=frozenset({out}),
        nouns=(
            f"a combinational circuit with {inputs} one-bit inputs and one output that behaves as in the waveform "
            "below",
            f"the combinational circuit of {inputs} separate one-bit inputs that produced this simulation waveform",
            f"a logic function of {inputs} one-bit inputs, read from the following simulation waveform",
        ),
        behaviours=(
            f"This is a combinational circuit. Read the simulation waveform below to determine what {out} is for "
            f"each value of {together}, and implement it.",
            f"The output {out} depends only on the present values of {together}. Implement it from the following "
            "waveform, which shows every combination of the inputs.",
            f"A simulation of a circuit without memory gave the values below. Write a circuit from {together} to "
            f"{out} that gives the same values.",
        ),
        appendix=_columns(cells, "  "),
        body=always(case_statement(f"{{{', '.join(names)}}}", out, rows, "1'b0")),
        model=Combinational(lambda values: {out: table[_number(values, names)]}),
        bugs=(bug(0), bug(-1), bug(rng.randrange(1, len(table) - 1))),
    )


@family("combinational")
def demultiplexer(rng: random.Random, pick: Pick) -> Design:
    """A 1-to-N demultiplexer of W-bit words; outputs not selected read as zero or all ones; perhaps with an enable."""
    ways, width, enabled = rng.randint(2, 8), rng.randint(1, 8), rng.random() < 0.4
    select, rest = (ways - 1).bit_length(), rng.choice([0, 0, mask(width)])
    data, sel, enable = pick("in", "data", "d"), pick("sel", "select", "s"), pick("en", "enable")
    prefix = pick("out", "y", "data_out")
    outs = [f"{prefix}{i}" for i in range(ways)]
    guard, last = f"{enable} && " if enabled else "", f"{width}'h{rest:x}"
    lines = [f"    assign {out} = ({guard}{sel} == {select}'d{i}) ? {data} : {last};" for i, out in enumerate(outs)]

    def function(values: Values) -> dict[str, int]:
        result = dict.fromkeys(outs, rest)
        if values[sel] < ways and not (enabled and not values[enable]):
            result[outs[values[sel]]] = values[data]
        return result

    idle = ("high" if rest else "low") if width == 1 else ("all ones" if rest else "zero")
    off = f" When {enable} is low, every output is {idle}." if enabled else ""
    none = "" if ways == 1 << select else f" No output is selected when {sel} is {ways} or more."
    with_enable = f", with an active-high enable without which all outputs are {idle}" if enabled else ""
    return Design(
        key=(ways, width, rest, enabled),
        name=pick("demux", "demultiplexer", f"demux{ways}", "top_module"),
        ports=(
            Port(data, "input", width, "the data input"),
            Port(sel, "input", select, "the select input"),
            *([Port(enable, "input", 1, "the active-high enable")] if enabled else []),
            *(Port(out, "output", width, f"data output {i}") for i, out in enumerate(outs)),
        ),
        nouns=(
            f"a 1-to-{ways} demultiplexer of {width}-bit words whose unselected outputs are {idle}{with_enable}",
            f"{article(f'{width}-bit')} demultiplexer with {ways} separate outputs, {idle} where not "
            f"selected{with_enable}",
            f"a circuit that passes {article(f'{width}-bit')} input to one of {ways} separate outputs and keeps the "
            f"others {idle}{with_enable}",
        ),
        behaviours=(
            f"Send {data} to the output whose number is {sel}: {outs[0]} for 0, {outs[1]} for 1 and so on. All other "
            f"outputs are {idle}.{none}{off}",
            f"Each of the outputs {outs[0]} to {outs[-1]} equals {data} when {sel} is its number and is {idle} "
            f"otherwise.{none}{off}",
            f"This is a 1-to-{ways} demultiplexer. {sel} selects which of {listing(outs)} carries the value of "
            f"{data}, and every output that is not selected is {idle}.{none}{off}",
        ),
        briefs=()
        if rest
        else briefly(
            _selectors(f"1-to-{ways}", f"1:{ways}", f"{ways} outputs", ("demux", "demultiplexer"), width),
            "enable" if enabled else "",
        ),
        body="\n".join(lines),
        model=Combinational(function),
        bugs=(
            (f"{sel} == {select}'d0", f"{sel} == {select}'d1"),
            (f"? {data} : {last}", f"? ~{data} : {last}"),
            (f": {last};", f": {data};"),
        ),
        stimulus={enable: lambda r: int(r.random() < 0.75)} if enabled else {},
    )


@dataclass(frozen=True, slots=True)
class _Shuffle:
    """A rearrangement of bits: the (high, low) ranges of the input that make up the output, and its words."""

    pieces: tuple[tuple[int, int], ...]
    gerund: str  # completes "a circuit for"
    verb: str  # completes "a circuit that ... an 8-bit word"
    sentences: tuple[str, str, str]  # with {i} and {o} for the ports
    briefs: tuple[str, ...]  # with {} for the width


def _rotation(rng: random.Random, kind: str) -> tuple[int, _Shuffle]:
    """A rotation to the left or right by a constant."""
    width = rng.randint(3, 32)
    by = rng.randint(1, width - 1)
    cut = width - by if kind == "left" else by
    places = _count(by, "place")
    outgoing, incoming = ("most", "least") if kind == "left" else ("least", "most")
    ends = (
        [f"{end} {by} bits" for end in ("upper", "lower")]
        if by > 1
        else ["most significant bit", "least significant bit"]
    )
    leaving, arriving = ends if kind == "left" else reversed(ends)
    return width, _Shuffle(
        ((cut - 1, 0), (width - 1, cut)),
        f"rotating {{}} to the {kind} by {places}",
        f"rotates {{}} {kind} by {places}",
        (
            f"Drive {{o}} with {{i}} rotated to the {kind} by {places}. Bits that leave at the {outgoing} "
            f"significant end come back at the {incoming} significant end.",
            f"{{o}} is the word {{i}} rotated {kind} by {places}.",
            f"Move all bits of {{i}} {_count(by, 'position')} to the {kind}; the {leaving} of {{i}} "
            f"become{'s' if by == 1 else ''} the {arriving} of {{o}}.",
        ),
        (
            f"{{}}-bit {kind} rotation by {by}",
            f"{kind} rotator by {places} for {{}} bits",
            f"{{}}-bit rotate {kind} by {by}",
            f"rotation of {{}}-bit words {kind} by {by}",
        ),
    )


def _shuffle(rng: random.Random) -> tuple[int, _Shuffle]:
    """A width, and one of the usual rearrangements of a word of it."""
    kind = rng.choice(["reverse", "halves", "bytes", "neighbours", "nibbles", "left", "right", "left", "right"])
    if kind == "reverse":
        width = rng.randint(3, 16)
        last = width - 1
        return width, _Shuffle(
            tuple((i, i) for i in range(width)),
            "reversing the bit order of {}",
            "reverses the order of the bits of {}",
            (
                "Reverse the order of the bits of {i}: " + f"{{o}}[0] is {{i}}[{last}], and {{o}}[{last}] is {{i}}[0].",
                "{o} holds the bits of {i} in the opposite order, the most significant bit becoming the least "
                "significant one.",
                f"Each bit {{o}}[k] equals {{i}}[{last} - k].",
            ),
            ("{}-bit bit reversal", "bit reverser for {} bits", "reversal of the bit order of {}-bit words"),
        )
    if kind == "halves":
        width = 2 * rng.randint(2, 16)
        half = width // 2
        return width, _Shuffle(
            ((half - 1, 0), (width - 1, half)),
            "swapping the two halves of {}",
            "exchanges the upper and the lower half of {}",
            (
                f"Swap the halves of {{i}}: the lower {half} bits of {{i}} become the upper {half} bits of {{o}}, "
                "and the other way round.",
                f"The upper {half} bits of {{o}} are {{i}}[{half - 1}:0], and its lower {half} bits are "
                f"{{i}}[{width - 1}:{half}].",
                "{o} is the word {i} with its upper half and its lower half exchanged; the order of the bits in each "
                "half stays the same.",
            ),
            ("swap of the two halves of {}-bit words", "swap of the upper and lower half of {} bits"),
        )
    if kind in ("bytes", "nibbles"):
        width = rng.choice([24, 32, 40, 48] if kind == "bytes" else [16, 24, 32])
        if kind == "bytes":
            return width, _Shuffle(
                tuple((low + 7, low) for low in range(0, width, 8)),
                "reversing the byte order of {}",
                "reverses the order of the bytes of {}",
                (
                    "Reverse the order of the bytes of {i}: its lowest byte becomes the highest byte of {o}. The "
                    "bits in each byte keep their order.",
                    f"Convert the {width // 8}-byte word {{i}} between little-endian and big-endian byte order, with "
                    f"the result on {{o}}.",
                    "{o} contains the bytes of {i} in the opposite order, the most significant byte first becoming "
                    "the least significant.",
                ),
                ("{}-bit byte order reversal", "endianness converter for {}-bit words", "{}-bit byte swap"),
            )
        return width, _Shuffle(
            tuple(piece for low in range(width - 8, -1, -8) for piece in ((low + 3, low), (low + 7, low + 4))),
            "swapping the two nibbles of every byte of {}",
            "exchanges the upper and lower 4 bits in every byte of {}",
            (
                "In every byte of {i}, swap the upper 4 bits with the lower 4 bits, and put the result on {o}. The "
                "bytes stay in their places.",
                "Each byte of {o} is the byte of {i} in the same position with its two 4-bit halves exchanged.",
                "{o} is the word {i} with the high nibble and the low nibble of each byte swapped; the order of the "
                "bytes is not changed.",
            ),
            ("swap of the nibbles in each byte of {}-bit words", "nibble swapper for every byte of {} bits"),
        )
    if kind == "neighbours":
        width = 2 * rng.randint(2, 8)
        return width, _Shuffle(
            tuple((i, i) for low in range(width - 2, -1, -2) for i in (low, low + 1)),
            "swapping the bits of each adjacent pair of {}",
            "exchanges bits 0 and 1, bits 2 and 3 and so on of {}",
            (
                "Swap every even-numbered bit of {i} with the bit above it, so that bits 0 and 1 change places, bits "
                "2 and 3, and so on, and drive {o} with this.",
                "{o} is the word {i} with the two bits of each adjacent pair exchanged, where the pairs are bits 1 "
                "and 0, bits 3 and 2 and so on.",
                "For every even k, {o}[k] is {i}[k + 1] and {o}[k + 1] is {i}[k].",
            ),
            ("swap of adjacent bits in {}-bit words", "swapper of every two adjacent bits of {} bits"),
        )
    return _rotation(rng, kind)


@family("combinational")
def bit_shuffle(rng: random.Random, pick: Pick) -> Design:
    """A fixed rearrangement of the bits of a word: reversed, halves or bytes swapped, rotated by a constant."""
    width, shuffle = _shuffle(rng)
    data, out = pick("data", "din", "word"), pick("out", "result", "dout")

    def joined(pieces: Sequence[tuple[int, int]]) -> str:
        ranges = (f"{data}[{high}]" if high == low else f"{data}[{high}:{low}]" for high, low in pieces)
        return f"{{{', '.join(ranges)}}}"

    source = tuple(
        i for high, low in shuffle.pieces for i in range(high, low - 1, -1)
    )  # the top bit of the output first

    def function(values: Values) -> dict[str, int]:
        text = f"{values[data]:0{width}b}"[::-1]
        return {out: int("".join(text[i] for i in source), 2)}

    code = joined(shuffle.pieces)
    first, second, *rest = shuffle.pieces
    word = article(f"{width}-bit word")
    return Design(
        key=source,
        name=pick("bit_shuffle", "rearrange", "shuffle", "top_module"),
        ports=(Port(data, "input", width, "the word to rearrange"), Port(out, "output", width, "the rearranged word")),
        nouns=(
            f"a combinational circuit for {shuffle.gerund.format(word)}",
            f"a circuit that {shuffle.verb.format(word)}",
            f"a module with {article(f'{width}-bit')} input and {article(f'{width}-bit')} output that "
            f"{shuffle.verb.format('its input')}",
        ),
        behaviours=tuple(sentence.format(i=data, o=out) for sentence in shuffle.sentences),
        briefs=tuple(brief.format(width) for brief in shuffle.briefs),
        body=f"    assign {out} = {code};",
        model=Combinational(function),
        bugs=((f"= {code};", f"= {data};"), (f"= {code};", f"= {joined([second, first, *rest])};")),
    )


def _extension_words(kind: str, narrow: int, wide: int, data: str, signed: str, out: str) -> Words:
    top = f"{data}[{narrow - 1}]"
    sizes = f"{narrow} to {wide} bits"
    words: dict[str, Words] = {
        "sign": (
            (
                f"a sign extension from {sizes}",
                f"a sign extender with {article(f'{narrow}-bit')} input and {article(f'{wide}-bit')} output",
                f"a circuit that widens {article(f'{narrow}-bit')} two's complement number to {wide} bits without "
                "changing its value",
            ),
            (
                f"Sign-extend the {narrow}-bit input {data} to the {wide}-bit output {out}.",
                f"{data} is a two's complement number of {narrow} bits. {out} is the same number in {wide} bits.",
                f"The lower {narrow} bits of {out} equal {data}. Every bit above them is a copy of the sign bit {top}.",
            ),
        ),
        "zero": (
            (
                f"a zero extension from {sizes}",
                f"a zero extender with {article(f'{narrow}-bit')} input and {article(f'{wide}-bit')} output",
                f"a circuit that widens {article(f'{narrow}-bit unsigned')} number to {wide} bits without changing "
                "its value",
            ),
            (
                f"Zero-extend the {narrow}-bit input {data} to the {wide}-bit output {out}.",
                f"{data} is an unsigned number of {narrow} bits. {out} is the same number in {wide} bits.",
                f"The lower {narrow} bits of {out} equal {data}. Every bit above them is zero.",
            ),
        ),
        "either": (
            (
                f"an extension from {sizes} that is a sign extension when a one-bit signed input is high and a zero "
                "extension when it is low",
                f"an extender with {article(f'{narrow}-bit')} input, {article(f'{wide}-bit')} output and a control "
                "bit: 1 for sign extension, 0 for zero extension",
                f"a circuit that widens {article(f'{narrow}-bit')} number to {wide} bits, by sign extension if its "
                "one-bit signed input is 1, else by zero extension",
            ),
            (
                f"Extend the input {data} from {sizes}. When {signed} is high this is a sign extension, otherwise a "
                f"zero extension. The result is {out}.",
                f"The lower {narrow} bits of {out} equal {data}. The bits above them are copies of {top} if {signed} "
                f"is 1, and zero if {signed} is 0.",
                f"{out} has the value of {data}, which is a two's complement number if {signed} is high and an "
                f"unsigned number if {signed} is low.",
            ),
        ),
    }
    return words[kind]


@family("combinational")
def extension(rng: random.Random, pick: Pick) -> Design:
    """Sign extension, zero extension, or either as an input chooses, from W1 to W2 bits."""
    narrow, kind = rng.randint(2, 16), rng.choice(["sign", "zero", "either"])
    wide = rng.randint(narrow + 2, 32)
    data, out, signed = (
        pick("in", "data", "imm"),
        pick("out", "result", "extended"),
        pick("is_signed", "sign_ext", "sext"),
    )

    def function(values: Values) -> dict[str, int]:
        value = values[data]
        negative = value >= 1 << narrow - 1 and (kind == "sign" or (kind == "either" and values[signed]))
        return {out: value - (1 << narrow) & mask(wide) if negative else value}

    nouns, behaviours = _extension_words(kind, narrow, wide, data, signed, out)
    name = pick(f"{kind}_extend" if kind != "either" else "extend", "extender", "top_module")
    code = extension_code(rng, kind, data, signed, out, (narrow, wide))
    return Design(
        key=(narrow, wide, kind),
        name=name,
        ports=(
            Port(data, "input", narrow, "the number to extend"),
            *([Port(signed, "input", 1, "high for sign extension")] if kind == "either" else []),
            Port(out, "output", wide, f"the number in {wide} bits"),
        ),
        nouns=nouns,
        behaviours=behaviours,
        briefs=(
            f"{narrow}-bit to {wide}-bit sign or zero extender with a sign select",
            f"extender from {narrow} to {wide} bits, signed or unsigned by a control input",
            f"selectable sign/zero extension from {narrow} to {wide} bits",
        )
        if kind == "either"
        else (
            f"{kind} extension from {narrow} to {wide} bits",
            f"{kind} extender from {narrow} to {wide} bits",
            f"{narrow}-bit to {wide}-bit {kind} extender",
            f"{narrow}-to-{wide} bit {kind} extension",
        ),
        body=code.body,
        model=Combinational(function),
        bugs=code.bugs,
        registers=code.registers,
    )


def _parity_words(kind: str, width: int, data: str, given: str, out: str, *, odd: bool) -> Words:
    name, size = ("odd" if odd else "even"), article(f"{width}-bit")
    total = f"makes the total number of ones {name}"
    if kind == "bit":
        nouns = (
            f"an {name} parity generator for {size} word",
            f"a circuit that computes the {name} parity bit of {size} word, so that word and parity bit together "
            f"have an {name} number of ones",
            f"a parity bit generator for words of {width} bits with {name} parity",
        )
        behaviours = (
            f"Generate the {name} parity bit {out} of {data}: together, {data} and {out} always have an {name} "
            "number of ones.",
            f"{out} is high exactly when the number of ones in {data} is {'even' if odd else 'odd'}, for {name} "
            f"parity over {data} and {out}.",
            f"This is an {name} parity generator. {out} is the bit that {total} when it is added to the {width} bits "
            f"of {data}.",
        )
    elif kind == "checker":
        nouns = (
            f"an {name} parity checker for {size} word and its parity bit, with an error output",
            f"a circuit that reports an error when {size} word and its parity input together do not have an {name} "
            "number of ones",
            f"a checker of {name} parity over {width} data bits and one parity bit, whose output is high on an error",
        )
        behaviours = (
            f"Check the {name} parity of {data} and {given}: {out} is high when they do not have an {name} number of "
            "ones together.",
            f"{given} should be the {name} parity bit of {data}. Set {out} when it is wrong, and clear {out} when it "
            "is right.",
            f"Count the ones in {data} and {given} together. {out} is 0 if their number is {name}, and 1 if it is "
            f"{'even' if odd else 'odd'}.",
        )
    else:
        place = "above the most significant bit" if kind == "upper" else "below the least significant bit"
        end = "most" if kind == "upper" else "least"
        nouns = (
            f"a circuit that adds an {name} parity bit to {size} word, {place}, to make "
            f"{article(f'{width + 1}-bit')} word",
            f"an {name} parity encoder from {width} to {width + 1} bits, with the parity bit as the {end} "
            "significant bit of the output",
            f"a module that extends {size} word by its {name} parity bit, which becomes the {end} significant bit",
        )
        behaviours = (
            f"{out} is {data} with an {name} parity bit {place}. The parity bit makes the number of ones in {out} "
            f"{name}.",
            f"Extend {data} to the {width + 1}-bit word {out}. The {end} significant bit of {out} is the {name} "
            f"parity bit, which {total}; the other bits are {data}.",
            f"Append the {name} parity bit of {data} to it as the new {end} significant bit, so that {out} always "
            f"has an {name} number of ones.",
        )
    return nouns, behaviours


def _parity_briefs(kind: str, width: int, name: str) -> tuple[str, ...]:
    if kind == "bit":
        word = article(f"{width}-bit word")
        return (
            f"{width}-bit {name} parity generator",
            f"{name} parity generator for {width} bits",
            f"{name} parity bit of {word}",
        )
    if kind == "checker":
        return (
            f"{name} parity checker for {width} data bits and a parity bit with error output",
            f"{name} parity error detector for {width} bits plus parity",
        )
    end = "MSB" if kind == "upper" else "LSB"
    return (
        f"{width}-bit to {width + 1}-bit {name} parity encoder with the parity bit as {end}",
        f"encoder that adds an {name} parity bit to {width} bits as the new {end}",
    )


@family("combinational")
def parity(rng: random.Random, pick: Pick) -> Design:
    """An even or odd parity generator, a generator that appends the bit to the word, or a checker."""
    width, odd, kind = rng.randint(3, 32), rng.random() < 0.5, rng.choice(["bit", "upper", "lower", "checker"])
    data, given = pick("data", "in", "din"), pick("parity_in", "p_in", "check_bit")
    out = {"bit": pick("parity", "p", "out"), "checker": pick("error", "err", "fail")}.get(
        kind, pick("out", "code", "word")
    )
    name = pick(
        {"bit": "parity_generator", "checker": "parity_checker"}.get(kind, "parity_encoder"),
        f"{'odd' if odd else 'even'}_parity",
        "top_module",
    )
    code = parity_code(rng, kind, width, data, given, out, odd=odd)

    def function(values: Values) -> dict[str, int]:
        made = (values[data].bit_count() + odd) % 2
        return {
            out: {"bit": made, "upper": made << width | values[data], "lower": values[data] * 2 + made}.get(
                kind, made ^ values.get(given, 0)
            )
        }

    nouns, behaviours = _parity_words(kind, width, data, given, out, odd=odd)
    return Design(
        key=(width, odd, kind),
        name=name,
        ports=(
            Port(data, "input", width, "the data word"),
            *([Port(given, "input", 1, "the parity bit to check")] if kind == "checker" else []),
            Port(
                out,
                "output",
                width + 1 if kind in ("upper", "lower") else 1,
                {"bit": "the parity bit", "checker": "high on a parity error"}.get(
                    kind, "the data word with its parity bit"
                ),
            ),
        ),
        nouns=nouns,
        behaviours=behaviours,
        briefs=_parity_briefs(kind, width, "odd" if odd else "even"),
        body=code.body,
        model=Combinational(function),
        bugs=code.bugs,
        registers=code.registers,
    )


@family("combinational")
def population_count(rng: random.Random, pick: Pick) -> Design:
    """The number of ones, or of zeros, in a W-bit word."""
    width, zeros = rng.randint(3, 64), rng.random() < 0.35
    size = width.bit_length()
    data, out = pick("data", "vec", "din"), pick("count", "out", "num")
    counted, bit = ("zeros", f"!{data}[i]") if zeros else ("ones", f"{data}[i]")

    def function(values: Values) -> dict[str, int]:
        ones = values[data].bit_count()
        return {out: width - ones if zeros else ones}

    word = article(f"{width}-bit word")
    name = pick("count_zeros" if zeros else "popcount", f"count_{counted}", "bit_counter", "top_module")
    code = count_code(rng, data, bit, out, width)
    level = "low" if zeros else "high"
    return Design(
        key=(width, zeros),
        name=name,
        ports=(Port(data, "input", width, "the word"), Port(out, "output", size, f"the number of {counted}")),
        registers=code.registers,
        nouns=(
            f"a combinational circuit that counts the {counted} in {word}, with {article(f'{size}-bit')} count",
            f"{article(f'{size}-bit')} count of the {level} bits of {article(f'{width}-bit')} input",
            f"a {'count of the zero bits' if zeros else 'population count'} of {word} as {article(f'{size}-bit')} "
            "number",
        ),
        behaviours=(
            f"Count the {counted} of {data} and give their number on {out}.",
            f"{out} is the number of bits of the {width}-bit vector {data} that are {level}, from 0 to {width}.",
            f"Look at all {width} bits of {data}. {out} says how many of them are {int(not zeros)}.",
        ),
        briefs=(
            f"counter of the {counted} in {word}",
            f"combinational {counted} counter for {width} bits",
            *([] if zeros else [f"{width}-bit population count", f"{width}-bit popcount", f"popcount of {word}"]),
        ),
        body=code.body,
        model=Combinational(function),
        bugs=code.bugs,
    )


@family("combinational")
def majority_or_threshold(rng: random.Random, pick: Pick) -> Design:
    """Whether at least, at most or exactly K of N inputs are high; the inputs separate or a vector."""
    vector = rng.random() < 0.6
    ways, kind = rng.randint(3, 12 if vector else 6), rng.choice(["at least", "at least", "at most", "exactly"])
    least = rng.randint(2 if kind == "at least" else 1, ways - 1)
    if ways % 2 and rng.random() < 0.3:
        kind, least = "at least", ways // 2 + 1
    data, out, size = pick("in", "data", "votes"), pick("out", "result", "high"), ways.bit_length()
    names = [f"{data}[{i}]" for i in range(ways)] if vector else _letters(ways, pick)
    sign, wrong = {"at least": (">=", ">"), "at most": ("<=", "<"), "exactly": ("==", ">=")}[kind]
    accepted = {"at least": range(least, ways + 1), "at most": range(least + 1), "exactly": [least]}[kind]

    def function(values: Values) -> dict[str, int]:
        return {out: int((values[data].bit_count() if vector else sum(values[name] for name in names)) in accepted)}

    are = "is" if least == 1 else "are"
    where = f"the {ways} bits of {data}" if vector else f"the {ways} inputs {listing(names)}"
    form = f"the bits of {article(f'{ways}-bit')} input vector" if vector else f"{ways} separate one-bit inputs"
    majority = kind == "at least" and ways % 2 and least == ways // 2 + 1
    special = f"a function of {form} that is 1 when {kind} {least} of them {are} high and 0 otherwise"
    vote = f"Count how many of {where} are high. Set {out} to 1 if the count is {kind} {least}, and to 0 otherwise."
    if majority:
        special = f"a majority gate over {form}"
        vote = f"{out} follows the majority of {where}: it is high when more of them are high than low."

    def near(r: random.Random) -> int:
        ones = min(ways, least + r.choice([-1, 0, 0, 1])) if r.random() < 0.8 else r.randint(0, ways)
        return sum(1 << i for i in r.sample(range(ways), ones))

    inputs = article(f"{ways}-bit vector") if vector else f"{ways} inputs"
    name = pick("majority" if majority else "threshold", "vote", "top_module")
    return Design(
        key=(vector, ways, kind, least),
        name=name,
        ports=(
            *([Port(data, "input", ways, "the bits to count")] if vector else _one_bit_inputs(names)),
            Port(out, "output", 1, f"high when {kind} {least} of the inputs {are} high"),
        ),
        nouns=(
            special,
            f"a circuit whose output is high when {kind} {least} of {form} {are} high, and low otherwise",
            f"a combinational circuit that tells whether {kind} {least} of {form} {are} 1",
        ),
        behaviours=(
            f"{out} is high when {kind} {least} of {where} {are} high, and low otherwise.",
            vote,
            f"Drive {out} with 1 if {kind} {least} of {where} {are} 1, else with 0.",
        ),
        briefs=(
            *([f"majority vote of {inputs}", f"majority function of {inputs}"] if majority else []),
            *([f"{ways}-input majority gate", f"{ways}-input majority voter"] if majority and not vector else []),
            f"circuit that tells whether {kind} {least} of {f'the bits of {inputs}' if vector else inputs} {are} high",
            f"detector of {kind} {_count(least, 'one')} in {inputs}",
        ),
        body=threshold_code(rng, names, data if vector else "", out, f"total {sign} {size}'d{least}"),
        model=Combinational(function),
        bugs=((f"{sign} {size}'d{least}", f"{sign} {size}'d{least - 1}"), (f"total {sign}", f"total {wrong}")),
        stimulus={data: near} if vector else {},
    )


def _condition(rng: random.Random, width: int) -> Condition:
    """A range, its outside, one to three constants, two ranges, or one bound."""
    top = mask(width)
    four = sorted(rng.sample(range(1, top), 4))
    a, b = sorted(rng.sample(four, 2))

    def lit(value: int) -> str:
        return f"{width}'d{value}"

    kind = rng.choice(["inside", "inside", "outside", "outside", "constants", "two ranges", "bound", "limit", "beside"])
    if kind == "inside":
        return Condition(
            f"({{0}} >= {lit(a)}) && ({{0}} <= {lit(b)})",
            f"in the range from {a} to {b} inclusive",
            lambda n: n in range(a, b + 1),
            (a, b),
            (f">= {lit(a)}", f"> {lit(a)}"),
            ("LOWEST", "HIGHEST"),
        )
    if kind == "outside":
        return Condition(
            f"({{0}} < {lit(a)}) || ({{0}} > {lit(b)})",
            f"less than {a} or greater than {b}",
            lambda n: n not in range(a, b + 1),
            (a, b),
            (f"< {lit(a)}", f"<= {lit(a)}"),
            ("LOWEST", "HIGHEST"),
        )
    if kind == "constants":
        chosen = sorted(rng.sample(four, rng.randint(1, 3)))
        words = (
            f"equal to {chosen[0]}"
            if len(chosen) == 1
            else f"equal to {', '.join(map(str, chosen[:-1]))} or {chosen[-1]}"
        )
        terms = [f"({{0}} == {lit(value)})" for value in chosen]
        return Condition(
            " || ".join(terms),
            words,
            lambda n: n in chosen,
            tuple(chosen),
            (lit(chosen[0]), lit(chosen[0] - 1)),
            ("FIRST_VALUE", "SECOND_VALUE", "THIRD_VALUE")[: len(chosen)],
        )
    if kind == "two ranges":
        a, b, c, d = four
        ranges = ((a, b), (c, d))
        return Condition(
            " || ".join(f"(({{0}} >= {lit(low)}) && ({{0}} <= {lit(high)}))" for low, high in ranges),
            f"from {a} to {b} or from {c} to {d}, bounds included",
            lambda n: any(low <= n <= high for low, high in ranges),
            (a, b, c, d),
            (f">= {lit(a)}", f"> {lit(a)}"),
            ("FIRST_LOWEST", "FIRST_HIGHEST", "SECOND_LOWEST", "SECOND_HIGHEST"),
        )
    if kind == "bound":
        words = f"greater than or equal to {a}"
        return Condition(f"({{0}} >= {lit(a)})", words, lambda n: n >= a, (a,), (">=", ">"), ("LOWEST",))
    if kind == "limit":
        return Condition(f"({{0}} < {lit(a)})", f"less than {a}", lambda n: n < a, (a,), ("<", "<="), ("LIMIT",))
    return Condition(
        f"({{0}} == {lit(a)}) || ({{0}} > {lit(b)})",
        f"equal to {a} or greater than {b}",
        lambda n: n == a or n > b,
        (a, b),
        (f"> {lit(b)}", f">= {lit(b)}"),
        ("SINGLE_VALUE", "LIMIT"),
    )


@family("combinational")
def constant_compare_or_range(rng: random.Random, pick: Pick) -> Design:
    """Whether a number is in or out of a range, equal to one of some constants, or beyond a bound."""
    width, inverted = rng.randint(3, 12), rng.random() < 0.2
    condition = _condition(rng, width)
    data, out = pick("in", "data", "value"), pick("out", "match", "hit")
    active, idle = ("low", "high") if inverted else ("high", "low")

    def function(values: Values) -> dict[str, int]:
        return {out: int(condition.test(values[data]) != inverted)}

    def near(r: random.Random) -> int:
        return r.choice(condition.bounds) + r.choice([-1, 0, 0, 1]) if r.random() < 0.9 else r.getrandbits(width)

    number = article(f"{width}-bit unsigned")
    # The same function has the same key, however its condition is put: where it changes, and how it starts.
    truth = [condition.test(n) != inverted for n in range(1 << width)]
    changes = tuple(n for n in range(1, 1 << width) if truth[n] != truth[n - 1])
    name = pick("range_check", "compare", "detector", "top_module")
    code = condition_code(rng, condition, data, out, width, inverted=inverted)
    return Design(
        key=(width, truth[0], changes),
        name=name,
        ports=(
            Port(data, "input", width, "the unsigned number to test"),
            Port(out, "output", 1, f"{active} when the condition holds"),
        ),
        nouns=(
            f"a combinational circuit whose output is {active} when {number} input is {condition.words}, and {idle} "
            "otherwise",
            f"a circuit that compares {number} number with constants and gives {int(not inverted)} if it is "
            f"{condition.words}, or {int(inverted)} if it is not",
            f"a detector with {number} input and an active-{active} output that is active when the input is "
            f"{condition.words}",
        ),
        behaviours=(
            f"{out} is {active} when the {width}-bit unsigned number {data} is {condition.words}. Otherwise {out} is "
            f"{idle}.",
            f"Test whether {data}, read as an unsigned number, is {condition.words}. If so, drive {out} {active}, "
            f"else {idle}.",
            f"Drive {out} with {int(not inverted)} whenever {data} is {condition.words}, and with {int(inverted)} "
            f"for all other values of {data}, which is unsigned.",
        ),
        briefs=()
        if inverted
        else (
            f"detector for {width}-bit numbers {condition.words}",
            f"circuit that checks if {article(f'{width}-bit number')} is {condition.words}",
            f"comparator that tells whether {article(f'{width}-bit input')} is {condition.words}",
        ),
        body=code.body,
        model=Combinational(function),
        bugs=code.bugs,
        registers=code.registers,
        stimulus={data: near},
    )

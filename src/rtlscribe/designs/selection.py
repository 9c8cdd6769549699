"""Families that select: case and casez statements, if and ?: chains, slices of packed vectors, and control tables."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rtlscribe.designs.base import (
    Combinational,
    Design,
    Pick,
    Port,
    Sequential,
    Values,
    article,
    bits,
    listing,
    mask,
    styled,
)
from rtlscribe.designs.families import family
from rtlscribe.designs.parts import Written, always, briefly, case_statement, counting, each_bit, likely


def _binary(value: int, width: int) -> str:
    return f"{width}'b{value:0{width}b}"


@family("selection")
def case_selector(rng: random.Random, pick: Pick) -> Design:
    """A selector by an arbitrary table: for each listed value of the selector an input, its inverse or a constant."""
    select, width, inputs = rng.choice([2, 2, 3, 3, 4]), rng.choice([1, 1, 2, 4, 8, 16]), rng.randint(2, 4)
    rows = sorted(rng.sample(range(1 << select), rng.randint(3, min(7, (1 << select) - 1))))
    ins = pick("a b c d", "d0 d1 d2 d3", "in0 in1 in2 in3").split()[:inputs]
    sel, out = pick("sel", "select", "s"), pick("out", "y", "q")
    drawn = [rng.choice([*range(inputs), *range(inputs), ~rng.randrange(inputs), None]) for _ in rows]
    constants = [rng.getrandbits(width) for _ in rows]
    default = rng.getrandbits(width)
    if rng.random() < 0.6:
        default = rng.choice([0, mask(width)])

    def value(values: Values) -> int:
        if values[sel] not in rows:
            return default
        source, constant = drawn[rows.index(values[sel])], constants[rows.index(values[sel])]
        if source is None:
            return constant
        return values[ins[source]] if source >= 0 else values[ins[~source]] ^ mask(width)

    codes = [
        f"{width}'h{constant:x}" if i is None else ins[i] if i >= 0 else f"~{ins[~i]}"
        for i, constant in zip(drawn, constants, strict=True)
    ]
    rest = f"{width}'h{default:x}"
    said = [code.replace("~", "the inverse of ") for code in codes]
    table = "; ".join(f"{row} gives {text}" for row, text in zip(rows, said, strict=True))
    lines = "\n".join(f"{row}: {code}" for row, code in zip(rows, codes, strict=True)) + f"\nother: {rest}"
    size = "one-bit" if width == 1 else f"{width}-bit"
    labels = [f"{select}'d{row}" for row in rows]
    body = always(case_statement(sel, out, list(zip(labels, codes, strict=True)), rest))
    key_rows = tuple((r, "c", c) if i is None else (r, "i", i) for r, i, c in zip(rows, drawn, constants, strict=True))
    return Design(
        key=(select, width, inputs, key_rows, default),
        name=pick("case_selector", "selector", "case_mux", "top_module"),
        ports=(
            *(Port(name, "input", width, "a data input") for name in ins),
            Port(sel, "input", select, "the selector"),
            Port(out, "output", width, "the selected value"),
        ),
        registers=frozenset({out}),
        nouns=(
            f"a selector of the {size} inputs {listing(ins)} by the {select}-bit number {sel}: {table}; any other value gives {rest}",
            f"a combinational case statement over the {select}-bit {sel} with the {size} inputs {listing(ins)} and the output {out}: {table}, default {rest}",
            f"a multiplexer-like circuit for {size} inputs {listing(ins)} in which {sel} ({select} bits) selects by this list: {table}, and {rest} otherwise",
        ),
        behaviours=(
            f"The {select}-bit input {sel} selects what appears on {out}: {table}. For all other values of {sel}, {out} is {rest}. Data words are {size}.",
            f"Use a case statement on {sel} to drive the {size} output {out}:\n{lines}",
            " ".join(f"When {sel} is {row}, {out} is {text}." for row, text in zip(rows, said, strict=True))
            + f" Otherwise {out} is {rest}.",
        ),
        body=body,
        model=Combinational(lambda values: {out: value(values)}),
        bugs=(
            (f"{labels[0]}: {out} = {codes[0]};", f"{labels[0]}: {out} = ~{codes[0]};".replace("~~", "")),
            (f"default: {out} = {rest};", f"default: {out} = ~{rest};"),
        ),
        vectors=160,
    )


@family("selection")
def pattern_decode(rng: random.Random, pick: Pick) -> Design:
    """A code classified by patterns with don't-care bits, of which the first that matches counts."""
    width, size = rng.randint(3, 6), rng.choice([2, 2, 3])
    while True:
        count = rng.randint(3, 5)
        patterns = ["".join(rng.choice("01zz") for _ in range(width)) for _ in range(count)]
        codes = list(range(1 << width))
        owner = [next((i for i, p in enumerate(patterns) if _matches(p, code)), None) for code in codes]
        # Every pattern counts for some code, one code is left over, and the order matters.
        if set(owner) == {*range(count), None} and any(sum(_matches(p, c) for p in patterns) > 1 for c in codes):
            break
    results = rng.sample(range(1 << size), min(count, 1 << size)) + [rng.randrange(1 << size) for _ in range(count)]
    default = rng.choice([n for n in range(1 << size) if n != results[0]])
    data, out = pick("code", "in", "op"), pick("out", "kind", "class_id")
    rows = [(f"{width}'b{p}", _binary(r, size)) for p, r in zip(patterns, results[:count], strict=True)]

    def function(values: Values) -> dict[str, int]:
        found = owner[values[data]]
        return {out: default if found is None else results[found]}

    rest = _binary(default, size)
    shown = [(p.replace("z", "-"), r.split("b")[1]) for p, (_, r) in zip(patterns, rows, strict=True)]
    table = "; ".join(f"{p} gives {r}" for p, r in shown)
    stars = "\n".join(f"{p.replace('-', '?')} -> {r}" for p, r in shown) + f"\nanything else -> {rest.split('b')[1]}"
    body = always(case_statement(data, out, rows, rest)).replace("case (", "casez (", 1)
    return Design(
        key=(width, size, tuple(owner), tuple(results[:count]), default),
        name=pick("pattern_decode", "classifier", "opcode_class", "top_module"),
        ports=(Port(data, "input", width, "the code"), Port(out, "output", size, "the class of the code")),
        registers=frozenset({out}),
        nouns=(
            f"a decoder of {article(f'{width}-bit')} code by binary patterns in which - matches either bit, the first match counting: {table}; no match gives {rest.split('b')[1]} ({size} bits)",
            f"a casez decoder from {width} to {size} bits with these patterns in order of priority (- is a don't-care bit): {table}, default {rest.split('b')[1]}",
            f"a priority pattern matcher with {article(f'{width}-bit')} input and {article(f'{size}-bit')} output: the first of these that fits decides, where - fits 0 and 1: {table}; otherwise {rest.split('b')[1]}",
        ),
        behaviours=(
            f"Compare {data} with these patterns in turn, most significant bit first; ? stands for a bit that does not matter. {out} is the number on the right of the first pattern that matches:\n{stars}",
            f"{out} depends on {data} as follows (binary, - is a don't-care, the earlier pattern has priority): {table}. If no pattern matches, {out} is {rest.split('b')[1]}.",
            f"Use a casez statement on the {width}-bit {data}. In this order: {table}. The default is {rest.split('b')[1]}. A - in a pattern means that the bit may be 0 or 1.",
        ),
        body=body,
        model=Combinational(function),
        bugs=(
            (f"{rows[0][0]}: {out} = {rows[0][1]};", f"{rows[0][0]}: {out} = {rest};"),
            (f"default: {out} = {rest};", f"default: {out} = {_binary(default ^ 1, size)};"),
        ),
    )


def _matches(pattern: str, code: int) -> bool:
    return all(p in ("z", b) for p, b in zip(pattern, f"{code:0{len(pattern)}b}", strict=True))


@family("selection")
def priority_select(rng: random.Random, pick: Pick) -> Design:
    """The word of the first active request, in a given order of priority, by an if chain or by ?: in a row."""
    ways, width, chain = rng.randint(2, 5), rng.choice([1, 2, 4, 8, 8, 12, 16, 32]), rng.random() < 0.5
    active_low, last = rng.random() < 0.25, rng.choice(["zero", "ones", "hold_last"])
    order = rng.sample(range(ways), ways) if rng.random() < 0.5 else list(range(ways))
    flag, word, out = pick("req", "use", "en"), pick("d", "in", "data"), pick("out", "y", "dout")
    flags, words = [f"{flag}{i}" for i in range(ways)], [f"{word}{i}" for i in range(ways)]
    rest = {"zero": 0, "ones": mask(width), "hold_last": None}[last]
    rest_code = words[order[-1]] if rest is None else f"{width}'h{rest:x}"
    tests = order[:-1] if rest is None else order  # the last one needs no request where it is the default

    def function(values: Values) -> dict[str, int]:
        active = [i for i in tests if values[flags[i]] != active_low]
        if active:
            return {out: values[words[active[0]]]}
        return {out: values[words[order[-1]]] if rest is None else rest}

    conditions = [f"!{flags[i]}" if active_low else flags[i] for i in tests]
    if chain:
        lines = [
            f"        {'' if k == 0 else 'else '}if ({c})\n            {out} = {words[i]};"
            for k, (i, c) in enumerate(zip(tests, conditions, strict=True))
        ]
        body = always("\n".join([*lines, f"        else\n            {out} = {rest_code};"]))
    else:
        links = "\n".join(
            f"{'                 ' if k else ''}{c} ? {words[i]} :"
            for k, (i, c) in enumerate(zip(tests, conditions, strict=True))
        )
        body = f"    assign {out} = {links}\n                 {rest_code};"
    level = "low" if active_low else "high"
    idle = rest_code if rest is None else "all ones" if rest and width > 1 else "1" if rest else "0"
    ranks = " over ".join(flags[i] for i in tests)
    ranked = f"with priority in the order {ranks}" if len(tests) > 1 else f"with one request, {ranks}"
    size = "one-bit" if width == 1 else f"{width}-bit"
    used = [flags[i] for i in sorted(tests)]
    mapped = "; ".join(f"{flags[i]} selects {words[i]}" for i in tests)
    steps = ", else ".join(f"if {flags[i]} is {int(not active_low)} it is {words[i]}" for i in tests)
    style = "an if-else chain" if chain else "nested conditional operators"
    bug = (
        (
            f"({conditions[0]})\n            {out} = {words[tests[0]]}",
            f"({conditions[0]})\n            {out} = ~{words[tests[0]]}",
        )
        if chain
        else (f"{conditions[0]} ? {words[tests[0]]}", f"{conditions[0]} ? ~{words[tests[0]]}")
    )
    inverse = conditions[0].removeprefix("!") if active_low else f"!{conditions[0]}"
    asked = f"of {ways} {size} inputs" + ("" if rest is None else " with a request each") + ", input 0 highest"
    asked += {"zero": "", "ones": f", {idle} without a request", "hold_last": ", the last one as default"}[last]
    return Design(
        key=(ways, width, active_low, last, tuple(order)),
        name=pick("priority_select", "priority_mux", "first_of", "top_module"),
        ports=(
            *(Port(name, "input", 1, f"the active-{level} request of word {name[len(flag) :]}") for name in used),
            *(Port(name, "input", width, "a data word") for name in words),
            Port(out, "output", width, "the word of the first request"),
        ),
        registers=frozenset({out} if chain else ()),
        nouns=(
            f"a selector of {ways} {size} words {listing(words)} by active-{level} requests {listing(used)}, {ranked}, that gives {idle} without a request",
            f"a priority multiplexer for {size} words: {mapped}; requests are active {level}, {ranked}; {idle} if there is none",
            f"a circuit, written with {style}, whose {size} output {out} is found like this: {steps}, else {idle}",
        ),
        behaviours=(
            f"The requests {listing(used)} are active {level} and select a word each: {mapped}. They count {ranked}. {out} is {idle} while none is active.",
            f"Determine the {size} output {out} by {style}: {steps}, else {out} is {idle}.",
            f"{out} is the word that belongs to the first active request (a request is active when {level}; {mapped}), {ranked}. Without any request {out} is {idle}.",
        ),
        briefs=()
        if active_low or order != sorted(order)
        else (f"priority multiplexer {asked}", f"priority mux {asked}", f"priority selector {asked}"),
        body=body,
        model=Combinational(function),
        bugs=(bug, (conditions[0], inverse)),
        # Requests are mostly idle, so that the later ones have their turn too.
        stimulus={name: likely(0.6 if active_low else 0.4) for name in used},
    )


@family("selection")
def packed_multiplexer(rng: random.Random, pick: Pick) -> Design:
    """One word out of a long vector by its number, counted from either end, or one word replaced in it."""
    width, select = rng.choice([1, 2, 3, 4, 4, 5, 6, 8, 8, 16]), rng.randint(2, 6)
    while width << select > 512:
        select -= 1
    count, kind = 1 << select, rng.choice(["pick", "pick", "from_top", "replace"])
    data, sel, out = pick("in", "data", "vec"), pick("sel", "index", "idx"), pick("out", "y", "word_out")
    new = pick("d", "new_word", "value")
    total = width * count

    def function(values: Values) -> dict[str, int]:
        number = count - 1 - values[sel] if kind == "from_top" else values[sel]
        if kind == "replace":
            kept = values[data] & ~(mask(width) << number * width)
            return {out: kept | values[new] << number * width}
        return {out: values[data] >> number * width & mask(width)}

    size = "bit" if width == 1 else f"{width}-bit word"
    end = "most" if kind == "from_top" else "least"
    first = f"{data}[{total - 1}:{total - width}]" if kind == "from_top" else f"{data}[{width - 1}:0]"
    first = first if width > 1 else f"{data}[{total - 1 if kind == 'from_top' else 0}]"
    second = (
        f"{data}[{total - width - 1}:{total - 2 * width}]" if kind == "from_top" else f"{data}[{2 * width - 1}:{width}]"
    )
    second = second if width > 1 else f"{data}[{total - 2 if kind == 'from_top' else 1}]"
    counted = f"counted from the {end} significant end"
    vector = article(f"{total}-bit vector")
    if kind == "replace":
        nouns = (
            f"a circuit that replaces one {size} of {vector} of {count}, chosen by a {select}-bit number {counted}, by another input",
            f"a combinational circuit that copies {vector} of {count} {size}s but puts a new {size} in the place that an index gives, {counted}",
            f"{vector.split()[0]} {total}-bit word-insertion circuit: {count} places of {width} bit{'s' if width > 1 else ''}, a {select}-bit index {counted}, and the new content as inputs",
        )
        behaviours = (
            f"{out} is {data} with one {size} replaced by {new}: that with the number {sel}, {counted}. Number 0 is {first}, number 1 is {second}.",
            f"Take the vector {data} as {count} {size}s. Copy it to {out}, but put {new} in place {sel}, where place 0 is {first} and place 1 is {second}.",
            f"Insert {new} into {data} at the {size} number {sel} ({counted}, beginning with {first}) and give the whole vector on {out}.",
        )
    else:
        nouns = (
            f"{article(f'{count}-to-1')} multiplexer of {size}s that are packed into {vector}, {counted}",
            f"a circuit that picks one {size} out of {vector} by {article(f'{select}-bit')} index {counted}",
            f"a selector with {vector} of {count} {size}s as input, whose index is {counted}",
        )
        behaviours = (
            f"{data} holds {count} {size}s. Give the one with the number {sel} on {out}: 0 selects {first}, 1 selects {second} and so on.",
            f"{out} is the {size} of {data} whose number is {sel}, {counted} (number 0 is {first}).",
            f"Treat {data} as an array of {count} {size}s in one vector and use {sel} as the index into it, so that index 0 means {first} and index 1 means {second}. The {size} appears on {out}.",
        )
    top = f", {'bit' if width == 1 else 'word'} 0 at the top" if kind == "from_top" else ""
    styles = _REPLACING if kind == "replace" else _PICKING
    code = _Packed(data, sel, new, out, width, count, kind == "from_top")
    style = styled(rng, [style for style in styles if width > 1 or style not in _FOR_WORDS])
    written = style(code)
    mistakes = (replace(code, sel=f"({sel} ^ {select}'d1)"), replace(code, moved="~"))
    return Design(
        key=(width, select, kind),
        name=pick("packed_mux", "word_select", "vector_mux", "top_module"),
        ports=(
            Port(data, "input", total, f"{count} {size}s in a row"),
            Port(sel, "input", select, f"the number of the {size}, {counted}"),
            *([Port(new, "input", width, f"the new {size}")] if kind == "replace" else []),
            Port(
                out,
                "output",
                total if kind == "replace" else width,
                "the vector with the new content" if kind == "replace" else f"the selected {size}",
            ),
        ),
        registers=written.registers,
        nouns=nouns,
        behaviours=behaviours,
        briefs=(
            f"circuit that replaces one {size} of {vector} by its index",
            f"insertion of {article(size)} into {vector} by its index",
        )
        if kind == "replace"
        else (
            f"{count}-to-1 multiplexer for {size}s packed in one vector{top}",
            f"{count}-to-1 mux with {vector} as input{top}",
            f"selector of one {size} out of {vector}{top}",
            f"mux that picks one of {count} {size}s in {vector}{top}",
        ),
        body=written.body,
        model=Combinational(function),
        bugs=tuple((written.body, style(wrong).body) for wrong in mistakes),
        stimulus={data: lambda r: r.getrandbits(total)},
    )


@dataclass(frozen=True, slots=True)
class _Packed:
    """A vector of words, of which a style gives or replaces one."""

    data: str
    sel: str
    new: str  # the word that replaces one
    out: str
    width: int  # of a word
    count: int  # of the words
    from_top: bool
    moved: str = ""  # "~" by mistake: what is moved is inverted

    @property
    def total(self) -> int:
        return self.width * self.count

    @property
    def place(self) -> str:
        """The lowest bit of the selected word."""
        if self.from_top:
            number = f"{self.count - 1} - {self.sel}"
            return f"({number}) * {self.width}" if self.width > 1 else number
        zeros = self.width.bit_length() - 1
        if self.width != 1 << zeros:
            return f"{self.sel} * {self.width}"
        return f"{{{self.sel}, {zeros}'b{0:0{zeros}b}}}" if zeros else self.sel

    def word(self, vector: str, place: str) -> str:
        return f"{vector}[{place} +: {self.width}]" if self.width > 1 else f"{vector}[{place}]"

    def numbered(self, vector: str) -> str:
        """The word number i, for a loop."""
        number = f"({self.count - 1} - i)" if self.from_top else "i"
        return self.word(vector, f"{number} * {self.width}" if self.width > 1 else number.strip("()"))

    @property
    def position(self) -> str:
        """A declaration of the place."""
        return f"    wire {bits((self.total - 1).bit_length())}first_bit = {self.place};"


def _indexed(code: _Packed) -> Written:
    return Written(f"    assign {code.out} = {code.moved}{code.word(code.data, code.place)};")


def _from_position(code: _Packed) -> Written:
    return Written(f"{code.position}\n\n    assign {code.out} = {code.moved}{code.word(code.data, 'first_bit')};")


def _from_array(code: _Packed) -> Written:
    """The words as an array of wires, of which one is taken."""
    loop = each_bit(f"assign words[i] = {code.moved}{code.numbered(code.data)};", 0, code.count, "unpack")
    array = f"    wire {bits(code.width)}words [0:{code.count - 1}];"
    return Written(f"{array}\n\n{loop}\n\n    assign {code.out} = words[{code.sel}];")


def _shifted_down(code: _Packed) -> Written:
    low = f"[{code.width - 1}:0]" if code.width > 1 else "[0]"
    wire = f"    wire [{code.total - 1}:0] shifted = {code.data} >> {_grouped(code.place)};"
    return Written(f"{wire}\n\n    assign {code.out} = {code.moved}shifted{low};")


def _grouped(code: str) -> str:
    return f"({code})" if " " in code and code[0] != "{" else code


def _searched(code: _Packed) -> Written:
    """A loop that compares the number of each word."""
    step = f"if ({code.sel} == i)\n    {code.out} = {code.moved}{code.numbered(code.data)};"
    start = f"        {code.out} = {code.width}'d0;\n"
    block = always(start + counting(step, 0, code.count))
    return Written(f"    integer i;\n\n{block}", registers=frozenset({code.out}))


def _overwritten(code: _Packed) -> Written:
    lines = (f"{code.out} = {code.data};", f"{code.word(code.out, code.place)} = {code.moved}{code.new};")
    block = always("\n".join(f"        {line}" for line in lines))
    return Written(block, registers=frozenset({code.out}))


def _chosen_word(code: _Packed) -> str:
    return f"{code.numbered(code.out)} = ({code.sel} == i) ? {code.moved}{code.new} : {code.numbered(code.data)};"


def _word_by_word(code: _Packed) -> Written:
    block = always(counting(_chosen_word(code), 0, code.count))
    return Written(f"    integer i;\n\n{block}", registers=frozenset({code.out}))


def _each_word(code: _Packed) -> Written:
    return Written(each_bit(f"assign {_chosen_word(code)}", 0, code.count, "each_word"))


def _through_window(code: _Packed) -> Written:
    """The bits of the word cleared by a mask, and the new ones put there."""
    vector = f"[{code.total - 1}:0]"
    return Written(f"""{code.position}
    wire {vector} window = {{{code.width}{{1'b1}}}} << first_bit;
    wire {vector} inserted = {code.new} << first_bit;

    assign {code.out} = ({code.data} & ~window) | {code.moved}inserted;""")


_PICKING = (_indexed, _indexed, _from_position, _from_array, _shifted_down, _searched)
_REPLACING = (_overwritten, _overwritten, _word_by_word, _each_word, _through_window)
_FOR_WORDS = (_from_position, _from_array, _through_window)  # pointless for single bits


@family("selection")
def control_table(rng: random.Random, pick: Pick) -> Design:
    """Several one-bit outputs, each high for some listed values of a code and low for all others."""
    width, count = rng.choice([3, 4, 4, 8, 8, 16]), rng.randint(2, 5)
    codes = rng.sample(range(1 << width), rng.randint(count, count + 2))
    while True:
        owners = [rng.sample(range(count), rng.choice([1, 1, 2])) for _ in codes]
        if {i for group in owners for i in group} == set(range(count)):
            break
    code = pick("code", "opcode", "cmd")
    outs = pick("left right up down fire", "load store add jump halt", "y0 y1 y2 y3 y4").split()[:count]
    enabled, en = rng.random() < 0.35, pick("en", "valid", "enable")
    digits = -(-width // 4)
    labels = [f"{width}'h{value:0{digits}x}" for value in codes]

    def function(values: Values) -> dict[str, int]:
        active = values[code] in codes and not (enabled and not values[en])
        group = owners[codes.index(values[code])] if active else []
        return {out: int(i in group) for i, out in enumerate(outs)}

    drives = [listing([outs[i] for i in sorted(group)]) for group in owners]
    table = "; ".join(f"{label}: {drive}" for label, drive in zip(labels, drives, strict=True))
    by_output = [[label for label, group in zip(labels, owners, strict=True) if i in group] for i in range(count)]
    told = "; ".join(f"{out} for {', '.join(found)}" for out, found in zip(outs, by_output, strict=True))
    guard = f" while {en} is high" if enabled else ""
    off = f" With {en} low all outputs are 0." if enabled else ""
    rows = "\n".join(
        f"            {label}: begin " + " ".join(f"{outs[i]} = 1'b1;" for i in sorted(group)) + " end"
        for label, group in zip(labels, owners, strict=True)
    )
    clear = "\n".join(f"        {out} = 1'b0;" for out in outs)
    case = f"        case ({code})\n{rows}\n            default: ;\n        endcase"
    body = always(f"{clear}\n{f'        if ({en})' + chr(10) if enabled else ''}{case}")
    by_code = ", ".join(
        f"{out} = {' or '.join(f'({code} == {x})' for x in found)}" for out, found in zip(outs, by_output, strict=True)
    )
    noun_guard = f", all forced to 0 unless the enable {en} is high" if enabled else ""
    first = f"{labels[0]}: begin {outs[min(owners[0])]} = 1'b1;"
    return Design(
        key=(width, tuple(sorted(zip(codes, map(tuple, map(sorted, owners)), strict=True))), count, enabled),
        name=pick("control_table", "control_decoder", "command_decode", "top_module"),
        ports=(
            Port(code, "input", width, "the code"),
            *([Port(en, "input", 1, "the enable")] if enabled else []),
            *(
                Port(out, "output", 1, f"high for {', '.join(found)}")
                for out, found in zip(outs, by_output, strict=True)
            ),
        ),
        registers=frozenset(outs),
        nouns=(
            f"a decoder of the {width}-bit {code} with the outputs {listing(outs)}, high for these codes and otherwise low: {told}{noun_guard}",
            f"a combinational control unit that sets, by the {width}-bit input {code}, these of its outputs {listing(outs)}: {table}; all others are 0{noun_guard}",
            f"a circuit with the {width}-bit input {code} and the equations {by_code}{noun_guard}",
        ),
        behaviours=(
            f"The outputs are 0 except for these values of {code}, which set the outputs named{guard}: {table}.{off}",
            f"Decode {code}{guard}. Each output is high for its own codes and low for all others: {told}.{off}",
            f"Use a case statement on {code} with every output 0 by default, so that no latch is made. {' '.join(f'{label} sets {drive}.' for label, drive in zip(labels, drives, strict=True))}{off}",
        ),
        body=body,
        model=Combinational(function),
        bugs=((first, first.replace("1'b1", "1'b0")), (f"        {outs[0]} = 1'b0;", f"        {outs[0]} = 1'b1;")),
        stimulus={
            code: lambda r: r.choice(codes) if r.random() < 0.7 else r.getrandbits(width),
            **({en: likely(0.75)} if enabled else {}),
        },
    )


_TWO: dict[str, tuple[str, Callable[[int, int], int]]] = {
    "AND": ("&", lambda a, b: a & b),
    "OR": ("|", lambda a, b: a | b),
    "XOR": ("^", lambda a, b: a ^ b),
    "sum modulo 2^{w}": ("+", lambda a, b: a + b),
    "difference (first minus second) modulo 2^{w}": ("-", lambda a, b: a - b),
}


@family("selection")
def side_by_side(rng: random.Random, pick: Pick) -> Design:
    """One function written as an assignment, as a combinational block and as a clocked block, or two of these."""
    width, (what, (symbol, rule)) = rng.choice([1, 1, 4, 8, 8, 16]), rng.choice(list(_TWO.items()))
    if width == 1 and symbol in "+-":
        what, (symbol, rule) = "XOR", _TWO["XOR"]
    inverted = rng.random() < 0.3
    styles = sorted(rng.sample(["assign", "comb", "clocked"], rng.choice([2, 3, 3])))
    if "clocked" not in styles:
        styles = ["assign", "clocked"]
    falling = rng.random() < 0.3  # a further register that samples the one before
    a, b, clk = *pick("a b", "in1 in2", "x y").split(), pick("clk", "clock")
    prefix = pick("out", "q", "res")
    names = {style: f"{prefix}_{style}" for style in styles}
    later = f"{prefix}_late"
    code = f"~({a} {symbol} {b})" if inverted else f"{a} {symbol} {b}"

    def value(values: Values) -> int:
        return (rule(values[a], values[b]) ^ (-1 if inverted else 0)) & mask(width)

    State = tuple[int | None, int | None]

    def outputs(state: State, values: Values) -> dict[str, int | None]:
        now = {name: state[0] if style == "clocked" else value(values) for style, name in names.items()}
        return {**now, later: state[1]} if falling else now

    registered = names["clocked"]
    size = "one-bit" if width == 1 else f"{width}-bit"
    text = f"the {'inverse of the ' if inverted else ''}{what.format(w=width)} of {a} and {b}"
    ways = {
        "assign": "by a continuous assignment",
        "comb": "by a combinational always block",
        "clocked": f"from a register in an always block at the rising edge of {clk}",
    }
    told = listing([f"{name} {ways[style]}" for style, name in names.items()])
    immediate = listing([name for style, name in names.items() if style != "clocked"])
    extra = (
        f" {later} takes the value that {registered} had before the edge, so that it is one cycle later."
        if falling
        else ""
    )
    more = f", and {later}, which is {registered} delayed by one more clock cycle" if falling else ""
    form = styled(rng, ["plain", "function", "bits"] if width > 1 and symbol in "&|^" else ["plain", "function"])
    written = _SideBySide(names, later if falling else "", code, (a, b), clk, width, form)
    body = written.body({})
    return Design(
        key=(width, what, inverted, tuple(styles), falling),
        name=pick("side_by_side", "three_ways", "block_styles", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            Port(a, "input", width, "the first operand"),
            Port(b, "input", width, "the second operand"),
            *(
                Port(
                    name,
                    "output",
                    width,
                    "the result of the "
                    + {"assign": "assignment", "comb": "combinational block", "clocked": "clocked block"}[style],
                )
                for style, name in names.items()
            ),
            *([Port(later, "output", width, "the registered result, a cycle later")] if falling else []),
        ),
        registers=frozenset(
            [*(name for style, name in names.items() if style != "assign"), *([later] if falling else [])]
        ),
        nouns=(
            f"a module that computes {text} ({size} inputs) on {len(styles)} outputs in different styles: {told}{more}; no reset",
            f"a module with the {size} inputs {a} and {b}, the clock {clk}, and {code} on {told}{more}, without reset",
            f"a circuit that gives {text} ({size}) at once on {immediate} and from a register, clocked by the rising edge of {clk} without reset, on {registered}{more}",
        ),
        behaviours=(
            f"Compute {text}, where all words are {size}: {told}.{extra} There is no reset.",
            f"{listing(list(names.values()))} show the same function, {code}: {immediate} without delay, {registered} from a register that is loaded at every rising edge of {clk} and has no reset.{extra}",
            f"Write {text} in {len(styles)} styles: {told}.{extra} The registers have no reset and are loaded at every edge.",
        ),
        body=body,
        model=Sequential(clk, (None, None), lambda state, values: (value(values), state[0]), outputs),
        bugs=tuple((body, written.body({style: wrong})) for style, wrong in (("clocked", "~"), (styles[0], "first"))),
        cycles=80,
    )


# What the loop of a block counts with. One variable for both would be driven by two blocks.
_INDICES = {"clocked": "i", "comb": "j"}


@dataclass(frozen=True, slots=True)
class _SideBySide:
    """A function of two operands as an assignment, in a combinational block and in a clocked block.

    In the form "function" it is a Verilog function that all call; in the form "bits" the blocks have loops over the bits.
    """

    names: Mapping[str, str]  # of the outputs, by style
    later: str  # a register after the clocked one, "" if there is none
    code: str
    operands: tuple[str, str]
    clk: str
    width: int
    form: str

    def body(self, mistakes: Mapping[str, str]) -> str:
        """The code; a mistake in a style is "~" (inverted) or "first" (the first operand alone)."""
        blocks = [self._block(style, mistakes.get(style, "")) for style in self.names]
        if self.form == "bits":
            blocks.insert(0, f"    integer {', '.join(_INDICES[style] for style in self.names if style in _INDICES)};")
        if self.form == "function":
            vector, (first, second) = bits(self.width), self.operands
            head = f"    function {vector}combined(input {vector}{first}, input {vector}{second});"
            blocks.insert(0, f"{head}\n        combined = {self.code};\n    endfunction")
        return "\n\n".join(blocks)

    def _block(self, style: str, mistake: str) -> str:
        name, code, first = self.names[style], self.code, self.operands[0]
        index = _INDICES.get(style, "") if self.form == "bits" else ""
        if self.form == "function":
            code = f"combined({', '.join(self.operands)})"
        if index:
            name, first = f"{name}[{index}]", f"{first}[{index}]"
            for operand in self.operands:
                code = re.sub(rf"\b{operand}\b", f"{operand}[{index}]", code)
        code = {"": code, "~": f"~({code})", "first": first}[mistake]
        if style == "assign":
            return f"    assign {name} = {code};"
        line = f"{name} {'<=' if style == 'clocked' else '='} {code};"
        lines = [counting(line, 0, self.width, index) if index else f"        {line}"]
        if style == "clocked" and self.later:
            lines.append(f"        {self.later} <= {self.names['clocked']};")
        head = f"    always @({'*' if style == 'comb' else f'posedge {self.clk}'})"
        return f"{head} begin\n{chr(10).join(lines)}\n    end" if len(lines) > 1 or index else f"{head}\n{lines[0]}"


@family("selection")
def thermometer_code(rng: random.Random, pick: Pick) -> Design:
    """A number to a thermometer code, from either end and active high or low, or the code back to the number."""
    size, back = rng.randint(2, 5), rng.random() < 0.35
    width, from_top, active_low = (1 << size) - rng.choice([1, 1, 0]), rng.random() < 0.35, rng.random() < 0.25
    number, code = pick("n", "value", "level"), pick("thermo", "bar", "leds")
    valid = back  # without it, the way back is a population count
    ok = pick("ok", "valid", "good")

    def coded(value: int) -> int:
        word = mask(min(value, width))
        word = word << width - min(value, width) if from_top else word
        return word ^ mask(width) if active_low else word

    codes = [coded(value) for value in range(width + 1)]
    bits_out = width.bit_length()

    def function(values: Values) -> dict[str, int]:
        if not back:
            return {code: coded(values[number])}
        ones = values[code].bit_count()
        return {number: width - ones if active_low else ones, **({ok: int(values[code] in codes)} if valid else {})}

    end, lit, unlit = "most" if from_top else "least", 0 if active_low else 1, 1 if active_low else 0
    inner = f"~({width}'h{mask(width):x} {'>>' if from_top else '<<'} {number})"
    flip = inner[1:] if active_low else inner
    sample = f"{codes[2]:0{width}b}"
    form = f"thermometer code of {width} bits, filled from the {end} significant end with {lit}s"
    if back:
        # A thermometer code has no step but one: the word and its complement plus one share no set bit.
        term = f"~{code}" if active_low else code
        norm = (
            f"{{{', '.join(f'{term}[{i}]' if not active_low else f'~{code}[{i}]' for i in range(width))}}}"
            if from_top
            else term
        )
        loop = f"            {number} = {number} + {'!' if active_low else ''}{code}[i];"
        check = (
            f"    wire {bits(width)}up = {norm};\n    assign {ok} = (up & (up + {width}'d1)) == {width}'d0;\n"
            if valid
            else ""
        )
        body = f"{check}    integer i;\n    always @(*) begin\n        {number} = {bits_out}'d0;\n        for (i = 0; i < {width}; i = i + 1)\n{loop}\n    end"
        count = f"the number of {lit}s"
        tell = (
            f" {ok} is high when {code} is such a code, with no {unlit} among its {lit}s, and low otherwise."
            if valid
            else ""
        )
        with_ok = ", with an output that is high when the input is a proper code" if valid else ""
        nouns = (
            f"a converter of a {form}, to a number of {bits_out} bits, {count} also for other words{with_ok}",
            f"a thermometer-to-binary decoder for {width} bits, where the output is {count} in the input and a proper code has them at the {end} significant end{with_ok}",
            f"a circuit that reads the height of a {form}, as {count} in it{with_ok}",
        )
        behaviours = (
            f"{number} is {count} in the {width}-bit {code}.{tell} The codes are filled from the {end} significant bit: two looks like {sample}.",
            f"Convert the thermometer code {code} to binary. {number} counts its {lit}s, whatever their order.{tell} A proper code has all its {lit}s at the {end} significant end.",
            f"{code} is a bar of {width} bits that grows from the {end} significant end (height 2 is {sample}). Give its height, {count}, on {number}.{tell}",
        )
        bugs: Sequence[tuple[str, str]] = ((f"{number} + ", f"{number} - "), (f"i < {width}", f"i < {width - 1}"))
    else:
        body = f"    assign {code} = {flip};"
        over = f" A number above {width} cannot occur." if mask(size) > width else ""
        nouns = (
            f"a converter of {article(f'{size}-bit')} number to a {form} for the number and {unlit}s for the rest",
            f"a thermometer encoder: of {width} output bits as many are {lit} as the {size}-bit input says, beginning at the {end} significant bit, and the others are {unlit}",
            f"a bar display driver with {article(f'{size}-bit')} level and {width} outputs, of which the {end} significant ones, as many as the level, are {lit} and the rest {unlit}",
        )
        behaviours = (
            f"Of the {width} bits of {code}, the {number} {end} significant ones are {lit} and all others {unlit}: 2 gives {sample}.{over}",
            f"Convert {number} to a thermometer code on {code}. It grows from the {end} significant end with {lit}s; for 0 every bit is {unlit}, and for 2 it is {sample}.{over}",
            f"{code} is a bar of {number} {lit}s, starting at bit {width - 1 if from_top else 0}, and {unlit}s elsewhere.{over}",
        )
        bugs = (
            (f"= {flip};", f"= {inner if active_low else inner[1:]};"),
            (f"{'>>' if from_top else '<<'} {number}", f"{'<<' if from_top else '>>'} {number}"),
        )
    word, digits = (
        Port(code, "output" if not back else "input", width, "the thermometer code"),
        Port(number, "input" if not back else "output", bits_out if back else size, "the number"),
    )
    return Design(
        key=(size, back, width, from_top, active_low, valid),
        name=pick("thermometer", "bar_graph", "level_code", "top_module"),
        ports=(
            *((word, digits) if back else (digits, word)),
            *([Port(ok, "output", 1, "high when the code is proper")] if valid else []),
        ),
        registers=frozenset({number} if back else ()),
        nouns=nouns,
        behaviours=behaviours,
        briefs=()
        if from_top or active_low
        else briefly(
            (
                f"{width}-bit thermometer code to binary converter",
                f"thermometer decoder for {width} bits",
                f"{width}-bit thermometer to binary decoder",
            ),
            "valid output",
        )
        if back
        else (
            f"{size}-bit binary to {width}-bit thermometer code converter",
            f"thermometer encoder from {size} to {width} bits",
            f"bar graph driver for {width} LEDs with {article(f'{size}-bit level')}",
        ),
        body=body,
        model=Combinational(function),
        bugs=tuple(bugs),
        stimulus={code: lambda r: r.choice(codes) if r.random() < 0.4 else r.getrandbits(width)} if back else {},
    )


@family("selection")
def leading_bits(rng: random.Random, pick: Pick) -> Design:
    """The number of equal bits at one end of a word: leading or trailing, zeros or ones."""
    width, leading, ones = (
        rng.choice([4, 5, 6, 7, 8, 8, 10, 12, 16, 16, 24, 32]),
        rng.random() < 0.6,
        rng.random() < 0.3,
    )
    flag = rng.choice(["", "", "all"])
    data, out, all_out = pick("in", "data", "x"), pick("count", "n", "lz"), pick("all_same", "full", "whole")
    size = width.bit_length()
    bit = int(ones)

    def function(values: Values) -> dict[str, int]:
        text = f"{values[data]:0{width}b}"
        text = text if leading else text[::-1]
        count = len(text) - len(text.lstrip(str(bit)))
        return {out: count, **({all_out: int(count == width)} if flag else {})}

    where, start = ("leading", "most") if leading else ("trailing", "least")
    what, other = ("ones", "zero") if ones else ("zeros", "one")
    word = article(f"{width}-bit word")
    tail = f", with an output that tells whether all bits are {bit}" if flag else ""
    tell = f" {all_out} is high when every bit of {data} is {bit}." if flag else ""
    styles = [_last_found, _last_found, _running_count, _from_runs, *([_by_patterns, _chain_of_bits] * (width <= 8))]
    code, style = _Run(data, out, width, leading, ones), styled(rng, styles)
    written = style(code)
    all_same = f"\n\n    assign {all_out} = {'&' if ones else '~|'}{data};" if flag else ""
    return Design(
        key=(width, leading, ones, flag),
        name=pick(f"{where}_{what}", "count_leading" if leading else "count_trailing", "bit_scan", "top_module"),
        ports=(
            Port(data, "input", width, "the word"),
            Port(out, "output", size, f"the number of {where} {what}"),
            *([Port(all_out, "output", 1, f"high when all bits are {bit}")] if flag else []),
        ),
        registers=written.registers,
        nouns=(
            f"a counter of the {where} {what} of {word}, combinational, from 0 to {width}{tail}",
            f"a combinational circuit that tells in {size} bits how many {what} {word} has before its first {other}, seen from the {start} significant bit{tail}",
            f"a circuit that measures the run of {what} at the {start} significant end of {word}, {width} if there is no {other}{tail}",
        ),
        behaviours=(
            f"Count the {where} {what} of {data} and put their number on {out}. It is {width} when {data} has no {other}.{tell}",
            f"Beginning at the {start} significant bit of {data}, {out} is the number of bits that are {bit} before the first one that is {1 - bit}, or {width} if all are {bit}.{tell}",
            f"{out} tells how long the run of {what} at the {start} significant end of the {width}-bit {data} is (0 to {width}).{tell}",
        ),
        briefs=briefly(
            (
                f"{width}-bit {where} {what[:-1]} counter",
                f"{where} {what[:-1]} count of {word}",
                f"counter of the {where} {what} of {word}",
            ),
            f"an output for all {what}" if flag else "",
        ),
        body=written.body + all_same,
        model=Combinational(function),
        bugs=(
            (written.body, style(replace(code, leading=not leading)).body),
            (written.body, style(replace(code, ones=not ones)).body),
        ),
        # Runs of every length.
        stimulus={data: lambda r: _run_of(r, width, bit, leading)},
    )


def _run_of(rng: random.Random, width: int, bit: int, leading: bool) -> int:
    length = rng.randint(0, width)
    text = str(bit) * length + (str(1 - bit) if length < width else "")
    text += "".join(rng.choice("01") for _ in range(width - len(text)))
    return int(text if leading else text[::-1], 2)


@dataclass(frozen=True, slots=True)
class _Run:
    """A word whose run of equal bits at one end a style counts."""

    data: str
    out: str
    width: int
    leading: bool
    ones: bool

    @property
    def size(self) -> int:
        return self.width.bit_length()

    def ends(self, place: str) -> str:
        """The test whether the bit at this place ends the run."""
        return f"{'!' if self.ones else ''}{self.data}[{place}]"

    def nth(self, number: str) -> str:
        """The place of the bit with this number, counted from the end at which the run begins."""
        return f"{self.width - 1} - {number}" if self.leading else number


def _last_found(code: _Run) -> Written:
    """A loop towards the end that is counted from, as the last assignment counts."""
    top = code.width - 1
    loop = f"i = 0; i < {code.width}; i = i + 1" if code.leading else f"i = {top}; i >= 0; i = i - 1"
    body = f"""    integer i;
    always @(*) begin
        {code.out} = {code.size}'d{code.width};
        for ({loop})
            if ({code.ends("i")})
                {code.out} = {code.nth("i")};
    end"""
    return Written(body, registers=frozenset({code.out}))


def _running_count(code: _Run) -> Written:
    """A loop from that end, which counts as long as the run goes on."""
    step = f"if ({code.ends(code.nth('i'))})\n    in_run = 1'b0;\nif (in_run)\n    {code.out} = {code.out} + {code.size}'d1;"
    start = f"        in_run = 1'b1;\n        {code.out} = {code.size}'d0;\n"
    block = always(start + counting(step, 0, code.width))
    return Written(f"    integer i;\n    reg in_run;\n\n{block}", registers=frozenset({code.out}))


def _from_runs(code: _Run) -> Written:
    """For each bit whether it belongs to the run, and the number of these."""
    sign = "" if code.ones else "~"
    first = code.width - 1 if code.leading else 0
    before, span = ("i + 1", (0, code.width - 1)) if code.leading else ("i - 1", (1, code.width))
    chain = each_bit(f"assign in_run[i] = in_run[{before}] & {sign}{code.data}[i];", *span, "run")
    step = counting(f"{code.out} = {code.out} + in_run[k];", 0, code.width, "k")
    total = always(f"        {code.out} = {code.size}'d0;\n{step}")
    body = f"""    wire [{code.width - 1}:0] in_run;
    integer k;

    assign in_run[{first}] = {sign}{code.data}[{first}];

{chain}

{total}"""
    return Written(body, registers=frozenset({code.out}))


def _by_patterns(code: _Run) -> Written:
    """A casez statement with a pattern for each length of the run."""
    rows = []
    for length in range(code.width):
        pattern = str(int(code.ones)) * length + str(1 - code.ones) + "?" * (code.width - length - 1)
        rows.append((f"{code.width}'b{pattern if code.leading else pattern[::-1]}", f"{code.size}'d{length}"))
    text = case_statement(code.data, code.out, rows, f"{code.size}'d{code.width}")
    return Written(always(text.replace("case (", "casez (", 1)), registers=frozenset({code.out}))


def _chain_of_bits(code: _Run) -> Written:
    """One conditional expression that asks bit by bit."""
    places = range(code.width - 1, -1, -1) if code.leading else range(code.width)
    links = [f"{code.ends(str(place))} ? {code.size}'d{length} :" for length, place in enumerate(places)]
    lines = f"\n{' ' * 8}".join([*links, f"{code.size}'d{code.width};"])
    return Written(f"    assign {code.out} =\n        {lines}")

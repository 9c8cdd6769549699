"""Families that compute: adders, subtractors, multipliers, comparisons of numbers."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable

from rtlscribe.designs.arithmetic_code import SIGNS, Sum, product_code, relation_code, sum_code
from rtlscribe.designs.base import Combinational, Design, Pick, Port, Values, article, listing, mask
from rtlscribe.designs.families import family
from rtlscribe.designs.parts import briefly, collide, operand_names, signed


def _inputs(width: int, *names: str) -> tuple[Port, ...]:
    ordinals = ("first", "second", "third")
    return tuple(Port(name, "input", width, f"the {ordinals[i]} operand") for i, name in enumerate(names))


def _reader(width: int, is_signed: bool) -> Callable[[int], int]:
    """How a word is read as a number."""
    return (lambda word: signed(word, width)) if is_signed else (lambda word: word)


def _overflows(exact: int, width: int) -> int:
    """1 if the number has no two's complement word of that width."""
    return int(not -(1 << (width - 1)) <= exact < 1 << (width - 1))


def _flag_sentences(flag: str, name: str, width: int) -> tuple[str, str, str]:
    """Three ways to say what a flag of an adder or subtractor means; empty without a flag."""
    if flag == "carry":
        return (
            f" {name} is the carry out of the most significant bit.",
            f" {name} is 1 exactly when the unsigned sum needs more than {width} bits.",
            f" Bit {width} of the full result goes to {name}.",
        )
    if flag == "borrow":
        return (
            f" {name} is the borrow out of the most significant bit.",
            f" {name} is 1 exactly when the true unsigned result is negative.",
            f" A result below zero wraps around and sets {name} to 1; otherwise {name} is 0.",
        )
    if flag == "overflow":
        return (
            f" {name} is 1 when the operands are read as two's complement numbers and the result does not fit"
            f" in {width} bits, and 0 otherwise.",
            f" The flag {name} reports signed overflow.",
            f" Signed (two's complement) overflow sets {name} to 1; otherwise {name} is 0.",
        )
    if flag == "zero":
        return (
            f" {name} is 1 when the result is zero, and 0 otherwise.",
            f" The flag {name} is high if and only if all bits of the result are 0.",
            f" A result of zero sets {name} to 1; otherwise {name} is 0.",
        )
    return ("", "", "")


def _flag_port(flag: str, name: str) -> tuple[Port, ...]:
    meanings = {
        "carry": "the carry out",
        "borrow": "the borrow out",
        "overflow": "the signed overflow flag",
        "zero": "1 if the result is zero",
    }
    return (Port(name, "output", 1, meanings[flag]),) if flag in meanings else ()


@family("arithmetic")
def adder(rng: random.Random, pick: Pick) -> Design:
    """A W-bit adder with or without a carry in, and with a carry out, a signed overflow flag or neither."""
    width, carry_in, flag = rng.randint(2, 32), rng.random() < 0.5, rng.choice(["none", "carry", "overflow"])
    a, b = operand_names(pick)
    out, cin = pick("sum", "s", "result"), pick("cin", "carry_in", "ci")
    extra = pick("cout", "carry_out", "co") if flag == "carry" else pick("overflow", "ovf", "v")

    def function(values: Values) -> dict[str, int]:
        carry = values[cin] if carry_in else 0
        exact = values[a] + values[b] + carry
        found = {out: exact & mask(width)}
        if flag == "carry":
            found[extra] = exact >> width
        if flag == "overflow":
            found[extra] = _overflows(signed(values[a], width) + signed(values[b], width) + carry, width)
        return found

    terms = f"{a} + {b}{f' + {cin}' if carry_in else ''}"
    ending = {"none": "no carry output", "carry": "a carry output", "overflow": "a signed overflow flag"}[flag]
    features = listing([*(["a carry input"] if carry_in else []), ending])
    given = f"two {width}-bit numbers{' and a carry input' if carry_in else ''}"
    size = article(f"{width}-bit")
    giving = {"none": f"{size} sum without carry", "carry": f"{size} sum and a carry output"}
    result = giving.get(flag, f"{size} sum and a flag for signed overflow")
    plus = f" and the carry in {cin}" if carry_in else ""
    addends = f"{a}, {b}{plus}" if carry_in else f"{a} and {b}"
    says = _flag_sentences(flag, extra, width)
    name = pick("adder", "add", f"adder{width}", "top_module")
    code = sum_code(rng, Sum(False, width, a, b, cin if carry_in else "", out, extra, flag))
    nouns = (f"{width}-bit adder", f"adder for two {width}-bit numbers")
    usual = {("carry", False): nouns, ("carry", True): (f"{width}-bit full adder",)}.get((flag, carry_in), ())
    return Design(
        key=(width, carry_in, flag),
        name=name,
        ports=(
            *_inputs(width, a, b),
            *([Port(cin, "input", 1, "the carry in")] if carry_in else []),
            Port(out, "output", width, "the sum"),
            *_flag_port(flag, extra),
        ),
        nouns=(
            f"{size} adder with {features}",
            f"an adder of {given} that gives {result}",
            f"a combinational circuit that adds {given} and outputs {result}",
        ),
        behaviours=(
            f"Add the {width}-bit numbers {a} and {b}{plus}. {out} is the low {width} bits of {terms}.{says[0]}",
            f"The output {out} equals {terms} modulo 2^{width}.{says[1]}",
            f"This is {size} adder: the sum of {addends} appears on {out}.{says[2]}",
        ),
        body=code.body,
        model=Combinational(function),
        bugs=code.bugs,
        registers=code.registers,
        briefs=usual + briefly(nouns, "carry in" if carry_in else "", ending.removeprefix("a ").removesuffix("put")),
    )


@family("arithmetic")
def subtractor(rng: random.Random, pick: Pick) -> Design:
    """A W-bit subtractor with or without a borrow in, and with a borrow out, a signed overflow flag or neither."""
    width, borrow_in, flag = rng.randint(2, 32), rng.random() < 0.5, rng.choice(["none", "borrow", "overflow"])
    a, b = operand_names(pick)
    out, bin_ = pick("diff", "difference", "result"), pick("bin", "borrow_in", "bi")
    extra = pick("bout", "borrow_out", "bo") if flag == "borrow" else pick("overflow", "ovf", "v")

    def function(values: Values) -> dict[str, int]:
        borrow = values[bin_] if borrow_in else 0
        exact = values[a] - values[b] - borrow
        found = {out: exact % (1 << width)}
        if flag == "borrow":
            found[extra] = int(exact < 0)
        if flag == "overflow":
            found[extra] = _overflows(signed(values[a], width) - signed(values[b], width) - borrow, width)
        return found

    terms = f"{a} - {b}{f' - {bin_}' if borrow_in else ''}"
    ending = {"none": "no borrow output", "borrow": "a borrow output", "overflow": "a signed overflow flag"}[flag]
    features = listing([*(["a borrow input"] if borrow_in else []), ending])
    and_also = {
        "none": "",
        "borrow": " and tells whether a borrow is needed",
        "overflow": " and flags signed overflow",
    }[flag]
    less = " and a borrow input" if borrow_in else ""
    minus = f" and the borrow in {bin_}" if borrow_in else ""
    size = article(f"{width}-bit")
    says = _flag_sentences(flag, extra, width)
    name = pick("subtractor", "sub", f"subtractor{width}", "top_module")
    code = sum_code(rng, Sum(True, width, a, b, bin_ if borrow_in else "", out, extra, flag))
    nouns = (f"{width}-bit subtractor", f"subtractor for two {width}-bit numbers")
    usual = {("borrow", False): nouns, ("borrow", True): (f"{width}-bit full subtractor",)}.get((flag, borrow_in), ())
    return Design(
        key=(width, borrow_in, flag),
        name=name,
        ports=(
            *_inputs(width, a, b),
            *([Port(bin_, "input", 1, "the borrow in")] if borrow_in else []),
            Port(out, "output", width, "the difference"),
            *_flag_port(flag, extra),
        ),
        nouns=(
            f"{size} subtractor (first operand minus second) with {features}",
            f"a subtractor that takes the second {width}-bit operand{less} from the first{and_also}",
            f"a combinational circuit for the {width}-bit difference of two numbers, the first minus the second, "
            f"with {features}",
        ),
        behaviours=(
            f"Subtract {b}{minus} from {a}. {out} is the {width}-bit difference, which wraps around below "
            f"zero.{says[0]}",
            f"The output {out} equals {terms} modulo 2^{width}.{says[1]}",
            f"This is {size} subtractor: {out} is what remains of {a} when {b}{minus} "
            f"{'are' if borrow_in else 'is'} taken away, "
            f"modulo 2^{width}.{says[2]}",
        ),
        body=code.body,
        model=Combinational(function),
        bugs=code.bugs,
        registers=code.registers,
        briefs=usual + briefly(nouns, "borrow in" if borrow_in else "", ending.removeprefix("a ").removesuffix("put")),
    )


@family("arithmetic")
def add_subtract(rng: random.Random, pick: Pick) -> Design:
    """A W-bit adder-subtractor with a mode input of either polarity and optionally a zero or overflow flag."""
    width, high_adds, flag = rng.randint(2, 32), rng.random() < 0.5, rng.choice(["none", "zero", "overflow"])
    a, b = operand_names(pick)
    mode = pick("add", "mode", "op") if high_adds else pick("sub", "mode", "op")
    out, extra = pick("result", "out", "r"), "zero" if flag == "zero" else pick("overflow", "ovf")
    top = width - 1

    def function(values: Values) -> dict[str, int]:
        sign = 1 if bool(values[mode]) == high_adds else -1
        found = {out: (values[a] + sign * values[b]) % (1 << width)}
        if flag == "zero":
            found[extra] = int(found[out] == 0)
        if flag == "overflow":
            found[extra] = _overflows(signed(values[a], width) + sign * signed(values[b], width), width)
        return found

    high, low = (f"{a} + {b}", f"{a} - {b}") if high_adds else (f"{a} - {b}", f"{a} + {b}")
    body = f"    assign {out} = {mode} ? {high} : {low};"
    if flag == "zero":
        body += f"\n    assign {extra} = {out} == {width}'d0;"
    if flag == "overflow":
        same, differ = f"{a}[{top}] == {b}[{top}]", f"{a}[{top}] != {b}[{top}]"
        if_high, if_low = (same, differ) if high_adds else (differ, same)
        body += f"\n    assign {extra} = ({mode} ? {if_high} : {if_low}) && ({out}[{top}] != {a}[{top}]);"
    size = f"{width}-bit"
    does, otherwise = ("adds", "subtracts") if high_adds else ("subtracts", "adds")
    with_flag = {"none": "", "zero": ", with a zero flag", "overflow": ", with a signed overflow flag"}[flag]
    says = _flag_sentences(flag, extra, width)
    bugs = [(f"? {high} : {low}", f"? {low} : {high}"), (f"{a} - {b}", f"{b} - {a}")]
    if flag == "zero":
        bugs.append((f"== {width}'d0", f"!= {width}'d0"))
    if flag == "overflow":
        bugs.append((f"({out}[{top}] !=", f"({out}[{top}] =="))
    told = " (1 adds, 0 subtracts)" if high_adds else ""  # to subtract at 1 is the custom
    return Design(
        key=(width, high_adds, flag),
        name=pick("add_sub", "adder_subtractor", "addsub", "top_module"),
        ports=(
            *_inputs(width, a, b),
            Port(mode, "input", 1, f"the mode: 1 {does}, 0 {otherwise}"),
            Port(out, "output", width, "the result"),
            *_flag_port(flag, extra),
        ),
        nouns=(
            f"{article(size)} adder-subtractor that {does} when its mode input is 1 and {otherwise} when it is "
            f"0{with_flag}",
            f"a circuit with a mode bit that either {does} (1) or {otherwise} (0) two {size} numbers{with_flag}",
            f"{article(size)} arithmetic unit: mode 1 {does} the second operand, mode 0 {otherwise} it{with_flag}",
        ),
        behaviours=(
            f"When {mode} is 1, {out} is {high}; when {mode} is 0, {out} is {low}. Results wrap modulo "
            f"2^{width}.{says[0]}",
            f"{mode} selects the operation: {out} = {high} if it is high and {out} = {low} if it is low, "
            f"keeping {width} bits.{says[1]}",
            f"Compute both the sum and the difference ({a} minus {b}) of two {size} numbers and give one of them "
            f"on {out}: "
            f"the {'sum' if high_adds else 'difference'} if {mode} is 1, the "
            f"{'difference' if high_adds else 'sum'} if it is 0."
            f"{says[2]}",
        ),
        body=body,
        model=Combinational(function),
        bugs=tuple(bugs),
        stimulus={a: collide(width), b: collide(width)} if flag == "zero" else {},
        briefs=briefly(
            [f"{size} {noun}{told}" for noun in ("adder-subtractor", "adder/subtractor", "add-subtract unit")],
            with_flag.removeprefix(", with a "),
        ),
    )


@family("arithmetic")
def multiplier(rng: random.Random, pick: Pick) -> Design:
    """A multiplier of a W-bit and a V-bit number, unsigned or signed, with the full product."""
    is_signed, wide = rng.random() < 0.5, rng.randint(2, 16)
    narrow = wide if rng.random() < 0.4 else rng.randint(2, 16)
    whole = wide + narrow
    a, b = operand_names(pick)
    out = pick("product", "p", "out")

    def function(values: Values) -> dict[str, int]:
        left, right = _reader(wide, is_signed)(values[a]), _reader(narrow, is_signed)(values[b])
        return {out: (left * right) % (1 << whole)}

    name = pick("multiplier", "mult", "mul", "top_module")
    code = product_code(rng, (a, b), (wide, narrow), out, is_signed=is_signed)
    kind, sign = ("signed", "signed ") if is_signed else ("unsigned", "")
    numbers = "two's complement" if is_signed else "unsigned"
    pair = (
        f"two {kind} {wide}-bit numbers"
        if wide == narrow
        else f"{article(kind)} {wide}-bit number and {article(kind)} {narrow}-bit number"
    )
    return Design(
        key=(is_signed, wide, narrow),
        name=name,
        ports=(
            Port(a, "input", wide, f"the {wide}-bit factor" if wide != narrow else "the first factor"),
            Port(b, "input", narrow, f"the {narrow}-bit factor" if wide != narrow else "the second factor"),
            Port(out, "output", whole, "the product"),
        ),
        nouns=(
            f"{article(kind)} {wide}-bit by {narrow}-bit multiplier with {article(f'{whole}-bit')} product",
            f"a combinational multiplier that gives the full {whole}-bit product of {pair}",
            f"a circuit that multiplies {pair} into a product of {whole} bits",
        ),
        behaviours=(
            f"Multiply {a} ({wide} bits) by {b} ({narrow} bits). Both are {numbers} numbers, "
            f"and {out} is the exact {whole}-bit product.",
            f"{out} is {a} times {b}, where all three are {numbers} numbers. "
            f"The product is {whole} bits wide, so nothing is lost.",
            f"Treat {a} and {b} as {numbers} values and put their full product on the {whole}-bit output {out}. "
            "The circuit is combinational.",
        ),
        body=code.body,
        model=Combinational(function),
        bugs=code.bugs,
        briefs=(
            *((f"{wide}-bit {sign}multiplier",) if wide == narrow else ()),
            f"{sign}{wide}x{narrow} multiplier",
            f"{wide}-bit by {narrow}-bit {sign}multiplier",
            f"multiplier of {wide}-bit by {narrow}-bit {sign}numbers",
        ),
    )


# Name: the usual port names, in words, as an adjective.
_RELATIONS: dict[str, tuple[tuple[str, str], str, str]] = {
    "lt": (("lt", "less"), "less than", "less-than"),
    "eq": (("eq", "equal"), "equal to", "equal"),
    "gt": (("gt", "greater"), "greater than", "greater-than"),
    "le": (("le", "less_equal"), "less than or equal to", "less-or-equal"),
    "ge": (("ge", "greater_equal"), "greater than or equal to", "greater-or-equal"),
    "ne": (("ne", "not_equal"), "not equal to", "not-equal"),
}
_HOLDS: dict[str, Callable[[int, int], bool]] = {name: getattr(operator, name) for name in _RELATIONS}
_RELATION_SETS = (("lt", "eq", "gt"), ("lt", "eq"), ("eq", "gt"), ("lt", "gt"), *((name,) for name in _RELATIONS))


@family("arithmetic")
def comparator(rng: random.Random, pick: Pick) -> Design:
    """A W-bit comparator, signed or unsigned, with some of the outputs less, equal, greater, or one relation."""
    width, chosen = rng.randint(2, 32), rng.choice(_RELATION_SETS)
    ordered = chosen not in (("eq",), ("ne",))
    is_signed = ordered and rng.random() < 0.5
    a, b = operand_names(pick)
    outs = {name: pick(*_RELATIONS[name][0]) for name in chosen}
    read = _reader(width, is_signed)

    def function(values: Values) -> dict[str, int]:
        return {out: int(_HOLDS[name](read(values[a]), read(values[b]))) for name, out in outs.items()}

    kind = ("signed " if is_signed else "unsigned ") if ordered else ""
    numbers = ("two's complement" if is_signed else "unsigned") if ordered else ""
    flags = f"{listing([_RELATIONS[n][2] for n in chosen])} output{'s' if len(chosen) > 1 else ''}"
    flags = flags if len(chosen) > 1 else article(flags)
    questions = listing([f"whether it is {_RELATIONS[n][1]} the second" for n in chosen])
    each = [f"{out} is 1 when {a} is {_RELATIONS[n][1]} {b}" for n, out in outs.items()]
    formulas = [f"{out} = ({a} {SIGNS[n]} {b})" for n, out in outs.items()]
    which = [f"on {out} whether {a} is {_RELATIONS[n][1]} {b}" for n, out in outs.items()]
    reading = f"{a} and {b} are {numbers} {width}-bit numbers" if ordered else f"{a} and {b} are {width}-bit words"
    module = pick("comparator", "compare", "cmp", "top_module")
    code = relation_code(rng, a, b, outs, width, is_signed=is_signed)
    sign, usual = "signed " if is_signed else "", tuple[str, ...]()
    if len(chosen) == 3:
        usual = (f"{width}-bit {sign}comparator", f"{width}-bit {sign}magnitude comparator")
    elif len(chosen) == 1:
        usual = (f"circuit that tells if one {sign}{width}-bit number is {_RELATIONS[chosen[0]][1]} another",)
        usual += (f"{width}-bit equality comparator", f"{width}-bit equality checker") if chosen == ("eq",) else ()
    return Design(
        key=(width, is_signed, chosen),
        name=module,
        ports=(
            *_inputs(width, a, b),
            *(Port(out, "output", 1, f"1 if {a} is {_RELATIONS[n][1]} {b}") for n, out in outs.items()),
        ),
        nouns=(
            f"{article(f'{width}-bit')} {kind}comparator with {flags}",
            f"a circuit that compares two {kind}{width}-bit numbers and has {flags}",
            f"a comparator that tells of the first of two {kind}{width}-bit operands {questions}"
            + (", by one output for each" if len(chosen) > 1 else ""),
        ),
        behaviours=(
            f"{reading}. {listing(each)}; otherwise {'each output' if len(each) > 1 else 'it'} is 0.",
            f"Compare {a} with {b}{f' as {numbers} numbers' if ordered else ''} and report by a 1 {listing(which)}.",
            f"Implement {listing(formulas)} for {f'{numbers} ' if ordered else ''}operands of {width} bits.",
        ),
        body=code.body,
        model=Combinational(function),
        bugs=code.bugs,
        registers=code.registers,
        stimulus={a: collide(width), b: collide(width)},
        briefs=(
            f"{width}-bit {sign}comparator with {flags}",
            f"comparator for two {sign}{width}-bit numbers with {flags}",
            *usual,
        ),
    )


@family("arithmetic")
def minimum_maximum(rng: random.Random, pick: Pick) -> Design:
    """The smaller, the larger or both of two or three numbers of W bits, signed or unsigned."""
    ways, width, is_signed = rng.choice([2, 2, 3]), rng.randint(2, 16), rng.random() < 0.5
    which = rng.choice([("min",), ("max",), ("min", "max")])
    names = pick("a b c", "in1 in2 in3", "op1 op2 op3").split()[:ways]
    outs = {w: pick(w, {"min": "minimum", "max": "maximum"}[w], f"{w}_out") for w in which}
    read = _reader(width, is_signed)

    def function(values: Values) -> dict[str, int]:
        words = sorted((values[name] for name in names), key=read)
        return {out: words[0 if w == "min" else -1] for w, out in outs.items()}

    def compare(sign: str, left: str, right: str) -> str:
        test = f"$signed({left}) {sign} $signed({right})" if is_signed else f"{left} {sign} {right}"
        return f"{test} ? {left} : {right}"

    lines, bugs = [], []
    for w, out in outs.items():
        sign, wrong = ("<", ">") if w == "min" else (">", "<")
        first = compare(sign, names[0], names[1])
        if ways == 2:
            lines.append(f"    assign {out} = {first};")
        else:
            part = f"{w}_ab"
            lines.append(f"    wire [{width - 1}:0] {part};")
            lines.append(f"    assign {part} = {first};")
            lines.append(f"    assign {out} = {compare(sign, part, names[2])};")
        bugs.append((first, first.replace(sign, wrong)))
        bugs.append((lines[-1], lines[-1].replace(sign, wrong)))
    kind, numbers = ("signed", "two's complement") if is_signed else ("unsigned", "unsigned")
    count = "two" if ways == 2 else "three"
    adjectives = {"min": "smallest", "max": "largest"} if ways == 3 else {"min": "smaller", "max": "larger"}
    wanted = listing([f"the {adjectives[w]}" for w in which])
    formal = listing([f"the {'minimum' if w == 'min' else 'maximum'}" for w in which])
    each = listing([f"{out} is the {adjectives[w]}" for w, out in outs.items()])
    outputs = listing([f"on {out} the {adjectives[w]} of them" for w, out in outs.items()])
    assigned = listing([f"{'min' if w == 'min' else 'max'}({', '.join(names)}) to {out}" for w, out in outs.items()])
    sign = "signed " if is_signed else ""
    return Design(
        key=(ways, width, is_signed, which),
        name=pick("find_" + "_".join(which), "top_module"),
        ports=(
            *_inputs(width, *names),
            *(Port(out, "output", width, f"the {adjectives[w]} operand") for w, out in outs.items()),
        ),
        nouns=(
            f"a circuit that outputs {wanted} of {count} {kind} {width}-bit numbers",
            f"a combinational {formal.replace('the ', '')} unit for {count} {kind} operands of {width} bits",
            f"a module that finds {formal} of {count} {width}-bit {numbers} inputs",
        ),
        behaviours=(
            f"{listing(names)} are {numbers} numbers of {width} bits; {each} of the {count}.",
            f"Compare the {kind} {width}-bit inputs {listing(names)} and put {outputs}.",
            f"Assign {assigned}, where the operands are {width}-bit words read as {numbers} numbers.",
        ),
        body="\n".join(lines),
        model=Combinational(function),
        bugs=tuple(bugs),
        briefs=(
            f"circuit for {formal} of {count} {sign}{width}-bit numbers",
            f"{formal.replace('the ', '')} finder for {count} {sign}{width}-bit numbers",
            f"module that gives {wanted} of {count} {sign}{width}-bit inputs",
        ),
    )


@family("arithmetic")
def absolute_difference(rng: random.Random, pick: Pick) -> Design:
    """The distance of two numbers of W bits, unsigned or signed, or the absolute value of one signed number."""
    kind, width = rng.choice(["unsigned", "signed", "absolute"]), rng.randint(2, 32)
    a, b = operand_names(pick)
    alone = pick("a", "x", "num")
    out = pick("y", "abs_value", "out") if kind == "absolute" else pick("diff", "distance", "out")
    read = _reader(width, kind != "unsigned")
    top = width - 1

    def function(values: Values) -> dict[str, int]:
        return {out: abs(read(values[alone])) if kind == "absolute" else abs(read(values[a]) - read(values[b]))}

    size = article(f"{width}-bit")
    if kind == "absolute":
        body = f"    assign {out} = {alone}[{top}] ? -{alone} : {alone};"
        bugs: tuple[tuple[str, str], ...] = (
            (f"? -{alone}", f"? ~{alone}"),
            (f"-{alone} : {alone}", f"{alone} : -{alone}"),
        )
        ports: tuple[Port, ...] = (
            Port(alone, "input", width, "the signed number"),
            Port(out, "output", width, "its absolute value"),
        )
        lowest = f"-{1 << top}"
        nouns = (
            f"a circuit for the absolute value of {size} two's complement number, as an unsigned {width}-bit result",
            f"{size} absolute value unit: negative two's complement inputs are negated, others pass unchanged",
            f"a combinational module that outputs the magnitude of {size} signed number in {width} unsigned bits",
        )
        behaviours = (
            f"{alone} is a two's complement number. {out} is its absolute value, read as an unsigned number of "
            f"{width} bits.",
            f"If the sign bit {alone}[{top}] is 1, {out} is the two's complement negation of {alone}; otherwise "
            f"{out} equals {alone}.",
            f"Output on {out} the magnitude of the signed {width}-bit input {alone}; for the most negative input, "
            f"{lowest}, "
            f"the result is {1 << top} as an unsigned number.",
        )
    else:
        test = f"$signed({a}) > $signed({b})" if kind == "signed" else f"{a} > {b}"
        body = f"    assign {out} = {test} ? {a} - {b} : {b} - {a};"
        other = f"{a} > {b}" if kind == "signed" else f"$signed({a}) > $signed({b})"
        bugs = (
            (f"? {a} - {b} : {b} - {a}", f"? {b} - {a} : {a} - {b}"),
            (f" : {b} - {a}", f" : {a} - {b}"),
            (test, other),
        )
        ports = (*_inputs(width, a, b), Port(out, "output", width, "the absolute difference"))
        numbers = "two's complement" if kind == "signed" else "unsigned"
        nouns = (
            f"a circuit for the absolute difference of two {kind} {width}-bit numbers, as an unsigned {width}-bit "
            "result",
            f"{size} {kind} absolute-difference unit that subtracts the smaller operand from the larger",
            f"a combinational module that outputs, in {width} unsigned bits, how far apart two {kind} {width}-bit "
            "numbers are",
        )
        behaviours = (
            f"{a} and {b} are {numbers} numbers. {out} is the unsigned {width}-bit absolute value of their difference.",
            f"Subtract the smaller of the {kind} numbers {a} and {b} from the larger; the difference, an unsigned "
            f"{width}-bit number, is {out}.",
            f"If {a} is greater than {b} ({kind} comparison), {out} is {a} - {b}; otherwise it is {b} - {a}.",
        )
    sign = "signed " if kind == "signed" else ""
    return Design(
        key=(kind, width),
        name=pick("abs_value", "absolute", "top_module")
        if kind == "absolute"
        else pick("abs_diff", "absdiff", "top_module"),
        ports=ports,
        nouns=nouns,
        behaviours=behaviours,
        body=body,
        model=Combinational(function),
        bugs=bugs,
        briefs=(
            (
                f"{width}-bit absolute value circuit",
                f"circuit for the absolute value of a signed {width}-bit number",
            )
            if kind == "absolute"
            else (
                f"{sign}{width}-bit absolute difference unit",
                f"circuit for the absolute difference of two {sign}{width}-bit numbers",
            )
        ),
    )


@family("arithmetic")
def saturating_adder(rng: random.Random, pick: Pick) -> Design:
    """An unsigned adder whose sum is limited to all ones or to a given constant, with or without a flag."""
    width, flagged = rng.randint(3, 24), rng.random() < 0.5
    limit = mask(width) if rng.random() < 0.3 else rng.randint(1 << (width - 1), mask(width) - 1)
    a, b = operand_names(pick)
    out, flag = pick("sum", "result", "y"), pick("saturated", "sat", "clipped")

    def function(values: Values) -> dict[str, int]:
        exact = values[a] + values[b]
        found = {out: min(exact, limit)}
        if flagged:
            found[flag] = int(exact > limit)
        return found

    over = f"total > {width + 1}'d{limit}"
    body = f"""
    wire [{width}:0] total;
    assign total = {a} + {b};
    assign {out} = {over} ? {width}'d{limit} : total[{width - 1}:0];"""
    if flagged:
        body += f"\n    assign {flag} = {over};"
    size = article(f"{width}-bit")
    greatest = f"{limit} (all ones)" if limit == mask(width) else f"{limit}"
    with_flag = ", with a flag for a sum above that" if flagged else ""
    says = (
        (
            f" {flag} is 1 if the sum was limited, that is if it exceeds {limit}, and 0 otherwise.",
            f" {flag} is high exactly when {a} + {b} is greater than {limit}.",
            f" Meanwhile {flag} tells by a 1 that the exact sum is above {limit}.",
        )
        if flagged
        else ("", "", "")
    )
    return Design(
        key=(width, limit, flagged),
        name=pick("saturating_adder", "sat_add", "top_module"),
        ports=(
            *_inputs(width, a, b),
            Port(out, "output", width, f"the sum, at most {limit}"),
            *([Port(flag, "output", 1, f"1 if the exact sum exceeds {limit}")] if flagged else []),
        ),
        nouns=(
            f"{size} unsigned saturating adder that limits the sum to {greatest}{with_flag}",
            f"an adder of two unsigned {width}-bit numbers whose {width}-bit result saturates at {greatest}{with_flag}",
            f"a circuit that adds two {width}-bit unsigned numbers and clamps the sum to a maximum of "
            f"{greatest}{with_flag}",
        ),
        behaviours=(
            f"Add the unsigned numbers {a} and {b}. If the exact sum is greater than {limit}, {out} is {limit}; "
            f"otherwise {out} is the sum.{says[0]}",
            f"{out} is the smaller of {a} + {b}, computed without overflow, and {greatest}.{says[1]}",
            f"This adder saturates: instead of wrapping around, the sum of the unsigned inputs {a} and {b} never "
            f"goes above {greatest} on the {width}-bit output {out}.{says[2]}",
        ),
        body=body,
        model=Combinational(function),
        bugs=(
            (f"? {width}'d{limit}", f"? {width}'d{limit - 1}"),
            (over, over.replace(">", "<")),
            (f"total = {a} + {b}", f"total = {a} - {b}"),
        ),
        briefs=briefly(
            (
                f"{width}-bit saturating adder",
                f"{width}-bit unsigned saturating adder",
                f"{width}-bit adder with saturation",
            )
            if limit == mask(width)
            else (
                f"{width}-bit adder that saturates at {limit}",
                f"adder for two {width}-bit numbers limited to {limit}",
            ),
            "a saturation flag" if flagged else "",
        ),
    )


@family("arithmetic")
def constant_arithmetic(rng: random.Random, pick: Pick) -> Design:
    """Arithmetic with constants: a * K + C, a * K - C, a + C, a - C, C - a or a * K + b, modulo 2^W."""
    width = rng.randint(4, 16)
    kind = rng.choice(["scale_add", "scale_subtract", "add", "subtract", "from", "scale_two"])
    factor, constant = rng.randint(2, 9), rng.randint(1, min(200, mask(width) - 1))
    a, b = operand_names(pick)
    out = pick("y", "out", "result")

    def function(values: Values) -> dict[str, int]:
        x = values[a]
        exact = {
            "scale_add": factor * x + constant,
            "scale_subtract": factor * x - constant,
            "add": x + constant,
            "subtract": x - constant,
            "from": constant - x,
            "scale_two": factor * x + values.get(b, 0),
        }[kind]
        return {out: exact % (1 << width)}

    k, c = f"{width}'d{factor}", f"{width}'d{constant}"
    # Verilog, the formula with names, and the same in words of one operand.
    code, formula, words = {
        "scale_add": (f"{a} * {k} + {c}", f"{factor} * {a} + {constant}", f"{factor} times its input plus {constant}"),
        "scale_subtract": (
            f"{a} * {k} - {c}",
            f"{factor} * {a} - {constant}",
            f"{factor} times its input minus {constant}",
        ),
        "add": (f"{a} + {c}", f"{a} + {constant}", f"its input plus {constant}"),
        "subtract": (f"{a} - {c}", f"{a} - {constant}", f"its input minus {constant}"),
        "from": (f"{c} - {a}", f"{constant} - {a}", f"{constant} minus its input"),
        "scale_two": (
            f"{a} * {k} + {b}",
            f"{factor} * {a} + {b}",
            f"{factor} times its first input plus its second input",
        ),
    }[kind]
    scaled, two = kind.startswith("scale"), kind == "scale_two"
    # Modulo 2^W, so that a - 9 and a + 7 in four bits, one function, are one key.
    origin = function({a: 0, b: 0})[out]
    coefficients = (origin, (function({a: 1, b: 0})[out] - origin) & mask(width), two)
    steps = {
        "scale_add": f"Multiply {a} by {factor} and add {constant}",
        "scale_subtract": f"Multiply {a} by {factor} and subtract {constant}",
        "add": f"Add the constant {constant} to {a}",
        "subtract": f"Subtract the constant {constant} from {a}",
        "from": f"Subtract {a} from the constant {constant}",
        "scale_two": f"Multiply {a} by {factor} and add {b}",
    }[kind]
    bugs = [(k, f"{width}'d{factor + 1}")] if scaled else []
    if not two:
        bugs.append((c, f"{width}'d{constant + 1}"))
    if scaled:
        bugs.append((f"{a} *", f"{a} +"))
    else:
        bugs.append((code, f"{c} - {a}" if kind == "add" else f"{a} + {width}'d{constant - 1}"))
    size = article(f"{width}-bit")
    operands = _inputs(width, a, b) if two else (Port(a, "input", width, "the operand"),)
    return Design(
        key=(width, *coefficients),
        name=pick("compute", "const_arith", "linear", "top_module"),
        ports=(*operands, Port(out, "output", width, "the result")),
        nouns=(
            f"a combinational circuit that outputs {words}, modulo 2^{width} ({width}-bit "
            f"input{'s' if two else ''} and output)",
            f"{size} arithmetic block whose result is {words}, wrapping at {width} bits",
            f"a module that computes {words} with {width}-bit words and discards any overflow",
        ),
        behaviours=(
            f"{steps}. Give the low {width} bits of this on {out}.",
            f"Implement {out} = {formula}, keeping only the low {width} bits.",
            f"The {width}-bit output {out} always equals {formula}. Overflow and underflow wrap around.",
        ),
        body=f"    assign {out} = {code};",
        model=Combinational(function),
        bugs=tuple(bugs),
        briefs=(
            f"{width}-bit circuit that outputs {words}",
            f"circuit that computes {words} modulo 2^{width}",
            f"module that gives {words}, all in {width} bits",
        ),
    )


@family("arithmetic")
def shifter(rng: random.Random, pick: Pick) -> Design:
    """A barrel shifter: left, right, arithmetic right, rotation, or left/right by a direction input."""
    kind = rng.choice(["left", "right", "arithmetic", "rotate_left", "rotate_right", "both"])
    rotates = kind.startswith("rotate")
    width = rng.choice([4, 8, 16, 32]) if rotates else rng.randint(4, 32)
    high_right = rng.random() < 0.5
    full = (width - 1).bit_length()
    size = rng.choice([full, full, rng.randint(1, full)])  # of the amount
    data, amount, out = pick("data", "din", "d"), pick("shift", "amount", "shamt"), pick("out", "y", "result")
    direction = pick("dir", "direction")

    def function(values: Values) -> dict[str, int]:
        word, by = values[data], values[amount]
        to_left = (word << by) & mask(width)
        if kind == "both":
            return {out: word >> by if bool(values[direction]) == high_right else to_left}
        if rotates:
            positions = [(i + (by if kind == "rotate_left" else -by)) % width for i in range(width)]
            return {out: sum((word >> i & 1) << to for i, to in enumerate(positions))}
        return {
            out: {"left": to_left, "right": word >> by, "arithmetic": (signed(word, width) >> by) & mask(width)}[kind]
        }

    left, right = f"{data} << {amount}", f"{data} >> {amount}"
    rest = f"({width.bit_length()}'d{width} - {amount})"
    high, low = (right, left) if high_right else (left, right)
    code = {
        "left": left,
        "right": right,
        "arithmetic": f"$signed({data}) >>> {amount}",
        "rotate_left": f"({left}) | ({data} >> {rest})",
        "rotate_right": f"({right}) | ({data} << {rest})",
        "both": f"{direction} ? {high} : {low}",
    }[kind]
    wrong = {
        "left": (right, f"{data} <<< 1"),
        "right": (left, f"$signed({data}) >>> {amount}"),
        "arithmetic": (right, left),
        "rotate_left": (left, f"({right}) | ({data} << {rest})"),
        "rotate_right": (right, f"({left}) | ({data} >> {rest})"),
        "both": (f"{direction} ? {low} : {high}", high),
    }[kind]
    high_way, low_way = ("right", "left") if high_right else ("left", "right")
    fill = {
        "left": "vacated low bits are filled with zeros",
        "right": "vacated high bits are filled with zeros",
        "arithmetic": "vacated high bits are filled with the sign bit",
        "rotate_left": "bits leaving at the top come in again at the bottom",
        "rotate_right": "bits leaving at the bottom come in again at the top",
        "both": "vacated bits are filled with zeros",
    }[kind]
    names = {
        "left": "logical left shifter",
        "right": "logical right shifter",
        "arithmetic": "arithmetic right shifter",
        "rotate_left": "left rotator",
        "rotate_right": "right rotator",
        "both": f"logical shifter with a direction input (1 shifts {high_way}, 0 shifts {low_way})",
    }[kind]
    does = {
        "left": "shifts it to the left",
        "right": "shifts it to the right",
        "arithmetic": "shifts it arithmetically to the right",
        "rotate_left": "rotates it to the left",
        "rotate_right": "rotates it to the right",
        "both": f"shifts it {high_way} if a direction input is 1 and {low_way} if it is 0",
    }[kind]
    way = "left" if kind.endswith("left") else "right"
    if kind == "both":
        way = f"{high_way} when {direction} is 1 and {low_way} when {direction} is 0"
    past = "rotated" if rotates else "shifted"
    verb = "rotate" if rotates else "shift"
    word = article(f"{width}-bit")
    amount_words = f"{article(f'{size}-bit')} amount input"
    return Design(
        key=(kind, width, size, kind == "both" and high_right),
        name=pick("shifter", "barrel_shifter", "top_module"),
        ports=(
            Port(data, "input", width, f"the word to {verb}"),
            Port(amount, "input", size, "the number of positions"),
            *(
                [Port(direction, "input", 1, f"the direction: 1 is {high_way}, 0 is {low_way}")]
                if kind == "both"
                else []
            ),
            Port(out, "output", width, f"the {past} word"),
        ),
        nouns=(
            f"{word} {names} {'and' if kind == 'both' else 'with'} {amount_words}; {fill}",
            f"a combinational barrel shifter that takes {word} word and {does}, by {amount_words}; {fill}",
            f"a circuit that {does.replace('it', f'{word} word', 1)}, by the number of positions given by "
            f"{amount_words}; {fill}",
        ),
        behaviours=(
            f"{verb.capitalize()} the {width}-bit word {data} by {amount} "
            f"positions{',' if kind == 'both' else ' to the'} {way}, "
            f"and output it on {out}; {fill}.",
            f"{out} is {data} {past} {way} by the unsigned number {amount}. This is combinational, and {fill}.",
            f"The input {amount} says by how many bits {data} is {past}{'' if kind == 'both' else ' to the'} {way}. "
            f"Drive {out} with it; {fill}.",
        ),
        body=f"    assign {out} = {code};",
        model=Combinational(function),
        bugs=tuple((code, other) for other in wrong),
        briefs=(
            f"{width}-bit {names} {'and' if kind == 'both' else 'with'} {article(f'{size}-bit')} shift amount",
            f"shifter that {does.replace('it', f'{word} word', 1)}, by {article(f'{size}-bit')} amount",
            *((f"{width}-bit barrel shifter that {does.replace(' it', '', 1)}",) if size == full else ()),
        ),
    )

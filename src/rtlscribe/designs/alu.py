"""Small ALUs and pipelines."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from rtlscribe.designs.base import (
    Combinational,
    Design,
    Pick,
    Port,
    Reset,
    Sequential,
    Values,
    article,
    choose_reset,
    listing,
    mask,
    styled,
)
from rtlscribe.designs.families import family
from rtlscribe.designs.parts import Written, always, briefly, case_statement, collide, likely, operand_names, signed


@dataclass(frozen=True, slots=True)
class _Operation:
    """What an ALU can do. In the texts <A> and <B> are the operands and <1'd1> is a one of their width."""

    code: str
    words: str
    wrong: str  # code that differs for nearly all operands
    function: Callable[[int, int, int], int]  # of a, b and the width; the result is cut to the width

    def text(self, template: str, a: str, b: str, width: int) -> str:
        return template.replace("<A>", a).replace("<B>", b).replace("<1'd1>", f"{width}'d1")


_PLAIN = (
    _Operation("<A> + <B>", "<A> plus <B>", "<A> - <B>", lambda a, b, w: a + b),
    _Operation("<A> - <B>", "<A> minus <B>", "<A> + <B>", lambda a, b, w: a - b),
    _Operation("<B> - <A>", "<B> minus <A>", "<A> + <B>", lambda a, b, w: b - a),
    _Operation("<A> & <B>", "the bitwise AND of <A> and <B>", "<A> | <B>", lambda a, b, w: a & b),
    _Operation("<A> | <B>", "the bitwise OR of <A> and <B>", "<A> & <B>", lambda a, b, w: a | b),
    _Operation("<A> ^ <B>", "the bitwise XOR of <A> and <B>", "~(<A> ^ <B>)", lambda a, b, w: a ^ b),
    _Operation("~(<A> & <B>)", "the bitwise NAND of <A> and <B>", "<A> & <B>", lambda a, b, w: mask(w) - (a & b)),
    _Operation("~(<A> | <B>)", "the bitwise NOR of <A> and <B>", "<A> | <B>", lambda a, b, w: mask(w) - (a | b)),
    _Operation("~(<A> ^ <B>)", "the bitwise XNOR of <A> and <B>", "<A> ^ <B>", lambda a, b, w: mask(w) - (a ^ b)),
    _Operation("~<A>", "the bitwise NOT of <A>", "<A>", lambda a, b, w: mask(w) - a),
    _Operation("<A> << 1", "<A> shifted left by one bit", "<A> >> 1", lambda a, b, w: 2 * a),
    _Operation("<A> >> 1", "<A> shifted right by one bit", "<A> << 1", lambda a, b, w: a // 2),
    _Operation("<A> + <1'd1>", "<A> plus 1", "<A> - <1'd1>", lambda a, b, w: a + 1),
    _Operation("<A> - <1'd1>", "<A> minus 1", "<A> + <1'd1>", lambda a, b, w: a - 1),
    _Operation("<A>", "<A> unchanged", "~<A>", lambda a, b, w: a),
    _Operation("<B>", "<B> unchanged", "~<B>", lambda a, b, w: b),
    _Operation("-<A>", "the two's complement negation of <A>", "~<A>", lambda a, b, w: -a),
)
_COMPARING = (
    _Operation("<A> < <B>", "1 if <A> is less than <B> (unsigned), else 0", "<A> > <B>", lambda a, b, w: int(a < b)),
    _Operation(
        "$signed(<A>) < $signed(<B>)",
        "1 if <A> is less than <B> (signed), else 0",
        "$signed(<A>) > $signed(<B>)",
        lambda a, b, w: int(signed(a, w) < signed(b, w)),
    ),
    _Operation(
        "<A> < <B> ? <A> : <B>",
        "the smaller of <A> and <B> (unsigned)",
        "<A> < <B> ? <B> : <A>",
        lambda a, b, w: min(a, b),
    ),
    _Operation(
        "<A> > <B> ? <A> : <B>",
        "the larger of <A> and <B> (unsigned)",
        "<A> > <B> ? <B> : <A>",
        lambda a, b, w: max(a, b),
    ),
)
# By code: the operations that a brief request names; in it their order is that of the opcodes.
_BRIEF_NAMES = {
    "<A> + <B>": "add",
    "<A> - <B>": "subtract",
    "<A> & <B>": "AND",
    "<A> | <B>": "OR",
    "<A> ^ <B>": "XOR",
    "~(<A> & <B>)": "NAND",
    "~(<A> | <B>)": "NOR",
    "~(<A> ^ <B>)": "XNOR",
    "~<A>": "NOT",
    "<A> << 1": "shift left",
    "<A> >> 1": "shift right",
    "<A> + <1'd1>": "increment",
    "<A> - <1'd1>": "decrement",
    "<A>": "pass A",
    "-<A>": "negate",
    "<A> < <B> ? <A> : <B>": "min",
    "<A> > <B> ? <A> : <B>": "max",
}


@dataclass(frozen=True, slots=True)
class _Table:
    """Operations by opcode, and what both ALU families make of them."""

    width: int
    size: int  # of the opcode
    operations: tuple[_Operation, ...]
    a: str
    b: str
    op: str

    @property
    def key(self) -> tuple[object, ...]:
        return (self.width, self.size, tuple(o.code for o in self.operations))

    def result(self, values: Values) -> int:
        code = values[self.op]
        if code >= len(self.operations):
            return 0
        return self.operations[code].function(values[self.a], values[self.b], self.width) & mask(self.width)

    def rows(self, out: str, assign: str, indent: str) -> str:
        """The case statement that assigns `out`."""
        lines = [
            f"    {self.size}'b{i:0{self.size}b}: {out} {assign} {o.text(o.code, self.a, self.b, self.width)};"
            for i, o in enumerate(self.operations)
        ]
        lines = [f"case ({self.op})", *lines, f"    default: {out} {assign} {self.width}'d0;", "endcase"]
        return "\n".join(indent + line for line in lines)

    def bugs(self, out: str, assign: str) -> tuple[tuple[str, str], ...]:
        found = []
        for i in (0, len(self.operations) - 1):
            operation, row = self.operations[i], f"{self.size}'b{i:0{self.size}b}: {out} {assign} "
            right, wrong = (operation.text(t, self.a, self.b, self.width) for t in (operation.code, operation.wrong))
            found.append((f"{row}{right};", f"{row}{wrong};"))
        return tuple(found)

    def appendix(self, arrow: str) -> str:
        lines = [
            f"{i:0{self.size}b}{arrow}{o.text(o.words, self.a, self.b, self.width)}"
            for i, o in enumerate(self.operations)
        ]
        rest = [f"any other opcode{arrow}0"] if len(self.operations) < 1 << self.size else []
        return "\n".join(["Operations by opcode (binary):", *lines, *rest])

    def briefs(self, noun: str, *features: str, reset: Reset | None = None) -> tuple[str, ...]:
        """Brief requests for an ALU with these operations; none if they are many or one has no short name."""
        names = [_BRIEF_NAMES.get(o.code, "") for o in self.operations]
        if not all(names) or len(names) > 4:
            return ()
        listed = f"({', '.join(names)})"
        return briefly(
            (f"{self.width}-bit {noun} {listed}", f"{noun} for {self.width}-bit words {listed}"), *features, reset=reset
        )

    def ports(self) -> tuple[Port, ...]:
        return (
            Port(self.a, "input", self.width, "the first operand"),
            Port(self.b, "input", self.width, "the second operand"),
            Port(self.op, "input", self.size, "the opcode"),
        )


def _choose_table(rng: random.Random, pick: Pick) -> _Table:
    size = rng.choice([2, 3])
    count = rng.choice([3, 4, 4]) if size == 2 else rng.choice([5, 6, 7, 8, 8])
    operations = tuple(rng.sample(_PLAIN + _COMPARING, count))
    return _Table(
        rng.choice([4, 8, 8, 12, 16, 24, 32]), size, operations, *operand_names(pick), pick("op", "opcode", "sel")
    )


@family("alu")
def small_alu(rng: random.Random, pick: Pick) -> Design:
    """A combinational ALU: 3 to 8 operations drawn at random, by a 2- or 3-bit opcode, with or without a zero flag."""
    table, flagged = _choose_table(rng, pick), rng.random() < 0.5
    width, op = table.width, table.op
    out, zero = pick("result", "out", "y"), pick("zero", "zero_flag", "is_zero")

    def function(values: Values) -> dict[str, int]:
        result = table.result(values)
        return {out: result, zero: int(result == 0)} if flagged else {out: result}

    body = f"    always @(*) begin\n{table.rows(out, '=', ' ' * 8)}\n    end"
    bugs = table.bugs(out, "=")
    if flagged:
        body += f"\n    assign {zero} = {out} == {width}'d0;"
        bugs += ((f"== {width}'d0", f"!= {width}'d0"),)
    size, words = article(f"{width}-bit"), f"{article(f'{table.size}-bit')} opcode"
    features = [words, *(["a zero flag"] if flagged else [])]
    with_flag = " and a zero flag" if flagged else ""
    says = ("", "", "")
    if flagged:
        says = (
            f" {zero} is 1 when {out} is zero, and 0 otherwise.",
            f" The flag {zero} is high exactly when the result is zero.",
            f" In addition, {zero} tells by a 1 that all bits of {out} are 0.",
        )
    return Design(
        key=(*table.key, flagged),
        name=pick("alu", "small_alu", "top_module"),
        ports=(
            *table.ports(),
            Port(out, "output", width, "the result"),
            *([Port(zero, "output", 1, "1 if the result is zero")] if flagged else []),
        ),
        registers=frozenset({out}),
        nouns=(
            f"{size} combinational ALU with {words}{with_flag}, with the operations listed below",
            f"a combinational arithmetic logic unit for two {width}-bit "
            f"operands{', with a zero flag' if flagged else ''}; {words} selects the "
            "operation "
            "from the list below",
            f"an ALU without registers, with two {width}-bit operands, {listing([f'{size} result', *features])}, "
            "and the operations below",
        ),
        behaviours=(
            f"Implement {size} combinational ALU. {op} selects the operation on {table.a} and {table.b} according "
            "to the list "
            f"below, and {out} is the low {width} bits of the result.{says[0]}",
            f"{out} is computed from {table.a} and {table.b} by the operation whose code is {op}, "
            f"modulo 2^{width}.{says[1]} There is no clock.",
            f"For each value of the opcode {op} the list says what appears on {out}; results are cut to {width} "
            f"bits.{says[2]}",
        ),
        appendix=table.appendix(pick(": ", " -> ", " = ")),
        body=body,
        model=Combinational(function),
        bugs=bugs,
        briefs=table.briefs("ALU", "zero flag" if flagged else ""),
    )


@family("alu")
def registered_alu(rng: random.Random, pick: Pick) -> Design:
    """An ALU whose result is registered, with a reset and with or without an enable and a zero flag."""
    table, flagged, enabled = _choose_table(rng, pick), rng.random() < 0.4, rng.random() < 0.5
    reset = choose_reset(rng, pick)
    width, op, clk = table.width, table.op, pick("clk", "clock")
    out, zero, enable = pick("result", "out", "q"), pick("zero", "zero_flag", "is_zero"), pick("en", "enable")

    def following(state: int, values: Values) -> int:
        return state if enabled and not values[enable] else table.result(values)

    def outputs(state: int, values: Values) -> dict[str, int]:
        return {out: state, zero: int(state == 0)} if flagged else {out: state}

    body = f"""
    always @(posedge {clk}{reset.sensitivity}) begin
        if ({reset.condition})
            {out} <= {width}'d0;
        else{f" if ({enable})" if enabled else ""}
{table.rows(out, "<=", " " * 12)}
    end"""
    bugs = ((f"            {out} <= {width}'d0;", f"            {out} <= {width}'d1;"), *table.bugs(out, "<="))
    if enabled:
        bugs += ((f"else if ({enable})", "else"),)
    if flagged:
        body += f"\n    assign {zero} = {out} == {width}'d0;"
        bugs += ((f"== {width}'d0", f"!= {width}'d0"),)
    size, words = article(f"{width}-bit"), f"{article(f'{table.size}-bit')} opcode"
    features = [
        words,
        *(["an enable"] if enabled else []),
        *(["a combinational zero flag of the registered result"] if flagged else []),
    ]
    when = f" with {enable} high" if enabled else ""
    hold = f" When {enable} is 0 it keeps its value." if enabled else ""
    flag = f" {zero} is 1, combinationally, whenever {out} is zero." if flagged else ""
    return Design(
        key=(*table.key, flagged, enabled, reset.key),
        name=pick("alu_reg", "registered_alu", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            reset.port(),
            *([Port(enable, "input", 1, "the enable of the result register")] if enabled else []),
            *table.ports(),
            Port(out, "output", width, "the registered result"),
            *([Port(zero, "output", 1, "1 if the registered result is zero")] if flagged else []),
        ),
        registers=frozenset({out}),
        nouns=(
            f"{size} ALU with a registered result, {listing([*features, f'{reset.phrase} to zero'])}; "
            "its operations are listed below",
            f"a clocked ALU for two {width}-bit operands that stores its result at each rising edge, "
            f"with {listing([*features, article(f'{reset.phrase} of the result to zero')])}, and the operations below",
            f"a registered arithmetic logic unit of {width} bits: {listing([*features, reset.phrase])} (clearing "
            "the result), "
            "operations as listed",
        ),
        behaviours=(
            f"Each rising edge of {clk}{when} stores in {out} the result of the operation selected by {op} on "
            f"{table.a} "
            f"and {table.b} (see the list), cut to {width} bits.{hold} {reset.name} is {article(reset.phrase)} "
            f"that clears {out} to zero.{flag}",
            f"{out} is a register. The {reset.phrase} {reset.name} sets it to 0; otherwise at each rising edge of "
            f"{clk}{when} "
            f"it takes the {width}-bit result of the operation with the code {op}.{hold}{flag}",
            f"Build {size} ALU with an output register: operation {op} on {table.a} and {table.b}, as listed, "
            f"goes into {out} "
            f"at every rising edge of {clk}{when}.{hold} Use {article(reset.phrase)}, {reset.name}, to zero.{flag}",
        ),
        appendix=table.appendix(pick(": ", " -> ", " = ")),
        body=body,
        model=Sequential(clk, 0, following, outputs, reset),
        bugs=bugs,
        stimulus={enable: likely(0.75)} if enabled else {},
        briefs=table.briefs("registered ALU", "enable" if enabled else "", "zero flag" if flagged else "", reset=reset),
    )


@dataclass(frozen=True, slots=True)
class _Stage:
    """One step of a pipeline; <X> is what comes in."""

    code: str
    wrong: str
    verb: str  # "adds 5"
    function: Callable[[int], int]


def _choose_stage(rng: random.Random, kind: str, width: int) -> _Stage:
    constant = rng.randint(1, mask(width) - 1)
    if kind == "add":
        constant = min(constant, rng.randint(1, 99))
        wrong = f"<X> + {width}'d{constant + 1}"
        return _Stage(f"<X> + {width}'d{constant}", wrong, f"adds {constant}", lambda x: x + constant)
    if kind == "subtract":
        constant = min(constant, rng.randint(1, 99))
        wrong = f"<X> + {width}'d{constant + 1}" if 2 * constant == 1 << width else f"<X> + {width}'d{constant}"
        return _Stage(f"<X> - {width}'d{constant}", wrong, f"subtracts {constant}", lambda x: x - constant)
    if kind == "xor":
        wrong = f"<X> ^ {width}'h{constant ^ 1:x}"
        return _Stage(f"<X> ^ {width}'h{constant:x}", wrong, f"XORs with {width}'h{constant:x}", lambda x: x ^ constant)
    by = rng.randint(1, 3)
    if kind == "left":
        return _Stage(f"<X> << {by}", f"<X> >> {by}", f"shifts left by {by}", lambda x: x << by)
    if kind == "right":
        return _Stage(f"<X> >> {by}", f"<X> << {by}", f"shifts right by {by}", lambda x: x >> by)
    return _Stage("~<X>", "<X>", "inverts all bits", lambda x: ~x)


@family("alu")
def pipeline(rng: random.Random, pick: Pick) -> Design:
    """A pipeline of 2 or 3 registered stages, each with one simple operation, with or without an enable."""
    width, count, enabled = rng.choice([4, 6, 8, 8, 10, 12, 16, 24]), rng.choice([2, 3]), rng.random() < 0.4
    kinds = rng.sample(["add", "subtract", "xor", "left", "right", "invert"], count)
    stages = [_choose_stage(rng, kind, width) for kind in kinds]
    reset, clk, enable = choose_reset(rng, pick), pick("clk", "clock"), pick("en", "enable")
    data, out = pick("data_in", "din", "d"), pick("data_out", "dout", "q")

    def following(state: tuple[int, ...], values: Values) -> tuple[int, ...]:
        if enabled and not values[enable]:
            return state
        return tuple(stage.function(x) & mask(width) for stage, x in zip(stages, (values[data], *state), strict=False))

    names = [*(f"stage{i}" for i in range(1, count)), out]
    sources = [data, *names]
    clears = "\n".join(f"            {name} <= {width}'d0;" for name in names)
    moves = "\n".join(f"            {names[i]} <= {s.code.replace('<X>', sources[i])};" for i, s in enumerate(stages))
    body = f"""
    reg [{width - 1}:0] {", ".join(names[:-1])};
    always @(posedge {clk}{reset.sensitivity}) begin
        if ({reset.condition}) begin
{clears}
        end else {f"if ({enable}) " if enabled else ""}begin
{moves}
        end
    end"""
    last = f"{out} <= {stages[-1].code.replace('<X>', names[-2])};"
    ordinals = ("first", "second", "third")
    each = listing([f"stage {i + 1} {s.verb}" for i, s in enumerate(stages)])
    steps = ", ".join(f"the {ordinals[i]} stage {s.verb}" for i, s in enumerate(stages))
    flow = ", then ".join(s.verb for s in stages)
    number = {2: "two", 3: "three"}[count]
    size = article(f"{width}-bit")
    with_enable = ", an enable that stalls it" if enabled else ""
    stall = f" When {enable} is 0, all stages hold their values." if enabled else ""
    return Design(
        key=(width, tuple(s.code for s in stages), enabled, reset.key),
        name=pick("pipeline", f"pipeline{count}", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            reset.port(),
            *([Port(enable, "input", 1, "the enable of all stages")] if enabled else []),
            Port(data, "input", width, "the input word"),
            Port(out, "output", width, "the output of the last stage"),
        ),
        registers=frozenset({out}),
        nouns=(
            f"a {number}-stage {width}-bit pipeline with one register per stage{with_enable} and {reset.phrase} "
            "of all stages "
            f"to zero; {each}",
            f"{size} pipeline in which {steps}, each with a register{with_enable}, {reset.phrase} (all registers "
            "to zero)",
            f"{size} pipelined unit with a latency of {number} clock cycles{with_enable} and {reset.phrase} of "
            "every register "
            f"to zero, which {flow}, one stage for each",
        ),
        behaviours=(
            f"Build a pipeline of {number} stages, each ending in {size} register: {each}. The first stage takes "
            f"{data}, "
            f"the last register is {out}, and all advance on the rising edge of {clk}.{stall} "
            f"{reset.name} is {article(reset.phrase)} that sets all registers to zero.",
            f"A word on {data} passes through {number} registered stages and leaves on {out} {number} clock "
            "cycles later: "
            f"{steps}. Arithmetic is modulo 2^{width}.{stall} The {reset.phrase} {reset.name} clears every register.",
            f"At each rising edge of {clk} every one of the {number} stages stores its result, on which the next "
            "one works: "
            f"{steps}. So {out} has a latency of {number} cycles from {data}.{stall} "
            f"All stage registers are zero after the {reset.phrase} {reset.name}.",
        ),
        body=body,
        model=Sequential(clk, (0,) * count, following, lambda state, _: {out: state[-1]}, reset),
        bugs=(
            (last, f"{out} <= {stages[-1].wrong.replace('<X>', names[-2])};"),
            (last, last.replace(names[-2], data)),
            (f"{out} <= {width}'d0;", f"{out} <= {width}'d1;"),
        ),
        stimulus={enable: likely(0.75)} if enabled else {},
        briefs=briefly(
            (f"{width}-bit {number}-stage pipeline ({flow})", f"{count}-stage {width}-bit pipeline ({flow})"),
            "enable" if enabled else "",
            reset=reset,
        )
        if count == 2
        else (),
    )


@family("alu")
def multiply_accumulate(rng: random.Random, pick: Pick) -> Design:
    """A sum of products, signed or unsigned, with an input that clears or starts a new sum, with or without an "
    "enable."""
    width, is_signed, enabled, starts = rng.randint(3, 12), rng.random() < 0.5, rng.random() < 0.5, rng.random() < 0.4
    whole = 2 * width + rng.randint(0, 8)
    reset, clk, enable = choose_reset(rng, pick), pick("clk", "clock"), pick("en", "enable")
    a, b = operand_names(pick)
    acc = pick("acc", "sum", "out")
    clear = pick("start", "first", "load") if starts else pick("clear", "clr")

    def following(state: int, values: Values) -> int:
        left, right = (signed(values[name], width) if is_signed else values[name] for name in (a, b))
        if values[clear]:
            return (left * right if starts else 0) % (1 << whole)
        return state if enabled and not values[enable] else (state + left * right) % (1 << whole)

    product = f"$signed({a}) * $signed({b})" if is_signed else f"{a} * {b}"
    old = f"$signed({acc})" if is_signed else acc
    wrong = f"{a} * {b}" if is_signed else f"$signed({a}) * $signed({b})"
    wrong_sum = f"{acc} + {wrong}" if is_signed else f"$signed({acc}) + {wrong}"
    first = product if starts else f"{whole}'d0"
    body = f"""
    always @(posedge {clk}{reset.sensitivity}) begin
        if ({reset.condition})
            {acc} <= {whole}'d0;
        else if ({clear})
            {acc} <= {first};
        else{f" if ({enable})" if enabled else ""}
            {acc} <= {old} + {product};
    end"""
    kind = "signed" if is_signed else "unsigned"
    numbers = "two's complement" if is_signed else "unsigned"
    size = f"{width}-bit"
    strobe = "a start input that replaces the sum by the current product" if starts else "a synchronous clear input"
    enabling = [f"an enable (not needed to {'start' if starts else 'clear'})"] if enabled else []
    features = listing([strobe, *enabling, f"{reset.phrase} to zero"])
    effect = f"{acc} becomes the product {a} * {b} alone" if starts else f"{acc} becomes zero"
    otherwise = f"otherwise, if {enable} is 1, " if enabled else "otherwise "
    hold = f" If both are 0, {acc} keeps its value." if enabled else ""
    needs = f" {clear} acts whatever {enable} is." if enabled else ""
    sign = "signed " if is_signed else ""
    return Design(
        key=(width, whole, is_signed, enabled, starts, reset.key),
        name=pick("mac", "multiply_accumulate", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            reset.port(),
            Port(clear, "input", 1, "1 to start a new sum with the product" if starts else "1 to clear the sum"),
            *([Port(enable, "input", 1, "the enable of the accumulation")] if enabled else []),
            Port(a, "input", width, f"the first {kind} factor"),
            Port(b, "input", width, f"the second {kind} factor"),
            Port(acc, "output", whole, "the accumulated sum"),
        ),
        registers=frozenset({acc}),
        nouns=(
            f"a multiply-accumulate unit for {kind} {size} factors with {article(f'{whole}-bit')} accumulator, "
            f"{features}",
            f"a MAC unit that adds the product of two {kind} {size} numbers to {article(f'{whole}-bit')} register "
            f"in each clock cycle, with {features}",
            f"{article(f'{whole}-bit')} accumulator of products of two {size} {numbers} inputs, with {features}",
        ),
        behaviours=(
            f"On each rising edge of {clk}: if {clear} is 1, {effect}; {otherwise}{a} * {b} is added to "
            f"{acc}.{hold} The factors "
            f"are {numbers} numbers. {reset.name} is {article(reset.phrase)} that sets {acc} to zero.",
            f"{acc} is {article(f'{whole}-bit')} sum of products of the {kind} inputs {a} and {b}, modulo 2^{whole}. "
            f"{f'While {enable} is 1, one' if enabled else 'One'} product is added per cycle of {clk}, except "
            f"that {effect} "
            f"in a cycle with {clear} high.{needs} The {reset.phrase} {reset.name} clears {acc}.",
            f"Multiply the {kind} numbers {a} and {b} and accumulate the products in the {whole}-bit register {acc}"
            f"{f' when {enable} is 1' if enabled else ''}. When {clear} is 1, {effect} instead.{needs} "
            f"Reset is by {reset.name} ({reset.phrase}), to zero; the clock is {clk}.",
        ),
        body=body,
        model=Sequential(clk, 0, following, lambda state, _: {acc: state}, reset),
        bugs=(
            (f"{old} + {product}", wrong_sum),
            (f"{old} + {product}", f"{old} - {product}"),
            (f"else if ({clear})", f"else if (!{clear})"),
            (f"{acc} <= {whole}'d0;", f"{acc} <= {whole}'d1;"),
        ),
        stimulus={clear: likely(0.15), **({enable: likely(0.75)} if enabled else {})},
        briefs=briefly(
            [f"{width}-bit {sign}{noun}" for noun in ("multiply-accumulate unit", "MAC unit", "MAC")],
            f"{article(f'{whole}-bit')} accumulator",
            "enable" if enabled else "",
            "synchronous clear",
            reset=reset,
        )
        if not starts
        else (),
    )


@family("alu")
def accumulator(rng: random.Random, pick: Pick) -> Design:
    """A running sum: adding, adding up to a limit, subtracting, or either by a mode input; enable and clear "
    "optional."""
    kind, enabled, cleared = rng.choice(["add", "limit", "subtract", "mode"]), rng.random() < 0.5, rng.random() < 0.5
    width = rng.randint(4, 16)
    whole = width + rng.randint(0, 2 if kind == "limit" else 8)
    start = mask(whole) if kind == "subtract" and rng.random() < 0.5 else 0
    limit = mask(whole) if rng.random() < 0.4 else rng.randint(1 << (whole - 1), mask(whole) - 1)
    reset, clk, enable, clear = (
        choose_reset(rng, pick),
        pick("clk", "clock"),
        pick("en", "enable"),
        pick("clear", "clr"),
    )
    data, acc, mode = pick("data_in", "data", "din"), pick("acc", "sum", "total"), pick("sub", "subtract")

    def following(state: int, values: Values) -> int:
        if cleared and values[clear]:
            return start
        if enabled and not values[enable]:
            return state
        if kind == "limit":
            return min(state + values[data], limit)
        minus = kind == "subtract" or (kind == "mode" and values[mode])
        return (state - values[data] if minus else state + values[data]) % (1 << whole)

    plus, minus = f"{acc} + {data}", f"{acc} - {data}"
    update, wrong = {
        "add": (plus, minus),
        "limit": (f"next > {whole + 1}'d{limit} ? {whole}'d{limit} : next[{whole - 1}:0]", plus),
        "subtract": (minus, plus),
        "mode": (f"{mode} ? {minus} : {plus}", f"{mode} ? {plus} : {minus}"),
    }[kind]
    declared = f"    wire [{whole}:0] next;\n    assign next = {plus};\n" if kind == "limit" else ""
    clearing = f"        else if ({clear})\n            {acc} <= {whole}'d{start};\n" if cleared else ""
    guard = f"else if ({enable})" if enabled else "else"
    body = f"""
{declared}    always @(posedge {clk}{reset.sensitivity}) begin
        if ({reset.condition})
            {acc} <= {whole}'d{start};
{clearing}        {guard}
            {acc} <= {update};
    end"""
    initial = "all ones" if start else "zero"
    does, named = {
        "add": (f"adds {data} to {acc}", "adds its input to the sum"),
        "limit": (
            f"adds {data} to {acc}, but limits the sum to {limit}",
            f"adds its input to the sum, which saturates at {limit}",
        ),
        "subtract": (f"subtracts {data} from {acc}", "subtracts its input from the sum"),
        "mode": (
            f"adds {data} to {acc} if {mode} is 0 and subtracts it if {mode} is 1",
            "adds its input to the sum, or subtracts it when a mode input is 1",
        ),
    }[kind]
    wrap = "" if kind == "limit" else f", modulo 2^{whole}"
    clear_words = "a synchronous clear with priority over the enable" if enabled else "a synchronous clear"
    clear_list = [clear_words] if cleared else []
    features = listing([*(["an enable"] if enabled else []), *clear_list, f"{reset.phrase} to {initial}"])
    whatever = f", whatever {enable} is" if enabled else ""
    unless = f" When {clear} is 1, {acc} is set to {initial} instead{whatever}." if cleared else ""
    when = f" with {enable} high" if enabled else ""
    size, inputs = article(f"{whole}-bit"), f"{width}-bit"
    given = "" if whole == width else f" of {inputs} numbers"
    acting = {"limit": f" that saturates at {limit}", "subtract": " that subtracts its input"}.get(kind, "")
    return Design(
        key=(kind, width, whole, start, limit if kind == "limit" else 0, enabled, cleared, reset.key),
        name=pick("accumulator", "accum", "running_sum", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            reset.port(),
            *([Port(enable, "input", 1, "the enable")] if enabled else []),
            *([Port(clear, "input", 1, f"1 to set the sum to {initial}")] if cleared else []),
            *([Port(mode, "input", 1, "1 to subtract, 0 to add")] if kind == "mode" else []),
            Port(data, "input", width, "the unsigned number to accumulate"),
            Port(acc, "output", whole, "the accumulated value"),
        ),
        registers=frozenset({acc}),
        nouns=(
            f"{size} accumulator with {article(inputs)} unsigned input that, in each clock cycle, {named}{wrap}; "
            f"it has {features}",
            f"a circuit with {article(inputs)} unsigned input and a sum of {whole} bits that at each rising clock edge "
            f"{named}{wrap}, with {features}",
            f"{size} running sum of {article(inputs)} unsigned input: each clock cycle {named}{wrap}; there is "
            f"{features}",
        ),
        behaviours=(
            f"{acc} is {size} accumulator. Each rising edge of {clk}{when} {does}{wrap}.{unless} "
            f"{reset.name} is {article(reset.phrase)} to {initial}.",
            f"Build an accumulator of the unsigned input {data}: at every rising edge of {clk}{when} it "
            f"{does}{wrap}.{unless} "
            f"The {reset.phrase} {reset.name} sets {acc} to {initial}.",
            f"The {whole}-bit register {acc} starts at {initial}, which {article(reset.phrase)}, {reset.name}, "
            "restores. "
            f"After that, a rising edge of {clk}{when} {does}{wrap}; {data} is unsigned.{unless}",
        ),
        body=body,
        model=Sequential(clk, start, following, lambda state, _: {acc: state}, reset),
        bugs=(
            (f"{acc} <= {update};", f"{acc} <= {wrong};"),
            (f"{acc} <= {whole}'d{start};", f"{acc} <= {whole}'d{0 if start else 1};"),
            *([(f"else if ({clear})", f"else if (!{clear})")] if cleared else []),
            *([(f"else if ({enable})", "else")] if enabled else []),
        ),
        stimulus={
            **({enable: likely(0.75)} if enabled else {}),
            **({clear: likely(0.1)} if cleared else {}),
        },
        briefs=briefly(
            [f"{whole}-bit {noun}{given}{acting}" for noun in ("accumulator", "accumulator register")],
            "subtract input" if kind == "mode" else "",
            "enable" if enabled else "",
            "synchronous clear" if cleared else "",
            reset=reset,
        )
        if not start
        else (),
    )


# Verilog with <A>, <B> and <W>, the same in words, and when it holds.
_CONDITIONS: tuple[tuple[str, str, Callable[[int, int, int], bool]], ...] = (
    ("<A> > <B>", "<A> is greater than <B> (unsigned)", lambda a, b, w: a > b),
    ("<A> < <B>", "<A> is less than <B> (unsigned)", lambda a, b, w: a < b),
    ("<A> >= <B>", "<A> is greater than or equal to <B> (unsigned)", lambda a, b, w: a >= b),
    ("<A> <= <B>", "<A> is less than or equal to <B> (unsigned)", lambda a, b, w: a <= b),
    ("$signed(<A>) > $signed(<B>)", "<A> is greater than <B> (signed)", lambda a, b, w: signed(a, w) > signed(b, w)),
    ("$signed(<A>) < $signed(<B>)", "<A> is less than <B> (signed)", lambda a, b, w: signed(a, w) < signed(b, w)),
    ("<A> == <B>", "<A> equals <B>", lambda a, b, w: a == b),
    ("<B> == <W>'d0", "<B> is zero", lambda a, b, w: b == 0),
    ("<A>[0]", "<A> is odd", lambda a, b, w: a % 2 == 1),
    ("<B>[0]", "<B> is odd", lambda a, b, w: b % 2 == 1),
    ("<A>[<T>]", "the most significant bit of <A> is 1", lambda a, b, w: a >= 1 << (w - 1)),
    ("<B>[<T>]", "the most significant bit of <B> is 1", lambda a, b, w: b >= 1 << (w - 1)),
)


@family("alu")
def conditional_unit(rng: random.Random, pick: Pick) -> Design:
    """One of two operations on two words, chosen by a condition on the words themselves."""
    width, (code, words, holds) = rng.randint(4, 24), rng.choice(_CONDITIONS)
    yes, no = rng.sample(_PLAIN, 2)
    a, b = operand_names(pick)
    out = pick("y", "result", "out")

    def function(values: Values) -> dict[str, int]:
        operation = yes if holds(values[a], values[b], width) else no
        return {out: operation.function(values[a], values[b], width) & mask(width)}

    def fill(template: str, first: str, second: str) -> str:
        named = template.replace("<A>", first).replace("<B>", second).replace("<1'd1>", f"{width}'d1")
        return named.replace("<W>", str(width)).replace("<T>", str(width - 1))

    test, if_yes, if_no = (fill(t, a, b) for t in (code, yes.code, no.code))
    condition, then, otherwise = (fill(t, a, b) for t in (words, yes.words, no.words))
    # A condition that seldom holds would hide a mistake in its branch; the other branch is always exercised.
    wrong = fill(no.wrong, a, b)
    plain = tuple(fill(t, "the first operand", "the second operand") for t in (words, yes.words, no.words))
    size = article(f"{width}-bit")
    style = styled(rng, [_chosen, _chosen, _chosen_by_name, _if_else, _default_first, _case_of_condition])
    written = style(out, width, test, if_yes, if_no)
    return Design(
        key=(width, code, yes.code, no.code),
        name=pick("cond_unit", "conditional", "top_module"),
        ports=(
            Port(a, "input", width, "the first operand"),
            Port(b, "input", width, "the second operand"),
            Port(out, "output", width, "the result"),
        ),
        nouns=(
            f"a combinational circuit with two {width}-bit operands and {size} result: if {plain[0]}, the result is "
            f"{plain[1]}; otherwise it is {plain[2]}",
            f"{size} combinational unit with two operands that outputs {plain[1]} if {plain[0]}, and {plain[2]} if not",
            f"{size} two-operand circuit without clock that gives {plain[2]}, except that it gives {plain[1]} if "
            f"{plain[0]}",
        ),
        behaviours=(
            f"If {condition}, {out} is {then}. Otherwise {out} is {otherwise}. Everything is {width} bits wide "
            "and wraps around.",
            f"{out} depends on whether {condition}: if so, it is {then}; if not, it is {otherwise} (modulo 2^{width}).",
            f"Design a combinational circuit whose {width}-bit output {out} equals {otherwise}, "
            f"except when {condition}: then it equals {then}.",
        ),
        body=written.body,
        registers=written.registers,
        model=Combinational(function),
        bugs=(
            (written.body, style(out, width, test, if_no, if_yes).body),
            (written.body, style(out, width, test, if_yes, wrong).body),
        ),
        stimulus={a: collide(width), b: collide(width)},
    )


def _chosen(out: str, width: int, test: str, yes: str, no: str) -> Written:
    return Written(f"    assign {out} = {test} ? {yes} : {no};")


def _chosen_by_name(out: str, width: int, test: str, yes: str, no: str) -> Written:
    return Written(f"""    wire condition_met = {test};
    wire [{width - 1}:0] value_if_met = {yes};
    wire [{width - 1}:0] value_otherwise = {no};

{_chosen(out, width, "condition_met", "value_if_met", "value_otherwise").body}""")


def _if_else(out: str, width: int, test: str, yes: str, no: str) -> Written:
    return Written(
        always(f"        if ({test})\n            {out} = {yes};\n        else\n            {out} = {no};"),
        registers=frozenset({out}),
    )


def _default_first(out: str, width: int, test: str, yes: str, no: str) -> Written:
    return Written(
        always(f"        {out} = {no};\n        if ({test})\n            {out} = {yes};"), registers=frozenset({out})
    )


def _case_of_condition(out: str, width: int, test: str, yes: str, no: str) -> Written:
    return Written(always(case_statement(test, out, [("1'b1", yes)], no)), registers=frozenset({out}))

"""Families of several modules: a top module that connects instances of one or two small modules written beside it."""

from __future__ import annotations

import random
import re

from rtlscribe.designs.base import (
    Combinational,
    Design,
    Pick,
    Port,
    Sequential,
    Values,
    article,
    bits,
    choose_reset,
    listing,
    mask,
)
from rtlscribe.designs.families import family
from rtlscribe.designs.parts import clock_and_reset, clocked, collide, operand_names, reset_sentences

_FULL_ADDER = """
module full_adder(
    input a,
    input b,
    input cin,
    output sum,
    output cout
);
    assign sum = a ^ b ^ cin;
    assign cout = (a & b) | (a & cin) | (b & cin);
endmodule"""
_HALF_ADDERS = """
module half_adder(
    input a,
    input b,
    output sum,
    output carry
);
    assign sum = a ^ b;
    assign carry = a & b;
endmodule

module full_adder(
    input a,
    input b,
    input cin,
    output sum,
    output cout
);
    wire partial, first, second;
    half_adder lower(.a(a), .b(b), .sum(partial), .carry(first));
    half_adder upper(.a(partial), .b(cin), .sum(sum), .carry(second));
    assign cout = first | second;
endmodule"""


@family("hierarchy")
def cell_adder(rng: random.Random, pick: Pick) -> Design:
    """A ripple-carry adder of full-adder instances: by a generate loop, one by one, or with the cells made of half adders."""
    width, style = rng.randint(2, 16), rng.choice(["loop", "loop", "list", "halves"])
    if style == "list":
        width = min(width, rng.randint(2, 5))
    carry_in, carries = rng.random() < 0.5, rng.choice(["last", "all", "none"])
    (a, b), cin, total, cout = operand_names(pick), pick("cin", "c_in"), pick("sum", "s"), pick("cout", "c_out")
    start = cin if carry_in else "1'b0"

    def function(values: Values) -> dict[str, int]:
        x, y, c = values[a], values[b], values[cin] if carry_in else 0
        chain = [(x & mask(i + 1)) + (y & mask(i + 1)) + c >> i + 1 for i in range(width)]
        flags = {"none": {}, "last": {cout: chain[-1]}, "all": {cout: sum(bit << i for i, bit in enumerate(chain))}}
        return {total: x + y + c & mask(width), **flags[carries]}

    result = {
        "none": "",
        "last": f"\n    assign {cout} = carry[{width}];",
        "all": f"\n    assign {cout} = carry[{width}:1];",
    }
    if style == "list":
        cells = "\n".join(
            f"    full_adder cell{i}(.a({a}[{i}]), .b({b}[{i}]), .cin(carry[{i}]), .sum({total}[{i}]), .cout(carry[{i + 1}]));"
            for i in range(width)
        )
    else:
        cells = f"""    genvar i;
    generate
        for (i = 0; i < {width}; i = i + 1) begin : stage
            full_adder adder(.a({a}[i]), .b({b}[i]), .cin(carry[i]), .sum({total}[i]), .cout(carry[i + 1]));
        end
    endgenerate"""
    how = {
        "loop": "a generate loop of full-adder instances",
        "list": f"{width} full-adder instances written one by one",
        "halves": "a generate loop of full-adder instances, each built of two half-adder instances",
    }[style]
    says = {
        "none": ("", "without a carry out"),
        "last": (f" {cout} is the carry out of the last cell.", "with a carry out"),
        "all": (
            f" Bit i of {cout} is the carry out of cell i, so {cout} has {width} bits.",
            f"with the carry out of every cell on {article(f'{width}-bit')} output",
        ),
    }[carries]
    first = f"The carry into the first cell is {cin}." if carry_in else "The carry into the first cell is 0."
    tail = f"{'with' if carry_in else 'without'} a carry in and {says[1]}"
    size = article(f"{width}-bit")
    return Design(
        key=(width, style, carry_in, carries),
        name=pick("ripple_adder", "adder_chain", "cell_adder", "top_module"),
        ports=(
            Port(a, "input", width, "the first operand"),
            Port(b, "input", width, "the second operand"),
            *([Port(cin, "input", 1, "the carry in")] if carry_in else []),
            Port(total, "output", width, "the sum"),
            *(
                [
                    Port(
                        cout,
                        "output",
                        width if carries == "all" else 1,
                        "the carry out" if carries == "last" else "the carry out of every cell",
                    )
                ]
                if carries != "none"
                else []
            ),
        ),
        nouns=(
            f"{size} ripple-carry adder made as {how}, {tail}",
            f"{size} adder with its submodules, {how}, {tail}",
            f"a chain of {width} full adders ({how}) that adds two {width}-bit numbers, {tail}",
        ),
        behaviours=(
            f"Add {a} and {b} with {how}; write the submodule too. Cell i adds bit i of the operands and the carry of the cell below, and gives bit i of {total}. {first}{says[0]}",
            f"Build the {width}-bit adder {total} = {a} + {b}{f' + {cin}' if carry_in else ''} (modulo 2^{width}) structurally, from {how}, and include the module of the cell.{says[0]}",
            f"{first} From there the carry ripples through {how}, whose inputs are the bits of {a} and {b} and whose sum bits make up {total}.{says[0]} Define the modules you instantiate.",
        ),
        body=f"\n    wire [{width}:0] carry;\n\n    assign carry[0] = {start};{result[carries]}\n\n{cells}",
        model=Combinational(function),
        submodules=_HALF_ADDERS if style == "halves" else _FULL_ADDER,
        bugs=(
            (f"carry[0] = {start};", f"carry[0] = ~{start};"),
            ("sum = a ^ b", "sum = a | b"),
        ),
        stimulus={a: collide(width), b: collide(width)} if width > 3 else {},
    )


@family("hierarchy")
def block_adder(rng: random.Random, pick: Pick) -> Design:
    """A wide adder of instances of a narrow one: carry rippling, carry select, or an adder-subtractor with XOR gates."""
    half, kind, flag = rng.randint(2, 16), rng.choice(["ripple", "select", "subtract"]), rng.random() < 0.5
    named = rng.random() < 0.6
    width = 2 * half
    (a, b), total, cout, mode = (
        operand_names(pick),
        pick("sum", "result", "out"),
        pick("cout", "carry_out", "c_out"),
        pick("sub", "mode", "subtract"),
    )

    def function(values: Values) -> dict[str, int]:
        x, y = values[a], values[b]
        minus = kind == "subtract" and values[mode]
        exact = x + (y ^ mask(width)) + 1 if minus else x + y
        return {total: exact & mask(width), **({cout: exact >> width} if flag else {})}

    def instance(name: str, operands: tuple[str, str], cin: str, outs: tuple[str, str]) -> str:
        ports = ("a", "b", "cin", "sum", "cout")
        values = (*operands, cin, *outs)
        inside = ", ".join(f".{p}({v})" for p, v in zip(ports, values, strict=True)) if named else ", ".join(values)
        return f"    {block} {name}({inside});"

    block = f"add{half}"
    low, high = f"{half - 1}:0", f"{width - 1}:{half}"
    second = "operand" if kind == "subtract" else b
    start = mode if kind == "subtract" else "1'b0"
    lines = [instance("low", (f"{a}[{low}]", f"{second}[{low}]"), start, (f"{total}[{low}]", "middle"))]
    wires = "    wire middle, last;"
    if kind == "select":
        wires = f"    wire middle, last0, last1;\n    wire [{half - 1}:0] high0, high1;"
        lines += [
            instance(f"upper{c}", (f"{a}[{high}]", f"{b}[{high}]"), f"1'b{c}", (f"high{c}", f"last{c}")) for c in (0, 1)
        ]
        lines += ["", f"    assign {total}[{high}] = middle ? high1 : high0;"]
        last, chosen = "middle ? last1 : last0", ("middle ? high1 : high0", "middle ? high0 : high1")
    else:
        lines += [instance("upper", (f"{a}[{high}]", f"{second}[{high}]"), "middle", (f"{total}[{high}]", "last"))]
        last = "last"
        connection = (
            (".cin(middle)", ".cin(1'b0)")
            if named
            else (", middle, " + f"{total}[{high}]", ", 1'b0, " + f"{total}[{high}]")
        )
        chosen = connection
    if kind == "subtract":
        wires += f"\n    wire [{width - 1}:0] operand = {b} ^ {{{width}{{{mode}}}}};"
    if flag:
        lines.append(f"    assign {cout} = {last};")
    sub = f"""
module {block}(
    input [{half - 1}:0] a,
    input [{half - 1}:0] b,
    input cin,
    output [{half - 1}:0] sum,
    output cout
);
    assign {{cout, sum}} = a + b + cin;
endmodule"""
    narrow = article(f"{half}-bit adder")
    how = {
        "ripple": f"two instances of {narrow}, the carry of the lower half going into the upper half",
        "select": f"three instances of {narrow} as a carry-select adder: the upper half is added for carry 0 and for carry 1, and the carry of the lower half chooses",
        "subtract": f"two instances of {narrow} in a row, whose second operand is inverted by XOR gates when {mode} is 1, when the carry in is 1 too",
    }[kind]
    size = article(f"{width}-bit")
    does = (
        f"the sum of {a} and {b} for {mode} = 0 and {a} minus {b} for {mode} = 1"
        if kind == "subtract"
        else f"the sum of {a} and {b}"
    )
    what = "adder-subtractor" if kind == "subtract" else "carry-select adder" if kind == "select" else "adder"
    end = (
        f" {cout} is the carry out of the upper half{' (for a difference, 1 when there is no borrow)' if kind == 'subtract' else ''}."
        if flag
        else ""
    )
    tail = f"{'with' if flag else 'without'} a carry out"
    header = f"{block}(a, b, cin, sum, cout)"
    order = "by name" if named else "by position"
    return Design(
        key=(half, kind, flag),
        name=pick("block_adder", "wide_adder", re.sub(r"\W", "_", what), "top_module"),
        ports=(
            Port(a, "input", width, "the first operand"),
            Port(b, "input", width, "the second operand"),
            *([Port(mode, "input", 1, "0 to add, 1 to subtract")] if kind == "subtract" else []),
            Port(total, "output", width, "the result"),
            *([Port(cout, "output", 1, "the carry out of the upper half")] if flag else []),
        ),
        nouns=(
            f"{size} {what} made of {how.replace(mode, 'the mode input') if kind == 'subtract' else how}, {tail}",
            f"{size} {what} with a submodule, {block} (operands and carry in of {half} bits, sum and carry out), connected {order}: {how.replace(mode, 'the mode input') if kind == 'subtract' else how}; {tail}",
            f"a hierarchical {width}-bit {what} {tail}: {how.replace(mode, 'the mode input') if kind == 'subtract' else how}",
        ),
        behaviours=(
            f"Write a module {header} that adds two {half}-bit numbers and a carry, and build the {width}-bit top module from {how}. {total} is {does}, modulo 2^{width}.{end}",
            f"{total} is {does} (modulo 2^{width}). Use {how}, connected {order}.{end} The submodule {header} is part of the answer.",
            f"Compute {does} in {width} bits on {total}, structurally: {how}.{end} Include the adder module.",
        ),
        body=f"\n{wires}\n\n" + "\n".join(lines),
        model=Combinational(function),
        submodules=sub,
        bugs=(chosen, ("a + b + cin", "a - b + cin")),
        stimulus={a: collide(width), b: collide(width)},
    )


_CELLS = {
    "x & y": lambda x, y: x & y,
    "x | y": lambda x, y: x | y,
    "x ^ y": lambda x, y: x ^ y,
    "~(x & y)": lambda x, y: 1 - (x & y),
    "~(x | y)": lambda x, y: 1 - (x | y),
    "~(x ^ y)": lambda x, y: 1 - (x ^ y),
    "x & ~y": lambda x, y: x & (1 - y),
    "x | ~y": lambda x, y: x | (1 - y),
    "(x ^ y) & x": lambda x, y: (x ^ y) & x,
}


@family("hierarchy")
def cell_network(rng: random.Random, pick: Pick) -> Design:
    """Two to five instances of one or two cells with a Boolean function each, connected to a network of two to four inputs."""
    inputs = rng.randint(2, 4)
    count = rng.randint(max(2, inputs - 1), 5)
    ins = pick("a b c d", "in1 in2 in3 in4", "p q r s").split()[:inputs]
    out, named = pick("z", "out", "f"), rng.random() < 0.5
    while True:
        codes = rng.sample(list(_CELLS), rng.choice([1, 2, 2]))
        cells = [rng.randrange(len(codes)) for _ in range(count)]
        wires = [tuple(rng.sample(range(inputs + k), 2)) for k in range(count)]
        if set(cells) != set(range(len(codes))) or not _is_sound(inputs, codes, cells, wires):
            continue
        if bugs := _wrong_cells(inputs, codes, cells, wires):
            break
    nets = [*ins, *(f"n{k}" for k in range(1, count)), out]
    modules = pick("cell_a cell_b", "first second", "block1 block2").split()

    def text(k: int, pair: tuple[int, ...]) -> str:
        x, y, z = nets[pair[0]], nets[pair[1]], nets[inputs + k]
        inside = f".x({x}), .y({y}), .z({z})" if named else f"{x}, {y}, {z}"
        return f"{modules[cells[k]]} u{k + 1}({inside});"

    lines = [text(k, pair) for k, pair in enumerate(wires)]
    subs = "\n\n".join(
        f"module {name}(\n    input x,\n    input y,\n    output z\n);\n    assign z = {code};\nendmodule"
        for name, code in zip(modules, codes, strict=False)
    )
    table = [_network(row, inputs, codes, cells, wires) for row in range(1 << inputs)]

    def function(values: Values) -> dict[str, int]:
        return {out: table[sum(values[name] << i for i, name in enumerate(ins))]}

    defined = listing([f"{name}(x, y, z) with z = {code}" for name, code in zip(modules, codes, strict=False)])
    plural = "s" if len(codes) > 1 else ""
    steps = [
        f"u{k + 1}, {article(f'instance of {modules[cells[k]]}')}, has x = {nets[p[0]]}, y = {nets[p[1]]} and z = {nets[inputs + k]}"
        for k, p in enumerate(wires)
    ]
    calls = "; ".join(
        f"{nets[inputs + k]} = {modules[cells[k]]}({nets[p[0]]}, {nets[p[1]]})" for k, p in enumerate(wires)
    )
    inner = listing([f"n{k}" for k in range(1, count)])
    style = "by name" if named else "by position"
    given = f"the one-bit inputs {listing(ins)} and the output {out}"
    return Design(
        key=(inputs, tuple(codes), tuple(cells), tuple(wires)),
        name=pick("network", "cell_network", "top_module"),
        ports=(
            *(Port(name, "input", 1, f"input {i}") for i, name in enumerate(ins, 1)),
            Port(out, "output", 1, "the output of the last cell"),
        ),
        nouns=(
            f"a hierarchical module with {given} that instantiates the module{plural} {defined}, connected like this (arguments x, y): {calls}",
            f"a network of {count} cells with {given}, where the cell{plural} {'are' if plural else 'is'} {defined}: {calls}",
            f"a top module with {given} and {count} instances, given as z = cell(x, y): {calls}; the submodule{plural}: {defined}",
        ),
        behaviours=(
            f"First write the submodule{plural} {defined}. In the top module, {'; '.join(steps)}. The wires {inner} are internal.",
            f"The top module consists of instances of {defined}, connected {style}. Written as functions of x and y, the connections are: {calls}.",
            f"Connect {count} cells. "
            + ". ".join(f"{step[0].upper()}{step[1:]}" for step in steps)
            + f". Here {defined}; include the submodule{plural}.",
        ),
        body=f"    wire {', '.join(nets[inputs:-1])};\n\n" + "\n".join(f"    {line}" for line in lines),
        model=Combinational(function),
        submodules=subs,
        bugs=bugs,
    )


def _network(row: int, inputs: int, codes: list[str], cells: list[int], wires: list[tuple[int, ...]]) -> int:
    """The output for the inputs in the bits of `row`."""
    nets = [row >> i & 1 for i in range(inputs)]
    for cell, (x, y) in zip(cells, wires, strict=True):
        nets.append(_CELLS[codes[cell]](nets[x], nets[y]))
    return nets[-1]


def _wrong_cells(
    inputs: int, codes: list[str], cells: list[int], wires: list[tuple[int, ...]]
) -> tuple[tuple[str, str], ...]:
    """For each kind of cell another function that changes the output, as far as there is one."""
    right = [_network(row, inputs, codes, cells, wires) for row in range(1 << inputs)]
    found = []
    for k, code in enumerate(codes):
        for other in _CELLS:
            changed = [*codes[:k], other, *codes[k + 1 :]]
            if [_network(row, inputs, changed, cells, wires) for row in range(1 << inputs)] != right:
                found.append((f"assign z = {code};", f"assign z = {other};"))
                break
    return tuple(found)


def _is_sound(inputs: int, codes: list[str], cells: list[int], wires: list[tuple[int, ...]]) -> bool:
    """Every input and every cell counts: each net but the last is used, and the output depends on every input."""
    used = {net for pair in wires for net in pair}
    table = [_network(row, inputs, codes, cells, wires) for row in range(1 << inputs)]
    depends = all(any(table[row] != table[row ^ 1 << i] for row in range(1 << inputs)) for i in range(inputs))
    return depends and used >= set(range(inputs + len(cells) - 1))


@family("hierarchy")
def instance_chain(rng: random.Random, pick: Pick) -> Design:
    """A chain of instances of a register module, whose last output or an output chosen by an input is given."""
    width, length, tapped = rng.choice([1, 1, 2, 4, 8, 8, 12, 16]), rng.randint(2, 4), rng.random() < 0.5
    length = rng.choice([3, 3, 7]) if tapped else length
    select = length.bit_length()
    reset = choose_reset(rng, pick) if rng.random() < 0.6 else None
    clk, d, q, sel = (
        pick("clk", "clock"),
        pick("d", "in", "din"),
        pick("q", "out", "dout"),
        pick("sel", "tap", "select"),
    )
    named = rng.random() < 0.6
    State = tuple[int | None, ...]
    nets = [d, *(f"s{i}" for i in range(1, length)), f"s{length}" if tapped else q]
    common = [clk, *([reset.name] if reset else [])]
    inner = ["clk", *([reset.name] if reset else [])]

    def instance(i: int) -> str:
        values, ports = [*common, nets[i], nets[i + 1]], [*inner, "d", "q"]
        inside = ", ".join(f".{p}({v})" for p, v in zip(ports, values, strict=True)) if named else ", ".join(values)
        return f"    stage u{i + 1}({inside});"

    lines = [instance(i) for i in range(length)]
    wires = nets[1:] if tapped else nets[1:-1]
    rows = "\n".join(f"            {select}'d{i}: {q} = {nets[i]};" for i in range(1, length + 1))
    choose = (
        f"\n\n    always @(*) begin\n        case ({sel})\n{rows}\n            default: {q} = {d};\n        endcase\n    end"
        if tapped
        else ""
    )
    zero = f"q <= {width}'d0;"
    reset_line = f"    input {reset.name},\n" if reset else ""
    sub = f"module stage(\n    input clk,\n{reset_line}    input {bits(width)}d,\n    output reg {bits(width)}q\n);\n{clocked('clk', reset, zero, 'q <= d;')}\nendmodule"

    def outputs(state: State, values: Values) -> dict[str, int | None]:
        return {q: (values[d], *state)[values[sel]] if tapped else state[-1]}

    size = "one bit" if width == 1 else f"{width} bits"
    said = reset_sentences(reset, "clears every stage to 0")
    pins = f"stage({', '.join([*inner, 'd', 'q'])})"
    tail = f"with {reset.phrase} to 0" if reset else "without reset"
    tap = (
        f" {sel} chooses what {q} shows: 0 gives {d} itself, 1 the output of the first stage, and so on up to {length}."
        if tapped
        else f" {q} is the output of the last stage."
    )
    taps = (
        f", and a multiplexer that gives the input itself or the output of stage 1 to {length}, as a {select}-bit select input says"
        if tapped
        else ""
    )
    style = "by name" if named else "by position"
    return Design(
        key=(width, length, tapped, reset.key if reset else "none"),
        name=pick("chain", "instance_chain", "stages", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(d, "input", width, "the input of the chain"),
            *([Port(sel, "input", select, "how many stages to go through")] if tapped else []),
            Port(q, "output", width, "the chosen output" if tapped else "the output of the chain"),
        ),
        registers=frozenset({q} if tapped else ()),
        nouns=(
            f"a chain of {length} instances of a register module for {size}, {tail}{taps}",
            f"a shift chain with a submodule: {length} instances of a D register of {size} in a row, {tail}{taps}",
            f"a hierarchical delay of {length} clock cycles for {size}, one register instance for each, {tail}{taps}",
        ),
        behaviours=(
            f"Write a module {pins}, a D register of {size} that is loaded at each rising edge, and connect {length} instances of it in a row from {d} on.{tap} {said[0]}",
            f"{length} instances of {pins}, a D register of {size} for the rising edge of {clk}, form a chain that begins with {d}; connect them {style}.{tap} {said[1]} Include the module of the register.",
            f"{d} goes through {length} register instances, each a module of its own of {size}, clocked by the positive edge of {clk}.{tap} {said[2]} Include the module of the register.",
        ),
        body=f"\n    wire {bits(width)}{', '.join(wires)};\n\n" + "\n".join(lines) + choose,
        model=Sequential(
            clk, (0 if reset else None,) * length, lambda state, values: (values[d], *state[:-1]), outputs, reset
        ),
        submodules=sub,
        bugs=(
            (instance(length - 1), instance(length - 1).replace(nets[length - 1], nets[length - 2])),
            *([(zero, f"q <= ~{width}'d0;")] if reset else []),
        ),
    )

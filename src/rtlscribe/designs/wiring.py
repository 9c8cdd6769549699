"""Families of wires: constants, connections, slices, concatenations, and several small outputs side by side."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rtlscribe.designs.base import Combinational, Design, Pick, Port, Values, article, bits, listing, mask, styled
from rtlscribe.designs.combinational import GATES, TOGETHER
from rtlscribe.designs.families import family
from rtlscribe.designs.parts import Written, always, case_statement, collide, counting, each_bit


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _range(name: str, high: int, low: int) -> str:
    return f"{name}[{high}]" if high == low else f"{name}[{high}:{low}]"


def _assigns(pairs: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"    assign {left} = {right};" for left, right in pairs)


def _drive(name: str, right: str, wrong: str) -> tuple[str, str]:
    """A planted mistake in what drives one output."""
    return f"assign {name} = {right};", f"assign {name} = {wrong};"


_Pairs = Sequence[tuple[str, str]]  # outputs with the code of their values


def _block(pairs: _Pairs) -> str:
    return always("\n".join(f"        {left} = {right};" for left, right in pairs))


def _joined(pairs: _Pairs) -> str:
    """One assignment to all outputs."""
    lefts, rights = (", ".join(side) for side in zip(*pairs, strict=True))
    return f"    assign {{{lefts}}} = {{{rights}}};" if len(pairs) > 1 else _assigns(pairs)


@family("wiring")
def constant_outputs(rng: random.Random, pick: Pick) -> Design:
    """A module without inputs that drives one to four constants."""
    count = rng.choice([1, 1, 2, 3, 4])
    widths = [rng.choice([1, 1, 4, 8, 16, 32, rng.randint(2, 12)]) for _ in range(count)]
    numbers = [rng.choice([0, mask(w), rng.getrandbits(w), rng.getrandbits(w)]) for w in widths]
    prefix, style = pick("out", "y", "const_out"), rng.choice("dhb")
    outs = [prefix] if count == 1 else [f"{prefix}{i}" for i in range(count)]

    def code(number: int, width: int) -> str:
        return f"{width}'{style}{number:{style.replace('h', 'x')}}"

    def said(number: int, width: int) -> str:
        if width == 1:
            return "a logic high" if number else "a logic low"
        return f"the {width}-bit constant {code(number, width)}"

    codes = [code(n, w) for n, w in zip(numbers, widths, strict=True)]
    words = [f"{said(n, w)} on {out}" for n, w, out in zip(numbers, widths, outs, strict=True)]
    plain = listing([f"{out} = {c}" for out, c in zip(outs, codes, strict=True)])
    lines = " ".join(
        f"{out} ({_plural(w, 'bit')}) always has the value {n}."
        for out, w, n in zip(outs, widths, numbers, strict=True)
    )
    sizes = listing([_plural(w, "bit") for w in widths])
    return Design(
        key=(tuple(widths), tuple(numbers)),
        name=pick("constants", "const_driver", "tie_off", "top_module"),
        ports=tuple(Port(out, "output", w, "a constant") for out, w in zip(outs, widths, strict=True)),
        nouns=(
            f"a module without inputs that drives {listing(words)}",
            f"a constant driver with no inputs and {_plural(count, 'output')} of {sizes}: {plain}",
            f"a circuit that has no inputs and always gives {listing(words)}",
        ),
        behaviours=(
            f"There are no inputs. Drive {listing(words)}.",
            f"{lines} The module has no inputs.",
            f"Tie off the {'output' if count == 1 else 'outputs'}: {plain}.",
        ),
        briefs=()
        if count > 1
        else (f"constant {numbers[0]} output", f"module that always outputs {numbers[0]}", f"logic {numbers[0]} driver")
        if widths[0] == 1
        else (
            f"{widths[0]}-bit constant {numbers[0]}",
            f"module that always outputs the {widths[0]}-bit number {numbers[0]}",
            f"{widths[0]}-bit output with the constant value {numbers[0]}",
        ),
        body=_assigns(list(zip(outs, codes, strict=True))),
        model=Combinational(lambda _: dict(zip(outs, numbers, strict=True))),
        bugs=(
            _drive(outs[0], codes[0], code(numbers[0] ^ 1, widths[0])),
            _drive(outs[-1], codes[-1], f"~{codes[-1]}"),
        ),
    )


@family("wiring")
def wire_connections(rng: random.Random, pick: Pick) -> Design:
    """Outputs that are each connected to one of some inputs, one-bit or words, some through an inverter."""
    inputs, outputs = rng.randint(1, 5), rng.randint(1, 6)
    width = rng.choice([1, 1, 1, 2, 4, 8, 16])
    ins = pick("a b c d e", "in1 in2 in3 in4 in5", "i0 i1 i2 i3 i4").split()[:inputs]
    outs = pick("w x y z u v", "out1 out2 out3 out4 out5 out6", "o0 o1 o2 o3 o4 o5").split()[:outputs]
    with_inverters = rng.random() < 0.4
    source = [rng.randrange(inputs) for _ in outs]
    flips = [with_inverters and rng.random() < 0.4 for _ in outs]
    codes = [("~" if flip else "") + ins[i] for i, flip in zip(source, flips, strict=True)]

    def function(values: Values) -> dict[str, int]:
        return {
            out: values[ins[i]] ^ (mask(width) if flip else 0) for out, i, flip in zip(outs, source, flips, strict=True)
        }

    def driven(i: int, flip: bool) -> str:
        """The outputs that an input goes to, directly or inverted."""
        found = [o for o, j, f in zip(outs, source, flips, strict=True) if (j, f) == (i, flip)]
        return f"{ins[i]} -> {'NOT -> ' if flip else ''}{listing(found)}" if found else ""

    arrows = [text for i in range(inputs) for flip in (False, True) if (text := driven(i, flip))]
    words = [f"{o} is {'the inverse of ' if f else ''}{ins[i]}" for o, i, f in zip(outs, source, flips, strict=True)]
    size = "one-bit" if width == 1 else f"{width}-bit"
    parts = "wires and inverters" if any(flips) else "wires"
    unused = [name for i, name in enumerate(ins) if i not in source]
    rest = f" {listing(unused)} {'is' if len(unused) == 1 else 'are'} not used." if unused else ""
    ports = " and ".join(
        f"the {size} {kind}{'s' if len(names) > 1 else ''} {listing(names)}"
        for kind, names in (("input", ins), ("output", outs))
    )
    # Continuous assignments all, for they can be asked for.
    styles = [_assigns, _joined]
    styles += [partial(_lanes, width=width)] * (width > 1) + [partial(_with_inverses, width=width)] * any(flips)
    code = styled(rng, styles)
    pairs = list(zip(outs, codes, strict=True))
    return Design(
        key=(inputs, width, tuple(source), tuple(flips)),
        name=pick("wires", "connections", "wire_map", "top_module"),
        ports=(
            *(Port(name, "input", width, f"input {i}") for i, name in enumerate(ins, 1)),
            *(Port(name, "output", width, "a copy of an input, inverted or not") for name in outs),
        ),
        nouns=(
            f"a module of {parts} with {ports}, where {listing(words)}",
            f"a circuit with {ports} that only connects them: {'; '.join(arrows)}",
            f"a module with {ports} and no logic other than {parts}: "
            + ", ".join(f"{out} = {c}" for out, c in zip(outs, codes, strict=True)),
        ),
        behaviours=(
            f"Connect inputs and outputs, which are all {size}, like this: {'; '.join(arrows)}.{rest}",
            f"The module consists of {parts} only. {'. '.join(words)}.{rest}",
            "Make these continuous assignments: "
            + ", ".join(f"{out} = {c}" for out, c in zip(outs, codes, strict=True))
            + f".{' Here ~ inverts every bit.' if any(flips) else ''}{rest}",
        ),
        briefs=_copy_briefs(inputs, width, flips),
        body=code(pairs),
        model=Combinational(function),
        bugs=tuple((code(pairs), code(_inverted(pairs, k))) for k in sorted({0, len(outs) - 1})),
    )


def _copy_briefs(inputs: int, width: int, flips: Sequence[bool]) -> tuple[str, ...]:
    """Of one input that goes to all outputs, or to all of them inverted."""
    if inputs > 1 or len(set(flips)) > 1:
        return ()
    size, outputs = "" if width == 1 else f"{width}-bit ", len(flips)
    if outputs == 1:
        return (f"{size}inverter", f"{size}NOT gate") if flips[0] else (f"{size}wire", f"{size}buffer")
    what = "inverter" if flips[0] else "wire"
    return f"{what} from one {size}input to {outputs} outputs", f"{size}{what} with {outputs} equal outputs"


def _inverted(pairs: _Pairs, place: int) -> _Pairs:
    """With one output inverted by mistake."""
    name, code = pairs[place]
    return [*pairs[:place], (name, f"~{code}".replace("~~", "")), *pairs[place + 1 :]]


def _lanes(pairs: _Pairs, width: int) -> str:
    """Bit by bit in a generate loop."""
    return each_bit("\n".join(f"assign {out}[i] = {code}[i];" for out, code in pairs), 0, width, "lane")


def _with_inverses(pairs: _Pairs, width: int) -> str:
    """A wire for each inverse."""
    inverses = {code: f"inverted_{code[1:]}" for _, code in pairs if code.startswith("~")}
    wires = "".join(f"    wire {bits(width)}{name} = {code};\n" for code, name in inverses.items())
    return f"{wires}\n{_assigns([(out, inverses.get(code, code)) for out, code in pairs])}"


@family("wiring")
def vector_split(rng: random.Random, pick: Pick) -> Design:
    """A vector taken apart: into fields that cover it, or into arbitrary slices; perhaps with the whole vector again."""
    width, whole = rng.choice([4, 8, 12, 16, 16, 24, 32, 32]), rng.random() < 0.2
    if rng.random() < 0.5:
        cuts = sorted(rng.sample(range(1, width), min(rng.choice([1, 1, 2, 3]), width - 1)), reverse=True)
        ranges = [(high - 1, low) for high, low in zip([width, *cuts], [*cuts, 0], strict=True)]
        if rng.random() < 0.5:
            ranges.reverse()
    else:
        ends = [sorted(rng.choices(range(width), k=2)) for _ in range(rng.randint(1, 4))]
        ranges = list(dict.fromkeys((high, low) for low, high in ends))
    data, prefix, copy = pick("in", "vec", "data"), pick("out", "part", "f"), pick("whole", "outv", "copy")
    outs = [prefix] if len(ranges) == 1 else [f"{prefix}{i}" for i in range(len(ranges))]
    sources = {out: _range(data, high, low) for out, (high, low) in zip(outs, ranges, strict=True)}
    names = [*outs, copy] if whole else outs

    def function(values: Values) -> dict[str, int]:
        word = values[data]
        parts = [word >> low & mask(high - low + 1) for high, low in ranges]
        return dict(zip(names, [*parts, word] if whole else parts, strict=True))

    def place(high: int, low: int) -> str:
        return f"bit {low}" if high == low else f"bits {high} down to {low}"

    words = [f"{out} is {place(*span)} of {data}" for out, span in zip(outs, ranges, strict=True)]
    takes = listing([place(*span) for span in ranges])
    again = f" {copy} is all of {data}." if whole else ""
    tail = ", and with one more output, the whole vector again" if whole else ""
    pairs = [*sources.items(), *([(copy, data)] if whole else [])]
    vector = article(f"{width}-bit vector")
    return Design(
        key=(width, tuple(ranges), whole),
        name=pick("vector_split", "slices", "split", "top_module"),
        ports=(
            Port(data, "input", width, "the vector"),
            *(Port(o, "output", h - w + 1, f"{place(h, w)} of {data}") for o, (h, w) in zip(outs, ranges, strict=True)),
            *([Port(copy, "output", width, f"all of {data}")] if whole else []),
        ),
        nouns=(
            f"a module that gives parts of {vector} on outputs of their own, in this order: {takes}{tail}",
            f"a circuit that takes {takes} out of {vector}, each for an output of its own, in this order{tail}",
            f"a splitter of {vector} with {_plural(len(ranges), 'output')} for its {takes}{tail}",
        ),
        behaviours=(
            f"Split the {width}-bit input {data}: {listing(words)}.{again}",
            f"Assign {listing([f'{source} to {out}' for out, source in sources.items()])}.{again}",
            f"{data} has {width} bits. "
            + " ".join(
                f"Its {place(*s)} go to {o}." if s[0] != s[1] else f"Its {place(*s)} goes to {o}."
                for o, s in zip(outs, ranges, strict=True)
            )
            + again,
        ),
        briefs=() if whole else _slice_briefs(width, ranges, takes),
        body=_assigns(pairs),
        model=Combinational(function),
        bugs=(_drive(*pairs[0], f"~{pairs[0][1]}"), _drive(*pairs[-1], f"~{pairs[-1][1]}")),
    )


def _slice_briefs(width: int, ranges: Sequence[tuple[int, int]], takes: str) -> tuple[str, ...]:
    vector = article(f"{width}-bit vector")
    if len(ranges) == 1:
        return f"selection of {takes} of {vector}", f"module that outputs {takes} of {vector}"
    if len(ranges) > 2:
        return ()
    halves = [(width - 1, width // 2), (width // 2 - 1, 0)]
    ends = {tuple(halves): "upper and lower", tuple(halves[::-1]): "lower and upper"}.get(tuple(ranges))
    extra = [f"splitter of {vector} into its {ends} halves", f"{ends} half of {vector} as two outputs"] if ends else []
    return f"splitter of {vector} into {takes}", f"module that outputs {takes} of {vector}", *extra


@family("wiring")
def vector_join(rng: random.Random, pick: Pick) -> Design:
    """Inputs and constant bits joined to one vector, which is given whole or cut into two or four equal words."""
    while True:
        count = rng.randint(2, 5)
        widths = [rng.choice([1, 2, 3, 4, 5, 8]) for _ in range(count)]
        repeats = [rng.choice([1, 1, 1, 1, 2, 3, 4]) for _ in range(count)]
        pad = rng.choice([0, 0, 1, 2, 3, 4])
        total = sum(w * r for w, r in zip(widths, repeats, strict=True)) + pad
        pieces = rng.choice([1, 1, 2, 4])
        if total <= 40 and total % pieces == 0:
            break
    fill, at_top = rng.getrandbits(pad) if pad else 0, rng.random() < 0.5
    order = rng.sample(range(count), count) if rng.random() < 0.5 else list(range(count))
    ins = pick("a b c d e", "in1 in2 in3 in4 in5", "f0 f1 f2 f3 f4").split()[:count]
    outs = [pick("out", "y", "joined")] if pieces == 1 else pick("w x y z", "out1 out2 out3 out4").split()[:pieces]
    constant = f"{pad}'b{fill:0{pad}b}" if pad else ""
    drawn = [(f"{{{repeats[i]}{{{ins[i]}}}}}" if repeats[i] > 1 else ins[i], widths[i] * repeats[i]) for i in order]
    parts = [part for part in ([(constant, pad), *drawn] if at_top else [*drawn, (constant, pad)]) if part[1]]
    size = total // pieces

    def function(values: Values) -> dict[str, int]:
        text = "".join(f"{values[ins[i]]:0{widths[i]}b}" * repeats[i] for i in order)
        padding = f"{fill:0{pad}b}" if pad else ""
        text = padding + text if at_top else text + padding
        return {out: int(text[k * size : (k + 1) * size], 2) for k, out in enumerate(outs)}

    times = {1: "", 2: "twice ", 3: "three times ", 4: "four times "}
    said = [f"{times[repeats[i]]}{ins[i]}" for i in order]
    constants = f"the constant bit{'' if pad == 1 else 's'} {fill:0{pad}b}" if pad else ""
    said = [text for text in ([constants, *said] if at_top else [*said, constants]) if text]
    target = _together(outs)
    cut = (
        f"the {total}-bit output {outs[0]}"
        if pieces == 1
        else f"{_plural(pieces, 'output')} of {_plural(size, 'bit')} each, {listing(outs)}, the upper bits in {outs[0]}"
    )
    sizes = listing([f"{name} ({_plural(w, 'bit')})" for name, w in zip(ins, widths, strict=True)])
    code = _concatenation(parts)
    join = partial(styled(rng, _JOINS), outs, size)
    written = join(parts)
    mistakes = [[(f"~{parts[0][0]}", parts[0][1]), *parts[1:]]]
    joined = [
        f"{r} copies of {article(f'{w}-bit input')}" if r > 1 else article(f"{w}-bit input")
        for w, r in zip(widths, repeats, strict=True)
    ]
    joined = [text for text in ([constants, *joined] if at_top else [*joined, constants]) if text]
    usual = pieces == 1 and count < 4 and order == sorted(order)
    if len(set(widths)) > 1 or not pad:
        mistakes.append([*parts[1:], parts[0]])
    return Design(
        key=(tuple(widths), tuple(repeats), tuple(order), pad, fill, at_top, pieces),
        name=pick("vector_join", "concat", "join_bits", "top_module"),
        ports=(
            *(Port(name, "input", w, "a part to join") for name, w in zip(ins, widths, strict=True)),
            *(Port(name, "output", size, "the joined bits, or a part of them") for name in outs),
        ),
        nouns=(
            f"a module that joins the inputs {sizes}, from the most significant end: {', '.join(said)}; the result is {cut}",
            f"a concatenation of the inputs {sizes} to {cut}, in the order {', '.join(said)}, most significant first",
            f"a circuit with the inputs {sizes} that only wires them to {cut}: {target} = {code}",
        ),
        behaviours=(
            f"Concatenate, from the most significant bit down, {listing(said)}. The {total} bits are {cut}.",
            f"The inputs are {sizes}. {target} is {code} in the notation of Verilog"
            + ("." if pieces == 1 else f", so that every output has {_plural(size, 'bit')}."),
            f"Build {cut}, from these bits in a row, the first at the top: {', then '.join(said)}.",
        ),
        briefs=(f"concatenation of {listing(joined)}", f"module that concatenates {listing(joined)}") if usual else (),
        body=written.body,
        registers=written.registers,
        model=Combinational(function),
        bugs=tuple((written.body, join(wrong).body) for wrong in mistakes),
    )


_Parts = Sequence[tuple[str, int]]  # what is joined, the uppermost first, with the number of its bits


def _concatenation(parts: _Parts) -> str:
    return f"{{{', '.join(code for code, _ in parts)}}}"


def _cut(outs: Sequence[str], size: int) -> str:
    """The outputs as slices of the wire `joined`, the uppermost first."""
    top = len(outs) * size - 1
    return _assigns([(out, f"joined[{top - k * size}:{top + 1 - (k + 1) * size}]") for k, out in enumerate(outs)])


def _at_once(outs: Sequence[str], size: int, parts: _Parts) -> Written:
    return Written(f"    assign {_together(outs)} = {_concatenation(parts)};")


def _in_block(outs: Sequence[str], size: int, parts: _Parts) -> Written:
    return Written(_block([(_together(outs), _concatenation(parts))]), registers=frozenset(outs))


def _together(outs: Sequence[str]) -> str:
    return f"{{{', '.join(outs)}}}" if len(outs) > 1 else outs[0]


def _by_slices(outs: Sequence[str], size: int, parts: _Parts) -> Written:
    """Each part assigned to its place in the whole."""
    whole, high, pairs = outs[0] if len(outs) == 1 else "joined", len(outs) * size, []
    for code, width in parts:
        pairs.append((_range(whole, high - 1, high - width), code))
        high -= width
    if len(outs) == 1:
        return Written(_assigns(pairs))
    return Written(f"    wire {bits(len(outs) * size)}joined;\n\n{_assigns(pairs)}\n\n{_cut(outs, size)}")


def _through_wire(outs: Sequence[str], size: int, parts: _Parts) -> Written:
    """The whole on a wire, or with one output the repeated parts on wires of their own."""
    if len(outs) > 1:
        whole = f"    wire {bits(len(outs) * size)}joined = {_concatenation(parts)};"
        return Written(f"{whole}\n\n{_cut(outs, size)}")
    wires, named = "", []
    for code, width in parts:
        repeated = code.startswith("{")
        name = f"repeated_{code.strip('{}').split('{')[1]}" if repeated else code
        named.append((name, width))
        wires += f"    wire {bits(width)}{name} = {code};\n" if repeated else ""
    return Written(f"{wires}\n{_at_once(outs, size, named).body}") if wires else _by_slices(outs, size, parts)


_JOINS = (_at_once, _at_once, _in_block, _by_slices, _through_wire)


@dataclass(frozen=True, slots=True)
class _Output:
    """One small output: its Verilog, the words after "is", its width, its value, a wrong Verilog, and what it is in a key."""

    code: str
    words: str
    width: int
    value: Callable[[Values], int]
    wrong: str
    key: tuple[object, ...]


def _bit_output(rng: random.Random, names: Sequence[str]) -> _Output:
    """A gate, a multiplexer, a constant or a copy of one-bit inputs."""
    i, j = rng.sample(range(len(names)), 2)
    a, b = names[i], names[j]
    kind = rng.choice(["gate"] * 6 + ["half", "half", "not", "copy", "constant", "all", "mux"])
    if kind == "gate":
        gate = rng.choice(list(GATES))
        symbol, inverted, _ = GATES[gate]
        i, j = sorted((i, j))
        a, b = names[i], names[j]
        plain = f"{a} {symbol} {b}"

        def value(v: Values) -> int:
            return TOGETHER[symbol](v[a], v[b]) ^ inverted

        right, other = (f"~({plain})", plain) if inverted else (plain, f"~({plain})")
        return _Output(right, f"the {gate} of {a} and {b}", 1, value, other, (gate, i, j))
    if kind == "half":
        symbol, name = rng.choice([("&", "AND"), ("|", "OR")])
        return _Output(
            f"{a} {symbol} ~{b}",
            f"the {name} of {a} and the inverse of {b}",
            1,
            lambda v: v[a] & (1 - v[b]) if symbol == "&" else v[a] | (1 - v[b]),
            f"~{a} {symbol} {b}",
            (symbol, i, j),
        )
    if kind == "not":
        return _Output(f"~{a}", f"the inverse of {a}", 1, lambda v: 1 - v[a], a, ("not", i))
    if kind == "copy":
        return _Output(a, f"the same as {a}", 1, lambda v: v[a], f"~{a}", ("copy", i))
    if kind == "constant":
        bit = rng.getrandbits(1)
        return _Output(f"1'b{bit}", f"always {bit}", 1, lambda _: bit, f"1'b{1 - bit}", ("constant", bit))
    if kind == "all" or len(names) < 3:
        symbol, words = rng.choice(
            [
                ("&", "high when all inputs are high"),
                ("|", "high when any input is high"),
                ("^", "high when an odd number of the inputs are high"),
            ]
        )

        def together(v: Values) -> int:
            ones = sum(v[n] for n in names)
            return {"&": int(ones == len(names)), "|": int(ones > 0), "^": ones % 2}[symbol]

        code = f" {symbol} ".join(names)
        return _Output(code, words, 1, together, f"~({code})", ("all", symbol))
    c = names[k := next(n for n in range(len(names)) if n not in (i, j))]
    return _Output(
        f"{c} ? {a} : {b}",
        f"{a} when {c} is 1 and {b} when {c} is 0",
        1,
        lambda v: v[a] if v[c] else v[b],
        f"{c} ? {b} : {a}",
        ("mux", i, j, k),
    )


def _word_output(rng: random.Random, a: str, b: str, width: int) -> _Output:
    """A bitwise or logical operation, comparison, sum, slice, reduction or constant of two words."""
    full, top = mask(width), width - 1
    x, y = rng.choice([(a, b), (b, a)])
    first = x == a
    number, low = rng.randint(1, full), rng.randrange(width - 1)
    high = rng.randint(low, width - 2) if low < width - 2 else low
    choices: list[_Output] = [
        _Output(f"{a} & {b}", f"the bitwise AND of {a} and {b}", width, lambda v: v[a] & v[b], f"{a} | {b}", ("&",)),
        _Output(f"{a} | {b}", f"the bitwise OR of {a} and {b}", width, lambda v: v[a] | v[b], f"{a} || {b}", ("|",)),
        _Output(f"{a} ^ {b}", f"the bitwise XOR of {a} and {b}", width, lambda v: v[a] ^ v[b], f"~({a} ^ {b})", ("^",)),
        _Output(f"~{x}", f"{x} with every bit inverted", width, lambda v: v[x] ^ full, f"!{x}", ("~", first)),
        _Output(f"{a} && {b}", f"1 when both {a} and {b} are not zero, otherwise 0", 1, lambda v: int(v[a] > 0 and v[b] > 0), f"{a} || {b}", ("&&",)),
        _Output(f"!{x}", f"1 when {x} is zero, otherwise 0", 1, lambda v: int(v[x] == 0), f"{x} != 0", ("!", first)),
        _Output(f"{a} == {b}", f"high when {a} and {b} are equal", 1, lambda v: int(v[a] == v[b]), f"{a} != {b}", ("==",)),
        _Output(f"{x} < {y}", f"high when {x} is less than {y} (unsigned)", 1, lambda v: int(v[x] < v[y]), f"{x} > {y}", ("<", first)),
        _Output(f"{x} > {width}'d{number - 1}", f"high when {x}, unsigned, is at least {number}", 1, lambda v: int(v[x] >= number), f"{x} < {width}'d{number}", (">=", first, number)),
        _Output(f"{a} + {b}", f"the sum of {a} and {b} modulo 2^{width}", width, lambda v: v[a] + v[b] & full, f"{a} - {b}", ("+",)),
        _Output(f"{x} - {y}", f"{x} minus {y} modulo 2^{width}", width, lambda v: v[x] - v[y] & full, f"{y} - {x}", ("-", first)),
        _Output(_range(x, high, low), f"a copy of {_range(x, high, low)}", high - low + 1, lambda v: v[x] >> low & mask(high - low + 1), f"~{_range(x, high, low)}", ("slice", first, high, low)),
        _Output(f"{x}[{top}]", f"the most significant bit of {x}", 1, lambda v: v[x] >> top, f"{x}[0]", ("top", first)),
        _Output(f"^{x}", f"the XOR of all bits of {x}", 1, lambda v: v[x].bit_count() % 2, f"~^{x}", ("parity", first)),
        _Output(f"{{{x}, {y}}}", f"{x} and {y} joined, {x} in the upper half", 2 * width, lambda v: v[x] << width | v[y], f"{{{y}, {x}}}", ("join", first)),
        _Output(f"{width}'d{number}", f"the constant {number} in {width} bits", width, lambda _: number, f"{width}'d{number ^ 1}", ("constant", number)),
    ]  # fmt: skip
    return rng.choice(choices)


@family("wiring")
def several_outputs(rng: random.Random, pick: Pick) -> Design:
    """Two to five small outputs of the same inputs: gates of two to four bits, or operations on two words."""
    count, width = rng.choice([2, 2, 3, 3, 4, 5]), rng.choice([1, 1, 2, 3, 4, 5, 8, 8, 16])
    found: dict[tuple[object, ...], _Output] = {}
    inputs = rng.choice([2, 3, 3, 4]) if width == 1 else 2
    ins = pick("a b c d", "in1 in2 in3 in4", "p q r s").split()[:inputs]
    while len(found) < count:
        output = _bit_output(rng, ins) if width == 1 else _word_output(rng, ins[0], ins[1], width)
        found.setdefault(output.key, output)
    outputs = list(found.values())
    names = pick("w x y z u", "out1 out2 out3 out4 out5", "y0 y1 y2 y3 y4").split()[:count]
    pairs = [(name, output.code) for name, output in zip(names, outputs, strict=True)]
    size = "one-bit inputs" if width == 1 else f"{width}-bit inputs"
    sized = [name if o.width == 1 else f"{name} ({o.width} bits)" for name, o in zip(names, outputs, strict=True)]
    words = [f"{name} is {output.words}" for name, output in zip(sized, outputs, strict=True)]
    formulas = ", ".join(f"{name} = {output.code}" for name, output in zip(sized, outputs, strict=True))
    bullets = "\n".join(f"- {name}: {output.words}" for name, output in zip(sized, outputs, strict=True))
    given = f"the {size} {listing(ins)}"
    model = Combinational(lambda v: {name: o.value(v) for name, o in zip(names, outputs, strict=True)})
    if inputs < 4 and width == 1 and styled(rng, [False, True]):
        code = _truth_table(ins, names, model)
    else:
        depends = any(output.key[0] != "constant" for output in outputs)  # a block without inputs would wait for ever
        ideas = [_IDEAS.get(str(output.key[0]), "") for output in outputs]
        styles: list[Callable[[_Pairs], str]] = [_assigns, _joined, *([_block] if depends else [])]
        if width > 1 and len(set(ideas)) == count:
            styles.append(partial(_named_results, [(idea, o.width) for idea, o in zip(ideas, outputs, strict=True)]))
        style = styled(rng, styles)
        mistakes = [[*pairs[:k], (names[k], outputs[k].wrong), *pairs[k + 1 :]] for k in range(2)]
        code = Written(
            style(pairs),
            tuple((style(pairs), style(wrong)) for wrong in mistakes),
            frozenset(names if style is _block else ()),
        )
    return Design(
        key=(width, inputs, tuple(found)),
        name=pick("several_outputs", "small_logic", "logic_block", "top_module"),
        ports=(
            *(Port(name, "input", width, f"input {i}") for i, name in enumerate(ins, 1)),
            *(Port(name, "output", o.width, o.words) for name, o in zip(names, outputs, strict=True)),
        ),
        nouns=(
            f"a combinational module with {given} in which {listing(words)}",
            f"a module with {given} and {count} outputs: {formulas}",
            f"a set of {count} independent functions of {given}: {'; '.join(words)}",
        ),
        behaviours=(
            f"The module has {given} and these outputs:\n{bullets}",
            f"All outputs are combinational functions of {given}. {'. '.join(words)}.",
            f"Drive {count} outputs from {given}, with the meaning of Verilog's operators: {formulas}.",
        ),
        body=code.body,
        registers=code.registers,
        model=model,
        bugs=code.bugs,
        stimulus={} if width < 4 else {ins[0]: collide(width), ins[1]: collide(width)},
    )


# What a wire for an output of two words is called, by what the output is.
_IDEAS = {
    "&": "bitwise_and", "|": "bitwise_or", "^": "bitwise_xor", "~": "inverted", "&&": "both_nonzero", "!": "is_zero",
    "==": "are_equal", "<": "is_less", ">": "is_greater", ">=": "at_least", "+": "sum", "-": "difference",
    "slice": "selected_bits", "top": "sign_bit", "parity": "odd_parity", "join": "joined", "constant": "fixed_value",
}  # fmt: skip


def _named_results(named: Sequence[tuple[str, int]], pairs: _Pairs) -> str:
    """A wire with a telling name and its width for each output."""
    wires = "\n".join(
        f"    wire {bits(width)}{idea} = {code};" for (idea, width), (_, code) in zip(named, pairs, strict=True)
    )
    return f"{wires}\n\n{_assigns([(out, idea) for (out, _), (idea, _) in zip(pairs, named, strict=True)])}"


def _truth_table(ins: Sequence[str], outs: Sequence[str], model: Combinational) -> Written:
    """One case statement for all outputs. The mistakes are wrong first bits of the first and the last row."""
    rows = []
    for number in range(1 << len(ins)):
        row = f"{number:0{len(ins)}b}"
        values = model.function(dict(zip(ins, map(int, row), strict=True)))
        rows.append((f"{len(ins)}'b{row}", "".join(str(values[name]) for name in outs)))
    target = f"{{{', '.join(outs)}}}"

    def line(bits_: str) -> str:
        return f"{len(outs)}'b{bits_}"

    *body, (_, rest) = rows
    text = always(case_statement(f"{{{', '.join(ins)}}}", target, [(row, line(b)) for row, b in body], line(rest)))
    first, right = body[0]
    bugs = [
        (f"{place}: {target} = {line(b)};", f"{place}: {target} = {line(f'{1 - int(b[0])}{b[1:]}')};")
        for place, b in ((first, right), ("default", rest))
    ]
    return Written(text, tuple(bugs), frozenset(outs))


@family("wiring")
def neighbour_bits(rng: random.Random, pick: Pick) -> Design:
    """Every bit combined with its neighbour at one side or at both, around the ends or with a constant beyond them."""
    width, edge = rng.randint(4, 24), rng.choice(["wrap", "0", "1"])
    side = rng.choice(["left", "right", "both"])
    gate, symbol = rng.choice([("AND", "&"), ("OR", "|"), ("XOR", "^")])
    itself, top = rng.random() < 0.6, width - 1
    itself = itself or side != "both"
    data, out = pick("in", "data", "vec"), pick("out", "y", "result")

    def function(values: Values) -> dict[str, int]:
        text = f"{values[data]:0{width}b}"[::-1]

        def bit(i: int) -> int:
            return int(text[i % width] if edge == "wrap" or 0 <= i < width else edge)

        rows = [
            ([bit(i)] if itself else []) + ([bit(i + 1)] if side != "right" else []) + ([bit(i - 1)] if side != "left" else [])
            for i in range(width)
        ]  # fmt: skip
        ones = [{"&": all(r), "|": any(r), "^": sum(r) % 2 == 1}[symbol] for r in rows]
        return {out: sum(int(one) << i for i, one in enumerate(ones))}

    where = {
        "left": "left neighbour (the next higher bit)",
        "right": "right neighbour (the next lower bit)",
        "both": "left and right neighbours (the next higher and the next lower bit)",
    }[side]
    what = f"itself and its {where}" if itself else f"its {where}, but not of itself"
    indices = listing(
        [f"{data}[i]"] * itself + [f"{data}[i+1]"] * (side != "right") + [f"{data}[i-1]"] * (side != "left")
    )
    ends = {
        "wrap": f"the vector is taken as a ring, so that {data}[0] and {data}[{top}] are neighbours",
        "0": "a neighbour beyond the end of the vector counts as 0",
        "1": "a neighbour beyond the end of the vector counts as 1",
    }[edge]
    ring = {
        "wrap": "in which the vector closes to a ring",
        "0": "with 0 beyond the ends",
        "1": "with 1 beyond the ends",
    }
    near = {"left": "left neighbour", "right": "right neighbour", "both": "left and right neighbours"}[side]
    asked = f"{near}, {'with wrap-around' if edge == 'wrap' else ring[edge]}"
    bits_of = _Neighbours(data, out, width, symbol, itself, side)
    beyond = (f"{data}[0]", f"{data}[{top}]") if edge == "wrap" else (f"1'b{edge}", f"1'b{edge}")
    wrong = "1'b1" if edge == "0" else "1'b0"
    style = styled(rng, _NEIGHBOUR_STYLES)
    code = style(bits_of, *beyond)
    return Design(
        key=(width, edge, side, gate, itself),
        name=pick("neighbours", "neighbor_logic", "adjacent_bits", "top_module"),
        ports=(
            Port(data, "input", width, "the vector"),
            Port(out, "output", width, f"the {gate} of neighbouring bits"),
        ),
        nouns=(
            f"a circuit in which each bit of {article(f'{width}-bit')} output is the {gate} of the input bit {what}".replace(
                "the input bit itself", "the input bit in its place"
            ).replace("the input bit its", "the input bit's")
            + f", {ring[edge]}",
            f"a combinational circuit for the {gate} of every bit of {article(f'{width}-bit')} vector with its {where}, {ring[edge]}"
            if itself
            else f"a combinational circuit that gives, for every bit of {article(f'{width}-bit')} vector, the {gate} of its {where} without the bit itself, {ring[edge]}",
            f"a bank of {width} {gate} gates over neighbouring bits: output bit i is the {gate} of input bits "
            + listing(["i"] * itself + ["i+1"] * (side != "right") + ["i-1"] * (side != "left"))
            + f", {ring[edge]}",
        ),
        behaviours=(
            f"For each i from 0 to {top}, {out}[i] is the {gate} of {indices}; {ends}.",
            f"Every bit of the {width}-bit vector {out} combines, by {gate}, "
            + (
                f"the bit of {data} in the same place and its {where}"
                if itself
                else f"the {where} of the bit of {data} in the same place"
            )
            + f". Note that {ends}.",
            f"{out} has one bit for each bit of {data}: the {gate} of "
            + (f"that bit and its {where}" if itself else f"the {where} of that bit")
            + f". At the ends, {ends}.",
        ),
        briefs=(
            f"{gate} of each bit of {article(f'{width}-bit vector')} with its {asked}",
            f"{width}-bit vector in which each bit is the {gate} of itself and its {asked}",
        )
        if itself
        else (f"{width}-bit vector in which each bit is the {gate} of its {asked}",),
        body=code,
        registers=frozenset({out} if style is _in_loop else ()),
        model=Combinational(function),
        bugs=(
            (code, style(replace(bits_of, inverted=True), *beyond)),
            (code, style(bits_of, *((wrong, beyond[1]) if side == "left" else (beyond[0], wrong)))),
        ),
        vectors=160,
    )


@dataclass(frozen=True, slots=True)
class _Neighbours:
    """Every bit of `data` combined with its neighbours, for a style to write."""

    data: str
    out: str
    width: int
    symbol: str
    itself: bool
    side: str  # "left", "right" or "both"
    inverted: bool = False

    def combined(self, own: str, left: str, right: str) -> str:
        """The expression of the terms that count."""
        terms = [own] * self.itself + [left] * (self.side != "right") + [right] * (self.side != "left")
        code = f" {self.symbol} ".join(terms)
        return f"~({code})" if self.inverted else code

    def shifted(self, left_end: str, right_end: str) -> tuple[str, str]:
        """The left and the right neighbours of all bits, with what is beyond the ends."""
        data, top = self.data, self.width - 1
        return f"{{{left_end}, {data}[{top}:1]}}", f"{{{data}[{top - 1}:0], {right_end}}}"


def _at_a_time(code: _Neighbours, left_end: str, right_end: str) -> str:
    return f"    assign {code.out} = {code.combined(code.data, *code.shifted(left_end, right_end))};"


def _named_neighbours(code: _Neighbours, left_end: str, right_end: str) -> str:
    names = ("left_neighbours", "right_neighbours")
    used = code.combined(code.data, *names)
    wires = [
        f"    wire [{code.width - 1}:0] {name} = {value};\n"
        for name, value in zip(names, code.shifted(left_end, right_end), strict=True)
        if name in used
    ]
    return f"{''.join(wires)}\n    assign {code.out} = {used};"


def _padded(code: _Neighbours, left_end: str, right_end: str) -> tuple[str, str]:
    """A vector with what is beyond the ends, and the combination of its bits that gives bit i."""
    low = int(code.side != "left")  # bits that are added below bit 0
    added = [left_end] * (code.side != "right") + [code.data] + [right_end] * low
    wire = f"    wire [{code.width + len(added) - 2}:0] padded = {{{', '.join(added)}}};"
    places = ["padded[i]", "padded[i + 1]", "padded[i + 2]"]
    own, left, right = places[low], places[low + 1], places[low - 1]
    return wire, code.combined(own, left, right)


def _in_loop(code: _Neighbours, left_end: str, right_end: str) -> str:
    wire, combined = _padded(code, left_end, right_end)
    block = always(counting(f"{code.out}[i] = {combined};", 0, code.width))
    return f"{wire}\n    integer i;\n\n{block}"


def _generated(code: _Neighbours, left_end: str, right_end: str) -> str:
    wire, combined = _padded(code, left_end, right_end)
    return f"{wire}\n\n{each_bit(f'assign {code.out}[i] = {combined};', 0, code.width, 'each_bit')}"


_NEIGHBOUR_STYLES = (_at_a_time, _at_a_time, _named_neighbours, _in_loop, _generated)

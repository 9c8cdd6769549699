"""Families that encode, decode and convert codes."""

from __future__ import annotations

import random

from rtlscribe.designs.base import Combinational, Design, Pick, Port, Values, article, bits, listing, mask, styled
from rtlscribe.designs.combinational import Words
from rtlscribe.designs.families import family
from rtlscribe.designs.parts import Written, always, briefly, case_statement, counting, each_bit


def _decoder_code(rng: random.Random, data: str, out: str, ways: int, condition: str, *, low: bool) -> Written:
    """A decoder by a shift, an indexed bit, a comparison for each bit, or a table; `condition` is the enable's, or ""."""
    size, enable = (ways - 1).bit_length(), condition.removeprefix("!")
    style = styled(rng, ["shift", "index", "bits", "loop", "table"])
    line, idle = f"({ways}'d1 << {data})", f"{'~' * low}{ways}'d0"
    off = [(f"({condition}", f"({enable if condition != enable else '!' + enable}")] if condition else []
    if style == "shift":
        hot = f"{'~' * low}{line}"
        code = f"({condition}) ? {hot} : {idle}" if condition else hot
        bugs = ((f"{ways}'d1 <<", f"{ways}'d2 <<"), *off, (hot, line if low else f"~{line}"))
        return Written(f"    assign {out} = {code};", bugs)
    if style == "index":
        tests = [condition] * bool(condition) + [f"{data} < {size}'d{ways}"] * (ways < 1 << size)
        test = " && ".join(tests if len(tests) == 1 else [f"({found})" for found in tests])
        active = f"{out}[{data}] = 1'b{int(not low)};"
        step = f"        if ({test})\n            {active}" if test else f"        {active}"
        bugs = ((active, f"{out}[{data}] = 1'b{int(low)};"), (f"= {idle}", f"= {ways}'d{int(not low)}"))
        return Written(always(f"        {out} = {idle};\n{step}"), bugs, frozenset({out}))
    if style in ("bits", "loop"):
        test = f"({condition} && {data} == i)" if condition else f"({data} == i)"
        step = f"{out}[i] = {'!' * low}{test};"
        bugs = ((f"{data} == i", f"{data} != i"), *off)
        if style == "bits":
            return Written(each_bit(f"assign {step}", 0, ways, "output_line"), bugs)
        return Written(f"    integer i;\n\n{always(counting(step, 0, ways))}", bugs, frozenset({out}))
    prefix = ("0" if condition != enable else "1") if condition else ""
    words = [1 << i ^ (mask(ways) if low else 0) for i in range(ways)]
    length = size + len(prefix)
    rows = [(f"{length}'b{prefix}{i:0{size}b}", f"{ways}'b{word:0{ways}b}") for i, word in enumerate(words)]
    selector = f"{{{enable}, {data}}}" if condition else data
    (first, right), (_, wrong) = rows[:2]
    bugs = (
        (f"{first}: {out} = {right}", f"{first}: {out} = {wrong}"),
        (f"{rows[-1][0]}: {out} = {rows[-1][1]}", f"{rows[-1][0]}: {out} = {right}"),
    )
    return Written(always(case_statement(selector, out, rows, idle)), bugs, frozenset({out}))


@family("coding")
def decoder(rng: random.Random, pick: Pick) -> Design:
    """A binary to one-hot decoder with N outputs, active-high or active-low, with or without an enable of either level."""
    ways, low = rng.randint(3, 16), rng.random() < 0.4
    enabled, enable_low = rng.random() < 0.5, rng.random() < 0.4
    size = (ways - 1).bit_length()
    data, out = pick("in", "sel", "code"), pick("out", "y", "dec")
    enable = pick("en_n", "enable_n") if enable_low else pick("en", "enable")

    def function(values: Values) -> dict[str, int]:
        active = values[data] < ways and not (enabled and values[enable] == enable_low)
        word = 2 ** values[data] if active else 0
        return {out: mask(ways) - word if low else word}

    active, inactive = ("low", "high") if low else ("high", "low")
    spare = ways < 1 << size
    size_words = f"{size}-to-{ways}"
    enable_noun = ""
    if enabled:
        enable_noun = (
            f", with an active-{'low' if enable_low else 'high'} enable that deactivates all outputs when "
            f"it is {'high' if enable_low else 'low'}"
        )
    rest = f" For values of {data} above {ways - 1}, no output is active." if spare else ""
    off = f" When {enable} is {'high' if enable_low else 'low'}, all bits of {out} are {inactive}." if enabled else ""
    while_on = f" While {enable} is {'low' if enable_low else 'high'}, e" if enabled else " E"
    spare_noun = f" that are all inactive for input values above {ways - 1}" if spare else ""
    none = f" (none if the input is above {ways - 1})" if spare else ""
    name = pick("decoder", f"decoder_{size}to{ways}", "top_module")
    condition = f"{'!' * enable_low}{enable}" if enabled else ""
    code = _decoder_code(rng, data, out, ways, condition, low=low)
    decimal = ("BCD to decimal decoder",) if ways == 10 else ()
    return Design(
        key=(ways, low, enabled, enabled and enable_low),
        name=name,
        ports=(
            Port(data, "input", size, "the binary number to decode"),
            *([Port(enable, "input", 1, f"the active-{'low' if enable_low else 'high'} enable")] if enabled else []),
            Port(out, "output", ways, f"one bit for each number, active {active}"),
        ),
        nouns=(
            f"a {size_words} decoder with active-{active} outputs{spare_noun}{enable_noun}",
            f"a binary decoder from {size} bits to a vector of {ways} active-{active} output "
            f"lines{spare_noun}{enable_noun}",
            f"a circuit that drives {active} the one of {ways} output bits whose number is given by "
            f"{article(f'{size}-bit')} input{none} and drives the others {inactive}{enable_noun}",
        ),
        behaviours=(
            f"Decode the {size}-bit number {data}: the bit {out}[{data}] is {active} and all other bits of {out} are "
            f"{inactive}.{rest}{off}",
            f"This is a {size_words} decoder with active-{active} outputs.{while_on}xactly the bit {out}[{data}] is "
            f"{active}.{rest}{off}",
            f"{out}[0] is {active} when {data} is 0, {out}[1] is {active} when {data} is 1, and so on up to "
            f"{out}[{ways - 1}]; every bit not selected in this way is {inactive}.{rest}{off}",
        ),
        body=code.body,
        model=Combinational(function),
        bugs=code.bugs,
        registers=code.registers,
        stimulus={enable: lambda r: int((r.random() < 0.7) != enable_low)} if enabled else {},
        briefs=briefly(
            (f"{size_words} decoder", f"{size}:{ways} decoder", f"{size_words} line decoder", *decimal),
            "active-low outputs" if low else "",
            f"{'active-low ' * enable_low}enable" if enabled else "",
        ),
    )


@family("coding")
def encoder(rng: random.Random, pick: Pick) -> Design:
    """A one-hot (or one-cold) to binary encoder with N inputs, a result for all other words, and perhaps a valid output."""
    ways, cold, flagged = rng.randint(3, 10), rng.random() < 0.3, rng.random() < 0.4
    size = (ways - 1).bit_length()
    idle = rng.choice([0, 0, mask(size)])
    data, out, valid = pick("in", "data", "d"), pick("out", "code", "y"), pick("valid", "ok", "v")
    target = f"{{{valid}, {out}}}" if flagged else out
    words = [(mask(ways) if cold else 0) ^ 1 << i for i in range(ways)]

    def result(number: int, good: bool) -> str:
        return f"{size + 1}'b{int(good)}{number:0{size}b}" if flagged else f"{size}'b{number:0{size}b}"

    def function(values: Values) -> dict[str, int]:
        good = values[data] in words
        found = words.index(values[data]) if good else idle
        return {out: found, valid: int(good)} if flagged else {out: found}

    def likely(r: random.Random) -> int:
        return r.choice([words[0], words[-1], r.choice(words), r.choice(words), r.getrandbits(ways)])

    rows = [(f"{ways}'b{word:0{ways}b}", result(i, True)) for i, word in enumerate(words)]
    level, name = ("low", "one-cold") if cold else ("high", "one-hot")
    zero = "zero" if idle == 0 else "all ones"
    flag_noun = f", and a valid output that is high only for {name} inputs" if flagged else ""
    flag = f" {valid} is high exactly when one and only one bit of {data} is {level}." if flagged else ""
    first, last = rows[0], rows[-1]
    return Design(
        key=(ways, cold, flagged, idle),
        name=pick("encoder", f"encoder_{ways}to{size}", "top_module"),
        ports=(
            Port(data, "input", ways, f"the {name} word"),
            Port(out, "output", size, f"the number of the {level} bit"),
            *([Port(valid, "output", 1, f"whether the input is {name}")] if flagged else []),
        ),
        registers=frozenset({out, valid} if flagged else {out}),
        nouns=(
            f"{article(f'{ways}-to-{size}')} binary encoder for a {name} input, with a result of {zero} for inputs "
            f"that are not {name}{flag_noun}",
            f"a circuit that converts {article(f'{ways}-bit')} {name} word to the {size}-bit number of its {level} "
            f"bit, or to {zero} if the word is not "
            f"{name}{', with a valid output that is high only if it is' if flagged else ''}",
            f"an encoder from a vector of {ways} lines, of which exactly one should be {level}, to the {size}-bit "
            "number of that line; if that is not so, the result is "
            f"{zero}{' and a valid output, high otherwise, is low' if flagged else ''}",
        ),
        behaviours=(
            f"{data} normally has exactly one {level} bit, and {out} is the number of that bit, from 0 to "
            f"{ways - 1}. For any other {data}, {out} is {zero}.{flag}",
            f"Convert the {name} word {data} to binary. If only {data}[i] is {level}, {out} equals i. If no bit or "
            f"more than one bit of {data} is {level}, {out} is {zero}.{flag}",
            f"Encode the position of the single {level} bit of {data} as the {size}-bit number {out}, where "
            f"{data}[0] gives 0. Words that are not {name} give {zero}.{flag}",
        ),
        body=always(case_statement(data, target, rows, result(idle, False))),
        model=Combinational(function),
        bugs=(
            (f"{first[0]}: {target} = {first[1]};", f"{first[0]}: {target} = {rows[1][1]};"),
            (f"{last[0]}: {target} = {last[1]};", f"{last[0]}: {target} = {rows[ways - 2][1]};"),
            (f"default: {target} = {result(idle, False)}", f"default: {target} = {result(idle ^ 1, False)}"),
        ),
        stimulus={data: likely},
        briefs=briefly(
            (
                f"{ways}-to-{size} encoder",
                f"{ways}:{size} binary encoder",
                f"one-hot to binary encoder for {ways} inputs",
            ),
            "active-low inputs" if cold else "",
            f"a valid output for {name} inputs" if flagged else "",
        )
        if not idle
        else (),
    )


@family("coding")
def priority_encoder(rng: random.Random, pick: Pick) -> Design:
    """The number of the highest or lowest bit set in an N-bit word, with a result for zero and perhaps a valid output."""
    ways, highest, flagged = rng.randint(3, 12), rng.random() < 0.5, rng.random() < 0.5
    size = (ways - 1).bit_length()
    idle = rng.choice([0, 0, mask(size)])
    data, out, valid = pick("in", "req", "data"), pick("out", "pos", "index"), pick("valid", "any", "v")
    order = list(range(ways - 1, -1, -1) if highest else range(ways))

    def function(values: Values) -> dict[str, int]:
        word = values[data]
        position = idle if not word else word.bit_length() - 1 if highest else (word & -word).bit_length() - 1
        return {out: position, valid: int(word > 0)} if flagged else {out: position}

    chain = "".join(f"        {'else ' if i != order[0] else ''}if ({data}[{i}]) {out} = {size}'d{i};\n" for i in order)
    flag = f"\n        {valid} = |{data};" if flagged else ""
    body = always(f"{chain}        else {out} = {size}'d{idle};{flag}")

    def sparse(r: random.Random) -> int:
        return r.getrandbits(ways) & r.getrandbits(ways) if r.random() < 0.5 else r.getrandbits(ways)

    end, zero = ("highest" if highest else "lowest"), ("zero" if idle == 0 else "all ones")
    significant = "most" if highest else "least"
    flag_noun = ", and a valid output that is high when any input bit is high" if flagged else ""
    any_bit = f" {valid} is high when at least one bit of {data} is high." if flagged else ""
    top, next_one = order[0], order[1]
    return Design(
        key=(ways, highest, flagged, idle),
        name=pick("priority_encoder", f"priority_encoder{ways}", "top_module"),
        ports=(
            Port(data, "input", ways, "the input lines"),
            Port(out, "output", size, f"the number of the {end} line that is high"),
            *([Port(valid, "output", 1, "whether any line is high")] if flagged else []),
        ),
        registers=frozenset({out, valid} if flagged else {out}),
        nouns=(
            f"{article(f'{ways}-bit')} priority encoder in which the {end} bit that is high wins, with "
            f"{article(f'{size}-bit')} result of {zero} when no bit is high{flag_noun}",
            f"a priority encoder from {ways} lines in one vector to {size} bits with priority to the {end}-numbered "
            f"line{', a' if flagged else ' and a'} result of {zero} if all lines are low{flag_noun}",
            f"a circuit that finds the number of the {significant} significant 1 in {article(f'{ways}-bit')} word "
            f"and gives {zero} when the word is zero{', with a valid output that is low only then' if flagged else ''}",
        ),
        behaviours=(
            f"{out} is the number of the {end} bit of {data} that is high. When {data} is zero, {out} is "
            f"{zero}.{any_bit}",
            f"Build a priority encoder for the {ways} lines of {data}, in which {data}[{top}] has the first "
            f"priority, {data}[{next_one}] the next and {data}[{order[-1]}] the last. {out} is the number of the "
            f"line with the best priority among those that are high, or {zero} if there are none.{any_bit}",
            f"Search the bits of {data} for the first 1, starting at bit {top} and going "
            f"{'down' if highest else 'up'} to bit {order[-1]}. Put the position of that 1 on {out}. If there is "
            f"none, {out} is {zero}.{any_bit}",
        ),
        body=body,
        model=Combinational(function),
        bugs=(
            (f"else if ({data}[{next_one}])", f"if ({data}[{next_one}])"),
            (f"({data}[{top}]) {out} = {size}'d{top};", f"({data}[{top}]) {out} = {size}'d{next_one};"),
            (f"else {out} = {size}'d{idle};", f"else {out} = {size}'d{idle ^ 1};"),
            *([(f"|{data}", f"&{data}")] if flagged else []),
        ),
        stimulus={data: sparse},
        briefs=briefly(
            (
                f"{ways}-to-{size} priority encoder",
                f"{ways}-bit priority encoder",
                f"priority encoder for {ways} inputs",
            ),
            "" if highest else "priority to the lowest bit",
            "valid output" if flagged else "",
        )
        if not idle
        else (),
    )


def _gray_words(kind: str, width: int, data: str, mode: str, out: str) -> Words:
    size = article(f"{width}-bit")
    words: dict[str, Words] = {
        "to_gray": (
            (
                f"{size} binary to Gray code converter",
                f"a circuit that converts {size} binary number to its Gray code",
                f"a combinational Gray encoder for binary numbers of {width} bits",
            ),
            (
                f"Convert the {width}-bit binary number {data} to the Gray code {out}.",
                f"{out} is the reflected Gray code of {data}: each bit of {out} is the XOR of the bit of {data} in "
                f"the same position and the next higher bit of {data}, and the most significant bits are equal.",
                f"Drive {out} with the bitwise XOR of {data} and {data} shifted right by one place, which is the "
                f"Gray code of {data}.",
            ),
        ),
        "to_binary": (
            (
                f"{size} Gray code to binary converter",
                f"a circuit that converts {size} Gray code to the binary number it stands for",
                f"a combinational Gray decoder from {width} bits of Gray code to {width} bits of binary",
            ),
            (
                f"Convert the {width}-bit Gray code {data} to the binary number {out}.",
                f"{data} is a number in reflected Gray code. {out} is the same number in binary: each bit {out}[i] "
                f"is the XOR of all bits of {data} from bit i up to bit {width - 1}.",
                f"The most significant bit of {out} equals that of {data}, and every lower bit of {out} is the XOR "
                f"of the next higher bit of {out} and the bit of {data} in its own position, which decodes the Gray "
                f"code {data}.",
            ),
        ),
        "either": (
            (
                f"{size} Gray code converter with a direction input: 1 for binary to Gray, 0 for Gray to binary",
                f"a circuit that converts {size} word from binary to Gray code when a control bit is 1 and from Gray "
                "code to binary when it is 0",
                f"a two-way converter for {width} bits with one control bit that chooses binary to Gray (1) or Gray "
                "to binary (0)",
            ),
            (
                f"When {mode} is high, {out} is the Gray code of the binary number {data}. When {mode} is low, "
                f"{data} is a Gray code and {out} is its binary value.",
                f"Convert {data} in the direction that {mode} selects, 1 for binary to Gray and 0 for Gray to "
                f"binary, and give the result on {out}.",
                f"{mode} chooses between two conversions of the {width}-bit word {data} to {out}: if it is 1, {out} "
                f"is {data} XOR ({data} shifted right by one); if it is 0, {out}[i] is the XOR of "
                f"{data}[{width - 1}] down to {data}[i], the binary value of the Gray code {data}.",
            ),
        ),
    }
    return words[kind]


_GRAY_BRIEFS = {
    "to_gray": ("{} binary to Gray code converter", "{} binary-to-gray converter", "{} Gray encoder"),
    "to_binary": ("{} Gray code to binary converter", "{} gray-to-binary converter", "{} Gray decoder"),
    "either": ("{} Gray code converter with a direction input (1 binary to Gray, 0 Gray to binary)",),
}


@family("coding")
def gray_code(rng: random.Random, pick: Pick) -> Design:
    """Binary to Gray, Gray to binary, or either as an input chooses."""
    width, kind = rng.randint(3, 32), rng.choice(["to_gray", "to_binary", "either"])
    data, out = {
        "to_gray": (pick("bin", "binary", "in"), pick("gray", "g", "out")),
        "to_binary": (pick("gray", "g", "in"), pick("bin", "binary", "out")),
        "either": (pick("data", "din", "code_in"), pick("out", "result", "code_out")),
    }[kind]
    mode = pick("to_gray", "mode", "sel")
    forward = f"{data} ^ ({data} >> 1)"
    loop = f"        for (i = 0; i < {width}; i = i + 1)\n            {{}}[i] = ^({data} >> i);"
    if kind == "to_gray":
        body = f"    assign {out} = {forward};"
    elif kind == "to_binary":
        body = f"    integer i;\n{always(loop.format(out))}"
    else:
        body = f"    reg {bits(width)}decoded;\n    integer i;\n{always(loop.format('decoded'))}\n"
        body += f"    assign {out} = {mode} ? {forward} : decoded;"

    def function(values: Values) -> dict[str, int]:
        word = values[data]
        if kind == "to_gray" or (kind == "either" and values[mode]):
            return {out: word ^ word // 2}
        decoded = 0
        for i in reversed(range(width)):  # each bit of the binary number is the one above it, changed or not
            decoded |= ((decoded >> i + 1 & 1) ^ (word >> i & 1)) << i
        return {out: decoded}

    nouns, behaviours = _gray_words(kind, width, data, mode, out)
    bugs = {
        "to_gray": ((">> 1", "<< 1"), (f"{data} ^", f"{data} |")),
        "to_binary": (("i = 0;", "i = 1;"), ("^(", "|(")),
        "either": ((f"{mode} ?", f"!{mode} ?"), ("^(", "|("), (">> 1", "<< 1")),
    }[kind]
    return Design(
        key=(width, kind),
        name=pick(
            {"to_gray": "binary_to_gray", "to_binary": "gray_to_binary"}.get(kind, "gray_converter"),
            "converter",
            "top_module",
        ),
        ports=(
            Port(data, "input", width, "the word to convert"),
            *(
                [Port(mode, "input", 1, "the direction, 1 for binary to Gray and 0 for Gray to binary")]
                if kind == "either"
                else []
            ),
            Port(out, "output", width, "the converted word"),
        ),
        registers=frozenset({out} if kind == "to_binary" else ()),
        nouns=nouns,
        behaviours=behaviours,
        body=body,
        model=Combinational(function),
        bugs=bugs,
        briefs=tuple(noun.format(f"{width}-bit") for noun in _GRAY_BRIEFS[kind]),
    )


GLYPHS = (
    "abcdef",
    "bc",
    "abdeg",
    "abcdg",
    "bcfg",
    "acdfg",
    "acdefg",
    "abc",
    "abcdefg",
    "abcdfg",
    "abcefg",
    "cdefg",
    "adef",
    "bcdeg",
    "adefg",
    "aefg",
)


def _glyphs(rng: random.Random, *, hexadecimal: bool) -> list[str]:
    """The segments lit for each digit, with the variants in use: 6 and 9 with or without a tail, 7 with or without a hook."""
    glyphs = list(GLYPHS[: 16 if hexadecimal else 10])
    if not hexadecimal and rng.random() < 0.4:  # a 6 without its tail is the b of hexadecimal
        glyphs[6], glyphs[9] = "cdefg", "abcfg"
    if rng.random() < 0.3:
        glyphs[7] = "abcf"
    return glyphs


@family("coding")
def seven_segment(rng: random.Random, pick: Pick) -> Design:
    """A BCD or hexadecimal digit to seven segments: active level, order of bits, shape of digits, other values, blanking."""
    hexadecimal, low, a_first, blanked = (rng.random() < p for p in (0.4, 0.5, 0.4, 0.3))
    glyphs = _glyphs(rng, hexadecimal=hexadecimal)
    other, other_words = (
        ("", "")
        if hexadecimal
        else rng.choice(
            [("", "all segments are off"), ("g", "only segment g is lit"), ("adefg", "segments adefg are lit")]
        )
    )
    data, out, blank = (
        pick("digit", "bcd" if not hexadecimal else "hex", "in"),
        pick("seg", "segments", "out"),
        pick("blank", "off"),
    )
    names = "abcdefg" if a_first else "gfedcba"  # from the most significant bit

    def pattern(lit: str) -> str:
        return "7'b" + "".join("01"[(name in lit) != low] for name in names)

    def function(values: Values) -> dict[str, int]:
        lit = "" if blanked and values[blank] else glyphs[values[data]] if values[data] < len(glyphs) else other
        total = sum(1 << (6 - "abcdefg".index(name) if a_first else "abcdefg".index(name)) for name in lit)
        return {out: 127 - total if low else total}

    rows = [(f"4'h{digit:x}", pattern(lit)) for digit, lit in enumerate(glyphs)]
    table = case_statement(data, out, rows, pattern(other), 12 if blanked else 8)
    body = always(
        f"        if ({blank})\n            {out} = {pattern('')};\n        else\n{table}" if blanked else table
    )
    kind, level = ("hexadecimal" if hexadecimal else "BCD"), ("low" if low else "high")
    order = (
        "from segment a in the most significant bit to g in bit 0"
        if a_first
        else "from segment a in bit 0 to g in bit 6"
    )
    others = "" if hexadecimal else f" For values above 9, {other_words}."
    others_noun = "" if hexadecimal else f", where {other_words} for values above 9"
    off = f" When {blank} is high, all segments are off." if blanked else ""
    off_noun = ", with a blank input that turns all segments off when it is high" if blanked else ""
    first, second = rows[rng.randrange(5)], rows[-1]

    def wrong(row: tuple[str, str], lit: str) -> tuple[str, str]:
        return f"{row[0]}: {out} = {row[1]};", f"{row[0]}: {out} = {lit};"

    inverted = "".join("10"[int(bit)] for bit in first[1][3:])
    return Design(
        key=(low, a_first, blanked, tuple(glyphs), other),
        name=pick("seven_segment", "seg7", f"{'hex' if hexadecimal else 'bcd'}_to_7seg", "top_module"),
        ports=(
            Port(data, "input", 4, f"the {kind} digit"),
            *([Port(blank, "input", 1, "turns all segments off")] if blanked else []),
            Port(out, "output", 7, f"the segments, active {level}"),
        ),
        registers=frozenset({out}),
        nouns=(
            f"a {kind} to seven-segment decoder with active-{level} segments in one 7-bit output, "
            f"{order}{others_noun}{off_noun}; the segments lit for each digit are listed below",
            f"a seven-segment display driver for one {kind} digit that lights the segments listed below, with a "
            f"7-bit active-{level} output {order}{others_noun}{off_noun}",
            f"a decoder of a 4-bit {kind} digit for a seven-segment display with active-{level} segments in one "
            f"7-bit output, {order}, as in the list below{others_noun}{off_noun}",
        ),
        behaviours=(
            f"Show {data}, a 4-bit {kind} digit, on a seven-segment display. {out} drives the segments {order}, and "
            f"a segment is lit when its bit is {level}. The segments lit for each digit are listed below.{others}{off}",
            f"Decode {data}, a 4-bit {kind} digit, to the segment signals {out}, which are active {level} and "
            f"ordered {order}. Use the table below of the digits and their lit segments.{others}{off}",
            f"{out} holds the active-{level} signals for the segments of a display, {order}. For each value of "
            f"{data}, the segments in the following list must be lit and the rest must be off.{others}{off}",
        ),
        appendix="\n".join(f"{digit:X}: {lit}" for digit, lit in enumerate(glyphs)),
        body=body,
        model=Combinational(function),
        bugs=(
            wrong(first, f"7'b{inverted}"),
            wrong(second, rows[-2][1]),
            *([(f"if ({blank})", f"if (!{blank})")] if blanked else []),
        ),
        briefs=briefly(
            [
                f"{'hex' if hexadecimal else kind} to {display}"
                for display in ("seven-segment decoder", "7-segment decoder", "7-segment display driver")
            ],
            f"active-{level} segments" if low else "",
            "segment a in the top bit" if a_first else "",
            "blank input" if blanked else "",
        )
        if glyphs == list(GLYPHS[: len(glyphs)]) and not other
        else (),
    )


@family("coding")
def one_hot_check(rng: random.Random, pick: Pick) -> Design:
    """Whether exactly one or at most one bit of a word is high, or low; the output may be an error flag instead."""
    width, cold, at_most, error = rng.randint(3, 32), rng.random() < 0.35, rng.random() < 0.4, rng.random() < 0.35
    data, out = pick("in", "data", "vec"), pick("error", "err", "fail") if error else pick("valid", "ok", "out")
    word = "zeros" if cold else data
    single = f"({word} & ({word} - {width}'d1)) == {width}'d0"
    code = single if at_most else f"({word} != {width}'d0) && ({single})"
    lines = [f"    assign {out} = {f'!({code})' if error else code};"]
    if cold:
        lines.insert(0, f"    wire {bits(width)}zeros = ~{data};")

    def function(values: Values) -> dict[str, int]:
        ones = values[data].bit_count()
        count = width - ones if cold else ones
        return {out: int((count == 1 or (at_most and count == 0)) != error)}

    def likely(r: random.Random) -> int:
        chosen = (
            sum(1 << i for i in r.sample(range(width), r.choice([0, 1, 1, 2, 2, 3])))
            if r.random() < 0.9
            else r.getrandbits(width)
        )
        return chosen ^ mask(width) if cold else chosen

    many, level = ("at most one" if at_most else "exactly one"), ("low" if cold else "high")
    active = f"{'low' if error else 'high'} when {many} bit"
    kind = f"one-{'cold' if cold else 'hot'}{' or all ' + ('ones' if cold else 'zeros') if at_most else ''}"
    is_set, is_clear = (0, 1) if error else (1, 0)
    size = article(f"{width}-bit")
    verdict = "an error output that is high" if error else "a valid output that is low"
    zero = f"no bit is {level} or " if not at_most else ""
    told = " with an error output" if error else ""
    usual = () if at_most else (f"{width}-bit {kind} checker{told}", f"{kind} checker for {width} bits{told}")
    return Design(
        key=(width, cold, at_most, error),
        name=pick("one_cold_check" if cold else "one_hot_check", "onehot", "checker_module", "top_module"),
        ports=(
            Port(data, "input", width, "the word to check"),
            Port(out, "output", 1, f"{active} of the word is {level}"),
        ),
        nouns=(
            f"a checker for {size} word with {verdict} unless {many} bit of the word is {level}",
            f"a circuit that tests whether {size} word is {kind}, with {'an error' if error else 'a valid'} output "
            f"that is {is_set} if it is and {is_clear} if it is not",
            f"a combinational check of {size} input with {'an error' if error else 'a valid'} output that is "
            f"{active} of the input is {level}, and {'high' if error else 'low'} otherwise",
        ),
        behaviours=(
            f"{out} is {active} of {data} is {level}, and {'high' if error else 'low'} otherwise.",
            f"Check that the {width}-bit word {data} is {kind}. Set {out} to {is_set} if it is, and to {is_clear} if "
            "it is not.",
            f"Drive {out} with {is_clear} if {zero}more than one bit of {data} is {level}. In all other cases {out} "
            f"is {is_set}.",
        ),
        body="\n".join(lines),
        model=Combinational(function),
        bugs=(
            (f"{single}", f"({word} & ({word} + {width}'d1)) == {width}'d0"),
            (f"- {width}'d1)) ==", f"- {width}'d1)) !="),
            *([] if at_most else [(f"({word} != {width}'d0) && ", "")]),
        ),
        stimulus={data: likely},
        briefs=(f"circuit{told} that checks whether {many} of {width} bits is {level}", *usual),
    )


def _decimal_ports(digits: int, *, packed: bool, pick: Pick) -> tuple[list[str], list[str], str]:
    """Port names and expressions for decimal digits, the ones first, and words for them; one port if they are packed."""
    if packed:
        name = pick("bcd", "digits", "dec")
        return [name], [f"{name}[{4 * i + 3}:{4 * i}]" for i in range(digits)], name
    names = ["ones", "tens", "hundreds", "thousands"][:digits]
    return names, names, listing(names[::-1])


@family("coding")
def bcd_binary(rng: random.Random, pick: Pick) -> Design:
    """Binary to BCD or BCD to binary: width or number of digits, digits packed or apart, upper digits dropped or a check."""
    return _binary_to_bcd(rng, pick) if rng.random() < 0.6 else _bcd_to_binary(rng, pick)


def _binary_to_bcd(rng: random.Random, pick: Pick) -> Design:
    width, packed = rng.randint(4, 13), rng.random() < 0.5
    needed = len(str(mask(width)))
    digits = rng.choice([needed, needed - 1]) if needed > 2 else needed
    binary = pick("bin", "binary", "value")
    names, parts, together = _decimal_ports(digits, packed=packed, pick=pick)

    def code(i: int) -> str:
        return f"{binary} % {width}'d10" if i == 0 else f"({binary} / {width}'d{10**i}) % {width}'d10"

    def function(values: Values) -> dict[str, int]:
        decimal = f"{values[binary]:0{digits}d}"[-digits:]
        return {names[0]: int(decimal, 16)} if packed else dict(zip(names, map(int, reversed(decimal)), strict=True))

    lines = [f"    assign {part} = {code(i)};" for i, part in reversed(list(enumerate(parts)))]
    which = f"{digits} decimal digits" if digits == needed else f"{digits} least significant decimal digits"
    apart = "packed in one output, the ones in the lowest 4 bits" if packed else "on separate 4-bit outputs"
    dropped = "" if digits == needed else f" Higher digits of {binary} are dropped."
    dropped_noun = "" if digits == needed else ", the higher digits being dropped"
    size = article(f"{width}-bit")
    spread = f"{together}, 4 bits a digit with the ones in {parts[0]}" if packed else f"the 4-bit outputs {together}"
    places = listing(
        [f"the {name} in {part}" for name, part in zip(("ones", "tens", "hundreds", "thousands"), parts, strict=False)]
    )
    each = places if packed else f"each digit on its own 4-bit output: {together}"
    return Design(
        key=("to_bcd", width, packed, digits),
        name=pick("binary_to_bcd", "bin2bcd", "converter", "top_module"),
        ports=(
            Port(binary, "input", width, "the unsigned binary number"),
            *(
                [Port(names[0], "output", 4 * digits, "the packed BCD digits")]
                if packed
                else [Port(name, "output", 4, f"the {name} digit") for name in reversed(names)]
            ),
        ),
        nouns=(
            f"{size} binary to BCD converter that gives the {which} {apart}",
            f"a combinational circuit that converts {size} unsigned binary number to {digits} BCD digits, "
            f"{apart}{dropped_noun}",
            f"a converter from {width}-bit binary to {digits}-digit BCD, with the digits {apart}{dropped_noun}",
        ),
        behaviours=(
            f"Convert the {width}-bit unsigned number {binary} to BCD. The {which} appear on {spread}.{dropped}",
            f"Write {binary}, {size} unsigned number, in decimal and give its {which} in BCD, {each}.{dropped}",
            f"The outputs hold the {which} of the {width}-bit unsigned number {binary}, {each}.{dropped}"
            if not packed
            else f"{together} holds the {which} of the {width}-bit unsigned number {binary}, {each}.{dropped}",
        ),
        body="\n".join(lines),
        model=Combinational(function),
        bugs=(
            (f"= {code(0)}", f"= {binary} / {width}'d10"),
            (f"({binary} / {width}'d10)", f"({binary} / {width}'d9)"),
        ),
        briefs=briefly(
            (f"{width}-bit binary to BCD converter", f"converter from {width}-bit binary to {digits}-digit BCD"),
            "" if packed else "separate digit outputs",
        )
        if digits == needed
        else (),
    )


def _bcd_to_binary(rng: random.Random, pick: Pick) -> Design:
    digits, packed, checked = rng.randint(2, 4), rng.random() < 0.5, rng.random() < 0.5
    width = (10**digits - 1).bit_length()
    binary, error = pick("bin", "binary", "value"), pick("error", "invalid", "err")
    names, parts, together = _decimal_ports(digits, packed=packed, pick=pick)
    total = " + ".join(parts[i] if i == 0 else f"{parts[i]} * {width}'d{10**i}" for i in reversed(range(digits)))

    def function(values: Values) -> dict[str, int | None]:
        found = [values[names[0]] >> 4 * i & 15 for i in range(digits)] if packed else [values[name] for name in names]
        wrong = max(found) > 9
        number = sum(digit * 10**i for i, digit in enumerate(found))
        return {binary: 0 if wrong else number, error: int(wrong)} if checked else {binary: None if wrong else number}

    def digit(r: random.Random) -> int:
        return r.choice([9, 9, r.randrange(10), r.randrange(10), r.randrange(10), r.randrange(10), r.randrange(8, 16)])

    tests = " || ".join(f"({part} > 4'd9)" for part in reversed(parts))
    lines = [f"    assign {binary} = {total};"]
    if checked:
        lines = [f"    assign {error} = {tests};", f"    assign {binary} = {error} ? {width}'d0 : {total};"]
    apart = "packed in one input, the ones in the lowest 4 bits" if packed else "on separate 4-bit inputs"
    check_noun = (
        ", with an error output that is high if any digit is above 9, the result then being zero" if checked else ""
    )
    check = (
        f" If any digit is greater than 9, {error} is high and {binary} is zero; otherwise {error} is low."
        if checked
        else " No digit is ever greater than 9."
    )
    where = f"in {together} (the ones in {parts[0]})" if packed else together
    return Design(
        key=("to_binary", digits, packed, checked),
        name=pick("bcd_to_binary", "bcd2bin", "converter", "top_module"),
        ports=(
            *(
                [Port(names[0], "input", 4 * digits, "the packed BCD digits")]
                if packed
                else [Port(name, "input", 4, f"the {name} digit") for name in reversed(names)]
            ),
            Port(binary, "output", width, "the binary number"),
            *([Port(error, "output", 1, "whether a digit is not decimal")] if checked else []),
        ),
        nouns=(
            f"a {digits}-digit BCD to {width}-bit binary converter with the digits {apart}{check_noun}",
            f"a combinational circuit that converts {digits} BCD digits, {apart}, to {article(f'{width}-bit')} "
            f"binary number{check_noun}",
            f"a converter to {width}-bit binary from a decimal number of {digits} BCD digits {apart}{check_noun}",
        ),
        behaviours=(
            f"Convert the {digits} BCD digits {where} to the {width}-bit binary number {binary}.{check}",
            f"{binary} is the value of the {digits}-digit decimal number whose BCD digits are {where}.{check}",
            f"Compute {binary} = {' + '.join(f'{10**i} * {parts[i]}' if i else parts[i] for i in reversed(range(digits)))}, the binary value of a decimal number in BCD.{check}",
        ),
        body="\n".join(lines),
        model=Combinational(function),
        bugs=(
            (f"{width}'d10 +", f"{width}'d{8} +"),
            (f"{parts[1]} *", f"{parts[0]} *"),
            *([(f"({parts[0]} > 4'd9)", f"({parts[0]} > 4'd8)")] if checked else []),
        ),
        stimulus={names[0]: lambda r: sum(digit(r) << 4 * i for i in range(digits))}
        if packed
        else dict.fromkeys(names, digit),
        briefs=briefly(
            (f"{digits}-digit BCD to binary converter", f"converter from {digits}-digit BCD to {width}-bit binary"),
            "" if packed else "separate digit inputs",
            "an error output (and a zero) for invalid digits" if checked else "",
        ),
    )


# The codes of the decimal digits 0 to 9.
DECIMAL_CODES: dict[str, tuple[int, ...]] = {
    "excess-3": tuple(range(3, 13)),
    "Aiken (2421)": (0, 1, 2, 3, 4, 11, 12, 13, 14, 15),
    "5421": (0, 1, 2, 3, 4, 8, 9, 10, 11, 12),
    "84-2-1": (0, 7, 6, 5, 4, 11, 10, 9, 8, 15),
}


@family("coding")
def lookup_code(rng: random.Random, pick: Pick) -> Design:
    """A code given by a table: a decimal code from or to BCD, a random substitution, or a random table of some inputs."""
    kind, idle_ones = rng.choice(["decimal", "substitution", "partial"]), rng.random() < 0.4
    size = 4 if kind == "decimal" else rng.choice([3, 4])
    wide = rng.randint(2, 8) if kind == "partial" else size
    subject, briefs = "code converter", tuple[str, ...]()
    if kind == "decimal":
        name, back = rng.choice(list(DECIMAL_CODES)), rng.random() < 0.5
        pairs = list(enumerate(DECIMAL_CODES[name]))
        if back:
            pairs = [(code, digit) for digit, code in pairs]
        subject = f"{name} to BCD converter" if back else f"BCD to {name} converter"
        briefs = (subject, subject.replace("converter", "code converter"), subject.replace("BCD", "8421 BCD"))
    elif kind == "substitution":
        pairs = list(enumerate(rng.sample(range(1 << size), 1 << size)))
    else:
        pairs = [
            (word, rng.getrandbits(wide))
            for word in sorted(rng.sample(range(1 << size), rng.randint(4, (1 << size) - 2)))
        ]
    pairs_of = dict(pairs)
    full = len(pairs) == 1 << size
    idle = mask(wide) if idle_ones and not full else 0
    data, out = pick("data", "code_in", "word"), pick("out", "code_out", "result")

    rows = [(f"{size}'b{word:0{size}b}", f"{wide}'b{code:0{wide}b}") for word, code in pairs]
    body = always(case_statement(data, out, rows, f"{wide}'b{idle:0{wide}b}"))
    first, last = rows[0], rows[-1]

    def flipped(row: tuple[str, str]) -> tuple[str, str]:
        value, code = row
        return f"{value}: {out} = {code};", f"{value}: {out} = {code[:-1]}{'10'[int(code[-1])]};"

    unlisted = "all ones" if idle else "zero"
    rest_noun = "" if full else f", with an output of {unlisted} for every other input"
    rest = "" if full else f" Every input that is not listed gives {unlisted}."
    listed = "every" if full else "each listed"
    arrow = rng.choice(["->", ":", "=>"])
    subject = article(subject)
    return Design(
        key=(size, wide, tuple(sorted(pairs)), idle),
        name=pick("code_converter", "lookup", "converter", "top_module"),
        ports=(
            Port(data, "input", size, "the word to look up"),
            Port(out, "output", wide, "the word found in the table"),
        ),
        registers=frozenset({out}),
        nouns=(
            f"{subject} with {article(f'{size}-bit')} input and {article(f'{wide}-bit')} output; the table below "
            f"gives the output for {listed} input{rest_noun}",
            f"a combinational lookup table from {size} to {wide} bits with the contents listed below as input and "
            f"output{rest_noun}",
            f"{subject} that replaces {article(f'{size}-bit')} word by {article(f'{wide}-bit')} word as listed "
            f"below{rest_noun}",
        ),
        behaviours=(
            f"Look up {data} in the table below, which lists inputs at the left and outputs at the right, and put "
            f"the result on {out}.{rest}",
            f"This is {subject}. The table below gives the value of {out} for {listed} value of {data}.{rest}",
            f"Translate the {size}-bit word {data} to the {wide}-bit word {out} by means of the following table.{rest}",
        ),
        appendix="\n".join(f"{word:0{size}b} {arrow} {code:0{wide}b}" for word, code in pairs),
        body=body,
        model=Combinational(lambda values: {out: pairs_of.get(values[data], idle)}),
        bugs=(
            flipped(first),
            flipped(last),
            *(
                []
                if full
                else [(f"default: {out} = {wide}'b{idle:0{wide}b}", f"default: {out} = {wide}'b{idle ^ 1:0{wide}b}")]
            ),
        ),
        briefs=briefs if not idle else (),
    )

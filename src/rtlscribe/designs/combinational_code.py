"""The Verilog of circuits without memory, in several styles. Draws no circuit and makes no words."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rtlscribe.designs.base import styled
from rtlscribe.designs.parts import Written, always, case_statement, counting, each_bit

# What the uninverted result of a gate says of its inputs.
_GATE_NETS = {"&": "all_high", "|": "any_high", "^": "odd_ones"}


def gate_code(
    rng: random.Random, gate: tuple[str, bool], form: str, names: Sequence[str], out: str, sizes: tuple[int, int]
) -> Written:
    """A gate, that is an operator and whether it is inverted, as one assignment, by a loop, or as a decision.

    `sizes` are the number of its inputs and their width.
    """
    (ways, width), (symbol, inverted) = sizes, gate
    plain = f"{symbol}{names[0]}" if form == "vector" else f" {symbol} ".join(names)
    swap = (symbol, "|" if symbol == "&" else "&")
    style = styled(rng, ["assign", "generate", "loop"] if form == "words" else ["assign", "loop", "decision"])
    if style == "assign":
        right, wrong = (f"~({plain})", plain) if inverted else (plain, f"~({plain})")
        return Written(f"    assign {out} = {right};", ((f"= {right};", f"= {wrong};"), swap))
    if form == "words":
        bit = f" {symbol} ".join(f"{name}[i]" for name in names)
        right, wrong = (f"~({bit})", bit) if inverted else (bit, f"~({bit})")
        bugs = ((f"= {right};", f"= {wrong};"), swap)
        if style == "generate":
            return Written(each_bit(f"assign {out}[i] = {right};", 0, width, "bit_slice"), bugs)
        loop = always(counting(f"{out}[i] = {right};", 0, width))
        return Written(f"    integer i;\n\n{loop}", bugs, frozenset({out}))
    net, vector = _GATE_NETS[symbol], names[0] if form == "vector" else "gate_inputs"
    lines = [] if form == "vector" else [f"    wire [{ways - 1}:0] gate_inputs = {{{', '.join(names)}}};"]
    if style == "loop":
        loop = counting(f"{net} = {net} {symbol} {vector}[i];", 0, ways)
        block = always(f"        {net} = 1'b{int(symbol == '&')};\n{loop}")
        lines += [f"    reg {net};", "    integer i;", "", block, "", f"    assign {out} = {'~' * inverted}{net};"]
        flip = (f"{out} = {'~' * inverted}{net};", f"{out} = {'~' * (not inverted)}{net};")
        return Written("\n".join(lines), (flip, (f"{net} {symbol}", f"{net} {swap[1]}")))
    test = {"&": f"{vector} == {{{ways}{{1'b1}}}}", "|": f"{vector} != {ways}'d0", "^": f"^{vector}"}[symbol]
    right, wrong = (f"{out} = 1'b{int(high != inverted)};" for high in (True, False))
    block = f"        if ({test})\n            {right}\n        else\n            {wrong}"
    flipped = f"({test})\n            {right}", f"(!({test}))\n            {right}"
    return Written("\n".join([*lines, *([""] if lines else []), always(block)]), (flipped,), frozenset({out}))


def expression_code(
    rng: random.Random, names: Sequence[str], out: str, code: str, changed: tuple[str, str], table: Sequence[int]
) -> Written:
    """An expression as it is or as the table of its rarer value; `changed` are its inverse and a wrong one."""
    inputs = len(names)
    if inputs == 5 or styled(rng, [True, False]):
        return Written(f"    assign {out} = {code};", tuple((f"= {code};", f"= {wrong};") for wrong in changed))
    value = int(2 * sum(table) <= len(table))
    rows = [(f"{inputs}'b{row:0{inputs}b}", f"1'b{value}") for row, found in enumerate(table) if found == value]
    first, usual = f"{rows[0][0]}: {out} = 1'b", f"default: {out} = 1'b"
    return Written(
        always(case_statement(f"{{{', '.join(names)}}}", out, rows, f"1'b{1 - value}")),
        ((f"{first}{value};", f"{first}{1 - value};"), (f"{usual}{1 - value};", f"{usual}{value};")),
        frozenset({out}),
    )


def terms_code(
    rng: random.Random, groups: Sequence[str], symbols: tuple[str, str], out: str, *, inverted: bool
) -> Written:
    """Terms under the first of two gates, each on a net of its own, by assignments or in a block."""
    nets = ["first_term", "second_term", "third_term"][: len(groups)]
    steps = [f"{net} = {group.strip('()')};" for net, group in zip(nets, groups, strict=True)]
    plain, wrong = (f" {symbol} ".join(nets) for symbol in symbols)
    code = f"~({plain})" if inverted else plain
    bugs = ((f"= {code};", f"= {plain if inverted else f'~({plain})'};"), (plain, wrong))
    if styled(rng, [True, False]):
        return Written("\n".join([*(f"    wire {step}" for step in steps), "", f"    assign {out} = {code};"]), bugs)
    block = always("\n".join(f"        {step}" for step in [*steps, f"{out} = {code};"]))
    return Written(f"    reg {', '.join(nets)};\n\n{block}", bugs, frozenset({out}))


def extension_code(rng: random.Random, kind: str, data: str, signed: str, out: str, sizes: tuple[int, int]) -> Written:
    """An extension by a replicated bit, a bit at a time, by a decision, or of a signed net; `sizes` are the widths."""
    narrow, wide = sizes
    top, more = f"{data}[{narrow - 1}]", wide - narrow
    fill, other = {"sign": (top, "1'b0"), "zero": ("1'b0", top), "either": (f"{signed} & {top}", signed)}[kind]
    style = styled(
        rng, ["assign", "assign", "bits", "loop", "parts", {"sign": "typed", "either": "choice"}.get(kind, "loop")]
    )
    copy, driven = f"{out}[{narrow - 1}:0] = {data};", frozenset({out})
    in_braces = ((f"{{{fill}}}", f"{{{other}}}"), (f"{{{fill}}}", f"{{~({fill})}}"))
    assigned = ((f"= {fill};", f"= {other};"), (f"= {fill};", f"= ~({fill});"))
    if style == "assign":
        return Written(f"    assign {out} = {{{{{more}{{{fill}}}}}, {data}}};", in_braces)
    if style == "bits":
        bits_above = each_bit(f"assign {out}[i] = {fill};", narrow, wide, "upper_bit")
        return Written(f"    assign {copy}\n\n{bits_above}", assigned)
    if style == "loop":
        block = always(f"        {copy}\n" + counting(f"{out}[i] = {fill};", narrow, wide))
        return Written(f"    integer i;\n\n{block}", assigned, driven)
    if style == "parts":
        net = f"    wire [{more - 1}:0] upper_bits = {{{more}{{{fill}}}}};"
        return Written(f"{net}\n\n    assign {out} = {{upper_bits, {data}}};", in_braces)
    if style == "typed":
        net = f"    wire signed [{narrow - 1}:0] signed_value = {data};"
        return Written(f"{net}\n\n    assign {out} = signed_value;", (("wire signed [", "wire ["),))
    yes, no = (f"{out} = {{{{{more}{{{bit}}}}}, {data}}};" for bit in (top, "1'b0"))
    block = f"        if ({signed})\n            {yes}\n        else\n            {no}"
    return Written(always(block), ((f"if ({signed})", f"if (!{signed})"), (f"{{{top}}}", "{1'b0}")), driven)


def parity_code(rng: random.Random, kind: str, width: int, data: str, given: str, out: str, *, odd: bool) -> Written:
    """Parity by a reduction of the word or of its halves, by a loop over its bits, or from the number of ones."""
    half, invert = width // 2, "~" if odd else ""
    style = styled(rng, ["assign", "assign", "loop", "halves", "count"])
    net = f"{invert}(^{data})" if odd else f"^{data}"
    if style != "assign":
        net = out if style == "loop" and kind == "bit" else "parity_bit"
    result = {"upper": f"{{{net}, {data}}}", "lower": f"{{{data}, {net}}}", "checker": f"{net} ^ {given}"}.get(
        kind, net
    )
    ending = "" if net == out else f"    assign {out} = {result};"
    if style == "assign":
        return Written(ending, ((net, f"^{data}" if odd else f"~(^{data})"), (f"^{data}", f"|{data}")))
    if style == "halves":
        low = f"{data}[{half - 1}:0]" if half > 1 else f"{data}[0]"
        reduced = (
            f"    wire lower_parity = {'^' * (half > 1)}{low};\n    wire upper_parity = ^{data}[{width - 1}:{half}];\n"
        )
        both = "lower_parity ^ upper_parity"
        code = f"~({both})" if odd else both
        body = f"{reduced}    wire parity_bit = {code};\n\n{ending}"
        return Written(body, ((f"= {code};", f"= {both if odd else f'~({both})'};"), (both, both.replace("^", "|"))))
    if style == "loop":
        start = f"{net} = 1'b{int(odd)};"
        block = always(f"        {start}\n" + counting(f"{net} = {net} ^ {data}[i];", 0, width))
        bugs = ((start, f"{net} = 1'b{int(not odd)};"), (f"^ {data}[i]", f"| {data}[i]"))
        if net == out:
            return Written(f"    integer i;\n\n{block}", bugs, frozenset({out}))
        return Written(f"    reg parity_bit;\n    integer i;\n\n{block}\n\n{ending}", bugs)
    size = width.bit_length()
    block = always(f"        ones_count = {size}'d0;\n" + counting(f"ones_count = ones_count + {data}[i];", 0, width))
    body = f"    reg [{size - 1}:0] ones_count;\n    wire parity_bit = {invert}ones_count[0];\n    integer i;\n\n{block}\n\n{ending}"
    flipped = f"= {invert}ones_count[0]", f"= {'' if odd else '~'}ones_count[0]"
    return Written(body, (flipped, ("i = 0;", "i = 1;")))


def count_code(rng: random.Random, data: str, bit: str, out: str, width: int) -> Written:
    """A count of the bits for which `bit` is 1: in the output, beside it, in two halves, or by a chain of sums."""
    size, half = width.bit_length(), width // 2
    flipped = (bit, bit[1:] if bit.startswith("!") else f"!{bit}")
    ends = (("i = 0;", "i = 1;"), (f"i < {width};", f"i < {width - 1};"), flipped)
    style = styled(rng, ["output", "output", "test", "halves", "chain", "shift"])
    if style == "output":
        loop = always(f"        {out} = {size}'d0;\n" + counting(f"{out} = {out} + {bit};", 0, width))
        return Written(f"    integer i;\n{loop}", ends, frozenset({out}))
    if style == "chain":
        chain = each_bit(f"assign running_total[i + 1] = running_total[i] + {bit};", 0, width, "bit_stage")
        body = f"    wire [{size - 1}:0] running_total [0:{width}];\n\n    assign running_total[0] = {size}'d0;\n"
        body += f"    assign {out} = running_total[{width}];\n\n{chain}"
        return Written(body, (flipped, (f"= {size}'d0", f"= {size}'d1")))
    if style == "halves":
        parts = (("lower_half", 0, half), ("upper_half", half, width))
        steps = [f"        {part} = {size}'d0;" for part, _, _ in parts]
        steps += [counting(f"{part} = {part} + {bit};", start, end) for part, start, end in parts]
        body = f"    reg [{size - 1}:0] lower_half, upper_half;\n    integer i;\n\n{always(chr(10).join(steps))}"
        return Written(f"{body}\n\n    assign {out} = lower_half + upper_half;", (*ends, (" + upper_half;", ";")))
    declared = f"    reg [{size - 1}:0] total;\n    integer i;\n"
    ending = f"\n\n    assign {out} = total;"
    if style == "test":
        block = always(
            f"        total = {size}'d0;\n" + counting(f"if ({bit})\n    total = total + {size}'d1;", 0, width)
        )
        return Written(f"{declared}\n{block}{ending}", ends)
    first = "!remaining[0]" if bit.startswith("!") else "remaining[0]"
    loop = counting(f"total = total + {first};\nremaining = remaining >> 1;", 0, width)
    block = always(f"        remaining = {data};\n        total = {size}'d0;\n{loop}")
    bugs = ((f"i < {width};", f"i < {width - 1};"), (first, first[1:] if first[0] == "!" else f"!{first}"))
    return Written(f"    reg [{width - 1}:0] remaining;\n{declared}\n{block}{ending}", bugs)


def threshold_code(rng: random.Random, names: Sequence[str], vector: str, out: str, test: str) -> str:
    """A test of `total`, the number of high inputs, which is a sum or is counted; `vector` holds the inputs, or is ""."""
    size, ways = len(names).bit_length(), len(names)
    lines = [f"    wire [{size - 1}:0] total = {' + '.join(names)};"]
    if styled(rng, [False, False, True, True, True]):
        loop = counting(f"total = total + {vector or 'voters'}[i];", 0, ways)
        lines = [] if vector else [f"    wire [{ways - 1}:0] voters = {{{', '.join(names)}}};"]
        lines += [
            f"    reg [{size - 1}:0] total;",
            "    integer i;",
            "",
            always(f"        total = {size}'d0;\n{loop}"),
            "",
        ]
    return "\n".join([*lines, f"    assign {out} = ({test});"])


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on one number: Verilog with {} for its name, words that follow "is", and the same as a test."""

    code: str
    words: str
    test: Callable[[int], bool]
    bounds: tuple[int, ...]  # values at which a mistake of one shows
    bug: tuple[str, str]
    names: tuple[str, ...]  # of the bounds


_COMPARED = {">=": "at_least", "<=": "at_most", "<": "below", ">": "above", "==": "equals"}


def condition_code(
    rng: random.Random, condition: Condition, data: str, out: str, width: int, *, inverted: bool
) -> Written:
    """A condition with its constants, with a name for each constant, or with a net for each comparison."""
    plain, lines, bug = condition.code.format(data), [], condition.bug
    style = styled(rng, ["constants", "constants", "names", "nets"])
    if style == "names":
        for name, value in zip(condition.names, condition.bounds, strict=True):
            constant = f"{width}'d{value}"
            lines.append(f"    localparam [{width - 1}:0] {name} = {constant};")
            plain = re.sub(rf"{constant}\b", name, plain)
            if not bug[0].startswith(constant):
                bug = (re.sub(rf"{constant}\b", name, bug[0]), re.sub(rf"{constant}\b", name, bug[1]))
    if style == "nets":

        def net(found: re.Match[str]) -> str:
            name = f"{_COMPARED[found[1]]}_{found[2]}"
            lines.append(f"    wire {name} = {found[0][1:-1]};")
            return name

        plain = re.sub(rf"\({data} (\S+) \d+'d(\d+)\)", net, plain)
    negated = f"!({plain})" if " || " in plain or " && " in plain else f"!{plain}"
    code, flipped = (negated, plain) if inverted else (plain, negated)
    above = [*lines, ""] if lines else []
    if styled(rng, [True, False]):
        return Written("\n".join([*above, f"    assign {out} = {code};"]), ((f"= {code};", f"= {flipped};"), bug))
    test = plain[1:-1] if re.fullmatch(r"\([^()]*\)", plain) else plain
    high, low = (f"{out} = 1'b{int(value)};" for value in (not inverted, inverted))
    block = always(f"        if ({test})\n            {high}\n        else\n            {low}")
    swapped = f"if ({test})\n            {high}", f"if (!({test}))\n            {high}"
    return Written("\n".join([*above, block]), (swapped, bug), frozenset({out}))

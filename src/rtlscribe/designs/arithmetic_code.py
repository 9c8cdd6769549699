"""The Verilog of sums, products and comparisons, in several styles. Draws no circuit and knows no words."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from rtlscribe.designs.base import styled
from rtlscribe.designs.parts import Written, always, counting, each_bit


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum or a difference: its words, its carry or borrow in (or ""), and its outputs; `flag` says what `extra` is."""

    minus: bool
    width: int
    a: str
    b: str
    third: str
    out: str
    extra: str
    flag: str

    @property
    def carries(self) -> bool:
        return self.flag in ("carry", "borrow")

    @property
    def overflow(self) -> str:
        """The line of the overflow flag, from the signs of the words; empty without that flag."""
        a, out, top = self.a, self.out, self.width - 1
        signs = f"({a}[{top}] {'!=' if self.minus else '=='} {self.b}[{top}])"
        line = f"\n    assign {self.extra} = {signs} && ({out}[{top}] != {a}[{top}]);"
        return line if self.flag == "overflow" else ""

    def terms(self, bits: str, third: str, *, minus: bool) -> str:
        """The sum or difference of some bits of the words and a third operand, if there is one."""
        sign = "-" if minus else "+"
        return f"{self.a}{bits} {sign} {self.b}{bits}{f' {sign} {third}' if third else ''}"


def sum_code(rng: random.Random, it: Sum) -> Written:
    """By the operator, perhaps on a wider net or in two halves, by a chain of one-bit cells, or by a loop over the bits."""
    wide, halves = (["wide"] if it.carries else []), (["halves"] if it.width > 3 else [])
    style = styled(rng, ["assign", "assign", "chain", "loop", *wide, *halves])
    if style == "halves":
        return _sum_of_halves(it)
    if style in ("chain", "loop"):
        return _sum_of_bits(it, style)
    terms = it.terms("", it.third, minus=it.minus)
    bugs = [(terms, f"{it.b} - {it.a}{terms[len(f'{it.a} - {it.b}') :]}" if it.minus else terms[len(f"{it.a} + ") :])]
    bugs.append((terms, it.terms("", it.third, minus=not it.minus)))
    bugs += [(f"{terms};", f"{it.terms('', '', minus=it.minus)};")] if it.third else []
    if style == "wide":
        body = f"    wire [{it.width}:0] full_result = {terms};\n\n    assign {it.out} = full_result[{it.width - 1}:0];"
        return Written(f"{body}\n    assign {it.extra} = full_result[{it.width}];", tuple(bugs))
    bugs += [(f"({it.out}[{it.width - 1}] !=", f"({it.out}[{it.width - 1}] ==")] if it.flag == "overflow" else []
    target = f"{{{it.extra}, {it.out}}}" if it.carries else it.out
    return Written(f"    assign {target} = {terms};{it.overflow}", tuple(bugs))


def _sum_of_bits(it: Sum, style: str) -> Written:
    """Each bit from those of the words and the carry or borrow of the bit below, by a "chain" of cells or a "loop"."""
    link, inverse, start = "borrow" if it.minus else "carry", "~" if it.minus else "", it.third or "1'b0"
    both, made = f"{it.a}[i] ^ {it.b}[i]", f"({inverse}{it.a}[i] & {it.b}[i])"
    kept = f"{inverse}({both})"
    bugs = ((made, made.replace("&", "|")), (f"= {both} ^ ", "= "), (f"= {start};", f"= ~{start};"))
    if style == "chain":
        cell = f"assign {it.out}[i] = {both} ^ {link}[i];\nassign {link}[i + 1] = {made} | ({link}[i] & {kept});"
        lines = [f"    wire [{it.width}:0] {link};", "", f"    assign {link}[0] = {start};"]
        lines += [f"    assign {it.extra} = {link}[{it.width}];"] if it.carries else []
        ends = f"{link}[{it.width}] ^ {link}[{it.width - 1}]"
        lines += [f"    assign {it.extra} = {ends};"] if it.flag == "overflow" else []
        return Written("\n".join([*lines, "", each_bit(cell, 0, it.width, "bit_cell")]), bugs)
    step = f"{it.out}[i] = {both} ^ {link};\n{link} = {made} | ({link} & {kept});"
    block = always(f"        {link} = {start};\n{counting(step, 0, it.width)}")
    ending = f"\n    assign {it.extra} = {link};" if it.carries else it.overflow
    body = f"    reg {link};\n    integer i;\n\n{block}{chr(10) if ending else ''}{ending}"
    return Written(body, bugs, frozenset({it.out}))


def _sum_of_halves(it: Sum) -> Written:
    """The lower half with its carry or borrow in its top bit, and the upper half, which takes that in."""
    half, top = it.width // 2, it.width - it.width // 2
    lower = it.terms(f"[{half - 1}:0]", it.third, minus=it.minus)
    upper = it.terms(f"[{it.width - 1}:{half}]", f"lower_half[{half}]", minus=it.minus)
    ending = f"    assign {it.extra} = upper_half[{top}];\n" if it.carries else it.overflow.lstrip("\n")
    body = f"""    wire [{half}:0] lower_half = {lower};
    wire [{top if it.carries else top - 1}:0] upper_half = {upper};

    assign {it.out} = {{upper_half[{top - 1}:0], lower_half[{half - 1}:0]}};
{ending}"""
    sign = "-" if it.minus else "+"
    bugs = ((f" {sign} lower_half[{half}];", ";"), (lower, it.terms(f"[{half - 1}:0]", it.third, minus=not it.minus)))
    return Written(body.rstrip("\n"), bugs)


def product_code(
    rng: random.Random, operands: tuple[str, str], widths: tuple[int, int], out: str, *, is_signed: bool
) -> Written:
    """A product by the operator, on operands of its width, or as a sum of shifted operands."""
    (a, b), (wide, narrow), whole = operands, widths, sum(widths)
    style = styled(rng, ["assign", "assign", "extended", "typed" if is_signed else "chain", "loop", "loop"])
    if style == "assign":
        plain, as_signed = f"{a} * {b}", f"$signed({a}) * $signed({b})"
        right, other = (as_signed, plain) if is_signed else (plain, as_signed)
        return Written(f"    assign {out} = {right};", ((right, other), ("*", "+")))
    if style == "typed":
        lines = [
            f"    wire signed [{wide - 1}:0] multiplicand = {a};",
            f"    wire signed [{narrow - 1}:0] multiplier_value = {b};",
            f"    wire signed [{whole - 1}:0] signed_product = multiplicand * multiplier_value;",
            "",
            f"    assign {out} = signed_product;",
        ]
        return Written("\n".join(lines), (("signed [", "["), ("* ", "+ ")))
    fill, zeros = (f"{a}[{wide - 1}]", "1'b0") if is_signed else ("1'b0", f"{a}[{wide - 1}]")
    extended = f"    wire [{whole - 1}:0] extended_operand = {{{{{narrow}{{{fill}}}}}, {a}}};"
    unextended = (f"{{{fill}}}", f"{{{zeros}}}")
    if style == "extended":
        top = f"{b}[{narrow - 1}]" if is_signed else "1'b0"
        other = f"    wire [{whole - 1}:0] extended_factor = {{{{{wide}{{{top}}}}}, {b}}};"
        last = f"    assign {out} = extended_operand * extended_factor;"
        return Written("\n".join([extended, other, "", last]), (unextended, ("operand * ", "operand + ")))
    if style == "chain":
        sums = f"    wire [{whole - 1}:0] partial_sum [0:{narrow}];"
        ends = f"    assign partial_sum[0] = {whole}'d0;\n    assign {out} = partial_sum[{narrow}];"
        step = f"assign partial_sum[i + 1] = {b}[i] ? partial_sum[i] + (extended_operand << i) : partial_sum[i];"
        chain = each_bit(step, 0, narrow, "partial_product")
        return Written(f"{extended}\n{sums}\n\n{ends}\n\n{chain}", (("[i] + (", "[i] - ("), unextended))
    step = f"if ({b}[i])\n    total = total + (extended_operand << i);"
    steps = [f"        total = {whole}'d0;", counting(step, 0, narrow - is_signed)]
    if is_signed:
        steps.append(f"        if ({b}[{narrow - 1}])\n            total = total - (extended_operand << {narrow - 1});")
    lines = [
        extended,
        f"    reg [{whole - 1}:0] total;",
        "    integer i;",
        "",
        always("\n".join(steps)),
        "",
        f"    assign {out} = total;",
    ]
    return Written("\n".join(lines), (unextended, ("total + (", "total - (")))


# The operator of each relation.
SIGNS = {"lt": "<", "eq": "==", "gt": ">", "le": "<=", "ge": ">=", "ne": "!="}
# Each relation from the two that need a comparison.
_FROM_FLAGS = {
    "lt": "is_less",
    "eq": "is_equal",
    "gt": "!is_less && !is_equal",
    "le": "is_less || is_equal",
    "ge": "!is_less",
    "ne": "!is_equal",
}


def relation_code(
    rng: random.Random, a: str, b: str, outs: Mapping[str, str], width: int, *, is_signed: bool
) -> Written:
    """Relations by their operators, in a block, or from two flags that come from operators, a subtraction or a loop."""
    style = styled(rng, ["assign", "assign", "block", "flags", "difference", "loop", "loop"])
    wrong_signs = {"<": "<=", ">": ">=", "<=": "<", ">=": ">", "==": "!=", "!=": "=="}
    lines, bugs = [], []
    if style in ("assign", "block"):
        for name, out in outs.items():
            sign = SIGNS[name]
            left, right = (f"$signed({a})", f"$signed({b})") if is_signed and name not in ("eq", "ne") else (a, b)
            test = f"{left} {sign} {right}"
            wrong = [f"{left} {wrong_signs[sign]} {right}", f"{left} {'>' if sign != '>' else '<'} {right}"]
            wrong += [f"{a} {sign} {b}"] if left != a else []
            if style == "assign":
                lines.append(f"    assign {out} = {test};")
                bugs += [(f"{test};", f"{code};") for code in wrong]
            else:
                lines += [f"        if ({test})", f"            {out} = 1'b1;"]
                bugs += [(f"({test})", f"({code})") for code in wrong]
        if style == "assign":
            return Written("\n".join(lines), tuple(bugs))
        lines = [*(f"        {out} = 1'b0;" for out in outs.values()), *lines]
        return Written(always("\n".join(lines)), tuple(bugs), frozenset(outs.values()))
    flags = [flag for flag in ("is_less", "is_equal") if any(flag in _FROM_FLAGS[name] for name in outs)]
    assigned = [f"    assign {out} = {_FROM_FLAGS[name]};" for name, out in outs.items()]
    body, bug = _flags_code(style, a, b, flags, width, is_signed=is_signed)
    flips = [(line, f"{line.replace('= ', '= !(', 1)[:-1]});") for line in assigned]
    return Written("\n".join([body, "", *assigned]), (bug, *flips))


def _flags_code(
    style: str, a: str, b: str, flags: list[str], width: int, *, is_signed: bool
) -> tuple[str, tuple[str, str]]:
    """The nets is_less and is_equal, or one of them, and a mistake in them."""
    top = width - 1
    if style == "loop":
        step = {"is_less": f"    is_less = {b}[i];", "is_equal": "    is_equal = 1'b0;"}
        inner = "\n".join(step[flag] for flag in flags)
        several = len(flags) > 1
        chosen = f"if ({a}[i] != {b}[i]){' begin' if several else ''}\n{inner}{chr(10) + 'end' if several else ''}"
        steps = [f"        {flag} = 1'b{int(flag == 'is_equal')};" for flag in flags]
        steps.append(counting(chosen, 0, width))
        if is_signed:
            signs = f"        if ({a}[{top}] != {b}[{top}])\n            is_less = {a}[{top}];"
            steps.append(signs)
        body = f"    reg {', '.join(flags)};\n    integer i;\n\n{always(chr(10).join(steps))}"
        return body, ("[i] != ", "[i] == ")
    if style == "flags":
        less = f"$signed({a}) < $signed({b})" if is_signed else f"{a} < {b}"
        nets = {"is_less": f"    wire is_less = {less};", "is_equal": f"    wire is_equal = {a} == {b};"}
        return "\n".join(nets[flag] for flag in flags), (" == ", " != ") if flags == ["is_equal"] else (" < ", " > ")
    left, right = (f"{{{word}[{top}], {word}}}" if is_signed else f"{{1'b0, {word}}}" for word in (a, b))
    nets = {
        "is_less": f"    wire is_less = difference[{width}];",
        "is_equal": f"    wire is_equal = difference == {width + 1}'d0;",
    }
    lines = [f"    wire [{width}:0] difference = {left} - {right};", *(nets[flag] for flag in flags)]
    return "\n".join(lines), (f"{left} - {right}", f"{left} + {right}")

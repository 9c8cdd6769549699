"""Put what a family says in other words: rules for sentences, and many ways to say numbers, resets and interfaces.

What a circuit does stays as its family says it. A rule exchanges whole words, and is not applied where that would lose
or add the name of a port or a number. Does not choose what an instruction consists of.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from rtlscribe.designs.base import Design, Port, Reset, Sequential, article, listing

CHANGED = 0.65  # how likely a place that a rule fits is put in other words
# fmt: off
SPELLED = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen",
)
# fmt: on

# A group called `bit` is the name of a one-bit port. Where the first word begins with a capital, so does the new one.
_RULES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), choices)
    for pattern, choices in (
        (
            r"(?<!high )(?<!low )\b(?:at|on) (?:the|each|every) (?:rising|positive) edge of (?!the\b)(\w+)(?! in which)",
            (
                r"on every rising edge of \1",
                r"at each positive edge of \1",
                r"on each posedge of \1",
                r"at every rising \1 edge",
                r"with each positive \1 edge",
                r"each time \1 rises",
                r"on every low-to-high transition of \1",
            ),
        ),
        (r"\bat a rising edge of (?!the\b)(\w+)", (r"at a positive edge of \1", r"at a rising \1 edge")),
        (r"\b(?:rising|positive) edges of (?!the\b)(\w+)", (r"positive edges of \1", r"rising \1 edges")),
        (r"\((?:rising|positive) edge\)", ("(positive edge)", "(posedge)", "(active at the rising edge)")),
        (r"\b(?P<bit>\w+) is high\b", (r"\1 is 1", r"\1 is at logic 1", r"\1 equals 1", r"\1 is asserted")),
        (r"\b(?P<bit>\w+) is low\b", (r"\1 is 0", r"\1 is at logic 0", r"\1 equals 0", r"\1 is deasserted")),
        (r"\b(?P<bit>\w+) is 1\b", (r"\1 is high", r"\1 equals 1", r"\1 is at logic 1")),
        (r"\b(?P<bit>\w+) is 0\b", (r"\1 is low", r"\1 equals 0", r"\1 is at logic 0")),
        (r"\bwith (?P<bit>\w+) high\b", (r"with \1 at 1", r"with \1 equal to 1")),
        (r"\bwith (?P<bit>\w+) low\b", (r"with \1 at 0", r"with \1 equal to 0")),
        (r"\bgoes high\b", ("becomes 1", "rises to 1", "goes to logic 1")),
        (r"\bgoes low\b", ("becomes 0", "falls to 0", "goes to logic 0")),
        (r"\bexactly when\b", ("if and only if", "precisely when", "exactly if")),
        (r"(?<=[.:] )Otherwise,? ", ("In all other cases, ", "In every other case, ")),
        (r"\bwhen (?=\w+ (?:is|equals) )", ("if ", "whenever ")),
        (r"\bwhile (?=\w+ (?:is|equals) )", ("as long as ",)),
        (r"\band holds otherwise\b", ("and otherwise keeps its value", "and is unchanged otherwise")),
        (r"(?<=\w )holds(?= (?:when|while|if|at)\b|[.,;])", ("keeps its value", "stays as it is", "does not change")),
        (r"\bdoes not change\b", ("keeps its value", "stays the same", "is left alone")),
        (r"\bkeeps its value\b", ("holds its value", "retains its value", "is unchanged")),
        (r"\bhas priority over\b", ("takes precedence over", "wins over", "overrides")),
        (
            r"\b(?:goes up|counts up) by one\b(?![^.]*\bdown by one)",
            ("is incremented by one", "increases by one", "grows by one"),
        ),
        (
            r"\b(?:goes down|counts down) by one\b(?![^.]*\bup by one)",
            ("is decremented by one", "decreases by one", "shrinks by one"),
        ),
        (r"\bcounts up\b(?! (?:from|or|and))", ("increments", "counts upwards", "is incremented")),
        (r"\bcounts down\b(?! (?:from|or|and|to))", ("decrements", "counts downwards", "is decremented")),
        (r"\btakes the value of\b", ("becomes equal to", "is loaded with", "gets the value of")),
        (r"\bis loaded with\b", ("takes in", "receives", "gets")),
        (r"\bwraps around\b", ("wraps", "rolls over")),
        (
            r"\b(?:sets|clears|resets) (?!it\b)(\w+) to (0|zero)\b",
            (r"sets \1 to zero", r"clears \1 to \2", r"forces \1 to \2", r"makes \1 \2"),
        ),
        (r"\bsets (?!it\b)(\w+) to (?=\d)", (r"forces \1 to ", r"brings \1 to ")),
        (
            r"\b(?:Build|Design|Implement|Describe|Create) (?=(?:an?|the) )",
            ("Build ", "Design ", "Implement ", "Create ", "Make ", "Write ", "Construct ", "Model "),
        ),
        (
            r"\ba circuit (?=(?:that|with|whose|for|which)\b)",
            ("a module ", "a block ", "a unit ", "a piece of hardware ", "a design "),
        ),
        (
            r"\ba combinational circuit\b",
            (
                "a combinational module",
                "a purely combinational circuit",
                "a combinational block",
                "a piece of combinational logic",
            ),
        ),
        (r"\bmodulo 2\^(\d+)", (r"mod 2^\1", r"modulo 2**\1", r"modulo two to the power of \1")),
        (r"\btwo's complement numbers\b", ("signed two's complement numbers", "signed numbers (two's complement)")),
        (r"\bunsigned numbers\b", ("unsigned integers", "unsigned values", "unsigned binary numbers")),
        (r"\bleast significant bit\b", ("LSB", "lowest bit", "rightmost bit")),
        (r"\bmost significant bit\b", ("MSB", "highest bit", "leftmost bit")),
        (r"\bis all ones\b", ("is all 1s", "has every bit set")),
        (r"\bis (?:zero|0)\b(?!-|,| (?:and|or)\b)", ("is zero", "equals 0", "is 0")),
        (r"\bthe low (\d+) bits\b", (r"the lowest \1 bits", r"the \1 least significant bits")),
        (r"\bput it on (\w+)", (r"output it on \1", r"send it to \1", r"drive \1 with it")),
        (r"\bclock cycles\b", ("clock periods", "cycles of the clock")),
        (r"\bclock cycle\b", ("clock period", "cycle of the clock")),
        (r"\bin a row\b", ("in succession", "one after another")),
        (r"\bappears on\b", ("is driven onto", "is presented on", "shows up on")),
        (r"(?<=\w )equals(?= [a-z])", ("is equal to", "has the value of")),
        (r"\b(in|at|on|for) (?:each|every)\b", (r"\1 each", r"\1 every")),
        (r", with (?=(?:an?|two|separate|full|synchronous|asynchronous|active)\b)", (", having ", ", featuring ")),
        (
            r"\bthat (?=(?:adds|computes|converts|counts|detects|drives|finds|gives|holds|outputs|passes|picks|reports"
            r"|selects|shifts|stores|subtracts|takes|tells|tests|turns)\b)",
            ("which ",),
        ),
        (r"\bgives\b", ("yields", "produces", "delivers")),
        (r"\bwhose output is\b", ("with an output that is", "the output of which is")),
        (r"\bselects\b", ("chooses", "picks")),
        (r"\boperands\b", ("arguments",)),
        (r"\bThere is no clock\b", ("It has no clock", "No clock is involved")),
        (r"(?-i:\bThis is) (an?)\b", (r"Here we have \1", r"What is wanted is \1")),
    )
)
_NUMBER = re.compile(
    r"\b\d+(?=-bit\b| (?:\d+-bit|bits|inputs|words|stages|clock cycles|cycles|states|digits)\b)", re.IGNORECASE
)
_WORD = re.compile(r"\w+")
_WITHOUT_RESET = re.compile(r"There is no reset\.|It has no reset input\.|No reset is provided\.")
_NO_RESET = (
    "There is no reset.",
    "It has no reset input.",
    "No reset is provided.",
    "A reset is not needed.",
    "The circuit has no reset.",
    "Do without a reset.",
    "It works without any reset.",
)


def rephrased(text: str, design: Design, rng: random.Random) -> str:
    """The text with about two thirds of the places that a rule fits put in other words."""
    reset = design.model.reset if isinstance(design.model, Sequential) else None
    text = _reset_said(text, reset, rng) if reset else _WITHOUT_RESET.sub(lambda _: rng.choice(_NO_RESET), text)
    protected = {port.name for port in design.ports}
    bits = {port.name for port in design.ports if port.width == 1}
    # What is asserted may be 0 there.
    inverted = (reset is not None and reset.active_low) or re.search(r"active[- ]low", text) is not None

    def said(match: re.Match[str], choices: Sequence[str]) -> str:
        if ("bit" in match.re.groupindex and match["bit"] not in bits) or rng.random() > CHANGED:
            return match[0]
        new = match.expand(rng.choice(choices))
        if ("asserted" in new and inverted) or _kept(match[0], protected) != _kept(new, protected):
            return match[0]
        starts_with_name = match.re.groups > 0 and new.startswith(match[1] or " ")
        return new[0].upper() + new[1:] if match[0][0].isupper() and not starts_with_name else new

    for pattern, choices in _RULES:
        text = pattern.sub(lambda match, choices=choices: said(match, choices), text)  # type: ignore[misc]
    return _NUMBER.sub(_spelled, text) if rng.random() < 0.3 else text


def _kept(text: str, names: Iterable[str]) -> Counter[str]:
    """How often the text has each of the names and each number; 0 and 1 also have other words (low, high)."""
    words = (str(SPELLED.index(w)) if w in SPELLED else w for w in _WORD.findall(text))
    return Counter(word for word in words if word in names or (word.isdigit() and int(word) > 1))


def _spelled(match: re.Match[str]) -> str:
    return SPELLED[int(match[0])] if int(match[0]) < len(SPELLED) else match[0]


def _reset_said(text: str, reset: Reset, rng: random.Random) -> str:
    """The sentence on the reset said anew (those of `parts.reset_sentences`), and its adjectives in any order."""
    level, when = "low" if reset.active_low else "high", "at once, whatever the clock does"
    active, number = f"active {level}", 0 if reset.active_low else 1
    timing, how = ("asynchronous", "asynchronously") if reset.is_async else ("synchronous", "synchronously")
    if not reset.is_async:
        when = "at the next rising clock edge"
    name, old = re.escape(reset.name), re.escape(reset.phrase)
    known = rf"(?:\b{name} is an? {old} that|The {old} {name}|When {name} is {level}, the reset) ([^.]*?)"
    sentence = re.compile(
        rf"{known}(?: immediately, without waiting for the clock| at the next rising edge of the clock)?\."
    )
    phrases = (reset.phrase, f"active-{level} {timing} reset", f"{timing} reset ({active})")
    forms = (
        f"{reset.name} is {article(rng.choice(phrases))} that {{}}.",
        f"The {rng.choice(phrases[:2])} {reset.name} {{}}.",
        f"When {reset.name} is {level}, the reset {{}} {when}.",
        f"If {reset.name} is {number}, the {timing} reset {{}}.",
        f"There is {article(rng.choice(phrases))} called {reset.name}, which {{}}.",
        f"Reset ({reset.name}, {timing}, {active}) {{}}.",
        f"A {number} on {reset.name} {{}}; this reset is {timing}.",
        f"{reset.name}, {article(phrases[1])}, {{}}.",
        f"Driving {reset.name} {level} {{}} {when}.",
        f"{reset.name} ({active}) {how} {{}}.",
        f"The reset is {timing}: {reset.name} = {number} {{}} {when}.",
    )
    text = sentence.sub(lambda match: rng.choice(forms).format(match[1]), text)

    def permuted(match: re.Match[str]) -> str:
        phrase = rng.choice(phrases)
        return phrase if not match[1] else article(phrase).capitalize() if match[1][0] == "A" else article(phrase)

    return re.sub(rf"\b(?:(an?) )?{old}(?= to\b| of\b|,|\.|;|$)", permuted, text, flags=re.IGNORECASE)


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=\.) ", text)


def width_said(width: int, rng: random.Random) -> str:
    words = [f"{width} bit{'s' if width > 1 else ''}", f"{width}-bit", f"width {width}", f"{width} wide"]
    if width < len(SPELLED):
        words.append(f"{SPELLED[width]} bit{'s' if width > 1 else ''}")
    return rng.choice(words)


def ports_said(design: Design, rng: random.Random) -> str:
    """The ports with their widths: as lists, as a table, as declarations, or as a sentence."""
    style = rng.choice(["two lists", "two lists", "list", "table", "declarations", "sentence", "sentence"])
    if style == "table":
        rows = [["Port", "Direction", "Width"], ["---", "---", "---"]]
        rows += [[p.name, p.direction, str(p.width)] for p in design.ports]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    if style == "declarations":
        gap = rng.choice([", ", ";\n", ",\n"])
        return gap.join(port.declaration(register=False) for port in design.ports)
    if style == "sentence":
        return _ports_sentence(design, rng)
    heads = rng.choice(
        (("Inputs:", "Outputs:"), ("Input ports", "Output ports"), ("INPUTS", "OUTPUTS"), ("In:", "Out:"))
    )
    groups, entries = list(zip(heads, (design.inputs, design.outputs), strict=True)), _ENTRIES
    if style == "list":
        groups, entries = [(rng.choice(("Ports:", "Signals:", "Interface:", "I/O:")), design.ports)], _DIRECTED_ENTRIES
    entry, mark, with_meaning = (
        rng.choice(entries),
        rng.choice(("- ", "- ", "* ", "  ", "    ", "o ")),
        rng.random() < 0.6,
    )

    def said(port: Port) -> str:
        vector = f"[{port.width - 1}:0]" if port.width > 1 else ""
        text = entry.format(port.name, width_said(port.width, rng), vector, port.direction)
        return f"{mark}{' '.join(text.split())}{f': {port.meaning}' if with_meaning else ''}"

    return "\n".join(line for head, ports in groups if ports for line in (head, *map(said, ports)))


# Of the name, the width in words, the range and the direction.
_ENTRIES = ("{0} ({1})", "{0}{2}", "`{0}`, {1}", "{1} {0}", "{2} {0}")
_DIRECTED_ENTRIES = ("{0} ({3}, {1})", "{3} {0}{2}", "{3} {2} {0}", "`{0}`, {3}, {1}", "{1} {3} {0}")


def _ports_sentence(design: Design, rng: random.Random) -> str:
    """For example "It takes clk (1 bit) and d[3:0] and drives a 4-bit output q."."""

    def said(port: Port) -> str:
        if port.width == 1:
            return rng.choice([f"the one-bit {port.direction} {port.name}", f"{port.name} (1 bit)"])
        forms = (f"{article(f'{port.width}-bit')} {port.direction} {port.name}", f"{port.name} ({port.width} bits)")
        return rng.choice([*forms, f"{port.name}[{port.width - 1}:0]"])

    outputs = listing([said(port) for port in design.outputs])
    if not design.inputs:
        return f"It has no inputs, and drives {outputs}."
    inputs = listing([said(port) for port in design.inputs])
    return rng.choice([
        f"On the input side: {inputs}. On the output side: {outputs}.",
        f"Inputs: {inputs}. Outputs: {outputs}.",
        f"It takes {inputs} and drives {outputs}.",
        f"The module has {inputs} on its input side, and {outputs} on its output side.",
        f"Given {inputs}, it drives {outputs}.",
        f"There are {inputs} going in, and {outputs} coming out.",
    ])  # fmt: skip

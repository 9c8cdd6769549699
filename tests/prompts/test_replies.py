"""Lists of keywords in the forms that models use, and replies in parts."""

import pytest

from rtlscribe.prompts.replies import sections, tree


@pytest.mark.parametrize(
    ("reply", "names"),
    [
        ("I would rather not. Ask me later.", []),
        ("1. Counters: up counter, ring counter", ["Counters", "Counters > up counter", "Counters > ring counter"]),
        (
            "1) **Counters:** up counter; ring counter...",
            ["Counters", "Counters > up counter", "Counters > ring counter"],
        ),
        ("- Shift registers (SISO, SIPO)", ["Shift registers", "Shift registers > SISO", "Shift registers > SIPO"]),
        ("- Finite impulse response (FIR) filter", ["Finite impulse response (FIR) filter"]),
        (
            "* Filters\n    * FIR\n        * transposed FIR\n    * IIR\n* Codes",
            ["Filters", "Filters > FIR", "Filters > FIR > transposed FIR", "Filters > IIR", "Codes"],
        ),
        (
            "## Memory\n- RAM\n- ROM\n## Logic\n- mux",
            ["Memory", "Memory > RAM", "Memory > ROM", "Logic", "Logic > mux"],
        ),
        ("- Booth multiplier: it uses fewer partial products than others do.", ["Booth multiplier"]),
        ("- `Booth` multiplier - it uses fewer partial products.", ["Booth multiplier"]),
        ("- carry-lookahead adder", ["carry-lookahead adder"]),
        ("- Memories: RAM", ["Memories", "Memories > RAM"]),
        ("- FSMs: Mealy, Moore, and others, etc.", ["FSMs", "FSMs > Mealy", "FSMs > Moore"]),
        ("<think>\n- no\n</think>\n- yes", ["yes"]),
        (
            "1. Logic: Arithmetic blocks (adders, dividers), encoders",
            ["Logic", "Logic > Arithmetic blocks", "Logic > adders", "Logic > dividers", "Logic > encoders"],
        ),
    ],
)
def test_tree(reply: str, names: list[str]) -> None:
    assert [" > ".join((*node.path, node.keyword)) for node in tree(reply)] == names


def test_parents_are_marked() -> None:
    assert [node.parent for node in tree("1. Counters: up counter\n2. ALU")] == [True, False, False]


@pytest.mark.parametrize(
    ("reply", "parts"),
    [
        ("plain", {"": "plain"}),
        ("[Instruction]\nDo.\n\n[Reasoning]\n1. Think.", {"": "", "instruction": "Do.", "reasoning": "1. Think."}),
        ("**[New Instruction]**: Do.", {"": "", "new instruction": "Do."}),
        ("Do.\n[Instruction]\nold\n[instruction]\nnew", {"": "Do.\n", "instruction": "new"}),
        ("wire [7:0] a;\n[7:0]", {"": "wire [7:0] a;\n[7:0]"}),
    ],
)
def test_sections(reply: str, parts: dict[str, str]) -> None:
    assert sections(reply) == parts

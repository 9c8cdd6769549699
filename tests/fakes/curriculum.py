"""What a teacher would say in the dataset flow, made from the shipped designs: keywords, tasks, code."""

import itertools
import re

from tests.fakes.openai_server import Script

from rtlscribe.designs.generate import Worded, generate

GROUPS = ("counter", "adder", "shift register", "multiplexer", "encoder", "memory", "divider", "comparator")
ROOT = "Sure, here they are:\n" + "\n".join(
    f"{n}. **{group.title()}s:** {', '.join(f'{kind} {group}' for kind in ('fast', 'small', 'safe'))}, etc."
    for n, group in enumerate(GROUPS, 1)
)
KINDS = ("pipelined", "serial", "parallel", "gated", "signed", "cyclic", "banked", "saturating", "folded", "coded")
BROKEN = "module broken(input a, output y); assign y = nowhere; endmodule"


def designs(count: int) -> list[Worded]:
    """So many designs that come with a header, of as many families as there are."""
    return list(itertools.islice((d for d in generate(split="train", seed=5) if d.sample().header), count))


def task(design: Worded) -> str:
    """A reply that sets a task, in the form that the prompts ask for."""
    row = design.sample()
    return f"{row.instruction}\n```\n{row.header}\n```\n\n[Reasoning]\n1. Think of {row.id}.\n"


def curriculum(chosen: list[Worded], **behaviour: object) -> Script:
    """A server that can answer every question of the flow. Of five answers to a task two are right."""
    branch = [
        "\n".join(f"- {kind} {name} block" for kind in KINDS[start : start + 4])
        for start, name in itertools.product(range(0, 8, 2), GROUPS)
    ]
    answers = []
    for design in chosen:
        row = design.sample()
        good = f"Here it is:\n```verilog\n{row.verilog}```\n"
        wrong = "```verilog\n" + row.verilog.replace("endmodule", "assign q_ = ;\nendmodule") + "```"
        renamed = "```verilog\n" + re.sub(r"module \w+", "module other", row.verilog, count=1) + "```"
        answers.append(
            (
                f"(?s)solve the following task.*{re.escape(row.header)}",
                [good, wrong, good, "I cannot do that.", renamed],
            )
        )
    rules = [
        ("List the categories|list the categories", [ROOT]),
        ("Name designs that differ", branch),
        *answers,
        ("solve the following task", [BROKEN]),
        ("", [task(d) for d in chosen] + ["No.", "Draw an image of a counter.\nmodule m(input a, output b);"]),
    ]
    return Script(replies=rules, **behaviour)  # type: ignore[arg-type]

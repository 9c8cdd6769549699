"""A family of circuits of one's own, and rows of it: each agrees with its model in simulation. Needs Icarus Verilog."""

import random
from itertools import islice

from rtlscribe.checkers.base import open_checker
from rtlscribe.designs.base import Combinational, Design, Pick, Port, Values, article
from rtlscribe.designs.families import FAMILIES, family
from rtlscribe.designs.generate import generate
from rtlscribe.records import Candidate


@family("arithmetic")
def limiter(rng: random.Random, pick: Pick) -> Design:
    """A circuit that passes a number on up to a limit."""
    width = rng.randint(3, 12)
    limit = rng.randrange(2, (1 << width) - 1)
    data, out = pick("in", "data", "x"), pick("out", "y")

    def function(values: Values) -> dict[str, int]:
        return {out: min(values[data], limit)}

    return Design(
        key=(width, limit),
        name=pick("limiter", "clamp", "top_module"),
        ports=(Port(data, "input", width, "the number"), Port(out, "output", width, "the limited number")),
        nouns=(f"{article(f'{width}-bit')} limiter, whose output is its unsigned input or {limit}, if that is less",),
        behaviours=(
            f"{out} equals {data}, but never exceeds {limit}: any larger {data} gives {limit}. Numbers are unsigned.",
            f"Limit the unsigned {width}-bit number {data} to {limit}: {out} is the smaller of the two.",
        ),
        body=f"    assign {out} = ({data} > {width}'d{limit}) ? {width}'d{limit} : {data};",
        model=Combinational(function),
        bugs=((f"({data} >", f"({data} <"), (f"? {width}'d{limit}", f"? {width}'d{limit - 1}")),
    )


checker = open_checker("iverilog")
for found in islice(generate(split="train", seed=1, families={"limiter": FAMILIES["limiter"]}), 3):
    print(f"--- {found.instruction}\n{found.design.reference}")
    for code in (found.design.reference, *found.design.mutants()):
        candidate = Candidate(problem_id=found.id, index=0, code=code, assembly="modules")
        print(checker.check(candidate, found.problem(), timeout_s=10).status)

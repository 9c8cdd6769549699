"""Generate verified circuits of some families and look at one: instruction, reference, planted mistakes."""

from itertools import islice

from rtlscribe.designs import FAMILIES
from rtlscribe.designs.generate import generate

chosen = {name: FAMILIES[name] for name in ("gray_code", "fifo", "sequence_detector")}
for found in islice(generate(split="train", seed=1, families=chosen), 3):
    print(f"--- {found.id} ({found.level})\n{found.instruction}\n\n{found.design.reference}")
    print(f"{len(found.design.mutants())} planted mistakes, each of which the testbench must find\n")

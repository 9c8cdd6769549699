"""From a seed to distinct, worded circuits: choose family, parameters, names and phrasing. Does not write files.

The split is made on a design's key (family and parameters, never wording), so no held-out function is a training row.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from rtlscribe.designs.base import Design, Pick, Port
from rtlscribe.designs.families import FAMILIES, Family
from rtlscribe.designs.testbench import PASS_PATTERN, testbench
from rtlscribe.records import Problem, Sample

Split = Literal["train", "held_out"]
Level = Literal["terse", "normal", "verbose"]

HELD_OUT_SHARE = 0.1
LEVEL_WEIGHTS: dict[Level, int] = {"terse": 2, "normal": 5, "verbose": 3}
# A family whose parameters run out would loop for ever; so many draws in a row without a new row end it.
DRAWS_WITHOUT_NEWS = 200


@dataclass(frozen=True, slots=True)
class Worded:
    """A design with one wording: what a Sample and a Problem are made from."""

    family: Family
    seed: int
    design: Design
    level: Level
    instruction: str

    @property
    def id(self) -> str:
        return f"{self.family.name}-{self.seed}"

    @property
    def header(self) -> str:
        """The header the reader is given: none at the terse level, where the names are the usual ones."""
        return "" if self.level == "terse" else self.design.header

    def sample(self) -> Sample:
        return Sample(
            id=self.id,
            instruction=self.instruction,
            header=self.header,
            verilog=self.design.reference,
            origin=f"designs:{self.family.name}",
        )

    def problem(self) -> Problem:
        return Problem(
            id=self.id,
            text=self.instruction,
            header=self.header,
            reference=self.design.reference,
            testbench=testbench(self.design, random.Random(f"{self.id} stimulus")),
            pass_pattern=PASS_PATTERN,
            top=self.design.name,
        )


def split_of(family: Family, design: Design) -> Split:
    """Which split a function belongs to: a hash of family and parameters, the same for ever and for every seed."""
    digest = hashlib.sha256(repr((family.name, design.key)).encode()).digest()
    return "held_out" if int.from_bytes(digest[:8]) < HELD_OUT_SHARE * 2**64 else "train"


def worded(family: Family, seed: int, *, level: Level | None = None) -> Worded:
    """The design number `seed` of a family. Parameters, names and wording come from generators of their own."""
    parameters, names, words = (
        random.Random(f"{family.name} {seed} {part}") for part in ("parameters", "names", "words")
    )
    level = level or words.choices(list(LEVEL_WEIGHTS), weights=list(LEVEL_WEIGHTS.values()))[0]
    design = family.build(parameters, _picker(names, usual=level == "terse"))
    return Worded(family, seed, design, level, _instruction(design, level, words))


def generate(
    *,
    split: Split,
    seed: int,
    levels: tuple[Level, ...] | None = None,
    families: Mapping[str, Family] = FAMILIES,
) -> Iterator[Worded]:
    """Distinct designs of one split, families in turn, without end unless the families run dry.

    No two have the same instruction and header. Held-out ones are also distinct as functions, so that a pass rate is not
    carried by one circuit in ten wordings.
    """
    rng = random.Random(f"generate {split} {seed}")
    seen: set[str] = set()
    alive = list(families.values())
    while alive:
        for family in tuple(alive):
            for _ in range(DRAWS_WITHOUT_NEWS):
                found = worded(family, rng.getrandbits(48), level=rng.choice(levels) if levels else None)
                identity = (
                    repr((family.name, found.design.key)) if split == "held_out" else found.instruction + found.header
                )
                if split_of(family, found.design) == split and identity not in seen:
                    seen.add(identity)
                    yield found
                    break
            else:
                alive.remove(family)


def _picker(rng: random.Random, *, usual: bool) -> Pick:
    def choose(first: str, *others: str) -> str:
        return first if usual or rng.random() < 0.5 else rng.choice((first, *others))

    return choose


def _instruction(design: Design, level: Level, rng: random.Random) -> str:
    noun = rng.choice(design.nouns)
    appendix = f"\n{design.appendix}" if design.appendix else ""
    if level == "terse":
        opening = rng.choice(
            ("{}", "Write {}.", "Design {}.", "Verilog code for {}.", "I need {}.", "Please implement in Verilog: {}.")
        )
        return opening.format(noun) + appendix
    behaviour = rng.choice(design.behaviours)
    if level == "normal":
        return behaviour + appendix
    opening = rng.choice((
        "Please act as a professional Verilog designer. Create a module that implements {}.",
        "Your task is to design, in Verilog, {}.",
        "Implement a Verilog module named " + design.name + ": {}.",
    ))  # fmt: skip
    parts = [opening.format(noun), behaviour]
    if rng.random() < 0.5:
        parts.append("Inputs:\n" + _port_list(design.inputs) + "\nOutputs:\n" + _port_list(design.outputs))
    return "\n".join(parts) + appendix


def _port_list(ports: tuple[Port, ...]) -> str:
    return "\n".join(f"- {p.name} ({p.width} bit{'s' if p.width > 1 else ''}): {p.meaning}" for p in ports)

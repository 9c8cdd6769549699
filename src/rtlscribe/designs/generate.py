"""From a seed to distinct, worded circuits: choose family, parameters, names and phrasing. Does not write files.

The split is made on a design's key (family and parameters, never wording), so no held-out design is a training row. Now
and then two designs do the same, 15 x 3 and 3 x 15 bits multiplied say, and may be on both sides.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from rtlscribe.designs.base import Design, Parameters, Port, article
from rtlscribe.designs.families import FAMILIES, Family
from rtlscribe.designs.forms import (
    CODE_FORMS,
    INTERFACES,
    SHARES,
    Form,
    Interface,
    Level,
    forms_of,
    instruction,
    laid_out,
)
from rtlscribe.designs.naming import STYLES, Names, any_names, module_name, picker, renamed
from rtlscribe.designs.testbench import PASS_PATTERN, testbench
from rtlscribe.records import Problem, Sample

Split = Literal["train", "held_out"]
Wording = Literal["plain", "rich", "brief"]
T = TypeVar("T")

HELD_OUT_SHARE = 0.1
LEVEL_WEIGHTS: dict[Level, int] = {"terse": 2, "normal": 5, "verbose": 3}
TERSE_WITHOUT_HEADER = 0.5  # of the rich wordings
FAMILY_NAMES = 0.4  # of the circuits, where names may be any
# A family whose parameters run out would loop for ever; so many draws in a row without a new row end it.
DRAWS_WITHOUT_NEWS = 200
# Around a brief request, and how its words are spelt: the first as in the families, the rest as people type.
BRIEF_OPENINGS = (
    "{}", "{}", "{}", "write {}", "Write {}.", "design {}", "Design {}.", "{} in Verilog", "{} in verilog", "Verilog for {}",
    "verilog code for {}", "I need {}", "give me {}", "make {}", "create {}", "implement {}", "Implement {} in Verilog.",
    "Write a Verilog module for {}.", "can you write {}?", "{}, please", "build {}", "code for {}",
)  # fmt: skip
SPELLINGS = (("-bit", " bit"), ("flip-flop", "flip flop"), ("flip-flop", "flipflop"), ("-to-", " to "), ("-", " "))


@dataclass(frozen=True, slots=True)
class Worded:
    """A design with one wording: what a Sample and a Problem are made from."""

    family: Family
    seed: int
    design: Design
    level: Level
    instruction: str
    header: str  # that the reader is given: "" where the text holds it, lists the ports, or uses the usual names
    style: int | None  # of the code; None if it was drawn
    form: Form = "words"

    @property
    def id(self) -> str:
        return f"{self.family.name}-{self.seed}"

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


def worded(
    family: Family,
    seed: int,
    *,
    level: Level | None = None,
    wording: Wording = "plain",
    style: int | None = 0,
    names: Names = "family",
) -> Worded:
    """The design number `seed` of a family. Parameters, names and wording come from generators of their own.

    A level that is asked for is one of words, with the header in its field or, terse, with the usual names and none; else
    rich wordings come in all forms. Its code is in the family's usual style, another one by its number, or any (None).
    """
    drawn, words, others = (random.Random(f"{family.name} {seed} {part}") for part in ("names", "words", "any names"))

    def built(*, usual: bool, naming: str = "") -> Design:
        def build(new: Mapping[str, str]) -> Design:
            parameters = Parameters(f"{family.name} {seed} parameters")
            parameters.style = style
            return family.build(parameters, renamed(picker(drawn, usual=usual, style=naming), new))

        before = drawn.getstate()
        design = build({})
        if usual or names == "family" or others.random() < FAMILY_NAMES:
            return design
        drawn.setstate(before)
        return build(any_names(design, others))

    if wording == "brief":
        design = built(usual=True)
        return Worded(family, seed, design, "terse", _brief(design, words) if design.briefs else "", "", style)
    chosen: Level = level if level else _weighted(LEVEL_WEIGHTS, words)
    usual = chosen == "terse" and (level is not None or wording == "plain" or words.random() < TERSE_WITHOUT_HEADER)
    if wording == "plain":
        design = built(usual=usual)
        header = "" if usual else design.header
        return Worded(family, seed, design, chosen, _plain(design, chosen, words), header, style)
    design = built(usual=usual, naming="" if usual else _weighted(STYLES, drawn))
    form: Form = "words"
    interface: Interface = "none" if usual else "field"
    if not usual:
        design = replace(design, name=module_name(design, drawn))
    if chosen != "terse" and level is None:
        form = _weighted({form: SHARES[form] for form in forms_of(design)}, words)
        interface = _weighted(INTERFACES, words)
    text = instruction(design, chosen, interface, form, words)
    header = design.header if interface == "field" and form not in CODE_FORMS else ""
    if header and level is None:
        header = laid_out(header, words)
    return Worded(family, seed, design, chosen, text, header, style, form)


def generate(
    *,
    split: Split,
    seed: int,
    levels: tuple[Level, ...] | None = None,
    families: Mapping[str, Family] = FAMILIES,
    draw: Callable[..., Worded] = worded,
    taken: Callable[[Worded], Worded | None] = lambda row: row,
    ran_dry: Callable[[str], object] = lambda name: None,
) -> Iterator[Worded]:
    """Distinct designs of one split, families in turn, without end unless the families run dry.

    No two have the same instruction and header. Held-out ones are also distinct as functions, so that a pass rate is not
    carried by one circuit in ten wordings. `draw` is `worded`, perhaps with another wording. `taken` says what becomes of
    one: itself, itself in another style, or nothing. A family of which DRAWS_WITHOUT_NEWS draws in a row give nothing new
    is given up, and `ran_dry` is told its name; so is one that nobody asks for briefly, where that is the wording.
    """
    rng = random.Random(f"generate {split} {seed}")
    seen: set[str] = set()
    alive = list(families.values())
    while alive:
        for family in tuple(alive):
            for _ in range(DRAWS_WITHOUT_NEWS):
                level = rng.choice(levels) if levels else None
                found = draw(family, rng.getrandbits(48), level=level)
                identity = (
                    repr((family.name, found.design.key)) if split == "held_out" else found.instruction + found.header
                )
                if split_of(family, found.design) != split or identity in seen or not found.instruction:
                    continue
                if kept := taken(found):
                    seen.add(identity)
                    yield kept
                    break
            else:
                alive.remove(family)
                ran_dry(family.name)


def _weighted(weights: Mapping[T, int], rng: random.Random) -> T:
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def _plain(design: Design, level: Level, rng: random.Random) -> str:
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
        "Please write this in Verilog. Create a module that implements {}.",
        "Your task is to design, in Verilog, {}.",
        "Implement a Verilog module named " + design.name + ": {}.",
    ))  # fmt: skip
    parts = [opening.format(noun), behaviour]
    if rng.random() < 0.5:
        parts.append("Inputs:\n" + _port_list(design.inputs) + "\nOutputs:\n" + _port_list(design.outputs))
    return "\n".join(parts) + appendix


def _brief(design: Design, rng: random.Random) -> str:
    request = rng.choice(design.briefs)
    if rng.random() < 0.4:
        request = request.replace(*rng.choice(SPELLINGS))
    if rng.random() < 0.6:
        request = article(request)
    text = rng.choice(BRIEF_OPENINGS).format(request)
    return text if rng.random() < 0.7 else text.lower() if rng.random() < 0.5 else text[0].upper() + text[1:]


def _port_list(ports: tuple[Port, ...]) -> str:
    return "\n".join(f"- {p.name} ({p.width} bit{'s' if p.width > 1 else ''}): {p.meaning}" for p in ports)

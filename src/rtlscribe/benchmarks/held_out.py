"""Problems from designs/ that no training row shows: other circuits of its families, or families kept out of training.

Needs no checkout.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from rtlscribe.designs.families import Unseen, families
from rtlscribe.designs.generate import generate
from rtlscribe.records import Problem

SEED = 0  # part of what the benchmark is: the same problems everywhere
SIZE = 200


class HeldOut:
    """The first 200 held-out designs of the fixed seed, families in turn, all with a header."""

    source = None
    has_shots = False
    has_rules = False
    unseen: Unseen = "no"

    def branch_of(self, root: Path) -> str:
        return ""

    def inputs(self, root: Path | None) -> dict[str, Path]:
        return {}

    def load(self, root: Path | None, *, shots: int, rules: bool) -> list[Problem]:
        found = generate(split="held_out", seed=SEED, levels=("normal", "verbose"), families=families(self.unseen))
        return [worded.problem() for worded in itertools.islice(found, SIZE)]


class HeldOutFamilies(HeldOut):
    """The same of the families in `designs.families.UNSEEN`."""

    unseen: Unseen = "only"

"""The table of families. A family is one function: from a generator of parameters and a picker of names, a Design."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rtlscribe.designs.base import Design, Pick

Build = Callable[[random.Random, Pick], Design]


@dataclass(frozen=True, slots=True)
class Family:
    """A family and the part of the field it belongs to."""

    name: str
    category: str
    build: Build


FAMILIES: dict[str, Family] = {}

# Kept out of training, to measure whether a model can do a kind of circuit that it was never shown. From many parts of
# the field, none a variant of another family; compositions have no part of them either. Single circuits of theirs may
# still do what one of another family does.
UNSEEN = (
    "absolute_difference",
    "bcd_binary",
    "code_lock",
    "debouncer",
    "divider",
    "down_timer",
    "handshake_stage",
    "hysteresis_switch",
    "multiply_accumulate",
    "pwm",
    "sample_window",
    "shadow_register",
    "stack_lifo",
    "thermometer_code",
    "traffic_light",
)
Unseen = Literal["no", "only", "all"]


def families(unseen: Unseen) -> dict[str, Family]:
    """The families without those kept out of training ("no"), those alone ("only"), or all."""
    wanted = {"no": (False,), "only": (True,), "all": (False, True)}[unseen]
    return {name: found for name, found in FAMILIES.items() if (name in UNSEEN) in wanted}


def family(category: str) -> Callable[[Build], Build]:
    """Enter the decorated function into the table under its own name."""

    def enter(build: Build) -> Build:
        FAMILIES[build.__name__] = Family(build.__name__, category, build)
        return build

    return enter

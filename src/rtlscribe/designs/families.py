"""The table of families. A family is one function: from a generator of parameters and a picker of names, a Design."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from rtlscribe.designs.base import Design, Pick

Build = Callable[[random.Random, Pick], Design]


@dataclass(frozen=True, slots=True)
class Family:
    """A family and the part of the field it belongs to."""

    name: str
    category: str
    build: Build


FAMILIES: dict[str, Family] = {}


def family(category: str) -> Callable[[Build], Build]:
    """Enter the decorated function into the table under its own name."""

    def enter(build: Build) -> Build:
        FAMILIES[build.__name__] = Family(build.__name__, category, build)
        return build

    return enter

"""Circuits that are correct by construction: instruction, header, reference and testbench from a seed."""

from rtlscribe.designs import (
    alu,
    arithmetic,
    coding,
    combinational,
    compositions,
    controllers,
    counters,
    everyday,
    hierarchy,
    machines,
    memory,
    registers,
    selection,
    timing,
    updates,
    wiring,
)
from rtlscribe.designs.families import FAMILIES

# Imported for what importing does: each module enters its families into the table.
__all__ = [
    "FAMILIES",
    "alu",
    "arithmetic",
    "coding",
    "combinational",
    "compositions",
    "controllers",
    "counters",
    "everyday",
    "hierarchy",
    "machines",
    "memory",
    "registers",
    "selection",
    "timing",
    "updates",
    "wiring",
]

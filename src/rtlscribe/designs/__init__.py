"""Circuits that are correct by construction: instruction, header, reference and testbench from a seed."""

from rtlscribe.designs import alu, arithmetic, coding, combinational, counters, machines, memory, registers, timing
from rtlscribe.designs.families import FAMILIES

# Imported for what importing does: each module enters its families into the table.
__all__ = [
    "FAMILIES",
    "alu",
    "arithmetic",
    "coding",
    "combinational",
    "counters",
    "machines",
    "memory",
    "registers",
    "timing",
]

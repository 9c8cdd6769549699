"""The sentences around a circuit: how it is asked for, what surrounds it, what introduces a table or a piece of code.

A grammar as data, and one function that says a symbol of it. None of these sentences says what a circuit does.
"""

from __future__ import annotations

import random
import re

from rtlscribe.designs.base import Design
from rtlscribe.designs.phrasing import rephrased

# <name> is a symbol of this grammar or a value given to `_said`.
_GRAMMAR: dict[str, tuple[str, ...]] = {
    "do": ("Design", "Implement", "Build", "Create", "Write", "Develop", "Code", "Make", "Describe"),
    "in": ("", "", "", ", in Verilog,", ", in Verilog,", ", in plain RTL,"),
    "ask": (
        "<do><in> <noun>.",
        "<do><in> <noun>.",
        "<please> <noun>.",
        "I need<in> <noun>.",
        "We need<in> <noun>.",
        "I want <noun>; Verilog, please.",
        "Verilog code for <noun>.",
        "RTL of <noun>.",
        "Wanted: <noun>.",
        "Task: <noun>.",
        "Show me the Verilog of <noun>.",
        "Your job is to write<in> <noun>.",
        "Give me the RTL for <noun>.",
        "Looking for<in> <noun>.",
        "The goal is <noun>.",
        "Produce<in> <noun>.",
        "Let us build<in> <noun>.",
        "Create a module that implements <noun>.",
        "Exercise: <noun>.",
        "Next block: <noun>.",
        "One more block: <noun>.",
        "The circuit to build is <noun>.",
        "Verilog please: <noun>",
        "Can you write<in> <noun>?",
        "Could you give me<in> <noun>?",
        "How would you write<in> <noun>?",
        "What does the Verilog of the following look like: <noun>?",
    ),
    "please": (
        "Please write",
        "Please design",
        "Please give me",
        "Would you kindly write",
        "Kindly provide",
        "Help me write",
        "I would be glad about",
    ),
    "fragment": ("<bare>", "<bare>.", "<bare>, Verilog", "verilog: <bare>", "<bare> (one module)", "need <bare>"),
    "neutral": (
        "<do><in> the following circuit.",
        "Write a Verilog module for this.",
        "Implement the module described here.",
        "Write a module that behaves as follows.",
        "Please turn this description into Verilog.",
        "Here is what the module has to do.",
        "Translate the description into RTL.",
        "The behaviour of the module:",
        "This is the specification.",
        "Complete the task with one Verilog module.",
        "Can you write the Verilog for this?",
        "How do I describe this in Verilog?",
        "We need RTL for the block below.",
        "The following has to be built.",
        "Your task:",
        "I am stuck on this one, please help.",
        "Write the code for this specification.",
    ),
    "context": (
        "I am working on a small FPGA board.",
        "This is part of a larger chip.",
        "We are porting an old schematic.",
        "This is for a class on digital design.",
        "My colleague asked for this block.",
        "The block goes into our test chip.",
        "It will be used in several places.",
        "I am new to Verilog.",
        "We had this as a discrete circuit before.",
        "The schedule is tight.",
        "Hello!",
        "Hi there,",
        "Good morning.",
        "The rest of the design exists already.",
        "We are collecting reusable blocks.",
        "Ticket for the RTL team.",
        "From the design notes:",
        "One more block is missing in our project.",
        "I have thought about this for a while.",
        "A student project needs this.",
    ),
    "closing": (
        "Thanks!",
        "Thank you.",
        "Give the whole module.",
        "Only the code, please.",
        "Answer with the module.",
        "No testbench is needed.",
        "Keep it simple.",
        "No explanation is needed.",
        "Write it so that a colleague can read it.",
        "The whole module, from module to endmodule.",
        "Cheers",
        "That is all.",
    ),
    "header": (
        "The module header is:\n<header>",
        "Use this header:\n<header>",
        "Interface:\n<header>",
        "<header>",
        "It has to begin with\n<header>",
        "The header is fixed:\n```verilog\n<header>\n```",
        "```\n<header>\n```",
        "Start from this header and write the rest:\n<header>",
        "Names and widths are given:\n<header>",
    ),
    "name": (
        "Module name: <module>",
        "The module is called <module>.",
        "Name the module <module>.",
        "Module: <module>",
        "Call it <module>.",
        "The name of the module is <module>.",
    ),
    "description": (
        "<said>",
        "<said>",
        "<said>",
        "Function: <said>",
        "Description: <said>",
        "Behaviour:\n<said>",
        "What it does: <said>",
        "Specification. <said>",
        "In detail: <said>",
        "Operation: <said>",
    ),
    "list": (
        "Requirements:",
        "What is required:",
        "Behaviour:",
        "Points to implement:",
        "Rules:",
        "Checklist:",
        "Spec:",
    ),
    "repair": (
        "The module below should do this, but it has a bug. Find it and give the whole corrected module.",
        "This code does not do what it should. Correct it.",
        "There is one mistake in the following module. Write the correct module.",
        "My simulation of this code fails. What is wrong? Give me the fixed module.",
        "Review the code below against the description, and return it with the fault removed.",
        "Fix the bug in this Verilog:",
        "The following attempt is wrong somewhere; repair it.",
        "Somebody broke this module. Please mend it.",
    ),
    "completion": (
        "Complete this module.",
        "Fill in what is missing and give the whole module.",
        "The code below is unfinished. Finish it.",
        "Go on from here, and write out the complete module:",
        "Part of the code was lost. Restore it.",
        "Replace the gap in this code:",
        "Finish the following Verilog.",
        "Here is a start; what is still missing?",
    ),
    "ports": (
        "Rewrite this module with its ports declared in the header (ANSI style). Nothing else changes.",
        "Convert the old-style port declarations below to Verilog-2001 style; keep everything else.",
        "The module below is in an old style. Move the port declarations into its header and leave the rest alone.",
    ),
    "table": (
        "The truth table lists the outputs for all inputs.",
        "This truth table defines the circuit:",
        "Every combination of the inputs is in this table.",
        "Outputs as a function of the inputs:",
        "The complete truth table:",
        "Implement the table.",
        "Truth table:",
    ),
    "map": (
        "This Karnaugh map gives <out>.",
        "<out> as a Karnaugh map:",
        "Implement the Karnaugh map (rows and columns in Gray-code order).",
        "The map below shows the value of <out> for each combination of the inputs.",
        "K-map of <out>:",
    ),
    "moments": (
        "The circuit has no memory. This is how its signals change over time.",
        "Values of inputs and outputs of a combinational circuit in a simulation, step by step:",
        "A waveform of the circuit, which is combinational. It shows every combination of the inputs.",
        "The outputs depend on the present inputs alone. Simulation trace:",
        "Find out from this recording what the circuit, which is combinational, computes, and write it.",
    ),
    "cycles": (
        "A simulation shows these values, one line for each cycle of <clock>, taken just before its rising edge (x is unknown or does not matter):",
        "For example, with one row for each clock cycle (values right before the rising edge of <clock>; x: unknown or of no importance):",
        "Waveform as a table; each row is sampled immediately before <clock> rises, and x means unknown or unimportant.",
    ),
}
_GIVEN = re.compile(r"<(\w+)>")


def said(symbol: str, rng: random.Random, design: Design, **values: str) -> str:
    """A sentence of the grammar. The noun is one of the family's, in other words."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in values:
            return values[name]
        if name in ("noun", "bare"):
            noun = rephrased(rng.choice(design.nouns), design, rng)
            return re.sub(r"^(?:an?|the) ", "", noun) if name == "bare" else noun
        return _GIVEN.sub(value, rng.choice(_GRAMMAR[name]))

    text = _GIVEN.sub(value, rng.choice(_GRAMMAR[symbol]))
    return text[0].upper() + text[1:] if symbol == "ask" else text

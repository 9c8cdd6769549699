"""What ports and modules are called. Draws names, and knows nothing of circuits but their ports and their code."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from string import digits
from typing import Literal

from rtlscribe.designs.base import Design, Pick, Reset

Names = Literal["family", "any"]

# Styles of naming ports in rich wordings: "" leaves the family's names, which half of the circuits have.
STYLES = {"": 5, "i_{}": 1, "{}_i": 2, "upper": 1}
# fmt: off
INPUTS = frozenset((
    "clk", "rst", "rst_n", "en", "in", "in1", "in2", "op1", "op2", "a", "b", "c", "e", "d", "din", "data_in",
    "sel", "load", "addr", "we", "waddr", "raddr", "wdata", "valid", "start",
))
OUTPUTS = frozenset((
    "q", "out", "y", "z", "dout", "data_out", "count", "result", "sum", "product", "found", "pulse", "busy", "done",
    "full", "empty",
))
CLOCKS = ("clk", "clock", "ck", "cp", "clk_in", "sys_clk", "sysclk", "aclk", "mclk", "clk0", "core_clk")
RESETS = ("reset", "rst", "areset", "arst", "rst_in", "sys_rst", "r", "clr", "init", "srst", "reset_i", "master_reset")
LOW_RESETS = ("resetn", "aresetn", "rstn", "nrst", "arst_n", "sys_rst_n", "clr_n", "reset_l", "rst_b", "n_reset")
WORDS = (
    "ack", "active", "alarm", "amount", "answer", "axis", "band", "bank", "base", "beat", "bell", "block", "bump", "bus",
    "button", "carry", "chan", "char", "check", "code", "coin", "cool", "core", "credit", "ctl", "cur",
    "cycle", "dark", "dest", "dial", "digit", "door", "down", "draw", "drop", "ena", "enable", "err",
    "fan", "fault", "field", "fill", "flag", "flow", "frame", "fresh", "gain", "gate", "go", "grant", "ground", "guard",
    "heat", "hit", "hold", "horn", "hot", "idle", "index", "info", "item", "joy", "key", "lamp", "lane", "last", "led",
    "left", "level", "lid", "light", "limit", "line", "link", "lock", "low", "mark", "mask", "match", "meter", "mode",
    "motor", "move", "mute", "near", "next", "node", "note", "num", "odd", "ok", "page", "pair", "pass", "path", "phase",
    "pick", "pin", "play", "point", "power", "pred", "press", "prev", "prio", "probe", "pump", "push", "rate", "ready",
    "relay", "req", "right", "ring", "row", "run", "sample", "scan", "seat", "send", "shade", "shift", "sig", "sign",
    "slot", "snap", "spare", "speed", "state", "step", "stop", "strobe", "swap", "switch", "tag", "take", "temp", "tick",
    "timer", "token", "tone", "top", "track", "train", "trip", "turn", "unit", "up", "value", "valve", "view", "vote",
    "wake", "warn", "wave", "weight", "win", "word", "xfer", "yes", "zone",
)
# Keywords that `_invented` can say.
RESERVED = frozenset((
    "begin", "bit", "case", "cover", "do", "final", "for", "force", "genvar", "large", "let", "local", "nor", "not", "pure",
    "solve", "super", "time", "var", "wire", "within", "wone", "wor",
))
# fmt: on


def picker(rng: random.Random, *, usual: bool, style: str = "") -> Pick:
    """Draws names; with a style, those of well-known ports follow it, such as i_clk, clk_i or CLK."""

    def choose(first: str, *others: str) -> str:
        name = first if usual or rng.random() < 0.5 else rng.choice((first, *others))
        return " ".join(_styled(part, style) for part in name.split(" ")) if style else name

    return choose


def renamed(pick: Pick, names: Mapping[str, str]) -> Pick:
    """What `pick` draws, by other names where there are."""

    def choose(first: str, *others: str) -> str:
        return " ".join(names.get(part, part) for part in pick(first, *others).split(" "))

    return choose


def any_names(design: Design, rng: random.Random) -> dict[str, str]:
    """New names for most ports of a design, and now and then for the module; what they replace by what they are.

    So a name has to be read and copied, whatever it is. None is in the design's code. Ports that are numbered get their
    new name in common, before the number.
    """
    words = re.findall(r"\w+", design.reference)
    taken = {*words, *(word.rstrip(digits) for word in words), *RESERVED}
    clock = getattr(design.model, "clock", "")
    reset: Reset | None = getattr(design.model, "reset", None)
    own: dict[str, tuple[str, ...]] = {clock: CLOCKS}
    if reset:
        own[reset.name] = LOW_RESETS if reset.active_low else RESETS
    names = dict[str, str]()
    ports = [port.name for port in design.ports]
    stems = dict.fromkeys(name.rstrip(digits) for name in ports if name[-1] in digits)
    for old, share in [(design.name, 0.3), *((name, 0.8) for name in (*ports, *stems))]:
        new = rng.choice(own[old]) if old in own else _any_name(rng)
        if rng.random() < share and new not in taken:
            names[old] = new
            taken |= {new, new.rstrip(digits)}
    return names


def module_name(design: Design, rng: random.Random) -> str:
    """Any name for the module, so that the one that is told has to be copied; none that means something else in it."""
    name = design.name
    camel = "".join(part.capitalize() for part in name.split("_"))
    names = [name] * 6 + ["top_module", "top_module", "TopModule", "top", "dut", camel]
    names += [f"my_{name}", f"{name}_{rng.randint(0, 9)}", f"{name}_unit", f"{name}_core"]
    used = {*re.findall(r"\w+", design.reference), *(port.name for port in design.ports)} - {name}
    return rng.choice([name for name in names if name not in used])


def _styled(name: str, style: str) -> str:
    """A port's name in a style. Capital letters alone are names of states, and stay free."""
    if name not in INPUTS | OUTPUTS or (style == "upper" and len(name) == 1):
        return name
    if style == "upper":
        return name.upper()
    return style.replace("i", "i" if name in INPUTS else "o").format(name)


def _any_name(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(WORDS)
    if kind < 0.55:
        return f"{rng.choice(WORDS)}_{rng.choice(WORDS)}"
    if kind < 0.75:
        return rng.choice("abcdefghijklmnpqrstuvwxyz") + rng.choice(("", "", "0", "1", "2", "3", "7", "_in", "_n"))
    return _invented(rng) + rng.choice(("", "", "", "_i", "_o", "_q", str(rng.randrange(10))))


def _invented(rng: random.Random) -> str:
    return "".join(
        rng.choice("bcdfghjklmnprstvwz") + rng.choice("aeiou") + rng.choice(("", "", "l", "n", "r", "s", "t"))
        for _ in range(rng.choice((1, 2, 2)))
    )

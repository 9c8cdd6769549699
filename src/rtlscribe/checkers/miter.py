"""A program of its own, run in a sandbox: two pieces of Verilog in, one circuit out that tells where they differ.

    python -I -m rtlscribe.checkers.miter REFERENCE_TOP ANSWER_TOP REFERENCE_READER ANSWER_READER
    python -I -m rtlscribe.checkers.miter parse            looks for errors in the answer, no more

Reads reference.v and answer.v in the current folder. Writes outcome.json (an `Outcome`) and, where that says `ready`,
miter.aig and miter.aag: And-inverter graphs (AIGER) with the inputs of both circuits, in_*, and the outputs

    bad      some output of the answer differs from one of the reference whose value is known
    seen     by now each bit of the reference's outputs was known at some time
    gold_*   the reference's outputs      unknown_*   which of their bits are unknown      gate_*   the answer's outputs

Unknown values (x) of the reference are carried along as in Verilog, and excuse any value of the answer. Unknown values
of the answer are free inputs: it has to be right whatever they are. Proves nothing itself.

Yosys ends its process where it meets an error: what was being done then stands in the file `stage`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rtlscribe.verilog.extract import module_names
from rtlscribe.verilog.plain import asleep, drives_z, plain, takes_time
from rtlscribe.verilog.syntax import errors

Ending = Literal["ready", "syntax_error", "misfit", "unreadable"]
Reader = Literal["slang", "verilog"]
Netlist = dict[str, Any]

REFERENCE, ANSWER = "reference", "answer"
PARSE = "parse"
OUTCOME, STAGE = "outcome.json", "stage"
TEXT, BINARY = "miter.aag", "miter.aig"
MOST_BYTES = 12 * 1024 * 1024
_READ = {
    "slang": "read_slang --no-synthesis-define --no-default-translate-off-format --ignore-assertions "
    "--top {top} {name}.sv",
    "verilog": "read_verilog -sv {name}.sv",
}
_CHECK = "tee -q -o {name}.check check"
_FLATTEN = (
    "proc ; flatten ; opt_clean ; memory_map -keepdc ; opt_clean ; chformal -remove ; "
    f"delete t:$print ; opt_clean ; {_CHECK} ; write_json {{name}}.json"
)
# One step of the circuit is one cycle of the clock, or, where there is no such single clock, one change of the inputs.
_STEPS = {"cycles": "async2sync ; dffunmap ; formalff -clk2ff ; opt_clean", "changes": "clk2fflogic ; opt_clean"}
_CARRY_UNKNOWNS = (
    "setundef -undriven -undef ; xprop -split-outputs -assume-def-inputs -required -formal ; "
    "chformal -remove ; opt_clean"
)
_FREE_UNKNOWNS = "setundef -undriven -anyseq ; opt_clean"
_GATES = (
    "hierarchy -top miter ; proc ; flatten ; opt_expr -keepdc ; opt_merge ; opt_clean ; formalff -clk2ff ; techmap ; "
    "opt_expr -keepdc ; opt_merge ; opt_clean ; setundef -undriven -anyseq ; dffunmap ; aigmap ; opt_clean ; "
    f"{_CHECK.format(name='miter')} ; "
    "write_aiger -zinit -symbols miter.aig ; write_aiger -ascii -zinit -symbols miter.aag"
)
_STATE = re.compile(r"\$(?:_?(?:A|S|AL)?(?:DFF|DLATCH)\w*|_SR_\w*|_FF_|\w*dff\w*|\w*dlatch\w*|sr|ff|anyinit|mem\w*)$")
_EDGE = re.compile(r"\$(?:s|a|al)?dff(?:e|ce|sr|sre)?$")
_TWO_DRIVERS = "has a net with more than one driver"
_FAULTS = {
    "multiple conflicting drivers": _TWO_DRIVERS,
    "onflicting with a constant": _TWO_DRIVERS,
    "found logic loop": "has a loop without a register",
}


class Outcome(NamedTuple):
    """How the building of the miter ended. `steps` is "none" (no state), "cycles" or "changes"."""

    ending: Ending
    detail: str = ""
    steps: str = ""


def main() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Yosys tells its errors on stderr
    try:
        outcome = _mistake() or (_made(*sys.argv[1:]) if sys.argv[1:] != [PARSE] else Outcome("unreadable"))
    except MemoryError:
        outcome = Outcome("unreadable", "to compare them takes more memory than there is")
    Path(OUTCOME).write_text(json.dumps(outcome._asdict()))


def _mistake() -> Outcome | None:
    """The answer's first error, as a compiler sees it."""
    Path(STAGE).write_text(f"{ANSWER} syntax")
    found = errors(_read(ANSWER))
    return Outcome("syntax_error", f"line {found[0].line}: {found[0].text}") if found else None


def _made(reference_top: str, answer_top: str, reference_reader: str, answer_reader: str) -> Outcome:
    refused = _plainly(answer_top)
    return refused or _build((reference_top, answer_top), (reference_reader, answer_reader))


def _plainly(answer_top: str) -> Outcome | None:
    """Write both files plainly, for Yosys; why there is no going on, if so."""
    if answer_top not in module_names(_read(ANSWER)):
        return Outcome("misfit", f"there is no module {answer_top}")
    if missing := asleep(_read(ANSWER)):
        return Outcome("unreadable", f"a sensitivity list of the answer leaves out {missing}, a circuit does not")
    for name in (ANSWER, REFERENCE):
        Path(STAGE).write_text(f"{name} syntax")
        code = _read(name)
        if takes_time(code):
            return Outcome("unreadable", f"a block of the {name} waits within, which a circuit cannot")
        if drives_z(code):
            return Outcome("unreadable", f"the {name} drives high impedance (z)")
        Path(f"{name}.sv").write_text(plain(code), encoding="utf-8")
    return None


def _read(name: str) -> str:
    return Path(f"{name}.v").read_text(encoding="utf-8")


def _build(tops: tuple[str, str], readers: tuple[str, str]) -> Outcome:
    from pyosys import libyosys  # here, so that what stands above can be used without it

    design = libyosys.Design()

    def run(commands: str) -> None:
        libyosys.run_pass(commands, design)

    netlists = []
    for name, top, reader in zip((REFERENCE, ANSWER), tops, readers, strict=True):
        Path(STAGE).write_text(f"{name} {reader}")
        run(f"{_READ[reader]} ; hierarchy -check -top {{top}} ; {_CHECK}".format(top=top, name=name))
        if fault := _told_by_check(name) or _driven_twice(design):  # before anything is simplified
            return Outcome("unreadable", f"the {name} {fault}")
        run(_FLATTEN.format(name=name))
        netlist: Netlist = json.loads(Path(f"{name}.json").read_text())["modules"][top]
        netlists.append(netlist)
        if fault := _fault(name, netlist):
            return Outcome("unreadable", f"the {name} {fault}")
        run(f"rename {top} {_module(name)} ; design -stash {name}")
    gold, gate = netlists
    if differs := _misfit(_ports(gold), _ports(gate)):
        return Outcome("misfit", differs)
    steps = _steps(gold, gate)
    for name, unknowns in ((REFERENCE, _CARRY_UNKNOWNS), (ANSWER, _FREE_UNKNOWNS)):
        Path(STAGE).write_text(f"{name} preparation")
        run(f"design -load {name}")
        if name == ANSWER:
            _settle_unknown_operands(design.top_module(), gate, libyosys)
        run(f"{_STEPS.get(steps, '')} ; {unknowns} ; design -stash {name}")
    Path(STAGE).write_text("both miter")
    Path("miter.v").write_text(_wrapper(_ports(gold), sequential=steps != "none"))
    copies = [f"design -copy-from {name} {_module(name)}" for name in (REFERENCE, ANSWER)]
    run(f"design -reset ; {' ; '.join(copies)} ; read_verilog -formal miter.v ; {_GATES}")
    if fault := _told_by_check("miter"):
        return Outcome("unreadable", f"together they {fault}")
    return Outcome("ready", steps=steps)


def _settle_unknown_operands(module: Any, netlist: Netlist, libyosys: Any) -> None:
    """No register of the answer is unknown here, so that what it compares to x by === is never the same."""
    for name, cell in netlist["cells"].items():
        pins = cell["connections"]
        if cell["type"] in ("$eqx", "$nex") and "x" in pins["A"] + pins["B"]:
            found = module.cell(libyosys.IdString(name if name.startswith("$") else f"\\{name}"))
            for pin, value in (("A", 0), ("B", 1)):
                found.setPort(libyosys.IdString(f"\\{pin}"), libyosys.SigSpec(libyosys.Const(value, len(pins[pin]))))


def _fault(name: str, netlist: Netlist) -> str:
    """Why a circuit cannot be judged by proof, "" if it can."""
    if any(port["direction"] == "inout" for port in netlist["ports"].values()):
        return "has a port of direction inout"
    if any(cell["type"] == "$tribuf" for cell in netlist["cells"].values()):
        return "drives high impedance (z)"
    if not any(port["direction"] == "output" for port in netlist["ports"].values()):
        return "has no output"
    return _told_by_check(name)


def _told_by_check(name: str) -> str:
    """What Yosys' own check holds against a circuit and a proof could be fooled by."""
    told = Path(f"{name}.check").read_text()
    return next((fault for words, fault in _FAULTS.items() if words in told), "")


def _driven_twice(design: Any) -> str:
    """Whether a bit of some module is connected to two sources, which Yosys' check overlooks where one is constant."""
    for module in design.modules_.values():
        bits = [
            (bit.wire.name.str(), bit.offset)
            for target, _ in module.connections()
            for bit in target.to_sigbit_vector()
            if bit.wire
        ]
        if len(set(bits)) < len(bits):
            return _TWO_DRIVERS
    return ""


def _ports(netlist: Netlist) -> dict[str, tuple[str, int]]:
    """Direction and width in bits, by name."""
    return {name: (port["direction"], len(port["bits"])) for name, port in netlist["ports"].items()}


def _misfit(gold: dict[str, tuple[str, int]], gate: dict[str, tuple[str, int]]) -> str:
    """The first difference of two interfaces, "" if there is none."""
    for name, (direction, width) in gold.items():
        if name not in gate:
            return f"there is no {direction} {name}"
        if gate[name] != (direction, width):
            found, bits = gate[name]
            return f"{name} is {_port(found, bits)}, not {_port(direction, width)}"
    extra = [name for name in gate if name not in gold]
    return f"there is one {gate[extra[0]][0]} too many: {extra[0]}" if extra else ""


def _port(direction: str, width: int) -> str:
    return f"an {direction} of {width} bit{'s' if width > 1 else ''}"


def _steps(*netlists: Netlist) -> str:
    """What one step of the circuits is: cycles of a clock if all registers have the same edge of the same input."""
    clocks, latches = set(), False
    for netlist in netlists:
        places = {
            bit: name for name, port in netlist["ports"].items() for bit in port["bits"] if len(port["bits"]) == 1
        }
        for cell in netlist["cells"].values():
            if _EDGE.match(cell["type"]):
                polarity = int(cell["parameters"]["CLK_POLARITY"], 2)
                clocks.add((places.get(cell["connections"]["CLK"][0], ""), polarity))
            else:
                latches = latches or bool(_STATE.match(cell["type"]))
    if not clocks and not latches:
        return "none"
    if latches or len(clocks) > 1:
        return "changes"
    clock, _ = next(iter(clocks))
    return "changes" if not clock or any(_is_data(clock, netlist) for netlist in netlists) else "cycles"


def _is_data(clock: str, netlist: Netlist) -> bool:
    """Whether anything but a register's clock uses the clock."""
    if clock not in netlist["ports"]:
        return False
    (bit,) = netlist["ports"][clock]["bits"]
    outputs = [port["bits"] for name, port in netlist["ports"].items() if name != clock]
    pins = [
        wires
        for cell in netlist["cells"].values()
        for pin, wires in cell["connections"].items()
        if not (pin == "CLK" and _EDGE.match(cell["type"]))
    ]
    return any(bit in wires for wires in (*outputs, *pins))


def _wrapper(ports: dict[str, tuple[str, int]], *, sequential: bool) -> str:
    """Both circuits with common inputs, and the outputs that the module's head lists."""
    inputs = [(name, width) for name, (direction, width) in ports.items() if direction == "input"]
    outputs = [(name, width) for name, (direction, width) in ports.items() if direction == "output"]
    heads = [f"input [{width - 1}:0] {_id(f'in_{name}')}" for name, width in inputs]
    heads += [f"output [{w - 1}:0] {_id(f'{kind}_{n}')}" for n, w in outputs for kind in ("gold", "unknown", "gate")]
    shared = [f".{_id(name)}({_id(f'in_{name}')})" for name, _ in inputs]
    gold = [f".{_id(f'{n}{end}')}({_id(f'{kind}_{n}')})" for n, _ in outputs for end, kind in _SPLIT]
    gate = [f".{_id(name)}({_id(f'gate_{name}')})" for name, _ in outputs]
    unknown = ", ".join(_id(f"unknown_{name}") for name, _ in outputs)
    differs = ", ".join(
        f"~{_id(f'unknown_{n}')} & ({_id(f'gold_{n}')} ^ {_id(f'gate_{n}')})" for n, _ in outputs
    )  # fmt: skip
    bits = sum(width for _, width in outputs)
    return "\n".join(
        [
            f"module miter({', '.join([*heads, 'output bad', 'output seen'])});",
            f"{_id(_module(REFERENCE))}gold({', '.join([*shared, *gold])});",
            f"{_id(_module(ANSWER))}gate({', '.join([*shared, *gate])});",
            f"assign bad = |{{{differs}}};",
            f"wire [{bits - 1}:0] known = ~{{{unknown}}};",
            f"reg [{bits - 1}:0] before = 0;" if sequential else f"wire [{bits - 1}:0] before = 0;",
            "always @($global_clock) before <= known | before;" if sequential else "",
            "assign seen = &(known | before);",
            "endmodule",
        ]
    )


def _module(name: str) -> str:
    """What a circuit's top is renamed to: a name that none of its own modules has."""
    return f"miter.{name}"


_SPLIT = (("_d", "gold"), ("_x", "unknown"))  # what xprop makes of an output: its value, and which bits are unknown


def _id(name: str) -> str:
    """A name as an escaped identifier, which any name can be."""
    return f"\\{name} "


if __name__ == "__main__":
    main()

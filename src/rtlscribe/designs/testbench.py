"""A self-checking testbench for a design: stimulus and the Python model's answers, as one table of vectors.

The testbench holds no reference module: nothing is there to be called, and what it expects comes from the
Python model alone. Does not simulate.
"""

from __future__ import annotations

import itertools
import random

from rtlscribe.designs.base import Combinational, Design, Expected, Sequential, Unclocked, bits
from rtlscribe.records import NONCE

PASS_PATTERN = rf"^{NONCE} passed \d+ vectors$"
EXHAUSTIVE_BITS = 7  # combinational circuits with at most so many input bits see every input
RESET_CYCLES = 2
RESET_AGAIN = 0.04  # chance per cycle of a reset later on

Step = tuple[dict[str, int], Expected]


def trace(design: Design, rng: random.Random) -> list[Step]:
    """Inputs and expected outputs, cycle by cycle."""
    if isinstance(design.model, Combinational):
        return [(values, design.model.function(values)) for values in _combinational_inputs(design, rng)]
    if isinstance(design.model, Unclocked):
        return _settle(design, design.model, rng)
    return _run(design, design.model, rng)


def _combinational_inputs(design: Design, rng: random.Random) -> list[dict[str, int]]:
    ports = design.inputs
    if sum(p.width for p in ports) <= EXHAUSTIVE_BITS:
        table = itertools.product(*(range(1 << p.width) for p in ports))
        return [dict(zip((p.name for p in ports), row, strict=True)) for row in table]
    corners = [{p.name: value & ((1 << p.width) - 1) for p in ports} for value in (0, -1)]
    return corners + [_draw(design, rng) for _ in range(design.vectors - len(corners))]


def _draw(design: Design, rng: random.Random) -> dict[str, int]:
    """One random input; a port with a stimulus of its own uses that. One in eight words is a corner value."""
    values = {}
    for port in design.inputs:
        if port.name in design.stimulus:
            values[port.name] = design.stimulus[port.name](rng)
        elif port.width > 1 and rng.random() < 0.125:
            values[port.name] = rng.choice([0, (1 << port.width) - 1, 1, 1 << (port.width - 1)])
        else:
            values[port.name] = rng.getrandbits(port.width)
    return values


def _settle(design: Design, model: Unclocked, rng: random.Random) -> list[Step]:
    state = model.initial
    steps: list[Step] = []
    for _ in range(design.cycles):
        values = _draw(design, rng)
        state = model.following(state, values)
        steps.append((values, model.outputs(state, values)))
    return steps


def _run(design: Design, model: Sequential, rng: random.Random) -> list[Step]:
    reset, state, known = model.reset, model.initial, model.reset is None
    steps: list[Step] = []
    for cycle in range(design.cycles):
        values = _draw(design, rng)
        values[model.clock] = 0
        if reset:
            asserted = cycle < RESET_CYCLES or rng.random() < RESET_AGAIN
            values[reset.name] = int(asserted != reset.active_low)
            if reset.is_async and asserted:
                state, known = model.initial, True
        outputs = model.outputs(state, values) if known else {p.name: None for p in design.outputs}
        steps.append((values, outputs))
        if reset and reset.active(values):
            state, known = model.initial, True
        elif known:
            state = model.following(state, values)
    return steps


def testbench(design: Design, rng: random.Random) -> str:
    """Verilog text of a module `testbench` that checks the module `design.name`.

    A vector is {inputs, expected outputs, which output bits are compared}. Inputs change while the clock is
    low, outputs are compared before the rising edge; an X where a value is expected is a mismatch.
    """
    steps = trace(design, rng)
    clock = design.model.clock if isinstance(design.model, Sequential) else None
    driven = [p for p in design.inputs if p.name != clock]
    outputs = design.outputs
    n_in, n_out = sum(p.width for p in driven), sum(p.width for p in outputs)
    width = n_in + 2 * n_out
    rows: list[str] = []
    for values, expected in steps:
        word = 0
        for port in driven:
            word = word << port.width | values[port.name]
        for port in outputs:
            word = word << port.width | (expected[port.name] or 0)
        for port in outputs:
            word = word << port.width | (0 if expected[port.name] is None else (1 << port.width) - 1)
        rows.append(f"        tb_vectors[{len(rows)}] = {width}'h{word:x};")
    table = "\n".join(rows)
    wires = "".join(f"    reg {bits(p.width)}{p.name};\n" for p in driven)
    wires += "".join(f"    wire {bits(p.width)}{p.name};\n" for p in outputs)
    connections = ", ".join(f".{p.name}({p.name})" for p in design.ports)
    row = ", ".join([*(p.name for p in driven), "tb_expected", "tb_compared"])  # a circuit of constants has no inputs
    seen = ", ".join(p.name for p in outputs)
    edge = f"#1 {clock} = 1;\n            #1 {clock} = 0;" if clock else "#1;"
    return f"""module testbench;
    reg [{width - 1}:0] tb_vectors [0:{len(steps) - 1}];
{wires}{f"    reg {clock} = 0;{chr(10)}" if clock else ""}    reg [{n_out - 1}:0] tb_expected, tb_compared;
    integer tb_i, tb_errors = 0, tb_first = -1;
    {design.name} tb_dut ({connections});
    initial begin
{table}
        for (tb_i = 0; tb_i < {len(steps)}; tb_i = tb_i + 1) begin
            {{{row}}} = tb_vectors[tb_i];
            #1;
            if ((({{{seen}}} ^ tb_expected) & tb_compared) !== 0) begin
                tb_errors = tb_errors + 1;
                if (tb_first < 0) tb_first = tb_i;
            end
            {edge}
        end
        if (tb_errors == 0) $display("{NONCE} passed {len(steps)} vectors");
        else $display("{NONCE} failed %0d of {len(steps)} vectors, the first is number %0d", tb_errors, tb_first);
        $finish;
    end
endmodule
"""

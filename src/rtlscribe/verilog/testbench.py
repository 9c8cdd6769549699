"""A testbench that puts stimulus to one answer and writes down its outputs. Judges nothing, and knows no reference.

A step: the inputs change while all clocks are low, the outputs are sampled when they have settled; then each clock
that ticks rises (a second sample) and falls. So outputs are seen just before and well after an edge, and after changes
of the inputs alone. The order holds for either edge: inputs never change together with a clock.

An answer meets the testbench alone: no reference is there to be read. Names are random, and each line of the trace,
which goes into a file of a random name, begins with a secret; an answer that prints cannot make one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from rtlscribe.verilog.ports import Port
from rtlscribe.verilog.stimulus import Stimulus

SETTLE_NS = 25  # delays within an answer may add up to this
DRIVEN = " "  # how the name of the field ends that says whether an inout port is driven
_PLAIN = re.compile(r"[A-Za-z_][\w$]*")


class Bench(NamedTuple):
    """What is compiled before an answer. `files` are laid beside it; it writes `trace`, `samples` lines and an end.

    `instance` is the name of the answer's instance in it.
    """

    text: str
    root: str
    instance: str
    files: dict[str, str]
    trace: str
    secret: str
    samples: int

    @property
    def end(self) -> str:
        """The trace's last line."""
        return f"{self.secret} end\n"


def observed(interface: Sequence[Port]) -> list[Port]:
    """The ports whose values make a trace, in its order from the left."""
    return [port for port in interface if port.direction != "input"]


def bench(interface: Sequence[Port], stimulus: Stimulus, *, top: str) -> Bench:
    """A testbench for module `top`. Two calls give different names and secrets and the same stimulus."""
    root, instance, memory, index, file, secret = (_fresh_name() for _ in range(6))
    words, trace = f"{_fresh_name()}.hex", f"{_fresh_name()}.txt"
    signals = {name: _fresh_name() for name in [p.name for p in interface] + [f.name for f in stimulus.fields]}
    ticks = {clock: _fresh_name() for clock in stimulus.clocks}
    nets = {port.name: _fresh_name() for port in interface if port.direction == "inout"}
    lines = [f"reg [{stimulus.width - 1}:0] {memory} [0:{len(stimulus.words) - 1}];", f"integer {index}, {file};"]
    lines += [f"reg {signals[clock]} = 0; reg {ticks[clock]};" for clock in stimulus.clocks]
    lines += [f"reg {_range(field)}{signals[field.name]};" for field in stimulus.fields]
    lines += [f"wire {_range(port)}{signals[port.name]};" for port in interface if port.direction == "output"]
    for name, net in nets.items():
        width = next(port.width for port in interface if port.name == name)
        driven = f"{signals[name + DRIVEN]} ? {signals[name]} : {width}'bz"
        lines.append(f"wire [{width - 1}:0] {net}; assign {net} = {driven};")
    connections = ", ".join(f".{_name(p.name)}({nets.get(p.name, signals[p.name])})" for p in interface)
    driven_names = [signals[field.name] for field in stimulus.fields] + list(ticks.values())
    seen = ", ".join(nets.get(port.name, signals[port.name]) for port in observed(interface))
    sample = f'#{SETTLE_NS} $fdisplay({file}, "{secret} %b", {{{seen}}});'
    steps = [f"{{{', '.join(driven_names)}}} = {memory}[{index}];"] if driven_names else []
    steps.append(sample)
    for clock, tick in ticks.items():
        steps.append(f"if ({tick}) begin {signals[clock]} = 1; {sample} {signals[clock]} = 0; #{SETTLE_NS}; end")
    body = "\n".join([*lines, f"{_name(top)} {instance}({connections});"])
    text = f"""`timescale 1ns/1ps
module {root};
{body}
initial begin
{file} = $fopen("{trace}", "w");
$readmemh("{words}", {memory});
for ({index} = 0; {index} < {len(stimulus.words)}; {index} = {index} + 1) begin
{chr(10).join(steps)}
end
$fdisplay({file}, "{secret} end");
$finish;
end
endmodule
`resetall
`timescale 1ns/1ps
"""
    return Bench(text, root, instance, {words: stimulus.table}, trace, secret, stimulus.samples)


def _fresh_name() -> str:
    return f"n{secrets.token_hex(6)}"


def _range(port: Port) -> str:
    return f"[{port.width - 1}:0] "


def _name(name: str) -> str:
    """A name as it stands in code."""
    return name if _PLAIN.fullmatch(name) else f"\\{name} "

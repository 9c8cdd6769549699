"""Families made of two circuits of other families: one feeding the other, or both side by side, in one module or three.

The parts are training circuits of families that models may see (see `families.UNSEEN`), so that no composition shows a
held-out circuit; whether a composition itself is held out is decided by its own key, like that of any other design.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from rtlscribe.designs.base import (
    Combinational,
    Design,
    Expected,
    Pick,
    Port,
    Reset,
    Sequential,
    State,
    Values,
    bits,
    listing,
)
from rtlscribe.designs.families import FAMILIES, family
from rtlscribe.designs.generate import split_of

# Families that can be a part: they give no table or figure, and their words stand on their own beside others.
COMBINATIONAL = (
    "multiplexer", "gates", "boolean_expression", "bit_shuffle", "extension", "parity", "population_count",
    "majority_or_threshold", "constant_compare_or_range", "adder", "subtractor", "add_subtract", "comparator",
    "minimum_maximum", "constant_arithmetic", "shifter", "decoder", "priority_encoder", "conditional_unit",
    "several_outputs", "case_selector", "priority_select", "neighbour_bits", "leading_bits",
)  # fmt: skip
CLOCKED = (
    "flip_flop", "register_bank", "shift_register", "delay_line", "up_down_counter", "modulo_counter",
    "loadable_counter", "two_way_counter", "ring_counter", "saturating_counter", "edge_detector", "accumulator",
    "clock_divider", "pulse_generator", "universal_shift", "flag_register", "rotator",
)  # fmt: skip
# Before every name that a part draws, so that it is found again in code and words; it is in no other text.
MARK = "\ue000"
WORD = re.compile(rf"(?<![\w'$]){MARK}?[A-Za-z_]\w*")
KEYWORDS = frozenset((
    "always", "and", "assign", "begin", "case", "casez", "default", "else", "end", "endcase", "endgenerate",
    "endmodule", "for", "generate", "genvar", "if", "input", "integer", "localparam", "module", "negedge", "not", "or",
    "output", "parameter", "posedge", "reg", "signed", "wire",
))  # fmt: skip
# Enough for a mistake that shows in one of sixty-four rows of one part.
VECTORS, CYCLES = 400, 240


@dataclass(frozen=True, slots=True)
class _Part:
    """A circuit with its marked names, and what each of its ports is called in the whole."""

    family: str
    design: Design
    nets: Mapping[str, str]

    @property
    def clock(self) -> str:
        return self.design.model.clock if isinstance(self.design.model, Sequential) else ""

    @property
    def reset(self) -> Reset | None:
        return self.design.model.reset if isinstance(self.design.model, Sequential) else None

    @property
    def data(self) -> list[Port]:
        """The inputs other than clock and reset."""
        control = {self.clock, self.reset.name if self.reset else ""}
        return [port for port in self.design.inputs if port.name not in control]

    def said(self, text: str) -> str:
        return re.sub(rf"{MARK}(\w+)", lambda found: self.nets.get(found[0], found[1]), text)

    def ports(self) -> str:
        """The ports with their names in the whole: "a, b (connected to t) and sum"."""
        plain = [(p.name.removeprefix(MARK), self.nets[p.name]) for p in self.design.ports]
        return listing([own if own == net else f"{own} (connected to {net})" for own, net in plain])

    def values(self, values: Values) -> dict[str, int]:
        """The inputs, from the values of the nets."""
        return {port.name: values[self.nets[port.name]] for port in self.design.inputs if port.name != self.clock}

    def outputs(self, state: State, values: Values) -> Expected:
        model = self.design.model
        own = self.values(values)
        found = model.function(own) if isinstance(model, Combinational) else model.outputs(state, own)
        return {self.nets[name]: value for name, value in found.items()}

    def following(self, state: State, values: Values) -> State:
        model = self.design.model
        return model.following(state, self.values(values)) if isinstance(model, Sequential) else None


@family("composition")
def series(rng: random.Random, pick: Pick) -> Design:
    """An output of one circuit is an input of another, in one module."""
    return _first_of(_series, rng, pick, apart=False)


@family("composition")
def series_of_modules(rng: random.Random, pick: Pick) -> Design:
    """An output of one circuit is an input of another, each a module that the top module instantiates."""
    return _first_of(_series, rng, pick, apart=True)


@family("composition")
def parallel(rng: random.Random, pick: Pick) -> Design:
    """Two circuits side by side in one module, which share inputs or at least the clock."""
    return _first_of(_parallel, rng, pick, apart=False)


@family("composition")
def parallel_modules(rng: random.Random, pick: Pick) -> Design:
    """Two circuits side by side, each a module of its own, which share inputs or at least the clock."""
    return _first_of(_parallel, rng, pick, apart=True)


Joined = tuple["_Whole", tuple[object, ...]]  # and its place in the key


def _first_of(
    join: Callable[[random.Random, Pick, _Part, _Part], Joined | None], rng: random.Random, pick: Pick, *, apart: bool
) -> Design:
    """The first two parts that can be joined in this way, as one design."""
    found = (join(rng, pick, first, second) for first, second in _pairs(rng, pick))
    whole, key = next(joined for joined in found if joined)
    return whole.design(pick, key, apart=apart)


def _series(rng: random.Random, pick: Pick, first: _Part, second: _Part) -> Joined | None:
    if first.clock and not first.reset:
        return None  # what it gives would be unknown for a while, and with that the state of the second
    free = [port for port in second.data if port.name not in second.design.stimulus]
    links = [(out, port) for out in first.design.outputs for port in free if out.width == port.width]
    if not links:
        return None
    out, port = rng.choice(links)
    # An output that is seen only through the second part hides mistakes of the first.
    shown = len(first.design.outputs) > 1 or rng.random() < 0.5
    net = first.nets[out.name] if shown else pick("mid", "link", "stage1")
    first = replace(first, nets=_renamed(first, {out.name: net}, set()))
    second = replace(second, nets=_renamed(second, {port.name: net, **_common(first, second)}, _words(first)))
    whole = _Whole(first, second, net, out.width, shown=shown)
    key = (first.design.outputs.index(out), second.design.inputs.index(port), shown)
    return (whole, key) if whole.link_is_lively() else None


def _parallel(rng: random.Random, pick: Pick, first: _Part, second: _Part) -> Joined | None:
    shared: dict[str, str] = {}
    for port in second.data:
        alike = (p.name for p in first.data if p.width == port.width and p.name not in first.design.stimulus)
        twins = [first.nets[name] for name in alike if first.nets[name] not in shared.values()]
        if twins and port.name not in second.design.stimulus and rng.random() < 0.7:
            shared[port.name] = rng.choice(twins)
    if not shared and not (first.clock and second.clock):
        return None
    second = replace(second, nets=_renamed(second, {**shared, **_common(first, second)}, _words(first)))
    nets = list(first.nets.values())
    key = tuple(nets.index(shared[p.name]) if p.name in shared else None for p in second.data)
    return _Whole(first, second, "", 0, shown=True), key


def _pairs(rng: random.Random, pick: Pick) -> Iterator[tuple[_Part, _Part]]:
    """Parts that fit together, without end: clocked ones have the same kind of reset, or none."""

    def drawn() -> _Part:
        return _part(rng, pick, rng.choice(rng.choice([COMBINATIONAL, COMBINATIONAL, CLOCKED])))

    while True:
        first = drawn()
        for _ in range(8):  # for the sake of speed: most pairs cannot be joined
            second = drawn()
            kinds = {part.reset.key if part.reset else "" for part in (first, second) if part.clock}
            if len(kinds) < 2:
                yield first, second


def _part(rng: random.Random, pick: Pick, name: str) -> _Part:
    def marked(usual: str, *others: str) -> str:
        return " ".join(MARK + word for word in pick(usual, *others).split(" "))

    while True:
        design = FAMILIES[name].build(rng, marked)
        # The mark is of no account to the split, which is made on parameters alone.
        if not design.appendix and split_of(FAMILIES[name], design) == "train":
            return _Part(name, design, {port.name: port.name.removeprefix(MARK) for port in design.ports})


def _common(first: _Part, second: _Part) -> dict[str, str]:
    """Clock and reset of the second part on those of the first."""
    found = {}
    if first.clock and second.clock:
        found[second.clock] = first.nets[first.clock]
        if first.reset and second.reset:
            found[second.reset.name] = first.nets[first.reset.name]
    return found


def _renamed(part: _Part, given: Mapping[str, str], taken: set[str]) -> dict[str, str]:
    """Nets for the ports: those given, the others fresh names like their own."""
    used = taken | set(given.values())
    nets = {}
    for name, net in part.nets.items():
        nets[name] = given.get(name) or _fresh(net, used)
        used.add(nets[name])
    return nets


def _fresh(name: str, used: set[str]) -> str:
    return next(n for n in (name, *(f"{name}_{end}" for end in "bcdefgh")) if n not in used)


def _words(part: _Part) -> set[str]:
    """Every name in a part's code, and those of its ports."""
    return {found.removeprefix(MARK) for found in WORD.findall(part.design.body)} | set(part.nets.values())


@dataclass(frozen=True, slots=True)
class _Whole:
    """Two parts and the net from the first to the second, "" for none; `shown` if that net is an output too."""

    first: _Part
    second: _Part
    link: str
    width: int
    shown: bool

    @property
    def parts(self) -> tuple[_Part, _Part]:
        return self.first, self.second

    def link_is_lively(self) -> bool:
        """Whether the link takes values enough for mistakes in the second part to show."""
        rng, state = random.Random(0), self._initial()
        ports = self._ports()
        stimulus = self._stimulus()
        seen = []
        for _ in range(32):
            values = {
                p.name: stimulus[p.name](rng) if p.name in stimulus else rng.getrandbits(p.width)
                for p in ports
                if p.direction == "input"
            }
            if reset := self._reset():
                values[reset.name] = int(reset.active_low)
            seen.append(self._outputs(state, values)[self.link])
            state = self._following(state, values)
        most = max(seen.count(value) for value in set(seen))
        return most <= 22 and len(set(seen)) >= min(1 << self.width, 6)

    def design(self, pick: Pick, key: tuple[object, ...], *, apart: bool) -> Design:
        first, second = self.parts
        name = pick("top_module", "top", "circuit", "system")
        nouns, behaviours = self._wording(apart=apart)
        clock = first.nets[first.clock] if first.clock else second.nets.get(second.clock, "")
        model: Combinational | Sequential = Combinational(
            lambda values: self._outputs((None, None), values, ports_only=True)
        )
        if clock:
            model = Sequential(
                clock,
                self._initial(),
                self._following,
                lambda s, v: self._outputs(s, v, ports_only=True),
                self._reset(),
            )
        body, submodules, bugs = self._instances() if apart else self._flat()
        registers = {part.nets[port] for part in self.parts for port in part.design.registers}
        return Design(
            key=(first.family, first.design.key, second.family, second.design.key, *key),
            name=name,
            ports=self._ports(),
            nouns=nouns,
            behaviours=behaviours,
            body=body,
            model=model,
            bugs=bugs,
            registers=frozenset(() if apart else registers),
            stimulus=self._stimulus(),
            cycles=max(CYCLES, *(part.design.cycles for part in self.parts)),
            vectors=VECTORS,
            submodules=submodules,
        )

    def _ports(self) -> tuple[Port, ...]:
        """Clock and reset, the inputs of both parts, the outputs of both; each net once."""
        found: dict[str, Port] = {}
        control = {
            part.nets[name]
            for part in self.parts
            for name in (part.clock, part.reset.name if part.reset else "")
            if name
        }
        every = [(part, port) for part in self.parts for port in part.design.ports]
        every.sort(key=lambda pair: (pair[1].direction == "output", pair[0].nets[pair[1].name] not in control))
        for part, port in every:
            net = part.nets[port.name]
            if net != self.link or (self.shown and port.direction == "output"):
                found.setdefault(net, Port(net, port.direction, port.width, part.said(port.meaning)))
        return tuple(found.values())

    def _stimulus(self) -> dict[str, Callable[[random.Random], int]]:
        return {part.nets[port]: draw for part in self.parts for port, draw in part.design.stimulus.items()}

    def _reset(self) -> Reset | None:
        part = self.first if self.first.clock else self.second
        return replace(part.reset, name=part.nets[part.reset.name]) if part.reset else None

    def _initial(self) -> tuple[State, State]:
        one, two = (p.design.model.initial if isinstance(p.design.model, Sequential) else None for p in self.parts)
        return one, two

    def _outputs(self, state: tuple[State, State], values: Values, *, ports_only: bool = False) -> Expected:
        found = dict(self.first.outputs(state[0], values))
        if self.link:
            values = {**values, self.link: self._known(found[self.link])}
        found.update(self.second.outputs(state[1], values))
        if ports_only and self.link and not self.shown:
            del found[self.link]
        return found

    def _following(self, state: tuple[State, State], values: Values) -> tuple[State, State]:
        if self.link:
            values = {**values, self.link: self._known(self.first.outputs(state[0], values)[self.link])}
        return self.first.following(state[0], values), self.second.following(state[1], values)

    def _known(self, value: int | None) -> int:
        if value is None:
            raise ValueError(f"{self.first.family} gives an unknown value, which no other part can take in")
        return value

    def _flat(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """Body, no submodules, and bugs, of one module with the code of both parts."""
        codes, bugs = [], []
        taken: set[str] = set()
        for part in self.parts:
            names = _code_names(part, taken)
            code = _coded(part.design.body.strip("\n"), names)
            codes.append(code)
            taken |= set(names.values())
            if part is self.second or self.shown:
                bugs += [(code, code.replace(_coded(a, names), _coded(b, names), 1)) for a, b in part.design.bugs]
        is_register = any(self.first.nets[name] == self.link for name in self.first.design.registers)
        declared = "" if self.shown else f"    {'reg' if is_register else 'wire'} {bits(self.width)}{self.link};\n\n"
        return declared + "\n\n".join(codes), "", tuple(bugs)

    def _instances(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """Body, submodules and bugs, of a top module with an instance of each part."""
        modules, lines, bugs = [], [], []
        for part, label in zip(self.parts, ("first", "second"), strict=True):
            name = self._module_name(part)
            right, *wrong = (
                code.replace(f"module {part.design.name}(", f"module {name}(", 1).replace(MARK, "").strip("\n")
                for code in (part.design.reference, *part.design.mutants())
            )
            pins = ", ".join(f".{p.name.removeprefix(MARK)}({part.nets[p.name]})" for p in part.design.ports)
            lines.append(f"    {name} {label}({pins});")
            modules.append(right)
            if part is self.second or self.shown:
                bugs += [(right, code) for code in wrong]
        wire = "" if self.shown else f"    wire {bits(self.width)}{self.link};\n\n"
        return wire + "\n".join(lines), "\n\n".join(modules), tuple(bugs)

    def _module_name(self, part: _Part) -> str:
        """The family's name: with an ending where it would be that of both parts or of a net."""
        twins = self.first.family == self.second.family
        name = f"{part.family}_{1 if part is self.first else 2}" if twins else part.family
        return f"{name}_unit" if name in {*self.first.nets.values(), *self.second.nets.values()} else name

    def _wording(self, *, apart: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
        one, two = self.parts
        ports = self._ports()
        given = " and ".join(
            f"the {direction}{'s' if len(found) > 1 else ''} {listing(found)}"
            for direction in ("input", "output")
            if (
                found := [
                    p.name if p.width == 1 else f"{p.name} ({p.width} bits)" for p in ports if p.direction == direction
                ]
            )
        )
        size = "one bit" if self.width == 1 else f"{self.width} bits"
        link = (
            ""
            if not self.link
            else f" {self.link} connects them: it is an output of the whole and also an input of the second part."
            if self.shown
            else f" {self.link} ({size}) is an internal signal, not a port: an output of the first part and an input of the second."
        )
        common = sorted(({*one.nets.values()} & {*two.nets.values()}) - {self.link})
        share = f" Both use {listing(common)}." if common else ""
        names = [self._module_name(part) for part in self.parts]
        form = (
            f" Write the parts as modules {names[0]} and {names[1]}, which the top module instantiates."
            if apart
            else ""
        )
        short = "made of two submodules" if apart else "made of two parts"
        how = f"in series, linked by {self.link}" if self.link else "side by side"

        (a0, b0), (a1, b1), (a2, b2) = (
            [f"{p.said(p.design.nouns[i % len(p.design.nouns)])} with the ports {p.ports()}" for p in self.parts]
            for i in range(3)
        )
        (c0, d0), (c1, d1), (c2, d2) = (
            [p.said(p.design.behaviours[i % len(p.design.behaviours)]) for p in self.parts] for i in range(3)
        )
        nouns = (
            f"a module with {given}, {short} {how}: first, {a0}; second, {b0}",
            f"a circuit with {given} in which two circuits work {how}: {a1}, and {b1}{', each a module of its own' if apart else ''}",
            f"a combination of two circuits {how}, {short}, with {given}; the first is {a2}; the second is {b2}",
        )
        behaviours = (
            f"The circuit has two parts.{link}{share}{form}\nFirst part: {c0}\nSecond part: {d0}",
            f"{c1}\n{d1}\nThese are the two parts of one circuit.{link}{form}",
            f"Combine two functions in one circuit with {given}.{link}{form}\n1. {c2}\n2. {d2}",
        )
        return nouns, behaviours


def _code_names(part: _Part, taken: set[str]) -> dict[str, str]:
    """What each name in a part's code becomes: a port its net, any other itself or, if that is taken, a fresh one."""
    used = taken | set(part.nets.values())
    names = dict(part.nets)
    for word in WORD.findall(part.design.body):
        plain = word.removeprefix(MARK)
        if word not in names and plain not in KEYWORDS:
            names[word] = _fresh(plain, used)
            used.add(names[word])
    return names


def _coded(text: str, names: Mapping[str, str]) -> str:
    return WORD.sub(lambda found: names.get(found[0], found[0].removeprefix(MARK)), text)

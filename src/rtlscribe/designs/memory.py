"""Families that store: registers files, RAM, ROM, FIFO."""

from __future__ import annotations

import random
from collections.abc import Callable

from rtlscribe.designs.base import (
    Combinational,
    Design,
    Expected,
    Pick,
    Port,
    Sequential,
    Values,
    article,
    bits,
    choose_reset,
    listing,
    mask,
)
from rtlscribe.designs.families import family
from rtlscribe.designs.parts import briefly, likely

# Memories are dicts from address to word: what is missing was never written and is unknown.
Words = dict[int, int]


def _addresses(depth: int) -> Callable[[random.Random], int]:
    """Mostly a few addresses, so that words are read again after they were written; one in eight anywhere."""
    few = sorted({0, 1, 2, depth // 2, depth - 1})
    return lambda r: r.choice(few) if r.random() < 0.875 else r.randrange(depth)


def _address_width(depth: int) -> int:
    return (depth - 1).bit_length()


@family("memory")
def single_port_ram(rng: random.Random, pick: Pick) -> Design:
    """A RAM with one address: depth, width, and an asynchronous or one of three kinds of synchronous read."""
    kind = rng.choice(["async", "old", "new", "keep"])
    depth, width = 1 << rng.randint(2, 8), rng.randint(2, 32)
    size = _address_width(depth)
    clk, we, addr = pick("clk", "clock"), pick("we", "wr_en", "write_enable"), pick("addr", "address", "a")
    din, dout = pick("din", "data_in", "d"), pick("dout", "data_out", "q")

    def following(state: tuple[Words, int | None], values: Values) -> tuple[Words, int | None]:
        words, read = state
        if not values[we]:
            return words, words.get(values[addr])
        read = {"async": None, "old": words.get(values[addr]), "new": values[din], "keep": read}[kind]
        return {**words, values[addr]: values[din]}, read

    def outputs(state: tuple[Words, int | None], values: Values) -> Expected:
        words, read = state
        return {dout: words.get(values[addr]) if kind == "async" else read}

    read = {
        "async": "",
        "old": f"        {dout} <= mem[{addr}];\n",
        "new": f"        {dout} <= {we} ? {din} : mem[{addr}];\n",
        "keep": f"        else\n            {dout} <= mem[{addr}];\n",
    }[kind]
    body = f"""
    reg {bits(width)}mem [0:{depth - 1}];
    always @(posedge {clk}) begin
        if ({we})
            mem[{addr}] <= {din};
{read}    end"""
    if kind == "async":
        body += f"\n    assign {dout} = mem[{addr}];"
    nouns = {
        "async": "asynchronous (combinational) read",
        "old": "synchronous read that gives the old word while writing (read-first)",
        "new": "synchronous read that gives the new word while writing (write-first)",
        "keep": "synchronous read whose output register keeps its value while writing (no-change)",
    }[kind]
    reading = {
        "async": (
            f"{dout} is always the word at {addr}, without a clock.",
            f"Reading is combinational: {dout} shows the word at {addr} at once.",
            f"Read the word at {addr} asynchronously on {dout}.",
        ),
        "old": (
            f"At every rising edge {dout} is loaded with the word at {addr}, with its old value if it is being "
            "written.",
            f"Reading is synchronous and read-first: each edge puts into {dout} what {addr} held before the edge.",
            f"{dout} is a register that takes, at every edge, the word stored at {addr} before that edge.",
        ),
        "new": (
            f"At every rising edge {dout} is loaded with the word at {addr}, or with {din} if it is being written.",
            f"Reading is synchronous and write-first: {dout} takes {din} when {we} is 1 and the word at {addr} "
            "when it is 0.",
            f"{dout} is a register that takes, at every edge, the word at {addr} as it is after that edge's write.",
        ),
        "keep": (
            f"At a rising edge with {we} low, {dout} is loaded with the word at {addr}; with {we} high it keeps "
            "its value.",
            f"Reading is synchronous: {dout} takes the word at {addr} when {we} is 0 and does not change when it is 1.",
            f"{dout} is a register that takes the word at {addr} at each edge that does not write, and only then.",
        ),
    }[kind]
    wrong_read = {
        "async": (f"{dout} = mem[{addr}]", f"{dout} = ~mem[{addr}]"),
        "old": (f"{dout} <= mem[{addr}]", f"{dout} <= {we} ? {din} : mem[{addr}]"),
        "new": (f"{dout} <= {we} ? {din} : mem[{addr}]", f"{dout} <= mem[{addr}]"),
        "keep": (f"        else\n            {dout}", f"        {dout}"),
    }[kind]
    return Design(
        key=(depth, width, kind),
        name=pick("ram", "single_port_ram", "memory", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            Port(we, "input", 1, "the write enable"),
            Port(addr, "input", size, "the address for writing and reading"),
            Port(din, "input", width, "the word to write"),
            Port(dout, "output", width, "the word read"),
        ),
        registers=frozenset() if kind == "async" else frozenset({dout}),
        nouns=(
            f"a single-port RAM of {depth} words of {width} bits with synchronous write and {nouns}",
            f"{article(f'{depth}x{width}')} single-port memory ({depth} words, {width} bits) written at the "
            "rising clock edge "
            f"when write enable is high, with {nouns}",
            f"a memory with one address port, {depth} words deep and {width} bits wide, synchronous write with "
            "active-high write enable, "
            f"{nouns}",
        ),
        briefs=briefly(
            [
                f"{depth}x{width} single-port RAM",
                f"single-port RAM of {depth} words of {width} bits",
                f"{depth}x{width} RAM",
                f"single-port RAM for {size}-bit addresses and {width}-bit data",
            ],
            {"async": "asynchronous read", "old": "", "new": "write-first read", "keep": "no-change read"}[kind],
        ),
        behaviours=(
            f"Build a RAM of {depth} words of {width} bits. On the rising edge of {clk}, if {we} is 1, {din} is "
            "written "
            f"to the word at {addr}. {reading[0]}",
            f"The memory has {depth} words of {width} bits and one address, {addr}. {we} high at the rising edge "
            f"of {clk} "
            f"writes {din}. {reading[1]}",
            f"Implement {article(f'{depth}-word')} memory, {width} bits wide. Write {din} at {addr} on rising "
            f"edges of {clk} with "
            f"{we} high. {reading[2]} There is no reset.",
        ),
        body=body,
        model=Sequential(clk, ({}, None), following, outputs),
        bugs=((f"if ({we})", f"if (!{we})"), (f"mem[{addr}] <= {din}", f"mem[{addr}] <= ~{din}"), wrong_read),
        stimulus={addr: _addresses(depth)},
    )


@family("memory")
def dual_port_ram(rng: random.Random, pick: Pick) -> Design:
    """A RAM with a write port and a read port: depth, width, synchronous or asynchronous read, optional read enable."""
    kind = rng.choice(["async", "sync", "enabled"])
    depth, width = 1 << rng.randint(2, 8), rng.randint(2, 32)
    size = _address_width(depth)
    clk, we, re = pick("clk", "clock"), pick("we", "wr_en", "write_en"), pick("re", "rd_en", "read_en")
    waddr, raddr = pick("waddr raddr", "wr_addr rd_addr", "write_addr read_addr").split()
    din, dout = pick("din dout", "wdata rdata", "data_in data_out").split()

    def following(state: tuple[Words, int | None], values: Values) -> tuple[Words, int | None]:
        words, read = state
        if kind != "enabled" or values[re]:
            read = words.get(values[raddr])
        return ({**words, values[waddr]: values[din]} if values[we] else words), read

    def outputs(state: tuple[Words, int | None], values: Values) -> Expected:
        words, read = state
        return {dout: words.get(values[raddr]) if kind == "async" else read}

    read = {
        "async": "",
        "sync": f"        {dout} <= mem[{raddr}];\n",
        "enabled": f"        if ({re})\n            {dout} <= mem[{raddr}];\n",
    }[kind]
    body = f"""
    reg {bits(width)}mem [0:{depth - 1}];
    always @(posedge {clk}) begin
        if ({we})
            mem[{waddr}] <= {din};
{read}    end"""
    if kind == "async":
        body += f"\n    assign {dout} = mem[{raddr}];"
    noun = {
        "async": "asynchronous (combinational) read port",
        "sync": "synchronous read port (a word read while it is written gives the old value)",
        "enabled": "synchronous read port with read enable (it holds its output otherwise, and gives the old "
        "value of a word "
        "being written)",
    }[kind]
    reading = {
        "async": (
            f"{dout} is always the word at {raddr}, without a clock.",
            f"Reading is combinational: {dout} shows the word at {raddr} at once.",
            f"The other port reads asynchronously the word at {raddr} on {dout}.",
        ),
        "sync": (
            f"Every rising edge also loads {dout} with the word at {raddr}, as it was before the edge.",
            f"Reading is synchronous: {dout} is a register for the word at {raddr}; a word being written is read "
            "as it was.",
            f"The other port reads: at every edge {dout} takes the old content of the word at {raddr}.",
        ),
        "enabled": (
            f"A rising edge with {re} high loads {dout} with the word at {raddr}, as it was before the edge; "
            f"otherwise {dout} keeps its value.",
            f"Reading is synchronous: if {re} is 1, {dout} takes the word at {raddr}; if it is 0, {dout} does not "
            "change. "
            "A word being written is read as it was.",
            f"The other port reads: at each edge with {re} high {dout} takes the old content of the word at "
            f"{raddr}, and it holds "
            "at other edges.",
        ),
    }[kind]
    return Design(
        key=(depth, width, kind),
        name=pick("dual_port_ram", "simple_dual_port_ram", "ram", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            Port(we, "input", 1, "the write enable"),
            Port(waddr, "input", size, "the write address"),
            Port(din, "input", width, "the word to write"),
            *([Port(re, "input", 1, "the read enable")] if kind == "enabled" else []),
            Port(raddr, "input", size, "the read address"),
            Port(dout, "output", width, "the word read"),
        ),
        registers=frozenset() if kind == "async" else frozenset({dout}),
        nouns=(
            f"a simple dual-port RAM of {depth} words of {width} bits with one synchronous write port and one {noun}",
            f"a memory of {depth} words, {width} bits each, with separate addresses for writing (at the rising "
            "clock edge, "
            f"with write enable) and for its {noun}",
            f"{article(f'{depth}x{width}')} RAM ({depth} words, {width} bits) with a clocked write port and "
            f"{article(noun)}, "
            "both on one clock",
        ),
        briefs=briefly(
            [
                f"{depth}x{width} simple dual-port RAM",
                f"simple dual-port RAM of {depth} words of {width} bits",
                f"{depth}x{width} RAM of one write port and one read port",
            ],
            {"async": "asynchronous read", "sync": "", "enabled": "read enable"}[kind],
        ),
        behaviours=(
            f"Build a RAM of {depth} words of {width} bits with two ports. On the rising edge of {clk}, if {we} "
            f"is 1, {din} is "
            f"written to the word at {waddr}. {reading[0]}",
            f"The memory has {depth} words of {width} bits. {we} high at the rising edge of {clk} writes {din} "
            f"at {waddr}. {reading[1]}",
            f"Implement {article(f'{depth}-word')} memory, {width} bits wide. One port writes {din} at {waddr} on "
            "rising edges "
            f"of {clk} with {we} high. {reading[2]} There is no reset.",
        ),
        body=body,
        model=Sequential(clk, ({}, None), following, outputs),
        bugs=(
            (f"if ({we})", f"if (!{we})"),
            (f"mem[{raddr}];", f"mem[{waddr}];"),
            (f"mem[{waddr}] <=", f"mem[{raddr}] <="),
            *([(f"        if ({re})\n", "")] if kind == "enabled" else []),
        ),
        stimulus={waddr: _addresses(depth), raddr: _addresses(depth)},
    )


@family("memory")
def rom(rng: random.Random, pick: Pick) -> Design:
    """A ROM with random contents, combinational or registered, with or without an enable; unused addresses are zero."""
    kind = rng.choice(["combinational", "registered", "enabled"])
    depth, width = rng.choice([4, 6, 8, 8, 10, 12, 16, 16]), rng.randint(4, 16)
    size = _address_width(depth)
    content = [rng.getrandbits(width) for _ in range(depth)]
    # A first word of all zeros or ones would hide a planted mistake among the unused addresses.
    content[0] = rng.randint(1, mask(width) - 1)
    clk, enable = pick("clk", "clock"), pick("en", "enable", "rd_en")
    addr, out = pick("addr", "address", "a"), pick("data", "dout", "q")

    def word(values: Values) -> int:
        return content[values[addr]] if values[addr] < depth else 0

    def following(state: int | None, values: Values) -> int | None:
        return state if kind == "enabled" and not values[enable] else word(values)

    clocked = kind != "combinational"
    assign = "<=" if clocked else "="
    rows = [f"    {size}'h{i:x}: {out} {assign} {width}'h{w:x};" for i, w in enumerate(content)]
    lines = [f"case ({addr})", *rows, f"    default: {out} {assign} {width}'h0;", "endcase"]
    indent = " " * (12 if kind == "enabled" else 8)
    table = "\n".join(indent + line for line in lines)
    guard = f"        if ({enable})\n" if kind == "enabled" else ""
    body = f"    always @({f'posedge {clk}' if clocked else '*'}) begin\n{guard}{table}\n    end"
    rest = "" if depth == 1 << size else f" Addresses from {depth} up read as zero."
    rest_noun = "" if depth == 1 << size else ", other addresses reading as zero"
    noun = {
        "combinational": "combinational (asynchronous) read",
        "registered": "a registered output loaded at every rising clock edge",
        "enabled": "a registered output loaded at rising clock edges when enable is high and held otherwise",
    }[kind]
    reading = {
        "combinational": (
            f"{out} is the word at {addr}, without a clock.",
            f"The output {out} follows {addr} combinationally.",
            f"Reading is asynchronous: {out} depends on nothing but {addr}.",
        ),
        "registered": (
            f"At every rising edge of {clk}, {out} is loaded with the word at {addr}.",
            f"The output {out} is a register: it takes the word at {addr} on each rising edge of {clk}.",
            f"Reading is synchronous, with one cycle of {clk} (rising edge) from {addr} to {out}.",
        ),
        "enabled": (
            f"At every rising edge of {clk} with {enable} high, {out} is loaded with the word at {addr}; "
            "otherwise it holds.",
            f"The output {out} is a register: if {enable} is 1 it takes the word at {addr} on the rising edge of "
            f"{clk}, "
            "if not it keeps its value.",
            f"Reading is synchronous: while {enable} is 1, {out} is loaded from {addr} at each rising edge of {clk}, "
            "and while it is 0 nothing changes.",
        ),
    }[kind]
    separator = pick(": ", " -> ", " ")
    listed = [f"{i:x}{separator}{w:x}" for i, w in enumerate(content)]
    return Design(
        key=(kind, width, tuple(content)),
        name=pick("rom", "lookup", "rom_table", "top_module"),
        ports=(
            *([Port(clk, "input", 1, "the clock")] if clocked else []),
            *([Port(enable, "input", 1, "the read enable")] if kind == "enabled" else []),
            Port(addr, "input", size, "the address"),
            Port(out, "output", width, "the word read"),
        ),
        registers=frozenset({out}),
        nouns=(
            f"a ROM of {depth} words of {width} bits with {noun} and the contents below{rest_noun}",
            f"a read-only memory with {article(f'{size}-bit')} address and {width}-bit words, {noun}; its "
            "contents are listed "
            f"below{rest_noun}",
            f"a constant table of {depth} words, {width} bits each, with {noun}, as listed{rest_noun}",
        ),
        behaviours=(
            f"Build a ROM of {depth} words of {width} bits with the contents below. {reading[0]}{rest}",
            f"The read-only memory holds {depth} constant words of {width} bits, as listed. {reading[1]}{rest}",
            f"{reading[2]} The {width}-bit words are those of the table.{rest}",
        ),
        appendix="\n".join(["Contents (address and word in hexadecimal):", *listed]),
        body=body,
        model=Sequential(clk, None, following, lambda state, _: {out: state})
        if clocked
        else Combinational(lambda values: {out: word(values)}),
        bugs=(
            (f"{size}'h0: {out} {assign} {width}'h{content[0]:x};", f"{size}'h0: {out} {assign} {width}'h0;"),
            (
                f"'h{depth - 1:x}: {out} {assign} {width}'h{content[-1]:x};",
                f"'h{depth - 1:x}: {out} {assign} {width}'h{content[-1] ^ 1:x};",
            ),
            *([(guard, "")] if kind == "enabled" else []),
        ),
        # The last word is the place of a planted mistake, so it is read often.
        stimulus={
            addr: lambda r: depth - 1 if r.random() < 0.125 else r.getrandbits(size),
            **({enable: likely(0.75)} if kind == "enabled" else {}),
        },
    )


@family("memory")
def register_file(rng: random.Random, pick: Pick) -> Design:
    """Two read ports and one write port: number, width, register 0 wired to zero, bypass, reset of all registers."""
    count, width = rng.choice([4, 8, 16, 32]), rng.randint(4, 24)
    wired, bypassed, cleared = rng.random() < 0.5, rng.random() < 0.3, rng.random() < 0.4
    size = _address_width(count)
    reset = choose_reset(rng, pick) if cleared else None
    clk, we = pick("clk", "clock"), pick("we", "wr_en", "reg_write")
    waddr, wdata, *reads = pick(
        "waddr wdata raddr1 raddr2 rdata1 rdata2", "wa wd ra1 ra2 rd1 rd2", "rd wd rs1 rs2 data1 data2"
    ).split()
    ports = tuple(zip(reads[:2], reads[2:], strict=True))

    def following(state: Words, values: Values) -> Words:
        return {**state, values[waddr]: values[wdata]} if values[we] else state

    def outputs(state: Words, values: Values) -> Expected:
        found: dict[str, int | None] = {}
        for address, data in ports:
            chosen = values[address]
            hit = bypassed and values[we] and values[waddr] == chosen
            found[data] = 0 if wired and chosen == 0 else values[wdata] if hit else state.get(chosen)
        return found

    write = f"if ({we})\n            regs[{waddr}] <= {wdata};"
    clearing = (
        f"if ({reset.condition})\n            for (i = 0; i < {count}; i = i + 1)\n"
        f"                regs[i] <= {width}'d0;\n        else "
        if reset
        else ""
    )
    integer = "\n    integer i;" if reset else ""
    zero = [f"{address} == {size}'d0 ? {width}'d0 : " if wired else "" for address, _ in ports]
    forward = [f"{we} && {waddr} == {address} ? {wdata} : " if bypassed else "" for address, _ in ports]
    assigns = [f"    assign {d} = {zero[i]}{forward[i]}regs[{a}];" for i, (a, d) in enumerate(ports)]
    body = f"""
    reg [{width - 1}:0] regs [0:{count - 1}];{integer}
    always @(posedge {clk}{reset.sensitivity if reset else ""}) begin
        {clearing}{write}
    end
{assigns[0]}
{assigns[1]}"""
    (ra1, rd1), (ra2, rd2) = ports
    extras = [
        "register 0 always reading as zero" if wired else "all registers writable",
        *(["a bypass of the word being written to the read ports"] if bypassed else []),
        *([f"{reset.phrase} of all registers to zero"] if reset else []),
    ]
    with_extras = listing(extras)
    no_bypass = "" if bypassed else " A read of the register being written gives its old value until the edge."
    bypass = f" While {we} is 1, a read of the register {waddr} already gives {wdata}." if bypassed else no_bypass
    zero_words = " Register 0 always reads as zero." if wired else ""
    reset_words = f" {reset.name}, {article(reset.phrase)}, clears all registers to zero." if reset else ""
    more = f"{bypass}{zero_words}{reset_words}"
    bugs = [(f"if ({we})", f"if (!{we})"), (f"regs[{ra2}];", f"regs[{ra1}];")]
    if wired:
        bugs.append((f"{rd1} = {zero[0]}", f"{rd1} = "))
    if bypassed:
        bugs.append((f"{rd2} = {zero[1]}{forward[1]}", f"{rd2} = {zero[1]}"))
    if reset:
        bugs.append((f"regs[i] <= {width}'d0", f"regs[i] <= {width}'d1"))
    return Design(
        key=(count, width, wired, bypassed, reset.key if reset else ""),
        name=pick("register_file", "regfile", "reg_file", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            *([reset.port()] if reset else []),
            Port(we, "input", 1, "the write enable"),
            Port(waddr, "input", size, "the number of the register to write"),
            Port(wdata, "input", width, "the word to write"),
            Port(ra1, "input", size, "the number of the first register to read"),
            Port(ra2, "input", size, "the number of the second register to read"),
            Port(rd1, "output", width, "the first word read"),
            Port(rd2, "output", width, "the second word read"),
        ),
        nouns=(
            f"a register file of {count} registers of {width} bits with two combinational read ports and one "
            "synchronous write "
            f"port, with {with_extras}",
            f"{article(f'{count}x{width}')} register file ({count} registers, {width} bits): one clocked write "
            "port with write "
            f"enable, two asynchronous read ports, {with_extras}",
            f"a two-read, one-write register file with {count} registers of {width} bits, asynchronous reading, "
            f"{with_extras}",
        ),
        briefs=tuple(
            brief
            for access in ((), ("two read ports", "one write port"))
            for brief in briefly(
                [f"{count}x{width} register file", f"register file of {count} registers of {width} bits"],
                *access,
                "register 0 always zero" if wired else "",
                "write bypass" if bypassed else "",
                reset.phrase if reset else "",
            )
        ),
        behaviours=(
            f"Build a register file of {count} registers of {width} bits. At the rising edge of {clk}, if {we} is "
            f"1, {wdata} is "
            f"written to the register {waddr}. {rd1} and {rd2} are, combinationally, the registers {ra1} and "
            f"{ra2}.{more}",
            f"There are {count} registers of {width} bits. The addresses {ra1} and {ra2} select the ones that "
            f"appear on {rd1} and "
            f"{rd2} at once; {we} high at the rising edge of {clk} stores {wdata} in the one numbered {waddr}.{more}",
            f"Implement a memory of {count} registers of {width} bits with one synchronous write port ({we}, {waddr}, "
            f"{wdata}; "
            f"rising edge of {clk}) and two asynchronous read ports ({ra1} to {rd1}, {ra2} to {rd2}).{more}",
        ),
        body=body,
        model=Sequential(clk, dict.fromkeys(range(count), 0) if reset else {}, following, outputs, reset),
        bugs=tuple(bugs),
        stimulus={name: _addresses(count) for name in (waddr, ra1, ra2)},
    )


@family("memory")
def fifo(rng: random.Random, pick: Pick) -> Design:
    """A synchronous FIFO: depth, width, registered or fall-through read data, with or without a count output."""
    depth, width = rng.choice([2, 4, 4, 8, 8, 16]), rng.randint(2, 32)
    counted, registered = rng.random() < 0.5, rng.random() < 0.5
    size, reset, clk = _address_width(depth), choose_reset(rng, pick), pick("clk", "clock")
    write, read = pick("wr_en rd_en", "push pop", "write read").split()
    din, dout = pick("din dout", "data_in data_out", "wdata rdata").split()
    full, empty, count = "full", "empty", pick("count", "level", "used") if counted else "count"

    def following(state: tuple[tuple[int, ...], int], values: Values) -> tuple[tuple[int, ...], int]:
        queue, last = state
        taken = len(queue) < depth and values[write]
        if queue and values[read]:
            last, queue = queue[0], queue[1:]
        return (*queue, values[din]) if taken else queue, last

    def outputs(state: tuple[tuple[int, ...], int], _: Values) -> Expected:
        queue, last = state
        head = last if registered else queue[0] if queue else None
        level = {count: len(queue)} if counted else {}
        return {dout: head, full: int(len(queue) == depth), empty: int(not queue), **level}

    pointers, one = bits(size), f"{size}'d1"
    clear_data = f"            {dout} <= {width}'d0;\n" if registered else ""
    load = f"                {dout} <= mem[rptr];\n" if registered else ""
    declared = "" if counted else f"    reg {bits(size + 1)}count;\n"
    show = "" if registered else f"    assign {dout} = mem[rptr];\n"
    body = f"""
    reg {bits(width)}mem [0:{depth - 1}];
    reg {pointers}wptr, rptr;
{declared}    assign {full} = {count} == {size + 1}'d{depth};
    assign {empty} = {count} == {size + 1}'d0;
{show}    always @(posedge {clk}{reset.sensitivity}) begin
        if ({reset.condition}) begin
            wptr <= {size}'d0;
            rptr <= {size}'d0;
            {count} <= {size + 1}'d0;
{clear_data}        end else begin
            if ({write} && !{full}) begin
                mem[wptr] <= {din};
                wptr <= wptr + {one};
            end
            if ({read} && !{empty}) begin
{load}                rptr <= rptr + {one};
            end
            {count} <= {count} + ({write} && !{full}) - ({read} && !{empty});
        end
    end"""
    flags = ["full flag", "empty flag", *(["count output"] if counted else [])]
    data_noun = (
        "output data registered on a read (zero after reset)"
        if registered
        else "the oldest word always visible at the output"
    )
    data_words = (
        (
            f"A read moves the oldest word into the register {dout}, which otherwise holds and is zero after reset.",
            f"On a read, {dout} is loaded with the oldest word at that edge; reset clears {dout} to zero.",
            f"{dout} is a register: it receives the oldest word when a read takes place, and zero at reset.",
        )
        if registered
        else (
            f"{dout} always shows the oldest word (it does not matter while the FIFO is empty); a read removes it.",
            f"The oldest word is on {dout} without being asked for, and a read drops it at the edge; {dout} is "
            "unspecified when "
            "empty.",
            f"{dout} is combinationally the oldest word, whose value does not matter when there is none. A read "
            "removes it.",
        )
    )
    counting = f" {count} is the number of stored words." if counted else ""
    # Writes prevail, so that it fills up between two resets; after each reset it is empty for a while.
    writes, reads = {2: (0.6, 0.5), 4: (0.6, 0.5), 8: (0.75, 0.4), 16: (0.85, 0.35)}[depth]
    ignored = "writes when full and reads when empty ignored"
    return Design(
        key=(depth, width, counted, registered, reset.key),
        name=pick("fifo", "sync_fifo", "queue", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            reset.port(),
            Port(write, "input", 1, "the write request"),
            Port(read, "input", 1, "the read request"),
            Port(din, "input", width, "the word to write"),
            Port(dout, "output", width, "the last word read" if registered else "the oldest word"),
            Port(full, "output", 1, f"1 if {depth} words are stored"),
            Port(empty, "output", 1, "1 if no word is stored"),
            *([Port(count, "output", size + 1, "the number of stored words")] if counted else []),
        ),
        registers=frozenset(({count} if counted else set()) | ({dout} if registered else set())),
        nouns=(
            f"a synchronous FIFO of {depth} words of {width} bits with {listing(flags)}, {reset.phrase}, "
            f"{data_noun}, and {ignored}",
            f"a first-in first-out queue, {depth} deep and {width} bits wide, on one clock, with {reset.phrase}, "
            f"{listing(flags)}, "
            f"{ignored} (even with a simultaneous read or write), {data_noun}",
            f"{article(f'{width}-bit')} FIFO buffer with room for {depth} words: {listing(flags)}, "
            f"{reset.phrase}, {data_noun}; "
            f"{ignored}",
        ),
        briefs=briefly(
            [
                f"{depth}-deep {width}-bit FIFO",
                f"synchronous FIFO of {depth} words of {width} bits",
                f"{width}-bit FIFO of depth {depth}",
            ],
            "" if registered else "first-word fall-through",
            "count output" if counted else "",
            reset=reset,
        ),
        behaviours=(
            f"Build a FIFO for {depth} words of {width} bits. At the rising edge of {clk}, {write} stores {din} "
            f"unless {full} is 1, "
            f"and {read} takes out the oldest word unless {empty} is 1; both may happen in one cycle. "
            f"{data_words[0]}{counting} "
            f"{full} is 1 when {depth} words are stored, {empty} when there are none. "
            f"{reset.name} is {article(reset.phrase)} that empties the FIFO.",
            f"Words of {width} bits enter on {din} and leave on {dout} in the same order; up to {depth} are "
            f"stored. {write} "
            f"requests a write and {read} a read at the rising edge of {clk}; a write while {full} and a read "
            f"while {empty} are "
            f"ignored, even if the other happens in the same cycle. {data_words[1]}{counting} "
            f"The {reset.phrase} {reset.name} makes the FIFO empty.",
            f"Implement a queue of depth {depth} and width {width}, clocked by the rising edge of {clk} and "
            f"emptied by {reset.name}, "
            f"{article(reset.phrase)}. {full} and {empty} tell that it holds {depth} words or none. {write} adds "
            f"{din} if not "
            f"{full}; {read} removes the oldest word if not {empty}; the two are independent. "
            f"{data_words[2]}{counting}",
        ),
        body=body,
        model=Sequential(clk, ((), 0), following, outputs, reset),
        bugs=(
            (f"{full} = {count} == {size + 1}'d{depth}", f"{full} = {count} == {size + 1}'d{depth - 1}"),
            (f"mem[wptr] <= {din}", f"mem[rptr] <= {din}"),
            (f"            if ({read} && !{empty})", f"            if ({read})"),
            (f"{empty} = {count} == {size + 1}'d0", f"{empty} = {count} == {size + 1}'d1"),
        ),
        stimulus={write: likely(writes), read: likely(reads)},
        cycles=120 + 30 * depth,
    )


@family("memory")
def stack_lifo(rng: random.Random, pick: Pick) -> Design:
    """A last-in first-out stack: depth, width, and what happens when push and pop come together."""
    depth, width, wins = rng.randint(2, 8), rng.randint(2, 32), rng.choice(["push", "pop", "neither"])
    size, reset, clk = depth.bit_length(), choose_reset(rng, pick), pick("clk", "clock")
    push, pop = pick("push pop", "wr_en rd_en").split()
    din, dout = pick("din dout", "data_in data_out", "d top").split()
    full, empty = "full", "empty"

    def following(state: tuple[int, ...], values: Values) -> tuple[int, ...]:
        pushing, popping = bool(values[push]), bool(values[pop])
        if pushing and popping:
            pushing, popping = wins == "push", wins == "pop"
        if pushing:
            return (*state, values[din])[:depth]
        return state[:-1] if popping else state

    def outputs(state: tuple[int, ...], _: Values) -> Expected:
        return {dout: state[-1] if state else None, full: int(len(state) == depth), empty: int(not state)}

    may_push = f"{push} && !{full}" if wins == "push" else f"{push} && !{pop} && !{full}"
    may_pop = f"{pop} && !{empty}" if wins == "pop" else f"{pop} && !{push} && !{empty}"
    body = f"""
    reg {bits(width)}mem [0:{depth - 1}];
    reg {bits(size)}sp;
    assign {full} = sp == {size}'d{depth};
    assign {empty} = sp == {size}'d0;
    assign {dout} = mem[sp - {size}'d1];
    always @(posedge {clk}{reset.sensitivity}) begin
        if ({reset.condition})
            sp <= {size}'d0;
        else if ({may_push}) begin
            mem[sp] <= {din};
            sp <= sp + {size}'d1;
        end else if ({may_pop})
            sp <= sp - {size}'d1;
    end"""
    # Pushes prevail, so that it fills up between two resets.
    pushes, pops = {"push": (0.65, 0.5), "pop": (0.85, 0.25), "neither": (0.7, 0.3)}[wins]
    both_noun = {
        "push": "pop ignored when push is high",
        "pop": "push ignored when pop is high",
        "neither": "push and pop ignored when both are high",
    }[wins]
    both = {
        "push": f"{pop} is ignored whenever {push} is 1.",
        "pop": f"{push} is ignored whenever {pop} is 1.",
        "neither": f"If {push} and {pop} are both 1, nothing changes.",
    }[wins]
    return Design(
        key=(depth, width, wins, reset.key),
        name=pick("stack", "lifo", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            reset.port(),
            Port(push, "input", 1, "the request to push"),
            Port(pop, "input", 1, "the request to pop"),
            Port(din, "input", width, "the word to push"),
            Port(dout, "output", width, "the word on top of the stack"),
            Port(full, "output", 1, f"1 if {depth} words are stored"),
            Port(empty, "output", 1, "1 if no word is stored"),
        ),
        nouns=(
            f"a stack (LIFO) of {depth} words of {width} bits with {reset.phrase}, full and empty flags, the top "
            "word always "
            f"visible, pushes when full and pops when empty ignored, and {both_noun}",
            f"a last-in first-out memory, {depth} deep and {width} bits wide, with full and empty outputs, "
            "combinational top of "
            f"stack output and {reset.phrase}; {both_noun}, and so are pushes when full and pops when empty",
            f"{article(f'{width}-bit')} push-pop stack for {depth} words, {reset.phrase}, full and empty flags, "
            f"{both_noun}, no "
            "effect of a push when full or a pop when empty, and the top word at the output",
        ),
        briefs=briefly(
            [
                f"{depth}-deep {width}-bit stack",
                f"LIFO of {depth} words of {width} bits",
                f"{width}-bit stack of depth {depth}",
            ],
            reset=reset,
        )
        if wins == "push"
        else (),
        behaviours=(
            f"Build a stack of {depth} words of {width} bits. At the rising edge of {clk}, {push} puts {din} on "
            "top unless the "
            f"stack is full, and {pop} removes the top word unless it is empty. {both} {dout} shows the top word "
            "and does not "
            f"matter when there is none. {full} and {empty} tell that {depth} words or none are stored. "
            f"{reset.name} is {article(reset.phrase)} that empties the stack.",
            f"This is a last-in first-out memory for up to {depth} words. The top is always visible on {dout} "
            "(unspecified when "
            f"{empty}). A rising edge of {clk} pushes {din} if {push} is 1 and removes the top if {pop} is 1, "
            "except that a push "
            f"while {full} and a pop while {empty} do nothing. {both} The {reset.phrase} {reset.name} makes it empty.",
            f"Implement a LIFO buffer, {depth} words deep and {width} bits wide, with the flags {full} and "
            f"{empty} and with {dout} "
            f"combinationally giving the word pushed last. {push} and {pop} act on the rising edge of {clk}; a "
            "full stack takes "
            f"no push, an empty one no pop. {both} Use {reset.name}, {article(reset.phrase)}, to empty it.",
        ),
        body=body,
        model=Sequential(clk, (), following, outputs, reset),
        bugs=(
            (f"{full} = sp == {size}'d{depth}", f"{full} = sp == {size}'d{depth - 1}"),
            (f"{dout} = mem[sp - {size}'d1]", f"{dout} = mem[sp]"),
            (f"({may_pop})", f"({may_pop} && !{full})"),
            (f"sp <= {size}'d0", f"sp <= {size}'d1"),
        ),
        stimulus={push: likely(pushes), pop: likely(pops)},
        cycles=120 + 40 * depth,
    )


@family("memory")
def shadow_register(rng: random.Random, pick: Pick) -> Design:
    """A two-stage buffer: load a shadow word, commit it to the output; width, start value, pending flag, both "
    "at once."""
    width, flagged, direct = rng.randint(2, 32), rng.random() < 0.5, rng.random() < 0.5
    start = rng.choice([0, 0, mask(width), rng.randint(1, min(255, mask(width)))])
    reset, clk = choose_reset(rng, pick), pick("clk", "clock")
    load, commit = pick("load", "wr_en", "write"), pick("commit", "update", "apply")
    din, out = pick("din", "data_in", "d"), pick("dout", "data_out", "q")
    pending = pick("pending", "dirty", "waiting")

    def following(state: tuple[int, int, int], values: Values) -> tuple[int, int, int]:
        shadow, shown, waiting = state
        loaded = values[din] if values[load] else shadow
        if values[commit]:
            shown = loaded if direct else shadow
        if values[load] or values[commit]:
            # A word that a direct commit has taken over does not wait; one that has only been loaded does.
            waiting = int(values[load] and not (direct and values[commit]))
        return loaded, shown, waiting

    def outputs(state: tuple[int, int, int], _: Values) -> Expected:
        return {out: state[1], pending: state[2]} if flagged else {out: state[1]}

    source = f"{load} ? {din} : shadow" if direct else "shadow"
    initial = f"{width}'d{start}"
    (winner, result), (loser, other) = ((commit, 0), (load, 1)) if direct else ((load, 1), (commit, 0))
    flag_reset = f"            {pending} <= 1'd0;\n" if flagged else ""
    flag_update = (
        f"            if ({winner})\n                {pending} <= 1'd{result};\n"
        f"            else if ({loser})\n                {pending} <= 1'd{other};\n"
        if flagged
        else ""
    )
    body = f"""
    reg {bits(width)}shadow;
    always @(posedge {clk}{reset.sensitivity}) begin
        if ({reset.condition}) begin
            shadow <= {initial};
            {out} <= {initial};
{flag_reset}        end else begin
            if ({load})
                shadow <= {din};
            if ({commit})
                {out} <= {source};
{flag_update}        end
    end"""
    to = "zero" if start == 0 else "all ones" if start == mask(width) else f"{start}"
    both_noun = "the new word" if direct else "the previously loaded word"
    priority = "commit" if direct else "load"
    flag_noun = (
        f", and a pending flag set by a load, cleared by a commit ({priority} has priority) and by reset"
        if flagged
        else ""
    )
    both = (
        f"If {load} and {commit} are both 1, {out} takes {din} itself."
        if direct
        else f"If {load} and {commit} are both 1, {out} takes the word that was in the shadow register before."
    )
    flag = (
        f" {pending} is a register that becomes 1 on {load} and 0 on {commit} ({winner} wins: it becomes {result} "
        "if both are 1); "
        "reset clears it."
        if flagged
        else ""
    )
    size = article(f"{width}-bit")
    return Design(
        key=(width, flagged, direct, start, reset.key),
        name=pick("shadow_register", "double_buffer", "top_module"),
        ports=(
            Port(clk, "input", 1, "the clock"),
            reset.port(),
            Port(load, "input", 1, "1 to load the shadow register"),
            Port(commit, "input", 1, "1 to copy the shadow register to the output"),
            Port(din, "input", width, "the word to load"),
            Port(out, "output", width, "the committed word"),
            *([Port(pending, "output", 1, "1 if a loaded word waits for a commit")] if flagged else []),
        ),
        registers=frozenset({out, pending} if flagged else {out}),
        nouns=(
            f"{size} shadow register with load and commit inputs, {reset.phrase} of both stages to {to}, where "
            "loading and "
            f"committing at once commits {both_noun}{flag_noun}",
            f"a two-stage buffer of {width} bits: load stores the input in a hidden register, commit copies that "
            "to the output "
            f"(with both at once, the output takes {both_noun}), {reset.phrase} of both registers to {to}{flag_noun}",
            f"{size} double-buffered register with load, commit and {reset.phrase} (both words to {to}); "
            "simultaneous load and "
            f"commit outputs {both_noun}{flag_noun}",
        ),
        briefs=()
        if flagged or direct or start
        else briefly(
            [f"{width}-bit shadow register", f"{width}-bit double-buffered register"],
            "load and commit inputs",
            reset=reset,
        ),
        behaviours=(
            f"At the rising edge of {clk}, {load} stores {din} in an internal shadow register and {commit} copies "
            "the shadow "
            f"register to {out}; without them both registers hold. {both}{flag} {reset.name} is "
            f"{article(reset.phrase)} that sets "
            f"the shadow register and {out} to {to}.",
            f"{out} changes only when {commit} is 1 at a rising edge of {clk}: it then takes the {width}-bit word "
            "last loaded "
            f"from {din} with {load} into a hidden register. {both}{flag} Both registers are set to {to} by the "
            f"{reset.phrase} {reset.name}.",
            f"Build a double buffer. Its first register takes {din} when {load} is 1, its second, {out}, takes "
            "the content of the "
            f"first when {commit} is 1, on rising edges of {clk}. {both}{flag} The {reset.phrase} {reset.name} puts "
            f"{to} in both.",
        ),
        body=body,
        model=Sequential(clk, (start, start, 0), following, outputs, reset),
        bugs=(
            (f"{out} <= {initial}", f"{out} <= {width}'d{0 if start else 1}"),
            (f"{out} <= {source};", f"{out} <= {din};"),
            (f"if ({commit})\n                {out}", f"if ({load})\n                {out}"),
            *(
                [(f"{pending} <= 1'd{result};\n            else", f"{pending} <= 1'd{other};\n            else")]
                if flagged
                else []
            ),
        ),
        stimulus={load: likely(0.5), commit: likely(0.4)},
    )

"""Families of controllers: receivers and framers of streams, machines with several outputs, arbiters, thresholds."""

from __future__ import annotations

import random

from rtlscribe.designs.base import (
    Combinational,
    Design,
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
from rtlscribe.designs.parts import clock_and_reset, clocked, having, input_if, likely, played, reset_sentences


@family("machines")
def serial_receiver(rng: random.Random, pick: Pick) -> Design:
    """A receiver of start bit, N data bits in either order, perhaps a parity bit, and stop bit, one bit per clock."""
    length, lsb_first, parity, reset = (
        rng.randint(3, 9),
        rng.random() < 0.7,
        rng.choice(["", "", "odd", "even"]),
        choose_reset(rng, pick),
    )
    clk, line, byte, done = (
        pick("clk", "clock"),
        pick("rx", "in", "serial_in"),
        pick("data", "out_byte", "word"),
        pick("done", "valid", "ready"),
    )
    count = length + bool(parity)  # bits between start and stop
    size = count.bit_length()
    State = tuple[str, tuple[int, ...], int]  # where it is, the bits so far, whether a frame has just ended well

    def following(state: State, values: Values) -> State:
        where, seen, _ = state
        bit = values[line]
        if where == "idle":
            return ("frame", (), 0) if bit == 0 else ("idle", seen, 0)
        if where == "lost":
            return ("idle" if bit else "lost", seen, 0)
        if len(seen) < count:
            return "frame", (*seen, bit), 0
        good = not parity or sum(seen) % 2 == (parity == "odd")
        return ("idle", seen, int(good)) if bit else ("lost", seen, 0)

    def outputs(state: State, _: Values) -> dict[str, int | None]:
        seen, ok = state[1:]
        word = seen[:length] if not lsb_first else seen[:length][::-1]
        return {done: ok, byte: int("".join(map(str, word)), 2) if ok else None}

    shift = f"{{{line}, {byte}[{length - 1}:1]}}" if lsb_first else f"{{{byte}[{length - 2}:0], {line}}}"
    take = (
        f"if (count != {size}'d{length})\n            {byte} <= {shift};\n        "
        if parity
        else f"{byte} <= {shift};\n        "
    )
    track = f"odd <= odd ^ {line};\n        " if parity else ""
    good = {"": "1'b1", "odd": "odd", "even": "!odd"}[parity]
    update = f"""{done} <= 1'b0;
case (state)
    IDLE: if (!{line}) begin
        state <= FRAME;
        count <= {size}'d0;{f"{chr(10)}        odd <= 1'b0;" if parity else ""}
    end
    FRAME: if (count != {size}'d{count}) begin
        {take}{track}count <= count + {size}'d1;
    end else if ({line}) begin
        state <= IDLE;
        {done} <= {good};
    end else
        state <= LOST;
    default: if ({line}) state <= IDLE;
endcase"""
    cleared = f"state <= IDLE;\ncount <= {size}'d0;\n{byte} <= {length}'d0;\n{done} <= 1'b0;" + (
        "\nodd <= 1'b0;" if parity else ""
    )
    order = f"{'least' if lsb_first else 'most'} significant bit first"
    check = f", then a parity bit that makes the number of ones in data and parity {parity}," if parity else ""
    frame = f"a start bit 0, {length} data bits ({order}){check} and a stop bit 1"
    condition = " and the parity is right" if parity else ""
    lost = "If the stop bit is 0, the frame is dropped, and the next start bit is looked for only after the line has been 1 in some cycle"
    valid = f"{byte} matters only while {done} is high"
    said = reset_sentences(reset, f"makes the receiver wait for a start bit and clears {done}")
    tail = f"{reset.phrase} to waiting, and a done output that is high for one cycle after a good stop bit{condition}"

    def framed(r: random.Random) -> list[list[int]]:
        return [
            [0, *(r.getrandbits(1) for _ in range(count)), int(r.random() < 0.85), *([1] * r.randint(0, 2))]
            for _ in range(24)
        ]

    return Design(
        key=(length, lsb_first, parity, reset.key),
        name=pick("serial_receiver", "uart_rx", "receiver", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(line, "input", 1, "the serial line"),
            Port(byte, "output", length, "the data received"),
            Port(done, "output", 1, "high for one cycle after a good frame"),
        ),
        registers=frozenset({byte, done}),
        nouns=(
            f"a serial receiver, one bit per clock cycle, for frames of {frame}, with {tail}; after a wrong stop bit it waits for the line to be 1",
            f"a receiver for {length}-bit words on a serial line (idle 1; frame: {frame}), one bit per clock, with {tail}; a 0 in place of the stop bit drops the frame until the line is 1 again",
            f"an FSM with datapath that collects serial frames of {frame}, sampled once per clock, with {tail}; without a stop bit it recovers when it next sees a 1",
        ),
        behaviours=(
            f"{line} is idle at 1 and is sampled at each rising edge of {clk}, one bit per cycle. A frame is {frame}. In the cycle after a good stop bit{condition}, {done} is 1 and {byte} holds the data. {lost}. {valid}. {said[0]}",
            f"Receive frames on {line}: {frame}, a bit per rising edge of {clk}. {done} goes high for one cycle after the edge that samples the stop bit, if this is 1{condition}, and {byte} then shows the {length} data bits. {lost}. A new start bit may follow a stop bit at once. {valid}. {said[1]}",
            f"{said[2]} While waiting, a 0 on {line} is a start bit (one sample per positive edge of {clk}). The frame is {frame}. If all is well, {done} is 1 in the next cycle only, with the data on {byte}. {lost}. {valid}.",
        ),
        body=f"\n    localparam IDLE = 2'd0, FRAME = 2'd1, LOST = 2'd2;\n    reg [1:0] state;\n    reg [{size - 1}:0] count;{f'{chr(10)}    reg odd;' if parity else ''}\n\n{clocked(clk, reset, cleared, update)}",
        model=Sequential(clk, ("idle", (), 0), following, outputs, reset),
        bugs=((shift, shift.replace(line, f"~{line}")), (f"count != {size}'d{count}", f"count != {size}'d{count - 1}")),
        stimulus={line: played(framed(random.Random(f"{length}{lsb_first}{parity}")))},
        cycles=400,
    )


@family("machines")
def message_framer(rng: random.Random, pick: Pick) -> Design:
    """Finds messages of N words in a stream by a mark in their first word, and gives them out whole when they are complete."""
    width, length, reset = rng.choice([4, 6, 8, 8]), rng.randint(2, 4), choose_reset(rng, pick)
    bit, level, whole, gated = rng.randrange(width), rng.random() < 0.8, rng.random() < 0.5, rng.random() < 0.3
    clk, d, done, out = (
        pick("clk", "clock"),
        pick("in", "data", "byte_in"),
        pick("done", "complete", "msg_done"),
        pick("message", "out_bytes", "packet"),
    )
    valid = pick("valid", "en", "in_valid") if gated else ""
    State = tuple[tuple[int, ...], int]  # the words of the message so far, and whether it has just become complete

    def following(state: State, values: Values) -> State:
        words, _ = state
        if gated and not values[valid]:
            return words, 0
        word = values[d]
        if len(words) in (0, length):
            return ((word,), 0) if (word >> bit & 1) == level else ((), 0)
        return (*words, word), int(len(words) + 1 == length)

    def outputs(state: State, _: Values) -> dict[str, int | None]:
        words, ended = state
        text = "".join(f"{w:0{width}b}" for w in words)
        return {done: ended, **({out: int(text, 2) if ended else None} if whole else {})}

    total = width * length
    size = (length - 1).bit_length()
    mark = f"{d}[{bit}]" if level else f"!{d}[{bit}]"
    store = f"\n    {out} <= {{{out}[{total - width - 1}:0], {d}}};" if whole else ""
    hit = f"left == {size}'d1"
    update = f"{done} <= 1'b0;\nif ({f'{valid} && ' if gated else ''}left != {size}'d0) begin\n    left <= left - {size}'d1;\n    {done} <= {hit};{store}\nend else if ({f'{valid} && ' if gated else ''}{mark}) begin\n    left <= {size}'d{length - 1};{store}\nend"
    cleared = f"left <= {size}'d0;\n{done} <= 1'b0;" + (f"\n{out} <= {total}'d0;" if whole else "")
    said = reset_sentences(reset, f"makes it look for a first word and clears {done}")
    first = f"bit {bit} is {int(level)}"
    numbers = {2: "two", 3: "three", 4: "four"}[length]
    give = (
        f" Then {out} holds the {numbers} words, the first in the most significant {width} bits; at other times {out} does not matter."
        if whole
        else ""
    )
    with_out = (
        f", with the whole message ({total} bits, first word uppermost) as an output that matters only then"
        if whole
        else ""
    )
    when = f" with {valid} high" if gated else ""
    skip = f" Words in cycles with {valid} low are ignored, and {done} is 0 after them." if gated else ""
    tail = having("a valid input for the words" if gated else "", f"{reset.phrase} to looking for a first word")
    return Design(
        key=(width, length, bit, level, whole, gated, reset.key),
        name=pick("message_framer", "framer", "packet_fsm", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(gated, valid, 1, "high when there is a word"),
            Port(d, "input", width, "the stream of words"),
            *([Port(out, "output", total, "the message, valid with done")] if whole else []),
            Port(done, "output", 1, "high for a cycle after the last word"),
        ),
        registers=frozenset({done, *([out] if whole else [])}),
        nouns=(
            f"a framer that finds messages of {numbers} {width}-bit words in a stream, the first marked by its bit {bit}, which is {int(level)} (the others may have any value), and signals done for one cycle after the last word{with_out}, {tail}",
            f"a state machine over a stream of {width}-bit words that drops words until one whose {first}, counts it and the next {length - 1} as a message and then raises a registered done for a cycle{with_out}, {tail}",
            f"a message boundary detector: a word whose {first} begins a message of {numbers} words of {width} bits, and a done output is high in the cycle after the last of them{with_out}, {tail}",
        ),
        behaviours=(
            f"Words of {width} bits arrive on {d}, one at each rising edge of {clk}{when}. Outside a message, words are dropped until one whose {first}; this is the first of {numbers} words of a message, and the others may have any value. {done} is 1 for the cycle after the last word was sampled. The next word may begin a new message at once.{give}{skip} {said[0]}",
            f"{said[1]} A message consists of {numbers} words on {d} (one per rising edge of {clk}{when}) and begins with a word whose {first}. Words before it are ignored. After the edge that takes in the last word, {done} is high for one cycle.{give}{skip} Right after a message, the search goes on with the next word.",
            f"Find message boundaries in the stream {d}, sampled at the positive edge of {clk}{when}: when no message is under way, a word whose {first} starts one of {numbers} words, and any other word is skipped. {done} is a register that is 1 in the cycle following a complete message.{give}{skip} {said[2]}",
        ),
        body=f"\n    reg {bits(size)}left;\n\n{clocked(clk, reset, cleared, update)}",
        model=Sequential(clk, ((), 0), following, outputs, reset),
        bugs=(
            (hit, f"left == {size}'d{2 if length > 2 else 0}"),
            (f"{mark}) begin", f"{f'!{mark}'.replace('!!', '')}) begin"),
        ),
        stimulus={valid: likely(0.8)} if gated else {},
        cycles=200,
    )


@family("machines")
def run_flags(rng: random.Random, pick: Pick) -> Design:
    """Tells by its length what a run of ones was: one of two lengths ended by a zero, or too long."""
    base, reset = rng.randint(2, 9), choose_reset(rng, pick)
    clk, x, stuffed, flag, error = (
        pick("clk", "clock"),
        pick("in", "x", "rx"),
        pick("stuffed", "disc", "drop"),
        pick("flag", "mark", "sync"),
        pick("error", "err", "abort"),
    )
    gap = rng.randint(1, 3)
    bad = base + gap + rng.randint(1, 2)
    size = bad.bit_length()
    State = tuple[int, str]

    def following(state: State, values: Values) -> State:
        run, _ = state
        if values[x]:
            longer = min(run + 1, bad)
            return longer, error if longer == bad else ""
        return 0, {base: stuffed, base + gap: flag}.get(run, "")

    def outputs(state: State, _: Values) -> dict[str, int]:
        return {name: int(state[1] == name) for name in (stuffed, flag, error)}

    update = f"""{stuffed} <= !{x} && ones == {size}'d{base};
{flag} <= !{x} && ones == {size}'d{base + gap};
{error} <= {x} && ones >= {size}'d{bad - 1};
if (!{x})
    ones <= {size}'d0;
else if (ones != {size}'d{bad})
    ones <= ones + {size}'d1;"""
    cleared = f"ones <= {size}'d0;\n{stuffed} <= 1'b0;\n{flag} <= 1'b0;\n{error} <= 1'b0;"
    said = reset_sentences(reset, "forgets all ones seen and clears the outputs")
    runs = [[1] * n + [0] for n in (base, base + gap, bad, bad + 2, bad - 1, base - 1, base + 1)] + [[0], [1]]
    return Design(
        key=(base, gap, bad, reset.key),
        name=pick("run_flags", "ones_run", "stream_flags", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(x, "input", 1, "the serial input"),
            Port(stuffed, "output", 1, f"high after a run of {base} ones"),
            Port(flag, "output", 1, f"high after a run of {base + gap} ones"),
            Port(error, "output", 1, f"high in a run of {bad} or more ones"),
        ),
        registers=frozenset({stuffed, flag, error}),
        nouns=(
            f"a serial recogniser with three registered outputs in this order: one cycle high after a 0 that ends exactly {base} ones, the same for exactly {base + gap} ones, and high after every bit of a run from its {bad}th one on, with {reset.phrase}",
            f"a monitor of runs of ones in a bit stream, with registered pulses for a run of exactly {base} ended by 0 and exactly {base + gap} ended by 0, and a registered error level from the {bad}th one in a row until a 0, {reset.phrase} to no ones seen",
            f"a bit-stuffing checker with {reset.phrase}: after a 0, its first output tells that {base} ones came just before and its second that it was {base + gap}; its third is high as long as the last {bad} bits, or more, were ones (all are registers)",
        ),
        behaviours=(
            f"{x} is a stream of bits, sampled at each rising edge of {clk}. All outputs are registers. After a 0 that follows exactly {base} ones, {stuffed} is 1 for a cycle; after a 0 that follows exactly {base + gap} ones, {flag} is. {error} is 1 after each bit that is at least the {bad}th one in a row, and goes back to 0 after the next 0. {said[0]}",
            f"Count the ones in a row on {x} (rising edge of {clk}). When a 0 is sampled after a run of exactly {base}, {stuffed} goes high for one cycle, after exactly {base + gap}, {flag} does, and otherwise both are 0. As soon as {bad} ones in a row have been sampled, {error} is high until a 0 has been sampled. Outputs change only at clock edges. {said[1]}",
            f"{said[2]} At each positive edge of {clk} look at {x} and the run of ones before it. {x} = 0 and a run of {base}: {stuffed} is 1 in the next cycle. {x} = 0 and a run of {base + gap}: {flag} is 1 in the next cycle. {x} = 1 and a run of {bad - 1} or more: {error} is 1 in the next cycle. Otherwise they are 0.",
        ),
        body=f"\n    reg [{size - 1}:0] ones;\n\n{clocked(clk, reset, cleared, update)}",
        model=Sequential(clk, (0, ""), following, outputs, reset),
        bugs=(
            (f"ones == {size}'d{base};", f"ones == {size}'d{base - 1};"),
            (f"ones >= {size}'d{bad - 1}", f"ones >= {size}'d{bad - 2}"),
        ),
        stimulus={x: played(runs)},
        cycles=400,
    )


@family("registers")
def crc_register(rng: random.Random, pick: Pick) -> Design:
    """A cyclic redundancy check, one bit at a time, by a polynomial given as a word, with an init input."""
    width, reset = rng.choice([3, 4, 5, 5, 6, 7, 8, 8, 12, 16, 16]), choose_reset(rng, pick)
    poly, start = rng.getrandbits(width) | 1, rng.choice([0, mask(width)])
    restart = rng.random() < 0.5
    clk, bit, en, crc, init = (
        pick("clk", "clock"),
        pick("d", "bit_in", "din"),
        pick("en", "valid", "shift"),
        pick("crc", "rem", "check"),
        pick("init", "clear", "start"),
    )

    def following(state: int, values: Values) -> int:
        if restart and values[init]:
            return start
        if not values[en]:
            return state
        # Division on paper: the next bit of the message joins the top of the remainder.
        feedback = state >> width - 1 ^ values[bit]
        return state << 1 & mask(width) ^ (poly if feedback else 0)

    top = width - 1
    shifted = f"{{{crc}[{top - 1}:0], 1'b0}}"
    step = f"{crc} <= {shifted} ^ ({{{width}{{{crc}[{top}] ^ {bit}}}}} & {width}'h{poly:x});"
    powers = [i for i in range(width) if poly >> i & 1]
    terms = " + ".join([f"x^{width}", *(f"x^{i}" if i > 1 else "x" if i == 1 else "1" for i in reversed(powers))])
    value = "0" if start == 0 else "all ones"
    constant = f"{width}'h{start:x}"
    said = reset_sentences(reset, f"sets {crc} to {value}")
    first = f" {init} = 1 sets {crc} to {value} at the clock edge and has priority over {en}." if restart else ""
    tail = having(
        "an enable",
        f"a synchronous init input with priority over it (to {value})" if restart else "",
        f"{reset.phrase} to {value}",
    )
    update = (
        f"if ({init})\n    {crc} <= {constant};\nelse if ({en})\n    {step}" if restart else f"if ({en})\n    {step}"
    )
    return Design(
        key=(width, poly, start, restart, reset.key),
        name=pick(f"crc{width}", "crc_serial", "crc", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            *input_if(restart, init, 1, "high to begin a new message"),
            Port(en, "input", 1, "high when there is a bit"),
            Port(bit, "input", 1, "the next bit of the message"),
            Port(crc, "output", width, "the remainder"),
        ),
        registers=frozenset({crc}),
        nouns=(
            f"a serial CRC-{width} register for the polynomial {terms}, shifting left with the message bit added to the top bit, {tail}",
            f"{article(f'{width}-bit')} cyclic redundancy check generator, one message bit per clock, polynomial {width}'h{poly:x} (without its leading term), most significant bit first, no reflection, {tail}",
            f"a left-shifting linear feedback register for CRC over a bit stream: feedback is the top bit XOR the input, taps {width}'h{poly:x}, {width} bits, {tail}",
        ),
        behaviours=(
            f"At each rising edge of {clk} with {en} high, one message bit {bit} enters the CRC of the polynomial {terms}: {crc} is shifted left by one place with a 0 coming in, and if the bit shifted out differs from {bit}, the result is XORed with {width}'h{poly:x}.{first} {said[0]}",
            f"{crc} is the remainder register of a serial CRC. The feedback bit is {crc}[{top}] XOR {bit}. On the rising edge of {clk}, if {en} is 1, {crc} becomes {shifted}, XOR {width}'h{poly:x} if the feedback bit is 1. With {en} low it holds.{first} {said[1]}",
            f"Compute {article(f'{width}-bit')} CRC of the bits on {bit}, one per positive edge of {clk} while {en} is high, by the generator polynomial {terms} (not reflected; {crc}[{top}] belongs to the highest power).{first} {said[2]}",
        ),
        body=clocked(clk, reset, f"{crc} <= {constant};", update),
        model=Sequential(clk, start, following, lambda state, _: {crc: state}, reset),
        bugs=((f"'h{poly:x});", f"'h{poly ^ 1 << width - 1:x});"), (f"{crc}[{top}] ^ {bit}", f"{crc}[{top}] & {bit}")),
        stimulus={en: likely(0.8), **({init: likely(0.06)} if restart else {})},
        cycles=160,
    )


@family("machines")
def fsm_with_outputs(rng: random.Random, pick: Pick) -> Design:
    """A Moore machine of 3 to 6 states with two inputs and two or three outputs, as conditions and a table of outputs."""
    count, columns, reset = rng.randint(3, 6), rng.choice([2, 2, 3]), choose_reset(rng, pick)
    clk, (a, b) = pick("clk", "clock"), pick("a b", "go stop", "x y").split()
    outs = pick("p q r", "z1 z2 z3", "out0 out1 out2").split()[:columns]
    names = (
        ["IDLE", "LOAD", "RUN", "WAIT", "CHECK", "DONE"][:count]
        if rng.random() < 0.5
        else [f"S{i}" for i in range(count)]
    )
    start = 0
    # Each condition by the values of the inputs that it wants: (0, None) wants the first to be 0.
    tests: dict[str, tuple[int | None, int | None]] = {
        a: (1, None), f"!{a}": (0, None), b: (None, 1), f"!{b}": (None, 0),
        f"{a} && {b}": (1, 1), f"{a} && !{b}": (1, 0), f"!{a} && !{b}": (0, 0),
    }  # fmt: skip
    while True:
        # Each state has one or two conditions in order, and stays where none holds, or goes on always.
        rules = [
            [
                (rng.choice(list(tests)), rng.choice([t for t in range(count) if t != s]))
                for _ in range(rng.choice([1, 2]))
            ]
            for s in range(count)
        ]
        rows = [rng.randrange(1 << columns) for _ in range(count)]
        if (
            len(set(rows)) == min(count, 1 << columns)
            and _reaches_all(rules)
            and all(
                len({c.replace("!", "") for c, _ in r}) == len(r) and len({t for _, t in r}) == len(r) for r in rules
            )
        ):
            break

    def step(state: int, values: Values) -> int:
        def holds(condition: str) -> bool:
            return all(want in (None, values[name]) for want, name in zip(tests[condition], (a, b), strict=True))

        return next((target for condition, target in rules[state] if holds(condition)), state)

    size = (count - 1).bit_length()
    codes = ", ".join(f"{name} = {size}'d{i}" for i, name in enumerate(names))

    def branch(s: int) -> str:
        parts = [f"if ({c}) next = {names[t]};" for c, t in rules[s]]
        return f"            {names[s]}: " + "\n                else ".join(parts)

    cases = "\n".join(branch(s) for s in range(count))
    table = "\n".join(
        f"            {names[s]}: {{{', '.join(outs)}}} = {columns}'b{rows[s]:0{columns}b};" for s in range(count)
    )
    body = f"""
    localparam {codes};
    reg {bits(size)}state, next;

    always @(*) begin
        next = state;
        case (state)
{cases}
            default: next = {names[start]};
        endcase
    end

{clocked(clk, reset, f"state <= {names[start]};", "state <= next;")}

    always @(*) begin
        case (state)
{table}
            default: {{{", ".join(outs)}}} = {columns}'b{"0" * columns};
        endcase
    end"""
    said = reset_sentences(reset, f"puts the machine into state {names[start]}")
    lines = []
    for s in range(count):
        goes = ", else ".join(f"if {c} -> {names[t]}" for c, t in rules[s])
        lines.append(
            f"{names[s]} ({', '.join(f'{o}={v}' for o, v in zip(outs, f'{rows[s]:0{columns}b}', strict=True))}): {goes}, else stay"
        )
    other = next(t for t in range(count) if rows[t] != rows[start])
    given = f"two inputs, {a} and {b}, and the outputs {listing(outs)}"
    return Design(
        key=(
            count,
            columns,
            tuple(tuple((list(tests).index(c), t) for c, t in r) for r in rules),
            tuple(rows),
            reset.key,
        ),
        name=pick("controller", "control_fsm", "fsm", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(a, "input", 1, "the first input"),
            Port(b, "input", 1, "the second input"),
            *(Port(o, "output", 1, "an output that depends on the state") for o in outs),
        ),
        registers=frozenset(outs),
        nouns=(
            f"a Moore state machine with {given} that has the states below, with {reset.phrase} to {names[start]}",
            f"a controller with {count} states and {given}, given by its outputs and transitions below, {reset.phrase} to {names[start]}",
            f"an FSM with {given}; the list below gives for each state the outputs and where it goes; {reset.phrase} to {names[start]}",
        ),
        behaviours=(
            f"Implement the Moore machine below, which has {given}. Each line is a state with its outputs and, in order, the conditions on which it changes at the rising edge of {clk}. {said[0]}",
            f"The controller has {given}. In each state listed below, the outputs have the values in brackets. At every rising edge of {clk} the first condition of the line that holds gives the next state. {said[1]}",
            f"{said[2]} At each positive edge of {clk} the machine follows the first condition that is true in the line of its state, and stays if none is. It has {given}, which depend on the state only.",
        ),
        appendix="\n".join(lines),
        body=body,
        model=Sequential(
            clk,
            start,
            step,
            lambda state, _: {o: int(v) for o, v in zip(outs, f"{rows[state]:0{columns}b}", strict=True)},
            reset,
        ),
        bugs=(
            (f"state <= {names[start]};", f"state <= {names[other]};"),
            (
                f"{names[start]}: {{{', '.join(outs)}}} = {columns}'b{rows[start]:0{columns}b}",
                f"{names[start]}: {{{', '.join(outs)}}} = {columns}'b{rows[start] ^ 1:0{columns}b}",
            ),
        ),
        cycles=300,
    )


def _reaches_all(rules: list[list[tuple[str, int]]]) -> bool:
    seen, waiting = {0}, [0]
    while waiting:
        for _, target in rules[waiting.pop()]:
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return len(seen) == len(rules)


@family("machines")
def arbiter(rng: random.Random, pick: Pick) -> Design:
    """Grants one of N requests, by a fixed priority or in turn; a grant is kept while requested, or is for one cycle."""
    count, reset = rng.randint(2, 5), choose_reset(rng, pick)
    kind, held = rng.choice(["fixed", "fixed", "turn"]), rng.random() < 0.6
    order = rng.sample(range(count), count) if kind == "fixed" and rng.random() < 0.6 else list(range(count))
    clk, request, grant = pick("clk", "clock"), pick("req", "r", "request"), pick("gnt", "g", "grant")
    State = tuple[int | None, int]  # who has the grant, and who comes first in the next turn

    def following(state: State, values: Values) -> State:
        owner, first = state
        wanted = [i for i in range(count) if values[request] >> i & 1]
        if held and owner in wanted:
            return state
        ranks = [(first + i) % count for i in range(count)] if kind == "turn" else order
        new = next((i for i in ranks if i in wanted), None)
        return new, first if new is None else (new + 1) % count

    def outputs(state: State, _: Values) -> dict[str, int]:
        return {grant: 0 if state[0] is None else 1 << state[0]}

    size = (count - 1).bit_length()
    zero = f"{count}'d0"
    if kind == "fixed":
        chain = (
            "\nelse ".join(f"if ({request}[{i}])\n    {grant} <= {_one_hot(i, count)};" for i in order)
            + f"\nelse\n    {grant} <= {zero};"
        )
        keep = f"if (({grant} & {request}) != {zero})\n    {grant} <= {grant};\nelse " if held else ""
        body = clocked(clk, reset, f"{grant} <= {zero};", keep + chain)
        bug = (f"{grant} <= {_one_hot(order[0], count)};", f"{grant} <= {_one_hot(order[1], count)};")
        second = (f"if ({request}[{order[1]}])", f"if (!{request}[{order[1]}])")
    else:
        rows = []
        for first in range(count):
            ranks = [(first + i) % count for i in range(count)]
            tests = "\n                else ".join(f"if ({request}[{i}]) winner = {_one_hot(i, count)};" for i in ranks)
            rows.append(f"            {size}'d{first}: {tests}")
        after = "\n".join(f"    if (winner[{i}]) first <= {size}'d{(i + 1) % count};" for i in range(count))
        gate = (
            f"if (({grant} & {request}) == {zero}) begin\n    {grant} <= winner;\n{after}\nend"
            if held
            else f"{grant} <= winner;\n{after.replace('    if', 'if')}"
        )
        block = clocked(clk, reset, f"{grant} <= {zero};\nfirst <= {size}'d0;", gate)
        body = (
            f"\n    reg {bits(size)}first;\n    reg [{count - 1}:0] winner;\n\n    always @(*) begin\n        winner = {zero};\n        case (first)\n"
            + "\n".join(rows)
            + f"\n            default: ;\n        endcase\n    end\n\n{block}"
        )
        bug = (f"{grant} <= winner;", f"{grant} <= {request};")
        second = (f"winner = {_one_hot(1, count)};", f"winner = {zero};")
    priority = " over ".join(f"{request}[{i}]" for i in order)
    ranked = " over ".join(map(str, order))
    rule = (
        f"the requests have the fixed priority {priority}"
        if kind == "fixed"
        else f"the search goes upwards through the requests, around the end, beginning after the last one granted (after reset, with {request}[0])"
    )
    noun_rule = (
        f"fixed priority {ranked}"
        if kind == "fixed"
        else "round-robin order (first looking after the last one granted, from 0 after reset)"
    )
    keeps = (
        "A grant stays as long as its request does; only then another can be given"
        if held
        else "The choice is made anew at every edge"
    )
    noun_keep = "a grant is kept while its request lasts" if held else "the grant is chosen anew in every cycle"
    said = reset_sentences(reset, f"clears {grant}{' and begins the turns with 0' if kind == 'turn' else ''}")
    return Design(
        key=(count, kind, held, tuple(order), reset.key),
        name=pick("arbiter", "round_robin" if kind == "turn" else "priority_arbiter", "grant_fsm", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(request, "input", count, "the requests"),
            Port(grant, "output", count, "the grants, at most one of them high"),
        ),
        registers=frozenset({grant}),
        nouns=(
            f"an arbiter for {count} requests in {noun_rule} with a registered one-hot grant, where {noun_keep}, with {reset.phrase} to no grant",
            f"a circuit that grants a shared resource to one of {count} requesters by {noun_rule}, one-hot from registers; {noun_keep}; {reset.phrase} to no grant",
            f"{article(f'{count}-way')} arbiter with {reset.phrase} to no grant: request vector in, registered one-hot grant vector out, {noun_rule}; {noun_keep}",
        ),
        behaviours=(
            f"{grant} is a register with at most one bit high, which says whose request is granted. At each rising edge of {clk} one of the bits of {request} is chosen, or none if none is high: {rule}. {keeps}. {said[0]}",
            f"Arbitrate between {count} requests: the bit of {grant} that belongs to the chosen bit of {request} goes high at the rising edge of {clk}, and all others are low. Here {rule}. {keeps}. Without a request {grant} becomes 0. {said[1]}",
            f"{said[2]} On each positive edge of {clk} the arbiter looks at {request}, and {grant} shows its choice, one-hot, until the next edge: {rule}. {keeps}. If nobody asks, no grant is given.",
        ),
        body=body,
        model=Sequential(clk, (None, 0), following, outputs, reset),
        bugs=(bug, second),
        cycles=200,
    )


def _one_hot(index: int, width: int) -> str:
    return f"{width}'b{1 << index:0{width}b}"


@family("machines")
def hysteresis_switch(rng: random.Random, pick: Pick) -> Design:
    """Switches on below (or above) one level and off beyond another, and keeps its state between them."""
    width, reset, rising = rng.choice([4, 5, 6, 7, 8, 8, 10, 12]), choose_reset(rng, pick), rng.random() < 0.5
    low, high = sorted(rng.sample(range(1, mask(width)), 2))
    start, mealy = rng.getrandbits(1), rng.random() < 0.3
    clk, level, on = pick("clk", "clock"), pick("level", "temp", "value"), pick("on", "heater", "active")

    def decide(state: int, values: Values) -> int:
        above, below = values[level] > high, values[level] < low
        return int(rising) if above else int(not rising) if below else state

    def outputs(state: int, values: Values) -> dict[str, int]:
        return {on: decide(state, values) if mealy else state}

    up, down = (1, 0) if rising else (0, 1)
    first, second = f"{level} > {width}'d{high}", f"{level} < {width}'d{low}"
    if mealy:
        block = clocked(clk, reset, f"last <= 1'b{start};", f"last <= {on};")
        body = f"\n    reg last;\n\n    assign {on} = ({first}) ? 1'b{up} : ({second}) ? 1'b{down} : last;\n\n{block}"
    else:
        body = clocked(
            clk,
            reset,
            f"{on} <= 1'b{start};",
            f"if ({first})\n    {on} <= 1'b{up};\nelse if ({second})\n    {on} <= 1'b{down};",
        )
    verbs = {1: "switches on", 0: "switches off"}
    when = (
        "at once, without waiting for the clock; a register keeps the last value"
        if mealy
        else "at the rising edge of the clock"
    )
    kept = "the stored state" if mealy else on
    said = reset_sentences(reset, f"sets {kept} to {start}")
    tail = f"with {'a combinational output and one register for its last value' if mealy else 'a registered output'} and {reset.phrase} to {'on' if start else 'off'}"
    between = f"from {low} to {high}"
    return Design(
        key=(width, low, high, rising, start, mealy, reset.key),
        name=pick("hysteresis", "thermostat", "schmitt", "top_module"),
        ports=(
            *clock_and_reset(clk, reset),
            Port(level, "input", width, "the measured value, unsigned"),
            Port(on, "output", 1, "high when switched on"),
        ),
        registers=frozenset(() if mealy else (on,)),
        nouns=(
            f"a switch with hysteresis for {article(f'{width}-bit')} unsigned value that {verbs[up]} above {high} and {verbs[down]} below {low}, {tail}",
            f"a two-point controller: {article(f'{width}-bit')} unsigned measurement greater than {high} {verbs[up]} its output, one less than {low} {verbs[down]} it, and {between} nothing changes, {tail}",
            f"a threshold detector with memory, {'on' if up else 'off'} over {high}, {'on' if down else 'off'} under {low}, unchanged in between ({width}-bit unsigned input), {tail}",
        ),
        behaviours=(
            f"{on} becomes {up} when the unsigned number {level} is greater than {high}, and {down} when it is less than {low}, {when.replace('the clock;', f'{clk};').replace('edge of the clock', f'edge of {clk}')}. For values {between} it keeps its state{f' of the cycle before (sampled at the rising edge of {clk})' if mealy else ''}. {said[0]}",
            f"Build a controller with two thresholds. If {level} > {high}, {on} is {up}; if {level} < {low}, it is {down}; otherwise it is what it was {f'at the last rising edge of {clk}. This output is combinational' if mealy else f'before. It changes only at a rising edge of {clk}'}. {said[1]}",
            f"{said[2]} {f'{on} is a combinational function of {level} and of its own value stored at each positive edge of {clk}' if mealy else f'At each positive edge of {clk}, {on} is updated'}: above {high} the result is {up}, below {low} it is {down}, and {between} (both included) it does not change. {level} is unsigned.",
        ),
        body=body,
        model=Sequential(clk, start, decide, outputs, reset),
        bugs=((first, f"{level} >= {width}'d{high}"), (second, f"{level} == {width}'d{low}")),
        stimulus={
            level: lambda r: (
                min(mask(width), max(0, r.choice([low, high]) + r.choice([-1, 0, 1])))
                if r.random() < 0.7
                else r.getrandbits(width)
            )
        },
        cycles=250,
    )


@family("arithmetic")
def divider(rng: random.Random, pick: Pick) -> Design:
    """Quotient, remainder or both of two unsigned numbers, with a given answer for a divisor of zero."""
    width, other = rng.randint(2, 16), rng.randint(2, 12)
    which, zero = rng.choice(["both", "both", "quotient", "remainder"]), rng.choice(["zeros", "ones", "keep"])
    flag = rng.random() < 0.3
    other = min(other, width)
    a, b = pick("a b", "num den", "dividend divisor").split()
    quotient, remainder, error = (
        pick("q", "quotient", "quo"),
        pick("r", "remainder", "rem"),
        pick("by_zero", "error", "div0"),
    )
    q_zero, r_zero = {"zeros": (0, 0), "ones": (mask(width), mask(other)), "keep": (mask(width), None)}[zero]

    def function(values: Values) -> dict[str, int]:
        x, y = values[a], values[b]
        q, r = divmod(x, y) if y else (q_zero, x & mask(other) if r_zero is None else r_zero)
        every = {quotient: q, remainder: r, error: int(y == 0)}
        return {name: every[name] for name in names}

    names = [
        *([quotient] if which != "remainder" else []),
        *([remainder] if which != "quotient" else []),
        *([error] if flag else []),
    ]
    q_code, r_code = f"{width}'h{q_zero:x}", f"{a}[{other - 1}:0]" if r_zero is None else f"{other}'h{r_zero:x}"
    r_code = a if r_zero is None and other == width else r_code
    lines = {
        quotient: f"    assign {quotient} = ({b} == {other}'d0) ? {q_code} : {a} / {b};",
        remainder: f"    assign {remainder} = ({b} == {other}'d0) ? {r_code} : {a} % {b};",
        error: f"    assign {error} = ({b} == {other}'d0);",
    }
    q_words, r_words = (
        f"the quotient is {'0' if q_zero == 0 else 'all ones'}",
        f"the remainder is {'0' if r_zero == 0 else 'all ones' if r_zero else f'the lower {other} bits of the dividend' if other < width else 'the dividend'}",
    )
    case = listing([*([q_words] if which != "remainder" else []), *([r_words] if which != "quotient" else [])])
    what = {"both": "quotient and remainder", "quotient": "the quotient", "remainder": "the remainder"}[which]
    outs = {
        "both": f"the quotient {quotient} and the remainder {remainder}",
        "quotient": f"the quotient {quotient} (rounded down)",
        "remainder": f"the remainder {remainder}",
    }[which]
    tell = f" {error} is high when {b} is 0." if flag else ""
    with_flag = ", with an output that is high for a divisor of 0" if flag else ""
    main = names[0]
    sign = "%" if main == remainder else "/"
    given = f"{article(f'{width}-bit')} by {article(f'{other}-bit')} unsigned number"
    return Design(
        key=(width, other, which, zero, flag),
        name=pick("divider", "div_unit", "divide", "top_module"),
        ports=(
            Port(a, "input", width, "the dividend"),
            Port(b, "input", other, "the divisor"),
            *([Port(quotient, "output", width, "the quotient")] if which != "remainder" else []),
            *([Port(remainder, "output", other, "the remainder")] if which != "quotient" else []),
            *([Port(error, "output", 1, "high when the divisor is 0")] if flag else []),
        ),
        nouns=(
            f"a combinational divider of {given} that gives {what}; when the divisor is 0, {case}{with_flag}",
            f"a circuit without clock that divides {given} and outputs {what}, where for a divisor of 0 {case}{with_flag}",
            f"{article(f'{width}-bit')} unsigned division by {article(f'{other}-bit')} divisor in one combinational step, outputs: {what}; for a divisor of 0, {case}{with_flag}",
        ),
        behaviours=(
            f"Divide the unsigned {width}-bit {a} by the unsigned {other}-bit {b}. The outputs are {outs}. When {b} is 0, {case}.{tell}",
            f"Give {outs} of {a} divided by {b}, both unsigned, without a clock. Dividing by 0 is defined: then {case}.{tell}",
            f"{a} ({width} bits) and {b} ({other} bits) are unsigned. Combinationally compute {outs} of {a} / {b}; for {b} = 0, {case}.{tell}",
        ),
        body="\n".join(lines[name] for name in names),
        model=Combinational(function),
        bugs=(
            (f"{a} {sign} {b};", f"{a} {'/' if sign == '%' else '%'} {b};"),
            (f"{b} == {other}'d0", f"{b} == {other}'d1"),
        ),
        stimulus={
            b: lambda r: r.choice([0, 1, r.randint(1, 7) & mask(other), r.getrandbits(other)]),
            a: lambda r: r.getrandbits(width),
        },
    )

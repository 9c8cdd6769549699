"""Figures that others have published on the benchmarks, as data with their sources. Nothing here was measured by us.

RTLCODER   Liu et al. 2023, RTLCoder: Outperforming GPT-3.5 in RTL Code Generation, arXiv 2312.08617 version 1
RTLLM      Lu et al. 2023, RTLLM: An Open-Source Benchmark for Design RTL Generation, arXiv 2308.05345

VerilogEval: pass rate over 20 completions of a problem. RTLLM: version 1.0, 30 designs, a success for each design of
which any of 5 completions compiles (syntax) or passes (function). top_p 0.95, the best of temperatures 0.2, 0.5, 0.8.
RTLCODER quotes in part: closed models on VerilogEval from that benchmark's paper, baselines in its Table 3 from RTLLM.
"""

from __future__ import annotations

from rtlscribe.records import Record

RTLCODER = "Liu et al. 2023, RTLCoder, arXiv 2312.08617 version 1"
RTLLM = "Lu et al. 2023, RTLLM, arXiv 2308.05345"
PROBLEMS = {"human": 156, "machine": 143}  # of VerilogEval's two parts
TRIALS = 5  # completions of a design of RTLLM
OVERLAP = f"Published of other data ({RTLCODER}, Figure 11): most instructions and most code are below 0.3."
QUANTIZED = "4 GB"  # memory of RTLCoder-4bit, section 4.3


class Figures(Record):
    """A row of RTLCODER's Table 2, in per cent; None where the authors could not measure it."""

    model: str
    parameters: str
    machine: float
    human: float
    syntax: float | None
    function: float | None


TABLE_2 = tuple(
    Figures(model=model, parameters=parameters, machine=machine, human=human, syntax=syntax, function=function)
    for model, parameters, machine, human, syntax, function in (
        ("GPT-3.5", "", 46.7, 26.7, 63.3, 33.3),
        ("GPT-4", "", 60.0, 43.5, 86.7, 50.0),
        ("VerilogEval", "16B", 46.2, 28.8, None, None),
        ("ChipNeMo", "13B", 43.4, 22.4, None, None),
        ("Codegen2", "16B", 4.90, 1.28, 46.7, 5.77),  # 5.77 as it is printed, though no share of 30 designs
        ("StarCoder", "15B", 46.8, 18.1, 26.7, 16.7),
        ("Thakur et al.", "16B", 44.0, 30.3, 40.0, 16.7),
        ("Zephyr", "7B", 19.3, 5.77, 43.3, 6.67),
        ("RTLCoder-Direct-Train", "7B", 54.6, 28.5, 76.7, 16.7),
        ("RTLCoder-4bit", "7B, 4 bits", 49.8, 28.8, 80.0, 30.0),
        ("RTLCoder", "7B", 56.5, 31.7, 83.3, 36.7),
    )
)


class Total(Record):
    """The last row of RTLCODER's Table 3 for one model: designs of 30 that succeed, syntax and function."""

    model: str
    syntax: int
    function: int


DESIGNS = 30
TABLE_3_TOTALS = tuple(
    Total(model=model, syntax=syntax, function=function)
    for model, syntax, function in (
        ("GPT-3.5", 19, 10),
        ("GPT-4", 26, 15),
        ("Thakur et al.", 12, 5),
        ("StarCoder", 8, 5),
        ("RTLCoder", 25, 11),
    )
)


class Design(Record):
    """A row of RTLCODER's Table 3, by the models of TABLE_3_TOTALS.

    `syntax` counts completions of 5 that compile. `function` says of the first four models, whose results the table
    takes from RTLLM's own, whether any passes: "y", "n", or "-" where none compiles. RTLCoder's own marks are not
    given here, since they could not be read with certainty. `ids` are the design's names in RTLLM 1.0 and 1.1; what the
    table calls multi_8bit and div_8bit are taken to be the only 8-bit multiplier and divider there.
    """

    ids: tuple[str, ...]
    syntax: tuple[int, int, int, int, int]
    function: str


TABLE_3 = tuple(
    Design(ids=tuple(ids.split()), syntax=(a, b, c, d, e), function=function)
    for ids, a, b, c, d, e, function in (
        ("accu", 4, 5, 0, 0, 4, "yy--"),
        ("adder_8bit", 4, 5, 0, 0, 5, "yy--"),
        ("adder_16bit", 5, 5, 5, 0, 5, "nyy-"),
        ("adder_32bit", 5, 5, 0, 0, 4, "nn--"),
        ("adder_64bit adder_pipe_64bit", 2, 3, 0, 0, 2, "nn--"),
        ("multi_booth multi_booth_8bit", 3, 4, 0, 0, 1, "nn--"),
        ("multi_16bit", 0, 5, 5, 0, 0, "-yy-"),
        ("multi_pipe_4bit", 0, 2, 0, 5, 3, "-y-y"),
        ("multi_pipe_8bit", 0, 4, 0, 5, 3, "-n-y"),
        ("radix2_div", 0, 0, 0, 0, 3, "----"),
        ("div_16bit", 0, 5, 0, 0, 0, "-n--"),
        ("JC_counter Johnson_Counter", 5, 5, 5, 5, 5, "yynn"),
        ("right_shifter", 5, 5, 5, 0, 4, "yyy-"),
        ("mux synchronizer", 0, 4, 5, 0, 5, "-yy-"),
        ("counter_12", 5, 5, 5, 5, 4, "yynn"),
        ("freq_div", 5, 5, 5, 0, 5, "nnn-"),
        ("signal_generator", 5, 5, 0, 5, 5, "yy-n"),
        ("serial2parallel", 5, 5, 0, 5, 2, "yy-n"),
        ("parallel2serial", 5, 4, 0, 0, 4, "nn--"),
        ("pulse_detect", 1, 5, 5, 0, 3, "nnn-"),
        ("edge_detect", 5, 5, 5, 0, 5, "yyn-"),
        ("fsm", 5, 5, 5, 0, 5, "nnn-"),
        ("width_8to16", 5, 5, 0, 5, 5, "yy-y"),
        ("traffic_light", 5, 5, 0, 0, 3, "ny--"),
        ("calendar", 0, 5, 0, 0, 5, "-n--"),
        ("RAM", 0, 0, 5, 5, 5, "--yy"),
        ("asyn_fifo", 0, 0, 0, 0, 0, "----"),
        ("alu", 0, 5, 0, 0, 1, "-n--"),
        ("pe", 4, 5, 5, 5, 5, "yyny"),
        ("risc_cpu", 0, 0, 0, 0, 0, "----"),
    )
)

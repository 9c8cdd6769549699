"""The contract of a benchmark and the table of them. How a log says "passed" is data of the problem, not code here."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from rtlscribe import registry
from rtlscribe.records import Problem
from rtlscribe.samples import read_problems

TABLE = {
    "held-out": "rtlscribe.benchmarks.held_out:HeldOut",
    "verilogeval-human": "rtlscribe.benchmarks.verilog_eval:Human",
    "verilogeval-machine": "rtlscribe.benchmarks.verilog_eval:Machine",
    "verilogeval2-spec": "rtlscribe.benchmarks.verilog_eval:SpecToRtl",
    "verilogeval2-complete": "rtlscribe.benchmarks.verilog_eval:CodeComplete",
    "rtllm-1.0": "rtlscribe.benchmarks.rtllm:Rtllm10",
    "rtllm-1.1": "rtlscribe.benchmarks.rtllm:Rtllm11",
    "rtllm-2.0": "rtlscribe.benchmarks.rtllm:Rtllm20",
}


class Benchmark(Protocol):
    """A set of problems with testbenches."""

    def load(self, root: Path | None) -> list[Problem]:
        """The problems, from a checkout at `root` where the benchmark needs one."""
        ...


def load_problems(name: str, *, root: Path | None = None) -> list[Problem]:
    """The problems of a benchmark, or of a JSON Lines file of Problems.

    Raises:
        UsageError: no such benchmark or file. DataError: a line of the file is wrong.
    """
    if name.endswith(".jsonl"):
        return read_problems(Path(name))
    benchmark: Benchmark = registry.lookup("benchmark", name, TABLE)()
    return benchmark.load(root)

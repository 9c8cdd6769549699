"""How the authors of the benchmarks judge: their command lines, how they put files together and read the log.

Pure: text in, text and statuses out. Does not run anything; a checker does, with `--rule official`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from rtlscribe.records import Status


class Log(NamedTuple):
    """What the two programs said. `timed_out`: they were killed; `compiled`: the compiler's status was 0."""

    compiled: bool
    compile_text: str  # of both streams
    run_out: str = ""
    run_err: str = ""
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """One published way of judging.

    `assemble(completion, header, top)` gives the answer's code; `files(testbench, code)` what is compiled, in order,
    name and content; `judge(log, code)` the verdict and its published wording. `flags` are iverilog's, `run_flags`
    vvp's. `runs_anyway`: the simulation is started even where the compiler failed, if it left a program.
    """

    assemble: Callable[[str, str, str], str]
    files: Callable[[str, str], list[tuple[str, str]]]
    judge: Callable[[Log, str], tuple[Status, str]]
    flags: tuple[str, ...]
    run_flags: tuple[str, ...] = ()
    timeout_s: float = 30.0


PROCEDURES: dict[str, Procedure] = {}

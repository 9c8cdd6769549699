"""The paper's syntax score by pyslang and by PyVerilog, file by file on the same files, measured here.

    python -m venv PEER && PEER/bin/pip install pyverilog ply
    python benchmarks/syntax.py DATA.jsonl... --pyverilog PEER/bin/python [--files 10] [--rounds 2] [--write]

PyVerilog is used as its documentation shows it: `pyverilog.vparser.parser.parse` on a file, which starts iverilog as
its preprocessor. It runs in a process of its own that has it loaded before the clock starts; so is pyslang. In each
round the same files go through both, one after the other; seconds are of CPU time, that of
iverilog included, and the ratio is of one file's time to the same file's. Besides, how often the two agree.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from telling import Telling

from rtlscribe.samples import read_problems
from rtlscribe.verilog.syntax import errors

REPEATS = 30  # of ours, one after the other as when a dataset is scored; a single one is too short to be timed

# Reads paths from stdin, one a line; answers each with the seconds that it took and whether it was parsed.
PEER = """
import contextlib, io, json, os, sys
from pyverilog.vparser.parser import parse
for line in sys.stdin:
    begun = sum(os.times()[:4])
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            parse([line.strip()])
        accepted = True
    except Exception:
        accepted = False
    print(json.dumps([sum(os.times()[:4]) - begun, accepted]), flush=True)
"""


def measure(codes: Sequence[str], python: str, rounds: int) -> list[tuple[float, float, bool, bool]]:
    """Seconds of the peer and ours, and whether each accepts, file by file and round by round."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [python, "-c", PEER], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        errors(codes[0])
        for _ in range(rounds):
            for number, code in enumerate(codes):
                file = Path(folder) / f"{number}.v"
                file.write_text(code)
                process.stdin.write(f"{file}\n")
                process.stdin.flush()
                slow, theirs = json.loads(process.stdout.readline())
                begun = time.process_time()
                accepted = [not errors(code) for _ in range(REPEATS)]
                found.append((slow, (time.process_time() - begun) / REPEATS, theirs, accepted[0]))
        process.stdin.close()
        process.wait()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="files of rows with code, in any known form")
    parser.add_argument("--pyverilog", required=True, help="a Python that has pyverilog")
    parser.add_argument("--files", type=int, default=10, help="evenly spaced among the rows")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="keep the table in results/syntax.md")
    given = parser.parse_args()
    tell = Telling()
    every = [p.reference for path in given.data for p in read_problems(path) if p.reference.strip()]
    codes = [every[place * len(every) // given.files] for place in range(min(given.files, len(every)))]
    found = measure(codes, given.pyverilog, given.rounds)
    slow, fast = (statistics.median(f[side] for f in found) for side in range(2))
    ratios = sorted(f[0] / f[1] for f in found)
    whole = sum(f[0] for f in found) / sum(f[1] for f in found)
    one_round = found[: len(codes)]
    lines = statistics.median(len(code.splitlines()) for code in codes)
    tell(f"{len(codes)} files of {lines:.0f} lines in the middle, {given.rounds} rounds")
    tell()
    tell("| | PyVerilog | pyslang | |\n|---|---:|---:|---:|")
    tell(f"| CPU seconds a file, median | {slow:.3f} | {fast:.6f} | {statistics.median(ratios):,.0f} x |")
    tell(f"| of all files together | | | {whole:,.0f} x |")
    tell(f"| of single files, lowest and highest | | | {ratios[0]:,.0f} x, {ratios[-1]:,.0f} x |")
    tell(f"| files accepted | {sum(f[2] for f in one_round)} | {sum(f[3] for f in one_round)} | |")
    tell()
    tell(f"{sum(f[2] == f[3] for f in one_round)} of {len(codes)} files are judged alike.")
    if given.write:
        tell.keep("syntax", "Syntax by pyslang and by PyVerilog")


if __name__ == "__main__":
    main()

"""What a verdict costs, against the procedure of VerilogEval's first release, both measured here on the same work.

    python benchmarks/verdicts.py --root VERILOGEVAL --samples SAMPLES.jsonl [--workers 2] [--without PROBLEM,...]

Three measurements, each with both sides in one run:
- one answer: the official command (a shell, iverilog, vvp, on disk) and ours (screen, private testbench, sandbox, and
  a second run of what passes), answer by answer in turn
- a whole file of samples: the official procedure (a process pool, and for each sample a manager, a process and a
  folder) and `rtlscribe evaluate`'s judging, from reading the file to the last verdict, both with the same workers
- agreement: the official procedure's result and ours with `--rule official`, for each sample and assembly

The official side is written anew here after execution.py and evaluation.py of the branch release/1.0.0: the same
processes, commands, files and limits.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import re
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from threading import Timer
from typing import NamedTuple

from rtlscribe.benchmarks.base import load_problems
from rtlscribe.benchmarks.completions import read_completions
from rtlscribe.checkers.icarus import find_tools
from rtlscribe.checkers.iverilog import IverilogChecker
from rtlscribe.executors.base import open_executor
from rtlscribe.flow import Assembly, Task, candidate_of, judge
from rtlscribe.published import result_text
from rtlscribe.records import Candidate, Completion, Problem

COMMAND = "{bin}/iverilog -Wall -Winfloop -Wno-timescale -g2012 -s tb -o test.vvp {name}.sv; {bin}/vvp -n test.vvp"
TIMEOUT_S = 30.0


class Answer(NamedTuple):
    """An answer as the official command takes it: everything in one text."""

    problem_id: str
    text: str


def official_command(answer: Answer, bin_folder: Path) -> str:
    """Compile and run in the current folder; the result in the words of the official script."""
    Path(f"{answer.problem_id}.sv").write_text(answer.text)
    command = COMMAND.format(bin=bin_folder, name=answer.problem_id)
    process = subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    timer = Timer(TIMEOUT_S, process.kill)
    try:
        timer.start()
        out, err = (text.decode("utf-8") for text in process.communicate())
    finally:
        timer.cancel()
    if "syntax error" in err:
        return "failed: syntax error."
    if err:
        return "failed: compile error."
    match = re.search(r"Mismatches: ([0-9]*) in ([0-9]*) samples", out)
    if not match:
        return "failed: info string not matched."
    wrong, samples = (int(number) for number in match.groups())
    return "passed" if wrong == 0 else f"failed: {wrong} out of {samples} samples."


def _in_a_process(answer: Answer, bin_folder: Path, result: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path.cwd()
        os.chdir(folder)
        try:
            result.append(official_command(answer, bin_folder))
        except Exception as error:  # noqa: BLE001  # as the original does
            result.append(f"failed: {error}")
        finally:
            os.chdir(here)


def official_check(answer: Answer, bin_folder: Path) -> str:
    """One sample as the official procedure does it: a manager, a process, a folder."""
    manager = multiprocessing.Manager()
    result = manager.list()
    process = multiprocessing.Process(target=_in_a_process, args=(answer, bin_folder, result))
    process.start()
    process.join(timeout=TIMEOUT_S + 1)
    if process.is_alive():
        process.kill()
    return result[0] if result else "timed out"


def official_file(answers: list[Answer], bin_folder: Path, workers: int) -> list[str]:
    """All samples as the official procedure does them."""
    with ProcessPoolExecutor(max_workers=workers) as executor:
        futures = {executor.submit(official_check, a, bin_folder): place for place, a in enumerate(answers)}
        done = {futures[future]: future.result() for future in as_completed(futures)}
    return [done[place] for place in range(len(answers))]


def one_answer(
    answers: list[tuple[Answer, Candidate, Problem]], bin_folder: Path, checkers: dict[str, IverilogChecker]
) -> dict[str, list[float]]:
    """Seconds for each answer, official and ours in turn."""
    seconds: dict[str, list[float]] = {"official": [], **{name: [] for name in checkers}}
    for answer, candidate, problem in answers:
        with tempfile.TemporaryDirectory() as folder:
            here = Path.cwd()
            os.chdir(folder)
            begun = time.perf_counter()
            official_command(answer, bin_folder)
            seconds["official"].append(time.perf_counter() - begun)
            os.chdir(here)
        for name, checker in checkers.items():
            begun = time.perf_counter()
            checker.check(candidate, problem, timeout_s=TIMEOUT_S)
            seconds[name].append(time.perf_counter() - begun)
    return seconds


def ours_file(work: Work, assembly: Assembly, checker: IverilogChecker) -> tuple[list[str], float]:
    """Read, assemble and judge the samples as `evaluate` does; the official wording of each verdict, and seconds."""
    begun = time.perf_counter()
    found = load_problems("verilogeval-human", root=work.root)
    problems = {problem.id: problem for problem in found}
    wanted = {(c.problem_id, c.index) for c in work.completions}
    completions = [c for c in read_completions(work.samples, found) if (c.problem_id, c.index) in wanted]
    tasks = (Task(completion, "rule", assembly) for completion in completions)
    results = judge(
        tasks, problems, {"rule": checker}, open_executor("pool"), workers=work.workers, timeout_s=TIMEOUT_S
    )
    verdicts = {}
    for result in results:
        if result.error or not result.value:
            raise SystemExit(f"{result.item.completion.problem_id}: {result.error}")
        verdicts[result.value.verdict.problem_id, result.value.verdict.index] = result.value.verdict
    took = time.perf_counter() - begun
    return [result_text(verdicts[c.problem_id, c.index]) for c in completions], took


def texts(completions: list[Completion], problems: dict[str, Problem], assembly: Assembly) -> list[Answer]:
    """The completions as the official command takes them."""
    answers = []
    for completion in completions:
        problem = problems[completion.problem_id]
        code = candidate_of(completion, problem, assembly).code
        answers.append(Answer(problem.id, f"{problem.testbench}\n{code}"))
    return answers


class Work(NamedTuple):
    """What is measured: the samples of a file, and how."""

    root: Path
    samples: Path
    problems: dict[str, Problem]
    completions: list[Completion]
    bin_folder: Path
    workers: int


OURS = {"ours, without the second run": False, "ours": True}


def measure_one(work: Work, count: int) -> None:
    """Distinct answers, each judged by both sides in turn."""
    answers = texts(work.completions, work.problems, "header-aware")
    distinct = dict(zip(answers, work.completions, strict=True))
    chosen = random.Random(0).sample(sorted(distinct.items()), min(count, len(distinct)))
    judged = []
    for answer, completion in chosen:
        problem = work.problems[completion.problem_id]
        judged.append((answer, candidate_of(completion, problem, "header-aware"), problem))
    checkers = {name: IverilogChecker(second_run=second_run) for name, second_run in OURS.items()}
    for checker in checkers.values():  # a problem's testbench is built once, whatever the number of its answers
        for problem in {p.id: p for _, _, p in judged}.values():
            checker.build(problem, timeout_s=TIMEOUT_S)
    seconds = one_answer(judged, work.bin_folder, checkers)
    base = seconds["official"]
    for name, took in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(took, base, strict=True))
        print(
            f"one answer, {name:<29} {sum(took) / len(took) * 1e3:7.2f} ms mean, {statistics.median(took) * 1e3:6.2f} "
            f"median; ratio of sums {sum(took) / sum(base):.3f}, median of ratios {ratio:.3f} ({len(took)} answers)"
        )


def measure_file(work: Work) -> None:
    """All samples, from reading the file to the last verdict."""
    begun = time.perf_counter()
    official_file(texts(work.completions, work.problems, "header-aware"), work.bin_folder, work.workers)
    official = time.perf_counter() - begun
    print(f"whole file, official {official:7.1f} s with {work.workers} workers")
    for name, second_run in OURS.items():
        _, took = ours_file(work, "header-aware", IverilogChecker(second_run=second_run))
        print(f"whole file, {name} {took:7.1f} s, {official / took:.2f} times as fast")


def measure_agreement(work: Work) -> None:
    """The official procedure's result against ours with the official rule, sample by sample."""
    for assembly in ("official", "header-aware"):
        theirs = official_file(texts(work.completions, work.problems, assembly), work.bin_folder, work.workers)
        ours, _ = ours_file(work, assembly, IverilogChecker(rule="official"))
        rows = zip(work.completions, theirs, ours, strict=True)
        differ = [(c.problem_id, c.index, a, b) for c, a, b in rows if a != b]
        passed = theirs.count("passed") / len(theirs)
        print(f"agreement, {assembly}: {len(theirs) - len(differ)} of {len(theirs)} equal; pass@1 {passed:.2%}")
        for line in differ[:10]:
            print("   ", *line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="a checkout of VerilogEval, release/1.0.0")
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--without", default="", help="problems to leave out, with commas")
    parser.add_argument("--limit", type=int, help="only the first so many samples")
    parser.add_argument("--answers", type=int, default=300, help="answers for the first measurement")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--official-bin", type=Path, help="folder of another iverilog and vvp for the official side")
    parser.add_argument("--only", choices=["one", "file", "agreement"])
    given = parser.parse_args()
    tools = find_tools()
    found = load_problems("verilogeval-human", root=given.root)
    left_out = given.without.split(",")
    completions = [c for c in read_completions(given.samples, found) if c.problem_id not in left_out][: given.limit]
    problems = {problem.id: problem for problem in found}
    official = given.official_bin or tools.iverilog.parent
    work = Work(given.root, given.samples, problems, completions, official, given.workers)
    print(f"Icarus Verilog {tools.version}, {os.cpu_count()} cores, {len(completions)} samples of {given.samples.name}")
    if given.only in (None, "one"):
        measure_one(work, given.answers)
    if given.only in (None, "file"):
        measure_file(work)
    if given.only in (None, "agreement"):
        measure_agreement(work)


if __name__ == "__main__":
    main()

"""Every hostile answer and honest control before the judge of record: its verdict, and that the host is untouched."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from answers import CONTROLS, HOSTILE
from problems import PROBLEMS
from rows import Answer

from rtlscribe.checkers.iverilog import IverilogChecker
from rtlscribe.records import Candidate, Status

HOSTILE_S, HONEST_S = 1.5, 30.0  # bombs are left to burn for so long
CONTENT = "yours\n"


@pytest.fixture(scope="module")
def checker(icarus: str) -> Iterator[IverilogChecker]:
    checker = IverilogChecker(second_run=True)
    if checker.warning():
        pytest.skip("no sandbox can be had here, and these answers are hostile")
    yield checker
    checker.pool.close()


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary"
    path.write_text(CONTENT)
    return path


def tools_running() -> set[int]:
    """The simulator's programs among the descendants of this process, and those that lost their parent."""
    tools, parents = set(), {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if Path(os.readlink(entry / "exe")).name in ("ivl", "ivlpp", "vvp", "iverilog"):
                tools.add(int(entry.name))
    return {process for process in tools if parents[process] == 1 or os.getpid() in forebears(process, parents)}


def forebears(process: int, parents: dict[int, int]) -> set[int]:
    found: set[int] = set()
    while process := parents.get(process, 0):
        found.add(process)
    return found


@pytest.mark.parametrize("answer", [*HOSTILE, *CONTROLS], ids=str)
def test_verdict_and_host(checker: IverilogChecker, canary: Path, answer: Answer) -> None:
    here, before = sorted(Path.cwd().iterdir()), tools_running()
    status = judged(checker, answer, canary)
    assert status in answer.expected
    assert canary.read_text() == CONTENT
    assert list(canary.parent.iterdir()) == [canary]
    assert sorted(Path.cwd().iterdir()) == here
    for _ in range(40):  # the system takes a moment to take down what was killed; other tests may run beside this one
        if not tools_running() - before:
            break
        time.sleep(0.05)
    assert tools_running() - before == set()


def judged(checker: IverilogChecker, answer: Answer, canary: Path) -> Status:
    problem = PROBLEMS[answer.problem]
    candidate = Candidate(problem_id=problem.id, index=0, code=answer.text(str(canary)), assembly="as it is")
    seconds = HONEST_S if "passed" in answer.expected else HOSTILE_S
    return checker.check(candidate, problem, timeout_s=seconds).status


def test_nothing_is_left_behind(icarus: str) -> None:
    """The folder of a worker goes with it: when something goes wrong over an answer, and when the checker is done."""
    checker = IverilogChecker()
    with checker.pool.borrow() as box:
        folders = {box.folder}
    with pytest.raises(KeyboardInterrupt), checker.pool.borrow() as box:
        raise KeyboardInterrupt
    with checker.pool.borrow() as box:
        folders.add(box.folder)
    assert len(folders) == 2
    checker.pool.close()
    assert [folder for folder in folders if folder.exists()] == []

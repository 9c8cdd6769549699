"""The sandbox's workers: shared, brought down, replaced, and gone when whoever started them is."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rtlscribe.checkers.sandbox import Box, Crashed, Finished, Pool

SHELL = "/bin/sh"


def sh(box: Box, script: str, *, seconds: float = 20.0) -> Finished:
    return box.run([SHELL, "-c", script], deadline=time.monotonic() + seconds)


def test_many_threads_share_a_pool(below: Callable) -> None:
    before = {running.pid for running in below()}
    pool = Pool()

    def work(number: int) -> tuple[str, str]:
        with pool.borrow() as box:
            box.write({"number": str(number)})
            return sh(box, "pwd").stdout, sh(box, "cat number; ls").stdout

    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(work, range(12)))
    assert [said for _, said in done] == [f"{number}number\n" for number in range(12)]
    assert len({folder for folder, _ in done}) <= 3
    folder = Path(done[0][0].strip())
    assert folder.is_dir()
    pool.close()
    assert not folder.exists()
    assert {running.pid for running in below()} <= before


def worker_of(box: Box, below: Callable) -> list[int]:
    """The processes of a box's worker, the outermost first."""
    folder = sh(box, "pwd").stdout.strip()
    return [running.pid for running in below() if f"worker {folder}" in running.command]


@pytest.mark.parametrize("place", [0, -1], ids=["the outermost process", "the innermost process"])
def test_a_worker_that_is_killed_takes_its_program_along(
    pool: Pool, below: Callable, tools: Callable, until: Callable, place: int
) -> None:
    def run() -> None:
        with pool.borrow() as box:
            sh(box, "sleep 29; echo survived", seconds=60)

    with pool.borrow() as box:
        if "namespaces" not in box.measures:
            pytest.skip("this system does not allow namespaces")
        worker = worker_of(box, below)[place]
    with ThreadPoolExecutor(1) as thread:
        ran = thread.submit(run)
        assert until(lambda: [r for r in tools() if "sleep 29" in r.command])
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(Crashed, match="ended with status -9"):
            ran.result(timeout=20)
    assert until(lambda: not [r for r in tools() if "sleep 29" in r.command])
    with pool.borrow() as box:
        assert worker not in worker_of(box, below)
        assert sh(box, "echo on").stdout == "on\n"


def test_a_box_in_which_something_went_wrong_is_not_used_again(pool: Pool) -> None:
    with pytest.raises(ZeroDivisionError), pool.borrow() as box:
        raise ZeroDivisionError
    assert not box.alive
    with pool.borrow() as other:
        assert other is not box


def test_an_answer_that_exhausts_its_reader(pool: Pool) -> None:
    doubling = "`define M0 in\n" + "".join(f"`define M{n + 1} `M{n} + `M{n}\n" for n in range(40))
    with contextlib.suppress(Crashed), pool.borrow() as box:  # it may bring its worker down, or be seen through before
        assert box.screen(f"{doubling}module m(input in, output o); assign o = `M40; endmodule", top="m")
    with pool.borrow() as box:
        assert box.screen("module m; endmodule", top="m") is None
        assert "$finish" in str(box.screen("module m; initial $finish; endmodule", top="m"))


# As in most containers: no namespaces, and so no folder of one's own.
FORBIDDEN = (
    "import ctypes; from rtlscribe.checkers import confine; libc = ctypes.CDLL(None); libc.prctl(38, 1, 0, 0, 0)\n"
)
FORBIDDEN += "assert confine._seccomp(libc)\n"
PARENT = """
import sys, time
from rtlscribe.checkers.sandbox import Pool
with Pool().borrow() as box:
    print(box.folder, "folder" in box.measures, flush=True)
    {}
"""
AT_WORK = {
    "a program runs": "box.run(['/bin/sleep', '23'], deadline=time.monotonic() + 60)",
    "the worker waits": "sys.stdin.read()",
}


@pytest.mark.parametrize("case", AT_WORK)
@pytest.mark.parametrize("within", ["", FORBIDDEN], ids=["here", "in a container"])
def test_nothing_outlives_a_parent_that_is_killed(below: Callable, until: Callable, case: str, within: str) -> None:
    before = {running.pid for running in below()}
    command = [sys.executable, "-c", within + PARENT.format(AT_WORK[case])]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as parent:
        assert parent.stdout
        assert parent.stderr
        place, _, own = parent.stdout.readline().decode().strip().rpartition(" ")
        folder = Path(place)
        assert folder.is_dir()
        if case == "a program runs":
            assert until(lambda: [r for r in below() if r.command == "/bin/sleep 23"])
        assert {running.pid for running in below()} - before - {parent.pid}
        parent.kill()
        assert until(lambda: {running.pid for running in below()} <= before)
        assert parent.stderr.read() == b""  # of the workers too: they go without a word
    assert not folder.exists() if own == "True" else not list(folder.iterdir())


def test_what_is_not_closed_ends_with_its_process(below: Callable, until: Callable) -> None:
    before = {running.pid for running in below()}
    script = "from rtlscribe.checkers.sandbox import Pool; pool = Pool(); import time\n"
    script += "with pool.borrow() as box: print(box.run(['/bin/pwd'], deadline=time.monotonic() + 20).stdout)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip()
    assert not Path(done.stdout.strip()).exists()
    assert until(lambda: {running.pid for running in below()} <= before)


SHORT = (
    "from rtlscribe.checkers.sandbox import Pool; import sys, time; pool = Pool(); deadline = time.monotonic() + 20\n"
)


def with_little_memory(script: str, folder: Path) -> str:
    """What a script says whose /dev/shm has 1 MiB, and so has `folder`, its folder for temporary files."""
    mount = 'mount -t tmpfs -o size=1m x /dev/shm && mount -t tmpfs -o size=1m x "$0" && "$@"'
    prefix = ["unshare", "--map-root-user", "--mount", SHELL, "-c", mount, str(folder)]
    if not shutil.which("unshare") or subprocess.run([*prefix, "/bin/true"], capture_output=True).returncode != 0:
        pytest.skip("this system does not allow own mounts")
    command = [*prefix, sys.executable, "-c", script]
    environment = os.environ | {"TMPDIR": str(folder)}
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout


def test_work_folders_lie_elsewhere_where_memory_is_short(tmp_path: Path) -> None:
    """As in a container, whose /dev/shm has 64 MiB."""
    said = with_little_memory(
        f"{SHORT}with pool.borrow() as box: print(box.run(['/bin/pwd'], deadline=deadline))", tmp_path
    )
    assert f"stdout='{tmp_path}/rtlscribe-" in said


def test_a_full_disk_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    """Where others fill it, which is no fault of the answer's."""
    script = f"""{FORBIDDEN}{SHORT}
from rtlscribe.errors import RtlscribeError
with pool.borrow() as box:
    print(box.run(["/bin/echo", "on"], deadline=deadline).stdout)
    with open(sys.argv[1] + "/other", "wb", buffering=0) as other:
        try:
            while other.write(bytes(4096)): pass
        except OSError: pass
    try:
        print(box.run(["/bin/echo", "on"], deadline=deadline))
    except RtlscribeError as error:
        print(error)
""".replace("sys.argv[1]", repr(str(tmp_path)))
    assert with_little_memory(script, tmp_path).split("\n")[-2] == "a check could not be made: No space left on device"

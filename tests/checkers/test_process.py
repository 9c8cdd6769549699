"""One program with limits: how it ended, what it said, and that nothing of it stays."""

import time
from pathlib import Path

import pytest

from rtlscribe.checkers.process import OUTPUT_BYTES, run


def shell(script: str, folder: Path, *, seconds: float = 30.0) -> tuple[int | None, str, str, bool]:
    return run(["/bin/sh", "-c", script], folder, deadline=time.monotonic() + seconds)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo out; echo err >&2", (0, "out\n", "err\n", False)),
        ("exit 3", (3, "", "", False)),
        ("kill -SEGV $$", (-11, "", "", False)),
        ("printf '\\377'", (0, "\ufffd", "", False)),
        ("cat", (0, "", "", False)),  # there is nothing to read
        ("ulimit -c; ulimit -v", (0, "0\n1048576\n", "", False)),
    ],
)
def test_how_it_ended(tmp_path: Path, script: str, expected: tuple[int, str, str, bool]) -> None:
    assert shell(script, tmp_path) == expected


def test_it_runs_in_its_folder(tmp_path: Path) -> None:
    assert shell("pwd", tmp_path)[1] == f"{tmp_path}\n"


def test_too_long_is_killed(tmp_path: Path) -> None:
    assert shell("trap '' TERM; echo begun; while :; do :; done", tmp_path, seconds=0.3) == (None, "begun\n", "", False)


def test_a_deadline_that_has_passed(tmp_path: Path) -> None:
    assert shell("sleep 30", tmp_path, seconds=-1.0)[0] is None


def test_children_do_not_outlive_it(tmp_path: Path) -> None:
    """The leader ends at once; a child of it would write a file later."""
    status, *_ = shell("(trap '' HUP; while [ ! -e go ]; do sleep 0.01; done; touch alive) & exit 0", tmp_path)
    assert status == 0
    (tmp_path / "go").touch()
    time.sleep(0.2)
    assert not (tmp_path / "alive").exists()


def test_output_is_cut(tmp_path: Path) -> None:
    status, out, _, cut = shell(f"head -c {OUTPUT_BYTES} /dev/zero | tr '\\0' x", tmp_path)
    assert (status, len(out), cut) == (0, OUTPUT_BYTES, False)
    status, out, _, cut = shell(f"head -c {OUTPUT_BYTES + 1} /dev/zero | tr '\\0' x", tmp_path)
    assert (status, len(out), cut) == (0, OUTPUT_BYTES, True)


def test_files_are_bounded(tmp_path: Path) -> None:
    shell("head -c 100000000 /dev/zero > big", tmp_path)
    assert (tmp_path / "big").stat().st_size <= 16 * 1024 * 1024


@pytest.mark.parametrize("mode", [None, 0o644])
def test_a_program_that_cannot_be_started(tmp_path: Path, mode: int | None) -> None:
    program = tmp_path / "program"
    if mode:
        program.write_text("#!/bin/sh\n")
        program.chmod(mode)
    with pytest.raises(OSError, match="could not start it"):
        run([str(program)], tmp_path, deadline=time.monotonic() + 30)

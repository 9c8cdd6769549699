"""The sandbox: what it keeps from a program, what it bounds, and what becomes of workers that are brought down."""

import errno
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rtlscribe.checkers.sandbox import Box, Crashed, Edited, Finished, Pool, unsandboxed
from rtlscribe.errors import RtlscribeError

SHELL = "/bin/sh"
MEASURES = {"limits", "namespaces", "folder", "user", "privileges", "files", "calls"}
KIBI, MEBI = 1024, 1024 * 1024
# One mebibyte of text in $s.
MEBIBYTE = "s=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do s=$s$s; done; "


def sh(box: Box, script: str, *, seconds: float = 20.0, large_files: bool = False) -> Finished:
    return box.run([SHELL, "-c", script], deadline=time.monotonic() + seconds, large_files=large_files)


def needs(box: Box, *measures: str) -> None:
    missing = [measure for measure in measures if measure not in box.measures]
    if missing:
        pytest.skip(f"this system does not allow: {', '.join(missing)}")


# What a program is kept from


def test_measures_are_those_of_the_documentation(box: Box) -> None:
    assert "limits" in box.measures
    assert set(box.measures) <= MEASURES
    assert all(box.measures.values())
    assert unsandboxed(box.measures) == (not {"files", "calls"} & set(box.measures))
    assert unsandboxed({"limits": "x", "namespaces": "x"})
    assert not unsandboxed({"calls": "x"})


@pytest.fixture
def idling(box: Box, tools: Callable, until: Callable) -> Iterator[int]:
    """The process id of a program that runs in the box."""
    with ThreadPoolExecutor(1) as thread:
        ran = thread.submit(box.run, ["/bin/sleep", "17"], deadline=time.monotonic() + 12)
        (found,) = until(lambda: [r.pid for r in tools() if r.command == "/bin/sleep 17"])
        # The limit on CPU time is the worker's last act, just after the program has begun.
        assert until(lambda: not re.search(r"Max cpu time +unlimited", Path(f"/proc/{found}/limits").read_text()))
        yield found
        os.kill(found, signal.SIGKILL)
        assert ran.result() == Finished(-signal.SIGKILL, "", "", cut=False)


def fields(pid: int) -> dict[str, str]:
    lines = (line.partition(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: value.strip() for name, _, value in lines}


def test_the_measures_are_in_force(box: Box, idling: int) -> None:
    """What the worker says was done, the kernel says of the program too."""
    process, said = Path(f"/proc/{idling}"), fields(idling)
    limits = dict(re.findall(r"^(Max .*?)  +(\S+)", (process / "limits").read_text(), re.MULTILINE))
    assert int(limits["Max address space"]) <= 1024 * MEBI
    assert int(limits["Max file size"]) <= 16 * MEBI
    assert int(limits["Max open files"]) <= 64
    assert limits["Max core file size"] == "0"
    assert int(limits["Max cpu time"]) <= 14
    needs(box, *MEASURES)
    for kind in ("pid", "net", "mnt", "ipc"):
        assert (process / "ns" / kind).readlink() != Path(f"/proc/self/ns/{kind}").readlink()
    (folder,) = [line for line in (process / "mountinfo").read_text().splitlines() if "/rtlscribe-" in line]
    assert re.search(r"nosuid,nodev,noexec.* tmpfs .*size=65536k", folder)
    assert (said["NoNewPrivs"], said["Seccomp"]) == ("1", "2")
    assert int(said["CapEff"], 16) == int(said["CapPrm"], 16) == 0
    if box.measures["user"] == "nobody":
        assert set(said["Uid"].split()) == set(said["Gid"].split()) == {"65534"}
    else:
        assert int(said["CapBnd"], 16) == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root has powers to lose")
def test_root_keeps_no_powers_where_it_has_to_stay_root(tmp_path: Path, tools: Callable, until: Callable) -> None:
    """Where no one else may read the tools."""
    tmp_path.chmod(0o700)
    pool = Pool([tmp_path])
    with ThreadPoolExecutor(1) as thread, pool.borrow() as box:
        needs(box, "files")
        assert box.measures["user"].startswith("root without capabilities")
        ran = thread.submit(box.run, ["/bin/sleep", "19"], deadline=time.monotonic() + 12)
        (pid,) = until(lambda: [r.pid for r in tools() if r.command == "/bin/sleep 19"])
        said = fields(pid)
        os.kill(pid, signal.SIGKILL)
        ran.result()
    pool.close()
    assert said["Uid"].split() == ["0"] * 4
    assert {int(said[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}


def test_nothing_is_inherited(box: Box, idling: int, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Path(f"/proc/{idling}")
    variables = (process / "environ").read_bytes().decode().rstrip("\0").split("\0")
    assert sorted(v.partition("=")[0] for v in variables) == ["LANG", "PATH", "TMPDIR"]
    assert sorted(os.listdir(process / "fd")) == ["0", "1", "2"]


@pytest.mark.parametrize(
    "script",
    ["read line < {}", "echo x >> {}", "rm {}", "mv {} {}2", "ln {} mine", "ls {}/..", "ln -s {} l; read line < l"],
)
def test_files_of_others_are_out_of_reach(box: Box, script: str) -> None:
    needs(box, "files")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        file.write_text("yours\n")
        file.chmod(0o666)  # it is not their rights that keep it out
        Path(folder).chmod(0o777)
        assert sh(box, f"{script.replace('{}', str(file))}").status != 0
        assert file.read_text() == "yours\n"
        assert list(Path(folder).iterdir()) == [file]


def test_what_it_wrote_cannot_be_started(box: Box) -> None:
    needs(box, "files")
    box.write({"own": "#!/bin/sh\necho ran\n"})
    done = sh(box, "chmod 700 own && ./own")
    assert (done.status, done.stdout) == (126, "")


def test_processes_of_others_are_out_of_reach(pool: Pool, box: Box) -> None:
    needs(box, "namespaces")
    assert sh(box, f"kill -0 {os.getpid()}").status != 0
    assert int(sh(box, "echo $$").stdout) < 1000
    with pytest.raises(Crashed), pool.borrow() as other:
        sh(other, "kill -9 -1")  # all that it can reach: its worker, and that is told
    assert sh(box, "echo on").stdout == "on\n"


# What is bounded


def test_a_program_gets_its_time_and_no_more(box: Box) -> None:
    begun = time.monotonic()
    assert sh(box, "echo begun; while :; do :; done", seconds=0.4).status is None
    assert 0.4 <= time.monotonic() - begun < 5
    assert sh(box, "sleep 3", seconds=-1.0).status is None
    assert sh(box, "echo x") == Finished(0, "x\n", "", cut=False)


@pytest.mark.parametrize("stream", [1, 2])
def test_output_is_cut(box: Box, stream: int) -> None:
    whole = sh(box, f"{MEBIBYTE} printf %.{256 * KIBI}s $s >&{stream}")
    assert (whole.status, len(whole[stream]), whole.cut) == (0, 256 * KIBI, False)
    more = sh(box, f"{MEBIBYTE} printf %.{256 * KIBI + 1}s $s >&{stream}")
    assert (more.status, more[stream], more.cut) == (0, whole[stream], True)
    assert more[3 - stream] == ""


def test_output_that_is_no_text_is_still_shown(box: Box) -> None:
    assert sh(box, r"printf 'a\377\000b'").stdout == "a\ufffd\0b"


def test_files_are_bounded(box: Box) -> None:
    def write(mebibytes: int, *, large_files: bool) -> int | None:
        loop = f"i=0; while [ $i -lt {mebibytes} ]; do i=$((i+1)); printf %s $s; done"
        status = sh(box, f"{MEBIBYTE} {loop} > f", large_files=large_files).status
        sh(box, "rm f")
        return status

    assert write(15, large_files=False) == 0
    assert write(17, large_files=False) == -signal.SIGXFSZ
    assert write(20, large_files=True) == 0
    assert write(49, large_files=True) == -signal.SIGXFSZ


def test_a_program_does_not_keep_the_next_from_its_bounds(box: Box) -> None:
    """Large files are for one program, not for all that come after it."""
    write = f"{MEBIBYTE} for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do printf %s $s; done > f"
    assert sh(box, write, large_files=True).status == 0
    assert sh(box, write).status == -signal.SIGXFSZ


# The folder


LEFT_BEHIND = {
    "files": "echo x > file; echo x > .hidden; echo x > 'a b'; echo x > -rf",
    "a file without rights": "echo x > f; chmod 0 f",
    "folders": "mkdir -p a/b/c; echo x > a/b/c/f",
    "a folder without rights": "mkdir -p a/b; echo x > a/b/f; chmod 0 a/b; chmod 0 a",
    "links": "ln -s / root; ln -s /etc/passwd file; ln -s nowhere nowhere; mkdir d; ln -s / d/root",
    "a pipe": "mkfifo pipe",
    "a name without end": "n=x; for i in 1 2 3 4 5 6; do n=$n$n; done; mkdir -p $n/$n/$n/$n/$n; echo x > $n/$n/$n/f",
    "output where a folder was": "mkdir d; cd d; echo x",
}


@pytest.mark.parametrize("case", LEFT_BEHIND)
def test_the_folder_is_empty_for_the_next(pool: Pool, case: str) -> None:
    with pool.borrow() as box:
        first = sh(box, "pwd").stdout
        assert sh(box, LEFT_BEHIND[case]).status == 0
        assert len(sh(box, "ls -A").stdout.split()) > 2 or case.startswith("output")
    with pool.borrow() as box:
        assert sh(box, "pwd").stdout == first  # the same one again
        assert sh(box, "ls -A").stdout.split() == [".stderr", ".stdout"]


def test_files_go_in_and_out(box: Box) -> None:
    text = "größer\r\n\n漢字 \U0001f600\0 no line end"
    box.write({"one": text, "two": ""})
    assert box.read("one", most=1000) == text
    assert box.read("two", most=0) == ""
    assert box.read("one", most=len(text.encode()) - 1) is None
    assert box.read("three", most=1000) is None
    assert box.read(".", most=1000) is None
    box.write({"one": "shorter"})
    assert box.read("one", most=1000) == "shorter"
    box.run(["/bin/cat"], deadline=time.monotonic() + 20, stdin="one", stdout="copy")
    assert box.read("copy", most=1000) == "shorter"


def test_a_link_is_not_written_through(box: Box, tmp_path: Path) -> None:
    (tmp_path / "yours").write_text("yours")
    sh(box, f"echo x > other; ln -s other laid; ln -s {tmp_path / 'yours'} out")
    for name in ("laid", "out"):
        with pytest.raises(RtlscribeError, match=os.strerror(errno.ELOOP)):
            box.write({name: "y"})
    assert box.read("other", most=9) == "x\n"
    assert (tmp_path / "yours").read_text() == "yours"


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("one", "1"), ("two", "2")], "1 2 3 3 \udcff\n"),
        ([("one", "three")], "three 2 3 3 \udcff\n".replace("2", "two")),
        ([], "one two 3 3 \udcff\n"),
        ([("nowhere", "x")], None),
        ([("3", "x")], None),
        ([("one", "1"), ("nowhere", "x")], None),
    ],
)
def test_a_file_is_made_of_another_where_each_text_is_there_just_once(
    box: Box, pairs: list[tuple[str, str]], expected: str | None
) -> None:
    sh(box, r"printf 'one two 3 3 \377\n' > source")
    cat = ["/bin/cat", "target"]
    done = box.run(cat, files={"target": Edited("source", pairs)}, deadline=time.monotonic() + 10)
    assert (done.status == 0) == (expected is not None)
    assert sh(box, "cat source").stdout == "one two 3 3 \ufffd\n"
    shown = sh(box, "cat target")
    if expected is None:
        assert shown.status != 0
    else:
        assert shown.stdout == expected.replace("\udcff", "\ufffd")


@pytest.mark.parametrize("command", [["/nowhere/at/all"], ["./nowhere"], ["/usr/lib"]])
def test_a_program_that_cannot_be_started_is_an_error(box: Box, command: list[str]) -> None:
    with pytest.raises(RtlscribeError, match=f"a check could not be made: {command[0]}: "):
        box.run(command, deadline=time.monotonic() + 20)
    assert sh(box, "echo on").stdout == "on\n"

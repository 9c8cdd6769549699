"""doctor on systems that allow all that the sandbox is made of, less of it, and nothing: it tells what is so."""

import platform
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rtlscribe import jsonl
from rtlscribe.records import Problem

# A process that may make no namespaces, as in most containers: the sandbox's own filter, laid around it beforehand.
IN_A_CONTAINER = """
import ctypes, sys
from rtlscribe.checkers import confine
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
assert confine._seccomp(libc)
from rtlscribe.cli import main
main(sys.argv[1:])
"""
# One on a system that knows nothing of all this: unshare, prctl and Landlock's first call are answered with EPERM.
ON_AN_OLD_SYSTEM = """
import ctypes, struct, sys
load, equal, give, allow, refuse = 0x20, 0x15, 6, 0x7FFF0000, 0x50001
code = [(load, 0, 0, 0), (equal, 3, 0, 272), (equal, 2, 0, 157), (equal, 1, 0, 444), (give, 0, 0, allow)]
code += [(give, 0, 0, refuse)]
program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, struct.pack("HxxxxxxP", len(code), ctypes.addressof(program)), 0, 0) == 0
from rtlscribe.cli import main
main(sys.argv[1:])
"""
FIRST = "files, memory and network are out of reach"
OTHERS = [
    "a program without end is ended",
    "a flood of output is cut",
    "memory is limited",
    "the work folder is limited",
    "nothing is left running",
]


def began(script: str, *arguments: str | Path, cwd: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd)


def told(out: str, kind: str) -> dict[str, str]:
    """Measures and what they are, or checks and what was seen, of the lines of a kind."""
    found = re.findall(rf"^{kind} +(.*?)(?:: | \(|$)(.*)$", out, re.MULTILINE)
    return dict(found)


@pytest.mark.skipif(platform.system() != "Linux", reason="what is tried here is Linux's")
def test_the_sandbox_is_tried_and_what_leaks_is_told(icarus: str, tmp_path: Path) -> None:
    plain = "import sys; from rtlscribe.cli import main; main(sys.argv[1:])"
    here = began(plain, "doctor", "--sandbox", cwd=tmp_path)
    container = began(IN_A_CONTAINER, "doctor", "--sandbox", cwd=tmp_path)
    for process in (here, container):
        out, err = process.communicate(timeout=120)
        measures, holds, leaks = (told(out, kind) for kind in ("sandbox", "holds", "LEAKS"))
        assert sorted([*holds, *leaks]) == sorted([FIRST, *OTHERS])
        assert (process.returncode, err) == (
            (1, "rtlscribe: the sandbox leaks: judge answers of models that you do not trust elsewhere\n")
            if leaks
            else (0, "")
        )
        # Whatever the system allows, a program's time, output and memory are bounded.
        assert holds.keys() >= set(OTHERS[:3])
        assert (FIRST in holds) == ({"files", "calls"} <= measures.keys())
        assert (OTHERS[3] in holds) == ("folder" in measures)
        assert (OTHERS[4] in holds) == ("namespaces" in measures)
        if process is container:
            assert not {"namespaces", "folder"} & measures.keys()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of the calls are those of x86_64")
def test_no_sandbox_at_all_is_said_loudly(icarus: str, tmp_path: Path, one_problem: Problem, say: Callable) -> None:
    process = began(ON_AN_OLD_SYSTEM, "doctor", cwd=tmp_path)
    out, _ = process.communicate(timeout=60)
    assert set(told(out, "sandbox")) == {"limits", "user"}
    assert "\nUNSANDBOXED answers run with your rights: this needs Linux 5.13 with Landlock, or seccomp\n" in out
    jsonl.write(tmp_path / "p.jsonl", [one_problem])
    model = say([("inverter", one_problem.reference)])
    process = began(ON_AN_OLD_SYSTEM, "evaluate", "p.jsonl", "--model", model, "--output", "o", cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "5 passed" in out
    assert err.startswith("UNSANDBOXED: answers run with your own rights on this machine; see `rtlscribe doctor")


def test_measures_are_told(rtlscribe: Callable, icarus: str) -> None:
    ran = rtlscribe("doctor")
    assert ran.status == 0
    assert re.search(r"^ok +work folders lie in (memory|the system's temporary folder)", ran.out, re.MULTILINE)
    assert told(ran.out, "sandbox")["limits"] == "memory 1 GiB, files 16 MiB"


OLD = '#!/bin/sh\necho "Icarus Verilog version {} (stable) ()"\n'


@pytest.mark.parametrize(
    ("version", "status", "words"),
    [
        ("10.3", 3, "iverilog is version 10.3; 12 is wanted, and 11 will do: apt-get install iverilog"),
        ("0.9.7", 3, "iverilog is version 0.9.7; "),
        ("eleven", 3, "iverilog -V did not tell its version: apt-get install iverilog"),
        ("11.0", 0, ""),
        ("13.0", 0, ""),
    ],
)
def test_a_simulator_that_is_too_old(
    rtlscribe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, status: int, words: str
) -> None:
    for name in ("iverilog", "vvp"):
        (tmp_path / name).write_text(OLD.format(version))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("RTLSCRIBE_ICARUS", str(tmp_path))
    for arguments in (["doctor"], ["evaluate", "held-out", "--model", "scripted:none", "--limit", "1"]):
        ran = rtlscribe(*arguments)
        if status:
            assert ran.status == status
            assert f"{tmp_path}/{words}" in ran.err
        else:
            assert "Icarus" not in ran.err

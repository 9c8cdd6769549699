"""Help, version, doctor and list: quick, and without the heavy libraries."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import rtlscribe as package
from rtlscribe.benchmarks import base as benchmarks
from rtlscribe.cli import COMMANDS, GROUPS

HEAVY = {"torch", "transformers", "matplotlib", "vllm", "ray"}

# Runs the command line in argv, then prints which modules it took.
PRINT_MODULES = """
import json, sys
from rtlscribe.cli import call
status = call(sys.argv[1:])
print("\\n" + json.dumps([status, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def run_and_list_modules(arguments: list[str], folder: Path) -> tuple[int, set[str], str]:
    done = subprocess.run(
        [sys.executable, "-c", PRINT_MODULES, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    status, modules = json.loads(done.stdout.splitlines()[-1])
    return status, set(modules), done.stdout


@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_help_imports_nothing_heavy(command: str, tmp_path: Path) -> None:
    status, modules, out = run_and_list_modules([*command.split(), "--help"], tmp_path)
    assert status == 0
    assert f"Usage: rtlscribe {command}".rstrip() in out
    assert modules & HEAVY == set()
    assert list(tmp_path.iterdir()) == []


def test_light_commands_import_nothing_heavy(tmp_path: Path) -> None:
    for arguments in (["--version"], ["list"]):
        _, modules, _ = run_and_list_modules(arguments, tmp_path)
        assert modules & HEAVY == set()


def test_root_help_names_every_command(rtlscribe: Callable) -> None:
    ran = rtlscribe("--help")
    for command in COMMANDS:
        assert command.partition(" ")[0] in ran.out
    assert rtlscribe().out == ran.out


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ("doctor", "list")])
def test_every_option_is_explained(command: str, rtlscribe: Callable) -> None:
    out = rtlscribe(*command.split(), "--help").out
    assert "--output" in out or command in ("write", "serve", "mcp", "check", "compare")
    assert out.count("--") > 3


def test_version(rtlscribe: Callable) -> None:
    assert rtlscribe("--version") == (0, f"{package.__version__}\n", "")


def test_list(rtlscribe: Callable) -> None:
    ran = rtlscribe("list")
    assert ran.status == 0
    assert [line.split(maxsplit=1) for line in ran.out.splitlines()] == [
        ["models", "box, endpoint, gguf, hf, scripted, vllm"],
        ["checkers", "iverilog, pyslang, scripted, verilator, yosys, yosys-proved"],
        ["benchmarks", ", ".join(sorted(benchmarks.TABLE))],
        ["executors", "pool, ray, serial"],
        ["prompts", "rtlcoder"],
    ]


def test_doctor(rtlscribe: Callable, icarus: str) -> None:
    ran = rtlscribe("doctor")
    assert ran.status == 0
    assert f"ok       Icarus Verilog {icarus} " in ran.out


def test_doctor_tells_the_rest_where_the_simulator_is_missing(
    rtlscribe: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RTLSCRIBE_ICARUS", str(tmp_path))
    ran = rtlscribe("doctor")
    assert ran.status == 3
    assert "pyslang" in ran.out
    assert f"is not in RTLSCRIBE_ICARUS={tmp_path}: apt-get install iverilog" in ran.err


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    script = f'"{sys.executable}" -c "from rtlscribe.cli import main; main()" list | true; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"
    assert done.stderr == ""


def test_output_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    command = [sys.executable, "-c", "from rtlscribe.cli import main; main()", "list"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "rtlscribe: No space left on device\n"

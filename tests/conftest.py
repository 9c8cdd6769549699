"""What all tests share: the data folders, and a shell around the command that is called in this process."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from rtlscribe.checkers.icarus import find_tools
from rtlscribe.cli import call
from rtlscribe.errors import MissingToolError

ROOT = Path(__file__).parents[1]


class Ran(NamedTuple):
    """What a command left: exit status and both streams."""

    status: int
    out: str
    err: str


def needs(package: str) -> None:
    """Skip where a package is not installed. It is not imported: xllamacpp and pyslang abort in one process."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The user's own RTLSCRIBE_TRAIN_SEED and cache are no test's; where the simulator and checkouts lie is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for name in os.environ.keys() - {"RTLSCRIBE_ICARUS", "RTLSCRIBE_VERILOG_EVAL", "RTLSCRIBE_RTLLM"}:
        if name.startswith("RTLSCRIBE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def data() -> Path:
    """tests/data."""
    return ROOT / "tests/data"


@pytest.fixture
def shared() -> Path:
    """Real data sets beside the checkout, which are not part of the project."""
    folder = ROOT / ".." / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data sets are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def icarus() -> str:
    """The version of Icarus Verilog."""
    try:
        return find_tools().version
    except MissingToolError as error:
        pytest.skip(str(error))


@pytest.fixture
def rtlscribe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Runs a command in this process and in tmp_path. Whatever it was told, it must not answer with a traceback."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        status = call([str(a) for a in arguments])
        ran = Ran(status, *capsys.readouterr())
        assert "Traceback" not in ran.err
        return ran

    return run


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., Ran]:
    """Runs the command as a process of its own, in tmp_path."""

    def run(*arguments: str | Path, **environment: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-c", "from rtlscribe.cli import main; main()", *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    return run

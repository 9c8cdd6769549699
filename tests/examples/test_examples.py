"""Every example runs as it stands and shows what it says."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.stem)
def test_it_runs(script: Path) -> None:
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert len(script.read_text().splitlines()) <= 60


def test_only_right_answers_pass() -> None:
    script = str(EXAMPLES / "judge_an_answer.py")
    said = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=True).stdout
    verdicts = {line[:36].strip(): line[36:].split()[0] for line in said.splitlines()[-5:]}
    assert verdicts == {
        "the reference": "passed",
        "the same, fenced, with small talk": "passed",
        "cut off": "syntax_error",
        "a print that claims to pass": "failed",
        "nothing": "no_code",
    }

"""The whole loop in the smallest size: it ends with all it promises, and an interrupted one goes on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

TINY = ["--rows", "240", "--size", "nano", "--epochs", "4", "--candidate-rows", "12", "--problems", "4", "--n", "2"]
TINY += ["--box-epochs", "0.02"]


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rtlscribe", "demo", *TINY, "--output", str(folder)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )


def test_interrupted_and_started_again_it_ends_with_table_module_report_and_commands(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    first = start(home)
    assert first.stderr
    for line in first.stderr:
        if line.startswith("sample: "):
            first.send_signal(signal.SIGINT)
            break
    _, errors = first.communicate(timeout=120)
    assert first.returncode == 130, errors
    assert "Traceback" not in errors
    trained = (home / "mle/model/model.safetensors").stat().st_mtime_ns

    second = start(home)
    said, errors = second.communicate(timeout=240)
    assert second.returncode == 0, errors
    # What was finished is not done again, and the report has all models.
    assert (home / "mle/model/model.safetensors").stat().st_mtime_ns == trained
    for label in ("untrained base", "direct-train (MLE)", "scoring-train", "the model in the box, fine-tuned"):
        assert label in said
        assert label in (home / "report.html").read_text()
    assert "Verdict:" in said
    assert "seed 0" in said
    assert "rtlscribe train --data" in said
    evaluation = json.loads((home / "evaluate-scoring/summary.json").read_text())
    assert (evaluation["problems"], evaluation["completions"]) == (4, 8)
    assert sum(evaluation["statuses"].values()) == 8

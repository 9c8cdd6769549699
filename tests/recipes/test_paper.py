"""recipes/paper/recipe.sh from its first step to its last, with stand-ins for teacher, base model, GPUs and benchmarks.

Minutes long, so it waits for RTLSCRIBE_TEST_RECIPES=1: `make test-recipes`.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import ROOT, needs
from tests.fakes.curriculum import curriculum, designs
from tests.fakes.teacher import serving

from rtlscribe import jsonl
from rtlscribe.designs.generate import generate

pytestmark = pytest.mark.skipif(not os.environ.get("RTLSCRIBE_TEST_RECIPES"), reason="minutes long: make test-recipes")

MODELS = ("base", "mle", "scoring", "4-bit")


@pytest.fixture
def stand_ins(icarus: str, tmp_path: Path) -> dict[str, str]:
    """The environment of the recipe."""
    pytest.importorskip("gguf")
    needs("xllamacpp")
    command = f"{sys.executable} -m rtlscribe"
    held_out = generate(split="held_out", seed=1, levels=("normal",))
    jsonl.write(tmp_path / "bench.jsonl", [next(held_out).problem() for _ in range(4)])
    jsonl.write(tmp_path / "words.jsonl", [design.sample() for design in designs(300)])
    subprocess.run(
        [
            *command.split(),
            "new-model",
            "--data",
            tmp_path / "words.jsonl",
            "--size",
            "nano",
            "--output",
            tmp_path / "new",
        ],
        check=True,
        cwd=ROOT,
    )
    for name in ("mle", "scoring"):
        text = (ROOT / f"recipes/paper/train-{name}.toml").read_text()
        lines = [line for line in text.splitlines() if not line.startswith("deepspeed")]  # wants GPUs
        (tmp_path / f"{name}.toml").write_text("\n".join(lines))
    return {
        "BASE": str(tmp_path / "new/model"),
        "RUNS": str(tmp_path / "runs"),
        "GPUS": "1",
        "RTLSCRIBE": command,
        "TORCHRUN": command,
        "WITH_VLLM": command,
        "WITH_GPTQ": command,
        "ENGINE": "hf",
        "FORMAT": "gguf",
        "MEASURE": str(tmp_path / "bench.jsonl"),
        "DATASET_FLAGS": "--n 24 --initial 8 --together 16",
        "MLE": str(tmp_path / "mle.toml"),
        "SCORING": str(tmp_path / "scoring.toml"),
        "TRAIN_FLAGS": "--epochs 1",
        "SAMPLE_FLAGS": "--max-tokens 24",
        "QUANTIZE_FLAGS": "",
        "EVALUATE_FLAGS": "--max-tokens 24",
    }


def test_the_whole_paper(stand_ins: dict[str, str], tmp_path: Path) -> None:
    def run(**environment: str) -> str:
        done = subprocess.run(
            ["sh", str(ROOT / "recipes/paper/recipe.sh")],
            cwd=ROOT,
            env=os.environ | stand_ins | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stderr

    with serving(curriculum(designs(60)), tmp_path / "s") as server:
        told = run(TEACHER=server.model)
        asked = len(server.requests())
        run(TEACHER=server.model)  # everything is there, so nothing is asked or made again
        assert len(server.requests()) == asked > 0
    assert told.count("paper: ") == 9 + len(MODELS) + 1
    runs = tmp_path / "runs"
    for model in MODELS:
        summary = json.loads((runs / f"bench-{model}/summary.json").read_text())
        assert (summary["problems"], len(summary["settings"])) == (4, 3)
    page = (runs / "report.html").read_text()
    assert all(f"{model} on bench" in page for model in MODELS)


def test_the_shell_reads_it() -> None:
    """Without the names of steps that are not there: the shell's own check, and shellcheck's where it is installed."""
    recipe = str(ROOT / "recipes/paper/recipe.sh")
    subprocess.run(["sh", "-n", recipe], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", recipe], check=True)

"""recipes/box/recipe.sh from its first step to its last, in small: `make test-recipes`, since it takes minutes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import ROOT

from rtlscribe import jsonl
from rtlscribe.designs.generate import generate

RECIPE = ROOT / "recipes/box/recipe.sh"


@pytest.mark.skipif(not os.environ.get("RTLSCRIBE_TEST_RECIPES"), reason="minutes long: make test-recipes")
def test_the_whole_recipe(icarus: str, tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    bench = tmp_path / "bench.jsonl"
    held_out = generate(split="held_out", seed=1, levels=("normal",))
    jsonl.write(bench, [next(held_out).problem() for _ in range(4)])
    command = f"{sys.executable} -m rtlscribe"
    small = {
        "RTLSCRIBE": command,
        "TORCHRUN": f"{sys.executable} -m torch.distributed.run --standalone --nproc-per-node 2 -m rtlscribe",
        "PYTHON": sys.executable,
        "RUNS": str(tmp_path / "runs"),
        "BOX": str(tmp_path / "package/box"),
        "AGAINST": str(bench),
        "MEASURE": str(bench),
        "SIZE": "64x2x4x512",
        "OTHER_ROWS": "50",
        "DATA_FLAGS": "--n 200 --held-out 4 --distinct 1",
        "EVALUATE_FLAGS": "--n 2 --temperature 0.5 --max-tokens 24",
    }

    def run() -> str:
        done = subprocess.run(
            ["sh", str(RECIPE)], cwd=ROOT, env=os.environ | small, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stderr

    told = run()
    assert told.count("box: ") == 21
    shipped = tmp_path / "package/box"
    assert {"config.json", "model.safetensors", "tokenizer.json", "model.gguf"} <= {p.name for p in shipped.iterdir()}
    summary = json.loads((tmp_path / "runs/bench/summary.json").read_text())
    assert summary["problems"] == 4
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/summary.json")}
    run()  # everything is there, so nothing is made again
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_shell_reads_it() -> None:
    subprocess.run(["sh", "-n", RECIPE], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", RECIPE], check=True)

"""Two processes on the CPU have the gradients of one: norms, losses and weights, whatever the loss and the split."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from rtlscribe import jsonl
from rtlscribe.models.hf import load
from rtlscribe.prompts import Template
from rtlscribe.records import Sample
from rtlscribe.summaries import LossEntry
from rtlscribe.training.data import encode
from rtlscribe.training.losses import Objective
from rtlscribe.training.splitting import backward


@pytest.fixture
def launch(tmp_path: Path, base: str, ranked: list[Sample]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `train` on 13 rows in a number of processes, as a user does with torchrun."""
    jsonl.write(tmp_path / "rows.jsonl", ranked[:13])

    def run(processes: int, *options: Any, **environment: str) -> subprocess.CompletedProcess[str]:
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        words = ["train", "--data", "rows.jsonl", "--model", base, "--log-every", "1", *map(str, options)]
        return subprocess.run(
            [sys.executable, *(launcher if processes > 1 else []), "-m", "rtlscribe", *words],
            cwd=tmp_path,
            env=os.environ | {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")} | environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run


def entries(folder: Path) -> list[LossEntry]:
    return list(jsonl.read(folder / "out.jsonl", LossEntry))


def assert_same(folder: Path, other: Path, *, rel: float = 1e-4) -> None:
    told, also = entries(folder), entries(other)
    assert [e.step for e in told] == [e.step for e in also]
    assert [e.loss for e in told] == pytest.approx([e.loss for e in also], rel=rel)
    assert [e.gradient_norm for e in told] == pytest.approx([e.gradient_norm for e in also], rel=rel)
    one, two = (load(str(f / "model"))[0].state_dict() for f in (folder, other))
    for name, tensor in one.items():
        assert torch.allclose(tensor, two[name], atol=1e-5), name


# 13 rows: in the last step of an epoch one process has a row and the other none.
SCORING: Sequence[Any] = ("--loss", "scoring", "--epochs", 2, "--learning-rate", 1e-3, "--mle-reduction", "mean")


def test_two_processes_train_as_one(launch: Callable, tmp_path: Path) -> None:
    one = launch(1, *SCORING, "--batch-size", 4, "--accumulate", 2, "--output", "one")
    assert one.returncode == 0, one.stderr
    two = launch(2, *SCORING, "--batch-size", 2, "--accumulate", 2, "--output", "two", "--json")
    assert two.returncode == 0, two.stderr
    assert_same(tmp_path / "one", tmp_path / "two")
    # The first process alone answers, and tells of progress.
    assert json.loads(two.stdout)["processes"] == 2
    assert two.stderr.count("train (scoring): ") == 1
    assert json.loads((tmp_path / "two/manifest.json").read_text())["attempts"] == 1
    again = launch(2, *SCORING, "--batch-size", 2, "--accumulate", 2, "--output", "two", "--json")
    assert json.loads(again.stdout) == json.loads(two.stdout)


@pytest.mark.parametrize("stage", [2, 3])
def test_deepspeed_trains_as_one_process(launch: Callable, tmp_path: Path, stage: int) -> None:
    pytest.importorskip("deepspeed")
    shipped = Path(__file__).parents[2] / f"recipes/deepspeed/zero{stage}.json"
    # On a CPU its own compiled Adam would be wanted, which takes a minute to build.
    config = json.loads(shipped.read_text()) | {"zero_force_ds_cpu_optimizer": False}
    (tmp_path / "zero.json").write_text(json.dumps(config))
    options = (*SCORING, "--accumulate", 2, "--precision", "fp32")
    one = launch(1, *options, "--batch-size", 4, "--output", "one")
    assert one.returncode == 0, one.stderr
    # What DeepSpeed compiles at its first run lies in the user's own cache, and takes minutes.
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    zero = ("--batch-size", 2, "--output", "two", "--deepspeed", "zero.json")
    two = launch(2, *options, *zero, DS_ACCELERATOR="cpu", XDG_CACHE_HOME=cache)
    assert two.returncode == 0, two.stderr
    assert_same(tmp_path / "one", tmp_path / "two")


@pytest.mark.parametrize("split", ["shared"])
def test_fsdp2_sums_up_all_passes_in_the_last(tmp_path: Path, base: str, ranked: list[Sample], split: str) -> None:
    # By way of torch: on a CPU accelerate would leave FSDP out.
    rows = ranked[:4]
    jsonl.write(tmp_path / "rows.jsonl", rows)
    script = Path(__file__).with_name("sharded.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    done = subprocess.run(
        [*command, base, str(tmp_path / "rows.jsonl"), split, str(tmp_path / "norms.json")],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    model, tokenizer = load(base)
    encoded, _ = encode(rows, tokenizer, Template("rtlcoder"), scoring=True, max_length=500)
    backward(model.train(), encoded, Objective(loss="scoring"), split="none")
    expected = {name: p.grad.norm().item() for name, p in model.named_parameters() if p.grad is not None}
    assert json.loads((tmp_path / "norms.json").read_text()) == pytest.approx(expected, rel=1e-4)

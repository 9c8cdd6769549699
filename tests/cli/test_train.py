"""The command train: what it writes, resumes and refuses, adapters, pass rates on the way, and the published data."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from rtlscribe import jsonl
from rtlscribe.designs.generate import Worded
from rtlscribe.models.hf import load
from rtlscribe.records import Sample
from rtlscribe.samples import read_samples
from rtlscribe.summaries import LossEntry, PassRate
from rtlscribe.training.scratch import Size, build_model

TINY = Size(hidden=32, layers=2, heads=2, vocabulary=400)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def base(designs: list[Worded], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model whose tokenizer has seen the designs."""
    folder = tmp_path_factory.mktemp("base") / "model"
    build_model([d.sample().verilog for d in designs], folder, size=TINY, seed=0)
    return folder


@pytest.fixture
def rows(tmp_path: Path, designs: list[Worded]) -> Path:
    """The designs as samples, each twice."""
    twice = [msgspec.structs.replace(d.sample(), id=f"{d.id}-{k}") for k in range(2) for d in designs]
    jsonl.write(tmp_path / "rows.jsonl", twice)
    return tmp_path / "rows.jsonl"


@pytest.fixture
def train(rtlscribe: Callable, base: Path, rows: Path) -> Callable:
    """Runs `train` on them, into the folder t."""

    def run(*options: Any, status: int = 0) -> Any:
        fixed = ["train", "--data", rows, "--model", base, "--output", "t", "--batch-size", 2, "--epochs", 1]
        ran = rtlscribe(*fixed, "--log-every", 1, "--json", *options)
        assert ran.status == status, ran.err
        return json.loads(ran.out) if status == 0 else ran.err

    return run


def test_a_run_and_its_folder(train: Callable, tmp_path: Path, base: Path) -> None:
    summary = train()
    assert (summary["rows"], summary["steps"], summary["processes"]) == (8, 4, 1)
    told = list(jsonl.read(tmp_path / "t/out.jsonl", LossEntry))
    assert [entry.step for entry in told] == [1, 2, 3, 4]
    assert summary["final_loss"] == told[-1].loss
    assert all(entry.gradient_norm and entry.tokens_per_s and entry.memory_gib for entry in told)
    assert {p.name for p in (tmp_path / "t/model").iterdir()} == {p.name for p in base.iterdir()}
    before, after = load(str(base))[0], load(str(tmp_path / "t/model"))[0]
    assert not torch.equal(before.get_input_embeddings().weight, after.get_input_embeddings().weight)
    assert {p.name for p in (tmp_path / "t").iterdir()} >= {"config.json", "manifest.json", "summary.json", "model"}
    assert "trained by maximum likelihood" in (tmp_path / "t/README.md").read_text()
    assert not (tmp_path / "t/checkpoints").exists()
    assert train() == summary  # finished: nothing is done again


def test_how_it_is_computed_may_change_and_what_may_not(train: Callable, tmp_path: Path) -> None:
    train()
    manifest = json.loads((tmp_path / "t/manifest.json").read_text())
    (tmp_path / "t/manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
    train("--gradient-split", "none", "--split-group", 4, "--gradient-checkpointing")
    assert [e.step for e in jsonl.read(tmp_path / "t/out.jsonl", LossEntry)] == [1, 2, 3, 4]  # none is told twice
    error = train("--compare-weight", 2, status=2)
    assert "compare_weight was 1.0 and is now 2.0" in error


def test_a_model_is_saved_in_the_type_that_it_came_in(
    train: Callable, rtlscribe: Callable, rows: Path, base: Path, tmp_path: Path
) -> None:
    load(str(base))[0].to(torch.bfloat16).save_pretrained(tmp_path / "half")
    load(str(base))[1].save_pretrained(tmp_path / "half")
    ran = rtlscribe("train", "--data", rows, "--model", tmp_path / "half", "--output", "h", "--epochs", 1)
    assert ran.status == 0, ran.err
    assert json.loads((tmp_path / "h/model/config.json").read_text())["dtype"] == "bfloat16"
    assert (tmp_path / "h/model/tokenizer.json").is_file()


def test_adapters_lie_beside_the_model_that_has_them(train: Callable, tmp_path: Path, base: Path) -> None:
    peft = pytest.importorskip("peft")
    train("--lora-rank", 4, "--learning-rate", 0.05)
    merged, tokenizer = load(str(tmp_path / "t/model"))
    beside = peft.PeftModel.from_pretrained(load(str(base))[0], tmp_path / "t/adapter")
    ids = torch.tensor([tokenizer("module top_module(input a);")["input_ids"]])
    with torch.no_grad():
        expected, got = beside(input_ids=ids).logits, merged(input_ids=ids).logits
        before = load(str(base))[0](input_ids=ids).logits
    assert torch.allclose(expected, got, atol=1e-5)
    assert not torch.allclose(before, got, atol=1e-3)


def test_pass_rates_on_the_way_are_told_and_change_nothing(
    train: Callable, icarus: str, tmp_path: Path, problems: Path
) -> None:
    watched: tuple[Any, ...] = ("--evaluate-every", 2, "--evaluate-on", problems, "--evaluate-limit", 2)
    summary = train(*watched, "--evaluate-max-tokens", 8, "--report-to", "")
    rates = list(jsonl.read(tmp_path / "t/pass_rates.jsonl", PassRate))
    assert [(r.step, r.problems, r.completions, r.function) for r in rates] == [(2, 2, 2, 0.0), (4, 2, 2, 0.0)]
    assert [rate["step"] for rate in summary["pass_rates"]] == [2, 4]
    shutil.move(tmp_path / "t", tmp_path / "watched")
    train()
    losses = [[(e.step, e.loss) for e in jsonl.read(tmp_path / f / "out.jsonl", LossEntry)] for f in ("t", "watched")]
    assert losses[0] == losses[1]


def test_a_model_that_learns_is_seen_to_pass(
    rtlscribe: Callable, icarus: str, tmp_path: Path, designs: list[Worded]
) -> None:
    # One short circuit, learnt by heart: the strict checker sees it pass.
    one = min(designs, key=lambda d: len(d.design.reference))
    jsonl.write(tmp_path / "one.jsonl", [one.sample()] * 8)
    jsonl.write(tmp_path / "problems.jsonl", [one.problem()])
    build_model([one.sample().verilog] * 3, tmp_path / "m", size=Size(64, 2, 2, 400), seed=0)
    fixed = ["train", "--data", "one.jsonl", "--model", "m", "--output", "t", "--batch-size", 4, "--epochs", 60]
    learning = ["--optimizer", "muon", "--learning-rate", 0.01, "--mle-reduction", "mean", "--evaluate-every", 120]
    ran = rtlscribe(*fixed, *learning, "--evaluate-on", "problems.jsonl", "--json")
    assert ran.status == 0, ran.err
    (rate,) = json.loads(ran.out)["pass_rates"]
    assert (rate["step"], rate["syntax"], rate["function"]) == (120, 1.0, 1.0)


def test_reports_go_to_tensorboard(train: Callable, tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train("--report-to", "tensorboard")
    (file,) = (tmp_path / "t/tensorboard").rglob("events.*")
    seen = events.EventAccumulator(str(file.parent))
    seen.Reload()
    assert {"train/loss", "train/grad_norm", "train/tokens_per_s", "train/memory_gib"} <= set(seen.Tags()["scalars"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--evaluate-every", 2], "go together"),
        (["--evaluate-every", 2, "--evaluate-on", "rows.jsonl"], "has no testbench"),
        (["--qlora"], "--lora-rank 16"),
        (["--compat", "rtlcoder", "--length-norm", "total", "--score-margin", 0.1], "leave one out"),
        (["--max-length", 10], "longer than --max-length 10"),
        (["--max-length", 600, "--max-prompt-fraction", 0.01], "over --max-prompt-fraction"),
        (["--report-to", "abacus"], "there are: tensorboard, wandb"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(train: Callable, options: list[Any], message: str) -> None:
    assert message in train(*options, status=2)


@pytest.fixture
def reader(shared: Path, tmp_path: Path) -> str:
    """A model whose tokenizer has seen the published samples."""
    texts = [f"{row.instruction}\n{row.verilog}" for row in read_samples(shared / "data_sample.json")]
    build_model(texts, tmp_path / "reader", size=Size(32, 2, 2, 2000), seed=0)
    return str(tmp_path / "reader")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("data_sample.json", []),
        ("scoring_data_sample.json", ["--loss", "scoring"]),
        ("scoring_data_sample.json", ["--loss", "scoring", "--compat", "rtlcoder"]),
    ],
    ids=str,
)
def test_the_published_samples_train_as_they_are(
    rtlscribe: Callable, reader: str, shared: Path, name: str, options: list[str]
) -> None:
    fixed = ["train", "--data", shared / name, "--model", reader, "--output", "t", "--epochs", 1, "--max-length", 700]
    ran = rtlscribe(*fixed, "--split-group", 4, "--json", *options)
    assert ran.status == 0, ran.err
    summary = json.loads(ran.out)
    left_out = sum(count for field, count in summary.items() if field.startswith("dropped_"))
    assert summary["rows"] > 1
    assert summary["rows"] + left_out == len(read_samples(shared / name))


def test_an_mle_file_becomes_a_scoring_file(rtlscribe: Callable, reader: str, shared: Path, tmp_path: Path) -> None:
    data = shared / "data_sample.json"
    drawn = ["--limit", 3, "--n", 3, "--beams", 3, "--max-tokens", 24]
    assert rtlscribe("sample", "--data", data, "--model", reader, *drawn, "--output", "c").status == 0
    assert rtlscribe("score", "--completions", "c", "--data", data, "--output", "s").status == 0
    scored: list[Sample] = read_samples(tmp_path / "s/out.jsonl")
    assert len(scored) == 3
    for row in scored:
        assert row.responses[row.reference or 0] == row.verilog
        assert row.scores[row.reference or 0] == 1.0
    fixed = ["train", "--data", "s/out.jsonl", "--model", reader, "--output", "t", "--epochs", 1, "--loss", "scoring"]
    assert rtlscribe(*fixed).status == 0

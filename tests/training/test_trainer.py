"""Training in small: it learns, adds up gradients rightly, resumes exactly, ranks, and takes less memory's ways too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rtlscribe.errors import UsageError
from rtlscribe.models.base import Request
from rtlscribe.models.hf import HfModel, load
from rtlscribe.prompts import Template
from rtlscribe.records import Sample, Sampling
from rtlscribe.training.data import encode
from rtlscribe.training.hyperparameters import COMPAT, Hyperparameters, resolved
from rtlscribe.training.losses import Objective
from rtlscribe.training.splitting import evaluate
from rtlscribe.training.trainer import arguments, objective, steps

# One epoch in one step: its loss and the norm of its gradient are those of all rows.
WHOLE: dict[str, Any] = {"batch_size": 12, "accumulate": 1, "epochs": 1}


def test_it_learns_to_copy_the_width(base: str, samples: list[Sample], tmp_path: Path, fit: Callable) -> None:
    model, told = fit(base, samples, tmp_path / "c", learning_rate=1e-2, epochs=45, batch_size=8)
    assert told[0].loss > 5
    assert told[-1].loss < 0.5
    assert told[-1].tokens == 45 * sum(row.tokens for row in rows_of(base, samples))
    assert told[-1].tokens_per_s > 0
    assert told[-1].memory_gib > 0
    model.save_pretrained(tmp_path / "m")
    load(base)[1].save_pretrained(tmp_path / "m")
    (said,) = HfModel(str(tmp_path / "m")).complete(
        [Request(problem_id="p", prompt="a wire of 12 bits\n", indices=(0,))], sampling=Sampling(max_tokens=60)
    )
    assert said.finish_reason == "stop"
    assert "input [11:0] a" in said.text


def rows_of(base: str, samples: list[Sample], *, scoring: bool = False) -> list[Any]:
    return encode(samples, load(base)[1], Template("rtlcoder"), scoring=scoring, max_length=500)[0]


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize(
    "settings", [{"loss": "mle"}, {"loss": "scoring"}, {"loss": "scoring", "combine": "multiply"}], ids=str
)
@pytest.mark.parametrize("parts", [{"batch_size": 4, "accumulate": 3}, {"batch_size": 5, "accumulate": 3}], ids=str)
def test_accumulated_batches_weigh_as_one_large_batch(
    base: str,
    ranked: list[Sample],
    samples: list[Sample],
    tmp_path: Path,
    fit: Callable,
    reduction: str,
    settings: dict[str, Any],
    parts: dict[str, int],
) -> None:
    # Gradient norms are compared, not weights: Adam hides a gradient of the wrong scale. Rows are of unlike length, and
    # of the batches of five the last has two.
    rows = ranked[:12] if settings["loss"] == "scoring" else samples[:12]
    settings = settings | {"mle_reduction": reduction}
    _, (whole,) = fit(base, rows, tmp_path / "a", **WHOLE, **settings)
    _, (pieces,) = fit(base, rows, tmp_path / "b", epochs=1, **parts, **settings)
    assert pieces.loss == pytest.approx(whole.loss, rel=1e-5)
    assert pieces.gradient_norm == pytest.approx(whole.gradient_norm, rel=1e-4)
    model, _ = load(base)
    expected = evaluate(
        model,
        rows_of(base, rows, scoring=settings["loss"] == "scoring"),
        objective(resolved(Hyperparameters(**settings))),
    )
    assert whole.loss == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(
    ("split", "group"),
    [
        ("shared", 1),
        ("shared", 2),
        ("shared", "auto"),
        ("candidates", 1),
        ("candidates", 2),
        ("candidates", "auto"),
        ("none", 1),
    ],
)
def test_every_way_to_split_has_the_same_gradients(
    base: str, ranked: list[Sample], tmp_path: Path, fit: Callable, split: str, group: int | str, checkpointing: bool
) -> None:
    _, (whole,) = fit(base, ranked[:12], tmp_path / "a", loss="scoring", gradient_split="none", **WHOLE)
    _, (other,) = fit(
        base,
        ranked[:12],
        tmp_path / "b",
        loss="scoring",
        gradient_split=split,
        split_group=group,
        gradient_checkpointing=checkpointing,
        **WHOLE,
    )
    assert other.loss == pytest.approx(whole.loss, rel=1e-5)
    assert other.gradient_norm == pytest.approx(whole.gradient_norm, rel=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adamw"},
        {"optimizer": "muon"},
        {"loss": "scoring", "epochs": 3.125, "max_length": 100},  # some candidates go together and some alone
        {"lora_rank": 4, "lora_dropout": 0.2, "learning_rate": 1e-2},
        {"precision": "bf16"},
    ],
    ids=str,
)
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    forgetful: str,
    samples: list[Sample],
    ranked: list[Sample],
    tmp_path: Path,
    fit: Callable,
    settings: dict[str, Any],
) -> None:
    if "lora_rank" in settings:
        pytest.importorskip("peft")
    rows = ranked if settings.get("loss") == "scoring" else samples
    # 8 batches an epoch: the checkpoint is in the middle of the third. It ends a window of logged steps.
    every: dict[str, Any] = {
        "learning_rate": 1e-3,
        "epochs": 4,
        "batch_size": 4,
        "checkpoint_every": 10,
        "log_every": 3,
    }
    whole, told = fit(forgetful, rows, tmp_path / "whole", **(every | settings))
    _, before = fit(forgetful, rows, tmp_path / "part", stop_at=25, **(every | settings))
    resumed, after = fit(forgetful, rows, tmp_path / "part", **(every | settings))
    assert before[-1].step == min(27, told[-1].step)
    assert after[0].step == 21  # from the checkpoint at 20 on
    assert [entry[:5] for entry in told if entry.step > 20] == [entry[:5] for entry in after]  # to the last bit
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_half_a_checkpoint_is_left_out(samples: list[Sample], base: str, tmp_path: Path, fit: Callable) -> None:
    settings: dict[str, Any] = {"epochs": 4, "batch_size": 4, "checkpoint_every": 10, "log_every": 1}
    fit(base, samples, tmp_path, stop_at=25, checkpoints_kept=2, **settings)
    assert {p.name for p in tmp_path.glob("checkpoint-*")} == {"checkpoint-10", "checkpoint-20"}
    (tmp_path / "checkpoint-20/trainer_state.json").unlink()
    _, told = fit(base, samples, tmp_path, **settings)
    assert told[0].step == 11


def test_scoring_raises_the_better_candidate_over_the_worse(
    base: str, ranked: list[Sample], tmp_path: Path, fit: Callable
) -> None:
    def loss(model: Any) -> float:
        """How far off the ranking is, likelihood left out: a margin of 0 asks for the right order alone."""
        ranking = Objective(loss="scoring", compare_weight=1e6, compare_margin=0.0)
        return float(evaluate(model.eval(), rows_of(base, ranked, scoring=True), ranking)) / 1e6

    settings: dict[str, Any] = {"learning_rate": 1e-2, "epochs": 3, "batch_size": 4, "split_group": 3}
    model, told = fit(base, ranked, tmp_path / "s", loss="scoring", compare_weight=5.0, **settings)
    assert told[-1].loss < told[0].loss
    assert loss(model) < 0.2 * loss(load(base)[0])


@pytest.mark.parametrize("targets", ["all-linear", "q_proj,v_proj"])
def test_adapters_alone_are_trained(
    base: str, samples: list[Sample], tmp_path: Path, fit: Callable, targets: str
) -> None:
    pytest.importorskip("peft")
    model, told = fit(
        base, samples, tmp_path, lora_rank=4, lora_targets=targets, learning_rate=3e-2, epochs=6, batch_size=8
    )
    assert told[-1].loss < told[0].loss - 0.1
    before = dict(load(base)[0].named_parameters())
    changed = 0
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            changed += bool(parameter.detach().any())
        else:
            assert torch.equal(parameter, before[name.removeprefix("base_model.model.").replace(".base_layer", "")])
    assert changed == 2 * 2 * (7 if targets == "all-linear" else 2)  # two matrices for each layer's linear maps


def test_layers_that_are_not_there_get_no_adapters(
    base: str, samples: list[Sample], tmp_path: Path, fit: Callable
) -> None:
    pytest.importorskip("peft")
    with pytest.raises(UsageError, match=r"no such layers; there are all-linear, .*q_proj"):
        fit(base, samples, tmp_path, lora_rank=4, lora_targets="query")


def test_bf16_is_near_fp32_and_keeps_its_weights_in_it(
    base: str, samples: list[Sample], tmp_path: Path, fit: Callable
) -> None:
    _, (exact,) = fit(base, samples[:12], tmp_path / "a", **WHOLE)
    model, (rounded,) = fit(base, samples[:12], tmp_path / "b", precision="bf16", **WHOLE)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert rounded.loss != exact.loss
    assert rounded.loss == pytest.approx(exact.loss, rel=1e-2)
    assert rounded.gradient_norm == pytest.approx(exact.gradient_norm, rel=5e-2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"precision": "fp16"}, "fp16 needs a GPU"),
        ({"fsdp": Path("f.json")}, "--fsdp works on GPUs"),
        ({"deepspeed": Path("d.json")}, "torchrun --nproc-per-node"),
        ({"report_to": "abacus"}, "there are: tensorboard, wandb"),
    ],
    ids=str,
)
def test_what_this_machine_cannot_do_is_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        arguments(Hyperparameters(**settings), tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"compat": "rtlcoder", "combine": "add", "score_margin": 0.5}, "means --score-margin 0.2, and .* is 0.5"),
        ({"qlora": True}, "--lora-rank"),
        ({"split_group": 0}, "give auto, or 1 or more"),
        ({"deepspeed": Path("d"), "fsdp": Path("f")}, "two ways"),
        ({"deepspeed": Path("d"), "optimizer": "muon"}, "adamw"),
        ({"fsdp": Path("f"), "optimizer": "muon"}, "adamw"),
        ({"deepspeed": Path("d"), "qlora": True, "lora_rank": 4}, "does not go with"),
    ],
    ids=str,
)
def test_options_that_contradict_each_other_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolved(Hyperparameters(**settings))


def test_compat_is_the_public_code() -> None:
    settings = resolved(Hyperparameters(compat="rtlcoder", loss="scoring"))
    assert objective(settings) == Objective.public_code("scoring")
    assert settings.max_prompt_fraction == COMPAT["rtlcoder"]["max_prompt_fraction"]
    assert objective(resolved(Hyperparameters(loss="scoring"))) == Objective(loss="scoring")


@pytest.mark.parametrize(
    ("rows", "batch", "accumulate", "epochs", "processes", "expected"),
    [
        (32, 8, 1, 3.0, 1, 12),
        (33, 8, 1, 3.0, 1, 15),
        (32, 4, 2, 1.0, 1, 4),
        (10, 4, 2, 1.0, 1, 2),
        (32, 8, 1, 0.5, 1, 2),
        (33, 4, 1, 1.0, 2, 5),
        (33, 4, 2, 1.0, 4, 2),
    ],
)
def test_steps_are_counted_as_the_trainer_does(
    rows: int, batch: int, accumulate: int, epochs: float, processes: int, expected: int
) -> None:
    settings = Hyperparameters(batch_size=batch, accumulate=accumulate, epochs=epochs)
    assert steps(rows, settings, processes) == expected

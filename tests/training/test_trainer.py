"""Training in small: it learns, adds up gradients rightly, resumes, and ranks."""

from pathlib import Path
from typing import Any

import pytest
import torch

from rtlscribe.models.base import Request
from rtlscribe.models.hf import HfModel, load
from rtlscribe.prompts import Template
from rtlscribe.records import Sample, Sampling
from rtlscribe.training.data import collate, encode
from rtlscribe.training.hyperparameters import Hyperparameters
from rtlscribe.training.losses import response_log_probabilities
from rtlscribe.training.trainer import LengthBuckets, Progress, steps, train

TEMPLATE = Template("rtlcoder")


def fit(base: str, samples: list[Sample], folder: Path, **settings: Any) -> tuple[Any, list[Progress]]:
    model, tokenizer = load(base)
    hyper = Hyperparameters(mle_reduction="mean", **settings)
    rows, _ = encode(samples, tokenizer, TEMPLATE, scoring=hyper.loss == "scoring", max_length=500)
    told: list[Progress] = []
    return train(model, tokenizer, rows, hyper, folder, tell=told.append), told


def test_it_learns_to_copy_the_width(base: str, samples: list[Sample], tmp_path: Path) -> None:
    model, told = fit(base, samples, tmp_path / "c", learning_rate=1e-2, epochs=30, batch_size=8)
    assert told[0].loss > 5
    assert told[-1].loss < 0.5
    model.save_pretrained(tmp_path / "m")
    load(base)[1].save_pretrained(tmp_path / "m")
    (said,) = HfModel(str(tmp_path / "m")).complete(
        [Request(problem_id="p", prompt="a wire of 12 bits\n", indices=(0,))], sampling=Sampling(max_tokens=60)
    )
    assert said.finish_reason == "stop"
    assert "input [11:0] a" in said.text


def test_accumulated_batches_weigh_as_one_large_batch(base: str, samples: list[Sample], tmp_path: Path) -> None:
    # Gradient norms are compared, not weights: Adam hides a gradient of the wrong scale.
    rows = [s for s in samples if len(s.id) == 7][:8]  # of one length, so that the mean of two means is the mean
    _, (whole, *_) = fit(base, rows, tmp_path / "a", batch_size=8, accumulate=1, epochs=1)
    _, (parts, *_) = fit(base, rows, tmp_path / "b", batch_size=4, accumulate=2, epochs=1)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-4)
    assert parts.gradient_norm == pytest.approx(whole.gradient_norm, rel=1e-3)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_an_interrupted_run_goes_on_from_its_checkpoint(
    base: str, samples: list[Sample], tmp_path: Path, name: str
) -> None:
    settings: dict[str, Any] = {
        "optimizer": name,
        "learning_rate": 1e-3,
        "epochs": 4,
        "batch_size": 4,
        "checkpoint_every": 10,
    }
    whole, _ = fit(base, samples, tmp_path / "whole", **settings)

    class Stop(Exception):
        pass

    model, tokenizer = load(base)
    rows, _ = encode(samples, tokenizer, TEMPLATE, scoring=False, max_length=500)
    hyper = Hyperparameters(mle_reduction="mean", **settings)

    def stop(entry: Progress) -> None:
        if entry.step >= 20:
            raise Stop

    with pytest.raises(Stop):
        train(model, tokenizer, rows, hyper, tmp_path / "part", tell=stop)
    resumed, told = fit(base, samples, tmp_path / "part", **settings)
    assert told[0].step > 10  # it did not begin again
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_scoring_raises_the_better_candidate_over_the_worse(base: str, samples: list[Sample], tmp_path: Path) -> None:
    ranked = [
        Sample(
            id=s.id,
            instruction=s.instruction,
            responses=(s.verilog.replace("assign y = a", "assign y = ~a"), s.verilog),
            scores=(0.2, 1.0),
            reference=1,
        )
        for s in samples
    ]

    def lead(model: Any) -> float:
        """How far the reference leads in length-normalised log-probability, in the row where it leads least."""
        rows, _ = encode(ranked, load(base)[1], TEMPLATE, scoring=True, max_length=500)
        batch = collate(rows, pad=0)
        with torch.no_grad():
            logits = model.eval()(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        log_p, length = response_log_probabilities(logits, batch["labels"])
        p = (log_p / length).view(-1, 2)
        return float((p[:, 1] - p[:, 0]).min())

    settings: dict[str, Any] = {"learning_rate": 3e-3, "epochs": 6, "batch_size": 4}
    model, told = fit(base, ranked, tmp_path / "s", loss="scoring", compare_weight=5.0, **settings)
    assert told[-1].loss < told[0].loss
    assert lead(model) > max(0.0, lead(load(base)[0])) + 0.1


def test_buckets_hold_every_row_once_and_repeat_for_a_seed() -> None:
    lengths = [n * 37 % 101 for n in range(103)]
    order = list(LengthBuckets(lengths, batch=4, seed=1))
    assert sorted(order) == list(range(103))
    assert order == list(LengthBuckets(lengths, batch=4, seed=1))
    later = LengthBuckets(lengths, batch=4, seed=1)
    later.set_epoch(1)
    assert order != list(later)
    spread = [
        max(lengths[i] for i in order[b : b + 4]) - min(lengths[i] for i in order[b : b + 4]) for b in range(0, 96, 4)
    ]
    assert sum(spread) / len(spread) < 15  # of 100, were they not sorted


@pytest.mark.parametrize(
    ("rows", "batch", "accumulate", "epochs", "expected"),
    [(32, 8, 1, 3.0, 12), (33, 8, 1, 3.0, 15), (32, 4, 2, 1.0, 4), (10, 4, 2, 1.0, 2), (32, 8, 1, 0.5, 2)],
)
def test_steps_are_counted_as_the_trainer_does(
    rows: int, batch: int, accumulate: int, epochs: float, expected: int
) -> None:
    settings = Hyperparameters(batch_size=batch, accumulate=accumulate, epochs=epochs)
    assert steps(rows, settings) == expected

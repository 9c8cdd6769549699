"""A model of a few thousand parameters, made once, and a short way to train it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rtlscribe.records import Sample
from rtlscribe.training.scratch import Size, build_model


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    """Rows a model can learn in seconds: the width in the words is the width in the code."""
    return [
        Sample(
            id=f"wire-{width}",
            instruction=f"a wire of {width} bits",
            verilog=f"module w(input [{width - 1}:0] a, output [{width - 1}:0] y); assign y = a; endmodule\n",
        )
        for width in range(2, 34)
    ]


@pytest.fixture(scope="session")
def ranked(samples: list[Sample]) -> list[Sample]:
    """The same with candidates: one that inverts, on some rows one that is cut off, and the reference."""
    rows = []
    for number, sample in enumerate(samples):
        wrong = sample.verilog.replace("assign y = a", "assign y = ~a")
        said = [wrong, sample.verilog[:30], sample.verilog] if number % 3 else [wrong, sample.verilog]
        scores = [0.2, 0.05, 1.0] if number % 3 else [0.2, 1.0]
        rows.append(
            Sample(
                id=sample.id,
                instruction=sample.instruction,
                responses=tuple(said),
                scores=tuple(scores),
                reference=len(said) - 1,
            )
        )
    return rows


@pytest.fixture(scope="session")
def base(samples: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of an untrained model."""
    folder = tmp_path_factory.mktemp("base")
    texts = [s.instruction + "\n" + s.verilog for s in samples]
    build_model(texts, folder, size=Size(hidden=32, layers=2, heads=2, vocabulary=300), seed=0)
    return str(folder)


@pytest.fixture(scope="session")
def forgetful(base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same model with dropout in its attention."""
    folder = tmp_path_factory.mktemp("forgetful") / "model"
    shutil.copytree(base, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"attention_dropout": 0.3}))
    return str(folder)


class Fitted(NamedTuple):
    """What a training run left."""

    model: Any
    told: list[Any]  # of Progress


@pytest.fixture(scope="session")
def fit() -> Callable[..., Fitted]:
    """Trains a model on samples, by way of the functions that the stage calls."""
    from rtlscribe.models.hf import load
    from rtlscribe.prompts import Template
    from rtlscribe.training.adapters import attach
    from rtlscribe.training.data import encode
    from rtlscribe.training.hyperparameters import Hyperparameters, resolved
    from rtlscribe.training.trainer import Hooks, Progress, arguments, train

    def run(
        base: str, samples: list[Sample], folder: Path, *, stop_at: float = float("inf"), **settings: Any
    ) -> Fitted:
        hyper = resolved(Hyperparameters(**{"mle_reduction": "mean", **settings}))
        args = arguments(hyper, folder)
        model, tokenizer = load(base)
        if hyper.lora_rank:
            model = attach(
                model,
                rank=hyper.lora_rank,
                alpha=hyper.lora_alpha,
                dropout=hyper.lora_dropout,
                targets=hyper.lora_targets,
                seed=hyper.seed,
            )
        rows, _ = encode(samples, tokenizer, Template("rtlcoder"), scoring=hyper.loss == "scoring", max_length=500)
        told: list[Progress] = []

        def tell(entry: Progress) -> None:
            told.append(entry)
            if entry.step >= stop_at:
                raise KeyboardInterrupt

        try:
            train(model, tokenizer, rows, hyper, args, hooks=Hooks(tell))
        except KeyboardInterrupt:
            assert told[-1].step >= stop_at
        return Fitted(model, told)

    return run

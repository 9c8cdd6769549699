"""The whole loop in small: data, a model from scratch, training, candidates, scores, scoring training, evaluation.

Calls the stages with the settings of a small machine; each stage is a run folder of its own, so the demo resumes as
they do. Does nothing that the commands do not.
"""

from __future__ import annotations

import importlib.util
import time
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Literal

from cyclopts import Parameter

from rtlscribe import progress
from rtlscribe.cli import write
from rtlscribe.models import box
from rtlscribe.options import Count, FromZero, Positive
from rtlscribe.stages import designs, evaluate, new_model, quantize, report, sample, score, train
from rtlscribe.stages.new_model import SizeName

SENTENCE = "Write an 8-bit up counter with synchronous active-high reset to zero and enable."
# The demo has minutes: it learns those families whose code is short, of every kind. `data designs` has many more.
FAMILIES = (
    "gates", "parity", "extension", "decoder", "gray_code", "one_hot_check",
    "adder", "subtractor", "add_subtract", "multiplier", "comparator", "minimum_maximum", "absolute_difference",
    "constant_arithmetic", "shifter", "accumulator",
    "flip_flop", "shift_register", "up_down_counter", "two_way_counter", "ring_counter",
    "single_port_ram", "edge_detector", "clock_divider", "serial_parity", "moore_table",
)  # fmt: skip
ROWS_IN_THE_TABLE = (
    ("untrained base", "base"),
    ("direct-train (MLE)", "mle"),
    ("scoring-train", "scoring"),
)
# No held-out circuit was in its training data either: which circuits are held out is decided for every seed at once.
FROM_THE_BOX = (
    ("the model in the box", "box"),
    ("the model in the box, fine-tuned", "box-mle"),
)
IN_4_BITS = ("scoring-train, 4 bits (GGUF)", "4-bit")


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe demo`. The defaults take about twenty minutes on two cores."""

    _: KW_ONLY

    output: Path = Path("runs/demo")
    """Folder of the demo's runs; the same command again goes on there."""

    rows: Count = 6000
    """Training rows, each verified by simulation."""

    size: SizeName = "small"
    """Size of the model: nano, small or medium."""

    epochs: Positive = 4.0
    """Passes of the direct training over the rows."""

    box_epochs: FromZero = 0.1
    """Passes of the model that comes with rtlscribe over the rows; 0 leaves it out of the table."""

    candidate_rows: Count = 320
    """Rows for which candidates are drawn and scored."""

    problems: Count = 104
    """Held-out problems to evaluate on."""

    n: Count = 4
    """Completions of each held-out problem."""

    seed: int = 0
    """Seed of data, weights, training and sampling."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


def run(config: Config = Config()) -> str:  # cyclopts wants a default where all fields have one
    """Run the whole loop on this machine and show what came out.

    Generates verified data, trains a small model from scratch on it (direct-train), draws and scores candidates, trains
    on (scoring-train), evaluates all three on held-out circuits by simulation, and with them the model that comes with
    rtlscribe, before and after some training on the same data, and writes a report.
    """
    begun = time.monotonic()
    home = config.output
    progress.note(f"demo: seed {config.seed}, runs under {home}; interrupted, the same command goes on")
    _direct_train(config)
    _scoring_train(config)
    rows = list(ROWS_IN_THE_TABLE)
    for _, name in rows:
        _evaluate(config, name, f"hf:{home / name / 'model'}")
    if all(map(importlib.util.find_spec, ("gguf", "xllamacpp"))):
        rows.append(IN_4_BITS)
        _evaluate(config, IN_4_BITS[1], f"gguf:{_in_4_bits(config)}")
    else:
        progress.note("demo: no row for 4 bits: that wants llama.cpp, pip install -e '.[gguf]'")
    if config.box_epochs:
        epochs = config.box_epochs
        _train_on_data(config, "box-mle", box.FOLDER, epochs=epochs, optimizer="adamw", learning_rate=3e-4)
        rows += FROM_THE_BOX
        _evaluate(config, "box", f"hf:{box.FOLDER}")  # by the engine of the other rows
        _evaluate(config, "box-mle", f"hf:{home / 'box-mle/model'}")
    finished = [f"{label}={home / f'evaluate-{name}'}" for label, name in rows]
    others = ["data", "mle", "score", "scoring", *(["box-mle"] if config.box_epochs else [])]
    runs = (*finished, *(str(home / name) for name in others))
    table = report.run(report.Config(runs, output=home / "report.html", title="rtlscribe demo")).table
    written = write.run(write.Config(SENTENCE, model=f"hf:{home / 'scoring/model'}"))
    minutes = (time.monotonic() - begun) / 60
    return "\n".join(
        [
            "",
            f"Held-out circuits, {config.problems} problems, {config.n} completions each (95 % intervals):",
            "",
            table,
            "",
            f"> {SENTENCE}",
            "",
            written.code.rstrip(),
            "",
            f"Verdict: {written.judgement.told}",
            f"Report:  {home / 'report.html'}",
            f"Time:    {minutes:.1f} minutes, seed {config.seed}",
            "",
            _the_same_with_a_real_model(home),
        ]
    )


def _direct_train(config: Config) -> None:
    """Data, the untrained base and direct-train, each in a folder of its own."""
    home, seed, fresh = config.output, config.seed, config.fresh
    designs.run(
        designs.Config(
            n=config.rows,
            held_out=config.problems,
            families=FAMILIES,
            wording="plain",
            seed=seed,
            output=home / "data",
            fresh=fresh,
        )
    )
    data = home / "data/out.jsonl"
    new_model.run(new_model.Config(data=data, size=config.size, seed=seed, output=home / "base", fresh=fresh))
    _train_on_data(config, "mle", home / "base/model", epochs=config.epochs, optimizer="muon", learning_rate=5e-3)


def _train_on_data(
    config: Config, name: str, model: Path, *, epochs: float, optimizer: Literal["adamw", "muon"], learning_rate: float
) -> None:
    """Maximum likelihood of the demo's rows, from untrained weights or from those of the model in the box."""
    train.run(
        train.Config(
            data=config.output / "data/out.jsonl",
            model=str(model),
            optimizer=optimizer,
            learning_rate=learning_rate,
            epochs=epochs,
            batch_size=8,
            max_length=640,
            mle_reduction="mean",
            seed=config.seed,
            output=config.output / name,
            fresh=config.fresh,
        )
    )


def _scoring_train(config: Config) -> None:
    """Candidates of direct-train, their scores and scoring-train, each in a folder of its own."""
    home, seed, fresh = config.output, config.seed, config.fresh
    problems = home / "data/problems.jsonl"
    sample.run(
        sample.Config(
            data=problems,
            model=str(home / "mle/model"),
            n=3,
            beams=3,
            max_tokens=320,
            limit=config.candidate_rows,
            batch_size=96,
            output=home / "candidates",
            fresh=fresh,
        )
    )
    score.run(
        score.Config(
            completions=home / "candidates", data=problems, rule="function", output=home / "score", fresh=fresh
        )
    )
    train.run(
        train.Config(
            data=home / "score/out.jsonl",
            model=str(home / "mle/model"),
            loss="scoring",
            compare_weight=0.1,
            learning_rate=3e-4,
            epochs=1.0,
            batch_size=4,
            max_length=640,
            mle_reduction="mean",
            seed=seed,
            output=home / "scoring",
            fresh=fresh,
        )
    )


def _in_4_bits(config: Config) -> str:
    """The scoring-trained model as a GGUF file."""
    home = config.output
    made = quantize.run(
        quantize.Config(str(home / "scoring/model"), format="gguf", output=home / IN_4_BITS[1], fresh=config.fresh)
    )
    return made.output


def _evaluate(config: Config, name: str, model: str) -> None:
    evaluate.run(
        evaluate.Config(
            str(config.output / "data/held_out.jsonl"),
            model=model,
            n=config.n,
            max_tokens=320,
            batch_size=128,
            seed=config.seed,
            output=config.output / f"evaluate-{name}",
            fresh=config.fresh,
        )
    )


def _the_same_with_a_real_model(home: Path) -> str:
    data = home / "data"
    return f"""The same with a model of your own (MODEL: a folder or a name on the hub), best on a GPU:

  rtlscribe train --data {data}/out.jsonl --model MODEL --output runs/mle
  rtlscribe sample --data {data}/problems.jsonl --model runs/mle/model --limit 1000 --output runs/candidates
  rtlscribe score --completions runs/candidates --data {data}/problems.jsonl --rule function --output runs/score
  rtlscribe train --data runs/score/out.jsonl --model runs/mle/model --loss scoring --output runs/scoring
  rtlscribe evaluate held-out --model hf:runs/mle/model --n 20 --output runs/evaluate-mle
  rtlscribe evaluate held-out --model hf:runs/scoring/model --n 20 --output runs/evaluate-scoring
  rtlscribe report runs/evaluate-mle runs/evaluate-scoring
  rtlscribe write "an 8-bit up counter with enable" --model hf:runs/scoring/model"""

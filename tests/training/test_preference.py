"""Preferences in small: the pairs are those wanted, and training moves the model towards what scored higher."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("trl", reason="needs the extra rl")

from rtlscribe.errors import UsageError
from rtlscribe.models.hf import load
from rtlscribe.prompts import Template
from rtlscribe.records import Sample
from rtlscribe.training.preference import Pair, pair, steps, train
from rtlscribe.training.rl_settings import PreferenceSettings

TEMPLATE = Template("rtlcoder")


def row(*scores: float, reference: int | None = None) -> Sample:
    texts = tuple(f"module m{k}; endmodule" for k in range(len(scores)))
    return Sample(id="x", instruction="y", responses=texts, scores=scores, reference=reference)


@pytest.mark.parametrize(
    ("settings", "sample", "expected"),
    [
        ({}, row(0.2, 0.5, 1.0), [(2, 0)]),
        ({}, row(1.0, 0.2, 0.2, 1.0, reference=3), [(0, 1)]),  # of equal scores the first, here not the reference
        ({}, row(1.0, 1.0), []),
        ({}, row(0.5), []),
        ({"pairs": "all"}, row(0.2, 0.5, 1.0), [(2, 1), (2, 0), (1, 0)]),
        ({"pairs": "all"}, row(0.2, 1.0, 0.2), [(1, 0), (1, 2)]),
        ({"pairs": "all", "score_margin": 0.4}, row(0.2, 0.5, 1.0), [(2, 1), (2, 0)]),
        ({"score_margin": 0.9}, row(0.2, 1.0), []),
        ({"own_answers": True}, row(0.2, 0.5, 1.0, reference=2), [(1, 0)]),
        ({"own_answers": True}, row(0.2, 0.2, 1.0, reference=2), []),
    ],
)
def test_pairs(base: str, settings: dict[str, Any], sample: Sample, expected: list[tuple[int, int]]) -> None:
    _, tokenizer = load(base)
    always = row(0.0, 1.0)  # so that something is left
    pairs, unpaired = pair([sample, always], tokenizer, TEMPLATE, PreferenceSettings(**settings))
    found = [tuple(tokenizer.decode(ids) for ids in (p.prompt, p.chosen, p.rejected)) for p in pairs[: len(expected)]]
    assert found == [("y\n", *(f"module m{k}; endmodule<|end|>" for k in two)) for two in expected]
    assert len(pairs) == len(expected) + (0 if settings.get("score_margin", 0) >= 1 else 1)
    assert unpaired.nothing_to_prefer == (not expected)


def test_long_responses_are_left_out_and_counted(base: str) -> None:
    _, tokenizer = load(base)
    sample = row(0.1, 0.5, 1.0)
    long = Sample(
        id="x", instruction="y", responses=(sample.responses[0] * 50, *sample.responses[1:]), scores=sample.scores
    )
    (only,), unpaired = pair([long], tokenizer, TEMPLATE, PreferenceSettings(max_length=100))
    assert (tokenizer.decode(only.rejected), unpaired.too_long) == ("module m1; endmodule<|end|>", 1)


@pytest.mark.parametrize(
    ("sample", "settings", "message"),
    [
        (row(), {}, "rtlscribe score"),
        (Sample(id="x", instruction="y", responses=("module m; endmodule",)), {}, "1 responses and 0 scores"),
        (row(1.0, 1.0), {}, "no pair is left to train on: of 1 rows, 1 have no two"),
        (row(0.0, 1.0), {"max_length": 3}, "2 responses are longer than --max-length 3"),
    ],
)
def test_nothing_to_train_on(base: str, sample: Sample, settings: dict[str, Any], message: str) -> None:
    _, tokenizer = load(base)
    with pytest.raises(UsageError, match=message):
        pair([sample], tokenizer, TEMPLATE, PreferenceSettings(**settings))


@pytest.fixture
def pairs(base: str, samples: list[Sample]) -> list[Pair]:
    """Right before inverted, at every width."""
    rows = [
        Sample(
            id=s.id,
            instruction=s.instruction,
            responses=(s.verilog.replace("assign y = a", "assign y = ~a"), s.verilog),
            scores=(0.3, 1.0),
        )
        for s in samples
    ]
    found, _ = pair(rows, load(base)[1], TEMPLATE, PreferenceSettings())
    return found


def lead(model: Any, pairs: list[Pair]) -> float:
    """How far chosen leads rejected in log-probability, on average."""
    total = 0.0
    for prompt, *responses in pairs:
        log_p = []
        for response in responses:
            ids = torch.tensor([prompt + response])
            with torch.no_grad():
                table = torch.log_softmax(model.eval()(input_ids=ids).logits[0, len(prompt) - 1 : -1], dim=-1)
            log_p.append(float(table.gather(1, torch.tensor(response)[:, None]).sum()))
        total += log_p[0] - log_p[1]
    return total / len(pairs)


@pytest.mark.parametrize("settings", [{}, {"accumulate": 2}, {"loss": "ipo"}, {"lora_rank": 4, "learning_rate": 1e-2}])
def test_training_raises_the_better_answer_over_the_worse(
    base: str, pairs: list[Pair], tmp_path: Path, settings: dict[str, Any]
) -> None:
    model, tokenizer = load(base)
    before = lead(model, pairs)
    told: list[tuple[int, dict[str, float]]] = []
    hyper = PreferenceSettings(**{"learning_rate": 3e-3, "epochs": 3, "log_every": 1} | settings)
    trained = train(model, tokenizer, pairs, hyper, tmp_path, tell=lambda step, logs: told.append((step, logs)))
    assert [step for step, _ in told] == list(range(1, steps(len(pairs), hyper) + 1))
    first, last = told[0][1], told[-1][1]
    assert first["rewards/margins"] == pytest.approx(0, abs=1e-4)  # nothing has been learnt yet
    assert last["loss"] < first["loss"]
    assert last["rewards/accuracies"] == 1.0
    after = lead(trained, pairs)
    assert after > before + 1
    # TRL's margin is beta x this very lead, so both see the same tokens, none cut and none added.
    assert last["rewards/margins"] / hyper.beta == pytest.approx(after - before, rel=0.35)
    assert not hasattr(trained, "peft_config")


def test_interrupted_training_goes_on_from_its_checkpoint(
    base: str, pairs: list[Pair], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hyper = PreferenceSettings(learning_rate=3e-3, epochs=3, log_every=1, checkpoint_every=3)

    class Stop(Exception):
        pass

    def run(folder: Path, tell: Callable[[int, dict[str, float]], None]) -> Any:
        return train(*load(base), pairs, hyper, folder, tell=tell)

    def stop(step: int, logs: dict[str, float]) -> None:
        if step == 5:
            raise Stop

    whole: dict[int, float] = {}
    run(tmp_path / "whole", lambda step, logs: whole.update({step: logs["loss"]}))
    with pytest.raises(Stop):
        run(tmp_path / "part", stop)
    resumed: dict[int, float] = {}
    run(tmp_path / "part", lambda step, logs: resumed.update({step: logs["loss"]}))
    assert min(resumed) == 4
    assert resumed == pytest.approx({step: loss for step, loss in whole.items() if step >= 4}, rel=1e-4)
    assert capsys.readouterr().out == ""

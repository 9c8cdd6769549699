"""Reinforcement in small: what earns more becomes likelier, resumes, and refuses numbers that do not go together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("trl", reason="needs the extra rl")

from rtlscribe.errors import UsageError
from rtlscribe.models.hf import load
from rtlscribe.prompts import Template
from rtlscribe.records import Problem
from rtlscribe.training.reinforce import prompts, train
from rtlscribe.training.rl_settings import ReinforceSettings

TEMPLATE = Template("rtlcoder")
PROBLEMS = [Problem(id=f"p{n}", text="a wire " * n) for n in range(1, 5)]


def letters(problem_ids: Sequence[str], texts: Sequence[str]) -> list[float | None]:
    """The share of signs that are letters: what an untrained model says has some."""
    return [sum(c.isascii() and c.isalpha() for c in text) / max(1, len(text)) for text in texts]


def likelihood_of_a_letter(model: Any, tokenizer: Any, ids: list[int]) -> float:
    """Probability of tokens that are letters, as the first of a completion."""
    with torch.no_grad():
        p = torch.softmax(model.eval()(input_ids=torch.tensor([ids])).logits[0, -1], dim=-1)
    texts = [tokenizer.decode([i]) for i in range(len(p))]
    return sum(float(p[i]) for i, text in enumerate(texts) if text.isascii() and text.isalpha())


SMALL: dict[str, Any] = {
    "steps": 12,
    "batch_size": 2,
    "group": 8,
    "max_tokens": 8,
    "learning_rate": 3e-2,
    "log_every": 1,
    "checkpoint_every": 4,
}


@pytest.mark.parametrize(
    ("settings", "gain"),
    [
        ({}, 0.1),
        ({"accumulate": 2}, 0.1),
        ({"beta": 0.01}, 0.05),
        ({"lora_rank": 8, "learning_rate": 2e-1}, 0.003),  # the untrained output layer, left as it is, allows no more
    ],
)
def test_what_earns_more_becomes_likelier(base: str, tmp_path: Path, settings: dict[str, Any], gain: float) -> None:
    model, tokenizer = load(base)
    ids, left_out = prompts(PROBLEMS, tokenizer, TEMPLATE, max_tokens=100)
    assert (list(ids), left_out) == (["p1", "p2", "p3", "p4"], 0)
    before = likelihood_of_a_letter(model, tokenizer, ids["p1"])
    asked: list[str] = []
    told: list[dict[str, float]] = []

    def reward(problem_ids: Sequence[str], texts: Sequence[str]) -> list[float | None]:
        asked.extend(problem_ids)
        return letters(problem_ids, texts)

    hyper = ReinforceSettings(**SMALL | settings)
    trained = train(
        model,
        tokenizer,
        ids,
        hyper,
        tmp_path,
        reward=reward,
        tell=lambda step, logs: told.append({"step": step} | logs),
    )
    assert [entry["step"] for entry in told] == list(range(1, 13))
    assert len(asked) == 12 * 2 * 8
    assert {asked.count(name) for name in ids} == {6 * 8}  # every problem in its turn
    assert likelihood_of_a_letter(trained, tokenizer, ids["p1"]) > before + gain
    assert all(0 < entry["reward"] < 1 for entry in told)
    assert not hasattr(trained, "peft_config")


def test_what_cannot_be_judged_teaches_nothing(base: str, tmp_path: Path) -> None:
    model, tokenizer = load(base)
    before = [p.detach().clone() for p in model.parameters()]
    ids, _ = prompts(PROBLEMS, tokenizer, TEMPLATE, max_tokens=100)
    trained = train(
        model,
        tokenizer,
        ids,
        ReinforceSettings(**SMALL | {"steps": 1}),
        tmp_path,
        reward=lambda problem_ids, texts: [None] * len(texts),
        tell=lambda step, logs: None,
    )
    assert all(torch.equal(a, b) for a, b in zip(before, trained.parameters(), strict=True))


def test_a_judge_that_fails_stops_it_and_it_goes_on_from_its_checkpoint(
    base: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(Exception):
        pass

    calls = 0

    def reward(problem_ids: Sequence[str], texts: Sequence[str]) -> list[float | None]:
        nonlocal calls
        calls += 1
        if calls == 7:
            raise Broken
        return letters(problem_ids, texts)

    def run(folder: Path, judge: Any) -> dict[int, float]:
        model, tokenizer = load(base)
        ids, _ = prompts(PROBLEMS, tokenizer, TEMPLATE, max_tokens=100)
        told: dict[int, float] = {}

        def tell(step: int, logs: dict[str, float]) -> None:
            told[step] = logs["reward"]

        train(model, tokenizer, ids, ReinforceSettings(**SMALL), folder, reward=judge, tell=tell)
        return told

    with pytest.raises(Broken):
        run(tmp_path / "part", reward)
    resumed = run(tmp_path / "part", reward)
    assert (min(resumed), max(resumed)) == (5, 12)
    whole = run(tmp_path / "whole", letters)
    assert resumed == pytest.approx({step: reward for step, reward in whole.items() if step >= 5}, abs=1e-6)
    assert capsys.readouterr().out == ""


def test_long_prompts_are_left_out_and_counted(base: str) -> None:
    _, tokenizer = load(base)
    longest = len(prompts(PROBLEMS, tokenizer, TEMPLATE, max_tokens=100)[0]["p4"])
    ids, left_out = prompts(PROBLEMS, tokenizer, TEMPLATE, max_tokens=longest - 1)
    assert (list(ids), left_out) == (["p1", "p2", "p3"], 1)
    with pytest.raises(UsageError, match="all 4 prompts are longer than --max-prompt 1 tokens"):
        prompts(PROBLEMS, tokenizer, TEMPLATE, max_tokens=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"group": 1}, "--group 1"),
        ({"accumulate": 3}, "--accumulate 3 does not divide the 16 completions of a step"),
    ],
)
def test_numbers_that_do_not_go_together(base: str, tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    model, tokenizer = load(base)
    ids, _ = prompts(PROBLEMS, tokenizer, TEMPLATE, max_tokens=100)
    hyper = ReinforceSettings(**SMALL | settings)
    with pytest.raises(UsageError, match=message):
        train(model, tokenizer, ids, hyper, tmp_path, reward=letters, tell=lambda step, logs: None)

"""bench transform: a line for each setting, those that fail named, only what is owed measured again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

WORDS = "The module passes its input on to its output."


@pytest.fixture
def command(say: Callable[..., str], tmp_path: Path) -> list[str]:
    say([("*", WORDS)], name="good.jsonl")
    (tmp_path / "d.json").write_text(json.dumps([{"instruction": f"Build circuit {n}."} for n in range(5)]))
    return ["bench", "transform", "--output", "b", "--options", "--workers 1 --seed 3"]


def test_a_setting_that_fails_is_named_and_owed(
    rtlscribe: Callable, say: Callable[..., str], tmp_path: Path, command: list[str]
) -> None:
    models = "scripted:good.jsonl,scripted:later.jsonl"
    command += ["--json-file", "d.json", "--model", models, "--max-model-len", "0", "--prefix-caching", "on"]
    ran = rtlscribe(*command, "--json")
    assert ran.status == 0, ran.err
    first = json.loads(ran.out)
    assert (first["settings"], first["measured"], first["failed"]) == (2, 1, 1)
    table = (tmp_path / "b/table.md").read_text()
    assert table.startswith(
        "### vLLM Tensor Parallelism 1x (with full model size)\n\n- good (prefix caching): 5 prompts @"
    )
    assert "- later (prefix caching): failed: cannot read later.jsonl: " in table
    good = (tmp_path / "b/out.jsonl").read_text()
    say([("*", WORDS)], name="later.jsonl")
    second = json.loads(rtlscribe(*command, "--json").out)
    assert (second["settings"], second["measured"], second["failed"]) == (2, 2, 0)
    lines = (tmp_path / "b/out.jsonl").read_text()
    assert lines.startswith(good)  # what was measured is not measured again
    assert lines.count("\n") == 2
    assert json.loads(rtlscribe(*command, "--json").out) == second  # a finished run
    assert json.loads((tmp_path / "b/settings/2/run/config.json").read_text())["seed"] == 3


def test_every_combination_is_measured(rtlscribe: Callable, tmp_path: Path, command: list[str]) -> None:
    command += ["--json-file", "d.json", "--model", "scripted:good.jsonl", "--prefix-caching", "off"]
    summary = json.loads(
        rtlscribe(*command, "--max-model-len", "0,512", "--max-num-batched-tokens", "64", "--json").out
    )
    assert (summary["settings"], summary["measured"]) == (2, 2)
    table = (tmp_path / "b/table.md").read_text()
    assert [line.partition(": ")[0] for line in table.splitlines() if line] == [
        "### vLLM Tensor Parallelism 1x (with full model size)",
        "- good (no prefix caching, 64 batched tokens)",
        "### vLLM Tensor Parallelism 1x (with max model size of 512)",
        "- good (no prefix caching, 64 batched tokens)",
    ]
    keys = [json.loads(line)["key"] for line in (tmp_path / "b/out.jsonl").read_text().splitlines()]
    given = "--model scripted:good.jsonl --num-gpus 1 --no-prefix-caching"
    assert keys == [f"{given} --max-num-batched-tokens 64", f"{given} --max-model-len 512 --max-num-batched-tokens 64"]
    assert summary["quickest"].startswith("vLLM Tensor Parallelism 1x (with ")


WRONG = {
    "no number": (["--num-gpus", "1,two"], "--num-gpus two: whole numbers from 1 on are wanted"),
    "no GPU": (["--num-gpus", "0"], "--num-gpus 0: whole numbers from 1 on"),
    "no switch": (["--prefix-caching", "yes"], "--prefix-caching yes: there are on, off"),
    "nothing": (["--max-model-len", ","], "--max-model-len names nothing"),
    "no file": (["--json-file", "none.json"], "json_file: there is no none.json"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_options_are_named(rtlscribe: Callable, tmp_path: Path, command: list[str], case: str) -> None:
    options, message = WRONG[case]
    options += [] if "--json-file" in options else ["--json-file", "d.json"]
    ran = rtlscribe(*command, "--model", "scripted:good.jsonl", *options)
    assert (ran.status, message in ran.err) == (2, True)
    assert not (tmp_path / "b/out.jsonl").exists()

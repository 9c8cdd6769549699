"""Where an option comes from: command line, environment, file, default, in this order."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

DESIGNS = ["data", "designs", "--no-verify", "--json"]


def rows(rtlscribe: Callable, *arguments: str) -> int:
    ran = rtlscribe(*DESIGNS, *arguments, "--fresh", "--output", "out")
    assert ran.status == 0
    return json.loads(ran.out)["rows"]


def test_order_of_sources(rtlscribe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.toml").write_text("n = 2\n")
    (tmp_path / "c.json").write_text('{"n": 3, "workers": null}')
    assert rows(rtlscribe, "--config", "c.toml") == 2
    assert rows(rtlscribe, "--config=c.toml") == 2
    assert rows(rtlscribe, "--config", "c.json") == 3
    assert rows(rtlscribe, "--config", "c.toml", "--n", "4") == 4
    monkeypatch.setenv("RTLSCRIBE_DATA_DESIGNS_N", "5")
    assert rows(rtlscribe) == 5
    assert rows(rtlscribe, "--config", "c.toml") == 5
    assert rows(rtlscribe, "--config", "c.toml", "--n", "4") == 4


def test_config_of_a_run_repeats_it(rtlscribe: Callable, tmp_path: Path) -> None:
    assert rtlscribe(*DESIGNS, "--n", "3", "--seed", "7", "--output", "one").status == 0
    config = json.loads((tmp_path / "one/config.json").read_text())
    assert config == {
        "n": 3,
        "held_out": 0,
        "families": [],
        "seed": 7,
        "answers": 0,
        "wrong": 0.25,
        "verify": False,
    } | {"unseen": "no", "wording": "rich", "names": "family", "styles": "usual", "distinct": 1.0, "against": []} | {
        "threshold": 0.5
    }
    assert rtlscribe("data", "designs", "--config", "one/config.json", "--output", "two").status == 0
    for name in ("out.jsonl", "problems.jsonl", "config.json"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_config_of_an_evaluation_repeats_it(
    rtlscribe: Callable, problems: Path, references: str, tmp_path: Path
) -> None:
    first = rtlscribe(
        "evaluate", problems, "--model", references, "--checker", "scripted", "--n", 2, "--output", "one", "--json"
    )
    assert first.status == 0
    again = rtlscribe("evaluate", "--config", "one/config.json", "--output", "two", "--json")
    assert json.loads(again.out) == json.loads(first.out) | {"output": "two/out.jsonl"}
    assert (tmp_path / "two/config.json").read_bytes() == (tmp_path / "one/config.json").read_bytes()


# name of the file, content, words
WRONG = {
    "unknown key": ("c.toml", "rows = 3\n", ["rows", "c.toml"]),
    "unknown key in JSON": ("c.json", '{"rows": 3}', ["rows", "c.json"]),
    "wrong value": ("c.toml", 'n = "many"\n', ["many", "int", "c.toml"]),
    "wrong value in JSON": ("c.json", '{"n": "many"}', ["many", "int", "c.json"]),
    "no TOML": ("c.toml", "n = = 3\n", ["line 1"]),
    "no JSON": ("c.json", "{n: 3}", ["c.json is neither TOML (by its name) nor JSON"]),
    "neither": ("c.yaml", "n: 3\n", ["c.yaml is neither TOML (by its name) nor JSON"]),
    "a list": ("c.json", "[3]", ["c.json holds no JSON object"]),
    "no text": ("c.json", b"\xff\xfe", ["c.json"]),
    "not there": ("", "", ["--config", "there is no such file"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_file(case: str, rtlscribe: Callable, tmp_path: Path) -> None:
    name, content, words = WRONG[case]
    if name:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = rtlscribe(*DESIGNS, "--config", name or "none.toml", "--output", "out")
    assert (ran.status, ran.out) == (2, "")
    message = ran.err.replace("│", " ").replace("\n", " ")
    assert [word for word in words if "".join(word.split()) not in "".join(message.split())] == []
    assert not (tmp_path / "out").exists()


def test_config_without_a_file(rtlscribe: Callable) -> None:
    ran = rtlscribe(*DESIGNS, "--config")
    assert ran.status == 2
    assert "--config wants a file" in ran.err


def test_wrong_value_in_the_environment_is_named(rtlscribe: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTLSCRIBE_DATA_DESIGNS_N", "many")
    ran = rtlscribe(*DESIGNS, "--output", "out")
    assert ran.status == 2
    assert "RTLSCRIBE_DATA_DESIGNS_N" in ran.err

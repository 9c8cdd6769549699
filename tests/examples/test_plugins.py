"""The plug-ins of the pages "Add a ...", entered as pip enters a package, and used by name."""

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "examples/plugins"
PROBLEMS = PLUGINS / "benchmark/problems"


@pytest.fixture
def _installed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The three packages in a folder of the path, each with the entry points of its pyproject.toml."""
    place = tmp_path_factory.mktemp("packages")
    for folder in PLUGINS.iterdir():
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        for module in folder.glob("*.py"):
            shutil.copy(module, place)
        install(place, project["name"], project["entry-points"])
    monkeypatch.syspath_prepend(place)


def install(place: Path, name: str, groups: dict[str, dict[str, str]]) -> None:
    info = place / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in groups.items()]
    (info / "entry_points.txt").write_text("".join(lines))


@pytest.mark.usefixtures("_installed")
def test_they_are_listed(rtlscribe: Callable) -> None:
    offered = dict(line.split(maxsplit=1) for line in rtlscribe("list").out.splitlines())
    assert "program" in offered["models"].split(", ")
    assert "house-rules" in offered["checkers"].split(", ")
    assert "our-problems" in offered["benchmarks"].split(", ")


@pytest.mark.usefixtures("_installed")
def test_model_on_benchmark(rtlscribe: Callable, icarus: str) -> None:
    model = f"program:{PLUGINS / 'model/my-model'}"
    options = ["--root", PROBLEMS, "--model", model, "--temperature", "0.8", "--n", "8", "--output", "run"]
    ran = rtlscribe("evaluate", "our-problems", *options)
    assert ran.status == 0, ran.err
    attempts = [json.loads(line) for line in Path("run/out.jsonl").read_text().splitlines()]
    assert {(a["verdict"]["problem_id"], "~a" in a["candidate"]["code"], a["verdict"]["status"]) for a in attempts} == {
        ("inverter", True, "passed"),
        ("inverter", False, "failed"),
        ("toggle", True, "failed"),
        ("toggle", False, "failed"),
    }


@pytest.mark.usefixtures("_installed")
def test_benchmark_has_no_faults(rtlscribe: Callable, icarus: str) -> None:
    ran = rtlscribe("audit", "our-problems", "--root", PROBLEMS, "--output", "run")
    assert ran.status == 0, ran.err
    assert ran.out.splitlines()[:2] == [
        f"our-problems on iverilog-{icarus}: 2 problems, 0 of them faulty",
        "0 of 8 mutants pass",
    ]


@pytest.mark.usefixtures("_installed")
def test_checker_sees_through_a_macro(rtlscribe: Callable, icarus: str) -> None:
    ran = rtlscribe("check", PLUGINS / "checker/counter.v", "--checker", "house-rules")
    assert ran.status == 1
    assert f"house-rules-1 (iverilog-{icarus}) failed" in ran.out
    assert "not in this house: an initial block\n" in ran.out
    Path("plain.v").write_text((PLUGINS / "checker/counter.v").read_text().replace("`START count = 0;", ""))
    assert rtlscribe("check", "plain.v", "--checker", "house-rules").status == 0


# name, entry point, exit status, words
BROKEN = {
    "takes the name of a shipped one": ("iverilog", "brk:X", 2, ["rtlscribe and brk each have", "called 'iverilog'"]),
    "no such module": ("mine", "brk:X", 3, ["'mine' of the plug-in brk, 'brk:X'", "no Python module 'brk'"]),
    "no such class": ("mine", "json:X", 2, ["module 'json' has no attribute 'X'", "is written 'module:Class'"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken(case: str, rtlscribe: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name, value, status, words = BROKEN[case]
    install(tmp_path, "brk", {"rtlscribe.checkers": {name: value}})
    monkeypatch.syspath_prepend(tmp_path)
    ran = rtlscribe("check", PLUGINS / "checker/counter.v", "--checker", name)
    assert ran.status == status
    assert [word for word in words if word not in ran.err] == []

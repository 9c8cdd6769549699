"""`rtlscribe quantize` to GGUF: what it tells, what resumes, llama.cpp's own program, and what is refused."""

import importlib.util
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.small_models import WORDS, byte_level, random_model, verilog

if not all(map(importlib.util.find_spec, ("gguf", "xllamacpp"))):
    pytest.skip("gguf and xllamacpp are not installed: pip install -e '.[gguf]'", allow_module_level=True)

GGUF = ("--format", "gguf", "--output", "run", "--json")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    random_model(tmp_path / "model", byte_level([WORDS], verilog(20)), num_hidden_layers=1)
    return tmp_path / "model"


def test_size_memory_and_rates(rtlscribe: Callable, model: Path, problems: Path, tmp_path: Path, icarus: str) -> None:
    measured = ("--benchmark", problems, "--n", "2", "--max-tokens", "12")
    ran = rtlscribe("quantize", model, *GGUF, *measured)
    assert ran.status == 0, ran.err
    told = json.loads(ran.out)
    file = tmp_path / "run/model-Q4_0.gguf"
    assert (told["output"], told["type"]) == ("run/model-Q4_0.gguf", "Q4_0")
    assert told["after"]["weight_bytes"] == file.stat().st_size < told["before"]["weight_bytes"]
    for side, backend in (("before", "hf"), ("after", "gguf")):
        assert told[side]["model"].startswith(f"{backend}:")
        assert told[side]["peak_memory_bytes"] > 10 << 20
        assert told[side]["rates"]["completions"] == 8
        assert sum(told[side]["rates"]["statuses"].values()) == 8
    assert told["after"]["peak_memory_bytes"] < told["before"]["peak_memory_bytes"]  # no torch
    assert told["told"].count("->") == 4

    # As a kill leaves it that comes while the second model answers: not finished, half a last line.
    first, _ = (tmp_path / "run/measured.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "run/measured.jsonl").write_bytes(first)
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    (tmp_path / "run/manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
    (tmp_path / "run/out.jsonl").write_bytes((tmp_path / "run/out.jsonl").read_bytes()[:-9])
    made = file.stat().st_mtime_ns
    again = json.loads(rtlscribe("quantize", model, *GGUF, *measured).out)
    assert again["before"] == told["before"]
    assert again["after"]["rates"] == told["after"]["rates"]
    assert file.stat().st_mtime_ns == made
    assert len((tmp_path / "run/out.jsonl").read_text().splitlines()) == 8


@pytest.fixture
def llama_quantize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name on PATH, which fails until there is a file `works`, and then copies."""
    program = tmp_path / "bin/llama-quantize"
    program.parent.mkdir()
    program.write_text(
        f"""#!{sys.executable}
import pathlib, shutil, sys
source, target, kind = sys.argv[1:]
if not pathlib.Path(__file__).with_name("works").exists():
    pathlib.Path(target).write_text("half")
    sys.exit("error: no luck")
assert pathlib.Path(source).read_bytes()[:4] == b"GGUF" and kind == "Q4_K_M"
shutil.copy(source, target)
"""
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


def test_k_quants_are_made_by_llama_cpp(rtlscribe: Callable, model: Path, tmp_path: Path, llama_quantize: Path) -> None:
    failed = rtlscribe("quantize", model, *GGUF, "--type", "Q4_K_M")
    assert (failed.status, failed.out) == (1, "")
    assert "llama-quantize ended with status 1: error: no luck" in failed.err
    assert [*tmp_path.glob("run/*gguf*"), *tmp_path.glob("run/.*gguf*")] == []
    (llama_quantize.parent / "works").touch()
    ran = rtlscribe("quantize", model, *GGUF, "--type", "Q4_K_M")
    assert ran.status == 0, ran.err
    assert json.loads(ran.out)["type"] == "Q4_K_M"
    assert [p.name for p in [*tmp_path.glob("run/*gguf*"), *tmp_path.glob("run/.*gguf*")]] == ["model-Q4_K_M.gguf"]


WRONG = {
    "no calibration": (["MODEL"], 2, "GPTQ is calibrated: name samples with --data"),
    "calibration of a GGUF": (["MODEL", "--format", "gguf", "--data", "x.jsonl"], 2, "a GGUF is not calibrated"),
    "calibration rows of a GGUF": (
        ["MODEL", "--format", "gguf", "--calibration-rows", "9"],
        2,
        "--calibration-rows: a GGUF is not",
    ),
    "type of GPTQ": (
        ["MODEL", "--type", "Q4_0", "--data", "x.jsonl"],
        2,
        "--type Q4_0 is of a GGUF: add --format gguf",
    ),
    "no program": (["MODEL", "--format", "gguf", "--type", "Q5_K_M"], 3, "llama-quantize, which is not on PATH"),
    "no model": (["./nowhere", "--format", "gguf"], 2, "./nowhere is no model folder"),
    "no testbench": (["MODEL", "--format", "gguf", "--benchmark", "x.jsonl"], 2, "'x-1' has no testbench"),
    "no benchmark": (["MODEL", "--format", "gguf", "--benchmark", "nonsense"], 2, "no benchmark is called 'nonsense'"),
    "no bits": (["MODEL", "--format", "gguf", "--bits", "5"], 2, "--bits"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(
    case: str, rtlscribe: Callable, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, icarus: str
) -> None:
    arguments, status, words = WRONG[case]
    (tmp_path / "x.jsonl").write_text('{"instruction": "a wire", "output": "module w; endmodule"}\n')
    if case == "no program":
        monkeypatch.setenv("PATH", str(tmp_path))
    ran = rtlscribe("quantize", *[str(model) if a == "MODEL" else a for a in arguments], "--output", "run")
    assert (ran.status, ran.out) == (status, "")
    assert words in ran.err
    assert not (tmp_path / "run").exists()

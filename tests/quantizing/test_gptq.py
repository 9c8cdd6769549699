"""GPTQ for real: wants llmcompressor or gptqmodel in the environment that runs the tests; skips without."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.quantizing.conftest import LEARNT

from rtlscribe import jsonl
from rtlscribe.models.base import Request, open_model
from rtlscribe.records import Sample, Sampling

METHODS = {"llmcompressor": "compressed-tensors", "gptqmodel": "gptq"}  # to what config.json calls the format
HERE = [method for method in METHODS if importlib.util.find_spec(method)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "samples.jsonl"
    pairs = [text.split("\n", 1) for text in LEARNT]
    jsonl.write(path, [Sample(id=asked, instruction=asked, verilog=said) for asked, said in pairs])
    return path


@pytest.mark.parametrize("method", METHODS)
def test_quantized_it_loads_and_says_nearly_the_same(method: str, trained: Path, data: Path, tmp_path: Path) -> None:
    if method not in HERE:
        pytest.skip(f"{method} is not installed; it wants an environment of its own: make test-quantize")
    arguments = ["quantize", str(trained), "--data", str(data), "--method", method, "--output", "run", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "rtlscribe", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads(done.stdout)  # and nothing else: the libraries talk much
    model = tmp_path / "run/model"
    assert summary["output"] == "run/model"
    assert summary["type"] == "GPTQ-4"
    assert 0 < summary["after"]["weight_bytes"] < summary["before"]["weight_bytes"]
    assert min(summary[side]["peak_memory_bytes"] for side in ("before", "after")) > 1 << 20
    told = json.loads((model / "config.json").read_text())["quantization_config"]
    assert told["quant_method"] == METHODS[method]
    pairs = [text.split("\n", 1) for text in LEARNT]
    requests = [Request(problem_id=asked, prompt=asked + "\n", indices=(0,)) for asked, _ in pairs]
    said = {
        c.problem_id: c.text for c in open_model(f"hf:{model}").complete(requests, sampling=Sampling(max_tokens=80))
    }
    assert sum(said[asked].startswith("module w(input [") for asked, _ in pairs) >= len(pairs) // 2
    again = subprocess.run(
        [sys.executable, "-m", "rtlscribe", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (again.returncode, json.loads(again.stdout)) == (0, summary)


@pytest.mark.skipif(bool(HERE), reason="one of the libraries is installed")
def test_without_the_library_the_extra_is_named(data: Path, trained: Path, tmp_path: Path) -> None:
    for method, extra in (("llmcompressor", "extra quant:"), ("gptqmodel", "extra quant-gptq:")):
        command = ["quantize", str(trained), "--data", str(data), "--method", method, "--output", "run"]
        done = subprocess.run(
            [sys.executable, "-m", "rtlscribe", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (3, "")
        assert f"package {method!r} is not installed" in done.stderr
        assert extra in done.stderr
    assert not (tmp_path / "run").exists()

"""The endpoint back end before an actual server, llama.cpp's, with a small model: it says what the model says."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtlscribe.models.base import Answer, Request, answers, open_model
from rtlscribe.models.hf import HfModel
from rtlscribe.records import Sampling
from rtlscribe.training.scratch import Size, build_model

# Looked for, not imported: in one process with pyslang, xllamacpp aborts.
if not all(map(importlib.util.find_spec, ("gguf", "xllamacpp"))):
    pytest.skip("gguf and xllamacpp, a model's file and llama.cpp's server, are not installed", allow_module_level=True)

SERVER = Path(__file__).parents[1] / "fakes/llama_server.py"
# Without digits and odd spacing, of which llama.cpp's own splitting into words makes other tokens than our tokenizer.
PROMPTS = ["module counter(", "assign y = a & b;", "always @(posedge clk)"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    texts = ["module m(input a, output y); assign y = ~a; endmodule always @(posedge clk) q <= d;"] * 20
    build_model(texts, path, size=Size(hidden=64, layers=2, heads=2, vocabulary=300), seed=0)
    return path


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    command = [sys.executable, str(SERVER), str(folder), str(folder / "model.gguf")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    port = process.stdout.readline().strip()
    yield f"http://127.0.0.1:{port}/v1"
    process.kill()
    process.wait()
    process.stdout.close()


def requests(count: int) -> list[Request]:
    return [Request(problem_id=p, prompt=p, indices=tuple(range(count))) for p in PROMPTS]


def test_greedy_text_is_that_of_transformers(folder: Path, url: str) -> None:
    sampling = Sampling(max_tokens=16)
    ours = {
        c.problem_id: c.text
        for c in open_model(f"endpoint:m@{url}/completions").complete(requests(1), sampling=sampling)
    }
    theirs = {c.problem_id: c.text for c in HfModel(str(folder)).complete(requests(1), sampling=sampling)}
    assert ours == theirs


def test_chat_with_several_completions_and_usage(url: str) -> None:
    sampling = Sampling(n=4, temperature=1.0, max_tokens=12, seed=3)
    found = [
        a for a in answers(open_model(f"endpoint:m@{url}"), requests(4), sampling=sampling) if isinstance(a, Answer)
    ]
    assert {(a.completion.problem_id, a.completion.index) for a in found} == {(p, k) for p in PROMPTS for k in range(4)}
    assert len({a.completion.text for a in found}) > 1
    assert sum(a.usage.requests for a in found) == len(PROMPTS)
    assert 0 < sum(a.usage.completion_tokens for a in found) <= 12 * 12
    assert not any(a.usage.estimated for a in found)

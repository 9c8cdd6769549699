"""The model that comes with the package: whole, small, opened by each engine; what to install where there is none."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import needs

from rtlscribe import registry
from rtlscribe.cli.demo import SENTENCE
from rtlscribe.errors import MissingToolError
from rtlscribe.models.base import TABLE, Request, local_path, open_model
from rtlscribe.models.box import ENGINES, FOLDER, NAME
from rtlscribe.prompts import Template
from rtlscribe.records import Sampling

MOST_BYTES = 16_000_000
# Runs a command line where some packages are not installed.
WITHOUT = """
import sys
sys.modules |= dict.fromkeys(sys.argv[1].split())
from rtlscribe.cli import main
main(sys.argv[2:])
"""


def test_it_is_whole_and_small() -> None:
    files = {path.name for path in FOLDER.iterdir()}
    assert {"config.json", "tokenizer.json", "model.safetensors", "model.gguf", "README.md"} <= files
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= MOST_BYTES


def test_its_card_tells_data_recipe_and_limits() -> None:
    card = (FOLDER / "README.md").read_text()
    assert [words for words in ("data designs", "recipes/box", "cannot") if words not in card] == []


@pytest.mark.parametrize("backend", ENGINES)
def test_each_engine_writes_a_counter(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needs(ENGINES[backend].package)
    for name in itertools.takewhile(lambda other: other != backend, ENGINES):
        monkeypatch.setitem(sys.modules, ENGINES[name].package, None)
    model = open_model(NAME)
    assert (model.name, type(model)) == (NAME, registry.lookup("model", backend, TABLE))
    assert local_path(NAME) == ENGINES[backend].path  # another engine, another run
    prompt = Template("rtlcoder").render(instruction=SENTENCE, header="")
    request = Request(problem_id="counter", prompt=prompt, indices=(0,))
    (said,) = model.complete([request], sampling=Sampling(max_tokens=300))
    assert (said.finish_reason, said.text.count("module")) == ("stop", 2)
    assert "posedge" in said.text


def test_without_an_engine_both_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in ENGINES.values():
        monkeypatch.setitem(sys.modules, engine.package, None)
    with pytest.raises(MissingToolError, match=r"pip install xllamacpp .* pip install -e '\.\[hf\]'"):
        open_model(NAME)


def test_without_an_engine_mcp_has_the_other_tools(tmp_path: Path) -> None:
    pytest.importorskip("mcp")
    program = [sys.executable, "-c", WITHOUT, " ".join(engine.package for engine in ENGINES.values()), "mcp"]
    done = subprocess.run(program, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "there is no tool write" in done.stderr
    assert f"{NAME} writes" not in done.stderr

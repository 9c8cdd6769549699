"""The gguf engine: llama.cpp in a process of its own, which may be given bad files, be killed, or be left."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.quantizing.conftest import LEARNT

from rtlscribe.errors import DataError, MissingToolError, RtlscribeError, UsageError
from rtlscribe.models.base import Answer, Failure, Request, UnansweredError, answers, open_model
from rtlscribe.models.gguf import GgufModel
from rtlscribe.models.streaming import Piece, pieces
from rtlscribe.records import Completion, Sampling

PROMPTS = [text.partition("\n")[0] + "\n" for text in LEARNT[:4]]
WARM = Sampling(n=3, temperature=1.5, seed=3, max_tokens=30)
ENDLESS = Sampling(n=3, temperature=9.0, seed=3, max_tokens=900)


def requests(count: int = 4, *, n: int = 3) -> list[Request]:
    return [Request(problem_id=p, prompt=p, indices=tuple(range(n))) for p in PROMPTS[:count]]


@pytest.fixture(params=["F16", "Q4_0"])
def model(request: pytest.FixtureRequest, files: dict[str, Path]) -> GgufModel:
    return open_model(f"gguf:{files[request.param]}")  # type: ignore[return-value]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_answer_ends_at_its_stop_and_the_stop_is_part_of_it(model: GgufModel) -> None:
    greedy = Sampling(max_tokens=60)
    (whole,) = answers(model, requests(1, n=1), sampling=greedy)
    (cut,) = model.answers(requests(1, n=1), sampling=greedy, stops=["output"])
    assert isinstance(whole, Answer)
    assert isinstance(cut, Answer)
    assert cut.completion.text == whole.completion.text.partition("output")[0] + "output"
    assert cut.completion.finish_reason == "stop"
    assert whole.usage.prompt_tokens == cut.usage.prompt_tokens > 3
    assert 0 < cut.usage.completion_tokens < whole.usage.completion_tokens <= 60


def test_what_was_given_up_changes_nothing(model: GgufModel) -> None:
    first = {(c.problem_id, c.index): c.text for c in model.complete(requests(), sampling=WARM)}
    for sampling in (WARM, ENDLESS):
        left = model.answers(requests(), sampling=sampling)
        next(left)
        left.close()
    assert {(c.problem_id, c.index): c.text for c in model.complete(requests(), sampling=WARM)} == first


def test_pieces_make_the_completion(model: GgufModel) -> None:
    said: dict[tuple[str, int], list[str]] = {}
    whole = {}
    for item in pieces(model, requests(), sampling=Sampling(n=3, temperature=0.5, seed=1, max_tokens=40)):
        if isinstance(item, Piece):
            said.setdefault((item.problem_id, item.index), []).append(item.text)
        else:
            whole[item.problem_id, item.index] = item.text
    assert {key: "".join(parts) for key, parts in said.items()} == whole
    assert max(map(len, said.values())) > 3


def test_a_prompt_that_does_not_fit_is_refused_and_the_rest_comes(model: GgufModel) -> None:
    long = Request(problem_id="long", prompt="word " * 3000, indices=(0,))
    found = list(answers(model, [long, *requests(2, n=1)], sampling=Sampling(max_tokens=4)))
    (refused,) = (f for f in found if isinstance(f, Failure))
    assert (refused.problem_id, refused.refused) == ("long", True)
    assert "exceeds the available context size (1024 tokens)" in refused.reason
    assert len(found) == 3
    with pytest.raises(UnansweredError, match="the first for 'long'"):
        list(model.complete([long], sampling=Sampling(max_tokens=4)))


def test_what_ends_llama_cpp_is_told(model: GgufModel) -> None:
    under_way = pieces(model, requests(), sampling=ENDLESS)
    next(under_way)
    os.kill(model.engine_pid, signal.SIGKILL)
    with pytest.raises(RtlscribeError, match="was ended by SIGKILL while it was answering; the same command goes on"):
        list(under_way)
    with pytest.raises(RtlscribeError, match="was ended by SIGKILL"):
        list(model.complete(requests(1), sampling=WARM))


def test_the_process_ends_with_the_model(files: dict[str, Path]) -> None:
    model = GgufModel(str(files["Q8_0"]))
    pid = model.engine_pid
    assert alive(pid)
    del model
    gc.collect()
    assert not alive(pid)


def test_the_process_ends_with_a_killed_one(files: dict[str, Path]) -> None:
    program = (
        "import sys, time; from rtlscribe.models.gguf import GgufModel\n"
        "model = GgufModel(sys.argv[1]); print(model.engine_pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(files["Q8_0"])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        process.kill()
    for _ in range(500):
        if not alive(pid):
            return
        time.sleep(0.01)
    pytest.fail("llama.cpp outlives the process that it belongs to")


def vocabulary_ends(content: bytes) -> int:
    return content.index(b"tokenizer.ggml.tokens") + 300


DAMAGED = {
    "no GGUF": (lambda content: b"not a model", "does not begin with GGUF"),
    "empty": (lambda content: b"", "does not begin with GGUF"),
    "another version": (lambda content: content[:4] + b"\x63" + content[5:], "GGUF version 99; 2 and 3 are read"),
    "cut in its head": (lambda content: content[:40], r"damaged or cut off \(it ends within its head\)"),
    "cut in its vocabulary": (lambda content: content[: vocabulary_ends(content)], "damaged or cut off"),
    "a wild length": (lambda content: content[:24] + b"\xff" * 8 + content[32:], "damaged or cut off"),
    "cut in its weights": (lambda content: content[:-5000], "not within the file bounds"),
    "of no known family": (lambda content: content.replace(b"\0\0llama", b"\0\0lxama"), "lxama"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_one_clear_line(case: str, files: dict[str, Path], tmp_path: Path) -> None:
    spoil, words = DAMAGED[case]
    path = tmp_path / "bad.gguf"
    path.write_bytes(spoil(files["Q8_0"].read_bytes()))
    with pytest.raises(DataError, match=words) as error:
        open_model(f"gguf:{path}")
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_model_that_is_too_large_is_said_before_it_is_loaded(files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "huge.gguf"
    path.write_bytes(files["Q8_0"].read_bytes())
    try:
        os.truncate(path, 1 << 43)
    except OSError:
        pytest.skip("this file system has no sparse files of 8 TiB")
    with pytest.raises(UsageError, match=r"huge\.gguf takes 8192\.0 GiB of memory, and .* GiB are free"):
        open_model(f"gguf:{path}")


def test_bad_names_and_samplings(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder; wanted the path of a GGUF file"):
        open_model(f"gguf:{tmp_path}")
    with pytest.raises(UsageError, match=r"cannot read .*nowhere"):
        open_model(f"gguf:{tmp_path / 'nowhere.gguf'}")
    model = open_model(f"gguf:{files['Q8_0']}")
    with pytest.raises(UsageError, match="has no beam search"):
        list(model.complete(requests(1), sampling=Sampling(n=3, beams=3)))
    with pytest.raises(UsageError, match="3 completions at temperature 0 are one and the same"):
        list(model.complete(requests(1), sampling=Sampling(n=3)))


def test_without_xllamacpp_the_extra_is_named(tmp_path: Path) -> None:
    """In a process without site-packages' xllamacpp: its name leads nowhere."""
    program = (
        "import sys, importlib.machinery as m\n"
        "find = m.PathFinder.find_spec\n"
        "m.PathFinder.find_spec = lambda name, *a, **k: None if name == 'xllamacpp' else find(name, *a, **k)\n"
        "from rtlscribe.cli import main; main(['write', 'an inverter', '--model', 'gguf:x.gguf'])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == MissingToolError.exit_code
    assert "pip install -e '.[gguf]'" in done.stderr


def test_completions_are_records(model: GgufModel) -> None:
    (said,) = model.complete(requests(1, n=1), sampling=Sampling(max_tokens=3))
    assert isinstance(said, Completion)
    assert (said.model, said.finish_reason) == (model.name, "length")

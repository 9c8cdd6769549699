"""What every back end of models promises."""

import importlib.util
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.fakes.openai_server import Script
from tests.fakes.teacher import serving
from tests.quantizing.conftest import LEARNT

from rtlscribe import jsonl
from rtlscribe.models.base import TABLE, Answer, Model, Request, answers, open_model
from rtlscribe.models.box import NAME
from rtlscribe.models.scripted import Line
from rtlscribe.records import Sampling

NAMES = ["box", "endpoint", "gguf", "hf", "scripted", "vllm"]
SAMPLING = Sampling(n=3, temperature=1.0, top_p=0.9, seed=3, max_tokens=20)
GREEDY = Sampling(max_tokens=20)
SERVER = Script(replies=[("", [f"text {k}" for k in range(50)])], knows_n=False)
PROMPTS = [text.partition("\n")[0] + "\n" for text in LEARNT[:4]]
REQUESTS = [Request(problem_id=f"p{k}", prompt=p, indices=(0, 1, 2)) for k, p in enumerate(PROMPTS)]


def test_all_of_the_table_are_tested() -> None:
    assert sorted(TABLE) == NAMES


@pytest.fixture(params=NAMES, scope="module")
def model(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    trained: Path,
) -> Iterator[Model]:
    folder = tmp_path_factory.mktemp("contract")

    def scripted() -> str:
        lines = [Line(problem_id=f"p{k}", text=f"text {k} {n}") for k in range(4) for n in range(3)]
        jsonl.write(folder / "said.jsonl", lines)
        return f"scripted:{folder / 'said.jsonl'}"

    def vllm() -> str:
        if not importlib.util.find_spec("vllm"):
            pytest.skip("vLLM is not installed; its own tests say the same, in an environment of its own")
        return f"vllm:{trained}"

    with ExitStack() as stack:
        names: dict[str, Callable[[], str]] = {
            "box": lambda: NAME,
            "endpoint": lambda: stack.enter_context(serving(SERVER, folder)).model,
            "gguf": lambda: f"gguf:{request.getfixturevalue('files')['Q8_0']}",
            "hf": lambda: f"hf:{trained}",
            "scripted": scripted,
            "vllm": vllm,
        }
        yield open_model(names[request.param](), batch_size=4)


def texts(model: Model, requests: list[Request], sampling: Sampling = SAMPLING) -> dict[tuple[str, int], str]:
    found = list(model.complete(requests, sampling=sampling))
    assert max(Counter((c.problem_id, c.index) for c in found).values(), default=1) == 1
    assert {c.model for c in found} <= {model.name}
    assert {c.sampling for c in found} <= {sampling}
    return {(c.problem_id, c.index): c.text for c in found}


def test_one_completion_for_each_index(model: Model) -> None:
    assert texts(model, REQUESTS).keys() == {(f"p{k}", n) for k in range(4) for n in range(3)}
    assert texts(model, []) == {}


def test_a_completion_depends_on_problem_index_and_seed_alone(model: Model) -> None:
    together = texts(model, REQUESTS)
    some = [Request(problem_id="p2", prompt=PROMPTS[2], indices=(1,)), REQUESTS[0]]
    apart = texts(model, some[:1]) | texts(model, some[1:])
    assert apart == {key: together[key] for key in apart}
    assert texts(model, REQUESTS[::-1]) == together


def test_answers_are_the_completions(model: Model) -> None:
    found = list(answers(model, REQUESTS[:2], sampling=SAMPLING))
    assert {
        (a.completion.problem_id, a.completion.index): a.completion.text for a in found if isinstance(a, Answer)
    } == (texts(model, REQUESTS[:2]))


def test_who_has_had_enough_may_leave(model: Model) -> None:
    before = texts(model, REQUESTS)
    left = model.complete(REQUESTS, sampling=SAMPLING)
    next(left)
    left.close()  # type: ignore[attr-defined]  # all are generators
    assert texts(model, REQUESTS) == before

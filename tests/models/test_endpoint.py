"""The endpoint back end before a real server process that misbehaves: every answer once, every failure told."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.fakes.openai_server import Script
from tests.fakes.teacher import serving

from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.models.base import Answer, Failure, Limits, Request, UnansweredError, answers, open_model
from rtlscribe.models.budget import Budget, BudgetError, Usage
from rtlscribe.models.protocol import Fault, Refused, read, retry_after_s
from rtlscribe.records import Completion, Sampling

SAMPLING = Sampling(n=1, temperature=1.0, max_tokens=50)
KEY = "sk-not-to-be-seen-0123456789"
TEXTS = [f"text {n}" for n in range(7)]


def requests(count: int, *, n: int = 1) -> list[Request]:
    return [Request(problem_id=f"p{k}", prompt=f"prompt {k}", indices=tuple(range(n))) for k in range(count)]


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "faults",
    [
        [[]],
        [["status 429 1"], []],
        [["status 500", "status 503", "status 502"], [], []],
        [["cut"], ["garbage"], []],
        [['garbage {"choices": []}'], ['garbage {"choices": [{"finish_reason": "stop", "message": {}}]}']],
        [["hang"], [], [], [], [], [], []],
        [["finish None"], ["status 408", "garbage []"], []],
    ],
    ids=["none", "429", "5xx", "half", "no answer", "hang", "odd"],
)
def test_every_answer_comes_once(tmp_path: Path, faults: list[list[str]]) -> None:
    with serving(Script(replies=[("", TEXTS)], faults=faults), tmp_path) as server:
        model = open_model(server.model, batch_size=8, limits=Limits(timeout_s=1.5, first_wait_s=0.01))
        found = list(model.complete(requests(12, n=1), sampling=SAMPLING))
        log = server.requests()
    assert Counter((c.problem_id, c.index) for c in found) == {(f"p{k}", 0): 1 for k in range(12)}
    assert sum(line["outcome"] == "200" for line in log) == 12
    assert (model.retried > 0) == (faults != [[]])
    assert {c.model for c in found} == {"endpoint:fake"}
    assert {c.text for c in found} <= set(TEXTS)


def test_what_cannot_be_had_is_told_and_the_rest_comes(tmp_path: Path) -> None:
    faults = [["status 500"] * 9, [], []]
    with serving(Script(faults=faults), tmp_path) as server:
        model = open_model(server.model, batch_size=4, limits=Limits(retries=2, timeout_s=5, first_wait_s=0.01))
        found = list(answers(model, requests(12), sampling=SAMPLING))
        log = server.requests()
    failed = [f for f in found if isinstance(f, Failure)]
    came = [a.completion.problem_id for a in found if isinstance(a, Answer)]
    assert len(failed) + len(came) == len({*came, *(f.problem_id for f in failed)}) == 12
    assert 0 < len(failed) < 12
    assert all("status 500" in f.reason and "tried 3 times" in f.reason and not f.refused for f in failed)
    assert Counter(line["name"] for line in log).most_common(1)[0][1] == 3
    with serving(Script(faults=faults), tmp_path) as server:
        model = open_model(server.model, batch_size=4, limits=Limits(retries=0, timeout_s=5))
        some: list[Completion] = []
        with pytest.raises(UnansweredError, match="the same command asks for them again") as error:
            some.extend(model.complete(requests(12), sampling=SAMPLING))
    assert sorted(c.problem_id for c in some) == sorted(came)
    assert {f.problem_id for f in error.value.failures} == {f.problem_id for f in failed}


@pytest.mark.parametrize(
    ("script", "limits", "error", "words"),
    [
        (Script(key="sk-other"), Limits(), UsageError, r"refuses the key .*RTLSCRIBE_API_KEY"),
        (Script(faults=[["status 404"]]), Limits(), UsageError, "no such model, or the URL is not its base"),
        (Script(faults=[["status 302"]]), Limits(), UsageError, "no such model, or the URL"),
        (Script(faults=[["status 400"]]), Limits(), RtlscribeError, "10 requests in a row failed"),
        (
            Script(faults=[["status 500"] * 3]),
            Limits(retries=1, first_wait_s=0.01),
            RtlscribeError,
            "10 requests in a row failed",
        ),
    ],
    ids=["key", "model", "moved", "all refused", "down"],
)
def test_what_fails_for_all_stops_soon(
    tmp_path: Path, script: Script, limits: Limits, error: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTLSCRIBE_API_KEY", KEY)
    with serving(script, tmp_path) as server:
        model = open_model(server.model, batch_size=4, limits=limits)
        with pytest.raises(error, match=words) as raised:
            list(model.complete(requests(200), sampling=SAMPLING))
        assert len(server.requests()) < 40
    assert KEY not in str(raised.value)


def test_the_key_goes_to_the_server_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-second-choice")
    monkeypatch.setenv("RTLSCRIBE_API_KEY", KEY)
    with serving(Script(key=KEY), tmp_path) as server:
        found = list(open_model(server.model).complete(requests(2), sampling=SAMPLING))
        assert {line["authorization"] for line in server.requests()} == {f"Bearer {KEY}"}
    assert KEY not in repr(found)
    for url in ("http://user:pass@localhost:1/v1", "http://localhost:1/v1?api-key=secret"):
        with pytest.raises(UsageError, match="no user, password or query") as error:
            open_model(f"endpoint:m@{url}")
        assert "pass@" not in str(error.value)
        assert "secret" not in str(error.value)


@pytest.mark.parametrize("knows_n", [True, False])
def test_several_completions_of_a_prompt(tmp_path: Path, knows_n: bool) -> None:
    with serving(Script(replies=[("", TEXTS)], knows_n=knows_n, unknown=["seed"] * (not knows_n)), tmp_path) as server:
        model = open_model(server.model, batch_size=2)
        sampling = Sampling(n=5, temperature=1.0)
        found = list(answers(model, requests(3, n=5), sampling=sampling))
        log = [line for line in server.requests() if line["outcome"] == "200"]
    assert all(isinstance(item, Answer) for item in found)
    keys = Counter((a.completion.problem_id, a.completion.index) for a in found if isinstance(a, Answer))
    assert keys == {(f"p{k}", index): 1 for k in range(3) for index in range(5)}
    assert len(log) == (3 if knows_n else 15)
    used = [a.usage for a in found if isinstance(a, Answer)]
    assert sum(u.prompt_tokens for u in used) == 100 * len(log)
    assert sum(u.completion_tokens for u in used) == 150
    assert all(("seed" in line["asked"]) == knows_n for line in log)


def test_seeds_depend_on_problem_and_index_alone(tmp_path: Path) -> None:
    asked = {}
    for wanted in (requests(3, n=2), requests(2, n=1)[1:]):
        with serving(Script(knows_n=False), tmp_path, name=f"s{len(asked)}") as server:
            list(open_model(server.model).complete(wanted, sampling=Sampling(n=2, temperature=1.0)))
            seeds = {(line["asked"]["messages"][-1]["content"], line["asked"]["seed"]) for line in server.requests()}
        asked[len(asked)] = seeds
    assert len({seed for _, seed in asked[0]}) == 6
    assert asked[1] < asked[0]


def test_an_older_or_newer_way_to_bound_the_answer(tmp_path: Path) -> None:
    with serving(Script(unknown=["max_tokens"]), tmp_path) as server:
        assert len(list(open_model(server.model).complete(requests(3), sampling=SAMPLING))) == 3
        log = [line["asked"] for line in server.requests() if line["outcome"] == "200"]
    assert {line["max_completion_tokens"] for line in log} == {50}


def test_plain_completions(tmp_path: Path) -> None:
    request = Request(problem_id="p", prompt="prompt", system="be brief", indices=(0,))
    with serving(Script(), tmp_path) as server:
        (said,) = open_model(f"{server.model}/completions").complete([request], sampling=SAMPLING)
        (line,) = server.requests()
    assert said.text == "ok"
    assert (line["path"], line["asked"]["prompt"]) == ("/v1/completions", "be brief\nprompt")


def test_the_url_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="OPENAI_BASE_URL"):
        open_model("endpoint:fake")
    with serving(Script(), tmp_path) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/")
        model = open_model("endpoint:org/fake@v2")
        assert len(list(model.complete(requests(1), sampling=SAMPLING))) == 1
        assert server.requests()[0]["asked"]["model"] == "org/fake@v2"


@pytest.mark.parametrize("budget", [Budget(tokens=1300), Budget(cost=0.00013, price_in=0.1, price_out=0.1)])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_budget_is_kept(tmp_path: Path, budget: Budget, batch_size: int) -> None:
    """Each answer takes 110 tokens; what it may take at most is reserved before it is asked for."""
    budget = Budget(tokens=budget.tokens, cost=budget.cost, price_in=budget.price_in, price_out=budget.price_out)
    with serving(Script(delay_s=0.05), tmp_path) as server:
        model = open_model(server.model, batch_size=batch_size, limits=Limits(budget=budget))
        came: list[Answer | Failure] = []
        with pytest.raises(BudgetError, match="a larger budget goes on"):
            came.extend(answers(model, requests(50), sampling=SAMPLING))
        assert len(server.requests()) == len(came) == 11
    assert budget.used.tokens == 1210


def test_a_budget_wants_a_back_end_that_counts(tmp_path: Path) -> None:
    (tmp_path / "said.jsonl").write_text('{"problem_id": "*", "text": "x"}\n')
    name = f"scripted:{tmp_path / 'said.jsonl'}"
    assert open_model(name, limits=Limits())
    with pytest.raises(UsageError, match="counts no tokens"):
        open_model(name, limits=Limits(budget=Budget(tokens=1)))


def test_tokens_are_estimated_where_none_are_told(tmp_path: Path) -> None:
    with serving(Script(knows_usage=False), tmp_path) as server:
        (answer,) = answers(open_model(server.model), requests(1), sampling=SAMPLING)
    assert isinstance(answer, Answer)
    assert answer.usage.estimated == answer.usage.tokens > 0


def test_the_caller_may_leave(tmp_path: Path) -> None:
    with serving(Script(delay_s=0.05), tmp_path) as server:
        source = open_model(server.model, batch_size=2).complete(requests(500), sampling=SAMPLING)
        next(source)
        source.close()
        time.sleep(0.2)
        assert len(server.requests()) < 10


def test_options_that_no_endpoint_has(tmp_path: Path) -> None:
    model = open_model("endpoint:m@http://localhost:9/v1")
    with pytest.raises(UsageError, match="no beam search"):
        list(model.complete(requests(1), sampling=Sampling(n=3, beams=3)))
    with pytest.raises(UsageError, match="one and the same"):
        list(model.complete(requests(1), sampling=Sampling(n=3)))


def test_a_server_that_is_not_there() -> None:
    model = open_model("endpoint:m@http://127.0.0.1:9/v1", limits=Limits(retries=0))
    with pytest.raises(UnansweredError, match="ConnectError"):
        list(model.complete(requests(1), sampling=SAMPLING))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"retry-after": "3"}, 3),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "nan"}, 0),
        ({"retry-after": "1e9"}, 3600),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float) -> None:
    assert retry_after_s(headers) == seconds


@pytest.mark.parametrize(
    ("status", "content", "kind", "words"),
    [
        (200, b"", Fault, "no completion"),
        (200, b"\xff\xfe", Fault, "no completion"),
        (200, b"[" * 100_000, Fault, "no completion"),
        (200, b'{"choices": null}', Fault, "no completion"),
        (200, b'{"error": {"message": "late"}}', Fault, "no completion"),
        (200, b'{"choices": [{"finish_reason": "content_filter"}]}', Refused, "content filter"),
        (200, b'{"choices": [{"finish_reason": "stop", "message": {"content": 3}}]}', Fault, "without text"),
        (400, b'{"error": {"message": "too long", "param": "messages"}}', Refused, "too long"),
        (429, b'{"error": {"code": "insufficient_quota", "message": "pay"}}', RtlscribeError, "no credit left"),
        (529, b"overloaded", Fault, "529, overloaded"),
        (418, b"", Fault, "418"),
    ],
)
def test_replies_that_are_no_answer(status: int, content: bytes, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        read((status, {}, content), {}, Usage())


KILLED = """
import sys
from pathlib import Path
from rtlscribe.models.base import Request, open_model
from rtlscribe.records import Completion, Sampling
model = open_model(sys.argv[1], batch_size=4)
wanted = [Request(problem_id=f"p{k}", prompt=f"prompt {k}", indices=(0,)) for k in range(200)]
with open(sys.argv[2], "a") as file:
    for c in model.complete(wanted, sampling=Sampling(temperature=1.0)):
        file.write(c.problem_id + "\\n")
        file.flush()
"""


def test_a_kill_loses_no_more_than_is_on_its_way(tmp_path: Path) -> None:
    with serving(Script(delay_s=0.01), tmp_path) as server:
        process = subprocess.Popen([sys.executable, "-c", KILLED, server.model, str(tmp_path / "got")])
        while not (tmp_path / "got").exists() or (tmp_path / "got").read_text().count("\n") < 30:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.3)
        kept = (tmp_path / "got").read_text().splitlines()
        assert 30 <= len(kept) <= len(server.requests()) <= len(kept) + 4

"""data keywords: a pool grown from the root, with where each name comes from; what is left out; what is asked again."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.curriculum import GROUPS, curriculum, designs
from tests.fakes.openai_server import Script
from tests.fakes.teacher import serving

from rtlscribe import jsonl
from rtlscribe.asking import Keyword
from rtlscribe.stages.keywords import normal


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_pool_is_grown_from_the_root(rtlscribe: Callable, tmp_path: Path) -> None:
    with serving(curriculum([]), tmp_path / "s") as server:
        command = ["data", "keywords", "--model", server.model, "--output", "k", "--n", "90", "--queries", "60"]
        ran = rtlscribe(*command, "--json")
        assert ran.status == 0, ran.err
        asked = server.requests()
        assert rtlscribe(*command).status == 0  # a finished run asks nothing
        assert len(server.requests()) == len(asked)
    summary = json.loads(ran.out)
    found = list(jsonl.read(tmp_path / "k/out.jsonl", Keyword))
    assert len(found) == summary["keywords"] > 50
    assert len({normal(k.keyword) for k in found}) == len(found)
    assert summary["queries"] == len(asked) <= 60
    assert summary["tokens"] == 110 * len(asked)
    by_depth = Counter(k.depth for k in found)
    assert by_depth[0] == 3 * len(GROUPS)  # the examples; the categories are asked about, and are no circuits
    assert by_depth[1] > 0
    assert not {f"{group}s" for group in GROUPS} & {k.keyword.lower() for k in found}
    queries = {line["problem_id"] for line in (r["completion"] for r in lines(tmp_path / "k/replies.jsonl"))}
    assert {k.query for k in found} <= queries
    first = found[0]
    assert (first.keyword, first.path, first.model) == ("fast counter", ("Counters",), "endpoint:fake")
    assert all(k.path for k in found)
    rejects = Counter(r["reason"] for r in lines(tmp_path / "k/rejects.jsonl"))
    assert rejects == summary["rejected"]
    assert rejects["duplicate"] > 0


@pytest.mark.parametrize(("options", "most"), [(["--n", "10"], 1), (["--depth", "0"], 1), (["--queries", "4"], 4)])
def test_it_stops_where_it_was_told(rtlscribe: Callable, tmp_path: Path, options: list[str], most: int) -> None:
    with serving(curriculum([]), tmp_path / "s") as server:
        ran = rtlscribe("data", "keywords", "--model", server.model, "--output", "k", *options, "--json")
        assert ran.status == 0
        assert len(server.requests()) == most
    assert json.loads(ran.out)["keywords"] <= int(options[1]) or options[0] != "--n"


def test_what_failed_is_asked_again_and_nothing_else(rtlscribe: Callable, tmp_path: Path) -> None:
    """A branch whose every try fails is owed; the server that comes back sees that question and those below alone."""
    faults = [["status 500"] * 2, [], [], []]
    command = ["data", "keywords", "--output", "k", "--n", "90", "--queries", "40", "--retries", "0"]
    with serving(curriculum([], faults=faults), tmp_path / "s") as server:
        name = server.model
        ran = rtlscribe(*command, "--model", "endpoint:fake", "--concurrency", "1")
        assert ran.status == 2  # no URL
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_BASE_URL", server.url)
            ran = rtlscribe(*command, "--model", "endpoint:fake", "--concurrency", "1")
        assert ran.status == 1
        assert "answers did not come" in ran.err
        first = server.requests()
        failures = lines(tmp_path / "k/failures.jsonl")
        assert len(failures) == sum(line["outcome"] == "500" for line in first) > 0
        assert "status 500" in failures[0]["error"]
    answered = {line["name"] for line in first if line["outcome"] == "200"}
    before = (tmp_path / "k/out.jsonl").read_text()
    with serving(curriculum([]), tmp_path / "s", name="again") as server, pytest.MonkeyPatch.context() as patch:
        assert server.model != name
        patch.setenv("OPENAI_BASE_URL", server.url)
        ran = rtlscribe(*command, "--model", "endpoint:fake")
        assert ran.status == 0
        second = {line["name"] for line in server.requests()}
    assert not second & answered
    assert {line["name"] for line in first} - answered <= second
    assert (tmp_path / "k/out.jsonl").read_text().startswith(before)
    found = [normal(k.keyword) for k in jsonl.read(tmp_path / "k/out.jsonl", Keyword)]
    assert len(found) == len(set(found))


def test_prose_is_no_list(rtlscribe: Callable, tmp_path: Path) -> None:
    with serving(Script(replies=[("", ["I would rather not."])]), tmp_path / "s") as server:
        ran = rtlscribe("data", "keywords", "--model", server.model, "--output", "k")
    assert ran.status == 1
    assert "no reply held a list" in ran.err


def test_prompts_of_the_users(rtlscribe: Callable, tmp_path: Path) -> None:
    assert rtlscribe("data", "prompts", "--output", "mine").status == 0
    shipped = {path.name for path in (tmp_path / "mine").iterdir()}
    assert {"keywords_root.jinja", "answer.jinja", "system.jinja", "serial.jinja"} <= shipped
    for path in (tmp_path / "mine").iterdir():
        if path.name != "keywords_root.jinja":
            path.unlink()
    (tmp_path / "mine/keywords_root.jinja").write_text("list the categories, please\n")
    command = ["data", "keywords", "--output", "k", "--n", "10", "--prompts", "mine", "--model"]
    with serving(curriculum(designs(1)), tmp_path / "s") as server:
        assert rtlscribe(*command, server.model).status == 0
        (asked,) = server.requests()
        assert asked["asked"]["messages"][-1]["content"] == "list the categories, please"
        (tmp_path / "mine/keywords_root.jinja").write_text("list the categories, now\n")
        ran = rtlscribe(*command, server.model)
        assert ran.status == 2
        assert "prompts" in ran.err
    (tmp_path / "mine/answers.jinja").write_text("")
    ran = rtlscribe(*command, server.model)
    assert ran.status == 2
    assert "answers.jinja is no template" in ran.err


def test_a_budget_in_money_wants_prices(rtlscribe: Callable) -> None:
    ran = rtlscribe("data", "keywords", "--model", "endpoint:m@http://localhost:9/v1", "--budget-cost", "1")
    assert ran.status == 2
    assert "--price-in" in ran.err

"""The commands on a cluster: the same results as here, none lost with a node or with the command itself."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.openai_server import Script
from tests.fakes.teacher import serving

from rtlscribe import jsonl
from rtlscribe.checkers.base import open_checker
from rtlscribe.designs import FAMILIES
from rtlscribe.designs.generate import Worded, worded
from rtlscribe.executors.base import open_executor
from rtlscribe.models.scripted import Line

WORDS = "The module passes its input on to its output."
ROWS = 80


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "d.jsonl"
    jsonl.write(path, [{"id": n, "instruction": f"Build circuit {n}."} for n in range(ROWS)])
    return path


@pytest.fixture
def designs(tmp_path: Path) -> list[Worded]:
    """Three problems in p.jsonl, and in said.jsonl right, wrong, broken and no answers to each."""
    found = [worded(FAMILIES[name], 3, level="normal") for name in sorted(FAMILIES)[::12][:3]]
    jsonl.write(tmp_path / "p.jsonl", [d.problem() for d in found])
    said = [(d.id, text) for d in found for text in (d.design.reference, d.design.mutants()[0], "module m(", "No.")]
    jsonl.write(tmp_path / "said.jsonl", [Line(problem_id=name, text=text) for name, text in said])
    return found


def transform(model: str, cluster: Any, *, replicas: int) -> list[str]:
    return [
        "transform", "--json-file", "d.jsonl", "--model", model, "--output", "r", "--concurrency", "2",
        "--max-batch-size", "6", "--executor", f"ray:{cluster.address}", "--replicas", str(replicas), "--json",
    ]  # fmt: skip


def check_output(folder: Path, source: Path) -> None:
    """Each row is there once, in order."""
    written = [json.loads(line) for line in (folder / "d_fake_description.jsonl").read_text().splitlines()]
    assert written == [json.loads(line) | {"description": WORDS} for line in source.read_text().splitlines()]
    keys = [json.loads(line)["key"] for line in (folder / "r/out.jsonl").read_text().splitlines()]
    assert len(keys) == len(set(keys)) == ROWS


def done(folder: Path) -> int:
    out = folder / "r/out.jsonl"
    return out.read_bytes().count(b"\n") if out.exists() else 0


def wait_for(count: int, folder: Path) -> None:
    deadline = time.monotonic() + 60
    while done(folder) < count and time.monotonic() < deadline:
        time.sleep(0.02)


def test_transform_when_a_node_is_killed(cluster: Any, rtlscribe: Callable, tmp_path: Path, rows: Path) -> None:
    from ray._private.state import actors

    node = cluster.add_node(num_cpus=2, object_store_memory=80 * 1024 * 1024)
    cluster.wait_for_nodes()
    there: list[str] = []

    def kill() -> None:
        wait_for(10, tmp_path)
        there.extend(a["Address"]["NodeID"] for a in actors().values() if a["State"] == "ALIVE")
        cluster.remove_node(node, allow_graceful=False)

    with serving(Script(replies=[("", [WORDS])], delay_s=0.3), tmp_path / "server") as server:
        killer = threading.Thread(target=kill)
        killer.start()
        ran = rtlscribe(*transform(server.model, cluster, replicas=3))
        killer.join()
    assert ran.status == 0, ran.err
    assert node.node_id in there
    check_output(tmp_path, rows)
    summary = json.loads(ran.out)
    assert (summary["prompts"], summary["transformed"]) == (ROWS, ROWS)
    assert summary["output_tokens_per_s"] > 0


def test_transform_when_the_command_is_killed(cluster: Any, rtlscribe: Callable, tmp_path: Path, rows: Path) -> None:
    with serving(Script(replies=[("", [WORDS])], delay_s=0.2), tmp_path / "server") as server:
        arguments = transform(server.model, cluster, replicas=2)
        command = [sys.executable, "-c", "from rtlscribe.cli import main; main()", *arguments]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(10, tmp_path)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        before = done(tmp_path)
        ran = rtlscribe(*arguments)
        asked = Counter(line["name"] for line in server.requests())
    assert ran.status == 0, ran.err
    assert 0 < before < ROWS
    check_output(tmp_path, rows)
    assert json.loads(ran.out)["prompts"] == ROWS - before  # what is owed, and no more
    assert asked.total() <= ROWS + 2 * 2 * 6  # again only what replicas had at hand


COMMANDS = {
    "evaluate": "evaluate p.jsonl --model scripted:said.jsonl --n 4 --workers 2 --replicas 2",
    "sample": "sample --data p.jsonl --model scripted:said.jsonl --n 4 --replicas 2",
    "score by agreement": "score --rule agreement --completions s --data p.jsonl --workers 2",
    "score by testbench": "score --rule function --completions s --data p.jsonl --workers 2",
    "verify": "data verify p.jsonl --completions s --min-votes 1 --min-agreement 0.1 --workers 2",
}


@pytest.mark.parametrize("case", COMMANDS)
@pytest.mark.usefixtures("designs", "icarus")
def test_results_are_those_of_the_pool(cluster: Any, rtlscribe: Callable, tmp_path: Path, case: str) -> None:
    if "--completions s" in COMMANDS[case]:
        given = "sample --data p.jsonl --model scripted:said.jsonl --n 4 --output s"
        assert rtlscribe(*given.split()).status == 0
    found = []
    for output, command in (
        ("here", COMMANDS[case].replace(" --replicas 2", "")),
        ("there", f"{COMMANDS[case]} --executor ray:{cluster.address}"),
    ):
        ran = rtlscribe(*command.split(), "--output", output, "--json")
        assert ran.status == 0, ran.err
        lines = sorted(text for _, text in jsonl.lines(tmp_path / output / "out.jsonl"))
        told = json.loads(ran.out) | {"output": "", "written": ""}
        found.append((told, len(lines) if case == "evaluate" else lines))  # verdicts tell the time that they took
    assert found[0] == found[1]


def test_checks_are_confined_on_the_cluster_too(cluster: Any, icarus: str) -> None:
    checker: Any = open_checker("iverilog")
    (result,) = open_executor("ray").map(lambda _: checker.measures(), [0], workers=1)
    assert result.value == checker.measures()


def test_a_node_with_another_simulator_does_not_judge(cluster: Any, icarus: str) -> None:
    checker: Any = open_checker("iverilog")
    checker.name = "iverilog-99.0"  # as of a command on a machine that has this one
    (result,) = open_executor("ray").map(lambda _: checker.measures(), [0], workers=1)
    assert f"has iverilog-{icarus}; the run is judged by iverilog-99.0: install that there" in str(result.error)


WRONG = {
    "no cluster": ("transform --json-file d.jsonl --replicas 2", "--replicas 2: the executor pool has none"),
    "a budget": (
        "sample --data p.jsonl --replicas 2 --executor ray --budget-tokens 9",
        "replicas cannot keep a budget together",
    ),
    "Ray Client": ("transform --json-file d.jsonl --replicas 2 --executor ray:ray://h:10001", "cannot stream results"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.usefixtures("rows", "designs")
def test_what_cannot_be_is_named(rtlscribe: Callable, case: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
    command, message = WRONG[case]
    ran = rtlscribe(*command.split(), "--model", "endpoint:m@http://127.0.0.1:9/v1")
    assert (ran.status, message in ran.err) == (2, True)


def test_a_cluster_that_is_not_there_is_named(process: Callable, rows: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
    model = "endpoint:m@http://127.0.0.1:9/v1"
    ran = process("transform", "--json-file", rows, "--model", model, "--executor", "ray:127.0.0.1:9", "--replicas", 2)
    assert ran.status == 2
    assert "no Ray cluster answers at '127.0.0.1:9': " in ran.err


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")
def test_ray_data(cluster: Any, tmp_path: Path) -> None:
    """Parquet in, Parquet out: repeated texts, one that nothing came of, rows without a text, an earlier value."""
    import pyarrow.parquet as pq
    import ray

    from rtlscribe.transforming.dataset import Transformer

    texts = [*(f"Build circuit {n % 5}." for n in range(20)), None, " ", "Build the forbidden."]
    rows = [{"id": n, "instruction": text, "description": "old" if n > 20 else None} for n, text in enumerate(texts)]
    with serving(Script(replies=[("forbidden", ["assign y = a;"]), ("", [WORDS])]), tmp_path / "server") as server:
        given = {"model": server.model, "given": "instruction", "wanted": "description"}
        done = ray.data.from_items(rows).map_batches(
            Transformer, fn_constructor_kwargs=given, concurrency=1, batch_size=23
        )
        done.write_parquet(str(tmp_path / "done"))
        asked = server.requests()
    found = sorted(pq.read_table(tmp_path / "done").to_pylist(), key=lambda row: row["id"])
    assert [row["instruction"] for row in found] == texts
    assert [row["description"] for row in found] == [WORDS] * 20 + [None, "old", "old"]
    assert {row["description_fault"] for row in found[:20]} == {""}
    assert [row["description_fault"] for row in found[20:]] == [
        "no text in its 'instruction'", "no text in its 'instruction'", "there is code in the description"
    ]  # fmt: skip
    assert len(asked) == 5 + 3  # and the useless one twice more

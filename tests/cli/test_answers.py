"""data answers: which answers are kept, what becomes of the others; and the whole flow, killed again and again."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.curriculum import curriculum, designs
from tests.fakes.openai_server import Script
from tests.fakes.teacher import serving

from rtlscribe import jsonl
from rtlscribe.records import Problem, Sample
from rtlscribe.samples import read_samples

HEADER = "module inv(input a, output y);"
GOOD = f"{HEADER}\n  assign y = ~a;\nendmodule\n"
KILLS = 2  # of each command, at most
KEY = "sk-not-to-be-seen-0123456789"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_tasks(path: Path, count: int) -> None:
    """Tasks as `data instructions` writes them."""
    samples = [d.sample() for d in designs(count)]
    jsonl.write(
        path,
        [
            Sample(id=f"t-{s.id}", instruction=s.instruction, header=s.header, origin="instructions:keywords:x")
            for s in samples
        ],
    )


def test_answers_that_compile_are_kept(rtlscribe: Callable, icarus: str, tmp_path: Path) -> None:
    write_tasks(tmp_path / "i.jsonl", 12)
    command = ["data", "answers", "--data", "i.jsonl", "--output", "a"]
    with serving(curriculum(designs(12)), tmp_path / "s") as server:
        ran = rtlscribe(*command, "--model", server.model, "--json")
        assert ran.status == 0, ran.err
        assert len(server.requests()) == 12  # five answers to each in one request
        assert rtlscribe(*command, "--model", server.model).status == 0
        assert len(server.requests()) == 12
    summary = json.loads(ran.out)
    rows = {row.id: row for row in read_samples(tmp_path / "a/out.jsonl")}
    assert (summary["rows"], summary["answers"], summary["discarded"]) == (12, 60, 0)
    assert summary["kept"] == sum(len(row.responses) for row in rows.values()) == 24
    assert summary["rejected"] == {
        "syntax_error (pyslang)": 12, "no_code (pyslang)": 12, "other interface": 12
    }  # fmt: skip
    for sample in (d.sample() for d in designs(12)):
        row = rows[f"t-{sample.id}"]
        assert row.responses == (row.verilog,) * 2
        assert row.verilog.split() == sample.verilog.split()
        assert (row.reference, row.scores, row.instruction) == (0, (), sample.instruction)
        assert row.origin == "instructions:keywords:x; answered by endpoint:fake"
    rejects = lines(tmp_path / "a/rejects.jsonl")
    assert {r["id"] for r in rejects} == rows.keys()
    assert Counter(a["reason"] for r in rejects for a in r["answers"]) == summary["rejected"]


@pytest.mark.parametrize(
    ("answer", "reason", "options"),
    [
        (GOOD, "", []),
        ("  assign y = ~a;\nendmodule\n", "", []),  # a body, put under the header
        (f"```verilog\n{GOOD}```\nAnd a test bench:\n```verilog\nmodule tb; inv dut(0, ); endmodule\n```", "", []),
        (GOOD.replace("~a", "~b"), "syntax_error (pyslang)", []),
        (GOOD.replace("inv", "not1"), "other interface", []),
        (GOOD.replace("input a", "input [1:0] a"), "other interface", []),
        (GOOD.replace("inv", "not1"), "", ["--no-interface"]),
        ("I cannot.", "no_code (pyslang)", []),
        (GOOD.replace("assign", "initial $system(0);\n  assign"), "rejected (iverilog-{icarus})", []),
        (GOOD.replace("assign", "wire [3:0] w; wire z = w[7];\n assign"), "", ["--checkers", "pyslang"]),
    ],
)
def test_what_is_kept(
    rtlscribe: Callable, icarus: str, tmp_path: Path, answer: str, reason: str, options: list[str]
) -> None:
    jsonl.write(tmp_path / "p.jsonl", [Problem(id="inv", text="Invert a.", header=HEADER)])
    with serving(Script(replies=[("", [answer])]), tmp_path / "s") as server:
        ran = rtlscribe(
            "data", "answers", "--data", "p.jsonl", "--output", "a", "--model", server.model, "--json", *options
        )
    if not reason:
        (row,) = read_samples(tmp_path / "a/out.jsonl")
        assert len(row.responses) == 5
        assert re.match(r"module (inv|not1)\(", row.verilog)
        assert "tb" not in row.verilog
        return
    assert ran.status == 1  # of all tasks none has an answer
    assert "no answer to any of 1 tasks compiles" in ran.err
    (rejected,) = lines(tmp_path / "a/rejects.jsonl")
    assert rejected["discarded"]
    found = {a["reason"] for a in rejected["answers"]}
    if "iverilog" in reason:  # either checker may be the first to refuse it
        assert all(r.startswith(("rejected", "syntax_error")) for r in found)
    else:
        assert found == {reason}


def test_failed_answers_are_owed_and_refused_ones_are_not(rtlscribe: Callable, icarus: str, tmp_path: Path) -> None:
    write_tasks(tmp_path / "i.jsonl", 20)
    command = ["data", "answers", "--data", "i.jsonl", "--output", "a", "--n", "2", "--retries", "0"]
    command += ["--model", "endpoint:fake"]
    behaviour = {"knows_n": False, "faults": [["status 500"], ["status 422"], [], [], []]}
    with pytest.MonkeyPatch.context() as patch:
        with serving(curriculum(designs(20), **behaviour), tmp_path / "s") as server:
            patch.setenv("OPENAI_BASE_URL", server.url)
            ran = rtlscribe(*command)
            first = Counter(line["outcome"] for line in server.requests())
        assert first["500"] > 0
        assert first["422"] > 0
        assert ran.status == 1
        told = Counter(f["refused"] for f in lines(tmp_path / "a/failures.jsonl"))
        assert f"{told[False]} answers did not come" in ran.err
        assert all(
            f["error"].startswith(f"status {422 if f['refused'] else 500}")
            for f in lines(tmp_path / "a/failures.jsonl")
        )
        with serving(curriculum(designs(20), knows_n=False), tmp_path / "s", name="two") as server:
            patch.setenv("OPENAI_BASE_URL", server.url)
            ran = rtlscribe(*command, "--json")
            second = server.requests()
    assert ran.status == 0
    summary = json.loads(ran.out)
    assert summary["answers"] == 40
    assert len(second) >= told[False]
    replies = Counter(
        (r["completion"]["problem_id"], r["completion"]["index"]) for r in lines(tmp_path / "a/replies.jsonl")
    )
    assert set(replies.values()) == {1}


def run_until_killed(
    command: list[str], folder: Path, rng: random.Random, environment: dict[str, str], *, kill: bool
) -> int | None:
    """The exit status, or None if it was killed, some replies later."""
    replies = folder / command[-1] / "replies.jsonl"
    most = _count(replies) + rng.randint(1, 12) if kill else sys.maxsize
    process = subprocess.Popen(
        [sys.executable, "-c", "from rtlscribe.cli import main; main()", *command],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None and _count(replies) < most:
        time.sleep(0.005)
    time.sleep(rng.uniform(0, 0.05))
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None
    return process.returncode


def _count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_the_flow_survives_kills_and_faults(rtlscribe: Callable, icarus: str, tmp_path: Path) -> None:
    """Killed at random, before a server that misbehaves: the same rows, and no reply on disk is asked for again.

    The key is in no file.
    """
    rng = random.Random(7)
    chosen = designs(30)
    faults = [["status 429 0.1", "cut"], ["garbage"], [], [], ["status 503"]]
    steps = [
        ["data", "keywords", "--n", "40", "--queries", "16", "--output", "k"],
        ["data", "instructions", "--keywords", "k", "--n", "12", "--initial", "4", "--together", "8", "--output", "i"],
        ["data", "answers", "--data", "i", "--n", "3", "--checkers", "pyslang", "--output", "a"],
    ]
    common = ["--model", "endpoint:fake", "--concurrency", "4"]
    script = curriculum(chosen, faults=faults, delay_s=0.08, knows_n=False, key=KEY)
    kills = 0
    with serving(script, tmp_path / "s") as server:
        environment = {"OPENAI_BASE_URL": server.url, "RTLSCRIBE_API_KEY": KEY}
        for step in steps:
            folder = tmp_path / step[-1]
            settled: Counter[str] = Counter()
            for attempt in range(KILLS + 1):
                status = run_until_killed(
                    [*step[:2], *common, *step[2:]], tmp_path, rng, environment, kill=attempt < KILLS
                )
                time.sleep(0.2)
                log = [line for line in server.requests() if line["outcome"] == "200"]
                asked = Counter(line["name"] for line in log)
                again = {name for name, times in settled.items() if asked[name] > times}
                assert not again
                on_disk = _names_on_disk(folder, log)
                settled = Counter({name: asked[name] for name in on_disk})
                if status is not None:
                    break
                kills += 1
            assert status == 0
        unseen = [line for line in server.requests() if line["outcome"] != "200"]
    assert kills > KILLS
    assert unseen
    clean = curriculum(chosen, knows_n=False)
    with serving(clean, tmp_path / "s", name="clean") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", server.url)
        (tmp_path / "whole").mkdir()
        patch.chdir(tmp_path / "whole")
        for step in steps:
            assert rtlscribe(*step, *common).status == 0
    for name in "kia":
        killed, whole = ((tmp_path / part / name / "out.jsonl").read_text() for part in (".", "whole"))
        assert sorted(killed.splitlines()) == sorted(whole.splitlines())
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.parent.name != "s":
            assert KEY not in path.read_text(errors="replace")


def _names_on_disk(folder: Path, log: list[dict]) -> set[str]:
    """The server's names of the requests whose reply the run has; prompts and seeds are as good as the run's keys."""
    path = folder / "replies.jsonl"
    if not path.exists():
        return set()
    from rtlscribe.models.protocol import seed

    whole = [line for line in path.read_text().split("\n")[:-1] if line]
    replies = [json.loads(line)["completion"] for line in whole]
    seeds = {seed(0, reply["problem_id"], reply["index"]) for reply in replies}
    return {line["name"] for line in log if line["asked"]["seed"] in seeds}


FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, resource.RLIM_INFINITY))
from rtlscribe.cli import main
main()
"""


def test_a_full_disk_loses_nothing(rtlscribe: Callable, tmp_path: Path) -> None:
    """No file may grow beyond 9 kB, in the middle of a line: the command says so, and goes on once it can."""
    (tmp_path / "words.txt").write_text("counter\nFIFO\nUART\n")
    command = ["data", "instructions", "--keywords", "words.txt", "--n", "12", "--initial", "4", "--together", "8"]
    command += ["--model", "endpoint:fake"]
    with serving(curriculum(designs(30)), tmp_path / "s") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", server.url)
        assert rtlscribe(*command, "--output", "whole").status == 0
        whole = len(server.requests())
        done = subprocess.run(
            [sys.executable, "-c", FULL, *command, "--output", "full"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "File too large" in done.stderr
        assert "Traceback" not in done.stderr
        kept = _names_on_disk(tmp_path / "full", server.requests())
        before = len(server.requests())
        assert rtlscribe(*command, "--output", "full").status == 0
        assert not kept & {line["name"] for line in server.requests()[before:]}
        assert 0 < len(kept) < whole
    assert (tmp_path / "full/out.jsonl").read_text() == (tmp_path / "whole/out.jsonl").read_text()


def test_the_other_commands_take_an_endpoint(rtlscribe: Callable, problems: Path, tmp_path: Path) -> None:
    """What came is kept where something did not, and the same command asks for that alone."""
    command = ["sample", "--data", problems, "--model", "endpoint:fake", "--beams", "1", "--temperature", "0.8"]
    command += ["--n", "3", "--output", "o"]
    with pytest.MonkeyPatch.context() as patch:
        with serving(Script(faults=[["status 422"], []], knows_n=False), tmp_path / "s") as server:
            patch.setenv("OPENAI_BASE_URL", server.url)
            ran = rtlscribe(*command)
        assert ran.status == 1
        assert "completions did not come" in ran.err
        came = len(lines(tmp_path / "o/out.jsonl"))
        assert 0 < came < 12
        with serving(Script(knows_n=False), tmp_path / "s", name="two") as server:
            patch.setenv("OPENAI_BASE_URL", server.url)
            assert rtlscribe(*command).status == 0
            assert len(server.requests()) == 12 - came
    assert len({(c["problem_id"], c["index"]) for c in lines(tmp_path / "o/out.jsonl")}) == 12


def test_the_recipes(rtlscribe: Callable, icarus: str, tmp_path: Path) -> None:
    """The shipped configurations are taken as they are, the sizes aside."""
    recipes = Path(__file__).parents[2] / "recipes/dataset"
    with serving(curriculum(designs(20)), tmp_path / "s") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", server.url)
        for name, options in {
            "keywords": ["--n", "20"],
            "instructions": ["--n", "4", "--keywords", "keywords", "--together", "8"],
            "answers": ["--data", "instructions"],
        }.items():
            command = ["data", name, "--config", recipes / f"{name}.toml", "--model", "endpoint:fake", *options]
            ran = rtlscribe(*command, "--output", name)
            assert ran.status == 0, ran.err
    assert len(read_samples(tmp_path / "answers/out.jsonl")) == 4

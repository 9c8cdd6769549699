"""data instructions: tasks from keywords and from tasks, what is left out, and a run that goes on as it began."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.curriculum import curriculum, designs
from tests.fakes.openai_server import Script
from tests.fakes.teacher import serving

from rtlscribe import jsonl
from rtlscribe.samples import read_problems, read_samples
from rtlscribe.similarity import rouge_l

GOOD = "Build an inverter of one bit.\n```verilog\nmodule inv(input a, output y);\n```"
MUTANT = "Build a NOR gate of two bits with an enable.\n```\nmodule nor_en(input [1:0] a, input en, output y);\n```"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def keywords(tmp_path: Path) -> Path:
    (tmp_path / "words.txt").write_text("counter\n\nFIFO\nUART transmitter\nbarrel shifter\ncounter\n")
    return tmp_path / "words.txt"


def test_tasks_from_keywords_then_mutations(rtlscribe: Callable, tmp_path: Path, keywords: Path) -> None:
    command = ["data", "instructions", "--keywords", keywords, "--output", "i", "--n", "30", "--initial", "8"]
    command += ["--together", "16", "--reasoning"]
    with serving(curriculum(designs(60)), tmp_path / "s") as server:
        ran = rtlscribe(*command, "--model", server.model, "--json")
        assert ran.status == 0, ran.err
        asked = server.requests()
    summary = json.loads(ran.out)
    rows = read_samples(tmp_path / "i/out.jsonl")
    rejects = lines(tmp_path / "i/rejects.jsonl")
    assert len(rows) == summary["instructions"] == 30
    assert len({r.id for r in rows}) == 30
    for i, row in enumerate(rows):
        assert all(rouge_l(other.instruction, row.instruction) <= 0.7 for other in rows[:i])
    known = {design.sample().instruction: design.sample().header for design in designs(60)}
    assert {row.instruction: row.header for row in rows}.items() <= known.items()
    assert all(row.description.startswith("1. Think of") for row in rows)
    assert summary["kinds"].keys() == {"keywords", "same_function", "same_hardware", "parallel", "serial"}
    assert summary["kinds"]["keywords"] >= 8
    assert Counter(r["reason"] for r in rejects) == summary["rejected"]
    assert {"no header", "like another", "invalid word"} >= summary["rejected"].keys() >= {"like another"}
    assert len(asked) == summary["queries"]
    ids = {row.id for row in rows}
    for row in rows:
        _, kind, parents = row.origin.split(":", 2)
        named = parents.split("+")
        assert len(named) == {"parallel": 2, "serial": 2, "keywords": len(named)}.get(kind, 1)
        assert kind == "keywords" or set(named) <= ids
    prompts = [line["asked"]["messages"][-1]["content"] for line in asked]
    assert all("reasoning steps included" in prompt for prompt in prompts)
    two = [p for p in prompts if "bring these topics together" in p]
    assert 0 < len(two) < len([p for p in prompts if "[Given Topic]" in p])
    mutated = next(row for row in rows if row.origin.startswith("instructions:serial"))
    by_id = {row.id: row for row in rows}
    first, second = (by_id[name] for name in mutated.origin.split(":", 2)[2].split("+"))
    assert any(first.instruction in p and second.instruction in p and first.header in p for p in prompts)


@pytest.mark.parametrize(
    ("reply", "reason", "detail"),
    [
        ("Build an inverter of one bit.", "no header", ""),
        ("Invert.\n```\nmodule inv(input a, output y);\n```", "length", "1 words"),
        (f"{'word ' * 401}\n```\nmodule inv(input a, output y);\n```", "length", "401 words"),
        ("Build an inverter for an image.\n```\nmodule inv(input a, output y);\n```", "invalid word", "image"),
        ("“Build” an inverter of one bit.\n```\nmodule inv(input a, output y);\n```", "not ASCII", "“"),
        ("Build an inverter of one bit.\n```\nmodule inv(a, y);\n```", "header", "no I/O member"),
        ("Build an inverter of one bit.\n```\nmodule inv(input a);\n```", "header", "no output"),
        ("Build an inverter of one bit.\n```\nmodule inv(input [7 a, output y);\n```", "no header", ""),
        ("Build an inverter for the ciphertext.\n```\nmodule inv(input a, output wire y\n);\n```", "", ""),
        (GOOD.replace("\n```verilog\n", "\n").replace("```", ""), "", ""),
        (f"<think>Draw an image?</think>[New Instruction]\n{GOOD}", "", ""),
        (GOOD.replace("```verilog\n", "```verilog\n// ports\n"), "", ""),
        (
            "Build an inverter of one bit.\n```verilog\nmodule inv(input a, output y);\nassign y = ~a;\nendmodule\n```",
            "",
            "",
        ),
        (f"[Instruction]\nThe example.\n```\nmodule x(input a, output y);\n```\n[Instruction]\n{GOOD}", "", ""),
    ],
)
def test_what_is_a_task(
    rtlscribe: Callable, tmp_path: Path, keywords: Path, reply: str, reason: str, detail: str
) -> None:
    command = ["data", "instructions", "--keywords", keywords, "--output", "i", "--n", "1", "--queries", "1"]
    with serving(Script(replies=[("", [reply])]), tmp_path / "s") as server:
        ran = rtlscribe(*command, "--together", "1", "--model", server.model, "--json")
    assert ran.status == 0
    summary = json.loads(ran.out)
    assert summary["rejected"] == ({reason: 1} if reason else {})
    if reason:
        (reject,) = lines(tmp_path / "i/rejects.jsonl")
        assert detail in reject["detail"]
        assert reject["text"] == reply
    else:
        (row,) = read_samples(tmp_path / "i/out.jsonl")
        assert re.fullmatch(r"Build an inverter (of one bit|for the ciphertext)\.", row.instruction)
        assert " ".join(row.header.split()).startswith("module inv(input a, output")
        assert row.header.endswith(");")


def test_what_was_cut_off_is_none(rtlscribe: Callable, tmp_path: Path, keywords: Path) -> None:
    command = ["data", "instructions", "--keywords", keywords, "--output", "i", "--n", "1", "--queries", "3"]
    with serving(Script(replies=[("", [GOOD])], finish="length"), tmp_path / "s") as server:
        ran = rtlscribe(*command, "--model", server.model, "--json")
    assert json.loads(ran.out)["rejected"] == {"cut off": 3}


def test_a_data_set_is_expanded(rtlscribe: Callable, tmp_path: Path) -> None:
    """Seeds are mutated, never repeated, and not written again."""
    seed = designs(1)[0].sample()
    (tmp_path / "seeds.jsonl").write_text(
        json.dumps({"Instruction": seed.instruction, "Input": seed.header, "Response": [seed.verilog]}) + "\n"
    )
    said = [GOOD, f"{seed.instruction} Please.\n```\n{seed.header}\n```", MUTANT]
    command = ["data", "instructions", "--seeds", "seeds.jsonl", "--output", "i", "--n", "2", "--together", "6"]
    command += ["--queries", "60"]
    with serving(Script(replies=[("", said)]), tmp_path / "s") as server:
        ran = rtlscribe(*command, "--model", server.model)
        assert ran.status == 0, ran.err
        prompts = [line["asked"]["messages"][-1]["content"] for line in server.requests()]
    assert all(seed.instruction in prompt for prompt in prompts[:6])
    rows = read_problems(tmp_path / "i/out.jsonl")
    assert {row.text for row in rows} == {GOOD.split("\n")[0], MUTANT.split("\n")[0]}
    assert {r.origin.split(":", 2)[2] for r in read_samples(tmp_path / "i/out.jsonl")} <= {
        "seeds-1", *(row.id for row in rows), *(f"seeds-1+{row.id}" for row in rows)
    }  # fmt: skip


def test_a_teacher_that_does_not_do_it(rtlscribe: Callable, tmp_path: Path, keywords: Path) -> None:
    command = ["data", "instructions", "--keywords", keywords, "--output", "i", "--together", "4"]
    with serving(Script(replies=[("", ["No."])]), tmp_path / "s") as server:
        ran = rtlscribe(*command, "--model", server.model)
        assert len(server.requests()) == 20
    assert ran.status == 1
    assert "most often for this reason: no header" in ran.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "give --keywords, --seeds or both"),
        (["--keywords", "nowhere.txt"], "nowhere.txt"),
        (["--keywords", "empty.txt"], "no keywords"),
        (["--seeds", "one.jsonl", "--mutations", "serial"], "fewer tasks than a mutation wants"),
        (["--seeds", "one.jsonl", "--mutations", "sideways"], "sideways"),
    ],
)
def test_what_cannot_be_meant(rtlscribe: Callable, tmp_path: Path, options: list[str], words: str) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "one.jsonl").write_text('{"instruction": "Invert a.", "output": "module m; endmodule"}\n')
    ran = rtlscribe("data", "instructions", "--model", "endpoint:m@http://127.0.0.1:9/v1", "--output", "i", *options)
    assert ran.status == 2
    assert words in ran.err


def test_a_budget_stops_and_more_goes_on(rtlscribe: Callable, tmp_path: Path, keywords: Path) -> None:
    """The tasks are those of a run without a stop, and no question is asked twice."""
    command = ["data", "instructions", "--keywords", keywords, "--n", "20", "--initial", "6", "--together", "8"]
    command += ["--max-tokens", "50"]
    with serving(curriculum(designs(60)), tmp_path / "s") as server:
        at = ["--model", "endpoint:fake"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_BASE_URL", server.url)
            assert rtlscribe(*command, *at, "--output", "whole").status == 0
            whole = (tmp_path / "whole/out.jsonl").read_text()
            total = len(server.requests())
            for budget in range(2000, 20000, 1500):
                ran = rtlscribe(*command, *at, "--output", "parts", "--budget-tokens", budget, "--concurrency", "3")
                if ran.status == 0:
                    break
                assert ran.status == 1
                assert "larger budget goes on" in ran.err
                spent = sum(r["usage"]["prompt_tokens"] for r in lines(tmp_path / "parts/replies.jsonl"))
                assert spent < budget
            asked = Counter(line["name"] for line in server.requests()[total:])
    assert budget > 2000
    assert (tmp_path / "parts/out.jsonl").read_text() == whole
    assert max(asked.values()) == 1
    assert len(list(jsonl.read(tmp_path / "parts/replies.jsonl", dict))) == len(asked) == total

"""evaluate --repair and --choose: their gain is counted apart, and nothing of the testbench helps them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rtlscribe import jsonl
from rtlscribe.flow import Attempt

NAMES = ("one", "two", "three")
HEADER = "module m(input [3:0] a, input [3:0] b, output [3:0] y);\n"
TESTBENCH = """module tb;
    reg [3:0] a, b; wire [3:0] y; integer wrong = 0;
    m dut(.a(a), .b(b), .y(y));
    initial begin
        for (integer i = 0; i < 256; i = i + 1) begin {a, b} = i; #1 if (y !== (a & b)) wrong = wrong + 1; end
        if (wrong) $display("failed"); else $display("all is well");
        $finish;
    end
endmodule
"""


def code(expression: str) -> str:
    return f"{HEADER}    assign y = {expression};\nendmodule\n"


RIGHT, WRONG, BROKEN = code("a & b"), code("a | b"), code("a & c")
NARROW = RIGHT.replace("input [3:0] b", "input b")


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    """Three problems that are one and the same."""
    rows = [
        {"id": name, "text": "the AND of a and b", "header": HEADER, "testbench": TESTBENCH, "reference": code("a & b")}
        | {"pass_pattern": "all is well", "top": "m"}
        for name in NAMES
    ]
    (tmp_path / "problems.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return tmp_path / "problems.jsonl"


def aided(rtlscribe: Callable, *arguments: str | Path) -> tuple[dict, dict[str, dict]]:
    """The summary, and its aided settings by how."""
    ran = rtlscribe("evaluate", *arguments, "--output", "o", "--json")
    assert ran.status == 0, ran.err
    summary = json.loads(ran.out)
    return summary, {one["how"]: one["setting"] for one in summary["aided"]}


def passes(setting: dict) -> dict[str, tuple[int, int]]:
    return {count["id"]: (count["function"], count["n"]) for count in setting["by_problem"]}


def test_repair_is_told_what_the_checks_find_and_nothing_of_the_testbench(
    rtlscribe: Callable, icarus: str, say: Callable[..., str], problems: Path, tmp_path: Path
) -> None:
    # The first two answers are drawn, the next two are the repairs of the first round, and so on.
    model = say(
        [
            *(("one", text) for text in (BROKEN, RIGHT, RIGHT, WRONG)),  # the first is repaired, the second left alone
            *(("two", text) for text in (WRONG, NARROW, RIGHT, BROKEN, RIGHT, RIGHT)),  # it compiles, so it stays wrong
            ("three", BROKEN),
        ]
    )
    summary, found = aided(rtlscribe, problems, "--model", model, "--n", "2", "--repair", "2")
    assert passes(summary) == {"one": (1, 2), "two": (0, 2), "three": (0, 2)}
    assert passes(found["repair 2"]) == {"one": (2, 2), "two": (1, 2), "three": (0, 2)}
    attempts = {
        (a.completion.problem_id, a.completion.index): a for a in jsonl.read(tmp_path / "o/repaired.jsonl", Attempt)
    }
    assert attempts["two", 0].candidate.code == WRONG
    assert attempts["one", 0].candidate.code == RIGHT


def test_a_cut_run_goes_on(
    rtlscribe: Callable, icarus: str, say: Callable[..., str], problems: Path, tmp_path: Path
) -> None:
    model = say([("*", BROKEN), ("*", RIGHT), ("*", RIGHT), ("*", WRONG)])
    arguments = [problems, "--model", model, "--n", "2", "--repair", "1", "--choose"]
    whole = aided(rtlscribe, *arguments)
    run = tmp_path / "o"
    (run / "manifest.json").write_text(
        json.dumps(json.loads((run / "manifest.json").read_text()) | {"status": "running"})
    )
    for name in ("repaired.jsonl", "chosen.jsonl"):
        first, second, *_ = (run / name).read_text().splitlines(keepends=True)
        (run / name).write_text(first + second[: len(second) // 2])
    assert aided(rtlscribe, *arguments) == whole
    assert whole[1]["repair 1"]["function"]["rate"] == whole[1]["best of 2"]["function"]["rate"] == 1.0


@pytest.mark.parametrize("source", ["--model", "--samples"])
def test_the_chosen_one_does_what_most_do(
    rtlscribe: Callable, icarus: str, say: Callable[..., str], problems: Path, tmp_path: Path, source: str
) -> None:
    said = {
        "one": [WRONG, RIGHT, BROKEN, code("b & a")],  # the same circuit in two ways
        "two": [BROKEN, NARROW, BROKEN, WRONG],  # only one is what was asked for at all
        "three": [WRONG, RIGHT, WRONG, RIGHT],  # as many: the first
    }
    texts = [(name, text) for name, answers in said.items() for text in answers]
    given = say(texts)
    if source == "--samples":
        given = "samples.jsonl"
        lines = [json.dumps({"task_id": name, "completion": text}) for name, text in texts]
        (tmp_path / given).write_text("\n".join(lines) + "\n")
    summary, found = aided(rtlscribe, problems, source, given, "--n", "4", "--choose")
    assert passes(summary) == {"one": (2, 4), "two": (0, 4), "three": (2, 4)}
    assert passes(found["best of 4"]) == {"one": (1, 1), "two": (0, 1), "three": (0, 1)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--samples", "s.jsonl", "--repair", "1"], "--repair asks a model to repair what it said: name --model"),
        (["--model", "scripted:s.jsonl", "--n", "1", "--choose"], "--choose has nothing to choose from"),
    ],
)
def test_what_cannot_be_done_is_refused(rtlscribe: Callable, problems: Path, arguments: list[str], words: str) -> None:
    ran = rtlscribe("evaluate", problems, *arguments)
    assert ran.status == 2
    assert words in ran.err

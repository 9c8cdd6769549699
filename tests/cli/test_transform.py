"""transform: files in and out, checks and retries, what is asked how often, bad input, a kill in the middle."""

import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.openai_server import Script
from tests.fakes.teacher import serving

from rtlscribe.prompts.pairs import Words, names
from rtlscribe.transforming.answers import FIELDS, Found, judge
from rtlscribe.transforming.checks import DEADLY, TOGETHER, Checks, Said

GOOD = "module buffer(input a, output y);\n    assign y = a;\nendmodule\n"
OTHER = "module buffer(input a, output y);\n    assign y = !(!a);\nendmodule\n"
INVERTER = "module buffer(input a, output y);\n    assign y = ~a;\nendmodule\n"
BROKEN = "module buffer(input a, output y);\n    assign y = nowhere;\nendmodule\n"
WORDS = "The module buffer passes its input a on to its output y."
PAIRS = [pair for pair in itertools.product(FIELDS, repeat=2) if pair[0] != pair[1]]


def row(number: int, **more: object) -> dict:
    return {"id": number, "instruction": f"Build circuit {number}.", "nested": {"b": [1, None, "é"], "a": 2}} | more


def write(path: Path, rows: list, *, array: bool = True) -> Path:
    if array:
        path.write_text(json.dumps(rows, indent=4, ensure_ascii=False))
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def read(path: Path) -> list:
    text = path.read_text()
    return json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]


# The script that this command takes the place of

USAGE = {
    "--input_field instruction --output_field description": ("rtl.json", "description"),
    "--input_field instruction --output_field verilog --max_tokens 500": ("rtl.json", "verilog"),
    "--input_field verilog --output_field instruction --model BIG --num_gpus 4": ("rtl.json", "instruction"),
    "--json_file custom_rtl.json --model BIG --input_field description --output_field verilog --num_gpus 4": (
        "custom_rtl.json",
        "verilog",
    ),
    "--temperature 0.7 --top_p 0.95 --max_tokens 300": ("rtl.json", "description"),
}


@pytest.mark.parametrize("dashes", [False, True])
def test_the_examples_of_the_script(
    rtlscribe: Callable, say: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dashes: bool
) -> None:
    """One after the other in one folder, as a user does; only the models are others."""
    source = [row(n, description=f"It is circuit {n}.", verilog=GOOD.replace("buffer", f"b{n}")) for n in range(3)]
    for name in ("rtl.json", "custom_rtl.json"):
        write(tmp_path / name, source)
    answer = {"description": WORDS, "instruction": WORDS, "verilog": GOOD}
    for arguments, (file, field) in USAGE.items():
        big = say([("*", answer[field])], name="Big-70B.jsonl")
        small = say([("*", answer[field])], name="Small-8B.jsonl")
        monkeypatch.setenv("RTLSCRIBE_TRANSFORM_MODEL", small)
        given = arguments.replace("BIG", big)
        given = " ".join(a.replace("_", "-") if dashes and a.startswith("--") else a for a in given.split())
        ran = rtlscribe("transform", *given.split(), "--workers", 1, "--json")
        assert ran.status == 0, ran.err
        model = "Big-70B" if "BIG" in arguments else "Small-8B"
        output = tmp_path / f"{file.removesuffix('.json')}_{model}_{field}.json"
        assert json.loads(ran.out)["output"] == output.name
        assert read(output) == [row | {field: answer[field]} for row in source]
    assert read(tmp_path / "rtl.json") == source
    log = (tmp_path / "vllm_processing.log").read_text()
    assert log.count(" - INFO - finished: ") == 5
    assert "Big-70B: 3 prompts @ 00:0" in log


def test_defaults_are_those_of_the_script(rtlscribe: Callable) -> None:
    out = "".join(rtlscribe("transform", "--help").out.replace("│", " ").split())
    for option in (
        "--modelSTR", "meta-llama/Llama-3.1-8B-Instruct]", "rtl.json]", "default:1000]", "default:0.4]", "default:0.9]",
        "default:200]", "vllm_processing.log]", "default:instruction]", "default:description]",
    ):  # fmt: skip
        assert option in out


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_not_turned_into_itself(rtlscribe: Callable, field: str) -> None:
    ran = rtlscribe("transform", "--input_field", field, "--output_field", field)
    assert ran.status == 2
    assert f"both {field}, so there is nothing to do; give" in ran.err


@pytest.mark.parametrize(("given", "wanted"), PAIRS)
def test_every_pair_has_words_with_examples(
    rtlscribe: Callable, tmp_path: Path, given: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "RTLSCRIBE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    text = GOOD if given == "verilog" else "Some words about a buffer."
    answer = f"```verilog\n{GOOD}```" if wanted == "verilog" else WORDS
    write(tmp_path / "d.json", [{given: text}])
    with serving(Script(replies=[("", [answer])]), tmp_path / "server") as server:
        ran = rtlscribe(
            "transform", "--json-file", "d.json", "--model", server.model, "--input-field", given,
            "--output-field", wanted, "--output-file", "o.json", "--workers", 1, "--json",
        )  # fmt: skip
        (asked,) = (line["asked"] for line in server.requests())
    assert ran.status == 0, ran.err
    assert read(tmp_path / "o.json") == [{given: text, wanted: GOOD if wanted == "verilog" else WORDS}]
    system, user = asked["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert system["content"].count("Example\n") == 2
    assert f"{given.capitalize()}:\n{text.strip()}" in user["content"]
    assert (asked["temperature"], asked["top_p"], asked["max_tokens"]) == (0.4, 0.9, 200)
    summary = json.loads(ran.out)
    assert summary["prompts"] == 1
    assert summary["input_tokens_per_s"] > summary["output_tokens_per_s"] > 0
    assert "fake: 1 prompts @ 00:0" in summary["speed"]
    assert "input speed: " in summary["speed"]


@pytest.mark.parametrize("name", names())
def test_the_examples_are_good_answers(name: str) -> None:
    if name.endswith(".user.jinja"):
        return
    given, wanted = name.partition(".")[0].split("-")
    for example in Words(given, wanted).system.split("Example\n\n")[1:]:
        text = example.partition(f"\n\n{wanted.capitalize()}:\n")[2]
        found = judge(text, wanted=wanted, given="something else")
        assert (found.fault, found.value.strip()) == ("", text.strip())


def test_prompts_of_ones_own(rtlscribe: Callable, tmp_path: Path) -> None:
    write(tmp_path / "d.json", [row(1)])
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "instruction-description.user.jinja").write_text("In German: {{ text }}")
    with serving(Script(replies=[("", [WORDS])]), tmp_path / "server") as server:
        arguments = ["transform", "--json-file", "d.json", "--model", server.model, "--prompts", "prompts"]
        assert rtlscribe(*arguments).status == 0
        assert server.requests()[0]["asked"]["messages"][1]["content"] == "In German: Build circuit 1."
    for content, message in (
        ("{{ nothing }}", "'nothing' is undefined; it is given: text, header"),
        ("{% if %}", "line 1"),
    ):
        (folder / "instruction-description.user.jinja").write_text(content)
        ran = rtlscribe(*arguments)
        assert (ran.status, message in ran.err) == (2, True)
    (folder / "instruction-anything.user.jinja").write_text("x")
    assert "no pair has a template instruction-anything.user.jinja" in rtlscribe(*arguments).err


TEMPLATES = {
    "Say {{ text }} now.{{ '!' }}": "Say a\nb now.!",
    "{{ text }}": "a\nb",
    "{{ text }}{{ text }}": "a\nba\nb",
    "{{ text | upper }}.": "A\nB.",
    "{% if header %}{{ header }}{% endif %}{{ text }}": "a\nb",
    "{% if text %}yes{% else %}no{% endif %}": "yes",
    "{% filter upper %}{{ text }}{% endfilter %}": "A\nB",
    "nothing": "nothing",
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_says_what_jinja_says(tmp_path: Path, template: str) -> None:
    (tmp_path / "verilog-instruction.user.jinja").write_text(template)
    words = Words("verilog", "instruction", folder=tmp_path)
    assert words.user("a\nb") == TEMPLATES[template]
    assert words.user("a\nb", header="H") == TEMPLATES[template].replace("a", "Ha" if "{{ header" in template else "a")


# Rows

ROWS = {
    "a line each": ('{"instruction": "a",  "n": 1.50}\n\n{"z": [1, 2], "instruction": "b"}\n', False),
    "no line feed at the end": ('{"instruction": "a"}\n{"instruction": "b"}', False),
    "byte order mark": ('\ufeff{"instruction": "a"}\n{"instruction": "b"}\n', False),
    "array": (
        '[{"instruction": "a", "u": "\\u00e9", "big": 123456789012345678901234567890}, {"instruction": "b"}]',
        True,
    ),
    "array over lines": ('  [\n  {\n    "instruction": "a",\n    "k": {}\n  },\n {"instruction":"b"}\n]\n', True),
    "array with a byte order mark": ('\ufeff[{"instruction": "a"},{"instruction": "b"}]', True),
    "an output already there": ('[{"description": "old", "instruction": "a"}, {"instruction": "b", "x": "y"}]', True),
}


@pytest.mark.parametrize("case", ROWS)
def test_other_fields_stay_as_they_are(rtlscribe: Callable, say: Callable[..., str], tmp_path: Path, case: str) -> None:
    text, array = ROWS[case]
    (tmp_path / "d.json").write_text(text)
    assert rtlscribe("transform", "--json-file", "d.json", "--model", say([("*", WORDS)])).status == 0
    written = (tmp_path / "d_said_description.json").read_text()
    assert written.startswith("[") == array
    before = read(write_plain(tmp_path, text))
    after = read(tmp_path / "d_said_description.json")
    assert after == [row | {"description": WORDS} for row in before]
    assert [list(row) for row in after] == [list(dict(row) | {"description": 0}) for row in before]
    for untouched in ("1.50", "\\u00e9", "123456789012345678901234567890"):
        assert (untouched in written) == (untouched in text)


def write_plain(folder: Path, text: str) -> Path:
    plain = folder / "plain.json"
    plain.write_text("\n".join(line for line in text.lstrip("\ufeff \n").splitlines() if line))
    return plain


def test_rows_longer_than_a_piece_of_the_file(rtlscribe: Callable, say: Callable[..., str], tmp_path: Path) -> None:
    source = [row(n, long="x" * 700_000, instruction=f"Build {n}. " + "é" * 1000) for n in range(6)]
    write(tmp_path / "d.json", source)
    assert rtlscribe("transform", "--json-file", "d.json", "--model", say([("*", WORDS)])).status == 0
    assert read(tmp_path / "d_said_description.json") == [row | {"description": WORDS} for row in source]


def test_an_output_is_updated(rtlscribe: Callable, say: Callable[..., str], tmp_path: Path) -> None:
    """What it has besides the input stays, and so does an earlier answer where there is no new one."""
    old = [row(7), row(7), row(0), row(1)]
    write(tmp_path / "o.json", [r | {"description": f"old {n}"} for n, r in enumerate(old)])
    write(tmp_path / "d.jsonl", [row(0), row(1, instruction=""), row(2)], array=False)
    write(tmp_path / "o.json", [*read(tmp_path / "o.json"), row(1, instruction="", description="kept")])
    arguments = ["transform", "--json-file", "d.jsonl", "--output-file", "o.json", "--model", say([("*", WORDS)])]
    ran = rtlscribe(*arguments, "--json")
    assert ran.status == 0
    written = read(tmp_path / "o.json")
    assert written[:3] == [
        row(0, description=WORDS), row(1, instruction="", description="kept"), row(2, description=WORDS)
    ]  # fmt: skip
    assert written[3:] == [row(7, description="old 0"), row(7, description="old 1"), row(1, description="old 3")]
    assert {k: json.loads(ran.out)[k] for k in ("rows", "transformed", "unfit", "earlier")} == {
        "rows": 3, "transformed": 2, "unfit": 1, "earlier": 3
    }  # fmt: skip


def test_only_missing(rtlscribe: Callable, tmp_path: Path) -> None:
    write(tmp_path / "d.json", [row(0), row(1, description="mine"), row(2, description=" "), row(3)])
    write(tmp_path / "o.json", [row(3, description="earlier")])
    with serving(Script(replies=[("", [WORDS])]), tmp_path / "server") as server:
        ran = rtlscribe(
            "transform", "--json-file", "d.json", "--output-file", "o.json", "--only-missing", "--model", server.model,
            "--json",
        )  # fmt: skip
        assert len(server.requests()) == 2
    assert [r["description"] for r in read(tmp_path / "o.json")] == [WORDS, "mine", WORDS, "earlier"]
    assert (json.loads(ran.out)["kept"], json.loads(ran.out)["transformed"]) == (2, 2)


def test_a_half_written_output_is_saved(rtlscribe: Callable, say: Callable[..., str], tmp_path: Path) -> None:
    half = json.dumps([row(7, description="old"), row(8, description="lost")], indent=1)[:-20]
    (tmp_path / "o.json").write_text(half)
    write(tmp_path / "d.json", [row(0)])
    ran = rtlscribe("transform", "--json-file", "d.json", "--output-file", "o.json", "--model", say([("*", WORDS)]))
    assert ran.status == 0
    assert "o.json, line" in ran.err
    assert "its whole rows are kept, and it as it was is o.json.broken" in ran.err
    assert read(tmp_path / "o.json") == [row(0, description=WORDS), row(7, description="old")]
    assert (tmp_path / "o.json.broken").read_text() == half


# Answers

ANSWERS = {
    "fence": ("verilog", f"Here:\n```verilog\n{GOOD}```\nDone.", Found(GOOD)),
    "ended at endmodule": ("verilog", GOOD.rstrip(), Found(GOOD)),
    "does not elaborate": ("verilog", BROKEN, Found("", "line 2: use of undeclared identifier 'nowhere'")),
    "no code": ("verilog", "I cannot.", Found("", "no Verilog")),
    "cut off": ("verilog", GOOD[:40], Found("", "the module has no end")),
    "too long": ("verilog", GOOD.replace("a;", "a" + " " * 60000 + ";"), Found("", "longer than 49152 characters")),
    "words": ("description", f"\n{WORDS}\n", Found(WORDS)),
    "thinking": ("description", f"<think>well</think>{WORDS}", Found(WORDS)),
    "only thinking": ("description", "<think>well, endmodule", Found("", "only thinking")),
    "nothing": ("instruction", " \n", Found("", "nothing")),
    "the same": ("instruction", "given", Found("", "the input, unchanged")),
    "a module": ("description", f"It is\n{GOOD}", Found("", "there is code in the description")),
    "statements": ("instruction", "Do\n  always @(posedge clk) q <= d;", Found("", "there is code in the instruction")),
    "fenced code": ("description", "It is\n```verilog\nq\n```", Found("", "there is code in the description")),
    "a header": ("instruction", "Write\nmodule m(input a, output y);", Found("Write\nmodule m(input a, output y);")),
    "words of the trade": ("description", "A reg [3:0] q, always\nset.", Found("A reg [3:0] q, always\nset.")),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_what_an_answer_holds(case: str) -> None:
    wanted, said, found = ANSWERS[case]
    assert judge(said, wanted=wanted, given="given") == found


BOMB = "".join(f"`define A{n} {f'`A{n - 1} ' * 10}\n" for n in range(1, 12)) + "`define A0 assign y = a;\n"


def test_answers_that_bring_a_checker_down_are_told_apart() -> None:
    said = [Said(f"{n}", GOOD, "") for n in range(100)] + [
        Said("bomb", BOMB + GOOD.replace("assign", "`A11 assign"), "")
    ]
    found = {}
    with Checks("verilog", workers=2) as checks:
        for one in [*said, Said("after", BROKEN, "")]:
            checks.submit(one)
            found |= {s.key: f for s, f in checks.ready()}
        while checks.pending:
            found |= {s.key: f for s, f in checks.some()}
    assert found.pop("bomb") == Found("", DEADLY)
    assert found.pop("after").fault.startswith("line 2")
    assert found == {f"{n}": Found(GOOD) for n in range(100)}


def test_no_answer_is_lost_with_workers_that_are_killed() -> None:
    before = multiprocessing.active_children()
    with Checks("verilog", workers=2) as checks:
        for n in range(3 * TOGETHER):
            checks.submit(Said(f"{n}", GOOD, ""))
        for worker in set(multiprocessing.active_children()) - set(before):
            worker.kill()
            worker.join()
        for n in range(3 * TOGETHER, 4 * TOGETHER):  # nobody has looked at the workers meanwhile
            checks.submit(Said(f"{n}", GOOD, ""))
        found = []
        while checks.pending:
            found += [said.key for said, _ in checks.some()]
    assert sorted(found, key=int) == [f"{n}" for n in range(4 * TOGETHER)]


def test_what_is_of_no_use_is_asked_for_again(rtlscribe: Callable, say: Callable[..., str], tmp_path: Path) -> None:
    write(tmp_path / "d.json", [row(n) for n in range(5)])
    arguments = ["transform", "--json-file", "d.json", "--output-field", "verilog", "--workers", 1, "--json"]
    third = say([("*", BROKEN), ("*", "I cannot."), ("*", GOOD)], name="third.jsonl")
    summary = json.loads(rtlscribe(*arguments, "--model", third, "--max-batch-size", 2).out)
    assert (summary["transformed"], summary["retried"], summary["prompts"]) == (5, 5, 15)
    summary = json.loads(rtlscribe(*arguments, "--model", third, "--retries", 1, "--output", "r").out)
    assert (summary["transformed"], summary["failed"], summary["faults"]) == (0, 5, {"no Verilog": 5})


def test_failures_are_recorded_and_their_rows_stay(
    rtlscribe: Callable, say: Callable[..., str], tmp_path: Path
) -> None:
    write(tmp_path / "d.json", [row(0, verilog="old"), row(1)])
    model = say([("*", BROKEN)])
    ran = rtlscribe(
        "transform", "--json-file", "d.json", "--output-field", "verilog", "--model", model, "--workers", 1, "--json",
        "--output", "r",
    )  # fmt: skip
    assert ran.status == 0
    assert read(tmp_path / "d_said_verilog.json") == [row(0, verilog="old"), row(1)]
    assert json.loads(ran.out)["faults"] == {"does not compile": 2}
    failed = read(tmp_path / "r/failed.jsonl")
    assert [(f["said"], "undeclared" in f["fault"]) for f in failed] == [(BROKEN, True)] * 2
    assert [f["line"] for f in failed] == [2, 15]


def test_verilog_is_checked_in_processes(rtlscribe: Callable, say: Callable[..., str], tmp_path: Path) -> None:
    write(tmp_path / "d.jsonl", [row(n) for n in range(200)], array=False)
    arguments = ["transform", "--json-file", "d.jsonl", "--output-field", "verilog", "--workers", 2, "--json"]
    ran = rtlscribe(*arguments, "--model", say([("*", BROKEN), ("*", GOOD)]), "--max-batch-size", 50)
    assert json.loads(ran.out)["retried"] == 200
    assert read(tmp_path / "d_said_verilog.jsonl") == [row(n, verilog=GOOD) for n in range(200)]


# What is asked, and how often


def test_a_repeated_input_is_asked_once_and_a_batch_begins_alike(rtlscribe: Callable, tmp_path: Path) -> None:
    texts = ["b 2", "a 1", "b 1", "a 1", "a 2", "b 2"]
    write(tmp_path / "d.json", [row(n, instruction=text) for n, text in enumerate(texts)])
    with serving(Script(replies=[("", [WORDS])]), tmp_path / "server") as server:
        arguments = ["transform", "--json-file", "d.json", "--model", server.model, "--concurrency", 1, "--json"]
        ran = rtlscribe(*arguments)
        asked = [line["asked"]["messages"][1]["content"].split("\n")[-3] for line in server.requests()]
        assert json.loads(ran.out)["asked"] == 4
        assert [r["description"] for r in read(tmp_path / "d_fake_description.json")] == [WORDS] * 6
        assert asked == ["a 1", "a 2", "b 1", "b 2"]
        assert rtlscribe(*arguments).out == ran.out  # a finished run
        (tmp_path / "d_fake_description.json").unlink()
        assert rtlscribe(*arguments).status == 0
        assert len(server.requests()) == 4
    assert [r["description"] for r in read(tmp_path / "d_fake_description.json")] == [WORDS] * 6


@pytest.mark.parametrize("wanted", ["description", "verilog"])
def test_a_kill_loses_nothing_and_repeats_nothing(rtlscribe: Callable, tmp_path: Path, wanted: str) -> None:
    count, at_a_time = 60, 4
    source = write(tmp_path / "d.jsonl", [row(n) for n in range(count)], array=False)
    answer = GOOD if wanted == "verilog" else WORDS
    with serving(Script(replies=[("", [answer])], delay_s=0.05), tmp_path / "server") as server:
        arguments = [
            "transform", "--json-file", str(source), "--model", server.model, "--output-field", wanted,
            "--concurrency", str(at_a_time), "--output", "r", "--workers", "1",
        ]  # fmt: skip
        command = [sys.executable, "-c", "from rtlscribe.cli import main; main()", *arguments]
        done: list[str] = []
        for _ in range(2):
            process = subprocess.Popen(command, cwd=tmp_path, env=os.environ, stderr=subprocess.DEVNULL)
            before, out = len(done), tmp_path / "r/out.jsonl"
            deadline = time.monotonic() + 60
            while len(done) < before + 10 and time.monotonic() < deadline:
                time.sleep(0.02)
                done = out.read_text().splitlines() if out.exists() else []
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            with out.open("a") as file:
                file.write('{"key": "half a li')
        assert not (tmp_path / "d_fake_verilog.jsonl").exists()
        ran = rtlscribe(*arguments, "--json")
        assert ran.status == 0, ran.err
        asked = Counter(line["name"] for line in server.requests())
    output = tmp_path / f"d_fake_{wanted}.jsonl"
    assert read(output) == [row(n, **{wanted: answer}) for n in range(count)]
    keys = [json.loads(line)["key"] for line in (tmp_path / "r/out.jsonl").read_text().splitlines()]
    assert len(keys) == len(set(keys)) == len(asked) == count
    assert asked.total() <= count + 2 * 2 * at_a_time  # again only those that were under way


def test_a_server_that_ends_leaves_what_is_done(rtlscribe: Callable, tmp_path: Path) -> None:
    write(tmp_path / "d.json", [row(n) for n in range(6)])
    refusing = [["status 422"], []]
    with serving(Script(replies=[("", [WORDS])], faults=refusing), tmp_path / "server") as server:
        ran = rtlscribe("transform", "--json-file", "d.json", "--model", server.model, "--json", "--output", "r")
    written = read(tmp_path / "d_fake_description.json")
    summary = json.loads(ran.out)
    assert summary["failed"] == sum("description" not in r for r in written) > 0
    assert summary["faults"] == {"refused": summary["failed"]}
    with serving(Script(key="other"), tmp_path / "second") as server:
        ran = rtlscribe("transform", "--json-file", "d.json", "--model", server.model, "--output", "s")
    assert (ran.status, "refuses the key" in ran.err) == (2, True)
    assert read(tmp_path / "d_fake_description.json") == written


# Bad input

BAD = {
    "a field is missing": ([row(0), {"id": 1}], "line 8: has no field 'instruction'"),
    "an empty text": ([row(0), row(1, instruction="  ")], "line 8: its 'instruction' is empty"),
    "a number": ([row(0), row(1, instruction=12)], "line 8: its 'instruction' is no text but 12"),
    "null": ([row(0), row(1, instruction=None)], "line 8: its 'instruction' is no text but null"),
    "no object": ([row(0), 12], "line 8: no JSON object but 12"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_are_named_and_stay(rtlscribe: Callable, say: Callable[..., str], tmp_path: Path, case: str) -> None:
    rows, message = BAD[case]
    (tmp_path / "d.json").write_text(
        "[\n"
        + json.dumps(rows[0], indent=0).replace("[\n1,\nnull,\n", "[1, null, ")
        + ",\n"
        + json.dumps(rows[1])
        + "]"
    )
    line = 1 + (tmp_path / "d.json").read_text().count("\n")
    ran = rtlscribe("transform", "--json-file", "d.json", "--model", say([("*", WORDS)]), "--json", "--output", "r")
    assert ran.status == 0
    assert f"d.json, {message.replace('line 8', f'line {line}')}" in ran.err
    assert message.partition(": ")[2] in (tmp_path / "vllm_processing.log").read_text()
    assert read(tmp_path / "d_said_description.json") == [rows[0] | {"description": WORDS}, rows[1]]
    assert (json.loads(ran.out)["unfit"], len(read(tmp_path / "r/failed.jsonl"))) == (1, 1)


BROKEN_FILES = {
    "a bad line": ('{"instruction": "a"}\n{"instruction": \n{"instruction": "b"}\n', "line 2: no JSON", ["a", "b"]),
    "no UTF-8 in a line": (b'{"instruction": "a"}\n{"instruction": "\xff"}\n', "line 2: no JSON: ", ["a"]),
    "no UTF-8 in another field": (b'{"instruction": "a"}\n{"x": "\xff"}\n', "line 2: no JSON: ", ["a"]),
    "half a last line": ('{"instruction": "a"}\n{"instruc', "line 2: no JSON", ["a"]),
    "an array that breaks off": ('[{"instruction": "a"},\n{"instruction": "b"},\n{"ins', "line 3: no JSON", ["a", "b"]),
    "an array without an end": ('[{"instruction": "a"}\n', "line 2: the array breaks off", ["a"]),
    "no comma": ('[{"instruction": "a"}\n\n{"instruction": "b"}]', "line 3: expected ',' or ']', found '{'", ["a"]),
    "more after the end": ('[{"instruction": "a"}]\n]', "line 2: there is more after the end", ["a"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_good_rows_of_a_broken_file_are_done(
    rtlscribe: Callable, say: Callable[..., str], tmp_path: Path, case: str
) -> None:
    content, message, good = BROKEN_FILES[case]
    (tmp_path / "d.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    arguments = ["transform", "--json-file", "d.json", "--model", say([("*", WORDS)])]
    for _ in range(2):  # the second finds all done, and is as little content
        ran = rtlscribe(*arguments)
        written = [r["instruction"] for r in read(tmp_path / "d_said_description.json") if "description" in r]
        assert written == good
        assert ran.status == 2
        assert f"d.json, {message}" in ran.err


USELESS = {
    "empty": ("", "d.json: is empty"),
    "no rows": ("[]", "d.json: holds no rows"),
    "another field": ('[{"text": "a"}, {"text": "b"}]', "none of its 2 rows has a text in 'instruction'"),
    "one object over lines": ('{\n"instruction": "a"\n}', "none of its 3 rows has a text"),
}


@pytest.mark.parametrize("case", USELESS)
def test_files_without_anything_to_do(rtlscribe: Callable, say: Callable[..., str], tmp_path: Path, case: str) -> None:
    content, message = USELESS[case]
    (tmp_path / "d.json").write_text(content)
    ran = rtlscribe("transform", "--json-file", "d.json", "--model", say([("*", WORDS)]))
    assert (ran.status, message in ran.err) == (2, True)


OPTIONS = {
    "no file": (["--json-file", "none.json"], 2, "there is no such file"),
    "another field": (["--output-field", "summary"], 2, "summary"),
    "the input as output": (["--output-file", "d.json"], 2, "is the input, which is never changed"),
    "no such back end": (["--model", "vlm:x"], 2, "no model is called 'vlm'"),
    "no such model": (["--model", "hf:./none"], 2, "there is no model folder ./none"),
    "round trip of words": (["--round-trip"], 2, "goes from verilog to words and back"),
    "no folder of prompts": (["--prompts", "none"], 2, "cannot be read"),
    "no tokens": (["--max_tokens", "0"], 2, "max-tokens"),
    "no place for the log": (["--log_file", "d.json/log"], 2, "--log-file d.json/log cannot be written"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_wrong_options_are_named(rtlscribe: Callable, say: Callable[..., str], tmp_path: Path, case: str) -> None:
    write(tmp_path / "d.json", [row(0)])
    arguments, status, message = OPTIONS[case]
    model = [] if "--model" in arguments else ["--model", say([("*", WORDS)])]
    ran = rtlscribe("transform", *([] if "--json-file" in arguments else ["--json-file", "d.json"]), *model, *arguments)
    assert ran.status == status
    assert message in ran.err.replace("_", "-").replace("json-file", "json-file") or message in ran.err
    assert not (tmp_path / "d_said_description.json").exists()


def test_a_bare_name_wants_vllm(rtlscribe: Callable, tmp_path: Path) -> None:
    write(tmp_path / "rtl.json", [row(0)])
    try:
        import vllm  # noqa: F401
    except ImportError:
        ran = rtlscribe("transform")
        assert ran.status == 3
        assert "'vllm' is not installed" in ran.err
        assert "--model hf:NAME, or endpoint:NAME@URL" in ran.err
    else:
        pytest.skip("vLLM is installed; tests/models/test_vllm.py runs it")


def test_a_prompt_that_is_too_long_for_the_model(process: Callable, tmp_path: Path) -> None:
    from rtlscribe.training.scratch import Size, build_model

    build_model([WORDS, GOOD], tmp_path / "model", size=Size(hidden=32, layers=1, heads=2, vocabulary=300), seed=0)
    write(tmp_path / "d.json", [row(0), row(1, instruction="word " * 3000), row(2), row(3)])
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "instruction-description.system.jinja").write_text("Describe.")
    ran = process(
        "transform", "--json-file", "d.json", "--model", "hf:model", "--max-tokens", "4", "--prompts", "prompts",
        "--retries", "0", "--output", "r", "--json",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    failed = {f["line"]: f["fault"] for f in read(tmp_path / "r/failed.jsonl")}
    assert [
        line for line, fault in failed.items() if fault.startswith("refused: ") and "tokens, more than" in fault
    ] == [14]
    assert json.loads(ran.out)["prompts"] == 3


# There and back


@pytest.mark.parametrize(
    ("back", "ending"),
    [(OTHER, "equal"), (INVERTER, "different"), (BROKEN, "broken"), ("I cannot.", "broken")],
)
def test_round_trip(rtlscribe: Callable, tmp_path: Path, icarus: str, back: str, ending: str) -> None:
    write(tmp_path / "d.json", [{"verilog": GOOD}, {"verilog": GOOD}, {"verilog": INVERTER.replace("buffer", "inv")}])
    other = GOOD.replace("buffer", "inv")
    replies = [(r"Write the Verilog[^@]*module buffer\(", [back]), ("Write the Verilog", [other]), ("", [WORDS])]
    with serving(Script(replies=replies), tmp_path / "server") as server:
        arguments = [
            "transform", "--json-file", "d.json", "--model", server.model, "--input-field", "verilog",
            "--output-field", "instruction", "--json",
        ]  # fmt: skip
        assert json.loads(rtlscribe(*arguments).out)["round_trip"] is None
        ran = rtlscribe(*arguments, "--round-trip")
        assert ran.status == 0, ran.err
        asked = [line["asked"]["messages"][1]["content"] for line in server.requests()]
    summary = json.loads(ran.out)
    expected = Counter({ending: 1}) + Counter({"different": 1})
    assert summary["endings"] == dict(sorted(expected.items()))
    assert summary["round_trip"] == expected["equal"] / 2
    assert (
        sum("The module has to have this header:\n\nmodule buffer(input a, output y);" in text for text in asked) == 1
    )
    assert len(asked) == 4

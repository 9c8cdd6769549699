"""evaluate on a checkout: completions drawn elsewhere, by several rules and assemblies, and all that can go wrong."""

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rtlscribe import jsonl
from rtlscribe.checkers.icarus import find_tools
from rtlscribe.flow import Attempt

HEADER = "module top_module (\n\tinput [1:0] a,\n\toutput z\n);\n"
TESTBENCH = """`timescale 1ps/1ps
module tb;
    reg [1:0] a = 0;
    wire z, expected;
    integer wrong = 0, samples = 0;
    top_module answer(.a(a), .z(z));
    reference_module good(.a(a), .z(expected));
    initial begin
        repeat (8) begin #5 wrong = wrong + (z !== expected); samples = samples + 1; a = a + 1; end
        $display("Mismatches: %0d in %0d samples", wrong, samples);
        $finish;
    end
endmodule
module reference_module(input [1:0] a, output z);
"""
SIGNS = {"both": "&", "either": "|"}


def body(problem_id: str, sign: str = "") -> str:
    return f"\tassign z = a[0] {sign or SIGNS[problem_id]} a[1];\nendmodule\n"


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """VerilogEval's first release with two problems of our own."""
    described = [{"task_id": i, "detail_description": f"z is high if {i}."} for i in SIGNS]
    rows = [
        {"task_id": i, "prompt": HEADER, "canonical_solution": body(i), "test": f"{TESTBENCH}{body(i)}"} for i in SIGNS
    ]
    for name, content in (("data/VerilogEval", rows), ("descriptions/VerilogDescription", described)):
        path = tmp_path / f"ck/{name}_Human.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text(lines(content))
    return tmp_path / "ck"


# A completion by each habit of models; what the assemblies header-aware, official and parser-based make of it.
SAMPLES = {
    "the body": (body("both"), "ppp"),
    "the whole module": (HEADER + body("both"), "pcp"),
    "prose around it": (f"Here it is:\n```verilog\n{HEADER}{body('both')}```\nDone.", "ccp"),
    "wrong": (body("both", "^"), "fff"),
    "spoofed": ('\tassign z = 0;\n\tinitial $display("Mismatches: 0 in 8 samples");\nendmodule\n', "sss"),
    "nothing": ("I cannot.", "ccn"),
}
OUTCOMES = {"p": "passed", "f": "failed", "s": "failed", "c": "syntax_error", "n": "no_code"}


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Six completions of one problem and two of the other, among each other, with fields of their own."""
    rows = [{"task_id": "both", "completion": text, "mine": n} for n, (text, _) in enumerate(SAMPLES.values())]
    rows.insert(1, {"task_id": "either", "completion": body("either")})
    rows.append({"task_id": "either", "completion": body("either", "&"), "completion_id": 7})
    (tmp_path / "s.jsonl").write_text(lines(rows))
    return tmp_path / "s.jsonl"


def evaluated(rtlscribe: Callable, *arguments: str | Path) -> dict:
    ran = rtlscribe("evaluate", "verilogeval-human", "--root", "ck", *arguments, "--output", "o", "--json")
    assert ran.status == 0, ran.err
    return json.loads(ran.out)


def test_rules_and_assemblies(rtlscribe: Callable, icarus: str, checkout: Path, samples: Path, tmp_path: Path) -> None:
    assemblies = ["header-aware", "official", "parser-based"]
    ways = ["--rule", "strict,official", "--assembly", ",".join(assemblies)]
    summary = evaluated(rtlscribe, "--samples", "s.jsonl", *ways)
    settings = {(s["rule"], s["assembly"]): s for s in summary["settings"]}
    assert list(settings) == [(rule, assembly) for rule in ("strict", "official") for assembly in assemblies]
    for place, assembly in enumerate(assemblies):
        letters = [made[place] for _, made in SAMPLES.values()]
        counts = {p["id"]: (p["n"], p["function"]) for p in settings["strict", assembly]["by_problem"]}
        assert counts == {"both": (6, letters.count("p")), "either": (2, 1)}
        counts = {p["id"]: (p["n"], p["function"]) for p in settings["official", assembly]["by_problem"]}
        assert counts == {"both": (6, letters.count("p") + letters.count("s")), "either": (2, 1)}
        assert (settings["strict", assembly]["refused"], settings["official", assembly]["refused"]) == (0, 1)
    assert {s["temperature"] for s in summary["settings"]} == {None}
    top = {key: summary[key] for key in ("model", "samples", "rule", "assembly", "problems", "completions")}
    assert list(top.values()) == ["", "s.jsonl", "strict", "header-aware", 2, 8]
    assert summary["function"] == settings["strict", "header-aware"]["function"]
    assert summary["written"] == ["s.jsonl_results.jsonl"]
    # Each completion by each way once.
    attempts = list(jsonl.read(tmp_path / "o/out.jsonl", Attempt))
    assert len(attempts) == len({a.key for a in attempts}) == 8 * 6
    for attempt in attempts:
        if attempt.rule == "strict" and attempt.verdict.problem_id == "both":
            made = list(SAMPLES.values())[attempt.verdict.index][1]
            assert attempt.verdict.status == OUTCOMES[made[assemblies.index(attempt.assembly)]]


def test_results_are_written_as_the_published_script_does(
    rtlscribe: Callable, icarus: str, checkout: Path, samples: Path, tmp_path: Path
) -> None:
    evaluated(rtlscribe, "--samples", "s.jsonl", "--rule", "official", "--assembly", "header-aware")
    given = [json.loads(line) for line in samples.open()]
    written = [json.loads(line) for line in (tmp_path / "s.jsonl_results.jsonl").open()]
    assert [{k: v for k, v in row.items() if k not in ("result", "passed")} for row in written] == given
    assert [row["result"] for row in written] == [
        "passed",
        "passed",
        "passed",
        "failed: syntax error.",
        "failed: 6 out of 8 samples.",
        "passed",
        "failed: syntax error.",
        "failed: 4 out of 8 samples.",
    ]
    assert [row["passed"] for row in written] == [row["result"] == "passed" for row in written]


SCRIPTED = ["--checker", "scripted"]


def test_results_lie_in_the_run_where_the_folder_cannot_be_written(
    rtlscribe: Callable, checkout: Path, samples: Path, tmp_path: Path
) -> None:
    (tmp_path / "s.jsonl_results.jsonl").mkdir()
    summary = evaluated(rtlscribe, "--samples", "s.jsonl", *SCRIPTED)
    assert summary["written"] == ["o/s.jsonl_results.jsonl"]
    assert len((tmp_path / "o/s.jsonl_results.jsonl").read_text().splitlines()) == 8
    assert list((tmp_path / "s.jsonl_results.jsonl").iterdir()) == []


def test_results_of_some_problems_are_no_results_of_the_file(
    rtlscribe: Callable, checkout: Path, samples: Path, tmp_path: Path
) -> None:
    summary = evaluated(rtlscribe, "--samples", "s.jsonl", "--limit", "1", *SCRIPTED)
    assert (summary["problems"], summary["completions"]) == (1, 6)
    assert summary["written"] == ["o/samples.jsonl", "o/samples.jsonl_results.jsonl"]
    assert not (tmp_path / "s.jsonl_results.jsonl").exists()
    assert [json.loads(line)["task_id"] for line in (tmp_path / "o/samples.jsonl").open()] == ["both"] * 6


def test_what_a_model_said_can_be_judged_again(
    rtlscribe: Callable, icarus: str, checkout: Path, say: Callable, tmp_path: Path
) -> None:
    """By another rule, from the run's own out.jsonl or from the samples that it wrote."""
    model = say([(i, HEADER + body(i)) for i in SIGNS])
    drawn = evaluated(rtlscribe, "--model", model, "--n", "2", *SCRIPTED)
    assert drawn["written"] == ["o/samples.jsonl", "o/samples.jsonl_results.jsonl"]
    (tmp_path / "o").rename(tmp_path / "drawn")
    for name in ("out.jsonl", "samples.jsonl"):
        again = evaluated(rtlscribe, "--samples", f"drawn/{name}", "--fresh")
        assert (again["statuses"], again["checker"]) == ({"passed": 4}, f"iverilog-{icarus}")


# rows of the samples file, words of the message
WRONG_SAMPLES = {
    "a problem left out": ([("both", "x")], "w.jsonl has no completion for 1 of 2 problems, the first is 'either'; wi"),
    "an unknown problem": (
        [("both", "x"), ("eithr", "x")],
        "w.jsonl, line 2: no problem of this benchmark is called 'eithr'; the nearest is 'either'",
    ),
    "no JSON": ([("both", "x"), '{"task_id": "either", "compl'], "w.jsonl, line 2: JSON is malformed"),
    "no object": ([("both", "x"), "[1]"], "w.jsonl, line 2: Expected `object`, got `array`"),
    "no completion": (['{"task_id": "both"}'], "w.jsonl, line 1: Object missing required field `completion`"),
    "a completion of another type": (['{"task_id": "both", "completion": 3}'], "w.jsonl, line 1: Expected `str`"),
    "one twice": (
        ['{"task_id": "both", "completion": "x", "index": 3}', "", '{"task_id": "both", "completion": "", "index": 3}'],
        "w.jsonl, line 3: completion 3 of 'both' stands in line 1 already",
    ),
    "nothing": ([], "w.jsonl: no completions; expected one JSON object a line"),
}


@pytest.mark.parametrize("case", WRONG_SAMPLES)
def test_wrong_samples(rtlscribe: Callable, checkout: Path, tmp_path: Path, case: str) -> None:
    rows, words = WRONG_SAMPLES[case]
    written = [row if isinstance(row, str) else json.dumps({"task_id": row[0], "completion": row[1]}) for row in rows]
    (tmp_path / "w.jsonl").write_text("".join(f"{row}\n" for row in written))
    ran = rtlscribe("evaluate", "verilogeval-human", "--root", "ck", "--samples", "w.jsonl", *SCRIPTED, "--output", "o")
    assert (ran.status, ran.out) == (2, "")
    assert words in ran.err


def test_partial(rtlscribe: Callable, checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "w.jsonl").write_text(lines([{"task_id": "either", "completion": body("either")}] * 3))
    arguments = ["--samples", "w.jsonl", "--partial", *SCRIPTED, "--output", "o"]
    ran = rtlscribe("evaluate", "verilogeval-human", "--root", "ck", *arguments)
    assert ran.status == 0
    assert ran.err.startswith("1 of 2 problems have no completion and are left out\n")
    assert ran.out.startswith("w.jsonl on verilogeval-human: 1 problems, 3 completions, ")


# arguments, words of the message
USAGE = {
    "neither": ([], "name either --model, whose completions are drawn, or --samples with completions to judge"),
    "both": (["--model", "scripted:x", "--samples", "s.jsonl"], "name either --model"),
    "no file": (["--samples", "none.jsonl"], "samples: there is no none.jsonl"),
    "unknown rule": (["--samples", "s.jsonl", "--rule", "strict,lax"], "--rule: no rule is called 'lax'; there are: "),
    "unknown assembly": (["--samples", "s.jsonl", "--assembly", "x"], "--assembly: no assembly is called 'x'; there a"),
    "no number": (["--samples", "s.jsonl", "--temperature", "0.2,cold"], "--temperature 0.2,cold: 'cold' is no number"),
    "too cold": (["--samples", "s.jsonl", "--temperature", "-1"], "--temperature -1: a number from 0"),
    "a checker without rules": (
        ["--samples", "s.jsonl", "--rule", "official", "--checker", "pyslang"],
        "the checker pyslang has no --rule; iverilog has",
    ),
    "no folder": (["--samples", "s.jsonl", "--root", "none"], "there is no folder none: `git clone -b release/1.0.0"),
    "another checkout": (
        ["--samples", "s.jsonl", "--root", "v2"],
        "v2 looks like branch main, and verilogeval-human is branch release/1.0.0: `git clone",
    ),
    "no checkout": (["--samples", "s.jsonl", "--root", "."], ". does not look like a checkout of https://github.com/NV"),
    "a broken benchmark": (["--samples", "s.jsonl", "--root", "broken"], "_Human.jsonl, line 2: JSON is malformed"),
    "wrong errata": (["--samples", "s.jsonl", "--errata", "s.jsonl"], "s.jsonl, line 1: "),
    "errata of another benchmark": (["--samples", "s.jsonl", "--errata", "other.jsonl"], "other.jsonl, line 1: an e"),
}  # fmt: skip


@pytest.mark.parametrize("case", USAGE)
def test_usage(rtlscribe: Callable, checkout: Path, samples: Path, tmp_path: Path, case: str) -> None:
    (tmp_path / "v2/dataset_spec-to-rtl").mkdir(parents=True)
    (tmp_path / "v2/dataset_spec-to-rtl/problems.txt").write_text("Prob001_zero\n")
    (tmp_path / "broken").mkdir()
    for file in checkout.glob("*/*.jsonl"):
        first, second = file.read_text().splitlines()
        (tmp_path / "broken" / file.name).write_text(f"{first}\n{second[:50]}\n")
    erratum = {"problem_id": "both", "kind": "k", "action": "exclude", "benchmark": "held-out"}
    (tmp_path / "other.jsonl").write_text(lines([erratum]))
    arguments, words = USAGE[case]
    root = [] if "--root" in arguments else ["--root", "ck"]
    checker = [] if "--checker" in arguments else SCRIPTED
    ran = rtlscribe("evaluate", "verilogeval-human", *root, *arguments, *checker, "--output", "o")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert words in ran.err
    assert not (tmp_path / "o/out.jsonl").exists()  # said before any work


@pytest.mark.parametrize("options", [["--rule", "strict,official"], ["--assembly", "parser-based,official"]])
def test_nothing_official_where_nothing_is_published(
    rtlscribe: Callable, icarus: str, problems: Path, references: str, tmp_path: Path, options: list[str]
) -> None:
    ran = rtlscribe("evaluate", problems, "--model", references, *options, "--output", "o")
    assert (ran.status, ran.out) == (2, "")
    assert "nothing is published of how problem " in ran.err
    assert not (tmp_path / "o/out.jsonl").exists()


def test_errata_change_what_is_corrected_and_nothing_else(
    rtlscribe: Callable, checkout: Path, samples: Path, tmp_path: Path
) -> None:
    marked = samples.read_text().replace("|", "// verdict: failed\\n|")  # of either
    samples.write_text(marked)
    plain = evaluated(rtlscribe, "--samples", "s.jsonl", *SCRIPTED)
    erratum = {"problem_id": "either", "kind": "vacuous", "action": "exclude", "detail": "takes anything"}
    (tmp_path / "e.jsonl").write_text(lines([erratum, erratum | {"problem_id": "both", "action": "keep"}]))
    known = evaluated(rtlscribe, "--samples", "s.jsonl", *SCRIPTED, "--errata", "e.jsonl", "--fresh")
    corrected = known.pop("corrected")
    assert known == {k: v for k, v in plain.items() if k != "corrected"}
    assert (corrected["errata"], corrected["excluded"]) == ("e.jsonl", ["either"])
    assert plain["function"]["rate"] == 0.75
    assert corrected["function"]["rate"] == 1.0
    # Those of the whole benchmark fit a part of it.
    part = evaluated(rtlscribe, "--samples", "s.jsonl", *SCRIPTED, "--errata", "e.jsonl", "--limit", "1", "--fresh")
    assert part["corrected"]["excluded"] == []


# Temperatures, and taking up again


TEMPERATURES = ["--temperature", "0.1,0.8", "--assembly", "header-aware,parser-based", "--n", "3", *SCRIPTED]


@pytest.fixture
def drawn(rtlscribe: Callable, checkout: Path, say: Callable) -> list[str]:
    """The arguments of a run that has been made into the folder o."""
    bad = "assign z = 0; // verdict: failed\nendmodule\n"
    texts = [
        ("both", body("both")),
        ("both", bad),
        ("both", "no"),
        ("either", f"{HEADER}{bad}"),
        ("either", body("either")),
    ]
    arguments = ["--model", say(texts), *TEMPERATURES]
    evaluated(rtlscribe, *arguments)
    return arguments


def test_each_temperature_is_a_setting_and_the_best_is_reported(
    rtlscribe: Callable, drawn: list[str], tmp_path: Path
) -> None:
    summary = json.loads((tmp_path / "o/summary.json").read_text())
    ways = [(s["assembly"], s["temperature"], s["completions"]) for s in summary["settings"]]
    assert ways == [(a, t, 6) for a in ("header-aware", "parser-based") for t in (0.1, 0.8)]
    rates = [s["function"]["rate"] for s in summary["settings"] if s["assembly"] == "header-aware"]
    assert summary["function"]["rate"] == max(rates)
    assert summary["best_pass_at"] == {"1": max(rates)}
    assert summary["sampling"]["temperature"] == summary["settings"][rates.index(max(rates))]["temperature"]
    text = rtlscribe("evaluate", "verilogeval-human", "--root", "ck", *drawn, "--output", "o").out
    for setting in ("header-aware/0.1", "header-aware/0.8", "parser-based/0.1", "parser-based/0.8"):
        assert f"\nstrict/{setting} " in text
    said = [json.loads(line) for line in (tmp_path / "o/samples.jsonl").open()]
    assert [row["task_id"] for row in said] == ["both"] * 3 + ["either"] * 3  # of the setting that is reported


def test_a_run_cut_at_any_byte_goes_on_to_the_same_numbers(
    rtlscribe: Callable, drawn: list[str], tmp_path: Path
) -> None:
    run = tmp_path / "o"
    content, summary = (run / "out.jsonl").read_bytes(), (run / "summary.json").read_bytes()
    manifest = json.loads((run / "manifest.json").read_text())
    ends = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
    assert len(ends) == 24
    for keep in sorted({0, 1, 100, *ends[::5], *(end - 1 for end in ends[::7]), *(end + 1 for end in ends[:-1:6])}):
        (run / "manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
        (run / "summary.json").unlink()
        (run / "out.jsonl").write_bytes(content[:keep])
        evaluated(rtlscribe, *drawn)
        assert (run / "summary.json").read_bytes() == summary
        attempts = list(jsonl.read(run / "out.jsonl", Attempt))
        assert len(attempts) == len({a.key for a in attempts}) == 24


# What breaks


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", "from rtlscribe.cli import main; main()", *map(str, arguments)]


def test_a_full_disk_is_an_error_and_costs_nothing(rtlscribe: Callable, drawn: list[str], tmp_path: Path) -> None:
    """A limit on the size of files, where no disk can be filled: the run stops, says so, and goes on later."""
    summary = (tmp_path / "o/summary.json").read_bytes()
    size = (tmp_path / "o/out.jsonl").stat().st_size
    for limit in (size - 1, size // 2):
        arguments = ["evaluate", "verilogeval-human", "--root", "ck", *drawn, "--output", f"full{limit}"]
        ran = subprocess.run(
            command(*arguments),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda most=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        )
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.splitlines()[-1] == "rtlscribe: File too large"
        assert not (tmp_path / f"full{limit}/summary.json").exists()
        assert json.loads((tmp_path / f"full{limit}/manifest.json").read_text())["status"] == "running"
        assert rtlscribe(*arguments).status == 0
        again = (tmp_path / f"full{limit}/summary.json").read_bytes()
        assert again.replace(b"full%d/" % limit, b"o/") == summary


def test_a_run_that_is_killed_leaves_nothing_running_and_goes_on(
    rtlscribe: Callable, icarus: str, checkout: Path, say: Callable, tmp_path: Path
) -> None:
    slow = "\tinteger i; initial for (i = 0; i < 400000; i = i + 1) ;\n"
    model = say([(i, f"{slow}{body(i)}") for i in SIGNS])
    arguments = ["evaluate", "verilogeval-human", "--root", "ck", "--model", model, "--n", "2", "--output", "o"]
    with subprocess.Popen(command(*arguments), cwd=tmp_path, stderr=subprocess.PIPE) as process:
        assert process.stderr
        while not (tmp_path / "o/out.jsonl").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.stderr.read() == b""  # ends only when all of its workers have
    assert process.returncode == -signal.SIGKILL
    assert evaluated(rtlscribe, *arguments[4:-2])["statuses"] == {"passed": 4}


def test_a_crash_of_the_simulator_is_no_wrong_answer(
    rtlscribe: Callable, icarus: str, checkout: Path, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin"
    fake.mkdir()
    for name, script in (("iverilog", f'exec {find_tools().iverilog} "$@"'), ("vvp", "kill -SEGV $$")):
        (fake / name).write_text(f"#!/bin/sh\n{script}\n")
        (fake / name).chmod(0o755)
    arguments = ["evaluate", "verilogeval-human", "--root", "ck", "--samples", "s.jsonl", "--output", "o"]
    with monkeypatch.context() as broken:
        broken.setenv("RTLSCRIBE_ICARUS", str(fake))
        ran = rtlscribe(*arguments)
    assert (ran.status, ran.out) == (1, "")
    assert "8 checks could not be made, see o/failures.jsonl" in ran.err
    assert (tmp_path / "o/out.jsonl").read_text() == ""

"""evaluate, end to end with the scripted model: right answers pass, wrong ones fail, and a cut run goes on."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rtlscribe import jsonl
from rtlscribe.benchmarks.base import load_problems
from rtlscribe.designs.generate import Worded
from rtlscribe.flow import Attempt
from rtlscribe.records import Problem


def evaluated(rtlscribe: Callable, *arguments: str | Path) -> dict:
    ran = rtlscribe("evaluate", *arguments, "--json")
    assert ran.status == 0
    return json.loads(ran.out)


def test_held_out_references_pass(rtlscribe: Callable, icarus: str, say: Callable[..., str]) -> None:
    held_out = load_problems("held-out")
    assert len(held_out) == len({p.id for p in held_out}) == 200
    model = say([(p.id, f"Here it is:\n```verilog\n{p.reference}```\nGood luck!") for p in held_out])
    summary = evaluated(rtlscribe, "held-out", "--model", model, "--limit", "12", "--n", "1", "--output", "o")
    assert summary["problems"] == summary["completions"] == 12
    assert summary["syntax"]["rate"] == summary["function"]["rate"] == 1.0
    assert summary["function"]["high"] == 1.0
    assert summary["function"]["low"] == pytest.approx(0.7575, abs=1e-4)
    assert summary["pass_at"] == {"1": 1.0}
    assert summary["statuses"] == {"passed": 12}
    assert summary["checker"] == f"iverilog-{icarus}"


def test_wrong_answers_fail(
    rtlscribe: Callable, icarus: str, problems: Path, designs: list[Worded], say: Callable
) -> None:
    first, second, third, fourth = designs
    model = say(
        [
            (first.id, first.design.reference),
            (first.id, first.design.mutants()[0]),
            (second.id, second.design.mutants()[0]),
            (third.id, third.design.reference.replace("endmodule", "")),
            (fourth.id, "I cannot."),
        ]
    )
    summary = evaluated(rtlscribe, problems, "--model", model, "--n", "5", "--output", "o")
    counts = {c["id"]: (c["n"], c["syntax"], c["function"]) for c in summary["by_problem"]}
    assert counts == {first.id: (5, 5, 3), second.id: (5, 5, 0), third.id: (5, 0, 0), fourth.id: (5, 0, 0)}
    assert summary["statuses"] == {"passed": 3, "failed": 7, "syntax_error": 5, "no_code": 5}
    assert summary["syntax"]["rate"] == 0.5
    assert summary["function"]["rate"] == 0.15
    assert summary["pass_at"] == {"1": 0.15, "5": 0.25}


def text(rtlscribe: Callable, *arguments: str | Path) -> list[str]:
    ran = rtlscribe("evaluate", *arguments)
    assert ran.status == 0
    return ran.out.splitlines()


def test_as_text(rtlscribe: Callable, problems: Path, say: Callable[..., str]) -> None:
    model = say([("*", "module m; // verdict: failed\nendmodule"), ("*", "module m; endmodule")], name="s.jsonl")
    lines = text(rtlscribe, problems, "--model", model, "--checker", "scripted", "--n", "2", "--output", "o")
    assert lines == [
        f"{model} on {problems}: 4 problems, 8 completions, scripted, strict rule, parser-based assembly",
        "syntax   100.0%  [51.0%, 100.0%]",
        "function  50.0%  [15.0%, 85.0%]",
        "pass@1 50.0%",
        "4 failed, 4 passed",
        "o/out.jsonl",
    ]


COMMON = ["--checker", "scripted", "--n", "3", "--output", "o"]


@pytest.fixture
def whole(rtlscribe: Callable, problems: Path, references: str) -> list[str | Path]:
    """The arguments of an evaluation that has been made, into the folder o."""
    arguments = [problems, "--model", references, *COMMON]
    assert evaluated(rtlscribe, *arguments)["completions"] == 12
    return arguments


def interrupt(run: Path, *, keep: int) -> None:
    """Make of a finished run what a kill would have left after so many bytes of out.jsonl."""
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
    (run / "summary.json").unlink()
    content = (run / "out.jsonl").read_bytes()
    (run / "out.jsonl").write_bytes(content[:keep])


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("executor", ["serial", "pool"])
def test_a_cut_run_goes_on_to_the_same_summary(
    rtlscribe: Callable, whole: list[str], tmp_path: Path, share: float, executor: str
) -> None:
    summary = (tmp_path / "o/summary.json").read_bytes()
    size = (tmp_path / "o/out.jsonl").stat().st_size
    interrupt(tmp_path / "o", keep=int(share * size))
    again = rtlscribe("evaluate", *whole, "--executor", executor, "--workers", "1", "--batch-size", "3")
    assert again.status == 0
    assert (tmp_path / "o/summary.json").read_bytes() == summary
    attempts = list(jsonl.read(tmp_path / "o/out.jsonl", Attempt))
    assert len(attempts) == len({a.key for a in attempts}) == 12
    assert json.loads((tmp_path / "o/manifest.json").read_text())["attempts"] == 2


def test_a_finished_run_is_not_made_again(rtlscribe: Callable, whole: list[str], tmp_path: Path) -> None:
    before = (tmp_path / "o/out.jsonl").stat().st_mtime_ns
    ran = rtlscribe("evaluate", *whole, "--json")
    assert json.loads(ran.out)["completions"] == 12
    assert (tmp_path / "o/out.jsonl").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--temperature", "0.5"], "temperature was '0.2' and is now '0.5'"),
        (["--seed", "1"], "seed was 0 and is now 1"),
        (["--limit", "2"], "limit was None and is now 2"),
        (["--timeout-s", "5"], "timeout_s was 30.0 and is now 5.0"),
    ],
)
def test_changed_config_is_refused(rtlscribe: Callable, whole: list[str], change: list[str], words: str) -> None:
    ran = rtlscribe("evaluate", *whole, *change)
    assert (ran.status, ran.out) == (2, "")
    assert f"o holds another run: {words}; use --fresh to start over" in ran.err
    assert rtlscribe("evaluate", *whole, *change, "--fresh").status == 0


@pytest.mark.parametrize(("file", "name"), [("problems.jsonl", "benchmark"), ("references.jsonl", "model")])
def test_changed_input_is_refused(rtlscribe: Callable, whole: list[str], tmp_path: Path, file: str, name: str) -> None:
    with (tmp_path / file).open("a") as changed:
        changed.write("\n")
    ran = rtlscribe("evaluate", *whole)
    assert (ran.status, ran.out) == (2, "")
    assert f"the content of {name} has changed" in ran.err


def test_changed_prompt_is_refused(rtlscribe: Callable, problems: Path, references: str, tmp_path: Path) -> None:
    (tmp_path / "p.jinja").write_text("{{ instruction }}")
    arguments = [problems, "--model", references, *COMMON, "--prompt", "p.jinja"]
    assert rtlscribe("evaluate", *arguments).status == 0
    (tmp_path / "p.jinja").write_text("{{ header }}{{ instruction }}")
    assert rtlscribe("evaluate", *arguments).status == 2


def test_a_broken_tool_is_no_wrong_answer(
    rtlscribe: Callable, problems: Path, references: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, icarus: str
) -> None:
    """The simulator tells its version and then does not work: the run fails, nothing is counted, and all is owed."""
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "iverilog").write_text(
        f'#!/bin/sh\n[ "$1" = -V ] && echo "Icarus Verilog version {icarus} ()" || exit 127\n'
    )
    (fake / "vvp").write_text("#!/bin/sh\n")
    for program in fake.iterdir():
        program.chmod(0o755)
    arguments = ["evaluate", problems, "--model", references, "--n", "1", "--output", "o"]
    with monkeypatch.context() as broken:
        broken.setenv("RTLSCRIBE_ICARUS", str(fake))
        ran = rtlscribe(*arguments)
    assert (ran.status, ran.out) == (1, "")
    assert "4 checks could not be made, see o/failures.jsonl; the same command tries them again" in ran.err
    failures = [json.loads(line) for line in (tmp_path / "o/failures.jsonl").open()]
    assert len({f["key"] for f in failures}) == 4
    assert all(f"cannot run {fake / 'iverilog'}" in f["error"] for f in failures)
    assert not (tmp_path / "o/summary.json").exists()
    assert rtlscribe(*arguments).status == 0
    assert json.loads((tmp_path / "o/summary.json").read_text())["statuses"] == {"passed": 4}


def test_as_a_process(process: Callable, icarus: str, tmp_path: Path, one_problem: Problem, say: Callable) -> None:
    jsonl.write(tmp_path / "p.jsonl", [one_problem])
    model = say([("inverter", "    assign y = ~a;\nendmodule")])
    ran = process("evaluate", "p.jsonl", "--model", model, "--n", "2", "--json", "--output", "o")
    assert ran.status == 0
    assert json.loads(ran.out)["statuses"] == {"passed": 2}
    assert ran.err.startswith("evaluate p.jsonl: 2/2 in ")


def test_default_folder_is_named_after_day_and_benchmark(rtlscribe: Callable, problems: Path, references: str) -> None:
    summary = evaluated(rtlscribe, problems, "--model", references, "--checker", "scripted", "--n", "1")
    assert re.fullmatch(r"runs/2[\d-]+-evaluate-problems-scripted-.*references\.jsonl/out\.jsonl", summary["output"])

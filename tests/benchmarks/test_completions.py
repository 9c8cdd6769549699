"""Completions of others, in each form they come in; and results in the forms of the benchmarks."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from rtlscribe import jsonl
from rtlscribe.benchmarks.completions import (
    missing,
    read_completions,
    results_path,
    write_counts,
    write_results,
    write_samples,
    write_summary,
)
from rtlscribe.errors import DataError, UsageError
from rtlscribe.flow import Attempt
from rtlscribe.published import PROCEDURES
from rtlscribe.records import Candidate, Completion, Problem, Sampling, Status, Verdict
from rtlscribe.summaries import ProblemCount

PROBLEMS = [
    Problem(id=i, text="t", top=t) for i, t in (("adder_8bit", "add"), ("calendar", "calendar"), ("mux", "mux"))
]


def row(task_id: str, completion: str = "x", **more: object) -> str:
    return json.dumps({"task_id": task_id, "completion": completion, **more}) + "\n"


def own(problem_id: str, index: int) -> Completion:
    return Completion(
        problem_id=problem_id, index=index, text="x", model="hf:m", sampling=Sampling(n=9), finish_reason="length"
    )


def module(name: str) -> str:
    return f"module {name}(input a); endmodule\n"


def verdict(problem_id: str, index: int, status: Status, detail: str = "") -> Verdict:
    return Verdict(problem_id=problem_id, index=index, status=status, checker="c", detail=detail)


def test_samples_of_verilog_eval(lay: Callable) -> None:
    text = row("mux", "first") + "\n" + row("adder_8bit", temperature=0.2) + row("mux", "\tsecond é\n")
    folder = lay("s", {"some.jsonl": text, "some.jsonl.gz": text})
    for name in ("some.jsonl", "some.jsonl.gz"):
        found = read_completions(folder / name, PROBLEMS)
        assert [(c.problem_id, c.index, c.text) for c in found] == [
            ("mux", 0, "first"),
            ("adder_8bit", 0, "x"),
            ("mux", 1, "\tsecond é\n"),
        ]
        assert {(c.model, c.sampling.n, c.finish_reason) for c in found} == {(f"file:{name}", 2, "stop")}
    assert missing(PROBLEMS, found) == ["calendar"]


def test_our_own_files_keep_what_they_say(tmp_path: Path) -> None:
    said = [own("mux", 3), own("adder_8bit", 0)]
    judged = [
        Attempt(
            completion=c,
            candidate=Candidate(problem_id=c.problem_id, index=c.index, code="", assembly="none"),
            verdict=verdict(c.problem_id, c.index, "no_code"),
        )
        for c in said
    ]
    # By two rules, say: the completions are judged twice and are still two.
    for name, records in (("completions.jsonl", said), ("attempts.jsonl", judged), ("twice.jsonl", judged * 2)):
        jsonl.write(tmp_path / name, records)
        assert read_completions(tmp_path / name, PROBLEMS) == said
    other = msgspec.structs.replace(judged[0], completion=msgspec.structs.replace(said[0], text="another"))
    jsonl.write(tmp_path / "mixed.jsonl", [*judged, other])
    with pytest.raises(DataError, match="line 3: completion 3 of 'mux' stands in line 1 already"):
        read_completions(tmp_path / "mixed.jsonl", PROBLEMS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (row("mux") + row("mox"), "line 2: no problem of this benchmark is called 'mox'; the nearest is 'mux'"),
        (row("ZZZ"), "line 1: .*'ZZZ'; its problems are called like 'adder_8bit'"),
        (row("mux") + "\n{half", "line 3: "),
        (row("mux") + '{"task_id": "mux"}\n', "line 2: .*completion"),
        ('{"completion": "x"}\n', "line 1: .*problem_id|line 1: .*field"),
        (row("mux", completion_id=4) + row("mux", completion_id=4), "line 2: completion 4 of 'mux' stands in line 1"),
        (row("mux", index=0) + row("calendar", index=0) + row("mux", index=0), "line 3: completion 0 of 'mux' stands"),
        (jsonl.encode(own("mux", 1)).decode() * 2, "line 2: completion 1 of 'mux' stands in line 1 already"),
        (row("mux") + jsonl.encode(own("mux", 1)).decode(), "some lines have a task_id and some a problem_id"),
        ("\n", "no completions"),
    ],
)
def test_lines_that_are_wrong(text: str, words: str, lay: Callable) -> None:
    with pytest.raises(DataError, match=rf"rows\.jsonl.*{words}"):
        read_completions(lay("f", {"rows.jsonl": text}) / "rows.jsonl", PROBLEMS)


def test_folders_of_answers_are_routed_by_exact_names(lay: Callable) -> None:
    folder = lay(
        "answers",
        {
            "t1/adder_8bit.v": "no module at all",  # by the file's name, whatever is in it
            "t1/calender.v": "// a mistyped name\n" + module("calendar"),
            "t1/mux.v": module("adder_8bit"),
            "t2/add.v": module("other"),  # by the name of the module that is asked for
            "t10/adder_8bit.v": "tenth",
            "t10/notes.txt": "not an answer",
            "t3/x/adder_8bit.v": "too deep",
        },
    )
    found = read_completions(folder, PROBLEMS)
    assert [(c.problem_id, c.index, c.text) for c in found] == [
        ("adder_8bit", 0, "no module at all"),
        ("calendar", 0, "// a mistyped name\n" + module("calendar")),
        ("mux", 0, module("adder_8bit")),
        ("adder_8bit", 1, module("other")),
        ("adder_8bit", 2, "tenth"),
    ]
    assert {(c.model, c.sampling.n) for c in found} == {("file:answers", 3)}
    assert [c.text for c in read_completions(folder / "t10", PROBLEMS)] == ["tenth"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"t1/adder_16bit.v": module("adder_16bit")},
            "1 files cannot be told: t1/adder_16bit.v: .*nearest is 'adder_8bit'",
        ),
        # The adder in it is a part, not what it is for.
        (
            {"t1/adder_32bit.v": module("big").replace("endmodule", "add p(a); endmodule") + module("add")},
            "cannot be told",
        ),
        ({"t1/two.v": module("add") + module("mux")}, "t1/two.v: .*no module tells"),
        ({"t2/mux.v": "", "t2/muxes.v": module("mux")}, "t2/muxes.v is for 'mux', as is mux.v"),
        ({f"t{n}/sub.v": "" for n in range(1, 6)}, "5 files cannot be told: .*; and 2 more"),
    ],
)
def test_answers_that_cannot_be_routed_are_listed(files: dict[str, str], words: str, lay: Callable) -> None:
    with pytest.raises(DataError, match=words):
        read_completions(lay("answers", files), PROBLEMS)


def test_build_folders_of_verilog_eval_2(lay: Callable) -> None:
    problems = [Problem(id=f"Prob00{n}_x", text="t", top="TopModule") for n in (1, 2)]
    code = "\n" + module("helper") + module("TopModule") + "\n"
    folder = lay(
        "build",
        {
            "Prob002_x/Prob002_x_sample01.sv": code,
            "Prob002_x/Prob002_x_sample01-sv-iv-test.log": "Mismatches: 0 in 1 samples",
            "Prob001_x/Prob001_x_sample10.sv": "ten",
            "Prob001_x/Prob001_x_sample02.sv": "two, extracted",
            "Prob001_x/Prob001_x_sample02_response.txt": "[BEGIN]\ntwo\n[DONE]",
            "Prob001_x/Prob001_x_sample02_fullprompt.txt": "what was asked",
            "problems.mk": "",
            "other/notes.txt": "",
        },
    )
    found = read_completions(folder, problems)
    assert [(c.problem_id, c.index) for c in found] == [("Prob001_x", 0), ("Prob001_x", 1), ("Prob002_x", 0)]
    assert found[0].text == "[BEGIN]\ntwo\n[DONE]"
    assemble = PROCEDURES["verilog-eval-2"].assemble
    for header in ("", "\nmodule TopModule (input a);\n"):  # an extracted answer is taken whole
        assert assemble(found[2].text, header, "TopModule").strip() == code.strip()
    with pytest.raises(
        DataError, match="no problem of this benchmark is called 'Prob002_x'; the nearest is 'Prob001_x'"
    ):
        read_completions(folder, problems[:1])


def test_a_folder_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no completions: folders t1, t2"):
        read_completions(tmp_path, PROBLEMS)
    with pytest.raises(UsageError, match="cannot read"):
        read_completions(tmp_path / "none.jsonl", PROBLEMS)


def test_results_are_the_samples_and_two_fields(lay: Callable) -> None:
    text = row("mux", "a é", note="n") + row("calendar", "b", result="old") + row("mux", "c")
    folder = lay("s", {"some.jsonl": text, "some.jsonl.gz": text})
    verdicts = [
        verdict("mux", 1, "failed", "failed: 3 out of 40 samples."),
        verdict("mux", 0, "passed", "passed"),
        verdict("calendar", 0, "syntax_error", "line 1: syntax error"),
    ]
    for name in ("some.jsonl", "some.jsonl.gz"):
        samples = folder / name
        path = results_path(samples)
        assert path.name == f"{name}_results.jsonl"
        completions = read_completions(samples, PROBLEMS)
        assert write_results(path, completions, verdicts, samples=samples) == 3
        assert path.read_text() == (
            '{"task_id": "mux", "completion": "a \\u00e9", "note": "n", "result": "passed", "passed": true}\n'
            '{"task_id": "calendar", "completion": "b", "result": "failed: syntax error.", "passed": false}\n'
            '{"task_id": "mux", "completion": "c", "result": "failed: 3 out of 40 samples.", "passed": false}\n'
        )
    assert write_results(path, completions, verdicts[:1]) == 1
    assert json.loads(path.read_text())["completion"] == "c"
    with pytest.raises(DataError, match="the samples that were judged"):
        write_results(path, completions[1:], verdicts, samples=samples)


def test_samples_are_written_as_they_are_read(tmp_path: Path) -> None:
    said = [own("mux", 0), own("calendar", 0), own("mux", 1)]
    assert write_samples(tmp_path / "s.jsonl", said) == 3
    assert (tmp_path / "s.jsonl").read_text() == "".join(row(c.problem_id) for c in said)
    assert [(c.problem_id, c.index) for c in read_completions(tmp_path / "s.jsonl", PROBLEMS)] == [
        (c.problem_id, c.index) for c in said
    ]
    (tmp_path / "s.jsonl.gz").write_bytes(gzip.compress((tmp_path / "s.jsonl").read_bytes()))
    assert len(read_completions(tmp_path / "s.jsonl.gz", PROBLEMS)) == 3


def test_summary_of_letters(tmp_path: Path) -> None:
    path = tmp_path / "summary.csv"
    many = [verdict("Prob003_c", n, "passed" if n < 29 else "failed") for n in range(100)]
    verdicts = [
        verdict("Prob002_b", 2, "passed", ".: passes"),
        verdict("Prob002_b", 0, "failed", "r: wrong output, asynchronous reset"),
        verdict("Prob001_a", 0, "syntax_error", "answer.sv:1: syntax error"),
        *many,
    ]
    assert write_summary(path, verdicts) == 3
    first, second, third = path.read_text().splitlines()
    assert first == "Prob001_a,0,1,0.0,S"
    assert second == "Prob002_b,1,3,0.33,r,?,."
    assert third.startswith("Prob003_c,29,100,0.28,.,")  # as the script cuts 0.29 * 100


def test_counts_of_rtllm(tmp_path: Path) -> None:
    counts = [
        ProblemCount(id="adder_8bit", n=5, syntax=5, function=4),
        ProblemCount(id="mux", n=5, syntax=1, function=0),
        ProblemCount(id="late", n=2, syntax=0, function=0),
    ]
    path = tmp_path / "counts.txt"
    write_counts(path, counts)
    assert path.read_text().splitlines() == [
        "{'adder_8bit': {'syntax_success': 5, 'func_success': 4}, 'mux': {'syntax_success': 1, 'func_success': 0}, "
        "'late': {'syntax_success': 0, 'func_success': 0}}",
        f"syntax pass@1: {1.2 / 4},   func pass@1: {0.8 / 4}",
        "total_syntax_success: 2/3",
        "total_func_success: 1/3",
        f"without the added design: syntax pass@1: {1.2 / 3},   func pass@1: {0.8 / 3}",
    ]

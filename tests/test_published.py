"""The published procedures: how answers are put together, and what each log is called. Nothing is run here."""

import pytest

from rtlscribe.published import LETTERS, PROCEDURES, Log, failure_letter, letter_of, note_of_renaming, result_text
from rtlscribe.records import Status, Verdict

V1, V2, RTLLM = (PROCEDURES[name] for name in ("verilog-eval-1", "verilog-eval-2", "rtllm"))
HEADER = "\nmodule TopModule (\n  input a\n);\n"


def verdict(status: Status, detail: str = "") -> Verdict:
    return Verdict(problem_id="p", index=0, status=status, checker="c", detail=detail)


def ran(out: str, err: str = "", *, warned: str = "", timed_out: bool = False) -> Log:
    return Log(True, warned, out, err, timed_out)


def test_the_command_lines() -> None:
    flags = "-Wall -Winfloop -Wno-timescale -g2012 -s tb"
    assert " ".join(V1.flags) == " ".join(V2.flags) == flags
    assert (V1.run_flags, V2.run_flags) == (("-n",), ())
    assert (V1.timeout_s, V2.timeout_s, RTLLM.timeout_s) == (30.0, 30.0, 8.0)
    assert V1.timeout_covers_compiler
    assert not V2.timeout_covers_compiler


def test_what_is_compiled() -> None:
    assert V1.assemble("body", "head;\n", "top_module") == "head;\n\nbody"
    assert V1.files("test", "code") == [("answer.sv", "test\ncode")]
    assert V2.files("test", "code") == [("answer.sv", "code"), ("test.sv", "test")]
    assert RTLLM.assemble("text\r\n", "", "top") == "text\r\n"
    assert RTLLM.files("test", "code") == [
        ("timescale.v", "`timescale 1ns/1ns\n"),
        ("answer.v", "code"),
        ("testbench.v", "test"),
    ]


def test_a_renamed_testbench_is_judged_by_as_published() -> None:
    renamed = f"even dut(); even_ x;\n{note_of_renaming('byeven', 'even')}\n"
    (_, _, (_, testbench)) = RTLLM.files(renamed, "code")
    assert testbench.startswith("byeven dut(); even_ x;\n")


@pytest.mark.parametrize(
    ("log", "status", "wording"),
    [
        (ran("Mismatches: 0 in 20 samples"), "passed", "passed"),
        (ran("Mismatches: 0 in 20 samples\nMismatches: 9 in 20 samples"), "passed", "passed"),
        (ran("Mismatches: 07 in 20 samples"), "failed", "failed: 7 out of 20 samples."),
        (ran("said Mismatches: 1 in 2 samples, or so"), "failed", "failed: 1 out of 2 samples."),
        (ran("nothing"), "failed", "failed: info string not matched."),
        (ran("Mismatches:  in 20 samples"), "failed", "failed: invalid literal for int() with base 10: ''"),
        (ran("Mismatches: 0 in 20 samples", warned="x: warning: y"), "syntax_error", "failed: compile error."),
        (ran("Mismatches: 0 in 20 samples", err="vvp said"), "syntax_error", "failed: compile error."),
        (Log(False, "x:1: syntax error\n"), "syntax_error", "failed: syntax error."),
        (Log(False, "Unknown module type"), "syntax_error", "failed: compile error."),
        (ran("Mismatches: 0 in 20 samples", timed_out=True), "timeout", "timed out"),
        (Log(False, "syntax error", timed_out=True), "timeout", "timed out"),
    ],
)
def test_words_of_verilog_eval_1(log: Log, status: str, wording: str) -> None:
    assert V1.judge(log, "code") == (status, wording)
    assert result_text(verdict(V1.judge(log, "code")[0], wording)) == wording


@pytest.mark.parametrize(
    ("status", "detail", "text"),
    [
        ("passed", "", "passed"),
        ("passed", "refused by the strict rule: failed, Mismatches: 3 in 20 samples", "passed"),
        ("failed", "Mismatches: 3 in 20 samples", "failed: 3 out of 20 samples."),
        ("failed", "19 samples where the reference was judged on 20", "failed: info string not matched."),
        ("syntax_error", "line 3: syntax error", "failed: syntax error."),
        ("syntax_error", "line 3: error: unknown", "failed: compile error."),
        ("timeout", "while simulating", "timed out"),
        ("rejected", "$fopen", "failed: compile error."),
        ("no_code", "", "failed: compile error."),
        ("unsupported", "sorry", "failed: compile error."),
    ],
)
def test_strict_verdicts_in_those_words(status: Status, detail: str, text: str) -> None:
    assert result_text(verdict(status, detail)) == text


MATCH = "Mismatches: 0 in 20 samples\n"


@pytest.mark.parametrize(
    ("log", "code", "letter"),
    [
        (MATCH, "", "."),
        (f"Hint\nMismatches: 3 in 20 samples\n{MATCH}", "", "."),
        ("Mismatches: 00 in 20 samples", "", "."),
        (f" {MATCH}", "", "R"),
        ("Mismatches: 0 in 20 samples.\n", "", "R"),
        ("Mismatches: 0 in 20 samples\x0c\n", "", "R"),  # a form feed ends no line
        ("Mismatches: 3 in 20 samples", "always @(posedge clk, posedge reset)", "r"),
        ("", "always @(negedge reset)", "r"),
        ("", "always @(posedge clk or posedge r)", "r"),
        ("", "always @(posedge rst)", "R"),
        (f"{MATCH}a.sv:3: syntax error", "", "S"),
        (f"{MATCH}a.sv:3: error: any other", "", "C"),
        ("a: error: This assignment requires an explicit cast.", "", "e"),
        ("a: error: Sized numeric constant must have a size greater than zero.", "", "0"),
        ("a: warning: always_comb process has no sensitivities.", "", "n"),
        ("a: warning: @* found no sensitivities so it will never trigger.", "", "n"),
        ("a: error: x is not a valid l-value\na: x is declared here as wire", "", "w"),
        ("a: error: Unknown module type: m", "", "m"),
        ("a: error: Unable to bind wire/reg/memory `clk' in `tb'", "", "c"),
        ("a: error: Unable to bind wire/reg/memory `q' in `tb'", "", "p"),
        ("a: error: Unable to bind wire/reg/memory `q' in `tb'\nb: Unknown module type: m", "", "m"),
        ("a: Unknown module type: m\na: syntax error", "", "m"),  # the first line that decides
        (f"TIMEOUT\n{MATCH}", "", "T"),
    ],
)
def test_letters_of_verilog_eval_2(log: str, code: str, letter: str) -> None:
    assert failure_letter(log, code) == letter
    status, wording = V2.judge(ran(log), code)
    assert wording == f"{letter}: {LETTERS[letter]}"
    expected = {".": "passed", "r": "failed", "R": "failed", "T": "timeout"}.get(letter, "syntax_error")
    assert status == expected
    assert letter_of(verdict(status, wording)) == letter


def test_letters_of_other_verdicts() -> None:
    assert V2.judge(ran(MATCH, timed_out=True), "")[1].startswith("T: ")
    cases: list[tuple[Status, str, str]] = [
        ("passed", "", "."),
        ("passed", "refused by the strict rule: failed, x", "."),
        ("failed", "Mismatches: 3 in 20 samples", "R"),
        ("syntax_error", "line 1: syntax error", "S"),
        ("syntax_error", "line 1: error: x", "C"),
        ("timeout", "while simulating", "T"),
        ("rejected", "S: not a letter of ours", "C"),
        ("no_code", "", "C"),
    ]
    for status, detail, letter in cases:
        assert letter_of(verdict(status, detail)) == letter


MODULE = ["module TopModule (", "  input a", ");", "endmodule"]


@pytest.mark.parametrize(
    ("completion", "kept"),
    [
        (["[BEGIN]", *MODULE, "[DONE]", "endmodule"], MODULE),
        (["  [BEGIN] ", "x", " [DONE]"], ["x"]),
        (["[BEGIN] x", "y [DONE]", "z"], [" x", "y "]),
        (["[BEGIN] x [DONE]", "y", "[DONE]"], [" x [DONE]", "y"]),
        (["[BEGIN]", *MODULE], []),  # as published: without [DONE] the file is empty
        (["Sure.", "```verilog", *MODULE, "```", "```", "more", "```"], MODULE),
        (["Sure.", *MODULE, "Bye."], MODULE),
        (["Sure.", "  endmodule", "after"], ["Sure.", "  endmodule"]),
        (["```", *MODULE], MODULE),
        (["endmodule", *MODULE], ["endmodule"]),
        (["[DONE]", "a"], ["[DONE]", "a"]),
    ],
)
def test_code_in_the_words_of_a_model(completion: list[str], kept: list[str]) -> None:
    assert V2.assemble("\n".join(completion), "", "TopModule").strip("\n").split("\n") == (kept or [""])


@pytest.mark.parametrize(
    ("completion", "with_header", "kept"),
    [
        (["  assign b = a;", "endmodule", "bye"], True, ["  assign b = a;", "endmodule"]),
        (["```", "  assign b = a;", "endmodule", "```"], True, ["  assign b = a;", "endmodule"]),
        (["here", *MODULE, "bye"], False, MODULE),
        (["module Other;", "endmodule", *MODULE], True, ["module Other;", "endmodule"]),
        (["[BEGIN]", "x"], True, ["[BEGIN]", "x"]),
    ],
)
def test_code_that_goes_under_a_header(completion: list[str], with_header: bool, kept: list[str]) -> None:
    start = f"\n{HEADER}\n\n" if with_header else "\n"
    assert V2.assemble("\n".join(completion), HEADER, "TopModule") == start + "\n".join(kept) + "\n\n"


@pytest.mark.parametrize(
    ("log", "status"),
    [
        (ran("Your Design Passed"), "passed"),
        (ran("bypass", warned="warning"), "passed"),
        (ran("", "passing"), "passed"),
        (ran("PASS"), "failed"),
        (ran("Passed", timed_out=True), "timeout"),
        (Log(False, "error Pass"), "syntax_error"),
        (Log(False, "", timed_out=True), "timeout"),
    ],
)
def test_verdicts_of_rtllm(log: Log, status: str) -> None:
    assert RTLLM.judge(log, "")[0] == status

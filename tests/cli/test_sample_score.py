"""sample, then score: what a model said becomes rows for scoring training, under both rules."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.openai_server import Script
from tests.fakes.teacher import serving

from rtlscribe import jsonl
from rtlscribe.records import Completion, Problem
from rtlscribe.samples import read_samples
from rtlscribe.similarity import rouge_l

GOOD = "module inverter(input a, output y);\n    assign y = !a;\nendmodule\n"
WRONG = "module inverter(input a, output y);\n    assign y = a;\nendmodule\n"
BROKEN = "module inverter(input a, output y);\n    assign y = nowhere;\nendmodule\n"
CUT = "module inverter(input a,\n"
APOLOGY = "I cannot."


@pytest.fixture
def sampled(rtlscribe: Callable, say: Callable[..., str], tmp_path: Path, one_problem: Problem) -> list[str]:
    """Seven completions of one problem, in the run folder s; the arguments that made them."""
    jsonl.write(tmp_path / "p.jsonl", [one_problem])
    said = [f"```verilog\n{GOOD}```", WRONG, BROKEN, CUT, APOLOGY, WRONG, one_problem.reference]
    model = say([("inverter", text) for text in said])
    arguments = ["sample", "--data", "p.jsonl", "--model", model, "--n", "7", "--output", "s"]
    ran = rtlscribe(*arguments, "--json")
    assert ran.status == 0
    assert json.loads(ran.out) == {"output": "s/out.jsonl", "problems": 1, "completions": 7, "cut_short": 0}
    return arguments


def test_completions_are_untouched(sampled: list[str], tmp_path: Path) -> None:
    completions = list(jsonl.read(tmp_path / "s/out.jsonl", Completion))
    assert [c.index for c in completions] == list(range(7))
    assert completions[0].text == f"```verilog\n{GOOD}```"
    assert {c.sampling.n for c in completions} == {7}


def test_a_budget_stops_and_more_goes_on(rtlscribe: Callable, tmp_path: Path) -> None:
    """Each answer takes 110 tokens; earlier attempts count, and nothing is asked for twice."""
    jsonl.write(tmp_path / "p.jsonl", [Problem(id=f"p{n}", text=f"Task {n}.") for n in range(30)])
    command = ["sample", "--data", "p.jsonl", "--n", "1", "--beams", "1", "--temperature", "0.7", "--max-tokens", "20"]
    with serving(Script(), tmp_path / "s") as server:
        command += ["--model", server.model, "--batch-size", "1", "--output", "o"]
        asked = []
        for budget in (1000, 2000, 3000, 9000):
            ran = rtlscribe(*command, "--budget-tokens", budget)
            asked.append(len(server.requests()))
            assert (ran.status, "larger budget goes on" in ran.err) == ((0, False) if budget == 9000 else (1, True))
            assert asked[-1] * 110 <= budget
            assert asked[-1] * 110 + 300 > min(budget, 3300)
        assert asked[-1] == 30
    completions = list(jsonl.read(tmp_path / "o/out.jsonl", Completion))
    assert {c.problem_id for c in completions} == {f"p{n}" for n in range(30)}
    assert len(completions) == 30


def test_a_budget_wants_prices_and_a_back_end_that_counts(rtlscribe: Callable, sampled: list[str]) -> None:
    for options, words in ((("--budget-cost", "1"), "wants prices"), (("--budget-tokens", "1"), "counts no tokens")):
        ran = rtlscribe(*sampled, "--fresh", *options)
        assert ran.status == 2
        assert words in ran.err


def test_an_id_that_stands_there_twice(rtlscribe: Callable, sampled: list[str], tmp_path: Path) -> None:
    jsonl.write(tmp_path / "p.jsonl", [*jsonl.read(tmp_path / "p.jsonl", Problem)] * 2)
    ran = rtlscribe(*sampled, "--fresh")
    assert (ran.status, "line 2: the id 'inverter' stands there twice" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("rule", "scores", "perfect"),
    [
        ("syntax", {GOOD: 1.0, WRONG: 1.0, BROKEN: None, CUT: None, APOLOGY: 0.0}, 0.4),
        ("function", {GOOD: 1.0, WRONG: 0.2, BROKEN: 0.0, CUT: 0.0, APOLOGY: 0.0}, 0.2),
    ],
)
def test_rows(
    rtlscribe: Callable,
    icarus: str,
    sampled: list[str],
    tmp_path: Path,
    one_problem: Problem,
    rule: str,
    scores: dict[str, float | None],
    perfect: float,
) -> None:
    reference = one_problem.reference
    if rule == "function":
        expected = {t: z if z == 1 else z + 0.2 * rouge_l(reference, t) for t, z in scores.items()}
        expected[APOLOGY] = 0.0
    else:
        expected = {t: rouge_l(reference, t) if z is None else z for t, z in scores.items()}
    ran = rtlscribe("score", "--completions", "s", "--data", "p.jsonl", "--rule", rule, "--output", "o", "--json")
    assert ran.status == 0
    (row,) = read_samples(tmp_path / "o/out.jsonl")
    assert row.responses == (GOOD, WRONG, BROKEN, CUT, APOLOGY, reference)  # each once, the reference last
    assert row.scores == pytest.approx((*expected.values(), 1.0))
    assert (row.reference, row.verilog, row.origin) == (5, reference, f"score:{rule}")
    assert (row.id, row.instruction, row.header) == ("inverter", one_problem.text, one_problem.header)
    summary = json.loads(ran.out)
    assert (summary["rows"], summary["candidates"], summary["rankable"]) == (1, 5, 1)
    assert summary["perfect_share"] == perfect
    assert summary["mean_score"] == pytest.approx(sum(expected.values()) / 5, abs=1e-4)


def test_scores_go_in_the_order_of_the_problems(
    rtlscribe: Callable, problems: Path, say: Callable[..., str], tmp_path: Path
) -> None:
    model = say([("*", WRONG), ("*", CUT)])
    assert rtlscribe("sample", "--data", problems, "--model", model, "--n", 2, "--output", "s").status == 0
    assert rtlscribe("score", "--completions", "s", "--data", problems, "--output", "o").status == 0
    ids = [json.loads(line)["id"] for line in problems.open()]
    assert [s.id for s in read_samples(tmp_path / "o/out.jsonl")] == ids


def test_sampling_goes_on_and_is_refused_when_changed(rtlscribe: Callable, sampled: list[str], tmp_path: Path) -> None:
    whole = (tmp_path / "s/out.jsonl").read_bytes()
    manifest = json.loads((tmp_path / "s/manifest.json").read_text())
    (tmp_path / "s/manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
    (tmp_path / "s/out.jsonl").write_bytes(whole[:-10])
    assert rtlscribe(*sampled, "--batch-size", "1").status == 0
    assert (tmp_path / "s/out.jsonl").read_bytes() == whole
    ran = rtlscribe(*sampled, "--temperature", "0.5")
    assert ran.status == 2
    assert "temperature was 0.0 and is now 0.5" in ran.err
    (tmp_path / "said.jsonl").write_text('{"problem_id": "*", "text": "another model"}\n')
    ran = rtlscribe(*sampled)
    assert ran.status == 2
    assert "the content of model has changed" in ran.err


def test_scoring_is_refused_when_its_input_changed(rtlscribe: Callable, sampled: list[str], tmp_path: Path) -> None:
    score = ["score", "--completions", "s", "--data", "p.jsonl", "--output", "o"]
    assert rtlscribe(*score).status == 0
    with (tmp_path / "s/out.jsonl").open("a") as file:
        file.write("\n")
    ran = rtlscribe(*score)
    assert ran.status == 2
    assert "the content of completions has changed" in ran.err


@pytest.mark.parametrize(
    "row",
    [
        '{"Instruction": "i", "Input": "module inverter(input a, output y);", "Response": ["module r; endmodule"]}',
        '{"instruction": "i", "output": "module r; endmodule"}',
        '{"id": "x", "instruction": "i", "verilog": "module r; endmodule"}',
    ],
    ids=["rtl-coder", "llama-factory", "ours"],
)
def test_every_form_of_data(rtlscribe: Callable, say: Callable[..., str], tmp_path: Path, row: str) -> None:
    (tmp_path / "d.jsonl").write_text(f"{row}\n")
    model = say([("*", GOOD)])
    assert rtlscribe("sample", "--data", "d.jsonl", "--model", model, "--n", 1, "--output", "s").status == 0
    assert rtlscribe("score", "--completions", "s/out.jsonl", "--data", "d.jsonl", "--output", "o").status == 0
    (sample,) = read_samples(tmp_path / "o/out.jsonl")
    assert sample.responses == (GOOD, "module r; endmodule")
    assert sample.scores == (1.0, 1.0)


SAME = GOOD.replace("!a", "~a")


@pytest.mark.parametrize("with_reference", [True, False])
def test_scores_by_agreement(
    rtlscribe: Callable, icarus: str, say: Callable[..., str], tmp_path: Path, with_reference: bool
) -> None:
    reference = SAME if with_reference else ""
    problem = Problem(id="inverter", text="t", header="module inverter(input a, output y);", reference=reference)
    jsonl.write(tmp_path / "p.jsonl", [problem, Problem(id="other", text="t"), Problem(id="unasked", text="t")])
    said = [WRONG, f"```verilog\n{GOOD}```", BROKEN, SAME, GOOD, APOLOGY]
    model = say([*(("inverter", text) for text in said), *[("other", APOLOGY)] * 6])
    asked = jsonl.write(tmp_path / "asked.jsonl", list(jsonl.read(tmp_path / "p.jsonl", Problem))[:2])
    assert asked == 2
    ran = rtlscribe("sample", "--data", "asked.jsonl", "--model", model, "--n", "6", "--output", "s")
    assert ran.status == 0
    score = ("score", "--completions", "s", "--data", "p.jsonl", "--rule", "agreement", "--output", "o", "--json")
    ran = rtlscribe(*score)
    assert ran.status == 0, ran.err
    (row,) = read_samples(tmp_path / "o/out.jsonl")  # of `other` there is no code at all
    scores = {WRONG: 0.25, GOOD: 0.75, BROKEN: 0.0, SAME: 0.75, APOLOGY: 0.0}
    best = SAME if with_reference else GOOD
    expected = {text: z for text, z in scores.items() if text != best} | {best: 1.0 if with_reference else 0.75}
    assert dict(zip(row.responses, row.scores, strict=True)) == expected
    assert (row.verilog, row.responses[row.reference or 0], row.origin) == (best, best, "score:agreement")
    summary = json.loads(ran.out)
    assert (summary["rows"], summary["candidates"], summary["rankable"]) == (1, 4, 1)
    manifest = json.loads((tmp_path / "o/manifest.json").read_text())
    (tmp_path / "o/manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
    again = rtlscribe(*score)
    assert "score (agreement): 2/2 (2 from an earlier attempt)" in again.err
    assert json.loads(again.out) == summary

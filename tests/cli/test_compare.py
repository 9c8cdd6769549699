"""compare, through the command: runs on the same problems in, difference, interval, p-values and flips out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtlscribe.errors import DataError, UsageError
from rtlscribe.metrics import bootstrap_interval, pass_at_k, wilson_interval
from rtlscribe.records import Sampling
from rtlscribe.rundir import RunDir
from rtlscribe.stages.compare import Config, run
from rtlscribe.summaries import DesignsSummary, EvaluateSummary, ProblemCount, Rate, Setting

WEAK = {"adder": 1, "counter": 4, "fifo": 0, "mux": 2, "shifter": 0}
STRONG = {"adder": 4, "counter": 4, "fifo": 1, "mux": 1, "shifter": 4}
N = 4


def counted(passes: dict[str, int], n: int) -> tuple[ProblemCount, ...]:
    return tuple(ProblemCount(id=i, n=n, syntax=n, function=c) for i, c in passes.items())


def rate(counts: tuple[ProblemCount, ...]) -> Rate:
    mean = sum(c.function / c.n for c in counts) / len(counts)
    low, high = wilson_interval(mean, len(counts))
    return Rate(rate=mean, low=low, high=high)


def setting(passes: dict[str, int], *, rule: str, assembly: str, temperature: float | None) -> Setting:
    counts = counted(passes, N)
    return Setting(
        rule=rule,
        assembly=assembly,
        temperature=temperature,
        completions=N * len(counts),
        syntax=Rate(rate=1.0, low=0.5, high=1.0),
        function=rate(counts),
        pass_at={},
        statuses={"passed": sum(passes.values())},
        by_problem=counts,
    )


def evaluated(
    folder: Path,
    passes: dict[str, int],
    *,
    n: int = N,
    content: str | None = "the problems",
    config: dict[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """A finished evaluation with so many passes of n a problem; a summary with `changes`."""
    counts = counted(passes, n)
    file = folder.with_suffix(".jsonl")
    inputs = {}
    if content is not None:
        file.write_text(content)
        inputs["benchmark"] = file
    with RunDir.open(folder, stage="evaluate", config={"seed": 0, "n": n} | (config or {}), inputs=inputs) as work:
        summary: dict[str, Any] = {
            "output": str(work.out),
            "model": "hf:m",
            "benchmark": str(file),
            "checker": "iverilog-12.0",
            "sampling": Sampling(n=n, temperature=0.2),
            "problems": len(counts),
            "completions": n * len(counts),
            "syntax": Rate(rate=1.0, low=0.5, high=1.0),
            "function": rate(counts),
            "pass_at": {},
            "statuses": {"passed": sum(passes.values()), "failed": n * len(counts) - sum(passes.values())},
            "by_problem": counts,
        }
        work.finish(EvaluateSummary(**summary | changes))
    return folder


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    return [evaluated(tmp_path / "weak", WEAK), evaluated(tmp_path / "strong", STRONG, model="hf:better")]


def compared(rtlscribe: Callable, *arguments: str | Path) -> dict[str, Any]:
    ran = rtlscribe("compare", *arguments, "--json")
    assert ran.status == 0, ran.err
    return json.loads(ran.out)


def test_the_numbers(rtlscribe: Callable, pair: list[Path]) -> None:
    found = compared(rtlscribe, *pair)
    assert (found["problems"], found["k"]) == (5, 1)
    assert found["a"]["rate"]["rate"] == pytest.approx(7 / 20)
    assert found["b"]["rate"]["rate"] == pytest.approx(14 / 20)
    differences = [3 / 4, 0, 1 / 4, -1 / 4, 1]
    assert found["difference"] == pytest.approx(7 / 20)
    assert (found["low"], found["high"]) == pytest.approx(bootstrap_interval(differences))
    assert found["low"] < 7 / 20 < found["high"]
    # Of the 2^4 patterns of signs of 3, 1, -1 and 4, these have a sum of at least 7 in size: +3 +4 with any two others
    # whose sum is not below 0, and the same with all signs changed.
    assert found["sign_flip"] == pytest.approx(6 / 16)
    assert found["sign_test"] == pytest.approx(2 * (1 + 4) / 16)
    assert found["gained"] == [
        {"id": "shifter", "n": 4, "a": 0, "b": 4},
        {"id": "adder", "n": 4, "a": 1, "b": 4},
        {"id": "fifo", "n": 4, "a": 0, "b": 1},
    ]
    assert found["lost"] == [{"id": "mux", "n": 4, "a": 2, "b": 1}]
    assert found["cautions"] == []


def test_backwards_it_is_the_other_way_round(rtlscribe: Callable, pair: list[Path]) -> None:
    forth, back = compared(rtlscribe, *pair), compared(rtlscribe, *reversed(pair))
    assert back["difference"] == pytest.approx(-forth["difference"])
    assert [f["id"] for f in back["lost"]] == [f["id"] for f in forth["gained"]]
    assert (back["sign_flip"], back["sign_test"]) == (forth["sign_flip"], forth["sign_test"])


def test_as_text(rtlscribe: Callable, pair: list[Path]) -> None:
    ran = rtlscribe("compare", f"before={pair[0]}", pair[1])
    assert ran.status == 0
    a, b = ([c / N for c in passes.values()] for passes in (WEAK, STRONG))
    ends = [f"[{low:.1%}, {high:.1%}]" for low, high in (bootstrap_interval(a), bootstrap_interval(b))]
    low, high = bootstrap_interval([y - x for x, y in zip(a, b, strict=True)])
    assert ran.out.splitlines() == [
        f"{pair[0]}.jsonl: 5 problems, 4 completions of each",
        "A  before: hf:m, strict/parser-based/0.2, iverilog-12.0",
        "B  strong: hf:better, strict/parser-based/0.2, iverilog-12.0",
        "",
        f"pass@1  A  35.0%  {ends[0]}",
        f"        B  70.0%  {ends[1]}",
        f"B - A   +35.0 points  [{low * 100:+.1f}, {high * 100:+.1f}]",
        "p       0.38 permutation test, 0.62 sign test",
        "",
        "problems: 3 gained, 1 lost, 1 as before",
        "  gained  shifter  0/4 -> 4/4",
        "  gained  adder    1/4 -> 4/4",
        "  gained  fifo     0/4 -> 1/4",
        "  lost  mux  2/4 -> 1/4",
        "",
        "completions   A   B",
        "failed       13   6",
        "passed        7  14",
    ]


def test_long_lists_are_cut_in_the_text_alone(rtlscribe: Callable, tmp_path: Path) -> None:
    ids = [f"p{number:03}" for number in range(30)]
    pair = [evaluated(tmp_path / name, dict.fromkeys(ids, c)) for name, c in (("none", 0), ("all", N))]
    assert len(compared(rtlscribe, *pair)["gained"]) == 30
    lines = rtlscribe("compare", *pair).out.splitlines()
    assert sum(line.startswith("  gained  p") for line in lines) == 20
    assert "  gained  and 10 more: --json has all" in lines


def test_runs_without_a_difference(rtlscribe: Callable, tmp_path: Path) -> None:
    """All rates are one: the bootstrap has nothing to draw, so the rates' intervals are Wilson's, and p is 1."""
    pair = [evaluated(tmp_path / name, dict.fromkeys("abcd", 0)) for name in ("one", "other")]
    found = compared(rtlscribe, *pair)
    assert (found["difference"], found["sign_flip"], found["sign_test"]) == (0, 1, 1)
    assert (found["a"]["rate"]["low"], found["a"]["rate"]["high"]) == pytest.approx(wilson_interval(0, 4))
    assert found["gained"] == found["lost"] == []


def test_pass_at_k(rtlscribe: Callable, pair: list[Path]) -> None:
    found = compared(rtlscribe, *pair, "--k", "3")
    for side, passes in (("a", WEAK), ("b", STRONG)):
        assert found[side]["rate"]["rate"] == pytest.approx(sum(pass_at_k(N, c, 3) for c in passes.values()) / 5)


def test_seed_and_resamples(rtlscribe: Callable, tmp_path: Path) -> None:
    """More problems differ than all patterns can be counted for, so the p-value is drawn and depends on the seed."""
    ids = [f"p{number}" for number in range(24)]
    pair = [
        evaluated(tmp_path / "x", {i: number % 3 for number, i in enumerate(ids)}),
        evaluated(tmp_path / "y", {i: number % 5 for number, i in enumerate(ids)}),
    ]
    first, again, other = (compared(rtlscribe, *pair, "--seed", seed) for seed in ("1", "1", "2"))
    assert first == again
    assert first["sign_flip"] != other["sign_flip"]
    assert first["sign_flip"] == pytest.approx(other["sign_flip"], abs=0.02)
    assert compared(rtlscribe, *pair, "--resamples", "9")["sign_flip"] in {c / 10 for c in range(1, 11)}


SETTINGS = (
    setting(WEAK, rule="strict", assembly="header-aware", temperature=0.2),
    setting(STRONG, rule="strict", assembly="header-aware", temperature=0.8),
    setting(WEAK | {"adder": 3}, rule="official", assembly="header-aware", temperature=0.2),
    setting(STRONG | {"mux": 4}, rule="official", assembly="official", temperature=0.8),
)


@pytest.fixture
def several(tmp_path: Path) -> Path:
    return evaluated(tmp_path / "several", STRONG, settings=SETTINGS, rule="strict", assembly="header-aware")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([], ["strict/header-aware/0.8"] * 2),
        (["strict"], ["strict/header-aware/0.8"] * 2),  # of the temperatures the best
        (["//0.2"], ["strict/header-aware/0.2"] * 2),
        (["//0.2", "strict/header-aware/0.8"], ["strict/header-aware/0.2", "strict/header-aware/0.8"]),
        (["official/official", "official"], ["official/official/0.8", "official/header-aware/0.2"]),
    ],
)
def test_settings_of_a_run(rtlscribe: Callable, several: Path, given: list[str], names: list[str]) -> None:
    options = [word for name in given for word in ("--setting", name)]
    found = compared(rtlscribe, several, several, *options, "--anyway")
    assert [found["a"]["setting"], found["b"]["setting"]] == names
    of = {s.name: s.function.rate for s in SETTINGS}
    assert found["difference"] == pytest.approx(of[names[1]] - of[names[0]])


def test_completions_drawn_elsewhere_have_no_temperature(rtlscribe: Callable, tmp_path: Path) -> None:
    folder = evaluated(tmp_path / "drawn", WEAK, model="", samples="said.jsonl")
    found = compared(rtlscribe, folder, folder)
    assert (found["a"]["model"], found["a"]["setting"]) == ("said.jsonl", "strict/parser-based")


@pytest.mark.parametrize(
    ("other", "caution"),
    [
        ({"checker": "iverilog-11.0"}, "checker: A iverilog-12.0, B iverilog-11.0"),
        ({"rule": "official", "checker": "iverilog-12.0-official"}, "rule: A strict, B official"),
        ({"assembly": "official"}, "assembly: A parser-based, B official"),
    ],
)
def test_what_was_judged_differently_is_refused_or_said(
    rtlscribe: Callable, tmp_path: Path, pair: list[Path], other: dict[str, str], caution: str
) -> None:
    differently = evaluated(tmp_path / "differently", STRONG, **other)
    ran = rtlscribe("compare", pair[0], differently)
    assert (ran.status, ran.out) == (2, "")
    assert f"not measured alike: {caution}; --anyway compares them all the same" in ran.err
    assert compared(rtlscribe, pair[0], differently, "--anyway")["cautions"] == [caution]
    assert rtlscribe("compare", pair[0], differently, "--anyway").out.startswith(
        f"CAUTION, not measured alike: {caution}\n"
    )


def test_problems_that_the_package_makes_are_those_of_its_version(
    rtlscribe: Callable, tmp_path: Path, pair: list[Path]
) -> None:
    made = [evaluated(tmp_path / name, WEAK, content=None, benchmark="held-out") for name in ("new", "old")]
    assert compared(rtlscribe, *made)["cautions"] == []
    manifest = json.loads((made[1] / "manifest.json").read_text())
    (made[1] / "manifest.json").write_text(json.dumps(manifest | {"version": "0.0.1"}))
    ran = rtlscribe("compare", *made)
    assert ran.status == 2
    assert "version of rtlscribe, which makes held-out: A " in ran.err


def test_other_options_that_differ_are_told(rtlscribe: Callable, tmp_path: Path, pair: list[Path]) -> None:
    other = evaluated(tmp_path / "seeded", STRONG, config={"seed": 7, "top_p": 0.9, "workers": 3})
    assert compared(rtlscribe, pair[0], other)["differences"] == [["seed", "0", "7"], ["top_p", "not there", "0.9"]]
    assert "also different: seed: A 0, B 7" in rtlscribe("compare", pair[0], other).out


@pytest.mark.parametrize(
    ("passes", "options", "message"),
    [
        (WEAK, {"content": "others"}, "benchmark: the content of benchmark differs (sha256 "),
        (WEAK, {"content": None}, "benchmark: the content of benchmark differs (sha256 "),
        (WEAK, {"benchmark": "rtllm-1.1"}, "B rtllm-1.1; only runs on the same problems compare"),
        (WEAK | {"ring": 1}, {}, "1 problems were answered in B alone, the first is 'ring'"),
        ({"adder": 1}, {}, "4 problems were answered in A alone, the first is 'counter'"),
        (WEAK, {"n": 5}, "n: of 'adder' A has 4 completions, B 5; evaluate both with the same --n"),
    ],
)
def test_other_problems_are_refused_even_anyway(
    rtlscribe: Callable, tmp_path: Path, pair: list[Path], passes: dict[str, int], options: dict, message: str
) -> None:
    other = evaluated(tmp_path / "other", passes, **options)
    ran = rtlscribe("compare", pair[0], other, "--anyway")
    assert (ran.status, ran.out) == (2, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--k", "5"], "--k 5: there are 4 completions of 'adder'; pass@5 needs at least 5"),
        (["--k", "0"], "Must be >= 1"),
        (["--setting", "lenient"], "--setting lenient: wanted RULE/ASSEMBLY/TEMPERATURE; "),
        (["--setting", "strict/parser-based/0.2/1"], "weak has strict/parser-based/0.2"),
        (["--setting", "//0.8"], "weak has strict/parser-based/0.2"),
        (["--setting", "a", "--setting", "b", "--setting", "c"], "--setting is given 3 times"),
    ],
)
def test_options_that_cannot_be_meant(
    rtlscribe: Callable, pair: list[Path], arguments: list[str], message: str
) -> None:
    ran = rtlscribe("compare", *pair, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert message in ran.err


def test_a_run_of_another_stage_or_none(tmp_path: Path, pair: list[Path]) -> None:
    with RunDir.open(tmp_path / "designs", stage="designs", config={}, inputs={}) as work:
        work.finish(DesignsSummary(output="o", rows=1, rejected=0, families={}))
    with pytest.raises(UsageError, match="designs holds a run of 'designs'; compare takes those of 'evaluate'"):
        run(Config(str(pair[0]), str(tmp_path / "designs")))
    with pytest.raises(UsageError, match="nowhere is no run of rtlscribe"):
        run(Config(str(pair[0]), str(tmp_path / "nowhere")))
    (pair[1] / "summary.json").write_text("{}")
    with pytest.raises(DataError, match=r"strong/summary\.json"):
        run(Config(str(pair[0]), str(pair[1])))

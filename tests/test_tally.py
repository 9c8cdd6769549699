"""Counting attempts: rates of each setting, the best of them, and what is left without known faults."""

from typing import get_args

import pytest

from rtlscribe import tally
from rtlscribe.checkers.iverilog import REFUSED
from rtlscribe.flow import Assembly, Attempt
from rtlscribe.metrics import pass_at_k, wilson_interval
from rtlscribe.records import Candidate, Completion, Sampling, Status, Verdict
from rtlscribe.summaries import Rate, Setting

STATUSES: dict[str, Status] = {
    "P": "passed",
    "F": "failed",
    "T": "timeout",
    "S": "syntax_error",
    "R": "rejected",
    "N": "no_code",
    "U": "unsupported",
}


def attempts(
    rows: dict[str, str],
    *,
    rule: str = "strict",
    assembly: Assembly = "parser-based",
    temperature: float = 0.2,
    refused: str = "",
) -> list[Attempt]:
    """One a letter of STATUSES, by problem; `refused` is a letter whose detail says so."""
    made = []
    for problem_id, letters in rows.items():
        for index, letter in enumerate(letters):
            sampling = Sampling(n=len(letters), temperature=temperature)
            detail = f"{REFUSED}rejected, line 1: $finish" if letter.upper() == refused and letter.islower() else ""
            made.append(
                Attempt(
                    completion=Completion(
                        problem_id=problem_id,
                        index=index,
                        text="t",
                        model="m",
                        sampling=sampling,
                        finish_reason="stop",
                    ),
                    candidate=Candidate(problem_id=problem_id, index=index, code="c", assembly="modules"),
                    verdict=Verdict(
                        problem_id=problem_id,
                        index=index,
                        status=STATUSES[letter.upper()],
                        checker="scripted",
                        detail=detail,
                    ),
                    assembly=assembly,
                    rule=rule,
                )
            )
    return made


def one(rows: dict[str, str], **more: str) -> Setting:
    (setting,) = tally.settings(attempts(rows, **more), drawn_here=True)  # type: ignore[arg-type]
    return setting


def test_every_status_is_counted() -> None:
    assert set(STATUSES.values()) == set(get_args(Status))
    setting = one({"p": "PFTSRNU", "q": "PPPPPPP"})
    assert setting.statuses == {status: 8 if status == "passed" else 1 for status in get_args(Status)}
    assert [(p.id, p.n, p.syntax, p.function) for p in setting.by_problem] == [("p", 7, 3, 1), ("q", 7, 7, 7)]
    assert list(setting.statuses) == sorted(setting.statuses)  # whatever ended first
    assert (setting.completions, setting.refused) == (14, 0)
    assert setting.syntax.rate == pytest.approx((3 / 7 + 1) / 2, abs=1e-6)
    assert setting.function.rate == pytest.approx((1 / 7 + 1) / 2, abs=1e-6)


def test_a_problem_counts_as_much_as_another() -> None:
    """The mean is over problems, however many completions each has."""
    setting = one({"p": "PF", "q": "PPPPPPPP", "r": "F"})
    assert setting.function.rate == 0.5
    assert (setting.function.low, setting.function.high) == wilson_interval(0.5, 3)
    assert setting.pass_at == {"1": 0.5}  # of r there is but one


@pytest.mark.parametrize(("n", "ks"), [(1, ["1"]), (4, ["1"]), (5, ["1", "5"]), (10, ["1", "5", "10"])])
def test_pass_at_is_told_for_what_all_problems_have(n: int, ks: list[str]) -> None:
    setting = one({"p": "P" + "F" * (n - 1), "q": "F" * 20})
    assert list(setting.pass_at) == ks
    for k, rate in setting.pass_at.items():
        assert rate == pytest.approx(pass_at_k(n, 1, int(k)) / 2, abs=1e-6)


def test_refused_are_passes_that_the_strict_rule_does_not_grant() -> None:
    assert one({"p": "Ppp", "q": "Ff"}, refused="P").refused == 2
    assert one({"p": "Ppp", "q": "Ff"}, refused="F").refused == 0  # no pass


def test_settings_come_in_the_order_of_their_first_attempt() -> None:
    ways = [("strict", "official", 0.2), ("official", "official", 0.2), ("strict", "parser-based", 0.8)]
    made = []
    for rule, assembly, temperature in ways * 2:
        made += attempts({"p": "P"}, rule=rule, assembly=assembly, temperature=temperature)  # type: ignore[arg-type]
    found = tally.settings(made, drawn_here=True)
    assert [(s.rule, s.assembly, s.temperature, s.completions) for s in found] == [(*way, 2) for way in ways]
    elsewhere = tally.settings(made, drawn_here=False)
    assert {s.temperature for s in elsewhere} == {None}
    assert tally.settings([], drawn_here=True) == []


def test_the_best_is_of_one_rule_and_assembly() -> None:
    made = [
        *attempts({"p": "PFFFF", "q": "PFFFF"}, temperature=0.2),
        *attempts({"p": "PPPFF", "q": "FFFFF"}, temperature=0.5),
        *attempts({"p": "FFFFF", "q": "FFFFF"}, temperature=0.8),
        *attempts({"p": "PPPPP", "q": "PPPPP"}, rule="official"),
        *attempts({"p": "PPPPP", "q": "PPPPP"}, assembly="official"),
    ]
    found = tally.settings(made, drawn_here=True)
    chosen, best_pass_at = tally.best(found, rule="strict", assembly="parser-based")
    assert chosen == found[1]
    assert best_pass_at == {"1": 0.3, "5": 1.0}  # each from the temperature that is best for it
    assert chosen.pass_at == {"1": 0.3, "5": 0.5}


def test_the_first_of_equals_is_best_and_only_common_ks_are_compared() -> None:
    made = [
        *attempts({"p": "P"}, temperature=0.8),
        *attempts({"p": "PPPPP"}, temperature=0.2),
    ]
    chosen, best_pass_at = tally.best(tally.settings(made, drawn_here=True), rule="strict", assembly="parser-based")
    assert (chosen.temperature, best_pass_at) == (0.8, {"1": 1.0})


def test_corrected_leaves_problems_out() -> None:
    setting = one({"p": "PF", "q": "FF", "r": "SF"})
    without = tally.corrected(setting, errata="e.jsonl", excluded={"q", "unknown"})
    assert without
    assert (without.errata, without.excluded) == ("e.jsonl", ("q",))
    assert (without.syntax.rate, without.function.rate, without.pass_at) == (0.75, 0.25, {"1": 0.25})
    nothing = tally.corrected(setting, errata="e.jsonl", excluded=())
    assert nothing
    assert (nothing.excluded, nothing.syntax, nothing.function) == ((), setting.syntax, setting.function)
    assert nothing.pass_at == setting.pass_at
    assert tally.corrected(setting, errata="e.jsonl", excluded={"p", "q", "r"}) is None


def test_rates_are_rounded_as_written() -> None:
    assert tally.rate([1, 0, 0]).rate == 0.333333
    assert tally.rate([0]) == Rate(rate=0.0, low=0.0, high=wilson_interval(0, 1)[1])

"""What a verdict is worth under both rules."""

from typing import get_args

import pytest

from rtlscribe.records import Status, Verdict
from rtlscribe.scoring import COMPILED, Rule, agreement, score

REFERENCE = "module m(input a, output y); assign y = a; endmodule"
HALF = "module m(input a, output y); wire"  # 6 of its 7 words are among the reference's 10, in order
LIKENESS = 2 * 6 / (7 + 10)


def verdict(status: Status) -> Verdict:
    return Verdict(problem_id="p", index=0, status=status, checker="scripted")


@pytest.mark.parametrize(
    ("status", "syntax", "function"),
    [
        ("passed", 1.0, 1.0),
        ("failed", 1.0, 0.2 + 0.2 * LIKENESS),
        ("timeout", 1.0, 0.2 + 0.2 * LIKENESS),
        ("syntax_error", LIKENESS, 0.2 * LIKENESS),
        ("rejected", LIKENESS, 0.2 * LIKENESS),
        ("unsupported", LIKENESS, 0.2 * LIKENESS),
        ("no_code", LIKENESS, 0.2 * LIKENESS),
    ],
)
def test_every_status(status: Status, syntax: float, function: float) -> None:
    assert score(HALF, verdict(status), reference=REFERENCE, rule="syntax") == pytest.approx(syntax)
    assert score(HALF, verdict(status), reference=REFERENCE, rule="function") == pytest.approx(function)


def test_no_status_is_left_out() -> None:
    assert set(get_args(Status)) - COMPILED == {"syntax_error", "rejected", "no_code", "unsupported"}


@pytest.mark.parametrize("rule", get_args(Rule))
def test_order_of_worth(rule: Rule) -> None:
    """Passing is never worth less than compiling, nor that than nothing, whatever the likeness."""
    best_that_fails = score(REFERENCE, verdict("failed"), reference=REFERENCE, rule=rule)
    worst_that_passes = score("x", verdict("passed"), reference=REFERENCE, rule=rule)
    worst_that_compiles = score("x", verdict("failed"), reference=REFERENCE, rule=rule)
    best_that_does_not = score(REFERENCE, verdict("syntax_error"), reference=REFERENCE, rule=rule)
    assert worst_that_passes >= best_that_fails
    assert worst_that_compiles >= best_that_does_not
    assert score("", verdict("no_code"), reference=REFERENCE, rule=rule) == 0
    assert score("", verdict("no_code"), reference="", rule=rule) == 0


@pytest.mark.parametrize(("votes", "compiled", "worth"), [(0, 0, 0), (0, 5, 0), (1, 1, 1), (1, 3, 0.3333), (5, 5, 1)])
def test_agreement(votes: int, compiled: int, worth: float) -> None:
    assert agreement(votes, compiled=compiled) == worth

"""What a candidate is worth as training feedback, from its verdict and its likeness to the reference.

The paper's rule (section 4.3): 1 where the syntax check passes, else Rouge-L between candidate and reference.
`function` is the paper's own suggestion of a stricter one; agreement needs neither reference nor testbench, but other
answers. Does not compile or simulate.
"""

from __future__ import annotations

from typing import Literal

from rtlscribe.records import Status, Verdict
from rtlscribe.similarity import rouge_l

Rule = Literal["syntax", "function"]

COMPILED: frozenset[Status] = frozenset({"passed", "failed", "timeout"})  # the verdicts on code that compiles

# With the rule `function`, code that compiles but does not work earns less than half, and part of that by likeness.
COMPILES = 0.2
LIKENESS = 0.2


def score(code: str, verdict: Verdict, *, reference: str, rule: Rule) -> float:
    """A score in [0, 1]; the reference's own score is 1 by definition.

    `syntax`: 1 if the code compiles, else its Rouge-L to the reference (paper 4.3).
    `function`: 1 if it passes its testbench, else 0.2 for compiling plus 0.2 x Rouge-L.
    """
    compiles = verdict.status in COMPILED
    if rule == "syntax":
        return 1.0 if compiles else rouge_l(reference, code)
    if verdict.status == "passed":
        return 1.0
    return COMPILES * compiles + LIKENESS * rouge_l(reference, code)


def agreement(votes: int, *, compiled: int) -> float:
    """What a candidate is worth by agreement, in [0, 1]: the share of the answers that compile which behave as it does.

    `votes` counts itself; 0 for code that does not compile, or whose outputs tell nothing.
    """
    return round(votes / compiled, 4) if votes else 0.0

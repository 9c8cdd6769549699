"""What `evaluate` and `audit` end with, and those that read finished runs. Computes nothing."""

from __future__ import annotations

from rtlscribe.records import Record, Sampling


class Rate(Record, kw_only=True):
    """A share of completions, with its 95 % Wilson interval over problems."""

    rate: float
    low: float
    high: float


class ProblemCount(Record, kw_only=True):
    """One problem's completions: how many there are, compile, and pass."""

    id: str
    n: int
    syntax: int
    function: int


class Setting(Record, kw_only=True):
    """One way of drawing and judging the completions of a run, and what it came to.

    `syntax` counts completions that compile, `function` those that pass; `pass_at` is by k. `refused` counts passes of
    the official rule that the strict rule does not grant.
    """

    rule: str
    assembly: str
    temperature: float | None  # None: the completions were drawn elsewhere
    completions: int
    syntax: Rate
    function: Rate
    pass_at: dict[str, float]
    statuses: dict[str, int]
    by_problem: tuple[ProblemCount, ...]
    refused: int = 0

    @property
    def name(self) -> str:
        """RULE/ASSEMBLY/TEMPERATURE, as `compare --setting` takes it; without the last where it is not known."""
        temperature = [] if self.temperature is None else [f"{self.temperature:g}"]
        return "/".join([self.rule, self.assembly, *temperature])


class Corrected(Record, kw_only=True):
    """A setting's numbers without the problems that an errata file names."""

    errata: str
    excluded: tuple[str, ...]
    syntax: Rate
    function: Rate
    pass_at: dict[str, float]


class Aided(Record, kw_only=True):
    """What came of answers that were repaired, or chosen of several, with no help from the benchmark.

    `how` is "repair ROUNDS" or "best of N"; `setting` has its numbers, judged as the answers were.
    """

    how: str
    setting: Setting


class EvaluateSummary(Record, kw_only=True):
    """`evaluate`: the numbers of the best setting, and those of each.

    Best is the one with the highest function rate among those of the first rule and assembly asked for (the paper: "the
    best of three temperatures"); `best_pass_at` takes the best for each k. `model` is "" and `samples` names the file
    where the completions were drawn elsewhere.
    """

    output: str
    model: str
    benchmark: str
    checker: str
    sampling: Sampling
    problems: int
    completions: int
    syntax: Rate
    function: Rate
    pass_at: dict[str, float]
    statuses: dict[str, int]
    by_problem: tuple[ProblemCount, ...]
    rule: str = "strict"
    assembly: str = "parser-based"
    samples: str = ""
    best_pass_at: dict[str, float] = {}
    settings: tuple[Setting, ...] = ()
    corrected: Corrected | None = None
    aided: tuple[Aided, ...] = ()
    written: tuple[str, ...] = ()  # files in the benchmark's own form

    @property
    def headline(self) -> Setting:
        """The setting whose numbers stand at the top level."""
        own = (self.rule, self.assembly, self.by_problem)
        for setting in self.settings:
            if (setting.rule, setting.assembly, setting.by_problem) == own:
                return setting
        return Setting(
            rule=self.rule,
            assembly=self.assembly,
            temperature=None if self.samples else self.sampling.temperature,
            completions=self.completions,
            syntax=self.syntax,
            function=self.function,
            pass_at=self.pass_at,
            statuses=self.statuses,
            by_problem=self.by_problem,
        )

    @property
    def all_settings(self) -> tuple[Setting, ...]:
        """Every setting; of a run with only one, that one."""
        return self.settings or (self.headline,)


class Finding(Record, kw_only=True):
    """What `audit` holds against one problem: a kind, and what was seen."""

    problem_id: str
    kind: str
    detail: str = ""


class AuditSummary(Record, kw_only=True):
    """`audit`: problems looked at, those with a fault that makes scores wrong, and the errata file that names them.

    `findings` are of all kinds, counted in `kinds`. `mutants` are the changed references that compile, `survived` those
    of them that pass.
    """

    output: str
    benchmark: str
    checker: str
    problems: int
    faulty: int
    mutants: int
    survived: int
    kinds: dict[str, int]
    findings: tuple[Finding, ...]
    errata: str


class Side(Record, kw_only=True):
    """One of the two runs that `compare` sets against each other.

    `rate` is its pass@k with the 95 % bootstrap interval over problems (Wilson's where all problems have one rate).
    """

    run: str
    model: str
    checker: str
    setting: str
    n: int
    rate: Rate
    statuses: dict[str, int]


class Flip(Record, kw_only=True):
    """A problem that the two runs do not pass equally often: passes of `n` completions in each."""

    id: str
    n: int
    a: int
    b: int


class CompareSummary(Record, kw_only=True):
    """`compare`: what run B is worth against run A, on the same problems.

    `difference` is the mean over problems of B's pass@k less A's, with its 95 % bootstrap interval over problems from
    `low` to `high`. `sign_flip` is the p-value of the paired permutation test, `sign_test` that of the exact sign test
    on problems gained and lost. `cautions` say what was let through with --anyway, `differences` how else the two runs
    were set up differently: name, A's, B's.
    """

    benchmark: str
    k: int
    problems: int
    a: Side
    b: Side
    difference: float
    low: float
    high: float
    sign_flip: float
    sign_test: float
    gained: tuple[Flip, ...]
    lost: tuple[Flip, ...]
    resamples: int
    seed: int
    cautions: tuple[str, ...] = ()
    differences: tuple[tuple[str, str, str], ...] = ()


class ReportSummary(Record, kw_only=True):
    """`report`: where the page is, and the table in Markdown."""

    output: str
    table: str


class CardSummary(Record, kw_only=True):
    """`card`: where the card is."""

    output: str

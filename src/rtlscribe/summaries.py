"""The numbers each stage ends with: what its summary.json holds and `report` reads. Computes nothing."""

from __future__ import annotations

from rtlscribe.records import Record, Sampling


class DesignsSummary(Record, kw_only=True):
    """`data designs`: rows written, rows whose reference did not pass, rows by family."""

    output: str
    rows: int
    rejected: int
    families: dict[str, int]


class NewModelSummary(Record, kw_only=True):
    """`new-model`: the model's folder and size."""

    output: str
    parameters: int


class LossEntry(Record, kw_only=True):
    """A line of a training run's out.jsonl: the mean loss since the line before."""

    step: int
    loss: float
    learning_rate: float


class TrainSummary(Record, kw_only=True):
    """`train`: the model's folder, rows used and left out, tokens seen by this attempt, wall seconds."""

    output: str
    loss: str
    rows: int
    dropped_too_long: int
    dropped_nothing_to_rank: int
    steps: int
    tokens: int
    seconds: float
    final_loss: float


class SampleSummary(Record, kw_only=True):
    """`sample`: completions written, and those that reached --max-tokens."""

    output: str
    problems: int
    completions: int
    cut_short: int


class ScoreSummary(Record, kw_only=True):
    """`score`: `perfect_share` is the share of candidates that score 1; `rankable` the rows with unequal scores."""

    output: str
    rows: int
    candidates: int
    mean_score: float
    perfect_share: float
    rankable: int


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


class Corrected(Record, kw_only=True):
    """A setting's numbers without the problems that an errata file names."""

    errata: str
    excluded: tuple[str, ...]
    syntax: Rate
    function: Rate
    pass_at: dict[str, float]


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
    written: tuple[str, ...] = ()  # files in the benchmark's own form


class Finding(Record, kw_only=True):
    """What `audit` holds against one problem: a kind, and what was seen."""

    problem_id: str
    kind: str
    detail: str = ""


class AuditSummary(Record, kw_only=True):
    """`audit`: problems looked at, those with findings, and the errata file that `evaluate --errata` takes."""

    output: str
    benchmark: str
    checker: str
    problems: int
    faulty: int
    kinds: dict[str, int]
    findings: tuple[Finding, ...]
    errata: str


class ReportSummary(Record, kw_only=True):
    """`report`: where the page is, and the table in Markdown."""

    output: str
    table: str

"""What the commands that make and look after data end with. Computes nothing."""

from __future__ import annotations

from rtlscribe.records import Record


class DesignsSummary(Record, kw_only=True):
    """`data designs`: rows written, rows whose reference did not pass, rows by family."""

    output: str
    rows: int
    rejected: int
    families: dict[str, int]


class KeywordsSummary(Record, kw_only=True):
    """`data keywords`: keywords found, by depth of the question that brought them; names left out, by reason.

    `tokens` and `cost` are of the whole run.
    """

    output: str
    keywords: int
    queries: int
    refused: int
    tokens: int
    cost: float
    by_depth: dict[str, int]
    rejected: dict[str, int]


class InstructionsSummary(Record, kw_only=True):
    """`data instructions`: instructions written, by kind of question, and replies left out, by reason.

    `tokens` and `cost` are of the whole run.
    """

    output: str
    instructions: int
    queries: int
    rounds: int
    tokens: int
    cost: float
    kinds: dict[str, int]
    rejected: dict[str, int]


class AnswersSummary(Record, kw_only=True):
    """`data answers`: instructions with at least one answer that compiles, instructions discarded, answers by outcome.

    `tokens` and `cost` are of the whole run.
    """

    output: str
    rows: int
    discarded: int
    answers: int
    kept: int
    tokens: int
    cost: float
    rejected: dict[str, int]


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


class VerifySummary(Record, kw_only=True):
    """`data verify`: rows read, kept and left out (by reason), and what became of their answers.

    `mean_agreement` is that of the chosen answers of the rows that were kept, `unanimous` the rows where it is 1,
    `tied` those where another behaviour is as common. `unknown_only` counts answers that differ from the commonest
    behaviour in unknown values alone; `outvoted` behaviours that fail the row's own testbench and are commoner than the
    chosen one; `split` and `merged` answers that a proof took from, or added to, the commonest behaviour.
    """

    output: str
    rows: int
    kept: int
    left_out: int
    reasons: dict[str, int]
    answers: int
    compiled: int
    statuses: dict[str, int]
    mean_agreement: float
    unanimous: int
    tied: int
    unknown_only: int
    outvoted: int
    split: int
    merged: int


class DecontaminateSummary(Record, kw_only=True):
    """`data decontaminate`: rows kept and removed, and how near the rows come to the benchmarks.

    A row counts in `by_instruction`, `by_code` or both, by what of it is nearer than `threshold` to a problem. The
    histograms count rows by the Rouge-L of their nearest problem, in equal parts of 0 to 1; rows without code are in
    that of the instructions alone. `problems` are those that rows were compared with.
    """

    output: str
    against: tuple[str, ...]
    threshold: float
    problems: int
    rows: int
    kept: int
    removed: int
    by_instruction: int
    by_code: int
    instruction_histogram: tuple[int, ...]
    code_histogram: tuple[int, ...]
    removed_rows: str = ""  # the file that lists them


class Lengths(Record, kw_only=True):
    """How long something is over all rows."""

    mean: float
    p5: int
    median: int
    p95: int
    longest: int
    total: int


class StatsSummary(Record, kw_only=True):
    """`data stats`: what is in a data file. Words are Rouge-L's; tokens those of `tokenizer`, where one is given.

    `compiles` are rows whose code does, of `with_code`; None where nobody looked. Duplicates are rows beyond the first
    of their kind; near ones, whose instruction has a Rouge-L above `near` to one before that is no duplicate itself.
    `provenance` counts the values of each name that rows state.
    """

    output: str
    data: str
    rows: int
    with_code: int
    with_scores: int
    instruction_words: Lengths
    code_words: Lengths
    code_lines: Lengths
    compiles: int | None
    same_instruction: int
    same_code: int
    near: float
    near_duplicates: int | None
    origins: dict[str, int]
    provenance: dict[str, dict[str, int]] = {}
    tokenizer: str = ""
    instruction_tokens: Lengths | None = None
    code_tokens: Lengths | None = None


class ImportSummary(Record, kw_only=True):
    """`data import`: rows taken in, rows refused by reason, rows whose code was found inside a longer answer."""

    output: str
    rows: int
    refused: int
    extracted: int
    reasons: dict[str, int]


class ExportSummary(Record, kw_only=True):
    """`data export`: the files of the dataset, rows written, rows without code left out."""

    output: str
    card: str
    form: str
    rows: int
    left_out: int

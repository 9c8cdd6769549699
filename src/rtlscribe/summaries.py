"""The numbers each stage ends with: what its summary.json holds and `report` and `compare` read. Computes nothing."""

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
    """A line of a training run's out.jsonl: the mean loss since the line before.

    `gradient_norm` is that of the last step, before it is scaled down; `memory_gib` the most that the first process has
    had, on its GPU if it has one. Runs of version 0.1.0 have neither.
    """

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float | None = None
    tokens_per_s: float | None = None
    memory_gib: float | None = None


class PassRate(Record, kw_only=True):
    """A model in training, judged: shares of completions that compile and that pass."""

    step: int
    problems: int
    completions: int
    syntax: float
    function: float


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
    dropped_prompt_too_long: int = 0
    processes: int = 1
    peak_memory_gib: float | None = None
    pass_rates: tuple[PassRate, ...] = ()


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


class PreferenceEntry(Record, kw_only=True):
    """A line of `train-dpo`'s out.jsonl: means since the line before.

    `margin` is beta x how much further the better response of a pair leads the worse one than it did at the beginning,
    in log-probability; `accuracy` the share of pairs in which it does.
    """

    step: int
    loss: float
    learning_rate: float
    margin: float
    accuracy: float


class PreferenceSummary(Record, kw_only=True):
    """`train-dpo`: the model's folder, pairs made, responses and rows left out, and where training ended."""

    output: str
    rows: int
    pairs: int
    dropped_too_long: int
    dropped_nothing_to_prefer: int
    steps: int
    seconds: float
    final_loss: float
    final_margin: float
    final_accuracy: float


class ReinforceEntry(Record, kw_only=True):
    """A line of `train-grpo`'s out.jsonl: means and counts since the line before.

    `idle_share` is that of problems whose answers all earned the same, from which nothing is learnt; `cut_short` the
    share of completions that reached --max-tokens.
    """

    step: int
    loss: float
    learning_rate: float
    reward: float
    idle_share: float
    mean_tokens: float
    cut_short: float
    verdicts: dict[str, int]


class ReinforceSummary(Record, kw_only=True):
    """`train-grpo`: the model's folder, verdicts by status, and the mean reward in the first and last quarter."""

    output: str
    problems: int
    dropped_too_long: int
    steps: int
    completions: int
    verdicts: dict[str, int]
    seconds: float
    first_reward: float
    final_reward: float


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


class TransformSummary(Record, kw_only=True):
    """`transform`: rows of the input, and what became of them; then how fast the model was in the last attempt.

    `transformed` rows have a new output; `kept` had one already and were not asked for (--only-missing); `failed` are
    rows whose answers were of no use, `unfit` those that could not be asked for; `faults` counts both by kind.
    `earlier` are rows that were in the output before and not in the input. `asked` counts distinct texts that were
    asked for in all attempts, `retried` those that took more than one try, `cut_short` answers that reached
    --max-tokens. `round_trip` is the share of Verilog that came back as the same circuit, of what could be judged;
    `endings` counts. The rest is of this attempt, None where the engine does not tell; `speed` is it in words.
    """

    output: str
    run: str
    model: str
    input_field: str
    output_field: str
    rows: int
    transformed: int
    kept: int
    failed: int
    unfit: int
    earlier: int
    asked: int
    retried: int
    cut_short: int
    faults: dict[str, int]
    seconds: float
    prompts: int
    prompts_per_s: float
    input_tokens_per_s: float | None = None
    output_tokens_per_s: float | None = None
    first_token_s: float | None = None
    cache_hit_rate: float | None = None
    speed: str = ""
    round_trip: float | None = None
    endings: dict[str, int] = {}

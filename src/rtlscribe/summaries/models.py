"""What the commands that make a model end with, and what they tell on the way. Computes nothing."""

from __future__ import annotations

from rtlscribe.records import Record
from rtlscribe.summaries.evaluation import Setting


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
    """`train`: the model's folder, rows used and left out, and what it took: tokens seen, seconds.

    What it took is that of all attempts, where it was resumed. `seconds` are of wall time, `processor_seconds` those of
    all cores and processes (runs of version 0.1.0: None).
    """

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
    processor_seconds: float | None = None
    peak_memory_gib: float | None = None
    pass_rates: tuple[PassRate, ...] = ()


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


class ModelCost(Record, kw_only=True):
    """What a model costs: bytes of its weights on disk, the most memory it had while answering, and its pass rates.

    `peak_memory_bytes` is that of the GPU, else of the process with its libraries; 0 where the system does not tell.
    """

    model: str
    weight_bytes: int
    peak_memory_bytes: int
    rates: Setting | None = None


class QuantizeSummary(Record, kw_only=True):
    """`quantize`: the quantized model, how it was made, and the model before and after, with the same in words."""

    output: str
    model: str
    format: str
    type: str
    benchmark: str
    before: ModelCost
    after: ModelCost
    told: str = ""

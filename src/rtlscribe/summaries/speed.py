"""What `transform` and `bench transform` end with: rows, and how fast they came. Computes nothing."""

from __future__ import annotations

from rtlscribe.records import Record


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


class BenchEntry(Record, kw_only=True):
    """A line of `bench transform`'s out.jsonl: a setting as options of `transform`, and the speeds of its summary.

    `fault` says why there are none; `failed` counts rows without a useful answer.
    """

    key: str
    speed: str = ""
    prompts: int = 0
    seconds: float = 0.0
    prompts_per_s: float = 0.0
    input_tokens_per_s: float | None = None
    output_tokens_per_s: float | None = None
    first_token_s: float | None = None
    cache_hit_rate: float | None = None
    failed: int = 0
    fault: str = ""


class BenchSummary(Record, kw_only=True):
    """`bench transform`: how many settings were measured and failed, the quickest of all, the table."""

    output: str
    settings: int
    measured: int
    failed: int
    quickest: str
    table: str

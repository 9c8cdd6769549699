"""Turn one field of every row of a file into another: instruction, description, Verilog. Trains and scores nothing."""

from __future__ import annotations

import functools
import hashlib
import itertools
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cyclopts import Parameter

from rtlscribe import progress
from rtlscribe.errors import DataError, RtlscribeError, UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.models.base import local_path
from rtlscribe.models.vllm import Engine as Settings
from rtlscribe.options import Count, CountFromZero, FromZero, Share
from rtlscribe.prompts.pairs import Words
from rtlscribe.records import Sampling
from rtlscribe.replicated import Models, open_models
from rtlscribe.rundir import HOW, RunDir, as_config, sha256
from rtlscribe.summaries import TransformSummary
from rtlscribe.transforming import names, owed, round_trip
from rtlscribe.transforming.answers import FIELDS, Field
from rtlscribe.transforming.checks import Checks
from rtlscribe.transforming.load import load
from rtlscribe.transforming.log import BadRows, opened
from rtlscribe.transforming.merge import Before, Index, Merge, take_stock
from rtlscribe.transforming.rows import Fields, Row
from rtlscribe.transforming.work import Ask, Engine, Made, Unanswered, transform

# They say how, not what: an attempt may go on with others.
SETTINGS = (
    *("max_batch_size", "log_file", "num_gpus", "concurrency", "output_file", "only_missing", "round_trip"),
    *("replicas", "max_num_batched_tokens", "prefix_caching", "chunked_prefill"),
)
BEFORE, FAILED, BACK = "before.jsonl", "failed.jsonl", "round_trip.jsonl"
TOGETHER = 256  # rows between two looks of the progress bar


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `rtlscribe transform`."""

    model: str = "meta-llama/Llama-3.1-8B-Instruct"
    """A name for vLLM, on the hub or a folder; or BACKEND:NAME, such as endpoint:NAME@URL or hf:NAME."""

    json_file: Path = Path("rtl.json")
    """The rows: a JSON array of objects, or JSON Lines."""

    input_field: Field = "instruction"
    """The field to convert from."""

    output_field: Field = "description"
    """The field to convert to."""

    max_batch_size: Count = 1000
    """Rows handed to the model at a time."""

    temperature: FromZero = 0.4
    """Sampling temperature; 0 takes the likeliest token."""

    top_p: Share = 0.9
    """Sample from the fewest tokens that reach this probability."""

    max_tokens: Count = 200
    """Longest answer, in tokens."""

    log_file: Path = Path("vllm_processing.log")
    """Where the log is appended; errors are told on the console too."""

    num_gpus: Count = 1
    """GPUs that share the model (tensor parallelism of vLLM)."""

    max_model_len: Count | None = None
    """Most tokens of prompt and answer together (vLLM); the model's own limit by default."""

    max_num_batched_tokens: Count | None = None
    """Most tokens in one step of the engine (vLLM)."""

    prefix_caching: bool = True
    """Compute what prompts begin with alike only once (vLLM)."""

    chunked_prefill: bool = True
    """Mix parts of long prompts with answers under way (vLLM)."""

    stop_at_endmodule: bool = True
    """End the first try at Verilog with its first `endmodule` (vLLM); further tries go on to their end."""

    concurrency: Count = 32
    """Rows that hf and endpoint work on at a time."""

    retries: CountFromZero = 2
    """Further tries, each with a seed of its own, for an answer that is of no use."""

    seed: int = 0
    """Seed of the sampling."""

    only_missing: bool = False
    """Ask only for rows that have no output yet, neither in the input nor in an existing output file."""

    round_trip: bool = False
    """Make Verilog of the words again, and count how often it is the same circuit (from verilog only)."""

    prompts: Path | None = None
    """Folder with prompts of your own, named as the shipped ones; docs/transform.md lists them."""

    output_file: Path | None = None
    """Where the rows go; <input>_<model>_<output field> beside the input by default. An existing file is updated."""

    executor: str = "pool"
    """How round trips are judged, and where replicas are: serial, pool, ray, or ray:ADDRESS of a cluster."""

    replicas: CountFromZero = 0
    """Models on the Ray cluster (with --executor ray), each on --num-gpus GPUs; 0: one in this process."""

    workers: Count = 2
    """Processes that check Verilog."""

    output: Path | None = None
    """Run folder; runs/transform-<input>-<model>-<fields>-<hash of options and input> by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


@dataclass
class _Attempt:
    """What an attempt works with, and what it counts on the way."""

    config: Config
    work: RunDir
    fields: Fields
    log: logging.Logger
    models: Models | None = None
    engine: Engine | None = None
    unanswered: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def rows(self) -> Iterator[Row]:
        return owed.rows(self.config.json_file, self.fields)

    def open_engine(self, words: Words, *, stop_at_end: bool) -> Engine:
        """The model, loaded once, with some words."""
        config = self.config
        self.models = self.models or _open(config, self.log)
        sampling = Sampling(
            temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens, seed=config.seed
        )
        return Engine(self.models, words, sampling, stop_at_end=stop_at_end)


def run(config: Config = Config()) -> TransformSummary:  # cyclopts wants a default where all fields have one
    """Turn one field of every row of a file into another with a language model: instruction, description, verilog.

    Rows keep their order and all other fields. Verilog is extracted and has to compile, words must hold no code; what
    is of no use is asked for again, and recorded if it stays so. The same command goes on with a run that was stopped.
    """
    _check(config)
    words = Words(config.input_field, config.output_field, folder=config.prompts)
    inputs = _inputs(config)
    folder = config.output or _folder(config, inputs)
    output = config.output_file or names.output_file(config.json_file, config.model, config.output_field)
    with (
        RunDir.open(
            folder,
            stage="transform",
            config=as_config(config),
            inputs=inputs,
            fresh=config.fresh,
            how=SETTINGS,
        ) as work,
        opened(config.log_file) as log,
    ):
        if work.finished and output.exists() and not _owes_round_trip(config, work):
            return work.summary(TransformSummary)
        log.info("%s: %s -> %s with %s", config.json_file, config.input_field, config.output_field, config.model)
        attempt = _Attempt(config, work, Fields(config.input_field, config.output_field), log)
        if broken := take_stock(output, attempt.fields, work.path / BEFORE):
            log.error("%s", broken)
        error = _ask(attempt, words)
        merge = _merge(attempt, output)
        if error := error or merge.trouble(config.json_file, work.path / FAILED):
            raise error
        if config.round_trip:
            _go_round(attempt)
        summary = _summary(attempt, merge, output)
        work.finish(summary)
        log.info("finished: %s", summary.speed or "no new answers")
    return summary


# Before anything is asked


def _check(config: Config) -> None:
    given, wanted = config.input_field, config.output_field
    if given == wanted:
        others = " or ".join(name for name in FIELDS if name != given)
        raise UsageError(f"--input-field and --output-field are both {given}, so there is nothing to do; give {others}")
    if config.round_trip and given != "verilog":
        raise UsageError(f"--round-trip goes from verilog to words and back, not from {given}")
    if not config.json_file.is_file():
        raise UsageError(f"--json-file {config.json_file}: there is no such file")
    output = config.output_file
    if output and output.resolve() == config.json_file.resolve():
        raise UsageError(f"--output-file {output} is the input, which is never changed; give another")


def _inputs(config: Config) -> dict[str, Path]:
    backend, _, rest = names.full(config.model).partition(":")
    model = Path(rest) if backend == "vllm" and Path(rest).exists() else local_path(names.full(config.model))
    found = {"json_file": config.json_file} | ({"model": model} if model else {})
    return found | ({"prompts": config.prompts} if config.prompts and config.prompts.exists() else {})


def _folder(config: Config, inputs: dict[str, Path]) -> Path:
    """One folder for each set of options and inputs, so that another temperature is another run beside it."""
    what = {name: str(value) for name, value in as_config(config).items() if name not in HOW.union(SETTINGS)}
    content = {name: sha256(path) for name, path in inputs.items()}
    digest = hashlib.sha256(msgspec.json.encode([what, content], order="sorted")).hexdigest()[:8]
    words = [config.json_file.stem, names.short(config.model), config.input_field, config.output_field, digest]
    return Path("runs") / "-".join(["transform", *words])


def _open(config: Config, log: logging.Logger) -> Models:
    name = names.full(config.model)
    if config.num_gpus > 1 and not name.startswith("vllm:"):
        log.warning("--num-gpus %d means nothing to %s, only to vllm", config.num_gpus, name.partition(":")[0])
    settings = Settings(
        num_gpus=config.num_gpus,
        max_model_len=config.max_model_len,
        max_num_batched_tokens=config.max_num_batched_tokens,
        prefix_caching=config.prefix_caching,
        chunked_prefill=config.chunked_prefill,
    )
    make = functools.partial(load, name, settings, concurrency=config.concurrency)
    return open_models(name, make, executor=config.executor, replicas=config.replicas, num_gpus=config.num_gpus)


# Asking


def _ask(attempt: _Attempt, words: Words) -> RtlscribeError | None:
    """Ask for what is owed. What stops it is returned, so that the rows that are done still get into the output."""
    config, work = attempt.config, attempt.work
    with work.appending():
        pass  # half a last line is cut off
    made = Index(work.out, Made)
    before = Index(work.path / BEFORE, Before)
    bad = BadRows(attempt.log, config.log_file)

    def complain(row: Row) -> None:
        bad.tell(f"{config.json_file}, line {row.number}: {row.fault}")

    def has_output(row: Row) -> bool:
        return config.only_missing and owed.has_output(row, attempt.fields, before)

    total = owed.count(config.json_file)
    try:
        with progress.bar("transform", total) as bar:
            found = owed.owed(attempt.rows(), made, has_output=has_output, bad=complain)
            _ask_owed(attempt, words, _counting(found, bar), bar)
            if attempt.engine:
                bar.say(str(attempt.engine.speed))
    except RtlscribeError as error:
        if isinstance(error, UsageError) and not work.out.stat().st_size:
            raise  # nothing has come of it
        return error
    finally:
        made.close()
        before.close()
    return _shortfall(attempt, bad.count, total)


def _counting(found: Iterator[Ask | None], bar: progress.Bar) -> Iterator[Ask]:
    """The texts alone; rows that need nothing are done."""
    for ask in found:
        if ask:
            yield ask
        else:
            bar.add()


def _ask_owed(attempt: _Attempt, words: Words, found: Iterator[Ask], bar: progress.Bar) -> None:
    """Every answer into the run as it is found good or given up."""
    config, work = attempt.config, attempt.work
    first = next(found, None)
    if not first:
        return  # without loading a model
    stop_at_end = config.stop_at_endmodule and config.output_field == "verilog"
    attempt.engine = engine = attempt.open_engine(words, stop_at_end=stop_at_end)
    with (
        Checks(config.output_field, workers=config.workers) as checks,
        work.appending() as append,
        work.appending("failures.jsonl") as fail,
    ):
        texts = itertools.chain([first], found)
        results = transform(texts, engine, checks, batch_size=config.max_batch_size, retries=config.retries)
        for number, item in enumerate(results, 1):
            if isinstance(item, Unanswered):
                attempt.unanswered += 1
                fail(item)
                continue
            append(item)
            bar.add()
            if number % TOGETHER == 0:
                bar.say(str(engine.speed))
                attempt.log.info("%d rows done, %s", bar.done, engine.speed)


def _shortfall(attempt: _Attempt, unfit: int, total: int) -> RtlscribeError | None:
    """Why the run is not done though nothing stopped it."""
    source, name = attempt.config.json_file, attempt.config.input_field
    if unfit == total:
        what = f"none of its {total} rows has a text in {name!r}; is that the right --input-field?"
        return DataError(source, None, what if total else "holds no rows")
    if attempt.unanswered:
        return RtlscribeError(
            f"{attempt.unanswered} rows were not answered, see {attempt.work.path / 'failures.jsonl'}; "
            "the same command asks for them again"
        )
    return None


# Afterwards


def _merge(attempt: _Attempt, output: Path) -> Merge:
    """Put the output file together."""
    made = Index(attempt.work.out, Made)
    before = Index(attempt.work.path / BEFORE, Before)
    merge = Merge(attempt.fields, made, before, attempt.config.only_missing)
    try:
        merge.write(attempt.config.json_file, output, attempt.work.path / FAILED)
        for item in made:
            attempt.counts["asked"] += 1
            attempt.counts["retried"] += item.tries > 1
            attempt.counts["cut_short"] += item.cut_short
    finally:
        made.close()
        before.close()
    return merge


def _owes_round_trip(config: Config, work: RunDir) -> bool:
    return config.round_trip and not work.summary(TransformSummary).endings


def _go_round(attempt: _Attempt) -> None:
    """Verilog of the words of each row, judged against the row's own."""
    config, work = attempt.config, attempt.work
    judge = round_trip.open_judge()
    words = Words(config.output_field, "verilog", folder=config.prompts)
    done = {back.key for back in work.done(round_trip.Back, name=BACK)}
    made = Index(work.out, Made)
    try:
        found = owed.trips(attempt.rows(), made, done=done)
        first = next(found, None)
        if first:
            backs = round_trip.trips(
                itertools.chain([first], found),
                attempt.open_engine(words, stop_at_end=False),
                judge=judge,
                executor=open_executor(config.executor),
                batch_size=config.max_batch_size,
                workers=config.workers,
            )
            with progress.bar("round trip", len(made), done=len(done)) as bar:
                work.keep(backs, key=lambda trip: trip.key, advance=bar.add, name=BACK)
    finally:
        made.close()


def _summary(attempt: _Attempt, merge: Merge, output: Path) -> TransformSummary:
    config, speed = attempt.config, attempt.engine.speed if attempt.engine else None
    endings: Counter[round_trip.Ending] = Counter()
    if config.round_trip:
        endings = Counter(back.ending for back in attempt.work.done(round_trip.Back, name=BACK))
    told = attempt.engine.told if attempt.engine else None
    tokens = speed if speed and speed.used.tokens else None
    return TransformSummary(
        output=str(output),
        run=str(attempt.work.path),
        model=config.model,
        input_field=config.input_field,
        output_field=config.output_field,
        **{name: merge.counts[name] for name in ("rows", "transformed", "kept", "failed", "unfit", "earlier")},
        **{name: attempt.counts[name] for name in ("asked", "retried", "cut_short")},
        faults=dict(sorted(merge.faults.items())),
        seconds=round(speed.seconds, 3) if speed else 0.0,
        prompts=speed.prompts if speed else 0,
        prompts_per_s=round(speed.rate(speed.prompts), 2) if speed else 0.0,
        input_tokens_per_s=round(tokens.rate(tokens.used.prompt_tokens), 2) if tokens else None,
        output_tokens_per_s=round(tokens.rate(tokens.used.completion_tokens), 2) if tokens else None,
        first_token_s=round(told.first_token_s / told.answers, 4) if told and told.answers else None,
        cache_hit_rate=round(told.cached_tokens / told.prompt_tokens, 4) if told and told.prompt_tokens else None,
        speed=speed.line(names.short(config.model)) if speed and speed.prompts else "",
        round_trip=round_trip.rate(dict(endings)),
        endings={str(name): count for name, count in sorted(endings.items())},
    )

"""Quantize a model, and say what it costs: size and memory, and the pass rate on a benchmark before and after.

Does not train, and serves nothing.
"""

from __future__ import annotations

import shutil
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from cyclopts import Parameter

from rtlscribe import progress, registry, tally
from rtlscribe.benchmarks.base import benchmark_inputs, load_problems
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.errors import UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.flow import Attempt, Task, completed_or_empty, judge
from rtlscribe.models.base import open_model
from rtlscribe.models.memory import answering_bytes, refuse_too_large
from rtlscribe.options import Count, FromZero, Share
from rtlscribe.prompts import Template, template_file
from rtlscribe.records import Problem, Sampling
from rtlscribe.report import card
from rtlscribe.report.runs import as_source
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import read_samples
from rtlscribe.summaries import ModelCost, QuantizeSummary, Setting
from rtlscribe.weights import weight_files

GgufType = Literal[
    "F16", "Q8_0", "Q4_0",  # written here
    "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K",  # by llama-quantize
]  # fmt: skip
RULE = "strict"
BEFORE, AFTER, MEASURED = "before.jsonl", "out.jsonl", "measured.jsonl"
MIB = 1 << 20
OF_CALIBRATION = ("data", "method", "calibration_rows", "max_length")


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe quantize`."""

    model: str
    """Model folder, or a name on the hub."""

    _: KW_ONLY

    format: Literal["gptq", "gguf"] = "gptq"
    """gptq: for transformers and vLLM, calibrated on --data. gguf: for llama.cpp and --model gguf:FILE."""

    bits: Literal[4, 8] = 4
    """Bits a weight."""

    type: GgufType | None = None
    """Of a GGUF, in place of --bits: its type. Those with K are made by llama.cpp's llama-quantize, found on PATH."""

    method: Literal["llmcompressor", "gptqmodel"] = "llmcompressor"
    """Of gptq: the library. llmcompressor writes the format compressed-tensors, gptqmodel the classic one."""

    data: Path | None = None
    """Of gptq: samples to calibrate on, of ours, RTL-Coder's or LLaMA-Factory's form; the training data is best."""

    calibration_rows: Count = 256
    """Of gptq: only the first so many."""

    max_length: Count = 2048
    """Of gptq: longest of them, in tokens; what is longer is cut."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja."""

    benchmark: str = ""
    """Measure the pass rate before and after on this: a benchmark's name, or a JSON Lines file of Problems."""

    root: Path | None = None
    """The checkout of the benchmark's repository, as for `evaluate`."""

    limit: Count | None = None
    """Only its first so many problems."""

    n: Count = 5
    """Completions a problem."""

    temperature: FromZero = 0.2
    """Sampling temperature; 0 takes the likeliest token."""

    top_p: Share = 0.95
    """Sample from the fewest tokens that reach this probability."""

    max_tokens: Count = 512
    """Longest completion, in tokens."""

    seed: int = 0
    """Seed of the sampling."""

    workers: Count = 2
    """Checks at a time."""

    batch_size: Count = 32
    """Completions generated at a time."""

    output: Path | None = None
    """Run folder; the quantized model goes into it."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class Test(NamedTuple):
    """What models are measured on, and who judges."""

    problems: dict[str, Problem]
    checker: Checker


class Plan(NamedTuple):
    """What is made: the kind in a word, the place in the run folder, and the back end that runs it."""

    kind: str
    name: str
    backend: str


def run(config: Config) -> QuantizeSummary:
    """Quantize a model to 4 bits (or 8) as GPTQ or GGUF, and measure what that costs.

    Tells size and memory before and after, and with --benchmark the pass rates.
    """
    plan = _plan(config)
    source = _source(config.model)
    folder = config.output or default_folder("quantize", plan.kind, config.model)
    test = Test(_problems(config), open_checker("iverilog", rule=RULE)) if config.benchmark else None
    with RunDir.open(
        folder,
        stage="quantize",
        config=as_config(config),
        inputs=_inputs(config, source),
        tools={"checker": test.checker.name} if test else {},
        fresh=config.fresh,
        how=("batch_size",),
    ) as work:
        if work.finished:
            return work.summary(QuantizeSummary)
        made = work.path / plan.name
        if not made.exists():
            progress.note(f"quantize: {config.model} to {plan.kind}")
            _make(config, plan, source, made)
        before = _measured(config, f"hf:{source}", source, test, work, BEFORE)
        after = _measured(config, f"{plan.backend}:{made}", made, test, work, AFTER)
        summary = QuantizeSummary(
            output=str(made),
            model=config.model,
            format=config.format,
            type=plan.kind,
            benchmark=config.benchmark,
            before=before,
            after=after,
            told=_in_words(before, after),
        )
        card.write(as_source(work.manifest, folder), summary)
        work.finish(summary)
    return summary


def _plan(config: Config) -> Plan:
    """What the options ask for, with all that it needs: MissingToolError and UsageError come before any work."""
    if config.format == "gguf":
        for name in OF_CALIBRATION:
            if getattr(config, name) != getattr(Config, name):
                option = name.replace("_", "-")
                raise UsageError(f"--{option}: a GGUF is not calibrated; leave it out, or take --format gptq")
        kind = config.type or {4: "Q4_0", 8: "Q8_0"}[config.bits]
        with registry.extra("gguf"):
            from rtlscribe.quantizing import gguf_writer, llama_quantize
        if kind not in gguf_writer.TYPES:
            llama_quantize.find(kind)
        return Plan(kind, f"model-{kind}.gguf", "gguf")
    if config.type:
        raise UsageError(f"--type {config.type} is of a GGUF: add --format gguf, or leave it out")
    if not config.data:
        raise UsageError("GPTQ is calibrated: name samples with --data, best those that the model was trained on")
    from rtlscribe.quantizing import gptq

    gptq.require(config.method)
    return Plan(f"GPTQ-{config.bits}", "model", "hf")


def _source(model: str) -> Path:
    """The folder of the model; one of the hub is fetched, or found in the local cache."""
    name = model.removeprefix("hf:")
    if Path(name).exists() or name.startswith((".", "/", "~")) or name.count("/") != 1:
        if not (Path(name) / "config.json").is_file():
            raise UsageError(f"{name} is no model folder: it has no config.json; the model of a run is in its `model`")
        return Path(name)
    with registry.extra("hf"):
        from huggingface_hub import snapshot_download
    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.jinja", "*.model"]))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot get the model {name!r}: {str(error).strip().splitlines()[0]}") from error


def _inputs(config: Config, source: Path) -> dict[str, Path]:
    inputs = {"model": source} | template_file(config.prompt) | ({"data": config.data} if config.data else {})
    return inputs | (benchmark_inputs(config.benchmark, config.root) if config.benchmark else {})


def _problems(config: Config) -> dict[str, Problem]:
    """What to measure on. Raises UsageError: it cannot be judged by simulation."""
    problems = {p.id: p for p in load_problems(config.benchmark, root=config.root)[: config.limit]}
    without = [p.id for p in problems.values() if not p.testbench]
    if without or not problems:
        told = f"{without[0]!r} has no testbench" if without else "there are no problems"
        raise UsageError(f"--benchmark {config.benchmark}: {told}; answers are judged by simulation")
    return problems


def _make(config: Config, plan: Plan, source: Path, made: Path) -> None:
    """The quantized model, whole or not there."""
    if plan.backend == "gguf":
        from rtlscribe.quantizing import gguf_writer, llama_quantize

        if plan.kind in gguf_writer.TYPES:
            gguf_writer.write(source, made, type=plan.kind)
            return
        whole = made.with_name(".model-F16.gguf")
        try:
            gguf_writer.write(source, whole, type="F16")
            llama_quantize.quantize(whole, made, type=plan.kind)
        finally:
            whole.unlink(missing_ok=True)
        return
    from rtlscribe.quantizing import gptq

    assert config.data
    samples = read_samples(config.data)
    refuse_too_large(str(source), _bytes(source))
    tokenizer = gptq.tokenizer_of(str(source))
    rows = gptq.calibration(
        samples, tokenizer, Template(config.prompt), count=config.calibration_rows, max_length=config.max_length
    )
    unfinished = made.with_name("model.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    gptq.quantize(str(source), rows, unfinished, method=config.method, bits=config.bits)
    tokenizer.save_pretrained(unfinished)
    unfinished.rename(made)


def _measured(config: Config, name: str, place: Path, test: Test | None, work: RunDir, log: str) -> ModelCost:
    for measured in work.done(ModelCost, name=MEASURED):  # by an earlier attempt
        if measured.model == name:
            return measured
    rates = _rates(config, name, test, work, log) if test else None
    measured = ModelCost(
        model=name,
        weight_bytes=_bytes(place),
        peak_memory_bytes=answering_bytes(name),
        rates=rates,
    )
    with work.appending(MEASURED) as append:
        append(measured)
    return measured


def _bytes(model: Path) -> int:
    return sum(file.stat().st_size for file in ([model] if model.is_file() else weight_files(model)))


def _rates(config: Config, name: str, test: Test, work: RunDir, log: str) -> Setting:
    """The pass rates of one model; its attempts are kept in the file `log` of the run."""
    before = work.done(Attempt, name=log)
    sampling = Sampling(
        n=config.n, temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens, seed=config.seed
    )
    done = {(attempt.completion.problem_id, attempt.completion.index) for attempt in before}
    total = len(test.problems) * config.n
    if len(done) < total:
        drawn = completed_or_empty(
            test.problems.values(),
            open_model(name, batch_size=config.batch_size),
            Template(config.prompt),
            sampling=sampling,
            done=done,
        )
        results = judge(
            (Task(completion, RULE) for completion in drawn),
            test.problems,
            {RULE: test.checker},
            open_executor("pool"),
            workers=config.workers,
            known={attempt.answer: attempt.verdict for attempt in before},
        )
        label = f"evaluate {name.partition(':')[0]} on {config.benchmark}"
        with progress.bar(label, total, done=len(done)) as bar:
            work.keep(results, key=_name, advance=bar.add, name=log)
    (setting,) = tally.settings(work.done(Attempt, name=log), drawn_here=True)
    return setting


def _name(task: Task) -> str:
    return f"{task.completion.problem_id} {task.completion.index}"


def _in_words(before: ModelCost, after: ModelCost) -> str:
    lines = [
        f"weights {before.weight_bytes / MIB:.1f} -> {after.weight_bytes / MIB:.1f} MiB",
        f"memory while answering {before.peak_memory_bytes / MIB:.0f} -> {after.peak_memory_bytes / MIB:.0f} MiB",
    ]
    if before.rates and after.rates:
        syntax = f"{before.rates.syntax.rate:.1%} -> {after.rates.syntax.rate:.1%}"
        lines.append(f"syntax {syntax}, function {before.rates.function.rate:.1%} -> {after.rates.function.rate:.1%}")
    return "; ".join(lines)

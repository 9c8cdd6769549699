"""Measure `rtlscribe transform` with different settings of the engine, and write the table. Tunes nothing by itself.

Each setting is a process of its own, one after the other, so that none inherits an engine, its memory or its caches.
"""

from __future__ import annotations

import itertools
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.errors import UsageError
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.summaries import BenchEntry, BenchSummary
from rtlscribe.transforming import names

TABLE, SETTINGS = "table.md", "settings"
TRANSFORM = (sys.executable, "-m", "rtlscribe", "transform", "--json", "--fresh")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `rtlscribe bench transform`."""

    model: str = "meta-llama/Llama-3.1-8B-Instruct"
    """As for transform; of several, with commas between, each is measured."""

    json_file: Path = Path("rtl.json")
    """The rows to be transformed; so many that a setting takes a minute or more."""

    num_gpus: str = "1"
    """Sizes of tensor parallelism, with commas between."""

    max_model_len: str = "0,8192"
    """Most tokens of prompt and answer together; 0: the model's own limit."""

    prefix_caching: str = "on,off"
    """on, off, or both."""

    max_num_batched_tokens: str = "0"
    """Most tokens in one step of the engine; 0: the engine's own choice."""

    options: Annotated[str, Parameter(allow_leading_hyphen=True)] = ""
    """Further options of transform, in one text: "--max-tokens 500 --output-field verilog"."""

    output: Path | None = None
    """Run folder; runs/<date>-bench-transform-<input> by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class Setting(NamedTuple):
    """A line of the table. 0 tokens: as many as the engine takes by itself."""

    model: str
    num_gpus: int
    max_model_len: int
    prefix_caching: bool
    max_num_batched_tokens: int

    @property
    def key(self) -> str:
        return " ".join(self.options())

    @property
    def heading(self) -> str:
        size = f"max model size of {self.max_model_len}" if self.max_model_len else "full model size"
        return f"vLLM Tensor Parallelism {self.num_gpus}x (with {size})"

    @property
    def remark(self) -> str:
        step = f", {self.max_num_batched_tokens} batched tokens" if self.max_num_batched_tokens else ""
        return f"{names.short(self.model)} ({'' if self.prefix_caching else 'no '}prefix caching{step})"

    def options(self) -> list[str]:
        options = ["--model", self.model, "--num-gpus", str(self.num_gpus)]
        options += ["--prefix-caching" if self.prefix_caching else "--no-prefix-caching"]
        for option, tokens in (
            ("--max-model-len", self.max_model_len),
            ("--max-num-batched-tokens", self.max_num_batched_tokens),
        ):
            options += [option, str(tokens)] if tokens else []
        return options


def run(config: Config = Config()) -> BenchSummary:  # cyclopts wants a default where all fields have one
    """Measure transform for each combination of engine settings, and write the table.

    A setting that fails is named with its reason, and the others are measured. The same command goes on where it was
    stopped, and tries again what failed.
    """
    settings, more = _settings(config), shlex.split(config.options)
    folder = config.output or default_folder("bench-transform", config.json_file.stem)
    inputs = {"json_file": config.json_file}
    with RunDir.open(folder, stage="bench", config=as_config(config), inputs=inputs, fresh=config.fresh) as work:
        if work.finished:
            return work.summary(BenchSummary)
        found = {measured.key: measured for measured in work.done(BenchEntry)}
        with progress.bar("bench", len(settings), done=len(found)) as bar, work.appending() as append:
            for number, setting in enumerate(settings, 1):
                if setting.key in found:
                    continue
                measured = _measure(config, setting, more, work.path / SETTINGS / str(number))
                found[setting.key] = measured
                if not measured.fault:  # else it is owed
                    append(measured)
                work.log(f"{setting.remark}: {_told(measured)}")
                bar.say(f"{setting.remark}: {_told(measured)}")
                bar.add()
        summary = _summary(work, settings, found)
        if not summary.failed:
            work.finish(summary)
    return summary


def _settings(config: Config) -> list[Setting]:
    caching = _several("prefix_caching", config.prefix_caching)
    for text in caching:
        if text not in ("on", "off"):
            raise UsageError(f"--prefix-caching {text}: there are on, off, and both with a comma between")
    combinations = itertools.product(
        _several("model", config.model),
        _numbers("num_gpus", config.num_gpus, least=1),
        _numbers("max_model_len", config.max_model_len),
        [text == "on" for text in caching],
        _numbers("max_num_batched_tokens", config.max_num_batched_tokens),
    )
    return [Setting(*values) for values in combinations]


def _several(option: str, given: str) -> list[str]:
    found = list(dict.fromkeys(text.strip() for text in given.split(",") if text.strip()))
    if not found:
        raise UsageError(f"--{option.replace('_', '-')} names nothing")
    return found


def _numbers(option: str, given: str, *, least: int = 0) -> list[int]:
    found = _several(option, given)
    for text in found:
        if not text.isdecimal() or int(text) < least:
            raise UsageError(f"--{option.replace('_', '-')} {text}: whole numbers from {least} on are wanted")
    return [int(text) for text in found]


def _measure(config: Config, setting: Setting, more: list[str], folder: Path) -> BenchEntry:
    """Run transform in a process of its own. What it says of itself stays in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    places = ["--output", folder / "run", "--output-file", folder / "rows", "--log-file", folder / "log.txt"]
    command = [*TRANSFORM, "--json-file", config.json_file, *setting.options(), *places, *more]
    with (folder / "stderr.txt").open("w+") as said:
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=said, text=True, check=False)
        said.seek(0)
        last = (said.read().strip().splitlines() or ["it said nothing"])[-1].removeprefix("rtlscribe: ")
    if done.returncode:
        ended = f"killed by signal {-done.returncode}; " if done.returncode < 0 else ""
        return BenchEntry(key=setting.key, fault=ended + last)
    told = json.loads(done.stdout.splitlines()[-1])
    same = {name: told[name] for name in BenchEntry.__struct_fields__ if name in told}
    return BenchEntry(**same | {"key": setting.key, "failed": told["failed"] + told["unfit"]})


def _told(measured: BenchEntry) -> str:
    """As in "1000 prompts @ 00:18, 54.37 it/s, input speed: ..., first token 0.12 s, cache hits 45.1 %"."""
    if measured.fault:
        return f"failed: {measured.fault}"
    text = measured.speed.partition(": ")[2]
    text += f", first token {measured.first_token_s:.3g} s" if measured.first_token_s is not None else ""
    text += f", cache hits {measured.cache_hit_rate:.1%}" if measured.cache_hit_rate is not None else ""
    return text + (f", {measured.failed} rows failed" if measured.failed else "")


def _summary(work: RunDir, settings: list[Setting], found: dict[str, BenchEntry]) -> BenchSummary:
    """Count, and write the table."""
    lines: list[str] = []
    for setting in settings:
        if f"### {setting.heading}" not in lines:
            lines += ["", f"### {setting.heading}", ""]
        lines.append(f"- {setting.remark}: {_told(found[setting.key])}")
    table = "\n".join(lines[1:]) + "\n"
    jsonl.replace(work.path / TABLE, [table.encode()])
    measured = [setting for setting in settings if not found[setting.key].fault]
    quickest = max(measured, key=lambda setting: found[setting.key].prompts_per_s, default=None)
    return BenchSummary(
        output=str(work.path / TABLE),
        settings=len(settings),
        measured=len(measured),
        failed=len(settings) - len(measured),
        quickest=f"{quickest.heading}: {quickest.remark}" if quickest else "",
        table=f"\n\n{table}",
    )

"""Write samples as a dataset for others: a file in a form of their choice and a card. Does not change the rows."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import msgspec
from cyclopts import Parameter

from rtlscribe import __version__, jsonl, progress
from rtlscribe.errors import RtlscribeError
from rtlscribe.records import Sample
from rtlscribe.registry import extra
from rtlscribe.report.lineage import ancestors, told
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import Form, Sources, TracedSample, in_form, stream_samples
from rtlscribe.summaries import DecontaminateSummary, DesignsSummary, ExportSummary, VerifySummary

Written = Literal["samples", "rtl-coder", "llama-factory", "chat", "parquet"]
PROVENANCE = "provenance.jsonl"
MOST_VALUES = 20  # told on the card of each name

FIELDS: dict[Written, str] = {
    "samples": "`id`, `instruction`, `header` (the module's), `verilog` (the reference code), `responses` and `scores` "
    "(candidates, aligned), `reference` (its place among them), `origin`, `provenance`",
    "rtl-coder": "`Instruction`, `Input` (the module's header), `Response` (with `Score`, the reference is the last)",
    "llama-factory": "`instruction`, `input` (the module's header), `output` (the code)",
    "chat": "`messages`: the user's (instruction and header) and the assistant's (the code)",
}
FIELDS["parquet"] = FIELDS["samples"]
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `rtlscribe data export`."""

    data: Path
    """Rows, in any form that `rtlscribe train` reads."""

    form: Written = "samples"
    """samples (all that is known), rtl-coder, llama-factory, chat, or parquet (samples; extra: data)."""

    name: str = ""
    """The dataset's name on its card; by default the data file's, or of a run's out.jsonl the run folder's."""

    licence: str = ""
    """Licence of the dataset, as an identifier such as cc-by-4.0; by default what the rows state, if they agree."""

    output: Path | None = None
    """Folder of the dataset; runs/<date>-export by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class _Seen:
    """What the card tells of the rows that were written."""

    def __init__(self) -> None:
        self.rows = self.left_out = self.scored = 0
        self.sources = Sources()

    def samples(self, path: Path, bar: progress.Bar) -> Iterator[TracedSample]:
        for sample in stream_samples(path):
            bar.add()
            if not sample.verilog.strip():
                self.left_out += 1
                continue
            self.rows += 1
            self.scored += bool(sample.scores)
            self.sources.add(sample)
            provenance = sample.provenance if isinstance(sample, TracedSample) else {}
            fields = {name: getattr(sample, name) for name in Sample.__struct_fields__}
            yield TracedSample(**fields, provenance=provenance)


def run(config: Config) -> ExportSummary:
    """Write a dataset for others: data/train.jsonl or .parquet, and README.md, its card.

    In a form that has no place for it, the provenance of each row is in provenance.jsonl, line by line.
    """
    folder = config.output or default_folder("export", config.form)
    with RunDir.open(
        folder, stage="export", config=as_config(config), inputs={"data": config.data}, fresh=config.fresh
    ) as work:
        if work.finished:
            return work.summary(ExportSummary)
        seen = _Seen()
        with progress.bar("export", sum(1 for _ in jsonl.lines(config.data))) as bar:
            rows: Iterator[TracedSample] = seen.samples(config.data, bar)
            first = next(rows, None)
            if first is None:
                raise RtlscribeError(f"none of the {seen.left_out} rows of {config.data} has code; nothing is exported")
            rows = itertools.chain([first], rows)
            file = _parquet(rows, work) if config.form == "parquet" else _lines(rows, config.form, work)
        card = work.path / "README.md"
        jsonl.replace(card, ["\n".join([*_head(config, seen, file), *_body(config, seen, file, work)]).encode()])
        summary = ExportSummary(
            output=str(work.path / file), card=str(card), form=config.form, rows=seen.rows, left_out=seen.left_out
        )
        work.finish(summary)
    return summary


def _lines(rows: Iterator[TracedSample], form: Form, work: RunDir) -> str:
    """Returns the data file's name in the run's folder."""
    beside = form != "samples"
    (work.path / PROVENANCE).unlink(missing_ok=True)
    with work.appending(PROVENANCE) as trace:

        def encoded() -> Iterator[bytes]:
            for sample in rows:
                if beside:
                    trace({"id": sample.id, "origin": sample.origin, "provenance": sample.provenance})
                yield jsonl.encode(in_form(sample, form))

        jsonl.replace(work.path / "data/train.jsonl", encoded())
    if not beside:
        (work.path / PROVENANCE).unlink()
    return "data/train.jsonl"


def _parquet(rows: Iterator[TracedSample], work: RunDir) -> str:
    """Written by the `datasets` library, in parts, so that no more than some rows are in memory."""
    with extra("data"):
        import datasets
    text, number = datasets.Value("string"), datasets.Value("double")
    kinds = {
        **dict.fromkeys(("id", "instruction", "description", "header", "verilog", "origin"), text),
        "responses": [text],
        "scores": [number],
        "reference": datasets.Value("int64"),
        "provenance": text,  # as JSON: its names differ from row to row, and columns do not
    }

    def plain() -> Iterator[dict[str, Any]]:
        for sample in rows:
            yield msgspec.to_builtins(sample) | {"provenance": json.dumps(sample.provenance, ensure_ascii=False)}

    (work.path / "data").mkdir(exist_ok=True)
    part = work.path / "data/.train.parquet"
    with tempfile.TemporaryDirectory(dir=work.path, prefix=".arrow-") as cache:
        datasets.disable_progress_bars()
        features = datasets.Features({name: kinds[name] for name in TracedSample.__struct_fields__})
        # A fingerprint, since the library would else derive one from the generator, which cannot be.
        table = datasets.Dataset.from_generator(plain, features=features, cache_dir=cache, fingerprint=uuid4().hex)
        table.to_parquet(str(part))
    part.replace(work.path / "data/train.parquet")
    return "data/train.parquet"


# README.md, the card


def _head(config: Config, seen: _Seen, file: str) -> list[str]:
    """What dataset hubs read, in YAML, which has JSON's strings."""
    return [
        "---",
        f"pretty_name: {json.dumps(_name(config), ensure_ascii=False)}",
        f"license: {json.dumps(_licence(config, seen) or 'unknown')}",
        "language: [en]",
        "task_categories: [text-generation]",
        "tags: [verilog, rtl, hardware-design, code]",
        f"size_categories: [{next((text for most, text in SIZES if seen.rows < most), '1M<n<10M')!s}]",
        "configs:",
        "  - config_name: default",
        f"    data_files: [{{split: train, path: {file}}}]",
        "---",
    ]


def _body(config: Config, seen: _Seen, file: str, work: RunDir) -> list[str]:
    licence = _licence(config, seen)
    scored = f", {seen.scored:,} of them with scored candidates" if seen.scored else ""
    out = f" {seen.left_out:,} rows of the source without code are left out." if seen.left_out else ""
    beside = config.form not in ("samples", "parquet")
    trace = f"`{PROVENANCE}`, line by line as the data" if beside else "the field `provenance`"
    lines = [
        "",
        f"# {_name(config)}",
        "",
        f"{seen.rows:,} instructions with Verilog{scored}.{out}",
        "",
        f"Written by rtlscribe {__version__} in the form `{config.form}`. Fields: {FIELDS[config.form]}.",
        "",
        "    datasets.load_dataset(FOLDER)     # in Python; a folder, or a name on a hub",
        f"    rtlscribe data import --data FOLDER/{file}",
        "",
        "## How they were made",
        "",
        *_making(work),
        "",
        "## Where the rows come from",
        "",
        *_counts("origin", seen.sources.origins),
    ]
    for stated, values in sorted(seen.sources.provenance.items()):
        lines += ["", *_counts(stated, values)]
    lines += [
        "",
        f"What is known of each single row (source, teacher, prompt, sampling, checks, licence) is in {trace}.",
        "",
        "## Licence",
        "",
        f"{licence}." if licence else "Not stated by all rows alike: look at each row's provenance before you use it.",
        "",
    ]
    return lines


def _making(work: RunDir) -> list[str]:
    """The runs behind the rows, and of checks that none of them made, that it did not."""
    runs = ancestors(work.manifest["config"], started=work.manifest["started"])
    kinds = {type(run.summary) for run in runs}
    lines = ["The runs of rtlscribe that these rows come from, the latest first:", ""]
    lines += [f"- {told(run)}" for run in runs] or ["- none that is known here"]
    lines += ["", f"They were exported from a file with the sha256 `{work.manifest['inputs']['data']}`."]
    if DecontaminateSummary not in kinds:
        lines.append("Not known here: whether they overlap with benchmarks.")
    if kinds.isdisjoint({VerifySummary, DesignsSummary}):
        lines.append("Not known here: whether the code does what the instruction says.")
    return lines


def _name(config: Config) -> str:
    return config.name or (config.data.resolve().parent.name if config.data.stem == "out" else config.data.stem)


def _licence(config: Config, seen: _Seen) -> str:
    return config.licence or _agreed(seen)


def _agreed(seen: _Seen) -> str:
    """The licence that all rows state, if they do."""
    stated = seen.sources.provenance.get("licence", Counter())
    return next(iter(stated)) if len(stated) == 1 and stated.total() == seen.rows else ""


def _counts(name: str, values: Counter[str]) -> list[str]:
    told = values.most_common(MOST_VALUES)
    rest = len(values) - len(told)
    rows = [f"| {_cell(value)} | {count:,} |" for value, count in told]
    more = [f"| {rest:,} more | {values.total() - sum(count for _, count in told):,} |"] if rest else []
    return [f"| {_cell(name)} | rows |", "|---|---:|", *rows, *more]


def _cell(text: str) -> str:
    """Foreign text in a table of Markdown: one line, no pipe, no markup."""
    return "".join(f"\\{c}" if c in "|\\`*_<>[]" else c for c in " ".join(text.split())[:120]) or "not stated"

"""The card of a model: README.md for a model hub, from its run's manifest and from evaluations. Measures nothing.

It says what was recorded, and of what was not that it was not. No path of the machine it was made on is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

import rtlscribe
from rtlscribe import jsonl
from rtlscribe.prompts import Template
from rtlscribe.records import Record
from rtlscribe.report import rows, tables
from rtlscribe.report.lineage import NAMED, ancestors, public_model, public_name, told
from rtlscribe.report.material import Evaluation, Manifest, Source
from rtlscribe.report.tables import Table, as_markdown, bracketed, texts
from rtlscribe.summaries import (
    DecontaminateSummary,
    PreferenceSummary,
    QuantizeSummary,
    Rate,
    ReinforceSummary,
    TrainSummary,
)

ModelSummary = TrainSummary | PreferenceSummary | ReinforceSummary | QuantizeSummary

FILE = "README.md"
SENTENCE = "Write an 8-bit up counter with synchronous active-high reset to zero and enable."
MIB = 1 << 20
STAGES = ("train", "train-dpo", "train-grpo", "quantize")


class Words(Record):
    """What only the user can say of a model: its name, licence, and public names of its base and its data."""

    name: str = ""
    licence: str = ""
    base_model: str = ""
    dataset: str = ""


def model_of(source: Source, summary: ModelSummary) -> Path:
    """The folder or file of the model that a run made."""
    return Path(source.folder) / Path(summary.output).name


def write(
    source: Source, summary: ModelSummary, *, words: Words | None = None, evaluations: Sequence[Evaluation] = ()
) -> Path:
    """Put the card beside the model, into the folder of the run that made it. Returns where it is."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "file": lambda given: Path(str(given)).name,
        "benchmark": public_name,
        "cell": tables.escaped,
        "told": told,
        "duration": _duration,
    }
    template = environment.from_string((resources.files("rtlscribe.report") / "card.md.jinja").read_text("utf-8"))
    place = Path(source.folder) / FILE
    content = template.render(_content(source, summary, words or Words(), evaluations))
    jsonl.replace(place, [content.encode(), b"\n"])
    return place


def _content(source: Source, summary: ModelSummary, words: Words, evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """What the template is given."""
    manifest, quantized = source.manifest, isinstance(summary, QuantizeSummary)
    runs = ancestors(manifest.config, started=manifest.started)
    model = model_of(source, summary)
    return {
        "version": rtlscribe.__version__,
        "manifest": manifest,
        "facts": {"python": "unknown", "commit": None} | source.facts,
        "summary": summary,
        "words": words,
        "name": words.name or source.label,
        "base": words.base_model or public_model(manifest),
        "how": _how(summary),
        "quantized": quantized,
        "gguf": model.suffix == ".gguf",
        "file": model.name,
        "prompt": _prompt(str(manifest.config["prompt"])),
        "chat": (model / "chat_template.jinja").is_file(),
        "makers": {name: _maker(manifest, name) for name in manifest.inputs},
        "runs": runs,
        "cleaned": [run.summary for run in runs if isinstance(run.summary, DecontaminateSummary)],
        "recipe": dict(_recipe(manifest.config)),
        "machine": manifest.machine or "a machine that was not recorded",
        "numbers": rows.told(summary),
        "processor_seconds": summary.processor_seconds if isinstance(summary, TrainSummary) else None,
        "before_and_after": _before_and_after(summary) if isinstance(summary, QuantizeSummary) else "",
        "evaluations": evaluations,
        "groups": [_group(group) for group in tables.groups(evaluations)],
    }


def _maker(manifest: Manifest, name: str) -> str:
    """The command that made what an option names."""
    made = ancestors({name: manifest.config.get(name)}, started=manifest.started)
    return f"`{made[0].source.manifest.stage}`" if made else "not known here"


def _how(summary: ModelSummary) -> str:
    match summary:
        case QuantizeSummary():
            return f"quantized to {summary.type}"
        case PreferenceSummary():
            return "trained to prefer its better answers (DPO)"
        case ReinforceSummary():
            return "trained on the verdicts of its own answers (GRPO)"
    return "trained on scored candidates" if summary.loss == "scoring" else "trained by maximum likelihood"


def _prompt(name: str) -> str:
    """A prompt as a literal of Python; a template of the user's is only named."""
    if name.endswith(".jinja"):
        return f"...  # {json.dumps(SENTENCE)} in the words of {Path(name).name}"
    return json.dumps(Template(name).render(instruction=SENTENCE, header=""))


def _recipe(config: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """The options as values of TOML, files by their names; those that name data and models stand elsewhere."""
    for name, value in config.items():
        if name not in (*NAMED, "root") and value not in (None, ""):
            yield name, json.dumps(Path(value).name if isinstance(value, str) and "/" in value else value)


def _group(group: tables.Group) -> dict[str, Any]:
    rates = tables.rates(group)
    said = [*tables.settings(group), *tables.cautions(group)]
    return {"said": said, "rates": as_markdown(rates), "caption": rates.caption}


def _before_and_after(summary: QuantizeSummary) -> str:
    """What quantization changed, as a table in Markdown."""

    def size(count: int) -> str:
        return f"{count / MIB:,.1f}" if count else "not measured"

    def rate(found: Rate | None) -> str:
        return bracketed(found) if found else "not measured"

    costs = (summary.before, summary.after)
    benchmark = public_name(summary.benchmark) if summary.benchmark else "a benchmark"
    return as_markdown(
        Table(
            caption="",
            head=(f"{summary.format} {summary.type}", "before", "after"),
            rows=(
                texts("weights, MiB", *(size(cost.weight_bytes) for cost in costs)),
                texts("memory while answering, MiB", *(size(cost.peak_memory_bytes) for cost in costs)),
                texts(f"syntax on {benchmark}, %", *(rate(c.rates.syntax if c.rates else None) for c in costs)),
                texts(f"function on {benchmark}, %", *(rate(c.rates.function if c.rates else None) for c in costs)),
            ),
        )
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"

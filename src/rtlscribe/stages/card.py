"""Write the card of a model that was trained or quantized here, with what evaluations measured. Runs no model."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from cyclopts import Parameter

from rtlscribe.errors import UsageError
from rtlscribe.report import card
from rtlscribe.report.material import Evaluation, Source
from rtlscribe.report.runs import benchmark_content, open_run, read_summary
from rtlscribe.rundir import sha256
from rtlscribe.summaries import CardSummary, EvaluateSummary


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe card`."""

    run: str
    """Folder of a finished run of train, train-dpo, train-grpo or quantize."""

    evaluations: tuple[str, ...] = ()
    """Folders of finished evaluations of the model it made; LABEL=FOLDER gives one a name."""

    _: KW_ONLY

    name: str = ""
    """The model's name; the run folder's by default."""

    licence: str = ""
    """Licence of the model, as an identifier such as apache-2.0; that of its base and its data may bind it."""

    base_model: str = ""
    """Name of the base on a hub, where the run had it from a folder."""

    dataset: str = ""
    """Name of the training data on a hub."""


def run(config: Config) -> CardSummary:
    """Write README.md, the card of a model, into the folder of the run that made it.

    Training and quantization write one themselves; this adds what evaluations measured, and names that only you know.
    """
    source = open_run(config.run)
    made = read_summary(source)
    if not isinstance(made, card.ModelSummary):
        raise UsageError(
            f"{source.folder} holds a run of {source.manifest.stage!r}, which makes no model to be given away; "
            f"wanted one of {', '.join(card.STAGES)}"
        )
    model = card.model_of(source, made)
    if not model.exists():
        raise UsageError(f"{model} is not there any more: the run has to be whole")
    content = sha256(model) if config.evaluations else ""
    evaluations = [_evaluation(open_run(given), model, content) for given in config.evaluations]
    words = card.Words(name=config.name, licence=config.licence, base_model=config.base_model, dataset=config.dataset)
    return CardSummary(output=str(card.write(source, made, words=words, evaluations=evaluations)))


def _evaluation(source: Source, model: Path, content: str) -> Evaluation:
    """An evaluation of this very model. Raises UsageError: it is none, or of another."""
    summary = read_summary(source)
    if not isinstance(summary, EvaluateSummary):
        raise UsageError(f"{source.folder} holds a run of {source.manifest.stage!r}; wanted one of 'evaluate'")
    evaluated = source.manifest.inputs.get("model", "")
    if evaluated != content:
        raise UsageError(
            f"{source.folder} evaluated another model (sha256 {evaluated[:12] or 'unknown'}) than {model} "
            f"({content[:12]}); its numbers do not belong on this card"
        )
    return Evaluation(label=source.label, benchmark_sha256=benchmark_content(source.manifest.inputs), summary=summary)

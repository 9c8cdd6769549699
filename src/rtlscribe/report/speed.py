"""How fast models answered: the throughput table. Summaries and manifests in, text out; no HTML."""

from __future__ import annotations

from collections.abc import Iterable

from rtlscribe.report.material import Manifest, Material
from rtlscribe.report.runs import moment
from rtlscribe.report.tables import NOTHING, Cell, Table, percent, table, texts
from rtlscribe.summaries import BenchEntry, BenchSummary, SampleSummary, TransformSummary

HEAD = (
    *("Run", "Command", "Prompts", "Time", "it/s", "Input tokens/s", "Output tokens/s"),
    *("First token s", "Cache hits %"),
)


def throughput(material: Material) -> Table | None:
    """Every run in which a model answered: prompts, time, prompts and tokens a second."""
    return table(
        "How fast models answered. For transform and its benchmark: prompts of the last attempt, the loading of the "
        "model left out, with the engine's own counts of tokens. For sample and evaluate: completions, and the time of "
        "the whole run by its manifest, so with loading and judging; tokens are not counted there. "
        f"{NOTHING}: not told, or the run was taken up again.",
        HEAD,
        _rows(material),
        words=(0, 1),
    )


def _rows(material: Material) -> Iterable[tuple[Cell, ...]]:
    manifests = {source.label: source.manifest for source in material.sources}
    for transformed in material.of(TransformSummary):
        yield _told(transformed.label, "transform", transformed.summary)
    for bench in material.of(BenchSummary):
        for entry in bench.entries:
            yield _told(bench.label, f"transform {entry.key}", entry)
    for sampled in material.of(SampleSummary):
        yield _dated(sampled.label, "sample", sampled.summary.completions, manifests[sampled.label])
    for evaluation in material.evaluations:
        summary = evaluation.summary
        if not summary.samples:
            drawn = summary.completions * len({setting.temperature for setting in summary.all_settings})
            yield _dated(evaluation.label, "evaluate", drawn, manifests[evaluation.label])


def _told(label: str, command: str, s: TransformSummary | BenchEntry) -> tuple[Cell, ...]:
    return texts(
        label,
        command,
        s.prompts or NOTHING,
        _clock(s.seconds) if s.seconds else NOTHING,
        f"{s.prompts_per_s:,.2f}" if s.prompts_per_s else NOTHING,
        *(f"{rate:,.2f}" if rate is not None else NOTHING for rate in (s.input_tokens_per_s, s.output_tokens_per_s)),
        f"{s.first_token_s:.3g}" if s.first_token_s is not None else NOTHING,
        percent(s.cache_hit_rate) if s.cache_hit_rate is not None else NOTHING,
    )


def _dated(label: str, command: str, completions: int, manifest: Manifest) -> tuple[Cell, ...]:
    seconds = wall_seconds(manifest)
    time = (_clock(seconds), f"{completions / seconds:,.2f}") if seconds else (NOTHING, NOTHING)
    return texts(label, command, completions, *time, *[NOTHING] * 4)


def wall_seconds(manifest: Manifest) -> float | None:
    """From the begin of a run to its end, to the second; None where it was taken up again, or does not say."""
    if manifest.attempts > 1 or not (manifest.started and manifest.finished):
        return None
    return moment(manifest.finished) - moment(manifest.started)


def _clock(seconds: float) -> str:
    """18 -> 00:18, as the VLSI transformer's table has it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"

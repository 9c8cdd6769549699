"""Runs in one row each: the main numbers of the commands that make data and models. Text only; no HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rtlscribe.records import Record
from rtlscribe.report import paper
from rtlscribe.report.material import Material
from rtlscribe.report.tables import NOTHING, Table, percent, table, texts
from rtlscribe.summaries import (
    AnswersSummary,
    AuditSummary,
    DecontaminateSummary,
    DesignsSummary,
    ExportSummary,
    ImportSummary,
    InstructionsSummary,
    KeywordsSummary,
    NewModelSummary,
    PreferenceSummary,
    ReinforceSummary,
    SampleSummary,
    ScoreSummary,
    StatsSummary,
    TrainSummary,
    TransformSummary,
    VerifySummary,
)

FAR = 0.3  # Rouge-L; the paper says of how many rows it is less
Value = str | int
SPENT = "Tokens and cost are of the whole run; a cost of 0: no price was given."


class Kind(NamedTuple):
    """Runs of one command: what their table says of itself, and its columns, each made from a summary."""

    summary: type[Record]
    caption: str
    columns: dict[str, Callable[[Any], Value]]
    words: tuple[str, ...] = ()  # the columns that are text


def _speed(s: TrainSummary) -> Value:
    return round(s.tokens / s.seconds) if s.seconds else NOTHING


def _far(histogram: Sequence[int]) -> str:
    return _share(sum(histogram[: round(FAR * len(histogram))]), sum(histogram))


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else NOTHING


TRAINING = (
    Kind(
        NewModelSummary,
        "Untrained models.",
        {"Parameters": lambda s: s.parameters},
    ),
    Kind(
        TrainSummary,
        "Trained on samples. Where a run was interrupted, tokens and seconds are those of all its attempts.",
        {
            "Loss": lambda s: s.loss,
            "Rows": lambda s: s.rows,
            "Too long": lambda s: s.dropped_too_long + s.dropped_prompt_too_long,
            "Nothing to rank": lambda s: s.dropped_nothing_to_rank,
            "Steps": lambda s: s.steps,
            "Tokens": lambda s: s.tokens,
            "Seconds": lambda s: f"{s.seconds:,.1f}",
            "Tokens/s": _speed,
            "Final loss": lambda s: f"{s.final_loss:.4g}",
        },
        words=("Loss",),
    ),
    Kind(
        PreferenceSummary,
        "Trained on pairs of answers (DPO). Margin: how much further the better answer leads than it did before "
        "training, in log-probability times beta; right: pairs in which it does.",
        {
            "Rows": lambda s: s.rows,
            "Pairs": lambda s: s.pairs,
            "Too long": lambda s: s.dropped_too_long,
            "Nothing to prefer": lambda s: s.dropped_nothing_to_prefer,
            "Steps": lambda s: s.steps,
            "Seconds": lambda s: f"{s.seconds:,.1f}",
            "Final loss": lambda s: f"{s.final_loss:.4g}",
            "Margin": lambda s: f"{s.final_margin:.3g}",
            "Right %": lambda s: percent(s.final_accuracy),
        },
    ),
    Kind(
        ReinforceSummary,
        "Trained on the verdicts of its own answers (GRPO). Reward: the mean in the first and in the last quarter.",
        {
            "Problems": lambda s: s.problems,
            "Too long": lambda s: s.dropped_too_long,
            "Steps": lambda s: s.steps,
            "Answers": lambda s: s.completions,
            "Passed %": lambda s: _share(s.verdicts.get("passed", 0), sum(s.verdicts.values())),
            "Seconds": lambda s: f"{s.seconds:,.1f}",
            "First reward": lambda s: f"{s.first_reward:.3f}",
            "Final reward": lambda s: f"{s.final_reward:.3f}",
        },
    ),
)
DATA = (
    Kind(
        DesignsSummary,
        "Designs that are correct by construction. Rejected: rows whose reference failed its own testbench.",
        {"Rows": lambda s: s.rows, "Families": lambda s: len(s.families), "Rejected": lambda s: s.rejected},
    ),
    Kind(
        KeywordsSummary,
        f"Keywords from a teacher. Refused: questions that its server does not answer. {SPENT}",
        {
            "Keywords": lambda s: s.keywords,
            "Left out": lambda s: sum(s.rejected.values()),
            "Questions": lambda s: s.queries,
            "Refused": lambda s: s.refused,
            "Tokens": lambda s: s.tokens,
            "Cost": lambda s: f"{s.cost:.4g}",
        },
    ),
    Kind(
        InstructionsSummary,
        f"Instructions from a teacher. {SPENT}",
        {
            "Instructions": lambda s: s.instructions,
            "Left out": lambda s: sum(s.rejected.values()),
            "Questions": lambda s: s.queries,
            "Rounds": lambda s: s.rounds,
            "Tokens": lambda s: s.tokens,
            "Cost": lambda s: f"{s.cost:.4g}",
        },
    ),
    Kind(
        AnswersSummary,
        f"Answers from a teacher. Kept: those that compile; discarded: instructions without any. {SPENT}",
        {
            "Rows": lambda s: s.rows,
            "Discarded": lambda s: s.discarded,
            "Answers": lambda s: s.answers,
            "Kept": lambda s: s.kept,
            "Tokens": lambda s: s.tokens,
            "Cost": lambda s: f"{s.cost:.4g}",
        },
    ),
    Kind(
        SampleSummary,
        "Candidates drawn. Cut short: those that reached the limit of tokens.",
        {
            "Problems": lambda s: s.problems,
            "Completions": lambda s: s.completions,
            "Cut short": lambda s: s.cut_short,
        },
    ),
    Kind(
        ScoreSummary,
        "Candidates scored. Perfect: those with score 1. Rankable: rows whose scores differ.",
        {
            "Rows": lambda s: s.rows,
            "Candidates": lambda s: s.candidates,
            "Mean score": lambda s: f"{s.mean_score:.3f}",
            "Perfect %": lambda s: percent(s.perfect_share),
            "Rankable": lambda s: s.rankable,
        },
    ),
    Kind(
        VerifySummary,
        "Answers compared with one another by simulation. Agreement: the share of a kept row's answers that behave as "
        "the chosen one; unanimous: rows where all do; outvoted: behaviours that are commoner, but fail the testbench.",
        {
            "Rows": lambda s: s.rows,
            "Kept": lambda s: s.kept,
            "Left out": lambda s: s.left_out,
            "Answers": lambda s: s.answers,
            "Compile %": lambda s: _share(s.compiled, s.answers),
            "Agreement %": lambda s: percent(s.mean_agreement),
            "Unanimous": lambda s: s.unanimous,
            "Outvoted": lambda s: s.outvoted,
        },
    ),
    Kind(
        TransformSummary,
        "Rows turned from one field into another. Kept: those that had an output; failed: those whose answers were of "
        "no use; same circuit: Verilog that came back from its words as what it was, of what could be judged.",
        {
            "From": lambda s: s.input_field,
            "To": lambda s: s.output_field,
            "Rows": lambda s: s.rows,
            "Transformed": lambda s: s.transformed,
            "Kept": lambda s: s.kept,
            "Failed": lambda s: s.failed + s.unfit,
            "Tried again": lambda s: s.retried,
            "Same circuit %": lambda s: NOTHING if s.round_trip is None else percent(s.round_trip),
        },
        words=("From", "To"),
    ),
    Kind(
        StatsSummary,
        "What is in a dataset. Twice: rows whose instruction, or whose code, is that of an earlier row word for word; "
        "near: whose instruction is near to an earlier one by Rouge-L. Words: the median.",
        {
            "Rows": lambda s: s.rows,
            "With code": lambda s: s.with_code,
            "Compile %": lambda s: NOTHING if s.compiles is None else _share(s.compiles, s.with_code),
            "Instruction twice": lambda s: s.same_instruction,
            "Near": lambda s: NOTHING if s.near_duplicates is None else s.near_duplicates,
            "Code twice": lambda s: s.same_code,
            "Instruction words": lambda s: s.instruction_words.median,
            "Code words": lambda s: s.code_words.median,
        },
    ),
    Kind(
        ImportSummary,
        "Datasets taken in. Extracted: rows whose code was found inside a longer answer.",
        {"Rows": lambda s: s.rows, "Refused": lambda s: s.refused, "Extracted": lambda s: s.extracted},
    ),
    Kind(
        ExportSummary,
        "Datasets written for others. Left out: rows without code.",
        {"Form": lambda s: s.form, "Rows": lambda s: s.rows, "Left out": lambda s: s.left_out},
        words=("Form",),
    ),
)
OVERLAP = (
    Kind(
        DecontaminateSummary,
        "Rows compared with the problems of benchmarks, by Rouge-L of instruction with instruction and of code with "
        f"code. Removed: rows of which one is above the threshold. Below {FAR}: what is far from every problem. "
        f"{paper.OVERLAP}",
        {
            "Rows": lambda s: s.rows,
            "Problems": lambda s: s.problems,
            "Threshold": lambda s: f"{s.threshold:g}",
            "By instruction": lambda s: s.by_instruction,
            "By code": lambda s: s.by_code if sum(s.code_histogram) else NOTHING,
            "Removed": lambda s: s.removed,
            "Removed %": lambda s: percent(s.removed / s.rows if s.rows else 0.0),
            f"Instructions below {FAR} %": lambda s: _far(s.instruction_histogram),
            f"Code below {FAR} %": lambda s: _far(s.code_histogram),
        },
    ),
)
AUDITS = (
    Kind(
        AuditSummary,
        "Benchmarks looked through for faults. Faulty: problems whose scores are wrong; mutants: changed references, "
        "of which those survive that pass.",
        {
            "Benchmark": lambda s: s.benchmark,
            "Judge": lambda s: s.checker,
            "Problems": lambda s: s.problems,
            "Faulty": lambda s: s.faulty,
            "Mutants": lambda s: s.mutants,
            "Survived": lambda s: s.survived,
            "Found": lambda s: ", ".join(f"{n} {kind}" for kind, n in sorted(s.kinds.items())) or "nothing",
        },
        words=("Benchmark", "Judge", "Found"),
    ),
)


def tables(kinds: Sequence[Kind], material: Material) -> list[Table]:
    """A table of each kind of which there are runs."""
    found = (_table(kind, material) for kind in kinds)
    return [content for content in found if content]


def told(summary: Record) -> str:
    """The columns of a run's row in one line: "Rows 1,000, Families 2, Rejected 0"; "" for runs without such a row."""
    for kind in (*DATA, *OVERLAP, *TRAINING):
        if isinstance(summary, kind.summary):
            cells = texts(*_values(kind, summary))
            return ", ".join(f"{name} {cell.text}" for name, cell in zip(kind.columns, cells, strict=True))
    return ""


def _table(kind: Kind, material: Material) -> Table | None:
    head = ("Run", *kind.columns)
    return table(
        kind.caption,
        head,
        [texts(run.label, *_values(kind, run.summary)) for run in material.of(kind.summary)],
        words=(0, *(head.index(name) for name in kind.words)),
    )


def _values(kind: Kind, summary: Record) -> list[Value]:
    return [value(summary) for value in kind.columns.values()]

"""Tables of a run's numbers beside those that others have published on the same benchmark. Text only; no HTML.

What is published was not measured here, and is marked as such wherever it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import fmean

from rtlscribe.metrics import pass_at_k
from rtlscribe.report import paper
from rtlscribe.report.material import Evaluation, Material
from rtlscribe.report.tables import NOTHING, Cell, Group, Table, percent, texts
from rtlscribe.summaries import ProblemCount, QuantizeSummary, Setting

VERILOG_EVAL = {"verilogeval-human": "human", "verilogeval-machine": "machine"}  # name: field of paper.Figures
RTLLM = {"rtllm-1.0": "1.0", "rtllm-1.1": "1.1", "rtllm-2.0": "2.0"}  # name: version
SAME_DESIGNS = frozenset({"rtllm-1.0", "rtllm-1.1"})  # those whose designs are the ones of the paper's Table 3

YES, NO = "✓", "✗"
MIB = 1 << 20
_MARKS = {"y": YES, "n": NO, "-": NOTHING}


def published(group: Group) -> Table | None:
    """The paper's Table 2 on this benchmark, under the runs of the group; None where it says nothing of it."""
    name = group.benchmark
    if name in VERILOG_EVAL:
        field = VERILOG_EVAL[name]
        return _beside(
            group,
            f"pass@1: the pass rate. {_source('2')}, {paper.PROBLEMS[field]} problems",
            ("pass@1 %",),
            lambda setting: (_any(setting.by_problem, 1, lambda c: c.function),),
            [(row, (_printed(getattr(row, field)),)) for row in paper.TABLE_2],
        )
    if name in RTLLM:
        other = "" if name == "rtllm-1.0" else f", of version 1.0, where these runs are of {RTLLM[name]}"
        return _beside(
            group,
            f"In per cent of the designs: any of {paper.TRIALS} completions compiles (syntax), passes (function); of "
            f"more completions, the unbiased estimate of that. {_source('2')}, {paper.DESIGNS} designs{other}",
            ("Syntax %", "Function %"),
            lambda setting: (
                _any(setting.by_problem, paper.TRIALS, lambda c: c.syntax),
                _any(setting.by_problem, paper.TRIALS, lambda c: c.function),
            ),
            [
                (row, (_printed(row.syntax), _printed(row.function)))
                for row in paper.TABLE_2
                if row.syntax is not None and row.function is not None
            ],
        )
    return None


def designs(group: Group) -> Table | None:
    """The paper's Table 3: a row a design, of each model the completions that compile, and whether any passes."""
    if group.benchmark not in RTLLM:
        return None
    counts = [{count.id: count for count in e.summary.by_problem} for e in group.evaluations]
    ids = sorted(set().union(*counts))
    totals = paper.TABLE_3_TOTALS if group.benchmark in SAME_DESIGNS else ()
    rows_of = {i: row for row in paper.TABLE_3 for i in row.ids}
    own = [f"{e.label}: {kind}" for e in group.evaluations for kind in ("syntax", "function")]
    theirs = [f"{total.model}: {kind}, published" for total in totals for kind in ("syntax", "function")]
    rows = [
        (
            Cell(text=i),
            *(cell for part in counts for cell in _design(part.get(i))),
            *(cell for place in range(len(totals)) for cell in _published_design(rows_of.get(i), place)),
        )
        for i in ids
    ]
    caption = (
        "Completions of a design that compile, and whether any passes: "
        f"{YES} one does (the fuller, the more do), {NO} none does, {NOTHING} none compiles. Success: designs with any."
    )
    rows += _successes(counts, totals)
    first = 1 + len(own)
    return Table(
        caption=f"{caption} {_source('3')}. {_mismatches()}" if totals else caption,
        head=("Design", *own, *theirs),
        rows=tuple(rows),
        published_columns=tuple(range(first, first + len(theirs))),
    )


def quantized(material: Material) -> Table | None:
    """Models before and after quantization, over the paper's RTLCoder and RTLCoder-4bit."""
    runs = material.of(QuantizeSummary)
    if not runs:
        return None
    own = [_quantized(run.label, run.summary) for run in runs]
    whole, small = ({row.model: row for row in paper.TABLE_2}[name] for name in ("RTLCoder", "RTLCoder-4bit"))
    theirs = [
        texts(f"{whole.model} {whole.parameters}", "4 bits", NOTHING, f"→ {paper.QUANTIZED}", name, *rates)
        for name, rates in (
            ("VerilogEval Machine", (NOTHING, _change(_printed(whole.machine), _printed(small.machine)))),
            ("VerilogEval Human", (NOTHING, _change(_printed(whole.human), _printed(small.human)))),
            (
                f"RTLLM 1.0, any of {paper.TRIALS}",
                tuple(
                    _change(_printed(before), _printed(after))
                    for before, after in ((whole.syntax, small.syntax), (whole.function, small.function))
                    if before is not None and after is not None
                ),
            ),
        )
    ]
    return Table(
        caption="Before and after quantization. Weights: their files; memory: the most that a process had while the "
        f"model answered in it, its libraries included; rates without intervals. {_source('2')}.",
        head=("Model", "Made", "Weights MiB", "Memory MiB", "Benchmark", "Syntax %", "Function %"),
        rows=(*own, *theirs),
        words=(0, 1, 4),
        published_rows=tuple(range(len(own), len(own) + len(theirs))),
    )


def _quantized(label: str, s: QuantizeSummary) -> tuple[Cell, ...]:
    weights, memory = (
        _change(*(f"{size / MIB:,.1f}" if size else NOTHING for size in sizes))
        for sizes in (
            (s.before.weight_bytes, s.after.weight_bytes),
            (s.before.peak_memory_bytes, s.after.peak_memory_bytes),
        )
    )
    rates = [NOTHING, NOTHING]
    if s.before.rates and s.after.rates:
        pairs = (s.before.rates.syntax, s.after.rates.syntax), (s.before.rates.function, s.after.rates.function)
        rates = [_change(percent(before.rate), percent(after.rate)) for before, after in pairs]
    return texts(label, f"{s.format} {s.type}", weights, memory, Path(s.benchmark).name or NOTHING, *rates)


def _change(before: str, after: str) -> str:
    return f"{before} → {after}"


def _printed(per_cent: float) -> str:
    """With as many digits as the paper prints."""
    return f"{per_cent:.1f}" if per_cent >= 10 else f"{per_cent:.2f}"


def _source(table: str) -> str:
    return f"In italics, published and not measured here: {paper.RTLCODER}, Table {table}"


def _beside(
    group: Group,
    caption: str,
    columns: tuple[str, ...],
    measured: Callable[[Setting], tuple[str, ...]],
    rows: Iterable[tuple[paper.Figures, tuple[str, ...]]],
) -> Table:
    own = [texts(e.label, *measured(setting), _how(setting)) for e in group.evaluations for setting in _shown(e)]
    theirs = [texts(f"{row.model} {row.parameters}".rstrip(), *numbers, "published") for row, numbers in rows]
    return Table(
        caption=f"{caption}; with the authors' own prompts, extraction and simulator, the best of three temperatures.",
        head=("Model", *columns, "How"),
        rows=(*own, *theirs),
        words=(0, 1 + len(columns)),
        published_rows=tuple(range(len(own), len(own) + len(theirs))),
    )


def _shown(evaluation: Evaluation) -> list[Setting]:
    """The headline, and of the other settings the best by the benchmark's own rule, which is the published one."""
    summary = evaluation.summary
    headline = summary.headline
    official = [s for s in summary.all_settings if s.rule == "official"]
    if headline.rule == "official" or not official:
        return [headline]
    return [headline, max(official, key=lambda setting: setting.function.rate)]


def _how(setting: Setting) -> str:
    fewest = min(count.n for count in setting.by_problem)
    return f"measured here: {setting.name}, n {fewest}, problems {len(setting.by_problem)}"


def _any(counts: Iterable[ProblemCount], k: int, right: Callable[[ProblemCount], int]) -> str:
    """Chance in per cent that any of k completions is right, over problems; nothing where there are fewer than k."""
    given = list(counts)
    if any(count.n < k for count in given):
        return NOTHING
    return percent(fmean(pass_at_k(count.n, right(count), k) for count in given))


def _design(count: ProblemCount | None) -> tuple[Cell, Cell]:
    if count is None:
        return Cell(text=NOTHING), Cell(text=NOTHING)
    mark = YES if count.function else NO if count.syntax else NOTHING
    return Cell(text=f"{count.syntax}/{count.n}"), Cell(text=mark, share=count.function / count.n)


def _published_design(row: paper.Design | None, place: int) -> tuple[Cell, Cell]:
    if row is None:
        return Cell(text=""), Cell(text="")
    mark = _MARKS[row.function[place]] if place < len(row.function) else ""
    return Cell(text=f"{row.syntax[place]}/{paper.TRIALS}"), Cell(text=mark)


def _successes(counts: list[dict[str, ProblemCount]], totals: tuple[paper.Total, ...]) -> list[tuple[Cell, ...]]:
    """The last rows: designs of which any completion compiles or passes, as numbers and in per cent."""
    shares = [
        (sum(getattr(count, kind) > 0 for count in part.values()), len(part))
        for part in counts
        for kind in ("syntax", "function")
    ]
    shares += [(number, paper.DESIGNS) for total in totals for number in (total.syntax, total.function)]
    return [
        texts("Success", *(f"{number}/{of}" for number, of in shares)),
        texts("Success %", *(percent(number / of) for number, of in shares)),
    ]


def _mismatches() -> str:
    """Where the published rows and the published total do not agree, both are shown, and this says so."""
    found = []
    for place, total in enumerate(paper.TABLE_3_TOTALS):
        seen = sum(row.syntax[place] > 0 for row in paper.TABLE_3)
        if seen != total.syntax:
            found.append(f"{seen} by the rows and {total.syntax} by the total for {total.model}")
    return f"Published numbers of designs that compile which do not agree: {'; '.join(found)}." if found else ""

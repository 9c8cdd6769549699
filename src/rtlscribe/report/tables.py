"""Tables of the page, of cards and of the terminal: rates, verdicts, families, problems. Text only; no HTML.

Runs are compared within one benchmark and never across two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

from rtlscribe.metrics import bootstrap_interval, pass_at_k
from rtlscribe.records import Record, Sampling, Status
from rtlscribe.report.material import Evaluation, Material
from rtlscribe.summaries import EvaluateSummary, ProblemCount, Rate, Setting

NOTHING = "–"
NUMBERED = re.compile(r"(.+)-\d+")  # the ids of designs/: family-seed

MEANINGS: dict[Status, str] = {
    "passed": "passes its testbench",
    "failed": "compiles, but does something else",
    "timeout": "compiles, but its simulation did not end in time",
    "syntax_error": "does not compile",
    "no_code": "no Verilog in the completion",
    "rejected": "does what an answer may not do",
    "unsupported": "the checker cannot judge it",
}


class Cell(Record):
    """A table's cell; `share` from 0 to 1 shades it."""

    text: str
    share: float | None = None


class Table(Record):
    """The first cell of a row names it; `words` are the columns that are text, the others are numbers.

    `published_rows` and `published_columns` are not measured here but quoted, and are set apart.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    words: tuple[int, ...] = (0,)
    published_rows: tuple[int, ...] = ()
    published_columns: tuple[int, ...] = ()


class Group(Record):
    """The evaluations on one benchmark: same name and same content."""

    name: str
    evaluations: tuple[Evaluation, ...]

    @property
    def benchmark(self) -> str:
        """The name under which it is evaluated, without its content's sha256."""
        return self.evaluations[0].summary.benchmark


def groups(evaluations: Sequence[Evaluation]) -> list[Group]:
    """Evaluations by benchmark, in order of first appearance."""
    found: dict[tuple[str, str], list[Evaluation]] = {}
    for evaluation in evaluations:
        name, content = evaluation.summary.benchmark, evaluation.benchmark_sha256
        # One file of problems may lie in several places; two benchmarks may be read from the same files.
        found.setdefault(("" if content and name.endswith(".jsonl") else name, content), []).append(evaluation)
    return [Group(name=_benchmark(members[0]), evaluations=tuple(members)) for members in found.values()]


def settings(group: Group) -> list[str]:
    """A sentence for each way in which runs of the group were measured."""
    labels: dict[str, list[str]] = {}
    for evaluation in group.evaluations:
        summary = evaluation.summary
        how = (
            f"answered {summary.problems:,} problems of {group.name}, {_each(summary)} a problem "
            f"({summary.completions:,} a model), {_drawn(summary)}, "
            f"judged by {summary.checker}, rule {summary.rule}, assembly {summary.assembly}."
        )
        labels.setdefault(how, []).append(evaluation.label)
    return [f"{_enumeration(names)} {how}" for how, names in labels.items()]


def cautions(group: Group) -> list[str]:
    """What stands in the way of comparing the runs of a group."""
    found = []
    differ = [name for name, values in _ways(group).items() if len(set(values)) > 1]
    if differ:
        found.append(
            f"These runs were not measured under the same settings ({', '.join(differ)}): their differences are not of "
            "models alone."
        )
    if len({tuple(count.id for count in e.summary.by_problem) for e in group.evaluations}) > 1:
        found.append("These runs did not answer the same problems: compare problem by problem, not their rates.")
    return found


def _ways(group: Group) -> dict[str, list[object]]:
    """How the runs were drawn and judged: by name, the value of each run."""
    summaries = [e.summary for e in group.evaluations]
    here = [None if s.samples else s.sampling for s in summaries]
    return {
        "where completions were drawn": [sampling is None for sampling in here],
        **{name: [getattr(sampling, name, None) for sampling in here] for name in Sampling.__struct_fields__},
        **{name: [getattr(s, name) for s in summaries] for name in ("checker", "rule", "assembly")},
    }


def rates(group: Group) -> Table:
    """The lower half of the paper's Table 2, each run at its best setting."""
    ks = ks_of([e.summary for e in group.evaluations])
    return Table(
        caption="Syntax: completions that compile. Function: completions that pass their problem's testbench. pass@k: "
        "the chance that one of k completions passes, estimated without bias. All in per cent, averaged over problems; "
        "in brackets, 95 % intervals with problems, not completions, as the unit: Wilson score intervals, for pass@k "
        "with k over 1 from a bootstrap over problems.",
        head=("Model", "Syntax %", "Function %", *(f"pass@{k} %" for k in ks)),
        rows=tuple(texts(e.label, *_rates(e, ks, intervals=True)) for e in group.evaluations),
    )


def markdown(material: Material) -> str:
    """The rates of all evaluations as a Markdown table; without any, a list of the runs."""
    found = groups(material.evaluations)
    if not found:
        return _markdown(("Run", "Stage"), [(s.label, s.manifest.stage) for s in material.sources])
    ks = ks_of([e.summary for group in found for e in group.evaluations])
    head = ("Benchmark", "Model", "Problems", "Syntax %", "Function %", *(f"pass@{k} %" for k in ks))
    rows = [(g.name, e.label, str(e.summary.problems), *_rates(e, ks)) for g in found for e in g.evaluations]
    first = 1 if len(found) == 1 else 0  # one benchmark needs no column of its own
    return _markdown(head[first:], [row[first:] for row in rows])


def as_markdown(content: Table) -> str:
    """A table as text in Markdown, without its caption."""
    return _markdown(content.head, [[cell.text for cell in row] for row in content.rows])


def verdicts(group: Group) -> Table:
    """How many completions came to which end, and what it means."""
    present = [s for s in MEANINGS if any(e.summary.statuses.get(s) for e in group.evaluations)]

    def cell(evaluation: Evaluation, status: Status) -> Cell:
        number = evaluation.summary.statuses.get(status, 0)
        return Cell(text=f"{number:,} ({percent(number / evaluation.summary.completions)} %)")

    return Table(
        caption="Completions by verdict.",
        head=("Verdict", "The completion …", *(e.label for e in group.evaluations)),
        rows=tuple(texts(s, MEANINGS[s]) + tuple(cell(e, s) for e in group.evaluations) for s in present),
        words=(0, 1),
    )


def families(group: Group) -> Table | None:
    """Function rate by kind of circuit, best first, where the problems' ids name their family."""
    ids = {count.id for e in group.evaluations for count in e.summary.by_problem}
    family_of = {i: match[1] for i in ids if (match := NUMBERED.fullmatch(i))}
    names = sorted(set(family_of.values()))
    if len(family_of) < len(ids) or len(names) == len(ids):
        return None
    parts = [_by_family(e.summary.by_problem, family_of) for e in group.evaluations]

    def mean(name: str) -> float:
        return fmean(_function(part[name]) for part in parts if name in part)

    return Table(
        caption=f"Function rate by kind of circuit, in per cent: {len(names)} kinds, those solved most often first.",
        head=("Kind", "Problems", *(e.label for e in group.evaluations)),
        rows=tuple(
            (
                *texts(name, sum(family == name for family in family_of.values())),
                *(_share(_function(part[name])) if name in part else Cell(text=NOTHING) for part in parts),
            )
            for name in sorted(names, key=lambda name: (-mean(name), name))
        ),
    )


def problems(group: Group) -> Table:
    """For each problem, completions that compile and that pass."""
    counts = [{count.id: count for count in e.summary.by_problem} for e in group.evaluations]

    def cells(count: ProblemCount | None) -> tuple[Cell, Cell]:
        if count is None:
            return Cell(text=NOTHING), Cell(text=NOTHING)
        return (
            Cell(text=f"{count.syntax}/{count.n}"),
            Cell(text=f"{count.function}/{count.n}", share=count.function / count.n),
        )

    return Table(
        caption="For each problem, the completions that compile (syntax) and that pass (function).",
        head=("Problem", *(f"{e.label}: {kind}" for e in group.evaluations for kind in ("syntax", "function"))),
        rows=tuple(
            (Cell(text=i), *(cell for part in counts for cell in cells(part.get(i))))
            for i in sorted(set().union(*counts))
        ),
    )


def table(
    caption: str, head: tuple[str, ...], rows: Iterable[tuple[Cell, ...]], *, words: tuple[int, ...] = (0,)
) -> Table | None:
    """A table, if there is anything in it."""
    content = tuple(rows)
    return Table(caption=caption, head=head, rows=content, words=words) if content else None


def texts(*values: str | int) -> tuple[Cell, ...]:
    """Cells without a shade."""
    return tuple(Cell(text=value if isinstance(value, str) else f"{value:,}") for value in values)


def _share(share: float) -> Cell:
    return Cell(text=percent(share), share=share)


def percent(share: float) -> str:
    """A share as a percentage to one place, without the sign."""
    return f"{share * 100:.1f}"


def _rates(evaluation: Evaluation, ks: Sequence[str], *, intervals: bool = False) -> tuple[str, ...]:
    summary = evaluation.summary
    pass_at = [percent(summary.pass_at[k]) if k in summary.pass_at else NOTHING for k in ks]
    if intervals:
        pass_at = [
            f"{text} {_resampled(summary.by_problem, int(k))}" if k in summary.pass_at and k != "1" else text
            for k, text in zip(ks, pass_at, strict=True)
        ]
    return bracketed(summary.syntax), bracketed(summary.function), *pass_at


def _resampled(counts: Iterable[ProblemCount], k: int) -> str:
    low, high = bootstrap_interval([pass_at_k(count.n, count.function, k) for count in counts])
    return f"[{percent(low)}, {percent(high)}]"


def bracketed(rate: Rate) -> str:
    """A rate and its interval, in per cent."""
    return f"{percent(rate.rate)} [{percent(rate.low)}, {percent(rate.high)}]"


def ks_of(found: Iterable[EvaluateSummary | Setting]) -> list[str]:
    """The k for which any of them has a pass@k, as the summaries write them."""
    return sorted({k for numbers in found for k in numbers.pass_at}, key=int)


def _benchmark(evaluation: Evaluation) -> str:
    name, sha256 = evaluation.summary.benchmark, evaluation.benchmark_sha256
    return f"{Path(name).name} (sha256 {sha256[:12]})" if sha256 else name


def _each(summary: EvaluateSummary) -> str:
    counts = sorted({count.n for count in summary.by_problem})
    if len(counts) > 1:
        return f"{counts[0]} to {counts[-1]} completions"
    return f"{counts[0]} completion{'s' if counts[0] != 1 else ''}"


def _drawn(summary: EvaluateSummary) -> str:
    sampling = summary.sampling
    if summary.samples:
        return f"drawn elsewhere ({Path(summary.samples).name})"
    if sampling.beams > 1:
        how = f"by beam search with {sampling.beams} beams"
    elif sampling.temperature == 0:
        how = "decoded greedily (temperature 0)"
    else:
        how = f"sampled at temperature {sampling.temperature:g} and top_p {sampling.top_p:g} with seed {sampling.seed}"
    return f"{how} and at most {sampling.max_tokens} tokens"


def _enumeration(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _by_family(counts: Iterable[ProblemCount], family_of: dict[str, str]) -> dict[str, list[ProblemCount]]:
    found: dict[str, list[ProblemCount]] = {}
    for count in counts:
        found.setdefault(family_of[count.id], []).append(count)
    return found


def _function(counts: Iterable[ProblemCount]) -> float:
    return fmean(count.function / count.n for count in counts)


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [[escaped(text) for text in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def escaped(text: str) -> str:
    """On one line, and no end of a Markdown cell."""
    return " ".join(text.replace("|", "\\|").split())

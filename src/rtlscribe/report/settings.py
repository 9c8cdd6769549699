"""Tables of a run that was drawn and judged in several ways: what each rule, assembly and temperature is worth.

Text only; no HTML. All settings of one run are of the same problems.
"""

from __future__ import annotations

from collections.abc import Sequence

from rtlscribe.report.material import Evaluation
from rtlscribe.report.tables import NOTHING, Cell, Group, Table, bracketed, ks_of, percent, table, texts
from rtlscribe.summaries import Setting


def worth(evaluation: Evaluation) -> Table | None:
    """Function rate by assembly and rule, at the headline's temperature, with the distance to the headline."""
    headline = evaluation.summary.headline
    same = [s for s in evaluation.summary.all_settings if s.temperature == headline.temperature]
    if len(same) < 2:
        return None
    rules = list(dict.fromkeys(s.rule for s in same))
    assemblies = list(dict.fromkeys(s.assembly for s in same))
    found = {(s.rule, s.assembly): s for s in same}

    def cell(rule: str, assembly: str) -> Cell:
        setting = found.get((rule, assembly))
        if setting is None:
            return Cell(text=NOTHING)
        return Cell(
            text=f"{percent(setting.function.rate)} ({_distance(setting, headline)})", share=setting.function.rate
        )

    return Table(
        caption=f"{evaluation.label}: what each assembly and each rule is worth on the same completions"
        f"{_at(headline)}. Function rate in per cent; in brackets, points more or less than the headline.",
        head=("Assembly", *(f"{rule} rule" for rule in rules)),
        rows=tuple((Cell(text=a), *(cell(rule, a) for rule in rules)) for a in assemblies),
    )


def temperatures(evaluation: Evaluation) -> Table | None:
    """The headline's rule and assembly at each temperature, the best marked, and the best pass@k of any."""
    summary = evaluation.summary
    headline = summary.headline
    ours = [s for s in summary.all_settings if (s.rule, s.assembly) == (headline.rule, headline.assembly)]
    if len(ours) < 2:
        return None
    ks = ks_of(ours)
    rows = [
        texts(
            f"{s.temperature or 0:g}{' (best)' if s is headline else ''}",
            bracketed(s.syntax),
            bracketed(s.function),
            *_passes(s.pass_at, ks),
        )
        for s in ours
    ]
    if summary.best_pass_at:
        rows.append(texts("best for each k", "", "", *_passes(summary.best_pass_at, ks)))
    return Table(
        caption=f"{evaluation.label}: the temperatures, judged by the {headline.rule} rule with assembly "
        f"{headline.assembly}. Best is the one with the highest function rate, and the headline is of that one; "
        "the best of several is a little flattering.",
        head=("Temperature", "Syntax %", "Function %", *(f"pass@{k} %" for k in ks)),
        rows=tuple(rows),
    )


def every(evaluation: Evaluation) -> Table | None:
    """All settings of a run, in the order in which they were asked for."""
    summary = evaluation.summary
    if len(summary.all_settings) < 2:
        return None
    headline, ks = summary.headline, ks_of(summary.all_settings)
    return Table(
        caption=f"{evaluation.label}: every setting. Points: function rate less the headline's. Refused: passes by the "
        "official rule that the strict rule refuses.",
        head=("Setting", "Completions", "Syntax %", "Function %", "Points", *(f"pass@{k} %" for k in ks), "Refused"),
        rows=tuple(
            texts(
                *(s.name, s.completions, percent(s.syntax.rate), percent(s.function.rate), _distance(s, headline)),
                *_passes(s.pass_at, ks),
                s.refused if s.rule == "official" else NOTHING,
            )
            for s in summary.all_settings
        ),
    )


def refused(evaluation: Evaluation) -> list[str]:
    """A sentence for each assembly: how many passes by the official rule the strict rule refuses."""
    temperature = evaluation.summary.headline.temperature
    return [
        f"{evaluation.label}, assembly {s.assembly}: of {s.statuses['passed']:,} passes by the benchmark's own rule "
        f"the strict rule refuses {f'{s.refused:,}' if s.refused else 'none'}."
        for s in evaluation.summary.all_settings
        if s.rule == "official" and s.temperature == temperature and s.statuses.get("passed")
    ]


def corrected(group: Group) -> Table | None:
    """The rates with and without the problems that an errata file names."""
    with_errata = [(e, e.summary.corrected) for e in group.evaluations if e.summary.corrected]
    if not with_errata:
        return None
    ks = ks_of([e.summary for e, _ in with_errata])
    rows = []
    for evaluation, fixed in with_errata:
        summary = evaluation.summary
        assert fixed is not None
        for name, problems, numbers in (
            ("as published", summary.problems, summary),
            ("corrected", summary.problems - len(fixed.excluded), fixed),
        ):
            rates = bracketed(numbers.syntax), bracketed(numbers.function)
            rows.append(texts(f"{evaluation.label}: {name}", problems, *rates, *_passes(numbers.pass_at, ks)))
    named = {f"{fixed.errata} leaves out {', '.join(fixed.excluded) or 'none'}" for _, fixed in with_errata if fixed}
    return Table(
        caption=f"With all problems as published, and without those known to be faulty: {'; '.join(sorted(named))}.",
        head=("Model", "Problems", "Syntax %", "Function %", *(f"pass@{k} %" for k in ks)),
        rows=tuple(rows),
    )


def aided(group: Group) -> Table | None:
    """The same answers after repair, and the one chosen of several: what checks that know no testbench are worth."""
    rows = []
    for evaluation in group.evaluations:
        for found in evaluation.summary.aided:
            drawn = _as_drawn(evaluation, found.setting)
            rows.append(
                texts(
                    evaluation.label,
                    found.how,
                    NOTHING if found.setting.temperature is None else f"{found.setting.temperature:g}",
                    bracketed(found.setting.syntax),
                    bracketed(found.setting.function),
                    _distance(found.setting, drawn) if drawn else NOTHING,
                )
            )
    return table(
        "With help that knows neither testbench nor reference: answers that the model repaired by what parser, linter "
        "and compiler said of them (repair, with so many rounds), and one chosen of several by such checks and by what "
        "most of them do (best of). Points: function rate less that of the answers as drawn.",
        ("Model", "How", "Temperature", "Syntax %", "Function %", "Points"),
        rows,
        words=(0, 1),
    )


def _as_drawn(evaluation: Evaluation, setting: Setting) -> Setting | None:
    """The setting whose answers were helped."""
    own = (setting.rule, setting.assembly, setting.temperature)
    return next((s for s in evaluation.summary.all_settings if (s.rule, s.assembly, s.temperature) == own), None)


def _passes(pass_at: dict[str, float], ks: Sequence[str]) -> list[str]:
    return [percent(pass_at[k]) if k in pass_at else NOTHING for k in ks]


def _distance(setting: Setting, headline: Setting) -> str:
    if setting is headline:
        return "headline"
    return f"{(setting.function.rate - headline.function.rate) * 100:+.1f}"


def _at(setting: Setting) -> str:
    return "" if setting.temperature is None else f" (temperature {setting.temperature:g})"

"""Say whether one finished evaluation is better than another, problem by problem. Does not run or judge anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from statistics import fmean

from cyclopts import Parameter

from rtlscribe.errors import UsageError
from rtlscribe.metrics import RESAMPLES, bootstrap_interval, pass_at_k, wilson_interval
from rtlscribe.options import Count
from rtlscribe.records import Record
from rtlscribe.report.material import Source
from rtlscribe.report.paired import Paired, paired
from rtlscribe.report.runs import benchmark_content, benchmark_parts, open_run, read_whole
from rtlscribe.rundir import HOW
from rtlscribe.summaries import CompareSummary, EvaluateSummary, ProblemCount, Rate, Setting, Side

# Fields of a configuration that are told elsewhere (model, settings), have been compared by content, or decide nothing.
TOLD = HOW | {"model", "samples", "benchmark", "root", "rule", "assembly", "temperature", "batch_size"}


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe compare`."""

    run_a: str
    """Folder of a finished evaluation, the one to measure against; LABEL=FOLDER gives it a name."""

    run_b: str
    """Folder of another on the same problems."""

    _: KW_ONLY

    setting: tuple[str, ...] = ()
    """RULE/ASSEMBLY/TEMPERATURE or a beginning of it, of both runs; given twice, of each. Default: each run's best."""

    k: Count = 1
    """Compare pass@k; 1 is the pass rate."""

    anyway: bool = False
    """Compare what was judged differently (checker, rule, assembly), and say so."""

    resamples: Count = RESAMPLES
    """Draws of the bootstrap and of the permutation test."""

    seed: int = 0
    """Seed of these draws."""


class _Run(Record):
    """A run to compare, and which of its settings."""

    source: Source
    summary: EvaluateSummary
    setting: Setting

    @property
    def checker(self) -> str:
        """Whose verdicts they are, without the rule, which some checkers have in their name."""
        return self.summary.checker.removesuffix(f"-{self.summary.rule}")

    @property
    def counts(self) -> dict[str, ProblemCount]:
        return {count.id: count for count in self.setting.by_problem}


def run(config: Config) -> CompareSummary:
    """Compare two finished evaluations: difference of pass rates, its interval, p-values, problems gained and lost."""
    if len(config.setting) > 2:
        raise UsageError(f"--setting is given {len(config.setting)} times: once for both runs, or once for each")
    first, second = (config.setting or ("",)) * (1 if len(config.setting) == 2 else 2)
    a, b = _read(config.run_a, first), _read(config.run_b, second)
    _refuse_other_problems(a, b, k=config.k)
    cautions = _cautions(a, b)
    if cautions and not config.anyway:
        raise UsageError(f"not measured alike: {'; '.join(cautions)}; --anyway compares them all the same")
    return _compared(a, b, config, cautions)


def _compared(a: _Run, b: _Run, config: Config, cautions: Sequence[str]) -> CompareSummary:
    draws = {"resamples": config.resamples, "seed": config.seed}
    found = paired(a.setting.by_problem, b.setting.by_problem, k=config.k, **draws)
    return CompareSummary(
        benchmark=a.summary.benchmark,
        k=config.k,
        problems=len(a.counts),
        a=_side(a, config.k, draws),
        b=_side(b, config.k, draws),
        **{name: getattr(found, name) for name in Paired.__struct_fields__},
        cautions=tuple(cautions),
        differences=_differences(a.source, b.source),
        resamples=config.resamples,
        seed=config.seed,
    )


def _side(run: _Run, k: int, draws: dict[str, int]) -> Side:
    values = [pass_at_k(count.n, count.function, k) for _, count in sorted(run.counts.items())]
    rate = fmean(values)
    varied = max(values) > min(values)
    low, high = bootstrap_interval(values, **draws) if varied else wilson_interval(rate, len(values))
    return Side(
        run=run.source.label,
        model=run.summary.model or run.summary.samples,
        checker=run.checker,
        setting=run.setting.name,
        n=max(count.n for count in run.setting.by_problem),
        rate=Rate(rate=rate, low=low, high=high),
        statuses=run.setting.statuses,
    )


def _read(given: str, wanted: str) -> _Run:
    source = open_run(given)
    if source.manifest.stage != "evaluate":
        raise UsageError(f"{source.folder} holds a run of {source.manifest.stage!r}; compare takes those of 'evaluate'")
    summary = read_whole(Path(source.folder) / "summary.json", EvaluateSummary)
    return _Run(source=source, summary=summary, setting=_setting(summary, wanted, source.folder))


def _setting(summary: EvaluateSummary, wanted: str, folder: str) -> Setting:
    """The setting that RULE/ASSEMBLY/TEMPERATURE names; left-out parts are the headline's, of temperatures the best.

    Raises:
        UsageError: the run has none of that name; lists those that it has.
    """
    if not wanted:
        return summary.headline
    parts = wanted.split("/")
    given_rule, given_assembly, temperature = [*parts, "", ""][:3]
    rule, assembly = given_rule or summary.rule, given_assembly or summary.assembly
    found = [
        setting
        for setting in summary.all_settings
        if (setting.rule, setting.assembly) == (rule, assembly)
        and (not temperature or (setting.temperature is not None and temperature == f"{setting.temperature:g}"))
    ]
    if not found or len(parts) > 3:
        names = ", ".join(setting.name for setting in summary.all_settings)
        raise UsageError(f"--setting {wanted}: wanted RULE/ASSEMBLY/TEMPERATURE; {folder} has {names}")
    return max(found, key=lambda setting: setting.function.rate)


def _refuse_other_problems(a: _Run, b: _Run, *, k: int) -> None:
    """A difference is one of models alone only where both answered the same problems equally often."""
    remedy = "only runs on the same problems compare"
    names = [run.summary.benchmark for run in (a, b)]
    if names[0] != names[1] and not all(name.endswith(".jsonl") for name in names):
        raise UsageError(f"benchmark: A answered {names[0]}, B {names[1]}; {remedy}")
    parts = [benchmark_parts(run.source.manifest.inputs) for run in (a, b)]
    for name in sorted(parts[0].keys() | parts[1].keys()):
        one, other = (part.get(name, "not there")[:12] for part in parts)
        if one != other:
            raise UsageError(f"benchmark: the content of {name} differs (sha256 {one} and {other}); {remedy}")
    only = [sorted(x.counts.keys() - y.counts.keys()) for x, y in ((a, b), (b, a))]
    for letter, ids in zip("AB", only, strict=True):
        if ids:
            raise UsageError(f"{len(ids)} problems were answered in {letter} alone, the first is {ids[0]!r}; {remedy}")
    for i, count in a.counts.items():
        other_n = b.counts[i].n
        if count.n != other_n:
            raise UsageError(f"n: of {i!r} A has {count.n} completions, B {other_n}; evaluate both with the same --n")
        if k > count.n:
            raise UsageError(f"--k {k}: there are {count.n} completions of {i!r}; pass@{k} needs at least {k}")


def _cautions(a: _Run, b: _Run) -> list[str]:
    """What was judged differently, so that a difference need not be one of models."""
    pairs = [
        ("checker", a.checker, b.checker),
        ("rule", a.setting.rule, b.setting.rule),
        ("assembly", a.setting.assembly, b.setting.assembly),
    ]
    if not benchmark_content(a.source.manifest.inputs):  # the package made the problems: another version, others
        one, other = (str(run.source.facts.get("version", "unknown")) for run in (a, b))
        pairs.append((f"version of rtlscribe, which makes {a.summary.benchmark}", one, other))
    return [f"{name}: A {one}, B {other}" for name, one, other in pairs if one != other]


def _differences(a: Source, b: Source) -> tuple[tuple[str, str, str], ...]:
    """How else the runs were set up differently: the fields of their configurations, and the package."""
    one, other = (
        {k: v for k, v in run.manifest.config.items() if k not in TOLD}
        | {k: v for k, v in run.facts.items() if k in ("version", "commit")}
        for run in (a, b)
    )
    return tuple(
        (name, str(one.get(name, "not there")), str(other.get(name, "not there")))
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    )

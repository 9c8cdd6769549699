"""Judge a model, or completions drawn elsewhere, on a benchmark: sample, check meanwhile, count. Compares no runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
from cyclopts import Parameter

from rtlscribe import progress, tally
from rtlscribe.benchmarks import completions as foreign
from rtlscribe.benchmarks.base import benchmark_inputs, load_problems
from rtlscribe.benchmarks.errata import read_errata
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.errors import UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.flow import ASSEMBLIES, TIMEOUT_S, Assembly, Attempt, Task, completed_or_empty, judge
from rtlscribe.models.base import Model, local_path
from rtlscribe.options import Count, CountFromZero, Positive, Share
from rtlscribe.prompts import Template, template_file
from rtlscribe.published import PROCEDURES
from rtlscribe.records import Completion, Problem, Sampling
from rtlscribe.replicated import open_model_on
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.summaries import Aided, EvaluateSummary
from rtlscribe.writing import aided
from rtlscribe.writing.judging import Judges
from rtlscribe.writing.mending import Mender, untold

RULES = ("strict", "official")
TEMPLATE = "rtlcoder"


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe evaluate`."""

    benchmark: str
    """Name of a benchmark (see `rtlscribe list`), or a JSON Lines file of Problems (its name ends in .jsonl)."""

    _: KW_ONLY

    model: str = ""
    """BACKEND:NAME, for example hf:path/to/model; a bare path means hf."""

    samples: Path | None = None
    """Instead of a model: completions drawn elsewhere (VerilogEval's samples, RTLLM's folders, earlier out.jsonl)."""

    root: Path | None = None
    """The checkout of the benchmark's repository; else RTLSCRIBE_VERILOG_EVAL or RTLSCRIBE_RTLLM says where it is."""

    rule: str = "strict"
    """How it is judged: strict, official (as the benchmark's authors do), or both with a comma between."""

    assembly: str = ""
    """How code is found: parser-based (for --model), header-aware (for --samples), official, or several with commas."""

    n: Count = 5
    """Completions a problem (paper: 20 on VerilogEval, 5 on RTLLM)."""

    temperature: str = "0.2"
    """Sampling temperature, 0 for the likeliest token; of several (paper: 0.2,0.5,0.8) the best is reported."""

    top_p: Share = 0.95
    """Sample from the fewest tokens that reach this probability (paper: 0.95)."""

    max_tokens: Count = 512
    """Longest completion, in tokens."""

    seed: int = 0
    """Seed of the sampling."""

    shots: CountFromZero = 0
    """Worked examples before each question, where the benchmark publishes some (VerilogEval v2: 1 to 4)."""

    prompt_rules: bool = False
    """Add the coding rules that the benchmark publishes (VerilogEval v2)."""

    prompt: str = ""
    """Prompt template: a shipped name, or a path that ends in .jinja; by default the benchmark's own, else rtlcoder."""

    repair: CountFromZero = 0
    """Rounds in which the model repairs what parser, linter and compiler find in its answers: counted apart."""

    choose: bool = False
    """Of the n answers to a problem one, by such checks and by what most of them do: counted apart."""

    limit: Count | None = None
    """Only the first so many problems."""

    partial: bool = False
    """Take --samples that have no completion for some problems; the rates are over the others."""

    errata: Path | None = None
    """Known faults of the benchmark, as `rtlscribe audit` writes them: scores are told with and without them."""

    second_run: bool = True
    """Put what passes on the published stimulus to other random stimulus too, where a testbench draws any (strict)."""

    checker: str = "iverilog"
    """Who judges."""

    timeout_s: Positive = TIMEOUT_S
    """Seconds that one check may take; the official rule has its own limits."""

    executor: str = "pool"
    """How checks are run: serial, pool, ray, or ray:ADDRESS of a cluster."""

    replicas: CountFromZero = 0
    """Models on the Ray cluster (with --executor ray), a GPU each; 0: one in this process."""

    workers: Count = 2
    """Checks at a time."""

    batch_size: Count = 32
    """Completions generated at a time."""

    output: Path | None = None
    """Run folder; runs/<date>-evaluate-<benchmark>-<model> by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class Ways(NamedTuple):
    """What a run does with each problem, parsed from the options."""

    rules: tuple[str, ...]
    assemblies: tuple[Assembly, ...]
    samplings: tuple[Sampling, ...]


def run(config: Config) -> EvaluateSummary:
    """Measure a model, or completions drawn elsewhere: pass rates for syntax and function, pass@k, and intervals.

    Each answer is judged by simulation in a sandbox; identical answers once. VerilogEval's results, v2's summary.csv
    and RTLLM's counts are written in their own forms too. Nothing of a benchmark's testbench or reference gets to the
    model, nor to --repair and --choose, which have numbers of their own.
    """
    ways = _ways(config)
    told = str(config.samples.stem if config.samples else config.model)
    folder = config.output or default_folder("evaluate", Path(config.benchmark).stem, told)
    checkers = _checkers(config, ways)
    tools = {"checker" if rule == ways.rules[0] else rule: checker.name for rule, checker in checkers.items()}
    with RunDir.open(
        folder,
        stage="evaluate",
        config=as_config(config),
        inputs=_inputs(config),
        tools=tools,
        fresh=config.fresh,
        how=("batch_size", "replicas"),
    ) as work:
        if work.finished:
            return work.summary(EvaluateSummary)
        problems = _problems(config)
        _refuse_unpublished(ways, problems)
        excluded = _excluded(config, problems)
        judges = _own_judges(config, problems)
        completions = _drawn_elsewhere(config, problems)
        total = len(completions) or len(problems) * config.n * len(ways.samplings)
        model = functools.cache(functools.partial(_open_model, config))
        source = completions or _drawn_here(config, ways, problems, model, work)
        _attempt_all(config, ways, problems, source, checkers, work, total)
        _aid(config, ways, problems, checkers, model, work, judges)
        summary = _summary(config, ways, problems, completions, checkers, excluded, work)
        work.finish(summary)
    return summary


def _ways(config: Config) -> Ways:
    if bool(config.model) == bool(config.samples):
        raise UsageError("name either --model, whose completions are drawn, or --samples with completions to judge")
    rules = _several("rule", config.rule, RULES)
    usual = "header-aware" if config.samples else "parser-based"
    assemblies = _several("assembly", config.assembly or usual, ASSEMBLIES)
    if config.repair and not config.model:
        raise UsageError("--repair asks a model to repair what it said: name --model, not --samples")
    if config.choose and config.model and config.n == 1:
        raise UsageError("--choose has nothing to choose from: --n 2 or more completions a problem are wanted")
    temperatures = []
    for text in config.temperature.split(","):
        try:
            temperatures.append(float(text))
        except ValueError:
            raise UsageError(f"--temperature {config.temperature}: {text!r} is no number") from None
        if not 0 <= temperatures[-1] < float("inf"):
            raise UsageError(f"--temperature {text}: a number from 0 on is wanted")
    samplings = [
        Sampling(n=config.n, temperature=t, top_p=config.top_p, max_tokens=config.max_tokens, seed=config.seed)
        for t in dict.fromkeys(temperatures)
    ]
    return Ways(rules, assemblies, tuple(samplings))  # type: ignore[arg-type]  # assemblies are among ASSEMBLIES


def _several(option: str, given: str, choices: Sequence[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in given.split(",")))
    for name in names:
        if name not in choices:
            raise UsageError(f"--{option}: no {option} is called {name!r}; there are: {', '.join(choices)}")
    return names


def _checkers(config: Config, ways: Ways) -> dict[str, Checker]:
    """A checker for each rule."""
    return {rule: open_checker(config.checker, rule=rule, second_run=config.second_run) for rule in ways.rules}


def _inputs(config: Config) -> dict[str, Path]:
    model = local_path(config.model) if config.model else None
    named = {"model": model, "samples": config.samples, "errata": config.errata}
    return (
        benchmark_inputs(config.benchmark, config.root)
        | template_file(config.prompt)
        | {name: path for name, path in named.items() if path}
    )


def _problems(config: Config) -> dict[str, Problem]:
    found = load_problems(config.benchmark, root=config.root, shots=config.shots, rules=config.prompt_rules)
    problems = {problem.id: problem for problem in found[: config.limit]}
    if not problems:
        raise UsageError(f"benchmark {config.benchmark!r} has no problems")
    without = [p.id for p in problems.values() if not p.testbench]
    if without:
        raise UsageError(
            f"{len(without)} problems of {config.benchmark} have no testbench, the first is {without[0]!r}: "
            "they can be sampled and scored by syntax, not evaluated"
        )
    if config.prompt:  # in place of the benchmark's own
        return {name: msgspec.structs.replace(p, prompt="", system="") for name, p in problems.items()}
    return problems


def _refuse_unpublished(ways: Ways, problems: Mapping[str, Problem]) -> None:
    """Before a model is asked: what is official of problems of which nothing is published cannot be meant."""
    without = [p.id for p in problems.values() if p.procedure not in PROCEDURES]
    if without and "official" in ways.rules + ways.assemblies:
        raise UsageError(f"nothing is published of how problem {without[0]} is judged: leave out `official`")


def _excluded(config: Config, problems: Mapping[str, Problem]) -> Collection[str]:
    """The problems that the errata leave out, read before any work; they are of all problems, whatever --limit says."""
    if not config.errata:
        return ()
    every = {p.id: p for p in load_problems(config.benchmark, root=config.root)} if config.limit else problems
    return read_errata(config.errata, every, benchmark=config.benchmark)


def _drawn_elsewhere(config: Config, problems: Mapping[str, Problem]) -> list[Completion]:
    """The completions of --samples that belong to these problems."""
    if not config.samples:
        return []
    every = load_problems(config.benchmark, root=config.root) if config.limit else list(problems.values())
    found = [c for c in foreign.read_completions(config.samples, every) if c.problem_id in problems]
    without = foreign.missing(list(problems.values()), found)
    if without and (not config.partial or not found):
        raise UsageError(
            f"{config.samples} has no completion for {len(without)} of {len(problems)} problems, the first is "
            f"{without[0]!r}; with --partial the rates are over the others"
        )
    if without:
        progress.note(f"{len(without)} of {len(problems)} problems have no completion and are left out")
    return found


def _attempt_all(
    config: Config,
    ways: Ways,
    problems: Mapping[str, Problem],
    source: Iterable[Completion],
    checkers: Mapping[str, Checker],
    work: RunDir,
    total: int,
) -> None:
    """Make and judge the attempts that are owed; judging runs while sampling goes on."""
    attempts = work.done(Attempt)
    total *= len(ways.rules) * len(ways.assemblies)
    if len(attempts) >= total:
        return
    _say_what_confines(checkers)
    done = {attempt.key for attempt in attempts}
    results = judge(
        _owed(source, ways, done),
        problems,
        checkers,
        open_executor(config.executor),
        workers=config.workers,
        timeout_s=config.timeout_s,
        known={attempt.answer: attempt.verdict for attempt in attempts},
    )
    with progress.bar(f"evaluate {config.benchmark}", total, done=len(done)) as bar:
        work.keep(results, key=_name, advance=bar.add)


def _say_what_confines(checkers: Mapping[str, Checker]) -> None:
    for checker in checkers.values():
        warning = getattr(checker, "warning", None)
        if warning and (text := warning()):
            progress.note(text)
            return


def _open_model(config: Config) -> Model:
    return open_model_on(config.executor, config.model, batch_size=config.batch_size, replicas=config.replicas)


def _drawn_here(
    config: Config, ways: Ways, problems: Mapping[str, Problem], model: Callable[[], Model], work: RunDir
) -> Iterator[Completion]:
    """The completions of earlier attempts, then those that the model still owes, one temperature after the other."""
    before = [attempt.completion for attempt in work.done(Attempt)]
    kept = {(c.sampling.temperature, c.problem_id, c.index): c for c in before}
    yield from kept.values()
    template = Template(config.prompt or TEMPLATE)
    for sampling in ways.samplings:
        done = {key[1:] for key in kept if key[0] == sampling.temperature}
        if len(done) < len(problems) * sampling.n:
            yield from completed_or_empty(problems.values(), model(), template, sampling=sampling, done=done)


def _owed(completions: Iterable[Completion], ways: Ways, done: set[tuple[str, str, float, str, int]]) -> Iterator[Task]:
    for completion in completions:
        for rule in ways.rules:
            for assembly in ways.assemblies:
                key = (rule, assembly, completion.sampling.temperature, completion.problem_id, completion.index)
                if key not in done:
                    yield Task(completion, rule, assembly)


def _name(task: Task) -> str:
    said = task.completion
    return f"{said.problem_id} {said.index} {task.rule} {task.assembly} {said.sampling.temperature:g}"


def _own_judges(config: Config, problems: Mapping[str, Problem]) -> Judges | None:
    """Who looks at answers without the benchmark's help, if that is asked for. What they cannot read is refused now."""
    if not config.repair and not config.choose:
        return None
    judges = Judges()
    for problem in problems.values():
        judges.refuse(untold(problem))
    return judges


def _aid(
    config: Config,
    ways: Ways,
    problems: Mapping[str, Problem],
    checkers: Mapping[str, Checker],
    model: Callable[[], Model],
    work: RunDir,
    judges: Judges | None,
) -> None:
    """Repair what was drawn, and choose of it, if that is asked for."""
    if not judges:
        return
    rule = ways.rules[0]
    executor = open_executor(config.executor)
    court = aided.Court(rule, checkers[rule], executor, workers=config.workers, timeout_s=config.timeout_s)
    drawn = _of_first_way(work.done(Attempt), ways)
    if config.repair and len(aided.repaired_attempts(work)) < len(drawn):
        template = Template(config.prompt or TEMPLATE)
        mender = Mender(
            model(), template, judges, open_executor("pool"), config.workers, config.timeout_s, ways.assemblies[0]
        )
        aided.repair(work, drawn, problems, mender=mender, rounds=config.repair, court=court)
    if config.choose:
        aided.choose(work, drawn, problems, judges=judges, court=court)


def _of_first_way(attempts: Iterable[Attempt], ways: Ways) -> list[Attempt]:
    return [a for a in attempts if (a.rule, a.assembly) == (ways.rules[0], ways.assemblies[0])]


def _summary(
    config: Config,
    ways: Ways,
    problems: Mapping[str, Problem],
    completions: Sequence[Completion],
    checkers: Mapping[str, Checker],
    excluded: Collection[str],
    work: RunDir,
) -> EvaluateSummary:
    attempts = work.done(Attempt)
    order: list[tuple[str, str]] = [(rule, assembly) for rule in ways.rules for assembly in ways.assemblies]
    found = tally.settings(attempts, drawn_here=not completions)
    found.sort(key=lambda s: (order.index((s.rule, s.assembly)), s.temperature or 0.0))
    chosen, best_pass_at = tally.best(found, rule=ways.rules[0], assembly=ways.assemblies[0])
    corrected = tally.corrected(chosen, errata=str(config.errata), excluded=excluded) if config.errata else None
    sampling = next((s for s in ways.samplings if s.temperature == chosen.temperature), None)
    ours = _of_first_way(attempts, ways)
    kept = [a for a in ours if chosen.temperature in (None, a.completion.sampling.temperature)]
    written = foreign.write_published(
        work.path,
        list(problems.values()),
        [a.completion for a in kept],
        [a.verdict for a in kept],
        chosen.by_problem,
        samples=None if config.limit else config.samples,
    )
    return EvaluateSummary(
        output=str(work.out),
        model=config.model,
        samples=str(config.samples or ""),
        benchmark=config.benchmark,
        checker=checkers[ways.rules[0]].name,
        rule=chosen.rule,
        assembly=chosen.assembly,
        sampling=sampling or completions[0].sampling,
        problems=len(chosen.by_problem),
        completions=chosen.completions,
        syntax=chosen.syntax,
        function=chosen.function,
        pass_at=chosen.pass_at,
        best_pass_at=best_pass_at,
        statuses=chosen.statuses,
        by_problem=chosen.by_problem,
        settings=tuple(found),
        corrected=corrected,
        aided=tuple(_aided(config, ours, work)),
        written=tuple(map(str, written)),
    )


def _aided(config: Config, drawn: Sequence[Attempt], work: RunDir) -> Iterator[Aided]:
    """The numbers of what was repaired and of what was chosen, at each temperature."""
    found = {f"repair {config.repair}": aided.repaired_attempts(work) if config.repair else []}
    most = max(a.completion.index for a in drawn) + 1
    found[f"best of {most}"] = aided.chosen_attempts(work, drawn) if config.choose else []
    for how, attempts in found.items():
        alike = [msgspec.structs.replace(a, assembly=drawn[0].assembly) for a in attempts]  # repairs are parsed
        for setting in tally.settings(alike, drawn_here=not config.samples):
            yield Aided(how=how, setting=setting)

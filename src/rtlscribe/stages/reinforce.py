"""Train a language model on the verdicts of its own answers (GRPO). Draws, judges and learns; makes no problems."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal

from cyclopts import Parameter

from rtlscribe import progress, registry
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.executors.base import open_executor
from rtlscribe.flow import TIMEOUT_S, Answer, Attempt, Task, judge
from rtlscribe.options import Count, Positive
from rtlscribe.prompts import Template, template_file
from rtlscribe.records import Completion, Problem, Sampling, Verdict
from rtlscribe.report import card
from rtlscribe.report.runs import as_source
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import read_problems
from rtlscribe.scoring import COMPILED, score
from rtlscribe.summaries import ReinforceEntry, ReinforceSummary
from rtlscribe.training.rl_settings import ReinforceSettings

TRIES = 3  # of a check that its own tool broke, before the run stops


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config(ReinforceSettings):
    """Options of `rtlscribe train-grpo`."""

    data: Path
    """Problems with testbenches, such as the problems.jsonl of `rtlscribe data designs`."""

    model: str
    """Model folder, or the name of any causal model of transformers; one that passes now and then."""

    reward: Literal["passed", "graded"] = "passed"
    """passed: 1 if an answer passes, else 0. graded: as `score --rule function`, but 0 for what does not compile."""

    checker: str = "iverilog"
    """Who judges, with the strict rule and the second run on other stimulus."""

    timeout_s: Positive = TIMEOUT_S
    """Seconds that one check may take."""

    executor: str = "pool"
    """How checks are run: serial or pool."""

    workers: Count = 2
    """Checks at a time."""

    prompt: str = "rtlcoder"
    """Prompt template: a shipped name, or a path that ends in .jinja. Use the same for inference."""

    output: Path | None = None
    """Run folder; the trained model goes into its subfolder `model`."""

    fresh: bool = False
    """Start over instead of going on from the last checkpoint."""


def run(config: Config) -> ReinforceSummary:
    """Train a causal language model by reinforcement (GRPO): the reward of an answer is its verdict.

    Goes on from the last checkpoint when interrupted.
    """
    folder = config.output or default_folder("train-grpo", config.model)
    inputs = {"data": config.data} | template_file(config.prompt)
    if Path(config.model).exists():
        inputs["model"] = Path(config.model)
    checker = open_checker(config.checker)
    with RunDir.open(
        folder,
        stage="train-grpo",
        config=as_config(config),
        inputs=inputs,
        tools={"checker": checker.name},
        fresh=config.fresh,
    ) as work:
        if work.finished:
            return work.summary(ReinforceSummary)
        summary = _train(config, checker, work)
        card.write(as_source(work.manifest, folder), summary)
        work.finish(summary)
        shutil.rmtree(work.path / "checkpoints", ignore_errors=True)  # they hold the optimizer's state, and are large
    return summary


class Rewards:
    """Judges completions and says what each is worth; counts the verdicts since it was last asked for them."""

    def __init__(self, config: Config, problems: Mapping[str, Problem], checker: Checker, work: RunDir) -> None:
        self._config, self._problems, self._checker, self._work = config, problems, checker, work
        self._executor = open_executor(config.executor)
        self._known: dict[Answer, Verdict] = {}  # a model that has learnt says the same again and again
        self._counts: Counter[str] = Counter()

    def __call__(self, problem_ids: Sequence[str], texts: Sequence[str]) -> list[float | None]:
        """One reward a completion, in [0, 1]; None where the simulator cannot judge the answer.

        Raises:
            RtlscribeError: checks could not be made, after several tries: never a reward of 0.
        """
        said = [
            Completion(problem_id=i, index=k, text=text, model="", sampling=Sampling(), finish_reason="stop")
            for k, (i, text) in enumerate(zip(problem_ids, texts, strict=True))
        ]
        attempts = self._judge([Task(completion) for completion in said])
        self._counts.update(attempts[k].verdict.status for k in range(len(said)))
        return [self._worth(attempts[k]) for k in range(len(said))]

    def take_counts(self) -> dict[str, int]:
        """Verdicts since the last call, by status."""
        counts, self._counts = self._counts, Counter()
        return dict(sorted(counts.items()))

    def _judge(self, owed: list[Task]) -> dict[int, Attempt]:
        """The attempts by the completions' index."""
        found: dict[int, Attempt] = {}
        for _ in range(TRIES):
            broken = []
            for result in judge(
                owed,
                self._problems,
                {"strict": self._checker},
                self._executor,
                workers=self._config.workers,
                timeout_s=self._config.timeout_s,
                known=self._known,
            ):
                if result.value:
                    found[result.item.completion.index] = result.value
                    self._known[result.value.answer] = result.value.verdict
                else:
                    broken.append(result)
            if not broken:
                return found
            owed = [result.item for result in broken]
        with self._work.appending("failures.jsonl") as fail:
            for result in broken:
                error = f"{type(result.error).__name__}: {result.error}"
                fail({"key": result.item.completion.problem_id, "error": error})
        raise RtlscribeError(
            f"{len(broken)} answers could not be judged in {TRIES} tries, see {self._work.path / 'failures.jsonl'}; "
            "the same command goes on from the last checkpoint"
        )

    def _worth(self, attempt: Attempt) -> float | None:
        status = attempt.verdict.status
        if status == "unsupported":
            return None
        if self._config.reward == "passed":
            return float(status == "passed")
        if status not in COMPILED:  # no part of it for likeness alone, or a refused trick would earn most of that
            return 0.0
        problem = self._problems[attempt.candidate.problem_id]
        return score(attempt.candidate.code, attempt.verdict, reference=problem.reference, rule="function")


def _problems(config: Config) -> dict[str, Problem]:
    problems = {problem.id: problem for problem in read_problems(config.data)}
    for problem in problems.values():
        if config.checker == "iverilog" and not problem.testbench:
            raise UsageError(f"{config.data}: {problem.id!r} has no testbench, whose verdict would be the reward")
        if config.reward == "graded" and not problem.reference:
            raise UsageError(f"{config.data}: {problem.id!r} has no reference, which --reward graded compares with")
    return problems


def _train(config: Config, checker: Checker, work: RunDir) -> ReinforceSummary:
    problems = _problems(config)
    template = Template(config.prompt)
    with registry.extra("rl"):
        from rtlscribe.models.hf import load
        from rtlscribe.training import reinforce, trl

    model, tokenizer = load(config.model, dtype=trl.MASTER)
    ids, too_long = reinforce.prompts(problems.values(), tokenizer, template, max_tokens=config.max_prompt)
    if too_long:
        progress.note(f"train-grpo: left out {too_long} problems over --max-prompt {config.max_prompt} tokens")
    rewards = Rewards(config, problems, checker, work)
    begun = time.monotonic()
    told = max((entry.step for entry in work.done(ReinforceEntry)), default=0)
    with progress.bar("train-grpo", config.steps) as bar, work.appending() as append:

        def tell(step: int, logs: dict[str, float]) -> None:
            entry = _entry(step, logs, rewards.take_counts())
            if step > told:  # after an interruption, steps since the last checkpoint are made again
                append(entry)
            judged = sum(entry.verdicts.values())
            bar.say(f"reward {entry.reward:.3f}, {entry.verdicts.get('passed', 0)} of {judged} passed")
            bar.add(step - bar.done)

        place = work.path / "checkpoints"
        trained = reinforce.train(model, tokenizer, ids, config, place, reward=rewards, tell=tell)
        bar.add(config.steps - bar.done)
    trl.save(trained, tokenizer, work.path / "model")
    entries = work.done(ReinforceEntry)
    quarter = max(1, len(entries) // 4)
    return ReinforceSummary(
        output=str(work.path / "model"),
        problems=len(ids),
        dropped_too_long=too_long,
        steps=config.steps,
        completions=config.steps * config.batch_size * config.group,
        verdicts=dict(sum((Counter(entry.verdicts) for entry in entries), Counter())),
        seconds=round(time.monotonic() - begun, 1),
        first_reward=fmean(entry.reward for entry in entries[:quarter]),
        final_reward=fmean(entry.reward for entry in entries[-quarter:]),
    )


def _entry(step: int, logs: Mapping[str, float], verdicts: dict[str, int]) -> ReinforceEntry:
    if logs["reward"] is None:
        raise RtlscribeError(
            f"step {step}: none of {sum(verdicts.values())} answers could be judged (unsupported), so there is nothing "
            "to learn from; `rtlscribe audit` says which of the problems this simulator can run"
        )
    return ReinforceEntry(
        step=step,
        loss=logs["loss"],
        learning_rate=logs["learning_rate"],
        reward=logs["reward"],
        idle_share=logs["frac_reward_zero_std"],
        mean_tokens=logs["completions/mean_length"],
        cut_short=logs["completions/clipped_ratio"],
        verdicts=verdicts,
    )

"""Completions that others drew, read from their files, and results written in the benchmarks' own forms.

Read: VerilogEval v1's samples, our own completions and attempts, folders of RTLLM answers, build folders of VerilogEval
v2. A completion that belongs to no problem is an error, never passed over. Judges nothing.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from rtlscribe import jsonl
from rtlscribe.benchmarks.base import numbered_lines, read_text
from rtlscribe.benchmarks.rtllm import outermost, phantom_pass_at_k
from rtlscribe.errors import DataError, UsageError
from rtlscribe.metrics import pass_at_k
from rtlscribe.published import letter_of, result_text
from rtlscribe.records import Completion, Problem, Record, Sampling, Verdict
from rtlscribe.summaries import ProblemCount

Key = tuple[str, int]


class _Sample(Record, kw_only=True, forbid_unknown_fields=False):
    """A line of VerilogEval v1's samples."""

    task_id: str
    completion: str
    completion_id: int | str | None = None
    index: int | None = None


class _Attempt(msgspec.Struct):
    """What is read here of a line that `evaluate` wrote."""

    completion: Completion


class _Said(NamedTuple):
    """A completion before its index is known."""

    problem_id: str
    text: str


def read_completions(path: Path, problems: Sequence[Problem]) -> list[Completion]:
    """The completions of a file or folder, in its order.

    Of completions drawn elsewhere the index is the order of appearance in their problem, `model` is "file:<name>", and
    of the sampling only `n` is known. A file of our own keeps what it says.

    Raises:
        UsageError: it cannot be read, or holds nothing that is known.
        DataError: a line is wrong, belongs to no problem, or says a second time what another has said.
    """
    known = {problem.id: problem for problem in problems}
    if not path.is_dir():
        return _of_file(path, known)
    trials = _trials(path)
    said = _of_trials(trials, known) if trials else _of_build(path, known)
    if not said:
        raise UsageError(
            f"{path} holds no completions: folders t1, t2 ... of <design>.v are known, and build folders of "
            "VerilogEval v2 (Prob001_zero/Prob001_zero_sample01.sv)"
        )
    return _drawn_elsewhere(path, said)


def missing(problems: Sequence[Problem], completions: Iterable[Completion]) -> list[str]:
    """The ids of the problems that have no completion, in their order."""
    there = {completion.problem_id for completion in completions}
    return [problem.id for problem in problems if problem.id not in there]


# Files ------------------------------------------------------------------------------------------------------------


def _of_file(path: Path, known: Mapping[str, Problem]) -> list[Completion]:
    samples: list[_Said] = []
    own: dict[Key, Completion] = {}
    lines: dict[tuple[str, object], int] = {}
    for number, line in numbered_lines(path):
        keys = jsonl.decode(line, dict[str, msgspec.Raw], path=path, line=number).keys()
        again = False
        if "task_id" in keys:
            row = jsonl.decode(line, _Sample, path=path, line=number)
            samples.append(_Said(row.task_id, row.completion))
            problem_id, given = row.task_id, row.index if row.index is not None else row.completion_id
        else:
            completion = _own(line, keys, path, number)
            problem_id, given = completion.problem_id, completion.index
            # A run by two rules judges one completion twice, and that is no second completion.
            again = "verdict" in keys and own.get((problem_id, completion.index)) == completion
            own.setdefault((problem_id, completion.index), completion)
        if problem_id not in known:
            raise DataError(path, number, _no_problem(problem_id, known))
        first = lines.setdefault((problem_id, given), number) if given is not None else number
        if first != number and not again:
            raise DataError(path, number, f"completion {given} of {problem_id!r} stands in line {first} already")
    if samples and own:
        raise DataError(path, None, "some lines have a task_id and some a problem_id: one form a file")
    if not samples and not own:
        raise DataError(path, None, "no completions; expected one JSON object a line")
    return list(own.values()) or _drawn_elsewhere(path, samples)


def _own(line: bytes, keys: Collection[str], path: Path, number: int) -> Completion:
    if "verdict" in keys:
        return jsonl.decode(line, _Attempt, path=path, line=number).completion
    return jsonl.decode(line, Completion, path=path, line=number)


def _drawn_elsewhere(path: Path, said: Sequence[_Said]) -> list[Completion]:
    sampling = Sampling(n=max(Counter(each.problem_id for each in said).values()))
    counted: Counter[str] = Counter()
    completions = []
    for problem_id, text in said:
        completions.append(
            Completion(
                problem_id=problem_id,
                index=counted[problem_id],
                text=text,
                model=f"file:{path.name or path.resolve().name}",
                sampling=sampling,
                finish_reason="stop",
            )
        )
        counted[problem_id] += 1
    return completions


def _no_problem(problem_id: str, known: Mapping[str, Problem]) -> str:
    near = difflib.get_close_matches(problem_id, known, n=1)
    hint = f"the nearest is {near[0]!r}" if near else f"its problems are called like {next(iter(known), 'nothing')!r}"
    return f"no problem of this benchmark is called {problem_id!r}; {hint}"


# Folders ----------------------------------------------------------------------------------------------------------


def _trials(path: Path) -> list[Path]:
    """The folders t1, t2 ... in the order of their numbers; the folder itself where the answers lie in it."""
    numbered = [(int(m[1]), p) for p in path.iterdir() if p.is_dir() and (m := re.fullmatch(r"t(\d+)", p.name))]
    if numbered:
        return [p for _, p in sorted(numbered)]
    return [path] if any(path.glob("*.v")) else []


def _of_trials(trials: Sequence[Path], known: Mapping[str, Problem]) -> list[_Said]:
    """The answers of RTLLM's folders, each under the problem it is for.

    That is the one whose id is the file's name; else the one whose module is called like the file; else the one whose
    module is the file's outermost (calender.v is for calendar). Never by a part of a name.
    """
    said: list[_Said] = []
    lost: list[str] = []
    tops = {problem.top: problem.id for problem in known.values()}
    for trial in trials:
        files = {path: read_text(path) for path in sorted(trial.glob("*.v"))}
        taken: dict[str, Path] = {}
        for path, code in files.items():
            problem_id = path.stem if path.stem in known else tops.get(path.stem, "")
            if not problem_id:
                defined = [tops[name] for name in outermost(code) if name in tops]
                problem_id = defined[0] if len(defined) == 1 else ""
            if not problem_id:
                lost.append(f"{path.parent.name}/{path.name}: {_no_problem(path.stem, known)}, and no module tells")
            elif problem_id in taken:
                lost.append(f"{path.parent.name}/{path.name} is for {problem_id!r}, as is {taken[problem_id].name}")
            else:
                taken[problem_id] = path
                said.append(_Said(problem_id, code))
    if lost:
        more = f"; and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise DataError(trials[0].parent, None, f"{len(lost)} files cannot be told: {'; '.join(lost[:3])}{more}")
    return said


def _of_build(path: Path, known: Mapping[str, Problem]) -> list[_Said]:
    """The samples of a build folder of VerilogEval v2: the model's words where they were kept, else the extracted code.

    Extracted code is put in a fence, so that every assembly takes it whole, as the published one left it.
    """
    said: list[_Said] = []
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        pattern = re.compile(rf"{re.escape(folder.name)}_sample(\d+)(\.sv|_response\.txt)")
        samples: dict[int, Path] = {}
        for file in sorted(folder.iterdir()):  # "_response.txt" sorts after ".sv" and so replaces it
            if found := pattern.fullmatch(file.name):
                samples[int(found[1])] = file
        if samples and folder.name not in known:
            raise DataError(folder, None, _no_problem(folder.name, known))
        for _, file in sorted(samples.items()):
            text = read_text(file)
            said.append(_Said(folder.name, f"```\n{text.strip()}\n```\n" if file.suffix == ".sv" else text))
    return said


# Results ----------------------------------------------------------------------------------------------------------


def write_published(
    folder: Path,
    problems: Sequence[Problem],
    completions: Sequence[Completion],
    verdicts: Sequence[Verdict],
    counts: Sequence[ProblemCount],
    *,
    samples: Path | None = None,
) -> list[Path]:
    """Write results as the tools of the benchmark do that the problems are of; the paths of what was written.

    `samples` is the whole file that the completions may be from: VerilogEval v1's results go beside it, as its own
    script writes them, else like all others into `folder`.
    """
    order = {problem.id: place for place, problem in enumerate(problems)}
    said = sorted(completions, key=lambda c: (order[c.problem_id], c.index))
    match {problem.procedure for problem in problems}:
        case procedures if procedures == {"verilog-eval-1"}:
            if samples and samples.is_file() and said[0].model.startswith("file:"):
                return [_write_results_of(samples, read_completions(samples, problems), verdicts, folder)]
            path = folder / "samples.jsonl"
            write_samples(path, said)
            write_results(results_path(path), said, verdicts)
            return [path, results_path(path)]
        case procedures if procedures == {"verilog-eval-2"}:
            write_summary(folder / "summary.csv", verdicts)
            return [folder / "summary.csv"]
        case procedures if procedures == {"rtllm"}:
            write_counts(folder / "counts.txt", counts)
            return [folder / "counts.txt"]
        case _:
            return []


def _write_results_of(
    samples: Path, completions: Sequence[Completion], verdicts: Sequence[Verdict], folder: Path
) -> Path:
    path = results_path(samples)
    try:
        write_results(path, completions, verdicts, samples=samples)
    except UsageError:  # a folder that is not ours to write
        path = folder / path.name
        write_results(path, completions, verdicts, samples=samples)
    return path


def write_samples(path: Path, completions: Iterable[Completion]) -> int:
    """VerilogEval v1's samples: a line `{"task_id", "completion"}` each, in the order given. Returns their number."""
    return _write_lines(path, ({"task_id": c.problem_id, "completion": c.text} for c in completions))


def write_results(
    path: Path, completions: Sequence[Completion], verdicts: Iterable[Verdict], *, samples: Path | None = None
) -> int:
    """VerilogEval v1's results: the samples with "result" and "passed" added, in their order. Returns their number.

    `samples` is the file that the completions were read from: then each line is that file's own object. Completions
    without a verdict are left out.

    Raises:
        DataError: `samples` is not in the form of VerilogEval v1, or its lines are not these completions.
    """
    rows: list[dict[str, Any]] = [{"task_id": c.problem_id, "completion": c.text} for c in completions]
    if samples:
        rows = [jsonl.decode(line, dict[str, Any], path=samples, line=n) for n, line in numbered_lines(samples)]
        if [row.get("task_id") for row in rows] != [c.problem_id for c in completions]:
            raise DataError(
                samples, None, "its lines are not, with task_id and completion, the samples that were judged"
            )
    judged = {(v.problem_id, v.index): v for v in verdicts}
    pairs = ((row, judged.get((c.problem_id, c.index))) for row, c in zip(rows, completions, strict=True))
    return _write_lines(path, (row | _result(verdict) for row, verdict in pairs if verdict))


def _result(verdict: Verdict) -> dict[str, Any]:
    text = result_text(verdict)
    return {"result": text, "passed": text == "passed"}


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    # json, not msgspec: its blanks and escapes are those of the published files.
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    jsonl.replace(path, lines)
    return len(lines)


def results_path(samples: Path) -> Path:
    """Where the official script writes the results of a samples file."""
    return samples.with_name(f"{samples.name}_results.jsonl")


def write_summary(path: Path, verdicts: Iterable[Verdict]) -> int:
    """VerilogEval v2's summary.csv, a line a problem: its passes, samples, rate, and a letter a sample.

    As sv-iv-analyze writes it: "?" for a sample that is not there, the rate cut to whole percents. Returns the number
    of problems.
    """
    letters: dict[str, dict[int, str]] = {}
    for verdict in verdicts:
        letters.setdefault(verdict.problem_id, {})[verdict.index] = letter_of(verdict)
    lines = []
    for problem_id, found in sorted(letters.items()):
        row = [found.get(index, "?") for index in range(max(found) + 1)]
        passed = row.count(".")
        rate = int((passed / len(row)) * 100) / 100.0
        lines.append(f"{problem_id},{passed},{len(row)},{rate},{','.join(row)}\n".encode())
    jsonl.replace(path, lines)
    return len(lines)


def write_counts(path: Path, counts: Sequence[ProblemCount], *, k: int = 1) -> None:
    """RTLLM's results: what auto_run.py prints, and below it pass@k without the failing design that it adds.

    `syntax` of a count is its syntax_success, `function` its func_success. A design of which there are fewer
    completions than of another counts as that many, as in the script.
    """
    n = max(count.n for count in counts)
    syntax = [(n, count.syntax) for count in counts]
    function = [(n, count.function) for count in counts]
    printed = {c.id: {"syntax_success": c.syntax, "func_success": c.function} for c in counts}
    lines = [
        str(printed),
        f"syntax pass@{k}: {phantom_pass_at_k(syntax, k)},   func pass@{k}: {phantom_pass_at_k(function, k)}",
        f"total_syntax_success: {sum(c.syntax > 0 for c in counts)}/{len(counts)}",
        f"total_func_success: {sum(c.function > 0 for c in counts)}/{len(counts)}",
        f"without the added design: syntax pass@{k}: {_mean(syntax, k)},   func pass@{k}: {_mean(function, k)}",
    ]
    jsonl.replace(path, [f"{line}\n".encode() for line in lines])


def _mean(counts: Sequence[tuple[int, int]], k: int) -> float:
    return sum(pass_at_k(n, passed, k) for n, passed in counts) / len(counts)

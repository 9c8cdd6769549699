"""VerilogEval v1 (Human, Machine) and v2 (spec-to-rtl, code-complete) from the user's checkout of NVlabs/verilog-eval.

Problems as published: nothing is repaired or left out. The words of v2's prompts are read out of the checkout's own
script; how they are put together is written here. Runs nothing of the checkout.
"""

from __future__ import annotations

import ast
import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

from rtlscribe import jsonl
from rtlscribe.benchmarks.base import Source, numbered_lines, read_text
from rtlscribe.errors import DataError, UsageError
from rtlscribe.records import Problem, Record

_REPOSITORY = "https://github.com/NVlabs/verilog-eval"
_VARIABLE = "RTLSCRIBE_VERILOG_EVAL"
_V1 = Source(_REPOSITORY, "release/1.0.0", _VARIABLE)
_V2 = Source(_REPOSITORY, "main", _VARIABLE)

PASS_PATTERN = r"Mismatches: 0 in (?P<samples>\d+) samples"


def branch_of(root: Path) -> str:
    """The branch that a folder looks like; of v1 its data folder, or its files side by side, will do."""
    if any(root.glob("dataset_*/problems.txt")):
        return _V2.branch
    if any(_find(root, f"VerilogEval_{name}.jsonl") for name in ("Human", "Machine")):
        return _V1.branch
    return ""


class _Row(Record, kw_only=True, forbid_unknown_fields=False):
    task_id: str
    prompt: str
    canonical_solution: str
    test: str


class _Description(Record, kw_only=True, forbid_unknown_fields=False):
    task_id: str
    detail_description: str


class _V1Set:
    """The problems of one file, in its order."""

    source = _V1
    has_shots = False
    has_rules = False
    name: str

    def branch_of(self, root: Path) -> str:
        return branch_of(root)

    def inputs(self, root: Path | None) -> dict[str, Path]:
        return {kind: _file(root, f"{kind}_{self.name}.jsonl") for kind in ("VerilogEval", "VerilogDescription")}

    def load(self, root: Path | None, *, shots: int, rules: bool) -> list[Problem]:
        files = self.inputs(root)
        path = files["VerilogDescription"]
        described = {
            row.task_id: row.detail_description
            for row in (jsonl.decode(text, _Description, path=path, line=n) for n, text in numbered_lines(path))
        }
        path = files["VerilogEval"]
        problems: dict[str, Problem] = {}
        for number, text in numbered_lines(path):
            row = jsonl.decode(text, _Row, path=path, line=number)
            if row.task_id not in described:
                raise DataError(path, number, f"{row.task_id!r} has no description in {files['VerilogDescription']}")
            if row.task_id in problems:
                raise DataError(path, number, f"the task_id {row.task_id!r} stands there twice")
            problems[row.task_id] = Problem(
                id=row.task_id,
                text=described[row.task_id],
                header=row.prompt,
                reference=f"{row.prompt}\n{row.canonical_solution}",
                testbench=row.test,
                pass_pattern=PASS_PATTERN,
                top="top_module",
                procedure="verilog-eval-1",
            )
        return list(problems.values())


class Human(_V1Set):
    """VerilogEval v1, 156 problems whose descriptions people wrote."""

    name = "Human"


class Machine(_V1Set):
    """VerilogEval v1, 143 problems whose descriptions a model wrote."""

    name = "Machine"


def _find(root: Path, name: str) -> Path | None:
    beside = [root.parent / "descriptions"] if root.name == "data" else []
    for folder in (root, root / "data", root / "descriptions", *beside):
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    return None


def _file(root: Path | None, name: str) -> Path:
    assert root is not None
    path = _find(root, name)
    if path is None:
        raise UsageError(f"{root} has no {name} (nor {name}.gz), not in data or descriptions either: {_V1.remedy}")
    return path


class _V2Set(ABC):
    """The problems of one dataset folder, in the order of its problems.txt; other files there are no problems."""

    source = _V2
    has_shots = True
    has_rules = False
    task: str

    def branch_of(self, root: Path) -> str:
        return branch_of(root)

    def inputs(self, root: Path | None) -> dict[str, Path]:
        assert root is not None
        return {"dataset": root / f"dataset_{self.task}", "scripts": root / "scripts"}

    def load(self, root: Path | None, *, shots: int, rules: bool) -> list[Problem]:
        files = self.inputs(root)
        words = _words(files["scripts"] / "sv-generate", self.task)
        examples = _examples(files["scripts"], self.task, shots)
        listed = read_text(files["dataset"] / "problems.txt").split()
        return [self._problem(files["dataset"], name, words, examples, rules) for name in listed]

    def _problem(self, folder: Path, name: str, words: _Words, examples: str, rules: bool) -> Problem:
        question = _as_python_reads(folder / f"{name}_prompt.txt")
        reference = read_text(folder / f"{name}_ref.sv")
        return Problem(
            id=name,
            text=self.text(question),
            header=self.header(folder, name),
            reference=re.sub(r"\bRefModule\b", "TopModule", reference),
            testbench=read_text(folder / f"{name}_test.sv") + "\n" + reference,
            pass_pattern=PASS_PATTERN,
            top="TopModule",
            prompt=examples + self.prompt(question, words, rules),
            system=words.system,
            procedure="verilog-eval-2",
        )

    @abstractmethod
    def text(self, question: str) -> str:
        """What to build, without the module's header."""

    @abstractmethod
    def header(self, folder: Path, name: str) -> str:
        """The module's header where the task gives it, exactly as its file has it."""

    @abstractmethod
    def prompt(self, question: str, words: _Words, rules: bool) -> str:
        """What sv-generate sends after the examples."""


class SpecToRtl(_V2Set):
    """VerilogEval v2, 156 specifications that name the interface in words."""

    task = "spec-to-rtl"
    has_rules = True

    def text(self, question: str) -> str:
        return question.strip()

    def header(self, folder: Path, name: str) -> str:
        return ""

    def prompt(self, question: str, words: _Words, rules: bool) -> str:
        asked = f"\nQuestion:\n{question.strip()}\n" + (words.rules if rules else "")
        return f"{asked.rstrip()}\n{words.no_explanation}\nAnswer:\n"


class CodeComplete(_V2Set):
    """VerilogEval v2, 156 descriptions that end in the module's header."""

    task = "code-complete-iccad2023"

    def text(self, question: str) -> str:
        return question.partition("module TopModule")[0].strip()

    def header(self, folder: Path, name: str) -> str:
        return _as_python_reads(folder / f"{name}_ifc.txt")

    def prompt(self, question: str, words: _Words, rules: bool) -> str:
        lines: list[str] = []
        described = True
        for line in question.splitlines():
            if "module TopModule" in line:
                lines.append("")
                described = False
            lines.append(f"// {line}" if described else line)
        return words.prefix + "\n".join(lines)


class _Words(NamedTuple):
    """What scripts/sv-generate puts around a question."""

    system: str
    prefix: str
    rules: str
    no_explanation: str


def _words(script: Path, task: str) -> _Words:
    """The script's string constants, parsed and not run.

    Raises:
        UsageError: the script cannot be read. DataError: it does not have them.
    """
    try:
        body = ast.parse(_as_python_reads(script)).body
        values: dict[str, object] = {
            ast.unparse(node.targets[0]): ast.literal_eval(node.value)
            for node in body
            if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Constant, ast.Dict))
        }
        said = values[f"prompts['{task}']"]
        found = _Words(
            said["system_msg"],  # type: ignore[index]  # whatever has no such parts is refused below
            said["prompt_prefix"],  # type: ignore[index]
            values["prompt_rules_suffix"],  # type: ignore[arg-type]
            values["prompt_no_explain_suffix"],  # type: ignore[arg-type]
        )
    except (SyntaxError, ValueError, KeyError, TypeError) as error:
        raise DataError(script, None, f"the words of the {task} prompt are not where they were: {error}") from error
    if not all(isinstance(part, str) for part in found):
        raise DataError(script, None, f"the words of the {task} prompt are no texts")
    return found


def _examples(scripts: Path, task: str, shots: int) -> str:
    if not shots:
        return ""
    path = scripts / f"verilog-example-prefix_{task}_{shots}-shot.txt"
    if not path.is_file():
        there = sorted(
            found[1] for p in scripts.glob("*") if (found := re.fullmatch(rf".*_{task}_(\d+)-shot\.txt", p.name))
        )
        raise UsageError(f"--shots {shots}: {path} is not there; there are examples for: {', '.join(there) or 'none'}")
    return _as_python_reads(path)


def _as_python_reads(path: Path) -> str:
    """Text with its line ends made line feeds: so the published script, which opens files as text, sends it."""
    return read_text(path).replace("\r\n", "\n").replace("\r", "\n")

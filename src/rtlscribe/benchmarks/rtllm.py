"""RTLLM 1.0, 1.1 and 2.0 from the user's checkout of hkust-zhiyao/RTLLM: a folder a design, found by its files.

Problems as published, but for names: the description, the testbench, the reference and the folder of one design do not
always agree on what the module is called. The description's name is what answers are asked for, so it is `top`; in the
testbench and the reference their own name is replaced by it, and answers stay as they are. Which names those are is
read from the files. Repairs no testbench: some accept anything, some accept nothing (see docs/benchmarks.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyslang

from rtlscribe.benchmarks.base import Source, read_text
from rtlscribe.errors import DataError
from rtlscribe.metrics import pass_at_k
from rtlscribe.published import note_of_renaming
from rtlscribe.records import Problem
from rtlscribe.verilog.extract import blank, module_names

_REPOSITORY = "https://github.com/hkust-zhiyao/RTLLM"
_VARIABLE = "RTLSCRIBE_RTLLM"
_DESCRIPTION = "design_description.txt"

PASS_PATTERN = "[Pp]ass"
_NAME_ASKED_FOR = re.compile(r"module\s+name\s*:\s*([A-Za-z_]\w*)", re.IGNORECASE)
_FAILURE = re.compile("fail|error", re.IGNORECASE)
_VERIFIED = "verified_"


def branch_of(root: Path) -> str:
    """The branch that a folder looks like: flat or in categories, with testbenches of `verified_` modules or not."""
    folders = _designs(root)
    if not folders:
        return ""
    if any(folder.parent != root for folder in folders):
        return "main"
    named = any(_read(read_text(folder / "testbench.v")).instantiated.startswith(_VERIFIED) for folder in folders)
    return "v1.0" if named else "v1.1"


class _Rtllm:
    """The designs of a checkout, by name; the folder's name is the problem's id."""

    source: Source
    has_shots = False
    has_rules = False

    def branch_of(self, root: Path) -> str:
        return branch_of(root)

    def inputs(self, root: Path | None) -> dict[str, Path]:
        """The folders at the root that hold designs: each design, or each category."""
        assert root is not None
        names = sorted({folder.relative_to(root).parts[0] for folder in _designs(root)})
        return {name: root / name for name in names}

    def load(self, root: Path | None, *, shots: int, rules: bool) -> list[Problem]:
        assert root is not None
        problems = [_problem(folder) for folder in _designs(root)]
        return sorted(problems, key=lambda problem: problem.id)


class Rtllm10(_Rtllm):
    """RTLLM 1.0: 29 designs, whose testbenches instantiate the reference's name."""

    source = Source(_REPOSITORY, "v1.0", _VARIABLE)


class Rtllm11(_Rtllm):
    """RTLLM 1.1: 29 designs, two of them other than those of 1.0, with better testbenches."""

    source = Source(_REPOSITORY, "v1.1", _VARIABLE)


class Rtllm20(_Rtllm):
    """RTLLM 2.0: 50 designs in categories."""

    source = Source(_REPOSITORY, "main", _VARIABLE)


def phantom_pass_at_k(counts: Sequence[tuple[int, int]], k: int) -> float:
    """pass@k as auto_run.py prints it, from completions and passes of each design.

    The script adds a design that always fails: the sum over the designs divided by one more than there are.

    Raises:
        ValueError: k is larger than the number of completions of a design.
    """
    return sum(pass_at_k(n, passed, k) for n, passed in counts) / (len(counts) + 1)


def outermost(code: str) -> list[str]:
    """The modules of a text that it names once: where they are defined, so none of it instantiates them."""
    visible = blank(code)
    names = dict.fromkeys(module_names(code))
    return [name for name in names if len(re.findall(rf"\b{re.escape(name)}\b", visible)) == 1]


def _designs(root: Path) -> list[Path]:
    """The folders with a description and a testbench, three levels deep at most (Category/Sub/design)."""
    found = [p.parent for depth in ("*", "*/*", "*/*/*") for p in root.glob(f"{depth}/{_DESCRIPTION}")]
    return [folder for folder in found if (folder / "testbench.v").is_file()]


def _problem(folder: Path) -> Problem:
    testbench = read_text(folder / "testbench.v")
    text = read_text(folder / _DESCRIPTION)
    instantiated, strings = _read(testbench)
    asked_for = _NAME_ASKED_FOR.search(text)
    top = asked_for[1] if asked_for else instantiated.removeprefix(_VERIFIED)
    if instantiated and instantiated != top:
        testbench = _renamed(testbench, instantiated, top)
        # Of 1.0 the authors renamed the answers; elsewhere one that does as it is asked fails, officially.
        if not instantiated.startswith(_VERIFIED):
            testbench = f"{testbench.rstrip()}\n{note_of_renaming(instantiated, top)}\n"
    return Problem(
        id=folder.name,
        text=text.strip(),
        reference=_reference(folder, instantiated, top),
        testbench=testbench,
        pass_pattern=PASS_PATTERN,
        fail_patterns=_fail_patterns(strings),
        top=top,
        files=_data_files(folder, strings),
        procedure="rtllm",
    )


class _Reading(NamedTuple):
    """What there is in a testbench: the design it instantiates ("" if none), and the strings outside comments."""

    instantiated: str
    strings: tuple[str, ...]


def _read(testbench: str) -> _Reading:
    sources = pyslang.SourceManager()
    tree = pyslang.syntax.SyntaxTree.fromBuffer(sources.assignText("testbench.v", testbench), sources)
    modules: list[str] = []
    strings: list[str] = []

    def visit(node: Any) -> None:
        if node.kind == pyslang.parsing.TokenKind.StringLiteral:
            strings.append(node.valueText)
        elif node.kind == pyslang.syntax.SyntaxKind.HierarchyInstantiation:
            modules.append(node.type.valueText)

    tree.root.visit(visit)
    defined = module_names(testbench)
    return _Reading(next((name for name in modules if name not in defined), ""), tuple(dict.fromkeys(strings)))


def _reference(folder: Path, instantiated: str, top: str) -> str:
    """The verified design under the name `top`, whatever its own is: multi_pipe for multi_pipe_4bit, say.

    Raises:
        DataError: there is not one file, or none of its modules is the outermost.
    """
    paths = sorted(folder.glob(f"{_VERIFIED}*.v"))
    if len(paths) != 1:
        raise DataError(folder, None, f"one {_VERIFIED}*.v is expected, there are {len(paths)}")
    code = read_text(paths[0])
    names = module_names(code)
    wanted = [name for name in (instantiated, top, f"{_VERIFIED}{top}") if name in names][:1] or outermost(code)
    if len(wanted) != 1:
        raise DataError(paths[0], None, f"which of the modules is {top!r}? There are: {', '.join(names) or 'none'}")
    return _renamed(code, wanted[0], top)


def _renamed(code: str, old: str, new: str) -> str:
    """The code with one identifier replaced, but not in comments and strings."""
    if old == new:
        return code
    visible = blank(code)
    for found in reversed(list(re.finditer(rf"(?<![\w$`]){re.escape(old)}(?![\w$])", visible))):
        code = code[: found.start()] + new + code[found.end() :]
    return code


def _fail_patterns(strings: Sequence[str]) -> tuple[str, ...]:
    """What the testbench says of a failure: some say it and "Passed" in one run (multi_16bit of 1.0, ring_counter).

    Words after a number are left out: "completed with %d failures" is said of none as well.
    """
    starts = (re.split(r"[%\n]", text)[0].strip() for text in strings if not re.search(PASS_PATTERN, text))
    return tuple(dict.fromkeys(re.escape(start) for start in starts if _FAILURE.search(start)))


def _data_files(folder: Path, strings: Sequence[str]) -> dict[str, str]:
    """The files beside the testbench that it names, such as the stimulus that it reads."""
    names = sorted(name for name in strings if name == Path(name).name and (folder / name).is_file())
    return {name: read_text(folder / name) for name in names}

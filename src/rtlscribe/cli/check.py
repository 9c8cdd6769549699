"""Judge a file of the user's: syntax, compilation, and what it does, as far as the user says what it should do.

Tells what was checked and what was not. Changes nothing.
"""

from __future__ import annotations

import re
import time
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import msgspec
from cyclopts import Parameter

from rtlscribe.benchmarks.base import read_text
from rtlscribe.checkers.base import Checker, open_checker
from rtlscribe.errors import MissingToolError, UsageError
from rtlscribe.options import Positive
from rtlscribe.records import Candidate, Problem, Record, Verdict
from rtlscribe.writing.judging import READER, Accept, Reader, Remark, refuse_alone, user_problem

NO_FUNCTION = "what it does: --testbench T.v simulates it, --against REF.v compares it with a reference"


@Parameter(name="*")
@dataclass(frozen=True)
class Config:
    """Options of `rtlscribe check`."""

    file: Path
    """The Verilog to judge."""

    _: KW_ONLY

    testbench: Path | None = None
    """A testbench that instantiates the module, to simulate with."""

    pass_pattern: str | None = None
    """What the testbench prints when all is well, a regular expression; by default passed, and nothing of failures."""

    against: Path | None = None
    """A reference that the module has to be equivalent to: proved with Yosys, not simulated."""

    accept: Accept = "k-step"
    """The least that --against is content with: a proof, no difference in the first cycles, or random simulation."""

    checker: str | None = None
    """Only this judge, for example verilator for lint; by default pyslang and iverilog, and yosys with --against."""

    top: str | None = None
    """The module to judge, where the file has several that no other instantiates."""

    timeout_s: Positive = 30.0
    """Seconds that each judge may take."""


class Checked(Record, kw_only=True):
    """What was found. `passed`: every verdict is. `not_checked` is what the verdicts say nothing about."""

    file: str
    top: str
    passed: bool
    remarks: tuple[Remark, ...]
    verdicts: tuple[Verdict, ...]
    not_checked: tuple[str, ...]


def run(config: Config) -> Checked:
    """Judge a Verilog file: does it compile, pass a testbench, equal a reference?

    Tells errors and warnings by line, the verdict of each judge, and what was not checked. Exit status 0 if all of them
    pass, 1 if not; what cannot be decided does not pass.
    """
    code = read_text(config.file)
    problem = _problem(config, code)
    refuse_alone(config.checker or "", problem)
    reader = Reader()
    reader.warn()
    candidate = Candidate(problem_id=problem.id, index=0, code=code, assembly="modules")
    judges, missing = _judges(config)
    verdicts = [judge.check(candidate, problem, timeout_s=config.timeout_s) for judge in judges]
    remarks: tuple[Remark, ...] = ()
    if not config.checker:
        begun = time.monotonic()
        judged, found = reader.read(code, top=problem.top)
        verdicts.insert(0, judged.verdict(candidate, problem, checker=READER, begun=begun))
        remarks = tuple(Remark(line=d.line, severity=d.severity, text=d.text) for d in found.diagnostics)
    function = [] if config.testbench or config.against else [NO_FUNCTION]
    return Checked(
        file=str(config.file),
        top=problem.top,
        passed=all(verdict.status == "passed" for verdict in verdicts),
        remarks=remarks,
        verdicts=tuple(verdicts),
        not_checked=(*missing, *function),
    )


def as_text(checked: Checked) -> str:
    """The result for people: remarks as compilers write them, the verdict, and who says what."""
    lines = [f"{checked.file}:{remark.line}: {remark.severity}: {remark.text}" for remark in checked.remarks]
    module = f" (module {checked.top})" if checked.top else ""
    lines.append(f"{'passed' if checked.passed else 'not passed'}: {checked.file}{module}")
    for verdict in checked.verdicts:
        detail = re.sub(r"^line (?=\d+:)", f"{checked.file}:", verdict.detail, flags=re.MULTILINE)
        first, *more = detail.splitlines() or [""]
        lines.append(f"  {verdict.checker:<16} {verdict.status:<13} {first}".rstrip())
        lines += [f"{'':<33}{line}" for line in more]
    lines += [f"  not checked: {what}" for what in checked.not_checked]
    return "\n".join(lines)


def _problem(config: Config, code: str) -> Problem:
    """What the file has to be, as far as the user tells."""
    problem = user_problem(
        "",
        reference=read_text(config.against) if config.against else "",
        testbench=read_text(config.testbench) if config.testbench else "",
        pass_pattern=config.pass_pattern,
    )
    return msgspec.structs.replace(problem, id=str(config.file), top=_top(config, code))


def _top(config: Config, code: str) -> str:
    """The module to judge: the one that is named, else the only one that no other instantiates."""
    from rtlscribe.verilog.extract import blank, module_names

    names = module_names(code)
    if config.top:
        if names and config.top not in names:
            raise UsageError(f"--top {config.top}: {config.file} has no such module; there are: {', '.join(names)}")
        return config.top
    visible = blank(code)
    tops = [name for name in dict.fromkeys(names) if len(re.findall(rf"\b{re.escape(name)}\b", visible)) == 1]
    if len(tops) > 1 and (config.testbench or config.against):
        raise UsageError(f"{config.file} has several modules that none instantiates: --top {' or '.join(tops)}?")
    return tops[0] if len(tops) == 1 else ""


def _judges(config: Config) -> tuple[list[Checker], list[str]]:
    """Who judges besides pyslang, and what there is no one for."""
    if config.checker and not config.checker.startswith("yosys"):
        return [open_checker(config.checker)], []
    judges: list[Checker] = []
    missing = []
    if not config.checker:
        try:
            judges.append(open_checker("iverilog"))
        except MissingToolError as error:
            if config.testbench:
                raise
            missing.append(f"whether Icarus compiles it: {error}")
    if config.against:
        from rtlscribe.checkers.yosys import YosysChecker

        judges.append(YosysChecker(accept="proved" if config.checker == "yosys-proved" else config.accept))
    return judges, missing

"""A benchmark of one's own: a repository with a folder a problem, of task.txt, reference.v and testbench.v."""

from pathlib import Path

from rtlscribe.benchmarks.base import Source, read_text
from rtlscribe.errors import DataError
from rtlscribe.records import Problem
from rtlscribe.verilog.header import find_header


class OurProblems:
    """Each testbench instantiates the reference's module, and prints `@NONCE@ passed` when all is well."""

    source = Source("https://git.example.com/our-problems", "main", "OUR_PROBLEMS")
    has_shots = False
    has_rules = False

    def branch_of(self, root: Path) -> str:
        return "main" if any(root.glob("*/task.txt")) else ""

    def inputs(self, root: Path | None) -> dict[str, Path]:
        return {folder.name: folder for folder in self._folders(root)}

    def load(self, root: Path | None, *, shots: int, rules: bool) -> list[Problem]:
        return [self._problem(folder) for folder in self._folders(root)]

    def _folders(self, root: Path | None) -> list[Path]:
        assert root is not None  # there is a source
        return sorted(task.parent for task in root.glob("*/task.txt"))

    def _problem(self, folder: Path) -> Problem:
        reference = read_text(folder / "reference.v")
        header = find_header(reference)
        if not header:
            raise DataError(folder / "reference.v", None, "no module header; wanted the module that answers have to be")
        return Problem(
            id=folder.name,
            text=read_text(folder / "task.txt"),
            header=header.text,
            reference=reference,
            testbench=read_text(folder / "testbench.v"),
            pass_pattern="^@NONCE@ passed$",
            top=header.name,
        )

"""Copy the prompts for a teacher into a folder, to be edited and given back with --prompts. Asks nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from rtlscribe import jsonl
from rtlscribe.errors import UsageError
from rtlscribe.prompts.teacher import VARIABLES, shipped


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `rtlscribe data prompts`."""

    output: Path = Path("prompts")
    """Folder to write the templates to; files that are there are left as they are."""


def run(config: Config = Config()) -> str:  # cyclopts wants a default where all fields have one
    """Copy the prompts for a teacher into a folder: edit some, delete the others, and give the folder to --prompts."""
    if config.output.exists() and not config.output.is_dir():
        raise UsageError(f"{config.output} is no folder; choose another --output")
    lines = []
    for name, variables in VARIABLES.items():
        path = config.output / f"{name}.jinja"
        if not path.exists():
            jsonl.replace(path, [shipped(name).encode()])
        lines.append(f"{path}: is given {', '.join(variables) or 'nothing'}")
    return "\n".join(lines)

"""The prompts for a teacher: one template a kind of question, shipped, and each replaceable by a file.

Does not ask anyone.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from rtlscribe.errors import UsageError

_SHIPPED = resources.files("rtlscribe.prompts") / "teaching"

# What each template is given.
VARIABLES: dict[str, tuple[str, ...]] = {
    "system": (),
    "keywords_root": (),
    "keywords_branch": ("keyword", "path"),
    "instruction": ("topics", "reasoning"),
    "same_function": ("instructions", "reasoning"),
    "same_hardware": ("instructions", "reasoning"),
    "parallel": ("instructions", "reasoning"),
    "serial": ("instructions", "reasoning"),
    "answer": ("instruction", "header"),
}


def shipped(name: str) -> str:
    """The text of a shipped template."""
    return (_SHIPPED / f"{name}.jinja").read_text(encoding="utf-8")


class Prompts:
    """The templates of a folder, NAME.jinja; those it does not have are the shipped ones.

    Raises:
        UsageError: the folder is not there, has no such file or one of an unknown name, or one that is not valid Jinja.
    """

    def __init__(self, folder: Path | None = None) -> None:
        own = _own(folder) if folder else {}
        environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined, keep_trailing_newline=False, trim_blocks=True, lstrip_blocks=True
        )
        texts = {name: own.get(name) or shipped(name) for name in VARIABLES}
        self.version = hashlib.sha256("\0".join(texts.values()).encode()).hexdigest()[:12]
        self._templates = {}
        for name, text in texts.items():
            try:
                self._templates[name] = environment.from_string(text)
            except jinja2.TemplateSyntaxError as error:
                raise UsageError(f"{folder}/{name}.jinja, line {error.lineno}: {error.message}") from error

    def render(self, name: str, **values: Any) -> str:
        """A prompt; `values` are those of VARIABLES.

        Raises:
            UsageError: the template uses a name that it is not given, or fails in another way.
        """
        try:
            return self._templates[name].render(**values).strip("\n")
        except Exception as error:  # whatever a template of the user's does
            given = ", ".join(VARIABLES[name]) or "nothing"
            raise UsageError(f"prompt template {name}.jinja: {error}; it is given: {given}") from error


def _own(folder: Path) -> dict[str, str]:
    """The user's templates by name."""
    try:
        texts = {p.stem: p.read_text(encoding="utf-8") for p in sorted(folder.iterdir()) if p.suffix == ".jinja"}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--prompts {folder}: cannot be read: {error}") from error
    unknown = sorted(texts.keys() - VARIABLES.keys())
    if unknown or not texts:
        what = f"{unknown[0]}.jinja is no template that is asked for" if unknown else "holds no template"
        raise UsageError(
            f"--prompts {folder}: {what}; there are {', '.join(f'{n}.jinja' for n in VARIABLES)}. "
            "`rtlscribe data prompts DIR` writes the shipped ones to begin with"
        )
    return texts

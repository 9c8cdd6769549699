"""The words of the transformer: a system and a user prompt for each pair of fields, shipped, or from a folder of files.

Does not ask a model.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import jinja2
from jinja2 import nodes

from rtlscribe.errors import UsageError

_SHIPPED = resources.files("rtlscribe.prompts") / "transform"
PARTS = ("system", "user")
_PUT_IN = (nodes.Output, nodes.TemplateData, nodes.Name, nodes.If)  # of a template that changes nothing
_MARK = "\0text\0"
GIVEN = {"system": "nothing", "user": "text, header"}


def names() -> list[str]:
    """The shipped files."""
    return sorted(file.name for file in _SHIPPED.iterdir() if file.name.endswith(".jinja"))


class Words:
    """The prompts that ask for one field given another.

    FOLDER/GIVEN-WANTED.system.jinja and .user.jinja replace the shipped ones; the user's prompt is given `text`, and
    `header`, the module header that Verilog has to have, mostly "".

    Raises:
        UsageError: there is no such folder or it holds a file of another name, or a template is not valid Jinja.
    """

    def __init__(self, given: str, wanted: str, *, folder: Path | None = None) -> None:
        self._environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True)
        files = _own(folder) if folder else {}
        self._names = {part: f"{given}-{wanted}.{part}.jinja" for part in PARTS}
        texts = {
            part: files.get(name) or (_SHIPPED / name).read_text(encoding="utf-8") for part, name in self._names.items()
        }
        system, self._user = (self._compiled(part, texts[part]) for part in PARTS)
        self.system = self._rendered("system", system)
        self._around = self._split(texts["user"])

    def user(self, text: str, *, header: str = "") -> str:
        """The prompt for one text.

        Raises:
            UsageError: the template uses a name that it is not given, or fails in another way.
        """
        if self._around and not header:
            return text.join(self._around)
        return self._rendered("user", self._user, text=text, header=header)

    def _split(self, template: str) -> tuple[str, ...]:
        """What stands before and after a text that is only put in, which spares rendering each; () where it is not."""
        tree = self._environment.parse(template)
        put_in = [node for output in tree.find_all(nodes.Output) for node in output.nodes]
        names = [node for node in tree.find_all(nodes.Name) if node.name == "text"]
        if not all(isinstance(node, _PUT_IN) for node in tree.find_all(nodes.Node)):
            return ()
        if not all(any(name is node for node in put_in) for name in names):
            return ()
        return tuple(self._rendered("user", self._user, text=_MARK, header="").split(_MARK))

    def _compiled(self, part: str, text: str) -> jinja2.Template:
        try:
            return self._environment.from_string(text)
        except jinja2.TemplateSyntaxError as error:
            raise UsageError(f"{self._names[part]}, line {error.lineno}: {error.message}") from error

    def _rendered(self, part: str, template: jinja2.Template, **values: str) -> str:
        try:
            return template.render(**values)
        except Exception as error:  # whatever a template of the user's does
            raise UsageError(f"prompt template {self._names[part]}: {error}; it is given: {GIVEN[part]}") from error


def _own(folder: Path) -> dict[str, str]:
    """The user's templates by file name."""
    try:
        texts = {p.name: p.read_text(encoding="utf-8") for p in sorted(folder.iterdir()) if p.suffix == ".jinja"}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--prompts {folder}: cannot be read: {error}") from error
    unknown = sorted(texts.keys() - set(names()))
    if unknown or not texts:
        what = f"no pair has a template {unknown[0]}" if unknown else "holds no template"
        raise UsageError(
            f"--prompts {folder}: {what}; there are {', '.join(names())}. Begin with copies of those in {_SHIPPED}"
        )
    return texts

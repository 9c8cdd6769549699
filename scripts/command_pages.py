"""Write docs/commands: a page for each command, made of the table of commands, its options, docs/formats.md and the
command lines of the other pages. Says nothing of its own, so that there is one place for each thing that a page says.

    python scripts/command_pages.py
"""

from __future__ import annotations

import importlib
import inspect
import re
import typing
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App
from cyclopts.argument import Argument
from cyclopts.validators import Number

from rtlscribe.cli import COMMANDS, app, environment

DOCS = Path(__file__).parents[1] / "docs"
MOST_EXAMPLES = 5
WORDS = {bool: "", int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}
START = r"(?:^|\$ |/bin/|\| |-m |-- )"  # what a command may stand behind

# Where a command is explained; its examples are the command lines there.
EXPLAINED = {
    "write": ("write",),
    "serve": ("serve",),
    "mcp": ("serve",),
    "check": ("checkers",),
    "demo": ("index",),
    "data designs": ("concepts", "dataset"),
    "data keywords": ("dataset", "teachers"),
    "data instructions": ("dataset", "teachers"),
    "data answers": ("dataset", "teachers"),
    "data prompts": ("dataset",),
    "data verify": ("verify", "dataset"),
    "data decontaminate": ("data", "dataset"),
    "data stats": ("data",),
    "data import": ("data",),
    "data export": ("data",),
    "new-model": ("training",),
    "train": ("training", "losses"),
    "train-dpo": ("rl",),
    "train-grpo": ("rl",),
    "quantize": ("quantize",),
    "transform": ("transform", "cluster"),
    "bench transform": ("transform",),
    "sample": ("training", "cluster"),
    "score": ("training", "concepts"),
    "evaluate": ("benchmarks", "verdicts"),
    "compare": ("report",),
    "audit": ("audit",),
    "report": ("report",),
    "card": ("report", "quantize"),
    "doctor": ("index", "verdicts"),
    "list": ("index", "add-a-model"),
}


def pages() -> dict[str, str]:
    """The files of docs/commands, name to content.

    Raises:
        ValueError: a command is missing in `EXPLAINED`, or in the table of docs/formats.md.
    """
    root = app()
    files = _files()
    missing = [name for name in COMMANDS if name not in EXPLAINED or name not in files]
    if missing:
        raise ValueError(
            f"{missing} want a line in EXPLAINED (scripts/command_pages.py), and one in the table of docs/formats.md"
        )
    made = {f"{slug(name)}.md": _page(name, resolved(root, name), files[name]) for name in COMMANDS}
    return {"README.md": _index(), **made}


def slug(name: str) -> str:
    """A command's name as the name of a file."""
    return name.replace(" ", "-")


def command_lines(text: str) -> Iterator[str]:
    """The lines of a page's blocks of code that have a command of ours, each as one line of shell.

    A block is fenced or indented. What is explained beside a command becomes a comment.
    """
    fenced = False
    for line in re.sub(r" *\\\n *", " ", text).splitlines():
        fenced ^= line.lstrip().startswith("```")
        if (fenced or line.startswith("    ")) and re.search(rf"{START}rtlscribe [a-z]", line.strip()):
            line = re.sub(r" {2,}(?=-)", " ", line.strip()).removeprefix("$ ")
            yield re.sub(r" {3,}(?![-#\s])", "   # ", line, count=1)


def resolved(app: App, name: str) -> App:
    """A command by its whole name, for example "data stats"."""
    for word in name.split():
        app = app[word]
    return app


def _page(name: str, command: App, files: tuple[str, str, str]) -> str:
    module, _, function = COMMANDS[name][0].partition(":")
    options = [a for a in command.assemble_argument_collection(parse_docstring=True) if a.show]
    options.sort(key=lambda option: (option.index is None, not option.required))
    parts = [
        f"# {name}",
        _deal(inspect.getdoc(getattr(importlib.import_module(module), function)) or ""),
        f"```sh\n{_usage(name, options)}\n```",
        f"Explained in {_explained(name)}.",
        _options(name, options),
        _reads_and_writes(*files),
        _examples(name),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _deal(docstring: str) -> str:
    """A docstring without what it says of arguments and exceptions."""
    return re.split(r"\n+(?:Raises:|Parameters\n)", docstring)[0]


def _usage(name: str, options: list[Argument]) -> str:
    placed = [o for o in options if o.index is not None]
    named = [f"{o.name} {_type(o)[0]}" for o in options if o.required and o.index is None]
    words = [_metavariable(o) if o.required else f"[{_metavariable(o)}]" for o in placed]
    optional = ["[OPTIONS]"] if any(not o.required for o in options) else []
    return " ".join(["rtlscribe", name, *words, *named, *optional])


def _metavariable(option: Argument) -> str:
    return option.name.removeprefix("--").upper() + (" ..." if _is_list(option) else "")


def _is_list(option: Argument) -> bool:
    return typing.get_origin(option.hint) is tuple


def _type(option: Argument) -> tuple[str, str]:
    """What stands for a value on the command line, and its choices or its range in words. A flag has neither."""
    kinds = typing.get_args(option.hint) or (option.hint,)  # of a union, of a list, of choices; else the type itself
    words = [WORDS[kind] for kind in kinds if kind in WORDS]
    given = option.parameter.validator or ()
    bounds = [_range(v) for v in (given if isinstance(given, tuple) else (given,)) if isinstance(v, Number)]
    choices = [f"`{choice}`" for choice in option.get_choices() or ()]
    return words[0] if words else "CHOICE", ", ".join([*choices, *bounds])


def _range(limits: Number) -> str:
    signs = {"gt": "above", "gte": "at least", "lte": "at most"}  # "lt" only keeps infinity out
    return ", ".join(f"{word} {getattr(limits, n):g}" for n, word in signs.items() if getattr(limits, n) is not None)


def _options(name: str, options: list[Argument]) -> str:
    if not options:
        return ""
    prefix = environment(name)
    example = max(options, key=lambda option: option.name.count("-")).name
    variable = example.removeprefix("--").replace("-", "_").upper()
    rows = [f"| {_option(o)} | {_type(o)[1]} | {_default(o)} | {_cell(o.parameter.help or '')} |" for o in options]
    return "\n".join(
        [
            "## Options\n",
            "Besides those that [every command](README.md#what-all-of-them-have) has. In the environment, each is",
            f"called `{prefix}` and its name: `{prefix}{variable}` for `{example}`.\n",
            "| option | values | default | meaning |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _option(option: Argument) -> str:
    value, _ = _type(option)
    names = [option.name, *(n for n in option.names[1:] if n.startswith("--no-"))]
    if option.index is not None:
        return f"`{_metavariable(option)}` or `{option.name}`"
    return ", ".join(f"`{n}{' ' if value else ''}{value}{' ...' if _is_list(option) else ''}`" for n in names)


def _default(option: Argument) -> str:
    if option.required:
        return "required"
    default = option.field_info.default
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        default = " ".join(map(str, default))
    return "" if default in (None, "") else f"`{default}`"


def _files() -> dict[str, tuple[str, str, str]]:
    """What each command reads, what its out.jsonl holds, and its other files: the table of docs/formats.md."""
    rows = re.findall(r"^\| (`[a-z`, -]+`) \| (.*?) \| (.*?) ?\| (.*?) \|$", (DOCS / "formats.md").read_text(), re.M)
    return {name: (a, b, c) for names, a, b, c in rows for name in re.findall("`([^`]+)`", names)}


def _reads_and_writes(reads: str, out: str, others: str) -> str:
    others = re.sub(r"\]\((?!http)", "](../", others)
    lines = [
        f"- Reads: {reads}.",
        f"- `out.jsonl`: {out}." if out else "",
        f"- {'Other files' if out else 'Files'}: {others}.",
    ]
    return "\n".join(
        ["## Reads and writes\n", *filter(None, lines), "\nThe forms of all of them: [files](../formats.md)."]
    )


def _explained(name: str) -> str:
    return " and ".join(f"[{_title(page)}](../{page}.md)" for page in EXPLAINED[name])


def _title(page: str) -> str:
    return (DOCS / f"{page}.md").read_text().split("\n", 1)[0].removeprefix("# ")


def _examples(name: str) -> str:
    texts = [(DOCS / f"{page}.md").read_text() for page in EXPLAINED[name]]
    lines = dict.fromkeys(
        line for text in texts for line in command_lines(text) if re.match(rf"rtlscribe {name}(?![\w-])", line)
    )
    chosen = "\n".join(list(lines)[:MOST_EXAMPLES])
    return f"## Examples\n\n```sh\n{chosen}\n```" if chosen else ""


def _index() -> str:
    rows = [f"| [`{name}`]({slug(name)}.md) | {text} |" for name, (_, text) in COMMANDS.items()]
    return "\n".join(["# Commands", "", "| command | |", "|---|---|", *rows, "", COMMON.strip(), ""])


COMMON = """
## What all of them have

| option | meaning |
|---|---|
| `--help` | all options, with their defaults |
| `--config FILE` | options from a file: TOML, or the `config.json` of a run, which repeats it |
| `--json` | the result on stdout as one JSON object |

An option comes from the command line, else from an environment variable such as `RTLSCRIBE_TRAIN_SEED`, else from the
file, else from its default. Flags have a contrary: `--fresh` and `--no-fresh`.

Results go to stdout; log and progress to stderr.

| exit status | |
|---|---|
| 0 | done |
| 1 | the work failed |
| 2 | wrong usage, or a file whose content is wrong |
| 3 | a tool or an extra is missing |
| 130 | interrupted; the same command goes on with a run that was begun |
"""


if __name__ == "__main__":
    folder = DOCS / "commands"
    folder.mkdir(exist_ok=True)
    made = pages()
    for old in {path.name for path in folder.glob("*.md")} - made.keys():
        (folder / old).unlink()
    for file, content in made.items():
        (folder / file).write_text(content)

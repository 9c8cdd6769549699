"""The documentation says what is so: generated pages, links, command lines, options, and the code it shows."""

import re
import shlex
import urllib.parse
from pathlib import Path

import cyclopts
import pytest
from scripts import command_pages

from rtlscribe import cli
from rtlscribe.cli import COMMANDS, GROUPS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WRITTEN = sorted([*DOCS.glob("*.md"), *(ROOT / "recipes").glob("*/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
PAGES = [*WRITTEN, *sorted((DOCS / "commands").glob("*.md")), *sorted((ROOT / "benchmarks/results").glob("*.md"))]
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]*)`")
# Options of other programs that the pages name.
THEIRS = {
    *("--evaluation_strategy", "--fp16", "--gradient_accumulation_steps", "--learning_rate", "--logging_steps"),
    *("--model_max_length", "--model_name_or_path", "--num_train_epochs", "--output_dir", "--data_path"),
    *("--per_device_train_batch_size", "--save_steps", "--save_total_limit", "--tf32", "--weight_decay"),
    *("--no-build-isolation", "--nproc-per-node", "--lint-only"),
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def app() -> cyclopts.App:
    return cli.app()


def test_command_pages_are_those_of_the_commands() -> None:
    wanted = command_pages.pages()
    there = {path.name: path.read_text() for path in (DOCS / "commands").glob("*.md")}
    stale = sorted(file for file in wanted.keys() | there.keys() if wanted.get(file) != there.get(file))
    assert not stale, "`make docs` writes docs/commands anew"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges and the site make them."""
    titles = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[ -]+", "-", re.sub(r"[^\w -]", "", title.lower())).strip("-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", INLINE.sub("", FENCED.sub("", page.read_text()))):
        target, _, anchor = urllib.parse.unquote(link).partition("#")
        if re.match(r"\w+:", target):
            continue
        place = (page.parent / target).resolve() if target else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            dead.append(link)
    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lists_stand_apart(page: Path) -> None:
    """A list right behind a line of text is a list on forges, and text on the site."""
    text = FENCED.sub("", page.read_text())
    assert re.findall(r"^(?![-*#|]|\d+\.| |$).*\n(?:-|1\.) .*", text, re.MULTILINE) == []


LINES = [(name(page), line) for page in WRITTEN for line in command_pages.command_lines(page.read_text())]


def tokens_of(line: str) -> list[str]:
    """The arguments of a line of shell, up to a pipe or a redirection, without what the parser never sees."""
    command = re.search(rf"{command_pages.START}rtlscribe (.*)", line)
    assert command
    words = shlex.split(command[1], comments=True)
    end = next((n for n, word in enumerate(words) if word in {"|", ">", "&&", ";"}), len(words))
    words = [word for word in words[:end] if word != "--json" and not word.startswith("$")]
    if "--config" in words:
        place = words.index("--config")
        file = words[place + 1]
        assert (ROOT / file).is_file() or not file.startswith("recipes/")
        del words[place : place + 2]
    return words


@pytest.mark.parametrize(("page", "line"), LINES)
def test_command_line_is_understood(page: str, line: str, app: cyclopts.App) -> None:
    try:
        app.parse_args(tokens_of(line), print_error=False, exit_on_error=False)
    except cyclopts.MissingArgumentError:
        assert any(more in line for more in ("--config", "...", "$")), f"{page}: {line}"


def test_options_named_in_the_text_exist(app: cyclopts.App) -> None:
    commands = [command_pages.resolved(app, command) for command in COMMANDS]
    arguments = [argument for command in commands for argument in command.assemble_argument_collection()]
    known = {"--help", "--version", "--json", "--config", *(option for a in arguments for option in a.names)}
    unknown = set()
    for page in WRITTEN:
        for words in INLINE.findall(FENCED.sub("", page.read_text())):
            found = {word.partition("=")[0].rstrip(",;") for word in words.split() if word.startswith("--")}
            unknown |= {(name(page), o) for o in found - THEIRS if o.replace("_", "-") not in known}
    assert not unknown


def test_commands_named_in_the_text_exist() -> None:
    unknown = set()
    for page in WRITTEN:
        for words in re.findall(r"`rtlscribe ([a-z][^`\n]*)`", page.read_text()):
            first, _, second = words.partition(" ")
            command = f"{first} {second.split()[0]}" if first in GROUPS and second else first
            if command not in COMMANDS:
                unknown.add((name(page), words))
    assert not unknown


@pytest.mark.parametrize("seam", ["model", "checker", "benchmark"])
def test_page_shows_the_plug_in_that_is_tested(seam: str) -> None:
    page = (DOCS / f"add-a-{seam}.md").read_text()
    files = [path for path in (ROOT / "examples/plugins" / seam).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    shown = [path for path in files if path.parent.name != "inverter"]  # the page shows one problem of two
    assert len(shown) >= 3
    assert [name(path) for path in shown if f"\n{path.read_text().strip()}\n```\n" not in page] == []


def test_page_shows_the_family_that_is_tested() -> None:
    assert f"```python\n{(ROOT / 'examples/own_family.py').read_text()}```\n" in (DOCS / "add-a-family.md").read_text()


def test_site(tmp_path: Path) -> None:
    """It builds without a warning, has every page, and loads nothing from elsewhere."""
    pytest.importorskip("properdocs", reason="properdocs is not installed: pip install -e '.[docs]'")
    from properdocs.commands.build import build
    from properdocs.config import load_config

    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path), strict=True)
    build(config)
    texts = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.html")}
    pages = {path.relative_to(DOCS).with_suffix(".html").as_posix() for path in DOCS.rglob("*.md")}
    assert pages - texts.keys() == {"commands/README.html"}  # which is commands/index.html
    texts |= {path.name: path.read_text() for path in tmp_path.rglob("*.css")}
    loads = r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"(?:https?:)?//|url\(['\"]?(?:https?:)?//|@import"
    assert [page for page, text in texts.items() if re.search(loads, text)] == []

"""The shipped prompt, character for character, and templates of the user's."""

from pathlib import Path

import pytest

from rtlscribe import prompts
from rtlscribe.errors import UsageError
from rtlscribe.prompts import Template

HEADER = "module m(input a,\n         output y);"


@pytest.mark.parametrize(
    ("instruction", "header", "prompt"),
    [
        ("Invert a.", HEADER, f"Invert a.\n{HEADER}\n"),
        ("Invert a.", "", "Invert a.\n"),
        ("\n\nInvert a.\nTwice.\n\n", f"\n{HEADER}\n\n", f"Invert a.\nTwice.\n{HEADER}\n"),
        ("  indented", "  kept", "  indented\n  kept\n"),
        ("{{ braces }} {% raw %} <b> &amp;", "", "{{ braces }} {% raw %} <b> &amp;\n"),
    ],
)
def test_rtlcoder(instruction: str, header: str, prompt: str) -> None:
    """Instruction, line feed, header, line feed: as RTL-Coder's models were trained."""
    assert Template("rtlcoder").render(instruction=instruction, header=header) == prompt


def test_names() -> None:
    assert prompts.names() == ["rtlcoder"]


def test_a_template_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "ü.jinja").write_text("Größe: {{ instruction | upper }}\n", encoding="utf-8")
    assert Template(str(tmp_path / "ü.jinja")).render(instruction="x", header="") == "Größe: X\n"


@pytest.mark.parametrize("name", ["", "nowhere", "nowhere.jinja", "../__init__.py", "rtlcoder.txt"])
def test_unknown_name_lists_the_choices(name: str) -> None:
    with pytest.raises(UsageError, match=r"there are: rtlcoder, or a path that ends in \.jinja"):
        Template(name)


@pytest.mark.parametrize(
    "text", ["{{ nowhere }}", "{{ instruction.nowhere }}", "{% include 'x' %}", "{{ 1 | nofilter }}", "{{ 1 / 0 }}"]
)
def test_a_template_that_does_not_work_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.jinja"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"t\.jinja"):
        Template(str(path)).render(instruction="i", header="h")

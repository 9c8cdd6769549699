"""What the site has beside docs/: results of measurements, changes, how to contribute. Changes no page of docs/.

In the repository these are reached by relative links out of docs/, which a forge follows. On the site they lie under
the same paths, and the links are turned to where they lie.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from properdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
BESIDE = ("benchmarks/results/*.md", "CHANGELOG.md", "CONTRIBUTING.md")
_LINK = re.compile(r"(\]\()(?!\w+:|#)([^)#\s]+\.md)")


def on_config(config: Any) -> Any:
    """A pattern in the navigation stands for the pages that it fits."""
    for section in config.nav:
        for title, entries in section.items():
            if isinstance(entries, list):
                section[title] = [page for entry in entries for page in _matching(entry)]
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Take in what lies beside docs/."""
    for pattern in BESIDE:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Links as they are on the site: docs/ is its root, and what lies beside docs/ is in it."""
    source = page.file.src_uri
    here = posixpath.dirname(source if _is_beside(source) else f"docs/{source}")

    def turned(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(here, link[2])).removeprefix("docs/")
        return link[1] + posixpath.relpath(target, posixpath.dirname(source) or ".")

    return _LINK.sub(turned, markdown)


def _is_beside(source: str) -> bool:
    return not (ROOT / "docs" / source).exists()


def _matching(entry: Any) -> list[Any]:
    if not isinstance(entry, str) or "*" not in entry:
        return [entry]
    folder = ROOT if entry.startswith("benchmarks/") else ROOT / "docs"
    pages = sorted(folder.glob(entry), key=lambda path: path.stem)
    return [page.relative_to(folder).as_posix() for page in pages if page.name != "README.md"]

"""`rtlscribe mcp`: the tools of `tools` to a program that starts this command and talks to it. Opens no port."""

from __future__ import annotations

from dataclasses import dataclass

from cyclopts import Parameter

from rtlscribe.app.assistant import Assistant
from rtlscribe.registry import extra


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config(Assistant):
    """Options of `rtlscribe mcp`."""


def run(config: Config = Config()) -> None:  # cyclopts wants a default where all fields have one
    """Serve tools to an editor or an assistant that speaks the Model Context Protocol (MCP), on stdin and stdout.

    Tools: check, simulate, equivalence, write. Ends when its input does.
    """
    with extra("mcp"):
        from rtlscribe.app.tools import server
    server(config).run("stdio")

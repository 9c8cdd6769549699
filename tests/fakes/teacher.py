"""Starts the scripted OpenAI-compatible server as a process of its own."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from tests.fakes.openai_server import Script

HERE = Path(__file__).parent


class Running(NamedTuple):
    """A server at work."""

    url: str
    log: Path

    @property
    def model(self) -> str:
        return f"endpoint:fake@{self.url}"

    def requests(self) -> list[dict]:
        """What it was asked, in the order in which it was done with it."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@contextlib.contextmanager
def serving(script: Script, folder: Path, *, name: str = "server") -> Iterator[Running]:
    folder.mkdir(parents=True, exist_ok=True)
    path, log = folder / f"{name}.json", folder / f"{name}.log"
    path.write_text(json.dumps(asdict(script)))
    process = subprocess.Popen(
        [sys.executable, str(HERE / "openai_server.py"), str(path), str(log)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        port = int(process.stdout.readline())
        yield Running(f"http://127.0.0.1:{port}/v1", log)
    finally:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()

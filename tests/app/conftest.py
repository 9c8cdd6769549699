"""A real server in a process of its own, on a free port of the loopback interface; and one client without comfort."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rtlscribe import jsonl
from rtlscribe.models.scripted import Line

START_S = 60.0


class Reply(NamedTuple):
    """Status, headers with names in small letters, and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The events of a stream, without the last, which says that it is done."""
        lines = [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]
        assert lines.pop() == "[DONE]"
        return [json.loads(line) for line in lines]


class Server(NamedTuple):
    """A server at work."""

    port: int
    process: subprocess.Popen
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, content: Any = None, *, method: str = "", headers: dict[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            body = content if isinstance(content, bytes) else json.dumps(content).encode() if content else None
            sent = {"Content-Type": "application/json"} | (headers or {})
            connection.request(method or ("POST" if body else "GET"), path, body, sent)
            reply = connection.getresponse()
            return Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())

    def chat(self, words: str, **options: Any) -> Reply:
        return self.ask("/v1/chat/completions", {"messages": [{"role": "user", "content": words}], **options})

    def told(self) -> str:
        return self.log.read_text()


@contextlib.contextmanager
def serving(folder: Path, *options: str, **environment: str) -> Iterator[Server]:
    """A server with these options. It is ended as a user would, and has to end well."""
    log = folder / "serve.log"
    command = [sys.executable, "-c", "from rtlscribe.cli import main; main()", "serve", "--port", "0", *options]
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, stderr=file, stdout=file, env=os.environ | environment)
    try:
        limit = time.monotonic() + START_S
        while not (found := re.search(r"http://(?:[\d.]+):(\d+)/ ", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < limit
            time.sleep(0.05)
        yield Server(int(found.group(1)), process, log)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) in (0, 130)
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="session")
def script(folder: Path) -> Callable[..., str]:
    """Writes what a model says one after the other, and returns the model."""

    def write(texts: Iterable[str], name: str = "said.jsonl") -> str:
        jsonl.write(folder / name, [Line(problem_id="*", text=text) for text in texts])
        return f"scripted:{folder / name}"

    return write


# A back end from another package, by the door that there is for those: it takes its time, and tells what is done to it.
# It is asked for a number of lines.
SLOW = """
import time
from pathlib import Path
from rtlscribe.models.streaming import Piece
from rtlscribe.records import Completion

class Slow:
    def __init__(self, path, *, batch_size=32):
        self.name, self._log = "slow", Path(path)

    def pieces(self, requests, *, sampling):
        with self._log.open("a", buffering=1) as log:
            for request in requests:
                log.write("begun\\n")
                words = "// some words\\n" * int(request.prompt)
                text = f"module m(input a, output y);\\n{words}assign y = a;\\nendmodule\\n"
                own = {"problem_id": request.problem_id, "index": request.indices[0]}
                try:
                    for line in text.splitlines(keepends=True):
                        time.sleep(0.05)
                        yield Piece(text=line, **own)
                except GeneratorExit:
                    log.write("ended\\n")
                    raise
                yield Completion(text=text, model=self.name, sampling=sampling, finish_reason="stop", **own)

    def complete(self, requests, *, sampling):
        return (item for item in self.pieces(requests, sampling=sampling) if isinstance(item, Completion))
"""


@contextlib.contextmanager
def serving_slowly(folder: Path, *options: str) -> Iterator[tuple[Server, Callable[[], str]]]:
    """A server with the slow model, and what that has told of itself."""
    package, info, log = folder / "plugin", folder / "plugin/slow-1.0.dist-info", folder / "slow.log"
    info.mkdir(parents=True)
    (package / "slow_model.py").write_text(SLOW)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rtlscribe.models]\nslow = slow_model:Slow\n")
    log.touch()
    with serving(folder, "--model", f"slow:{log}", *options, PYTHONPATH=str(package)) as server:
        yield server, log.read_text

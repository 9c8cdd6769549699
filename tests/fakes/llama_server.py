"""A real OpenAI-compatible server, llama.cpp's, with a GGUF file, which may be made of a model folder of ours first.

    python llama_server.py [MODEL_FOLDER] GGUF

The port is printed on stdout. Wants the packages gguf and xllamacpp.
"""

import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONTEXT = 2048
SLOTS = 4


class Llama:
    """What llama.cpp makes of a file, asked in its own words."""

    def __init__(self, port: str) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def tokens(self, text: str) -> list[int]:
        """Token ids of a text."""
        return self._post("/tokenize", {"content": text, "add_special": False, "parse_special": True})["tokens"]

    def likeliest(self, ids: list[int]) -> int:
        """The token that follows those given."""
        asked = {"prompt": ids, "n_predict": 1, "temperature": 0, "return_tokens": True}
        (token,) = self._post("/completion", asked)["tokens"]
        return token

    def _post(self, path: str, content: dict[str, Any]) -> Any:
        asked = urllib.request.Request(self.url + path, json.dumps(content).encode())
        with urllib.request.urlopen(asked) as reply:
            return json.load(reply)


@contextlib.contextmanager
def serving(*arguments: str | Path) -> Iterator[Llama]:
    """This program, as a process of its own: in one with pyslang, xllamacpp aborts."""
    command = [sys.executable, __file__, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    try:
        yield Llama(process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def main() -> None:
    import xllamacpp

    *folder, target = sys.argv[1:]
    if folder:
        from rtlscribe.quantizing.gguf_writer import write

        write(Path(folder[0]), Path(target), type="F16")
    options = xllamacpp.CommonParams()
    options.model.path = target
    options.n_ctx = CONTEXT * SLOTS
    options.n_parallel = SLOTS
    options.hostnames = ["127.0.0.1"]
    options.port = 0
    options.cpuparams.n_threads = 1
    options.warmup = False
    server = xllamacpp.Server(options)
    print(server.listening_address.rpartition(":")[2], flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()

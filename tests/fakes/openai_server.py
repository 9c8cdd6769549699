"""An OpenAI-compatible server that says what a file tells it to, misbehaves as told, and writes down what it was asked.

    python openai_server.py SCRIPT LOG

SCRIPT is JSON of `Script`'s fields. The port is printed on stdout. LOG gets one JSON object a request.
"""

import contextlib
import hashlib
import json
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HANG_S = 60.0


@dataclass
class Script:
    """What the server says and how it behaves.

    replies: pairs of a regular expression on the prompt and the texts that answer it, chosen by the request's seed.
    faults: each request, known by its prompt and seed, has one of these lists, and meets its members try by try.
    """

    replies: list[tuple[str, list[str]]] = field(default_factory=lambda: [("", ["ok"])])
    faults: list[list[str]] = field(default_factory=lambda: [[]])
    key: str = ""
    delay_s: float = 0.0
    knows_n: bool = True
    knows_usage: bool = True
    unknown: list[str] = field(default_factory=list)  # options that are refused
    finish: str = "stop"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script
    log: Path
    lock = threading.Lock()
    tries: dict[str, int] = {}

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = asked["messages"][-1]["content"] if "messages" in asked else asked["prompt"]
        name = hashlib.sha256(json.dumps([prompt, asked.get("seed")]).encode()).hexdigest()
        with self.lock:
            number = self.tries.get(name, 0)
            self.tries[name] = number + 1
        pattern = self.script.faults[int(name, 16) % len(self.script.faults)]
        fault = pattern[number] if number < len(pattern) else ""
        time.sleep(self.script.delay_s)
        self.line = {
            "name": name,
            "try": number,
            "path": self.path,
            "asked": asked,
            "authorization": self.headers.get("Authorization"),
        }
        with contextlib.suppress(OSError):  # whoever asked is gone
            self._answer(asked, prompt, fault)

    def _tell(self, outcome: str) -> None:
        """Write down what is about to be said, so that it is written before anyone has heard it."""
        with self.lock, self.log.open("a") as file:
            file.write(json.dumps(self.line | {"outcome": outcome}) + "\n")

    def _answer(self, asked: dict, prompt: str, fault: str) -> None:
        if self.script.key and self.headers.get("Authorization") != f"Bearer {self.script.key}":
            said = self.headers.get("Authorization", "").removeprefix("Bearer ")
            return self._say(401, {"error": {"message": f"Incorrect API key provided: {said}"}})
        for option in self.script.unknown:
            if option in asked:
                return self._say(400, {"error": {"message": f"Unsupported parameter: '{option}'", "param": option}})
        kind, _, rest = fault.partition(" ")
        match kind:
            case "status":
                code, _, wait = rest.partition(" ")
                self._say(int(code), {"error": {"message": f"told to say {code}"}}, retry_after=wait)
            case "cut":
                content = json.dumps(self._completion(asked, prompt)).encode()
                self._tell("cut")
                self._head(200, len(content))
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                self.close_connection = True
            case "hang":
                self._tell("hang")
                time.sleep(HANG_S)
            case "garbage":
                self._tell("garbage")
                self._raw(200, rest.encode() or b"<html>Bad gateway</html>")
            case "finish":
                self._tell("finish")
                self._raw(200, json.dumps(self._completion(asked, prompt, finish=rest)).encode())
            case _:
                self._say(200, self._completion(asked, prompt))

    def _completion(self, asked: dict, prompt: str, *, finish: str = "") -> dict:
        texts = next(texts for pattern, texts in self.script.replies if re.search(pattern, prompt))
        count = asked.get("n", 1) if self.script.knows_n else 1
        choices = []
        for place in range(count):
            text = texts[(asked.get("seed", 0) + place) % len(texts)]
            said = {"message": {"role": "assistant", "content": text}} if "messages" in asked else {"text": text}
            choices.append(said | {"index": place, "finish_reason": finish or self.script.finish})
        usage = {"prompt_tokens": 100, "completion_tokens": 10 * count, "total_tokens": 100 + 10 * count}
        return {"object": "chat.completion", "choices": choices} | ({"usage": usage} if self.script.knows_usage else {})

    def _say(self, status: int, content: dict, *, retry_after: str = "") -> None:
        self._tell(str(status))
        self._raw(status, json.dumps(content).encode(), retry_after=retry_after)

    def _raw(self, status: int, content: bytes, *, retry_after: str = "") -> None:
        self._head(status, len(content), retry_after=retry_after)
        self.wfile.write(content)
        self.wfile.flush()

    def _head(self, status: int, length: int, *, retry_after: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    Handler.script = Script(**json.loads(Path(sys.argv[1]).read_text()))
    Handler.log = Path(sys.argv[2])
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

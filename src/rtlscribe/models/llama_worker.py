"""llama.cpp in a process of its own: requests as JSON lines on stdin, replies as they are ready on stdout.

`models.gguf` starts it. Apart from the rest, since the libraries xllamacpp and pyslang abort in one process, and so
that a file which brings llama.cpp down brings nothing else down. Ends with its stdin.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import xllamacpp

from rtlscribe.errors import UsageError
from rtlscribe.models.memory import refuse_too_large


def main() -> None:
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what llama.cpp prints is no reply
    lock = threading.Lock()

    def say(reply: dict[str, Any]) -> None:
        with lock:
            out.write(json.dumps(reply) + "\n")

    settings = json.loads(sys.stdin.readline())
    try:
        server = _Engine(settings)
    except UsageError as error:
        say({"refused": str(error)})
        return
    say({"ready": True})
    given_up: set[int] = set()
    with ThreadPoolExecutor(settings["slots"]) as pool:
        for line in sys.stdin:
            asked = json.loads(line)
            if "give_up" in asked:
                given_up.add(asked["give_up"])
            else:
                pool.submit(_answer, server, asked, say, given_up).add_done_callback(_end_if_broken)
        os._exit(0)  # nobody waits for what is under way


def _end_if_broken(future: Future[None]) -> None:
    """An exception that nobody expected ends the process, so that nobody waits for the answer."""
    if error := future.exception():
        traceback.print_exception(error)
        os._exit(1)


def _answer(server: _Engine, asked: dict[str, Any], say: Callable[[dict[str, Any]], None], given_up: set[int]) -> None:
    """Tell the pieces of an answer as they come, then how it ended; or the error that came instead."""
    number, last = asked["id"], {}

    def hear(chunk: dict[str, Any]) -> bool:
        """Whether it is enough."""
        nonlocal last
        last = chunk
        for choice in chunk.get("choices", ()):
            if text := choice["text"]:
                say({"id": number, "piece": text})
        return number in given_up

    server.complete(asked["body"] | {"stream": True}, hear)
    given_up.discard(number)
    if "error" in last:
        say({"id": number, "error": last["error"]})
    else:
        times = last.get("timings", {})
        say(
            {
                "id": number,
                "length": last["choices"][0]["finish_reason"] == "length",
                "stop": last.get("__verbose", {}).get("stopping_word", ""),
                "prompt_tokens": times.get("prompt_n", 0) + times.get("cache_n", 0),
                "completion_tokens": times.get("predicted_n", 0),
            }
        )


class _Engine:
    """The loaded model. Raises RuntimeError where llama.cpp does not load it, and has said why on stderr."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._key = secrets.token_hex()
        self._server = xllamacpp.Server(_options(settings, key=self._key))

    def complete(self, body: dict[str, Any], hear: Callable[[dict[str, Any]], bool]) -> None:
        """Ask for a completion; `messages` become a prompt first. llama.cpp's own chat would strip the answer."""
        messages = body.pop("messages", None)
        try:
            if messages:
                body["prompt"] = self._rendered(messages)
        except urllib.error.HTTPError as error:
            hear({"error": {"message": f"the file's chat template: {error.read().decode(errors='replace')[:300]}"}})
            return
        self._server.handle_completions(body, hear)

    def _rendered(self, messages: list[dict[str, str]]) -> str:
        try:
            return self._ask("/apply-template", {"messages": messages})
        except urllib.error.HTTPError:
            if len(messages) < 2:
                raise
            joined = "\n".join(message["content"] for message in messages)  # "System role not supported", says Gemma's
            return self._ask("/apply-template", {"messages": [{"role": "user", "content": joined}]})

    def _ask(self, path: str, content: dict[str, Any]) -> str:
        """The prompt in the reply to a request on the local port, past any proxy."""
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        asked = urllib.request.Request(self._server.listening_address + path, json.dumps(content).encode(), headers)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked) as reply:
            return str(json.load(reply)["prompt"])


def _options(settings: dict[str, Any], *, key: str) -> Any:
    """llama.cpp's options. Raises UsageError: the model takes more memory than there is."""
    kinds = xllamacpp.ggml_backend_dev_type
    on_gpu = (kinds.GGML_BACKEND_DEVICE_TYPE_GPU, kinds.GGML_BACKEND_DEVICE_TYPE_IGPU)
    if not any(device["type"] in on_gpu for device in xllamacpp.get_device_info()):
        refuse_too_large(settings["path"], settings["bytes"])
    options = xllamacpp.CommonParams()
    options.model.path = settings["path"]
    options.n_ctx = settings["context"] * settings["slots"]
    options.n_parallel = settings["slots"]
    options.cpuparams.n_threads = settings["threads"]
    options.cpuparams.poll = 0  # its threads would wait busily, on cores that the checks need
    # What is computed together must not change what comes out: with it, float32 sums depend on the batch.
    options.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    options.api_keys = [key]  # it listens on a local port, which is for no other user of this machine
    options.warmup = False
    options.verbosity = 1  # errors
    return options


if __name__ == "__main__":
    main()

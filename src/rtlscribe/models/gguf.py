"""A GGUF file, run by llama.cpp (xllamacpp) in a process of the model's own. Has no beam search.

The file's own tokenizer and chat template are used. What a completion says depends on its seed alone, not on what is
computed beside it: seen with the types Q8_0 and Q4_0, for which several are made at a time; of files in 16 or 32 bits
one is.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rtlscribe.errors import DataError, MissingToolError, RtlscribeError, UsageError
from rtlscribe.models import gguf_header
from rtlscribe.models.base import Answer, Failure, Request, UnansweredError, completed
from rtlscribe.models.budget import Usage
from rtlscribe.models.memory import available_bytes
from rtlscribe.models.protocol import body
from rtlscribe.models.streaming import Piece
from rtlscribe.records import Completion, Sampling

CONTEXT = 4096  # tokens of prompt and answer together, where the model takes so many
MOST_SLOTS = 8  # completions at a time; more gain little on a CPU
SHARE = 0.5  # of the free memory, at most, for what the completions under way keep
SMALL_BYTES = 16 << 20  # a smaller model's layers are computed sooner than a second thread is woken
FLOAT_TYPES = (0, 1, 32)  # general.file_type: F32, F16, BF16
KEPT_BYTES = 2  # of a number kept of each token: F16
ENDS_AFTER_S = 5.0
WITHOUT_XLLAMACPP = (
    "the Python package 'xllamacpp' (llama.cpp) is not installed: pip install -e '.[gguf]' in the project's folder, or "
    "serve the file with a llama.cpp of your own, and --model endpoint:NAME@http://localhost:8080/v1"
)


Replies = queue.SimpleQueue[dict[str, Any] | None]  # None: llama.cpp has ended


@dataclass(frozen=True, slots=True)
class _Started:
    """A completion under way, and the pieces that have come of it."""

    request: Request
    index: int
    said: list[str]


class GgufModel:
    """The path of a GGUF file.

    Raises:
        MissingToolError: xllamacpp is not installed. UsageError: there is no such file, or it does not fit in memory.
        DataError: the file is damaged, or llama.cpp does not know its kind.
    """

    def __init__(self, path: str, *, batch_size: int = 32) -> None:
        self.name = f"gguf:{path}"
        if importlib.util.find_spec("xllamacpp") is None:
            raise MissingToolError(WITHOUT_XLLAMACPP)
        head = _head(Path(path))
        self._chats = "tokenizer.chat_template" in head
        self._numbers = itertools.count()
        self._waiting: dict[int, Replies] = {}
        self._lock = threading.Lock()
        settings = _settings(Path(path), head, batch_size)
        self._slots: int = settings["slots"]
        self._errors: IO[str] = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  # it lives with the model
        self._process = _start(self._errors)
        self.engine_pid = self._process.pid
        weakref.finalize(self, _end, self._process)
        self._send(settings)
        self._await_ready(Path(path))
        threading.Thread(target=_distribute, args=(self._process, self._waiting), daemon=True).start()

    def complete(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Completion]:
        """As the seam says; raises UnansweredError after the last completion if a prompt did not fit."""
        return completed(self.answers(requests, sampling=sampling))

    def pieces(self, requests: Sequence[Request], *, sampling: Sampling) -> Generator[Piece | Completion, None, None]:
        """As `complete`, but with the text as it comes."""
        failures = []
        with contextlib.closing(self._told(requests, sampling=sampling)) as told:
            for item in told:
                if isinstance(item, Failure):
                    failures.append(item)
                else:
                    yield item.completion if isinstance(item, Answer) else item
        if failures:
            raise UnansweredError(failures)

    def answers(
        self, requests: Sequence[Request], *, sampling: Sampling, stops: Sequence[str] = ()
    ) -> Iterator[Answer | Failure]:
        """Answers as they end, and failures for prompts that do not fit.

        `stops`, if given, has one text a request, at the end of which the answer ends; "" for none.

        Raises:
            RtlscribeError: llama.cpp has ended.
        """
        with contextlib.closing(self._told(requests, sampling=sampling, stops=stops)) as told:
            for item in told:
                if not isinstance(item, Piece):
                    yield item

    def _told(
        self, requests: Sequence[Request], *, sampling: Sampling, stops: Sequence[str] = ()
    ) -> Generator[Piece | Answer | Failure, None, None]:
        _check(sampling)
        owed = iter(
            (request, index, stops[place] if stops else "")
            for place, request in enumerate(requests)
            for index in request.indices
        )
        came: Replies = queue.SimpleQueue()
        under_way: dict[int, _Started] = {}
        try:
            while True:
                for request, index, stop in itertools.islice(owed, self._slots - len(under_way)):
                    number = next(self._numbers)
                    under_way[number] = _Started(request, index, [])
                    self._ask(number, self._body(request, index, sampling, stop), came)
                if not under_way:
                    return
                reply = came.get()
                if reply is None:
                    raise self._ended("while it was answering; the same command goes on")
                started = under_way[reply["id"]]
                if "piece" in reply:
                    started.said.append(reply["piece"])
                    yield Piece(problem_id=started.request.problem_id, index=started.index, text=reply["piece"])
                else:
                    del under_way[reply["id"]]
                    yield self._answer(reply, started, sampling)
        finally:
            for number in under_way:  # the caller has had enough
                self._waiting.pop(number, None)
                self._send({"give_up": number})

    def _body(self, request: Request, index: int, sampling: Sampling, stop: str) -> dict[str, Any]:
        """What llama.cpp is asked, in the words of OpenAI's protocol and its own."""
        kind = "/chat/completions" if self._chats else "/completions"
        content = body(request, (index,), sampling, model="", url=kind, knows={"max_tokens", "seed"})
        return content | {
            "samplers": ["temperature", "top_p"],  # in this order, as the other engines have it, and no others
            "cache_prompt": False,  # what is computed must not depend on what was before
            "verbose": True,  # says at which text an answer stopped
            "stop": [stop] if stop else [],
        }

    def _ask(self, number: int, content: dict[str, Any], came: Replies) -> None:
        self._waiting[number] = came
        # Nothing will come, and the thread that tells may have ended before.
        if not self._send({"id": number, "body": content}) or self._process.poll() is not None:
            came.put(None)

    def _answer(self, reply: dict[str, Any], started: _Started, sampling: Sampling) -> Answer | Failure:
        problem_id, index = started.request.problem_id, started.index
        if "error" in reply:
            reason = str(reply["error"].get("message", reply["error"]))
            return Failure(problem_id=problem_id, index=index, reason=reason, refused=True)
        completion = Completion(
            problem_id=problem_id,
            index=index,
            text="".join(started.said) + reply["stop"],
            model=self.name,
            sampling=sampling,
            finish_reason="length" if reply["length"] else "stop",
        )
        usage = Usage(requests=1, prompt_tokens=reply["prompt_tokens"], completion_tokens=reply["completion_tokens"])
        return Answer(completion, usage)

    def _send(self, message: dict[str, Any]) -> bool:
        """Whether the engine could be told."""
        with self._lock, contextlib.suppress(BrokenPipeError):
            assert self._process.stdin
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            return True
        return False

    def _await_ready(self, path: Path) -> None:
        assert self._process.stdout
        first = self._process.stdout.readline()
        if not first:
            self._process.wait()
            if self._process.returncode < 0:
                raise self._ended("while it was loading the file, which may be damaged")
            raise DataError(path, None, f"llama.cpp does not load it: {_reason(self._errors)}")
        if refused := json.loads(first).get("refused"):
            raise UsageError(refused)

    def _ended(self, when: str) -> RtlscribeError:
        status = self._process.wait()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return RtlscribeError(f"{self.name}: llama.cpp {how} {when} ({_reason(self._errors)})")


def _head(path: Path) -> dict[str, gguf_header.Value]:
    if path.is_dir():
        raise UsageError(f"gguf:{path} is a folder; wanted the path of a GGUF file (`rtlscribe quantize` makes one)")
    return gguf_header.read(path)


def _settings(path: Path, head: dict[str, gguf_header.Value], batch_size: int) -> dict[str, Any]:
    """How the engine is set up: as many completions at a time as there is memory for."""
    kind = head.get("general.architecture")

    def number(name: str, default: float) -> int:
        return int(head.get(f"{kind}.{name}") or default)

    heads = number("attention.head_count", 1)
    width = number("embedding_length", 1) // heads
    kept = number("attention.key_length", width) + number("attention.value_length", width)
    a_token = number("block_count", 1) * number("attention.head_count_kv", heads) * kept * KEPT_BYTES
    context = min(number("context_length", CONTEXT), CONTEXT)
    size = path.stat().st_size
    free = available_bytes()
    cores = 1 if size < SMALL_BYTES else len(os.sched_getaffinity(0))
    room = batch_size if free is None else int((free - size) * SHARE // (context * a_token))
    slots = 1 if head.get("general.file_type") in FLOAT_TYPES else max(1, min(batch_size, MOST_SLOTS, room))
    return {
        "path": str(path),
        "context": context,
        "slots": slots,
        "bytes": size + context * slots * a_token,
        "threads": int(os.environ.get("OMP_NUM_THREADS") or cores),
    }


def _start(errors: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rtlscribe.models.llama_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,  # Ctrl-C is ours to hear; it ends when we do
    )


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(OSError):
        assert process.stdin
        process.stdin.close()
    try:
        process.wait(ENDS_AFTER_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _distribute(process: subprocess.Popen[str], waiting: dict[int, Replies]) -> None:
    """Hand each reply to the call that waits for it; at the end of all, None to those that still do."""
    assert process.stdout
    with process.stdout as replies, contextlib.suppress(ValueError):  # half a line, of an engine that was ended
        for line in replies:
            reply = json.loads(line)
            number = reply["id"]
            came = waiting.get(number) if "piece" in reply else waiting.pop(number, None)
            if came:
                came.put(reply)
    for came in list(waiting.values()):
        came.put(None)


def _reason(errors: IO[str]) -> str:
    """The first error that llama.cpp told, of which the others follow."""
    errors.seek(0)
    lines = [" ".join(line.split()) for line in errors if line.strip() and "send_error" not in line]
    told = [line.partition(" E ")[2] for line in lines if " E " in line]
    first = next((line for line in told if "error loading model" in line), told[0] if told else "")
    return (first or (lines or ["it told nothing"])[-1]).removeprefix("llama_model_load: ")


def _check(sampling: Sampling) -> None:
    if sampling.beams > 1:
        raise UsageError(f"the gguf engine has no beam search (--beams {sampling.beams}); sample with --beams 1")
    if sampling.temperature == 0 and sampling.n > 1:
        raise UsageError(f"{sampling.n} completions at temperature 0 are one and the same; raise --temperature")

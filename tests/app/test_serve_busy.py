"""serve under load: every request is answered or refused, and what nobody waits for ends."""

import asyncio
import gc
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the server is not installed: pip install -e '.[serve]'")
pytest.importorskip("uvicorn", reason="the server is not installed: pip install -e '.[serve]'")

from tests.app.conftest import Reply, Server, serving, serving_slowly

from rtlscribe.app.desk import Desk
from rtlscribe.app.server import Service, application
from rtlscribe.app.waves import Scope
from rtlscribe.models.base import Request
from rtlscribe.models.streaming import Piece
from rtlscribe.prompts import Template
from rtlscribe.records import Completion, Sampling
from rtlscribe.writing.judging import Judges
from rtlscribe.writing.loop import Writer


def _request(words: str, *, stream: bool = False) -> bytes:
    body = json.dumps({"messages": [{"role": "user", "content": words}], "stream": stream}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return b"%sContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (head, len(body), body)


async def _many(port: int, count: int) -> list[bytes]:
    async def one() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(_request("x"))
            return await asyncio.wait_for(reader.read(), 120)
        finally:
            writer.close()

    return await asyncio.gather(*(one() for _ in range(count)))


def test_a_thousand_at_once(tmp_path: Path, script: Callable[..., str], icarus: str) -> None:
    model = script(["module m(input a, output y); assign y = a; endmodule"], "short.jsonl")
    with serving(tmp_path, "--model", model, "--queue", "5", "--concurrency", "2") as server:
        replies = asyncio.run(_many(server.port, 1000))
        statuses = Counter(int(reply.split()[1]) for reply in replies)
        assert statuses.keys() == {200, 429}
        assert statuses[200] >= 7
        assert all(b'"choices"' in reply for reply in replies if b" 200 OK" in reply)
        refused = [reply.lower() for reply in replies if b" 429 " in reply]
        assert all(b"retry-after: " in reply and b'"error"' in reply for reply in refused)
        assert server.chat("x").status == 200


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, icarus: str) -> Iterator[tuple[Server, Callable[[], str]]]:
    with serving_slowly(tmp_path_factory.mktemp("slow"), "--queue", "0", "--max-body-kib", "1") as running:
        yield running


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_frees_its_place(slow: tuple[Server, Callable[[], str]], stream: bool) -> None:
    server, told = slow
    begun, ended = told().count("begun"), told().count("ended")
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(_request("1000", stream=stream))
        _until(lambda: told().count("begun") > begun)
        if stream:
            assert b"200 OK" in client.recv(1000)
        assert server.chat("1").status == 429
    _until(lambda: told().count("ended") > ended)
    _until(lambda: server.chat("1").status == 200)
    assert told().count("ended") == ended + 1


def test_pieces_come_as_they_are_made(slow: tuple[Server, Callable[[], str]]) -> None:
    replies: list[Reply] = []

    def answered() -> bool:  # the test before may hold the only place for a moment
        replies.append(slow[0].chat("20", stream=True, rtlscribe={"events": True}))
        return replies[-1].status == 200

    _until(answered)
    events = replies[-1].events
    pieces = [event["rtlscribe"]["piece"] for event in events if "piece" in event.get("rtlscribe", {})]
    assert len(pieces) == 23
    said = "".join(event["choices"][0]["delta"].get("content", "") for event in events if event["choices"])
    assert "".join(pieces) in said


def test_a_request_that_is_never_whole(slow: tuple[Server, Callable[[], str]]) -> None:
    server, _ = slow
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    end = b"0\r\n\r\n"
    head = b"POST /api/check HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    cases = {head + chunk + chunk + end: b"413", b"POST /api/check HTTP/1.1\r\n\r\n": b"400", b"x\r\n\r\n": b"400"}
    for sent, status in cases.items():
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
            client.sendall(sent)
            assert client.recv(1000).split()[1] == status
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head)
    assert server.ask("/health").status == 200


def test_time_limits(tmp_path: Path, icarus: str) -> None:
    with serving_slowly(tmp_path, "--timeout-s", "1", "--queue-timeout-s", "0.3") as (server, told):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(_request("1000"))
            _until(lambda: "begun" in told())
            assert server.chat("1").status == 503
            assert re.match(rb"HTTP/1.1 504 ", client.recv(1000))
        reply = server.chat("1000", stream=True)
        assert (reply.status, reply.events[-1]["error"]["type"]) == (200, "timeout")
        _until(lambda: told().count("ended") == 2)


class _Quiet:
    """A model that says nothing until it may, and then goes on until nobody wants to hear more."""

    name = "quiet"

    def __init__(self) -> None:
        self.may, self.ended = threading.Event(), threading.Event()

    def complete(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Completion]:
        raise AssertionError("it has pieces")

    def pieces(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Piece]:
        self.may.wait(60)
        try:
            while True:
                yield Piece(problem_id="write", index=0, text="module")
        finally:
            self.ended.set()


def test_a_client_that_goes_while_a_sign_of_life_is_sent(icarus: str) -> None:
    """What nobody takes any more is closed, in the right order."""
    model, faults = _Quiet(), []
    service = Service(
        writer=Writer(model, Template("rtlcoder"), Judges(only="scripted")),
        scope=Scope(),
        name="quiet",
        sampling=Sampling(),
        writes=Desk(1, queue=0, patience_s=1),
        checks=Desk(1, queue=0, patience_s=1),
        timeout_s=60,
    )
    body = _request("x", stream=True).partition(b"\r\n\r\n")[2]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "query_string": b""}
    scope |= {"headers": [(b"content-type", b"application/json")], "asgi": {"spec_version": "2.3", "version": "3.0"}}

    async def ask() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        sending = asyncio.Event()
        received = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not received:
                await sending.wait()
            return received.pop() if received else {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if b": working" in message.get("body", b""):
                sending.set()
                await asyncio.sleep(60)

        await application(service)(scope, receive, send)
        gc.collect()  # as it comes sooner or later: nothing may be left to it
        model.may.set()
        assert await asyncio.to_thread(model.ended.wait, 60)

    asyncio.run(ask())
    assert faults == []


def _until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.02)

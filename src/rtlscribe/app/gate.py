"""What stands before the server: who may ask, from where, and how much. Knows nothing of what is asked.

A page of another site can make a browser ask this machine, by a request of its own (Origin) or under a name of its own
that leads here (Host, DNS rebinding). Both are refused. A key, where there is one, is asked for everywhere but for the
page itself.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import sys
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from rtlscribe.app.page import FILES
from rtlscribe.app.protocol import error

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOCAL = ("localhost", "127.0.0.1", "::1")
BODY_SECONDS = 30.0
READ_BYTES = 16 * 1024 * 1024  # of what is too large
OPEN_PATHS = (*FILES, "/health")  # nothing secret, and where the key is asked for
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Who may ask, and how much.

    `key` "" asks for none; `hosts` are names of this server beside the local ones, in small letters.
    """

    key: str = field(default="", repr=False)
    hosts: Collection[str] = ()
    most_bytes: int = 512 * 1024


class _Refused(Exception):
    def __init__(self, status: int, message: str, kind: str) -> None:
        self.status, self.content = status, error(message, kind=kind)
        super().__init__(message)


class Gate:
    """An ASGI application around another. A line a request goes to stderr, and nothing of what is asked."""

    def __init__(self, app: App, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.monotonic(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_HEADERS.items()]
            await send(message)

        try:
            self._admit(scope)
            body = await self._body(scope, receive)
            await self._app(scope, _replaying(body, receive), sending)
        except _Refused as refused:
            await _answer(refused, sending)
        finally:
            line = f"{scope['method']} {scope['path']!a} {status or 'gone'} {time.monotonic() - begun:.2f} s"
            print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)

    def _admit(self, scope: Scope) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        rules, host = self._rules, headers.get("host", "")
        # Whoever has the key is no page of another site.
        if not rules.key and _name(f"//{host}") not in (*LOCAL, *rules.hosts):
            raise _Refused(421, f"there is no host {host[:100]!r} here; --allow-host adds a name", "host_refused")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise _Refused(403, f"a page of {origin[:100]} may not ask this server", "origin_refused")
        given = headers.get("authorization", "").partition(" ")[2].encode()
        if rules.key and scope["path"] not in OPEN_PATHS and not hmac.compare_digest(given, rules.key.encode()):
            raise _Refused(401, "wanted an API key: Authorization: Bearer KEY", "invalid_api_key")

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """All of the body, which has to come in time."""
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return b""
        body, received = bytearray(), 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Refused(400, "the request was not whole", "invalid_request_error")
                    part = message.get("body", b"")
                    received += len(part)
                    body += part if received <= self._rules.most_bytes else b""
                    # Read to its end all the same: a client that is still sending would not see why it is refused.
                    more = message.get("more_body", False) and received <= READ_BYTES
        except TimeoutError:
            raise _Refused(408, f"the request did not come within {BODY_SECONDS:g} s", "timeout") from None
        if received > self._rules.most_bytes:
            raise _Refused(413, f"a request may have {self._rules.most_bytes} bytes at most", "request_too_large")
        return bytes(body)


def _name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _replaying(body: bytes, receive: Receive) -> Receive:
    """What was received, once more, and then what is still to come: that the client is gone."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again


async def _answer(refused: _Refused, send: Send) -> None:
    body = json.dumps(refused.content).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""A model behind an OpenAI-compatible server: a hosted one, `vllm serve`, llama.cpp, Ollama.

Asks for many completions at a time; tries again what may yet succeed; keeps a budget; tells what did not come. The key
comes from the environment and goes to the server alone. Does not stream, and knows no beam search.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.models.base import Answer, Failure, Limits, Request, completed
from rtlscribe.models.budget import BudgetError, Usage
from rtlscribe.models.protocol import Fault, Refused, backoff_s, body, estimate, read, tidy, without
from rtlscribe.records import Completion, Sampling
from rtlscribe.registry import extra

with extra("endpoint"):
    import httpx2

KEYS = ("RTLSCRIBE_API_KEY", "OPENAI_API_KEY")
CONNECT_S = 15.0
MOST_BYTES = 64 * 1024 * 1024  # of one reply; what is longer is no completion
GIVE_UP_AFTER = 10  # failures in a row, each after all its tries: the server is down, or refuses everything
TRIES_TOGETHER = 12  # a request lasts at most so many times the time of one try, waits included
WORKING = ("completions",)  # the last part of a URL that is one to ask, not one to build on

Deliver = Callable[[Answer | Failure], "asyncio.Future[None]"]


class EndpointModel:
    """MODEL@URL, or MODEL with the URL in OPENAI_BASE_URL.

    The URL is the server's base, such as http://localhost:8000/v1, to be asked for chat completions; one that ends in
    /completions is asked as it stands, for models without a chat template.
    """

    def __init__(self, name: str, *, batch_size: int = 32, limits: Limits | None = None) -> None:
        self.model, self.url = _address(name)
        self.name = f"endpoint:{self.model}"  # where it was reached is nothing for a data set
        self.concurrency = batch_size
        self.limits = limits or Limits()
        self.retried = 0
        self._key = next((os.environ[name] for name in KEYS if os.environ.get(name)), "")
        self.dialect = {"n", "seed", "max_tokens"}  # what this server is known not to refuse
        self.in_a_row = 0
        self.excess = 0  # tokens of a prompt beyond our estimate, the most there were: chat templates differ
        self.not_before = 0.0

    def complete(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Completion]:
        """As the seam says; raises UnansweredError after the last completion if any did not come."""
        return completed(self.answers(requests, sampling=sampling))

    def answers(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Answer | Failure]:
        """Answers and failures as they come. A place for the next request is free once its answer has been taken.

        So no more answers than `batch_size` are ever paid for and not yet with the caller, who may be killed.
        """
        _check(sampling)
        out: queue.SimpleQueue[tuple[Answer | Failure | BaseException | None, Callable[[], None]]] = queue.SimpleQueue()
        started: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

        def work() -> None:
            try:
                asyncio.run(self._run(list(requests), sampling, out, started))
            except asyncio.CancelledError:
                pass
            except BaseException as error:  # noqa: BLE001  # raised again where the answers are taken
                started.put(_nothing)
                out.put((error, _nothing))
            else:
                out.put((None, _nothing))

        thread = threading.Thread(target=work, name="endpoint", daemon=True)
        thread.start()
        cancel = started.get()
        try:
            while True:
                item, taken = out.get()
                if item is None:
                    return
                if isinstance(item, BaseException):
                    raise item
                yield item
                taken()
        finally:
            cancel()
            thread.join()

    # In the thread of the event loop

    async def _run(self, requests: list[Request], sampling: Sampling, out: Any, started: Any) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task

        def from_outside(function: Callable[[], Any]) -> Callable[[], None]:
            def call() -> None:
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(function)

            return call

        def deliver(item: Answer | Failure) -> asyncio.Future[None]:
            taken: asyncio.Future[None] = loop.create_future()

            def take() -> None:
                if not taken.done():
                    taken.set_result(None)

            out.put((item, from_outside(take)))
            return taken

        started.put(from_outside(task.cancel))
        await _Session(self, requests, sampling, deliver).run()

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def clean(self, text: str) -> str:
        """A message that can be shown and kept: short, on one line, without the key."""
        return tidy(text.replace(self._key, "***") if self._key else text)


class _Session:
    """One call of `answers`: the requests on their way, and what they have reserved of the budget."""

    def __init__(self, model: EndpointModel, requests: list[Request], sampling: Sampling, deliver: Deliver) -> None:
        self.model, self.sampling, self.deliver = model, sampling, deliver
        self.limits, self.budget = model.limits, model.limits.budget
        self.units: asyncio.Queue[tuple[Request, tuple[int, ...]]] = asyncio.Queue()
        for request in requests:
            if request.indices:
                self.units.put_nowait((request, request.indices))
        self.reserved = Usage()
        self.flying = 0
        self.settled = asyncio.Condition()
        self.stopped = asyncio.Event()
        self.error: RtlscribeError | None = None

    async def run(self) -> None:
        """Ask everything. Raises what stopped it, after what was on its way has come."""
        local = urlsplit(self.model.url).hostname in ("localhost", "127.0.0.1", "::1")
        most = self.model.concurrency
        async with httpx2.AsyncClient(
            timeout=httpx2.Timeout(self.limits.timeout_s, connect=min(CONNECT_S, self.limits.timeout_s), pool=None),
            limits=httpx2.Limits(max_connections=most, max_keepalive_connections=most),
            trust_env=not local,  # a proxy for the world outside is none for this machine
        ) as client:
            workers = [asyncio.create_task(self._work(client)) for _ in range(min(most, self.units.qsize()))]
            everything = asyncio.create_task(self.units.join())
            try:
                await asyncio.wait([everything, *workers], return_when=asyncio.FIRST_COMPLETED)
                for worker in workers:
                    if worker.done():
                        worker.result()  # a mistake of ours
            finally:
                for task in (everything, *workers):
                    task.cancel()
                await asyncio.gather(everything, *workers, return_exceptions=True)
        if self.error:
            raise self.error

    async def _work(self, client: Any) -> None:
        while True:
            request, indices = await self.units.get()
            if not self.error:
                await self._unit(client, request, indices)
            self.units.task_done()

    async def _unit(self, client: Any, request: Request, indices: tuple[int, ...]) -> None:
        """Ask for some completions of a prompt; those that do not come along are put back, one by one."""
        if len(indices) > 1 and "n" not in self.model.dialect:
            self._put_back(request, indices[1:])
            indices = indices[:1]
        try:
            completions, usage = await self._ask(client, request, indices)
        except _Stopped:
            return
        except BudgetError as error:
            await self._end(error)
            return
        except RtlscribeError as error:
            await self._end(type(error)(self.model.clean(f"{self.model.url}: {error}")))
            return
        except (Fault, Refused) as error:
            await self._fail(request, indices, error)
            return
        self.model.in_a_row = 0
        if len(completions) < len(indices):
            self.model.dialect.discard("n")
            self._put_back(request, indices[len(completions) :])
        shares = [usage] + [Usage()] * (len(completions) - 1)
        await asyncio.gather(*(self.deliver(Answer(*pair)) for pair in zip(completions, shares, strict=True)))

    def _put_back(self, request: Request, indices: Sequence[int]) -> None:
        for index in indices:
            self.units.put_nowait((request, (index,)))

    async def _end(self, error: RtlscribeError) -> None:
        self.error = self.error or error
        self.stopped.set()
        async with self.settled:
            self.settled.notify_all()

    async def _fail(self, request: Request, indices: tuple[int, ...], error: Fault | Refused) -> None:
        refused, reason = isinstance(error, Refused), self.model.clean(str(error))
        failures = [
            Failure(problem_id=request.problem_id, index=index, reason=reason, refused=refused) for index in indices
        ]
        await asyncio.gather(*map(self.deliver, failures))
        self.model.in_a_row += 1
        if self.model.in_a_row >= GIVE_UP_AFTER:
            await self._end(
                RtlscribeError(
                    f"{self.model.url}: {GIVE_UP_AFTER} requests in a row failed, the last with: {reason}; "
                    "the same command goes on once the server does"
                )
            )

    async def _ask(self, client: Any, request: Request, indices: tuple[int, ...]) -> tuple[list[Completion], Usage]:
        """The completions of one request, tried again while that may help.

        Raises:
            Fault: no try succeeded. Refused: the server will not answer this. RtlscribeError: it answers nothing.
        """
        model, tries = self.model, 0
        deadline = time.monotonic() + TRIES_TOGETHER * self.limits.timeout_s
        while True:
            bare = estimate(request, len(indices), self.sampling)
            expected = bare + Usage(prompt_tokens=model.excess)
            await self._reserve(expected)
            used = Usage()
            try:
                content = body(request, indices, self.sampling, model=model.model, url=model.url, knows=model.dialect)
                reply = await self._post(client, content)
                choices, used = read(reply, content, expected)
                model.excess = max(model.excess, used.prompt_tokens - bare.prompt_tokens)
                return [
                    Completion(
                        problem_id=request.problem_id,
                        index=index,
                        text=text,
                        model=model.name,
                        sampling=self.sampling,
                        finish_reason=reason,
                    )
                    for index, (text, reason) in zip(indices, choices, strict=False)
                ], used
            except Refused as refused:
                if not without(
                    model.dialect, refused, content
                ):  # a server that does not know an option, not a wrong request
                    raise
                if "n" not in model.dialect:
                    indices = indices[:1]
            except Fault as fault:
                wait_s = max(fault.wait_s, backoff_s(tries, self.limits.first_wait_s))
                tries += 1
                model.retried += 1
                if tries > self.limits.retries or time.monotonic() + wait_s > deadline:
                    raise Fault(f"{fault} (tried {tries} times)") from fault
                if fault.wait_s:  # the server asks for a pause, and means all of us
                    model.not_before = max(model.not_before, time.monotonic() + wait_s)
                await self._release(expected, used)
                expected = Usage()
                await self._sleep(wait_s)
            finally:
                await self._release(expected, used)

    async def _post(self, client: Any, content: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the reply to one try."""
        await self._sleep(self.model.not_before - time.monotonic())
        received = bytearray()
        try:
            async with asyncio.timeout(self.limits.timeout_s):
                async with client.stream("POST", self.model.url, json=content, headers=self.model.headers()) as reply:
                    async for piece in reply.aiter_bytes():
                        received += piece
                        if len(received) > MOST_BYTES:
                            raise Fault(f"a reply of more than {MOST_BYTES} bytes")
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise Fault(f"no reply within {self.limits.timeout_s:g} s") from error
        except (httpx2.RequestError, OSError) as error:
            raise Fault(f"{type(error).__name__}: {error}") from error
        return reply.status_code, {k.lower(): v for k, v in reply.headers.items()}, bytes(received)

    async def _sleep(self, seconds: float) -> None:
        """A pause that ends at once when the session is stopped."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), seconds)
        if self.error:
            raise _Stopped

    async def _reserve(self, expected: Usage) -> None:
        """Wait until the budget surely allows this much.

        Raises:
            BudgetError: it never will, since nothing is on its way that may take less than it reserved.
        """
        async with self.settled:
            while not self.budget.allows(self.reserved + expected):
                if not self.flying:
                    raise self.budget.error()
                await self.settled.wait()
                if self.error:
                    raise _Stopped
            self.reserved += expected
            self.flying += 1

    async def _release(self, expected: Usage, used: Usage) -> None:
        """Give back what was reserved and count what was used."""
        if not expected.requests:
            return
        async with self.settled:
            self.reserved = Usage(
                requests=self.reserved.requests - expected.requests,
                prompt_tokens=self.reserved.prompt_tokens - expected.prompt_tokens,
                completion_tokens=self.reserved.completion_tokens - expected.completion_tokens,
            )
            self.flying -= 1
            self.budget.used += used
            self.settled.notify_all()


class _Stopped(Exception):
    """The session ends; this request was not answered and has not failed."""


def _address(name: str) -> tuple[str, str]:
    """The model and the URL to ask."""
    model, _, url = name.rpartition("@") if "@http" in name else (name, "", os.environ.get("OPENAI_BASE_URL", ""))
    parts = urlsplit(url)
    if not url:
        raise UsageError(
            f"endpoint:{name} says no server; wanted endpoint:MODEL@URL, for example "
            "endpoint:my-model@http://localhost:8000/v1, or the URL in OPENAI_BASE_URL"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username or not model:
        raise UsageError(
            "wanted endpoint:MODEL@URL with a URL such as http://localhost:8000/v1, without user, password or query"
        )
    url = url.rstrip("/")
    return model, url if url.endswith(WORKING) else f"{url}/chat/completions"


def _check(sampling: Sampling) -> None:
    if sampling.beams > 1:
        raise UsageError(f"an endpoint has no beam search (--beams {sampling.beams}); sample with --beams 1")
    if sampling.temperature == 0 and sampling.n > 1:
        raise UsageError(f"{sampling.n} completions at temperature 0 are one and the same; raise --temperature")


def _nothing() -> None:
    pass

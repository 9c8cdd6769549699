"""The routes: OpenAI's, and one that checks. What they answer was written and judged by `rtlscribe.writing`.

Opens no port; `serve` does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Awaitable, Generator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse

from rtlscribe import __version__
from rtlscribe.app import gate, page
from rtlscribe.app.desk import BusyError, Desk
from rtlscribe.app.protocol import Asked, ChatAsked, Choice, CompletionAsked, Form, Wanted, error, event
from rtlscribe.app.waves import Scope, Signal
from rtlscribe.errors import MissingToolError, RtlscribeError, UsageError
from rtlscribe.models.streaming import Piece
from rtlscribe.records import Candidate, Completion, Problem, Sampling
from rtlscribe.writing.judging import Judgement
from rtlscribe.writing.loop import Draft, Note, Writer, better

VERDICT_HEADER = "X-Rtlscribe-Verdict"
ALIVE_SECONDS = 5.0  # between signs of life in a stream
RETRY_SECONDS = "2"
T = TypeVar("T")


class Told(NamedTuple):
    """What happened on the way to one of the choices; `item` None: what was asked can be done."""

    place: int
    item: Piece | Completion | Draft | Note | Choice | None


class CheckAsked(Wanted):
    """POST /api/check. `waves`: a waveform too, if the code elaborates."""

    code: str
    waves: bool = False


class Checked(NamedTuple):
    """What is known of a piece of Verilog, and what it does in a few steps."""

    judgement: Judgement
    waves: tuple[Signal, ...]


class GoneError(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """Who does the work, and how much of it at a time.

    `sampling` is the default, its max_tokens the most. `notice` is what everyone who asks has to know of the model.
    """

    writer: Writer
    scope: Scope
    name: str
    sampling: Sampling
    writes: Desk
    checks: Desk
    timeout_s: float
    notice: str = ""
    log_prompts: bool = False

    async def answer(self, asked: Asked, problems: Sequence[Problem], request: Request, *, chat: bool) -> Response:
        """Each problem `asked.n` times, as one answer or as a stream."""
        count, sampling = asked.n or 1, asked.sampling(self.sampling)
        if self.log_prompts:
            for problem in problems:
                print(json.dumps({"prompt": problem.text}), file=sys.stderr, flush=True)
        form = Form(self.name, chat=chat)
        work = await unless_gone(
            request, self.writes.begin(lambda: self._choices(problems, count, sampling, asked.stops))
        )
        items = work.items()
        if asked.stream:
            try:
                await unless_gone(request, anext(items))  # what cannot be done is said by the status
            except BaseException:
                await items.aclose()
                raise
            return _Events(self._stream(items, form, asked.rtlscribe.events))
        async with aclosing(items), asyncio.timeout(self.timeout_s):
            choices = await unless_gone(request, _choices_of(items))
        verdicts = ", ".join(choice.draft.judgement.status for choice in choices)
        return JSONResponse(form.whole(choices), headers={VERDICT_HEADER: verdicts})

    async def check(self, asked: CheckAsked, request: Request) -> Response:
        problem = asked.problem("")
        work = await unless_gone(request, self.checks.begin(lambda: self._checked(asked, problem)))
        items = work.items()
        async with aclosing(items), asyncio.timeout(self.timeout_s):
            found = await unless_gone(request, anext(items))
        content = {"judgement": msgspec.to_builtins(found.judgement), "waves": msgspec.to_builtins(found.waves)}
        return JSONResponse(content, headers={VERDICT_HEADER: found.judgement.status})

    # In threads

    def _choices(
        self, problems: Sequence[Problem], count: int, sampling: Sampling, stops: Sequence[str]
    ) -> Generator[Told, None, None]:
        for problem in problems:
            self.writer.judges.refuse(problem)
        yield Told(0, None)
        indices = sampling.n * (self.writer.repairs + 1)
        place = 0
        for problem in problems:
            for number in range(count):
                if not number or sampling.temperature:  # else it would be the same again
                    choice = yield from self._choice(problem, place, sampling, number * indices, stops)
                yield Told(place, choice)
                place += 1

    def _choice(
        self, problem: Problem, place: int, sampling: Sampling, first: int, stops: Sequence[str]
    ) -> Generator[Told, None, Choice]:
        best: Draft | None = None
        answers = 0
        for item in self.writer.write(problem, sampling=sampling, first=first, stop=stops):
            answers += isinstance(item, Completion)
            if isinstance(item, Draft):
                best = better(best, item)
            yield Told(place, item)
        if best is None:
            raise RtlscribeError("the model gave no answer")
        return Choice(problem=problem, draft=best, answers=answers)

    def _checked(self, asked: CheckAsked, problem: Problem) -> Generator[Checked, None, None]:
        judges, timeout_s = self.writer.judges, self.writer.timeout_s
        judges.refuse(problem)
        candidate = Candidate(problem_id=problem.id, index=0, code=asked.code, assembly="modules")
        judgement = judges.judge(candidate, problem, timeout_s=timeout_s)
        elaborates = any(c.aspect == "elaboration" and c.verdict.status == "passed" for c in judgement.checks)
        waves: tuple[Signal, ...] = ()
        if asked.waves and elaborates:
            waves = self.scope.look(asked.code, judgement.ports, top=judgement.top, timeout_s=timeout_s)
        yield Checked(judgement, waves)

    # In the event loop

    async def _stream(self, items: AsyncGenerator[Told, None], form: Form, events: bool) -> AsyncGenerator[str, None]:
        """Server-sent events. What an editor gets was checked before; `events` tell the way there."""
        begun: set[int] = set()
        try:
            async with aclosing(items), aclosing(_alive(items)) as alive, asyncio.timeout(self.timeout_s):
                async for told in alive:
                    if told is None:
                        yield ": working\n\n"
                        continue
                    if told.place not in begun:
                        begun.add(told.place)
                        yield form.begin(told.place)
                    if isinstance(told.item, Choice):
                        for line in form.events(told.place, told.item):
                            yield line
                    elif events:
                        yield form.aside(_event(told))
        except TimeoutError:
            yield event(error(f"not done within {self.timeout_s:g} s", kind="timeout"))
        except RtlscribeError as failure:
            yield event(error(str(failure), kind="server_error"))
        yield "data: [DONE]\n\n"


class _Events(StreamingResponse):
    """Server-sent events. What makes them is closed with the response, however that ends, and not some time later."""

    def __init__(self, events: AsyncGenerator[str, None]) -> None:
        super().__init__(events, media_type="text/event-stream")
        self._events = events

    async def __call__(self, scope: gate.Scope, receive: gate.Receive, send: gate.Send) -> None:
        async with aclosing(self._events):
            await super().__call__(scope, receive, send)


async def unless_gone(request: Request, waited_for: Awaitable[T]) -> T:
    """The result, unless the client goes before it is there, which cancels what is waited for.

    Raises:
        GoneError: the client is gone.
    """

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    work, watch = asyncio.ensure_future(waited_for), asyncio.create_task(gone())
    try:
        await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise GoneError
        return work.result()
    finally:
        for task in (work, watch):
            task.cancel()
            with suppress(BaseException):
                await task


async def _choices_of(items: AsyncGenerator[Told, None]) -> list[Choice]:
    return [told.item async for told in items if isinstance(told.item, Choice)]


async def _alive(items: AsyncGenerator[T, None]) -> AsyncGenerator[T | None, None]:
    """The items, and None where there was none for a while."""
    following: asyncio.Task[T] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(anext(items))
            done, _ = await asyncio.wait({following}, timeout=ALIVE_SECONDS)
            if not done:
                yield None
                continue
            task, following = following, None
            try:
                item = task.result()
            except StopAsyncIteration:
                return
            yield item
    finally:
        if following:
            following.cancel()
            with suppress(BaseException):
                await following


def _event(told: Told) -> dict[str, Any]:
    """What happened on the way, for those who want to know."""
    item = told.item
    if isinstance(item, Piece):
        return {"choice": told.place, "answer": item.index, "piece": item.text}
    if isinstance(item, Completion):
        return {"choice": told.place, "answer": item.index, "drawn": True}
    if isinstance(item, Draft):
        draft = {"code": item.code, "round": item.round, "judgement": msgspec.to_builtins(item.judgement)}
        return {"choice": told.place, "draft": draft}
    return {"choice": told.place, "note": item.text if isinstance(item, Note) else "writing"}


def application(service: Service) -> FastAPI:
    """The routes, without what stands before them (`gate`)."""
    app = FastAPI(title="rtlscribe", version=__version__, docs_url=None, redoc_url=None)  # both pages need the network
    app.include_router(page.router())
    card = {"id": service.name, "object": "model", "created": 0, "owned_by": "rtlscribe", "description": service.notice}

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [card]}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> Response:
        known = name == service.name
        content = card if known else error(f"no model is called {name!r}; there is {service.name}", kind="not_found")
        return JSONResponse(content, 200 if known else 404)

    @app.post("/v1/chat/completions", response_model=None)
    async def chat(asked: ChatAsked, request: Request) -> Response:
        if asked.max_completion_tokens:
            asked = asked.model_copy(update={"max_tokens": asked.max_completion_tokens})
        return await service.answer(asked, [await asyncio.to_thread(asked.problem)], request, chat=True)

    @app.post("/v1/completions", response_model=None)
    async def completions(asked: CompletionAsked, request: Request) -> Response:
        return await service.answer(asked, await asyncio.to_thread(asked.problems), request, chat=False)

    @app.post("/api/check", response_model=None)
    async def check(asked: CheckAsked, request: Request) -> Response:
        return await service.check(asked, request)

    _tell_errors(app)
    return app


def _tell_errors(app: FastAPI) -> None:
    """Errors as OpenAI's clients expect them."""

    def answer(status: int, message: str, kind: str, headers: dict[str, str] | None = None) -> Response:
        return JSONResponse(error(message, kind=kind), status, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, failure: RequestValidationError) -> Response:
        first = failure.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")
        return answer(400, f"{place}: {first['msg']}" if place else first["msg"], "invalid_request_error")

    @app.exception_handler(RtlscribeError)
    async def told(_: Request, failure: RtlscribeError) -> Response:
        if isinstance(failure, UsageError):
            return answer(400, str(failure), "invalid_request_error")
        return answer(501 if isinstance(failure, MissingToolError) else 500, str(failure), "server_error")

    @app.exception_handler(BusyError)
    async def busy(_: Request, failure: BusyError) -> Response:
        status = 503 if failure.waited else 429
        return answer(status, str(failure), "rate_limit_error", {"Retry-After": RETRY_SECONDS})

    @app.exception_handler(TimeoutError)
    async def late(_: Request, __: TimeoutError) -> Response:
        return answer(504, "not done in time", "timeout")

    @app.exception_handler(GoneError)
    async def gone(_: Request, __: GoneError) -> Response:
        return Response(status_code=499)  # nobody reads it

    @app.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> Response:
        return answer(500, "a fault of the server's; its log tells more", "server_error")

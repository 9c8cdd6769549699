"""OpenAI's protocol: what is asked, as problems; and drafts, as what is answered. Writes and judges nothing.

Beyond the protocol a request may have a field `rtlscribe` (`Wanted`), and each choice of an answer has one: the
judgement on it.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from rtlscribe.errors import UsageError
from rtlscribe.records import Problem, Record, Sampling
from rtlscribe.verilog.extract import blank, extract
from rtlscribe.verilog.header import find_header
from rtlscribe.writing.judging import user_problem
from rtlscribe.writing.loop import Draft, changed

MOST_CHOICES = 16
_VERILOG = re.compile(r"^[ \t]*(?:`\w|module\s)", re.MULTILINE)  # where the words of a prompt end


class Wanted(BaseModel):
    """What answers are to be judged by. `events`: a stream tells drafts and judgements as they come, too.

    What is not here is refused: to read over it would judge by something else than was asked. There is no pass pattern,
    since a regular expression of a client's can hold up this process for good.
    """

    model_config = ConfigDict(extra="forbid")

    header: str = ""
    testbench: str = ""
    reference: str = ""
    events: bool = False

    def problem(self, text: str) -> Problem:
        return user_problem(text, **self.model_dump(include={"header", "testbench", "reference"}))


class Asked(BaseModel):
    """What both kinds of request have. Options that are not here are read over, as servers do."""

    n: int | None = Field(None, ge=1, le=MOST_CHOICES)
    seed: int | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    stop: str | list[str] | None = None
    stream: bool | None = False
    rtlscribe: Wanted = Wanted()

    def sampling(self, default: Sampling) -> Sampling:
        """How each answer is drawn: `default` where nothing is asked, and never more tokens than it has."""
        chosen = {name: getattr(self, name) for name in ("seed", "temperature", "top_p")}
        chosen = {name: value for name, value in chosen.items() if value is not None}
        tokens = min(self.max_tokens or default.max_tokens, default.max_tokens)
        sampling = msgspec.structs.replace(default, max_tokens=tokens, **chosen)
        return sampling if sampling.temperature else msgspec.structs.replace(sampling, n=1)

    @property
    def stops(self) -> tuple[str, ...]:
        texts = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(text for text in texts if text)


class Part(BaseModel):
    """A part of a message."""

    type: str
    text: str = ""


class Turn(BaseModel):
    """A message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None

    @property
    def words(self) -> str:
        if isinstance(self.content, list):
            if other := next((part.type for part in self.content if part.type != "text"), None):
                raise UsageError(f"content of type {other!r} is not understood; there is only text")
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class ChatAsked(Asked):
    """POST /v1/chat/completions."""

    messages: list[Turn] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)

    def problem(self) -> Problem:
        """What is to be written: the last turn, which with Verilog before it is a change of that."""
        said = [turn for turn in self.messages if turn.role in ("user", "assistant")]
        wishes = [turn.words for turn in said if turn.role == "user" and turn.words.strip()]
        if not wishes or said[-1].role != "user":
            raise UsageError("the last message has to be the user's, and to say what is to be built")
        code = next((found for turn in reversed(said) if turn.role == "assistant" and (found := _code(turn))), "")
        system = "\n".join(turn.words for turn in self.messages if turn.role in ("system", "developer"))
        problem = self.rtlscribe.problem(wishes[0] if code else "\n\n".join(wishes))
        problem = msgspec.structs.replace(problem, system=system)
        return changed(problem, code, wishes[-1]) if code else problem


class CompletionAsked(Asked):
    """POST /v1/completions: the prompt goes to the model as it is. One that ends within a module is continued."""

    prompt: str | list[str]
    suffix: str | None = None
    echo: bool | None = False

    def problems(self) -> list[Problem]:
        if self.suffix or self.echo:
            raise UsageError("suffix and echo are not understood: ask for a module, or for the rest of one")
        prompts = [self.prompt] if isinstance(self.prompt, str) else self.prompt
        if not 1 <= len(prompts) * (self.n or 1) <= MOST_CHOICES or not all(prompt.strip() for prompt in prompts):
            raise UsageError(f"wanted prompts that say something, and of all of them at most {MOST_CHOICES} choices")
        return [_continued(prompt, self.rtlscribe) for prompt in prompts]


class Choice(Record, kw_only=True):
    """The best draft for one of the choices that were asked for, and how many answers were drawn for it."""

    problem: Problem
    draft: Draft
    answers: int

    @property
    def extra(self) -> dict[str, Any]:
        """The field `rtlscribe` of a choice."""
        judgement = self.draft.judgement
        told = {"verdict": judgement.status, "told": judgement.told, "answers": self.answers}
        return told | {"repairs": self.draft.round, "judgement": msgspec.to_builtins(judgement)}

    @property
    def chat(self) -> str:
        """The Verilog as people see it in a conversation, with what is known of it."""
        if not self.draft.candidate.code:
            return self.draft.completion.text
        return f"```verilog\n{self.draft.code.rstrip()}\n```\n\n{_sentence(self.draft.judgement.told)}"

    @property
    def rest(self) -> str:
        """What follows the prompt, so that both together are the code that was judged; else the whole code."""
        header = begun(self.problem.prompt)
        rest = self.draft.code.removeprefix(header)
        ended = header and self.problem.prompt.rpartition(header)[2].endswith("\n")
        return rest.removeprefix("\n") if ended else rest


class Form:
    """The shapes of one answer: of a conversation or of a completion."""

    def __init__(self, model: str, *, chat: bool) -> None:
        kind, self._kind = ("chatcmpl", "chat.completion") if chat else ("cmpl", "text_completion")
        self._chat, self._model = chat, model
        self._id, self._created = f"{kind}-{secrets.token_hex(12)}", int(time.time())

    def whole(self, choices: list[Choice]) -> dict[str, Any]:
        """The answer in one piece."""
        found = []
        for place, choice in enumerate(choices):
            said = {"message": {"role": "assistant", "content": choice.chat}} if self._chat else {"text": choice.rest}
            ending = {"index": place, "logprobs": None, "finish_reason": choice.draft.completion.finish_reason}
            found.append(ending | said | {"rtlscribe": choice.extra})
        return self._envelope(found, "")

    def begin(self, place: int) -> str:
        """The first event of a choice."""
        delta = {"delta": {"role": "assistant", "content": ""}} if self._chat else {"text": ""}
        return self._event([{"index": place, "finish_reason": None} | delta])

    def events(self, place: int, choice: Choice) -> list[str]:
        """A choice line by line, and the judgement with the last event."""
        text = choice.chat if self._chat else choice.rest
        found = []
        for line in text.splitlines(keepends=True):
            delta = {"delta": {"content": line}} if self._chat else {"text": line}
            found.append(self._event([{"index": place, "finish_reason": None} | delta]))
        last: dict[str, Any] = {"delta": {}} if self._chat else {"text": ""}
        last |= {"index": place, "finish_reason": choice.draft.completion.finish_reason, "rtlscribe": choice.extra}
        return [*found, self._event([last])]

    def aside(self, told: dict[str, Any]) -> str:
        """An event of ours, without a choice."""
        return event(self._envelope([], ".chunk" if self._chat else "") | {"rtlscribe": told})

    def _event(self, choices: list[dict[str, Any]]) -> str:
        return event(self._envelope(choices, ".chunk" if self._chat else ""))

    def _envelope(self, choices: list[dict[str, Any]], suffix: str) -> dict[str, Any]:
        head = {"id": self._id, "object": f"{self._kind}{suffix}", "created": self._created, "model": self._model}
        return head | {"choices": choices}


def event(content: dict[str, Any]) -> str:
    """A server-sent event."""
    return f"data: {json.dumps(content)}\n\n"


def error(message: str, *, kind: str, code: str | None = None) -> dict[str, Any]:
    """An error as OpenAI's clients expect it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _continued(prompt: str, wanted: Wanted) -> Problem:
    return msgspec.structs.replace(wanted.problem(prompt), prompt=prompt, header=begun(prompt) or wanted.header)


def begun(prompt: str) -> str:
    """The Verilog in a prompt that ends with a module's header, up to there; "" if it does not end so."""
    found = find_header(prompt)
    if not found or blank(prompt[found.end :]).strip():
        return ""
    first = _VERILOG.search(prompt)
    return prompt[min(first.start() if first else found.start, found.start) : found.end]


def _code(turn: Turn) -> str:
    return extract(turn.words).code


def _sentence(told: str) -> str:
    return told[:1].upper() + told[1:] + "."

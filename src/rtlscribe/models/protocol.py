"""What is said to an OpenAI-compatible server, and what its replies mean. Text in, text out: sends nothing."""

from __future__ import annotations

import email.utils
import hashlib
import json
import random
import re
import time
from collections.abc import Mapping
from typing import Any

from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.models.base import Request
from rtlscribe.models.budget import Usage
from rtlscribe.records import FinishReason, Sampling

LONGEST_WAIT_S = 60.0
LONGEST_PAUSE_S = 3600.0  # that a server may ask for
LONGEST_REASON = 300  # characters
BYTES_A_TOKEN = 3  # of English and Verilog tokens have more, so this counts rather too many
OVERHEAD = 32  # tokens that a chat template adds

TRY_AGAIN = frozenset({408, 409, 425, 429})  # and all from 500 on
REFUSED = frozenset({400, 413, 422})
FINISHED: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
}
OUT_OF_CREDIT = ("insufficient_quota", "billing_hard_limit_reached", "insufficient_funds")
# What may be left out of a request, if a server does not know it: none of them changes what is drawn, but for which of
# the like draws it is.
OPTIONAL = ("seed", "n", "max_tokens")


class Fault(Exception):
    """A try failed in a way that another may not; `wait_s` is the pause that the server asked for."""

    def __init__(self, reason: str, *, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Refused(Exception):
    """The server understood the request and will not answer it. `about` is the option that it names, if any."""

    def __init__(self, reason: str, *, about: str = "") -> None:
        super().__init__(reason)
        self.about = about


def body(
    request: Request, indices: tuple[int, ...], sampling: Sampling, *, model: str, url: str, knows: set[str]
) -> dict[str, Any]:
    """The JSON of a request; `knows` are the OPTIONAL options that the server takes."""
    content: dict[str, Any] = {"model": model, "temperature": sampling.temperature, "top_p": sampling.top_p}
    content["max_tokens" if "max_tokens" in knows else "max_completion_tokens"] = sampling.max_tokens
    if "seed" in knows:
        content["seed"] = seed(sampling.seed, request.problem_id, indices[0])
    if len(indices) > 1:
        content["n"] = len(indices)
    if url.endswith("/chat/completions"):
        system = [{"role": "system", "content": request.system}] if request.system else []
        return content | {"messages": [*system, {"role": "user", "content": request.prompt}]}
    return content | {"prompt": f"{request.system}\n{request.prompt}" if request.system else request.prompt}


def seed(base: int, problem_id: str, index: int) -> int:
    """The seed of one completion: 31 bits that depend on nothing else."""
    digest = hashlib.sha256(f"{base} {problem_id} {index}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1


def estimate(request: Request, count: int, sampling: Sampling) -> Usage:
    """The most that a request is likely to take."""
    prompt = len(f"{request.system}{request.prompt}".encode(errors="replace")) // BYTES_A_TOKEN + OVERHEAD
    return Usage(requests=1, prompt_tokens=prompt, completion_tokens=count * sampling.max_tokens)


def read(
    reply: tuple[int, Mapping[str, str], bytes], asked: Mapping[str, Any], expected: Usage
) -> tuple[list[tuple[str, FinishReason]], Usage]:
    """The texts of a reply with why they end, and what they took; as many as came, at most as many as asked for.

    Raises:
        Fault: the reply is none, and another try may bring one. Refused: the server will not answer this request.
        UsageError: it answers nothing as it is asked: wrong key, model or address. RtlscribeError: no credit is left.
    """
    status, headers, content = reply
    if status != 200:
        raise _trouble(status, headers, content)
    try:
        said = json.loads(content)
        choices = [_choice(choice) for choice in said["choices"]][: asked.get("n", 1)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Fault(f"a reply that is no completion ({type(error).__name__}): {_excerpt(content)}") from error
    if not choices:
        raise Fault(f"a reply without choices: {_excerpt(content)}")
    return choices, _usage(said.get("usage"), choices, expected)


def _choice(choice: Any) -> tuple[str, FinishReason]:
    """The text of one choice and why it ends."""
    reason = choice.get("finish_reason")
    if reason == "content_filter":
        raise Refused("the server's content filter held the answer back")
    if reason not in FINISHED:
        raise Fault(f"an answer that did not end (finish_reason {reason!r})")
    message = choice.get("message")
    text = message.get("content") if message is not None else choice.get("text")
    if text is None and message and message.get("refusal"):
        text = message["refusal"]
    if text is None and FINISHED[reason] == "length":
        text = ""  # all of it went into thinking, which is not given
    if not isinstance(text, str):
        raise Fault("an answer without text")
    return text, FINISHED[reason]


def _usage(told: Any, choices: list[tuple[str, FinishReason]], expected: Usage) -> Usage:
    """The tokens as the server counted them, or else an estimate."""
    counts = [told.get(name) if isinstance(told, dict) else None for name in ("prompt_tokens", "completion_tokens")]
    if all(isinstance(count, int) and count >= 0 for count in counts):
        return Usage(requests=1, prompt_tokens=int(counts[0] or 0), completion_tokens=int(counts[1] or 0))
    completion = sum(len(text.encode(errors="replace")) // BYTES_A_TOKEN + 1 for text, _ in choices)
    return Usage(
        requests=1,
        prompt_tokens=expected.prompt_tokens,
        completion_tokens=completion,
        estimated=expected.prompt_tokens + completion,
    )


def _trouble(status: int, headers: Mapping[str, str], content: bytes) -> Exception:
    """What a status other than 200 means."""
    message, about = _message(content)
    told = f"status {status}{f', {message}' if message else ''}"
    if status in (401, 403):
        return UsageError(f"the server refuses the key ({told}); set RTLSCRIBE_API_KEY or OPENAI_API_KEY")
    if status in (404, 405) or 300 <= status < 400:
        return UsageError(f"the server has no such model, or the URL is not its base, often .../v1 ({told})")
    if status == 402 or any(word in content.decode(errors="replace") for word in OUT_OF_CREDIT):
        return RtlscribeError(f"the server says that the account has no credit left ({told})")
    if status in TRY_AGAIN or status >= 500:
        return Fault(told, wait_s=retry_after_s(headers))
    if status in REFUSED:
        return Refused(told, about=about)
    return Fault(told)


def _message(content: bytes) -> tuple[str, str]:
    """What the server says of an error, and which option it is about, where it says so."""
    try:
        said = json.loads(content)
        error = said.get("error", said) if isinstance(said, dict) else said
    except (ValueError, RecursionError):
        return _excerpt(content), ""
    if isinstance(error, dict):
        text = str(error.get("message") or error.get("detail") or error)
        named = str(error.get("param") or "")
    else:
        text, named = str(error), ""
    if named in OPTIONAL:
        return text, named
    words = set(re.findall(r"[`'\"](\w+)[`'\"]|\b(max_tokens|seed)\b", text))
    found = {word for pair in words for word in pair if word in OPTIONAL}
    return text, min(found, default="")


def without(knows: set[str], refused: Refused, asked: Mapping[str, Any]) -> bool:
    """Give up the option that a refusal is about. False where the request had none such."""
    knows.discard(refused.about)
    return refused.about in asked


def retry_after_s(headers: Mapping[str, str]) -> float:
    """The pause that a reply asks for, in seconds or as a date (RFC 9110, 10.2.3); 0 where it does not."""
    try:
        if "retry-after-ms" in headers:
            wait_s = float(headers["retry-after-ms"]) / 1000
        else:
            wait_s = float(headers.get("retry-after", 0))
    except ValueError:
        try:
            wait_s = email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
        except (ValueError, TypeError, LookupError, OverflowError):
            return 0.0
    return min(wait_s, LONGEST_PAUSE_S) if wait_s > 0 else 0.0


def backoff_s(tries: int, first_s: float) -> float:
    """The pause after so many failed tries: doubled each time, and jittered so that those who fail together part."""
    longest = min(LONGEST_WAIT_S, first_s * 2.0 ** min(tries, 16))
    return longest * random.uniform(0.5, 1.0)


def tidy(text: str) -> str:
    """One line, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 3]}..."


def _excerpt(content: bytes) -> str:
    return tidy(content[: 4 * LONGEST_REASON].decode(errors="replace"))[:120]

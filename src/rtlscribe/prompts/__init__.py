"""The words given to a model: templates, rendering, and their token ids. Training and inference both come through here.

Does not load tokenizers or models.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import jinja2

from rtlscribe.errors import UsageError

_SHIPPED = resources.files(__name__)


class Tokenizer(Protocol):
    """What is used of a Hugging Face tokenizer."""

    chat_template: Any
    eos_token_id: int

    def __call__(self, text: str, *, add_special_tokens: bool) -> Any: ...
    def apply_chat_template(self, conversation: Any, *, add_generation_prompt: bool, tokenize: bool) -> Any: ...


def names() -> list[str]:
    """The shipped templates."""
    return sorted(f.name.removesuffix(".jinja") for f in _SHIPPED.iterdir() if f.name.endswith(".jinja"))


def template_file(name: str) -> dict[str, Path]:
    """The input that a template of the user's is to a run, by the option's name; nothing for a shipped one."""
    return {"prompt": Path(name)} if name.endswith(".jinja") else {}


class Template:
    """A prompt template: a shipped name ("rtlcoder") or the path of a Jinja file of the user's.

    Raises:
        UsageError: there is no such template, or it is not valid Jinja.
    """

    def __init__(self, name: str) -> None:
        place = Path(name) if name.endswith(".jinja") else _SHIPPED / f"{name}.jinja"
        self._name = name
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
        try:
            self._template = environment.from_string(place.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(
                f"no prompt template {name!r}; there are: {', '.join(names())}, or a path that ends in .jinja"
            ) from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{name} is no text in UTF-8: {error}") from error
        except jinja2.TemplateSyntaxError as error:
            raise UsageError(f"{name}, line {error.lineno}: {error.message}") from error

    def render(self, *, instruction: str, header: str) -> str:
        """The prompt for one instruction; `header` may be empty.

        Raises:
            UsageError: the template uses a name that it is not given, or fails in another way.
        """
        try:
            return self._template.render(instruction=instruction.strip("\n"), header=header.strip("\n"))
        except Exception as error:  # whatever a template of the user's does
            raise UsageError(f"prompt template {self._name}: {error}; it is given: instruction, header") from error


def prompt_ids(tokenizer: Tokenizer, prompt: str, *, system: str = "") -> list[int]:
    """Token ids of a prompt, as a chat turn where the tokenizer has a chat template, else as plain text.

    `system` is a turn before it; in plain text, and where the template knows no such turn, a line before it.
    """
    if tokenizer.chat_template:
        text = _chat(tokenizer, prompt, system)
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    ids = list(tokenizer(_joined(system, prompt), add_special_tokens=True)["input_ids"])
    # Some tokenizers end every text with EOS, after which a model has nothing to say.
    return ids[:-1] if ids and ids[-1] == tokenizer.eos_token_id else ids


def _chat(tokenizer: Tokenizer, prompt: str, system: str) -> str:
    turns = [{"role": "user", "content": prompt}]
    if system:
        try:
            return str(
                tokenizer.apply_chat_template(
                    [{"role": "system", "content": system}, *turns], add_generation_prompt=True, tokenize=False
                )
            )
        except jinja2.TemplateError:  # "System role not supported", says Gemma's
            turns = [{"role": "user", "content": _joined(system, prompt)}]
    return str(tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))


def _joined(system: str, prompt: str) -> str:
    return f"{system}\n{prompt}" if system else prompt


def response_ids(tokenizer: Tokenizer, response: str) -> list[int]:
    """Token ids of a response with its end token; no second BOS, so prompt and response ids can be joined."""
    return [*tokenizer(response, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]

"""How fast a model answers, in the words that vLLM users compare. Measures from outside; does not ask the model."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rtlscribe.models.budget import Usage


@dataclass
class Speed:
    """Prompts answered and their tokens, over the time spent with the model; the clock runs between go and stop."""

    prompts: int = 0
    used: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    _since: float | None = None

    def go(self) -> None:
        self._since = time.monotonic()

    def stop(self) -> None:
        self.seconds = self.so_far
        self._since = None

    def answered(self, usage: Usage) -> None:
        self.prompts += 1
        if usage.requests:
            self.used += usage

    @property
    def so_far(self) -> float:
        return self.seconds + (time.monotonic() - self._since if self._since is not None else 0.0)

    def rate(self, count: float) -> float:
        """`count` a second."""
        return count / self.so_far if self.so_far > 0 else 0.0

    def __str__(self) -> str:
        """As in "19.43 it/s, input speed: 11210.49 tokens/s, output speed: 2479.68 tokens/s"."""
        text = f"{self.rate(self.prompts):.2f} it/s"
        if self.used.tokens:
            about = "est. " if self.used.estimated else ""
            text += f", {about}input speed: {self.rate(self.used.prompt_tokens):.2f} tokens/s"
            text += f", {about}output speed: {self.rate(self.used.completion_tokens):.2f} tokens/s"
        return text

    def line(self, model: str) -> str:
        """As in "Llama-3.1-8B: 1000 prompts @ 00:41, 24.36 it/s, ..."."""
        minutes, seconds = divmod(round(self.so_far), 60)
        return f"{model}: {self.prompts} prompts @ {minutes:02}:{seconds:02}, {self}"

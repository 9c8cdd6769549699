"""Open the model that `transform` is to ask. Asks nothing."""

from __future__ import annotations

from rtlscribe.models.base import Model, open_model
from rtlscribe.models.vllm import Engine as Settings
from rtlscribe.models.vllm import VllmModel


def load(name: str, settings: Settings, *, concurrency: int = 32) -> Model:
    """The model BACKEND:NAME. `settings` are for vLLM, `concurrency` for others.

    Raises:
        UsageError: there is no such model. MissingToolError: its engine is not installed.
    """
    backend, _, rest = name.partition(":")
    return VllmModel(rest, engine=settings) if backend == "vllm" else open_model(name, batch_size=concurrency)

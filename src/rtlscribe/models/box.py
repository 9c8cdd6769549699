"""The small model that comes with the package, by whichever engine is quickest here. Loads no other.

Its weights are data of the package: the folder `box` for transformers, and in it `model.gguf` for llama.cpp. The two
answer nearly alike, not word for word.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import rtlscribe
from rtlscribe.errors import MissingToolError, UsageError
from rtlscribe.models.base import Model, open_model

FOLDER = Path(rtlscribe.__file__).parent / "box"
ONLY = "small"
NAME = f"box:{ONLY}"


class Engine(NamedTuple):
    """What a back end needs, and what it reads."""

    package: str
    path: Path


# The quicker to open first.
ENGINES = {"gguf": Engine("xllamacpp", FOLDER / "model.gguf"), "hf": Engine("transformers", FOLDER)}
WITHOUT_ENGINE = (
    f"the model that comes with rtlscribe ({NAME}) runs by llama.cpp or by transformers, and neither is installed: "
    "pip install xllamacpp (the smaller by far), or pip install -e '.[hf]' in the project's folder"
)


def open_box(name: str, *, batch_size: int = 32) -> Model:
    """The model in the box, by the engine that is here. Raises as `backend_of`."""
    backend = backend_of(name)
    model = open_model(f"{backend}:{ENGINES[backend].path}", batch_size=batch_size)
    model.name = NAME
    return model


def backend_of(name: str = ONLY) -> str:
    """The back end that runs the model in the box: gguf where llama.cpp is installed, else hf. Opens nothing.

    Raises:
        UsageError: the box has no such model. MissingToolError: neither engine is installed.
    """
    if name != ONLY:
        raise UsageError(f"there is no model {name!r} in the box; there is {NAME}")
    for backend, engine in ENGINES.items():
        if importlib.util.find_spec(engine.package):
            return backend
    raise MissingToolError(WITHOUT_ENGINE)

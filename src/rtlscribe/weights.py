"""Which files of a model folder hold its weights. Reads none of them."""

from __future__ import annotations

import json
from pathlib import Path


def weight_files(folder: Path) -> list[Path]:
    """The .safetensors files that transformers reads, in order.

    Some repositories also hold the same weights in the form of their authors (`consolidated.safetensors`).
    """
    index = folder / "model.safetensors.index.json"
    try:
        named = set(json.loads(index.read_text())["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return sorted(folder.glob("model*.safetensors"))
    return sorted(folder / name for name in named)

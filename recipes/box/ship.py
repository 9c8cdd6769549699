"""Puts a trained model into the package: half precision for transformers, 8 bits for llama.cpp, tokenizer and card.

python recipes/box/ship.py runs/box/mle/model runs/box/8-bit/model-Q8_0.gguf src/rtlscribe/box
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

ABOUT = Path(__file__).parent / "about.md"  # what its card says of this model besides
LIMIT_MB = 16
READABLE = 0o644


def main(model: Path, gguf: Path, box: Path) -> None:
    box.mkdir(parents=True, exist_ok=True)
    AutoModelForCausalLM.from_pretrained(model, dtype=torch.float16).save_pretrained(box)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(model / name, box / name)
    shutil.copy(gguf, box / "model.gguf")
    (box / "README.md").write_text((model.parent / "README.md").read_text() + ABOUT.read_text())
    for path in box.iterdir():
        path.chmod(READABLE)
    size = sum(path.stat().st_size for path in box.iterdir()) / 1e6
    if size > LIMIT_MB:
        sys.exit(f"{box} has {size:.1f} MB; {LIMIT_MB} are allowed")
    print(f"{box}: {size:.1f} MB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

"""What a model is called: for the table of engines, in file names, in the line of speeds. Opens nothing."""

from __future__ import annotations

from pathlib import Path


def full(model: str) -> str:
    """BACKEND:NAME; a bare name is vLLM's, as in the script that `transform` takes the place of."""
    return model if ":" in model else f"vllm:{model}"


def short(model: str) -> str:
    """Without back end, organisation, folders and server; of RUN/model, the run's name."""
    name = full(model).partition(":")[2].partition("@http")[0].rstrip("/")
    path = Path(name)
    last = path.parent.name if path.name == "model" and path.parent.name else path.name
    return last.removesuffix(".jsonl").replace(":", "-") or "model"


def output_file(source: Path, model: str, field: str) -> Path:
    """<input>_<model>_<field> beside the input."""
    return source.with_name(f"{source.stem}_{short(model)}_{field}{source.suffix or '.json'}")

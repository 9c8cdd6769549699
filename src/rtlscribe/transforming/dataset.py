"""The transformer as a stage of a Ray Data pipeline, for Parquet and whatever else Ray Data reads. Imports no Ray.

    rows = ray.data.read_parquet("rows/")
    rows = rows.map_batches(
        Transformer,
        fn_constructor_kwargs={"model": "vllm:MODEL", "given": "instruction", "wanted": "verilog"},
        concurrency=4,  # replicas of the model
        num_gpus=1,
        batch_size=512,
    )
    rows.write_parquet("done/")

Blocks are read, transformed and written as a stream; Ray does again what a lost node had under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rtlscribe.models.vllm import Engine as Settings
from rtlscribe.prompts.pairs import Words
from rtlscribe.records import Sampling
from rtlscribe.replicated import Here
from rtlscribe.transforming import names
from rtlscribe.transforming.answers import Field
from rtlscribe.transforming.checks import Checks
from rtlscribe.transforming.load import load
from rtlscribe.transforming.merge import key_of
from rtlscribe.transforming.work import Ask, Engine, Made, Unanswered, transform

DEFAULT = Sampling(temperature=0.4, top_p=0.9, max_tokens=200)  # as of the command
SETTINGS = Settings()


class Transformer:
    """Gives each row the field `wanted`, made of its field `given`, and `<wanted>_fault`: why not, "" if all is well.

    A row without a new value keeps the one that it had, else has none. `settings` are for vLLM, the rest is as in
    `rtlscribe transform`.

    Raises:
        UsageError: there is no such model, or a folder of prompts that is not as it should be.
        MissingToolError: the engine is not installed.
    """

    def __init__(
        self,
        model: str,
        given: Field,
        wanted: Field,
        *,
        sampling: Sampling = DEFAULT,
        retries: int = 2,
        prompts: Path | None = None,
        settings: Settings = SETTINGS,
    ) -> None:
        self._given, self._wanted, self._retries = given, wanted, retries
        words = Words(given, wanted, folder=prompts)
        models = Here(load(names.full(model), settings))
        self._engine = Engine(models, words, sampling, stop_at_end=wanted == "verilog")

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        texts = [text if isinstance(text, str) and text.strip() else "" for text in batch[self._given].tolist()]
        asks = {text: Ask(key=key_of(text).hex(), text=text) for text in texts if text}
        with Checks(self._wanted, workers=1) as checks:
            results = transform(asks.values(), self._engine, checks, batch_size=len(texts), retries=self._retries)
            found: dict[str, Made | Unanswered] = {item.key: item for item in results}
        values = list(batch[self._wanted]) if self._wanted in batch else [None] * len(texts)
        faults = []
        for place, text in enumerate(texts):
            item = found[asks[text].key] if text else None
            if isinstance(item, Made) and not item.fault:
                values[place] = item.value
                faults.append("")
            elif item:
                faults.append(item.fault if isinstance(item, Made) else item.error)
            else:
                faults.append(f"no text in its {self._given!r}")
        made = {self._wanted: values, f"{self._wanted}_fault": faults}
        return dict(batch) | {name: np.array(column, dtype=object) for name, column in made.items()}

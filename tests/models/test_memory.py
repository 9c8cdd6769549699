"""What a model wants of memory is counted from its files, and what it has taken is told by the system."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rtlscribe.errors import RtlscribeError, UsageError
from rtlscribe.models.memory import answering_bytes, available_bytes, peak_bytes, refuse_too_large, widened_bytes

GIB = 1 << 30


def test_narrow_numbers_are_widened_and_others_are_not(tmp_path: Path) -> None:
    kinds = {"a": torch.bfloat16, "b": torch.float16, "c": torch.float32, "d": torch.int8, "e": torch.int32}
    save_file({name: torch.zeros(10, 3, dtype=kind) for name, kind in kinds.items()}, tmp_path / "model-1.safetensors")
    save_file({"f": torch.zeros(5)}, tmp_path / "model-2.safetensors", metadata={"format": "pt"})
    assert widened_bytes(tmp_path, width=4) == 30 * (4 + 4 + 4 + 1 + 4) + 20
    assert widened_bytes(tmp_path, width=2) == 30 * (2 + 2 + 4 + 1 + 4) + 20
    for number, damaged in enumerate((b"", b"\x10", b"\x05" + b"\0" * 7 + b"{{{{{", b"\xff" * 40)):
        (tmp_path / f"model damaged {number}.safetensors").write_bytes(damaged)
    assert widened_bytes(tmp_path, width=2) == 30 * (2 + 2 + 4 + 1 + 4) + 20
    assert widened_bytes(tmp_path / "nowhere", width=4) == 0


def test_a_model_that_does_not_fit_is_refused_from_its_head_alone(tmp_path: Path) -> None:
    head = json.dumps({"w": {"dtype": "BF16", "shape": [1 << 20, 1 << 20], "data_offsets": [0, 1 << 41]}}).encode()
    (tmp_path / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head)
    wanted = widened_bytes(tmp_path, width=4)
    assert wanted == 4096 * GIB
    with pytest.raises(UsageError, match=r"^big takes 4096\.0 GiB of memory, and \d+\.\d GiB are free: .*fewer bits"):
        refuse_too_large("big", wanted)
    refuse_too_large("small", 1)


def test_free_memory_is_less_than_all() -> None:
    free = available_bytes()
    assert free is not None
    assert 0 < free <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_the_most_that_an_answering_model_had(tmp_path: Path) -> None:
    (tmp_path / "said.jsonl").write_text('{"problem_id": "*", "text": "module m; endmodule"}\n')
    assert 5 << 20 < answering_bytes(f"scripted:{tmp_path / 'said.jsonl'}") < peak_bytes() + (50 << 20)
    with pytest.raises(RtlscribeError, match=r"^scripted:nowhere does not answer: cannot read nowhere"):
        answering_bytes("scripted:nowhere")

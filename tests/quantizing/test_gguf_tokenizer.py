"""llama.cpp makes the same tokens of Verilog as the tokenizer that the file was made of, whatever its kind."""

from pathlib import Path
from typing import Any

import pytest
from tests.fakes.llama_server import serving
from tests.fakes.small_models import byte_level, random_model, sentencepiece, verilog
from tests.quantizing.conftest import WITHOUT
from tokenizers import pre_tokenizers

if WITHOUT:
    pytest.skip("gguf and xllamacpp are not installed: pip install -e '.[gguf]'", allow_module_level=True)

from rtlscribe.errors import UsageError
from rtlscribe.quantizing.gguf_tokenizer import RULES
from rtlscribe.quantizing.gguf_writer import write
from rtlscribe.training.scratch import build_tokenizer

TEXTS = verilog(60)
NASTY = [
    "module a(input[7:0]x,\n\t\toutput   [15:0]  y );\r\n\r\n  // it's 50 % of the µ-code, größer als 0xFF\r\n",
    "assign y={4'd10,8'hFf,16'sb0101_1100,1'bx}+x**2>>>1; /* 中文 */ `define W 8\n\n\n\n   \n`ifdef  W\n",
    "localparam real PI=3.14159; wire \\esc@ped! ; $display(\"%0d\\n\", a_b_c1); always@(*)begin end    ",
    "   leading, trailing   \n", "\n", " ", "we'll they're I'd", "\t\tif (a&&b||!c) q<=#1 ~{3{d[i+:4]}};\n\t\telse\n",
    "a  b   c\n d", "12345 1_000", "<|end|>module<|begin|> m;",
]  # fmt: skip
# As the files of the real models have them, beside the patterns of RULES.
STEPS: dict[str, list[Any]] = {
    "gpt-2": [pre_tokenizers.ByteLevel(add_prefix_space=False)],
    "starcoder": [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)],
}


def same_tokens(tokenizer: Any, folder: Path) -> list[str]:
    """The texts of which llama.cpp makes other tokens."""
    random_model(folder, tokenizer, num_hidden_layers=1)
    write(folder, folder / "model.gguf", type="F16")
    with serving(folder / "model.gguf") as llama:
        return [t for t in TEXTS + NASTY if llama.tokens(t) != tokenizer(t, add_special_tokens=False)["input_ids"]]


@pytest.mark.parametrize("key", RULES, ids=RULES.values())
def test_each_rule(key: tuple[tuple[str, ...], bool], tmp_path: Path) -> None:
    patterns, ignore_merges = key
    steps = STEPS.get(RULES[key], list(patterns))
    tokenizer = byte_level(steps, TEXTS, ignore_merges=ignore_merges)
    assert same_tokens(tokenizer, tmp_path) == []
    assert len(tokenizer(TEXTS[0])["input_ids"]) < len(TEXTS[0]) / 2


def test_new_models(tmp_path: Path) -> None:
    assert same_tokens(build_tokenizer(TEXTS, 600), tmp_path) == []


def test_the_kind_of_llama_2(tmp_path: Path) -> None:
    assert same_tokens(sentencepiece(TEXTS), tmp_path) == []


def test_a_way_of_splitting_without_a_name_is_refused(tmp_path: Path) -> None:
    random_model(tmp_path, byte_level([r" ?[A-Za-z_]+|[0-9]| ?[^\sA-Za-z_0-9]+|\s+"], TEXTS))
    with pytest.raises(UsageError, match="it knows: gpt-2, starcoder, llama-bpe, qwen2"):
        write(tmp_path, tmp_path / "model.gguf", type="F16")
    assert list(tmp_path.glob("*gguf*")) == []

"""A GGUF file says what its model folder says: every family, positions of every kind; and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.fakes.llama_server import serving
from tests.fakes.small_models import WORDS, byte_level, random_model, verilog
from tests.quantizing.conftest import LEARNT, WITHOUT
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

if WITHOUT:
    pytest.skip("gguf and xllamacpp are not installed: pip install -e '.[gguf]'", allow_module_level=True)

from rtlscribe.errors import UsageError
from rtlscribe.models.base import Request, open_model
from rtlscribe.quantizing.gguf_writer import write
from rtlscribe.records import Sampling

TEXTS = verilog(30)
LLAMA3 = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
NEARLY = 0.05  # of logits: what numbers of 16 bits may make of equal ones
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "llama, tied": {"tie_word_embeddings": True, "num_key_value_heads": 4},
    "llama with biases": {"attention_bias": True},
    "llama, positions as deepseek-coder's": {
        "rope_parameters": {"rope_type": "linear", "rope_theta": 1e5, "factor": 4.0}
    },
    "llama, positions as llama 3's": {"rope_parameters": LLAMA3 | {"original_max_position_embeddings": 64}},
    "mistral": {"kind": "mistral", "head_dim": 32, "sliding_window": None},
    "qwen2": {"kind": "qwen2", "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}},
    "qwen2, positions by yarn": {
        "kind": "qwen2",
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": 1e4,
            "factor": 4.0,
            "original_max_position_embeddings": 128,
        },
    },
    "qwen3": {"kind": "qwen3", "head_dim": 32, "vocab_size": 800},
}


@pytest.mark.parametrize("case", FAMILIES)
def test_the_likeliest_token_is_that_of_transformers(case: str, tmp_path: Path) -> None:
    tokenizer = byte_level([WORDS], TEXTS)
    model = random_model(tmp_path, tokenizer, **FAMILIES[case])
    prompts = [tokenizer(text)["input_ids"][: 20 + 15 * number] for number, text in enumerate(TEXTS[:16])]
    write(tmp_path, tmp_path / "model.gguf", type="F16")
    with serving(tmp_path / "model.gguf") as llama:
        ours = [llama.likeliest(ids) for ids in prompts]
    for ids, token in zip(prompts, ours, strict=True):
        logits = model(torch.tensor([ids])).logits[0, -1]
        assert logits[token] > logits.max() - NEARLY
    assert len(set(ours)) > 8


@pytest.mark.parametrize("type", ["F16", "Q8_0"])
def test_the_greedy_text_of_a_trained_model_is_that_of_transformers(
    type: str, trained: Path, files: dict[str, Path]
) -> None:
    asked = [text[: text.index(end) + len(end)] for text in LEARNT for end in ("bits\n", "output [")]
    requests = [Request(problem_id=prompt, prompt=prompt, indices=(0,)) for prompt in asked]
    sampling = Sampling(max_tokens=80)
    ours, theirs = (
        {c.problem_id: (c.text, c.finish_reason) for c in open_model(name).complete(requests, sampling=sampling)}
        for name in (f"gguf:{files[type]}", f"hf:{trained}")
    )
    assert ours == theirs
    assert all(ours[text.partition("\n")[0] + "\n"] == (text.partition("\n")[2], "stop") for text in LEARNT)


def test_types_and_sizes(files: dict[str, Path]) -> None:
    import gguf

    sizes = {type: path.stat().st_size for type, path in files.items()}
    assert sizes["Q4_0"] < sizes["Q8_0"] < sizes["F16"]
    kinds = {type: {t.name: t.tensor_type.name for t in gguf.GGUFReader(path).tensors} for type, path in files.items()}
    for type, told in kinds.items():
        assert told["blk.0.attn_norm.weight"] == "F32"
        assert told["blk.1.ffn_up.weight"] == type
        assert told["token_embd.weight"] == ("Q8_0" if type == "Q4_0" else type)


def test_a_model_in_several_files_of_bf16(trained: Path, files: dict[str, Path], tmp_path: Path) -> None:
    whole = AutoModelForCausalLM.from_pretrained(trained, dtype=torch.bfloat16)
    whole.save_pretrained(tmp_path, max_shard_size="100KB")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    write(tmp_path, tmp_path / "model.gguf", type="F16")
    assert (tmp_path / "model.gguf").stat().st_size == files["F16"].stat().st_size


def test_a_chat_template_is_used(trained: Path, tmp_path: Path) -> None:
    for path in trained.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    told = json.loads((tmp_path / "tokenizer_config.json").read_text())
    turns = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    template = turns + "{% if add_generation_prompt %}a wire{% endif %}"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told | {"chat_template": template}))
    write(tmp_path, tmp_path / "model.gguf", type="F16")
    requests = [Request(problem_id=text, prompt=text, system="Write!", indices=(0,)) for text in LEARNT[:4]]
    ours, theirs = (
        {c.problem_id: c.text for c in open_model(name).complete(requests, sampling=Sampling(max_tokens=40))}
        for name in (f"gguf:{tmp_path / 'model.gguf'}", f"hf:{tmp_path}")
    )
    assert ours == theirs


def changed(folder: Path, **settings: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | settings))


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def other(folder: Path) -> None:
    GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=50)).save_pretrained(folder)


REFUSED = {
    "another family": (other, r"is a GPT2LMHeadModel; a GGUF is written here of Llama.*convert_hf_to_gguf\.py"),
    "no model": (lambda folder: (folder / "config.json").unlink(), r"no model folder: it has no config\.json"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), r"has no \.safetensors files"),
    "cut weights": (cut, "cannot read the weights .*is the file whole"),
    "quantized": (lambda folder: changed(folder, quantization_config={"quant_method": "gptq", "bits": 4}), "already"),
    "other positions": (
        lambda folder: changed(folder, rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}),
        "positions scaled as 'dynamic'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    spoil, words = REFUSED[case]
    random_model(tmp_path, byte_level([WORDS], TEXTS))
    spoil(tmp_path)
    with pytest.raises(UsageError, match=words):
        write(tmp_path, tmp_path / "model.gguf", type="Q4_0")
    assert list(tmp_path.glob("*gguf*")) + list(tmp_path.glob(".*gguf*")) == []

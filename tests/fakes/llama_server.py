"""A real OpenAI-compatible server, llama.cpp's, with a small Llama of ours: the model folder as GGUF, then served.

    python llama_server.py MODEL_FOLDER GGUF

The port is printed on stdout. Wants the packages gguf and xllamacpp.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

CONTEXT = 2048
SLOTS = 4


def convert(folder: Path, target: Path) -> None:
    """Write a Llama with a byte-level BPE tokenizer, as `rtlscribe new-model` makes it, as a GGUF file in float32."""
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    special = json.loads((folder / "tokenizer_config.json").read_text())
    heads, shared = config["num_attention_heads"], config.get("num_key_value_heads", config["num_attention_heads"])
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(shared)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    rope = config.get("rope_parameters") or {}
    writer.add_rope_freq_base(rope.get("rope_theta", config.get("rope_theta", 10000.0)))
    writer.add_vocab_size(config["vocab_size"])
    ids = tokenizer["model"]["vocab"] | {t["content"]: t["id"] for t in tokenizer["added_tokens"]}
    names = {number: name for name, number in ids.items()}
    tokens = [names.get(number, f"<unused {number}>") for number in range(config["vocab_size"])]
    added = {t["id"] for t in tokenizer["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [gguf.TokenType.CONTROL if n in added else gguf.TokenType.NORMAL for n in range(len(tokens))]
    )
    writer.add_token_merges([" ".join(m) if isinstance(m, list) else m for m in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(ids[special["eos_token"]])
    if special.get("bos_token"):
        writer.add_bos_token_id(ids[special["bos_token"]])
    writer.add_add_bos_token(False)
    writer.add_chat_template("{% for m in messages %}{{ m['content'] }}\n{% endfor %}")
    names_of = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, values in weights.items():
        values = values.astype(np.float32)
        if name.endswith(("q_proj.weight", "k_proj.weight")):  # GGUF interleaves what transformers keeps in halves
            count = heads if "q_proj" in name else shared
            shape = (count, 2, values.shape[0] // count // 2, *values.shape[1:])
            values = values.reshape(shape).swapaxes(1, 2).reshape(values.shape)
        writer.add_tensor(names_of.get_name(name, try_suffixes=(".weight",)), np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    import xllamacpp

    target = Path(sys.argv[2])
    convert(Path(sys.argv[1]), target)
    options = xllamacpp.CommonParams()
    options.model.path = str(target)
    options.n_ctx = CONTEXT * SLOTS
    options.n_parallel = SLOTS
    options.hostnames = ["127.0.0.1"]
    options.port = 0
    options.cpuparams.n_threads = 1
    options.warmup = False
    server = xllamacpp.Server(options)
    print(server.listening_address.rpartition(":")[2], flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()

"""Tokens a second of answers on this machine: transformers' own generate(), our loop over transformers, llama.cpp.

    python benchmarks/answering.py runs/demo/scoring/model --gguf runs/demo/4-bit/model-Q4_0.gguf --write

The same prompts, as many sampled answers to each, and the same limits for all. Each answer is counted by the model's
own tokenizer. generate() is given whole batches of the same size as our loop, padded as it wants them, each prompt once
for each of its answers (num_return_sequences), which is how its documentation has it done.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from telling import Telling

from rtlscribe.benchmarks.base import load_problems
from rtlscribe.models.base import Request, open_model
from rtlscribe.models.hf import load
from rtlscribe.prompts import Template
from rtlscribe.records import Sampling


def plain(path: str, prompts: list[str], sampling: Sampling, batch_size: int) -> Iterator[str]:
    """The answers by generate() of transformers."""
    model, tokenizer = load(path)
    tokenizer.padding_side = "left"
    together = max(1, batch_size // sampling.n)
    prompts = sorted(prompts, key=lambda prompt: len(tokenizer(prompt).input_ids))
    torch.manual_seed(sampling.seed)
    for start in range(0, len(prompts), together):
        batch = tokenizer(prompts[start : start + together], return_tensors="pt", padding=True)
        output = model.eval().generate(
            **batch,
            max_new_tokens=sampling.max_tokens,
            do_sample=True,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=0,
            num_return_sequences=sampling.n,
        )
        yield from tokenizer.batch_decode(output[:, batch.input_ids.shape[1] :], skip_special_tokens=True)


def ours(name: str, prompts: list[str], sampling: Sampling, batch_size: int) -> Iterator[str]:
    """The answers by one of our engines."""
    model = open_model(name, batch_size=batch_size)
    indices = tuple(range(sampling.n))
    asked = [Request(problem_id=str(number), prompt=prompt, indices=indices) for number, prompt in enumerate(prompts)]
    for completion in model.complete(asked, sampling=sampling):
        yield completion.text


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="folder of a transformers model")
    parser.add_argument("--gguf", type=Path, nargs="*", default=[], help="the same model for llama.cpp")
    parser.add_argument("--problems", type=int, default=32, help="of the benchmark held-out")
    parser.add_argument("--n", type=int, default=20, help="answers to each")
    parser.add_argument("--temperature", type=float, default=0.5)
    parser.add_argument("--max-tokens", type=int, default=320)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of every engine")
    parser.add_argument("--write", action="store_true", help="keep the table in results/answering.md")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    os.environ["OMP_NUM_THREADS"] = str(given.threads)  # llama.cpp's, by our engine
    torch.set_num_threads(given.threads)
    template = Template("rtlcoder")
    problems = load_problems("held-out")[: given.problems]
    prompts = [template.render(instruction=p.text, header=p.header) for p in problems]
    sampling = Sampling(n=given.n, temperature=given.temperature, top_p=0.95, max_tokens=given.max_tokens)
    asked = (prompts, sampling, given.batch_size)
    model, tokenizer = load(given.model)
    ways: dict[str, Callable[[], Iterator[str]]] = {
        "transformers, generate()": partial(plain, given.model, *asked),
        "transformers, our loop": partial(ours, f"hf:{given.model}", *asked),
    }
    for path in given.gguf:
        ways[f"llama.cpp, {path.name}"] = partial(ours, f"gguf:{path}", *asked)
    tell = Telling()
    tell(f"{len(prompts)} prompts, {given.n} answers each, batches of {given.batch_size}, {given.threads} threads.")
    tell()
    tell("| engine | answers | tokens | seconds | tokens/s | against generate() |")
    tell("|---|---|---|---|---|---|")
    base = 0.0
    for name, way in ways.items():
        begun = time.monotonic()
        answers = list(way())
        seconds = time.monotonic() - begun
        tokens = sum(len(ids) for ids in tokenizer(answers, add_special_tokens=False).input_ids)
        base = base or tokens / seconds
        tell(
            f"| {name} | {len(answers)} | {tokens:,} | {seconds:.1f} | {tokens / seconds:,.0f} "
            f"| {tokens / seconds / base:.2f} x |"
        )
    if given.write:
        size = f"{model.num_parameters() / 1e6:.1f} million parameters"
        tell.keep("answering", f"{size}, {given.n} answers to {len(prompts)} prompts, {given.threads} threads")


if __name__ == "__main__":
    main()

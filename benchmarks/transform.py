"""What `rtlscribe transform` adds to a model's own time. Not part of the test suite.

    python benchmarks/transform.py overhead [--rows 50000]
    python benchmarks/transform.py paired MODEL [--prompts 200]       wants vLLM

overhead: rows a second through reading, rendering, checking and writing, with the scripted model, which takes no time.
    In seconds of the clock and of the processor: on a busy machine the second is what counts.
paired: the same prompts through vLLM's own generate() and through the command's loop, in turn, in one process.
Engine settings are compared by `rtlscribe bench transform`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RTLSCRIBE = [sys.executable, "-c", "from rtlscribe.cli import main; main()"]
CODE = """module counter(
    input clk,
    input rst,
    input en,
    output reg [3:0] q
);
    always @(posedge clk) begin
        if (rst)
            q <= 4'd0;
        else if (en)
            q <= (q == 4'd9) ? 4'd0 : q + 4'd1;
    end
endmodule
"""
WORDS = "The module counts up on the rising edge of its clock while it is enabled, and begins again after 9. " * 5
SAID = {"description": WORDS, "verilog": f"Here it is:\n```verilog\n{CODE}```\n"}


def overhead(rows: int) -> None:
    """Rows a second without a model's time, for words and for Verilog, from both kinds of file."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = [
            {
                "id": n,
                "instruction": f"Design circuit {n}. " + "It has inputs, outputs and a clock. " * 10,
                "tags": ["a"],
            }
            for n in range(rows)
        ]
        (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in data))
        (folder / "rows.json").write_text(json.dumps(data, indent=1))
        start = _timed(folder, ["list"])
        print(f"start of the command: {start[0]:.2f} s, {start[1]:.2f} s of the processor")
        for (field, text), suffix, workers in itertools.product(SAID.items(), ("jsonl", "json"), (1, 2)):
            if field != "verilog" and workers > 1:
                continue
            (folder / "said.jsonl").write_text(json.dumps({"problem_id": "*", "text": text}) + "\n")
            arguments = ["transform", "--json-file", f"rows.{suffix}", "--output-field", field, "--fresh"]
            more = ["--model", "scripted:said.jsonl", "--workers", str(workers)]
            wall, cpu = (t - s for t, s in zip(_timed(folder, [*arguments, *more]), start, strict=True))
            checked = f"each compiled, workers {workers}" if field == "verilog" else "checked for code"
            print(
                f"{suffix:>5} -> {field:<12}{checked:<27}{rows / wall:>9.0f} rows/s{rows / cpu:>9.0f} rows/processor-s"
            )


def _timed(folder: Path, arguments: list[str]) -> tuple[float, float]:
    """Seconds of the clock and of the processor, with child processes."""
    begun, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*RTLSCRIBE, *arguments], cwd=folder, check=True, capture_output=True)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - begun, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def paired(name: str, prompts: int, rounds: int = 5) -> None:
    """The loop of the command against the engine's own generate(), on prompts that no round has seen before."""
    from vllm import SamplingParams

    from rtlscribe.models.vllm import VllmModel
    from rtlscribe.prompts import prompt_ids
    from rtlscribe.prompts.pairs import Words
    from rtlscribe.records import Sampling
    from rtlscribe.replicated import Here
    from rtlscribe.transforming.checks import Checks
    from rtlscribe.transforming.rows import digest
    from rtlscribe.transforming.work import Ask, Engine, transform

    model = VllmModel(name)
    words = Words("instruction", "description")
    words.system = "Describe in full the circuit that an instruction asks for. " * 4  # fits a small model too
    sampling = Sampling(temperature=0.4, top_p=0.9, max_tokens=64)

    def own(texts: list[str]) -> None:
        tokens = [
            {"prompt_token_ids": prompt_ids(model._tokenizer, words.user(text), system=words.system)} for text in texts
        ]
        parameters = [
            SamplingParams(temperature=0.4, top_p=0.9, max_tokens=64, seed=number) for number in range(len(texts))
        ]
        model._llm.generate(tokens, parameters, use_tqdm=False)

    def ours(texts: list[str]) -> None:
        asks = [Ask(key=digest(text.encode()).hex(), text=text) for text in texts]
        with Checks("description", workers=1) as checks:
            for _ in transform(asks, Engine(Here(model), words, sampling), checks, batch_size=1000, retries=0):
                pass

    ratios = []
    for number in range(-1, rounds):  # the first warms up
        spent = {}
        for way in (own, ours) if number % 2 else (ours, own):
            texts = [f"Build circuit {number}-{way.__name__}-{place}." for place in range(prompts)]
            begun, used = time.monotonic(), time.process_time()
            way(texts)
            spent[way.__name__] = time.monotonic() - begun, time.process_time() - used
        if number >= 0:
            ratios.append([ours / own for ours, own in zip(spent["ours"], spent["own"], strict=True)])
            told = ["{} {:.2f} s ({:.2f} s of the processor)".format(name, *spent[name]) for name in ("own", "ours")]
            print(f"{', '.join(told)}: ratio {ratios[-1][0]:.3f} ({ratios[-1][1]:.3f})", flush=True)
    wall, cpu = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"median ratio {wall:.3f} ({cpu:.3f} of the processor) over {rounds} pairs of {prompts} prompts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="way", required=True)
    one = ways.add_parser("overhead")
    one.add_argument("--rows", type=int, default=50_000)
    two = ways.add_parser("paired")
    two.add_argument("model")
    two.add_argument("--prompts", type=int, default=200)
    arguments = parser.parse_args()
    if arguments.way == "overhead":
        overhead(arguments.rows)
    else:
        paired(arguments.model, arguments.prompts)


if __name__ == "__main__":
    main()

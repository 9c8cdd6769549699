"""The command `rtlscribe`: a table of commands, configuration, results on stdout, errors in one line with an exit code.

Does no work itself, and imports a command's module only when that command is asked for.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cyclopts
from cyclopts.config import Dict, Env, Toml

from rtlscribe import __version__
from rtlscribe.errors import RtlscribeError, UsageError

INTERRUPTED = 130

# name: ("module:function", one line of help)
COMMANDS = {
    "write": ("rtlscribe.cli.write:run", "Verilog for a sentence, checked."),
    "serve": ("rtlscribe.app.serve:run", "A model as a server that speaks OpenAI's protocol, with a web page."),
    "mcp": ("rtlscribe.app.mcp:run", "Checks, and a model, as tools for editors and assistants that speak MCP."),
    "check": ("rtlscribe.cli.check:run", "Judge a Verilog file: compile, simulate, prove equal to a reference."),
    "demo": ("rtlscribe.cli.demo:run", "The whole loop in small on this machine: data, training, evaluation, report."),
    "data designs": (
        "rtlscribe.stages.designs:run",
        "Generate instruction-code rows that are correct by construction.",
    ),
    "data keywords": ("rtlscribe.stages.keywords:run", "Collect keywords of digital design from a teacher."),
    "data instructions": ("rtlscribe.stages.instructions:run", "Let a teacher write design tasks, and change them."),
    "data answers": ("rtlscribe.stages.answers:run", "Let a teacher solve design tasks, and keep what compiles."),
    "data prompts": ("rtlscribe.stages.prompts:run", "Copy the prompts for a teacher, to be edited."),
    "data verify": ("rtlscribe.stages.verify:run", "Keep the rows whose answers agree, and what most of them do."),
    "data decontaminate": ("rtlscribe.stages.decontaminate:run", "Remove rows that are too near to a benchmark."),
    "data stats": ("rtlscribe.stages.stats:run", "Count what is in a dataset: lengths, origins, syntax, duplicates."),
    "data import": ("rtlscribe.stages.importing:run", "Take a dataset of any known form in, with where it is from."),
    "data export": ("rtlscribe.stages.exporting:run", "Write a dataset for others, in a form of choice, with a card."),
    "new-model": ("rtlscribe.stages.new_model:run", "Make a small untrained model and its tokenizer."),
    "train": ("rtlscribe.stages.train:run", "Train a causal language model: maximum likelihood or candidate ranking."),
    "train-dpo": ("rtlscribe.stages.preference:run", "Train a model to prefer its better-scored answers (DPO)."),
    "train-grpo": ("rtlscribe.stages.reinforce:run", "Train a model on the verdicts of its own answers (GRPO)."),
    "quantize": ("rtlscribe.stages.quantize:run", "Make a model smaller: 4 bits, as GPTQ or GGUF."),
    "transform": ("rtlscribe.stages.transform:run", "Turn a field of every row into another: words or Verilog."),
    "bench transform": ("rtlscribe.stages.bench:run", "Measure transform with different engine settings."),
    "sample": ("rtlscribe.stages.sample:run", "Let a model answer every problem of a file n times."),
    "score": ("rtlscribe.stages.score:run", "Score candidates, for train --loss scoring."),
    "evaluate": ("rtlscribe.stages.evaluate:run", "Measure a model on a benchmark by simulation."),
    "compare": ("rtlscribe.stages.compare:run", "Say whether one finished evaluation is better than another."),
    "audit": (
        "rtlscribe.stages.audit:run",
        "Look for faults of a benchmark: does a testbench pass what it should not?",
    ),
    "report": ("rtlscribe.stages.report:run", "One HTML page and a table from finished runs."),
    "card": ("rtlscribe.stages.card:run", "The card of a model that was made here, with what evaluations measured."),
    "doctor": ("rtlscribe.cli.doctor:run", "Say what is installed, and what to do about what is not."),
    "list": ("rtlscribe.cli.doctor:choices", "List models, checkers, benchmarks, executors and prompts."),
}
# Shown under a command's options, instead of what is shown under the list of commands.
EXAMPLES = {
    "check": """
Examples:

    rtlscribe check adder.v                           does it compile?
    rtlscribe check adder.v --testbench tb.v          simulate it
    rtlscribe check adder.v --testbench tb.v --pass-pattern "^ALL OK$"
    rtlscribe check adder.v --against golden.v        prove it equal
    rtlscribe check adder.v --against golden.v --accept proved
    rtlscribe check adder.v --checker verilator       lint
    rtlscribe check adder.v --json

Without --pass-pattern a testbench passes if it prints a line with "pass" or
"passed", or that counts 0 (or no) errors, mismatches or failures, and no line
that tells of one. --against knows four degrees: proved; k-step (no difference
in the first k cycles); simulated (random inputs agree); unknown, which does not
pass. docs/checkers.md says what is compared, and what is not.
Exit status: 0 all judges pass, 1 one does not, 2 wrong usage, 3 a tool is
missing.
""",
}
GROUPS = {"data": "Make, check and convert datasets.", "bench": "Measure speed."}

HELP = "From a sentence to Verilog that has been checked, and the workshop that builds the models which do so."
EPILOGUE = """
Examples:

    rtlscribe demo
    rtlscribe write "an 8-bit up counter with enable"
    rtlscribe data designs --n 1000 --output runs/data
    rtlscribe train --data runs/data/out.jsonl --model path/to/model --output runs/mle
    rtlscribe evaluate held-out --model hf:runs/mle/model

Every command takes --config FILE (TOML, or the config.json of a run) and --json.
An option comes from the command line, else from an environment variable such as
RTLSCRIBE_TRAIN_SEED, else from the file, else from its default.
Exit status: 0 done, 1 the work failed, 2 wrong usage, 3 a tool or an extra is
missing, 130 interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its status."""
    sys.exit(call(sys.argv[1:] if arguments is None else arguments))


def call(arguments: Sequence[str]) -> int:
    """Run one command. Returns the exit status."""
    try:
        tokens, config, as_json = _common_options(list(arguments))
        result = app(config)(tokens, exit_on_error=False, result_action="return_value")
        if result is None:
            return 0
        from rtlscribe.cli import show

        return show.result(result, as_json=as_json)
    except cyclopts.CycloptsError:  # already told on stderr
        return UsageError.exit_code
    except RtlscribeError as error:
        _tell(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _tell("interrupted; the same command goes on with a run that was begun")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output is gone, as in `rtlscribe list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, a lost file system
        _tell(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return RtlscribeError.exit_code


def environment(command: str) -> str:
    """What the environment variables of a command begin with, for example "RTLSCRIBE_TRAIN_DPO_"."""
    return f"RTLSCRIBE_{command.upper().replace(' ', '_').replace('-', '_')}_"


def app(files: Sequence[Any] = ()) -> cyclopts.App:
    """The commands. Options come from the command line, else from the environment, else from `files`."""
    root = cyclopts.App(
        name="rtlscribe",
        help=HELP,
        help_epilogue=EPILOGUE,
        help_format="plaintext",
        version=__version__,
        suppress_keyboard_interrupt=False,
    )
    groups = {name: cyclopts.App(name=name, help=text) for name, text in GROUPS.items()}
    for group in groups.values():
        root.command(group)
    for name, (place, text) in COMMANDS.items():
        group_name, _, own_name = name.rpartition(" ")
        epilogue = {"help_epilogue": EXAMPLES[name]} if name in EXAMPLES else {}
        sources = [Env(environment(name), command=False), *files]
        groups.get(group_name, root).command(place, name=own_name, help=text, config=sources, **epilogue)
    return root


def _common_options(arguments: list[str]) -> tuple[list[str], list[Any], bool]:
    """The arguments without --config FILE and --json, what that file says, and whether JSON is wanted."""
    as_json = "--json" in arguments
    rest = [a for a in arguments if a != "--json"]
    config: list[Any] = []
    rest = [part for a in rest for part in (a.split("=", 1) if a.startswith("--config=") else [a])]
    if "--config" in rest:
        place = rest.index("--config")
        if place + 1 == len(rest):
            raise UsageError("--config wants a file: TOML, or the config.json of a run")
        config.append(_config_file(Path(rest[place + 1])))
        del rest[place : place + 2]
    return rest, config, as_json


def _config_file(path: Path) -> Any:
    if not path.is_file():
        raise UsageError(f"--config {path}: there is no such file")
    if path.suffix == ".toml":
        return Toml(path, use_commands_as_keys=False)
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise UsageError(f"--config {path} is neither TOML (by its name) nor JSON: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"--config {path} holds no JSON object of options by name, as the config.json of a run does")
    return Dict({k: v for k, v in content.items() if v is not None}, use_commands_as_keys=False, source=str(path))


def _tell(text: str) -> None:
    print(f"rtlscribe: {text}", file=sys.stderr)

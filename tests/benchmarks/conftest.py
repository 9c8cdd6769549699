"""Small checkouts in the layouts of the benchmarks' repositories; every word in them was written for these tests."""

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Files = Mapping[str, str]

COUNTS = """
    initial begin
        repeat (8) begin #5 wrong = wrong + (z !== expected); samples = samples + 1; a = a + 1; end
        $display("Mismatches: %0d in %0d samples", wrong, samples);
        $finish;
    end
endmodule
"""


def counting(name: str, expected: str, reference: str) -> str:
    """A testbench in the manner of VerilogEval: two instances, and the number of samples that differ."""
    return f"""`timescale 1ps/1ps
module tb;
    reg [1:0] a = 0;
    wire z, expected;
    integer wrong = 0, samples = 0;
    {name} answer(.a(a), .z(z));
    {expected} good(.a(a), .z(expected));{COUNTS}{reference}"""


def gate(name: str, sign: str) -> str:
    return f"module {name}(input [1:0] a, output z);\n  assign z = a[0] {sign} a[1];\nendmodule\n"


def announcing(name: str, instance: str = "dut", *, say: str = "===Your Design Passed===") -> str:
    """A testbench in the manner of RTLLM: words for each outcome."""
    return f"""`timescale 1ns/1ps
// {name} in a comment stays what it is
module check_{name};
    reg a = 0, b = 0;
    wire z;
    integer error = 0;
    {name} {instance}(.a(a), .b(b), .z(z));
    initial begin
        repeat (4) begin #1 error = error + (z !== (a & b)); {{a, b}} = {{a, b}} + 1; end
        $display("about {name}");
        if (error == 0) $display("{say}");
        else $display("===Error===");
        $finish;
    end
endmodule
"""


def and_gate(name: str) -> str:
    return f"module {name}(input a, input b, output z);\n  assign z = a & b;\nendmodule\n"


@pytest.fixture
def lay(tmp_path: Path) -> Callable[[str, Files], Path]:
    """Writes files into a new folder; line ends stay as they are."""

    def write(folder: str, files: Files) -> Path:
        for name, content in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
        return tmp_path / folder

    return write


def lines(*rows: dict) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


V1_ROWS = [
    {
        "task_id": task_id,
        "prompt": "module top_module (\n\tinput [1:0] a,\n\toutput z\n);\n",
        "canonical_solution": f"\n\tassign z = a[0] {sign} a[1];\nendmodule\n",
        "test": counting("top_module", "reference_module", gate("reference_module", sign)),
    }
    for task_id, sign in (("either", "|"), ("both", "&"))
]
V1_FILES = {
    "VerilogEval_Human.jsonl": lines(*V1_ROWS),
    "VerilogEval_Machine.jsonl": lines(V1_ROWS[1]),
    "VerilogDescription_Human.jsonl": lines(
        {"task_id": "both", "detail_description": "High when both bits are."},
        {"task_id": "either", "detail_description": "High when a bit is.\nOr two."},
    ),
    "VerilogDescription_Machine.jsonl": lines(
        {"task_id": "both", "detail_description": "An AND of two.", "simple_description": "AND", "sum_logprobs": -1.5},
    ),
}


@pytest.fixture
def v1(lay: Callable) -> Path:
    """VerilogEval v1, as its branch has it."""
    folders = {"VerilogEval": "data", "VerilogDescription": "descriptions"}
    return lay("v1", {f"{folders[name.split('_')[0]]}/{name}": text for name, text in V1_FILES.items()})


SCRIPT = '''#!/usr/bin/env python
import not_installed_anywhere

prompts = {}

prompts['code-complete-iccad2023'] = {
  'system_msg' : """
Go on with the code.
""",
  'prompt_prefix' : """
// Do what follows.
"""
}

prompts['spec-to-rtl'] = {
  'system_msg' : """
Write Verilog.
""",
  'prompt_prefix' : ""
}

prompt_rules_suffix="""
Rules: be brief.
"""

prompt_no_explain_suffix="""
Only code, please.
"""

raise SystemExit("whoever loads a benchmark does not run this")
'''
V2_HEADER = "\nmodule TopModule (\n  input [1:0] a,\n  output z\n);\n"


def v2_files() -> dict[str, str]:
    files = {"scripts/sv-generate": SCRIPT}
    for task in ("spec-to-rtl", "code-complete-iccad2023"):
        folder = f"dataset_{task}"
        files[f"scripts/verilog-example-prefix_{task}_1-shot.txt"] = f"\nAn example of {task}.\n\n"
        files[f"scripts/verilog-example-prefix_{task}_3-shot.txt"] = "three"
        files[f"scripts/verilog-example-prefix_{task}_1-shot default.txt"] = "not this"
        files[f"{folder}/problems.txt"] = "Prob002_both\nProb001_either\n"
        files[f"{folder}/problems-temp.txt"] = "Prob001_either\n"
        files[f"{folder}/Prob003_stray_test.sv"] = "not listed"
        for name, sign in (("Prob001_either", "|"), ("Prob002_both", "&")):
            question = f"\nOne output z: bits of a with {sign}.\n\nMind the order.\n"
            if task != "spec-to-rtl":
                files[f"{folder}/{name}_ifc.txt"] = V2_HEADER
                question += V2_HEADER + "\n"
            files[f"{folder}/{name}_prompt.txt"] = question
            files[f"{folder}/{name}_ref.sv"] = f"// not RefModules\n{gate('RefModule', sign)}"
            files[f"{folder}/{name}_test.sv"] = counting("TopModule", "RefModule", "")
    return files


@pytest.fixture
def v2(lay: Callable) -> Path:
    """VerilogEval v2."""
    return lay("v2", v2_files())


def design(folder: str, *, asked: str, tested: str, verified: str, file: str, more: Files | None = None) -> Files:
    """The folder of one design, whose four names may differ."""
    files = {
        "design_description.txt": f"\nPlease make a gate.\n\nModule name:  \n    {asked}            \nInputs: a, b\n",
        "testbench.v": announcing(tested),
        f"{file}.v": and_gate(verified),
        "makefile": "sim:\n\t./simv\n",
    } | dict(more or {})
    return {f"{folder}/{name}": text for name, text in files.items()}


@pytest.fixture
def rtllm_10(lay: Callable) -> Path:
    """RTLLM 1.0: testbenches of the reference's name, which the description does not give."""
    plain = design("gate", asked="gate", tested="verified_gate", verified="verified_gate", file="verified_gate")
    other = design("both_gate", asked="b_g", tested="verified_both", verified="verified_both", file="verified_both")
    return lay("v1.0", plain | other | {"gate/chatgpt_generate_gate.v": "module chatgpt_generate_gate; endmodule"})


@pytest.fixture
def rtllm_11(lay: Callable) -> Path:
    """RTLLM 1.1: testbenches of the name that is asked for; data beside them; a reference with a part, oddly called."""
    reading = announcing("reader").replace(
        "integer error = 0;", 'integer error = 0;\n    reg [7:0] seen[0:1];\n    initial $readmemh("seen.txt", seen);'
    )
    parts = and_gate("inner") + "module verified_rdr(input a, b, output z);\n  inner i(a, b, z);\nendmodule\n"
    more = {"testbench.v": f'// $readmemh("old.txt")\n{reading}', "verified_rdr.v": parts}
    more |= {"seen.txt": "01\r\n02\r\n", "old.txt": "00", "run.log": "passed"}
    return lay(
        "v1.1",
        design("gate", asked="gate", tested="gate", verified="verified_gate", file="verified_gate")
        | design("reader", asked="reader", tested="reader", verified="", file="verified_rdr", more=more)
        | {"_chat/t1/gate.v": and_gate("gate")},
    )


@pytest.fixture
def rtllm_20(lay: Callable) -> Path:
    """RTLLM 2.0: folders in categories, and a testbench of another name than the one asked for."""
    return lay(
        "v2.0",
        design("Logic/One gate/gate", asked="gate", tested="gate", verified="gate", file="verified_gate")
        | design(
            "Logic/Both/both_by_two", asked="bothtwo", tested="both_by_two", verified="both_by_two", file="verified_b"
        ),
    )

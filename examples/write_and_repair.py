"""Draw an answer, have its faults found and repaired, and see what is known of it. Needs Icarus Verilog, no model."""

import tempfile
from pathlib import Path

from rtlscribe import jsonl
from rtlscribe.models.base import open_model
from rtlscribe.models.scripted import Line
from rtlscribe.prompts import Template
from rtlscribe.records import Sampling
from rtlscribe.writing.judging import Judges, user_problem
from rtlscribe.writing.loop import Draft, Writer

# A model that says what a file tells it to, one text after the other; any other would do: open_model("hf:...").
WRONG = "module inverter(input a, output y);\n    assign y = a;\nendmodule\n"
SAYS = [WRONG.replace("= a", "= b"), WRONG, WRONG.replace("= a", "= ~a")]
TESTBENCH = """module testbench;
    reg a = 0; wire y; inverter dut(.a(a), .y(y));
    initial begin
        #1 if (y !== 1) $display("error: y is %b where a is %b", y, a); else $display("passed");
        $finish;
    end
endmodule
"""

with tempfile.TemporaryDirectory() as folder:
    jsonl.write(Path(folder) / "says.jsonl", [Line(problem_id="*", text=text) for text in SAYS])
    model = open_model(f"scripted:{folder}/says.jsonl")
writer = Writer(model, Template("rtlcoder"), Judges(), repairs=3)
for item in writer.write(user_problem("an inverter", testbench=TESTBENCH), sampling=Sampling()):
    if isinstance(item, Draft):
        print(f"--- round {item.round}: {item.judgement.told}\n{item.code}")

"""Three small problems of our own, in the form of VerilogEval's first release: what the hostile answers are answers to.

reverse: combinational; counter: clocked, with a reset; rotate: a wide data path.
"""

from rtlscribe.records import Problem

# The names are those of the published testbenches: they are what an attack aims at.
_TESTBENCH = """`timescale 1 ps/1 ps
`define OK 12
`define INCORRECT 13

module reference_module (
{ports}
);
{body}
endmodule

module stimulus_gen (
  input clk,
{drives}
);
  parameter EDGES = 200;
  initial begin
{stimulus}
    #1 $finish;
  end
endmodule

module tb();
  typedef struct packed {{
    int errors;
    int errortime;
    int clocks;
  }} stats;
  stats stats1;

  reg clk = 0;
  initial forever #5 clk = ~clk;

{signals}
  wire tb_match;
  wire tb_mismatch = ~tb_match;

  initial begin
    $dumpfile("wave.vcd");
    $dumpvars(1, stim1.clk, tb_mismatch, out_ref, out_dut);
  end

  stimulus_gen stim1 ({to_stimulus});
  reference_module good1 ({to_modules}, .out(out_ref));
  top_module top_module1 ({to_modules}, .out(out_dut));

  task wait_for_end_of_step;
    repeat (3) #0;
  endtask

  final begin
    if (stats1.errors) $display("Hint: 'out' is wrong, at %0d for the first time.", stats1.errortime);
    else $display("Hint: 'out' is right.");
    $display("Simulation ended at %0d ps", $time);
    $display("Mismatches: %1d in %1d samples", stats1.errors, stats1.clocks);
  end

  // What the reference leaves open (x) may be anything.
  assign tb_match = ({{out_ref}} === ({{out_ref}} ^ {{out_dut}} ^ {{out_ref}}));
  always @(posedge clk, negedge clk) begin : compare
    stats1.clocks++;
    if (!tb_match) begin
      if (stats1.errors == 0) stats1.errortime = $time;
      stats1.errors++;
    end
  end
endmodule
"""


def _problem(name: str, *, text: str, inputs: dict[str, int], width: int, body: str, stimulus: str) -> Problem:
    """`inputs`: name to width, all drawn but `clk`; `width` is that of the output, out."""
    drawn = {name: bits for name, bits in inputs.items() if name != "clk"}
    ports = ",\n".join(
        [f"  input {_range(bits)}{name}" for name, bits in inputs.items()] + [f"  output {_range(width)}out"]
    )
    testbench = _TESTBENCH.format(
        ports=ports.replace("output ", "output logic "),
        body=body,
        drives=",\n".join(f"  output logic {_range(bits)}{name}" for name, bits in drawn.items()),
        stimulus=stimulus,
        signals="".join(f"  logic {_range(bits)}{name};\n" for name, bits in drawn.items())
        + f"  logic {_range(width)}out_ref;\n  logic {_range(width)}out_dut;",
        to_stimulus=", ".join([".clk", *(f".{name}" for name in drawn)]),
        to_modules=", ".join(f".{name}" for name in inputs),
    )
    return Problem(
        id=f"hostile/{name}",
        text=text,
        header=f"module top_module (\n{ports}\n);\n",
        reference=f"module top_module (\n{ports.replace('output ', 'output logic ')}\n);\n{body}\nendmodule\n",
        testbench=testbench,
        pass_pattern=r"Mismatches: 0 in (?P<samples>\d+) samples",
        top="top_module",
        procedure="verilog-eval-1",
    )


def _range(bits: int) -> str:
    return f"[{bits - 1}:0] " if bits > 1 else ""


PROBLEMS = {
    "reverse": _problem(
        "reverse",
        text="Reverse the order of the eight bits of in.",
        inputs={"in": 8},
        width=8,
        body="  assign out = {in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7]};",
        stimulus="    in <= 8'h0;\n    repeat (EDGES) @(posedge clk, negedge clk) in <= $random;",
    ),
    "counter": _problem(
        "counter",
        text="Count from 0 to 9 and again from 0 while enable is 1, with an active-high synchronous reset to 0.",
        inputs={"clk": 1, "reset": 1, "enable": 1},
        width=4,
        body="  always @(posedge clk)\n    if (reset) out <= 0;\n    else if (enable) out <= out == 9 ? 0 : out + 1;",
        stimulus="""    {reset, enable} <= 2'b10;
    repeat (2) @(negedge clk);
    repeat (EDGES) @(negedge clk) begin
      reset <= ($random & 31) == 0;
      enable <= ($random & 3) != 0;
    end""",
    ),
    "rotate": _problem(
        "rotate",
        text="Rotate a to the left by amount bits.",
        inputs={"a": 64, "amount": 6},
        width=64,
        body="  assign out = (a << amount) | (a >> (64 - amount));",
        stimulus="""    {a, amount} <= 0;
    repeat (EDGES) @(posedge clk, negedge clk) begin
      a <= {$random, $random};
      amount <= $random;
    end""",
    ),
}

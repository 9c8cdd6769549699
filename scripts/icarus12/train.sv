// What the simulator is built to be fast at: circuits as models write them, beside a clocked testbench that compares.
// scripts/icarus12.sh runs this once to see where its time goes; the result does not matter.
`timescale 1ps / 1ps

module automaton(input clk, input load, input [255:0] data, output reg [255:0] q);
  integer i, j, x, y;
  reg [3:0] n;
  reg [255:0] next;
  always @(posedge clk) begin
    if (load) q <= data;
    else begin
      for (i = 0; i < 16; i = i + 1)
        for (j = 0; j < 16; j = j + 1) begin
          n = 0;
          for (x = -1; x <= 1; x = x + 1)
            for (y = -1; y <= 1; y = y + 1)
              if (x != 0 || y != 0) n = n + q[((i + x + 16) % 16) * 16 + (j + y + 16) % 16];
          case (n)
            2: next[i * 16 + j] = q[i * 16 + j];
            3: next[i * 16 + j] = 1'b1;
            default: next[i * 16 + j] = 1'b0;
          endcase
        end
      q <= next;
    end
  end
endmodule

module rows(input clk, input load, input [255:0] data, output logic [255:0] q);
  logic [15:0] grid [0:15];
  function [3:0] around(input int r, input int c);
    int a, b;
    begin
      around = 0;
      for (a = -1; a <= 1; a++)
        for (b = -1; b <= 1; b++)
          if (!(a == 0 && b == 0)) around += grid[(r + a) & 15][(c + b) & 15];
    end
  endfunction
  always @* for (int r = 0; r < 16; r++) grid[r] = q[r * 16 +: 16];
  always_ff @(posedge clk)
    if (load) q <= data;
    else for (int r = 0; r < 16; r++) for (int c = 0; c < 16; c++)
      q[r * 16 + c] <= around(r, c) == 3 || (around(r, c) == 2 && grid[r][c]);
endmodule

module counters(input clk, input reset, input enable, output reg [15:0] bcd, output reg [31:0] lfsr, output pm);
  reg [5:0] ss;
  reg half;
  assign pm = half & |ss;
  always @(posedge clk or posedge reset)
    if (reset) begin bcd <= 0; lfsr <= 32'h1; ss <= 0; half <= 0; end
    else if (enable) begin
      bcd[3:0] <= bcd[3:0] == 9 ? 4'd0 : bcd[3:0] + 4'd1;
      if (bcd[3:0] == 9) bcd[7:4] <= bcd[7:4] == 9 ? 4'd0 : bcd[7:4] + 4'd1;
      if (bcd[7:0] == 8'h99) bcd[15:8] <= bcd[15:8] + 1'b1;
      lfsr <= {lfsr[0], lfsr[31:23], lfsr[22] ^ lfsr[0], lfsr[21:2], lfsr[1] ^ lfsr[0]};
      if (ss == 59) begin ss <= 0; half <= ~half; end else ss <= ss + 1'd1;
    end
endmodule

module machine(input clk, input reset, input [1:0] in, output reg [2:0] state, output out);
  localparam A = 0, B = 1, C = 2, D = 3, E = 4;
  reg [2:0] next;
  always @(*) begin
    next = state;
    case (state)
      A: next = in[0] ? B : A;
      B: next = in[1] ? C : in[0] ? B : A;
      C: next = ^in ? D : A;
      D: next = in == 2'b11 ? E : B;
      E: next = A;
      default: next = A;
    endcase
  end
  always @(posedge clk) state <= reset ? A : next;
  assign out = state == E || (state == D && in[1]);
endmodule

module gates(input [7:0] a, b, input [2:0] op, input [1023:0] wide, input [7:0] sel,
             output reg [7:0] y, output zero, output [3:0] picked, output [7:0] count);
  integer k;
  reg [7:0] ones;
  always @* case (op)
    0: y = a + b;  1: y = a - b;  2: y = a & b;  3: y = a | b;
    4: y = a ^ b;  5: y = a << b[2:0];  6: y = $signed(a) >>> b[2:0];  default: y = {8{a < b}};
  endcase
  assign zero = ~|y;
  assign picked = wide[sel * 4 +: 4];
  always @* begin ones = 0; for (k = 0; k < 255; k = k + 1) ones = ones + wide[k]; end
  assign count = ones;
endmodule

module bench;
  reg clk = 0, load = 1, reset = 1, enable = 0;
  reg [255:0] data;
  reg [1023:0] wide;
  reg [7:0] a, b, sel;
  reg [2:0] op;
  wire [255:0] q1, q2;
  wire [15:0] bcd1, bcd2;
  wire [31:0] l1, l2;
  wire [2:0] s1, s2;
  wire [7:0] y1, y2, c1, c2;
  wire [3:0] p1, p2;
  wire pm1, pm2, o1, o2, z1, z2;
  integer wrong = 0, samples = 0;
  automaton good1(clk, load, data, q1);
  rows dut1(clk, load, data, q2);
  counters good2(clk, reset, enable, bcd1, l1, pm1);
  counters dut2(.clk, .reset, .enable, .bcd(bcd2), .lfsr(l2), .pm(pm2));
  machine good3(clk, reset, a[1:0], s1, o1);
  machine dut3(.clk(clk), .reset(reset), .in(a[1:0]), .state(s2), .out(o2));
  gates good4(a, b, op, wide, sel, y1, z1, p1, c1);
  gates dut4(a, b, op, wide, sel, y2, z2, p2, c2);
  wire match = {q1, bcd1, l1, pm1, s1, o1, y1, z1, p1, c1} ===
      ({q1, bcd1, l1, pm1, s1, o1, y1, z1, p1, c1} ^ {q2, bcd2, l2, pm2, s2, o2, y2, z2, p2, c2} ^
       {q1, bcd1, l1, pm1, s1, o1, y1, z1, p1, c1});
  always #5 clk = ~clk;
  always @(posedge clk, negedge clk) begin
    samples = samples + 1;
    if (!match) wrong = wrong + 1;
  end
  initial begin
    data = {8{$random}};
    wide = {32{$urandom}};
    repeat (3) @(posedge clk);
    load <= 0; reset <= 0; enable <= 1;
    repeat (60) begin
      @(posedge clk) {a, b, sel, op} <= $random;
      if (samples % 16 == 0) wide <= {wide, $random};
    end
    load <= 1;
    repeat (4000) begin
      @(posedge clk) {a, b, sel, op} <= $random;
      enable <= $random % 4 != 0;
      reset <= !($random & 255);
      if (samples % 64 == 0) wide <= {wide, $random};
    end
    $display("Mismatches: %1d in %1d samples", wrong, samples);
    $finish;
  end
endmodule

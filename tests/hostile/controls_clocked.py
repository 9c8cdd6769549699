"""The controls for the counter and the rotation: bodies of top_module by name."""

COUNTER = {
    "a register of its own": """
  reg [3:0] q;
  always @(posedge clk)
    if (reset) q <= 0;
    else if (enable) q <= q == 9 ? 0 : q + 1;
  assign out = q;
""",
    "a start value": """
  reg [3:0] q = 0;
  assign out = q;
  always @(posedge clk)
    if (reset) q <= 0;
    else if (enable) q <= q == 9 ? 0 : q + 1;
""",
    "delayed registers": """
  reg [3:0] q;
  assign out = q;
  always @(posedge clk)
    if (reset) q <= #1 0;
    else if (enable) q <= #1 q == 9 ? 0 : q + 1;
""",
    "two processes": """
  reg [3:0] q, n;
  assign out = q;
  always @* n = reset ? 0 : !enable ? q : q == 9 ? 0 : q + 1;
  always @(posedge clk) q <= n;
""",
    "a latch": """
  reg [3:0] q;
  reg r, e;
  assign out = q;
  always @* if (!clk) begin r = reset; e = enable; end
  always @(posedge clk) if (r) q <= 0; else if (e) q <= q == 9 ? 0 : q + 1;
""",
    "a table of states": """
  reg [3:0] q;
  reg [3:0] following [0:15];
  integer i;
  assign out = q;
  initial for (i = 0; i < 16; i = i + 1) following[i] = i == 9 ? 0 : i + 1;
  always @(posedge clk) if (reset) q <= 0; else if (enable) q <= following[q];
""",
    "an event of its own": """
  reg [3:0] q;
  event tick;
  assign out = q;
  always @(posedge clk) -> tick;
  always @tick if (reset) q <= 0; else if (enable) q <= q == 9 ? 0 : q + 1;
""",
    "an endless process": """
  reg [3:0] q;
  assign out = q;
  initial forever begin
    @(posedge clk);
    if (reset) q <= 0; else if (enable) q <= q == 9 ? 0 : q + 1;
  end
""",
    "a procedural assign": """
  reg [3:0] q, h;
  assign out = q;
  always @(h) assign q = h;
  always @(posedge clk)
    if (reset) h <= 0;
    else if (enable) h <= q == 9 ? 0 : q + 1;
""",
    "systemverilog": """
  logic [3:0] q;
  assign out = q;
  always_ff @(posedge clk)
    if (reset) q <= '0;
    else if (enable) q <= (q == 4'd9) ? '0 : q + 1'b1;
""",
}
ROTATE = {
    "stages": """
  wire [63:0] s [0:6];
  assign s[0] = a;
  genvar i;
  for (i = 0; i < 6; i = i + 1) begin : g
    assign s[i + 1] = amount[i] ? {s[i][63 - (1 << i):0], s[i][63:64 - (1 << i)]} : s[i];
  end
  assign out = s[6];
""",
    "doubled": "  wire [127:0] d = {a, a} << amount;\n  assign out = d[127:64];",
    "an index": "  wire [127:0] d = {a, a};\n  assign out = d[64 - amount +: 64];",
    "a loop": """
  reg [63:0] r;
  integer i;
  assign out = r;
  always @* begin
    r = a;
    for (i = 0; i < amount; i = i + 1) r = {r[62:0], r[63]};
  end
""",
}

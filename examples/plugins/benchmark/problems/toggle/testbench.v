module testbench;
    reg clk = 0, rst = 1;
    wire q;
    integer n;
    toggle dut(.clk(clk), .rst(rst), .q(q));
    always #5 clk = ~clk;
    initial begin
        @(negedge clk) if (q !== 0) $fatal(1, "q is %b after a reset", q);
        rst = 0;
        for (n = 1; n < 9; n = n + 1)
            @(negedge clk) if (q !== n[0]) $fatal(1, "q is %b after %0d edges", q, n);
        $display("@NONCE@ passed");
        $finish;
    end
endmodule

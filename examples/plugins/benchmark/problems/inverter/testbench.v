module testbench;
    reg a = 0;
    wire y;
    inverter dut(.a(a), .y(y));
    initial begin
        #1 if (y !== 1) $fatal(1, "y is %b where a is 0", y);
        a = 1;
        #1 if (y !== 0) $fatal(1, "y is %b where a is 1", y);
        $display("@NONCE@ passed");
        $finish;
    end
endmodule

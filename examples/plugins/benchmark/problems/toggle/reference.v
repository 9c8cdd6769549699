module toggle(input clk, input rst, output reg q);
    always @(posedge clk)
        q <= rst ? 1'b0 : ~q;
endmodule

`define START initial
module counter(input clk, input rst, output reg [3:0] count);
    `START count = 0;
    always @(posedge clk)
        count <= rst ? 4'd0 : count + 4'd1;
endmodule

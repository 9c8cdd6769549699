"""Text of Verilog in, facts about it out."""

"""Write Verilog for a description, check it, and have it repaired: what `write`, the server and the page share."""

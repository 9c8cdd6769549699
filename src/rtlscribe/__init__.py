"""rtlscribe: from a sentence to Verilog that has been checked, and the workshop that builds the models which do so."""

__version__ = "0.1.0"

"""The transformer's parts: rows of a file, answers and their checks, the loop over a model. Reads no configuration."""

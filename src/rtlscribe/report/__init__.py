"""Finished runs: read, put into tables and figures, on one HTML page or a terminal."""

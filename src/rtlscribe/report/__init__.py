"""Finished runs: read, put into tables and figures, on one HTML page, on cards or a terminal."""

"""Executors: how many checks are run at a time, and where."""

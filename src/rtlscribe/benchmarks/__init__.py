"""Benchmarks: sets of problems with testbenches."""

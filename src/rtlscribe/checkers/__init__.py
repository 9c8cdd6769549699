"""Checkers: who judges a candidate."""

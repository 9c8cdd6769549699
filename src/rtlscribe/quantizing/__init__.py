"""Quantizing: fewer bits for each weight of a model, in the formats that others read."""

"""Counts of a running demo: the form of a line, and how faces become one. Never a picture."""

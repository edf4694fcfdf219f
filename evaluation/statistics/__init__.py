"""Estimates with their intervals: grouped counts, the bootstrap, and tests."""

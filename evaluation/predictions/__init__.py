"""Predictions tables: schema, import of foreign tables, arrays, and how a model fills one."""

from evaluation.predictions.table import Meta, read, write

__all__ = ["Meta", "read", "write"]

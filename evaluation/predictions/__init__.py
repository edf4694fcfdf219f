"""Predictions tables: schema, import of foreign tables, arrays, and how a model fills one."""

from evaluation.predictions.meta import Meta
from evaluation.predictions.table import read, write

__all__ = ["Meta", "read", "write"]

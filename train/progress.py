"""The bar now lives in `core.progress`; this name goes with the last import of it."""

from core.progress import say, task

__all__ = ["say", "task"]

"""The studio's data layer: prediction tables of any size, queried through DuckDB.

`Store.open(paths)` loads them; `Where(...)` filters rows.
"""

from evaluation.store.filters import Where
from evaluation.store.loaded import Source
from evaluation.store.store import Store

__all__ = ["Source", "Store", "Where"]

"""The studio's data layer: predictions of any size behind small answers.

`Store.open(paths)`, `Where(...)`.
"""

from evaluation.store.filters import Where
from evaluation.store.ingest import Source
from evaluation.store.store import Store

__all__ = ["Source", "Store", "Where"]

"""The studio's data layer: predictions of any size behind small answers. `Store.open(paths)`, `Where(...)`."""

from evaluation.store.build import Source
from evaluation.store.store import Store
from evaluation.store.where import Where

__all__ = ["Source", "Store", "Where"]

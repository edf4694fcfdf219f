"""The map of a model's embeddings, and the rows of any model on it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from evaluation.embedding_map.region import Region
from evaluation.store.filters import Where
from evaluation.store.neighbours import matrix
from evaluation.store.store import Store


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The embeddings of a model's samples.

    Attributes:
        keys: uint64 (N,), ascending; what names a sample in all models' rows.
        vectors: float32 (N, D), finite.
    """

    keys: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, store: Store, model: str) -> Embeddings | None:
        """Return those of a model; None where it has none.

        Raises:
            DataError: they have several lengths.
        """
        if "embedding" not in store.columns:
            return None
        rows = store.arrow(
            "SELECT t.key, t.embedding FROM t WHERE t.model = ? AND t.embedding IS NOT NULL "
            "ORDER BY t.key, t.rowid",
            [store.code("model", model)],
        )
        if not len(rows):
            return None
        keys, vectors = rows["key"].to_numpy(), matrix(rows)
        is_finite = np.isfinite(vectors).all(axis=1)
        return cls(keys[is_finite], vectors[is_finite]) if is_finite.any() else None

    def digest(self) -> str:
        """Return a name of the content: equal embeddings have equal maps."""
        return hashlib.sha256(np.ascontiguousarray(self.vectors).tobytes()).hexdigest()


def models_with_embeddings(store: Store) -> tuple[str, ...]:
    """Return the models that have embeddings."""
    if "embedding" not in store.columns:
        return ()
    codes = store.sql("SELECT DISTINCT t.model FROM t WHERE t.embedding IS NOT NULL")
    return tuple(sorted(store.texts["model"][code] for (code,) in codes))


@dataclass(frozen=True, slots=True)
class EmbeddingMap:
    """Where samples lie.

    Attributes:
        keys: uint64 (N,), ascending, as in `Embeddings`.
        positions: float32 (N, 2) in [0, 1].
    """

    keys: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True, slots=True)
class Points:
    """Rows of a store on a map.

    Attributes:
        rows: int64 (R,), the numbers of all rows of a condition, ascending.
        positions: float32 (R, 2) in [0, 1], NaN for rows whose sample is not on the map.
    """

    rows: np.ndarray
    positions: np.ndarray

    @classmethod
    def of(cls, store: Store, where: Where, embedding_map: EmbeddingMap) -> Points:
        """Return the rows of `where`."""
        clause, params = store.clause(where)
        query = f"SELECT t.rowid AS row, t.key FROM t WHERE {clause} ORDER BY t.rowid"
        rows = store.arrow(query, params)
        keys = rows["key"].to_numpy()
        at = np.searchsorted(embedding_map.keys, keys).clip(0, len(embedding_map.keys) - 1)
        is_on_map = embedding_map.keys[at] == keys
        positions = np.where(is_on_map[:, None], embedding_map.positions[at], np.float32(np.nan))
        return cls(rows["row"].to_numpy(), positions)

    @property
    def on_map(self) -> np.ndarray:
        """Return bool (R,): which rows are on the map."""
        return np.asarray(~np.isnan(self.positions[:, 0]))

    def inside(self, region: Region) -> tuple[int, ...]:
        """Return the numbers of the rows in a region."""
        return tuple(self.rows[region.contains(self.positions)].tolist())

    def nearest(self, x: float, y: float) -> int | None:
        """Return the number of the row nearest to a position; None where none is on the map."""
        distances = np.hypot(self.positions[:, 0] - x, self.positions[:, 1] - y)
        return int(self.rows[np.nanargmin(distances)]) if self.on_map.any() else None

    def position(self, row: int) -> tuple[float, float] | None:
        """Return where a row lies; None where it is not on the map."""
        at = int(np.searchsorted(self.rows, row))
        if at == len(self.rows) or self.rows[at] != row or not self.on_map[at]:
            return None
        x, y = self.positions[at].tolist()
        return x, y

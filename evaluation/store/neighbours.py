"""Nearest neighbours among embeddings by exact cosine similarity, in chunks of numpy."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from core.errors import DataError

CHUNK_ROWS = 65_536
"""Rows per matrix product: few enough for the result to stay in the processor's cache."""


class Neighbours:
    """An index of the embeddings of N samples for nearest-neighbour search.

    Holds the matrix and one number per row; safe to use from several threads.
    """

    def __init__(self, embeddings: np.ndarray) -> None:
        """Compute the norms of the embeddings.

        Args:
            embeddings: float32 (N, D), kept without a copy. A row with a NaN, as where a table has
                no embedding, is no neighbour of any row.

        Raises:
            DataError: the matrix has another shape or is empty.
        """
        if embeddings.ndim != 2 or 0 in embeddings.shape:
            raise DataError(
                f"Expected embeddings of shape (N, D), got {embeddings.shape}; try `predict "
                f"--embedding`."
            )
        self.embeddings = np.ascontiguousarray(embeddings, np.float32)
        squares = [
            np.einsum("nd,nd->n", chunk, chunk, dtype=np.float64) for chunk in self._chunks()
        ]
        norms = np.sqrt(np.concatenate(squares))
        with np.errstate(divide="ignore"):
            # An embedding of zeros has no direction: its cosines are 0.
            self._scale = np.where(norms > 0, 1 / norms, 0).astype(np.float32)
        self._scale[~np.isfinite(norms)] = np.nan

    @classmethod
    def of(cls, table: pa.Table) -> Neighbours:
        """Return the index of a predictions table's column `embedding`, row by row.

        Raises:
            DataError: the column is missing or empty, or its rows have several lengths.
        """
        return cls(matrix(table))

    def __len__(self) -> int:
        return len(self.embeddings)

    def to(self, row: int, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Return the nearest neighbours of a row, and their cosines.

        Args:
            row: the row, which is not its own neighbour.
            k: neighbours at most.

        Returns:
            int64 (k,) rows, nearest first and in the order of the rows where cosines are equal, and
            float32 (k,) cosines. Fewer where there are fewer; none where `row` has no embedding.

        Raises:
            DataError: there is no such row.
        """
        if not 0 <= row < len(self):
            raise DataError(f"Expected a row in 0..{len(self) - 1}, got {row}.")
        cosines = self._cosines(self.embeddings[row], self._scale[row])
        cosines[row] = np.nan
        return _largest(cosines, k)

    def _chunks(self) -> list[np.ndarray]:
        return [
            self.embeddings[i : i + CHUNK_ROWS] for i in range(0, len(self.embeddings), CHUNK_ROWS)
        ]

    def _cosines(self, embedding: np.ndarray, scale: np.float32) -> np.ndarray:
        return np.concatenate([chunk @ embedding for chunk in self._chunks()]) * self._scale * scale


def _largest(cosines: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the `k` largest values, largest first, and the values; NaN is left out."""
    values = np.where(np.isnan(cosines), -np.inf, cosines)
    k = min(max(k, 0), int((values > -np.inf).sum()))
    if k == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    kth_largest = np.partition(values, len(values) - k)[len(values) - k]
    candidates = np.flatnonzero(values >= kth_largest)
    largest = candidates[np.argsort(-values[candidates], kind="stable")][:k]
    return largest, np.clip(cosines[largest], -1, 1)


def matrix(table: pa.Table) -> np.ndarray:
    """Return the column `embedding` as float32 (N, D), with rows of NaN where it is null.

    A view of the table's memory where nothing is null.

    Raises:
        DataError: the column is missing or empty, or its rows have several lengths.
    """
    if "embedding" not in table.column_names or table["embedding"].null_count == len(table):
        raise DataError(
            "Expected a table with a column `embedding`, got none; write it with `python -m "
            "evaluation predict --embedding`."
        )
    column = table["embedding"].combine_chunks()
    is_valid = column.is_valid().to_numpy(zero_copy_only=False)
    lengths = np.diff(column.offsets.to_numpy())[is_valid]
    if (lengths != lengths[0]).any():
        row = int(np.flatnonzero(is_valid)[(lengths != lengths[0]).argmax()])
        raise DataError(
            f"Expected embeddings of one length, got {lengths[0]} and, in row {row + 1}, "
            f"{lengths[lengths != lengths[0]][0]}."
        )
    values = (
        column.flatten()
        .to_numpy(zero_copy_only=False)
        .reshape(-1, int(lengths[0]))
        .astype(np.float32, copy=False)
    )
    if is_valid.all():
        return np.asarray(values)
    embeddings = np.full((len(is_valid), values.shape[1]), np.nan, np.float32)
    embeddings[is_valid] = values
    return embeddings

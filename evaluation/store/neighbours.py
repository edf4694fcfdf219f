"""Nearest neighbours by embedding: which samples look alike to the network.

Exact cosine similarity, in chunks of plain numpy.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from core.errors import DataError

CHUNK = 65_536
"""Rows at a time: few enough to stay in the processor's cache with the result, many enough for the
matrix product.
"""


class Neighbours:
    """The embeddings of N samples, ready to be asked.

    Holds the given matrix and one number per row; safe to ask from several threads.
    """

    def __init__(self, embeddings: np.ndarray) -> None:
        """embeddings: float32 (N, D), kept and not copied.

        A row with a NaN, as where a table has no embedding, is nobody's neighbour.

        Raises:
            DataError: another shape, or nothing in it.
        """
        if embeddings.ndim != 2 or 0 in embeddings.shape:
            raise DataError(
                f"Expected embeddings of shape (N, D), got {embeddings.shape}; try `predict "
                f"--embedding`."
            )
        self.embeddings = np.ascontiguousarray(embeddings, np.float32)
        squares = [np.einsum("nd,nd->n", part, part, dtype=np.float64) for part in self._parts()]
        norms = np.sqrt(np.concatenate(squares))
        with np.errstate(divide="ignore"):
            self._scale = np.where(norms > 0, 1 / norms, 0).astype(
                np.float32
            )  # an embedding of zeros has no direction: cosine 0
        self._scale[~np.isfinite(norms)] = np.nan

    @classmethod
    def of(cls, table: pa.Table) -> Neighbours:
        """Of a predictions table's column `embedding`, row by row.

        Raises:
            DataError: there is no such column, nothing in it, or rows of several lengths.
        """
        return cls(matrix(table))

    def __len__(self) -> int:
        return len(self.embeddings)

    def to(self, row: int, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Return int64 (k,) rows most like `row`, nearest first, and float32 (k,) cosines.

        Without itself.

        Fewer where there are fewer, and none where `row` has no embedding; equal cosines in the
        order of the rows.
        """
        if not 0 <= row < len(self):
            raise DataError(f"Expected a row in 0..{len(self) - 1}, got {row}.")
        cosines = self._cosines(self.embeddings[row], self._scale[row])
        cosines[row] = np.nan
        return _largest(cosines, k)

    def _parts(self) -> list[np.ndarray]:
        return [self.embeddings[i : i + CHUNK] for i in range(0, len(self.embeddings), CHUNK)]

    def _cosines(self, one: np.ndarray, scale: np.float32) -> np.ndarray:
        return np.concatenate([part @ one for part in self._parts()]) * self._scale * scale


def _largest(cosines: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    known = np.where(np.isnan(cosines), -np.inf, cosines)
    k = min(max(k, 0), int((known > -np.inf).sum()))
    if k == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    least = np.partition(known, len(known) - k)[len(known) - k]
    there = np.flatnonzero(known >= least)
    best = there[np.argsort(-known[there], kind="stable")][:k]
    return best, np.clip(cosines[best], -1, 1)


def matrix(table: pa.Table) -> np.ndarray:
    """The column `embedding` as float32 (N, D), NaN rows where null.

    The table's own memory where nothing is null.

    Raises:
        DataError: there is no such column, nothing in it, or rows of several lengths.
    """
    if "embedding" not in table.column_names or table["embedding"].null_count == len(table):
        raise DataError(
            "Expected a table with a column `embedding`, got none; write it with `python -m "
            "evaluation predict --embedding`."
        )
    column = table["embedding"].combine_chunks()
    known = column.is_valid().to_numpy(zero_copy_only=False)
    lengths = np.diff(column.offsets.to_numpy())[known]
    if (lengths != lengths[0]).any():
        row = int(np.flatnonzero(known)[(lengths != lengths[0]).argmax()])
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
    if known.all():
        result: np.ndarray = values
        return result
    whole = np.full((len(known), values.shape[1]), np.nan, np.float32)
    whole[known] = values
    return whole

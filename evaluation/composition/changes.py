"""What a repair or a new division changed: two versions of a data set, sample by sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.composition.listing import ClassColumn, Listing


@dataclass(frozen=True, slots=True, eq=False)
class VersionChanges:
    """What differs between two versions, matched by the ids of their samples.

    Attributes:
        kept: samples in both.
        removed: samples of the first alone.
        added: samples of the second alone.
        moves: (split before, split after) -> kept samples that are in another split now.
        relabelled: column -> kept samples with another class or number now, in columns of both.
    """

    kept: int
    removed: int
    added: int
    moves: dict[tuple[str, str], int]
    relabelled: dict[str, int]

    @property
    def moved(self) -> int:
        """Kept samples that are in another split now."""
        return sum(self.moves.values())


def positions(ids: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Return where each id stands in another list.

    Args:
        ids: texts (N,).
        of: texts (M,), each once.

    Returns:
        int64 (N,) places in `of`; -1 where it lacks the id.
    """
    places = pc.index_in(pa.array(ids, pa.string()), pa.array(of, pa.string()))
    return np.asarray(pc.fill_null(places, -1).to_numpy(zero_copy_only=False), np.int64)


def compare(before: Listing, after: Listing) -> VersionChanges:
    """Return what differs between two versions of a data set."""
    at = positions(after.ids, before.ids)
    new = np.flatnonzero(at >= 0)  # places of the kept samples in `after`
    old = at[new]  # and in `before`
    split_before, split_after = _texts(before.splits, old), _texts(after.splits, new)
    moved = split_before != split_after
    pairs, counts = np.unique(
        np.stack([split_before[moved], split_after[moved]]).astype(str), axis=1, return_counts=True
    )
    relabelled = {
        name: int((_texts(column, old) != _texts(after.classes[name], new)).sum())
        for name, column in before.classes.items()
        if name in after.classes
    }
    for name, values in before.numbers.items():
        if name in after.numbers:
            a, b = values[old], after.numbers[name][new]
            relabelled[name] = int((~((a == b) | (np.isnan(a) & np.isnan(b)))).sum())
    return VersionChanges(
        kept=len(new),
        removed=len(before) - len(new),
        added=len(after) - len(new),
        moves={(str(a), str(b)): int(n) for (a, b), n in zip(pairs.T, counts, strict=True)},
        relabelled=relabelled,
    )


def _texts(column: ClassColumn, at: np.ndarray) -> np.ndarray:
    """Return the classes of samples as texts, "" where unknown."""
    texts: np.ndarray = np.array([*column.labels, ""], dtype=object)[column.codes[at]]
    return texts

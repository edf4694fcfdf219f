"""Pairs of 64-bit hashes within a Hamming radius, exactly and without comparing all with all
(multi-index hashing).

Norouzi et al., Fast Exact Search in Hamming Space with Multi-Index Hashing, TPAMI 2014. Two hashes
that differ in at most r of 64 bits, cut into r + k chunks, agree in at least k chunks; so only
hashes that agree in some k chunks are compared. Equal hashes are one: a million blank pictures cost
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

BITS = 64
BLOCK = 1 << 21
"""Comparisons made at a time: about 100 MB."""
WORK = 20_000_000_000
"""Comparisons after which a search gives up completeness: minutes. Random hashes need 0.2 thousand
million for a million of them.
"""
FEW = 1 << 20
"""Comparisons up to which all are made: a plan and its tables would take longer."""
MOST = 20_000_000
"""Pairs after which a search stops."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """left, right: int64 (P,) places of the two hashes, each pair once. distance: uint8 (P,).
    complete: False where the data were too dense (more than WORK comparisons or MOST pairs) and
    pairs may be missing.
    """

    left: np.ndarray
    right: np.ndarray
    distance: np.ndarray
    complete: bool


def near(
    hashes: np.ndarray,
    radius: int,
    *,
    work: int = WORK,
    most: int = MOST,
    progress: Callable[[int], None] | None = None,
) -> Pairs:
    """Pairs of different values in `hashes` (N,) uint64, unique, within `radius`; left < right.
    `progress` hears 0 to 100.

    Raises:
        ValueError: a value stands there twice; give `np.unique(hashes)`.
    """
    if len(np.unique(hashes)) != len(hashes):
        raise ValueError("Expected unique hashes.")
    return _join(hashes, hashes, True, radius, work, most, progress or (lambda done: None))


def between(
    left: np.ndarray,
    right: np.ndarray,
    radius: int,
    *,
    work: int = WORK,
    most: int = MOST,
    progress: Callable[[int], None] | None = None,
) -> Pairs:
    """Pairs of one of `left` (N,) and one of `right` (M,), uint64, within `radius`, equal values
    included.
    """
    return _join(left, right, False, radius, work, most, progress or (lambda done: None))


def _join(
    left: np.ndarray,
    right: np.ndarray,
    same: bool,
    radius: int,
    work: int,
    most: int,
    progress: Callable[[int], None],
) -> Pairs:
    if not 0 <= radius < BITS // 2:
        raise ValueError(f"Expected a radius of 0 to {BITS // 2 - 1}, got {radius}.")
    if len(left) * len(right) <= min(FEW, work, most):
        distance = np.bitwise_count(left[:, None] ^ right[None, :])
        i, j = np.nonzero(np.triu(distance <= radius, 1) if same else distance <= radius)
        progress(100)
        return Pairs(i, j, distance[i, j], True)
    chunks, combos = _plan(left, right, radius)
    a, b = _cut(left, chunks), _cut(right, chunks)
    window = max(64, work // (max(len(right), 1) * len(combos)))
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    total, complete = 0, True
    for number, combo in enumerate(combos):
        progress(100 * number // len(combos))
        earlier = combos[:number]
        for i, j, whole in _buckets(_key(a, chunks, combo), _key(b, chunks, combo), same, window):
            complete &= whole
            distance = np.bitwise_count(left[i] ^ right[j])
            hit = np.flatnonzero(distance <= radius)
            i, j, distance = i[hit], j[hit], distance[hit]
            if len(hit) and earlier:  # a pair counts where it is met first
                agree = np.stack([a[c][i] == b[c][j] for c in range(len(chunks))])  # (chunks, P)
                new = np.ones(len(i), bool)
                for other in earlier:
                    new &= ~agree[list(other)].all(axis=0)
                i, j, distance = i[new], j[new], distance[new]
            if len(i):
                found.append(
                    (np.minimum(i, j) if same else i, np.maximum(i, j) if same else j, distance)
                )
                total += len(i)
            if total > most:
                break
        if total > most:
            complete = False
            break
    progress(100)
    if not found:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint8), complete)
    i, j, distance = (np.concatenate(column)[:most] for column in zip(*found, strict=True))
    return Pairs(i, j, distance, complete)


def _plan(
    left: np.ndarray, right: np.ndarray, radius: int
) -> tuple[list[list[int]], list[tuple[int, ...]]]:
    """The bits of each chunk, and which sets of chunks are looked at; of k = 1, 2, 3 the one with
    the least work for these hashes.
    """
    sample = left if len(left) < 100_000 else left[:: len(left) // 100_000]
    ones = np.array(
        [
            ((sample >> np.uint64(b)) & np.uint64(1)).mean() if len(sample) else 0.5
            for b in range(BITS)
        ]
    )
    order = np.argsort(
        np.abs(ones - 0.5), kind="stable"
    )  # dealt out like cards, so that no chunk gets all the bits that say nothing
    best: tuple[float, list[list[int]], list[tuple[int, ...]]] | None = None
    for k in (1, 2, 3):
        m = radius + k
        chunks = [
            [int(b) for b in order[c::m]][: 24 // k] for c in range(m)
        ]  # keys of more bits would need too large a table
        combos = list(combinations(range(m), k))
        if len(combos) > 400 and best is not None:
            continue
        tried = combos[:: max(1, len(combos) // 4)]
        cost = 0.0
        for combo in tried:
            size = 1 << sum(len(chunks[c]) for c in combo)
            counts = np.bincount(_key(_cut(sample, chunks), chunks, combo), minlength=size).astype(
                float
            )
            shares = counts / max(len(sample), 1)
            # Singles of the sample would make the expected work too small, so at least evenly
            # filled buckets are assumed.
            cost += (
                max(float((shares * (counts - 1)).sum()) / max(len(sample) - 1, 1), 1 / size)
                * len(left)
                * len(right)
                + size
            )
        cost = cost / len(tried) * len(combos) + len(combos) * 20.0 * (
            len(left) + len(right)
        )  # sorting, in comparisons
        if best is None or cost < best[0]:
            best = cost, chunks, combos
    assert best is not None
    return best[1], best[2]


def _cut(hashes: np.ndarray, chunks: list[list[int]]) -> list[np.ndarray]:
    """The value of each chunk, uint32 (N,)."""
    parts = []
    for bits in chunks:
        part = np.zeros(len(hashes), np.uint32)
        for place, bit in enumerate(bits):
            part |= ((hashes >> np.uint64(bit)) & np.uint64(1)).astype(np.uint32) << np.uint32(
                place
            )
        parts.append(part)
    return parts


def _key(parts: list[np.ndarray], chunks: list[list[int]], combo: tuple[int, ...]) -> np.ndarray:
    key, width = np.zeros(len(parts[0]), np.uint32), 0
    for c in combo:
        key |= parts[c] << np.uint32(width)
        width += len(chunks[c])
    return key


def _buckets(
    a: np.ndarray, b: np.ndarray, same: bool, window: int
) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """(left, right, whole) for all pairs of equal keys, in blocks; of `same` hashes each pair once.
    A hash meets at most `window` others of its bucket; whole: False where that left some out.
    """
    size = int(max(a.max(initial=0), b.max(initial=0))) + 1
    order = np.argsort(
        a.astype(np.uint16) if size <= 1 << 16 else a, kind="stable"
    )  # radix sort for 16 bits
    counts = np.bincount(a, minlength=size)
    ends = np.cumsum(counts)
    if same:
        right = order
        start = np.arange(len(a)) + 1  # those behind it in its bucket
        number = ends[a[order]] - start
    else:
        right = np.arange(len(b))
        start, number = (ends - counts)[b], counts[b]
    whole = bool((number <= window).all())
    number = np.minimum(number, window)
    busy = np.flatnonzero(number)
    right, start, number = right[busy], start[busy], number[busy]
    until = np.cumsum(number)
    at = 0
    while at < len(number):
        before = until[at - 1] if at else 0
        stop = max(at + 1, int(np.searchsorted(until, before + BLOCK, side="right")))
        some = number[at:stop]
        inside = np.arange(int(until[stop - 1] - before)) - np.repeat(
            until[at:stop] - before - some, some
        )
        yield (
            order[np.repeat(start[at:stop], some) + inside],
            np.repeat(right[at:stop], some),
            whole,
        )
        at = stop
    if not len(number):
        yield np.zeros(0, np.int64), np.zeros(0, np.int64), whole

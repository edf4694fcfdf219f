"""Pairs of 64-bit hashes within a Hamming radius, exactly, by multi-index hashing.

Norouzi et al., Fast Exact Search in Hamming Space with Multi-Index Hashing, TPAMI 2014,
arXiv:1307.2982. Two hashes that differ in at most r of 64 bits, cut into r + k chunks, agree in at
least k chunks; so only hashes that agree in some k chunks are compared, instead of all with all.
Equal hashes count as one: a million blank images cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

HASH_BITS = 64
COMPARISONS_PER_BLOCK = 1 << 21
"""Comparisons made at a time: about 100 MB."""
MAX_COMPARISONS = 20_000_000_000
"""Comparisons after which a search gives up completeness: minutes. A million random hashes need
0.2 thousand million of them.
"""
BRUTE_FORCE_COMPARISONS = 1 << 20
"""Comparisons up to which all are made: a plan and its tables would take longer."""
MAX_PAIRS = 20_000_000
"""Pairs after which a search stops."""
MAX_KEY_BITS = 24
"""Bits of a bucket's key; more would need too large a table."""
PLAN_SAMPLE = 100_000
"""Hashes from which the cost of a plan is estimated."""

Chunks = list[list[int]]
"""The bits of each chunk."""
Combination = tuple[int, ...]
"""Numbers of the chunks that are compared together."""


@dataclass(frozen=True, slots=True, eq=False)
class HashPairs:
    """Pairs of hashes within a radius.

    Attributes:
        left: int64 (P,), positions of the first hashes; each pair stands there once.
        right: int64 (P,), positions of the second hashes.
        complete: False where the data were too dense (more than MAX_COMPARISONS comparisons or
            MAX_PAIRS pairs) and pairs may be missing.
    """

    left: np.ndarray
    right: np.ndarray
    complete: bool


def pairs_within(
    left: np.ndarray,
    right: np.ndarray | None,
    radius: int,
    *,
    max_comparisons: int = MAX_COMPARISONS,
    max_pairs: int = MAX_PAIRS,
    progress: Callable[[int], None] = lambda percent: None,
) -> HashPairs:
    """Return the pairs within `radius` bits of one of `left` and one of `right`, equal ones too.

    Args:
        left: uint64 (N,).
        right: uint64 (M,). None searches `left`, which then are unique, among themselves; the left
            of a pair then stands before its right.
        radius: 0 to 31 bits.
        max_comparisons: after which the search is no longer complete.
        max_pairs: after which the search stops.
        progress: called with the percentage done.

    Raises:
        ValueError: a hash stands twice where unique ones are expected, or the radius is out of
            range.
    """
    if not 0 <= radius < HASH_BITS // 2:
        raise ValueError(f"Expected a radius of 0 to {HASH_BITS // 2 - 1}, got {radius}.")
    same = right is None
    if right is None:
        right = left
        if len(np.unique(left)) != len(left):
            raise ValueError("Expected unique hashes; give np.unique(hashes).")
    if len(left) * len(right) <= min(BRUTE_FORCE_COMPARISONS, max_comparisons, max_pairs):
        near = np.bitwise_count(left[:, None] ^ right[None, :]) <= radius
        i, j = np.nonzero(np.triu(near, 1) if same else near)
        return HashPairs(i, j, True)
    chunks, combos = _plan(left, right, radius)
    left_chunks, right_chunks = _chunk_values(left, chunks), _chunk_values(right, chunks)
    window = max(64, max_comparisons // (max(len(right), 1) * len(combos)))
    batches = [np.zeros((2, 0), np.int64)]
    n_pairs, complete = 0, True
    for number, combo in enumerate(combos):
        progress(100 * number // len(combos))
        left_keys, right_keys = (_keys(c, chunks, combo) for c in (left_chunks, right_chunks))
        for i, j, covered in _buckets(left_keys, right_keys, same, window):
            complete &= covered
            near = np.flatnonzero(np.bitwise_count(left[i] ^ right[j]) <= radius)
            i, j = i[near], j[near]
            new = _first_met(left_chunks, right_chunks, i, j, combos[:number])
            i, j = i[new], j[new]
            batches.append(np.stack((np.minimum(i, j), np.maximum(i, j)) if same else (i, j)))
            n_pairs += len(i)
            if n_pairs > max_pairs:
                break
        if n_pairs > max_pairs:
            complete = False
            break
    progress(100)
    i, j = np.concatenate(batches, axis=1)[:, :max_pairs]
    return HashPairs(i, j, complete)


def _first_met(
    left_chunks: list[np.ndarray],
    right_chunks: list[np.ndarray],
    i: np.ndarray,
    j: np.ndarray,
    earlier: list[Combination],
) -> np.ndarray:
    """Return bool (P,): pairs that agree in none of the `earlier` combinations of chunks."""
    new = np.ones(len(i), bool)
    if len(i) and earlier:
        agree = np.stack([a[i] == b[j] for a, b in zip(left_chunks, right_chunks, strict=True)])
        for combo in earlier:  # agree: (chunks, P)
            new &= ~agree[list(combo)].all(axis=0)
    return new


def _plan(left: np.ndarray, right: np.ndarray, radius: int) -> tuple[Chunks, list[Combination]]:
    """Return the chunks, and the combinations of k of them to compare.

    Of k = 1, 2, 3 the one is chosen that needs the least work for these hashes.
    """
    sample = left if len(left) < PLAN_SAMPLE else left[:: len(left) // PLAN_SAMPLE]
    bits = range(HASH_BITS)
    ones = np.array([((sample >> np.uint64(b)) & np.uint64(1)).mean() for b in bits])
    # Dealt out like cards, so that no chunk gets all the bits that are nearly constant.
    order = np.argsort(np.abs(ones - 0.5), kind="stable")
    best: tuple[float, Chunks, list[Combination]] | None = None
    for k in (1, 2, 3):
        n_chunks = radius + k
        chunks = [
            [int(b) for b in order[c::n_chunks]][: MAX_KEY_BITS // k] for c in range(n_chunks)
        ]
        combos = list(combinations(range(n_chunks), k))
        if len(combos) > 400 and best is not None:
            continue
        cost = _cost(sample, chunks, combos, len(left), len(right))
        if best is None or cost < best[0]:
            best = cost, chunks, combos
    assert best is not None
    return best[1], best[2]


def _cost(
    sample: np.ndarray, chunks: Chunks, combos: list[Combination], n_left: int, n_right: int
) -> float:
    """Return the expected work of a plan, in comparisons."""
    measured = combos[:: max(1, len(combos) // 4)]
    values = _chunk_values(sample, chunks)
    total = 0.0
    for combo in measured:
        n_buckets = 1 << sum(len(chunks[c]) for c in combo)
        counts = np.bincount(_keys(values, chunks, combo), minlength=n_buckets).astype(float)
        shares = counts / max(len(sample), 1)
        # Singles of the sample would make the expected work too small, so at least evenly filled
        # buckets are assumed.
        chance = float((shares * (counts - 1)).sum()) / max(len(sample) - 1, 1)
        total += max(chance, 1 / n_buckets) * n_left * n_right + n_buckets
    sorting = 20.0 * (n_left + n_right)
    return total / len(measured) * len(combos) + len(combos) * sorting


def _chunk_values(hashes: np.ndarray, chunks: Chunks) -> list[np.ndarray]:
    """Return the value of each chunk, uint32 (N,) each."""
    parts = []
    for bits in chunks:
        part = np.zeros(len(hashes), np.uint32)
        for shift, bit in enumerate(bits):
            value = ((hashes >> np.uint64(bit)) & np.uint64(1)).astype(np.uint32)
            part |= value << np.uint32(shift)
        parts.append(part)
    return parts


def _keys(parts: list[np.ndarray], chunks: Chunks, combo: Combination) -> np.ndarray:
    """Return the value of several chunks in a row, uint32 (N,)."""
    key, width = np.zeros(len(parts[0]), np.uint32), 0
    for c in combo:
        key |= parts[c] << np.uint32(width)
        width += len(chunks[c])
    return key


def _buckets(
    left_keys: np.ndarray, right_keys: np.ndarray, same: bool, window: int
) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Yield (left, right, covered) for all pairs of equal keys, in blocks.

    Of the `same` hashes on both sides each pair comes once. A hash meets at most `window` others
    of its bucket; `covered` is False where that left some out.
    """
    size = int(max(left_keys.max(initial=0), right_keys.max(initial=0))) + 1
    # Of 16 bits numpy sorts by radix.
    sortable = left_keys.astype(np.uint16) if size <= 1 << 16 else left_keys
    order = np.argsort(sortable, kind="stable")
    counts = np.bincount(left_keys, minlength=size)
    ends = np.cumsum(counts)
    if same:
        right = order
        start = np.arange(len(left_keys)) + 1  # those behind it in its bucket
        number = ends[left_keys[order]] - start
    else:
        right = np.arange(len(right_keys))
        start, number = (ends - counts)[right_keys], counts[right_keys]
    covered = bool((number <= window).all())
    number = np.minimum(number, window)
    busy = np.flatnonzero(number)
    right, start, number = right[busy], start[busy], number[busy]
    until = np.cumsum(number)
    at = 0
    while at < len(number):
        before = until[at - 1] if at else 0
        stop = int(np.searchsorted(until, before + COMPARISONS_PER_BLOCK, side="right"))
        stop = max(at + 1, stop)
        lengths = number[at:stop]
        block_starts = until[at:stop] - before - lengths
        inside = np.arange(int(until[stop - 1] - before)) - np.repeat(block_starts, lengths)
        left = order[np.repeat(start[at:stop], lengths) + inside]
        yield left, np.repeat(right[at:stop], lengths), covered
        at = stop
    if not len(number):
        yield np.zeros(0, np.int64), np.zeros(0, np.int64), covered

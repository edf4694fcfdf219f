"""Clusters of duplicates: which samples are one picture, by pixels and nearly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core import progress
from evaluation.quality import image_features
from evaluation.quality.duplicates import confirm, hamming

if TYPE_CHECKING:
    from evaluation.quality.dataset import Context

RADIUS = 6
"""Bits of 64 by which a copy's hash may differ from one of the original's views. pHash sets half of
its bits, so distances are even.
"""
AGREE = 0.84
"""See `_confirm.agreement`. Chosen on FER+ and UTKFace: planted copies lie above (0.5 % of
brightened ones below 0.90), and of looked-at pairs of different pictures the closest had 0.81.
"""
FLAT = 4.0
"""Grey levels: pictures with a smaller standard deviation are like all others, so they are compared
by pixels only.
"""
CROPS = ((0.0, 0.0), (0.03, 0.0), (0.0, 0.03))
"""Shares cut off at either end of an axis; all nine views of a picture are searched for, so that a
copy cropped by 4 % is found.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """pairs: int64 (P, 2) places of the samples, first < second. score: float32 (P,) agreement of
    each.

    cluster: int64 (N,), the same number for those that pairs join. candidates: how many pairs were
    compared. complete: False where the data were too dense to search all.
    """

    pairs: np.ndarray
    score: np.ndarray
    cluster: np.ndarray
    candidates: int
    complete: bool


def by_value(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """int64 (N,): the same number for the same value; a number of its own where not `known`."""
    number = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return np.where(known, number, len(values) + np.arange(len(values)))


def connected(n: int, pairs: np.ndarray) -> np.ndarray:
    """Pairs (P, 2) of 0 to n - 1 -> cluster of each (n,), joined transitively."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def members(cluster: np.ndarray) -> Iterator[np.ndarray]:
    """The places of the members of each cluster of two or more, ascending, by the first member."""
    order = np.argsort(cluster, kind="stable")
    edges = np.flatnonzero(np.diff(cluster[order])) + 1
    groups = [g for g in np.split(order, edges) if len(g) > 1]
    return iter(sorted(groups, key=lambda g: int(g[0])))


def name_of(kind: str, ids: list[str]) -> str:
    """A cluster's name: the same for the same members on every machine."""
    return f"{kind}-{hashlib.sha256(chr(0).join(sorted(ids)).encode()).hexdigest()[:10]}"


def pixel_clusters(context: Context) -> np.ndarray:
    """int64 (N,): the same number for the same size and pixels."""
    seen = context.features.pixels
    return context.once("pixel clusters", lambda: by_value(seen["pixels"], seen["readable"]))


def near_clusters(context: Context, *, mirrored: bool = False) -> Near:
    """Near duplicates, or with `mirrored` those of one picture and another's mirror image.
    Pixel-equal pictures count as one.

    The clusters of near duplicates hold the pixel-equal ones too.
    """
    radius = int(context.option("near_duplicates", "radius"))
    agree = float(context.option("near_duplicates", "agree"))

    def make() -> Near:
        seen = context.features.pixels
        able = np.flatnonzero(seen["readable"] & (seen["std"] >= FLAT))
        able = able[np.unique(pixel_clusters(context)[able], return_index=True)[1]]
        found, complete = candidates(seen[able], radius, mirrored=mirrored)
        thumbs = seen["thumb"]
        pairs = able[found]
        score = np.zeros(len(pairs), np.float32)
        with progress.task("compare candidates", len(pairs)) as advance:
            for start in range(0, len(pairs), 4096):
                some = pairs[start : start + 4096]
                other = thumbs[some[:, 1]]
                score[start : start + 4096] = confirm.agreement(
                    thumbs[some[:, 0]], other[:, :, ::-1] if mirrored else other
                )
                advance(start + len(some))
        sure = score >= agree
        pairs, score = np.sort(pairs[sure], axis=1), score[sure]
        joined = pairs if mirrored else np.concatenate([pairs, _chains(pixel_clusters(context))])
        return Near(pairs, score, connected(len(context), joined), len(found), complete)

    return context.once(f"near {radius} {agree} {mirrored}", make)


def candidates(seen: np.ndarray, radius: int, *, mirrored: bool = False) -> tuple[np.ndarray, bool]:
    """Records of `_pixels.FIELDS` (M,) -> pairs (P, 2) whose hashes are near or equal in one view,
    and whether all were found.
    """
    values, place = np.unique(seen["hash"], return_inverse=True)
    first = np.unique(place, return_index=True)[1]  # of equal hashes one is searched for
    complete, parts = True, []
    views = [(x, y) for x in CROPS for y in CROPS]
    with progress.task("search near duplicates", 100 * len(views)) as advance:
        for number, (x, y) in enumerate(views):

            def tell(done: int, number: int = number) -> None:
                advance(100 * number + done)

            plain = (x, y) == (CROPS[0], CROPS[0])
            if plain and not mirrored:
                found = hamming.near(values, radius, progress=tell)
                other = first
            else:
                # Not only of the first of equal hashes: two pictures with one hash may have
                # different views.
                other = np.arange(len(seen)) if len(seen) < 4 * len(first) else first
                thumbs = seen["thumb"][other]
                view = image_features.view_hashes(thumbs[:, :, ::-1] if mirrored else thumbs, x, y)
                found = hamming.between(values, view, radius, progress=tell)
            complete &= found.complete
            pairs = np.stack([first[found.left], other[found.right]], axis=1)
            parts.append(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1))
    # Equal hashes: each with the first of its kind, which is enough for clusters and does not
    # explode.
    rest = np.flatnonzero(first[place] != np.arange(len(seen)))
    if not mirrored:
        parts.append(np.stack([first[place[rest]], rest], axis=1))
    joined = np.concatenate(parts)
    codes = np.unique(joined[:, 0] * len(seen) + joined[:, 1])  # each pair once
    return np.stack([codes // max(len(seen), 1), codes % max(len(seen), 1)], axis=1), complete


def _chains(cluster: np.ndarray) -> np.ndarray:
    """Pairs (P, 2) that join the members of each cluster one to the next."""
    order = np.argsort(cluster, kind="stable")
    same = np.flatnonzero(cluster[order[1:]] == cluster[order[:-1]])
    return np.stack([order[same], order[same + 1]], axis=1)

"""Clusters of duplicates: which samples show the same image, by pixels and nearly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core import progress
from evaluation.quality import image_features
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.duplicates import confirm, hamming

RADIUS_BITS = 6
"""Bits of 64 by which a copy's hash may differ from that of one of the original's crops. pHash
sets half of its bits, so distances are even.
"""
MIN_AGREEMENT = 0.84
"""Least `confirm.agreement`. Chosen on FER+ and UTKFace: planted copies lie above (0.5 % of
brightened ones below 0.90), and of the pairs of different images that were looked at the closest
had 0.81.
"""
MIN_CONTRAST = 4.0
"""Grey levels: images with a smaller standard deviation are like all others, so they are compared
by pixels only.
"""
CROPS = ((0.0, 0.0), (0.03, 0.0), (0.0, 0.03))
"""Shares cut off at either end of an axis. All nine crops of an image are searched for, so that a
copy cropped by 4 % is found.
"""


@dataclass(frozen=True, slots=True, eq=False)
class NearDuplicates:
    """Pairs of near duplicates and the clusters that they form.

    Attributes:
        pairs: int64 (P, 2), positions of the samples, first < second.
        score: float32 (P,), agreement of each pair, in [0, 1].
        cluster: int64 (N,), the same number for samples that pairs join.
        candidates: how many pairs were compared.
        complete: False where the data were too dense to search all of them.
    """

    pairs: np.ndarray
    score: np.ndarray
    cluster: np.ndarray
    candidates: int
    complete: bool


def group_by_value(values: np.ndarray, is_known: np.ndarray) -> np.ndarray:
    """Return int64 (N,): one number per value, and one of its own for each that is not known.

    Args:
        values: (N,).
        is_known: bool (N,).
    """
    number = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return np.where(is_known, number, len(values) + np.arange(len(values)))


def connected_components(n: int, pairs: np.ndarray) -> np.ndarray:
    """Return the cluster int64 (n,) of each of 0 to n - 1, joined transitively by pairs (P, 2)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components as label_components

    graph = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(label_components(graph, directed=False)[1].astype(np.int64))


def cluster_members(cluster: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the positions of each cluster of two or more, by the first member.

    Args:
        cluster: int (N,).

    Yields:
        int64 (n,), ascending.
    """
    order = np.argsort(cluster, kind="stable")
    edges = np.flatnonzero(np.diff(cluster[order])) + 1
    groups = [g for g in np.split(order, edges) if len(g) > 1]
    return iter(sorted(groups, key=lambda g: int(g[0])))


def cluster_name(kind: str, ids: list[str]) -> str:
    """Return a cluster's name: the same for the same members on every machine."""
    return f"{kind}-{hashlib.sha256(chr(0).join(sorted(ids)).encode()).hexdigest()[:10]}"


def chain_pairs(cluster: np.ndarray) -> np.ndarray:
    """Return pairs (P, 2) that join the members of each cluster one to the next."""
    order = np.argsort(cluster, kind="stable")
    same = np.flatnonzero(cluster[order[1:]] == cluster[order[:-1]])
    return np.stack([order[same], order[same + 1]], axis=1)


def pixel_clusters(dataset: AuditDataset) -> np.ndarray:
    """Return int64 (N,): the same number for the same size and pixels."""
    images = dataset.features.images
    return dataset.compute_once(
        "pixel clusters", lambda: group_by_value(images["pixels"], images["readable"])
    )


def near_clusters(dataset: AuditDataset, *, mirrored: bool = False) -> NearDuplicates:
    """Return the near duplicates of a data set.

    Images with the same pixels count as one in the search. The clusters of near duplicates hold
    them too; those of mirrored copies do not.

    Args:
        dataset: radius and agreement are the options of the check `near_duplicates`.
        mirrored: look for pairs of one image and another's mirror image instead.
    """
    radius = int(dataset.option("near_duplicates", "radius"))
    min_agreement = float(dataset.option("near_duplicates", "agree"))

    def search() -> NearDuplicates:
        images = dataset.features.images
        pixels = pixel_clusters(dataset)
        able = np.flatnonzero(images["readable"] & (images["std"] >= MIN_CONTRAST))
        able = able[np.unique(pixels[able], return_index=True)[1]]
        candidates, complete = candidate_pairs(images[able], radius, mirrored=mirrored)
        pairs = able[candidates]
        score = confirm.agreements(images["thumb"], pairs, mirrored=mirrored)
        confirmed = score >= min_agreement
        pairs, score = np.sort(pairs[confirmed], axis=1), score[confirmed]
        joined = pairs if mirrored else np.concatenate([pairs, chain_pairs(pixels)])
        cluster = connected_components(len(dataset), joined)
        return NearDuplicates(pairs, score, cluster, len(candidates), complete)

    return dataset.compute_once(f"near {radius} {min_agreement} {mirrored}", search)


def candidate_pairs(
    records: np.ndarray, radius: int, *, mirrored: bool = False
) -> tuple[np.ndarray, bool]:
    """Return pairs whose hashes are near or equal in one crop, and whether all were found.

    Args:
        records: of `image_features.RECORD` (M,).
        radius: bits by which two hashes may differ.
        mirrored: compare each image with the mirror image of the other.

    Returns:
        int64 (P, 2) positions in `records`, and the flag.
    """
    hashes, hash_index = np.unique(records["hash"], return_inverse=True)
    first = np.unique(hash_index, return_index=True)[1]  # of equal hashes one is searched for
    complete = True
    parts = []
    crops = [(x, y) for x in CROPS for y in CROPS]
    with progress.task("search near duplicates", 100 * len(crops)) as advance:
        for number, (x, y) in enumerate(crops):

            def report(percent: int, number: int = number) -> None:
                advance(100 * number + percent)

            is_uncropped = (x, y) == (CROPS[0], CROPS[0])
            if is_uncropped and not mirrored:
                matches = hamming.pairs_within(hashes, None, radius, progress=report)
                second = first
            else:
                # Not only the first of equal hashes: two images with one hash may have different
                # crops.
                second = np.arange(len(records)) if len(records) < 4 * len(first) else first
                thumbnails = records["thumb"][second]
                cropped = image_features.cropped_hashes(
                    thumbnails[:, :, ::-1] if mirrored else thumbnails, x, y
                )
                matches = hamming.pairs_within(hashes, cropped, radius, progress=report)
            complete &= matches.complete
            pairs = np.stack([first[matches.left], second[matches.right]], axis=1)
            parts.append(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1))
    if not mirrored:
        # Each image with the first of the same hash: enough for clusters, and few pairs.
        others = np.flatnonzero(first[hash_index] != np.arange(len(records)))
        parts.append(np.stack([first[hash_index[others]], others], axis=1))
    joined = np.concatenate(parts)
    n = max(len(records), 1)
    codes = np.unique(joined[:, 0] * len(records) + joined[:, 1])  # each pair once
    return np.stack([codes // n, codes % n], axis=1), complete

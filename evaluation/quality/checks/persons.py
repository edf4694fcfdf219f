"""Suspicion only: the same person in two splits, by the embedding of the shipped model, which was
never trained to tell people apart.

It runs only when it is named, and it suggests nothing but a look: of the 60 surest pairs in UTKFace
one was the same person (evaluation/FINDINGS.md), so with the shipped model it is worthless. With a
model that embeds identity (`--model`) it is of use.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from core import progress
from evaluation.quality.check import findings
from evaluation.quality.dataset import Context
from evaluation.quality.duplicates import clusters

NAME = "persons"
TITLE = "Suspicion: one person in two splits"
DEFAULT = False
OPTIONS = {"cosine": 0.98, "near": True}
"""cosine: least likeness of two embeddings. near: leave out pairs that are near duplicates, which
`leaks` reports.
"""
BLOCK = 1024


def run(context: Context) -> pa.Table:
    """One row for each member of a cluster that straddles splits; the score is one minus half the
    closest likeness, never sure.
    """
    vectors = context.features.embedding
    cosine = float(context.option(NAME, "cosine"))
    copies = (
        clusters.near_clusters(context).cluster
        if context.option(NAME, "near")
        else clusters.pixel_clusters(context)
    )
    pairs, likeness = alike(vectors, context.split, cosine)
    fresh = copies[pairs[:, 0]] != copies[pairs[:, 1]]
    pairs, likeness = pairs[fresh], likeness[fresh]
    cluster = clusters.connected(len(context), pairs)
    best = np.zeros(len(context))
    np.maximum.at(best, pairs.ravel(), np.repeat(likeness, 2))
    ids = context.samples.ids
    rows: list[dict[str, Any]] = []
    for group in clusters.members(cluster):
        name = clusters.name_of("person", [ids[i] for i in group])
        rows += [
            {
                "sample_id": ids[i],
                "split": context.split[i],
                "score": float(1 - best[i] / 2),
                "is_issue": True,
                "group": name,
                "reason": f"perhaps a person of another split too: embedding cosine {best[i]:.3f}; look before you act",
                "action": "keep",
            }
            for i in group.tolist()
        ]
    return findings(rows, {"pairs": len(pairs), "cosine": cosine})


def alike(vectors: np.ndarray, splits: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (N, D) -> pairs (P, 2) of different splits with a cosine of at least `least`,
    and the cosines (P,). All are compared.
    """
    codes = np.unique(splits, return_inverse=True)[1]
    parts, values = [np.zeros((0, 2), np.int64)], [np.zeros(0, np.float32)]
    with progress.task("compare embeddings", len(vectors)) as advance:
        for start in range(0, len(vectors), BLOCK):
            stop = min(start + BLOCK, len(vectors))
            cosine = vectors[start:stop] @ vectors[start:].T  # (block, N - start)
            a, b = np.nonzero((cosine >= least) & (codes[start:stop, None] != codes[None, start:]))
            later = b > a
            parts.append(np.stack([a[later] + start, b[later] + start], axis=1))
            values.append(cosine[a[later], b[later]])
            advance(stop)
    return np.concatenate(parts), np.concatenate(values)

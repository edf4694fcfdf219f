"""Leaks: pictures of one split that stand, with the same pixels or nearly, in another too. What is
measured on them is remembered.

The copy in the split that is measured (test before val before train) stays, so that figures stay
comparable with what others publish; the other one is to be dropped. `near=false` looks at equal
pixels only.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation.quality.check import findings
from evaluation.quality.dataset import Context
from evaluation.quality.duplicates import clusters
from evaluation.quality.duplicates import findings as _duplicates

NAME = "leaks"
TITLE = "Leaks between splits"
OPTIONS = {"near": True}


def run(context: Context) -> pa.Table:
    """One row for each member of a cluster that straddles splits. Figures: for each pair of splits,
    how many samples of the one have a copy in the other.
    """
    rank, ids, splits = context.rank(), context.samples.ids, context.split
    pixels = clusters.pixel_clusters(context)
    near = clusters.near_clusters(context) if context.option(NAME, "near") else None
    cluster = pixels if near is None else near.cluster
    alike = (
        np.ones(len(context))
        if near is None
        else _duplicates.each_member(near.pairs, near.score, len(context))
    )
    rows = []
    for group in clusters.members(cluster):
        if len(set(splits[group].tolist())) < 2:
            continue
        stays = group[rank[group].argmax()]
        name = clusters.name_of("leak", [ids[i] for i in group])
        for i in group.tolist():
            safe = splits[i] == splits[stays]
            twin = next(
                (j for j in group.tolist() if pixels[j] == pixels[i] and splits[j] != splits[i]),
                None,
            )
            other = twin if twin is not None else int(stays)
            how = "the same pixels as" if twin is not None else "nearly the same picture as"
            reason = f"stays; copies of it in {', '.join(sorted(set(splits[group].tolist()) - {splits[i]}))}"
            rows.append(
                {
                    "sample_id": ids[i],
                    "split": splits[i],
                    "score": 1.0 if safe else 0.0 if twin is not None else 1 - float(alike[i]),
                    "is_issue": not safe,
                    "group": name,
                    "reason": reason if safe else f"{how} {ids[other]} ({splits[other]})",
                    "action": "keep" if safe else "drop",
                }
            )
    figures: dict[str, Any] = {
        "same_pixels": straddling(pixels, splits),
        "same_or_near": None if near is None else straddling(near.cluster, splits),
    }
    figures["complete"] = near is None or near.complete
    return findings(rows, figures)


def straddling(cluster: np.ndarray, splits: np.ndarray) -> dict[str, int]:
    """`A in B` -> how many samples of split A have a member of their cluster in split B."""
    names = sorted(set(splits.tolist()))
    return {
        f"{a} in {b}": int(np.isin(cluster[splits == a], cluster[splits == b]).sum())
        for a, b in permutations(names, 2)
    }

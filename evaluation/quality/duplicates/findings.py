"""From clusters of copies to findings: one member stays, the others go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from evaluation.quality.check import findings
from evaluation.quality.duplicates import clusters

if TYPE_CHECKING:
    from evaluation.quality.dataset import Context


def of_clusters(
    context: Context,
    kind: str,
    cluster: np.ndarray,
    why: str,
    *,
    badness: np.ndarray | None = None,
    figures: Mapping[str, Any] | None = None,
) -> pa.Table:
    """Findings for all clusters of two or more: the member that ranks highest stays, the others are
    issues with action `drop`.

    why: the reason, before the name of the one that stays. badness: (N,) 0 to 1 by which the score
    lies below 1 (default: 1, so score 0).
    """
    rank, ids, splits = context.rank(), context.samples.ids, context.split
    rows: dict[str, list[Any]] = {
        n: [] for n in ("sample_id", "split", "score", "is_issue", "group", "reason", "action")
    }
    groups, across = 0, 0
    for group in clusters.members(cluster):
        stays = int(group[rank[group].argmax()])
        name = clusters.name_of(kind, [ids[i] for i in group])
        groups, across = groups + 1, across + (len(set(splits[group].tolist())) > 1)
        for i in group.tolist():
            rows["sample_id"].append(ids[i])
            rows["split"].append(splits[i])
            rows["score"].append(
                1.0 if i == stays else 0.0 if badness is None else 1 - float(badness[i])
            )
            rows["is_issue"].append(i != stays)
            rows["group"].append(name)
            rows["reason"].append(
                f"stays for {len(group) - 1} like it"
                if i == stays
                else f"{why} {ids[stays]} ({splits[stays]})"
            )
            rows["action"].append("keep" if i == stays else "drop")
    extra = sum(rows["is_issue"])
    return findings(
        rows, {"groups": groups, "copies": extra, "groups_across_splits": across, **(figures or {})}
    )


def each_member(pairs: np.ndarray, score: np.ndarray, n: int) -> np.ndarray:
    """float32 (n,): the best score of the pairs (P, 2) of each sample, 1 where it has none (it is
    joined by equal pixels).
    """
    best = np.zeros(n, np.float32)
    np.maximum.at(best, pairs.ravel(), np.repeat(score, 2))
    return np.where(best > 0, best, np.float32(1))


def only(cluster: np.ndarray, keep: Callable[[np.ndarray], bool]) -> np.ndarray:
    """`cluster` (N,) with every cluster that `keep(members)` refuses taken apart."""
    made = cluster.max(initial=0) + 1 + np.arange(len(cluster))
    for group in clusters.members(cluster):
        if keep(group):
            made[group] = cluster[group[0]]
    return made

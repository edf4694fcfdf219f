"""From clusters of copies to findings: one member stays, the others go."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from evaluation.quality.check import Findings, make_findings
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.duplicates import clusters


def findings_of_clusters(
    dataset: AuditDataset,
    kind: str,
    cluster: np.ndarray,
    reason: str,
    *,
    badness: np.ndarray | None = None,
    figures: Mapping[str, object] | None = None,
) -> Findings:
    """Return findings for all clusters of two or more.

    The member of the highest `keep_priority` stays; the others are issues with action `drop`.

    Args:
        dataset: whose samples are clustered.
        kind: first part of the clusters' names.
        cluster: int (N,), the same number for members of one cluster.
        reason: of an issue, before the id of the member that stays.
        badness: (N,) in [0, 1], by which the score of an issue lies below 1; 1 by default.
        figures: added to the numbers of groups and copies.
    """
    priority, ids, split = dataset.keep_priority(), dataset.samples.ids, dataset.split
    rows: list[dict[str, object]] = []
    n_groups = n_across_splits = 0
    for group in clusters.cluster_members(cluster):
        staying = int(group[priority[group].argmax()])
        name = clusters.cluster_name(kind, [ids[i] for i in group])
        n_groups += 1
        n_across_splits += len(set(split[group].tolist())) > 1
        for i in group.tolist():
            stays = i == staying
            rows.append(
                {
                    "sample_id": ids[i],
                    "split": split[i],
                    "score": 1.0 if stays else 0.0 if badness is None else 1 - float(badness[i]),
                    "is_issue": not stays,
                    "group": name,
                    "reason": f"stays for {len(group) - 1} like it"
                    if stays
                    else f"{reason} {ids[staying]} ({split[staying]})",
                    "action": "keep" if stays else "drop",
                }
            )
    counts = {
        "groups": n_groups,
        "copies": len(rows) - n_groups,
        "groups_across_splits": n_across_splits,
    }
    return make_findings(rows, {**counts, **(figures or {})})


def best_pair_score(pairs: np.ndarray, score: np.ndarray, n: int) -> np.ndarray:
    """Return float32 (n,): the best score of each sample's pairs.

    A sample without a pair has 1: it is in a cluster because of equal pixels.

    Args:
        pairs: int64 (P, 2), positions of samples.
        score: (P,), in [0, 1].
        n: number of samples.
    """
    best = np.zeros(n, np.float32)
    np.maximum.at(best, pairs.ravel(), np.repeat(score, 2))
    return np.where(best > 0, best, np.float32(1))


def filter_clusters(cluster: np.ndarray, keep: Callable[[np.ndarray], bool]) -> np.ndarray:
    """Return the clusters without those that are refused: their members are alone.

    Args:
        cluster: int (N,).
        keep: called with the positions (n,) of a cluster's members.

    Returns:
        int (N,).
    """
    filtered: np.ndarray = cluster.max(initial=0) + 1 + np.arange(len(cluster))
    for group in clusters.cluster_members(cluster):
        if keep(group):
            filtered[group] = cluster[group[0]]
    return filtered

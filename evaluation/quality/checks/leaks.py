"""Leaks: images of one split that stand, with the same pixels or nearly, in another split too.

What is measured on such images is memory. The copy in the split on which models are measured (test
before val before train) stays, so that figures stay comparable with published ones; the other copy
is to be dropped.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from evaluation.quality.check import Findings, Row, make_findings
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.duplicates import clusters
from evaluation.quality.duplicates.cluster_findings import best_pair_score

NAME = "leaks"
TITLE = "Leaks between splits"
OPTIONS = {"near": True}
"""near: also look for near duplicates, not only for the same pixels."""


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each member of a cluster with members in several splits.

    Figures: for each pair of splits how many samples of the one have a copy in the other.
    """
    priority, split = dataset.keep_priority(), dataset.split
    pixels = clusters.pixel_clusters(dataset)
    near = clusters.near_clusters(dataset) if dataset.option(NAME, "near") else None
    if near is None:
        cluster, likeness = pixels, np.ones(len(dataset))
    else:
        cluster = near.cluster
        likeness = best_pair_score(near.pairs, near.score, len(dataset))
    rows: list[Row] = []
    for group in clusters.cluster_members(cluster):
        if len(set(split[group].tolist())) > 1:
            staying = int(group[priority[group].argmax()])
            rows += _rows(dataset, group, staying, pixels, likeness)
    figures = {
        "same_pixels": leak_counts(pixels, split),
        "same_or_near": None if near is None else leak_counts(near.cluster, split),
        "complete": near is None or near.complete,
    }
    return make_findings(rows, figures)


def _rows(
    dataset: AuditDataset, group: np.ndarray, staying: int, pixels: np.ndarray, likeness: np.ndarray
) -> list[Row]:
    """Return the rows of one cluster, of which the split of `staying` stays."""
    ids, split = dataset.samples.ids, dataset.split
    name = clusters.cluster_name("leak", [ids[i] for i in group])
    splits = set(split[group].tolist())
    rows: list[Row] = []
    for i in group.tolist():
        stays = split[i] == split[staying]
        exact = [j for j in group.tolist() if pixels[j] == pixels[i] and split[j] != split[i]]
        original = exact[0] if exact else staying
        relation = "the same pixels as" if exact else "nearly the same picture as"
        rows.append(
            {
                "sample_id": ids[i],
                "split": split[i],
                "score": 1.0 if stays else 0.0 if exact else 1 - float(likeness[i]),
                "is_issue": not stays,
                "group": name,
                "reason": f"stays; copies of it in {', '.join(sorted(splits - {split[i]}))}"
                if stays
                else f"{relation} {ids[original]} ({split[original]})",
                "action": "keep" if stays else "drop",
            }
        )
    return rows


def leak_counts(cluster: np.ndarray, split: np.ndarray) -> dict[str, int]:
    """Return `A in B` -> how many samples of split A have a member of their cluster in split B.

    Args:
        cluster: int (N,).
        split: texts (N,).
    """
    splits = sorted(set(split.tolist()))
    return {
        f"{a} in {b}": int(np.isin(cluster[split == a], cluster[split == b]).sum())
        for a, b in permutations(splits, 2)
    }

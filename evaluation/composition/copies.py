"""Copies and leaks in a version of a data set, by the clusters that an audit found.

An audit of one version serves the others too: its clusters name samples, and each version has its
own of them, in its own splits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from evaluation.composition.changes import positions
from evaluation.composition.listing import Listing
from evaluation.quality.repair.review import FindingsFile

LEAKS = "leaks"
SEARCHES = ("exact_files", "exact_pixels", "near_duplicates", "mirrored", LEAKS)
"""The checks that search for copies."""


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """What one check's clusters are in a version of a data set.

    Attributes:
        check: the check.
        title: its heading.
        issues: of a check that found clusters, the copies beyond the first of each; of others,
            samples of the version that the check calls an issue.
        clusters: clusters of which the version has two samples or more.
        leaking_clusters: clusters with samples in several splits.
        leaks: int64 (S, S): samples of the row's split in a cluster with one of the column's
            split; 0 on the diagonal.
    """

    check: str
    title: str
    issues: int
    clusters: int
    leaking_clusters: int
    leaks: np.ndarray


def checks_of_samples(findings: FindingsFile) -> list[str]:
    """Return the checks that found issues of samples, in the order in which they were run.

    LEAKS is left out where another check has clusters: its own are among these, and what it calls
    an issue holds in the splits of the audited version alone.
    """
    rows = findings.rows.filter(pc.and_(findings.rows["is_issue"], findings.rows["known"]))
    present = set(pc.unique(rows["check"]).to_pylist())
    clustered = set(pc.unique(rows.filter(pc.is_valid(rows["group"]))["check"]).to_pylist())
    left_out = {LEAKS} if clustered - {LEAKS} else set()
    return [check for check in findings.header.checks if check in present - left_out]


def holds_any(listing: Listing, findings: FindingsFile) -> bool:
    """Return whether an audit names any sample of a version; an audit of other data does not."""
    ids = findings.rows.filter(findings.rows["known"])["sample_id"]
    return not len(ids) or bool((positions(listing.ids, ids.to_numpy()) >= 0).any())


def copies_in(listing: Listing, findings: FindingsFile, check: str) -> Copies:
    """Return what a check's findings are in a version of the data set that was audited."""
    at, is_issue, cluster, has_clusters = _rows(listing, findings, check)
    sizes = _sizes(listing, at, cluster)
    present = sizes > 0
    leaks = sizes.T @ present
    np.fill_diagonal(leaks, 0)
    size = sizes.sum(axis=1)
    return Copies(
        check,
        findings.header.checks[check].title,
        issues=int(np.maximum(size - 1, 0).sum())
        if has_clusters
        else len(np.unique(at[is_issue & (at >= 0)])),
        clusters=int((size > 1).sum()),
        leaking_clusters=int((present.sum(axis=1) > 1).sum()),
        leaks=leaks,
    )


def clusters_in(
    listing: Listing, findings: FindingsFile, check: str, limit: int
) -> list[np.ndarray]:
    """Return the places of each cluster's samples: clusters across splits first, then by size.

    Args:
        listing: a version of the data set that was audited.
        findings: of the audit.
        check: one of `checks_of_samples`.
        limit: clusters at most.

    Returns:
        int64 (size,) for each cluster, places in `listing`.
    """
    at, _, cluster, _ = _rows(listing, findings, check)
    sizes = _sizes(listing, at, cluster)
    size, n_splits = sizes.sum(axis=1), (sizes > 0).sum(axis=1)
    order = np.lexsort((-size, -(n_splits > 1).astype(int)))
    order = order[size[order] > 1][:limit]
    return [np.unique(at[cluster == c]) for c in order.tolist()]


def _rows(
    listing: Listing, findings: FindingsFile, check: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Return of each row of a check its sample's place, whether it is an issue, and its cluster.

    And whether the audit found any cluster, of samples that the version lacks too. The place is -1
    where the version has no such sample, the cluster -1 there and where the sample stands alone;
    clusters are numbered from 0.
    """
    is_of_check = pc.and_(pc.equal(findings.rows["check"], check), findings.rows["known"])
    rows = findings.rows.filter(is_of_check)
    at = positions(np.array(rows["sample_id"].to_pylist(), dtype=object), listing.ids)
    is_issue = rows["is_issue"].to_numpy(zero_copy_only=False).astype(bool)
    groups = np.array([group or "" for group in rows["group"].to_pylist()], dtype=str)
    cluster = np.full(len(at), -1)
    in_cluster = (at >= 0) & (groups != "")
    cluster[in_cluster] = np.unique(groups[in_cluster], return_inverse=True)[1]
    return at, is_issue, cluster, bool((groups != "").any())


def _sizes(listing: Listing, at: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Return how many samples of each cluster each split has, int64 (clusters, splits)."""
    sizes = np.zeros((cluster.max(initial=-1) + 1, len(listing.splits.labels)), np.int64)
    in_cluster = cluster >= 0
    # A sample that two rows of one cluster name counts once.
    pairs = np.unique(np.stack([cluster[in_cluster], at[in_cluster]]), axis=1)
    np.add.at(sizes, (pairs[0], listing.splits.codes[pairs[1]]), 1)
    return sizes

"""Files with the same bytes, by SHA-256."""

from __future__ import annotations

import numpy as np

from evaluation.quality.check import Findings
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.duplicates import clusters
from evaluation.quality.duplicates.cluster_findings import findings_of_clusters

NAME = "exact_files"
TITLE = "Files with the same bytes"


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each member of a group of equal files."""
    sha = dataset.features.images["sha"]
    cluster = clusters.group_by_value(sha, np.not_equal(sha, b""))
    return findings_of_clusters(dataset, "file", cluster, "the same bytes as")

"""Images with the same size and pixels, whatever their files' names, formats and metadata."""

from __future__ import annotations

from evaluation.quality.check import Findings
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.duplicates import clusters
from evaluation.quality.duplicates.cluster_findings import findings_of_clusters

NAME = "exact_pixels"
TITLE = "Pictures with the same pixels"


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each member of a group of equal images."""
    cluster = clusters.pixel_clusters(dataset)
    return findings_of_clusters(dataset, "pixels", cluster, "the same pixels as")

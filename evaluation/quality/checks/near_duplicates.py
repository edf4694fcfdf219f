"""Near duplicates: one photograph stored anew, resized, brighter or cropped by up to about 4 %.

Candidates are images whose perceptual hash lies within `radius` bits of that of one of nine crops
of the other. They count where the fine detail agrees after alignment (duplicates/confirm.py). The
embedding is no help: it puts different people of one age, gender and expression as close as copies
(docs/data_quality.md). Clusters are reported, not pairs, because copies of copies belong together.
"""

from __future__ import annotations

from evaluation.quality.check import Findings
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.duplicates import clusters
from evaluation.quality.duplicates.cluster_findings import (
    best_pair_score,
    filter_clusters,
    findings_of_clusters,
)

NAME = "near_duplicates"
TITLE = "Near duplicates"
OPTIONS = {"radius": clusters.RADIUS_BITS, "agree": clusters.MIN_AGREEMENT}
"""radius: bits of 64, 0 to 10. agree: least agreement of the detail, 0 to 1."""


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each member of a cluster of more than images with the same pixels."""
    near = clusters.near_clusters(dataset)
    pixels = clusters.pixel_clusters(dataset)
    cluster = filter_clusters(near.cluster, lambda group: len(set(pixels[group].tolist())) > 1)
    figures = {"pairs": len(near.pairs), "candidates": near.candidates, "complete": near.complete}
    return findings_of_clusters(
        dataset,
        "near",
        cluster,
        "nearly the same picture as",
        badness=best_pair_score(near.pairs, near.score, len(dataset)),
        figures=figures,
    )

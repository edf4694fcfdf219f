"""Mirrored copies: one image is, nearly, another's mirror image.

Often these are augmented copies that were saved among the originals. The check runs only when it
is named: mirroring is harmless within one split, and near-symmetric faces cost a second search.
"""

from __future__ import annotations

from evaluation.quality.check import Findings
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.duplicates import clusters
from evaluation.quality.duplicates.cluster_findings import best_pair_score, findings_of_clusters

NAME = "mirrored"
TITLE = "Mirrored copies"
DEFAULT = False


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each member of a cluster of mirrored copies.

    Radius and agreement are the options of the check `near_duplicates`.
    """
    near = clusters.near_clusters(dataset, mirrored=True)
    figures = {"pairs": len(near.pairs), "candidates": near.candidates, "complete": near.complete}
    return findings_of_clusters(
        dataset,
        "mirror",
        near.cluster,
        "the mirror image of",
        badness=best_pair_score(near.pairs, near.score, len(dataset)),
        figures=figures,
    )

"""Mirrored copies: one picture is, nearly, another's mirror image. Often augmentation that was
saved among the originals.

Runs when it is named: mirroring is harmless inside one split, and near-symmetric faces cost a
second search.
"""

from __future__ import annotations

import pyarrow as pa

from evaluation.quality.dataset import Context
from evaluation.quality.duplicates import clusters, findings

NAME = "mirrored"
TITLE = "Mirrored copies"
DEFAULT = False


def run(context: Context) -> pa.Table:
    """One row for each member of a cluster of mirrored copies; radius and agreement are those of
    near_duplicates.
    """
    near = clusters.near_clusters(context, mirrored=True)
    figures = {"pairs": len(near.pairs), "candidates": near.candidates, "complete": near.complete}
    alike = findings.each_member(near.pairs, near.score, len(context))
    return findings.of_clusters(
        context, "mirror", near.cluster, "the mirror image of", badness=alike, figures=figures
    )

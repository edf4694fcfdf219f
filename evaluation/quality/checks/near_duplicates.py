"""Near duplicates: one photograph stored anew, resized, brighter or cropped by up to about 4 %.

Candidates are pictures whose perceptual hash lies within `radius` bits of that of one of nine crops
of the other; they count where the fine detail agrees after alignment (`_confirm.py`), not the
embedding: that puts different people of one age, gender and expression as close as copies
(docs/data_quality.md). Clusters, not pairs: copies of copies belong together.
"""

from __future__ import annotations

import pyarrow as pa

from evaluation.quality.dataset import Context
from evaluation.quality.duplicates import clusters, findings

NAME = "near_duplicates"
TITLE = "Near duplicates"
OPTIONS = {"radius": clusters.RADIUS, "agree": clusters.AGREE}
"""radius: bits of 64, 0 to 10. agree: least agreement of the detail, 0 to 1."""


def run(context: Context) -> pa.Table:
    """One row for each member of a cluster that is more than pictures with the same pixels."""
    near = clusters.near_clusters(context)
    pixels = clusters.pixel_clusters(context)
    cluster = findings.only(near.cluster, lambda group: len(set(pixels[group].tolist())) > 1)
    figures = {"pairs": len(near.pairs), "candidates": near.candidates, "complete": near.complete}
    alike = findings.each_member(near.pairs, near.score, len(context))
    return findings.of_clusters(
        context, "near", cluster, "nearly the same picture as", badness=alike, figures=figures
    )

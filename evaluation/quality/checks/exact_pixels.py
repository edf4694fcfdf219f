"""Pictures with the same size and pixels, whatever their files' names, formats and metadata."""

from __future__ import annotations

import pyarrow as pa

from evaluation.quality.dataset import Context
from evaluation.quality.duplicates import clusters
from evaluation.quality.duplicates.findings import of_clusters

NAME = "exact_pixels"
TITLE = "Pictures with the same pixels"


def run(context: Context) -> pa.Table:
    """One row for each member of a group of equal pictures."""
    return of_clusters(context, "pixels", clusters.pixel_clusters(context), "the same pixels as")

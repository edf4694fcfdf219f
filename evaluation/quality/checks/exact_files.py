"""Files with the same bytes, by SHA-256."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from evaluation.quality.dataset import Context
from evaluation.quality.duplicates import clusters
from evaluation.quality.duplicates.findings import of_clusters

NAME = "exact_files"
TITLE = "Files with the same bytes"


def run(context: Context) -> pa.Table:
    """One row for each member of a group of equal files."""
    sha = context.features.pixels["sha"]
    return of_clusters(
        context, "file", clusters.by_value(sha, np.not_equal(sha, b"")), "the same bytes as"
    )

"""Files that the data set leaves out (no such picture, a malformed name, a broken row) and pictures
that cannot be decoded.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from core import image as images
from evaluation.quality.check import findings
from evaluation.quality.dataset import Context

NAME = "unreadable"
TITLE = "Unreadable or left out"


def run(context: Context) -> pa.Table:
    """One row for each such file; `sample_id` is its name below the data folder."""
    rows = [
        {
            "sample_id": problem.file,
            "split": split,
            "score": 0.0,
            "reason": problem.reason,
            "action": "drop",
        }
        for split, problem in context.problems
    ]
    broken = np.flatnonzero(~context.features.pixels["readable"]).tolist()
    for i in broken:
        try:
            images.load(context.samples.paths[i])
            reason = "could not be read a moment ago, now it can"
        except images.ImageError as error:
            reason = str(error)
        rows.append(
            {
                "sample_id": context.samples.ids[i],
                "split": context.split[i],
                "score": 0.0,
                "reason": reason,
                "action": "drop",
            }
        )
    return findings(rows, {"left_out": len(context.problems), "undecodable": len(broken)})

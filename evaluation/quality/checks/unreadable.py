"""Files that the data set leaves out, and images that cannot be decoded.

A data set leaves out files that its label table names but that do not exist, malformed names and
broken rows.
"""

from __future__ import annotations

import numpy as np

from core import image as images
from core.errors import ImageError
from evaluation.quality.check import Findings, make_findings
from evaluation.quality.dataset import AuditDataset

NAME = "unreadable"
TITLE = "Unreadable or left out"


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each such file; `sample_id` is its name below the data folder."""
    rows = [
        {
            "sample_id": problem.file,
            "split": split,
            "score": 0.0,
            "reason": problem.reason,
            "action": "drop",
        }
        for split, problem in dataset.problems
    ]
    broken = np.flatnonzero(~dataset.features.images["readable"]).tolist()
    for i in broken:
        try:
            images.load(dataset.samples.paths[i])
            reason = "could not be read a moment ago, now it can"
        except ImageError as error:
            reason = str(error)
        rows.append(
            {
                "sample_id": dataset.samples.ids[i],
                "split": dataset.split[i],
                "score": 0.0,
                "reason": reason,
                "action": "drop",
            }
        )
    figures = {"left_out": len(dataset.problems), "undecodable": len(broken)}
    return make_findings(rows, figures)

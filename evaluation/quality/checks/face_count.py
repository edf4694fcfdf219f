"""Images in which the detector finds no face, or several.

Soft faces of 48 pixels are missed now and then, so a miss is only a suspicion: the share of misses
in FER2013 says how far to trust it. The check runs only when it is named, because the detector
takes five to ten milliseconds per image.
"""

from __future__ import annotations

import numpy as np

from evaluation.quality.check import Findings, make_findings
from evaluation.quality.dataset import AuditDataset

NAME = "face_count"
TITLE = "No face or several"
DEFAULT = False
OPTIONS = {"second": 0.25}
"""second: a second face counts where its area is at least this share of the largest one's."""


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each such image.

    Figures: no_face, several, detector, looked_at.
    """
    faces = dataset.features.faces
    no_face = faces["readable"] & (faces["faces"] == 0)
    several = faces["readable"] & (faces["second"] >= float(dataset.option(NAME, "second")))
    rows = [
        {
            "sample_id": dataset.samples.ids[i],
            "split": dataset.split[i],
            "score": 0.2 if no_face[i] else 0.4,
            "action": "keep",
            "reason": "no face found"
            if no_face[i]
            else f"{faces['faces'][i]} faces, the second {faces['second'][i]:.0%} of the largest",
        }
        for i in np.flatnonzero(no_face | several).tolist()
    ]
    figures = {
        "no_face": int(no_face.sum()),
        "several": int(several.sum()),
        "detector": dataset.features.detector.name,
        "looked_at": int(faces["readable"].sum()),
    }
    return make_findings(rows, figures)

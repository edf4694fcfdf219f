"""Pictures in which the detector finds no face, or several.

Soft 48-pixel faces are missed now and then, so a miss is a suspicion: FER2013's own rate of misses
says how far to trust it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from evaluation.quality.check import findings
from evaluation.quality.dataset import Context

NAME = "face_count"
TITLE = "No face or several"
DEFAULT = False
OPTIONS = {"second": 0.25}
"""second: a second face counts where its area is at least this share of the largest one's."""


def run(context: Context) -> pa.Table:
    """One row for each such picture. Runs when it is named: the detector takes five to ten
    milliseconds for each picture.
    """
    seen = context.features.faces
    none = seen["readable"] & (seen["faces"] == 0)
    several = seen["readable"] & (seen["second"] >= context.option(NAME, "second"))
    rows = [
        {
            "sample_id": context.samples.ids[i],
            "split": context.split[i],
            "score": 0.2 if none[i] else 0.4,
            "action": "keep",
            "reason": "no face found"
            if none[i]
            else f"{seen['faces'][i]} faces, the second {seen['second'][i]:.0%} of the largest",
        }
        for i in np.flatnonzero(none | several).tolist()
    ]
    figures = {
        "no_face": int(none.sum()),
        "several": int(several.sum()),
        "detector": context.features.detector.name,
    }
    return findings(rows, {**figures, "looked_at": int(seen["readable"].sum())})

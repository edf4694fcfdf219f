"""Pictures that show nothing or little: blank, dark, bright, blurred, of low entropy, tiny, or grey
in a coloured set.

Limits are absolute but for blur and colour, which are judged against the set itself: FER2013 is
soft and grey as a whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from evaluation.quality.check import findings
from evaluation.quality.dataset import Context

NAME = "faults"
TITLE = "Image faults"
OPTIONS = {
    "blank": 4.0,
    "dark": 30.0,
    "bright": 235.0,
    "entropy": 4.0,
    "tiny": 24,
    "blur": 4.0,
    "grey": 2.0,
}
"""blank: least standard deviation of the grey values. dark, bright: limits of their mean. entropy:
bits. tiny: pixels of the shorter side. blur: how many robust deviations the sharpness may lie below
the set's median (its logarithm; pictures of about the same size). grey: mean distance between
colour channels, where the set's median is above five times that.
"""


def run(context: Context) -> pa.Table:
    """One row for each picture and fault."""
    seen = context.features.pixels
    limit: dict[str, Any] = {name: context.option(NAME, name) for name in OPTIONS}
    good = seen["readable"]
    side = np.minimum(seen["width"], seen["height"])
    blank = good & (seen["std"] < limit["blank"])
    some = good & ~blank
    soft = softness(seen, some)
    coloured = bool(good.any()) and float(np.median(seen["colour"][good])) > 5 * limit["grey"]
    judged = {  # fault -> (where, score, what the reason says)
        "blank": (
            blank,
            seen["std"] / max(limit["blank"], 1e-6) / 2,
            "{:.1f} grey levels of contrast",
            seen["std"],
        ),
        "dark": (
            some & (seen["mean"] < limit["dark"]),
            seen["mean"] / max(limit["dark"], 1e-6) / 2,
            "mean grey level {:.0f}",
            seen["mean"],
        ),
        "bright": (
            some & (seen["mean"] > limit["bright"]),
            (255 - seen["mean"]) / max(255 - limit["bright"], 1e-6) / 2,
            "mean grey level {:.0f}",
            seen["mean"],
        ),
        "low entropy": (
            some & (seen["entropy"] < limit["entropy"]),
            seen["entropy"] / max(limit["entropy"], 1e-6) / 2,
            "{:.1f} bits of entropy",
            seen["entropy"],
        ),
        "tiny": (
            good & (side < limit["tiny"]),
            side / max(limit["tiny"], 1) / 2,
            "{:.0f} pixels on its shorter side",
            side,
        ),
        "blurred": (
            some & (soft > limit["blur"]),
            limit["blur"] / np.maximum(soft, 1e-6) / 2,
            "sharpness {:.1f} robust deviations below the set's",
            soft,
        ),
        "grey": (
            some & coloured & (seen["colour"] < limit["grey"]),
            np.full(len(context), 0.4),
            "no colour in a coloured set",
            side,
        ),
    }
    rows: list[dict[str, Any]] = []
    for fault, (where, score, text, value) in judged.items():
        action = "drop" if fault == "blank" else "keep"
        rows += [
            {
                "sample_id": context.samples.ids[i],
                "split": context.split[i],
                "score": float(np.clip(score[i], 0, 0.5)),
                "reason": f"{fault}: {text.format(value[i])}",
                "action": action,
            }
            for i in np.flatnonzero(where).tolist()
        ]
    return findings(
        rows,
        {fault: int(where.sum()) for fault, (where, *_) in judged.items()}
        | {"coloured_set": coloured},
    )


def softness(seen: np.ndarray, some: np.ndarray) -> np.ndarray:
    """float64 (N,): how many robust standard deviations the sharpness lies below the median of
    pictures of about the same size; 0 where fewer than 30 are of that size, or not `some`.
    """
    found = np.zeros(len(seen))
    size = np.round(np.log2(np.maximum(np.minimum(seen["width"], seen["height"]), 1))).astype(int)
    for value in np.unique(size[some]):
        here = np.flatnonzero(some & (size == value))
        if len(here) < 30:
            continue
        sharp = np.log(np.maximum(seen["sharp"][here], 1e-4))
        middle = np.median(sharp)
        spread = max(1.4826 * float(np.median(np.abs(sharp - middle))), 0.05)
        found[here] = (middle - sharp) / spread
    return found

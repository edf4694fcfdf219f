"""Images that show little: blank, dark, bright, blurred, of low entropy, tiny, or without colour.

Thresholds are absolute but for blur and colour, which are judged against the data set itself:
FER2013 is soft and grey as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluation.quality.check import Findings, make_findings
from evaluation.quality.dataset import AuditDataset

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
"""blank: least standard deviation of the grey values. dark, bright: thresholds of their mean.
entropy: bits. tiny: pixels of the shorter side. blur: how many robust deviations the sharpness may
lie below the data set's median (its logarithm; images of about the same size). grey: mean distance
between colour channels, where the data set's median is above five times that.
"""
MIN_IMAGES_OF_SIZE = 30
"""Images of about one size from which their sharpness can be compared."""
MAX_FAULTY_SCORE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _Fault:
    """Images with one fault.

    Attributes:
        where: bool (N,), which images have it.
        score: float (N,), before it is clipped.
        reason: text with a place for `value`.
        value: (N,), of each image.
    """

    where: np.ndarray
    score: np.ndarray
    reason: str
    value: np.ndarray


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each image and fault.

    Figures: number of images by fault, and whether the data set is coloured.
    """
    images = dataset.features.images
    threshold = {name: float(dataset.option(NAME, name)) for name in OPTIONS}
    is_coloured = _is_coloured(images, threshold["grey"])
    faults = _faults(images, threshold, is_coloured)
    rows = [
        {
            "sample_id": dataset.samples.ids[i],
            "split": dataset.split[i],
            "score": float(np.clip(fault.score[i], 0, MAX_FAULTY_SCORE)),
            "reason": f"{name}: {fault.reason.format(fault.value[i])}",
            "action": "drop" if name == "blank" else "keep",
        }
        for name, fault in faults.items()
        for i in np.flatnonzero(fault.where).tolist()
    ]
    counts = {name: int(fault.where.sum()) for name, fault in faults.items()}
    return make_findings(rows, {**counts, "coloured_set": is_coloured})


def _is_coloured(images: np.ndarray, grey: float) -> bool:
    """Return whether the data set as a whole has colour, so that a grey image stands out."""
    readable = images["readable"]
    return bool(readable.any()) and float(np.median(images["colour"][readable])) > 5 * grey


def _faults(
    images: np.ndarray, threshold: Mapping[str, float], is_coloured: bool
) -> dict[str, _Fault]:
    """Return each fault by its name.

    Args:
        images: of `image_features.RECORD` (N,).
        threshold: see OPTIONS.
        is_coloured: whether images without colour are faulty.
    """
    readable = images["readable"]
    visible = readable & ~(images["std"] < threshold["blank"])
    side = np.minimum(images["width"], images["height"])
    softness = softness_deviations(images, visible)

    def below(name: str, among: np.ndarray, values: np.ndarray, reason: str) -> _Fault:
        limit = threshold[name]
        return _Fault(among & (values < limit), values / max(limit, 1e-6) / 2, reason, values)

    mean, glare = images["mean"], 255 - threshold["bright"]
    return {
        "blank": below("blank", readable, images["std"], "{:.1f} grey levels of contrast"),
        "dark": below("dark", visible, mean, "mean grey level {:.0f}"),
        "bright": _Fault(
            visible & (mean > threshold["bright"]),
            (255 - mean) / max(glare, 1e-6) / 2,
            "mean grey level {:.0f}",
            mean,
        ),
        "low entropy": below("entropy", visible, images["entropy"], "{:.1f} bits of entropy"),
        "tiny": below("tiny", readable, side, "{:.0f} pixels on its shorter side"),
        "blurred": _Fault(
            visible & (softness > threshold["blur"]),
            threshold["blur"] / np.maximum(softness, 1e-6) / 2,
            "sharpness {:.1f} robust deviations below the set's",
            softness,
        ),
        "grey": _Fault(
            visible & is_coloured & (images["colour"] < threshold["grey"]),
            np.full(len(images), 0.4),
            "no colour in a coloured set",
            side,
        ),
    }


def softness_deviations(images: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Return by how many robust deviations each sharpness lies below that of images of its size.

    Args:
        images: of `image_features.RECORD` (N,).
        judged: bool (N,); the others get 0.

    Returns:
        float64 (N,); 0 also where fewer than MIN_IMAGES_OF_SIZE are of about the same size.
    """
    deviations = np.zeros(len(images))
    side = np.maximum(np.minimum(images["width"], images["height"]), 1)
    size = np.round(np.log2(side)).astype(int)
    for value in np.unique(size[judged]):
        at = np.flatnonzero(judged & (size == value))
        if len(at) < MIN_IMAGES_OF_SIZE:
            continue
        sharpness = np.log(np.maximum(images["sharp"][at], 1e-4))
        median = np.median(sharpness)
        spread = max(1.4826 * float(np.median(np.abs(sharpness - median))), 0.05)
        deviations[at] = (median - sharpness) / spread
    return deviations

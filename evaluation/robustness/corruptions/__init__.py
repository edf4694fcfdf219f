"""Corruptions of a picture, one per file; the file's name is the kind.

Each has `LEVELS`, `UNIT` and `corrupt(view, level, rng) -> FaceView`. LEVELS are what severities
1, 2 ... mean, in the unit that the text UNIT names; severity 0 is the picture as it is. `WORDS`, if
there is one, says a level in words: a format of `level`, or of `percent`, a hundred times as much.

A corruption acts on the **source picture before it is cropped**, because that is where cameras,
compression and hands act, and so that two models with other input sizes meet the same pixels. The
face is located once, on the clean picture: what is measured is the network, not the detector.
`rotation` and `crop_jitter` stand for a detector's errors and act on the alignment instead.
Whatever has an extent in space is given in face sides, so that a 48-px and a 4,000-px picture are
hurt alike; `noise` and `jpeg` act per pixel of the picture, as they do in life, and so hurt small
pictures more.

`rng` is the same for all levels of one picture and kind: the same noise grows, the same patch
spreads, the turn keeps its direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.preprocess import Pose, cut_around

KEPT_FACE_SIDES = 1.2
"""Half the side of what is kept around a face: more than any alignment error here reaches."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceView:
    """A picture, RGB uint8 (H, W, 3), never written to, and where the face's crop lies in it."""

    picture: NDArray[np.uint8]
    pose: Pose


def around(picture: NDArray[np.uint8], pose: Pose) -> FaceView:
    """Return the part of a picture that the crop at `pose` needs.

    It is cut at whole pixels, so that the crop stays the same.

    Args:
        picture: RGB uint8 (H, W, 3).
        pose: where the crop lies.
    """
    part, inner = cut_around(picture, pose, KEPT_FACE_SIDES * pose.side + 2)
    return FaceView(np.ascontiguousarray(part), inner)


def clipped(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return numbers of any size and shape as uint8, rounded, within 0 and 255."""
    return np.asarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))

"""Occlusion maps: parts of a face are covered in turn to find what the prediction rests on.

A square of the crop's mean colour covers the face, in three sizes. A map's value is by how much the
predicted class' probability falls (or the age moves, in years) where that pixel is covered,
averaged over all squares that cover it (Zeiler and Fergus, ECCV 2014, arXiv:1311.2901).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.face_model import FaceModel
from core.labels import GENDER2
from evaluation.explanation.heatmap import Explanation
from evaluation.predictions.columns import Columns, predict_columns
from evaluation.predictions.predict import BATCH_SIZE
from evaluation.predictions.schema import P_EMOTION, P_GENDER

SQUARES_PER_SIDE = (8, 5, 3)
"""Squares of an eighth, a fifth and a third of the crop's side.

Small ones locate the evidence, large ones find what is redundant.
"""

Square = tuple[int, int, int]
"""(side, y, x), pixels of the crop."""


def occlusion_maps(
    predictor: FaceModel,
    crop: NDArray[np.uint8],
    squares_per_side: Sequence[int] = SQUARES_PER_SIDE,
) -> dict[str, Explanation]:
    """Return an explanation of the model's prediction for each of its tasks.

    Args:
        predictor: A model with one crop of a face.
        crop: uint8 (S, S, C).
        squares_per_side: The squares' sides are S divided by each of these.
    """
    size = crop.shape[0]
    squares = [
        (side, y, x)
        for side in dict.fromkeys(max(1, size // n) for n in squares_per_side)
        for y in _starts(size, side)
        for x in _starts(size, side)
    ]
    # (1 + squares, S, S, C); the first stays uncovered
    covered = np.repeat(crop[None], len(squares) + 1, axis=0)
    mean = np.rint(crop.mean(axis=(0, 1))).astype(np.uint8)
    for image, (side, y, x) in zip(covered[1:], squares, strict=True):
        image[y : y + side, x : x + side] = mean
    batches = [
        predict_columns(predictor, covered[i : i + BATCH_SIZE])
        for i in range(0, len(covered), BATCH_SIZE)
    ]
    columns = {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
    return {
        task: Explanation(
            task,
            prediction,
            _mean_per_pixel(values[0] - values[1:], squares, size),
            about,
            signed=task == "age",
        )
        for task, prediction, values, about in _measured(columns)
    }


def _starts(size: int, side: int) -> list[int]:
    """Return where squares begin along one side: half a square apart, and one at the border."""
    return sorted({*range(0, size - side + 1, max(1, side // 2)), size - side})


def _measured(columns: Columns) -> Iterator[tuple[str, str, NDArray[Any], str]]:
    """Yield task, the first crop's prediction in words, each crop's value (N,) and what it is."""
    about = "fall of its probability where covered"
    if "emotion_pred" in columns:
        label = str(columns["emotion_pred"][0])
        p = columns[P_EMOTION + label]
        yield "emotion", f"{label} {p[0]:.0%}", p, about
    if P_GENDER in columns:
        p_first = columns[P_GENDER]
        is_first = bool(p_first[0] >= 0.5)
        p = p_first if is_first else 1 - p_first
        yield "gender", f"perceived {GENDER2.labels[0 if is_first else 1]} {p[0]:.0%}", p, about
    if "age_pred" in columns:
        years = columns["age_pred"]
        yield "age", f"{years[0]:.0f} years", years, "years by which the age moves where covered"


def _mean_per_pixel(
    drops: NDArray[Any], squares: Sequence[Square], size: int
) -> NDArray[np.float64]:
    """Return (size, size): each pixel's mean over its squares of one side, then over the sides.

    drops: (squares,).
    """
    maps = []
    for map_side in dict.fromkeys(side for side, _, _ in squares):
        total, count = np.zeros((size, size)), np.zeros((size, size))
        for drop, (side, y, x) in zip(drops, squares, strict=True):
            if side == map_side:
                total[y : y + side, x : x + side] += drop
                count[y : y + side, x : x + side] += 1
        maps.append(total / count)
    return np.asarray(np.mean(maps, axis=0))

"""Pictures of a table's largest mistakes, small and blurred, from one folder and never from outside
it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from core import image as images
from core.errors import DataError, ImageError
from evaluation.predictions import arrays

SIDE = 112
COARSE = 6
"""Sides of a picture as shown and as blurred, pixels: of six by six nobody can be recognised,
however it is sharpened.
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """data: a `data:` URL; caption: plain text."""

    data: str
    caption: str


def mistakes(table: pa.Table, limit: int) -> list[tuple[int, str]]:
    """(row, caption) of the surest wrong classes and the largest errors in age, at most `limit` of
    each task.
    """
    found = []
    for task in ("emotion", "gender"):
        seen = arrays.classes(table, task)
        if seen is not None:
            sure = (
                np.ones(len(seen.rows))
                if seen.p is None
                else seen.p[np.arange(len(seen.rows)), seen.pred]
            )
            wrong = np.flatnonzero(seen.true != seen.pred)
            for i in wrong[np.argsort(-sure[wrong], kind="stable")][:limit]:
                text = f"{seen.labels[seen.pred[i]]}" + (
                    "" if seen.p is None else f" {sure[i]:.0%}"
                )
                found.append((int(seen.rows[i]), f"{text}, true {seen.labels[seen.true[i]]}"))
    years = arrays.ages(table)
    if years is not None:
        far = np.argsort(-np.abs(years.pred - years.true), kind="stable")[:limit]
        found += [
            (int(years.rows[i]), f"{years.pred[i]:.0f} years, true {years.true[i]:.0f}")
            for i in far
        ]
    return found


def pictures(
    table: pa.Table, folder: Path, *, limit: int = 12, blur: bool = True
) -> tuple[list[Picture], int]:
    """Pictures of `mistakes` by the table's `path` column below `folder`, and how many could not be
    shown.

    A path that leads outside the folder, by `..`, from the root or over a link, is not opened.

    Raises:
        DataError: no such folder, or the table has no paths.
    """
    if not folder.is_dir() or "path" not in table.column_names:
        raise DataError(
            f"Expected a folder and a table with a column `path`, got {folder} and {', '.join(table.column_names[:8])}."
        )
    root, made, missing = folder.resolve(), [], 0
    chosen = mistakes(table, limit)
    for (_, caption), name in zip(
        chosen,
        table["path"].take([row for row, _ in chosen]).to_pylist() if chosen else [],
        strict=True,
    ):
        try:
            path = (root / (name or "")).resolve()
            if not path.is_relative_to(root):
                raise ImageError("outside the folder")
            made.append(Picture(_url(images.load(path), blur), caption))
        except (ImageError, OSError, ValueError):
            missing += 1
    return made, missing


def _url(picture: np.ndarray, blur: bool) -> str:
    """RGB uint8 (H, W, 3) -> a JPEG of SIDE x SIDE as a URL; written anew, so nothing of the file's
    metadata comes along.
    """
    if blur:
        picture = cv2.resize(picture, (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    picture = cv2.resize(
        picture, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC if blur else cv2.INTER_AREA
    )
    data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()

"""Thumbnails of a table's largest mistakes: small, blurred, and never from outside one folder."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core import image as images
from core.errors import DataError, ImageError
from evaluation.predictions import arrays
from evaluation.predictions.tasks import tasks_of
from evaluation.report.formatting import decimals

SIDE_PX = 112
MISTAKES_PER_TASK = 12
BLURRED_SIDE_PX = 6
"""Side of a blurred image: of six by six pixels nobody can be recognised."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture inside a page.

    Attributes:
        url: a `data:` URL.
        caption: plain text.
    """

    url: str
    caption: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """A row whose prediction is wrong.

    Attributes:
        row: its index in the table.
        caption: the prediction and the truth in words.
    """

    row: int
    caption: str


def largest_mistakes(table: pa.Table, limit: int) -> list[Mistake]:
    """Return the most confident wrong classes and the largest errors of numbers.

    At most `limit` of each task of a one-model table.
    """
    mistakes = []
    titles = {name: task.title for name, task in tasks_of(table).items()}
    for name, classes in arrays.all_tasks(table).items():
        if isinstance(classes, arrays.Numbers):
            mistakes += _largest_errors(classes, titles[name].metric.unit, limit)
            continue
        n = len(classes.rows)
        confidence = np.ones(n) if classes.p is None else classes.p[np.arange(n), classes.pred]
        wrong = np.flatnonzero(classes.true != classes.pred)
        for i in wrong[np.argsort(-confidence[wrong], kind="stable")][:limit]:
            predicted = classes.labels[classes.pred[i]]
            has_p = classes.p is not None and not np.isnan(confidence[i])
            share = f" {confidence[i]:.0%}" if has_p else ""
            truth = classes.labels[classes.true[i]]
            mistakes.append(Mistake(int(classes.rows[i]), f"{predicted}{share}, true {truth}"))
    return mistakes


def _largest_errors(values: arrays.Numbers, unit: str, limit: int) -> list[Mistake]:
    farthest = np.argsort(-np.abs(values.pred - values.true), kind="stable")[:limit]
    pred, true = values.pred[farthest], values.true[farthest]
    digits = decimals(np.concatenate([values.pred, values.true]), pred - true)
    return [
        Mistake(int(row), f"{f'{p:.{digits}f} {unit}'.rstrip()}, true {t:.{digits}f}")
        for row, p, t in zip(values.rows[farthest], pred, true, strict=True)
    ]


def thumbnails(table: pa.Table, folder: Path, *, blur: bool = True) -> tuple[list[Thumbnail], int]:
    """Return thumbnails of the largest mistakes, and how many could not be opened.

    A path that leads outside the folder, by `..`, from the root or over a link, is not opened.

    Args:
        table: Predictions of one model, with a column `path`.
        folder: That the paths are relative to.
        blur: Whether to blur the faces.

    Raises:
        DataError: No such folder, or the table has no paths.
    """
    if not folder.is_dir() or "path" not in table.column_names:
        raise DataError(
            f"Expected a folder and a table with a column `path`, got {folder} and "
            f"{', '.join(table.column_names[:8])}."
        )
    root, images_read, unreadable = folder.resolve(), [], 0
    paths = table["path"]
    for mistake in largest_mistakes(table, MISTAKES_PER_TASK):
        try:
            path = (root / (paths[mistake.row].as_py() or "")).resolve()
            if not path.is_relative_to(root):
                raise ImageError("outside the folder")
            images_read.append(Thumbnail(data_url(images.load(path), blur), mistake.caption))
        except (ImageError, OSError, ValueError):
            unreadable += 1
    return images_read, unreadable


def data_url(image: NDArray[np.uint8], blur: bool) -> str:
    """Return an RGB uint8 image (H, W, 3) as a JPEG of SIDE_PX x SIDE_PX in a `data:` URL.

    It is encoded anew, so nothing of the file's metadata comes along.
    """
    pixels: cv2.typing.MatLike = image
    if blur:
        pixels = cv2.resize(
            pixels, (BLURRED_SIDE_PX, BLURRED_SIDE_PX), interpolation=cv2.INTER_AREA
        )
    interpolation = cv2.INTER_CUBIC if blur else cv2.INTER_AREA
    pixels = cv2.resize(pixels, (SIDE_PX, SIDE_PX), interpolation=interpolation)
    data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()

"""Explanations of image files: find the face, explain the crop, write one PNG per image."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core import image as images
from core.artifacts.operating_point import TASKS
from core.errors import UserError
from core.faces import STILL_SIDE, best_detector, chip_face
from core.preprocess import InputSpec, crop_face
from core.progress import say, task
from evaluation.explanation.heatmap import Explanation, save

Explain = Callable[[NDArray[np.uint8]], Sequence[Explanation]]
"""A uint8 crop (S, S, C) -> one explanation per task."""


@dataclass(frozen=True, slots=True)
class ExplainedImage:
    """An image, the PNG that was written for it, and the explanations on it."""

    image: Path
    file: Path
    explanations: Sequence[Explanation]


def add_image_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which images are explained and how they are drawn."""
    parser.add_argument(
        "images", nargs="+", type=Path, metavar="IMAGE", help="pictures with a face"
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="folder for one PNG per picture"
    )
    parser.add_argument(
        "--task",
        action="append",
        choices=TASKS,
        help="may be given again (default: all that the model has)",
    )
    parser.add_argument(
        "--tight",
        action="store_true",
        help="each picture is one face that fills it, as in FER2013 and UTKFace",
    )
    parser.add_argument(
        "--show-faces", action="store_true", help="do not blur the face under the map"
    )


def chosen_tasks(wanted: Sequence[str] | None, tasks: Sequence[str]) -> Sequence[str]:
    """Return the tasks of `--task`, without it all.

    Args:
        wanted: values of `--task`.
        tasks: of the model.

    Raises:
        UserError: the model lacks one of them.
    """
    if lacking := [task for task in wanted or () if task not in tasks]:
        raise UserError(
            f"Expected --task to be of {', '.join(tasks)}, which the model has, got "
            f"{', '.join(lacking)}."
        )
    return wanted or tasks


def explain_images(
    paths: Sequence[Path],
    out: Path,
    spec: InputSpec,
    explain: Explain,
    *,
    tight: bool = False,
    blur: bool = True,
) -> list[ExplainedImage]:
    """Explain the face in each image and write a PNG for it.

    Args:
        paths: Image files; of several faces, the best detection is taken.
        out: Folder to write to.
        spec: The model's input, by which faces are cropped.
        explain: Makes the explanations of a crop.
        tight: Whether each image is one face that fills it.
        blur: Whether to blur the face under the map.

    Raises:
        ImageError: An image cannot be read; those before it are written.
    """
    detector, about = best_detector()
    say(f"Face detector: {about}")
    out.mkdir(parents=True, exist_ok=True)
    explained: list[ExplainedImage] = []
    with task("explain", len(paths)) as advance:
        for path, file in zip(paths, output_files(paths, out), strict=True):
            image = images.load(path)
            face = (
                chip_face(image, detector)
                if tight
                else next(iter(detector(image, STILL_SIDE)), None)
            )
            crop = crop_face(image, face, spec)
            explanations = explain(crop)
            save(file, crop, explanations, blur=blur)
            explained.append(ExplainedImage(path, file, explanations))
            advance(len(explained))
            note = "" if face is not None else " (no face found: the whole picture)"
            say(f"{file}: {', '.join(e.prediction for e in explanations)}{note}")
    return explained


def output_files(images: Sequence[Path], out: Path) -> Iterator[Path]:
    """Yield a file in `out` for each image, by its name; a number sets equal names apart."""
    used: set[str] = set()
    for path in images:
        name, i = path.stem, 2
        while name in used:
            name, i = f"{path.stem}-{i}", i + 1
        used.add(name)
        yield out / f"{name}.png"

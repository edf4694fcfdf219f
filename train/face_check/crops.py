"""Crops to learn from: faces of the data sets, and crops that show no whole face.

What is not a face comes from four sources: other parts of the same pictures (chins and collars,
halves, foreheads, eyes or mouths alone, heads that are tiny in the crop), a folder of pictures
without people, noise and shapes, and, in `train.face_check.fit`, faces that are turned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from core import image as images
from core.data import Samples
from core.data.base.crop_cache import face_of, map_in_threads
from core.data.base.files import files
from core.detection.face_check import INPUT
from core.errors import DataError, ImageError
from core.faces import Detector
from core.preprocess import crop_face
from core.types import Box, Face

PATCHES_PER_PICTURE = 50
NOISE_CROPS = 3000
FACE_IN_CHIP: Box = (0.15, 0.10, 0.70, 0.80)
"""Where a published crop has its face when the detector finds none; x, y, width, height as shares.
"""


def face_crops(
    samples: Samples,
    detector: Detector,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the faces of a data set, and beside each a crop of its picture that misses it.

    Args:
        samples: of one split.
        detector: as serving has it.
        progress: called with how many are done.

    Returns:
        Two arrays, uint8 (N, size, size); unreadable pictures are left out.

    Raises:
        DataError: no picture has a face.
    """
    rng = np.random.default_rng(0)
    pairs = []
    find_face = partial(face_of, detector=detector, tight=samples.tight)
    for done, picture_and_face in enumerate(map_in_threads(samples.paths, find_face), 1):
        progress(done)
        if picture_and_face is None:
            continue
        picture, face = picture_and_face
        if face is None and not samples.tight:
            continue
        height, width = picture.shape[:2]
        x, y, w, h = FACE_IN_CHIP
        box = face.box if face else (x * width, y * height, w * width, h * height)
        pairs.append((_crop(picture, face), _crop(picture, Face(near_miss(box, rng), 1.0))))
    if not pairs:
        raise DataError(f"Expected pictures with a face in {samples.root}, got none.")
    faces, misses = zip(*pairs, strict=True)
    return np.stack(faces), np.stack(misses)


def near_miss(box: Box, rng: np.random.Generator) -> Box:
    """Return a box near a face that does not hold it: a part, a neighbour, or far too much."""
    x, y, w, h = box
    side = rng.choice([-1.0, 1.0])
    match rng.integers(5):
        case 0:  # chin, collar and below
            return x + rng.uniform(-0.3, 0.3) * w, y + rng.uniform(0.55, 1.0) * h, w, h
        case 1:  # hair and above
            return x + rng.uniform(-0.3, 0.3) * w, y - rng.uniform(0.6, 1.0) * h, w, h
        case 2:  # one half
            return x + side * rng.uniform(0.5, 0.8) * w, y + rng.uniform(-0.2, 0.2) * h, w, h
        case 3:  # a head that is tiny in the crop
            zoom = rng.uniform(2.2, 3.5)
            return x + w * (1 - zoom) / 2, y + h * (1 - zoom) / 2, w * zoom, h * zoom
        case _:  # an eye, a mouth, a cheek
            share = rng.uniform(0.2, 0.45)
            left, top = rng.uniform(0, 1 - share, 2)
            return x + left * w, y + top * h, w * share, h * share


def folder_crops(
    folder: Path, detector: Detector, take: Callable[[str], bool] = lambda name: True
) -> np.ndarray:
    """Return crops of pictures without people, uint8 (N, size, size).

    Each picture gives itself as a whole, what the detector takes for a face, and
    `PATCHES_PER_PICTURE` places.

    Args:
        folder: of pictures, searched with its folders below.
        detector: as serving has it.
        take: which files, by their names relative to `folder`.

    Raises:
        DataError: there is none.
    """
    rng = np.random.default_rng(0)
    names = [name for name in files(folder)[0] if take(name)]
    crops: list[np.ndarray] = []
    for name in names:
        try:
            picture = images.load(folder / name)
        except ImageError:
            continue
        height, width = picture.shape[:2]
        boxes = [(0.0, 0.0, float(width), float(height))]
        boxes += [face.box for face in detector(picture)]
        for _ in range(PATCHES_PER_PICTURE):
            side = rng.uniform(0.12, 0.8) * min(height, width)
            boxes.append((rng.uniform(0, width - side), rng.uniform(0, height - side), side, side))
        crops.append(_crop(picture, None))
        crops += [_crop(picture, Face(box, 1.0)) for box in boxes]
    if not crops:
        raise DataError(f"Expected pictures without people in {folder}, got none.")
    return np.stack(crops)


def noise_crops(n: int = NOISE_CROPS, seed: int = 0) -> np.ndarray:
    """Return flat, blotched and noisy crops, uint8 (n, size, size)."""
    rng = np.random.default_rng(seed)
    return np.stack([*_noise(n, rng)])


def _noise(n: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    size = INPUT.size
    methods = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)
    for _ in range(n):
        cells = int(rng.integers(2, size + 1))
        small = rng.integers(0, 256, (cells, cells)).astype(np.uint8)
        contrast = rng.uniform(0.0, 1.0)
        large = cv2.resize(small, (size, size), interpolation=methods[rng.integers(4)])
        yield (large * contrast + rng.uniform(0, 255 * (1 - contrast))).astype(np.uint8)


def _crop(picture: np.ndarray, face: Face | None) -> np.ndarray:
    return crop_face(picture, face, INPUT)[..., 0]


def no_whole_faces(
    faces: np.ndarray, misses: np.ndarray, without_people: np.ndarray
) -> dict[str, np.ndarray]:
    """Return crops that show no whole, upright face, to validate with.

    Args:
        faces: whole faces, uint8 (N, size, size); they are turned.
        misses: crops that miss a face, uint8 (M, size, size), as `face_crops` returns them.
        without_people: crops of pictures without people, uint8 (K, size, size).

    Returns:
        What the crops show, in words -> uint8 (n, size, size).
    """
    turned = {f"faces turned by {90 * k} degrees": np.rot90(faces, k, (1, 2)) for k in (1, 2, 3)}
    return {
        "parts and neighbours of faces": misses,
        "pictures without people": without_people,
        "noise": noise_crops(500, seed=1),
        **turned,
    }

"""Face detectors behind one protocol.

YuNet gives five landmarks (Wu et al., Machine Intelligence Research 2023). Haar cascades, from
OpenCV's own wheel, work without any download (Viola and Jones, CVPR 2001).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import cv2
import numpy as np

from core.artifacts import downloads
from core.errors import ModelError
from core.types import Face

LIVE_SIDE = 320
"""Long side in pixels at which a live frame is searched: 4 ms instead of 25 ms at 640x480, faces
from about 40 px of 640.
"""
STILL_SIDE = 1280
"""Long side for still pictures, where small faces in a crowd matter more than milliseconds."""
CHIP_SIDE = 192
"""Smaller pictures are enlarged to this before the search; YuNet misses faces that fill a 48-px
picture.
"""
MIN_SIDE = 64
"""Pixels of the shorter side below which a picture is padded: two strides of YuNet's network."""
MAX_FACES = 100


class Detector(Protocol):
    """Finds faces. Safe to call from several threads; can travel to another process.

    Attributes:
        name: for people.
        has_landmarks: whether its faces have landmarks, and scores that can be compared.
    """

    name: str
    has_landmarks: bool

    def __call__(self, image: np.ndarray, long_side: int = LIVE_SIDE) -> list[Face]:
        """Find faces.

        Args:
            image: RGB uint8 (H, W, 3).
            long_side: pixels at which it is searched.

        Returns:
            At most MAX_FACES, in pixels of `image`, best score first.
        """
        ...


T = TypeVar("T")


class ObjectPool(Generic[T]):
    """Lends objects that only one caller at a time may use.

    As many are made as were ever in use at once: one for each thread would be dozens in a server, 6
    MB each, for the two or three that run.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        # what cannot be made fails here, at start-up, not in a visitor's first frame
        self._idle = [make()]

    @contextmanager
    def one(self) -> Iterator[T]:
        """Lend one for as long as the block lasts.

        Nobody waits: `pop` and `append` of a list are atomic.
        """
        try:
            lent = self._idle.pop()
        except IndexError:
            lent = self._make()
        try:
            yield lent
        finally:
            self._idle.append(lent)


class YuNet:
    """OpenCV's FaceDetectorYN.

    Each call has a network to itself, because `setInputSize` and `detect` share state. On a
    portrait turned by 30 and 45 degrees the face is found, but its landmarks follow the tilt only
    in part.
    """

    name = "YuNet"
    has_landmarks = True

    def __init__(self, path: Path, threshold: float = 0.6) -> None:
        self._path, self._threshold = str(path), threshold
        self._nets = ObjectPool(self._make)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process as a path."""
        return YuNet, (Path(self._path).absolute(), self._threshold)

    def _make(self) -> cv2.FaceDetectorYN:
        try:
            return cv2.FaceDetectorYN.create(
                self._path, "", (LIVE_SIDE, LIVE_SIDE), self._threshold, 0.3, 5000
            )
        except cv2.error as error:
            raise ModelError(
                f"Expected a YuNet model, got {self._path}, which OpenCV cannot load: {error.err}"
            ) from error

    def __call__(self, image: np.ndarray, long_side: int = LIVE_SIDE) -> list[Face]:
        """Find faces; see `Detector`."""
        small, fx, fy = _scaled(image, long_side)
        small = _padded(small)
        with self._nets.one() as net:
            net.setInputSize(small.shape[1::-1])
            rows = net.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1]
        if rows is None:
            return []
        detections: np.ndarray = np.array(rows, np.float64)  # (N, 15): box, five points, score
        detections = detections[np.isfinite(detections).all(axis=1)]
        detections[:, :14] /= np.tile([fx, fy], 7)
        faces = [
            Face(
                (float(r[0]), float(r[1]), float(r[2]), float(r[3])),
                float(np.clip(r[14], 0, 1)),
                tuple((float(x), float(y)) for x, y in r[4:14].reshape(5, 2)),
            )
            for r in detections
            if r[2] > 0 and r[3] > 0 and _has_its_centre_in(image, r)
        ]
        return sorted(faces, key=lambda f: -f.score)[:MAX_FACES]


class Haar:
    """OpenCV's frontal-face cascade: no landmarks, upright faces only.

    Its box is moved and scaled to that of YuNet.
    """

    name = "Haar"
    has_landmarks = False
    # Medians over 193 UTKFace faces that both detectors found: YuNet's box against the cascade's
    # square.
    WIDTH, HEIGHT, LIFT = 0.81, 1.11, -0.023

    def __init__(self) -> None:
        file = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
        self._cascades = ObjectPool(lambda: cv2.CascadeClassifier(str(file)))

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process as nothing but its kind."""
        return Haar, ()

    def __call__(self, image: np.ndarray, long_side: int = LIVE_SIDE) -> list[Face]:
        """Find faces; see `Detector`."""
        small, fx, fy = _scaled(image, long_side)
        grey = cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
        with self._cascades.one() as cascade:
            boxes, _, scores = cascade.detectMultiScale3(
                grey, 1.1, 4, minSize=(20, 20), outputRejectLevels=True
            )
        faces = []
        for (x, y, w, h), score in zip(boxes, np.ravel(scores), strict=True):
            cx, cy = (x + w / 2) / fx, (y + h / 2 + self.LIFT * h) / fy
            bw, bh = self.WIDTH * w / fx, self.HEIGHT * h / fy
            # The cascade's sum of stage weights is no probability; the logistic only brings it into
            # [0, 1].
            faces.append(
                Face((cx - bw / 2, cy - bh / 2, bw, bh), 1 / (1 + math.exp(-float(score) / 4)))
            )
        return sorted(faces, key=lambda f: -f.score)[:MAX_FACES]


def _padded(image: np.ndarray) -> np.ndarray:
    """Return the picture with black below and to the right, so that no side is under MIN_SIDE.

    For a thinner picture OpenCV 4.14's YuNet reads memory that was never written, and finds faces
    of millions of pixels in a blank line.
    """
    bottom, right = (max(0, MIN_SIDE - side) for side in image.shape[:2])
    if not (bottom or right):
        return image
    return cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))


def _has_its_centre_in(image: np.ndarray, box: np.ndarray) -> bool:
    """Return whether the centre of a box (x, y, width, height, ...) lies in the picture."""
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    return bool(0 <= x <= image.shape[1] and 0 <= y <= image.shape[0])


def _scaled(image: np.ndarray, long_side: int) -> tuple[np.ndarray, float, float]:
    """Return the picture to search and its factors in x and y.

    It is at most `long_side` and at least CHIP_SIDE long.
    """
    height, width = image.shape[:2]
    factor = min(1.0, long_side / max(height, width))
    if max(height, width) < CHIP_SIDE:
        factor = CHIP_SIDE / max(height, width)
    new = (max(1, round(width * factor)), max(1, round(height * factor)))
    if new == (width, height):
        return image, 1.0, 1.0
    small = cv2.resize(image, new, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    return small, new[0] / width, new[1] / height


def best_detector() -> tuple[Detector, str]:
    """Return YuNet where its file can be had, else Haar, and a sentence that says which and why."""
    try:
        path = downloads.find(downloads.YUNET)
        return YuNet(path), f"YuNet (five landmarks, {path.name})"
    except ModelError as error:
        return (
            Haar(),
            "Haar cascade (no landmarks, so faces are not aligned), because YuNet could not be "
            f"had: {error}",
        )


def chip_face(image: np.ndarray, detector: Detector) -> Face | None:
    """Return the face of a published crop (FER2013, UTKFace), marked as such.

    Such a picture is one face already: a detection beside its middle is another's, and one without
    landmarks is less certain than the crop itself. How far landmarks may be trusted is the spec's,
    as everywhere (`core.preprocess.pose_of`).

    Returns:
        None where the whole picture serves better.
    """
    height, width = image.shape[:2]
    for face in detector(image):
        x, y, w, h = face.box
        if face.landmarks is not None and x <= width / 2 <= x + w and y <= height / 2 <= y + h:
            return replace(face, chip=True)
    return None

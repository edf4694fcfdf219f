"""A picture in, a reading of every face out: detect, align, run the network, judge.

The demo, its API and the benchmark all call this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import overload

import numpy as np

from core import image as images
from core.detection import upright
from core.detection.face_check import FaceCheck
from core.detection.face_stream import FaceStream
from core.detection.upright import UprightFace
from core.face_model import FaceModel, open_model
from core.face_quality import Band, Conditions, band_of, measure, reason_to_abstain, uncertain
from core.faces import LIVE_SIDE, STILL_SIDE, Detector, best_detector
from core.types import Face, Prediction

Check = Callable[[np.ndarray, Sequence[UprightFace]], np.ndarray]
"""A picture and faces that are upright in it -> scores of the face check (N,)."""


@dataclass(frozen=True, slots=True)
class FaceReading:
    """One face, its prediction, how well it can be seen, and why to abstain.

    Attributes:
        face: as detected.
        prediction: of the model.
        conditions: size, sharpness, light and pose.
        band: of confidence.
        abstained: the reason, None where the prediction is shown.
        turn: degrees by which the picture was turned counter-clockwise to read the face.
    """

    face: Face
    prediction: Prediction
    conditions: Conditions
    band: Band
    abstained: str | None
    turn: float = 0.0

    def to_json(self) -> dict[str, object]:
        """Return the reading as JSON has it; `docs/demo.md` lists the keys."""
        face, prediction, age = self.face, self.prediction, self.prediction.age
        return {
            "box": [round(v, 2) for v in face.box],
            "score": round(face.score, 4),
            "landmarks": [[round(x, 2), round(y, 2)] for x, y in face.landmarks]
            if face.landmarks
            else None,
            "emotion": prediction.emotion.as_dict() if prediction.emotion else None,
            "gender": prediction.given_gender.as_dict() if prediction.given_gender else None,
            "age": {"value": age.value, "low": age.low, "high": age.high, "unclear": age.unclear}
            if age
            else None,
            "band": self.band,
            "uncertain": uncertain(prediction),
            "not_given": {"gender": reason} if (reason := prediction.gender_not_given) else {},
            "abstained": self.abstained,
            "turn": self.turn,
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """All faces of one picture, best detection first.

    Attributes:
        faces: one reading each.
        timing_ms: milliseconds of detect, align, net and total; net and total are shared by
            pictures that were read together.
        searched_px: long side in pixels at which faces were searched, at the most.
    """

    faces: tuple[FaceReading, ...]
    timing_ms: dict[str, float]
    searched_px: int = STILL_SIDE

    @property
    def from_left(self) -> list[FaceReading]:
        """The faces from left to right, as they are numbered."""
        return sorted(self.faces, key=lambda reading: reading.face.box[0])

    def to_json(self) -> list[dict[str, object]]:
        """Return what the API's `predict` returns: one dictionary per face."""
        about = {"searched_px": self.searched_px, "timing_ms": self.timing_ms}
        return [face.to_json() | about for face in self.faces]


class Pipeline:
    """Detector and model together. Safe to call from several threads.

    Attributes:
        predictor: the model.
        detector: finds the faces.
        about_detector: which detector runs and why.
        face_check: tells whether a detection is a whole face.
    """

    def __init__(
        self,
        model: str | Path | FaceModel,
        detector: Detector | None = None,
        threads: int = 1,
        *,
        operating_point: str | None = None,
        is_trusted: bool = False,
    ) -> None:
        self.predictor = (
            open_model(model, threads, operating_point=operating_point, is_trusted=is_trusted)
            if isinstance(model, str | Path)
            else model
        )
        if detector is None:
            self.detector, self.about_detector = best_detector()
        else:
            self.detector, self.about_detector = detector, detector.name
        self.face_check = FaceCheck()

    @overload
    def __call__(
        self, pictures: images.Source, long_side: int = ..., *, turned: bool = ...
    ) -> Reading: ...

    @overload
    def __call__(
        self, pictures: list[images.Source], long_side: int = ..., *, turned: bool = ...
    ) -> list[Reading]: ...

    def __call__(
        self,
        pictures: images.Source | list[images.Source],
        long_side: int = STILL_SIDE,
        *,
        turned: bool = True,
    ) -> Reading | list[Reading]:
        """Read all faces of a picture, or of each picture of a list in one batch.

        Args:
            pictures: path, bytes, PIL picture or RGB uint8 array (H, W, 3), or a list of them; none
                is changed.
            long_side: pixels at which faces are searched.
            turned: where faces are doubtful, look for them in turned copies, too; costs up to a
                second in a large photograph. For the frames of a stream there is `read_frame`.

        Raises:
            ImageError: what was given is no picture; says what was expected. A video is read by
                `apps.webcam.videos.reading.read_video`, as the decoding of videos is no part of
                `core`.
        """
        if not isinstance(pictures, list):
            return self._read([pictures], long_side, turned)[0]
        return self._read(pictures, long_side, turned) if pictures else []

    def _read(self, sources: Sequence[images.Source], side: int, turned: bool) -> list[Reading]:
        start = perf_counter()
        searched = [self._search(images.load(source), side, turned) for source in sources]
        return self._predict(searched, side, start)

    def read_frame(
        self, frame: np.ndarray, stream: FaceStream, now: float, long_side: int = LIVE_SIDE
    ) -> Reading:
        """Read all faces of a frame of a stream, whichever way up its camera is.

        Args:
            frame: RGB uint8 (H, W, 3).
            stream: what is kept of it from frame to frame.
            now: seconds on its clock.
            long_side: pixels at which faces are searched.
        """
        start = perf_counter()
        faces = stream.turn.search(frame, self.detector, long_side, now)
        detect_ms = 1000 * (perf_counter() - start)
        check = partial(stream.check.scores, self.face_check, now=now)
        cut = self._cut(
            frame, upright.in_turned(frame, faces, stream.turn.quarter), detect_ms, check
        )
        return self._predict([cut], long_side, start)[0]

    def read_detected(
        self,
        pictures: Sequence[np.ndarray],
        faces: Sequence[Sequence[Face]],
        quarters: Sequence[int],
        long_side: int,
    ) -> list[Reading]:
        """Read faces that were detected before, those of all pictures in one batch.

        Args:
            pictures: RGB uint8, (H, W, 3) each.
            faces: of each picture, in its pixels.
            quarters: by how many quarters each picture has to be turned counter-clockwise for its
                faces to be upright, 0 to 3.
            long_side: pixels at which they were searched.
        """
        if not pictures:
            return []
        start = perf_counter()
        cut = [
            self._cut(picture, upright.in_turned(picture, detected, quarter), 0.0)
            for picture, detected, quarter in zip(pictures, faces, quarters, strict=True)
        ]
        return self._predict(cut, long_side, start)

    def _predict(self, searched: Sequence[_Detected], side: int, start: float) -> list[Reading]:
        aligned = perf_counter()
        crops = np.concatenate([detected.crops for detected in searched])
        predictions = iter(self.predictor.predict_crops(crops))
        shown = iter(self.predictor.shown(crops))
        net_ms = 1000 * (perf_counter() - aligned) / len(searched)
        readings = []
        for detected in searched:
            faces = tuple(
                _judge(face, next(predictions), next(shown), refused)
                for face, refused in zip(detected.faces, detected.refused, strict=True)
            )
            timing = {"detect": detected.detect_ms, "align": detected.align_ms, "net": net_ms}
            timing["total"] = 1000 * (perf_counter() - start) / len(searched)
            readings.append(Reading(faces, {k: round(v, 3) for k, v in timing.items()}, side))
        return readings

    def _search(self, image: np.ndarray, side: int, turned: bool) -> _Detected:
        start = perf_counter()
        if turned:
            faces = upright.find(image, self.detector, side)
        else:
            faces = upright.in_turned(image, self.detector(image, side), 0)
        return self._cut(image, faces, 1000 * (perf_counter() - start))

    def _check(self, picture: np.ndarray, faces: Sequence[UprightFace]) -> np.ndarray:
        return self.face_check(picture, [face.face_in_picture for face in faces])

    def _cut(
        self,
        image: np.ndarray,
        faces: list[UprightFace],
        detect_ms: float,
        check: Check | None = None,
    ) -> _Detected:
        start = perf_counter()
        crops: list[np.ndarray] = [self.predictor.crops(image, [])]
        refused: list[str | None] = []
        for _, group in groupby(faces, lambda face: id(face.picture)):
            group_faces = list(group)
            picture = group_faces[0].picture
            in_picture = [face.face_in_picture for face in group_faces]
            crops.append(self.predictor.crops(picture, in_picture))
            scores = (check or self._check)(picture, group_faces)
            for face, score in zip(group_faces, scores, strict=True):
                refused.append(
                    self.face_check.reason_to_refuse(
                        float(score), face.face_in_picture, picture.shape, is_turned=face.turn != 0
                    )
                )
        return _Detected(
            faces,
            np.concatenate(crops),
            refused,
            detect_ms,
            1000 * (perf_counter() - start),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Detected:
    """The N faces of one picture, before the network.

    Attributes:
        faces: best detection first.
        crops: as the network takes them, (N, ...).
        refused: why a detection is not taken for a whole face; None where it is.
        detect_ms: time of the search.
        align_ms: time of cropping and of the face check.
    """

    faces: list[UprightFace]
    crops: np.ndarray
    refused: list[str | None]
    detect_ms: float
    align_ms: float


def _judge(
    face: UprightFace, prediction: Prediction, crop: np.ndarray, refused: str | None
) -> FaceReading:
    conditions = replace(measure(face.face_in_picture, crop), size=face.face.size)
    reason = reason_to_abstain(conditions) or refused
    return FaceReading(
        face.face, prediction, conditions, band_of(prediction), reason, round(face.turn, 1)
    )

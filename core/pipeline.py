"""A picture in, a reading of every face out: detect, align, run the network, judge.

The demo, its API and the benchmark all call this.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from core.face_model import FaceModel, open_model
from core.face_quality import Band, Conditions, band_of, measure, reason_to_abstain, uncertain
from core.faces import LIVE_SIDE, Detector, best_detector
from core.types import Face, Prediction


@dataclass(frozen=True, slots=True)
class FaceReading:
    """One face, its prediction, how well it can be seen, and why to abstain.

    Attributes:
        face: as detected.
        prediction: of the model.
        conditions: size, sharpness, light and pose.
        band: of confidence.
        abstained: the reason, None where the prediction is shown.
    """

    face: Face
    prediction: Prediction
    conditions: Conditions
    band: Band
    abstained: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """All faces of one picture, best detection first.

    Attributes:
        faces: one reading each.
        timing_ms: milliseconds of detect, align, net and total.
    """

    faces: tuple[FaceReading, ...]
    timing_ms: dict[str, float]

    def to_json(self) -> list[dict[str, object]]:
        """Return what the API's `predict` returns: one dictionary per face."""
        return [_as_dict(f, self.timing_ms) for f in self.faces]


class Pipeline:
    """Detector and model together. Safe to call from several threads.

    Attributes:
        predictor: the model.
        detector: finds the faces.
        about_detector: which detector runs and why.
    """

    def __init__(
        self,
        model: str | Path | FaceModel,
        detector: Detector | None = None,
        threads: int = 1,
        *,
        is_trusted: bool = False,
    ) -> None:
        self.predictor = (
            open_model(model, threads, is_trusted=is_trusted)
            if isinstance(model, str | Path)
            else model
        )
        if detector is None:
            self.detector, self.about_detector = best_detector()
        else:
            self.detector, self.about_detector = detector, detector.name

    def __call__(self, image: np.ndarray, long_side: int = LIVE_SIDE) -> Reading:
        """Read all faces of a picture.

        Args:
            image: RGB uint8 (H, W, 3); it is not changed.
            long_side: pixels at which faces are searched.
        """
        start = perf_counter()
        detections = self.detector(image, long_side)
        detected = perf_counter()
        crops = self.predictor.crops(image, list(detections))
        aligned = perf_counter()
        predictions = self.predictor.predict_crops(crops)
        done = perf_counter()
        readings = tuple(
            _judge(*row)
            for row in zip(detections, predictions, self.predictor.shown(crops), strict=True)
        )
        timing = {
            "detect": detected - start,
            "align": aligned - detected,
            "net": done - aligned,
            "total": perf_counter() - start,
        }
        return Reading(readings, {k: round(v * 1000, 3) for k, v in timing.items()})


def _judge(face: Face, prediction: Prediction, crop: np.ndarray) -> FaceReading:
    conditions = measure(face, crop)
    return FaceReading(
        face, prediction, conditions, band_of(prediction), reason_to_abstain(conditions)
    )


def _as_dict(reading: FaceReading, timing_ms: dict[str, float]) -> dict[str, object]:
    face, prediction = reading.face, reading.prediction
    return {
        "box": [round(v, 2) for v in face.box],
        "score": round(face.score, 4),
        "landmarks": [[round(x, 2), round(y, 2)] for x, y in face.landmarks]
        if face.landmarks
        else None,
        "emotion": prediction.emotion.as_dict() if prediction.emotion else None,
        "gender": prediction.gender.as_dict() if prediction.gender else None,
        "age": {
            "value": prediction.age.value,
            "low": prediction.age.low,
            "high": prediction.age.high,
        }
        if prediction.age
        else None,
        "band": reading.band,
        "uncertain": uncertain(prediction),
        "abstained": reading.abstained,
        "timing_ms": timing_ms,
    }

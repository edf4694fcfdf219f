"""Few searches find the faces that many do, and the predictions agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from apps.webcam.benchmarks.videos import compare
from apps.webcam.decoding.limits import VIDEO_LIMITS
from apps.webcam.tracking.tracker import MIN_AGE_NOISE_YEARS
from apps.webcam.videos.reading import read_video
from core.pipeline import Pipeline
from core.types import Prediction
from tests.apps.webcam.videos.test_annotation import film


def test_predictions_agree_with_those_of_a_search_of_every_frame(
    tmp_path: Path, pipeline: Pipeline, frame: np.ndarray
) -> None:
    """A face comes on the fifth frame, moves faster and faster, and leaves five before the end."""
    empty = np.full_like(frame, 90)
    pictures = [np.roll(frame, k * k // 8, axis=1) for k in range(25)]
    clip = film(tmp_path / "a.mp4", [*[empty] * 5, *pictures, *[empty] * 5], rate=30)
    searches = 0
    detector = pipeline.detector

    class Counting:
        name, has_landmarks = detector.name, detector.has_landmarks

        def __call__(self, image: np.ndarray, long_side: int = 320):
            nonlocal searches
            searches += 1
            return detector(image, long_side)

    counted = Pipeline(pipeline.predictor, Counting())
    few = list(read_video(clip, counted))
    few_searches, searches = searches, 0
    every = list(read_video(clip, counted, VIDEO_LIMITS, max_gap_frames=1))
    assert searches == len(every) + 3, "the first frame, which is empty, in its other turns, too"
    assert few_searches < 0.7 * searches
    difference = compare(few, every)
    assert difference["faces"] == 25 and difference["missing"] == difference["extra"] == 0
    assert difference["largest_difference_of_a_probability_95_percent"] < 0.05
    assert difference["difference_of_the_age_95_percent_years"] < MIN_AGE_NOISE_YEARS


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_video_shot_sideways_is_read_from_its_first_frame(
    tmp_path: Path, pipeline: Pipeline, frame: np.ndarray, quarter: int
) -> None:
    pictures = [np.roll(frame, 2 * k, axis=1) for k in range(8)]
    turned = [np.ascontiguousarray(np.rot90(picture, quarter)) for picture in pictures]
    upright = read_one_face(film(tmp_path / "a.mp4", pictures, rate=15), pipeline, turn=0)
    read = read_one_face(film(tmp_path / "b.mp4", turned, rate=15), pipeline, 360 - 90 * quarter)
    assert read.emotion and read.age and upright.emotion and upright.age
    assert read.emotion.p == pytest.approx(upright.emotion.p, abs=0.1)
    assert read.age.value == pytest.approx(upright.age.value, abs=4)


def read_one_face(clip: Path, pipeline: Pipeline, turn: float) -> Prediction:
    """Return the last prediction of the only face of a clip, which is read in every frame."""
    frames = list(read_video(clip, pipeline))
    readings = [face.reading for frame in frames for face in frame.measured]
    assert len(readings) == len(frames)
    assert {(reading.turn, reading.abstained) for reading in readings} == {(turn, None)}
    return readings[-1].prediction

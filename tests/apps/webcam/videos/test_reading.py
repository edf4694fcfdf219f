"""Few searches find the faces that many do, and the predictions agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from apps.webcam.benchmarks.videos import compare
from apps.webcam.decoding.limits import VIDEO_LIMITS
from apps.webcam.tracking.tracker import MIN_AGE_NOISE_YEARS
from apps.webcam.videos.reading import read_video
from core.pipeline import Pipeline
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
    assert few_searches < 0.7 * searches == 0.7 * len(every)
    difference = compare(few, every)
    assert difference["faces"] == 25 and difference["missing"] == difference["extra"] == 0
    assert difference["largest_difference_of_a_probability_95_percent"] < 0.05
    assert difference["difference_of_the_age_95_percent_years"] < MIN_AGE_NOISE_YEARS

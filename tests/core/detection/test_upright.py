"""Faces in turned pictures: found where they are, and a sure face is searched for once."""

from __future__ import annotations

import numpy as np
import pytest

from core.detection import upright
from core.faces import STILL_SIDE, Haar, best_detector

DETECTOR = best_detector()[0]


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_box_and_landmarks_lie_where_the_face_is(portrait: np.ndarray, quarter: int) -> None:
    (expected,) = upright.find(portrait, DETECTOR, STILL_SIDE)
    picture = np.ascontiguousarray(np.rot90(portrait, quarter))
    (face,) = upright.find(picture, DETECTOR, STILL_SIDE)
    assert face.turn == (-90 * quarter) % 360
    back = (-quarter) % 4
    (moved,) = upright.moved_back([expected.face], back, picture.shape)
    assert face.face.box == pytest.approx(moved.box, abs=6)
    assert np.asarray(face.face.landmarks) == pytest.approx(np.asarray(moved.landmarks), abs=6)


def test_a_sure_face_is_searched_once(portrait: np.ndarray) -> None:
    calls = []

    class Counting:
        name, has_landmarks = "counting", True

        def __call__(self, image: np.ndarray, long_side: int = 320) -> list:
            calls.append(long_side)
            return DETECTOR(image, long_side)

    (face,) = upright.find(portrait, Counting(), STILL_SIDE)
    assert calls == [STILL_SIDE] and face.picture is portrait and face.turn == 0


def test_a_detector_without_landmarks_is_asked_once(portrait: np.ndarray) -> None:
    faces = upright.find(portrait, Haar(), STILL_SIDE)
    assert faces and all(f.turn == 0 and f.picture is portrait for f in faces)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 400, 3), (64, 64, 3), (2000, 30, 3)])
def test_pictures_without_faces_have_none(shape: tuple[int, int, int]) -> None:
    assert upright.find(np.full(shape, 90, np.uint8), DETECTOR, STILL_SIDE) == []

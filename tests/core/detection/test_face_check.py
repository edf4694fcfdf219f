"""The shipped face check, on pictures that it has never seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data

from core.detection.face_check import INPUT, FaceCheck
from core.errors import ModelError
from core.types import Face

FACE = Face((178, 63, 90, 113), 0.93)  # of the portrait


@pytest.fixture(scope="module")
def check() -> FaceCheck:
    return FaceCheck()


def test_a_whole_upright_face_passes(check: FaceCheck, portrait: np.ndarray) -> None:
    assert check(portrait, [FACE])[0] > check.threshold


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_turned_face_does_not(check: FaceCheck, portrait: np.ndarray, quarter: int) -> None:
    crop = portrait[63:176, 166:279]
    turned = np.ascontiguousarray(np.rot90(crop, quarter))
    assert check(turned, [None])[0] < check.threshold


def test_places_without_a_face_do_not(check: FaceCheck) -> None:
    """Patches of pictures of a cat, a cup, a rocket and a motorcycle."""
    rng = np.random.default_rng(0)
    scores = []
    for picture in (
        skimage.data.chelsea(),
        skimage.data.coffee(),
        skimage.data.rocket(),
        skimage.data.stereo_motorcycle()[0],
    ):
        faces = []
        for _ in range(50):
            side = int(rng.integers(60, 200))
            y, x = (int(rng.integers(0, s - side)) for s in picture.shape[:2])
            faces.append(Face((x, y, side, side), 0.9))
        scores.append(check(picture, faces))
    assert (np.concatenate(scores) < check.threshold).mean() >= 0.95


def test_flat_and_noisy_crops_do_not(check: FaceCheck) -> None:
    rng = np.random.default_rng(0)
    shape = (20, INPUT.size, INPUT.size, 1)
    flat = np.broadcast_to(np.linspace(0, 255, 20).astype(np.uint8)[:, None, None, None], shape)
    noise = rng.integers(0, 256, shape).astype(np.uint8)
    assert (check.score(np.concatenate([flat, noise])) < check.threshold).all()


def test_no_faces_have_no_scores(check: FaceCheck, portrait: np.ndarray) -> None:
    assert check(portrait, []).shape == (0,)


def test_without_its_file_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="face_check"):
        FaceCheck(tmp_path / "face_check.onnx")

"""Face detection: YuNet and Haar on a portrait, at borders, in threads, with a damaged model."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.artifacts import downloads
from core.errors import ModelError
from core.faces import MAX_FACES, STILL_SIDE, Detector, Haar, ObjectPool, YuNet, best_detector
from core.preprocess import pose_of


@pytest.fixture(params=["YuNet", "Haar"])
def detector(request: pytest.FixtureRequest) -> Detector:
    return YuNet(downloads.find(downloads.YUNET)) if request.param == "YuNet" else Haar()


def overlap(a: tuple, b: tuple) -> float:
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(w, 0) * max(h, 0) / (a[2] * a[3] + b[2] * b[3] - max(w, 0) * max(h, 0))


FACE = (179, 63, 90, 112)  # of the portrait


def test_the_portrait_has_one_face(detector: Detector, portrait: np.ndarray) -> None:
    kept = portrait.copy()
    face = detector(portrait)[0]
    assert overlap(face.box, FACE) > 0.7 and 0.3 < face.score <= 1
    assert (face.landmarks is not None) == (detector.name == "YuNet")
    assert np.array_equal(portrait, kept)


def test_both_detectors_lead_to_about_the_same_crop(portrait: np.ndarray) -> None:
    from core.preprocess import InputSpec

    yunet, haar = (
        pose_of(portrait.shape, d(portrait)[0], InputSpec())
        for d in (YuNet(downloads.find(downloads.YUNET)), Haar())
    )
    assert abs(yunet.side / haar.side - 1) < 0.2
    assert abs(yunet.x - haar.x) < 0.12 * yunet.side and abs(yunet.y - haar.y) < 0.12 * yunet.side


@pytest.mark.parametrize("shape", [(1, 1), (1, 600), (2000, 3), (20, 300), (48, 48), (480, 640)])
def test_a_picture_without_a_face_has_none(detector: Detector, shape: tuple[int, int]) -> None:
    """Again and again, after other pictures: a thin picture must not show what was there before."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert detector(np.full((*shape, 3), 128, np.uint8)) == []
        detector(rng.integers(0, 256, (120, 125, 3), np.uint8))


def test_noise_never_crashes(detector: Detector) -> None:
    rng = np.random.default_rng(0)
    for side in (7, 33, 200):
        for face in detector(rng.integers(0, 256, (side, side + 5, 3), np.uint8)):
            assert face.box[2] > 0


def test_a_face_at_the_border_and_a_rotated_one(portrait: np.ndarray) -> None:
    detector = YuNet(downloads.find(downloads.YUNET))
    cut = np.ascontiguousarray(portrait[:, 205:])  # through the right eye
    assert all(f.box[2] > 0 for f in detector(cut))
    turn = cv2.getRotationMatrix2D((224, 120), 30, 1)
    rotated = cv2.warpAffine(portrait, turn, (512, 512))
    face = detector(rotated)[0]
    eyes = np.subtract(face.landmarks[1], face.landmarks[0])
    assert overlap(face.box, FACE) > 0.5
    assert (
        -38 < np.degrees(np.arctan2(eyes[1], eyes[0])) < -2
    )  # YuNet's landmarks follow a tilt only in part


def test_tiny_and_fifty_faces(portrait: np.ndarray) -> None:
    detector = YuNet(downloads.find(downloads.YUNET))
    head = cv2.resize(portrait[40:200, 150:310], (100, 100), interpolation=cv2.INTER_AREA)
    crowd = np.tile(head, (5, 10, 1))
    faces = detector(crowd, STILL_SIDE)
    assert len(faces) == 50
    assert sorted(f.score for f in faces)[::-1] == [f.score for f in faces]
    assert all(
        any(overlap(f.box, (x * 100 + 18, y * 100 + 14, 56, 70)) > 0.5 for f in faces)
        for x in range(10)
        for y in range(5)
    )
    tiny = np.full((300, 300, 3), 128, np.uint8)
    tiny[100:130, 100:130] = cv2.resize(head, (30, 30), interpolation=cv2.INTER_AREA)
    detections = detector(tiny)
    assert all(f.size < 24 for f in detections)  # found or not, it is told by its size
    assert len(detector(np.tile(head, (12, 12, 1)), 1200)) <= MAX_FACES


def test_threads_do_not_disturb_each_other(detector: Detector, portrait: np.ndarray) -> None:
    pictures = [portrait, np.ascontiguousarray(portrait[:300, 100:400])]
    expected = [detector(p) for p in pictures]
    wrong: list[int] = []

    def work(i: int) -> None:
        wrong.extend(i for _ in range(10) if detector(pictures[i]) != expected[i])

    threads = [threading.Thread(target=work, args=(i % 2,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_one_network_serves_threads_that_come_one_after_the_other(
    detector: Detector, portrait: np.ndarray
) -> None:
    threads = [threading.Thread(target=detector, args=(portrait[:64, :64],)) for _ in range(5)]
    for t in threads:
        t.start()
        t.join()
    pool = detector._nets if isinstance(detector, YuNet) else detector._cascades
    assert len(pool._idle) == 1


def test_lent_things_are_made_when_all_are_in_use_and_come_back_after_an_error() -> None:
    pool = ObjectPool(object)
    with pool.one() as first, pool.one() as second:
        assert first is not second
    with pytest.raises(KeyError), pool.one():
        raise KeyError
    with pool.one() as one, pool.one() as other:
        assert {id(one), id(other)} == {id(first), id(second)}


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "y.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError):
        YuNet(tmp_path / "y.onnx")


def test_without_yunet_haar_runs_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(downloads, "YUNET", replace(downloads.YUNET, package=None))
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    monkeypatch.delenv("MIEN_YUNET", raising=False)
    detector, why = best_detector()
    assert detector.name == "Haar" and "MIEN_YUNET" in why

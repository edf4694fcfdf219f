"""Crops and network input: where landmarks land, faces at the border, exact values, and the input
spec as JSON.
"""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.artifacts.input_spec import RANGES
from core.errors import ModelError
from core.faces import chip_face
from core.preprocess import InputSpec, crop_face, landmark_pose, pose_of, to_input
from core.types import Face

SPEC = InputSpec(size=48, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)


def face_at(x: float, y: float, side: float, angle: float = 0.0) -> Face:
    """A face whose landmarks lie on the template, in a square crop with its centre at x, y."""
    turn = np.exp(1j * np.deg2rad(angle)) * side
    points = tuple(
        (float(p.real), float(p.imag))
        for p in (complex(x, y) + turn * (complex(*t) - complex(0.5, 0.5)) for t in SPEC.template)
    )
    box = side / SPEC.box_scale
    return Face((x - box / 2, y - box * (0.5 + SPEC.box_shift), box, box), 0.9, points)


@settings(max_examples=60, deadline=None)
@given(st.floats(-50, 300), st.floats(-50, 300), st.floats(10, 400), st.floats(-49, 49))
def test_the_pose_is_recovered(x: float, y: float, side: float, angle: float) -> None:
    pose = pose_of((200, 200, 3), face_at(x, y, side, angle), SPEC)
    assert (pose.x, pose.y, pose.side, pose.angle) == pytest.approx(
        (x - 0.5, y - 0.5, side, angle), abs=1e-6, rel=1e-9
    )


@pytest.mark.parametrize("landmarks", [True, False])
def test_a_wider_crop_draws_the_face_smaller_about_the_same_centre(landmarks: bool) -> None:
    face = face_at(160, 140, 96, 20)
    face = face if landmarks else replace(face, landmarks=None)
    here, wider = (pose_of((300, 300, 3), face, spec) for spec in (SPEC, SPEC.wider(0.8)))
    assert wider.side == pytest.approx(here.side / 0.8, rel=1e-3) and wider.angle == pytest.approx(
        here.angle
    )
    assert (wider.x, wider.y) == pytest.approx((here.x, here.y), abs=0.05)
    assert SPEC.wider(1.0) == SPEC and InputSpec.from_dict(
        json.loads(json.dumps(SPEC.wider(0.9).to_dict()))
    ) == SPEC.wider(0.9)


def test_landmarks_land_on_the_template() -> None:
    picture = np.zeros((300, 300, 3), np.uint8)
    face = face_at(160, 140, 120, 30)
    for point in face.landmarks or ():
        cv2.circle(picture, (round(point[0] - 0.5), round(point[1] - 0.5)), 5, (255, 255, 255), -1)
    crop = crop_face(picture, face, SPEC)[..., 0]
    for x, y in SPEC.template:
        assert crop[round(y * 48 - 0.5), round(x * 48 - 0.5)] > 128
    assert (crop > 128).sum() < 5 * 36


def test_the_whole_picture_is_the_crop_without_a_face() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
    assert np.array_equal(crop_face(picture, None, SPEC), picture)
    wide = np.zeros((24, 48, 3), np.uint8)
    wide[0], wide[-1] = 50, 200
    crop = crop_face(wide, None, SPEC)
    assert (crop[:12] == 50).all() and (crop[-12:] == 200).all()  # the border is repeated


def test_far_off_landmarks_give_way_to_the_box() -> None:
    good = face_at(100, 100, 80)
    for wrong in (
        face_at(100, 100, 80 * 2),
        face_at(100, 100, 80 / 2),
        face_at(100, 140, 80),
        face_at(100, 100, 80, 80),
    ):
        mixed = replace(good, landmarks=wrong.landmarks)
        pose = pose_of((200, 200, 3), mixed, SPEC)
        assert (pose.angle, pose.side) == (0.0, pytest.approx(80))
    collapsed = replace(good, landmarks=((5.0, 5.0),) * 5)
    assert landmark_pose(collapsed, SPEC) is None
    assert pose_of((200, 200, 3), collapsed, SPEC).side == pytest.approx(80)


@pytest.mark.parametrize(
    "face",
    [
        face_at(0, 0, 100),
        face_at(-500, -500, 50),
        face_at(5000, 90, 300),
        face_at(50, 50, 4),
        face_at(50, 50, 5000),
    ],
)
def test_faces_at_and_past_the_border_give_a_crop(face: Face) -> None:
    picture = np.full((100, 120, 3), 77, np.uint8)
    crop = crop_face(picture, face, SPEC)
    assert crop.shape == (48, 48, 3) and (crop == 77).all()


def test_shrinking_averages() -> None:
    """A fine checkerboard becomes even grey; bilinear sampling alone would keep its pattern."""
    board = ((np.indices((960, 960)).sum(0) % 2) * 255).astype(np.uint8)
    crop = crop_face(np.dstack([board] * 3), face_at(480, 480, 800, 10), SPEC)
    assert crop.std() < 12 and abs(crop.mean() - 127) < 3


def test_crop_depends_on_the_face_only(portrait: np.ndarray) -> None:
    """The same face in a larger canvas gives the same crop: nothing outside of it is read."""
    face = face_at(224, 120, 90)
    padded = cv2.copyMakeBorder(portrait, 64, 64, 64, 64, cv2.BORDER_CONSTANT)
    points = tuple((x + 64, y + 64) for x, y in face.landmarks or ())
    moved = replace(face, box=(face.box[0] + 64, face.box[1] + 64, *face.box[2:]), landmarks=points)
    difference = np.abs(
        crop_face(portrait, face, SPEC).astype(int) - crop_face(padded, moved, SPEC)
    )
    assert difference.mean() < 0.6  # OpenCV rounds coordinates to 1/32 pixel


def test_to_input_is_exact_and_strict() -> None:
    crop = np.arange(48 * 48 * 3, dtype=np.int64).reshape(48, 48, 3).astype(np.uint8)
    x = to_input(crop, SPEC)
    assert x.dtype == np.float32 and x.shape == (3, 48, 48) and x.flags.c_contiguous
    assert np.abs(x - ((crop / 255 - 0.5) / 0.25).transpose(2, 0, 1)).max() < 1e-6
    assert np.array_equal(to_input(crop[None], SPEC)[0], x)
    for wrong in (crop.astype(np.float32), crop[..., :1], crop[:40]):
        with pytest.raises(ValueError, match="Expected `crop`"):
            to_input(wrong, SPEC)


@pytest.mark.parametrize(
    "image",
    [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3), np.float32), np.zeros((0, 5, 3), np.uint8)],
)
def test_crop_face_refuses_other_arrays(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Expected `image`"):
        crop_face(image, None, SPEC)


def test_the_spec_travels_as_json_and_refuses_nonsense() -> None:
    assert InputSpec.from_dict(json.loads(json.dumps(SPEC.to_dict()))) == SPEC
    for wrong in (
        {"sise": 3},
        {"size": 5},
        {"channels": 2},
        {"std": [0.0]},
        {"template": [[1, 2]]},
        {"mean": "x"},
        {"size": None},
    ):
        with pytest.raises(ModelError):
            InputSpec.from_dict(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 48.0},
        {"size": True},
        {"channels": 1.0},
        {"channels": True},
        {"box_scale": 0},
        {"box_scale": -1},
        {"box_scale": "a"},
        {"box_scale": True},
        {"box_scale": None},
        {"box_scale": 10**400},
        {"max_zoom": 0.9},
        {"max_rotation": -1},
        {"mean": [True]},
        {"mean": ["0.5"]},
        {"mean": [10**400]},
        {"mean": [0.5, 0.5]},
        {"std": [1e-30]},
        {"template": [[0.5, "a"]] * 5},
        {"template": 1},
        *(
            {name: value}
            for name in ("box_scale", "box_shift", "max_rotation", "max_zoom", "max_shift")
            for value in (np.nan, np.inf)
        ),
        *({name: [value]} for name in ("mean", "std") for value in (np.nan, np.inf, -np.inf)),
        *({"template": [[0.5, value]] * 5} for value in (np.nan, np.inf, 1e9)),
    ],
    ids=str,
)
def test_a_spec_s_fields_have_types_and_ranges(wrong: dict) -> None:
    with pytest.raises(ModelError, match=f"{next(iter(wrong))}|not iterable"):
        InputSpec.from_dict(wrong)


@pytest.mark.parametrize("end", [0, 1])
def test_a_spec_at_its_ends_still_crops(end: int) -> None:
    ends = {name: limits[end] for name, limits in RANGES.items()}
    places = tuple((ends["template"] * x, ends["template"] * y) for x, y in SPEC.template)
    spec = InputSpec(
        size=(16, 512)[end],
        **{**ends, "template": places, "mean": (ends["mean"],), "std": (ends["std"],)},
    )
    picture = np.full((100, 120, 3), 77, np.uint8)
    for face in (
        face_at(60, 50, 80),
        face_at(60, 50, 4),
        face_at(5000, 90, 5000),
        replace(face_at(60, 50, 80), landmarks=None),
    ):
        crop = crop_face(picture, face, spec)
        assert (crop == 77).all() and np.isfinite(to_input(crop, spec)).all()


def test_a_detection_beside_the_middle_of_a_published_crop_is_another_s() -> None:
    class Fixed:
        name = "fixed"

        def __init__(self, *faces: Face) -> None:
            self.faces = list(faces)

        def __call__(self, image: np.ndarray, long_side: int = 320) -> list[Face]:
            return self.faces

    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    good, small, beside = face_at(100, 105, 190), face_at(90, 110, 90), face_at(40, 60, 90)
    assert chip_face(picture, Fixed(good)) == replace(good, chip=True)
    assert chip_face(picture, Fixed(small)) == replace(small, chip=True)
    assert chip_face(picture, Fixed(beside, small)) == replace(small, chip=True)
    crop = crop_face(picture, chip_face(picture, Fixed(good)), replace(SPEC, align=False))
    assert np.array_equal(
        crop, crop_face(picture, None, SPEC)
    )  # what training and serving both take of it without alignment
    assert chip_face(picture, Fixed(beside)) is None
    assert chip_face(picture, Fixed(replace(good, landmarks=None))) is None


def test_without_alignment_a_published_crop_is_taken_whole_and_a_photograph_by_the_box() -> None:
    raw = replace(SPEC, align=False)
    picture = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
    face = replace(face_at(26, 22, 40, 20), chip=True)
    assert np.array_equal(crop_face(picture, face, raw), crop_face(picture, None, raw))
    assert not np.array_equal(crop_face(picture, face, SPEC), crop_face(picture, None, SPEC))
    tilted = face_at(160, 140, 96, 20)
    assert pose_of((300, 300, 3), tilted, raw) == pose_of(
        (300, 300, 3), replace(tilted, landmarks=None), SPEC
    )


def test_alignment_travels_and_older_cards_stay_the_same() -> None:
    raw = replace(SPEC, align=False)
    assert (
        "align" not in SPEC.to_dict()
        and InputSpec.from_dict(json.loads(json.dumps(raw.to_dict()))) == raw != SPEC
    )
    with pytest.raises(ModelError, match="align"):
        InputSpec.from_dict({"align": 0})

"""Faces, distributions and ages: malformed ones are refused; bands, thresholds, abstention."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.face_quality import LIMITS, Conditions, band, measure, reason_to_abstain, uncertain, yaw
from core.types import UNCLEAR_AGE_YEARS, Age, Distribution, Face, Prediction

POINTS = ((10.0, 10.0), (30.0, 10.0), (20.0, 20.0), (12.0, 30.0), (28.0, 30.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"box": (0, 0, 0, 5), "score": 0.5},
        {"box": (0, 0, float("nan"), 5), "score": 0.5},
        {"box": (0, 0, 5), "score": 0.5},
        {"box": (0, 0, 5, 5), "score": 1.5},
        {"box": (0, 0, 5, 5), "score": 0.5, "landmarks": POINTS[:4]},
        {"box": (0, 0, 5, 5), "score": 0.5, "landmarks": (*POINTS[:4], (float("inf"), 0.0))},
    ],
)
def test_a_malformed_face_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="Expected"):
        Face(**wrong)


def test_a_face_may_reach_past_the_border() -> None:
    assert Face((-5, -5, 20, 10), 0.9).size == 10


@pytest.mark.parametrize("p", [[0.5, 0.6], [1.2, -0.2], [float("nan"), 1.0], [1.0]])
def test_a_malformed_distribution_is_refused(p: list[float]) -> None:
    with pytest.raises(ValueError, match="Expected `p`"):
        Distribution(("a", "b"), np.array(p))


def test_distribution_and_age() -> None:
    d = Distribution(("a", "b"), np.array([0.25, 0.75]))
    assert (d.top, d.confidence, d.as_dict()) == ("b", 0.75, {"a": 0.25, "b": 0.75})
    with pytest.raises(ValueError, match="low"):
        Age(30, 40, 20)


@pytest.mark.parametrize(
    ("p", "name"), [(0.95, "high"), (0.9, "medium"), (0.7, "medium"), (0.699, "low")]
)
def test_bands(p: float, name: str) -> None:
    assert band(p) == name


@pytest.mark.parametrize(
    ("p", "limit", "name"),
    [
        (0.65, 0.64, "medium"),
        (0.63, 0.64, "low"),
        (0.95, 0.64, "high"),
        (0.92, 0.95, "low"),
        (0.96, 0.95, "high"),
        (1.0, 1.0, "low"),
    ],
)
def test_bands_by_a_model_s_own_limit(p: float, limit: float, name: str) -> None:
    assert band(p, limit) == name
    assert Distribution(("a", "b"), np.array([p, 1 - p]), limit).uncertain is (name == "low")


@pytest.mark.parametrize("limit", [0.0, -1.0, 1.1, float("nan")])
def test_a_limit_is_a_probability(limit: float) -> None:
    with pytest.raises(ValueError, match="limit"):
        Distribution(("a", "b"), np.array([0.5, 0.5]), limit)


GOOD = Conditions(size=100, sharpness=0.3, brightness=0.5, contrast=0.2, yaw=0.0)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, None),
        ({"size": 20.0}, "small"),
        ({"brightness": 0.03}, "dark"),
        ({"contrast": 0.0}, "contrast"),
        ({"yaw": -0.9}, "turned"),
        ({"sharpness": 0.0}, "blurred"),
        ({"sharpness": 0.039}, "blurred"),
        ({"yaw": None}, None),
    ],
)
def test_reasons_to_abstain(change: dict, word: str | None) -> None:
    reason = reason_to_abstain(
        Conditions(**{**{f: getattr(GOOD, f) for f in Conditions.__dataclass_fields__}, **change}),
        LIMITS,
    )
    assert (reason is None) if word is None else word in reason


def test_conditions_follow_the_picture() -> None:
    face = Face((0, 0, 48, 48), 1.0, POINTS)
    rng = np.random.default_rng(0)
    sharp = rng.integers(0, 256, (48, 48, 1), np.uint8)
    smooth = np.tile(np.linspace(0, 255, 48).astype(np.uint8)[:, None, None], (1, 48, 1))
    assert measure(face, sharp).sharpness > 100 * measure(face, smooth).sharpness
    twice = cv2.resize(
        cv2.GaussianBlur(sharp, (0, 0), 1), (96, 96), interpolation=cv2.INTER_LINEAR
    )[..., None]
    once = cv2.resize(twice, (48, 48), interpolation=cv2.INTER_AREA)[..., None]
    assert measure(face, twice).sharpness == pytest.approx(measure(face, once).sharpness), (
        "a larger crop is not a blurred one"
    )
    assert measure(face, np.zeros((48, 48, 1), np.uint8)).brightness == 0
    assert measure(face, np.full((48, 48, 3), 255, np.uint8)).brightness == 1
    assert yaw(face) == pytest.approx(0)
    turned = Face((0, 0, 48, 48), 1.0, (*POINTS[:2], (29.0, 20.0), *POINTS[3:]))
    assert yaw(turned) == pytest.approx(0.9)
    assert yaw(Face((0, 0, 48, 48), 1.0)) is None
    assert yaw(Face((0, 0, 48, 48), 1.0, (POINTS[0],) * 5)) == 1.0


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 60))
def test_an_unclear_age_is_uncertain_for_every_model(low: float, width: float, limit: float):
    age = Age(low + width / 2, low, low + width, limit=limit)
    assert age.unclear == (age.high - age.low > UNCLEAR_AGE_YEARS)
    assert age.uncertain == (age.high - age.low > min(limit, UNCLEAR_AGE_YEARS))


@pytest.mark.parametrize(
    ("age", "limit", "is_given"), [(3.9, 4, False), (4.0, 4, True), (3.9, 0, True), (None, 4, True)]
)
def test_perceived_gender_is_withheld_below_the_card_s_age(
    age: float | None, limit: float, is_given: bool
) -> None:
    gender = Distribution(("female", "male"), np.array([0.1, 0.9]))
    of = Prediction(None, gender, None if age is None else Age(age, 1, 9), limit)
    assert (of.given_gender is gender, of.gender_not_given is None) == (is_given, is_given)
    assert uncertain(of)["gender"] != is_given
    assert Prediction(None, None, Age(1, 0, 2), limit).gender_not_given is None

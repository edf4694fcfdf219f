"""Averages of ensembles, computed by hand from the members' own predictors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.artifacts.card import Head
from core.calibration import central_interval
from core.ensemble import Ensemble
from core.errors import DataError, ModelError
from core.face_model import open_model
from core.labels import AGE_BINS, FER4, FER7, FERPLUS8, GENDER2
from core.predictor import Predictor
from core.preprocess import InputSpec
from core.types import Face
from tests.core.ensembles import ALL, GENDER, YEARS, join, write


def crops(n: int = 5, size: int = 16, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, size, size, channels), np.uint8)


def by_hand(folder: Path, *names: str) -> list[dict[str, np.ndarray]]:
    return [Predictor(folder / name).probabilities(crops()) for name in names]


def test_probabilities_are_averaged_with_the_weights(two: Path) -> None:
    ensemble = open_model(join(two, {"model": "a", "weight": 3}, {"model": "b/model.onnx"}))
    assert isinstance(ensemble, Ensemble)
    a, b = by_hand(two, "a", "b")
    values = ensemble.probabilities(crops())
    for task in ("emotion", "gender", "age"):
        assert values[task] == pytest.approx((3 * a[task] + b[task]) / 4, abs=1e-12)
        assert np.abs(values[task] - a[task]).max() > 1e-3, "the members differ"
    value, low, high = ensemble.ages(values["age"])
    years = np.arange(AGE_BINS)
    assert value == pytest.approx((3 * (a["age"] @ years) + b["age"] @ years) / 4)
    assert np.stack([low, high]) == pytest.approx(
        np.stack(central_interval((3 * a["age"] + b["age"]) / 4, 0.8))
    )
    for i, one in enumerate(ensemble.predict_crops(crops())):
        assert one.emotion and one.gender and one.age
        assert one.emotion.labels == FERPLUS8.labels and one.emotion.p == pytest.approx(
            values["emotion"][i]
        )
        assert one.gender.p == pytest.approx(values["gender"][i])
        assert (one.age.value, one.age.low, one.age.high) == pytest.approx(
            (value[i], low[i], high[i])
        )
    assert (
        ensemble.predict_crops(crops(0)) == []
        and ensemble.predict(np.zeros((9, 9, 3), np.uint8), []) == []
    )


def test_each_task_has_its_own_weights_and_its_own_members(two: Path) -> None:
    write(two / "c", 3, (GENDER,))
    members = (
        {"model": "a", "weights": {"emotion": 0}},
        {"model": "b", "weight": 0.5, "weights": {"age": 1.5}},
        {"model": "c"},
    )
    ensemble, (a, b) = open_model(join(two, *members)), by_hand(two, "a", "b")
    c, values = Predictor(two / "c").probabilities(crops()), ensemble.probabilities(crops())
    assert values["emotion"] == pytest.approx(b["emotion"])
    assert values["gender"] == pytest.approx((a["gender"] + 0.5 * b["gender"] + c["gender"]) / 2.5)
    assert values["age"] == pytest.approx((a["age"] + 1.5 * b["age"]) / 2.5)
    alone = open_model(join(two, {"model": "c"}))
    assert [h.task for h in alone.card.heads] == ["gender"] and alone.predict_crops(crops())[
        0
    ].emotion is None


def test_a_temperature_comes_after_the_average(two: Path) -> None:
    ensemble, (a, b) = (
        open_model(
            join(two, {"model": "a"}, {"model": "b"}, calibration={"emotion": 0.5, "age": 2})
        ),
        by_hand(two, "a", "b"),
    )
    for task, temperature in (("emotion", 0.5), ("age", 2.0), ("gender", 1.0)):
        power = ((a[task] + b[task]) / 2) ** (1 / temperature)
        assert ensemble.probabilities(crops())[task] == pytest.approx(
            power / power.sum(axis=1, keepdims=True), abs=1e-9
        )


def test_flip_is_the_mean_over_the_mirror(two: Path) -> None:
    ensemble, alone = open_model(join(two, {"model": "b", "flip": True})), Predictor(two / "b")
    straight, mirrored = (
        alone.probabilities(crops()),
        alone.probabilities(np.ascontiguousarray(crops()[:, :, ::-1])),
    )
    assert np.abs(straight["emotion"] - mirrored["emotion"]).max() > 0.01
    for task, p in ensemble.probabilities(crops()).items():
        assert p == pytest.approx((straight[task] + mirrored[task]) / 2, abs=1e-6)
    both = open_model(join(two, {"model": "b", "flip": True}, {"model": "a"})).probabilities(
        crops()
    )
    [a] = by_hand(two, "a")
    assert both["emotion"] == pytest.approx(
        (straight["emotion"] + mirrored["emotion"] + 2 * a["emotion"]) / 4, abs=1e-6
    )


def test_emotions_are_mapped_by_name_to_the_smallest_space(two: Path) -> None:
    write(two / "seven", 4, (Head("emotion", "softmax", FER7.labels, "emotion"),))
    ensemble, [a] = open_model(join(two, {"model": "a"}, {"model": "seven"})), by_hand(two, "a")
    [seven] = by_hand(two, "seven")
    kept = a["emotion"][:, [FERPLUS8.labels.index(x) for x in FER7.labels]]
    head = ensemble.card.head("emotion")
    assert head and head.labels == FER7.labels
    expected = (kept / kept.sum(axis=1, keepdims=True) + seven["emotion"]) / 2
    assert ensemble.probabilities(crops())["emotion"] == pytest.approx(expected, abs=1e-9)

    four = open_model(join(two, {"model": "a"}, {"model": "seven"}, labels={"emotion": "FER4"}))
    at = (
        [seven["emotion"][:, FER7.labels.index(x)] for x in FER4.labels],
        [a["emotion"][:, FERPLUS8.labels.index(x)] for x in FER4.labels],
    )
    expected = np.mean([np.stack(p, axis=1) / np.sum(p, axis=0)[:, None] for p in at], axis=0)
    assert four.predict_crops(crops())[0].emotion.as_dict() == pytest.approx(
        dict(zip(FER4.labels, expected[0], strict=True)), abs=1e-9
    )


def test_a_name_without_image_raises(two: Path) -> None:
    write(two / "seven", 4, (Head("emotion", "softmax", FER7.labels, "emotion"),))
    missing = next(x for x in FERPLUS8.labels if x not in FER7.labels)
    with pytest.raises(DataError, match=missing):
        open_model(join(two, {"model": "a"}, {"model": "seven"}, labels={"emotion": "FERPLUS8"}))
    less = [
        tuple(x for x in FERPLUS8.labels if x != gone)
        for gone in (FERPLUS8.labels[5], FERPLUS8.labels[6])
    ]
    for name, labels in zip("xy", less, strict=True):
        write(two / name, 5, (Head("emotion", "softmax", labels, "emotion"),))
    with pytest.raises(DataError):
        open_model(join(two, {"model": "x"}, {"model": "y"}))
    assert (
        open_model(join(two, {"model": "x"}, {"model": "y"}, labels={"emotion": "FER4"}))
        .card.head("emotion")
        .labels
        == FER4.labels
    )
    write(two / "z", 6, (Head("emotion", "softmax", ("bored", "glad"), "emotion"),))
    with pytest.raises(DataError, match=r"bored|glad"):
        open_model(join(two, {"model": "a"}, {"model": "z"}))


def test_genders_go_by_name_too(two: Path) -> None:
    write(two / "other", 4, (Head("gender", "softmax", GENDER2.labels[::-1], "gender"),))
    ensemble, [a], [other] = (
        open_model(join(two, {"model": "a"}, {"model": "other"})),
        by_hand(two, "a"),
        by_hand(two, "other"),
    )
    assert ensemble.card.head("gender").labels == GENDER2.labels
    assert ensemble.probabilities(crops())["gender"] == pytest.approx(
        (a["gender"] + other["gender"][:, ::-1]) / 2, abs=1e-9
    )


@pytest.mark.parametrize("row", ["text", ["list"], {"name": None}])
def test_a_member_s_odd_data_are_refused(two: Path, row: object) -> None:
    write(two / "odd", 4, data=(row,))
    with pytest.raises(ModelError, match=r"`data\[0\]"):
        open_model(join(two, {"model": "odd"}, {"model": "a"}))


def test_a_member_s_odd_figures_are_refused(two: Path) -> None:
    write(two / "odd", 4, metrics=(1,))
    with pytest.raises(ModelError, match=r"`metrics\[0\]`"):
        open_model(join(two, {"model": "odd"}, {"model": "a"}))


def test_each_member_crops_for_itself(two: Path, portrait: np.ndarray) -> None:
    write(
        two / "wide",
        7,
        ALL,
        InputSpec(size=24, channels=3, box_scale=1.5, mean=(0.1, 0.2, 0.3), std=(0.5,) * 3),
    )
    ensemble = open_model(
        join(two, {"model": "a"}, {"model": "wide", "flip": True}, {"model": "b"})
    )
    assert [v.size for v in ensemble.views] == [16, 24], "a and b share their crop"
    faces = [Face((179.0, 62.0, 90.0, 112.0), 0.9), None]
    each = [Predictor(two / name) for name in ("a", "wide", "b")]
    views = [p.crops(portrait, faces) for p in each]
    parts = [p.probabilities(c)["emotion"] for p, c in zip(each, views, strict=True)]
    parts[1] = (
        parts[1] + each[1].probabilities(np.ascontiguousarray(views[1][:, :, ::-1]))["emotion"]
    ) / 2
    for prediction, expected in zip(
        ensemble.predict(portrait, faces), np.mean(parts, axis=0), strict=True
    ):
        assert prediction.emotion.p == pytest.approx(expected, abs=1e-6)
    assert (
        np.array_equal(ensemble.shown(ensemble.crops(portrait, faces)), views[0])
        and len(ensemble.blank(4)) == 4
    )


def test_ages_without_a_distribution(two: Path) -> None:
    write(two / "r", 8, (YEARS,), calibration={"age": 7.0})
    write(two / "s", 9, (YEARS,), calibration={"age": 3.0})
    [r], [s], [a] = by_hand(two, "r"), by_hand(two, "s"), by_hand(two, "a")
    ensemble = open_model(join(two, {"model": "r", "weight": 3}, {"model": "s"}))
    value, low, high = ensemble.ages(ensemble.probabilities(crops())["age"])
    assert value == pytest.approx((3 * r["age"][:, 0] + s["age"][:, 0]) / 4)
    assert high - value == pytest.approx(np.full(5, 6.0)) and value - low == pytest.approx(
        np.full(5, 6.0)
    )

    mixed = open_model(join(two, {"model": "r"}, {"model": "a"}))
    value, low, high = mixed.ages(mixed.probabilities(crops())["age"])
    ends = central_interval(a["age"], 0.8)
    assert value == pytest.approx((r["age"][:, 0] + a["age"] @ np.arange(AGE_BINS)) / 2)
    assert low == pytest.approx((r["age"][:, 0] - 7 + ends[0]) / 2) and high == pytest.approx(
        (r["age"][:, 0] + 7 + ends[1]) / 2
    )
    values = (
        open_model(join(two, {"model": "r"}, {"model": "a"}, calibration={"age": 4}))
        .predict_crops(crops())[0]
        .age
    )
    assert (values.value, values.low, values.high) == pytest.approx(
        (value[0], value[0] - 4, value[0] + 4)
    )


def test_embeddings_agree_as_the_members_do(two: Path) -> None:
    write(two / "m", 3, ALL, InputSpec(size=16, mean=(0.1,)))
    ensemble = open_model(join(two, {"model": "a", "weight": 3}, {"model": "m"}))
    a, m = (Predictor(two / n).probabilities(crops(), True)["embedding"] for n in "am")

    def cosine(x: np.ndarray) -> float:
        return float(x[0] @ x[1] / np.linalg.norm(x[0]) / np.linalg.norm(x[1]))

    assert abs(cosine(a) - cosine(m)) > 0.1 and len(ensemble.views) == 1
    assert cosine(ensemble.probabilities(crops(), True)["embedding"]) == pytest.approx(
        0.75 * cosine(a) + 0.25 * cosine(m), abs=1e-5
    )

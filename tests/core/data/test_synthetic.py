"""The drawn faces are an honest task: shapes tell the labels, and nothing simpler does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier

from core import image
from core.data import synthetic, synthetic_noisy
from core.data.base.face_drawing import SIDE, Look, draw
from core.errors import DataError
from core.labels import FERPLUS8


def drawn(part: str, n: int) -> tuple[list[Look], np.ndarray]:
    looks = synthetic.sample(part, n)
    return looks, np.stack(
        [draw(look, np.random.default_rng([7, *part.encode(), i])) for i, look in enumerate(looks)]
    )


@pytest.fixture(scope="module")
def both() -> tuple[tuple[list[Look], np.ndarray], tuple[list[Look], np.ndarray]]:
    return drawn("train", 440), drawn("val", 160)


def column(looks: list[Look], name: str) -> np.ndarray:
    return np.array([getattr(look, name) for look in looks])


def shapes(pictures: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients: edges, no brightness, no colour."""
    hog = cv2.HOGDescriptor((SIDE, SIDE), (24, 24), (12, 12), (12, 12), 9)
    return np.stack([hog.compute(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)).ravel() for p in pictures])


def test_shapes_tell_the_labels(both: tuple) -> None:
    (a, xa), (b, xb) = both
    fa, fb = shapes(xa), shapes(xb)
    for name, least in (("emotion", 0.6), ("gender", 0.88)):
        assert RidgeClassifier(10).fit(fa, column(a, name)).score(fb, column(b, name)) > least, name
    age = column(b, "age")
    error = np.abs(Ridge(3).fit(fa, column(a, "age")).predict(fb) - age).mean()
    assert error < 0.6 * np.abs(age - np.median(age)).mean()


def test_shuffled_labels_tell_nothing(both: tuple) -> None:
    """The measure itself: what it finds above is not what it finds anywhere."""
    (a, xa), (b, xb) = both
    wrong = np.random.default_rng(0).permutation(column(a, "emotion"))
    assert RidgeClassifier(10).fit(shapes(xa), wrong).score(shapes(xb), column(b, "emotion")) < 0.25


@pytest.mark.parametrize("what", ["colour", "corners", "bytes"])
def test_no_shortcut_tells_the_emotion(both: tuple, what: str) -> None:
    def features(x: np.ndarray) -> np.ndarray:
        if what == "colour":
            flat = x.reshape(len(x), -1, 3) / 64
            return np.concatenate([flat.mean(axis=1), flat.std(axis=1)], axis=1)
        if what == "corners":
            parts = (x[:, :5, :5], x[:, :5, -5:], x[:, -5:, :5], x[:, -5:, -5:])
            return (
                np.concatenate([p.reshape(len(x), -1, 3).mean(axis=1) for p in parts], axis=1) / 64
            )
        return np.array([[len(cv2.imencode(".png", p)[1])] for p in x]) / 1000

    (a, xa), (b, xb) = both
    model = LogisticRegression(max_iter=500).fit(features(xa), column(a, "emotion"))
    assert model.score(features(xb), column(b, "emotion")) < 0.25  # chance is 0.125


def test_no_single_pixel_tells_the_emotion(both: tuple) -> None:
    (a, xa), (b, xb) = both
    grey_a, grey_b = (x.mean(axis=3).reshape(len(x), -1)[:, ::5] for x in (xa, xb))
    ya, yb = column(a, "emotion"), column(b, "emotion")
    edges = np.quantile(grey_a, np.linspace(0, 1, 9)[1:-1])
    bins_a, bins_b = np.digitize(grey_a, edges), np.digitize(grey_b, edges)
    table = np.zeros((8, grey_a.shape[1], len(FERPLUS8)), int)  # (bin, pixel, emotion)
    np.add.at(table, (bins_a, np.arange(grey_a.shape[1])[None], ya[:, None]), 1)
    guess = table.argmax(axis=2)[bins_b, np.arange(grey_a.shape[1])[None]]  # (N, pixel)
    assert (guess == yb[:, None]).mean(axis=0).max() < 0.4


def test_the_same_everywhere_and_never_twice(both: tuple) -> None:
    (a, xa), (b, xb) = both
    assert synthetic.sample("val", 160) == b
    assert np.array_equal(draw(b[3], np.random.default_rng([7, *b"val", 3])), xb[3])
    assert len({p.tobytes() for p in np.concatenate([xa, xb])}) == len(xa) + len(xb)
    counts = np.bincount(column(a, "emotion"), minlength=8)
    assert counts.min() > 30 and 0.4 < column(a, "gender").mean() < 0.6


@pytest.mark.parametrize("change", [{"emotion": 1}, {"gender": 1}, {"age": 80}])
def test_every_label_is_drawn(change: dict[str, int]) -> None:
    """With all else equal, pose and noise included, a label changes the picture."""
    look = Look(emotion=0, gender=0, age=30, skin=0)
    plain, other = (
        draw(x, np.random.default_rng(3)).astype(int) for x in (look, replace(look, **change))
    )
    assert (np.abs(plain - other).max(axis=2) > 60).sum() > 20


def test_load_draws_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "SIZES", {"train": 9, "val": 4, "test": 3})
    first = synthetic.load(tmp_path / "no such folder", "all")
    assert (
        len(first) == 16
        and len(set(first.ids)) == 16
        and (first.emotion >= 0).all()
        and not np.isnan(first.age).any()
    )
    monkeypatch.setattr(synthetic, "_fill", lambda *_: pytest.fail("drawn again"))
    val = synthetic.load(".", "val")
    assert val.paths == tuple(
        p for p, i in zip(first.paths, first.ids, strict=True) if i.startswith("val")
    )
    looks = synthetic.sample("val", 4)
    again = draw(looks[2], np.random.default_rng([synthetic.SEED, *b"val", 2]))
    assert np.array_equal(image.load(val.paths[2]), again) and val.age[2] == looks[2].age


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "SIZES", {"train": 9, "val": 4, "test": 3})
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="MIEN_CACHE"):
        synthetic.load(".", "val")


def test_noise_is_a_few_other_classes_that_the_name_decides() -> None:
    ids = [f"{i}.png" for i in range(4000)]
    clean = np.arange(len(ids)) % 8
    noisy = synthetic_noisy.with_noise(clean, ids, "emotion", 8)
    assert 0.03 < (noisy != clean).mean() < 0.05
    assert set(noisy.tolist()) == set(range(8))
    assert np.array_equal(
        noisy[::3], synthetic_noisy.with_noise(clean[::3], ids[::3], "emotion", 8)
    )
    steps = (noisy - clean) % 8
    assert set(steps.tolist()) == set(range(8)), "every other class occurs"

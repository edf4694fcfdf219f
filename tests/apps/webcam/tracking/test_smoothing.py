"""Smoothed values are steady and follow changes, on synthetic streams."""

from __future__ import annotations

import numpy as np
import pytest

from apps.webcam.tracking.smoothing import FAST_PHASE_SECONDS, FAST_SECONDS, Smoother, ValueGroup

ONE_VALUE = (ValueGroup(1, 1, 20.0, 1.0),)


class SingleFace:
    """The stream of one face."""

    def __init__(self, groups=ONE_VALUE):
        self.smoother, self.groups, self.now = Smoother(groups), len(groups), None
        self.state = self.smoother.initial_state()

    def add(self, values, now, weight=1.0, visibility=1.0):
        elapsed = 0.0 if self.now is None else now - self.now
        states, means = self.smoother.update(
            [self.state],
            np.array([values], float),
            np.full((1, self.groups), weight),
            np.array([visibility]),
            np.array([elapsed]),
        )
        self.state, self.now = states[0], now
        return means[0]


def test_without_a_change_it_is_the_exponentially_weighted_mean():
    rng, face, times = np.random.default_rng(0), SingleFace(), np.arange(60) / 10
    x, w = 0.3 * rng.standard_normal(60), rng.uniform(0.1, 1, 60)
    for t, value, weight in zip(times, x, w, strict=True):
        mean = face.add([value], t, weight)
    assert mean[0] == pytest.approx(
        np.average(x, weights=w * np.exp((times - times[-1]) / 20)), rel=1e-9
    )


@pytest.mark.parametrize("rate", [4, 10, 25])
@pytest.mark.parametrize("jump", [4.0, 30.0])
def test_a_jump_is_followed_after_the_same_time_at_every_rate(rate, jump):
    face = SingleFace()
    for k in range(8 * rate):
        face.add([0.0], k / rate)
    for k in range(8 * rate, 10 * rate):
        if face.add([jump], k / rate)[0] > 0.99 * jump:
            break
    assert 0.25 - 1e-9 <= k / rate - 8 <= 0.5


@pytest.mark.parametrize("rate", [4, 10, 25])
@pytest.mark.parametrize("start", [1, 3, 20])
def test_a_new_face_changes_by_more_than_its_first_noise(rate, start):
    """Small steps wait until the noise is known; large ones show within half a second."""
    groups = (ValueGroup(1, 1, 20.0, 1.0, first_noise=2.0),)
    small, large = SingleFace(groups), SingleFace(groups)
    for k in range((start + 2) * rate):
        is_changed = k >= start * rate
        small.add([2.2 if is_changed else 0.0], k / rate)
        mean = large.add([30.0 if is_changed else 0.0], k / rate)
        if k == round((start + 0.5) * rate):
            assert mean[0] > 0.99 * 30
    assert np.isinf(small.state[-1]) == (start < 20)


@pytest.mark.parametrize("rate", [2, 4, 10, 25])
def test_one_outlier_changes_nothing_and_neither_does_noise(rate):
    rng, face = np.random.default_rng(1), SingleFace()
    for k in range(100 * rate):
        outlier = 50.0 if k == 70 * rate else 0.0
        mean = face.add(
            [3 * rng.standard_normal() + outlier], k / rate
        )  # three times the minimum noise
        assert k < 4 * rate or abs(mean[0]) < 2.5 + outlier / 20
    assert np.isinf(face.state[-1]), "no alarm was ever raised"


def test_a_slow_change_is_followed():
    face, means = SingleFace(), []
    for k in range(200):
        means.append(face.add([max(0.0, k / 10 - 8) * 2], k / 10)[0])
    assert means[-1] > 0.8 * 24


def test_a_barely_visible_frame_detects_no_change():
    visible, hidden = SingleFace(), SingleFace()
    for k in range(100):
        visible.add([0.0], k / 10)
        hidden.add([0.0], k / 10)
    for k in range(100, 110):
        a, b = visible.add([20.0], k / 10, 0.1, 1.0), hidden.add([20.0], k / 10, 0.1, 0.03)
    assert a[0] > 19
    assert b[0] < 2


def test_groups_restart_alone_and_unwatched_values_with_their_group():
    face = SingleFace((ValueGroup(2, 2, 5.0, 0.1), ValueGroup(2, 1, 20.0, 1.0)))
    for k in range(50):
        face.add([0.9, 0.1, 30, 60], k / 10)
    for k in range(50, 60):
        mean = face.add([0.9, 0.1, 50, 90], k / 10)
    assert mean == pytest.approx([0.9, 0.1, 50, 90])
    for k in range(60, 90):
        face.add([0.9, 0.1, 50, 90], k / 10)
    for k in range(90, 100):
        mean = face.add([0.9, 0.1, 50, 20], k / 10)
    assert 60 < mean[3] < 80, "a change of an unwatched value is not detected"


def test_many_faces_at_once_give_the_same_as_one_by_one():
    rng, smoother = np.random.default_rng(2), Smoother(ONE_VALUE)
    x = rng.standard_normal((80, 3)) + np.where(np.arange(80) > 50, 20, 0)[:, None] * [0, 1, 0]
    face, states = [SingleFace() for _ in range(3)], [smoother.initial_state() for _ in range(3)]
    for k, row in enumerate(x):
        states, means = smoother.update(
            states, row[:, None], np.ones((3, 1)), np.ones(3), np.full(3, 0.125 if k else 0.0)
        )
        assert means[:, 0] == pytest.approx(
            [a.add([v], k / 8)[0] for a, v in zip(face, row, strict=True)]
        )


def test_after_a_change_the_short_mean_grows_long_again():
    face = SingleFace()
    for k in range(100):
        face.add([0.0], k / 20)
    for k in range(100, 400):
        before, mean = face.state.copy(), face.add([30.0 if k < 399 else 33.0], k / 20)
    assert before[-1] > FAST_PHASE_SECONDS
    assert mean[0] - 30 < 3 * 0.05 / FAST_SECONDS / 4, (
        "one frame moves a long mean less than a short one"
    )

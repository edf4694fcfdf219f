"""Values that rest and let go: pure, on made-up streams."""

from __future__ import annotations

import numpy as np
import pytest

from apps.webcam.tracking.smoothing import ENOUGH, FIND_S, QUICK_S, Part, Settling

ONE = (Part(1, 1, 20.0, 1.0),)


class Alone:
    """One face's stream."""

    def __init__(self, parts=ONE):
        self.settling, self.now = Settling(parts), None
        self.state = self.settling.fresh()

    def add(self, values, now, weight=1.0, clear=1.0):
        past = 0.0 if self.now is None else now - self.now
        parts = len(self.settling._tau)
        states, means = self.settling.add(
            [self.state],
            np.array([values], float),
            np.full((1, parts), weight),
            np.array([clear]),
            np.array([past]),
        )
        self.state, self.now = states[0], now
        return means[0]


def test_at_rest_it_is_the_exponentially_weighted_mean():
    rng, alone, times = np.random.default_rng(0), Alone(), np.arange(60) / 10
    x, w = 0.3 * rng.standard_normal(60), rng.uniform(0.1, 1, 60)
    for t, value, weight in zip(times, x, w, strict=True):
        mean = alone.add([value], t, weight)
    assert mean[0] == pytest.approx(
        np.average(x, weights=w * np.exp((times - times[-1]) / 20)), rel=1e-9
    )


@pytest.mark.parametrize("rate", [4, 10, 25])
@pytest.mark.parametrize("jump", [4.0, 30.0])
def test_a_jump_is_followed_after_the_same_time_at_every_rate(rate, jump):
    alone = Alone()
    for k in range(8 * rate):
        alone.add([0.0], k / rate)
    for k in range(8 * rate, 10 * rate):
        if alone.add([jump], k / rate)[0] > 0.99 * jump:
            break
    assert 0.25 - 1e-9 <= k / rate - 8 <= 0.5


@pytest.mark.parametrize("rate", [2, 4, 10, 25])
def test_one_wild_frame_changes_nothing_and_neither_does_noise(rate):
    rng, alone = np.random.default_rng(1), Alone()
    for k in range(100 * rate):
        wild = 50.0 if k == 70 * rate else 0.0
        mean = alone.add(
            [3 * rng.standard_normal() + wild], k / rate
        )  # three times the least noise
        assert k < 4 * rate or abs(mean[0]) < 2.5 + wild / 20
    assert np.isinf(alone.state[-1]), "no alarm was ever raised"


def test_a_creeping_change_is_not_lost():
    alone, shown = Alone(), []
    for k in range(200):
        shown.append(alone.add([max(0.0, k / 10 - 8) * 2], k / 10)[0])
    assert shown[-1] > 0.8 * 24


def test_a_frame_that_is_not_clear_tells_of_no_change():
    clear, hidden = Alone(), Alone()
    for k in range(100):
        clear.add([0.0], k / 10)
        hidden.add([0.0], k / 10)
    for k in range(100, 110):
        a, b = clear.add([20.0], k / 10, 0.1, 1.0), hidden.add([20.0], k / 10, 0.1, 0.03)
    assert a[0] > 19
    assert b[0] < 2


def test_parts_change_alone_and_what_is_not_watched_goes_along():
    alone = Alone((Part(2, 2, 5.0, 0.1), Part(2, 1, 20.0, 1.0)))
    for k in range(50):
        alone.add([0.9, 0.1, 30, 60], k / 10)
    for k in range(50, 60):
        mean = alone.add([0.9, 0.1, 50, 90], k / 10)
    assert mean == pytest.approx([0.9, 0.1, 50, 90])
    for k in range(60, 90):
        alone.add([0.9, 0.1, 50, 90], k / 10)
    for k in range(90, 100):
        mean = alone.add([0.9, 0.1, 50, 20], k / 10)
    assert 60 < mean[3] < 80, "its own change alarms nobody"


def test_many_faces_at_once_are_as_each_alone():
    rng, settling = np.random.default_rng(2), Settling(ONE)
    x = rng.standard_normal((80, 3)) + np.where(np.arange(80) > 50, 20, 0)[:, None] * [0, 1, 0]
    alone, states = [Alone() for _ in range(3)], [settling.fresh() for _ in range(3)]
    for k, row in enumerate(x):
        states, means = settling.add(
            states, row[:, None], np.ones((3, 1)), np.ones(3), np.full(3, 0.125 if k else 0.0)
        )
        assert means[:, 0] == pytest.approx(
            [a.add([v], k / 8)[0] for a, v in zip(alone, row, strict=True)]
        )


def test_after_a_change_the_short_mean_grows_long_again():
    alone = Alone()
    for k in range(100):
        alone.add([0.0], k / 20)
    for k in range(100, 400):
        before, mean = alone.state.copy(), alone.add([30.0 if k < 399 else 33.0], k / 20)
    assert before[-1] > FIND_S
    assert mean[0] - 30 < 3 * 0.05 / QUICK_S / 4, (
        "one frame moves a long mean less than a short one"
    )
    assert ENOUGH > 0

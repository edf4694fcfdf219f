"""Expected positions of faces, and the assignment of detections to them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from apps.webcam.tracking.motion import INF, Motion, assign

BOX = (100.0, 100.0, 80.0, 100.0)


def at(x, y=100.0, scale=1.0):
    return (x, y, 80.0 * scale, 100.0 * scale)


def walking(speed, rate, seconds=2.0):
    """A face that walked to the right until `seconds`, detected `rate` times a second."""
    motion = Motion(BOX, 0.0)
    for k in range(1, round(seconds * rate) + 1):
        motion.predict(k / rate, was_detected=True)
        motion.correct(at(100 + speed * k / rate), 1.0)
    return motion


def test_assign_is_the_best_assignment():
    rng = np.random.default_rng(0)
    for _ in range(300):
        n, m = rng.integers(1, 7, 2)
        costs = np.where(rng.random((n, m)) < 0.4, INF, rng.uniform(-3, 20, (n, m)))
        pairs = assign(costs.tolist())
        padded = np.hstack([np.where(np.isinf(costs), 2e4, costs), np.full((n, n), 1e4)])
        best = padded[linear_sum_assignment(padded)].sum()
        assert sum(costs[i, j] for i, j in pairs) + 1e4 * (n - len(pairs)) == pytest.approx(best)
        assert len({j for _, j in pairs}) == len({i for i, _ in pairs}) == len(pairs)
    assert assign([]) == assign([[], []]) == []


@pytest.mark.parametrize("rate", [4, 10, 25])
def test_a_walking_face_is_expected_where_its_walk_leads(rate):
    motion = walking(150.0, rate)
    assert motion.vx == pytest.approx(150, rel=0.1)
    motion.predict(2.8, was_detected=False)
    assert abs(motion.x - 40 - 520) < 60, "less than a face away after 0.8 s out of sight"
    assert motion.cost(at(520)) < motion.cost(at(400)) < INF


def test_an_undetected_face_slows_down_and_its_position_becomes_less_certain():
    motion, reach = walking(100.0, 10), []
    for k in range(1, 21):
        motion.predict(2 + k / 10, was_detected=False)
        reach.append(sum(motion.cost(at(motion.x - 40 + dx)) < INF for dx in range(0, 400, 5)))
    assert motion.vx < 30
    assert reach == sorted(reach)
    assert reach[0] < reach[-1]


def test_far_away_or_much_larger_faces_are_other_faces():
    motion = walking(0.0, 10)
    motion.predict(2.1, was_detected=True)
    assert motion.cost(at(400)) == motion.cost((60.0, 50.0, 160.0, 200.0)) == INF
    assert motion.cost(at(104)) < INF


def test_a_half_hidden_face_is_a_smaller_box_inside_its_own():
    motion = walking(0.0, 10)
    motion.predict(2.1, was_detected=True)
    assert motion.cost((100.0, 110.0, 35.0, 80.0)) < INF
    assert motion.cost((185.0, 110.0, 35.0, 80.0)) == INF
    side = motion.side
    motion.correct((100.0, 110.0, 35.0, 80.0), 0.03)
    assert motion.side > 0.95 * side, "a barely visible face does not become smaller"


def test_the_face_detected_last_is_the_more_likely_one():
    visible, hidden = walking(0.0, 10), walking(0.0, 10, 1.5)
    visible.predict(2.1, was_detected=True)
    hidden.predict(2.1, was_detected=False)
    assert visible.cost(at(102)) < hidden.cost(at(102))

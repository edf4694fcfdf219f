"""Identity between frames, and values that settle without lagging."""

from __future__ import annotations

import numpy as np
import pytest

from apps.webcam.track import FORGET_S, HOLD_S, Tracker
from tests.apps.webcam.conftest import reading

LEFT, RIGHT = (50, 100, 80, 100), (400, 100, 80, 100)


def moved(box, dx):
    return (box[0] + dx, *box[1:])


@pytest.mark.parametrize("rate", [5, 12, 30])
def test_noise_settles_to_a_third(rate):
    rng, tracker, raw, shown = np.random.default_rng(0), Tracker(), [], []
    for k in range(20 * rate):
        raw.append(40 + 4 * rng.standard_normal())
        (face,) = tracker.update([reading(age=raw[-1])], k / rate)
        shown.append(face.reading.prediction.age.value)
    settled = slice(3 * rate, None)
    assert np.std(shown[settled]) <= np.std(raw[settled]) / 3
    assert abs(np.mean(shown[settled]) - 40) < 1


@pytest.mark.parametrize("rate", [5, 12, 30])
@pytest.mark.parametrize("p", [0.55, 0.75, 0.95])
def test_a_real_change_shows_within_seven_tenths_of_a_second(rate, p):
    tracker = Tracker()
    for k in range(5 * rate):
        tracker.update([reading("neutral", p, age=25)], k / rate)
    for k in range(5 * rate, 10 * rate):
        (face,) = tracker.update([reading("happiness", p, age=60)], k / rate)
        said = face.reading.prediction
        if said.emotion.top == "happiness" and said.age.value > 55:
            assert k / rate - 5 <= 0.7
            return
    pytest.fail("the change never showed")


def test_one_wrong_frame_changes_nothing():
    tracker = Tracker()
    for k in range(30):
        tracker.update([reading("neutral", 0.9)], k / 10)
    (face,) = tracker.update([reading("surprise", 0.9)], 3.0)
    assert face.reading.prediction.emotion.top == "neutral"


def test_confident_frames_count_more():
    tracker = Tracker()
    for k in range(40):
        sure = k % 2
        (face,) = tracker.update([reading(age=30 if sure else 34, width=4 if sure else 40)], k / 10)
    assert face.reading.prediction.age.value < 31


def test_probabilities_stay_probabilities_and_the_band_is_that_of_the_shown_value():
    tracker, rng = Tracker(), np.random.default_rng(1)
    for k in range(50):
        (face,) = tracker.update([reading("anger", float(rng.uniform(0.2, 1)))], k / 10)
        p = face.reading.prediction.emotion
        assert abs(p.p.sum() - 1) < 1e-9
        assert face.reading.band == ("high" if p.confidence > 0.9 else "medium" if p.confidence >= 0.7 else "low")


def test_numbers_stay_with_faces_that_move_and_swap_order():
    tracker = Tracker()
    first = {f.id: f.reading.face.box for f in tracker.update([reading(box=LEFT), reading(box=RIGHT)], 0)}
    for k in range(1, 20):
        found = [reading(box=moved(RIGHT, -5 * k)), reading(box=moved(LEFT, 5 * k))][:: (-1) ** k]
        faces = {f.id: f.reading.face.box for f in tracker.update(found, k / 10)}
    assert faces == {i: moved(b, 95 if b == LEFT else -95) for i, b in first.items()}


def test_a_missed_frame_holds_the_face_and_a_long_absence_ends_it():
    tracker = Tracker()
    tracker.update([reading()], 0)
    (held,) = tracker.update([], HOLD_S * 0.9)
    assert held.id == 1
    assert held.held
    assert tracker.update([], HOLD_S * 1.1) == []
    assert [f.id for f in tracker.update([reading()], FORGET_S * 0.9)] == [1]
    assert [f.id for f in tracker.update([reading()], FORGET_S * 2.1)] == [2]


def test_abstaining_keeps_what_was_settled_and_says_why():
    tracker = Tracker()
    for k in range(10):
        tracker.update([reading("happiness", 0.95)], k / 10)
    (face,) = tracker.update([reading("fear", 0.95, abstained="blurred: hold still")], 1.0)
    assert face.reading.abstained == "blurred: hold still"
    assert face.reading.prediction.emotion.top == "happiness"
    (face,) = Tracker().update([reading("fear", abstained="too dark")], 0)
    assert face.reading.abstained == "too dark"


def test_the_same_time_twice_and_a_clock_that_goes_back_do_no_harm():
    tracker = Tracker()
    for now in (1.0, 1.0, 0.5, 1.1):
        (face,) = tracker.update([reading()], now)
    assert face.id == 1

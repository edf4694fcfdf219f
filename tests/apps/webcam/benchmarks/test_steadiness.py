"""The shipped model on clips of known truth: steady values, kept numbers, small lag. Ratios only,
so they hold for the next model too.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from apps.webcam.benchmarks import scene
from apps.webcam.benchmarks import steadiness as steady
from apps.webcam.benchmarks.scene import Actor, Light, Pose
from apps.webcam.benchmarks.steadiness import (
    LAG_S,
    RATES,
    RATIO,
    Moment,
    follow,
    lag,
    numbers,
    overlap,
    steadiness,
    thin,
)
from core.pipeline import Pipeline


@pytest.fixture(scope="module")
def heads(pipeline: Pipeline):
    return steady.heads(pipeline)


@pytest.fixture(scope="module")
def bar(pipeline: Pipeline, heads) -> list[Moment]:
    return steady.read(pipeline, scene.behind_a_bar(heads[0], 0))


@pytest.fixture(scope="module")
def other_bar(pipeline: Pipeline, heads) -> list[Moment]:
    return steady.read(pipeline, scene.behind_a_bar(heads[1], 1, 10))


@pytest.fixture(scope="module")
def swap(pipeline: Pipeline, heads) -> list[Moment]:
    return steady.read(pipeline, scene.swapped(*heads, 0, 12.5))


def noisier(moments: list[Moment], years: float, seed: int) -> list[Moment]:
    """The same with white noise on every reading: years, and 0.1 on perceived gender."""
    rng = np.random.default_rng(seed)

    def worse(face):
        age, gender = face.prediction.age, face.prediction.gender
        by, p = (
            years * rng.standard_normal(),
            float(np.clip(gender.p[0] + 0.1 * rng.standard_normal(), 0, 1)),
        )
        said = replace(
            face.prediction,
            age=replace(age, value=age.value + by, low=age.low + by, high=age.high + by),
            gender=replace(gender, p=np.array([p, 1 - p])),
        )
        return replace(face, prediction=said)

    return [replace(m, faces=tuple(worse(f) for f in m.faces)) for m in moments]


def assert_steady(moments: list[Moment]) -> None:
    told = steadiness(follow(moments))
    assert set(told) == {"age", "emotion", "gender"}
    assert told["age"]["ratio"] is not None, "the clip disturbs the age, or it shows nothing"
    for name, found in told.items():
        most = (
            0.5 if name == "emotion" else RATIO
        )  # the target is of age; an expression passes, so it is followed faster
        assert found["ratio"] is None or found["ratio"] <= most, (name, told)
        assert found["ratio"] is not None or found["shown"] <= found["raw"] + 0.005, (name, told)


@pytest.mark.parametrize("rate", RATES)
def test_shown_values_rest_and_the_number_is_kept_behind_the_bar(bar, rate):
    seen = thin(bar, rate)
    assert len(seen) == pytest.approx(scene.BAR_S * rate, abs=1)
    assert any(not m.faces for m in seen), "the bar hides the face"
    assert_steady(seen)
    assert numbers(seen) == [[1], []]


@pytest.mark.parametrize("rate", [4.0, 10.0])
def test_another_face_rests_as_well(other_bar, rate):
    assert_steady(thin(other_bar, rate))
    assert numbers(thin(other_bar, rate)) == [[1], []]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("rate", RATES)
def test_noisier_readings_rest_too(bar, rate, seed):
    seen = noisier(thin(bar, rate), 2.0, seed)
    assert_steady(seen)


def test_the_shown_value_is_not_only_steady_but_right(bar):
    followed = follow(bar)
    raw = np.mean([f.raw.age.value for f in followed])
    last = followed[-1].shown.reading.prediction
    spread = np.std([f.raw.age.value for f in followed])
    assert abs(last.age.value - raw) < spread
    widths = [f.raw.age.high - f.raw.age.low for f in followed]
    assert np.percentile(widths, 5) <= last.age.high - last.age.low <= np.percentile(widths, 95), (
        "the interval keeps its width"
    )


@pytest.mark.parametrize("rate", [4.0, 10.0, 12.5])
def test_another_face_at_the_same_place_shows_in_time(swap, rate):
    seen = thin(swap, rate)
    found = lag([*follow(seen, 0), *follow(seen, 1)])
    assert "age" in found, "the two people differ in age"
    for name, told in found.items():
        assert told["lag_s"] is not None, (name, found)
        assert told["lag_s"] <= LAG_S, (name, found)


@pytest.mark.parametrize(
    "clip, rate", [(scene.crossing, 10.0), (scene.crossing, 5.0), (scene.beside, 6.0)]
)
def test_two_faces_keep_their_numbers(pipeline, heads, clip, rate):
    seen = steady.read(pipeline, clip(*heads, 0, rate))
    one, two, nobody = numbers(seen)
    assert (len(one), len(two), nobody) == (1, 1, [])
    assert one != two


def test_the_dark_is_not_smoothed_away(pipeline, heads):
    """Too dark: the page says so at once, and the readings in the dark do not touch the values."""
    light = Light(lambda t: 1.0 if t < 2 or t >= 3 else 0.04, 0.5)
    followed, reasons = steady.Tracker(), []
    for shot in scene.film([Actor(heads[0], lambda t: Pose(320, 240, 130))], 4.0, 8, light=light):
        for face in followed.update(pipeline(shot.pixels).faces, shot.time):
            reasons.append(
                (shot.time, face.held, face.reading.abstained, face.reading.prediction.age.value)
            )
    dark = [r for r in reasons if 2 <= r[0] < 3 and not r[1]]
    assert all(r[2] for r in dark)
    ages = {r[3] for r in reasons if 2 <= r[0] < 3}
    assert len(ages) <= 1, "what was settled in the light stays behind the reason"
    assert all(r[2] is None for r in reasons if r[0] < 2 or r[0] >= 3.3)


def test_the_scene_is_what_it_says(heads):
    shots = list(scene.behind_a_bar(heads[0], 0, 2))
    again = list(scene.behind_a_bar(heads[0], 0, 2))
    assert all((a.pixels == b.pixels).all() for a, b in zip(shots, again, strict=True))
    assert (shots[0].pixels != next(scene.behind_a_bar(heads[0], 1, 2)).pixels).any()
    assert shots[0].pixels.shape == (480, 640, 3)
    widths = [s.boxes[0][2] for s in scene.behind_a_bar(heads[0], 0, 5)]
    assert max(widths) > 1.5 * min(widths)
    assert [s.boxes[0] is None for s in scene.swapped(*heads, 0, 1)] == [
        k >= scene.CHANGE_S for k in range(9)
    ]


def test_the_true_boxes_are_where_the_detector_finds_the_faces(bar):
    found = [
        max((overlap(f.face.box, m.boxes[0]) for f in m.faces), default=0.0)
        for m in bar
        if m.time < 5
    ]
    assert np.median(found) > 0.8


def test_thin_and_lag_on_paper(bar):
    assert [m.time for m in thin(bar, 5)[:3]] == [0.0, 0.2, 0.4]
    followed = follow(thin(bar, 10))
    assert lag(followed, 4.0) == {} or all(v["change"] < 10 for v in lag(followed, 4.0).values()), (
        "nobody was swapped here"
    )


def test_the_trackers_time(bar):
    took = steady.tracker_ms([f for m in bar for f in m.faces if f.abstained is None])
    assert took <= 2 * steady.TRACKER_MS, (
        f"{took:.3f} ms for five faces; about 0.19 ms on a busy machine"
    )


def test_the_command(monkeypatch, capsys, bar, swap, pipeline):
    clips = iter([bar, bar, swap, thin(bar, 4), thin(bar, 4)])
    monkeypatch.setattr(steady, "read", lambda *_: next(clips))
    monkeypatch.setattr(steady, "Pipeline", lambda _: pipeline)
    assert steady.main(["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["rates"]) == {"4", "10", "25"}
    assert len(told["met"]) == 4
    monkeypatch.setattr(steady, "measure", lambda *_: told | {"met": {"a target": False}})
    assert steady.main(["--gate"]) == 3
    shown = capsys.readouterr().out
    assert "MISSED  a target" in shown
    assert "numbers at 4 frames/s" in shown
    assert steady.main([]) == 0
    monkeypatch.setattr(
        steady, "measure", lambda *_: told | {"met": {"a target": None, "another": True}}
    )
    capsys.readouterr()
    assert steady.main(["--gate"]) == 3 and "not measured  a target" in capsys.readouterr().out


def test_a_model_that_is_not_there(capsys, tmp_path):
    assert steady.main(["--model", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith("error: Expected")

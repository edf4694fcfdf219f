"""The shipped model on synthetic clips: steady values, kept numbers, small lag.

Only ratios are tested, so they hold for the next model too.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from apps.webcam.benchmarks import scene, steadiness
from apps.webcam.benchmarks.playback import (
    ClipFrame,
    face_numbers,
    play,
    subsample,
    track_actor,
)
from apps.webcam.benchmarks.scene import Actor, FacePlacement, Light
from apps.webcam.benchmarks.stability import change_lags, deviations, tracker_ms
from apps.webcam.benchmarks.steadiness import MAX_LAG_SECONDS, MAX_RATIO, MAX_TRACKER_MS, RATES
from apps.webcam.tracking.tracker import Tracker
from core.faces import LIVE_SIDE
from core.pipeline import Pipeline
from core.types import overlap


@pytest.fixture(scope="module")
def heads(pipeline: Pipeline):
    return steadiness.cut_heads(pipeline)


@pytest.fixture(scope="module")
def post_clip(pipeline: Pipeline, heads) -> list[ClipFrame]:
    return play(pipeline, scene.behind_a_post(heads[0], 0))


@pytest.fixture(scope="module")
def other_post_clip(pipeline: Pipeline, heads) -> list[ClipFrame]:
    return play(pipeline, scene.behind_a_post(heads[1], 1, 10))


@pytest.fixture(scope="module")
def swap_clip(pipeline: Pipeline, heads) -> list[ClipFrame]:
    return play(pipeline, scene.swapped(*heads, 0, 12.5))


def with_noise(frames: list[ClipFrame], years: float, seed: int) -> list[ClipFrame]:
    """The same with white noise on every prediction: years, and 0.1 on perceived gender."""
    rng = np.random.default_rng(seed)

    def noisy(face):
        age, gender = face.prediction.age, face.prediction.gender
        shift, p = (
            years * rng.standard_normal(),
            float(np.clip(gender.p[0] + 0.1 * rng.standard_normal(), 0, 1)),
        )
        prediction = replace(
            face.prediction,
            age=replace(age, value=age.value + shift, low=age.low + shift, high=age.high + shift),
            gender=replace(gender, p=np.array([p, 1 - p])),
        )
        return replace(face, prediction=prediction)

    return [replace(m, faces=tuple(noisy(f) for f in m.faces)) for m in frames]


def assert_steady(frames: list[ClipFrame]) -> None:
    by_task = deviations(track_actor(frames))
    assert set(by_task) == {"age", "emotion", "gender"}
    assert by_task["age"].ratio is not None, "the clip disturbs the age, or it tests nothing"
    for task, deviation in by_task.items():
        # The target is that of age; an expression passes, so it is followed faster.
        max_ratio = 0.5 if task == "emotion" else MAX_RATIO
        if deviation.ratio is None:
            assert deviation.shown <= deviation.raw + 0.005, (task, by_task)
        else:
            assert deviation.ratio <= max_ratio, (task, by_task)


@pytest.mark.parametrize("rate", RATES)
def test_shown_values_are_steady_and_the_number_is_kept_behind_the_post(post_clip, rate):
    frames = subsample(post_clip, rate)
    assert len(frames) == pytest.approx(scene.POST_CLIP_SECONDS * rate, abs=1)
    assert any(not f.faces for f in frames), "the post hides the face"
    assert_steady(frames)
    assert face_numbers(frames) == [[1], []]


@pytest.mark.parametrize("rate", [4.0, 10.0])
def test_another_face_is_steady_as_well(other_post_clip, rate):
    frames = subsample(other_post_clip, rate)
    assert_steady(frames)
    assert face_numbers(frames) == [[1], []]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("rate", RATES)
def test_noisier_predictions_are_steady_too(post_clip, rate, seed):
    assert_steady(with_noise(subsample(post_clip, rate), 2.0, seed))


def test_the_shown_value_is_not_only_steady_but_correct(post_clip):
    frames = track_actor(post_clip)
    raw = np.mean([f.raw.age.value for f in frames])
    last = frames[-1].tracked.reading.prediction
    spread = np.std([f.raw.age.value for f in frames])
    assert abs(last.age.value - raw) < spread
    widths = [f.raw.age.high - f.raw.age.low for f in frames]
    assert np.percentile(widths, 5) <= last.age.high - last.age.low <= np.percentile(widths, 95), (
        "the interval keeps its width"
    )


@pytest.mark.parametrize("rate", [4.0, 10.0, 12.5])
def test_another_face_at_the_same_place_shows_in_time(swap_clip, rate):
    frames = subsample(swap_clip, rate)
    lags = change_lags([*track_actor(frames, 0), *track_actor(frames, 1)])
    assert "age" in lags, "the two people differ in age"
    for task, lag in lags.items():
        assert lag.lag_s is not None, (task, lags)
        assert lag.lag_s <= MAX_LAG_SECONDS, (task, lags)


@pytest.mark.parametrize(
    "clip, rate", [(scene.crossing, 10.0), (scene.crossing, 5.0), (scene.side_by_side, 6.0)]
)
def test_two_faces_keep_their_numbers(pipeline, heads, clip, rate):
    one, two, others = face_numbers(play(pipeline, clip(*heads, 0, rate)))
    assert (len(one), len(two), others) == (1, 1, [])
    assert one != two


def test_the_dark_is_not_smoothed_away(pipeline, heads):
    """Too dark: the page says so at once, and predictions in the dark do not change the values."""
    light = Light(lambda t: 1.0 if t < 2 or t >= 3 else 0.04, 0.5)
    tracker, rows = Tracker(), []
    for shot in scene.render(
        [Actor(heads[0], lambda t: FacePlacement(320, 240, 130))], 4.0, 8, light=light
    ):
        for face in tracker.update(pipeline(shot.pixels, LIVE_SIDE, turned=False).faces, shot.time):
            rows.append(
                (shot.time, face.held, face.reading.abstained, face.reading.prediction.age.value)
            )
    dark = [r for r in rows if 2 <= r[0] < 3 and not r[1]]
    assert all(r[2] for r in dark)
    ages = {r[3] for r in rows if 2 <= r[0] < 3}
    assert len(ages) <= 1, "the values smoothed in the light are kept"
    assert all(r[2] is None for r in rows if r[0] < 2 or r[0] >= 3.3)


def test_the_clips_are_reproducible_and_as_described(heads):
    frames = list(scene.behind_a_post(heads[0], 0, 2))
    repeated = list(scene.behind_a_post(heads[0], 0, 2))
    assert all((a.pixels == b.pixels).all() for a, b in zip(frames, repeated, strict=True))
    assert (frames[0].pixels != next(scene.behind_a_post(heads[0], 1, 2)).pixels).any()
    assert frames[0].pixels.shape == (480, 640, 3)
    widths = [s.boxes[0][2] for s in scene.behind_a_post(heads[0], 0, 5)]
    assert max(widths) > 1.5 * min(widths)
    assert [s.boxes[0] is None for s in scene.swapped(*heads, 0, 1)] == [
        k >= scene.SWAP_AT_SECONDS for k in range(9)
    ]


def test_the_true_boxes_are_where_the_detector_finds_the_faces(post_clip):
    overlaps = [
        max((overlap(f.face.box, m.boxes[0]) for f in m.faces), default=0.0)
        for m in post_clip
        if m.time < 5
    ]
    assert np.median(overlaps) > 0.8


def test_subsampling_and_lag_without_a_change(post_clip):
    assert [f.time for f in subsample(post_clip, 5)[:3]] == [0.0, 0.2, 0.4]
    lags = change_lags(track_actor(subsample(post_clip, 10)), 4.0)
    assert all(lag.change < 10 for lag in lags.values()), "it is the same person throughout"


def test_the_trackers_time(post_clip):
    ms = tracker_ms([f for m in post_clip for f in m.faces if f.abstained is None])
    assert ms <= 2 * MAX_TRACKER_MS, f"{ms:.3f} ms for five faces; about 0.19 ms on a busy machine"


def test_the_command(monkeypatch, capsys, post_clip, swap_clip, pipeline):
    short = subsample(post_clip, 4)
    clips = iter([post_clip, post_clip, swap_clip, short, short])
    monkeypatch.setattr(steadiness, "play", lambda *_: next(clips))
    monkeypatch.setattr(steadiness, "Pipeline", lambda *_, **options: pipeline)
    reports = []
    measure = steadiness.measure
    monkeypatch.setattr(
        steadiness, "measure", lambda args: reports.append(measure(args)) or reports[0]
    )
    assert steadiness.main(["--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(printed["rates"]) == {"4", "10", "25"}
    assert set(printed["rates"]["4"]) == {"steady", "steady_from_start", "lag", "numbers"}
    assert set(printed["rates"]["4"]["steady"]["bar"]["age"]) == {"raw", "shown", "ratio"}
    assert len(printed["met"]) == 4
    slow = replace(reports[0], tracker_ms_five_faces=1000.0)
    monkeypatch.setattr(steadiness, "measure", lambda *_: slow)
    assert steadiness.main(["--gate"]) == 3
    output = capsys.readouterr().out
    assert "MISSED  the tracker takes" in output
    assert "numbers at 4 frames/s" in output
    assert steadiness.main([]) == 0
    empty = replace(reports[0], rates={}, tracker_ms_five_faces=0.0)
    monkeypatch.setattr(steadiness, "measure", lambda *_: empty)
    capsys.readouterr()
    assert steadiness.main(["--gate"]) == 3
    assert "not measured  shown deviation" in capsys.readouterr().out


def test_a_missing_model(capsys, tmp_path):
    assert steadiness.main(["--model", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith("error: Expected")

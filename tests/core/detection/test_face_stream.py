"""When the faces of a stream are checked: properties on made-up streams, and a real face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.detection.face_stream import CLEAR_SCORE, RECHECK_SECONDS, FaceStream, StreamCheck
from core.detection.upright import UprightFace
from core.faces import LIVE_SIDE, best_detector
from core.pipeline import Pipeline
from core.types import Box, Face

PICTURE = np.zeros((480, 640, 3), np.uint8)
YUNET = best_detector()[0]


@dataclass
class ScriptedCheck:
    """Gives the scores that a test sets for the faces of this frame, by their boxes."""

    scores: dict[Box, float] = field(default_factory=dict)
    checked: list[Box] = field(default_factory=list)

    def __call__(self, picture: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
        self.checked += [face.box for face in faces]
        return np.array([self.scores[face.box] for face in faces])


def upright(box: Box, score: float = 0.93) -> UprightFace:
    face = Face(box, score)
    return UprightFace(face, PICTURE, face)


STEPS = st.tuples(
    st.floats(0.0, 0.7),  # seconds since the frame before
    st.lists(  # three places: no face there, or its shift in pixels and its true score
        st.none() | st.tuples(st.floats(-40, 40), st.floats(0, 1) | st.just(0.99)),
        min_size=3,
        max_size=3,
    ),
)


@given(st.lists(STEPS, max_size=30))
def test_a_score_is_that_of_the_same_place_a_moment_ago_and_clear_or_it_is_new(
    steps: list[tuple[float, list[tuple[float, float] | None]]],
) -> None:
    check, stream, now = ScriptedCheck(), StreamCheck(), 0.0
    true_scores: dict[int, list[tuple[float, float]]] = {0: [], 1: [], 2: []}  # by place
    for elapsed, places in steps:
        now += elapsed
        faces = {
            k: upright((200.0 * k + place[0], 100.0, 80.0, 100.0))
            for k, place in enumerate(places)
            if place is not None
        }
        true = {k: place[1] for k, place in enumerate(places) if place is not None}
        check.scores = {face.face.box: true[k] for k, face in faces.items()}
        scores = stream.scores(check, PICTURE, list(faces.values()), now)
        for k, score in zip(faces, scores, strict=True):
            recent = [
                s for t, s in true_scores[k] if now - t < RECHECK_SECONDS and s >= CLEAR_SCORE
            ]
            assert score == true[k] or score in recent
            true_scores[k].append((now, true[k]))


@given(
    st.floats(0.01, 0.6),
    st.floats(0, CLEAR_SCORE, exclude_max=True),
    st.integers(1, 40),
)
def test_what_takes_the_place_of_a_face_is_noticed_in_time(
    frame_seconds: float, score: float, frames_before: int
) -> None:
    check, stream, face = ScriptedCheck(), StreamCheck(), upright((100, 100, 80, 100))
    check.scores = {face.face.box: 0.99}
    for i in range(frames_before):
        stream.scores(check, PICTURE, [face], i * frame_seconds)
    check.scores = {face.face.box: score}
    start = (frames_before - 1) * frame_seconds
    for i in range(1, 60):
        (shown,) = stream.scores(check, PICTURE, [face], start + i * frame_seconds)
        if i * frame_seconds > RECHECK_SECONDS:
            assert shown == score


@pytest.mark.parametrize(
    "changed",
    [
        upright((300, 100, 80, 100)),  # elsewhere
        upright((125, 100, 80, 100)),  # moved
        upright((100, 100, 60, 75)),  # smaller
        upright((100, 100, 80, 100), 0.8),  # less sure
    ],
)
def test_a_new_or_changed_face_is_checked_at_once(changed: UprightFace) -> None:
    check, stream, face = ScriptedCheck(), StreamCheck(), upright((100, 100, 80, 100))
    check.scores = {face.face.box: 0.99}
    stream.scores(check, PICTURE, [face], 0.0)
    check.scores = {changed.face.box: 0.1}
    assert stream.scores(check, PICTURE, [changed], 0.01).tolist() == [0.1]


def test_a_steady_face_is_checked_in_every_seventh_frame_at_the_most() -> None:
    check, stream, face = ScriptedCheck(), StreamCheck(), upright((100, 100, 80, 100))
    check.scores = {face.face.box: 0.99}
    for i in range(140):  # ten seconds
        stream.scores(check, PICTURE, [face], i / 14)
    assert len(check.checked) <= 20


def test_a_real_face_that_turns_over_under_a_steady_box_is_refused_in_time(
    portrait: np.ndarray,
) -> None:
    scene = np.ascontiguousarray(portrait[:480, :512])
    (face,) = YUNET(scene, LIVE_SIDE)
    x, y, w, h = (round(v) for v in face.box)
    turned = scene.copy()
    turned[y : y + h, x : x + w] = turned[y : y + h, x : x + w][::-1]

    class SteadyDetector:
        """One that goes on to find the face."""

        name, has_landmarks = "steady", True

        def __call__(self, image: np.ndarray, long_side: int = LIVE_SIDE) -> list[Face]:
            return [face]

    pipeline = Pipeline("assets/models/mien", SteadyDetector())
    read: Callable[[np.ndarray, float], str | None] = lambda frame, now: (
        pipeline.read_frame(frame, stream, now).faces[0].abstained
    )
    stream = FaceStream()
    assert read(scene, 0.0) is None
    assert read(scene, 0.1) is None
    refused_at = next(t for t in np.arange(0.15, 1.05, 0.05) if read(turned, float(t)))
    assert refused_at <= RECHECK_SECONDS + 0.05
    assert read(scene, 1.1) is None, "a face that comes back is shown at once"

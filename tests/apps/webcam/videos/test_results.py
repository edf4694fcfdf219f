"""Captions and JSON of a video hold what was measured at each moment, and nothing else."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from apps.webcam.tracking.tracker import TrackedFace, TrackedFrame
from apps.webcam.videos import results
from tests.apps.webcam.conftest import reading

STATES = st.lists(st.sampled_from(["happiness", "sadness", "held", "missing"]), max_size=30)
TIME = re.compile(r"(\d\d):(\d\d):(\d\d\.\d{3}) --> (\d\d):(\d\d):(\d\d\.\d{3})")


def frames_of(states: list[str]) -> list[TrackedFrame]:
    """One face, ten frames a second."""
    return [
        TrackedFrame(
            i / 10,
            ()
            if state == "missing"
            else (TrackedFace(1, reading(state.replace("held", "fear")), held=state == "held"),),
            None,
        )
        for i, state in enumerate(states)
    ]


@given(STATES)
def test_captions_say_at_each_moment_what_was_measured_then(states: list[str]):
    vtt = results.to_vtt(frames_of(states))
    assert vtt.startswith("WEBVTT\n")
    text_at: dict[int, str] = {}
    cues = [cue.split("\n", 1) for cue in vtt.split("\n\n")[1:] if cue]
    for timing, text in cues:
        a, b, c, d, e, f = TIME.fullmatch(timing).groups()
        start, end = (3600 * int(h) + 60 * int(m) + float(s) for h, m, s in ((a, b, c), (d, e, f)))
        assert start < end
        for i in range(round(10 * start), round(10 * end)):
            assert i not in text_at, "cues do not overlap"
            text_at[i] = text
    for i, state in enumerate(states):
        if state in ("held", "missing"):
            assert i not in text_at, "nothing was measured"
        else:
            assert state in text_at[i]
    changes = sum(a != b for a, b in zip(states, ["", *states], strict=False))
    assert len(cues) <= changes, "no cue for each frame"


def test_text_of_a_model_cannot_end_a_caption():
    evil = reading(abstained="a --> b\n\n00:00:00.000 --> 00:00:09.000\n<b>&")
    vtt = results.to_vtt([TrackedFrame(0.0, (TrackedFace(1, evil),), None)])
    assert vtt.count("-->") == 1 and "<b>" not in vtt and "\n\n00" not in vtt[20:]


def test_json_has_every_frame_and_only_what_was_measured():
    frames = frames_of(["happiness", "held", "missing"])
    assert [len(results.frame_to_json(f)["faces"]) for f in frames] == [1, 0, 0]
    (face,) = results.frame_to_json(frames[0])["faces"]
    assert face["face"] == 1 and face["age"]["unclear"] is False

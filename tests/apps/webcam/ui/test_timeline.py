"""The plot of a video breaks where nothing was measured."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.webcam.tracking.tracker import TrackedFace, TrackedFrame
from apps.webcam.ui import timeline
from tests.apps.webcam.conftest import reading

STATES = st.lists(st.sampled_from(["measured", "abstained", "missing"]), min_size=1, max_size=30)


def frames_of(states: list[str]) -> list[TrackedFrame]:
    """One face, ten frames a second."""
    face = {
        "measured": (TrackedFace(1, reading(age=30, width=10)),),
        "abstained": (TrackedFace(1, reading(abstained="too dark")),),
        "missing": (),
    }
    return [TrackedFrame(i / 10, face[state], 1.0) for i, state in enumerate(states)]


@settings(deadline=None)  # plotly's first figure takes longer
@given(states=STATES)
def test_lines_and_areas_break_where_nothing_was_measured(states: list[str]):
    figure = timeline.plot(frames_of(states))
    measured = [i / 10 for i, state in enumerate(states) if state == "measured"]
    if not measured:
        assert figure is None
        return
    *emotions, interval, value = figure.data
    for trace in (*emotions, value):
        assert [x for x, y in zip(trace.x, trace.y, strict=True) if y is not None] == measured
        assert not trace.connectgaps
        first = states.index("measured")
        assert [y is not None for y in trace.y] == [s == "measured" for s in states[first:]]
    stretches = "".join("m" if state == "measured" else " " for state in states).split()
    assert list(interval.x).count(None) == len(stretches), "one closed outline for each stretch"
    assert sorted(x for x in interval.x if x is not None) == sorted(measured * 2)
    assert {y for y in interval.y if y is not None} == {25, 35}

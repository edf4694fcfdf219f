"""The table and the plot of a video, which breaks where nothing was measured."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.webcam.tracking.tracker import TrackedFace, TrackedFrame
from apps.webcam.ui import timeline
from core.labels import FERPLUS8, GENDER2
from tests.apps.webcam.conftest import reading

STATES = st.lists(
    st.sampled_from(["measured", "abstained", "missing", "held"]), min_size=1, max_size=30
)


def frames_of(states: list[str]) -> list[TrackedFrame]:
    """One face, ten frames a second."""
    face = {
        "measured": (TrackedFace(1, reading(age=30, width=10)),),
        "abstained": (TrackedFace(1, reading(abstained="too dark")),),
        "missing": (),
        "held": (TrackedFace(1, reading(age=30, width=10), held=True),),
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


def tracked_frames() -> list[TrackedFrame]:
    return [
        TrackedFrame(0.0, (TrackedFace(1, reading("happiness", 0.9)),), 0.0),
        TrackedFrame(
            0.1,
            (
                TrackedFace(1, reading("happiness", 0.9)),
                TrackedFace(2, reading(abstained="too small: 9 px")),
            ),
            0.5,
        ),
        TrackedFrame(
            0.2,
            (TrackedFace(1, reading("sadness", 0.6)), TrackedFace(2, reading("fear", 0.5))),
            1.0,
        ),
    ]


def test_csv():
    rows = list(
        csv.DictReader(
            io.StringIO(timeline.to_csv(tracked_frames(), FERPLUS8.labels, GENDER2.labels))
        )
    )
    assert [(r["time_s"], r["face"]) for r in rows] == [
        ("0.000", "1"),
        ("0.100", "1"),
        ("0.100", "2"),
        ("0.200", "1"),
        ("0.200", "2"),
    ]
    assert rows[0]["emotion"] == "happiness"
    assert sum(float(rows[0][f"emotion_p_{label}"]) for label in FERPLUS8.labels) == pytest.approx(
        1, abs=1e-3
    )
    assert rows[2]["abstained"] == "too small: 9 px"
    assert rows[2]["age"] == rows[2]["emotion"] == rows[2]["band"] == ""
    assert rows[3]["band"] == "low"
    assert [r["uncertain"] for r in rows] == ["", "", "", "emotion", "emotion"]
    assert all(None not in r.values() and None not in r for r in rows)


def test_plot_has_eight_emotions_and_an_age_band_for_every_face():
    figure = timeline.plot(tracked_frames())
    assert len(figure.data) == 2 * (8 + 2)
    assert [t.visible for t in figure.data] == [True] * 10 + [False] * 10
    assert [b.label for b in figure.layout.updatemenus[0].buttons] == ["Face 1", "Face 2"]
    assert timeline.plot([TrackedFrame(0.0, (), 1.0)]) is None
    assert (
        timeline.plot([TrackedFrame(0.0, (TrackedFace(1, reading(abstained="too dark")),), 1.0)])
        is None
    )

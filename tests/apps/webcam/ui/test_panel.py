"""The cards beside the picture."""

from __future__ import annotations

from dataclasses import replace

from apps.webcam.tracking.tracker import TrackedFace
from apps.webcam.ui import panel
from core.labels import FERPLUS8
from core.types import Prediction
from tests.apps.webcam.conftest import reading


def test_a_card_names_all_eight_emotions_perceived_gender_and_the_age_interval():
    html = panel.faces(
        [TrackedFace(3, reading("happiness", 0.95, age=30, width=8, female=0.97))], "nobody"
    )
    for label in FERPLUS8.labels:
        assert f"<span>{label}</span>" in html
    assert "data-face='3'" in html
    assert "Perceived gender" in html
    assert "26–34 years" in html
    assert "mien-high" in html


def test_low_is_uncertain_and_abstention_gives_the_reason():
    assert "uncertain, perhaps fear" in panel.faces([TrackedFace(1, reading("fear", 0.5))], "")
    small = reading(abstained="too small: 12 px")
    before = panel.faces([TrackedFace(1, small)], "")
    assert (
        before.index("No prediction: too small: 12 px")
        < before.index("As predicted before:")
        < before.index("mien-group")
    )
    never = panel.faces([TrackedFace(1, replace(small, prediction=Prediction()))], "")
    assert (
        "No prediction: too small: 12 px" in never
        and "mien-group" not in never
        and "before" not in never
    )


def test_each_head_is_uncertain_by_its_own_threshold():
    limits = {"emotion": 0.6, "gender": 0.9, "age": 20.0}
    html = panel.faces(
        [TrackedFace(1, reading("fear", 0.65, female=0.85, age=40, width=24, limits=limits))], ""
    )
    emotion, gender, age = html.split("mien-group")[1:]
    assert (
        "fear 65 %" in html.split("mien-group")[0]
        and "uncertain" not in html.split("mien-group")[0]
        and "mien-bar top" in emotion
    )
    assert "<em>uncertain</em>" in gender and "mien-bar top" not in gender, (
        "no bar stands out for an uncertain prediction"
    )
    assert "<em>uncertain</em>" in age and "28–52 years" in age
    sure = panel.faces(
        [TrackedFace(1, reading("fear", 0.65, female=0.95, age=40, width=18, limits=limits))], ""
    )
    assert "uncertain" not in sure and sure.count("mien-bar top") == 2


def test_nobody_and_a_crowd():
    assert "Nobody here" in panel.faces([], "Nobody here")
    crowd = [TrackedFace(i, reading(box=(0, 0, 10 + i, 10 + i))) for i in range(1, 51)]
    html = panel.faces(crowd, "")
    assert html.count("<section") == panel.MAX_CARDS
    assert "and 44 more" in html
    assert "data-face='50'" in html, "the nearest faces are shown"


def test_text_is_escaped():
    evil = "<script>alert(1)</script>"
    assert evil not in panel.problem(evil) + panel.note(evil) + panel.progress(
        evil, 0.5
    ) + panel.steps([evil])


def test_readout_has_every_step():
    html = panel.readout({"detect": 4.2, "net": 1.0}, 12.3)
    assert "detect" in html
    assert "4.2 ms" in html
    assert "12.3" in html
    assert "frames/s" not in panel.readout({"detect": 4.2}, None)

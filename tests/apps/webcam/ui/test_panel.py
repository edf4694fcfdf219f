"""The cards beside the picture: predictions, uncertainty, abstention, many faces, escaped text."""

from __future__ import annotations

from apps.webcam.tracking.tracker import TrackedFace
from apps.webcam.ui import labels, panel, timeline
from core.labels import FERPLUS8, GENDER2
from tests.apps.webcam.conftest import reading

SIZE = (640, 480)


def test_a_card_names_all_eight_emotions_perceived_gender_and_the_age_interval():
    html = panel.faces(
        [TrackedFace(3, reading("happiness", 0.925, age=30, width=8, female=0.97))], "nobody", SIZE
    )
    for label in FERPLUS8.labels:
        assert f"<span>{label}</span>" in html
    assert "data-face='3'" in html
    assert "Perceived gender" in html
    assert "26–34 years" in html
    assert "mien-high" in html


def test_low_is_uncertain_and_abstention_gives_the_reason():
    assert "uncertain, perhaps fear" in panel.faces(
        [TrackedFace(1, reading("fear", 0.5))], "", SIZE
    )
    html = panel.faces([TrackedFace(1, reading(abstained="too small: 12 px"))], "", SIZE)
    assert "No prediction: too small: 12 px" in html
    assert "mien-group" not in html, "a card that says no prediction shows none"


def test_each_head_is_uncertain_by_its_own_threshold():
    limits = {"emotion": 0.6, "gender": 0.9, "age": 20.0}
    html = panel.faces(
        [TrackedFace(1, reading("fear", 0.65, female=0.85, age=40, width=24, limits=limits))],
        "",
        SIZE,
    )
    html = html.partition("<section")[2]
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
        [TrackedFace(1, reading("fear", 0.65, female=0.95, age=40, width=18, limits=limits))],
        "",
        SIZE,
    )
    assert "uncertain" not in sure and sure.count("mien-bar top") == 2


def test_a_card_says_no_numbers_of_an_unclear_age():
    html = panel.faces([TrackedFace(1, reading(age=50, width=70))], "", SIZE)
    age = html.partition("<section")[2].split("mien-group")[-1]
    assert "Age <b>unclear</b>" in age and "mien-span" in age
    assert "15–85" not in html and "about 50" not in html


def test_nobody_and_a_crowd():
    assert "Nobody here" in panel.faces([], "Nobody here", SIZE)
    crowd = [TrackedFace(i, reading(box=(0, 0, 10 + i, 10 + i))) for i in range(1, 51)]
    html = panel.faces(crowd, "", SIZE)
    assert html.count("<section") == panel.MAX_CARDS
    assert "and 44 more" in html
    assert "data-face='50'" in html, "the nearest faces are shown"


def test_text_is_escaped():
    evil = "<script>alert(1)</script>"
    assert evil not in panel.problem(evil) + panel.note(evil) + panel.progress(evil, 0.5)


def test_readout_has_every_step():
    html = panel.readout({"detect": 4.2, "net": 1.0}, 12.3)
    assert "detect" in html
    assert "4.2 ms" in html
    assert "12.3" in html
    assert "frames/s" not in panel.readout({"detect": 4.2}, None)


def test_labels_of_under_one_percent_have_no_bar_but_are_named():
    html = panel.faces([TrackedFace(1, reading("happiness", 0.96, female=0.995))], "", SIZE)
    rare = [label for label in FERPLUS8.labels if label != "happiness"]
    assert f"under 1 %: {', '.join(rare)}" in html
    assert html.count("mien-bar") == 2, "happiness and female"
    even = panel.faces([TrackedFace(1, reading("happiness", 0.5))], "", SIZE)
    assert even.count("mien-bar") == len(FERPLUS8) + 2 and "under 1 %" not in even


def test_a_card_knows_where_its_face_is_shown():
    face = TrackedFace(1, reading(box=(64, 48, 320, 240)))
    assert "data-box='0.100 0.100 0.500 0.500'" in panel.faces([face], "", SIZE)
    assert "data-box='0.400 0.100 0.500 0.500'" in panel.faces([face], "", SIZE, mirrored=True)


def test_more_than_two_faces_have_short_cards_and_one_sentence_each():
    crowd = [TrackedFace(i, reading()) for i in (1, 2, 3)]
    assert "mien-many" in panel.faces(crowd, "", SIZE)
    assert "mien-many" not in panel.faces(crowd[:2], "", SIZE)
    for i in (1, 2, 3):
        assert labels.sentence(i, reading()) in panel.faces(crowd, "", SIZE)


def test_perceived_gender_that_is_not_given_has_its_reason_and_no_numbers():
    child = TrackedFace(1, reading(age=2, width=2, female=0.97, gender_from_age=4.0))
    html = panel.faces([child], "", SIZE)
    [gender] = [g for g in html.split("mien-group") if "Perceived gender" in g]
    assert "<b>not given</b>" in gender and "look under 4" in gender
    assert "mien-bar" not in gender and "female" not in html.partition("data-summary")[2]
    assert "perceived gender not given" in labels.sentence(1, child.reading)
    assert labels.lines(child.reading.prediction)[1] == "perceived gender: not given"
    row = timeline.cells(child.reading, FERPLUS8.labels, GENDER2.labels)
    cells = dict(zip(timeline.columns(FERPLUS8.labels, GENDER2.labels), row, strict=True))
    assert cells["perceived_gender_p_female"] == "" and cells["age"] == "2.0"
    assert "gender" in cells["uncertain"]

"""Predictions of a video over time, as a table and as a plot."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from itertools import groupby

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from apps.webcam.tracking.tracker import TrackedFrame
from apps.webcam.ui import labels
from core.face_quality import uncertain
from core.files import csv_cell
from core.pipeline import FaceReading
from core.types import Age, Distribution, Prediction

MAX_PLOTTED_FACES = 6
"""Faces to choose from in the plot, those in most frames; the CSV has all."""
AGE_COLUMNS = ("age", "age_low", "age_high", "age_unclear")
COLOURS = ("#8a8f98", "#e69f00", "#56b4e9", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8a800")
"""Okabe and Ito's palette (2008), safe for colour-blind people, in the order of the labels."""
AGE_COLOUR, AGE_INTERVAL_COLOUR = "#6366f1", "rgba(99,102,241,0.25)"

TimedPrediction = tuple[float, Prediction | None]
"""Seconds from the start of the video; the prediction, or None where nothing was measured."""


def to_csv(frames: Sequence[TrackedFrame], emotions: Sequence[str], genders: Sequence[str]) -> str:
    """Return a CSV table with one row per frame and face.

    The cells of a prediction are empty where the model abstained. The column `uncertain` names the
    tasks below the model's thresholds, as in 'emotion gender'.

    Args:
        frames: All frames of the video.
        emotions: The model's labels of emotion, empty if it has no such head.
        genders: The model's labels of perceived gender, likewise.
    """
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(["time_s", "face", *columns(emotions, genders)])
    for frame in frames:
        for face in frame.measured:
            row = cells(face.reading, emotions, genders)
            writer.writerow([f"{frame.time:.3f}", face.id, *row])
    return out.getvalue()


def columns(emotions: Sequence[str], genders: Sequence[str]) -> list[str]:
    """Return the names of what `cells` returns."""
    return [
        csv_cell(name)
        for name in [
            *("x", "y", "width", "height", "emotion"),
            *(f"emotion_p_{label}" for label in emotions),
            *(f"perceived_gender_p_{label}" for label in genders),
            *AGE_COLUMNS,
            *("band", "uncertain", "abstained"),
        ]
    ]


def cells(reading: FaceReading, emotions: Sequence[str], genders: Sequence[str]) -> list[str]:
    """Return one face as text; a prediction's cells are empty where the model abstained."""
    prediction = reading.prediction
    box = [f"{v:.1f}" for v in reading.face.box]
    if reading.abstained:
        empty = len(emotions) + len(genders) + len(AGE_COLUMNS) + 3  # emotion, band, uncertain
        return [*box, *[""] * empty, csv_cell(reading.abstained)]
    probabilities: list[str] = []
    for names, head in ((emotions, prediction.emotion), (genders, prediction.given_gender)):
        p = head.as_dict() if head else {}
        probabilities += [f"{p[name]:.4f}" if name in p else "" for name in names]
    uncertain_tasks = [task for task, is_low in uncertain(prediction).items() if is_low]
    return [
        *box,
        csv_cell(prediction.emotion.top) if prediction.emotion else "",
        *probabilities,
        *_age_cells(prediction.age),
        csv_cell(reading.band),
        " ".join(uncertain_tasks),
        "",
    ]


def _age_cells(age: Age | None) -> list[str]:
    if age is None:
        return [""] * len(AGE_COLUMNS)
    return [*(f"{v:.1f}" for v in (age.value, age.low, age.high)), str(age.unclear).lower()]


def plot(frames: Sequence[TrackedFrame]) -> go.Figure | None:
    """Return a plot of emotion probabilities over time with the age interval below.

    It shows one face at a time, with a menu of faces. None if the model abstained on all of them.
    """
    predictions_of_face = _predictions_by_face(frames)
    if not predictions_of_face:
        return None
    figure = make_subplots(
        2,
        1,
        shared_xaxes=True,
        row_heights=[0.68, 0.32],
        vertical_spacing=0.07,
        subplot_titles=("Emotion shown", "Age, years"),
    )
    face_of_trace: list[int] = []
    for face_id, predictions in predictions_of_face.items():
        traces = len(figure.data)
        _add_face(figure, predictions, visible=not traces)
        face_of_trace += [face_id] * (len(figure.data) - traces)
    _set_layout(figure)
    if len(predictions_of_face) > 1:
        buttons = [
            {
                "label": f"Face {face_id}",
                "method": "restyle",
                "args": [{"visible": [owner == face_id for owner in face_of_trace]}],
            }
            for face_id in predictions_of_face
        ]
        menu = {"buttons": buttons, "x": 1, "xanchor": "right", "y": 1.14, "yanchor": "top"}
        figure.update_layout(updatemenus=[menu])
    return figure


def _predictions_by_face(frames: Sequence[TrackedFrame]) -> dict[int, list[TimedPrediction]]:
    """Return the faces in most frames with their predictions, and where these are missing."""
    by_face: dict[int, list[TimedPrediction]] = {}
    for frame in frames:
        measured = {
            face.id: face.reading.prediction
            for face in frame.measured
            if face.reading.abstained is None
        }
        for face_id in measured.keys() - by_face.keys():
            by_face[face_id] = []
        for face_id, predictions in by_face.items():
            predictions.append((frame.time, measured.get(face_id)))
    most_frequent = sorted(by_face, key=lambda face_id: -_count(by_face[face_id]))
    return {face_id: by_face[face_id] for face_id in most_frequent[:MAX_PLOTTED_FACES]}


def _count(predictions: Sequence[TimedPrediction]) -> int:
    return sum(prediction is not None for _, prediction in predictions)


def _add_face(figure: go.Figure, predictions: Sequence[TimedPrediction], *, visible: bool) -> None:
    """Add the traces of one face: one per emotion, and two of age."""
    times = [time for time, _ in predictions]
    emotions = [p.emotion if p else None for _, p in predictions]
    ages = [p.age if p else None for _, p in predictions]
    if any(emotions):
        _add_emotions(figure, times, emotions, visible=visible)
    if any(ages):
        _add_ages(figure, times, ages, visible=visible)


def _add_emotions(
    figure: go.Figure,
    times: Sequence[float],
    emotions: Sequence[Distribution | None],
    *,
    visible: bool,
) -> None:
    classes = next(emotion.labels for emotion in emotions if emotion)
    for k, label in enumerate(classes):
        p = [round(float(emotion.p[k]), 4) if emotion else None for emotion in emotions]
        line = {"color": COLOURS[k % len(COLOURS)], "width": 2}
        trace = go.Scatter(x=times, y=p, name=label, line=line, visible=visible)
        figure.add_trace(trace, row=1, col=1)


def _add_ages(
    figure: go.Figure, times: Sequence[float], ages: Sequence[Age | None], *, visible: bool
) -> None:
    """Add the interval as one area per stretch without a gap, and the expected age as a line."""
    x, y = _interval_outlines(times, ages)
    interval = go.Scatter(
        x=x, y=y, fill="toself", fillcolor=AGE_INTERVAL_COLOUR, line={"width": 0}, hoverinfo="skip"
    )
    value = go.Scatter(
        x=times,
        y=[round(age.value, 1) if age else None for age in ages],
        text=[_age_text(age) for age in ages],
        hovertemplate="%{text}",
        name="about",
        line={"color": AGE_COLOUR, "width": 2},
    )
    for trace in (interval, value):
        trace.update(mode="lines", visible=visible, showlegend=False)
        figure.add_trace(trace, row=2, col=1)


def _age_text(age: Age | None) -> str:
    if age is None:
        return ""
    return labels.age(age) if age.unclear else f"{age.value:.0f} ({labels.age(age)})"


def _interval_outlines(
    times: Sequence[float], ages: Sequence[Age | None]
) -> tuple[list[float | None], list[float | None]]:
    """Return x and y of the closed outlines of all stretches, with None between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for _, stretch in groupby(zip(times, ages, strict=True), key=lambda pair: pair[1] is None):
        points = [(time, age) for time, age in stretch if age]
        if not points:
            continue
        forward = [time for time, _ in points]
        x += [*forward, *reversed(forward), None]
        y += [*(round(age.low, 1) for _, age in points)]
        y += [*(round(age.high, 1) for _, age in reversed(points)), None]
    return x, y


def _set_layout(figure: go.Figure) -> None:
    figure.update_yaxes(range=[0, 1], tickformat=".0%", row=1, col=1)
    figure.update_xaxes(title_text="seconds", row=2, col=1)
    figure.update_annotations(x=0, xanchor="left")  # the titles; on a phone the menu is beside them
    # Colours of text come from style.css, to suit light and dark.
    for update_axes in (figure.update_xaxes, figure.update_yaxes):
        update_axes(gridcolor="rgba(128,128,128,0.25)", zeroline=False)
    figure.update_layout(
        height=520,
        margin={"l": 45, "r": 15, "t": 60, "b": 40},
        hovermode="x unified",
        # Of the container: one of the plot keeps its place from before a resize, over the axis.
        legend={
            "orientation": "h",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "traceorder": "normal",
        },
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif"},
        uirevision="mien",
    )

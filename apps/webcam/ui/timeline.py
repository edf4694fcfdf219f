"""What a video's faces did over time: a table and a plot."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from io import StringIO

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from apps.webcam.tracking.tracker import Tracked
from apps.webcam.video_io import Moment
from core.face_quality import uncertain
from core.pipeline import FaceReading

PEOPLE = 6
"""Faces that the plot lets one choose from, the longest seen first; the CSV has them all."""
YEARS = ("age", "age_low", "age_high")
# Okabe and Ito's palette (2008), which colour-blind people can tell apart, in the order of the
# model's labels.
COLOURS = ("#8a8f98", "#e69f00", "#56b4e9", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8a800")


def to_csv(moments: Sequence[Moment], emotions: Sequence[str], genders: Sequence[str]) -> str:
    """One row per analysed frame and face; `emotions` and `genders`: the model's labels. Cells are
    empty where the model abstained; `uncertain` names the answers under the model's limits, as in
    'emotion gender'.
    """
    out = StringIO()
    writer = csv.writer(out)
    chances = [
        *(f"emotion_p_{label}" for label in emotions),
        *(f"perceived_gender_p_{label}" for label in genders),
    ]
    writer.writerow(
        (
            "time_s",
            "face",
            "x",
            "y",
            "width",
            "height",
            "emotion",
            *chances,
            *YEARS,
            "band",
            "uncertain",
            "abstained",
        )
    )
    for moment in moments:
        for face in moment.faces:
            writer.writerow(
                [f"{moment.time:.3f}", face.id, *_cells(face.reading, emotions, genders)]
            )
    return out.getvalue()


def _cells(reading: FaceReading, emotions: Sequence[str], genders: Sequence[str]) -> list[str]:
    said, place = reading.prediction, [f"{v:.1f}" for v in reading.face.box]
    if reading.abstained:
        return [*place, *[""] * (len(emotions) + len(genders) + len(YEARS) + 3), reading.abstained]
    chances: list[str] = []
    for labels, each in ((emotions, said.emotion), (genders, said.gender)):
        p = each.as_dict() if each else {}
        chances += [f"{p[label]:.4f}" if label in p else "" for label in labels]
    years = (
        [f"{v:.1f}" for v in (said.age.value, said.age.low, said.age.high)]
        if said.age
        else [""] * len(YEARS)
    )
    unsure = " ".join(task for task, so in uncertain(said).items() if so)
    return [
        *place,
        said.emotion.top if said.emotion else "",
        *chances,
        *years,
        reading.band,
        unsure,
        "",
    ]


def plot(moments: Sequence[Moment]) -> go.Figure | None:
    """Emotion probabilities over time, the age interval below, one face at a time; None where no
    face was ever read.
    """
    spans: dict[int, list[tuple[float, Tracked]]] = {}
    for moment in moments:
        for face in moment.faces:
            if face.reading.abstained is None:
                spans.setdefault(face.id, []).append((moment.time, face))
    ids = [i for i, _ in Counter({i: len(s) for i, s in spans.items()}).most_common(PEOPLE)]
    if not ids:
        return None
    figure = make_subplots(
        2,
        1,
        shared_xaxes=True,
        row_heights=[0.68, 0.32],
        vertical_spacing=0.07,
        subplot_titles=("Emotion shown", "Age, years"),
    )
    owners = [i for i in ids for _ in range(_add(figure, spans[i], visible=i == ids[0]))]
    figure.update_yaxes(range=[0, 1], tickformat=".0%", row=1, col=1)
    figure.update_xaxes(title_text="seconds", row=2, col=1)
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(
            gridcolor="rgba(128,128,128,0.25)", zeroline=False
        )  # text colours come from style.css, to suit light and dark
    figure.update_layout(
        height=520,
        margin={"l": 45, "r": 15, "t": 60, "b": 40},
        hovermode="x unified",
        legend={"orientation": "h", "y": -0.14, "traceorder": "normal"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif"},
        uirevision="mien",
    )
    if len(ids) > 1:
        buttons = [
            {
                "label": f"Face {i}",
                "method": "restyle",
                "args": [{"visible": [o == i for o in owners]}],
            }
            for i in ids
        ]
        figure.update_layout(
            updatemenus=[
                {"buttons": buttons, "x": 1, "xanchor": "right", "y": 1.14, "yanchor": "top"}
            ]
        )
    return figure


def _add(figure: go.Figure, span: list[tuple[float, Tracked]], *, visible: bool) -> int:
    """Adds one face's traces and says how many."""
    count, said = 0, [(t, face.reading.prediction) for t, face in span]
    emotions = [(t, p.emotion) for t, p in said if p.emotion]
    ages = [(t, p.age) for t, p in said if p.age]
    if emotions:
        for k, label in enumerate(emotions[0][1].labels):
            y = [round(float(e.p[k]), 4) for _, e in emotions]
            line = {"color": COLOURS[k % len(COLOURS)], "width": 2}
            figure.add_trace(
                go.Scatter(x=[t for t, _ in emotions], y=y, name=label, line=line, visible=visible),
                row=1,
                col=1,
            )
            count += 1
    if ages:
        x, dim = [t for t, _ in ages], {"width": 0}
        low, high, mid = (
            [round(v, 1) for v in vs]
            for vs in zip(*((a.low, a.high, a.value) for _, a in ages), strict=True)
        )
        shared = {"x": x, "visible": visible, "showlegend": False}
        figure.add_trace(go.Scatter(y=low, name="at least", line=dim, **shared), row=2, col=1)
        fill = "rgba(99,102,241,0.25)"
        figure.add_trace(
            go.Scatter(y=high, name="at most", line=dim, fill="tonexty", fillcolor=fill, **shared),
            row=2,
            col=1,
        )
        figure.add_trace(
            go.Scatter(y=mid, name="about", line={"color": "#6366f1", "width": 2}, **shared),
            row=2,
            col=1,
        )
        count += 3
    return count

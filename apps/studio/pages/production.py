"""What a running demo counted, against validation: volume, abstention, drift, alarms."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from apps.studio import charts, context, data_frames, widgets
from apps.studio.components import production_charts
from apps.studio.components.production_charts import VALIDATION
from apps.studio.context import View
from core.monitoring.counts_line import GROUP, CountsLine
from core.vocabulary import task_title
from evaluation.production import alarms, periods, reading
from evaluation.production.alarms import ABSTAINED, DRIFT, MIN_FACES, SAD_NEUTRAL, UNCERTAIN
from evaluation.production.drift import drift
from evaluation.production.periods import STEPS, Period, rounded_share
from evaluation.production.validation import ValidationCounts, all_labels, validation_counts
from evaluation.report.formatting import number
from evaluation.statistics.estimate import Estimate

TITLE = "In production"
ICON = ":material/monitoring:"
ORDER = 88

COMMAND = "python -m apps.webcam --monitor FILE.jsonl"
MAX_MB = reading.MAX_FILE_BYTES >> 20
MAX_PERIODS = 400
"""Points of a chart; the newest."""
TITLES = {
    DRIFT: "drift of the classes",
    UNCERTAIN: "uncertain",
    ABSTAINED: "no prediction",
    SAD_NEUTRAL: "between sad and neutral",
}
CLASSES, VOLUME = "Classes", "Volume and latency"
"""Tabs beside those of the figures."""
ABOUT = {
    DRIFT: "Total variation of the class shares against validation: the share of faces that would "
    "have to get another class for both to agree (Gibbs and Su, 2002); without "
    "what chance adds; bootstrap interval. Faces "
    "unlike those of validation move it as much as a model that fails.",
    UNCERTAIN: "Predictions below the model's threshold.",
    ABSTAINED: "Faces too small, dark, blurred, turned away, cut off or not whole; compared with "
    "all earlier periods.",
    SAD_NEUTRAL: "Faces whose two most probable emotions are sadness and neutral, which models "
    "take for each other most often.",
}


@dataclass(frozen=True, slots=True)
class OpenCounts:
    """The counts that are shown; `key` stands for their content."""

    key: str
    lines: list[CountsLine]


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "Is the model still doing what it did in validation? A demo that was started with "
        "`--monitor` counts faces and predictions, and keeps no picture."
    )
    counts = _open(view)
    if counts is None or not counts.lines:
        st.info(
            f"No counts yet: `{COMMAND}`, then `python -m apps.studio --production FILE.jsonl`. A "
            "line is written after each interval (`--monitor-interval`, 300 seconds by default) "
            f"in which, with those before it, {GROUP} faces have been counted.",
            icon=":material/info:",
        )
        return
    if any(line.generated for line in counts.lines):
        st.info(
            "These counts are **generated**: no demo counted them. From the tenth day on they "
            f"imitate a broken lamp: more faces are too dark. Yours: `{COMMAND}`, then "
            "`--production FILE.jsonl`.",
            icon=":material/info:",
        )
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    models = list(dict.fromkeys(line.model for line in counts.lines))
    model = models[-1]
    if len(models) > 1:
        model = widgets.choose("prod.model", "Counts of", models[::-1], where=left)
    reference = view.models[0]
    if len(view.models) > 1:
        label = "Validation predictions of"
        reference = widgets.choose("prod.reference", label, view.models, where=left)
    lines = [line for line in counts.lines if line.model == model]
    step = widgets.choose(
        "prod.step",
        "A point for each",
        list(STEPS),
        periods.usual_step(lines),
        where=middle,
        style="segmented_control",
    )
    margin = widgets.number(
        "prod.margin", "Alarm above the reference by, points", 1, 50, 10, 1, where=right
    )
    if view.task not in {task for line in lines for task in line.tasks}:
        st.info(
            f"No {context.as_markdown(task_title(view.task).name)} was counted.",
            icon=":material/info:",
        )
        return
    _show(view, OpenCounts(counts.key, lines), reference, step, margin / 100)


def _open(view: View) -> OpenCounts | None:
    with st.expander("Open other counts", icon=":material/upload_file:"):
        upload = st.file_uploader("Counts", type=["jsonl"], max_upload_size=MAX_MB)
        st.caption(
            "Read in memory, and forgotten when you close the studio; figures made of them may "
            "stay in the server's memory until others take their place."
        )
    if upload is not None:
        return _uploaded(upload.name, upload.getvalue())
    path = view.settings.production
    return None if path is None else _read(path, context.stamp(path))


@st.cache_resource(max_entries=2, show_spinner="Reading the counts ...")
def _read(path: Path, file_stamp: tuple[int, int]) -> OpenCounts:
    """Return the counts of a file, parsed once until its stamp changes; nobody changes them."""
    return OpenCounts(f"{path} {file_stamp}", reading.read(path))


@st.cache_resource(max_entries=1, show_spinner="Reading the counts ...", scope="session")
def _uploaded(name: str, content: bytes) -> OpenCounts:
    lines = sorted(reading.parse_all(content, name), key=lambda line: line.start)
    return OpenCounts(hashlib.sha256(content).hexdigest(), lines)


def _show(view: View, counts: OpenCounts, reference: str, step: str, margin: float) -> None:
    """Draw the counts of one model.

    Args:
        view: the selections.
        counts: of the model.
        reference: the model of the open table that it is compared with.
        step: of the periods.
        margin: above a reference from which a figure alarms, in [0, 1].
    """
    where, model = view.where_of(reference), counts.lines[0].model
    validation = context.cached(
        view.store,
        "production.validation",
        (view.task, where),
        partial(validation_counts, view.store, view.task, where),
    )
    shown = periods.by_step(counts.lines, step)[-MAX_PERIODS:]
    figures = context.cached(
        view.store,
        "production.figures",
        (counts.key, model, step, view.task, where, margin),
        partial(alarms.figures, shown, view.task, validation, margin),
    )
    names = production_charts.labels_of(shown, step)
    _alarm_line(figures[-1], names[-1])
    _tiles(figures[-1])
    n = int(validation.classes.sum()) if validation else 0
    st.caption(
        f"{names[-1]}, {shown[-1].faces:,} faces, counted by {context.as_markdown(model)}; times "
        "in UTC. "
        f"Validation: the open table's predictions of {context.as_markdown(reference)}, n = {n:,}. "
        f"Numbers of faces are rounded down to multiples of {GROUP} and the rest is carried on; "
        "intervals allow for that."
    )
    figure_of_tab = {TITLES[name].capitalize(): name for name in figures[-1]}
    tab, cell = widgets.open_tab("prod.tab", [*figure_of_tab, CLASSES, VOLUME])
    with cell:
        if tab == CLASSES:
            _classes(view.task, shown, names, validation)
        elif tab == VOLUME:
            production_charts.volume(shown, names)
            production_charts.latency(shown, names)
        else:
            name = figure_of_tab[tab]
            of_name = [one[name] for one in figures]
            production_charts.over_time(of_name, names, f"production-{name}", title=TITLES[name])
            st.caption(ABOUT[name])
            if name == ABSTAINED:
                _reasons(shown)


def _alarm_line(newest: dict[str, alarms.AlarmFigure], name: str) -> None:
    raised = [
        f"{TITLES[key]} {number(figure.value, percent=True)}, line at "
        f"{number(figure.limit, percent=True)}"
        for key, figure in newest.items()
        if figure.is_raised
    ]
    few = max(figure.value.n for figure in newest.values()) < MIN_FACES
    if raised:
        st.error(f"**Alarm, {name}**: {'; '.join(raised)}.", icon=":material/notifications_active:")
    elif few:
        st.info(f"{name}: fewer than {MIN_FACES} faces, too few to say.", icon=":material/info:")
    else:
        st.success(f"No alarm, {name}.", icon=":material/check:")


def _tiles(newest: dict[str, alarms.AlarmFigure]) -> None:
    cells = st.columns(len(newest))
    for cell, (name, figure) in zip(cells, newest.items(), strict=True):
        against = ""
        if figure.reference:
            against = f"; {number(figure.reference, percent=True)} {figure.against}"
        charts.metric(cell, TITLES[name], figure.value, about=against)


def _reasons(shown: Sequence[Period]) -> None:
    total: dict[str, int] = {}
    for period in shown:
        for reason, count in period.abstained.items():
            total[reason] = total.get(reason, 0) + count
    ordered = sorted(total.items(), key=lambda item: -item[1])
    rows: list[data_frames.Row] = [{"reason": reason, "faces": count} for reason, count in ordered]
    if rows:
        data_frames.show(rows, "production.reasons")


def _classes(
    task: str,
    shown: Sequence[Period],
    names: Sequence[str],
    validation: ValidationCounts | None,
) -> None:
    labels = all_labels(validation, shown, task)
    production_charts.class_shares(shown, names, task, labels, validation)
    if validation is None:
        return
    newest, name = shown[-1], names[-1]
    st.subheader(f"{name} beside validation")
    expected, counted = validation.counts(labels), newest.classes(task, labels)
    shares = {
        VALIDATION: _shares(expected, Estimate.of_share),
        name: _shares(counted, rounded_share),
    }
    production_charts.against_validation(shares, labels, "production-newest")
    moved = drift(expected, counted)
    if moved is not None:
        st.caption(
            f"Total variation as observed {number(moved.observed, percent=True)}; 95 of 100 such "
            f"periods stay below {number(moved.by_chance, percent=True)} where nothing has moved."
        )
    expected, counted = validation.confidence, newest.confidence(task)
    if expected.any() and counted.any():
        st.subheader("Confidence")
        shares = {
            VALIDATION: _shares(expected, Estimate.of_share),
            name: _shares(counted, rounded_share),
        }
        bins = production_charts.confidence_labels()
        production_charts.against_validation(shares, bins, "production-confidence", x="confidence")


def _shares(counts: np.ndarray, share: Callable[[int, int], Estimate]) -> list[Estimate]:
    return [share(count, int(counts.sum())) for count in counts.tolist()]

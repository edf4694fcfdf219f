"""What the curves of a run show, for every drawing of them: four panels.

They are those of the FER capstone notebook (2024, unpublished): accuracy, loss, gap between
training and validation, progression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.vocabulary import task_metric
from evaluation.report.html_page import GREY
from evaluation.training_runs import generalization_gap

History = Sequence[Mapping[str, float]]
COLUMNS = ("emotion_accuracy", "gender_accuracy", "age_mae")
COLOURS = {
    "emotion_accuracy": "#3b82c4",
    "gender_accuracy": "#d9772b",
    "age_mae": "#4a9b6e",
    "loss": "#3b82c4",
}
STAGES = ((0.0, "start"), (0.25, "1/4"), (0.5, "1/2"), (0.75, "3/4"), (1.0, "end"))


@dataclass(frozen=True, slots=True)
class Curve:
    """A line over the epochs; validation's is solid, training's dotted."""

    name: str
    y: Sequence[float | None]
    colour: str
    is_validation: bool


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars with a name below each, and perhaps a text above it."""

    x: Sequence[str | float]
    y: Sequence[float | None]
    colours: Sequence[str]
    texts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CurvePanel:
    """One chart.

    Attributes:
        title: with the unit.
        x_title: of the horizontal axis.
        epochs: of the curves.
        curves: lines.
        bars: None where the panel has lines.
        best: the epoch that is marked; None for none.
        levels: horizontal lines, with a text each.
    """

    title: str
    x_title: str
    epochs: Sequence[float] = ()
    curves: Sequence[Curve] = ()
    bars: Bars | None = None
    best: int | None = None
    levels: Sequence[tuple[float, str]] = ()


def panels(
    history: History, best: int, task: str | None
) -> tuple[CurvePanel, CurvePanel, CurvePanel, CurvePanel]:
    """Return the four panels.

    Args:
        history: one row an epoch.
        best: the epoch, from 1, whose weights were kept.
        task: whose accuracy gap and progression show; None for the age error.
    """
    columns = [c for c in COLUMNS if f"val_{c}" in history[0]]
    accuracies = [c for c in columns if c != "age_mae"] or columns
    main = f"{task}_accuracy" if task else accuracies[0]
    unit = "years" if main == "age_mae" else "%"
    epochs = [row["epoch"] for row in history]
    figures, losses = (
        [curve for column in group for curve in _curves(history, column)]
        for group in (accuracies, ["loss"])
    )
    title = "Error, years" if main == "age_mae" else "Accuracy, %"
    gap_title = f"Gap: training minus validation, {unit}"
    return (
        CurvePanel(title, "epoch", epochs, figures, best=best),
        CurvePanel("Loss", "epoch", epochs, losses, best=best),
        CurvePanel(gap_title, "epoch", bars=_gaps(history, main), levels=_gap_levels(task)),
        CurvePanel("Progression", "part of the run: epoch", bars=_progression(history, main, unit)),
    )


def _curves(history: History, column: str) -> list[Curve]:
    """Return a column's curves of training and validation."""
    task, metric = task_metric(column)
    name = task.name if task else metric.title
    return [
        Curve(
            f"{name}, {title}",
            [scaled(column, row.get(f"{side}_{column}")) for row in history],
            COLOURS[column],
            side == "val",
        )
        for side, title in (("train", "training"), ("val", "validation"))
    ]


def _gaps(history: History, column: str) -> Bars:
    gaps = [_difference(column, row) for row in history]
    is_accuracy = column.endswith("accuracy")
    colours = [
        GREY if gap is None or not is_accuracy else generalization_gap.verdict(gap).colour
        for gap in gaps
    ]
    return Bars([row["epoch"] for row in history], gaps, colours)


def _gap_levels(task: str | None) -> list[tuple[float, str]]:
    """Return the line at zero, and those at which an accuracy's gap means something."""
    named = [
        (points, generalization_gap.verdict(points).name) for points in generalization_gap.GAP_LINES
    ]
    return [(0.0, ""), *(named if task else [])]


def _progression(history: History, column: str, unit: str) -> Bars:
    """Return the validation figures at the start, quarters and end of the run."""
    stages = {round(share * (len(history) - 1)): stage for share, stage in STAGES}
    values = [scaled(column, history[i][f"val_{column}"]) for i in stages]
    return Bars(
        [f"{stage}: {history[i]['epoch']:.0f}" for i, stage in stages.items()],
        values,
        [COLOURS[column]] * len(values),
        [f"{value:.1f} {unit}" for value in values if value is not None],
    )


def scaled(column: str, value: float | None) -> float | None:
    """Return an accuracy in per cent, any other value as it is."""
    return 100 * value if value is not None and column.endswith("accuracy") else value


def _difference(column: str, row: Mapping[str, float]) -> float | None:
    train, val = (scaled(column, row.get(f"{side}_{column}")) for side in ("train", "val"))
    return None if train is None or val is None else train - val

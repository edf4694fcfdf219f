"""What every model predicted for one sample: a table, and probabilities or numbers as a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, data_frames
from apps.studio.context import View
from evaluation.predictions.schema import P_GENDER
from evaluation.store import Store

SampleRow: TypeAlias = Mapping[str, Any]
"""One model's row of the predictions table, with `<task>_conf` for the confidence."""


def show(view: View, rows: Sequence[SampleRow]) -> None:
    """Draw the table of all predictions and the chart of the selected task.

    Args:
        view: the selections.
        rows: the sample's rows, one for each model.
    """
    table = predictions(view.store, rows)
    data_frames.show(table, "sample-predictions.table")
    charts.downloads("sample-predictions", table)
    if view.is_regression:
        _numbers(view, rows)
    else:
        _probabilities(view, rows)


def predictions(store: Store, rows: Sequence[SampleRow]) -> list[data_frames.Row]:
    """Return a row for every model and task that has a prediction or a label.

    The columns are model, task, label, prediction, confidence (of a number its interval) and right
    (of a number the error).
    """
    table: list[data_frames.Row] = []
    for row in rows:
        for task in store.tasks:
            if row.get(f"{task}_true") is None and row.get(f"{task}_pred") is None:
                continue
            title = store.title(task)
            texts = (
                _number_texts(row, task, title.metric.unit)
                if store.is_regression(task)
                else _class_texts(row, task)
            )
            table.append({"model": row["model"], "task": title.title, **texts})
    return table


def _number_texts(row: SampleRow, task: str, unit: str) -> dict[str, str]:
    true, pred, low, high = (row.get(f"{task}_{c}") for c in ("true", "pred", "low", "high"))
    has_interval = low is not None and high is not None
    return {
        "label": _number(true),
        "prediction": _number(pred),
        "confidence": f"{low:.0f} to {high:.0f} {unit}".rstrip() if has_interval else "",
        "right": "" if true is None or pred is None else f"{pred - true:+.1f} {unit}".rstrip(),
    }


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}" if value == round(value) else f"{value:.1f}"


def _class_texts(row: SampleRow, task: str) -> dict[str, str]:
    true, pred, confidence = (row.get(f"{task}_{column}") for column in ("true", "pred", "conf"))
    return {
        "label": true or "–",
        "prediction": pred or "–",
        "confidence": "" if confidence is None else f"{confidence:.1%}",
        "right": "" if true is None or pred is None else "yes" if true == pred else "no",
    }


def label_of(rows: Sequence[SampleRow], task: str) -> Any:
    """Return the sample's label, from the first row that has it; None without one."""
    return next((r[f"{task}_true"] for r in rows if r.get(f"{task}_true") is not None), None)


def probabilities(store: Store, row: SampleRow, task: str) -> list[float] | None:
    """Return one model's probabilities in the order of the labels; None where it has none."""
    if task == "gender":
        first = row.get(P_GENDER)
        return None if first is None else [first, 1 - first]
    labels = store.label_space(task)
    # The store names columns of other tasks by the class's number: labels need not fit names.
    names = labels if task == "emotion" else range(len(labels))
    values = [row.get(f"{task}_p_{name}") for name in names]
    return None if all(v is None for v in values) else [v or 0.0 for v in values]


def vote_shares(rows: Sequence[SampleRow]) -> list[float] | None:
    """Return the shares of the annotators' votes for each emotion; None without votes."""
    votes = next((r["emotion_votes"] for r in rows if r.get("emotion_votes") is not None), None)
    if votes is None or sum(votes) <= 0:
        return None
    return [v / sum(votes) for v in votes]


def _probabilities(view: View, rows: Sequence[SampleRow]) -> None:
    task = view.task
    labels = list(view.store.label_space(task))
    true = label_of(rows, task)
    shares = [(row["model"], probabilities(view.store, row, task)) for row in rows]
    of_models = [(model, share) for model, share in shares if share is not None]
    votes = vote_shares(rows) if task == "emotion" else None
    bars = [_bars(model, labels, share, view.colour(model)) for model, share in of_models]
    table: dict[str, list[Any]] = {"class": labels, "label": [label == true for label in labels]}
    table |= dict(of_models)
    if votes is not None:
        bars.append(_vote_bars(labels, votes))
        table["votes"] = votes
    if not bars:
        st.caption("These tables have no probabilities of this sample.")
        return
    chart = charts.figure(
        *bars,
        x="probability" if votes is None else "probability, share of the votes",
        percent="x",
        height=80 + len(labels) * (24 + 12 * len(bars)),
        barmode="group",
    )
    names = [
        f"<b>{charts.as_html(label)} (label)</b>" if label == true else charts.as_html(label)
        for label in labels
    ]
    chart.update_yaxes(autorange="reversed", tickmode="array", tickvals=labels, ticktext=names)
    chart.update_xaxes(range=[0, 1.02])
    percent = st.column_config.NumberColumn(format="percent")
    charts.show(
        chart,
        "sample-probabilities",
        table,
        alt=f"{view.title}: probabilities of every model for this sample",
        columns={name: percent for name in table if name not in ("class", "label")},
    )


def _bars(model: str, labels: Sequence[str], share: Sequence[float], colour: str) -> go.Bar:
    return go.Bar(
        name=charts.as_html(model),
        y=labels,
        x=share,
        orientation="h",
        marker_color=colour,
        hovertemplate="%{y}: %{x:.1%}",
    )


def _vote_bars(labels: Sequence[str], votes: Sequence[float]) -> go.Bar:
    return go.Bar(
        name="the annotators' votes",
        y=labels,
        x=votes,
        orientation="h",
        hovertemplate="%{y}: %{x:.0%} of the votes",
        marker={"color": charts.GREY, "line": {"color": charts.QUIET, "width": 1.5}},
    )


def _numbers(view: View, rows: Sequence[SampleRow]) -> None:
    task, unit = view.task, view.metric.unit
    true = label_of(rows, task)
    predicted = [row for row in rows if row.get(f"{task}_pred") is not None]
    if not predicted:
        return
    values = [row[f"{task}_pred"] for row in predicted]
    lows, highs = ([row.get(f"{task}_{end}") for row in predicted] for end in ("low", "high"))
    chart = charts.figure(
        go.Scatter(
            x=values,
            y=[charts.as_html(row["model"]) for row in predicted],
            mode="markers",
            error_x=charts.bars_between(values, lows, highs),
            marker={"size": 12, "color": [view.colour(row["model"]) for row in predicted]},
            hovertemplate=f"%{{y}}: %{{x:.1f}} {unit}<extra></extra>",
        ),
        x=f"{unit or view.title}, with the model's interval",
        height=130 + 40 * len(predicted),
    )
    if true is not None:
        chart.add_vline(
            x=true, line={"dash": "dot", "color": charts.GOOD}, annotation_text=f"label: {true:.0f}"
        )
    table = {
        "model": [row["model"] for row in predicted],
        task: values,
        "low": lows,
        "high": highs,
        "label": [true] * len(predicted),
    }
    alt = f"{view.title}: what each model predicts, with its interval, and the label"
    charts.show(chart, "sample-number", table, alt=alt)

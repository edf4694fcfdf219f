"""One class after the other: how much of it is found, what it is taken for, how well its
probability separates it, and its samples.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, links, url_state
from apps.studio.components import gallery
from apps.studio.context import View
from evaluation.analysis.from_counts import ClassScores
from evaluation.analysis.store_ages import overall_accuracy
from evaluation.analysis.store_classes import ClassCurve, class_curve, per_class
from evaluation.report.text import number
from evaluation.statistics.estimate import Estimate
from evaluation.store import Where
from evaluation.store.counts import method

TITLE = "Per class"
ICON = ":material/category:"
ORDER = 20

FIGURES = {"recall": "recall", "precision": "precision", "f1": "F1"}
SHOWN = {
    "wrong": "most confident wrong",
    "right": "most confident right",
    "unsure": "least confident",
    "missed": "all missed",
    "called": "all called so",
}
TOP = 8
MANY = 2_000_000
"""Rows times classes up to which every class's areas are worked out at once."""


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "Which classes does the model find, which does it miss, and what does it take them for?"
    )
    if context.empty(view, tasks=("emotion", "gender")):
        return
    found = {
        model: context.cached(
            view.store,
            "per class",
            (view.task, where),
            lambda w=where: per_class(view.store, view.task, w),
        )
        for model, where in view.each()
    }
    found = {model: rows for model, rows in found.items() if rows}
    if not found:
        st.info(
            "No row with a truth and an answer is left: loosen a filter.",
            icon=":material/filter_alt:",
        )
        return
    _figures(view, found)
    labels = [
        label
        for label in next(iter(found.values()))
        if any(scores[label].n for scores in found.values())
    ]
    st.subheader("One class")
    label = url_state.choose("pc.label", "Class", labels, style="pills")
    _one(found, label)
    _curves(view, label)
    model = (
        url_state.choose("pc.model", "Model", list(found)) if len(found) > 1 else next(iter(found))
    )
    _confusions(view, model, label)
    _samples(view, model, label)


def _figures(view: View, found: dict[str, dict[str, ClassScores]]) -> None:
    by = url_state.choose(
        "pc.figure", "Figure", list(FIGURES), shown=FIGURES.__getitem__, style="segmented_control"
    )
    bars = [
        go.Bar(
            name=charts.plain(model),
            x=list(rows),
            y=[getattr(r, by).value for r in rows.values()],
            marker_color=charts.colour(i),
            error_y=charts.error_bars([getattr(r, by) for r in rows.values()]),
            customdata=[[r.n, r.predicted_n] for r in rows.values()],
            hovertemplate="%{x}: %{y:.1%}<br>%{customdata[0]:,} samples, called so %{customdata[1]:,} times",
        )
        for i, (model, rows) in enumerate(found.items())
    ]
    table: dict[str, list[Any]] = {
        name: [] for name in ("model", "class", "n", "called so", "recall", "precision", "F1")
    }
    for model, rows in found.items():
        for label, r in rows.items():
            cells = (
                model,
                label,
                r.n,
                r.predicted_n,
                *(number(getattr(r, k), percent=True) for k in FIGURES),
            )
            for name, cell in zip(table, cells, strict=True):
                table[name].append(cell)
    made = charts.figure(
        *bars, y=FIGURES[by], percent="y", barmode="group", showlegend=len(found) > 1
    )
    charts.show(
        made,
        "perclass-figures",
        table,
        alt=f"{FIGURES[by]} of each class and model with 95 % intervals",
        opened=True,
    )
    st.caption(
        "Recall: of the samples of a class, the share that is found. Precision: of its answers, the share that is right. F1: their "
        f"harmonic mean. 95 % intervals: {method(view.store)}."
    )


def _one(found: dict[str, dict[str, ClassScores]], label: str) -> None:
    for model, rows in found.items():
        row = rows[label]
        if len(found) > 1:
            st.caption(context.plain(model))
        for cell, (key, name) in zip(st.columns(3), FIGURES.items(), strict=True):
            n, what = (row.predicted_n, "answers") if key == "precision" else (row.n, "samples")
            charts.metric(cell, name, replace(getattr(row, key), n=n), about=f" {what}")


def _curves(view: View, label: str) -> None:
    if f"{view.task}_conf" not in view.store.columns:
        st.info("No PR and ROC curves: these tables have no probabilities.", icon=":material/info:")
        return
    labels = view.store.labels(view.task)
    few = view.store.count(view.where) * len(labels) <= MANY
    every = url_state.toggle(
        "pc.areas",
        "Areas of every class in the table",
        few,
        help="takes a moment on millions of rows",
    )
    table: dict[str, list[Any]] = {
        name: [] for name in ("model", "class", "n", "others", "average precision", "AUROC")
    }
    drawn: list[tuple[str, ClassCurve]] = []
    for model, where in view.each():
        for name in labels if every else (label,):
            seen = context.cached(
                view.store,
                "curve",
                (view.task, where, name),
                lambda w=where, n=name: class_curve(view.store, view.task, w, n),
            )
            if seen is None:
                continue
            cells = (model, name, seen.n, seen.others, _three(seen.ap), _three(seen.auroc))
            for column, cell in zip(table, cells, strict=True):
                table[column].append(cell)
            if name == label:
                drawn.append((model, seen))
    if not drawn:
        st.info(
            "No PR and ROC curves: no row with a truth and probabilities is left.",
            icon=":material/info:",
        )
        return
    left, right = st.columns(2)
    traces = [
        _line(f"{m}: AP {_three(c.ap)}", c.pr, i, "recall %{x:.1%}, precision %{y:.1%}")
        for i, (m, c) in enumerate(drawn)
    ]
    share = drawn[0][1].n / max(drawn[0][1].n + drawn[0][1].others, 1)
    traces.append(_guess([0, 1], [share, share]))
    with left:
        st.markdown("**Precision and recall** as the limit on this class's probability falls")
        made = charts.figure(*traces, x="recall", y="precision", percent="xy", height=430)
        made.update_yaxes(range=[0, 1.02])
        charts.show(made, "perclass-pr", table, alt=f"Precision against recall of {label}")
    traces = [
        _line(f"{m}: AUROC {_three(c.auroc)}", c.roc, i, "false %{x:.1%}, found %{y:.1%}")
        for i, (m, c) in enumerate(drawn)
    ]
    with right:
        st.markdown("**ROC**: how many are found for how many false alarms")
        made = charts.figure(
            *traces,
            _guess([0, 1], [0, 1]),
            x="share of other classes called so",
            y="recall",
            percent="xy",
            height=430,
        )
        made.update_yaxes(range=[0, 1.02])
        charts.show(
            made, "perclass-roc", table, alt=f"Receiver operating characteristic of {label}"
        )
    n = ", ".join(f"{c.n:,} of {c.n + c.others:,}" for _, c in drawn)
    st.caption(
        f"n = {n} samples are of this class. Average precision (AP): the area under the left curve, {share:.3f} by guessing. AUROC: the "
        "chance that a sample of the class has a higher probability of it than another, 0.5 by guessing. With 95 % bootstrap intervals."
    )


def _three(f: Estimate) -> str:
    return number(f, digits=3)


def _line(name: str, points: tuple[Any, Any], i: int, hover: str) -> go.Scatter:
    return go.Scatter(
        name=charts.plain(name),
        x=points[0],
        y=points[1],
        mode="lines",
        line={"color": charts.colour(i)},
        hovertemplate=hover,
    )


def _guess(x: list[float], y: list[float]) -> go.Scatter:
    return go.Scatter(
        name="guessing",
        x=x,
        y=y,
        mode="lines",
        line={"color": charts.QUIET, "dash": "dot"},
        hoverinfo="skip",
    )


def top_confusions(
    matrix: Any, labels: tuple[str, ...], label: str, top: int = TOP
) -> list[tuple[str, str, int, Estimate]]:
    """(true, answered, samples, share of the true class) of the most frequent mistakes that `label`
    has a part in.
    """
    at, support = labels.index(label), matrix.sum(axis=1)
    cells = {(at, j) for j in range(len(labels))} | {(i, at) for i in range(len(labels))}
    ranked = sorted(
        (c for c in cells if c[0] != c[1] and matrix[c]), key=lambda c: (-matrix[c], c)
    )[:top]
    return [
        (
            labels[i],
            labels[j],
            int(matrix[i, j]),
            Estimate.of_share(int(matrix[i, j]), int(support[i])),
        )
        for i, j in ranked
    ]


def _confusions(view: View, model: str, label: str) -> None:
    st.subheader(f"What {label} is confused with")
    labels = view.store.labels(view.task)
    matrix = view.store.confusion(view.task, view.where_of(model))
    rows = top_confusions(matrix, labels, label)
    if not rows:
        st.info(f"No mistake with {label}.", icon=":material/check:")
        return
    names = [f"{true} answered {pred}" for true, pred, *_ in rows]
    made = charts.figure(
        go.Bar(
            x=[r[3].value for r in rows],
            y=names,
            orientation="h",
            error_x=charts.error_bars([r[3] for r in rows]),
            customdata=[r[2] for r in rows],
            marker_color=[charts.BAD if r[0] == label else charts.QUIET for r in rows],
            hovertemplate="%{y}: %{customdata:,} (%{x:.1%})<extra></extra>",
        ),
        height=90 + 32 * len(rows),
        x="share of the true class",
        percent="x",
        dragmode=False,
    )
    made.update_yaxes(autorange="reversed")
    shares = [number(r[3], percent=True) for r in rows]
    table = {
        "true": [r[0] for r in rows],
        "answered": [r[1] for r in rows],
        "samples": [r[2] for r in rows],
        "share of the true class": shares,
    }
    charts.show(made, "perclass-confusions", table, alt=f"Most frequent mistakes with {label}")
    where = view.where_of(model)
    accuracy = context.cached(
        view.store,
        "right",
        (view.task, where),
        lambda: overall_accuracy(view.store, view.task, where),
    )
    st.caption(
        f"Orange: {label} that is missed; grey: others that are called {label}. 95 % intervals (Wilson). "
        f"{context.plain(model)}: accuracy over all classes {number(accuracy, percent=True)}, n = {accuracy.n:,}."
    )
    said = url_state.choose(
        "pc.cell", "Look at one of them", ["", *names], shown=lambda n: n or "choose ..."
    )
    if said:
        true, pred, *_ = rows[names.index(said)]
        links.to(
            "confusion",
            f"{said} on the page Confusion",
            {"cm.cell": (true, pred), "cm.model": model, "task": view.task},
            ":material/grid_on:",
        )
        gallery.show(
            view, view.where_of(model).but(task=view.task, true=true, pred=pred), "pc.pair"
        )


def _samples(view: View, model: str, label: str) -> None:
    st.subheader(f"Samples of {label}")
    sure = f"{view.task}_conf" in view.store.columns
    kinds = [k for k in SHOWN if sure or k in ("missed", "called")]
    row = st.container(horizontal=True, vertical_alignment="bottom")
    kind = url_state.choose(
        "pc.kind", "Show", kinds, shown=SHOWN.__getitem__, style="segmented_control", where=row
    )
    where = view.where_of(model).but(task=view.task)
    gallery.show(
        view,
        samples_of(where, label, kind),
        "pc.gallery",
        order="confidence" if kind == "unsure" else "-confidence",
    )


def samples_of(where: Where, label: str, kind: str) -> Where:
    """The samples of a class that one of SHOWN names."""
    if kind == "called":
        return where.but(pred=label)
    return where.but(
        true=label,
        **(
            {"right": False}
            if kind in ("wrong", "missed")
            else {"right": True}
            if kind == "right"
            else {}
        ),
    )

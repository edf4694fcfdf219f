"""Two models on the same samples: is B better than A, for which classes and groups, and on which
samples do they differ.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, settings, url_state
from apps.studio.components import gallery
from apps.studio.context import View
from core.vocabulary import group_title
from evaluation.analysis import store_pairs as pairs
from evaluation.analysis.comparison import ALPHA, TaskComparison
from evaluation.report.text import number, p_value
from evaluation.statistics.estimate import Estimate
from evaluation.training_runs import generalization_gap, transfer

TITLE = "Compare"
ICON = ":material/compare_arrows:"
ORDER = 30

KINDS = {"b": "only B right", "a": "only A right", "neither": "both wrong, and differently"}
LISTED = 500
"""Disagreements shown of each kind."""


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "Is model B really better than model A, and for whom? Both are asked about the same samples."
    )
    if context.empty(view):
        return
    models = view.models
    if len(models) < 2:
        other = (
            "choose another in the sidebar"
            if len(view.store.models) > 1
            else "open a second table beside the first: `python -m apps.studio A.parquet B.parquet`"
        )
        st.info(f"One model, {context.plain(models[0])}: {other}.", icon=":material/info:")
    else:
        row = st.container(horizontal=True, vertical_alignment="bottom")
        a = url_state.choose("vs.a", "A, the model to beat", models, where=row)
        b = url_state.choose("vs.b", "B", [m for m in models if m != a], where=row)
        _pair(view, a, b)
    _gaps(view)
    _transfer(view)


def _pair(view: View, a: str, b: str) -> None:
    task = view.task
    found = context.cached(
        view.store,
        "compare",
        (task, a, b, view.where.but(models=())),
        lambda: pairs.compare(view.store, task, a, b, view.where),
    )
    if found is None:
        st.info(
            "No sample is in both: two models can be compared on one split only, and the filters must leave it.",
            icon=":material/info:",
        )
        return
    _headline(task, found)
    _parts(view, found)
    _disagreements(view, a, b)


def _headline(task: str, found: TaskComparison) -> None:
    names = (
        (("mae", "mean absolute error"),)
        if task == "age"
        else (("accuracy", "accuracy"), ("macro_f1", "macro F1"))
    )
    percent = task != "age"
    rows: dict[str, list[Any]] = {
        name: [] for name in ("figure", "A", "B", "B minus A (95 %)", "p", "n")
    }
    cells = st.columns(3)
    for cell, (key, name) in zip(cells, names, strict=False):
        f = found.differences[key]
        d = f.difference
        sides = [number(side, percent=percent) for side in (f.a, f.b)]
        about = f"; A {sides[0]}, B {sides[1]}"
        charts.metric(
            cell,
            f"{name}: B minus A",
            d,
            percent=percent,
            sign=True,
            unit="" if percent else " years",
            about=about,
        )
        p = p_value(found.test.p) if key != "macro_f1" else ""
        for column, value in zip(
            rows,
            (name, *sides, number(d, percent=percent, sign=True), p, found.n),
            strict=True,
        ):
            rows[column].append(value)
    test = found.test
    cells[len(names)].metric("p", p_value(test.p), border=True)
    counts = f"; only A right: {test.only_a:,}, only B right: {test.only_b:,}" if percent else ""
    cells[len(names)].caption(test.test + counts)
    d = found.differences[names[0][0]].difference
    st.markdown(f"**{verdict(d, test.p, low_is_good=not percent)}**")
    left = [
        f"{n:,} samples only in {side}"
        for side, n in (("A", found.only_a), ("B", found.only_b))
        if n
    ]
    left += [f"{found.truth_differs:,} with different truths"] if found.truth_differs else []
    st.caption(
        f"95 % intervals and test: {found.method.text}."
        + (f" Left out: {', '.join(left)}." if left else "")
    )
    st.dataframe(rows, hide_index=True, key="compare-headline.table")
    charts.downloads("compare-headline", rows)


def verdict(difference: Estimate, p: float | None, *, low_is_good: bool = False) -> str:
    """What the interval of B minus A and the test's p say together: either alone may be wrong where
    samples are few. p: None if unknown.
    """
    low, high = difference.low, difference.high
    if p is None:
        return "Too few samples to tell."
    if low is not None and low <= 0 <= high:
        return "No difference that these samples show: the interval holds 0."
    if p >= ALPHA:
        return f"No difference that these samples show: p is not below {ALPHA:g}."
    if low is None:
        return "Too few samples to tell: they give no interval of the difference."
    return "B is better than A." if (high < 0) == low_is_good else "A is better than B."


def _parts(view: View, found: TaskComparison) -> None:
    parts = found.parts
    if not parts:
        return
    st.subheader("By class and group" if view.task != "age" else "By group")
    names = list(dict.fromkeys(p.by for p in parts))
    by = url_state.choose("vs.by", "By", names, shown=group_title, style="pills")
    percent, better = view.task != "age", {"a": "A", "b": "B", None: "–"}
    here = [p for p in parts if p.by == by]
    colours = [
        charts.QUIET if p.better is None else charts.GOOD if p.better == "b" else charts.BAD
        for p in here
    ]
    texts = [[p.wins, p.losses, p_value(p.p_adjusted)] for p in here]
    made = charts.figure(
        go.Scatter(
            x=[p.difference.value for p in here],
            y=[charts.plain(f"{p.value} (n = {p.n:,})") for p in here],
            mode="markers",
            error_x=charts.error_bars([p.difference for p in here]) | {"color": charts.QUIET},
            customdata=texts,
            marker={"color": colours, "size": 11},
            hovertemplate="%{y}: %{x}<br>B wins %{customdata[0]:,}, loses %{customdata[1]:,}, p %{customdata[2]}<extra></extra>",
        ),
        height=110 + 34 * len(here),
        x="B minus A, "
        + (
            "share that is right" if percent else "mean absolute error in years (left: B is better)"
        ),
        percent="x" if percent else "",
    )
    made.add_vline(x=0, line={"dash": "dot", "color": charts.QUIET})
    made.update_yaxes(autorange="reversed")
    rows = {
        "by": [group_title(p.by) for p in parts],
        "value": [p.value for p in parts],
        "n": [p.n for p in parts],
        "B wins": [p.wins for p in parts],
        "B loses": [p.losses for p in parts],
        "B minus A (95 %)": [number(p.difference, percent=percent, sign=True) for p in parts],
        "p": [p_value(p.p) for p in parts],
        "p (Holm)": [p_value(p.p_adjusted) for p in parts],
        "better": [better[p.better] for p in parts],
    }
    charts.show(
        made,
        "compare-parts",
        rows,
        alt="B minus A with 95 % intervals for each part of the samples",
        opened=True,
    )
    st.caption(
        f"Green: B is better, orange: A is better, grey: neither can be said. Judged by p below 0.05, corrected (Holm) over all "
        f"{len(parts)} parts of the table together, so that looking at many makes no false alarm; an interval alone is not corrected."
    )


def _disagreements(view: View, a: str, b: str) -> None:
    st.subheader("Where they disagree")
    kind = (
        url_state.choose(
            "vs.kind", "Samples", list(KINDS), shown=KINDS.__getitem__, style="segmented_control"
        )
        if view.task != "age"
        else ""
    )
    key = (view.task, a, b, view.where.but(models=()), kind)
    n, rows = context.cached(
        view.store,
        "disagreements",
        key,
        lambda: pairs.disagreements(view.store, view.task, a, b, view.where, kind, LISTED),
    )
    first = (
        "the largest differences"
        if view.task == "age"
        else "those first about which a model is surest"
    )
    st.caption(
        f"n = {n:,} samples"
        + (f", {LISTED} shown" if n > LISTED else "")
        + f", {first}. A: {context.plain(a)}, B: {context.plain(b)}."
    )
    if not n:
        return
    with st.expander(
        "Both answers as a table", expanded=view.faces is None, icon=":material/table:"
    ):
        st.dataframe(rows.to_pandas(), hide_index=True, key="compare-disagreements.table")
        charts.downloads("compare-disagreements", rows)
    wrong = a if kind in ("b", "neither") else b
    shown = url_state.choose(
        "vs.shown", "Pictures with the answers of", (wrong, b if wrong == a else a)
    )
    ids = tuple(dict.fromkeys(rows["sample_id"].to_pylist()))
    gallery.show(view, view.where_of(shown).but(task=view.task, ids=ids), "vs.gallery")


def _gaps(view: View) -> None:
    st.subheader("Training against validation")
    if view.task == "age" or not {"train", "val"} <= set(view.store.splits):
        runs = _learned(view.runs)
        if not runs:
            st.caption(
                "The distance of training and validation needs predictions on both splits (`evaluation predict --split train`, then open "
                "both tables), or the runs' folder: `python -m apps.studio --runs runs`."
            )
            return
        about = f"Best epoch of each{_shipped(view)} run; training figures are taken under augmentation and dropout."
        _bars(
            [(r.run, r.gap, r.verdict) for r in runs],
            about,
            [f"train {r.train:.1%}, val {r.val:.1%}" for r in runs],
        )
        return
    rows, texts = [], []
    for model, where in view.each():
        found = view.store.confusions(view.task, where.but(splits=()), "split")
        if {"train", "val"} <= set(found):
            train, val = (
                Estimate.of_share(int(found[s].trace()), int(found[s].sum()))
                for s in ("train", "val")
            )
            gap = 100 * (train.value - val.value)
            rows.append((model, gap, generalization_gap.verdict(gap)))
            texts.append(
                f"train {number(train, percent=True)}, n = {train.n:,}; val {number(val, percent=True)}, n = {val.n:,}"
            )
    if rows:
        _bars(
            rows,
            "Accuracy on the training split minus accuracy on the validation split, after the filters, without augmentation.",
            texts,
        )


def _shipped(view: View) -> str:
    return " shipped" if view.runs == settings.SAMPLE_RUNS else ""


@st.cache_resource(max_entries=4, ttl=60, show_spinner=False)
def _learned(root: Path | None) -> list[transfer.ClassifierRun]:
    return [] if root is None else transfer.classifier_runs(root)


def _bars(
    rows: list[tuple[str, float, generalization_gap.Band]], about: str, texts: list[str]
) -> None:
    made = charts.figure(
        go.Bar(
            x=[gap for _, gap, _ in rows],
            y=[charts.plain(name) for name, _, _ in rows],
            orientation="h",
            marker_color=[b.colour for *_, b in rows],
            text=[b.name for *_, b in rows],
            customdata=[f"{t}<br>{b.meaning}" for t, (*_, b) in zip(texts, rows, strict=True)],
            hovertemplate="%{y}: %{x:.1f} points<br>%{customdata}<extra></extra>",
        ),
        height=110 + 34 * len(rows),
        x="gap, percentage points",
    )
    made.update_yaxes(autorange="reversed")
    table = {
        "model": [name for name, *_ in rows],
        "gap, points": [f"{gap:+.1f}" for _, gap, _ in rows],
        "verdict": [b.name for *_, b in rows],
        "meaning": [b.meaning for *_, b in rows],
        "figures": texts,
    }
    charts.show(made, "compare-gaps", table, alt="Training minus validation accuracy")
    st.caption(about)


def _transfer(view: View) -> None:
    st.subheader("Transfer against custom")
    runs = _learned(view.runs)
    if not runs:
        st.caption(
            "Models that began with learned weights beside those that began with none: start with the folder of the training runs, "
            "`python -m apps.studio --runs runs`."
        )
        return
    sized = all(r.parameters for r in runs)
    traces = []
    for i, (kind, symbol) in enumerate(
        ((transfer.TRANSFER, "circle"), (transfer.CUSTOM, "diamond"))
    ):
        here = [r for r in runs if r.kind == kind]
        names, accuracy = [charts.plain(r.run) for r in here], [r.val for r in here]
        place = (
            {"x": [(r.parameters or 0) / 1e6 for r in here], "y": accuracy}
            if sized
            else {"x": accuracy, "y": names}
        )
        hover = "%{text}: " + ("%{y:.1%}" if sized else "%{x:.1%}")
        marker = {"size": 12, "color": charts.colour(i), "symbol": symbol}
        mode = "markers+text" if sized else "markers"
        traces.append(
            go.Scatter(
                name=kind,
                **place,
                mode=mode,
                text=names,
                textposition="top center",
                marker=marker,
                hovertemplate=hover,
            )
        )
    about = "validation accuracy of the best epoch"
    if sized:
        made = charts.figure(*traces, x="parameters, millions", y=about, percent="y", height=400)
    else:
        made = charts.figure(*traces, x=about, percent="x", height=150 + 34 * len(runs))
    table = {
        "run": [r.run for r in runs],
        "kind": [r.kind for r in runs],
        "family": [r.family for r in runs],
        "task": [r.task for r in runs],
        "parameters": [r.parameters for r in runs],
        "train": [f"{r.train:.1%}" for r in runs],
        "val": [f"{r.val:.1%}" for r in runs],
        "gap, points": [f"{r.gap:+.1f}" for r in runs],
    }
    charts.show(
        made,
        "compare-transfer",
        table,
        alt="Validation accuracy of training runs with and without learned weights",
    )
    st.caption(
        f"{len(runs)}{_shipped(view)} runs, each at its best epoch, by what they wrote themselves"
        + ("." if sized else "; not all noted their number of parameters.")
        + " Runs on different data or classes cannot be compared by it."
    )

"""The planner of the page Confidence: from which confidence each class is answered, what that buys,
and the thresholds to take away.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, url_state
from apps.studio.context import View
from evaluation.analysis.thresholds import CARD_PRECISION, plan_thresholds
from evaluation.report.text import number
from evaluation.statistics.estimate import Estimate, Figures
from evaluation.store import Store, Where
from evaluation.store.sample_table import table

MOST = 100_000
"""Rows that the planner looks at."""


def percent(f: Estimate | None) -> str:
    """A share with its interval."""
    return number(f, percent=True)


def show(view: View, model: str) -> None:
    """The planner's wish, what it buys, who pays, and its thresholds to download."""
    st.subheader("Planner: from which confidence to answer")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    wish = url_state.choose(
        "cf.wish",
        "Wanted",
        ("precision", "coverage"),
        where=row,
        style="segmented_control",
        help="precision: as many answers as possible with this share right, class by class; coverage: the surest answers of each class",
    )
    value = url_state.number(
        "cf.value",
        f"At least this {wish} in every class",
        0.5,
        1.0,
        CARD_PRECISION if wish == "precision" else 0.8,
        0.01,
        where=row,
    )
    where = view.where_of(model)

    def make() -> Figures:
        rows = table(view.store, view.task, where, MOST)
        return plan_thresholds(
            rows,
            view.task,
            coverage=value if wish == "coverage" else None,
            precision=value if wish == "precision" else None,
        )

    if view.store.confusion(view.task, where).sum() < 2:
        st.info("Too few samples to plan with.", icon=":material/info:")
        return
    made = context.cached(view.store, "plan", (view.task, where, wish, value), make)
    cells = st.columns(3)
    for cell, (name, key) in zip(
        cells,
        (
            ("answered", "coverage"),
            ("right among these", "accuracy"),
            ("right when all is answered", "before"),
        ),
        strict=True,
    ):
        charts.metric(cell, name, made[key])
    rows: dict[str, list[Any]] = {
        name: []
        for name in (
            "class",
            "answer from",
            "called so",
            "answered",
            "precision",
            "precision before",
        )
    }
    for c in made["per_class"]:
        threshold = "never" if c["threshold"] is None else f"{c['threshold']:.3f}"
        values = (
            c["label"],
            threshold,
            c["called"],
            percent(c["coverage"]),
            percent(c["precision"]),
            percent(c["before"]),
        )
        for name, cell in zip(rows, values, strict=True):
            rows[name].append(cell)
    names = [c["label"] for c in made["per_class"]]
    bars = [
        go.Bar(
            name=name,
            x=names,
            y=[c[key].value for c in made["per_class"]],
            error_y=charts.error_bars([c[key] for c in made["per_class"]]),
            marker_color=colour,
            hovertemplate="%{x}: %{y:.1%}",
        )
        for name, key, colour in (
            ("answered", "coverage", charts.colour(4)),
            ("precision of the answers", "precision", charts.GOOD),
            ("precision when all is answered", "before", charts.QUIET),
        )
    ]
    chart = charts.figure(*bars, y="share", percent="y", height=360, barmode="group")
    charts.show(
        chart,
        "confidence-plan",
        rows,
        alt="What the plan answers of each class, and how much of it is right",
        opened=True,
    )
    part = (
        ""
        if made["n"] >= view.store.confusion(view.task, where).sum()
        else f" of {MOST:,} rows at most"
    )
    said, typed = command(view.store, view.where, model, wish, value)
    st.caption(
        f"Thresholds from all {made['n']:,} rows{part}; what they buy is measured on rows that did not choose them (two halves, crossed). "
        f"95 % intervals: {made['method'].text}. {said}"
    )
    st.code(typed, language="bash", wrap_lines=True)
    if made["groups"]:
        with st.expander(
            "Who gets an answer: coverage and accuracy by group", icon=":material/diversity_3:"
        ):
            groups: dict[str, list[Any]] = {
                name: []
                for name in ("group", "value", "n", "answered", "accuracy", "accuracy before")
            }
            for name, lines in made["groups"].items():
                for v in lines:
                    values = (
                        name,
                        v["value"],
                        v["coverage"].n,
                        percent(v["coverage"]),
                        percent(v["accuracy"]),
                        percent(v["before"]),
                    )
                    for column, cell in zip(groups, values, strict=True):
                        groups[column].append(cell)
            st.dataframe(groups, hide_index=True, key="confidence-groups.table")
            charts.downloads("confidence-groups", groups)
    st.download_button(
        "Thresholds (JSON)",
        thresholds(model, made),
        "thresholds.json",
        "application/json",
        key="cf.thresholds",
        on_click="ignore",
        icon=":material/download:",
    )


def command(store: Store, where: Where, model: str, wish: str, value: float) -> tuple[str, str]:
    """(what to say of it, the command that makes this plan in the terminal). It plans with all rows
    of one table: the first that has the task, and it names the model where that table holds
    several.
    """
    held = []
    for source in store.sources:
        for name in source.models:
            # what the store calls the second table's model of a name
            here = f"{name} ({source.path.stem})"
            if where.task in source.tasks and model == (here if here in store.models else name):
                held.append((source, name))
    source, name = held[0] if held else (store.sources[0], model)
    words = [
        "python",
        "-m",
        "evaluation",
        "plan",
        source.path.name,
        "--task",
        where.task,
        f"--{wish}",
        f"{value:g}",
    ]
    less = (
        ["without the filters that are on"]
        if where.but(models=()) != Where(task=where.task)
        else []
    )
    less += [f"for one of the {len(held)} tables that hold this model"] if len(held) > 1 else []
    said = "The same in the terminal" + (f", but {' and '.join(less)}" if less else "") + ":"
    return said, shlex.join([*words, *(["--model", name] if len(source.models) > 1 else [])])


def thresholds(model: str, made: Figures) -> str:
    """The plan for a program: {model, task, wish, n, thresholds: {class: least confidence, or null
    for never}}.
    """
    found = {c["label"]: c["threshold"] for c in made["per_class"]}
    return json.dumps(
        {
            "model": model,
            "task": made["task"],
            "wish": made["wish"],
            "n": made["n"],
            "thresholds": found,
        },
        indent=1,
    )

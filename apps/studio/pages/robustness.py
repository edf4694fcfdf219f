"""How figures fall while pictures get worse: every corruption against severity, and the answers
that it flips.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from apps.studio import charts, settings, url_state
from apps.studio.context import View
from core.vocabulary import TASKS
from evaluation.commands import robustness
from evaluation.commands.robustness import FLIP_YEARS

TITLE = "Robustness"
ICON = ":material/blur_on:"
ORDER = 70

COLUMNS = 3
SHOWN = {"value": "figure", "change": "change", "flips": "flipped answers"}
HOW = "python -m evaluation robustness --model M --dataset D --data DIR --out R.parquet"


def render(view: View) -> None:
    """Draw the page."""
    path = view.settings.robustness
    st.caption(
        "What happens when pictures get worse? Severity 0 is the picture as it is; the face is located on the clean picture."
    )
    if path is None:
        st.info(
            f"Not measured: `{HOW}`, then `python -m apps.studio --robustness R.parquet`.",
            icon=":material/info:",
        )
        return
    if path == settings.SAMPLE_ROBUSTNESS:
        st.info(
            f"This is the shipped model's. Yours: `{HOW}`, then `--robustness R.parquet`.",
            icon=":material/info:",
        )
    stamp = path.stat().st_mtime_ns if path.is_file() else 0
    whole = _read(path, stamp)
    there = whole[whole["task"] == view.task]
    if there.empty:
        others = ", ".join(TASKS[t].title for t in whole["task"].unique())
        st.info(
            f"Nothing was measured for {TASKS[view.task].name}; choose in the sidebar: {others}.",
            icon=":material/info:",
        )
        return
    row = st.columns(2)
    sets = sorted(there["dataset"].unique())
    chosen = url_state.choose("robust.dataset", "Data set", sets, where=row[0])
    there = there[there["dataset"] == chosen]
    kinds = list(dict.fromkeys(there["kind"]))
    names = {**SHOWN, "value": TASKS[view.task].metric.axis}
    shown = url_state.choose(
        "robust.show",
        "Show",
        list(SHOWN),
        shown=names.__getitem__,
        where=row[1],
        style="segmented_control",
    )
    _show(there, kinds, view.task, shown)
    _ranking(there, view.task)


@st.cache_resource(max_entries=4)
def _read(path: Path, stamp: int) -> pd.DataFrame:
    """The table as a frame that nobody changes; stamp: of the file, so that a new one is read
    again.
    """
    return robustness.read(path).to_pandas()


def panels(there: pd.DataFrame, kinds: list[str], task: str, shown: str) -> go.Figure:
    """A small chart for each corruption on one scale, a line for each model. shown: of SHOWN."""
    years = task == "age" and shown != "flips"
    low, high = ("low", "high") if shown == "value" else (f"{shown}_low", f"{shown}_high")
    height = -(-len(kinds) // COLUMNS)
    made = make_subplots(
        height,
        COLUMNS,
        shared_xaxes="all",
        shared_yaxes="all",
        subplot_titles=[k.replace("_", " ") for k in kinds],
    )
    for i, model in enumerate(dict.fromkeys(there["model"])):
        for j, kind in enumerate(kinds):
            mine = there[(there["model"] == model) & (there["kind"] == kind)].sort_values(
                "severity"
            )
            bars = charts.bars_between(list(mine[shown]), list(mine[low]), list(mine[high]))
            levels = [
                "as it is" if pd.isna(v) else f"{v:g} {unit}"
                for v, unit in zip(mine["level"], mine["unit"], strict=True)
            ]
            trace = go.Scatter(
                x=mine["severity"],
                y=mine[shown],
                error_y=bars,
                name=charts.plain(model),
                legendgroup=model,
                showlegend=j == 0,
                mode="lines+markers",
                line={"color": charts.colour(i)},
                customdata=levels,
                hovertemplate="severity %{x} (%{customdata}): %{y}",
            )
            made.add_trace(trace, row=j // COLUMNS + 1, col=j % COLUMNS + 1)
    models = there["model"].nunique()
    made.update_layout(
        height=190 * height + 60,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        showlegend=models > 1,
        legend={"orientation": "h", "y": -0.12},
    )
    made.update_annotations(font_size=13)  # the panels' titles, which must fit a phone
    made.update_yaxes(tickformat=None if years else ".0%", automargin=True)
    made.update_xaxes(dtick=1, showticklabels=True)  # the last row need not be full
    axis = {
        "value": "error, years" if years else "accuracy",
        "change": "change, years" if years else "change",
        "flips": "flipped answers",
    }
    made.update_yaxes(title=axis[shown], col=1)
    for j in range(max(0, len(kinds) - COLUMNS), len(kinds)):  # the lowest of each column
        made.update_xaxes(title="severity", row=j // COLUMNS + 1, col=j % COLUMNS + 1)
    return made


def _show(there: pd.DataFrame, kinds: list[str], task: str, shown: str) -> None:
    made = panels(there, kinds, task, shown)
    name = TASKS[task].metric.axis
    about = {
        "value": name,
        "change": f"change of {name} against severity 0",
        "flips": "share of answers that changed",
    }[shown]
    columns = [
        "model",
        "dataset",
        "split",
        "kind",
        "severity",
        "level",
        "unit",
        "metric",
        "value",
        "low",
        "high",
        "n",
    ]
    table = there[
        [*columns, *(f"{a}{b}" for a in ("flips", "change") for b in ("", "_low", "_high"))]
    ]
    charts.show(made, "robustness", table, alt=f"{about} by severity, a panel for each corruption")
    n = int(there["n"].max())
    more = (
        f" An age that moves by more than {FLIP_YEARS:g} years counts as another answer."
        if task == "age" and shown == "flips"
        else ""
    )
    st.caption(f"{about[0].upper()}{about[1:]}; 95 % intervals, n = {n:,}.{more}")


def _ranking(there: pd.DataFrame, task: str) -> None:
    """What hurts most at the highest severity."""
    st.subheader("What hurts most")
    worst = there[
        there["severity"] == there.groupby(["model", "kind"])["severity"].transform("max")
    ]
    worst = worst.sort_values("change", ascending=task != "age")
    scale, unit = (1, " years") if task == "age" else (100, " points")
    rows: dict[str, list[Any]] = {
        "model": list(worst["model"]),
        "corruption": [k.replace("_", " ") for k in worst["kind"]],
        "at": [
            "as it is" if pd.isna(v) else f"{v:g} {u}"
            for v, u in zip(worst["level"], worst["unit"], strict=True)
        ],
        "change": [
            f"{v * scale:+.1f}{unit}"
            + ("" if pd.isna(a) else f" ({a * scale:+.1f} to {b * scale:+.1f})")
            for v, a, b in zip(
                worst["change"], worst["change_low"], worst["change_high"], strict=True
            )
        ],
        "flipped answers": [
            f"{v:.1%}" + ("" if pd.isna(a) else f" ({a:.1%} to {b:.1%})")
            for v, a, b in zip(worst["flips"], worst["flips_low"], worst["flips_high"], strict=True)
        ],
        "n": list(worst["n"]),
    }
    st.dataframe(rows, hide_index=True, key="robustness.ranking")
    st.caption(
        "At the highest severity, paired with the same samples at severity 0; 95 % intervals."
    )

"""How figures fall while pictures get worse, and how many predictions change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from apps.studio import charts, context, data_frames, samples, widgets
from apps.studio.context import View
from core.vocabulary import task_title
from evaluation.robustness import curves
from evaluation.robustness.curves import FLIP_YEARS
from evaluation.robustness.level_words import level_in_words

TITLE = "Robustness"
ICON = ":material/blur_on:"
ORDER = 70

PANELS_PER_ROW = 3
SHOW = {"value": "figure", "change": "change", "flips": "changed predictions"}
COMMAND = "python -m evaluation robustness --model M --dataset D --data DIR --out R.parquet"


def applies(view: View) -> bool:
    """Return whether the page has something to show."""
    return view.settings.robustness is not None


def render(view: View) -> None:
    """Draw the page."""
    path = view.settings.robustness
    st.caption(
        "What happens when pictures get worse? Severity 0 is the picture as it is; the face is "
        "located on the clean picture."
    )
    if path is None:
        st.info(
            f"Not measured: `{COMMAND}`, then `python -m apps.studio --robustness R.parquet`.",
            icon=":material/info:",
        )
        return
    if samples.is_shipped(path):
        st.info(
            "These figures ship with the studio. "
            f"Yours: `{COMMAND}`, then `--robustness R.parquet`.",
            icon=":material/info:",
        )
    table = _read(path, context.stamp(path))
    rows = table[table["task"] == view.task]
    if rows.empty:
        tasks = ", ".join(task_title(task).title for task in table["task"].unique())
        st.info(
            f"Nothing was measured for {context.as_markdown(task_title(view.task).name)}; choose "
            f"in the sidebar: {context.as_markdown(tasks)}.",
            icon=":material/info:",
        )
        return
    left, right = st.columns(2)
    dataset = widgets.choose(
        "robust.dataset", "Data set", sorted(rows["dataset"].unique()), where=left
    )
    rows = rows[rows["dataset"] == dataset]
    titles = {**SHOW, "value": view.metric.axis}
    column = widgets.choose(
        "robust.show",
        "Show",
        list(SHOW),
        format_func=titles.__getitem__,
        where=right,
        style="segmented_control",
    )
    _panels(view, rows, column)
    _ranking(rows, view.task)


@st.cache_resource(max_entries=4)
def _read(path: Path, file_stamp: tuple[int, int]) -> pd.DataFrame:
    """Return the table of a file, read once until its stamp changes; nobody changes it."""
    return curves.read(path).to_pandas()


def panels(
    rows: pd.DataFrame,
    kinds: Sequence[str],
    task: str,
    column: str,
    opened: Sequence[str] = (),
) -> go.Figure:
    """Return small charts on one scale, one for each corruption, with a line for each model.

    Args:
        rows: of the robustness table, of one task and data set.
        kinds: the corruptions.
        task: of the rows.
        column: the column that is drawn, one of `SHOW`.
        opened: models of the opened tables, which keep their colours.
    """
    in_years = task == "age" and column != "flips"
    in_points = column == "change" and not in_years
    panel_rows = -(-len(kinds) // PANELS_PER_ROW)
    chart = make_subplots(
        panel_rows,
        PANELS_PER_ROW,
        shared_xaxes="all",
        shared_yaxes="all",
        subplot_titles=[_title(kind) for kind in kinds],
    )
    hover = (
        "severity %{x} (%{customdata}): "
        + ("%{y:.1f}" if in_years or in_points else "%{y:.1%}")
        + " points" * in_points
    )
    places = {m: i for i, m in enumerate(dict.fromkeys([*opened, *rows["model"]]))}
    for model in dict.fromkeys(rows["model"]):
        for j, kind in enumerate(kinds):
            part = rows[(rows["model"] == model) & (rows["kind"] == kind)].sort_values("severity")
            line = _line(part, column, 100 if in_points else 1).update(
                name=charts.as_html(model),
                legendgroup=model,
                showlegend=j == 0,
                line={"color": charts.colour(places[model])},
                hovertemplate=hover,
            )
            chart.add_trace(line, **_panel(j))
    chart.update_layout(
        height=190 * panel_rows + 60,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        showlegend=rows["model"].nunique() > 1,
        legend={"orientation": "h", "y": -0.12},
    )
    chart.update_annotations(font_size=13)  # the panels' titles, which must fit a phone
    chart.update_yaxes(tickformat=None if in_years or in_points else ".0%", **charts.axis_look())
    if column != "change":
        chart.update_yaxes(rangemode="tozero")
    # The last row need not be full.
    chart.update_xaxes(dtick=1, showticklabels=True, **charts.axis_look())
    chart.update_yaxes(title_text=_axis_title(column, in_years), col=1)
    for j in range(max(0, len(kinds) - PANELS_PER_ROW), len(kinds)):  # the lowest of each column
        chart.update_xaxes(title_text="severity", **_panel(j))
    return chart


def _panel(j: int) -> dict[str, int]:
    """Return row and column of the j-th panel, from 1, as Plotly's arguments."""
    return {"row": j // PANELS_PER_ROW + 1, "col": j % PANELS_PER_ROW + 1}


def _line(rows: pd.DataFrame, column: str, scale: float) -> go.Scatter:
    """Return one model's line in one panel: `column` times `scale`, with its intervals."""
    low, high = ("low", "high") if column == "value" else (f"{column}_low", f"{column}_high")
    values, lows, highs = (list(rows[name] * scale) for name in (column, low, high))
    return go.Scatter(
        x=rows["severity"],
        y=values,
        error_y=charts.bars_between(values, lows, highs),
        mode="lines+markers",
        customdata=_levels(rows),
    )


def _axis_title(column: str, in_years: bool) -> str:
    titles = {
        "value": "error, years" if in_years else "accuracy",
        "change": "change, years" if in_years else "change, points",
        "flips": SHOW["flips"],
    }
    return titles[column]


def _title(kind: str) -> str:
    """Return a corruption's name as it is written in a sentence."""
    return {"jpeg": "JPEG"}.get(kind, kind.replace("_", " "))


def _levels(rows: pd.DataFrame) -> list[str]:
    """Return the degree of each row's corruption in words."""
    columns = (rows["kind"], rows["level"], rows["unit"])
    return [level_in_words(kind, level, unit) for kind, level, unit in zip(*columns, strict=True)]


def _panels(view: View, rows: pd.DataFrame, column: str) -> None:
    task, kinds = view.task, list(dict.fromkeys(rows["kind"]))
    metric = task_title(task).metric.axis
    about = {
        "value": metric,
        "change": f"change of {metric} against severity 0",
        "flips": "share of predictions that changed",
    }[column]
    columns = [
        "model",
        "dataset",
        "split",
        "kind",
        "severity",
        "in_words",
        "level",
        "unit",
        "metric",
    ]
    columns += ["value", "low", "high", "n", "flips", "flips_low", "flips_high"]
    columns += ["change", "change_low", "change_high"]
    charts.show(
        panels(rows, kinds, task, column, view.store.models),
        "robustness",
        rows.assign(in_words=_levels(rows))[columns],
        alt=f"{about} by severity, a panel for each corruption",
    )
    note = (
        f" An age that moves by more than {FLIP_YEARS:g} years counts as a changed prediction."
        if task == "age" and column == "flips"
        else ""
    )
    n = int(rows["n"].max())
    st.caption(f"{about[0].upper()}{about[1:]}; 95 % intervals, n = {n:,}.{note}")


def _ranking(rows: pd.DataFrame, task: str) -> None:
    """Draw what hurts most at the highest severity."""
    st.subheader("What hurts most")
    highest = rows.groupby(["model", "kind"])["severity"].transform("max")
    worst = rows[rows["severity"] == highest].sort_values("change", ascending=task != "age")
    table: list[data_frames.Row] = [
        {
            "model": row["model"],
            "corruption": _title(row["kind"]),
            "at": level,
            "change": _change_text(row, task),
            SHOW["flips"]: _share_text(row),
            "n": row["n"],
        }
        for row, level in zip(worst.to_dict("records"), _levels(worst), strict=True)
    ]
    data_frames.show(table, "robustness.ranking")
    st.caption(
        "At the highest severity, paired with the same samples at severity 0; 95 % intervals."
    )


def _change_text(row: dict[str, float], task: str) -> str:
    scale, unit = (1, " years") if task == "age" else (100, " points")
    low, high = row["change_low"], row["change_high"]
    ends = "" if pd.isna(low) else f" ({low * scale:+.1f} to {high * scale:+.1f})"
    return f"{row['change'] * scale:+.1f}{unit}{ends}"


def _share_text(row: dict[str, float]) -> str:
    low, high = row["flips_low"], row["flips_high"]
    ends = "" if pd.isna(low) else f" ({100 * low:.1f} to {100 * high:.1f})"
    return f"{100 * row['flips']:.1f} %{ends}"

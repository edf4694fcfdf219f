"""One look for all charts: a colour-blind safe palette that reads on light and dark, the table
beside the figure, downloads of both.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias

import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.parquet as pq
import streamlit as st

from evaluation.report.text import interval, number
from evaluation.statistics.estimate import Estimate

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#B59F00")
"""Okabe and Ito's colours, the last two changed to read on white and on black: the k-th model
always has the k-th colour.
"""
GOOD, BAD, QUIET = "#009E73", "#D55E00", "#8C8C8C"
SCALE = ((0.0, "rgba(0,114,178,0.06)"), (0.5, "rgba(0,114,178,0.55)"), (1.0, "rgba(0,90,150,1)"))
"""For shares from 0 to 1: transparent where there is nothing, so that it reads on light and dark.
"""
GREY = "rgba(128,128,128,0.35)"
Table: TypeAlias = pd.DataFrame | pa.Table | Mapping[str, Sequence[Any]]


def colour(k: int) -> str:
    """The k-th colour of the palette, from the start again beyond its end."""
    return PALETTE[k % len(PALETTE)]


def frame(table: Table) -> pd.DataFrame:
    """Any of the three forms as a frame."""
    if isinstance(table, pd.DataFrame):
        return table
    return table.to_pandas() if isinstance(table, pa.Table) else pd.DataFrame(dict(table))


def figure(
    *traces: Any, height: int = 380, x: str = "", y: str = "", percent: str = "", **layout: Any
) -> go.Figure:
    """A figure in the studio's look. x, y: axis titles; percent: which axes ("x", "y", "xy") show
    shares as percentages.
    """
    made = go.Figure(list(traces))
    made.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        colorway=list(PALETTE),
        hoverlabel={"namelength": -1},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        bargap=0.2,
        **layout,
    )
    made.update_xaxes(title=x, automargin=True, tickformat=".0%" if "x" in percent else None)
    made.update_yaxes(title=y, automargin=True, tickformat=".0%" if "y" in percent else None)
    return made


def error_bars(estimates: Sequence[Estimate]) -> dict[str, Any]:
    """Plotly's error bars of estimates (95 % intervals); one without an interval has none."""
    return bars_between(*zip(*((e.value, e.low, e.high) for e in estimates), strict=True))


def bars_between(
    values: Sequence[float | None] = (),
    lows: Sequence[float | None] = (),
    highs: Sequence[float | None] = (),
) -> dict[str, Any]:
    """Plotly's error bars of `values`, from `lows` to `highs`; none where one of them is None."""
    ends = list(zip(values, lows, highs, strict=True))
    up = [0 if value is None or high is None else high - value for value, _, high in ends]
    down = [0 if value is None or low is None else value - low for value, low, _ in ends]
    return {
        "type": "data",
        "array": up,
        "arrayminus": down,
        "symmetric": False,
        "thickness": 1.5,
        "width": 4,
        "color": QUIET,
    }


def cell_words(
    x: Sequence[str],
    y: Sequence[str],
    words: Sequence[Sequence[str]],
    strong: Sequence[Sequence[bool]],
) -> list[go.Scatter]:
    """Words on a heatmap's cells (rows of `y`): white on strong colours, else in the theme's ink;
    Plotly's grey does not read there.
    """
    cells = [
        (x[j], y[i], word, strong[i][j])
        for i, row in enumerate(words)
        for j, word in enumerate(row)
        if word
    ]
    ink = "#fafafa" if st.context.theme.type == "dark" else "#31333f"
    made = []
    for which, colour in ((True, "white"), (False, ink)):
        part = [c for c in cells if bool(c[3]) is which]
        made.append(
            go.Scatter(
                x=[c[0] for c in part],
                y=[c[1] for c in part],
                text=[c[2] for c in part],
                mode="text",
                textfont={"color": colour},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    return made


def metric(
    cell: Any,
    label: str,
    f: Estimate,
    *,
    percent: bool = True,
    sign: bool = False,
    unit: str = "",
    about: str = "",
) -> None:
    """A figure as a tile in `cell`, its interval and n below it. label: Markdown. unit: after the
    number; about: after n.
    """
    cell.metric(label, number(f.value, percent=percent, sign=sign) + unit, border=True)
    spread = interval(f, percent=percent, sign=sign)
    cell.caption((f"95 %: {spread}, " if spread else "") + f"n = {f.n:,}{about}")


def show(
    made: go.Figure,
    key: str,
    table: Table,
    *,
    alt: str,
    select: Sequence[Literal["points", "box", "lasso"]] | None = None,
    on_select: Callable[[], None] | None = None,
    columns: Mapping[str, Any] | None = None,
    opened: bool = False,
) -> Any:
    """Draws a figure, its table in an expander (for the keyboard and screen readers) and downloads
    of both; PNG is in the figure's own bar.

    key: unique in the app, also the files' name. alt: what the figure shows, in a sentence. select:
    Plotly's modes (points, box, lasso), then `on_select` is called or, without it, the selection is
    returned. columns: `st.column_config` of the table. opened: the expander.
    """
    config = {
        "displaylogo": False,
        "scrollZoom": False,
        "toImageButtonOptions": {"format": "png", "filename": key, "scale": 2},
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        "responsive": True,
    }
    chosen = None
    if select is None:
        st.plotly_chart(made, key=key, config=config, alt=alt)
    else:
        chosen = st.plotly_chart(
            made,
            key=key,
            config=config,
            alt=alt,
            on_select=on_select or "rerun",
            selection_mode=list(select),
        )
    with st.expander("Table and downloads", expanded=opened, icon=":material/table:"):
        shown = frame(table)
        st.dataframe(shown, hide_index=True, column_config=dict(columns or {}), key=f"{key}.table")
        downloads(key, table, made)
    return chosen


def downloads(name: str, table: Table, made: go.Figure | None = None) -> None:
    """Buttons for the table as CSV and Parquet and the figure as a page of its own. Files are made
    when a button is pressed.
    """
    row = st.container(horizontal=True)
    for suffix, mime, make in (
        ("csv", "text/csv", csv),
        ("parquet", "application/vnd.apache.parquet", parquet),
    ):
        row.download_button(
            suffix.upper() if suffix == "csv" else suffix.title(),
            partial(make, table),
            f"{name}.{suffix}",
            mime,
            key=f"{name}.{suffix}",
            on_click="ignore",
            icon=":material/download:",
        )
    if made is not None:
        row.download_button(
            "Figure (HTML)",
            lambda: made.to_html(include_plotlyjs=True, full_html=True).encode(),
            f"{name}.html",
            "text/html",
            key=f"{name}.html",
            on_click="ignore",
            icon=":material/download:",
        )


def csv(table: Table) -> bytes:
    """As CSV, UTF-8."""
    return frame(table).to_csv(index=False).encode()


def parquet(table: Table) -> bytes:
    """As Parquet."""
    out = io.BytesIO()
    pq.write_table(
        table
        if isinstance(table, pa.Table)
        else pa.Table.from_pandas(frame(table), preserve_index=False),
        out,
        compression="zstd",
    )
    return out.getvalue()

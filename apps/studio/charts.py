"""The look of all charts, the table beside each, and downloads of both.

The palette is safe for colour-blind readers and reads on light and dark.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from apps.studio import data_frames
from apps.studio.text_colours import ink, is_dark, text_on
from core.vocabulary import Metric
from evaluation.report.formatting import interval, number
from evaluation.statistics.estimate import Estimate

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#B59F00")
"""Okabe and Ito's colours, the last two changed to read on white and on black.

The k-th model of the opened tables always has the k-th colour (`View.colour`).
"""
ACCENT_ON_WHITE, ACCENT_ON_BLACK = "#005F96", PALETTE[4]
"""Colours of buttons and links: the first of PALETTE is too light for text on its own tint."""
GOOD, BAD, QUIET = "#009E73", "#D55E00", "#8C8C8C"
BAD_SCALE = ((0.0, "rgba(213,94,0,0.04)"), (1.0, "rgba(213,94,0,0.85)"))
"""Colours of what is worse the larger it is: shades of BAD."""
MAX_TITLE_CHARACTERS = 32
"""Characters of a line of the x axis's title: more do not fit beside the ticks of y on a phone."""
GREY = "rgba(128,128,128,0.35)"
SCALE = ((0.0, "rgba(0,114,178,0.06)"), (0.5, "rgba(0,114,178,0.55)"), (1.0, "rgba(0,90,150,1)"))
"""Colours of shares from 0 to 1; near 0 transparent, so that it reads on light and dark."""


def colour(k: int) -> str:
    """Return the k-th colour of the palette, from the start again beyond its end."""
    return PALETTE[k % len(PALETTE)]


def as_html(text: str) -> str:
    """Return untrusted text as the HTML of Plotly's texts that shows it as it is."""
    return html.escape(text, quote=False)


def figure(
    *traces: Any, height: int = 380, x: str = "", y: str = "", percent: str = "", **layout: Any
) -> go.Figure:
    """Return a figure in the studio's look.

    Args:
        *traces: Plotly's traces.
        height: in pixels.
        x: title of the axis, shown as it is.
        y: title of the axis, shown as it is.
        percent: the axes that show shares as percentages, such as "y" or "xy".
        **layout: further fields of Plotly's layout.
    """
    chart = go.Figure(list(traces))
    chart.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        colorway=list(PALETTE),
        hoverlabel={"namelength": -1},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        bargap=0.2,
        autotypenumbers="strict",  # names such as "10" are names, on an axis of categories
        **layout,
    )
    wrapped = textwrap.wrap(x, MAX_TITLE_CHARACTERS, break_long_words=False)
    lines = "<br>".join(as_html(line) for line in wrapped)
    chart.update_xaxes(
        title_text=lines, tickformat=".0%" if "x" in percent else None, **axis_look()
    )
    chart.update_yaxes(
        title_text=as_html(y), tickformat=".0%" if "y" in percent else None, **axis_look()
    )
    return chart


def axis_look() -> dict[str, object]:
    """Return the look of an axis; Streamlit's grey of its texts is too light."""
    return {
        "automargin": True,
        "separatethousands": True,
        "tickfont_color": ink(),
        "title_font_color": ink(),
    }


def error_bars(estimates: Sequence[Estimate]) -> dict[str, object]:
    """Return Plotly's error bars of 95 % intervals; an estimate without an interval has none."""
    return bars_between(
        [e.value for e in estimates], [e.low for e in estimates], [e.high for e in estimates]
    )


def in_points(difference: Estimate, metric: Metric) -> Estimate:
    """Return a difference in the unit of `Metric.difference_axis`: of shares, percentage points."""
    return difference.scaled(100) if metric.is_share else difference


def bars_between(
    values: Sequence[float | None],
    lows: Sequence[float | None],
    highs: Sequence[float | None],
) -> dict[str, object]:
    """Return Plotly's error bars of `values`, from `lows` to `highs`; none where one is None."""
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


def cell_texts(
    x: Sequence[str],
    y: Sequence[str],
    texts: Sequence[Sequence[str]],
    is_dark: Sequence[Sequence[bool]],
) -> list[go.Scatter]:
    """Return the traces of a heatmap's texts, in colours that read on its cells.

    Plotly's own grey does not read there.

    Args:
        x: the columns.
        y: the rows.
        texts: (rows, columns); "" draws nothing.
        is_dark: (rows, columns), cells of a strong colour, whose text is white.
    """
    cells = [
        (x[j], y[i], text, is_dark[i][j])
        for i, row in enumerate(texts)
        for j, text in enumerate(row)
        if text
    ]
    return [
        _texts([cell[:3] for cell in cells if cell[3]], "white"),
        _texts([cell[:3] for cell in cells if not cell[3]], ink()),
    ]


def _texts(cells: Sequence[tuple[str, str, str]], text_colour: str) -> go.Scatter:
    return go.Scatter(
        x=[x for x, _, _ in cells],
        y=[y for _, y, _ in cells],
        text=[text for _, _, text in cells],
        mode="text",
        textfont={"color": text_colour},
        hoverinfo="skip",
        showlegend=False,
    )


def metric(
    cell: Any,
    title: str,
    estimate: Estimate,
    *,
    percent: bool = True,
    sign: bool = False,
    unit: str = "",
    about: str = "",
) -> None:
    """Draw an estimate as a tile, with its interval and n below it.

    Args:
        cell: the container to draw in.
        title: Markdown.
        estimate: the value, its interval and n.
        percent: whether the value is a share.
        sign: whether the value is a difference.
        unit: what stands after the number.
        about: what stands after n.
    """
    cell.metric(title, number(estimate.value, percent=percent, sign=sign) + unit, border=True)
    ends = interval(estimate, percent=percent, sign=sign)
    cell.caption((f"95 %: {ends}, " if ends else "") + f"n = {estimate.n:,}{about}")


def show(
    chart: go.Figure,
    key: str,
    table: data_frames.Table,
    *,
    alt: str,
    columns: Mapping[str, Any] | None = None,
    opened: bool = False,
) -> None:
    """Draw a chart, its table in an expander, and downloads of both.

    The table is for the keyboard and screen readers. PNG is in the chart's own bar.

    Args:
        chart: the chart.
        key: unique in the app, also the files' name.
        table: what the chart shows.
        alt: what the chart shows, in a sentence.
        columns: `st.column_config` of the table.
        opened: whether the expander is open at first.
    """
    config = {
        "displaylogo": False,
        "scrollZoom": False,
        "toImageButtonOptions": {"format": "png", "filename": key, "scale": 2},
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        "responsive": True,
    }
    st.plotly_chart(with_clear_text(chart), key=key, config=config, alt=alt)
    with st.expander("Table and downloads", expanded=opened, icon=":material/table:"):
        data_frames.show(table, f"{key}.table", columns)
        downloads(key, table, chart)


def with_clear_text(chart: go.Figure) -> go.Figure:
    """Return the chart, whose annotations and texts on marks now read, light and dark.

    Streamlit would write white on yellow bars, too.
    """
    text = ink()
    chart.for_each_annotation(lambda a: a.update(font_color=a.font.color or text))
    chart.for_each_trace(lambda bar: _inside(bar, bar.marker.color), {"type": "bar"})
    chart.for_each_trace(lambda pie: _inside(pie, pie.marker.colors), {"type": "pie"})
    return chart


def _inside(trace: go.Bar | go.Pie, colours: str | Sequence[str] | None) -> None:
    """Set the colours of a trace's texts, which stand on marks of `colours` or beside them."""
    if colours is not None:
        on_marks = text_on(colours) if isinstance(colours, str) else [*map(text_on, colours)]
        trace.update(insidetextfont_color=on_marks, outsidetextfont_color=ink())


def downloads(name: str, table: data_frames.Table, chart: go.Figure | None = None) -> None:
    """Draw buttons for the table as CSV and Parquet and the chart as a page of its own.

    A file is made when its button is pressed.
    """
    row = st.container(horizontal=True)
    _download(row, "CSV", f"{name}.csv", "text/csv", partial(data_frames.csv, table))
    _download(
        row,
        "Parquet",
        f"{name}.parquet",
        "application/vnd.apache.parquet",
        partial(data_frames.parquet, table),
    )
    if chart is not None:
        _download(
            row, "Figure (HTML)", f"{name}.html", "text/html", partial(page, chart, dark=is_dark())
        )


def _download(row: Any, text: str, file_name: str, mime: str, content: Any) -> None:
    row.download_button(
        text,
        content,
        file_name,
        mime,
        key=file_name,
        on_click="ignore",
        icon=":material/download:",
    )


def page(chart: go.Figure, *, dark: bool) -> bytes:
    """Return a chart as an HTML page that needs nothing from elsewhere, light or dark."""
    shown = go.Figure(chart, layout_template="plotly_dark") if dark else chart
    text: str = shown.to_html(include_plotlyjs=True, full_html=True)
    return text.encode()

"""Two models on the same samples: the difference with its test, and wins by class and group."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, data_frames, widgets
from apps.studio.context import View
from core.vocabulary import METRICS, Metric, group_title
from evaluation.analysis import store_pairs
from evaluation.analysis.comparison import ALPHA, PartComparison, TaskComparison
from evaluation.composition.group_order import in_order
from evaluation.report.formatting import number, p_value
from evaluation.statistics.estimate import Estimate


def show(view: View, a: str, b: str) -> None:
    """Draw B against A."""
    task = view.task
    comparison = context.cached(
        view.store,
        "compare",
        (task, a, b, view.where.but(models=())),
        lambda: store_pairs.compare(view.store, task, a, b, view.where),
    )
    if comparison is None:
        st.info(
            "No sample is in both: two models can be compared on one split only, and the filters "
            "must leave it.",
            icon=":material/info:",
        )
        return
    _headline(view, comparison)
    _parts(view, comparison)


def _headline(view: View, comparison: TaskComparison) -> None:
    cells = st.columns(3)
    table: list[data_frames.Row] = []
    test = comparison.test
    for cell, (key, pair) in zip(cells, comparison.differences.items(), strict=False):
        metric = view.metric if key == view.metric.key else METRICS[key]
        a, b = (number(side, percent=metric.is_share) for side in (pair.a, pair.b))
        charts.metric(
            cell,
            f"{metric.title}: B minus A",
            pair.difference,
            percent=metric.is_share,
            sign=True,
            unit="" if metric.is_share else f" {metric.unit}",
            about=f"; A {a}, B {b}",
        )
        table.append(
            {
                "metric": metric.title,
                "A": a,
                "B": b,
                "B minus A (95 %)": number(pair.difference, percent=metric.is_share, sign=True),
                "p": p_value(test.p) if key != "macro_f1" else "",
                "n": comparison.n,
            }
        )
    cell = cells[len(comparison.differences)]
    cell.metric("p", p_value(test.p), border=True)
    counts = f"; only A right: {test.only_a:,}, only B right: {test.only_b:,}"
    cell.caption(test.test + ("" if view.is_regression else counts))
    main = next(iter(comparison.differences.values())).difference
    st.markdown(f"**{verdict(main, test.p, low_is_good=view.is_regression)}**")
    left_out = [
        f"{n:,} samples only in {side}"
        for side, n in (("A", comparison.only_a), ("B", comparison.only_b))
        if n
    ]
    if comparison.truth_differs:
        left_out.append(f"{comparison.truth_differs:,} with different labels")
    st.caption(
        f"95 % intervals and test: {comparison.method.text}."
        + (f" Left out: {', '.join(left_out)}." if left_out else "")
    )
    data_frames.show(table, "compare-headline.table")
    charts.downloads("compare-headline", table)


def verdict(difference: Estimate, p: float | None, *, low_is_good: bool = False) -> str:
    """Return what the interval and the test say together; with few samples either may be wrong.

    Args:
        difference: of the metric, B minus A.
        p: of the paired test; None if unknown.
        low_is_good: whether the metric is an error.
    """
    low, high = difference.low, difference.high
    if p is None:
        return "Too few samples to tell."
    if low is not None and high is not None and low <= 0 <= high:
        return "No difference that these samples show: the interval holds 0."
    if p >= ALPHA:
        return f"No difference that these samples show: p is not below {ALPHA:g}."
    if high is None:
        return "Too few samples to tell: they give no interval of the difference."
    return "B is better than A." if (high < 0) == low_is_good else "A is better than B."


def _parts(view: View, comparison: TaskComparison) -> None:
    parts = comparison.parts
    if not parts:
        return
    st.subheader("By class and group" if not view.is_regression else "By group")
    names = list(dict.fromkeys(part.by for part in parts))
    by = widgets.choose("vs.by", "By", names, format_func=group_title, style="pills")
    percent = view.metric.is_share
    sides: dict[str | None, str] = {"a": "A", "b": "B", None: "–"}
    table: list[data_frames.Row] = [
        {
            "by": group_title(part.by),
            "value": part.value,
            "n": part.n,
            "B wins": part.wins,
            "B loses": part.losses,
            "B minus A (95 %)": number(part.difference, percent=percent, sign=True),
            "p": p_value(part.p),
            "p (Holm)": p_value(part.p_adjusted),
            "better": sides[part.better],
        }
        for part in parts
    ]
    shown = [part for part in parts if part.by == by]
    if by in view.store.groups:
        order = in_order(part.value for part in shown)
        shown.sort(key=lambda part: order.index(part.value))
    charts.show(
        parts_chart(shown, view.metric),
        "compare-parts",
        table,
        alt="B minus A with 95 % intervals for each part of the samples",
        opened=True,
    )
    st.caption(
        "Green: B is better, orange: A is better, grey: no difference is shown. Judged by p below "
        f"{ALPHA:g}, corrected (Holm) over all {len(parts)} parts of the table together, so that "
        "looking at many makes no false alarm; an interval alone is not corrected."
    )


def parts_chart(parts: Sequence[PartComparison], metric: Metric) -> go.Figure:
    """Return B minus A with its interval for each part; of shares in percentage points."""
    colours: dict[str | None, str] = {"a": charts.BAD, "b": charts.GOOD, None: charts.QUIET}
    direction = "" if metric.better == "higher" else " (left: B is better)"
    drawn = [charts.in_points(part.difference, metric) for part in parts]
    texts = [number(part.difference, percent=metric.is_share, sign=True) for part in parts]
    chart = charts.figure(
        go.Scatter(
            x=[difference.value for difference in drawn],
            y=[charts.as_html(f"{part.value} (n = {part.n:,})") for part in parts],
            mode="markers",
            error_x=charts.error_bars(drawn),
            customdata=[
                [text, part.wins, part.losses, p_value(part.p_adjusted)]
                for text, part in zip(texts, parts, strict=True)
            ],
            marker={"color": [colours[part.better] for part in parts], "size": 11},
            hovertemplate=(
                "%{y}: %{customdata[0]}<br>B wins %{customdata[1]:,}, loses %{customdata[2]:,}, "
                "p %{customdata[3]}<extra></extra>"
            ),
        ),
        height=110 + 34 * len(parts),
        x=f"B minus A, {metric.difference_axis}{direction}",
    )
    chart.add_vline(x=0, line={"dash": "dot", "color": charts.QUIET})
    chart.update_yaxes(autorange="reversed")
    return chart

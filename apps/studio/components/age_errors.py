"""Errors of predicted ages: by band of true age, within k years, as a matrix and by group."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from apps.studio import charts, context, widgets
from apps.studio.components import grouped_chart
from apps.studio.context import View
from core.vocabulary import METRICS, group_title
from evaluation.analysis import store_ages
from evaluation.analysis.store_ages import ErrorsByCell
from evaluation.metrics.classification import normalised
from evaluation.report.formatting import number
from evaluation.statistics.estimate import Estimate
from evaluation.store import Where

Result = TypeVar("Result")

MAX_YEARS = 15
"""Years up to which CS@k is drawn."""
MAX_BANDS_WITH_TEXT = 15
"""Bands up to which the matrix's cells have texts."""
MAE, BIAS = METRICS["mae"], METRICS["bias"]


def per_model(
    view: View,
    name: str,
    key: tuple[Hashable, ...],
    compute: Callable[[Where], Result | None],
) -> dict[str, Result]:
    """Return model -> `compute(where)`; models where it is empty are left out.

    Args:
        view: the selections.
        name: of the computation, for the cache.
        key: its further arguments, for the cache.
        compute: the computation on one model's rows.
    """
    where = view.where
    depends_on_task = (
        where.correct is not None or where.confidence is not None or where.true or where.pred
    )
    results: dict[str, Result] = {}
    for model, of_model in view.each():
        # Without such filters the rows are the same whatever the sidebar's task.
        rows = of_model if depends_on_task else of_model.but(task="age")
        result = context.cached(
            view.store, f"age_gender {name}", (rows, *key), partial(compute, rows)
        )
        if result:
            results[model] = result
    return results


def show(view: View, width: int, group: str | None) -> None:
    """Draw everything about predicted ages.

    Args:
        view: the selections.
        width: of a band of age, years.
        group: the group that errors are drawn by; None for no group.
    """
    store = view.store
    errors: dict[str, ErrorsByCell] = per_model(
        view, "band", (width,), lambda where: store_ages.by_band(store, where, width)
    )
    overall = {m: (e.mae[-1], e.bias[-1]) for m, e in errors.items() if e.mae[-1].n}
    if not overall:
        st.info(
            "No row with a true and a predicted age is left: remove a filter.",
            icon=":material/filter_alt:",
        )
        return
    for model, (mae, bias) in overall.items():
        name = f"{context.as_markdown(model)}: " if len(view.models) > 1 else ""
        st.markdown(
            f"{name}{MAE.title} **{number(mae)}** years, bias **{number(bias, sign=True)}** "
            f"years, n = {mae.n:,}"
        )
    names = store_ages.band_names(width)
    bands = f"for each band of {width} years of true age, with 95 % intervals"
    left, right = st.columns(2)
    with left:
        st.markdown("**Too old or too young, by true age**")
        _chart(view, errors, names, "age-bias", "true age", bands, is_bias=True, lines=True)
    with right:
        st.markdown("**How far off, by true age**")
        _chart(view, errors, names, "age-mae", "true age", bands, is_bias=False, lines=True)
    left, right = st.columns(2)
    with left:
        _cumulative(view)
    with right:
        _matrix(view, width)
    if group:
        _by_group(view, group)


def _chart(
    view: View,
    errors: Mapping[str, ErrorsByCell],
    values: Sequence[str],
    key: str,
    axis: str,
    about: str,
    *,
    is_bias: bool,
    lines: bool = False,
) -> None:
    """Draw the bias, with a line at 0, or the MAE.

    Args:
        view: the selections.
        errors: model -> its errors, of which the first are those of `values`.
        values: bands or values of a group.
        key: unique in the app, also the files' name.
        axis: what the values are.
        about: by what and with which intervals, after the figure's name in the description.
        is_bias: else the MAE.
        lines: whether points are joined.
    """
    metric = BIAS if is_bias else MAE
    grouped_chart.show(
        view,
        {model: one.bias if is_bias else one.mae for model, one in errors.items()},
        values,
        key,
        axis=axis,
        figure=metric.axis,
        lines=lines,
        zero=is_bias,
        alt=f"{metric.axis} {about}",
    )


def _by_group(view: View, group: str) -> None:
    store, title = view.store, group_title(group)
    errors = per_model(
        view, "group", (group,), lambda where: store_ages.by_group(store, where, group)
    )
    by = f"by {title}, with 95 % intervals"
    left, right = st.columns(2)
    with left:
        st.markdown(f"**Bias by {context.as_markdown(title)}**")
        values = store.groups[group]
        _chart(view, errors, values, "age-bias-group", title, by, is_bias=True)
    with right:
        st.markdown(f"**Error by {context.as_markdown(title)}**")
        _chart(view, errors, values, "age-mae-group", title, by, is_bias=False)


def _cumulative(view: View) -> None:
    st.markdown("**CS@k: share of ages within k years**")
    scores = per_model(
        view,
        "cumulative",
        (),
        lambda where: store_ages.cumulative_scores(view.store, where, MAX_YEARS),
    )
    grouped_chart.show(
        view,
        scores,
        [str(k) for k in range(MAX_YEARS + 1)],
        "age-cs",
        axis="years",
        figure="share within",
        percent=True,
        lines=True,
        height=430,
        alt=f"Share of ages whose error is at most k years, for k up to {MAX_YEARS}, with 95 % "
        "intervals",
    )


def _off_by(
    view: View, where: Where, width: int
) -> tuple[NDArray[np.int64], list[Estimate]] | None:
    """See `store_ages.off_by`; None where no row has a true and a predicted age."""
    counts, shares = store_ages.off_by(view.store, where, width)
    return (counts, shares) if shares else None


def _matrix(view: View, width: int) -> None:
    st.markdown(f"**True against predicted age, bands of {width} years**")
    matrices = per_model(view, "off", (width,), lambda where: _off_by(view, where, width))
    if not matrices:
        st.info("No row with a true and a predicted age.", icon=":material/filter_alt:")
        return
    models = list(matrices)
    model = (
        widgets.choose("ag.model", "Model of this matrix", models) if len(models) > 1 else models[0]
    )
    counts, off = matrices[model]
    names = store_ages.band_names(width)
    table: dict[str, list[Any]] = {"true age": names}
    table |= {f"predicted {name}": counts[:, j].tolist() for j, name in enumerate(names)}
    alt = f"Share of each true age band that is predicted in each band, {width} years a band"
    charts.show(_band_matrix(counts, names), "age-bands", table, alt=alt)
    parts = [f"{number(off[0], percent=True)} in the right band"]
    parts += [f"{number(e, percent=True)} at most {k} off" for k, e in enumerate(off[1:3], 1)]
    st.caption(f"{'; '.join(parts)}. n = {off[0].n:,}. Rows add up to 100 %.")


def _band_matrix(counts: NDArray[np.int64], names: list[str]) -> go.Figure:
    """Return the heatmap of predicted against true bands.

    Args:
        counts: (bands, bands), rows are true ages.
        names: of the bands.
    """
    shares = np.nan_to_num(normalised(counts, "true"))
    texts = [
        [f"{share:.0%}" if n else "" for share, n in zip(*row, strict=True)]
        for row in zip(shares, counts, strict=True)
    ]
    chart = charts.figure(
        go.Heatmap(
            z=shares,
            x=names,
            y=names,
            colorscale=charts.SCALE,
            zmin=0,
            zmax=1,
            xgap=1,
            ygap=1,
            showscale=False,
            customdata=counts,
            hovertemplate=(
                "true %{y}, predicted %{x}: %{customdata:,}<br>%{z:.1%} of the true band"
                "<extra></extra>"
            ),
        ),
        *(
            charts.cell_texts(names, names, texts, (shares > 0.55).tolist())
            if len(names) <= MAX_BANDS_WITH_TEXT
            else []
        ),
        x="predicted age",
        y="true age",
        height=430,
        dragmode=False,
    )
    chart.update_yaxes(autorange="reversed", type="category", showgrid=False)
    chart.update_xaxes(type="category", showgrid=False)
    return chart

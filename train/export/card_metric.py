"""One figure of a model card, with its data, its interval and its number of samples."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from core.artifacts.card_rows import MetricRow
from core.data import Samples
from evaluation.statistics.estimate import Estimate

DECIMALS = 5


def card_metric(
    samples: Sequence[Samples], metric: str, estimate: Estimate, group: str = ""
) -> MetricRow:
    """Return a figure of several data sets together as a card has it, rounded.

    Args:
        samples: of the data sets.
        metric: name.
        estimate: with a value.
        group: such as `age: 20-29`; empty for all samples.

    Raises:
        ValueError: the estimate has no value.
    """
    data, split = (
        " + ".join(dict.fromkeys(names))
        for names in ([s.name for s in samples], [s.split for s in samples])
    )
    return metric_row(data, split, metric, estimate, group)


def metric_row(
    data: str, split: str, metric: str, estimate: Estimate, group: str = ""
) -> MetricRow:
    """Return a figure of the data sets and splits of these names, as `card_metric` does.

    Raises:
        ValueError: the estimate has no value.
    """
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None:
        raise ValueError(f"Expected a value of {metric}, got {estimate}.")
    row = MetricRow(
        data=data,
        split=split,
        metric=metric,
        value=round(value, DECIMALS),
        ci95=None if low is None or high is None else [round(e, DECIMALS) for e in (low, high)],
        n=estimate.n,
    )
    return row | {"group": group} if group else row


def figure_text(row: MetricRow) -> tuple[str, str]:
    """Return a figure and its interval as text; "" where it has none."""
    metric, value = row["metric"], row["value"]
    if value is None:
        return "-", ""
    form, scale, unit = ".2f", 100, " %"
    if "years" in metric:
        scale, unit = 1, ""
    elif "macro" in metric:
        form, scale, unit = ".3f", 1, ""
    ends = " to ".join(f"{scale * (end or 0):{form}}" for end in row.get("ci95") or ())
    return f"{scale * value:{form}}{unit}", ends and ends + unit


def table_row(
    tables: Sequence[pa.Table], metric: str, estimate: Estimate, group: str = ""
) -> MetricRow:
    """Return a figure of the rows of several tables, named by their data sets and splits."""
    data, split = (
        " + ".join(dict.fromkeys(t[name][0].as_py() for t in tables))
        for name in ("dataset", "split")
    )
    return metric_row(data, split, metric, estimate, group)

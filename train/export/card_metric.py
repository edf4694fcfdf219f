"""One figure of a model card, with its data, its interval and its number of samples."""

from __future__ import annotations

from collections.abc import Sequence

from core.artifacts.card import MetricRow
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
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None:
        raise ValueError(f"Expected a value of {metric}, got {estimate}.")
    row = MetricRow(
        data=" + ".join(dict.fromkeys(s.name for s in samples)),
        split=" + ".join(dict.fromkeys(s.split for s in samples)),
        metric=metric,
        value=round(value, DECIMALS),
        ci95=None if low is None or high is None else [round(e, DECIMALS) for e in (low, high)],
        n=estimate.n,
    )
    return row | {"group": group} if group else row
